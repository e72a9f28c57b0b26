"""What one stage hands to another comes back as it was: the same type, the same order, the same bytes."""

from __future__ import annotations

import datetime
import decimal
import fractions
import json
import math
import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_node.artifacts import Staging
from agi_node.errors import AgiError
from agi_node.handover import exact_text, exact_value, hand_over, take_over

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.dates()
    | st.datetimes(timezones=st.none() | st.just(datetime.UTC))
    | st.timedeltas()
    | st.decimals(allow_nan=False)
    | st.fractions()
    | st.complex_numbers()
)
KEYS = st.text() | st.integers() | st.tuples(st.integers(), st.text()) | st.dates() | st.none()
DATA = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner)
        | st.tuples(inner, inner)
        | st.dictionaries(KEYS, inner)
        | st.sets(st.integers() | st.text())
        | st.frozensets(st.integers())
    ),
    max_leaves=12,
)


def through(value: Any, folder: Path, name: str = "x") -> Any:
    """Hand a value over and take it again, as two stages do."""
    staging = Staging(folder)
    form = json.loads(json.dumps(hand_over(name, value, staging, "the value x")))
    if "artifact" in form:
        form["path"] = str(staging.path(form["artifact"]))
    return take_over(form)


def spelled(value: Any) -> bytes:
    """A value as pickle writes it without memory of what is one object: types, order and NaN included."""
    return repr(_typed(value)).encode("utf-8", "surrogatepass")


def _typed(value: Any) -> Any:
    if isinstance(value, (list, tuple)):
        return (type(value).__name__, [_typed(item) for item in value])
    if isinstance(value, (set, frozenset)):
        return (type(value).__name__, sorted(repr(_typed(item)) for item in value))
    if isinstance(value, dict):
        return ("dict", [(_typed(name), _typed(item)) for name, item in value.items()])
    return (type(value).__name__, repr(value))


@given(DATA)
def test_pythons_own_data_comes_back_exactly(value: Any) -> None:
    text = exact_text(value)
    if text is not None:
        assert spelled(exact_value(text)) == spelled(value)
    else:
        # Refused for these alone, here: text that is not Unicode, the second of two equal hours, one object twice.
        assert not _is_plain_tree(value)


def _is_plain_tree(value: Any) -> bool:
    seen: set[int] = set()

    def walk(one: Any) -> bool:
        if isinstance(one, str):
            return one.encode("utf-8", "replace").decode() == one
        if getattr(one, "fold", 0):
            return False  # which of two equal hours it was is in no ISO text
        if isinstance(one, (list, dict, set)):
            if id(one) in seen:
                return False
            seen.add(id(one))
        if isinstance(one, dict):
            return all(walk(name) and walk(item) for name, item in one.items())
        return all(map(walk, one)) if isinstance(one, (list, tuple, set, frozenset)) else True

    return walk(value)


@pytest.mark.parametrize(
    "value",
    [
        {"b": 1, "a": 2},
        {1: "one", (2, 3): "pair", None: "nothing"},
        {"$": ["tuple", [1]]},
        {"$": 1, "x": "$int:3"},
        [math.inf, -math.inf, -0.0, 2**80, -(2**53), 2**53 - 1],
        (1, (2, [3, {4}])),
        frozenset({1, 2}),
        range(3, 30, 4),
        Path("out/a.csv"),
        bytearray(b"\x00\xff"),
        datetime.time(3, 4, 5, 6),
        decimal.Decimal("1.10"),
        fractions.Fraction(1, 3),
    ],
)
def test_what_json_would_change_is_kept(value: Any, tmp_path: Path) -> None:
    found = through(value, tmp_path)
    assert spelled(found) == spelled(value)


def test_one_list_under_two_names_stays_one_list(tmp_path: Path) -> None:
    row = [0, 0]
    grid = through([row, row], tmp_path)
    grid[0][0] = 1
    assert grid == [[1, 0], [1, 0]]


def test_a_large_value_is_an_artifact(tmp_path: Path) -> None:
    staging = Staging(tmp_path)
    form = hand_over("words", ["word"] * 20_000, staging, "words")
    assert form["kind"] == "json"
    assert form["artifact"] == "words"
    assert len(staging.entries) == 1


def test_arrays_tables_and_models_come_back(tmp_path: Path) -> None:
    numpy, pandas = pytest.importorskip("numpy"), pytest.importorskip("pandas")
    array = numpy.arange(12, dtype="<f4").reshape(3, 4)
    found = through(array, tmp_path / "a")
    assert found.dtype == array.dtype
    assert (found == array).all()
    frame = pandas.DataFrame({"b": [1.5, None], "a": ["x", "y"]}, index=pandas.Index([7, 9], name="at"))
    pandas.testing.assert_frame_equal(through(frame, tmp_path / "b"), frame)
    mixed = pandas.DataFrame({"what": [1, "one", (1,)]})  # no table format holds this: it is pickled
    pandas.testing.assert_frame_equal(through(mixed, tmp_path / "c"), mixed)
    series = pandas.Series([1, 2], name="s")
    pandas.testing.assert_series_equal(through(series, tmp_path / "d"), series)
    generator = numpy.random.default_rng(7)
    generator.random(3)
    copy = pickle.loads(pickle.dumps(generator))
    assert (through(generator, tmp_path / "e").random(4) == copy.random(4)).all()


def test_a_table_shows_its_first_rows_and_can_be_cut(tmp_path: Path) -> None:
    polars = pytest.importorskip("polars")
    staging = Staging(tmp_path)
    form = hand_over("table", polars.DataFrame({"x": range(1_000)}), staging, "table")
    names = [entry["name"] for entry in staging.entries]
    assert names == ["table", "table.preview"]
    preview = json.loads(staging.path("table.preview").read_bytes())
    assert preview["count"] == 1_000
    assert len(preview["rows"]) == 100
    cut = take_over({**form, "path": str(staging.path("table")), "head": 10})
    assert cut["x"].to_list() == list(range(10))


def test_a_module_is_handed_over_by_name(tmp_path: Path) -> None:
    assert through(json, tmp_path) is json


def test_what_cannot_leave_the_process_is_refused_by_name(tmp_path: Path) -> None:
    with Path("/dev/null").open() as file:
        for value in (file, (n for n in range(3))):
            with pytest.raises(AgiError) as refused:
                through(value, tmp_path)
            assert refused.value.code == "AGI-STAGE-114"
            assert "the value x" in refused.value.what
