"""`agilab app set`: values of `app_settings.toml`, checked by what the app said of its arguments, comments kept."""

from __future__ import annotations

import difflib
import json
import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.app_settings import AppSettings
from agilab.contracts.base import parse_document, read_document, write_document
from agilab.projects.arguments import FILES_FORMAT, flag, merged, properties, rooted, type_of
from agilab.projects.discover import AppProject, find_app
from agilab.projects.installed import look_at
from agilab.projects.life.own import refuse_built_in
from agilab.projects.life.schema_check import complaint
from agilab.projects.life.settings_keys import (
    ABSENT,
    get,
    is_argument,
    keys_of,
    path_of,
    put,
    read,
    remove,
    shown,
    split,
    wrong,
)
from agilab.projects.prepare import prepare
from agilab.projects.roots import declare_root, roots_of
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

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "app": self.app.name,
            "path": str(self.app.settings),
            "changes": [change.to_plain() for change in self.changes],
            "undo": self.undo,
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

    A key is an argument of the app, or a setting of another section by its path (`cluster.placement`). Arguments are
    checked by the app's own schema, so an app that is not installed yet is installed where one is set; `say` is told.

    Raises AGI-APP-124 for a built-in app, what installing it raises, AGI-ARGS-010 to -013 for an argument
    that is wrong, AGI-APP-127 for a key that nobody knows, AGI-DOC-004 for a setting of a section that is wrong.
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

    arguments = {key: text for key, text in given.items() if is_argument(key)}
    checked = _checked(app, workspace, plain.get("args", {}), arguments, unset, say) if arguments else {}
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

    if edited != plain:
        # The very check that reading it would make, so that what is refused names its place in the file.
        document = parse_document(_as_toml(edited), AppSettings, str(app.settings))
        installed = look_at(app, workspace).environment is not None
        write_document(app.settings, document)
        if installed:
            # Settings are source. Asked again now, help and `app show` go on knowing the app; a run would ask anyway.
            with suppress(AgiError):
                _ask(app, workspace)
    return Edited(app, tuple(changes), _undo(app, workspace, changes) if edited != plain else None)


def _checked(
    app: AppProject,
    workspace: Workspace,
    saved: Mapping[str, Any],
    given: Mapping[str, str],
    unset: Sequence[str],
    say: Callable[[str], None],
) -> dict[str, Any]:
    """The arguments that were given, converted and judged by the app's schema."""
    schema = dict(said_now(app, workspace, say)["args_schema"])
    # What a run would still need is for the run to say; here only what was given is judged.
    schema["required"] = []
    gone = {path_of(key)[-1] for key in unset}
    kept = {key: value for key, value in saved.items() if key not in gone and key in properties(schema)}
    roots = roots_of(workspace, app.folder)
    try:
        values = merged(
            app.name,
            schema,
            kept,
            given,
            place=lambda text: rooted(
                text, roots, app.folder, lambda folder: declare_root(workspace, folder)
            ),
        )
    except AgiError as error:
        raise _as_setting(error, app, given) from None
    fields = properties(schema)
    for key in given:
        if (wrong := complaint(values[key], fields[key], schema, key)) is not None:
            raise AgiError(
                "AGI-ARGS-012",
                f"the value of {wrong[0]} is not allowed",
                found=f"{given[key]!r:.200}",
                allowed=wrong[1],
                try_=f"agilab app set {app.name} {key}=…",
            )
    # Below the app, a path stands as its author would write it.
    return {
        key: values[key].removeprefix("app:") if fields[key].get("format") == FILES_FORMAT else values[key]
        for key in given
    }


def said_now(app: AppProject, workspace: Workspace, say: Callable[[str], None]) -> Mapping[str, Any]:
    """What the app says of itself now: asked again where it was edited since, installed where it never was."""
    found = look_at(app, workspace)
    if found.description is not None:
        return found.description
    if found.environment is not None:
        return _ask(app, workspace)
    with Store(workspace.ensure()) as store:
        return prepare(store, app, offline=False, threads=1, say=say).description


def _ask(app: AppProject, workspace: Workspace) -> Mapping[str, Any]:
    with Store(workspace) as store:
        return prepare(store, app, offline=True, threads=1, say=lambda text: None).description


def _as_setting(error: AgiError, app: AppProject, given: Mapping[str, str]) -> AgiError:
    """The same error with a command of `app set` to try, instead of a flag of `run`."""
    try_ = error.try_
    if error.code == "AGI-ARGS-010" and try_ and try_.startswith("--"):
        meant = try_[2:].replace("-", "_")
        wrong = error.found or ""
        try_ = f"agilab app set {app.name} {shlex.quote(f'{meant}={given.get(wrong, str())}')}"
    elif try_ and try_.startswith("--"):
        named = next((key for key in given if try_.startswith(f"--{flag(key)} ")), None)
        try_ = f"agilab app set {app.name} {named}=…" if named else try_
    return AgiError(
        error.code, error.what, found=error.found, allowed=error.allowed, try_=try_, whose=error.whose
    )


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
