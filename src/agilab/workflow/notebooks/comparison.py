"""What a notebook left beside what its stages left: values, files, what cells showed and printed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agi_node.notebook_values import PRINTED
from agi_node.outline import BY_ADDRESS
from agi_node.values import with_folders
from agilab.contracts.notebook_import import Compared, ImportedStage
from agilab.workflow.document.paths import name_of, path_of
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.contents import BY_CONTENTS, are_pickles, bytes_apart, held_in, same_contents
from agilab.workflow.notebooks.drawn import pictures
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.likeness import (
    BY_KEYS,
    COUNTED_UP,
    UNEXPLAINED,
    alike,
    first_difference,
    whole,
)
from agilab.workflow.notebooks.lost_files import lost_files
from agilab.workflow.notebooks.showing import said_of_itself, shown
from agilab.workflow.notebooks.texts import judged_texts, one_sided, tidy

SHOWN = 100
"""Letters of a value in a difference."""
_PYTHON = {"true": "True", "false": "False", "null": "None"}
"""Plain values are kept as JSON; people have written Python."""
GONE = frozenset(
    {
        *("the notebook does not leave it", "the notebook did not come to its end"),
        *("the stage does not leave it", "the stage did not end well"),
    }
)
"""Why one of the two has no value where the other has: that is a difference."""
NOT_WRITTEN = "the notebook does not write it"
_NOT_SO_FAR = "the notebook does not come so far"
_PRINTS = re.compile(
    r"^\s*%(?!matplotlib\b|load_ext\b|autoreload\b|%?(?:bash|sh|script|system)\b)", re.MULTILINE
)
_HIDES = re.compile(r"^\s*%%capture\b", re.MULTILINE)
"""Magics that may print something in Jupyter that their stage does not, and such as keep it from being seen."""
_TIMED = re.compile(r"^\s*%%?time(?:it)?\b", re.MULTILINE)
"""Magics that tell how long something took."""
_COMMAND = r"((?:ls|ll|dir|pwd|tree|find|du|stat)\b(?:[ \t]+[-\w./*~\"']+)*)[ \t]*(?=$|[|;&>])"
_LOOKS = re.compile(rf"^[ \t]*[!%][ \t]*{_COMMAND}", re.MULTILINE)
_LOOKS_IN_A_SCRIPT = re.compile(rf"^[ \t]*{_COMMAND}", re.MULTILINE)
_SHELL = re.compile(r"^\s*(?:!|%%?(?:bash|sh|script|system|sx)\b)|=\s*!", re.MULTILINE)
_SCRIPT = re.compile(r"^[ \t]*%%(?:bash|sh|script|system|sx|!)", re.MULTILINE)
"""Shell commands whose answer is what lies in the folder."""


def compared(both: Both) -> Iterator[Compared]:
    """Everything that a notebook and its stages have in common, one beside the other."""
    if both.ran.broken:
        return
    yield from _values(both)
    for imported in both.notebook.stages:
        unit = both.left[imported.id]
        if not both.reached(imported) or (unit is None and both.ran.died):
            continue
        if unit is None:
            if said := said_of_itself(both, imported):
                yield from shown(both, imported, said)
            continue
        yield from _files(both, imported.id, unit)
        if not both.ran.died:
            yield from shown(both, imported, unit)
        if (printed := _printed(both, imported, unit)) is not None:
            yield printed
        yield from _errors(both, imported)
        if not both.ran.died:
            yield from pictures(both, imported, unit, judged_values)
    left, promised = both.files_left, both.promised()
    yield from lost_files(both.notebook, both.written, left, promised, both.ran.began)


# -- values ---------------------------------------------------------------------------------------------------------


def _values(both: Both) -> Iterator[Compared]:
    by_id = {stage.id: stage for stage in both.notebook.stages}
    for name, stages in sorted(both.notebook.wanted().items()):
        other = both.notebook.others.get(name)
        known = [by_id[stage] for stage in stages if stage in by_id]
        one = _value(both, name, known, other.doubt if other else "")
        if one is not None:
            yield one
    for name, stages in both.unseen.items():
        doubt = "" if len(stages) == 1 else "no cell is seen to give it"
        if one := _value(both, name, [by_id[stage] for stage in stages], doubt):
            yield one


def _value(both: Both, name: str, stages: Sequence[ImportedStage], doubt: str) -> Compared | None:
    """A value of the notebook beside that of the first stage which has it; None for one that neither has."""
    theirs = both.ran.values.get(name, {"why": "the notebook did not come to its end"})
    if not stages:
        if theirs.get("why") == "the notebook does not leave it":
            return None
        return Compared(kind="value", name=name, stage="", equal=None, why=doubt)
    stage, mine = _had(both, name, stages)
    equal: bool | None
    if not both.reached(stage) and both.left[stage.id] is None:
        equal, why = None, "neither comes so far"
    elif both.ran.died:
        equal, why = None, "it went with the notebook's kernel" if both.reached(stage) else _NOT_SO_FAR
    elif not both.reached(stage):
        equal, why = judged_values(theirs, mine)
        if not equal:  # a cell that it does not come to may give it another value
            equal, why = None, _NOT_SO_FAR
    elif name not in both.notebook.finals and {theirs.get("why"), mine.get("why")} <= GONE:
        return None
    else:
        equal, why = judged_values(theirs, mine)
    if equal is False and doubt:
        equal, why = None, doubt if mine.get("why") in GONE else f"{doubt}; {why}"
    return Compared(
        kind="value",
        name=name,
        stage=stage.id,
        equal=equal,
        why=why,
        cell=both.cell_of(name, stage),
        look=both.look(stage.id) if equal is False else "",
    )


def _had(both: Both, name: str, stages: Sequence[ImportedStage]) -> tuple[ImportedStage, Mapping[str, Any]]:
    """The first stage that leaves a name, and its fingerprint; the very first one where none does."""
    found = []
    for stage in stages:
        unit = both.left[stage.id]
        also = {} if unit is None else unit.get("also", {})
        mine = also.get(name, {"why": "the stage did not end well"})
        found.append((stage, mine))
        if mine.get("why") != "the stage does not leave it":
            return stage, mine
    return found[0]


def judged_values(theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> tuple[bool | None, str]:
    """Whether two fingerprints are of equal values, and where they differ."""
    whys = theirs.get("why", ""), mine.get("why", "")
    if any(whys):
        if whys[0] == whys[1]:
            return None, whys[0]
        for whose, why in zip(("the notebook", "the pipeline"), whys, strict=True):
            if why:
                return (False if why in GONE else None), why if why in GONE else f"{whose}: {why}"
    if whole(theirs) == whole(mine) and (theirs["kind"] != "object" or theirs["digest"]):
        return True, ""
    parts = theirs.get("parts", ()), mine.get("parts", ())
    if theirs["kind"] == mine["kind"] == "object":
        return alike(*parts)
    if theirs["kind"] == mine["kind"] and all(parts):
        found = alike(*parts)
        if found[0] or (found[0] is None and COUNTED_UP in found[1]):
            return found
    said = first_difference(*parts)
    if not said and any(part[1].endswith(BY_ADDRESS) for part in parts[0]):
        return None, BY_KEYS
    if "text" in theirs and "text" in mine and len(theirs["text"]) + len(mine["text"]) <= SHOWN:
        said = f"{_brief(theirs)} in the notebook, {_brief(mine)} in the pipeline"
    return False, said or f"{_brief(theirs)} in the notebook, {_brief(mine)} in the pipeline"


def _brief(one: Mapping[str, Any]) -> str:
    text = str(one.get("text") or one.get("name") or f"{one.get('kind')} {one.get('digest', '')[:12]}")
    text = _PYTHON.get(text, text)
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 10]} …"


# -- files ----------------------------------------------------------------------------------------------------------


def kept_files(both: Both, stage: str, unit: Mapping[str, Any]) -> dict[str, str]:
    """The digests of the files that a stage left, by path."""
    digests = {row.name: row.digest for row in both.store.artifacts(both.run_id) if row.unit_id == stage}
    found = (pair for files in unit.get("files", {}).values() for pair in files.items())
    return {path: digests[artifact] for path, artifact in found}


def _files(both: Both, stage: str, unit: Mapping[str, Any]) -> Iterator[Compared]:
    later = _written_later(both, stage)
    for path, digest in kept_files(both, stage, unit).items():
        if path_of(path) in later:
            continue  # a stage below writes it again; what that one leaves is compared
        equal, why = _file(both, stage, path, digest)
        yield Compared(
            kind="file",
            name=path,
            stage=stage,
            equal=equal,
            why=why,
            look=both.look(stage, files=True) if equal is False else "",
        )


def _file(both: Both, stage: str, path: str, digest: str) -> tuple[bool | None, str]:
    """Whether the notebook's file is that of a stage, and why not."""
    there, kept = both.room.file(path), both.store.objects.path(digest)
    if there is None:
        gone = both.removes_later(path, stage)
        return (None, "the notebook removes it later") if gone else (False, NOT_WRITTEN)
    if sha256_file(there) == digest:
        return True, ""
    if same_contents(there, kept):
        return True, f"{BY_CONTENTS}: only dates in it differ, or how it is packed"
    if are_pickles(there, kept):
        return _pickles(both, there, kept)
    return False, bytes_apart(there, kept)


