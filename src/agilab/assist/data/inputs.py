"""What a stage is given, as far as it is known: from the files of the lab, and from what earlier runs left."""

from __future__ import annotations

import glob
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from agi_node.errors import AgiError
from agilab.assist.data.known import Known
from agilab.assist.engines import TABLE_FILES, Library
from agilab.contracts.lab_stages import Input, LabStages, Stage, is_file

Left = Callable[[Stage, str], Path | None]
"""Where a stage's last run left something: the preview of a value, as `agi_node.tables` wrote it, or a file itself.
None where nothing is to be found."""


Keyed = Callable[[LabStages, Stage], Mapping[str, str]]
"""The inputs, as the stage calls them, that reach it as a dict, each with a name for its keys: who runs it knows."""


def none_keyed(lab: LabStages, stage: Stage) -> Mapping[str, str]:
    """Every input is one value."""
    return {}


@dataclass(frozen=True)
class Inputs:
    """The inputs of a stage: those that are tables or may be, and the names of the others."""

    tables: tuple[Known, ...]
    values: tuple[str, ...]
    notes: tuple[str, ...] = ()
    """What could not be read, in a sentence each."""


def inputs_of(
    lab: LabStages,
    stage: Stage,
    folder: Path,
    left: Left,
    library: Library = "pandas",
    keyed: Keyed = none_keyed,
) -> Inputs:
    """What is known of each input of the stage, to whoever reads files with `library`.

    What cannot be read is unknown, and noted.
    """
    tables: list[Known] = []
    values: list[str] = []
    notes: list[str] = []
    keys = keyed(lab, stage)
    for one in stage.inputs:
        entry = one if isinstance(one, Input) else Input(name=one)
        called = entry.called or entry.name
        try:
            known = _known(entry, called, lab, stage, folder, left, library)
        except AgiError as error:
            notes.append(f"{error.what} ({error.found})")
            known = Known(called)
        if known is None:
            values.append(called)
        else:
            tables.append(known.keyed(keys[called]) if called in keys else known)
    return Inputs(tuple(tables), (*values, *stage.foreach), tuple(notes))


def _known(
    entry: Input, called: str, lab: LabStages, stage: Stage, folder: Path, left: Left, library: Library
) -> Known | None:
    maker = maker_of(lab, stage, entry)
    if is_file(entry.name):
        if (
            not entry.name.lower().endswith(TABLE_FILES)
            or set(entry.name) & set("*?{[")
            or ".." in entry.name
        ):
            return None
        path = folder / PurePosixPath(entry.name)
        if maker is not None:
            made = left(maker, entry.name)
            return Known(entry.name) if made is None else Known.of_file(entry.name, made, library)
        if path.is_file() and path.resolve().is_relative_to(folder.resolve()):
            return Known.of_file(entry.name, path, library)
        return Known(entry.name)
    if maker is None:
        return None if entry.name in lab.lab.params else Known(called)
    made = left(maker, entry.name)
    return (
        Known(called, why=why_unknown(maker))
        if made is None
        else replace(Known.of_value(called, made), items=tuple(maker.foreach))
    )


def why_unknown(maker: Stage) -> str:
    """Why nothing is known of what a stage left; empty where it has not run, which says it all."""
    if maker.last_run is None:
        return ""
    return (
        f"the last run of {maker.id} left no table that can be looked into (but a pickle, or another value)"
    )


def maker_of(lab: LabStages, stage: Stage, entry: Input) -> Stage | None:
    """The stage that makes an input: the one named, the nearest enabled above, the only one below."""
    stages = [one for one in lab.stages if one.enabled or one.id == stage.id]
    if entry.source is not None:
        return next((one for one in stages if one.id == entry.source), None)
    position = [one.id for one in stages].index(stage.id)
    above = [one for one in stages[:position] if entry.name in one.outputs]
    below = [one for one in stages[position + 1 :] if entry.name in one.outputs]
    if above:
        return above[-1]
    return below[0] if len(below) == 1 else None


def left_in(runs: Path) -> Left:
    """What stages left, from the readable folders of runs: `runs/<run>/artifacts/<stage>/…`.

    There a value `table` has `table.preview.json` beside it, and a file `out/table.csv` is called `table.csv`.
    """

    def left(stage: Stage, name: str) -> Path | None:
        if stage.last_run is None:
            return None
        folder = runs / stage.last_run.run / "artifacts"
        wanted = PurePosixPath(name).name if is_file(name) else f"{name}.preview.json"
        found = sorted(folder.rglob(glob.escape(wanted))) if folder.is_dir() else []
        # Several: of a mapped stage, or one name of several stages. All of a mapped stage's have the same columns.
        mine = [path for path in found if stage.id in path.relative_to(folder).parts] or found
        return next((path for path in mine if is_file(name) or _is_preview(path)), None)

    return left


def _is_preview(path: Path) -> bool:
    try:
        return {"schema", "count", "rows"} <= set(json.loads(path.read_bytes()))
    except (OSError, ValueError, TypeError):
        return False
