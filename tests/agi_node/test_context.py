"""The run context: what a unit may say, and what becomes of it."""

from __future__ import annotations

import datetime
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from agi_node import AgiError, LocalRun, RunContext
from agi_node.canonical import sha256_file, untag
from agi_node.recording import FLUSH_POINTS, Recording


@pytest.fixture
def run(tmp_path: Path) -> LocalRun:
    return RunContext.local(tmp_path, key="k")


def test_the_folder_is_made_on_first_use(tmp_path: Path) -> None:
    run = RunContext.local(tmp_path / "staging")
    assert not (tmp_path / "staging").exists()
    assert run.folder.is_dir()


def test_metrics_are_kept_in_order_with_step_and_time(run: LocalRun) -> None:
    run.log_metric("loss", 0.5, step=1)
    run.log_metrics({"loss": np.float32(0.25), "acc": True}, step=np.int64(2))  # type: ignore[dict-item, arg-type]
    assert [(name, value, step) for name, value, step, _ in run.points] == [
        ("loss", 0.5, 1),
        ("loss", 0.25, 2),
        ("acc", 1.0, 2),
    ]
    assert all(at_ms > 1_600_000_000_000 for *_, at_ms in run.points)
    assert run.metrics == {"loss": [0.5, 0.25], "acc": [1.0]}


@pytest.mark.parametrize(
    ("name", "value"), [("", 1), ("x", "3"), ("x", None), ("x", [1, 2]), (3, 1), ("x" * 251, 1)]
)
def test_a_metric_that_is_none_is_refused_with_what_it_is(run: LocalRun, name: Any, value: Any) -> None:
    with pytest.raises(AgiError, match="AGI-TRACK-001"):
        run.log_metric(name, value)


class Basket:
    """A feed that keeps what it is given."""

    def __init__(self) -> None:
        self.batches: list[dict[str, list[Any]]] = []
        self.news: list[tuple[float, float | None, str]] = []

    def metrics(self, columns: dict[str, list[Any]]) -> None:
        self.batches.append(columns)

    def progress(self, done: float, total: float | None, message: str) -> None:
        self.news.append((done, total, message))


def test_metrics_leave_in_batches_and_the_rest_is_drained_once() -> None:
    basket = Basket()
    recording = Recording(basket)
    for number in range(FLUSH_POINTS + 3):
        recording.point("x", float(number), None)
    rest = recording.drain()
    assert [len(batch["value"]) for batch in basket.batches] == [FLUSH_POINTS]
    assert [*basket.batches[0]["value"], *rest["value"]] == [
        float(number) for number in range(FLUSH_POINTS + 3)
    ]
    assert recording.drain() == {"name": [], "value": [], "step": [], "at_ms": []}


def test_metrics_that_are_not_finite_are_tagged() -> None:
    recording = Recording()
    for value in (float("nan"), float("inf"), 1.5):
        recording.point("x", value, None)
    assert recording.drain()["value"] == ["$float:nan", "$float:inf", 1.5]


def test_progress_is_thinned_and_its_last_word_is_never_lost() -> None:
    basket = Basket()
    recording = Recording(basket)
    for number in range(1_000):
        recording.progress(number, 1_000, "")
    recording.drain()
    assert len(basket.news) <= 3
    assert basket.news[0] == (0, 1_000, "")
    assert basket.news[-1] == (999, 1_000, "")


def test_a_parameter_has_one_value(run: LocalRun) -> None:
    run.log_param("lr", 0.1)
    run.log_param("lr", 0.1)
    run.log_param("path", Path("x/y"))
    with pytest.raises(
        AgiError, match="AGI-TRACK-002.: the parameter 'lr' already has another value.*\n.*0.2\n.*0.1"
    ):
        run.log_param("lr", 0.2)
    assert run.params == {"lr": 0.1, "path": "x/y"}


def test_a_validation_keeps_its_evidence(run: LocalRun) -> None:
    run.validate("agree", np.bool_(True), value=np.float64(0.4), limit=1, message="knots")  # type: ignore[arg-type]
    run.validate("big", False, value=2**60)
    assert run.validations == [
        {"name": "agree", "passed": True, "value": 0.4, "limit": 1, "message": "knots"},
        {"name": "big", "passed": False, "value": f"$int:{2**60}", "limit": None, "message": ""},
    ]
    with pytest.raises(AgiError, match="AGI-TRACK-001.: the validation 'x' neither passed nor failed"):
        run.validate("x", None)  # type: ignore[arg-type]


