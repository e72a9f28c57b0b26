"""What stages must not damage, what they may ask of others, and what they are told when it cannot be."""

from __future__ import annotations

import tomllib
from datetime import UTC, date, datetime, time, timedelta, timezone
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.store.store import Store
from agilab.views.explanation import explain
from agilab.workflow.document.params import params_from
from agilab.workflow.running.prepare import read_lab
from tests.workflow.conftest import ALab

DAMAGE = """
[[stages]]
id = "make"
outputs = ["out/table.csv"]
code = "open('out/table.csv', 'w').write('made')"

[[stages]]
id = "own"
inputs = ["data.csv"]
code = "open('data.csv', 'a').write('more')"

[[stages]]
id = "other"
inputs = ["out/table.csv"]
code = "import os; os.chmod('out/table.csv', 0o644); open('out/table.csv', 'w').write('bad!')"

[[stages]]
id = "said"
inputs = ["log.csv"]
outputs = ["log.csv"]
code = "open('log.csv', 'a').write('more')"

[[stages]]
id = "read"
inputs = ["out/table.csv", "log.csv"]
code = "open('out/table.csv').read(), open('log.csv').read()"
"""


@pytest.mark.slow
def test_a_stage_damages_neither_the_lab_nor_what_others_left(lab: ALab) -> None:
    first = lab.write(DAMAGE, **{"data.csv": "mine", "log.csv": "mine"}).run(keep_going=True, cache=True)
    states = lab.states(first)
    assert states == {
        "make": "succeeded",
        "own": "failed",
        "other": "failed",
        "said": "succeeded",
        "read": "succeeded",
    }
    told = {entry["unit"]: entry["error"] for entry in lab.manifest(first)["left_out"]}
    assert {error["code"] for error in told.values()} == {"AGI-STAGE-116"}
    assert told["own"]["what"] == (
        "stage own changed its input data.csv; declare it as an output, or write elsewhere"
    )
    assert (lab.folder / "data.csv").read_text() == (lab.folder / "log.csv").read_text() == "mine"
    assert lab.shown(first, "read") == "('made', 'minemore')"
    assert lab.file(first, "table.csv").read_text() == "made"
    again = lab.run(keep_going=True, cache=True)
    assert lab.states(again)["make"] == "reused"
    assert lab.shown(again, "read") == "('made', 'minemore')"
    # An object that has lost its end is not what it was recorded as.
    with Store(lab.workspace) as store:
        (digest,) = (one["digest"] for one in store.result(first.run_id or "", "make")["artifacts"])
        path = store.objects.path(digest)
        path.chmod(0o644)
        path.write_text("ma")
    assert lab.states(lab.run(keep_going=True, cache=True))["make"] == "succeeded"
    assert path.read_text() == "made"


SHARES = """
[lab.params]
least = 2

[[stages]]
id = "one"
outputs = ["factor"]
code = "factor = 10"

[[stages]]
id = "each"
foreach = { n = [1, 0, 2] }
outputs = ["inverse", "parts"]
code = "inverse = 1 / n; parts = [n, -n]"

[[stages]]
id = "part"
foreach = { part = "parts" }
inputs = ["factor"]
outputs = ["scaled"]
require = 2
code = "scaled = part * factor"

[[stages]]
id = "two"
inputs = ["inverse", "factor"]
require = 2
code = "inverse, factor"

[[stages]]
id = "five"
inputs = ["scaled", "factor"]
require = 5
code = "scaled"
"""


@pytest.mark.slow
def test_a_number_is_asked_of_mapped_stages_alone(lab: ALab) -> None:
    result = lab.write(SHARES).run(keep_going=True)
    states = lab.states(result)
    assert [states[f"part[{key}]"] for key in ("1/1", "1/-1", "2/2", "2/-2")] == ["succeeded"] * 4
    assert lab.shown(result, "two") == "({'1': 1.0, '2': 0.5}, 10)"
    assert states["five"] == "upstream_failed"


@pytest.mark.slow
def test_who_asks_more_than_there_is_is_named_at_the_end(lab: ALab) -> None:
    result = lab.write(SHARES.replace("[1, 0, 2]", "[1, 2]")).run(keep_going=True)
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.what == "five never began: part left less than it requires"
    assert result.next[0] == f"agilab runs explain {result.run_id} five"
    with Store(lab.workspace) as store:
        assert explain(store, result.run_id or "").sentence.endswith(
            ": five requires 5 of part, which left 4 good units."
        )
        node = explain(store, result.run_id or "", "five")
    assert node.sentence == "five never began: it requires 5 of part, which left 4 good units."
    assert not [step for step in node.next if "explain" in step.command]


