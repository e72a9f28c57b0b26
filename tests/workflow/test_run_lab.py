"""Running a lab: real stages in real environments, and what their runs leave."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agi_node.exact_json import exact_value
from agilab.engine.selection import Selection
from agilab.store.store import Store
from agilab.views.history import view_run
from agilab.workflow.document.locate import read_lab_file
from agilab.workflow.running.plan import plan_lab
from agilab.workflow.running.prepare import read_lab
from agilab.workflow.running.request import LabRequest
from agilab.workflow.running.resuming import resume_lab
from agilab.workflow.running.trial import try_stage
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

CHAIN = """
# Kept, whatever a run writes.
[lab]
params = { factor = 2 }

[[stages]]
id = "load"
code = '''
import math

def double(number):
    "Twice."
    return number * factor_of_all

factor_of_all = 2
numbers = [3, 1, 2]
shape = (1, {"b": 1, "a": 2})
'''
outputs = ["numbers", "shape"]

[[stages]]
id = "sort"
inputs = ["numbers", "factor"]
outputs = ["numbers"]
uses = { load = ["double"] }
code = "numbers = [double(n) * factor for n in sorted(numbers)]"

[[stages]]
id = "tell"
inputs = ["numbers", "shape", { name = "numbers", from = "load", as = "first" }]
outputs = ["out/told.json"]
code = '''
import json
from pathlib import Path
Path("out/told.json").write_text(json.dumps([numbers, first]))
numbers, first, shape
'''
"""


def test_values_go_from_stage_to_stage_as_they_are(lab: ALab) -> None:
    result = lab.write(CHAIN).run()
    assert result.status == "succeeded"
    assert lab.shown(result, "tell") == "([4, 8, 12], [3, 1, 2], (1, {'b': 1, 'a': 2}))"
    assert json.loads(lab.file(result, "told.json").read_text()) == [[4, 8, 12], [3, 1, 2]]
    manifest = lab.manifest(result)
    assert manifest["args"] == {"factor": 2}
    assert manifest["verdict"]["status"] == "succeeded"


BARE = """
[[stages]]
id = "make"
outputs = ["./table", "./kept*", "./tree"]
code = '''
from pathlib import Path
for name in ("table", "kept.dat", "kept_2", "tree/a/b.txt"):
    Path(name).parent.mkdir(parents=True, exist_ok=True)
    Path(name).write_text(name)
'''

[[stages]]
id = "tell"
inputs = ["./table", "./kept*", "./tree"]
code = '''
from pathlib import Path
sorted(str(one) for one in Path().rglob("*") if one.is_file())
'''
"""


def test_files_and_folders_of_bare_names_go_from_stage_to_stage(lab: ALab) -> None:
    """`./table` is a file, and no value called `table`."""
    result = lab.write(BARE).run()
    assert result.status == "succeeded"
    assert lab.shown(result, "tell") == "['kept.dat', 'kept_2', 'table', 'tree/a/b.txt']"


def test_a_param_can_be_set(lab: ALab) -> None:
    result = lab.write(CHAIN).run(params={"factor": 5})
    assert lab.shown(result, "tell").startswith("([10, 20, 30], ")
    with pytest.raises(AgiError) as refused:
        lab.run(params={"faktor": 5})
    assert refused.value.code == "AGI-STAGE-033"
    assert refused.value.allowed == "factor"


def test_a_param_that_changes_nothing_cannot_be_set(lab: ALab) -> None:
    """A run that says it had another value than its stages had would be a lie."""
    idle = CHAIN.replace("{ factor = 2 }", "{ factor = 2, idle = 1 }")
    assert lab.write(idle).run().status == "succeeded"
    assert lab.run(params={"idle": 1}).status == "succeeded"
    with pytest.raises(AgiError, match="no stage takes this param") as refused:
        lab.run(params={"idle": 2})
    assert (refused.value.code, refused.value.found, refused.value.allowed) == (
        "AGI-STAGE-069",
        "idle",
        "factor",
    )


def test_the_document_gets_its_last_run_and_keeps_the_rest(lab: ALab) -> None:
    result = lab.write(CHAIN).run()
    text = lab.path.read_text()
    assert "# Kept, whatever a run writes." in text
    assert 'code = "numbers = [double' in text
    stages = tomllib.loads(text)["stages"]
    assert {stage["last_run"]["run"] for stage in stages} == {result.run_id}
    assert {stage["last_run"]["status"] for stage in stages} == {"succeeded"}
    assert lab.run(cache=True).status == "succeeded"  # what it wrote can be read


def test_unchanged_stages_are_used_again_and_edited_ones_are_not(lab: ALab) -> None:
    lab.write(CHAIN).run(cache=True)
    again = lab.run(cache=True)
    assert set(lab.states(again).values()) == {"reused"}
    lab.write(CHAIN.replace('"Twice."', '"Twice."  # said again').replace("numbers = [3", "numbers  =  [3"))
    assert set(lab.states(lab.run(cache=True)).values()) == {"reused"}
    # A helper that only one stage takes runs that stage again, and its reader, whose input changed.
    lab.write(CHAIN.replace("return number *", "return -number *"))
    states = lab.states(lab.run(cache=True))
    assert states == {"load": "succeeded", "sort": "succeeded", "tell": "succeeded"}
    # What comes out the same stops there: load runs, and leaves what it left.
    lab.write(CHAIN.replace("import math\n", "import math\nimport json\n"))
    assert lab.states(lab.run(cache=True)) == {"load": "succeeded", "sort": "reused", "tell": "reused"}
    lab.write(CHAIN.replace("[3, 1, 2]", "[3, 1, 5]"))
    steps = plan_lab(LabRequest(lab.path, cache=True), lab.workspace)
    assert "code changed" in steps.of("run")["load"]
    assert list(steps.of("wait")) == ["sort", "tell"]


EACH = """
[[stages]]
id = "list"
code = "cities = ['Rome', 'Oslo']; years = {'old': 1990, 'new': 2020}"
outputs = ["cities", "years"]

