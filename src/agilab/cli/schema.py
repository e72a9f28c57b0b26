"""`agilab schema`: the documents that AGILab reads and writes."""

from __future__ import annotations

from typing import Any

import click
import rich_click

from agi_node.errors import DONE
from agilab.cli.choices import DOCUMENT
from agilab.cli.commands import SETTINGS, Group, examples, json_option


@rich_click.group("schema", cls=Group, context_settings=SETTINGS)
def schema(**_: Any) -> None:
    """The documents that AGILab reads and writes."""


@schema.command(
    "list",
    context_settings=SETTINGS,
    epilog=examples(("agilab schema list --json", "with the names of the files")),
)
@json_option
def list_(as_json: bool) -> int:
    """List every kind of document."""
    from agilab.cli.render import out, print_json, table
    from agilab.contracts.registry import schema_list

    rows = schema_list()
    if as_json:
        print_json(rows)
    else:
        out(
            table(
                ("name", "schema", "what it is for"),
                ((row["name"], row["schema"], row["description"]) for row in rows),
                flexible="what it is for",
            )
        )
    return DONE


@schema.command(
    "show",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab schema show run_manifest", "by name"),
        ("agilab schema show run_manifest.json", "by the name of such a file"),
    ),
)
@click.argument("name", type=DOCUMENT)
@json_option
def show(name: str, as_json: bool) -> int:
    """Print the JSON Schema (Draft 2020-12) of a document.

    NAME is its name, its schema identifier, or the name of such a file. The answer is JSON with or without --json.
    """
    from agilab.cli.render import print_json
    from agilab.contracts.registry import schema_show

    print_json(schema_show(name))
    return DONE
