"""What a function returned and what it was given stay what they are, however large and wherever it ran."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agi_node.values import INLINE_BYTES, NOT_PLAIN, as_plain, staged_form
from tests.flow.conftest import MakeFlow

WORKERS = [None, pytest.param(1, marks=pytest.mark.slow)]


@pytest.mark.parametrize("workers", WORKERS)
@pytest.mark.parametrize("length", [2, 20_000])
def test_floats_stay_floats_in_a_short_and_in_a_long_list(
    make: MakeFlow, length: int, workers: int | None
) -> None:
    flow = make()
    flow.node(lambda: [1.0, -0.0, 1e16] * length, name="many")
    flow.node(lambda many: [repr(each) for each in many[:3]], name="seen")
    run = flow.run(workers=workers)
    assert run["seen"] == ["1.0", "-0.0", "1e+16"]
    assert repr(run["many"][:3]) == "[1.0, -0.0, 1e+16]"


@pytest.mark.parametrize(
    "value",
    ["x" * (INLINE_BYTES - 2), "é" * (INLINE_BYTES // 2 - 1), "$" + "x" * (INLINE_BYTES - 8)],
)
def test_a_value_of_the_very_limit_stays_in_the_log_and_one_byte_more_does_not(value: str) -> None:
    assert staged_form(value) is None
    assert len(staged_form(value + "x") or b"") == INLINE_BYTES + 1


@pytest.mark.parametrize("workers", WORKERS)
def test_an_integer_of_more_digits_than_python_writes_is_an_object(
    make: MakeFlow, workers: int | None
) -> None:
    flow = make()
    flow.node(lambda: 10**5000, name="huge")
    flow.node(lambda huge: huge % 7, name="rest")
    run = flow.run(workers=workers)
    assert run["rest"] == 10**5000 % 7
    assert run["huge"] == 10**5000


def test_text_of_numpy_that_is_not_unicode_is_an_object() -> None:
    assert as_plain(np.str_("plain")) == "plain"
    assert as_plain(np.str_("\ud800")) is NOT_PLAIN


def test_a_default_that_nobody_overrides_reaches_the_function_as_it_is(make: MakeFlow) -> None:
    flow = make()

    @flow.node
    def shown(shape: tuple[int, int] = (3, 4), names: Any = {"z": 1, "a": 2}, rate: float = 1.0) -> str:  # noqa: B006
        return repr([shape, list(names), rate])

    run = flow.run()
    assert run["shown"] == shown()
    manifest = (run.folder / "run_manifest.json").read_text()
    assert '"shape"' in manifest, "it is recorded all the same"
    assert flow.run(shape=[5])["shown"] == repr([[5], ["z", "a"], 1.0])


def test_a_result_that_cannot_be_kept_says_what_to_return_instead(make: MakeFlow) -> None:
    flow = make()
    flow.node(lambda: (n for n in range(3)), name="lazy")
    (failure,) = flow.run(check=False).failures
    assert failure.error["code"] == "AGI-RUN-112"
    assert failure.error["try"] == "list(values)"
