"""An app of one function: a `publish` alone, called once, with nothing planned, worked or merged."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.projects.conftest import RunIt, manifest_of, write_app

from agi_node import App, Args
from agilab.projects.tasks import app_graph

ALONE = '''
"""How many lines?"""
from agi_node import App, Args, Files

class LinesArgs(Args):
    """Which texts."""
    texts: Files = "texts/*.txt"

app = App("lines", args=LinesArgs)

@app.publish
def count(args, run):
    lines = {file.name: len(file.path.read_text().splitlines()) for file in args.texts}
    run.save_json("lines", lines)
    run.validate("there are lines", sum(lines.values()) > 0)
    return lines
'''


def test_a_publish_takes_a_summary_or_leaves_it() -> None:
    def nothing() -> None: ...
    def both(args: Args, run: object) -> None: ...
    def whole(summary: object, run: object) -> None: ...

    for function, first, takes in (
        (nothing, None, set()),
        (both, None, {"args", "run"}),
        (whole, "summary", {"run"}),
    ):
        app = App("demo")
        app.publish(function)
        assert (app.step("publish").first, app.step("publish").takes) == (first, takes)
        assert app.nodes() == ("publish",)


def test_its_one_node_needs_nothing_and_is_of_the_moment() -> None:
    (node,) = app_graph("lines:app", [{"name": "publish"}], {}, "e").nodes
    assert (node.name, node.needs, node.fresh) == ("publish", (), True)
    steps = [{"name": name} for name in ("plan", "work", "reduce", "publish")]
    plan, *others = app_graph("flight:app", steps, {}, "e").nodes
    assert plan.fresh
    assert not any(node.fresh for node in others)


@pytest.mark.journey
def test_it_runs_once_leaves_its_evidence_and_is_never_taken_from_an_earlier_run(
    run_it: RunIt, tmp_path: Path
) -> None:
    app = write_app(tmp_path / "lines_project", ALONE, name="lines")
    (app / "texts").mkdir()
    (app / "texts/a.txt").write_text("one\ntwo\n")
    first = run_it(app, workers=2, cache=True)
    (app / "texts/a.txt").write_text(
        "one\ntwo\nthree\n"
    )  # what lies in a folder, no digest of arguments tells
    second = run_it(app, workers=2, cache=True)
    for result, count in ((first, 2), (second, 3)):
        manifest = manifest_of(result)
        assert (result.status, result.reduce) == ("succeeded", None)
        assert [node["node"] for node in manifest["execution"]["nodes"]] == ["publish"]
        assert ("there are lines", True) in [
            (one["name"], one["passed"]) for one in manifest["verdict"]["validations"]
        ]
        saved = Path(str(result.manifest)).parent / "artifacts/publish/lines.json"
        assert json.loads(saved.read_text()) == {"a.txt": count}
