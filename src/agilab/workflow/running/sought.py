"""What a stage looked for and did not take, though it lies in the lab's folder: its code finds it in a notebook alone.

Reading of code does not tell every path. What a stage opened, listed or asked about in vain the worker says
(`agi_node.sought`), or the error of the stage does.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from itertools import islice
from pathlib import Path

from agilab.contracts.lab_stages import is_file
from agilab.engine.graph import Graph, Node
from agilab.notebooks.code.patterns import meets
from agilab.notebooks.files.settings_files import are_set, is_of_settings
from agilab.store.store import Store
from agilab.workflow.document.lab_folder import is_labs
from agilab.workflow.document.paths import path_of
from agilab.workflow.running.told import Told, all_told, listed

_MISSING = re.compile(
    r"No such file or directory[^'\"\n]*['\"]([^'\"\n]+)['\"]|FileNotFoundError: ([^\s:'\"]+)"
)
_SCRATCH = re.compile(r".*/scratch/work/")
_LISTED = 3
_MOST = 500
_OF_THE_PROJECT = frozenset({"pyproject.toml", "uv.lock", "pipeline_view.dot"})
_OF_TOOLS = frozenset({".git", ".hg", ".svn", ".venv", ".ipynb_checkpoints"})


def sought_in_vain(
    store: Store, run_id: str, graph: Graph, folder: Path, stages: Collection[str]
) -> Iterator[Told]:
    """What to say of those `stages` that looked for something of the lab's `folder` that is no input of theirs."""
    gone: set[str] = set()
    for node in graph.nodes:
        if not node.given.get("code"):
            continue
        above = gone
        gone = taken_away(store, run_id, node, gone)
        if node.name not in stages:
            continue
        paths = [path for path in looked_for(store, run_id, node) if path not in above]
        inputs = [one["name"] for one in node.given.get("inputs", ())]
        names = [*files_among([*inputs, *node.given.get("outputs", ())]), *above]
        files, patterns = _lying(folder, paths, names)
        if others := [path for path in files if not is_of_settings(path)]:
            yield Told(node.name, _of_files(node.name, others))
        settings = [path for path in files if is_of_settings(path)]
        if unset := [path for path in settings if not are_set(folder / path, os.environ)]:
            yield Told(node.name, _of_settings(node.name, unset))
        if patterns:
            yield Told(node.name, _of_patterns(node.name, patterns))
        if outside := [path for path in paths if _lies_outside(folder, path)]:
            yield Told(node.name, _of_outside(node.name, outside))


def _of_files(stage: str, paths: list[str]) -> str:
    one = len(paths) == 1
    return (
        f"{stage} looked for {listed(paths, _LISTED)}, which {'lies' if one else 'lie'} in the lab's folder and "
        f"{'is' if one else 'are'} none of its inputs, so that {'it was' if one else 'they were'} not there; "
        f"add {'it' if one else 'them'} to the inputs of {stage}"
    )


def _of_settings(stage: str, paths: list[str]) -> str:
    one = len(paths) == 1
    return (
        f"{stage} looked for {listed(paths, _LISTED)}, which {'is' if one else 'are'} none of its inputs: start the "
        f"run with the variables in {'it' if one else 'them'} set, or add {'it' if one else 'them'} to the inputs if "
        "no secret is there, since runs keep their inputs"
    )


def _of_patterns(stage: str, found: dict[str, list[str]]) -> str:
    unseen = list(dict.fromkeys(path for paths in found.values() for path in paths))
    one = len(unseen) == 1
    return (
        f"{stage} looked for {listed(list(found), _LISTED)} and did not see {listed(unseen, _LISTED)}, which "
        f"{'lies' if one else 'lie'} in the lab's folder and {'is' if one else 'are'} none of its inputs; "
        f"add {'it' if one else 'what counts of it'} to the inputs of {stage}"
    )


def _of_outside(stage: str, paths: list[str]) -> str:
    one = len(paths) == 1
    return (
        f"{stage} looked for {listed(paths, _LISTED)}, which {'lies' if one else 'lie'} outside the lab's folder, "
        f"where no stage has anything; bring {'it' if one else 'them'} into the folder, or the lab into one above"
    )


