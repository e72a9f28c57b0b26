"""The grammar of the offline provider: every documented form, and precise words for what is none."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.assist.answers import read_answer
from agilab.assist.data.known import Known
from agilab.assist.expressions.functions import FUNCTIONS
from agilab.assist.offline.forms import FORMS
from agilab.assist.offline.provider import OfflineProvider, clauses
from agilab.assist.offline.recipes import RECIPES
from agilab.assist.prompt import Prompt
from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import code_of
from agilab.contracts.safe_actions import NAMES
from tests.assist.tables import table_of

TABLE = table_of(
    city="text",
    country="text",
    month="int",
    price="float",
    amount="int",
    temperature="float",
    station="text",
    time="datetime",
    speed="float",
    day="text",
    open="bool",
    **{"wind speed": "float"},
)
TABLES = (Known("df", TABLE), Known("stations", table_of(station="text", height="float")))


def answer(question: str, library: str = "polars", wants: str = "either") -> str:
    prompt = Prompt(question, "s", tables=TABLES, library=library, wants=wants)  # type: ignore[arg-type]  # words
    return OfflineProvider().answer(prompt, lambda piece: None).text


def actions(question: str) -> list[dict[str, Any]]:
    found = read_answer(answer(question), "actions", "offline").actions
    assert found is not None
    return [action.model_dump(mode="json", by_alias=True, exclude_defaults=True) for action in found.actions]


@pytest.mark.parametrize("example", [form.example for form in FORMS])
def test_every_form_is_understood_and_fits_both_engines(example: str) -> None:
    found = read_answer(answer(example), "actions", "offline").actions

    assert found is not None
    plan = check(found, {table.name: table.schema for table in TABLES}, "x")
    assert plan.steps
    for library in ("polars", "pandas"):
        compile(code_of(plan, library), "x", "exec")  # type: ignore[arg-type]  # one of the two


def test_every_form_and_recipe_is_documented_with_its_example(repository: Path) -> None:
    page = (repository / "docs" / "assistance.md").read_text(encoding="utf-8")

    for example in [*(form.example for form in FORMS), *RECIPES]:
        assert f"`{example}`" in page


def test_the_documentation_has_every_step_function_error_and_finding(repository: Path) -> None:
    page = (repository / "docs" / "assistance.md").read_text(encoding="utf-8")
    sources = (repository / "src" / "agilab" / "assist").rglob("*.py")
    text = "\n".join(path.read_text(encoding="utf-8") for path in sources)

    for pattern in (r"AGI-ASSIST-\d{3}", r"ASK-\d{3}"):
        raised = set(re.findall(rf'"({pattern})"', text))
        assert raised == set(re.findall(pattern, page))
    assert set(NAMES) <= set(re.findall(r"`(\w+)`", page))
    assert set(FUNCTIONS) <= set(page.split("and `abs", 1)[1].split("`", 1)[0].split()) | {"abs"}


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        (
            "keep rows where speed > 200 and country is 'FR'",
            [
                {
                    "where": {
                        "all": [
                            {"column": "speed", "test": ">", "value": 200},
                            {"column": "country", "test": "==", "value": "FR"},
                        ]
                    }
                }
            ],
        ),
        (
            "Please keep rows where Month is between 3 and 5 or not (open and city starts with 'N').",
            [
                {
                    "where": {
                        "any": [
                            {"column": "month", "test": "between", "low": 3, "high": 5},
                            {
                                "not": {
                                    "all": [
                                        {"column": "open", "test": "==", "value": True},
                                        {"column": "city", "test": "starts with", "value": "N"},
                                    ]
                                }
                            },
                        ]
                    }
                }
            ],
        ),
        ("where price is above amount", [{"where": {"column": "price", "test": ">", "other": "amount"}}]),
        (
            "keep rows where time is after 2026-01-05 10:00",
            [{"where": {"column": "time", "test": ">", "value": "2026-01-05T10:00"}}],
        ),
        (
            "keep rows where country is one of FR, DE",
            [{"where": {"column": "country", "test": "in", "values": ["FR", "DE"]}}],
        ),
        ("keep rows where wind speed is not missing", [{"where": {"column": "wind speed", "test": "known"}}]),
        (
            "mean of price by city and month",
            [
                {
                    "by": ["city", "month"],
                    "measures": [{"called": "mean_price", "how": "mean", "column": "price"}],
                }
            ],
        ),
        ("count by city", [{"by": ["city"], "measures": [{"called": "rows", "how": "rows"}]}]),
        ("fill missing temperature with the median", [{"columns": ["temperature"], "using": "median"}]),
        (
            "fill price and temperature with 0",
            [{"columns": ["price", "temperature"], "using": "value", "value": 0}],
        ),
        (
            "rolling 24 hour mean of temperature by station",
            [
                {
                    "column": "temperature",
                    "how": "mean",
                    "called": "temperature_mean_24h",
                    "time": "24h",
                    "on": "time",
                    "by": ["station"],
                }
            ],
        ),
        (
            "rolling sum of amount over the last 3 rows as three",
            [{"column": "amount", "how": "sum", "called": "three", "rows": 3}],
        ),
        ("join stations on station", [{"table": "stations", "on": ["station"]}]),
        (
            "sort by price descending, city",
            [{"by": [{"column": "price", "descending": True}, {"column": "city"}]}],
        ),
        ("top 10 by price", [{"by": [{"column": "price", "descending": True}]}, {"rows": 10}]),
        ("add ratio = price / amount", [{"column": "ratio", "expression": "price / amount"}]),
        ("rename city to town, price to cost", [{"names": {"city": "town", "price": "cost"}}]),
        (
            "add total = price * amount; sort by total desc, then first 3 rows",
            [
                {"column": "total", "expression": "price * amount"},
                {"by": [{"column": "total", "descending": True}]},
                {"rows": 3},
            ],
        ),
    ],
)
def test_a_request_means_these_steps(question: str, expected: list[dict[str, Any]]) -> None:
    assert actions(question) == expected


@pytest.mark.parametrize(
    ("question", "after", "found", "allowed", "near"),
    [
        (
            "keep rows where sped > 3",
            "keep rows where",
            "“sped > 3”",
            "speed (did you mean that?)",
            "keep rows where",
        ),
        ("keep rows where speed >> 3", "keep rows where speed >", "“> 3”", "a value", "keep rows where"),
        (
            "mean of prize by city",
            "mean of",
            "“prize by city”",
            "price (did you mean that?)",
            "mean of price",
        ),
        ("sort by", "sort by", "the end of the request", "a column", "sort by city"),
        ("top many by price", "top", "“many by price”", "a number", "top 10 by price"),
        ("top 3 by price and dance", "top 3 by price", "“and dance”", "the end of the request", "top 10"),
        ("fill price with wonder", "fill price with", "“wonder”", "mean, median", "fill missing"),
        ("rolling 3 moons mean of price", "rolling 3", "“moons mean of price”", "a unit", "rolling 24 hour"),
        ("make me a sandwich", "", "“make me a sandwich”", "", ""),
        ("frobnicate v", "", "“frobnicate v”", "a request such as “keep rows where", "keep rows where"),
        ("please group the rows", "", "“group the rows”", "a request such as", "group by city"),
    ],
)
def test_what_is_not_understood_is_said_to_the_word(
    question: str, after: str, found: str, allowed: str, near: str
) -> None:
    with pytest.raises(AgiError, match="does not understand") as caught:
        answer(question)

    error = caught.value
    assert error.code == "AGI-ASSIST-040"
    assert (f"after “{after}”" in error.what) == bool(after)
    assert error.found == found
    assert allowed in str(error.allowed)
    assert near in str(error.try_)


def test_a_step_that_does_not_fit_is_refused_with_its_place() -> None:
    with pytest.raises(AgiError, match=r"actions\[1\].expression"):
        answer("drop city; add x = lower(city)")


ODD = table_of(
    Stück="int",
    T="float",
    Zeit="date",
    a="int",
    b="int",
    Ab="int",
    wind_speed="float",
    **{"temp (°C)": "float"},
)


@pytest.mark.parametrize(
    ("said", "where"),
    [
        ("Stück > 50", {"column": "Stück", "test": ">", "value": 50}),
        ("stück > 50", {"column": "Stück", "test": ">", "value": 50}),
        ("stu\u0308ck > 50", {"column": "Stück", "test": ">", "value": 50}),  # as some keyboards write it
        ("STÜCK<=50", {"column": "Stück", "test": "<=", "value": 50}),
        ("t > 50", {"column": "T", "test": ">", "value": 50}),
        ("t<-5", {"column": "T", "test": "<", "value": -5}),
        ("t = 1", {"column": "T", "test": "==", "value": 1}),
        ("zeit > 2026-03-02", {"column": "Zeit", "test": ">", "value": "2026-03-02"}),
        ("(zeit > 2026-03-02)", {"column": "Zeit", "test": ">", "value": "2026-03-02"}),
        ("Wind Speed >= 3", {"column": "wind_speed", "test": ">=", "value": 3}),
        ("Temp (°c) > 3", {"column": "temp (°C)", "test": ">", "value": 3}),
        ("temp c > 3", {"column": "temp (°C)", "test": ">", "value": 3}),
        ("A > b", {"column": "a", "test": ">", "other": "b"}),  # and no column Ab
        ("ab > 1", {"column": "Ab", "test": ">", "value": 1}),
    ],
)
def test_a_column_may_be_written_with_other_capitals_before_a_sign(said: str, where: dict[str, Any]) -> None:
    prompt = Prompt(f"keep rows where {said}", "s", tables=(Known("df", ODD),))
    text = OfflineProvider().answer(prompt, lambda piece: None).text

    found = read_answer(text, "actions", "offline").actions

    assert found is not None
    plain = found.actions[0].model_dump(mode="json", by_alias=True, exclude_none=True)["where"]
    assert {name: plain[name] for name in where} == where


def test_a_quoted_text_may_hold_what_cuts_steps() -> None:
    assert clauses("keep rows where city is 'then; x. Y'. Then sort by city") == [
        "keep rows where city is 'then; x. Y'",
        "sort by city",
    ]


@given(
    st.lists(
        st.sampled_from(
            [
                "keep",
                "rows",
                "where",
                "speed",
                ">",
                "3",
                "and",
                "(",
                ")",
                "'",
                ",",
                "then",
                "by",
                "city",
                "24",
                "hour",
                "rolling",
                "mean",
                "of",
                "fill",
                "with",
                ";",
                "=",
                "add",
            ]
        ),
        max_size=12,
    )
)
def test_any_words_are_an_answer_or_an_error_that_says_what_to_do(words: list[str]) -> None:
    try:
        found = read_answer(answer(" ".join(words)), "either", "offline").actions
        said = "actions" if found is not None else "nothing"
    except AgiError as error:
        said = error.code
    assert said in ("actions", "AGI-ASSIST-040", "AGI-ASSIST-001", "AGI-ASSIST-002", "AGI-DOC-005")


def test_equal_questions_have_equal_answers() -> None:
    assert len({answer("top 3 by price then rolling 2 row mean of price") for _ in range(3)}) == 1


@pytest.mark.parametrize(("library", "make"), [("polars", pl.DataFrame), ("pandas", pd.DataFrame)])
def test_a_split_leaves_every_row_once_in_the_shares_asked_for(library: str, make: Any) -> None:
    code = read_answer(
        answer("split into train and test with 20 % test and seed 7", library), "code", "offline"
    ).code
    space: dict[str, Any] = {"df": make({"price": list(range(50))})}

    exec(str(code), space)
    again = dict(space)
    exec(str(code), again)

    train, test = list(space["train"]["price"]), list(space["test"]["price"])
    assert (len(train), len(test), sorted(train + test)) == (40, 10, list(range(50)))
    assert train != sorted(train)
    assert train == list(again["train"]["price"])


@pytest.mark.parametrize("library", ["polars", "pandas"])
@pytest.mark.parametrize("question", ["plot price over month", "histogram of price", "describe"])
def test_a_recipe_runs(question: str, library: str) -> None:
    code = read_answer(answer(question, library), "code", "offline").code
    figures: dict[str, Any] = {}

    class Run:
        save_figure = staticmethod(figures.__setitem__)

    make: Any = pl.DataFrame if library == "polars" else pd.DataFrame
    space: dict[str, Any] = {"df": make({"price": [1.0, 2.0, 4.0], "month": [1, 2, 3]}), "run": Run()}

    exec(str(code), space)

    if question == "describe":
        assert space["summary"] is not None
    else:
        axes = figures["price"].axes[0]
        drawn = [list(map(float, line.get_ydata())) for line in axes.lines]
        assert drawn == [[1.0, 2.0, 4.0]] if question.startswith("plot") else len(axes.patches) == 30


def test_a_recipe_is_no_safe_action() -> None:
    with pytest.raises(AgiError, match="answers this request with code"):
        answer("describe", wants="actions")


TWINS = (Known("df", table_of(**{"Temp_C": "int", "temp c": "int", "city": "text"})),)  # type: ignore[arg-type]  # kinds


def asked_of_twins(question: str) -> str:
    found = read_answer(
        OfflineProvider().answer(Prompt(question, "s", tables=TWINS), lambda piece: None).text,
        "actions",
        "offline",
    ).actions
    assert found is not None
    return json.dumps([action.model_dump(mode="json", exclude_defaults=True) for action in found.actions])


@pytest.mark.parametrize(
    ("said", "column"),
    [
        ("Temp_C", "Temp_C"),
        ("temp c", "temp c"),
        ("TEMP C", "temp c"),
        ("TEMP_C", "Temp_C"),
        ("'Temp_C'", "Temp_C"),
        ('"temp c"', "temp c"),
        ("`temp c`", "temp c"),
    ],
)
def test_of_columns_of_one_sound_the_one_of_other_capitals_is_meant(said: str, column: str) -> None:
    other = ({"Temp_C", "temp c"} - {column}).pop()

    for question in (f"keep rows where {said} > 3", f"sort by {said}", f"mean of {said} by city"):
        answered = asked_of_twins(question)
        assert json.dumps(column) in answered
        assert json.dumps(other) not in answered


@pytest.mark.parametrize(
    ("question", "allowed"),
    [
        ("keep rows where TempC > 3", "one of 'Temp_C', 'temp c': say it in quotes"),
        ("sort by city and temp  c", "one of 'Temp_C', 'temp c': say it in quotes"),
        (
            "keep rows where city is tempc",
            "one of 'Temp_C', 'temp c', written exactly so; or a text in quotes",
        ),
    ],
)
def test_a_name_that_several_columns_may_have_is_refused(question: str, allowed: str) -> None:
    with pytest.raises(AgiError, match="does not understand") as caught:
        asked_of_twins(question)

    assert caught.value.allowed == allowed


def test_the_longest_name_that_fits_is_still_the_one_that_is_meant() -> None:
    tables = (Known("df", table_of(Temp="int", Temp_C="int")),)

    text = OfflineProvider().answer(Prompt("sort by TEMP C", "s", tables=tables), lambda piece: None).text

    assert '"Temp_C"' in text
    assert '"Temp"' not in text


@pytest.mark.parametrize(
    "question",
    [
        "keep rows where k is one of 1,000, 2,000",
        "keep rows where k > 1,000",
        "first 1,000 rows",
        "clip k at most 1,000",
        "fill k with 1,000",
    ],
)
def test_a_number_with_commas_is_refused_and_how_it_is_written_is_said(question: str) -> None:
    table = Known("df", table_of(k="int"))

    with pytest.raises(AgiError, match="does not understand") as caught:
        OfflineProvider().answer(Prompt(question, "s", tables=(table,)), lambda piece: None)
    assert caught.value.allowed == "1000 without a comma; or 1, 000, which are several"


def of_unknown(question: str) -> list[dict[str, Any]]:
    answer = OfflineProvider().answer(Prompt(question, "s", tables=(Known("df"),)), lambda piece: None)
    found: list[dict[str, Any]] = json.loads(answer.text.strip("`\n").removeprefix("json"))["actions"]
    return found


def test_of_a_table_that_nobody_knows_a_word_is_never_taken_for_what_it_may_not_be() -> None:
    assert of_unknown("remove duplicates") == [{"do": "deduplicate"}]
    assert of_unknown("keep rows where a > b")[0]["where"] == {"column": "a", "test": ">", "other": "b"}
    assert of_unknown("keep rows where a = 'b'")[0]["where"] == {"column": "a", "test": "==", "value": "b"}
    for question in ("keep rows where a = b", "keep rows where a is not b"):
        with pytest.raises(AgiError, match="does not understand") as caught:
            of_unknown(question)
        assert caught.value.allowed.startswith("'b' in quotes, if it is a text")
