"""What another stage gets in place of an array is that array in everything that code can see of it."""

from __future__ import annotations

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agi_node import codec
from agi_node.artifacts import Staging
from agi_node.handover import fingerprint, hand_over, take_over

np = pytest.importorskip("numpy")


def through(value: Any, folder: Path) -> Any:
    """A value as another stage gets it."""
    staging = Staging(folder)
    form = hand_over("value", value, staging, "value")
    return take_over({**form, "path": str(staging.path(form["artifact"]))} if "artifact" in form else form)


def arrays() -> list[Any]:
    made = np.random.default_rng(1).normal(size=(3, 40, 50))
    return [
        np.arange(3),
        np.array(5.0),
        np.zeros((2, 0, 3)),
        np.asfortranarray(made),
        np.moveaxis(made, 0, 1),
        np.moveaxis(made, 0, 1).copy(order="K"),
        made.T[1:, 2:],
        made[:, ::-1, ::2],
        made[:, ::-1].transpose(2, 0, 1),
        np.moveaxis(made, 2, 0)[:1, ::-1],
        np.array([(1, 2.5)], dtype=[("a", "i4"), ("b", "f8")]),
        np.array(["é", ""]),
        np.ma.masked_array([1.5, 2], [False, True]),
    ]


@pytest.mark.parametrize("number", range(len(arrays())))
@pytest.mark.parametrize("alone", [True, False])
def test_an_array_lies_in_memory_as_it_did(number: int, alone: bool, tmp_path: Path) -> None:
    one = arrays()[number]
    found = through(one if alone else {"one": one, "set": {1}}, tmp_path)
    found = found if alone else found["one"]
    assert type(found) is type(one)
    assert found.dtype == one.dtype
    np.testing.assert_array_equal(found, one)
    if type(one) is np.ndarray:
        assert found.flags.writeable
        assert found.flags.owndata or not one.flags.owndata
        # NumPy adds up in the order of memory, so the last digit of a sum tells one order from another.
        if one.dtype.kind == "f":
            assert found.sum() == one.sum()
            assert found.ravel(order="K").tolist() == one.ravel(order="K").tolist()


@pytest.mark.parametrize("wrap", [lambda one: one, lambda one: {"a": one, "s": {1}}])
def test_an_array_of_its_own_can_be_resized(wrap: Any, tmp_path: Path) -> None:
    found = through(wrap(np.arange(3000.0)), tmp_path)
    one = found["a"] if isinstance(found, dict) else found
    one.resize(3001, refcheck=False)
    assert one[-2:].tolist() == [2999.0, 0.0]


def test_what_may_not_be_written_may_not_be_written(tmp_path: Path) -> None:
    one = np.arange(4)
    one.flags.writeable = False
    assert not through(one, tmp_path / "a").flags.writeable
    assert not through([one, {1}], tmp_path / "b")[0].flags.writeable


@pytest.mark.parametrize("order", ["C", "F"])
def test_windows_in_one_value_stay_windows(order: Any, tmp_path: Path) -> None:
    whole = np.array(np.arange(12.0).reshape(3, 4), order=order)
    value = {"whole": whole, "row": whole[1], "back": [whole[::-1, 2]], "more": {1}}
    found = through(value, tmp_path)
    for name in ("whole", "row"):
        np.testing.assert_array_equal(found[name], value[name])
    found["whole"][1, 2] = 99.0
    assert found["row"].tolist() == [4.0, 5.0, 99.0, 7.0]
    assert found["back"][0].tolist() == [10.0, 99.0, 2.0]
    assert found["whole"].strides == whole.strides


def test_windows_without_the_whole_stay_windows_and_parts_stay_parts(tmp_path: Path) -> None:
    whole = np.arange(100_000.0)
    over = through([whole[:4], whole[2:6], {1}], tmp_path / "a")
    over[0][2] = -1.0
    assert over[1].tolist() == [-1.0, 3.0, 4.0, 5.0]
    assert (
        len(codec.dumps([whole[:4], whole[4:8]], "parts")) < 2_000
    )  # nothing to share: the whole stays here


def test_a_pickle_of_arrays_needs_numpy_alone() -> None:
    whole = np.moveaxis(np.arange(24.0).reshape(2, 3, 4), 0, 1)
    data = codec.dumps({"a": whole, "b": whole[:, ::-1].copy(), "c": [whole[1]], "d": whole[::-1]}, "value")
    code = f"""
import pickle, sys
sys.modules["agi_node"] = None
found = pickle.loads({data!r})
assert found["a"].tolist() == {whole.tolist()} and found["d"].tolist() == {whole[::-1].tolist()}
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert pickle.loads(data)["c"][0].tolist() == whole[1].tolist()


def test_tables_of_pandas_share_what_they_do_by_themselves(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
    found = through([frame, frame["a"], {1}], tmp_path)
    before = found[1].tolist()
    found[0].loc[0, "a"] = 9.0
    assert found[1].tolist() == before == [1.0, 2.0]


def test_bytes_between_the_fields_of_a_record_count_for_nothing(tmp_path: Path) -> None:
    inner = np.dtype([("n", "i1"), ("m", "i4")], align=True)
    kind = np.dtype(
        [("flag", "i1"), ("at", "f8"), ("in", inner), ("two", inner, 2), ("end", "i1")], align=True
    )
    assert kind.itemsize == 48, "of which 27 are of fields"

    def told(filled: int, flag: int = 1, order: str = "C") -> dict[str, Any]:
        memory = np.full(6 * kind.itemsize, filled, "u1")
        rows = np.ndarray((2, 3), kind, memory, order=order)
        rows["flag"], rows["at"], rows["end"] = flag, 2.5, 3
        for each in (rows["in"], rows["two"]):
            each["n"], each["m"] = 4, 5
        staging = Staging(tmp_path / f"{filled}-{flag}-{order}")
        form = hand_over("rows", rows, staging, "rows")
        back = take_over({**form, "path": str(staging.path(form["artifact"]))})
        np.testing.assert_array_equal(back, rows)
        assert back.dtype == kind
        assert back.strides == rows.strides
        return fingerprint(form, staging)

    for order in ("C", "F"):
        assert told(0, order=order) == told(255, order=order)
        assert told(0, order=order) != told(0, flag=0, order=order)