def test_cancellation_is_seen_when_it_is_looked_for(run: LocalRun) -> None:
    assert not run.cancelled
    run.request_cancel()
    assert run.cancelled


FRAMES = {
    "polars": pl.DataFrame({"n": [1, 2, 3], "name": ["a", None, "c"]}),
    "lazy": pl.LazyFrame({"n": [1, 2, 3], "name": ["a", None, "c"]}),
    "pandas": pd.DataFrame({"n": [1, 2, 3], "name": ["a", None, "c"]}),
    "arrow": pa.table({"n": [1, 2, 3], "name": ["a", None, "c"]}),
    "batch": pa.record_batch({"n": [1, 2, 3], "name": ["a", None, "c"]}),
    "rows": [{"n": 1, "name": "a"}, {"n": 2, "name": None}, {"n": 3, "name": "c"}],
}


def test_an_index_of_pandas_is_kept_and_counts_as_no_column(run: LocalRun) -> None:
    sales = pd.DataFrame({"shop": ["x", "y", "x"], "n": [1, 2, 4]})
    means, rest = sales.groupby("shop").mean(), sales[sales.n > 1]
    run.save_table("means", means)
    run.save_table("rest", rest)

    meta = {entry["name"]: entry["meta"] for entry in run.staged}
    assert meta["means"] == {"rows": 2, "columns": 1, "index": ["shop"], "preview": "means.preview"}
    assert meta["rest"] == {"rows": 2, "columns": 2, "preview": "rest.preview"}
    preview = untag(json.loads(run.saved["means.preview"].read_bytes()))
    assert [(one["name"], one.get("index")) for one in preview["schema"]] == [("n", None), ("shop", True)]
    assert preview["rows"] == [[2.5, "x"], [2.0, "y"]]
    pd.testing.assert_frame_equal(pd.read_parquet(run.saved["means"]), means)
    pd.testing.assert_frame_equal(pd.read_parquet(run.saved["rest"]), rest)


@pytest.mark.parametrize("kind", FRAMES)
def test_a_table_of_any_library_is_parquet_with_a_preview_beside_it(run: LocalRun, kind: str) -> None:
    run.save_table("t", FRAMES[kind])
    assert pq.read_table(run.saved["t"]).to_pylist() == FRAMES["rows"]
    preview = untag(json.loads(run.saved["t.preview"].read_bytes()))
    assert [column["name"] for column in preview["schema"]] == ["n", "name"]
    assert (preview["count"], preview["rows"], preview["cut"]) == (3, [[1, "a"], [2, None], [3, "c"]], 0)
    table, shown = run.staged
    assert table["meta"] == {"rows": 3, "columns": 2, "preview": "t.preview"}
    assert shown["meta"] == {"preview_of": "t"}
    assert (table["kind"], table["media_type"], table["file"]) == (
        "table",
        "application/vnd.apache.parquet",
        "artifacts/t.parquet",
    )
    for entry in run.staged:
        assert entry["digest"] == sha256_file(run.saved[entry["name"]])
        assert entry["size"] == run.saved[entry["name"]].stat().st_size


def test_equal_tables_give_equal_bytes_however_they_came_about(tmp_path: Path) -> None:
    whole = pl.DataFrame({"x": range(300_000), "s": [f"v{n % 7}" for n in range(300_000)]})
    pieces = pl.concat([whole[:1000], whole[1000:123_456], whole[123_456:]], rechunk=False)
    assert pieces.n_chunks() == 3
    arrow = whole.to_arrow()
    arrow_pieces = pa.concat_tables([arrow.slice(0, 77), arrow.slice(77)])
    digests = []
    for number, table in enumerate(
        (whole, pieces, arrow, arrow_pieces, whole.to_pandas(), arrow_pieces.to_pandas())
    ):
        run = RunContext.local(tmp_path / str(number))
        run.save_table("t", table)
        digests.append(run.staged[0]["digest"])
    assert digests[0] == digests[1]
    assert digests[2] == digests[3]
    assert digests[4] == digests[5]


