"""What a notebook's own modules do to files: when they are imported, and when their functions are called."""

from __future__ import annotations

import ast
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from agilab.notebooks.code.artifact_calls import PERHAPS
from agilab.notebooks.code.named_files import Act, Artifact
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Place, Scope
from agilab.notebooks.files.artifacts import acts_of
from agilab.notebooks.files.file_uses import FileUse, uses_on_import
from agilab.notebooks.files.lying_files import has_folders
from agilab.notebooks.files.settings_files import acts_of_settings
from agilab.notebooks.findings import Finding
from agilab.notebooks.modules.imports import Import
from agilab.notebooks.modules.own_names import OwnModule, OwnModules
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact

MOST_BELOW = 300
"""Files of one package that stages take."""
_BEGINS = re.compile(r"\{([A-Za-z_][\w.]*)(?:\(…\))?\}")


def acts_of_module(module: OwnModule, folder: Path | None) -> list[Act]:
    """All that a module of a notebook in a folder does to files, when it is imported and in its functions."""
    acts = [
        *acts_of(module.nodes, module.evaluator),
        *acts_of_settings(module.nodes, module.evaluator, folder),
    ]
    return sorted(acts, key=lambda act: act.at)


def called_on_import(modules: Sequence[OwnModule], folder: Path) -> dict[int, list[FileUse]]:
    """By their numbers, what modules do to files through the functions that they call when they are imported."""
    found: dict[int, list[FileUse]] = {}
    acts = [act for one in modules for act in acts_of_module(one, folder) if act.owner]
    for use in uses_on_import(modules, acts):
        found.setdefault(use.cell, []).append(use)
    return found


def read_on_import(
    module: OwnModule, folder: Path, opened: set[str], called: Sequence[FileUse] = ()
) -> Iterator[str]:
    """What a module reads when it is imported, by paths and patterns from the notebook's folder.

    What is read under a condition only where it lies there, and so is what functions read that it calls (`called`) and
    a database that it opens, which is put into `opened`: what is done with it later changes it.
    """
    direct = [
        (act.artifact, not act.turns)
        for act in acts_of_module(module, folder)
        if not act.owner and not module.is_program(act.at[0])
    ]
    for one, always in [*direct, *((use.artifact, False) for use in called)]:
        opens = one.direction == "both" and one.kind == "database"
        if not (opens or one.direction == "read"):
            continue
        if one.computed or one.where not in ("relative", "outside"):
            continue
        path = posixpath.normpath(one.path)
        whole = folder / path
        sure = always and one.kind not in ("folder", "seen") and not opens
        if "\0" in path or not (sure or os.path.lexists(whole)):
            continue
        if whole.name == "*" and has_folders(whole.parent):
            yield path.removesuffix("*")
        elif whole.is_dir():
            yield from (f"{path}/" for _ in (0,) if one.kind == "folder")
        else:
            opened |= {path} if opens else set()
            yield path


def without_hearsay(uses: Sequence[FileUse], own: Sequence[OwnModule]) -> tuple[FileUse, ...]:
    """Uses without those of a name that goes into a function of an own module which makes a longer path of it."""
    names = tuple(f"{one.name}." for one in own)
    if not names:
        return tuple(uses)
    paths: dict[tuple[int, int], set[str]] = {}
    for use in uses:
        paths.setdefault((use.cell, use.artifact.line), set()).add(use.path)

    def is_hearsay(use: FileUse) -> bool:
        there = paths[use.cell, use.artifact.line]
        return use.artifact.call.startswith(names) and any(one.endswith(f"/{use.path}") for one in there)

    return tuple(use for use in uses if not is_hearsay(use))


def computed_by_modules(uses: Iterable[FileUse], artifacts: Iterable[Artifact]) -> Iterator[Finding]:
    """What is to be said where a cell calls a function of an own module of whose files nobody knows where they lie.

    `artifacts` are those of the cells themselves.
    """
    of_cells = {(one.cell, one.line, one.call) for one in artifacts}
    said: set[tuple[int, int]] = set()
    for use in uses:
        one = use.artifact
        done = use.is_unsaid and one.computed and use.does in ("read", "write", "add", "look")
        certain = all(turn.at[0] >= 0 for turn in use.turns)  # as far as the module is asked
        if not done or not certain or one.kind == PERHAPS or (one.cell, one.line) in said:
            continue
        if (one.cell, one.line, one.call) not in of_cells:
            said.add((one.cell, one.line))
            what = f"“{redact(one.path)}” ({one.call}), of a module that is called here, is computed"
            yield found("NB-312", what, cell=one.cell, line=one.line)


def own_findings(
    artifacts: Iterable[Artifact],
    imports: Iterable[Import],
    own: OwnModules,
    evaluator: Evaluator,
    scope: Scope,
) -> Iterator[Finding]:
    """What is to be said of files that one's own modules name."""
    for one in artifacts:
        begins = _BEGINS.match(one.path) if one.where == "computed" else None
        if begins is None:
            continue
        node = ast.parse(begins[1], mode="eval").body
        named = evaluator.own_name(node, Place(one.cell, 0, scope))
        parts = named[0].split(".") if named is not None else []
        if named is not None and any(own.find(".".join(parts[:end])) for end in range(2, len(parts) + 1)):
            what = f"“{redact(one.path)}” ({one.call}) begins with what the text of {named[0]} does not say"
            yield found("NB-312", what, cell=one.cell, line=one.line)
    for name in own.endless:
        first = next((one for one in imports if one.module.partition(".")[0] == name.partition(".")[0]), None)
        if first is not None:
            what = f"what a loop of {name} looks for above is not there for a stage, in which it goes on for ever"
            yield found("NB-311", what, cell=first.cell, line=first.line)
    for top in sorted(own.cut):
        first = next((one for one in imports if one.module.partition(".")[0] == top), None)
        if first is not None:
            what = f"of {top} the stages that import it take {MOST_BELOW} files, and no more"
            yield found("NB-313", what, cell=first.cell, line=first.line)
