"""The functions as they are; the Nile's own numbers are published."""

from pathlib import Path

import pytest
import simple_app

from agi_node import AgiError, RunContext

APP = Path(__file__).parents[1]


def test_the_nile_fell_after_1898(tmp_path: Path) -> None:
    with RunContext.local(tmp_path, node="publish").active(roots={"app": APP}) as run:
        found = simple_app.change(simple_app.SimpleArgs(), run)["nile"]
    # Cobb (1978): 28 years at 1097.75, then 72 at 849.97
    assert found["last_year_before"] == 1898
    assert found["mean_before"] == pytest.approx(1097.75)
    assert found["mean_after"] == pytest.approx(849.9722, abs=1e-4)
    assert run.validations[0]["passed"]


def test_a_step_is_explained_whole_and_where_it_is() -> None:
    assert simple_app.best_split([1.0, 1.0, 1.0, 5.0, 5.0]) == (3, pytest.approx(1.0))


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "year,value\n1900,NaN\n", "year,value\n1900,1\n1901,2\n"])
def test_what_is_no_series_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.csv").write_text(text)
    args = simple_app.SimpleArgs(series="bad.csv")
    with (
        RunContext.local(tmp_path / "run").active(roots={"app": tmp_path}) as run,
        pytest.raises(AgiError, match=r"app:bad.csv"),
    ):
        simple_app.change(args, run)
