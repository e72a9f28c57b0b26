"""Arguments as settings: what is typed for them, converted, and judged by the app before it is written."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.projects.arguments import FILES_FORMAT, flag, merged, properties, rooted
from agilab.projects.discover import AppProject
from agilab.projects.installed import look_at
from agilab.projects.judged import judge
from agilab.projects.life.schema_check import complaint
from agilab.projects.life.settings_keys import is_argument, path_of
from agilab.projects.prepare import PreparedApp, prepare
from agilab.projects.roots import roots_of
from agilab.projects.run import with_roots
from agilab.store.store import Store
from agilab.store.workspace import Workspace

Say = Callable[[str], None]


def judged(
    app: AppProject,
    workspace: Workspace,
    saved: Mapping[str, Any],
    given: Mapping[str, str],
    unset: Sequence[str],
    declare: Callable[[Path], str],
    say: Say,
) -> tuple[dict[str, Any], tuple[str, ...]]:
    """The arguments that were given, converted; and in words what nobody could judge yet.

    The app's schema judges each, then its own class all of them together, with those that are saved already. An app
    that is not installed yet is installed where one is given; `say` is told. `declare` names a folder outside the app.

    Raises what installing it raises, AGI-ARGS-010 to -013 for an argument that is wrong by itself, AGI-ARGS-002 for
    those that the app refuses.
    """
    given = {key: text for key, text in given.items() if is_argument(key)}
    gone = {path_of(key)[-1] for key in unset if is_argument(key)}
    if not given and not gone:
        return {}, ()
    try:
        if not given and look_at(app, workspace).environment is None:
            return {}, (f"whether {app.name} takes the others was not asked: it is not installed",)
        prepared = _prepared(app, workspace, say)
    except AgiError as error:
        if given:
            raise
        # What is taken away may be what keeps the app from coming up.
        return {}, (f"whether {app.name} takes the others could not be asked: {error.what}",)
    whole = dict(prepared.description["args_schema"])
    # What a run would still need is for the run to say; here only what was given is judged.
    schema = {**whole, "required": []}
    kept = {key: value for key, value in saved.items() if key not in gone and key in properties(schema)}
    roots = roots_of(workspace, app.folder)
    try:
        values = merged(
            app.name, schema, kept, given, place=lambda text: rooted(text, roots, app.folder, declare)
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
    missing = [key for key in whole.get("required", []) if key not in values]
    notes = (f"only types and ranges were checked: a run needs {', '.join(missing)} too",) if missing else ()
    if not missing:
        try:
            judge(with_roots(prepared, workspace), values)
        except AgiError as error:
            raise _with_try(error, error.try_ or f"agilab app show {app.name}") from None
    # Below the app, a path stands as its author would write it.
    own = {key for key in given if fields[key].get("format") == FILES_FORMAT}
    return {key: values[key].removeprefix("app:") if key in own else values[key] for key in given}, notes


def said_now(app: AppProject, workspace: Workspace) -> Mapping[str, Any]:
    """What the app says of itself now: asked again where it was edited since, installed where it never was."""
    found = look_at(app, workspace)
    return found.description or _prepared(app, workspace, lambda text: None).description


def _prepared(app: AppProject, workspace: Workspace, say: Say) -> PreparedApp:
    installed = look_at(app, workspace).environment is not None
    with Store(workspace.ensure()) as store:
        return prepare(store, app, offline=installed, threads=1, say=say)


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
    return _with_try(error, try_)


def _with_try(error: AgiError, command: str | None) -> AgiError:
    return AgiError.from_plain(error.to_plain() | {"try": command})