[[stages]]
id = "read"
foreach = { city = "cities" }
inputs = ["data/{city}.txt"]
outputs = ["length", "parts", "out/{city}.txt"]
code = '''
from pathlib import Path
text = Path(f"data/{city}.txt").read_text()
assert [p.name for p in Path("data").iterdir()] == [f"{city}.txt"]
length, parts = len(text), list(text)
Path(f"out/{city}.txt").write_text(text.upper())
'''

[[stages]]
id = "part"
foreach = { letter = "parts" }
inputs = ["length"]
outputs = ["told"]
code = "told = f'{city} {letter} {length}'"

[[stages]]
id = "along"
foreach = { town = "cities" }
inputs = ["length", "out/{city}.txt"]
outputs = ["same"]
code = '''
from pathlib import Path
same = [town, length, [p.read_text() for p in Path("out").iterdir()]]
'''

[[stages]]
id = "grid"
foreach = { year = "years", rate = [0.5, 1.5] }
outputs = ["cell"]
code = "cell = (year, rate)"

[[stages]]
id = "all"
inputs = ["length", "told", "same", "cell", "out/{city}.txt"]
code = '''
from pathlib import Path
length, told, same, cell, sorted(p.name for p in Path("out").iterdir())
'''
"""


def test_stages_run_for_each_item_nested_and_combined_and_are_gathered(lab: ALab) -> None:
    result = lab.write(EACH, **{"data__Rome.txt": "ab", "data__Oslo.txt": "c"}).run()
    assert result.status == "succeeded", result.error
    length, told, same, cell, files = eval(lab.shown(result, "all"))
    assert length == {"Rome": 2, "Oslo": 1}
    assert list(length) == ["Rome", "Oslo"]
    assert told == {"Rome/a": "Rome a 2", "Rome/b": "Rome b 2", "Oslo/c": "Oslo c 1"}
    assert same == {"Rome": ["Rome", 2, ["AB"]], "Oslo": ["Oslo", 1, ["C"]]}
    assert list(cell.values()) == [(1990, 0.5), (1990, 1.5), (2020, 0.5), (2020, 1.5)]
    assert files == ["Oslo.txt", "Rome.txt"]
    inputs = {file["path"] for file in lab.manifest(result)["inputs"]}
    assert inputs == {"data/Rome.txt", "data/Oslo.txt"}


def test_one_changed_file_runs_its_own_unit_again(lab: ALab) -> None:
    lab.write(EACH, **{"data__Rome.txt": "ab", "data__Oslo.txt": "c"}).run(cache=True)
    (lab.folder / "data" / "Oslo.txt").write_text("d")
    states = lab.states(lab.run(cache=True))
    assert states["read[Rome]"] == "reused"
    assert states["read[Oslo]"] == "succeeded"
    assert states["part[Rome/a]"] == "reused"
    assert states["part[Oslo/d]"] == "succeeded"


SOME = """
[[stages]]
id = "each"
foreach = { n = [1, 0, 2] }
outputs = ["inverse"]
code = "inverse = 1 / n"