OBJECTS = """
[[stages]]
id = "make"
outputs = ["c", "v", "many"]
code = '''
class Color:
    red = 1

def v():
    return 3

c = Color()
many = [c]
'''

[[stages]]
id = "without"
inputs = ["c"]
code = "c.red"

[[stages]]
id = "without_all"
inputs = ["many"]
code = "many"

[[stages]]
id = "without_it"
inputs = ["v"]
code = "v()"

[[stages]]
id = "with"
inputs = ["c"]
uses = { make = ["Color", "v"] }
code = "c.red, v()"

[[stages]]
id = "done"
file = "steps/done.py"
inputs = ["steps/words.txt"]
outputs = ["words", "where"]

[[stages]]
id = "undone"
code = "import sys; sys.exit(3)"
"""
DONE = """
import sys
from pathlib import Path

words = Path(__file__).with_name("words.txt").read_text()
where = Path(__file__).name
if __name__ == "__main__":
    sys.exit(0)
"""


@pytest.mark.slow
def test_objects_say_what_they_lack_and_scripts_end_as_scripts_do(lab: ALab) -> None:
    result = lab.write(OBJECTS, **{"steps__done.py": DONE, "steps__words.txt": "two words"}).run(
        keep_going=True
    )
    told = {entry["unit"]: entry["error"] for entry in lab.manifest(result)["left_out"]}
    assert set(told) == {"without", "without_all", "without_it", "undone"}
    assert told["without"]["what"].startswith("c of stage make is an object of Color, whose definition")
    assert told["without_all"]["what"].startswith("many of stage make holds an object of Color, whose")
    assert told["without"]["try"].startswith('uses = { make = ["Color"] }')
    assert told["without_it"]["what"].startswith("v of stage make is the function v, whose definition")
    assert told["without_it"]["try"].endswith("in place of v among the inputs")
    assert "SystemExit" in told["undone"]["what"]
    assert lab.shown(result, "with") == "(1, 3)"
    left = lab.left(result, "done")["values"]
    assert [left[name]["text"] for name in ("words", "where")] == ['"two words"', '"done.py"']


OWN = tomllib.loads("""
n = 3
flag = true
s = "text"
fl = 1.5
lst = [1, 2]
tab = { a = 1 }
when = 2020-01-02
at = 2020-01-02T03:04:05
noon = 12:00:00
moment = 2020-01-02T03:04:05+01:00
days = [2020-01-02, 2020-01-03]
bounds = { first = 2020-01-02, last = "open" }
""")


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("n", "-4", -4),
        ("flag", "False", False),
        ("s", "007", "007"),
        ("s", "5", "5"),
        ("s", "Infinity", "Infinity"),
        ("fl", "2", 2.0),
        ("lst", "[3, [4]]", [3, [4]]),
        ("tab", '{"b": 2.5}', {"b": 2.5}),
        ("when", "2024-05-31", date(2024, 5, 31)),
        ("at", "2024-05-31 12:00", datetime(2024, 5, 31, 12)),
        ("noon", "12:30", time(12, 30)),
        (
            "moment",
            "2024-05-31T12:00:00+02:00",
            datetime(2024, 5, 31, 12, tzinfo=timezone(timedelta(hours=2))),
        ),
        ("moment", "2024-05-31 12:00Z", datetime(2024, 5, 31, 12, tzinfo=UTC)),
        ("days", '["2024-05-31"]', [date(2024, 5, 31)]),
        (
            "bounds",
            '{"first": "2024-05-31", "last": "2024-06-30"}',
            {"first": date(2024, 5, 31), "last": "2024-06-30"},
        ),
        ("nobody", "1", "1"),
    ],
)
def test_text_becomes_what_the_param_is(name: str, text: str, value: object) -> None:
    found = params_from({name: text}, OWN)[name]
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("name", "text", "allowed"),
    [
        ("n", "abc", "a whole number, as in the lab: 3"),
        ("n", "1.0", "a whole number"),
        ("flag", "maybe", "true or false, as in the lab: true"),
        ("fl", "1e400", "a finite number"),
        ("fl", "nan", "a finite number"),
        ("lst", "1,2", "a list as JSON"),
        ("lst", "[Infinity]", "a list as JSON"),
        ("lst", "[1e400]", "a list as JSON"),
        ("lst", '{"a": 1}', "a list as JSON"),
        ("tab", "[1]", "a table as JSON"),
        ("when", "2020-99-99", "a date, such as"),
        ("at", "noon", "a date and time"),
        ("at", "2025-01-01T12:00:00Z", "a date and time without offset"),
        ("noon", "12:30:00+01:00", "a time"),
        ("days", '["2024-05-31", "soon"]', "a list as JSON"),
        ("bounds", '{"first": 3}', "a table as JSON"),
        ("moment", "2025-01-01", "a date and time with its offset"),
        ("moment", "2025-01-01T12:00:00", "a date and time with its offset"),
    ],
)
def test_text_that_the_param_cannot_be_is_refused(name: str, text: str, allowed: str) -> None:
    with pytest.raises(AgiError) as refused:
        params_from({name: text}, OWN)
    assert refused.value.code == "AGI-STAGE-058"
    assert refused.value.found == text
    assert name in refused.value.what
    assert str(refused.value.allowed).startswith(allowed)


def test_a_param_that_json_cannot_carry_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text("[lab.params]\nsteps = [1, nan]\n")
    with pytest.raises(AgiError, match=r"the param steps is no finite number, or holds one") as refused:
        read_lab(path)
    assert refused.value.code == "AGI-STAGE-063"
