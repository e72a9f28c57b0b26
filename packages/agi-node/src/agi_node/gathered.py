"""What a reduce of plain functions is given: the results of several units, read one at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.codec import decode
from agi_node.errors import FAILED, AgiError

COUNTED = ("succeeded", "reused")
HEAD = b'{"of":'
"""How the line begins that names a need; a line for each of its units follows."""


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one unit: its key, its state, and the digest of its value, which is read when asked for."""

    key: str
    status: str
    digest: str | None
    _inline: Any
    _path: str | None

    @property
    def good(self) -> bool:
        """Whether there is a value."""
        return self.status in COUNTED

    @property
    def value(self) -> Any:
        """The value as plain data; AGI-RUN-109 where the unit left none."""
        if not self.good:
            raise AgiError(
                "AGI-RUN-109",
                f"the unit {self.key!r} left no value",
                found=self.status,
                allowed=f"a unit that {' or '.join(COUNTED)}; ask `result.good` first",
                whose="author",
                exit_code=FAILED,
            )
        return decode(json.loads(Path(self._path).read_bytes()) if self._path else self._inline)


class Results:
    """The results of all units of a need, in the order of their keys, failed ones included.

    Annotate a parameter with it to see more than the list of good values: `def total(square: Results)`. It can be
    gone through as often as one likes, and never holds more than one value.
    """

    def __init__(self, path: Path, offset: int, count: int) -> None:
        self._path = path
        self._offset = offset
        self._count = count

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Result]:
        with self._path.open("rb") as file:
            file.seek(self._offset)
            for _ in range(self._count):
                line = json.loads(file.readline())
                yield Result(line["key"], line["status"], line["digest"], line["value"], line["value_path"])

    def values(self) -> Iterator[Any]:
        """The values of the units that left one, in the order of keys."""
        return (result.value for result in self if result.good)


def read_gathered(path: str | Path) -> dict[str, Results]:
    """The results in a file of needs, by the name of the need. One pass notes where each begins."""
    found: dict[str, Results] = {}
    try:
        with open(path, "rb") as file:
            name, offset, count = "", 0, 0
            position = 0
            for text in file:
                position += len(text)
                if text.startswith(HEAD):
                    if name:
                        found[name] = Results(Path(path), offset, count)
                    name, offset, count = str(json.loads(text)["of"]), position, 0
                else:
                    count += 1
            if name:
                found[name] = Results(Path(path), offset, count)
    except (OSError, ValueError, KeyError) as error:
        raise AgiError(
            "AGI-RUN-108",
            "the inputs of a reduce cannot be read",
            found=f"{type(error).__name__}: {error}"[:200],
            whose="agilab",
            exit_code=FAILED,
        ) from None
    return found


def arguments_of(path: str | Path, annotations: dict[str, Any]) -> dict[str, Any]:
    """The needs in a file as keyword arguments: `Results` where a parameter is annotated so, otherwise a list."""
    return {
        name: results if _wants_results(annotations.get(name)) else list(results.values())
        for name, results in read_gathered(path).items()
    }


def _wants_results(annotation: Any) -> bool:
    return annotation is Results or (
        isinstance(annotation, str) and annotation.rpartition(".")[2].strip("'\"") == "Results"
    )
