"""The functions as they are, on documents that are broken on purpose."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import global_dag
import pytest
from global_dag import document

from agi_node import AgiError, FileRef, LocalRun, RunContext
from agi_node.files import use_roots

APP = Path(__file__).parents[1]
Change = Callable[[dict[str, Any]], object]


def run(folder: Path, change: Change = lambda dag: None) -> tuple[LocalRun, Any]:
    """A run of the plain functions over the document, changed."""
    dag = json.loads((APP / "multi_app_dag.json").read_text())
    change(dag)
    (folder / "dag.json").write_text(json.dumps(dag))
    with use_roots({"app": folder}):
        args = global_dag.GlobalDagArgs(dags="dag.json")
        done = []
        for at, item in enumerate(global_dag.nodes(args)):
            assert isinstance(item.payload["file"], FileRef)
            done.append(global_dag.declare(item.payload, RunContext.local(folder / str(at))))
        last = RunContext.local(folder / "publish", node="publish")
        return last, global_dag.order(global_dag.Handoffs.merge_all(done), args, last)


def test_the_queue_comes_before_the_relay(tmp_path: Path) -> None:
    last, found = run(tmp_path)
    assert found == {"dag": [["queue_baseline"], ["relay_followup"]]}
    assert all(one["passed"] for one in last.validations)
    assert ">queue_metrics</text>" in last.saved["dag"].read_text()


def test_the_picture_is_legible_on_a_light_and_on_a_dark_ground(tmp_path: Path) -> None:
    drawing = run(tmp_path)[0].saved["dag"].read_text()
    light, dark = drawing.split("@media(prefers-color-scheme:dark)")
    for scheme in (light, dark):
        ground = re.search(r"svg\{[^}]*background:(#\w+);fill:(#\w+)", scheme)
        box, grey = re.search(r"\.line\{fill:(#\w+)", scheme), re.search(r"\.app,marker\{fill:(#\w+)", scheme)
        assert ground
        assert box
        assert grey
        for ink, behind in ((ground[2], ground[1]), (ground[2], box[1]), (grey[1], box[1])):
            assert contrast(ink, behind) >= 4.5, "what WCAG 2.1, 1.4.3 asks of text"


def contrast(one: str, other: str) -> float:
    """WCAG 2.1: (L1 + 0.05) / (L2 + 0.05) of relative luminances."""

    def luminance(colour: str) -> float:
        digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
        shares = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d["nodes"][0]["produces"].clear(), "queue_baseline does not produce queue_metrics"),
        (lambda d: d["nodes"][1]["consumes"].clear(), "relay_followup does not consume queue_metrics"),
        (lambda d: d["edges"].clear(), "relay_followup consumes queue_metrics, which no edge brings"),
        (lambda d: d["edges"][0].update({"from": "nobody"}), "there is no node nobody"),
    ],
)
def test_a_handoff_that_does_not_hold_fails_a_check(tmp_path: Path, change: Change, told: str) -> None:
    last, _ = run(tmp_path, change)
    failed = [one["message"] for one in last.validations if not one["passed"]]
    assert any(told in message for message in failed), failed


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda d: d["nodes"][0].pop("app"), "nodes.0.app is wrong"),
        (lambda d: d["nodes"][0]["produces"][0].update(path="../../etc/passwd"), "produces.0.path is wrong"),
        (lambda d: d["nodes"][0]["produces"][0].update(path="/etc/passwd"), "produces.0.path is wrong"),
        (lambda d: d["nodes"][1].update(id="queue_baseline"), "a node's id comes twice\n.*queue_baseline"),
        (lambda d: d.update(schema="other"), "schema is wrong"),
        (
            lambda d: d["edges"].append({"from": "relay_followup", "to": "queue_baseline", "artifact": "x"}),
            "wait for each other in a circle",
        ),
    ],
)
def test_a_document_that_is_no_dag_is_refused_by_place(tmp_path: Path, change: Change, told: str) -> None:
    with pytest.raises(AgiError, match=told):
        run(tmp_path, change)


def test_what_may_run_together_stands_in_one_level() -> None:
    made = {
        "schema": "agilab.multi_app_dag.v1",
        "dag_id": "d",
        "nodes": [{"id": i, "app": i} for i in "abcd"],
    }
    made["edges"] = [{"from": a, "to": b, "artifact": "x"} for a, b in ("ab", "ac", "bd", "cd")]
    assert document.levels(document.Dag.model_validate(made)) == [["a"], ["b", "c"], ["d"]]
