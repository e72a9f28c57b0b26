"""What a person sees when a run is over: what ran, what came out, whether it can be trusted, where it lies."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agilab.cli.answer import answer_block
from agilab.cli.checks import checks_block
from agilab.cli.render import console, mark, out, pairs, state, title
from agilab.cli.words import brief, duration, plural, short, symbol

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.padding import Padding
    from rich.text import Text

    from agilab.contracts.run_manifest import Artifact, LeftOut, Reused, RunManifest, TrackingRecord
    from agilab.contracts.run_result import RunResult

LEFT_OUT_SHOWN = 5
OLDER_SHOWN = 5


def print_summary(result: RunResult) -> None:
    """The end of `agilab run`; at most a screenful, however many units there were."""
    from rich.text import Text

    from agilab.contracts.base import read_document
    from agilab.contracts.run_manifest import RunManifest
    from agilab.contracts.subject import kind_of

    if result.manifest is None:
        return
    manifest = read_document(result.manifest, RunManifest)
    blocks: list[list[RenderableType]] = [_head(manifest, result)]
    if result.answer is not None:
        blocks.append([title("Answer"), *answer_block(result.answer, manifest.run_id)])
    if result.reduce is not None:
        blocks.append([title("Result"), result_block(Path(result.reduce))])
    if kind_of(manifest.app.name)[0] == "lab":
        blocks.append([title("Stages"), stages_block(manifest)])
    if older := [Text(f"  {line}", "yellow") for line in older_words(manifest.reused)]:
        blocks.append([title("Used again although changed since"), *older])
    blocks.append([title("Checks"), checks_block(manifest.verdict.validations)])
    if manifest.left_out:
        blocks.append([title(f"Left out ({len(manifest.left_out):,})"), left_out_block(manifest.left_out)])
    blocks.append([title("Evidence"), _evidence(manifest, result)])
    blocks.append([title("Next"), *_next(result.next)])
    for block in blocks:
        out("", *block)


def stages_block(manifest: RunManifest) -> RenderableType:
    """A line for each stage of a lab: what became of it, how long it took, the files that it left."""
    from rich.padding import Padding
    from rich.text import Text

    from agilab.cli.render import table

    rows: list[tuple[Text | str, ...]] = []
    for node in manifest.execution.nodes:
        files = [file for file in manifest.artifacts if file.node == node.node]
        shown = [_with_path(file) for file in files if not file.name.endswith((".preview", ".together"))]
        more = f" and {len(shown) - 4:,} more" if len(shown) > 4 else ""
        several = sum(node.units.values()) > 1
        words = Text(", ").join(
            Text.assemble(state(word), f" {count:,}" if several else "") for word, count in node.units.items()
        ) or state(node.state or "")
        rows.append(
            (
                node.node,
                words,
                duration(node.worked_seconds),
                Text(", ".join(shown[:4]) + more, "dim"),
            )
        )
    grid = table(("STAGE", "STATE", ">TOOK", "LEFT"), rows, flexible="LEFT")
    return Padding(grid, (0, 0, 0, 2))


def _with_path(file: Artifact) -> str:
    """An artifact's name, with the path under which a stage wrote it where that had to be another one."""
    if file.written_as is None:
        return file.name
    path = "".join(letter if letter.isprintable() else "?" for letter in file.written_as)
    return f"{file.name} ({path})"


def result_block(path: Path) -> Padding:
    """The payload of a reduce artefact: its scalar fields, nested ones in a line, long lists counted."""
    document = json.loads(path.read_text(encoding="utf-8"))
    payload = document["payload"]
    if isinstance(payload, Mapping):
        # In the order in which the app declares its fields, then what it derives from them.
        declared = [field["name"] for field in document.get("fields", ()) if field["name"] in payload]
        payload = {name: payload[name] for name in dict.fromkeys([*declared, *payload])}
    return pairs(result_rows(payload))


def result_rows(payload: Any) -> list[tuple[str, str]]:
    """Names and one-line values of a payload."""
    if not isinstance(payload, Mapping):
        return [("value", brief(payload))]
    room = max(30, min(console().width, 100) - 4 - max((len(name) for name in payload), default=0))
    return [(name, brief(value, limit=room)) for name, value in payload.items()]


def older_words(reused: Iterable[Reused]) -> Iterator[str]:
    """What a rerun kept although what it depends on is another by now: `older code: a, each[b]`."""
    from agilab.contracts.identifiers import readable_unit

    units: dict[str, list[str]] = {"code": [], "environment": [], "arguments": [], "inputs": []}
    for one in reused:
        units["code"] += one.older_code
        units["environment"] += one.older_environment
        units["arguments"] += one.older_arguments
        units["inputs"] += one.older_inputs
    for what, names in units.items():
        if names:
            yield f"older {what}: {some_of([readable_unit(name) for name in sorted(names)])}"


