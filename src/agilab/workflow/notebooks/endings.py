"""Why a notebook, or the run of its stages, did not come to its end; and whether it is the place that it lacks.

A notebook that stops for a module that its environment has not, or for a file beside its folder, is no notebook that
fails: it is one that cannot be verified here.
"""

from __future__ import annotations

import os
import posixpath
import re
import shlex
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

from agilab.contracts.notebook_import import ImportedNotebook
from agilab.notebooks.code.distributions import asked_for, distribution_of, standard
from agilab.notebooks.modules.own_names import HIGHEST
from agilab.notebooks.python.meanings import EXTENSIONS
from agilab.workflow.notebooks.kernel import Failed
from agilab.workflow.notebooks.room import Room

VERIFYING = "agilab-verify-"
"""Begins the name of the folder in which all rooms are."""
_MODULE = re.compile(r"No module named '(\w+)'")
_FOLDERS = ("src", "lib")
_BESIDE = 200
"""Folders beside the notebook's that are looked into for a module."""
_PATH = re.compile(r"[^\s'\"(){}<>,;=]*/[^\s'\"(){}<>,;=]*|\.\.")


def missing_module(failed: Failed | None) -> str:
    """The module for want of which a notebook stopped; empty where it is none that one could install."""
    found = _MODULE.search(failed.text) if failed and failed.name == "ModuleNotFoundError" else None
    return found[1] if found and not standard(found[1]) else ""


def own_place(module: str, lab: Path) -> str:
    """The folder of a lab, or of a project around it, in which a module lies that nobody installed; else empty."""
    for above in (lab.resolve(), *lab.resolve().parents[:HIGHEST]):
        for place in (above / name for name in (*_FOLDERS, ".")):
            if (place / f"{module}.py").is_file() or (place / module / "__init__.py").is_file():
                return os.path.relpath(place, lab)
    return ""


def advice_on(module: str, lab: Path) -> str:
    """The command that brings a module into a lab's environment; of one's own, that it has to be found."""
    if place := own_place(module, lab):
        return f"It lies in {place}: add that folder to sys.path, or make its project a package of this environment"
    name, known_by = distribution_of(module)
    name, known = (
        (EXTENSIONS[module], True) if module in EXTENSIONS else (asked_for(module), known_by != "assumed")
    )
    folder = [] if lab.resolve() == Path.cwd() else ["--directory", str(lab)]
    command = shlex.join(["uv", "add", *folder, name])
    return command if known else f"if it is the “{name}” on PyPI: {command}"


def left_outside(
    failed: Failed | None, notebook: ImportedNotebook, file: Path, place: Path, room: Room
) -> str:
    """What lies outside a lab's folder, and so not in the view of it, where a notebook stopped for that; else empty.

    As seen from `place`, where the notebook ran: `../data/x.csv`. It is named by the error, or by the cell that failed.
    """
    if failed is None:
        return ""
    module = missing_module(failed)
    named = _places_of(module, file.parent) if module else ()
    for text in (*named, *_paths_in(failed.text), *_paths_of(notebook, failed.cell)):
        if os.path.isabs(text) and VERIFYING not in text:
            continue
        path = os.path.relpath(os.path.join(place, text), place)
        inside = Path(os.path.normpath(place / path)).is_relative_to(room.place)
        if inside or path.split(os.sep)[0] != os.pardir or len(path) > 1_000:
            continue
        if (file.parent / path).exists() and not (place / path).exists():
            return path
    return ""


def _places_of(module: str, folder: Path) -> Iterator[str]:
    """Where a module of the project that a folder belongs to may lie: `../tools.py`, `../code/tools.py`."""
    for number, above in enumerate(folder.resolve().parents[:HIGHEST], 1):
        places = ["", *_FOLDERS]
        if number == 1:
            with suppress(OSError):
                places += sorted(one.name for one in islice(above.iterdir(), _BESIDE) if one.is_dir())
        for place in dict.fromkeys(places):
            yield from (
                posixpath.join("../" * number, place, f"{module}{end}") for end in (".py", "/__init__.py")
            )


def _paths_in(text: str) -> Iterator[str]:
    return (found[0].rstrip(".:") or found[0] for found in _PATH.finditer(text[:10_000]))


def _paths_of(notebook: ImportedNotebook, cell: int) -> Iterator[str]:
    for one in notebook.artifacts:
        if one["cell"] == cell and one["where"] == "outside" and one["direction"] in ("read", "both"):
            yield str(one["path"])