[[stages]]
id = "gather"
inputs = ["inverse"]
require = {require}
code = "inverse"
"""


def test_a_failed_item_stops_what_wants_all_and_not_what_wants_some(lab: ALab) -> None:
    result = lab.write(SOME.replace("{require}", '"all"')).run(keep_going=True)
    assert result.status == "failed"
    assert lab.states(result)["gather"] == "upstream_failed"
    assert "ZeroDivisionError" in json.dumps(lab.manifest(result)["left_out"]) or result.error is not None
    result = lab.write(SOME.replace("{require}", '"any"')).run(keep_going=True)
    assert lab.shown(result, "gather") == "{'1': 1.0, '2': 0.5}"


ALONG = """
[[stages]]
id = "load"
outputs = ["numbers"]
code = "numbers = list(range(5))"
[[stages]]
id = "each"
foreach = { n = "numbers" }
outputs = ["s"]
code = "s = n * n if n != 3 else 1 / 0"
[[stages]]
id = "more"
foreach = { n = "numbers" }
inputs = ["s"]
outputs = ["u"]
code = "u = s + 1"
[[stages]]
id = "total"
inputs = ["u"]
outputs = ["t"]
require = REQUIRE
code = "t = sum(u.values()); t"
"""


def test_a_failure_that_the_document_allows_is_allowed_along_a_chain_and_where_one_stage_is_run_alone(
    lab: ALab,
) -> None:
    lab.write(ALONG.replace("REQUIRE", "4"))
    whole = lab.run()
    only = Selection(from_node="total", downstream=False)
    alone = lab.run(selection=only)
    later = lab.run(selection=only)
    # (0 + 1) + (1 + 1) + (4 + 1) + (16 + 1), without the item 3; 2 of 1 + 5 + 5 + 1 units are never done.
    assert [result.status for result in (whole, alone, later)] == ["succeeded"] * 3
    spared = (10, 12, "; 2 left out, as the run allowed")
    beside = (1, 1, "; 2 more undone, not asked for")
    for result, (good, total, said) in ((whole, spared), (alone, beside), (later, beside)):
        manifest = lab.manifest(result)
        (units,) = [check for check in manifest["verdict"]["validations"] if check["name"] == "units"]
        assert units["passed"]
        assert units["evidence"] == {"good": good, "total": total}
        assert units["message"] == f"{good} of {total} units ended well{said}"
        assert lab.shown(result, "total") == "25"
        assert sorted(one["unit"] for one in manifest["left_out"]) == ["each[3]", "more[3]"], "it is said"

    lab.write(ALONG.replace("REQUIRE", "5"))
    with pytest.raises(AgiError, match="total cannot run alone"):  # what is required is still required
        lab.run(selection=only)
    lab.write(ALONG.replace("REQUIRE", '"all"'))
    assert lab.run(keep_going=True).status == "failed"


def test_a_failed_stage_is_mended_and_the_rest_is_not_run_again(lab: ALab) -> None:
    broken = CHAIN.replace("sorted(numbers)", "sorted(numbes)")
    result = lab.write(broken).run()
    assert result.status == "failed"
    assert lab.states(result) == {"load": "succeeded", "sort": "failed", "tell": "cancelled"}
    assert result.error is not None
    assert "NameError" in result.error.what
    assert "numbes" in result.error.what
    again = lab.write(CHAIN).run(selection=Selection(failed=True))
    assert lab.states(again) == {"load": "reused", "sort": "succeeded", "tell": "succeeded"}
    only = lab.run(selection=Selection(from_node="sort", downstream=False))
    assert lab.states(only) == {"load": "reused", "sort": "succeeded", "tell": "reused"}


def test_an_output_that_is_not_made_fails_its_stage(lab: ALab) -> None:
    result = lab.write(CHAIN.replace('"out/told.json"]', '"out/told.json", "out/more.csv"]')).run()
    assert result.status == "failed"
    assert result.error is not None
    assert result.error.code == "AGI-STAGE-101"
    assert "out/more.csv" in result.error.what


def test_a_lab_that_lacks_an_input_is_refused_before_anything_runs(lab: ALab) -> None:
    with pytest.raises(AgiError) as refused:
        lab.write(CHAIN.replace('"numbers", "factor"', '"numbes", "factor"')).run()
    assert refused.value.code == "AGI-STAGE-030"
    assert "sort takes numbes" in (refused.value.found or "")


def test_modules_beside_the_stages_are_imported_and_their_edits_seen(lab: ALab) -> None:
    stages = '[[stages]]\nid = "a"\ncode = "import helpers\\nhelpers.value()"\n'
    lab.write(stages, **{"helpers.py": "def value():\n    return 1\n"})
    assert lab.shown(lab.run(cache=True), "a") == "1"
    lab.write(stages, **{"helpers.py": "def value():\n    return 2\n"})
    assert lab.shown(lab.run(cache=True), "a") == "2"


TABLES = """
[[stages]]
id = "make"
code = '''
import polars as pl
table = pl.DataFrame({"x": [1, 2, 3], "name": ["a", "b", None]})
class Model:
    def __init__(self, k): self.k = k
model = Model(4)
'''
outputs = ["table", "model"]

