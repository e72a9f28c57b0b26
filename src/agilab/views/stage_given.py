"""What a stage of a lab was given, input by input, and where each comes from: from the plan and what others left."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from agi_node.canonical import untag
from agi_node.codec import in_words
from agi_node.errors import AgiError
from agi_node.exact_json import exact_value
from agilab.store.rows import UnitRow
from agilab.store.transitions import WITH_VALUE
from agilab.views.outline import OutlineNode, keys_of
from agilab.views.story import Scene, counted, some

_KEYS = {"inputs", "outputs", "params", "files", "axes"}
SHOWN = 72
"""Letters of a value."""


def is_stage(node: OutlineNode) -> bool:
    """Whether a node is a stage of a lab, by what its plan says of it."""
    return node.args.keys() >= _KEYS


def stage_given(scene: Scene, node: OutlineNode, unit: UnitRow | None = None) -> Iterator[tuple[str, Any]]:
    """What the stage, or one unit of it, takes and from where, what it runs, and what it promises."""
    args = untag(dict(node.args))
    for one in args["inputs"]:
        called = f" as {one['called']}" if one["called"] != one["name"] else ""
        yield f"takes {one['name']}{called}", _source(scene, node, unit, one, args)
    if "code" in args:
        yield "runs", f"{args['file'] or 'code of lab_stages.toml'}, {_lines(args['code'])}"
    for other, statements in args.get("carried", ()):
        yield f"uses text of {other}", _lines(statements)
    if args["outputs"]:
        yield "promises", ", ".join(args["outputs"])


def _source(
    scene: Scene, node: OutlineNode, unit: UnitRow | None, one: Mapping[str, Any], args: Mapping[str, Any]
) -> str:
    if one["stage"] is not None:
        return _of_stage(scene, node, unit, one)
    if one["kind"] == "file":
        files = args["files"].get(one["name"], [])
        size = in_bytes(sum(file.get("size") or 0 for file in files))
        names = some(file["path"] for file in files)
        listed = f" ({names})" if [file["path"] for file in files] != [one["name"]] else ""
        return f"from the lab's folder: {counted(len(files), 'file')}, {size}{listed}"
    return f"from lab.params: {_cut(repr(args['params'].get(one['called'])))}"


def _of_stage(scene: Scene, node: OutlineNode, unit: UnitRow | None, one: Mapping[str, Any]) -> str:
    """What the units of another stage left for this one: what it is where it is one, else of how many."""
    need = one["stage"]
    mine = keys_of(unit) if unit is not None else ()
    shared = scene.outline.shared(node.name, need) if need in scene.outline.nodes else 0
    # Of a whole node it depends on the unit which of the others are meant.
    keys = mine[:shared] if unit is not None else ()
    units = [other for other in scene.store.units(scene.id, node=need) if keys_of(other)[: len(keys)] == keys]
    good = [other for other in units if other.state in WITH_VALUE]
    if not units or not good:
        return f"from {need}, which left nothing" if units else f"from {need}, which has no units"
    if len(units) > 1:
        each = ", each unit its own" if unit is None and shared else ""
        return f"from {len(good):,} of {counted(len(units), 'unit')} of {need}{each}"
    return f"from {units[0].unit_id}: {_left(scene, units[0].unit_id, one)}"


def _left(scene: Scene, unit_id: str, one: Mapping[str, Any]) -> str:
    """A value or the files that a unit left, in words."""
    try:
        body = scene.store.result(scene.id, unit_id)
        left = untag(scene.store.value(dict(body)))
        sizes = {artifact["name"]: int(artifact.get("size") or 0) for artifact in body.get("artifacts", ())}
        if one["kind"] == "file":
            files = left["files"].get(one["name"], {})
            return f"{counted(len(files), 'file')}, {in_bytes(sum(sizes.get(name, 0) for name in files.values()))}"
        form = left["values"][one["name"]]
    except (AgiError, OSError, KeyError, TypeError, ValueError, AttributeError):
        return "its result cannot be read any more"
    if "text" in form:
        return _cut(repr(exact_value(form["text"], plain=True)))
    kind = form.get("type") or form.get("library") or form["kind"]
    return in_words(
        {"codec": form["kind"], "value_type": kind, "value_size": sizes.get(form.get("artifact", ""), 0)}
    )


def _lines(code: str) -> str:
    """How long code is; what is taken from another stage stands at the lines where it stood, others left empty."""
    return counted(sum(bool(line.strip()) for line in code.splitlines()), "line")


def in_bytes(size: int) -> str:
    """
    >>> in_bytes(999), in_bytes(12_345)
    ('999 B', '12.3 kB')
    """
    for power, name in ((3, "GB"), (2, "MB"), (1, "kB")):
        if size >= 1000**power:
            return f"{size / 1000**power:.1f} {name}"
    return f"{size} B"


def _cut(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[: SHOWN - 1]}…"
