"""The output files of a stage, out of its folder: those that it promised, and figures that it drew and did not save."""

from __future__ import annotations

import glob
import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node import pictures
from agi_node.errors import FAILED, AgiError

if TYPE_CHECKING:
    from agi_node.context import RunContext

LEFT_OUT = 8
"""Files that nobody kept, of which the log says the names."""


def filled(path: str, item: Mapping[str, Any]) -> str:
    """The path of a file with the item of a mapped stage in it; AGI-STAGE-103 for one that would lead elsewhere.

    >>> filled("out/{city}.csv", {"city": "Paris"})
    'out/Paris.csv'
    """
    for name, value in item.items():
        place = "{" + name + "}"
        if place in path:
            text = str(value)
            if not text or text.startswith(".") or set(text) & set("/\\\0") or len(text) > 100:
                raise AgiError(
                    "AGI-STAGE-103",
                    f"the item {name} cannot be part of the path {path}",
                    found=repr(text)[:120],
                    allowed="a short text without slashes that does not begin with a dot",
                    try_="walk names, and look up the rest by name",
                    whose="author",
                    exit_code=FAILED,
                )
            path = path.replace(place, text)
    return path


def kept_files(
    stage: str, files: Mapping[str, str], placed: set[str], work: Path, run: RunContext
) -> tuple[dict[str, dict[str, str]], list[str]]:
    """For each output its files: the path of each, and the artifact that it became; then what no output says."""
    known: dict[str, str] = {}
    found: dict[str, list[Path]] = {declared: _matching(path, work) for declared, path in files.items()}
    missing = [files[declared] for declared, there in found.items() if not there]
    if missing:
        there = sorted(_written(work, placed))
        raise AgiError(
            "AGI-STAGE-101",
            f"stage {stage} promises the file {missing[0]} and does not write it",
            found=", ".join(there)[:300] or "it wrote no file into its folder",
            allowed="a file of that name, relative to the folder that the code runs in",
            try_=instead(missing[0], there)
            or f"write to {missing[0]!r}: a path that begins with / or ~, or os.chdir, leads out of the folder",
            whose="author",
            exit_code=FAILED,
        )
    kept: dict[str, dict[str, str]] = {}
    for declared, paths in found.items():
        kept[declared] = {}
        for path in paths:
            relative = path.relative_to(work).as_posix()
            if relative not in known:
                if path.is_symlink():  # an input that is handed on as it is
                    real = path.resolve()
                    path.unlink()
                    shutil.copyfile(real, path)
                known[relative] = run._staging.moved(path, path.name, {"path": relative})
            kept[declared][relative] = known[relative]
    left = sorted(_written(work, placed))
    if left:
        more = f" and {len(left) - LEFT_OUT:,} more" if len(left) > LEFT_OUT else ""
        print(f"[agilab] not kept, since no output says so: {', '.join(left[:LEFT_OUT])}{more}")
    return kept, left


def instead(name: str, there: list[str]) -> str | None:
    """What to declare in place of an output that was not left: the one thing like it that was."""
    from difflib import get_close_matches  # 4 ms that only a failure pays

    base = os.path.basename(name.rstrip("/"))
    alike = [one for one in there if os.path.basename(one) == base]
    close = alike[:1] or get_close_matches(name, there, n=1, cutoff=0.6)
    return f'"{close[0]}" in place of "{name}" among the outputs, if that is what is meant' if close else None


def _matching(path: str, work: Path) -> list[Path]:
    if path.endswith("/") or (work / path).is_dir():
        return sorted(file for file in (work / path).rglob("*") if file.is_file())
    if glob.has_magic(path) and not (work / path).exists():
        return sorted(
            work / file for file in glob.glob(path, root_dir=work, recursive=True) if (work / file).is_file()
        )
    return [work / path] if (work / path).is_file() else []


def _written(work: Path, placed: set[str]) -> Iterator[str]:
    for folder, below, names in os.walk(work):
        below[:] = [name for name in below if name != "__pycache__"]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), work).replace(os.sep, "/")
            if path not in placed:
                yield path


def keep_figures(run: RunContext) -> None:
    """Figures that are open: people would rather look than read. They are counted in the order of their ends."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if figure.get_axes():
            kept = sum(entry["name"].startswith("figure_") for entry in run._staging.entries)
            pictures.kept(figure)
            run.save_figure(run._staging.free(f"figure_{kept + 1}", ".png"), figure)