[[stages]]
id = "use"
inputs = ["table", "model"]
uses = { make = ["Model"] }
outputs = ["total"]
code = "total = int(table['x'].sum() * model.k)\\ntype(table).__module__.split('.')[0], model.k"

[[stages]]
id = "elsewhere"
env = "plain"
inputs = ["total"]
code = '''
try:
    import polars
except ImportError as missing:
    told = str(missing)
total, told
'''
"""


def test_tables_and_models_within_one_environment_and_data_between_two(
    table_lab: ALab, plain_project: Path
) -> None:
    shutil.copytree(plain_project, table_lab.folder / "plain")
    result = table_lab.write(TABLES).run()
    assert result.status == "succeeded", result.error
    assert table_lab.shown(result, "use") == "('polars', 4)"
    assert table_lab.shown(result, "elsewhere") == "(24, \"No module named 'polars'\")"
    kinds = {name: form["kind"] for name, form in table_lab.left(result, "make")["values"].items()}
    assert kinds == {"table": "parquet", "model": "pickle"}


def test_an_object_does_not_cross_into_another_environment(table_lab: ALab, plain_project: Path) -> None:
    shutil.copytree(plain_project, table_lab.folder / "plain")
    result = table_lab.write(TABLES.replace('inputs = ["total"]', 'inputs = ["total", "model"]')).run()
    assert result.error is not None
    assert result.error.code == "AGI-STAGE-115"
    assert "takes model from make" in result.error.what


def test_a_stage_is_tried_on_what_the_last_run_left(lab: ALab) -> None:
    lab.write(CHAIN).run()
    before = len(_runs(lab))
    lab.write(CHAIN.replace("numbers, first, shape", "print('seen'); numbers[0]"))
    trial = try_stage(read_lab(lab.path), "tell", lab.workspace)
    assert (trial.status, trial.shown, trial.log) == ("succeeded", "4", "seen")
    assert len(_runs(lab)) == before
    lab.write(CHAIN.replace("sorted(numbers)", "sorted(numbes)"))
    trial = try_stage(read_lab(lab.path), "sort", lab.workspace)
    assert not trial.passed
    assert trial.error is not None
    assert "numbes" in trial.error["what"]


def _runs(lab: ALab) -> list[str]:
    with Store(lab.workspace) as store:
        return [run.run_id for run in store.runs(app="lab:study", limit=100)]


def _killed(lab: ALab, unit: str, state: str) -> str:
    """Runs the lab in a process of its own and kills that when a unit is in a state; the run's id."""
    script = (
        "import sys; from pathlib import Path\n"
        "from agilab.workflow.running.execution import LabRequest, run_lab\n"
        "run_lab(LabRequest(Path(sys.argv[1]), track=False, workers=1))\n"
    )
    environment = {**os.environ, "AGILAB_HOME": str(lab.workspace.home)}
    runner = subprocess.Popen([sys.executable, "-c", script, str(lab.path)], env=environment)
    run_id = ""
    deadline = time.monotonic() + 60
    while not run_id and time.monotonic() < deadline:
        with Store(lab.workspace) as store:
            for run in store.runs(app="lab:study", limit=1):
                found = {one.unit_id: one.state for one in store.units(run.run_id)}
                if run.state == "running" and found.get(unit) == state:
                    run_id = run.run_id
        time.sleep(0.02)
    runner.send_signal(signal.SIGKILL)
    runner.wait()
    return run_id


