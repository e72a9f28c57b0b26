"""`agilab report`: what can be shown of this workspace, computed when it is asked for."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click
import rich_click

from agi_node.errors import DONE, FAILED
from agilab.cli.choices import APP
from agilab.cli.commands import SETTINGS, Group, examples, json_option

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from agilab.contracts.report import Report
    from agilab.evidence.report import Scope

F = TypeVar("F", bound=Callable[..., Any])


def compact_option(function: F) -> F:
    """`--compact`: the document in one line, for a log or a pipe."""
    return click.option("--compact", is_flag=True, help="Print the JSON document in one line.")(function)


_OF_NOTEBOOKS = "agilab.cli.report_notebooks"


@rich_click.group(
    "report",
    cls=Group,
    places={
        "notebook-import": f"{_OF_NOTEBOOKS}:notebook_import",
        "notebook-roundtrip": f"{_OF_NOTEBOOKS}:notebook_roundtrip",
        "notebook-union-environment": f"{_OF_NOTEBOOKS}:notebook_union_environment",
    },
    context_settings=SETTINGS,
)
def report(**_: Any) -> None:
    """Reports, each computed when it is asked for."""


@report.command("list", context_settings=SETTINGS)
@json_option
def list_(as_json: bool) -> int:
    """List the reports there are."""
    from agilab.cli.render import out, print_json, table
    from agilab.evidence.report import KINDS

    if as_json:
        print_json([{"name": kind.name, "subject": kind.subject, "how": kind.how} for kind in KINDS])
    else:
        rows = ((kind.name, kind.how, kind.subject) for kind in KINDS)
        out(table(("report", "how", "what it is about"), rows, flexible="what it is about"))
    return DONE


@report.command(
    "reducers",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab report reducers", "every app that is known here"),
        ("agilab report reducers flight --json", "one, as a document"),
    ),
)
@click.argument("apps", nargs=-1, type=APP, metavar="[APP]…")
@json_option
@compact_option
def reducers(apps: tuple[str, ...], as_json: bool, compact: bool) -> int:
    """Show how the partials of apps merge.

    For each app: its reducer, fields and rules. On the partials of its latest run the laws of a merge are tried, and
    its result is merged again, now. An app that never ran here is said to be so.

    Exit code 1 if something does not hold.
    """
    from agilab.projects.reporting import scope_of
    from agilab.store.workspace import Workspace

    scope = scope_of(Workspace.default(), apps)
    return answer_with("reducers", scope, {}, as_json=as_json, compact=compact, more=_reducers)


@report.command(
    "reducer-benchmark",
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab report reducer-benchmark", "8 partials of 80,000 items"),
        ("agilab report reducer-benchmark --partials 64 --items 1000000", "more"),
    ),
)
@click.option("--partials", type=click.IntRange(1), default=8, show_default=True, help="How many merge.")
@click.option("--items", type=click.IntRange(1), default=80_000, show_default=True, help="Of all together.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Medians of so many.")
@click.option("--seed", type=int, default=2026, show_default=True, help="Another seed, other items.")
@json_option
@compact_option
def reducer_benchmark(as_json: bool, compact: bool, **options: int) -> int:
    """Reduce items in partials and in a single pass, now.

    Both have to give the same bytes; shown is how much longer the contract takes. Exit code 1 if they differ.
    """
    from agilab.evidence.report import Scope
    from agilab.store.workspace import Workspace

    scope = Scope(Workspace.default())
    return answer_with("reducer-benchmark", scope, options, as_json=as_json, compact=compact, more=_benchmark)


def answer_with(
    name: str,
    scope: Scope,
    options: dict[str, Any],
    *,
    as_json: bool,
    compact: bool,
    more: Callable[[Report], list[RenderableType]],
) -> int:
    """Compute a report and show it; `more` makes the lines above the verdict. Returns the exit code."""
    from agilab.cli.render import out, print_json
    from agilab.evidence.report import report_kind

    kind = report_kind(name)
    found = kind.make(scope, **options)
    if compact:
        print(json.dumps(found.plain(), ensure_ascii=True, separators=(",", ":")))
    elif as_json:
        print_json(found.plain())
    else:
        out(*more(found), "", _verdict(found, kind.how))
    return FAILED if found.verdict == "failed" else DONE


def _reducers(found: Report) -> list[RenderableType]:
    """A block for each app."""
    from rich.text import Text

    lines: list[RenderableType] = []
    for app in found.details["apps"]:
        head = Text.assemble((app["app"], "bold"), (f"  {app['place']}", "dim"))
        if app["run_id"]:
            head.append(f"  run {app['run_id']}", "dim")
        lines += [*([""] if lines else []), head]
        if app["merges"] is False:
            lines.append(Text("  has no partial: nothing is merged", "dim"))
        if app["fields"]:
            lines.append(_fields(app))
        lines += [check_line(check) for check in found.checks if check.about == app["app"]]
        if app["run_id"] and app["newer_runs_without_result"]:
            lines.append(
                Text(f"  newer runs without a result: {app['newer_runs_without_result']:,}", "yellow")
            )
    return lines or [Text("no apps are known here")]


def _fields(app: dict[str, Any]) -> RenderableType:
    from agilab.cli.render import pairs

    rules: dict[str, list[str]] = {}
    for field in app["fields"]:
        rules.setdefault(field["rule"], []).append(field["name"])
    return pairs([("reducer", app["reducer"]), *((rule, ", ".join(names)) for rule, names in rules.items())])


def _benchmark(found: Report) -> list[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs
    from agilab.cli.words import duration, plural

    said = found.details
    seconds = said["seconds"]
    head = (
        f"{plural(said['partials'], 'partial')}, {plural(said['items'], 'item')}, median of {said['rounds']}"
    )
    rows = [
        ("contract", f"{duration(said['contract_seconds'])}, of which the reduce {said['reduce_share']:.1%}"),
        ("single pass", duration(seconds["single pass"]["median"])),
        ("ratio", f"{said['ratio']:.2f}"),
    ]
    return [Text(head, "bold"), pairs(rows), *(check_line(check) for check in found.checks)]


def check_line(check: Any) -> RenderableType:
    """A check with its sign, name and message."""
    from rich.padding import Padding
    from rich.table import Table
    from rich.text import Text

    from agilab.cli.render import mark
    from agilab.cli.words import symbol

    unknown = check.state == "unknown"
    sign = Text(symbol("warn"), "yellow") if unknown else mark(check.state == "passed")
    style = "yellow" if unknown else "dim" if check.state == "passed" else "red"
    grid = Table.grid(padding=(0, 1, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True, min_width=10)
    grid.add_column(overflow="fold")
    grid.add_row(sign, check.name, Text(check.message, style))
    return Padding(grid, (0, 0, 0, 2))


def _verdict(found: Report, how: str) -> Text:
    from rich.text import Text

    from agilab.cli.words import plural, symbol

    states = [check.state for check in found.checks]
    failed, unknown = states.count("failed"), states.count("unknown")
    style = {"passed": "green", "failed": "red"}.get(found.verdict, "yellow")
    parts = [f"{plural(len(states), 'check')}, {how}"]
    if unknown and not failed and states.count("passed"):
        # A check that waits for a first run is no bad news, and the exit code says so too.
        parts = ["nothing failed", f"{plural(states.count('passed'), 'check')} passed, {how}"]
    parts += [f"{failed:,} failed"] if failed else []
    parts += (
        [f"{unknown:,} {'has' if unknown == 1 else 'have'} nothing to look at yet ({symbol('warn')})"]
        if unknown
        else []
    )
    return Text.assemble((found.verdict, f"bold {style}"), (f": {', '.join(parts)}", style))
