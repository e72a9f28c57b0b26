"""Arguments: one definition, and one error that says everything that is wrong."""

from typing import Literal

import pytest
from pydantic import Field, ValidationError

from agi_node import AgiError, Args, Files
from agi_node.args import read_args


class Survey(Args):
    tracks: Files = "data/*.parquet"  # type: ignore[assignment]
    min_points: int = Field(2, ge=2, description="Aircraft with fewer positions are left out.")
    mode: Literal["fast", "exact"] = "fast"


class Needy(Args):
    must: int


def refusal(plain: object, model: type[Args] = Survey) -> AgiError:
    with pytest.raises(AgiError, match="AGI-ARGS-002") as refused:
        read_args(model, plain, "survey")
    return refused.value


def test_defaults_are_validated_like_values() -> None:
    assert Survey().tracks == Files("data/*.parquet")


def test_arguments_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Survey().min_points = 3  # type: ignore[misc]


def test_one_problem_names_field_value_and_what_was_allowed() -> None:
    error = refusal({"min_points": 1})
    assert error.what == "survey: min_points is not allowed"
    assert (error.found, error.allowed) == ("1 (int)", "greater than or equal to 2")
    assert refusal({"mode": "slow"}).allowed == "'fast' or 'exact'"


def test_all_problems_are_in_one_error() -> None:
    text = refusal({"min_points": "x", "mode": 3, "tracks": "/etc/*"}).render()
    assert "survey: 3 values are not allowed" in text
    assert "min_points: found 'x' (str); allowed a valid integer" in text
    assert "mode: found 3 (int); allowed 'fast' or 'exact'" in text
    assert "tracks: found '/etc/*'; allowed a glob or folder below a named root" in text


def test_a_misspelt_field_is_told_its_neighbour() -> None:
    error = refusal({"min_point": 3})
    assert error.found == "a field that does not exist (3 (int))"
    assert error.allowed == "min_points (did you mean it?)"
    assert refusal({"zzz": 3}).allowed == "tracks, min_points, mode"


def test_a_missing_value_is_named() -> None:
    error = refusal({}, Needy)
    assert (error.what, error.found) == ("survey: must is not allowed", "nothing")


def test_a_great_many_problems_stay_a_short_error() -> None:
    error = refusal({f"field_{number}": "x" * 10_000 for number in range(500)})
    assert "survey: 500 values are not allowed" in error.what
    assert "and 496 more" in error.what
    assert len(error.render()) < 3_000


def test_something_that_is_no_object_is_refused() -> None:
    assert "the value is not allowed" in refusal([1]).what


def test_files_are_text_in_schema_and_dump() -> None:
    schema = Survey.model_json_schema()["properties"]["tracks"]
    assert schema == {
        "default": "data/*.parquet",
        "format": "agilab-files",
        "title": "Tracks",
        "type": "string",
    }
    assert Survey(tracks="tracks:2024").model_dump()["tracks"] == "tracks:2024"  # type: ignore[arg-type]
    assert (
        Survey.model_validate_json('{"tracks": "x"}').model_dump_json()
        == '{"tracks":"x","min_points":2,"mode":"fast"}'
    )
