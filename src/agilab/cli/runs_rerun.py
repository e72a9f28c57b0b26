"""`agilab runs rerun`: a new run that does again what was asked for, and uses the parent's results for the rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.choices import RUN, UNIT
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from agilab.engine.rerun import Preview
    from agilab.engine.selection import Selection

SHOWN = 12


@rich_click.command(
    "rerun",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab runs rerun last --failed", "everything that did not end well, never started included"),
        ("agilab runs rerun last --failed --dry-run", "what that would do, and nothing runs"),
        ("agilab runs rerun last --from reduce", "this node and what comes after it"),
        ("agilab runs rerun last --unit 'work[4ca75f]'", "one unit, and what needs it"),
        ("agilab runs rerun last --where state=cancelled --where 'key=4c*'", "units by state, node or key"),
        ("agilab runs rerun last", "whatever would not come out the same"),
    ),
)
@click.argument("run", type=RUN)
@click.option("--failed", is_flag=True, help="What did not end well: planned minus succeeded.")
@click.option("--from", "from_node", metavar="NODE", help="This node, and everything after it.")
@click.option("--unit", "units", type=UNIT, multiple=True, metavar="UNIT", help="This unit; may be repeated.")
@click.option(
    "--where", multiple=True, metavar="FIELD=VALUE", help="Units by state=, node= or key= (a pattern)."
)
@click.option("--no-downstream", is_flag=True, help="Only these: keep what needs them as it is.")
@click.option(
    "--anyway",
    is_flag=True,
    help="Begin although `workflow validate` has an error of a stage that would run.",
)
@click.option("--dry-run", is_flag=True, help="Show what would run and why; execute nothing.")
@click.option("--expect", metavar="DIGEST", help="Run only if the preview still has this digest.")
@click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Processes at work (default: as before)."
)
@click.option("--no-track", is_flag=True, help="Do not record this run in MLflow.")
@json_option
def rerun(
    run: str,
    failed: bool,
    from_node: str | None,
    units: tuple[str, ...],
    where: tuple[str, ...],
    no_downstream: bool,
    anyway: bool,
    dry_run: bool,
    expect: str | None,
    workers: int | None,
    no_track: bool,
    as_json: bool,
) -> int:
    """Run again what was asked for, on the source as it is now, in a new run with RUN as its parent.

    The rest is used again. Where a selection keeps a result whose code has changed since, preview and manifest say
    so. Without a selection, a result is used again only where it would come out the same.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.run import exit_code, show_result
    from agilab.engine.rerun import Preview
    from agilab.engine.selection import Selection

    selection = Selection(
        failed=failed,
        from_node=from_node,
        units=units,
        where=dict(_condition(text) for text in where),
        downstream=not no_downstream,
    )
    _refuse_mixture(selection)
    with Progress(quiet=as_json) as progress:
        from agilab.workflow.running import again

        faces = progress.faces()
        if not anyway:
            from agilab.store.workspace import Workspace
            from agilab.workflow.ahead import refuse_hopeless_rerun

            refuse_hopeless_rerun(run, Workspace.default(), selection)
        outcome = (
            again.preview_of(run, selection, faces=faces)
            if dry_run
            else again.rerun(run, selection, faces=faces, expect=expect, workers=workers, track=not no_track)
        )
    if isinstance(outcome, Preview):
        _show(outcome, as_json=as_json)
        return DONE
    show_result(outcome, as_json=as_json)
    return exit_code(outcome)


def _condition(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise AgiError(
            "AGI-RUN-041",
            "this selects no units",
            found=text,
            allowed="state=…, node=… or key=…",
            try_="agilab runs rerun RUN --where state=failed",
        )
    return name, value


def _refuse_mixture(selection: Selection) -> None:
    said = [
        flag
        for flag, given in (
            ("--failed", selection.failed),
            ("--from", selection.from_node),
            ("--unit or --where", selection.units or selection.where),
        )
        if given
    ]
    if len(said) > 1:
        raise AgiError(
            "AGI-RUN-047",
            "one way of selecting at a time",
            found=" and ".join(said),
            allowed="--failed, or --from NODE, or any number of --unit and --where",
            try_="agilab runs rerun --help",
        )


def _show(shown: Preview, *, as_json: bool) -> None:
    from collections import Counter

    from rich.text import Text

    from agilab.cli.render import out, print_json, table, title
    from agilab.cli.words import plural
    from agilab.engine.reuse import older_words

    if as_json:
        print_json(shown.to_plain())
        return
    older = Counter(
        said
        for kept in shown.reuse.values()
        if (said := older_words(kept.older_code, kept.older_environment))
    )
    parts = [f"{len(shown.execute):,} to run", f"{len(shown.reuse):,} used again"]
    parts += [f"{count:,} of them with {said}" for said, count in older.items()]
    if shown.leave_out:
        parts.append(f"{len(shown.leave_out):,} left as they are")
    if shown.new:
        parts.append(f"{plural(len(shown.new), 'node')} not expanded yet")
    out(
        Text.assemble("A rerun of ", (shown.parent, "bold"), f": {', '.join(parts)}"),
        Text("  nothing was executed", "dim"),
    )
    groups = (
        ("Runs", shown.execute, "yellow"),
        ("Expands", shown.new, "yellow"),
        ("Used again", {name: kept.why for name, kept in shown.reuse.items()}, "green"),
        ("Left as they are", shown.leave_out, "dim"),
        ("No longer there", dict.fromkeys(shown.drop, "not in the app any more"), "dim"),
    )
    for heading, reasons, style in groups:
        if reasons:
            out("", title(f"{heading} ({len(reasons):,})"), table(("  unit", "why"), _rows(reasons, style)))
    words = _words(shown)
    out("", title("Next"), Text(f"  agilab runs rerun {words} --expect {shown.digest[:16]}", "cyan"))


def _rows(reasons: Mapping[str, str], style: str) -> list[tuple[Any, ...]]:
    """Units with their reasons, those with one reason together: nobody reads a thousand equal lines."""
    from rich.text import Text

    from agilab.cli.words import symbol

    more = symbol("more")
    by_reason: dict[str, list[str]] = {}
    for name, why in reasons.items():
        by_reason.setdefault(why, []).append(name)
    rows: list[tuple[Any, ...]] = []
    for why, names in list(by_reason.items())[:SHOWN]:
        some = ", ".join(names[:4]) + (f" {more} {len(names) - 4:,} more" if len(names) > 4 else "")
        rows.append((Text(f"  {some}", style), Text(why, "dim")))
    if len(by_reason) > SHOWN:
        rows.append((f"  {more} {len(by_reason) - SHOWN:,} more reasons", Text("--json has them all", "dim")))
    return rows


def _words(shown: Preview) -> str:
    import shlex

    selection = shown.selection
    words = [shown.parent]
    words += ["--failed"] * selection.failed
    words += ["--from", selection.from_node] if selection.from_node else []
    for unit in selection.units:
        words += ["--unit", unit]
    for name, value in selection.where.items():
        words += ["--where", f"{name}={value}"]
    words += [] if selection.downstream else ["--no-downstream"]
    return shlex.join(words)
