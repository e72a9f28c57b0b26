"""`agilab app set`: values of `app_settings.toml`, judged by the app before they are written, comments kept."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.app_settings import AppSettings
from agilab.contracts.base import parse_document, read_document, write_document
from agilab.projects.arguments import FILES_FORMAT, properties, type_of
from agilab.projects.discover import AppProject, find_app
from agilab.projects.installed import look_at
from agilab.projects.life.own import refuse_built_in
from agilab.projects.life.settings_arguments import judged, said_now
from agilab.projects.life.settings_keys import (
    ABSENT,
    get,
    keys_of,
    path_of,
    put,
    read,
    remove,
    shown,
    split,
    wrong,
)
from agilab.projects.roots import declare_root, forget_roots, settings_of
from agilab.store.store import Store
from agilab.store.workspace import Workspace


@dataclass(frozen=True)
class Change:
    """One setting, before and after; `ABSENT` where the file says nothing of it."""

    key: str
    before: Any
    after: Any

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON; what is absent is left out."""
        values = {"before": self.before, "after": self.after}
        return {"key": self.key} | {name: value for name, value in values.items() if value is not ABSENT}


@dataclass(frozen=True)
class Edited:
    """What was written; settings that had their value already are among the changes, and change nothing."""

    app: AppProject
    changes: tuple[Change, ...]
    undo: str | None
    notes: tuple[str, ...] = ()
    """What nobody could check, in words."""

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "app": self.app.name,
            "path": str(self.app.settings),
            "changes": [change.to_plain() for change in self.changes],
            "undo": self.undo,
            "notes": list(self.notes),
        }


def edit_settings(
    workspace: Workspace,
    name: str,
    values: Sequence[str] = (),
    *,
    unset: Sequence[str] = (),
    say: Callable[[str], None] = lambda text: None,
) -> Edited:
    """Set `key=value` and take away other keys, all of them or none.

    A key is an argument of the app, or a setting of another section by its path (`cluster.placement`). The app judges
    its arguments, so one that is not installed yet is installed where one is set; `say` is told.

    Raises AGI-APP-124 for a built-in app, what `judged` raises about an argument, AGI-APP-127 for a key that nobody
    knows, AGI-DOC-004 for a setting of a section that is wrong.
    """
    app = find_app(name, workspace)
    refuse_built_in(app, "changed")
    given = {shown(path_of(key)): text for key, text in map(split, values)}
    unset = [shown(path_of(key)) for key in unset]
    if both := [key for key in unset if key in given]:
        raise wrong("a setting is set and taken away at once", both[0], "one of the two", None)
    if not given and not unset:
        raise wrong(
            "what is to be set?", "no key=value, no --unset", "key=value …", f"agilab app show {app.name}"
        )
    before = read_document(app.settings, AppSettings) if app.settings.exists() else AppSettings()
    plain = before.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    edited: dict[str, Any] = json.loads(json.dumps(plain))

    with _new_roots(workspace) as declare:
        checked, notes = judged(app, workspace, plain.get("args", {}), given, unset, declare, say)
        changes = []
        for key, text in given.items():
            path = path_of(key)
            after = checked[path[-1]] if path[0] == "args" else read(text)
            changes.append(Change(shown(path), get(plain, path), after))
            put(edited, path, after)
        for key in unset:
            path = path_of(key)
            if get(plain, path) is ABSENT:
                raise _unknown(app, key, keys_of(plain))
            changes.append(Change(shown(path), get(plain, path), ABSENT))
            remove(edited, path)
        # The very check that reading it would make, so that what is refused names its place in the file.
        document = parse_document(_as_toml(edited), AppSettings, str(app.settings))
    if edited == plain:
        return Edited(app, tuple(changes), None, notes)
    installed = look_at(app, workspace).environment is not None
    write_document(app.settings, document)
    if installed:
        # Settings are source. Asked again now, help and `app show` go on knowing the app; a run would ask anyway.
        with suppress(AgiError):
            said_now(app, workspace)
    return Edited(app, tuple(changes), _undo(app, workspace, changes), notes)


@contextmanager
def _new_roots(workspace: Workspace) -> Iterator[Callable[[Path], str]]:
    """What declares a data root; the new ones are taken back where something is refused after all."""
    new: list[str] = []

    def declare(folder: Path) -> str:
        known = settings_of(workspace).roots
        name = declare_root(workspace, folder)
        if name not in known:
            new.append(name)
        return name

    try:
        yield declare
    except AgiError:
        if new:
            with Store(workspace) as store:
                forget_roots(store, new)
        raise


# -- back ----------------------------------------------------------------------------------------------------


def _undo(app: AppProject, workspace: Workspace, changes: Sequence[Change]) -> str:
    """The command that sets everything as it was."""
    said = look_at(app, workspace).description or {}
    fields = properties(said.get("args_schema", {}))
    words = ["agilab", "app", "set", app.name]
    for change in changes:
        if change.before is ABSENT:
            words += ["--unset", change.key]
        else:
            words.append(f"{change.key}={_text(change, fields.get(change.key, {}))}")
    return shlex.join(words)


def _text(change: Change, field: Mapping[str, Any]) -> str:
    """The value before, as it can be typed again."""
    value = change.before
    if not isinstance(value, str):
        return json.dumps(value, ensure_ascii=False)
    if field.get("format") == FILES_FORMAT:
        return value if ":" in value else f"app:{value}"
    if "." in change.key:
        literal = read(value) == value
    else:
        literal = not field or type_of(field) not in ("array", "object", "json")
    return value if literal else json.dumps(value, ensure_ascii=False)


def _unknown(app: AppProject, key: str, known: Sequence[str]) -> AgiError:
    close = difflib.get_close_matches(key, known, n=1)
    return wrong(
        f"{app.name} has no such setting to take away",
        key,
        ", ".join(known) or "nothing is set",
        f"agilab app set {app.name} --unset {close[0]}" if close else f"agilab app show {app.name}",
    )


def _as_toml(plain: dict[str, Any]) -> str:
    import tomlkit

    return tomlkit.dumps(plain)