def some_of(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    more = len(names) - OLDER_SHOWN
    return ", ".join(names[:OLDER_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


def left_out_block(left_out: Iterable[LeftOut]) -> Padding:
    """What does not count, each with its error; the first few of many."""
    from rich.text import Text

    from agilab.contracts.identifiers import readable_unit

    rows: list[tuple[str, Text | str]] = []
    entries = list(left_out)
    for entry in entries[:LEFT_OUT_SHOWN]:
        subject = readable_unit(entry.unit or "") or (entry.input.path if entry.input else "?")
        what = entry.error.what.splitlines()[0] if entry.error.what else ""
        text = Text(what.removeprefix(f"{subject} ")).append(f"  {entry.error.code}", "dim")
        if entry.error.found:
            text.append(f"\n{brief(entry.error.found.splitlines()[0])}", "dim")
        rows.append((subject, text))
    if len(entries) > LEFT_OUT_SHOWN:
        rows.append(
            (symbol("more"), f"and {plural(len(entries) - LEFT_OUT_SHOWN, 'other')}, in the manifest")
        )
    return pairs(rows)


def tracking_words(record: TrackingRecord | Mapping[str, Any], run_id: str) -> Text:
    """Where MLflow has the run, or how to bring it there."""
    from rich.text import Text

    data = record if isinstance(record, Mapping) else record.plain()
    if data["state"] == "off":
        return Text("not recorded", "dim")
    uri = readable_uri(str(data["uri"] or ""))
    if data["state"] == "delivered":
        return Text(uri).append(f"  run {data['mlflow_run_id'][:12]}", "dim")
    text = Text("deferred", "yellow").append(f": {data['message'] or 'MLflow did not answer in time'}\n")
    return text.append(f"agilab track sync {run_id}", "cyan")


def readable_uri(uri: str) -> str:
    """The address of the tracking store; a local database by its path.

    >>> readable_uri("sqlite:////data/lab/mlflow.db"), readable_uri("http://tracking:5000")
    ('/data/lab/mlflow.db', 'http://tracking:5000')
    """
    from agilab.store.workspace import Workspace
    from agilab.tracking.uri import sqlite_path

    # Documents hold no absolute paths: a place in the workspace is named by its root.
    path = sqlite_path(uri.replace("{workspace}", str(Workspace.default().home).lstrip("/")))
    return short(f"/{path}" if "{workspace}" in uri else path) if path is not None else uri


def _head(manifest: RunManifest, result: RunResult) -> list[RenderableType]:
    from rich.text import Text

    units = manifest.execution.units()
    items = _items(manifest)
    good = result.status == "succeeded"
    took = duration(result.duration_seconds)
    bad = sum(not check.passed for check in manifest.verdict.validations)
    if result.status == "failed" and manifest.verdict.status == "succeeded":
        words = f"finished in {took}, but {plural(bad, 'check')} did not pass"
    else:
        ending = {"succeeded": "succeeded in", "cancelled": "cancelled after"}.get(
            result.status, "failed after"
        )
        words = f"{ending} {took}"
    head = Text.assemble(
        mark(good), " ", (manifest.app.name, "bold"), " ", (words, state(result.status).style)
    )
    dot = f" {symbol('dot')} "
    workers = len(manifest.execution.workers)
    parts = [
        f"{items[0]:,} of {plural(items[1], 'item')}" if items[0] != items[1] else plural(items[1], "item")
    ]
    if not items[1]:
        parts = [plural(sum(units.values()), "unit")]
    parts += [plural(workers, "worker"), f"run {manifest.run_id}"]
    return [head, Text("  " + dot.join(parts), "dim")]


def _items(manifest: RunManifest) -> tuple[int, int]:
    """(done, planned) of the mapped node; (0, 0) where nothing was mapped."""
    for node in manifest.execution.nodes:
        if node.node == "work":
            units: dict[Any, int] = dict(node.units)
            return sum(units.get(word, 0) for word in ("succeeded", "reused", "skipped")), sum(units.values())
    return 0, 0


def _evidence(manifest: RunManifest, result: RunResult) -> Padding:
    folder = Path(str(result.manifest)).parent
    rows: list[tuple[str, Text | str]] = [
        ("folder", short(folder)),
        ("manifest", Path(str(result.manifest)).name),
    ]
    if result.reduce:
        partial = [file for file in manifest.reduce if file.worker is not None]
        rows.append(
            (
                "reduce",
                f"{Path(result.reduce).name}, and one per worker" if partial else Path(result.reduce).name,
            )
        )
    if manifest.artifacts:
        rows.append(("artifacts", f"artifacts/  {plural(len(manifest.artifacts), 'file')}"))
    rows.append(("MLflow", tracking_words(manifest.tracking, manifest.run_id)))
    return pairs(rows)


def _next(commands: Iterable[str]) -> list[RenderableType]:
    from rich.text import Text

    return [Text(f"  {command}", "cyan") for command in commands]
