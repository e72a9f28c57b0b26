"""Files whose names parameters say: which pattern finds them whatever value a run is given.

A stage says `out/*.csv` in place of `out/north.csv`, where `north` is only what the parameter usually is.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from agilab.notebooks.code.patterns import meets
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact


def patterns_of(uses: Sequence[FileUse]) -> dict[str, str]:
    """By path the pattern that stands for it; `uses` are those of all notebooks of a lab.

    Only where the pattern begins with something, varies in the file's own name alone, and finds no other file that the
    notebooks name: else stages would be given, or promise, what is not meant.
    """
    said: dict[str, set[str]] = {}
    for use in uses:
        said.setdefault(use.path, set()).add(use.wide)
    alone = {path: next(iter(wide)) for path, wide in said.items() if len(wide) == 1}
    return {
        path: wide
        for path, wide in alone.items()
        if _is_narrow(wide) and not any(other != path and meets(wide, other) for other in said)
    }


def _is_narrow(wide: str) -> bool:
    folder, _, name = wide.rpartition("/")
    return "*" in name and "*" not in folder and not wide.startswith("*")


def bound_to_one_value(uses: Sequence[FileUse], patterns: Mapping[str, str]) -> Iterator[Finding]:
    """What is to be said of files of one notebook that a parameter names and for which no pattern stands."""
    seen: set[str] = set()
    for use in uses:
        if use.wide and use.is_own and use.path not in patterns and use.path not in seen:
            seen.add(use.path)
            does = "takes" if use.does in ("read", "name") else "leaves"
            what = f"“{redact(use.path)}” is named by a parameter: with another value its stage {does} another file"
            yield found("NB-309", what, cell=use.artifact.cell, line=use.artifact.line)
