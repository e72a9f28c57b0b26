"""What a stage looked for and did not take, though it lies in the lab's folder: its code finds it in a notebook alone.

Reading of code does not tell every path. What a stage opened or listed in vain the worker says (`agi_node.sought`), or
the error of the stage does.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from agilab.engine.graph import Graph, Node
from agilab.notebooks.patterns import meets
from agilab.store.store import Store
from agilab.workflow.document.lab_folder import is_labs
from agilab.workflow.running.told import listed, told_by

_MISSING = re.compile(
    r"No such file or directory[^'\"\n]*['\"]([^'\"\n]+)['\"]|FileNotFoundError: ([^\s:'\"]+)"
)
_SCRATCH = re.compile(r".*/scratch/work/")
_LISTED = 3
_MOST = 500
_OF_THE_PROJECT = frozenset({"pyproject.toml", "uv.lock", "pipeline_view.dot"})


def sought_in_vain(store: Store, run_id: str, graph: Graph, folder: Path) -> Iterator[str]:
    """A sentence for each stage that looked for something of the lab's `folder` which is none of its inputs."""
    for node in graph.nodes:
        if not node.given.get("code"):
            continue
        paths = dict.fromkeys([*_told(store, run_id, node), *_of_errors(store, run_id, node)])
        names = [*(one["name"] for one in node.given.get("inputs", ())), *node.given.get("outputs", ())]
        found = [path for path in paths if _lies_untaken(folder, path, [str(name) for name in names])]
        if found:
            yield _sentence(node.name, found)


def _sentence(stage: str, paths: list[str]) -> str:
    one = len(paths) == 1
    where = "lies in the lab's folder and is" if one else "lie in the lab's folder and are"
    return (
        f"{stage} looked for {listed(paths, _LISTED)}, which {where} none of its inputs, so that nothing was there; "
        f"add {'it' if one else 'them'} to the inputs of {stage}"
    )


def _told(store: Store, run_id: str, node: Node) -> Iterator[str]:
    for _, body in store.results(run_id, node.name):
        yield from told_by(store, body).get("sought", ())


def _of_errors(store: Store, run_id: str, node: Node) -> Iterator[str]:
    """Files that errors of the stage name, from the lab's folder."""
    place = str(node.given.get("workdir", ""))
    called = str(node.given.get("folder", ""))
    for event in store.events(run_id, kinds=("attempt_failed",)):
        if (event.unit_id or "").partition("[")[0] != node.name:
            continue
        error = event.data.get("error") or {}
        for first, second in _MISSING.findall(str(error.get("what", ""))):
            path = first or second
            inside = _SCRATCH.sub("", path) if _SCRATCH.match(path) else ""
            inside = inside.removeprefix(f"{called}/") if called else inside
            yield posixpath.normpath(inside or posixpath.join(place, path))


def _lies_untaken(folder: Path, path: str, names: list[str]) -> bool:
    """Whether something of a path or a pattern lies in the lab's folder that a stage with these files has not."""
    if path.startswith(("/", "..")):
        return False
    try:
        found = islice(folder.glob(path), _MOST) if any(sign in path for sign in "*?[") else [folder / path]
        return any(
            one.exists() and not _is_known(folder, one) and not _is_taken(one, folder, names) for one in found
        )
    except (OSError, ValueError, NotImplementedError):
        return False


def _is_known(folder: Path, one: Path) -> bool:
    """Whether it is of the lab itself, or hidden: no notebook means it."""
    relative = one.relative_to(folder)
    if is_labs(relative.as_posix()) or relative.parts[0] in _OF_THE_PROJECT:
        return True
    return any(part.startswith((".", "__")) for part in relative.parts)


def _is_taken(one: Path, folder: Path, names: list[str]) -> bool:
    """Whether a stage takes or gives a file, or something in a folder."""
    path = one.relative_to(folder).as_posix()
    if one.is_dir() and any(name.startswith(f"{path}/") for name in names):
        return True
    return any(path == name or meets(name, path) or path.startswith(_folder(name)) for name in names)


def _folder(name: str) -> str:
    return name if name.endswith("/") else f"{name}/"
