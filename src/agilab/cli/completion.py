"""`agilab completion`: the script with which a shell completes our commands."""

from __future__ import annotations

import os
from pathlib import Path

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.commands import SETTINGS, examples

SHELLS = ("bash", "zsh", "fish")


@rich_click.command(
    "completion",
    context_settings=SETTINGS,
    epilog=examples(
        ('eval "$(agilab completion bash)"', "in ~/.bashrc"),
        ('eval "$(agilab completion zsh)"', "in ~/.zshrc, after compinit"),
        ("agilab completion fish | source", "in ~/.config/fish/config.fish"),
    ),
)
@click.argument("shell", type=click.Choice(SHELLS), required=False)
def completion(shell: str | None) -> int:
    """Print the script for your shell's TAB key.

    It completes commands, apps, runs and an app's arguments. Without SHELL it is the one that $SHELL names.
    """
    from click.shell_completion import get_completion_class

    from agilab.cli.main import cli

    name = shell or Path(os.environ.get("SHELL", "")).name
    if name not in SHELLS:
        raise AgiError(
            "AGI-ARGS-105",
            "which shell is this?",
            found=f"SHELL={os.environ.get('SHELL', '')}",
            allowed=", ".join(SHELLS),
            try_="agilab completion bash",
        )
    found = get_completion_class(name)
    assert found is not None
    # Not `source()`: that starts the shell to ask its version, and complains into the script.
    shape = found(cli, {}, "agilab", "_AGILAB_COMPLETE")
    print(shape.source_template % shape.source_vars())
    return DONE
