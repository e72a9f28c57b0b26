"""An app's own arguments as options of a command, from what the app said of itself when it was installed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click
import rich_click
from click.shell_completion import CompletionItem

from agi_node.errors import AgiError
from agilab.cli.words import number

if TYPE_CHECKING:
    from agilab.projects.installed import InstalledApp

_OPTIONS = "agilab.options"
_GIVEN = "agilab.given"
_APP = "agilab.app"
_SAID = "agilab.said"


class AppCommand(rich_click.RichCommand):
    """A command whose first argument is an app, and which takes that app's arguments as options.

    An app that is installed gives options with types, defaults and help. For any other, `--name value` is taken
    as it is, and the library checks it once the app is there; only `--help` needs the app to be installed.
    An argument that bears the name of one of the command's own options is given as `--arg name=value`.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        own = self._own_options(ctx)
        words = _with_dashes(args)
        name = _first_positional(words, own)
        if name is not None:
            ctx.meta[_APP] = name
            wants_help = any(word in ctx.help_option_names for word in words)
            found = _installed(name, must=wants_help and not ctx.resilient_parsing)
            if found is not None:
                from agilab.projects.installed import saved_arguments

                said = found.description or {}
                ctx.meta[_OPTIONS] = arguments_as_options(
                    found.app.name, said["args_schema"], saved_arguments(found.app), own
                )
                ctx.meta[_SAID] = as_plain_help(said.get("doc") or found.app.description)
            elif not ctx.resilient_parsing:
                words, ctx.meta[_GIVEN] = _taken_loosely(words, own)
        return super().parse_args(ctx, words)

    def get_help(self, ctx: click.Context) -> str:
        """The help of the command, or what the app says of itself where one is named."""
        general = self.help
        self.help = ctx.meta.get(_SAID) or general
        try:
            return super().get_help(ctx)
        finally:
            self.help = general

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *ctx.meta.get(_OPTIONS, ())]

    def _own_options(self, ctx: click.Context) -> dict[str, bool]:
        """Whether each option of the command itself takes a value, by its spelling."""
        return {
            spelling: not (parameter.is_flag or parameter.count)
            for parameter in super().get_params(ctx)
            if isinstance(parameter, click.Option)
            for spelling in (*parameter.opts, *parameter.secondary_opts)
        }


def given_arguments(ctx: click.Context, more: Sequence[str] = ()) -> dict[str, Any]:
    """The app's arguments as a person gave them, by name; `more` are those of `--arg NAME=VALUE`.

    Raises AGI-ARGS-104 for one that is not of that form.
    """
    given: dict[str, Any] = dict(ctx.meta.get(_GIVEN, {}))
    for text in more:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise AgiError(
                "AGI-ARGS-104",
                "--arg takes a name and a value",
                found=text,
                allowed="NAME=VALUE, such as min_points=10",
                try_=f"{ctx.command_path} {ctx.meta.get(_APP, 'APP')} --arg {name or 'NAME'}=VALUE",
            )
        given[name.strip().replace("-", "_")] = value
    return given


def command_line(app: str, given: Mapping[str, Any]) -> str:
    """The command that runs the app with these arguments, for a shell.

    >>> command_line("tides", {"min_height": "2", "loud": True, "wet": False, "place": "St Malo"})
    "agilab run tides --min-height 2 --loud --no-wet --place 'St Malo'"
    """
    import shlex

    words = ["agilab", "run", app]
    for name, value in given.items():
        flag = name.replace("_", "-")
        words += (
            [f"--{flag}"]
            if value is True
            else [f"--no-{flag}"]
            if value is False
            else [f"--{flag}", str(value)]
        )
    return shlex.join(words)


def arguments_as_options(
    app: str, schema: Mapping[str, Any], saved: Mapping[str, Any], own: Mapping[str, bool]
) -> list[click.Option]:
    """An option for each argument in the app's JSON Schema; `saved` are defaults that its settings hold."""
    from agilab.projects.arguments import flag, properties

    options = []
    for name, field in properties(schema).items():
        spelling = f"--{flag(name)}"
        if spelling not in own:
            default = saved.get(name, field.get("default"))
            options.append(_option(app, name, spelling, field, default, name in schema.get("required", ())))
    return options


def type_word(field: Mapping[str, Any]) -> str:
    """The type of an argument as help shows it."""
    from agilab.projects.arguments import FILES_FORMAT, type_of

    if field.get("format") == FILES_FORMAT:
        return "files"
    return {"string": "text", "array": "json", "object": "json"}.get(type_of(field), type_of(field))


