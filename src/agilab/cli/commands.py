"""What all commands share: groups that load a command when it is asked for, suggestions, common options."""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, TypeVar

import click
import rich_click

from agi_node.errors import DONE, USAGE, AgiError

F = TypeVar("F", bound=Callable[..., Any])

SETTINGS: dict[str, Any] = {
    "help_option_names": ["-h", "--help"],
    "rich_help_config": {
        "theme": "default-slim",
        "max_width": 100,
        "text_markup": "rich",
        "style_option": "cyan",
        "style_switch": "cyan",
        "style_command": "bold cyan",
        "style_metavar": "yellow",
        "style_usage": "bold",
        "style_helptext": "",
        "append_metavars_help": False,
        # https://no-color.org: neither colours nor other attributes.
        "color_system": None if os.environ.get("NO_COLOR") else "auto",
        "append_range_help_string": "",
        "commands_before_options": True,
    },
}


class Group(rich_click.RichGroup):
    """A group whose commands may lie in modules that are imported only when asked for.

    `places` maps a command's name to `module:object`. An unknown command is an AGI-ARGS-101 that names the
    nearest ones; a group without a command prints its help.
    """

    def __init__(self, *args: Any, places: Mapping[str, str] | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.places = dict(places or {})

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.places, *self.commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in self.places:
            module, _, name = self.places[cmd_name].partition(":")
            found: click.Command = getattr(import_module(module), name)
            return found
        return super().get_command(ctx, cmd_name)

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not args and not ctx.resilient_parsing:
            print(ctx.get_help())
            ctx.exit(DONE if ctx.parent is None else USAGE)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if (
            self.get_command(ctx, args[0]) is None
            and not ctx.resilient_parsing
            and not args[0].startswith("-")
        ):
            raise no_such_command(ctx.command_path, args[0], self.list_commands(ctx), args[1:])
        return super().resolve_command(ctx, args)


def no_such_command(path: str, word: str, known: list[str], rest: list[str]) -> AgiError:
    """The error for a word that is no command, with the command that was probably meant.

    >>> print(no_such_command("agilab runs", "shwo", ["list", "show", "verify"], ["last"]).render())
    error[AGI-ARGS-101]: `agilab runs` has no command shwo
      allowed   list, show, verify
      try       agilab runs show last
    """
    close = difflib.get_close_matches(word, known, n=1, cutoff=0.5)
    tail = "".join(f" {part}" for part in rest[:3] if not part.startswith("-"))
    return AgiError(
        "AGI-ARGS-101",
        f"`{path}` has no command {word}",
        allowed=", ".join(known),
        try_=f"{path} {close[0]}{tail}" if close else f"{path} --help",
    )


def examples(*rows: tuple[str, str]) -> str:
    """An epilogue with commands to copy, each with what it does."""
    width = max(len(command) for command, _ in rows)
    # Help is rich markup: a blank line is a line break, and blanks at the very start of a line would be dropped.
    lines = [
        f"[cyan]  {command.replace('[', chr(92) + '[')}[/]{' ' * (width - len(command))}[dim]   {what}[/]"
        for command, what in rows
    ]
    return "\n\n".join(["[bold]Examples:[/]", *lines])


def json_option(function: F) -> F:
    """`--json`: one JSON document on stdout, everything else on stderr."""
    return click.option(
        "--json", "as_json", is_flag=True, help="Print one JSON document; all else goes to stderr."
    )(function)