def looked_for(store: Store, run_id: str, node: Node) -> list[str]:
    """The paths and patterns that a stage asked for in vain, from the lab's folder."""
    told = all_told(store, run_id, node.name, "sought")
    return [*dict.fromkeys([*told, *_of_errors(store, run_id, node)])]


def taken_away(store: Store, run_id: str, node: Node, before: Collection[str]) -> set[str]:
    """The files that are gone after a stage: that it removed or moved away, or stages `before` it; not made again."""
    made = [*files_among(node.given.get("outputs", ())), *all_told(store, run_id, node.name, "left")]
    still = {path for path in before if not is_among(path, made)}
    return still | {*all_told(store, run_id, node.name, "gone")}


def _of_errors(store: Store, run_id: str, node: Node) -> Iterator[str]:
    """What the stage had looked for when an error ended it, and files that the error itself names."""
    place = str(node.given.get("workdir", ""))
    called = str(node.given.get("folder", ""))
    for event in store.events(run_id, kinds=("attempt_failed",)):
        if (event.unit_id or "").partition("[")[0] != node.name:
            continue
        error = event.data.get("error") or {}
        yield from error.get("sought", ())
        for first, second in _MISSING.findall(str(error.get("what", ""))):
            path = first or second
            inside = _SCRATCH.sub("", path) if _SCRATCH.match(path) else ""
            inside = inside.removeprefix(f"{called}/") if called else inside
            yield posixpath.normpath(inside or posixpath.join(place, path))


def _lying(folder: Path, paths: Collection[str], names: list[str]) -> tuple[list[str], dict[str, list[str]]]:
    """Of what was looked for: what lies in the folder and a stage with these files has not; and that by pattern."""
    files: list[str] = []
    patterns: dict[str, list[str]] = {}
    for path in paths:
        if path.startswith(("/", "..")):
            continue
        try:
            # A name may have the signs of a pattern too.
            if (folder / path).exists():
                files += [path] if _is_meant(path) and not _is_taken(folder, path, names) else []
            elif found := list(islice(_unseen(folder, path, names), _MOST)):
                patterns[path] = found
        except (OSError, ValueError, NotImplementedError):
            continue
    deepest = [path for path in files if not any(one.startswith(f"{path}/") for one in [*files, *patterns])]
    return [_shown(folder, path) for path in deepest], patterns


def _lies_outside(folder: Path, path: str) -> bool:
    """Whether a path leads out of the folder to something that is there."""
    try:
        return path.startswith("../") and (folder / path).exists()
    except (OSError, ValueError):
        return False


def _unseen(folder: Path, pattern: str, names: list[str]) -> Iterator[str]:
    """What a pattern finds in the folder that a stage with these files has not; nothing hidden."""
    for one in sorted(folder.glob(pattern)) if any(sign in pattern for sign in "*?[") else ():
        path = one.relative_to(folder).as_posix()
        hidden = any(part.startswith((".", "__")) for part in path.split("/"))
        if not hidden and _is_meant(path) and not _is_taken(folder, path, names):
            yield _shown(folder, path)


def _shown(folder: Path, path: str) -> str:
    return f"{path}/" if (folder / path).is_dir() else path


def _is_meant(path: str) -> bool:
    """Whether a notebook may mean it: it is not of the lab itself, nor of the tools around it."""
    first = path.partition("/")[0]
    return not is_labs(path) and first not in _OF_THE_PROJECT and first not in _OF_TOOLS


def _is_taken(folder: Path, path: str, names: list[str]) -> bool:
    """Whether a stage takes or gives a file, or something in a folder."""
    if is_among(path, names):
        return True
    whole = folder / path
    if not whole.is_dir():
        return False
    below = (one.relative_to(folder).as_posix() for one in islice(whole.rglob("*"), _MOST) if one.is_file())
    return any(name.startswith(f"{path}/") for name in names) or any(is_among(one, names) for one in below)


def files_among(names: Iterable[object]) -> list[str]:
    """Those of inputs or outputs that are files, as who opens them says it: `./flag` is `flag`."""
    return [path_of(name).removeprefix("./") for name in map(str, names) if is_file(name)]


def is_among(path: str, names: Collection[str]) -> bool:
    """Whether a file is one of those that files, folders and patterns name."""
    return any(
        path == name or meets(name, path) or path.startswith(f"{name.removesuffix('/')}/") for name in names
    )
