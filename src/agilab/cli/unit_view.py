"""One unit of a run as a person reads it and as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agilab.store.rows import RunRow, UnitRow
    from agilab.store.store import Store
    from agilab.views.logged import Logged

METRICS_SHOWN = 30


def unit_plain(store: Store, run: RunRow, unit: UnitRow) -> dict[str, Any]:
    """A unit as JSON: its record, with its story and the end of its log, null where nothing was kept of it."""
    from agilab.store.rows import iso
    from agilab.views.record import unit_record
    from agilab.views.unit_log import log_tail

    story = [
        {"event": event.run_seq, "at": iso(event.at_us), "kind": event.kind, "body": event.data}
        for event in store.story(run.run_id, unit.unit_id)
    ]
    log = log_tail(store, run.run_id, unit)
    return {"run_id": run.run_id} | unit_record(store, run, unit) | {"story": story, "log": log}


def print_unit(store: Store, run: RunRow, unit: UnitRow) -> None:
    """A unit: what it logged, its story, its error with the user's own frames, its artifacts, the end of its log."""
    from rich.padding import Padding
    from rich.text import Text

    from agilab.cli.render import console, error_block, out, pairs, state, table, title
    from agilab.cli.words import brief, duration, number, short, size, symbol
    from agilab.store.transitions import TERMINAL
    from agilab.views.history import failure_of
    from agilab.views.logged import metrics_of, params_of
    from agilab.views.story import story_words
    from agilab.views.unit_log import log_tail

    run_id, over = run.run_id, unit.state in TERMINAL
    story = store.story(run_id, unit.unit_id)
    rows: list[tuple[str, Any]] = [("run", run_id), ("cost", number(unit.cost))]
    if unit.worker:
        rows.append(("worker", unit.worker))
    if over and unit.duration_us is not None:
        rows.append(("took", duration(unit.duration_us / 1e6)))
    result = store.result(run_id, unit.unit_id)
    left = _left(store, result)
    if left is None and (value := _value(result)):
        rows.append(("value", value))
    if unit.attempts > 1:
        rows.append(
            (
                "attempts",
                f"{unit.attempts}, of which {unit.retries} after a failure, {unit.losses} after a loss",
            )
        )
    out(Text.assemble((unit.unit_id, "bold"), "  ", state(unit.state)), pairs(rows))
    if left:
        out("", title("Left"), pairs(left))
    if params := params_of(result):
        out("", title("Params"), pairs([(name, brief(value)) for name, value in params.items()]))
    if metrics := metrics_of(store, unit, story):
        shown = [(f"  {one.name}", number(one.last), _points(one)) for one in metrics[:METRICS_SHOWN]]
        out("", title("Metrics"), table(("  metric", ">last", ""), shown))
        if len(metrics) > METRICS_SHOWN:
            more = f"  {symbol('more')} and {len(metrics) - METRICS_SHOWN:,} more, with --json"
            out(Text(more, "dim"))
    out("", title("Story"))
    began = story[0].at_us if story else 0
    out(
        table(
            ("  ", ">after", "event", "what"),
            (
                (
                    "",
                    duration((event.at_us - began) / 1e6),
                    event.kind.replace("_", " "),
                    words,
                )
                for event, words in story_words(story)
            ),
            flexible="what",
        )
    )
    if unit.state == "failed":
        # The event that ended it is not always the last: a note may follow, or a report that came too late.
        end = store.result(run_id, unit.unit_id)
        block = error_block(failure_of(end, unit).render(), width=console().width - 2)
        out("", title("Error"), *(Padding(line, (0, 0, 0, 2)) for line in block))
        traceback = (end.get("error") or {}).get("traceback")
        if traceback:
            out("", title("Traceback"), Padding(Text(str(traceback).rstrip(), "dim"), (0, 0, 0, 2)))
    mine = [row for row in store.artifacts(run_id) if row.unit_id == unit.unit_id]
    if mine:
        folder = store.workspace.run_folder(run_id)
        out(
            "",
            title("Artifacts"),
            pairs([(row.name, f"{short(folder / row.place)}  {size(row.size)}") for row in mine]),
        )
    if unit.attempts:
        lines = log_tail(store, run_id, unit)
        none = "it printed nothing" if over else "it has printed nothing yet"
        if lines is None:
            none = "what it printed was not kept"
        out("", title("Log"))
        # Colours that the author's code printed are shown; nothing else that a terminal would obey is.
        out(Padding(Text.from_ansi("\n".join(lines)), (0, 0, 0, 2)) if lines else Text(f"  {none}", "dim"))


def _points(metric: Logged) -> str:
    """Of a metric with several points, how many, and between what."""
    from agilab.cli.words import number

    if metric.points == 1:
        return ""
    span = f"{number(metric.least)} to {number(metric.greatest)}"
    return f"of {metric.points:,} points, {span if metric.least != metric.greatest else 'all alike'}"


def _left(store: Store, body: dict[str, Any]) -> list[tuple[str, str]] | None:
    """What a stage left: its values in words, and what its last expression was worth; None for any other unit."""
    from agi_node.canonical import untag
    from agi_node.handover import in_words

    if "codec" in body:  # a table, bytes or an object of a function
        return None
    value = store.value(body)
    if not isinstance(value, dict) or not {"values", "files", "shown", "item"} <= value.keys():
        return None
    value = untag(value)
    artifacts = {artifact["name"]: artifact for artifact in body.get("artifacts", ())}
    rows = [(name, in_words(form, artifacts)) for name, form in value["values"].items()]
    if value.get("changed"):
        rows.append(("changed in place", ", ".join(value["changed"])))
    if held := [
        f"{module}.{name}" for module, one in value.get("modules", {}).items() for name in one["names"]
    ]:
        rows.append(("changed in modules", ", ".join(held)))
    if value.get("sought"):
        rows.append(("looked for", ", ".join(value["sought"])))
    if value.get("left"):
        rows.append(("not kept", ", ".join(value["left"])))
    if value.get("drew"):
        rows.append(("drew from", ", ".join(value["drew"])))
    return [*rows, *([("shown", str(value["shown"]))] if value["shown"] is not None else [])]


def _value(body: Mapping[str, Any]) -> str | None:
    """What a unit left, in a few words: an object by its type and size, which only its author's own process reads."""
    from agi_node.canonical import untag
    from agi_node.codec import in_words
    from agilab.cli.words import brief

    if "codec" in body:
        return in_words(body)
    if "value_digest" in body:
        return f"object {body['value_digest'][:12]}"
    return brief(untag(body["value"]), limit=100) if body.get("value") is not None else None
