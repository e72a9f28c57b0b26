"""`agilab notebook …`: from notebooks to a lab, and from a lab to a notebook."""

from __future__ import annotations

import rich_click

from agilab.cli.commands import SETTINGS, Group, examples

PLACES = {
    "inspect": "agilab.cli.notebook_import:inspect",
    "import": "agilab.cli.notebook_import:import_",
    "export": "agilab.cli.notebook_export:export",
    "roundtrip": "agilab.cli.notebook_export:roundtrip",
    "union": "agilab.cli.notebook_export:union",
}


@rich_click.group(
    cls=Group,
    places=PLACES,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab notebook inspect study.ipynb", "what is in it, without running it"),
        ("agilab notebook import study.ipynb --dry-run", "the stages that it would be"),
        ("agilab notebook import study.ipynb --output study --verify", "make them, and prove them equal"),
        ("agilab notebook export study", "a notebook that runs the lab"),
    ),
)
def notebook() -> None:
    """From notebooks to stages and back. Import executes nothing."""
