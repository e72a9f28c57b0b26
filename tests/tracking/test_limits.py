"""What does not fit into MLflow is made to fit visibly, and two things never become one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from mlflow.utils.validation import _validate_metric_name, _validate_param_name, path_not_unique

from agilab.tracking.limits import KEY_LENGTH, fit_artifact_name, fit_key, fit_values


@given(st.text(max_size=300))
def test_every_text_becomes_a_key_that_mlflow_takes(text: str) -> None:
    key = fit_key(text, "metric", [])
    _validate_metric_name(key)  # type: ignore[no-untyped-call]  # MLflow's own check, as an oracle
    _validate_param_name(key)  # type: ignore[no-untyped-call]  # the same
    assert len(key) <= KEY_LENGTH


@given(st.lists(st.text(max_size=20), unique=True, max_size=20))
def test_different_names_stay_different(names: list[str]) -> None:
    assert len({fit_key(name, "param", []) for name in names}) == len(names)


@given(st.text(max_size=60))
def test_an_artifact_never_leaves_the_run_and_has_a_plain_path(text: str) -> None:
    name = fit_artifact_name(text, [])
    if name is not None:
        assert not path_not_unique(name)  # type: ignore[no-untyped-call]  # the same
        assert not set(name) & set('#?%\\:*"<>|\0\n')


def test_what_was_changed_is_said_once() -> None:
    notes: list[str] = []
    fit_key("a=b", "metric", notes)
    fit_key("a=b", "metric", notes)
    assert notes == ["metric a=b is called a_b-42144f39 there"]


def test_a_shortened_value_says_how_long_it_was_and_two_stay_different() -> None:
    notes: list[str] = []
    fitted = fit_values({"a": "x" * 9000 + "1", "b": "x" * 9000 + "2", "c": "short"}, 6000, "param", notes)
    assert len(fitted["a"]) == len(fitted["b"]) == 6000
    assert fitted["a"] != fitted["b"]
    assert "9001 characters" in fitted["a"]
    assert fitted["c"] == "short"
    assert len(notes) == 2
