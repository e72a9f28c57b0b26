"""`agilab runs`: what ran, how it went, whether the evidence still holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, FAILED, AgiError
from agilab.cli.choices import APP, RUN, UNIT
from agilab.cli.commands import SETTINGS, Group, examples, json_option

if TYPE_CHECKING:
    from agilab.store.rows import RunRow
    from agilab.store.store import Store

PLACES = {
    "tail": "agilab.cli.runs_tail:tail",
    "explain": "agilab.cli.runs_explain:explain",
    "graph": "agilab.cli.runs_graph:graph",
    "gantt": "agilab.cli.runs_gantt:gantt",
    "rerun": "agilab.cli.runs_rerun:rerun",
    "cancel": "agilab.cli.runs_operate:cancel",
    "pause": "agilab.cli.runs_operate:pause",
    "unpause": "agilab.cli.runs_operate:unpause",
    "note": "agilab.cli.runs_operate:note",
}


@rich_click.group("runs", cls=Group, places=PLACES, context_settings=SETTINGS)
@rich_click.command_panel("Look", commands=["list", "show", "tail", "explain", "graph", "gantt", "verify"])
@rich_click.command_panel("Act", commands=["resume", "rerun", "cancel", "pause", "unpause", "note"])
def runs(**_: Any) -> None:
    """What ran, how it went, whether its evidence still holds."""


@runs.command(
    "list",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs list", "the latest twenty"),
        ("agilab runs list --app flight_project --limit 5", ""),
        ("agilab runs list --json | jq -r '.[0].run_id'", "for scripts"),
    ),
)
@click.option("--app", type=APP, metavar="APP", help="Only runs of this app, or of `flow:NAME`.")
@click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="How many."
)
@json_option
def list_(app: str | None, limit: int, as_json: bool) -> int:
    """List runs, newest first.

    A run that was killed, and that nobody took over, is shown as interrupted.
    """
    from rich.text import Text

    from agilab.cli.render import out, print_json, state, steps, table
    from agilab.cli.words import duration, moment
    from agilab.projects.discover import find_app
    from agilab.store.workspace import Workspace
    from agilab.views.history import INTERRUPTED, read_runs, resume_command, succeeded_units

    workspace = Workspace.default()
    found = read_runs(workspace, app=app, limit=limit)
    if app and not found:
        # No run under this name: the path of an app, an app that has not run yet, or none. Runs outlive their app.
        found = read_runs(workspace, app=find_app(app, workspace).name, limit=limit)
    if as_json:
        print_json([run.to_plain() for run in found])
    elif not found:
        none, first = "No runs yet. ", "agilab first-proof"
        if app:
            none, first = f"No runs of {app} yet. ", f"agilab run {app}"
        out(Text.assemble(none, (first, "cyan"), " makes the first."))
    else:
        rows = []
        for run in found:
            good, total = succeeded_units(run)
            rows.append(
                (
                    run.run_id,
                    state(run.state),
                    moment(run.created_at),
                    duration(run.duration_seconds),
                    f"{good:,}/{total:,}" if total else "",
                )
            )
        out(table(("run", "state", "started", ">took", ">units"), rows))
        cut = next((run for run in found if run.state == INTERRUPTED), None)
        if cut:
            out("", steps([(resume_command(cut.app, cut.run_id), "goes on where it stopped")]))
    return DONE


@runs.command(
    "show",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs show last", "the newest run"),
        ("agilab runs show 7k3f2q", "by the end of its id"),
        ("agilab runs show last 4ca75f", "one unit: story and log"),
        ("agilab runs show last --units --state failed", "every unit that failed"),
        ("agilab runs show last --json --since 250", "what changed since"),
    ),
)
@click.argument("run", type=RUN)
@click.argument("unit", type=UNIT, required=False)
@click.option("--units", is_flag=True, help="List the units too (JSON always does).")
@click.option("--node", metavar="NODE", help="Only units of this node.")
@click.option("--state", metavar="STATE", help="Only units in this state.")
@click.option(
    "--limit", type=click.IntRange(min=0), metavar="N", help="Units to list; 0 for all (default: 1000)."
)
@click.option("--offset", type=click.IntRange(min=0), default=0, metavar="N", help="Units to pass over.")
@click.option(
    "--since",
    type=click.IntRange(min=0),
    default=0,
    metavar="CURSOR",
    help="Only records that changed after this event: the cursor of an earlier answer (of its first page).",
)
@json_option
def show(
    run: str,
    unit: str | None,
    units: bool,
    node: str | None,
    state: str | None,
    limit: int | None,
    offset: int,
    since: int,
    as_json: bool,
) -> int:
    """Show a run, or one unit of it with its log.

    RUN is a run id, the beginning or end of one, or `last`. UNIT is `NODE[KEY]`, the key alone, or a node with all its
    units.
    """
    from agilab.cli.render import print_json
    from agilab.cli.run_view import print_run, print_units, view_plain
    from agilab.cli.unit_view import print_unit, unit_plain
    from agilab.projects.answer import answer_of
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace
    from agilab.views.history import find_unit, view_run
    from agilab.views.records import PAGE, Page, read_records

    with Store(Workspace.default(), readonly=True) as store:
        if unit is not None:
            row = store.run(run)
            try:
                found = find_unit(store, row.run_id, unit)
            except AgiError:
                # A node that never had a unit, or that has many.
                if unit not in {one.node for one in store.nodes(row.run_id)}:
                    raise
                _show_node(store, row, unit, as_json=as_json)
                return DONE
            if as_json:
                print_json(unit_plain(store, row, found))
            else:
                print_unit(store, row, found)
            return DONE
        page = Page(PAGE if limit is None else limit, offset, node, state, since)
        listed = as_json or units or page != Page()
        # In this order: who stops at a run that has ended has everything up to its end.
        view = view_run(store, run)
        records = read_records(store, view.summary.run_id, page) if listed else None
        answer = answer_of(store, view.row)
    if as_json and records is not None:
        print_json(view_plain(view, records, answer))
        return DONE
    print_run(view, answer)
    if records is not None:
        print_units(records)
    return DONE


def _show_node(store: Store, run: RunRow, node: str, *, as_json: bool) -> None:
    """A node: what became of it and why, and its units, of which there may be none."""
    from agilab.cli.render import print_json
    from agilab.cli.run_view import print_units
    from agilab.cli.runs_explain import print_explanation
    from agilab.views.explanation import explain
    from agilab.views.records import Page, read_records

    found = explain(store, run.run_id, node)
    records = read_records(store, run.run_id, Page(node=node))
    if as_json:
        print_json({"run_id": run.run_id, **found.to_plain(), "records": records.to_plain()})
        return
    print_explanation(found)
    if records.total:
        print_units(records)


@runs.command(
    "verify",
    context_settings=SETTINGS,
    epilog=examples(("agilab runs verify last", "exit code 1 if a single byte differs")),
)
@click.argument("run", type=RUN)
@json_option
def verify(run: str, as_json: bool) -> int:
    """Compute every digest of a run again.

    Looks at the log, the tables, the objects, the files and the manifest. Exit code 0 if all of it
    still holds, 1 naming what differs.
    """
    from rich.text import Text

    from agilab.cli.render import mark, out, pairs, print_json
    from agilab.cli.words import plural
    from agilab.evidence.verify import verify as look
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace

    with Store(Workspace.default(), readonly=True) as store:
        run_id = store.run(run).run_id
        findings = look(store, run_id)
    passed = all(finding.passed for finding in findings)
    if as_json:
        print_json(
            {
                "status": "succeeded" if passed else "failed",
                "run_id": run_id,
                "findings": [
                    {
                        "name": finding.name,
                        "looked_at": finding.looked_at,
                        "passed": finding.passed,
                        "problems": list(finding.problems),
                    }
                    for finding in findings
                ],
            }
        )
        return DONE if passed else FAILED
    rows: list[tuple[Any, ...]] = []
    for finding in findings:
        said = Text(finding.looked_at, "dim")
        for problem in finding.problems[:10]:
            said.append(f"\n{problem}", "red not dim")
        if len(finding.problems) > 10:
            said.append(f"\nand {len(finding.problems) - 10:,} more", "red not dim")
        rows.append((Text.assemble(mark(finding.passed), f" {finding.name}"), said))
    broken = [finding.name for finding in findings if not finding.passed]
    verdict = (
        Text.assemble(mark(True), " every byte is as it was written")
        if passed
        else Text.assemble(
            mark(False),
            (
                f" {plural(len(broken), 'part')} of the evidence {'differs' if len(broken) == 1 else 'differ'}: ",
                "bold",
            ),
            ", ".join(broken),
        )
    )
    out(Text(run_id, "bold"), pairs(rows), verdict)
    return DONE if passed else FAILED


@runs.command(
    "resume",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs resume last", "go on after a crash, a kill or a power cut"),
        ("agilab runs resume x3wrd2 --json", "for a script"),
    ),
)
@click.argument("run", type=RUN)
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Processes at work (default: as before)."
)
@json_option
def resume(run: str, workers: int | None, as_json: bool) -> int:
    """Go on with an interrupted run.

    With its own plan, source and environment; what is recorded as done is not done again. Writes the manifest
    that the run still lacks.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.run import exit_code, show_result

    with Progress(quiet=as_json) as progress:
        from agilab.workflow.running import again

        result = again.resume(run, faces=progress.faces(), workers=workers)
    show_result(result, as_json=as_json)
    return exit_code(result)