def test_a_preview_is_bounded_and_says_what_it_cut(run: LocalRun) -> None:
    table = pl.DataFrame(
        {"text": ["x" * 5_000] * 200, "list": [list(range(500))] * 200, "f": [float("nan")] * 200}
    )
    run.save_table("t", table)
    preview = untag(json.loads(run.saved["t.preview"].read_bytes()))
    assert (preview["count"], len(preview["rows"]), preview["cut"]) == (200, 100, 200)
    text, items, number = preview["rows"][0]
    assert len(text) == 500
    assert items == list(range(50))
    assert number != number


@pytest.mark.parametrize(
    ("cell", "columns", "rows"),
    [
        ("\N{GRINNING FACE}" * 500, 1, 100),  # 12 characters of JSON each
        ("\N{GRINNING FACE}" * 500, 2, 50),
        ("\N{GRINNING FACE}" * 500, 90, 1),
        ("abc", 300, 100),
        (-(2**126), 209, 100),
        (-(2**126), 300, 50),
        (-1.7976931348623157e308, 430, 50),
        (True, 1_800, 50),
        (datetime.datetime(2024, 5, 1, 12, 30, 15, 123456), 400, 50),
        ([0] * 50, 60, 100),
        ([0] * 50, 80, 50),
    ],
)
def test_a_preview_is_as_many_rows_as_a_megabyte_of_json_holds(
    run: LocalRun, cell: Any, columns: int, rows: int
) -> None:
    table = pl.DataFrame([pl.Series(f"c{n}", [cell] * 120) for n in range(columns)])
    run.save_table("t", table)
    shown = json.loads(run.saved["t.preview"].read_bytes())["rows"]
    plain = [[cell.isoformat() if isinstance(cell, datetime.datetime) else cell] * columns] * 120
    assert len(shown) == rows
    assert rows == 1 or len(json.dumps(plain[:rows])) <= 1 << 20
    assert rows == 100 or len(json.dumps(plain[: 2 * rows])) > 1 << 20


def test_cells_of_any_type_are_shown(run: LocalRun) -> None:
    from decimal import Decimal

    table = pa.table(
        {
            "at": [datetime.datetime(2024, 5, 1, 12, tzinfo=datetime.UTC)],
            "took": [datetime.timedelta(seconds=5)],
            "money": [Decimal("1.20")],
            "raw": [b"\xff\x00"],
            "nested": [{"a": [1, 2]}],
            "big": [2**62],
        }
    )
    run.save_table("t", table)
    (row,) = untag(json.loads(run.saved["t.preview"].read_bytes()))["rows"]
    assert row == ["2024-05-01T12:00:00+00:00", "0:00:05", "1.20", "ff00", {"a": [1, 2]}, 2**62]


def test_something_that_is_no_table_is_refused_with_its_type(run: LocalRun) -> None:
    with pytest.raises(
        AgiError, match="AGI-NODE-003.: the artifact 't' is no table\n.*found     builtins.dict"
    ):
        run.save_table("t", {"a": 1})
    with pytest.raises(AgiError, match="AGI-NODE-003.*\n.*Series"):
        run.save_table("t", pl.Series([1]))


def test_json_is_readable_and_tagged_where_json_ends(run: LocalRun) -> None:
    run.save_json("j", {"n": 2**60, "x": (1, float("inf")), "é": "ü"})
    text = run.saved["j"].read_text(encoding="utf-8")
    assert '"é": "ü"' in text
    assert untag(json.loads(text)) == {"n": 2**60, "x": [1, float("inf")], "é": "ü"}
    with pytest.raises(
        AgiError,
        match=r"AGI-RUN-102.: the artifact 'k' is not plain data at a\[0\]\n.*found     builtins.object",
    ):
        run.save_json("k", {"a": [object()]})


