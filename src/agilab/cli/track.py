"""`agilab track`: runs in the tracking store."""

from __future__ import annotations

from typing import Any

import click
import rich_click

from agi_node.errors import DONE
from agilab.cli.choices import RUN
from agilab.cli.commands import SETTINGS, Group, examples, json_option


@rich_click.group("track", cls=Group, context_settings=SETTINGS)
def track(**_: Any) -> None:
    """Bring runs to MLflow."""


@track.command(
    "sync",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab track sync last", "deliver the newest run"),
        ("agilab track sync 7k3f2q", "one by the end of its id"),
    ),
)
@click.argument("run", type=RUN)
@json_option
def sync(run: str, as_json: bool) -> int:
    """Deliver a run to MLflow, once.

    Sends what its log holds, its manifest and its reduce artefact. Needed only where the tracking store
    did not answer when the run ended.
    """
    from rich.text import Text

    from agilab.cli.progress import Progress
    from agilab.cli.render import mark, out, pairs, print_json
    from agilab.cli.summary import readable_uri
    from agilab.projects.sync import sync_run
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    workspace = Workspace.default()
    with Store(workspace, readonly=not workspace.db.exists()) as store, Progress(quiet=as_json) as progress:
        synced = sync_run(store, run, say=progress.say)
    if as_json:
        print_json(synced.to_plain())
        return DONE
    words = "was delivered before; nothing was sent" if synced.already else "is in MLflow"
    rows: list[tuple[str, Any]] = [("store", readable_uri(synced.uri)), ("run", synced.mlflow_run_id)]
    if synced.ui:
        rows.append(("look", Text(synced.ui, "cyan")))
    rows += [("note", note) for note in synced.notes]
    out(Text.assemble(mark(True), " ", (synced.run_id, "bold"), f" {words}"), pairs(rows))
    return DONE
