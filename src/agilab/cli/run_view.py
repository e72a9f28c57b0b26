"""One run as a person reads it and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.store.rows import NodeRow
    from agilab.views.history import RunView
    from agilab.views.records import Records

ARTIFACTS_SHOWN = 8


def view_plain(view: RunView, records: Records, answer: Any) -> dict[str, Any]:
    """A run as JSON: what fits a screen first, then its records, in pages where they grow with the units.

    `answer` is what its app returned at the end, tagged.
    """
    return view.summary.to_plain() | {
        "parent": view.row.parent_run_id,
        "children": [{"run_id": child.run_id, "state": child.state} for child in view.children],
        "rerun": dict(view.rerun) if view.rerun else None,
        "older": {what: len(units) for what, units in view.older.items()},
        "paused": view.row.paused,
        "mark": view.row.mark,
        "args": dict(view.args),
        "answer": answer,
        "nodes": [_node_plain(node, view.worked.get(node.node)) for node in view.nodes],
        "failures": [
            {"unit": failure.unit_id, "attempts": failure.attempts, "error": failure.error.to_plain()}
            for failure in view.failures
        ],
        "failed": view.failed,
        "artifacts_total": len(view.artifacts),
        "models": [
            {
                "name": model.name,
                "version": version,
                "artifact": model.artifact.place,
                "digest": model.artifact.digest,
                "description": model.description,
                "tags": dict(model.tags),
            }
            for model, version in view.models
        ],
        "folder": str(view.folder),
        "manifest": str(view.manifest) if view.manifest else None,
        "reduce": str(view.reduce) if view.reduce else None,
        "tracking": dict(view.tracking) if view.tracking else None,
        "verdict": dict(view.verdict) if view.verdict else None,
        "replay": view.replay,
        "replay_needs": list(view.replay_needs),
        "cursor": records.cursor,
        "records": records.to_plain(),
    }


def _node_plain(node: NodeRow, worked: float | None) -> dict[str, Any]:
    from agilab.store.rows import iso

    return {
        "node": node.node,
        "state": node.state,
        "target": node.target,
        "total": node.total,
        "units": dict(node.counts),
        "started_at": iso(node.started_us),
        "finished_at": iso(node.finished_us),
        "worked_seconds": worked,
    }


def print_run(view: RunView, answer: Any) -> None:
    """A run, on a screen or two: state, nodes, failures, answer, result, checks, artifacts, evidence."""
    from rich.padding import Padding
    from rich.text import Text

    from agilab.cli.render import console, error_block, out, pairs, state, steps, table, title
    from agilab.cli.roots import where_roots_lie
    from agilab.cli.summary import result_block
    from agilab.cli.words import brief, duration, moment, short, symbol
    from agilab.contracts.subject import kind_of
    from agilab.projects.finish import rest_command
    from agilab.views.history import DOUBTFUL, INTERRUPTED, is_flow, resume_command

    summary, dot = view.summary, f" {symbol('dot')} "
    times = [f"started {moment(summary.created_at)}"]
    if summary.duration_seconds is not None:
        times.append(f"took {duration(summary.duration_seconds)}")
    out(
        Text.assemble((summary.run_id, "bold"), "  ", state(summary.state)),
        Text(f"  {summary.app}{dot}{dot.join(times)}", "dim"),
    )
    for words in _kin(view):
        out(Text.assemble("  ", words))
    if view.args:
        out("", title("Arguments"), pairs([(name, brief(value)) for name, value in view.args.items()]))
    nodes = [
        (
            f"  {node.node}",
            state(node.state),
            f"{node.total:,}" if node.total else "",
            _counts(node),
            duration(view.worked.get(node.node)),
        )
        for node in view.nodes
    ]
    out(
        "",
        title("Nodes"),
        table(("  node", "state", ">units", "of which", ">took"), nodes),
    )
    if view.failures:
        out("", title(f"Failures ({view.failed:,})" if view.failed else "Failures"))
        for failure in view.failures:
            tries = f"  after {failure.attempts} attempts" if failure.attempts > 1 else ""
            out(Text.assemble("  ", (failure.unit_id, "bold"), (tries, "dim")))
            for line in error_block(failure.error.render(), width=console().width - 4):
                out(Padding(line, (0, 0, 0, 4)))
        told = [text for one in view.failures for text in (one.error.what, one.error.found or "")]
        if lies := where_roots_lie(told):
            out(Text.assemble("  ", ("; ".join(lies), "dim")))
        if view.failed > len(view.failures):
            rest = f"{symbol('more')} and {view.failed - len(view.failures):,} more"
            out(steps([(f"agilab runs show {summary.run_id} --units --state failed", rest)]))
    if answer is not None:
        from agi_node.canonical import untag
        from agilab.cli.answer import answer_block

        out("", title("Answer"), *answer_block(untag(answer), summary.run_id))
    if view.reduce:
        out("", title("Result"), result_block(view.reduce))
    if view.verdict:
        _print_checks(view.verdict)
    if view.notes:
        out("", title("Notes"))
        for text, by in view.notes:
            words = Text(text, "yellow") if by == "agilab" else Text.assemble(text, (f"  {by}", "dim"))
            out(Padding(words, (0, 0, 0, 2)))
    if view.artifacts:
        _print_artifacts(view)
    if view.models:
        _print_models(view)
    rows: list[tuple[str, Any]] = [("folder", short(view.folder))]
    rows.append(("manifest", view.manifest.name if view.manifest else Text("none", "yellow")))
    if view.tracking:
        from agilab.cli.summary import tracking_words

        rows.append(("MLflow", tracking_words(view.tracking, summary.run_id)))
    if view.replay:
        rows.append(("replay", Text(view.replay, "cyan")))
        said = f"the lab {kind_of(summary.app)[1]}"  # which the command names
        rows += [("", Text(f"needs {need}")) for need in view.replay_needs if need != said]
    out("", title("Evidence"), pairs(rows))
    if summary.state == INTERRUPTED:
        why = "nobody runs it any more; what is recorded as done is kept"
        out("", title("Next"), steps([(resume_command(summary.app, summary.run_id), why)]))
    elif summary.state in ("failed", DOUBTFUL, "cancelled"):
        rows_next = [(f"agilab runs explain {summary.run_id}", "why, and what now")]
        if summary.state != DOUBTFUL and not is_flow(summary.app):
            rows_next.append((rest_command(summary.run_id), "do the rest, keep what is done"))
        out("", title("Next"), steps(rows_next))


def _kin(view: RunView) -> Iterator[Text]:
    """What a person should know of a run before anything else: paused, marked, a rerun, rerun itself."""
    from rich.text import Text

    from agilab.cli.render import state
    from agilab.cli.summary import some_of
    from agilab.cli.words import brief, symbol
    from agilab.contracts.identifiers import readable_unit

    if view.row.paused and view.row.state == "running":
        yield Text.assemble(
            ("paused", "yellow"), f": nothing new starts; agilab runs unpause {view.row.run_id}"
        )
    if view.row.mark:
        yield Text.assemble("marked ", (view.row.mark, "bold"))
    if view.row.parent_run_id:
        what = brief(dict(view.rerun["selection"])) if view.rerun and view.rerun.get("selection") else ""
        yield Text.assemble("a rerun of ", (view.row.parent_run_id, "cyan"), (f"  {what}", "dim"))
    for what, units in view.older.items():
        names = some_of([readable_unit(unit) for unit in units])
        yield Text.assemble("used again although changed since: ", (f"older {what}: {names}", "yellow"))
    for child in view.children[-3:]:
        yield Text.assemble("rerun as ", (child.run_id, "cyan"), "  ", state(child.state))
    if len(view.children) > 3:
        yield Text(f"{symbol('more')} and {len(view.children) - 3} reruns before these", "dim")


def print_units(records: Records) -> None:
    """A page of units, one line each."""
    from rich.text import Text

    from agilab.cli.render import out, state, table, title
    from agilab.cli.words import duration, symbol

    rows = [
        (
            f"  {unit['unit']}",
            state(unit["state"]),
            f"{unit['attempts']}" if unit["attempts"] else "",
            duration(unit["duration_seconds"]),
            unit["provenance"]["worker"] or "",
            Text(unit["message"], "dim"),
        )
        for unit in records.units
    ]
    out("", title(f"Units ({records.total:,})"))
    if rows:
        out(table(("  unit", "state", ">attempts", ">took", "worker", "message"), rows, flexible="message"))
    shown = records.page.offset + len(rows)
    if shown < records.total:
        out(Text(f"  {symbol('more')} and {records.total - shown:,} more: --offset {shown}", "dim"))


def _print_checks(verdict: Mapping[str, Any]) -> None:
    from rich.text import Text

    from agilab.cli.checks import check_words
    from agilab.cli.render import mark, out, title
    from agilab.cli.words import plural

    checks = verdict.get("validations", [])
    bad = [check for check in checks if not check["passed"]]
    out("", title("Checks"))
    if not bad:
        out(Text.assemble("  ", mark(True), f" all {plural(len(checks), 'check')} passed"))
        return
    for check in bad:
        said = check_words(check.get("message", ""), check.get("evidence", {}))
        out(Text.assemble("  ", mark(False), f" {check['name']}  ", (said, "red")))
    if len(checks) > len(bad):
        out(Text.assemble("  ", mark(True), (f" the other {len(checks) - len(bad)} passed", "dim")))


def _print_artifacts(view: RunView) -> None:
    from agilab.cli.render import out, table, title
    from agilab.cli.words import plural, size, symbol

    groups: dict[tuple[str, str, str], list[int]] = {}
    for row in view.artifacts:
        groups.setdefault((row.unit_id.partition("[")[0], row.name, row.kind), []).append(row.size)
    total = sum(row.size for row in view.artifacts)
    out("", title(f"Artifacts ({plural(len(view.artifacts), 'file')}, {size(total)})"))
    rows = [
        (f"  {node}", name, kind, f"{len(sizes):,}", size(sum(sizes)))
        for (node, name, kind), sizes in groups.items()
    ]
    out(table(("  node", "name", "kind", ">files", ">size"), rows[:ARTIFACTS_SHOWN]))
    if len(rows) > ARTIFACTS_SHOWN:
        out(f"  {symbol('more')} and {plural(len(rows) - ARTIFACTS_SHOWN, 'other name')}")


def _print_models(view: RunView) -> None:
    from rich.text import Text

    from agilab.cli.render import out, table, title

    rows = [
        (
            f"  {model.name}",
            version or Text("not in the registry", "yellow"),
            model.artifact.file.rpartition("/")[2],
            model.artifact.digest[:12],
            model.description,
        )
        for model, version in view.models
    ]
    out(
        "",
        title("Models"),
        table(("  model", "version", "file", "digest", "what it is"), rows, flexible="what it is"),
    )


def _counts(node: NodeRow) -> Any:
    from rich.text import Text

    from agilab.cli.render import STATE_STYLES

    found = Text()
    for word, count in node.counts.items():
        if word != node.state or count != node.total:
            found.append(f"{', ' if found else ''}{count:,} {word}", STATE_STYLES.get(word, ""))
    return found
