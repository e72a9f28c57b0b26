"""Dates and times of a lab: dates in Python and in TOML, their texts in JSON."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from agilab.contracts.base import parse_document, read_document, write_document
from agilab.contracts.dated_json import list_at, read, spelled
from agilab.contracts.lab_stages import Lab, LabStages, Stage

TEXT = """\
[lab.params]
since = 2024-05-31          # the first day
until = 2024-05-31 12:00:00+02:00
noon = 12:30:00
span = { days = [2024-01-01, "2024-01-01"], at = 1979-05-27T07:32:00Z }

[[stages]]
id = "daily"
foreach = { day = [2024-05-30, 2024-05-31], name = ["2024-05-30"], hour = "hours" }
extra = { made = 2024-05-31 }
"""
ZONES = st.sampled_from([None, UTC, timezone(timedelta(hours=-3, minutes=-30))])
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"))
    | st.sampled_from(["2024-05-31", "$date:2024-05-31", "$5", '"12:30"'])
    | st.dates()
    | (st.datetimes(timezones=ZONES) | st.times()).map(lambda one: one.replace(fold=0)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    max_leaves=12,
)


def test_params_and_lists_are_what_toml_says_and_other_fields_are_text(tmp_path: Path) -> None:
    lab = parse_document(TEXT, LabStages, "lab_stages.toml")
    assert lab.lab.params == tomllib.loads(TEXT)["lab"]["params"]
    assert lab.stages[0].foreach == {
        "day": (date(2024, 5, 30), date(2024, 5, 31)),
        "name": ("2024-05-30",),
        "hour": "hours",
    }
    assert lab.stages[0].extra == {"made": "2024-05-31"}
    plain = json.loads(json.dumps(lab.plain(), allow_nan=False))
    assert plain["lab"]["params"]["until"] == "2024-05-31T12:00:00+02:00"
    assert plain["stages"][0]["foreach"]["day"] == ["2024-05-30", "2024-05-31"]


def test_an_edit_leaves_dates_as_they_are_written_and_a_new_file_has_dates(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text(TEXT, encoding="utf-8")
    lab = read_document(path, LabStages)
    more = lab.with_changes(stages=(*lab.stages, Stage(id="new", foreach={"day": [date(2024, 6, 1)]})))
    write_document(path, more)
    text = path.read_text(encoding="utf-8")
    assert all(line in text for line in TEXT.splitlines())
    assert text.endswith('id = "new"\nforeach = { day = [2024-06-01] }\n')
    write_document(tmp_path / "fresh.toml", lab)
    found = tomllib.loads((tmp_path / "fresh.toml").read_text(encoding="utf-8"))
    meant = tomllib.loads(TEXT)
    assert (found["lab"], found["stages"][0]["foreach"]) == (meant["lab"], meant["stages"][0]["foreach"])


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (datetime(2024, 5, 31, tzinfo=ZoneInfo("Europe/Paris")), "datetime"),
        ({1, 2}, "set"),
        ([{"a": b"x"}], "bytes"),
        ({1: 2}, "dict"),
        (time(2, 30, fold=1), "time"),
    ],
)
def test_what_no_document_has_is_refused_by_name(value: object, kind: str) -> None:
    with pytest.raises(ValidationError, match="is no value that a document has") as refused:
        Lab(params={"x": value})
    assert str(refused.value.errors()[0]["ctx"]["found"]).startswith(f"{kind}: ")


@given(VALUES)
def test_json_with_bare_dates_comes_back(value: Any) -> None:
    text = spelled(value)
    assert "\n" not in text
    assert repr(read(text)) == repr(value)
    if isinstance(value, list):
        assert repr(list_at(f"in {text} for [1]", 3)) == repr((value, 3 + len(text)))


@pytest.mark.parametrize(
    "text", ["[1", "[2024-13-45]", '["a]', "[1,,2]", "[nope]", "[12:30:99]", "[2024-05-31T]"]
)
def test_a_text_that_is_no_list_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="."):
        list_at(text, 0)