def _pickles(both: Both, there: Path, kept: Path) -> tuple[bool | None, str]:
    """What two pickles hold is told in the lab's environment."""
    found, refused = held_in([there, kept], both.python)
    if refused:
        return None, f"{UNEXPLAINED}: pickles of other bytes, which cannot be read here: {refused}"
    theirs, mine = found
    equal, why = judged_values(theirs, mine)
    return equal, f"what the pickles hold: {why}" if why else f"{BY_CONTENTS}, as pickles"


def _written_later(both: Both, stage: str) -> set[str]:
    order = list(both.lab.resolved.order)
    below = order[order.index(stage) + 1 :] if stage in order else []
    promised = {name_of(name) for one in below for name in both.lab.resolved.stages[one].stage.outputs}
    return promised.union(*(map(path_of, both.files_by_stage[one]) for one in below))


# -- what cells showed and printed ----------------------------------------------------------------------------------


def looks(text: str) -> str:
    """The first shell command in the text of cells that tells of the folder; "" for none."""
    found = _LOOKS.search(text) or (_LOOKS_IN_A_SCRIPT.search(text) if _SCRIPT.search(text) else None)
    return found[1].strip() if found else ""


def printed_by(both: Both, stage: ImportedStage, ran: Ran) -> str:
    """What the cells of a stage printed in a run of the notebook, with the folder that it ran in as `.`."""
    text = "".join(ran.printed.get(cell, "") for cell in stage.cells)
    return (with_folders(text, ran.place, ran.root) if ran.place else text)[:PRINTED]


