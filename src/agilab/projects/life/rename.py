"""`agilab app rename`: folder, project, module and whatever refers to them, in steps that can be taken up again.

Texts are written first, each whole or not at all; then the module's folder is moved, then `uv.lock` and
`pyproject.toml` say so, and last the app's folder gets its name. Whoever dies in between leaves an app whose
`pyproject.toml` still has the old names, and the same command finishes: what has been changed is not changed again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.projects.discover import AppProject, find_app, read_app, remember
from agilab.projects.life.contents import contents_of
from agilab.projects.life.create import free_place, lock_notes
from agilab.projects.life.names import Names, checked, is_name, locked_packages, names_of
from agilab.projects.life.own import interrupted, refuse_built_in, refuse_live, runs_of
from agilab.projects.life.rewording import Rewording, is_text
from agilab.projects.life.staging import modules_of, taken, unwritable
from agilab.projects.life.templates import usual_packages
from agilab.store.workspace import Workspace

Say = Callable[[str], None]
_LAST = ("uv.lock", "pyproject.toml")


@dataclass(frozen=True)
class Renamed:
    """An app under its new name.

    Attributes:
        changed: Files whose text is another now, by their new paths.
        runs: Runs that stay under the old name.
        undo: The command that renames it back; None where the old name is one that an app cannot get any more.
        notes: What a person should know.
    """

    app: AppProject
    old: Names
    new: Names
    changed: tuple[str, ...]
    runs: int
    undo: str | None
    notes: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "app": self.app.name,
            "was": self.old.folder,
            "folder": str(self.app.folder),
            "project": self.new.project,
            "module": self.new.module,
            "changed": list(self.changed),
            "runs": self.runs,
            "undo": self.undo,
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Renaming:
    """What is to be done: texts by the path that their file has now, and moves inside the app.

    Attributes:
        texts: New contents; those of `_LAST` are written when everything else is done.
        moves: (where it lies, where it is to lie), both relative to the app's folder.
    """

    folder: Path
    target: Path
    texts: dict[str, tuple[bytes, bytes]]
    moves: tuple[tuple[str, str], ...]

    def steps(self) -> Iterator[Callable[[], None]]:
        """Each step once; one that was done before does nothing."""
        for name, (_, data) in self.texts.items():
            if name not in _LAST:
                # defaults tie name and data to this turn of the loop
                yield lambda name=name, data=data: write_atomically(self.folder / name, data)  # type: ignore[misc]
        for here, there in self.moves:
            yield lambda here=here, there=there: _move(self.folder / here, self.folder / there)  # type: ignore[misc]  # defaults tie it to this turn
        for name in _LAST:
            if name in self.texts:
                data = self.texts[name][1]
                # defaults tie name and data to this turn of the loop
                yield lambda name=name, data=data: write_atomically(self.folder / name, data)  # type: ignore[misc]
        yield lambda: _move(self.folder, self.target)

    def undo(self) -> None:
        """Put everything back, after a step that failed."""
        for here, there in self.moves:
            _move(self.folder / there, self.folder / here)
        for name, (data, _) in self.texts.items():
            write_atomically(self.folder / name, data)


def rename_app(workspace: Workspace, name: str, new: str, *, say: Say = lambda text: None) -> Renamed:
    """Give one's own app another name, in its place. Its runs stay as they were, under the old one.

    Raises AGI-APP-120 for a name that no app can have, AGI-APP-121 and AGI-APP-123 for one that is taken, AGI-APP-124
    for a built-in app, AGI-APP-125 while it runs, AGI-APP-128 where the disk refuses; then everything is as it was.
    """
    app = find_app(name, workspace)
    refuse_built_in(app, "renamed")
    old = names_of(app)
    again = f"agilab app rename {app.name} {{}}"
    packages = locked_packages(app.folder)
    names = old.renamed(checked(new, packages=packages, usual=usual_packages(), command=again))
    if names == old:
        raise AgiError(
            "AGI-APP-121", f"{app.name} has this name already", found=new, allowed="another name", try_=None
        )
    target = app.folder.parent / names.folder
    if names.folder != old.folder:
        free_place(workspace, names, app.folder.parent, command=again)
    refuse_live(app, workspace, "renamed")
    runs, cut = runs_of(app, workspace), interrupted(app, workspace)

    renaming, notes = plan_renaming(app, old, names, target)
    say(f"renaming {app.name} to {names.folder}")
    try:
        for step in renaming.steps():
            step()
    except (OSError, AgiError) as problem:
        renaming.undo()
        if isinstance(problem, OSError):
            raise unwritable(target, problem) from problem
        raise
    made = read_app(target)
    remember(made, workspace)
    notes += lock_notes(target, say)
    if cut:
        notes.append(f"to go on with {cut[0]}, which was interrupted, rename it back first")
    undo = f"agilab app rename {names.folder} {old.base}" if is_name(old.base) else None
    if undo is None:
        notes.append(f"{old.folder} is no name that `agilab app rename` would give it again")
    changed = tuple(sorted(Rewording(old, names).path(path) for path in renaming.texts))
    return Renamed(made, old, names, changed, runs, undo, tuple(notes))


def plan_renaming(app: AppProject, old: Names, new: Names, target: Path) -> tuple[Renaming, list[str]]:
    """What a renaming would do, and what a person should know of it. Nothing is written."""
    contents = contents_of(app, large=True)
    modules = modules_of(contents.files, old.module) | modules_of(contents.files, new.module)
    forth, back = Rewording(old, new, modules=modules), Rewording(new, old, modules=modules)
    texts: dict[str, tuple[bytes, bytes]] = {}
    doubtful = []
    for name, path in contents.files.items():
        if is_text(name):
            before = path.read_bytes()
            after = forth.data(name, before)
            if after != before:
                texts[name] = (before, after)
            if back.data(forth.path(name), after) != before:
                doubtful.append(name)
    moves = dict(_moved(name, forth.path(name)) for name in contents.files if forth.path(name) != name)
    for there in moves.values():
        if (app.folder / there).exists():
            raise taken(app.folder / there)
    notes = []
    if doubtful:
        notes.append(
            f"{', '.join(doubtful[:3])}{' …' if len(doubtful) > 3 else ''} spoke of {new.folder} before:"
            f" renaming it back changes that too"
        )
    if old.renamed(old.base) != old:
        notes.append(
            f"renaming it back does not give it its project {old.project} or its module {old.module} again"
        )
    return Renaming(app.folder, target, texts, tuple(moves.items())), notes


def _moved(here: str, there: str) -> tuple[str, str]:
    """The outermost folder, or the file, that has another name."""
    ours, theirs = here.split("/"), there.split("/")
    at = next(at for at, (one, other) in enumerate(zip(ours, theirs, strict=True)) if one != other)
    return "/".join(ours[: at + 1]), "/".join(theirs[: at + 1])


def _move(here: Path, there: Path) -> None:
    if here != there and here.exists():
        os.rename(here, there)