def test_a_killed_run_is_gone_on_with(lab: ALab) -> None:
    slow = CHAIN.replace("import json\nfrom", "import time; time.sleep(1.5)\nimport json\nfrom")
    lab.write(slow)
    run_id = _killed(lab, "sort", "succeeded")
    # The source as it was counts, whatever was written meanwhile.
    lab.write(CHAIN.replace("sorted(numbers)", "sorted(numbes)"))
    result = resume_lab(run_id, lab.workspace)
    assert result.status == "succeeded"
    assert result.run_id == run_id
    assert lab.shown(result, "tell").startswith("([4, 8, 12], ")


TIMED = """
[[stages]]
id = "before"
outputs = ["spell"]
code = "import time; began = time.time(); time.sleep(0.3); spell = (began, time.time())"
[[stages]]
id = "each"
needs = ["before"]
foreach = { n = [1, 2] }
outputs = ["spell"]
code = "import time; began = time.time(); time.sleep(0.8); spell = (began, time.time())"
[[stages]]
id = "after"
needs = ["each"]
outputs = ["spell"]
code = "import time; began = time.time(); time.sleep(0.2); spell = (began, time.time())"
"""


def test_the_time_that_a_stage_took_has_no_part_of_the_time_when_nobody_worked(lab: ALab) -> None:
    lab.write(TIMED)
    run_id = _killed(lab, "each[2]", "running")
    time.sleep(1.5)
    result = resume_lab(run_id, lab.workspace)
    assert (result.status, result.run_id) == ("succeeded", run_id)

    # What the stages' own clocks say, of the attempts that came to their end.
    spells = {
        name: tuple(exact_value(lab.left(result, name)["values"]["spell"]["text"]))
        for name in ("before", "each[1]", "each[2]", "after")
    }
    assert spells["each[2]"][0] - spells["each[1]"][1] > 1.5, "it was begun anew, long after the kill"
    worked = {name: end - began for name, (began, end) in spells.items()}
    measured = {
        "before": worked["before"],
        "each": worked["each[1]"] + worked["each[2]"],
        "after": worked["after"],
    }
    nodes = {one["node"]: one["worked_seconds"] for one in lab.manifest(result)["execution"]["nodes"]}
    with Store(lab.workspace) as store:
        shown = view_run(store, run_id).worked
    written = {one.id: one.last_run for one in read_lab_file(lab.path).lab.stages}
    for name, seconds in measured.items():
        last = written[name]
        assert last is not None
        for took in (nodes[name], shown[name], last.seconds):
            # Beside the code there is what is read before and kept after: less, also on a busy machine, than the pause.
            assert seconds - 0.01 <= took < seconds + 1.4, name


def test_the_lab_of_the_documentation_runs(table_lab: ALab) -> None:
    weather = Path(__file__).parents[3] / "shared" / "data" / "weather_nyc" / "weather_2013.csv"
    if not weather.is_file():
        pytest.skip("a year of weather is in ../shared/data, which is not here")
    page = (Path(__file__).parents[2] / "docs" / "stages.md").read_text(encoding="utf-8")
    text = page.partition("```toml\n")[2].partition("```")[0]
    (table_lab.folder / "data").mkdir()
    shutil.copy(weather, table_lab.folder / "data")
    result = table_lab.write(text).run()
    assert result.status == "succeeded", result.error
    rows = [line.split(",") for line in weather.read_text().splitlines()]
    names = rows[0]
    hottest: dict[str, dict[tuple[str, str], list[float]]] = {}
    for row in rows[1:]:
        one = dict(zip(names, row, strict=True))
        if one["temp"] != "NA":
            day = (one["month"], one["day"])
            hottest.setdefault(one["origin"], {}).setdefault(day, []).append((float(one["temp"]) - 32) / 1.8)
    expected = {
        station: max(sum(day) / len(day) for day in days.values()) for station, days in hottest.items()
    }
    shown = eval(table_lab.shown(result, "tell"))
    assert shown == pytest.approx(expected)


def test_a_python_that_a_stage_calls_is_that_of_its_environment(lab: ALab) -> None:
    code = """
import subprocess, sys
there = ["python", "-c", "import sys; print(sys.prefix)"]
said = subprocess.run(there, text=True, capture_output=True).stdout.strip()
said == sys.prefix, sys.prefix != sys.base_prefix
"""
    lab.write(f"schema = 'agilab.lab_stages.v2'\n[[stages]]\nid = 'a'\ncode = '''{code}'''\n")
    assert lab.shown(lab.run(), "a") == "(True, True)"