def _printed(both: Both, stage: ImportedStage, unit: Mapping[str, Any]) -> Compared | None:
    """What the cells of a stage printed; None where neither they nor it did."""
    cells = [cell for cell in stage.cells if cell in both.ran.printed]
    theirs, mine = printed_by(both, stage, both.ran), unit.get("printed")
    if mine is None or not (tidy(theirs) or tidy(mine)):
        return None
    text = both.text_of(stage)
    equal, why = judged_texts(
        theirs,
        mine,
        prints=bool(_PRINTS.search(text)),
        hides=bool(_HIDES.search(text)),
        looks=looks(text),
        timed=bool(_TIMED.search(text)),
    )
    if equal is False:
        first = min(stage.cells, default=0)
        above = "".join(said for cell, said in both.ran.printed.items() if cell < first)
        if said := one_sided(theirs, mine, shell=bool(_SHELL.search(text)), above=above):
            equal, why = None, said
    if equal and len(mine) == PRINTED:
        equal, why = None, f"the first {PRINTED:,} letters are alike; there may be more"
    many = cells or stage.cells[-1:]
    return Compared(
        kind="printed",
        name=_of_cells("output", many),
        stage=stage.id,
        equal=equal,
        why=why,
        cell=many[-1] if many else None,
        look=both.look(stage.id) if equal is False else "",
    )


def _errors(both: Both, stage: ImportedStage) -> Iterator[Compared]:
    """A word on what cells of a stage wrote beside their output."""
    cells = [cell for cell in stage.cells if cell in both.ran.errors]
    if cells:
        why = "what goes to standard error: warnings, logs, progress"
        name = _of_cells("messages", cells)
        yield Compared(kind="printed", name=name, stage=stage.id, equal=None, why=why, cell=cells[-1])


def _of_cells(what: str, cells: Sequence[int]) -> str:
    return f"{what} of cell{'s' if len(cells) > 1 else ''} {', '.join(map(str, cells))}"
