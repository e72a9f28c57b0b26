"""What a mapped stage leaves reaches who does not walk its list as a dict; steps work on all of it as one table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest

from agilab.assist.asking import Wish, prepare
from agilab.assist.data.inputs import left_in
from agilab.assist.data.known import Known
from agilab.assist.engines import Library
from agilab.assist.offline.provider import OfflineProvider
from agilab.assist.prompt import Prompt
from agilab.assist.proposal import propose
from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import code_of
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.safe_actions import SafeActions
from agilab.workflow.running.keyed import keyed_inputs

CITIES: dict[str, dict[str, list[Any]]] = {
    "Oslo": {"day": [1, 2, 3], "t": [2, 3, 7]},
    "Bergen": {"day": [1, 2], "t": [1.5, float("nan")], "rain": [0.0, 4.0]},
}
LAB = """
[[stages]]
id = "lists"
outputs = ["cities", "days"]
code = "cities, days = ['Oslo', 'Bergen'], [1, 2]"
[[stages]]
id = "each"
foreach = { city = "cities" }
outputs = ["weather", "hours"]
code = "weather, hours = city, [0, 1]"
[[stages]]
id = "hourly"
foreach = { hour = "hours" }
outputs = ["hourly"]
code = "hourly = hour"
[[stages]]
id = "both"
foreach = { city = "cities", day = "days" }
outputs = ["pairs"]
code = "pairs = (city, day)"
[[stages]]
id = "asked"
FOREACH
inputs = [INPUT]
"""


@pytest.mark.parametrize(
    ("foreach", "input_", "keyed"),
    [
        ("", '"weather"', {"weather": "city"}),
        ("", '{ name = "weather", as = "all" }', {"all": "city"}),
        ("", '"cities", "out/{city}.csv"', {}),
        ('foreach = { town = "cities" }', '"weather"', {}),  # its own item's, whatever it calls it
        ('foreach = { day = "days" }', '"weather"', {"weather": "city"}),
        ("", '"hourly"', {"hourly": "city_hour"}),
        ('foreach = { city = "cities" }', '"hourly"', {"hourly": "hour"}),
        ('foreach = { hour = "hours" }', '"hourly", "weather"', {}),
        ('foreach = { city = "cities" }', '"pairs"', {"pairs": "city_day"}),
        ('foreach = { city = "cities", day = "days" }', '"pairs"', {}),
        ('foreach = { city = "cities", day = "days" }\nzip = true', '"pairs"', {"pairs": "city_day"}),
        ("", '"nobody"', {}),
    ],
)
def test_a_stage_gets_a_dict_of_what_is_made_for_items_that_it_does_not_walk(
    foreach: str, input_: str, keyed: dict[str, str]
) -> None:
    import tomllib

    text = LAB.replace("FOREACH", foreach).replace("INPUT", input_)
    lab = LabStages.model_validate(tomllib.loads(text))
    assert keyed_inputs(lab, lab.stages[-1]) == keyed


def as_tables(library: Library) -> dict[str, Any]:
    if library == "pandas":
        return {city: pd.DataFrame(columns) for city, columns in CITIES.items()}
    return {city: pl.DataFrame(columns) for city, columns in CITIES.items()}


def plain(table: Any) -> list[dict[str, Any]]:
    """The rows of a table, with NaN as None."""
    rows = table.to_dict("records") if isinstance(table, pd.DataFrame) else table.to_dicts()
    return [{name: None if cell != cell else cell for name, cell in row.items()} for row in rows]


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_steps_work_on_all_tables_as_one_with_the_key_as_a_column(library: Library) -> None:
    first = Known.of_preview("weather", _preview("Oslo")).keyed("city")
    document = SafeActions.model_validate(
        {
            "table": "weather",
            "result": "found",
            "actions": [
                {"do": "filter", "where": {"column": "t", "test": "known"}},
                {"do": "aggregate", "by": ["city"], "measures": MEASURES},
            ],
        }
    )
    code = code_of(check(document, {"weather": first.schema}, "x"), library, keys={"weather": first.key})
    names = {"weather": as_tables(library)}
    exec(code, names)

    assert isinstance(names["weather"], dict), "what the stage was given stays"
    # (2 + 3 + 7) / 3, and 1.5 alone: the other one of Bergen is not known.
    assert plain(names["found"]) == [
        {"city": "Oslo", "mean_t": 4.0, "rows": 3},
        {"city": "Bergen", "mean_t": 1.5, "rows": 1},
    ]


MEASURES = [{"called": "mean_t", "how": "mean", "column": "t"}, {"called": "rows", "how": "rows"}]


@pytest.mark.parametrize("library", ["polars", "pandas"])
def test_a_column_that_one_of_them_lacks_is_missing_there(library: Library) -> None:
    nothing = SafeActions(table="weather", actions=())
    known = Known("weather").keyed("city")
    code = code_of(check(nothing, {"weather": known.schema}, "x"), library, keys={"weather": known.key})
    names = {"weather": as_tables(library)}
    exec(code, names)

    assert [row["rain"] for row in plain(names["weather"])] == [None, None, None, 0.0, 4.0]
    assert [row["city"] for row in plain(names["weather"])] == ["Oslo"] * 3 + ["Bergen"] * 2


def _preview(city: str) -> bytes:
    import json

    from agi_node.tables import Table

    return json.dumps(Table.of(pl.DataFrame(CITIES[city]), "weather").preview()).encode()


def test_a_key_never_takes_the_name_of_a_column() -> None:
    first = Known.of_preview("weather", _preview("Oslo"))
    assert [column.name for column in first.keyed("day").schema.columns] == ["day", "t", "day_key"]
    assert first.keyed("city").schema.rows is None, "of all of them together, nobody knows"


RUN = "20261123-034412371-lab-7k3f2q"
MAPPED = f"""
[[stages]]
id = "lists"
outputs = ["cities"]
code = "cities = ['Oslo', 'Bergen']"
[[stages]]
id = "each"
foreach = {{ city = "cities" }}
outputs = ["weather"]
code = "import polars as pl"
last_run = {{ run = "{RUN}", status = "succeeded", at = "2026-11-23T03:44:12Z" }}
[[stages]]
id = "own"
foreach = {{ city = "cities" }}
inputs = ["weather"]
outputs = ["found"]
[[stages]]
id = "all"
inputs = ["weather"]
outputs = ["found"]
"""


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    path = tmp_path / "lab" / "lab_stages.toml"
    path.parent.mkdir()
    path.write_text(MAPPED, encoding="utf-8")
    for city in CITIES:
        place = tmp_path / "runs" / RUN / "artifacts" / "each" / city
        place.mkdir(parents=True)
        (place / "weather.preview.json").write_bytes(_preview(city))
    return path


def proposed(lab: Path, stage: str, question: str) -> tuple[Prompt, tuple[str, ...], str]:
    asked = prepare(lab, Wish(stage, question), left_in(lab.parents[1] / "runs"), keyed_inputs)
    proposal = propose(asked, OfflineProvider(), lambda piece: None, lab.parents[1])
    assert proposal.findings == ()
    return asked.prompt, asked.notes, proposal.code


def test_the_code_fits_what_each_stage_gets(lab: Path) -> None:
    for stage, given in (("own", pl.DataFrame(CITIES["Oslo"])), ("all", as_tables("polars"))):
        prompt, notes, code = proposed(lab, stage, "keep rows where t > 2")
        names: dict[str, Any] = {"weather": given}
        exec(code, names)
        assert names["found"]["t"].to_list() == [3, 7]
        told = prompt.messages[-1].content
        assert ("weather is a dict from key to table" in told) == (stage == "all")
        assert any("steps work on all of them as one" in note for note in notes) == (stage == "all")


def test_a_request_may_name_the_key(lab: Path) -> None:
    _, _, code = proposed(lab, "all", "keep rows where city is 'Bergen'; select day, t, city")
    names: dict[str, Any] = {"weather": as_tables("polars")}
    exec(code, names)
    assert names["found"].to_dicts()[0] == {"day": 1, "t": 1.5, "city": "Bergen"}


def test_a_recipe_has_all_tables_as_one_too(lab: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = lab.read_text(encoding="utf-8").removesuffix('outputs = ["found"]\n') + 'outputs = ["train"]\n'
    lab.write_text(text, encoding="utf-8")
    _, _, code = proposed(lab, "all", "split into train and test with 20 % test and seed 7")
    names: dict[str, Any] = {"weather": as_tables("polars")}
    exec(code, names)
    # 5 rows: 4 of them, 1 of them.
    assert (names["train"].height, names["test"].height) == (4, 1)