def test_figures_of_each_kind_are_kept_in_their_format(run: LocalRun) -> None:
    from matplotlib.figure import Figure
    from PIL import Image

    def figure() -> Figure:
        drawn = Figure()
        drawn.subplots().plot([1, 3, 2])
        return drawn

    class Plotly:
        """What a Plotly figure looks like from here; the library is not installed for these tests."""

        def to_plotly_json(self) -> dict[str, Any]:
            return {}

        def to_json(self) -> str:
            return '{"data":[],"layout":{}}'

    run.save_figure("a", figure())
    run.save_figure("a2", figure().subplots())
    run.save_figure("b", figure())
    run.save_figure("c", '<svg xmlns="http://www.w3.org/2000/svg"/>')
    run.save_figure("d", Image.new("RGB", (2, 2)))
    run.save_figure("e", Plotly())
    kinds = {entry["name"]: (entry["file"], entry["media_type"]) for entry in run.staged}
    assert kinds["a"] == ("artifacts/a.png", "image/png")
    assert kinds["c"] == ("artifacts/c.svg", "image/svg+xml")
    assert kinds["d"] == ("artifacts/d.png", "image/png")
    assert kinds["e"] == ("artifacts/e.plotly.json", "application/vnd.plotly.v1+json")
    assert run.staged[0]["digest"] == run.staged[2]["digest"], "equal figures, equal bytes"
    assert Image.open(io.BytesIO(run.saved["a"].read_bytes())).size == (960, 720)
    with pytest.raises(
        AgiError, match="AGI-NODE-004.: the artifact 'f' is no figure\n.*found     builtins.str: 'hello'"
    ):
        run.save_figure("f", "hello")


def test_a_logged_file_is_kept_as_it_was_then(run: LocalRun, tmp_path: Path) -> None:
    notes = tmp_path / "notes.md"
    notes.write_text("before")
    run.log_artifact(notes)
    run.log_artifact(str(notes), "other")
    notes.write_text("after")
    assert run.saved["notes.md"].read_text() == "before"
    assert [entry["file"] for entry in run.staged] == ["artifacts/notes.md", "artifacts/other.md"]
    assert run.staged[0]["media_type"] == "text/markdown"


def test_a_folder_or_a_missing_file_cannot_be_logged(run: LocalRun, tmp_path: Path) -> None:
    with pytest.raises(AgiError, match="AGI-NODE-005.*\n.*found     a folder"):
        run.log_artifact(tmp_path)
    with pytest.raises(AgiError, match="AGI-NODE-005.*\n.*found     nothing"):
        run.log_artifact(tmp_path / "none")


@pytest.mark.parametrize("name", ["", ".", "..", ".x", "a/b", "a b", "é", "x" * 121, None, "../x"])
def test_an_artifact_name_that_could_be_a_path_is_refused(run: LocalRun, name: Any) -> None:
    with pytest.raises(AgiError, match="AGI-NODE-001"):
        run.save_json(name, 1)
    assert run.staged == []


def test_a_name_is_saved_once_also_where_case_does_not_count(run: LocalRun) -> None:
    run.save_json("result", 1)
    for again in ("result", "Result", "result.json"):
        with pytest.raises(AgiError, match="AGI-NODE-002.*already saved by this unit\n.*found     result"):
            run.save_json(again, 2)
    run.save_json("t.preview", 1)
    with pytest.raises(AgiError, match=r"AGI-NODE-002.: the artifact 't.preview'"):
        run.save_table("t", FRAMES["polars"])
    assert json.loads(run.saved["result"].read_text()) == 1


def test_earlier_artifacts_come_in_key_order_and_are_empty_in_work(tmp_path: Path) -> None:
    assert RunContext.local(tmp_path).artifacts("t") == []
    run = RunContext.local(tmp_path, earlier={"t": [("a", tmp_path / "1"), ("b", tmp_path / "2")]})
    assert run.artifacts("t") == [("a", tmp_path / "1"), ("b", tmp_path / "2")]
    assert run.artifacts("other") == []


def test_ten_thousand_metrics_cost_the_caller_less_than_a_fifth_of_a_second() -> None:
    import time

    def cost() -> float:
        recording = Recording(Basket())
        start = time.process_time()
        for number in range(10_000):
            recording.point("loss", 0.5, number)
        recording.flush()
        return time.process_time() - start

    assert min(cost() for _ in range(3)) < 0.2  # the garbage of other tests may be collected in one
