"""What a benchmark compares: modes, kernels and sizes, read from what a person asked and what the app takes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, cast

from agi_node.errors import AgiError
from agilab.projects.arguments import properties, type_of
from agilab.projects.machine import cores

KERNEL, ROWS = "kernel", "rows"
"""Arguments that an app has if its kernel can be chosen, and if its size can."""
SMALLER = (25, 5, 1)
"""The sizes that are tried unless one says otherwise: parts of the app's own."""
_MODE = re.compile(r"(local|dask)-([1-9][0-9]{0,3})(?::(\S+))?")


@dataclass(frozen=True, slots=True)
class Case:
    """One thing to be timed.

    Attributes:
        mode: `local-2`, `dask-4`.
        kernel: None where the app leaves no choice, or the person made it.
        rows: None for an app without that argument.
    """

    mode: str
    executor: Literal["local", "dask"]
    workers: int
    kernel: str | None = None
    rows: int | None = None

    @property
    def varied(self) -> dict[str, Any]:
        """The arguments that this case sets."""
        return {
            name: value for name, value in ((KERNEL, self.kernel), (ROWS, self.rows)) if value is not None
        }

    def __str__(self) -> str:
        rows = f"{self.rows:,} rows" if self.rows is not None else None
        return " ".join(word for word in (self.mode, self.kernel, rows) if word)


def cases_of(
    app: str,
    schema: Mapping[str, Any],
    args: Mapping[str, Any],
    given: Mapping[str, Any],
    modes: Sequence[str],
    rows: Sequence[int],
) -> list[Case]:
    """Every mode with every kernel on every size, smallest first.

    `args` are the app's arguments as a run would have them, `given` those of them that the person set: a kernel that
    was given is the only one. Raises AGI-BENCH-001 for a mode that cannot be, AGI-BENCH-002 for sizes of an app
    without rows.
    """
    fields = properties(schema)
    sizes = _sizes(app, fields, args, rows)
    found: list[Case] = []
    for word in modes or default_modes():
        match = _MODE.fullmatch(word)
        kernels = _kernels(fields, given, match[3]) if match else []
        if match is None or not kernels:
            choices = fields.get(KERNEL, {}).get("enum", ())
            which = f"; {app} has the kernels {', '.join(choices)}" if choices else f"; {app} has no kernels"
            raise AgiError(
                "AGI-BENCH-001",
                "there is no such mode",
                found=word,
                allowed="local-N or dask-N with N worker processes, or local-N:KERNEL" + which,
                try_=f"agilab app benchmark {app} --modes {','.join(default_modes())}",
            )
        executor = cast("Literal['local', 'dask']", match[1])
        mode = f"{match[1]}-{match[2]}"
        found += [Case(mode, executor, int(match[2]), kernel, size) for kernel in kernels for size in sizes]
    return list(dict.fromkeys(found))


def default_modes() -> list[str]:
    """One process, and one for each core (two where there is one)."""
    return ["local-1", f"local-{max(2, cores())}"]


def _sizes(
    app: str, fields: Mapping[str, Any], args: Mapping[str, Any], rows: Sequence[int]
) -> list[int | None]:
    has_rows = ROWS in fields and type_of(fields[ROWS]) == "integer"
    if rows and not has_rows:
        raise AgiError(
            "AGI-BENCH-002",
            f"{app} has no argument rows, so its size cannot be varied",
            found=f"--rows {','.join(map(str, rows))}",
            allowed=f"its arguments: {', '.join(fields) or 'none'}",
            try_=f"agilab app benchmark {app}",
        )
    if rows:
        return [*sorted(set(rows))]
    if not has_rows or not isinstance(args.get(ROWS), int):
        return [None]
    return [*sorted({max(1, args[ROWS] // part) for part in SMALLER})]


def _kernels(fields: Mapping[str, Any], given: Mapping[str, Any], wanted: str | None) -> list[str | None]:
    """The kernels of a mode; none where it names one that the app does not have."""
    choices = fields.get(KERNEL, {}).get("enum", ())
    if wanted is not None:
        return [wanted] if wanted in choices else []
    if KERNEL in given or not choices:
        return [None]
    return [str(choice) for choice in choices]
