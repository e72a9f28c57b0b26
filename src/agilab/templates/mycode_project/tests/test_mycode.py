"""The functions as they are, against the parabola's closed form."""

import math
from pathlib import Path

import mycode
import pytest
from pydantic import ValidationError

from agi_node import AgiError, RunContext


def whole(folder: Path, args: mycode.MycodeArgs) -> mycode.Values:
    """A run of the plain functions, one block after the other."""
    done = []
    for item in mycode.blocks(args):
        done.append(mycode.evaluate(item.payload, args, RunContext.local(folder / item.key, key=item.key)))
    return mycode.Values.merge_all(done)


def test_the_parabola_is_least_at_two_and_its_mean_is_known(tmp_path: Path) -> None:
    args = mycode.MycodeArgs(low=-3, high=7, points=1001, block=37)  # x = 2 + t, t = -5 … 5 in steps of 0.01
    values = whole(tmp_path, args)
    assert values.least == pytest.approx((1.0, 2.0), abs=1e-12)
    assert values.greatest is not None
    assert values.greatest[0] == pytest.approx(26.0)
    # mean of t² over n = 2m + 1 points at distance h: h² m (m + 1) / 3
    assert values.value.mean == pytest.approx(1 + 0.01**2 * 500 * 501 / 3, rel=1e-12)


def test_blocks_of_any_size_give_the_same(tmp_path: Path) -> None:
    one, other = (whole(tmp_path / str(b), mycode.MycodeArgs(points=101, block=b)) for b in (7, 1000))
    assert one == other


def test_a_value_that_is_no_number_is_told_with_its_input(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mycode, "my_function", lambda x: math.nan)
    with pytest.raises(AgiError, match=r"my_function\(-5.0\) is no finite number"):
        whole(tmp_path, mycode.MycodeArgs(points=2))


def test_limits_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValidationError, match=r"low .3.0. is not below high .1.0."):
        mycode.MycodeArgs(low=3, high=1)