def limits(field: Mapping[str, Any]) -> str:
    """The range of an argument in a few signs, or nothing.

    >>> limits({"minimum": 2, "exclusiveMaximum": 9})
    '>= 2, < 9'
    """
    signs = {"minimum": ">=", "exclusiveMinimum": ">", "maximum": "<=", "exclusiveMaximum": "<"}
    return ", ".join(f"{sign} {number(field[key])}" for key, sign in signs.items() if key in field)


class _Value(click.ParamType):  # type: ignore[type-arg]  # generic in new versions of click only
    """A text that the library converts and judges; here it only has a name, and what completes it."""

    def __init__(self, name: str, choices: Sequence[str] = ()) -> None:
        self.name = name
        self.choices = choices

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        return f"[{'|'.join(self.choices)}]" if self.choices else self.name.upper()

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem[str]]:
        if self.name == "files":
            return [CompletionItem(incomplete, type="file")]
        return [CompletionItem(choice) for choice in self.choices if choice.startswith(incomplete)]


def _option(
    app: str, name: str, spelling: str, field: Mapping[str, Any], default: Any, required: bool
) -> click.Option:
    def keep(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if ctx.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE:
            ctx.meta.setdefault(_GIVEN, {})[name] = value

    word = type_word(field)
    notes = [text for text in (limits(field), "required" if required and default is None else "") if text]
    settings: dict[str, Any] = {
        "help": as_plain_help(
            " ".join([str(field.get("description", "")), *(f"({note})" for note in notes)]).strip()
        ),
        "expose_value": False,
        "callback": keep,
        "panel": f"Arguments of {app}",
    }
    if word == "boolean":
        declaration = [f"{spelling}/--no-{spelling[2:]}", f"argument_{name}"]
        return rich_click.RichOption(declaration, default=bool(default), show_default=True, **settings)
    choices = [str(choice) for choice in field.get("enum", ())]
    shown = None if default is None else default if isinstance(default, str) else _json(default)
    return rich_click.RichOption(
        [spelling, f"argument_{name}"],
        type=_Value(word, choices),
        default=shown,
        show_default=shown is not None,
        **settings,
    )


def _json(value: Any) -> str:
    import json

    return json.dumps(value)


def as_plain_help(text: str) -> str:
    """Text of an app's author, safe to be shown as help: it is no markup."""
    if "[" not in text:
        return text
    from rich.markup import escape

    return escape(text)


def _installed(name: str, *, must: bool) -> InstalledApp | None:
    """The app that a person names; None where it is not installed (an error if it must be)."""
    from agilab.projects.discover import find_app
    from agilab.projects.installed import described, look_at
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    try:
        app = find_app(name, workspace)
        found = described(app, workspace) if must else look_at(app, workspace)
    except AgiError:
        if must:
            raise
        return None  # the command itself will say what is wrong with the name
    return found if found.description is not None else None


def _with_dashes(words: Sequence[str]) -> list[str]:
    """`--min_points` is what Python people type for `--min-points`."""
    found = []
    for word in words:
        spelling, equals, value = word.partition("=")
        if spelling.startswith("--") and len(spelling) > 2:
            word = spelling.replace("_", "-") + equals + value
        found.append(word)
    return found


def _first_positional(words: Sequence[str], own: Mapping[str, bool]) -> str | None:
    """The app: the first word that is no option and no option's value. People put the app before its arguments."""
    position = 0
    while position < len(words):
        word = words[position]
        if word == "--":
            return words[position + 1] if position + 1 < len(words) else None
        if not word.startswith("-") or word == "-":
            return word
        takes_value = own.get(word, False)
        position += 2 if takes_value else 1
    return None


def _taken_loosely(words: Sequence[str], own: Mapping[str, bool]) -> tuple[list[str], dict[str, Any]]:
    """Split words into those that are the command's own and the arguments of an app that nobody knows yet.

    `--name value` and `--name=value` are a text; `--name` before another option or the end is a yes, `--no-name` a no.
    """
    kept: list[str] = []
    given: dict[str, Any] = {}
    position = 0
    while position < len(words):
        word = words[position]
        spelling, equals, value = word.partition("=")
        position += 1
        if not word.startswith("--") or word == "--" or spelling in own:
            kept.append(word)
            if own.get(word, False) and position < len(words):
                kept.append(words[position])
                position += 1
            continue
        name = spelling[2:].replace("-", "_")
        if equals:
            given[name] = value
        elif position < len(words) and not words[position].startswith("--"):
            given[name] = words[position]
            position += 1
        elif name.startswith("no_"):
            given[name[3:]] = "false"
        else:
            given[name] = "true"
    return kept, given
