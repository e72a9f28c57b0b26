"""`agilab report notebook-…`: what they establish on any given file, and that they fail where it does not hold."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.notebooks.building import code, markdown, notebook, stream

from agilab.contracts.base import parse_document, read_document
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.report import Check, Report
from agilab.evidence.report import Scope, report_kind
from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.supervisor.read_back import ReadBack, read_back
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.preview import preview_import
from agilab.workflow.reports.notebook_import import import_checks
from agilab.workflow.reports.notebook_roundtrip import way_back_checks

from .conftest import Agilab

DATA = Path(__file__).parents[1] / "notebooks" / "data"
OF_R = {"kernelspec": {"name": "ir", "language": "R"}}
STUDY = notebook(
    markdown("# A study"),
    code("import os\ntable = open('data.csv').read()", 1),
    markdown("## Count"),
    code("count = len(table)\nprint(count)", 2, [stream("3\n")]),
    markdown("## Write"),
    code("with open('out.txt', 'w') as f:\n    f.write(str(count))", 3),
    minor=5,
)


def by_name(report: Report) -> dict[str, Check]:
    return {f"{check.about}/{check.name}": check for check in report.checks}


def judge(name: str, **options: Any) -> Report:
    return report_kind(name).make(Scope(Workspace.default()), **options)


# -- import -------------------------------------------------------------------------------------------------------


def test_an_import_is_judged_against_the_notebook_itself(agilab: Agilab, tmp_path: Path, home: Path) -> None:
    path = tmp_path / "study.ipynb"
    path.write_bytes(STUDY)
    answer = agilab("report", "notebook-import", str(path), "--json")
    assert answer.code == 0, answer.err
    report = parse_document(answer.out, Report, "stdout")
    assert report.verdict == "passed"
    found = by_name(report)
    assert found["the import/not_executed_import"].evidence == {
        **dict.fromkeys(("executed", "written", "processes", "connections", "files_changed"), 0)
    }
    assert found["study.ipynb/cells"].evidence["code_cells"] == 3
    assert found["study.ipynb/code"].evidence["statements"] == 5
    assert found["study.ipynb/markdown"].evidence == {"markdown_cells": 3, "kept": 3}
    assert found["study.ipynb/lineage"].evidence["cells_with_count"] == 3
    assert found["study.ipynb/outputs"].evidence == {"representations": 1, "texts": 1}
    assert found["the import/artifacts"].evidence["directions"] == {"read": 1, "written": 1}
    assert [row["R"] for row in report.details["stages"]] == ["python"] * len(report.details["stages"])
    assert sum(row["C"]["lines"] for row in report.details["stages"]) >= 6
    assert not home.exists(), "looking leaves nothing behind"
    assert [file.name for file in tmp_path.iterdir()] == ["study.ipynb"]

    lines = agilab("report", "notebook-import", str(path))
    assert "no code of theirs ran" in lines.out
    assert "passed: 15 checks, executed, watched" in lines.out
    compact = agilab("report", "notebook-import", str(path), "--compact").out
    assert compact.count("\n") == 1
    assert json.loads(compact)["checks"] == answer.document["checks"]


@pytest.mark.parametrize("names", [["r_study"], ["julia_study"], ["r_study", "kaggle"]], ids="+".join)
def test_what_is_kept_of_another_language_is_judged_letter_for_letter(names: list[str]) -> None:
    report = judge("notebook-import", files=tuple(DATA / f"{name}.ipynb" for name in names))
    assert report.verdict == "passed", report.checks
    found = by_name(report)
    assert (
        found[f"{names[0]}.ipynb/cells"].evidence["code_cells"] == {"r_study": 4, "julia_study": 3}[names[0]]
    )
    theirs = {"r_study": {"toc"}, "julia_study": set(), "kaggle": {"kaggle"}}
    assert found["the import/metadata"].evidence["keys"] == sorted(
        set().union(*(theirs[name] for name in names))
    )


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (None, "no such file"),
        (b"{", "ends in the middle"),
        ((DATA / "nothing.ipynb").read_bytes(), "nothing in it to import"),
    ],
    ids=["missing", "cut", "no cells"],
)
def test_what_cannot_be_imported_fails_and_says_why(content: bytes | None, says: str, tmp_path: Path) -> None:
    path = tmp_path / "given.ipynb"
    if content is not None:
        path.write_bytes(content)
    report = judge("notebook-import", files=(path,))
    assert report.verdict == "failed"
    assert says in by_name(report)["given.ipynb/read"].message
    assert by_name(report)["the import/not_executed_import"].state == "passed"


@pytest.mark.parametrize(
    "name", ["magics", "errors", "nbformat2", "python2", "store_and_captures", "widgets"]
)
def test_notebooks_of_all_sorts_are_kept_or_what_is_left_out_is_told(name: str) -> None:
    report = judge("notebook-import", files=(DATA / f"{name}.ipynb",))
    assert [check for check in report.checks if check.state == "failed"] == []


def test_what_is_lost_on_the_way_is_found(tmp_path: Path) -> None:
    """The import of another notebook in the place of this one's: each check that compares has to see it."""
    path, other = tmp_path / "study.ipynb", tmp_path / "other" / "study.ipynb"
    book = json.loads(STUDY)
    book["metadata"]["a tool"] = {"kept": True}
    path.write_text(json.dumps(book))
    cells = book["cells"]
    cells[2]["source"] = "## Another text"
    cells[3] |= {"source": "count = 0", "outputs": [], "execution_count": 9}
    cells[5]["source"] = ""
    del book["metadata"]["a tool"]
    other.parent.mkdir()
    other.write_text(json.dumps(book))
    found = preview_import([other]).report

    (read,) = (check for check in import_checks(found, [path]) if check.name == "read")
    assert read.state == "failed", "it is of a file with another digest"
    of_path = preview_import([path]).report.notebooks[0].digest
    found = found.with_changes(notebooks=(found.notebooks[0].with_changes(digest=of_path),))
    failed = {check.name for check in import_checks(found, [path]) if check.state == "failed"}
    assert failed == {"cells", "code", "markdown", "lineage", "outputs", "metadata", "order"}


def test_what_was_never_run_or_is_of_an_unknown_format_is_not_said_to_be_in_order(tmp_path: Path) -> None:
    book = json.loads(STUDY)
    for cell in book["cells"]:
        cell |= {"execution_count": None, "outputs": []} if cell["cell_type"] == "code" else {}
    path = tmp_path / "study.ipynb"
    path.write_text(json.dumps(book | {"nbformat": 9}))
    report = preview_import([path]).report

    said = {check.name: check.message for check in import_checks(report, [path])}
    assert said["order"] == "no cell says that it ever ran"
    assert said["read"].endswith("read; nbformat 9 is unknown; it was read as 4")


def test_the_watch_sees_code_files_processes_and_connections(tmp_path: Path) -> None:
    """In a process of its own, since a hook stays for good."""
    module = tmp_path / "theirs.py"
    module.write_text("number = 1\n")
    script = f"""
import dataclasses, json, os, socket, subprocess, sys
from agilab.workflow.reports.watching import Watch
watch = Watch()
watch.begin()
@dataclasses.dataclass
class Innocent:
    number: int
compile("1 + 1", "<cell>", "exec")
open({str(module)!r}).read()
watch.end()
assert not any(watch.seen.values()), watch.seen
watch.begin()
exec("1 + 1")
sys.path.insert(0, {str(tmp_path)!r})
import theirs
open({str(tmp_path / "new.txt")!r}, "w").close()
os.remove({str(tmp_path / "new.txt")!r})
subprocess.run([sys.executable, "-c", ""])
try:
    socket.create_connection(("127.0.0.1", 9), 0.1)
except OSError:
    pass
watch.end()
print(json.dumps(watch.seen))
"""
    done = subprocess.run([sys.executable, "-B", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    seen = json.loads(done.stdout)
    assert seen["executed"] == ["<string>", str(module)]
    assert [Path(what).name for what in seen["written"]] == ["new.txt", "new.txt"]
    assert seen["processes"][0].startswith("subprocess.Popen")
    assert "socket.connect" in seen["connections"]


LOSSES = {
    "imports": (
        code("import os\nimport polars as pl"),
        lambda one: one.with_changes(imports=one.imports[:1]),
    ),
    "order": (
        code("later = 1", 7),
        lambda one: one.with_changes(execution={**one.execution, "in_order": True}),
    ),
}


@pytest.mark.parametrize("what", LOSSES)
def test_what_is_taken_out_is_looked_for_again_in_the_text(what: str, tmp_path: Path) -> None:
    first, lose = LOSSES[what]
    path = tmp_path / "n.ipynb"
    path.write_bytes(notebook(first, code("a = 1", 2), code("a + 1", 3)))
    report = preview_import([path]).report
    states = {check.name: check.state for check in import_checks(report, [path])}
    assert set(states.values()) == {"passed"}
    (one,) = report.notebooks
    lost = report.with_changes(notebooks=(lose(one),))
    failed = [check.name for check in import_checks(lost, [path]) if check.state == "failed"]
    assert failed == [what]


def test_a_name_that_nobody_gives_a_stage_is_found(tmp_path: Path) -> None:
    path = tmp_path / "n.ipynb"
    first = code("rows = [line for line in open('in.txt')]\nlong = len(rows)")
    path.write_bytes(notebook(first, markdown("## Three"), code("print(long * 2)")))
    report = preview_import([path], per="cell").report
    assert report.toml.count('inputs = ["long"]') == 1
    cut = report.with_changes(toml=report.toml.replace('inputs = ["long"]\n', ""))
    (flow,) = (check for check in import_checks(cut, [path]) if check.name == "flow")
    assert (flow.state, flow.message) == ("failed", "read and given by nobody: long of three")


def test_a_text_notebook_is_judged_cell_by_cell_and_nothing_is_run_to_read_it(tmp_path: Path) -> None:
    path = tmp_path / "n.py"
    path.write_text('# %%\nx = 1\n# %% [markdown]\n# # Hi\n# %% tags=["t"]\nprint(x)\n')
    report = judge("notebook-import", files=[path])
    assert [check.name for check in report.checks if check.state != "passed"] == []
    found = by_name(report)
    assert found["n.py/cells"].evidence["code_cells"] == 2
    assert found["n.py/markdown"].evidence == {"markdown_cells": 1, "kept": 1}
    assert found["n.py/lineage"].evidence["tags"] == ["t"]


# -- round trip -----------------------------------------------------------------------------------------------------

LAB = '''
[lab]
title = "Of two stages"
params = { top = 2 }

[[stages]]
id = "make"
title = "Make"
description = "Numbers."
question = "Make numbers, please."
model = "somebody"
inputs = ["top"]
outputs = ["numbers"]
code = """
numbers = list(range(top))
"""

[[stages]]
id = "tell"
inputs = ["numbers"]
code = "sum(numbers)"

[[stages]]
id = "words"
title = "An end"
runtime = "none"
'''


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    folder = tmp_path / "study"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "study"\nversion = "0"\nrequires-python = ">=3.11"\n'
    )
    (folder / "lab_stages.toml").write_text(LAB)
    return folder / "lab_stages.toml"


def test_a_lab_comes_back_with_its_questions_and_models(agilab: Agilab, lab: Path) -> None:
    answer = agilab("report", "notebook-roundtrip", str(lab.parent), "--json")
    assert answer.code == 0, answer.err
    report = parse_document(answer.out, Report, "stdout")
    assert report.verdict == "passed"
    found = by_name(report)
    identity = found["study/identity"].evidence
    assert identity["stages"] == 3
    assert identity["before"] == identity["after"]
    assert found["study/edits"].evidence == {"edited": 2, "wrong": []}
    assert found["study/dialect"].evidence["with"] == {"D": 1, "Q": 1, "M": 1, "C": 2, "R": 3}
    assert report.details["stages"][0]["Q"] == "Make numbers, please."
    lines = agilab("report", "notebook-roundtrip", str(lab.parent)).out
    assert "somebody" in lines


def test_a_way_back_that_loses_something_is_found(lab: Path) -> None:
    """A reader that forgets models, in the place of ours."""

    def forgetful(book: Notebook) -> ReadBack:
        found = read_back(book)
        stages = tuple(stage.with_changes(model="") for stage in found.document.stages)
        return ReadBack(found.document.with_changes(stages=stages), found.changes)

    checks = list(way_back_checks("study", read_document(lab, LabStages), forgetful))
    assert {check.name: check.state for check in checks} == {
        **dict.fromkeys(("identity", "notebook", "D/Q/M/C/R", "edits"), "failed"),
        **dict.fromkeys(("dialect", "percent"), "passed"),
    }
    (words,) = (check for check in checks if check.name == "D/Q/M/C/R")
    assert words.evidence["changed"] == {"M": ["make"]}


def test_a_way_back_that_makes_a_date_its_text_is_found(lab: Path) -> None:
    lab.write_text(LAB.replace("top = 2", "top = 2, day = 2026-03-02"))

    def forgetful(book: Notebook) -> ReadBack:
        found = read_back(book)
        return ReadBack(found.document, found.changes)

    kinds = {"lab": {"params": {"day": "date"}}}
    checks = {
        check.name: check
        for check in way_back_checks("study", read_document(lab, LabStages), forgetful, kinds)
    }
    assert checks["identity"].state == "failed"
    assert checks["identity"].message == "lab.params.day is a date, and a text in the notebook"
    assert by_name(judge("notebook-roundtrip", lab=lab))["study/identity"].state == "passed"


def test_a_lab_that_no_percent_cells_can_hold_leaves_that_open_and_passes_nothing(lab: Path) -> None:
    pytest.importorskip("jupytext")
    assert by_name(judge("notebook-roundtrip", lab=lab))["study/percent"].state == "passed"
    lab.write_text('[[stages]]\nid = "parted"\ncode = """\nx = 1\n# %%\ny = 2\n"""\n')
    report = judge("notebook-roundtrip", lab=lab)
    percent = by_name(report)["study/percent"]
    assert (report.verdict, percent.state) == ("incomplete", "unknown")
    assert "stage parted, line 2: '# %%'" in percent.message


def test_a_lab_without_code_of_its_own_leaves_the_edits_open(lab: Path) -> None:
    lab.write_text('[[stages]]\nid = "words"\nruntime = "none"\n')
    report = judge("notebook-roundtrip", lab=lab)
    assert report.verdict == "incomplete"
    assert by_name(report)["study/edits"].state == "unknown"


# -- union ----------------------------------------------------------------------------------------------------------


def test_a_union_is_resolved_or_what_keeps_it_apart_is_said(agilab: Agilab, lab: Path) -> None:
    answer = agilab("report", "notebook-union-environment", str(lab.parent), "--json")
    assert answer.code == 0, answer.err
    assert parse_document(answer.out, Report, "stdout").verdict == "passed"
    for name, needs in (("old", "iniconfig<2"), ("new", "iniconfig>=2")):
        folder = lab.parent / name
        folder.mkdir()
        (folder / "pyproject.toml").write_text(
            f'[project]\nname = "{name}"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["{needs}"]\n'
        )
    text = LAB.replace('id = "make"', 'id = "make"\nenv = "old"').replace(
        'id = "tell"', 'id = "tell"\nenv = "new"'
    )
    lab.write_text(text)
    answer = agilab("report", "notebook-union-environment", str(lab.parent), "--json")
    assert answer.code == 1
    report = parse_document(answer.out, Report, "stdout")
    check = by_name(report)["study/environments"]
    assert check.message == "iniconfig: old wants <2, new wants >=2"
    assert check.evidence["environments"] == {"old": ["make"], "new": ["tell"]}

    lab.with_name("new").joinpath("pyproject.toml").write_text(
        '[project]\nname = "new"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["iniconfig"]\n'
    )
    answer = agilab("report", "notebook-union-environment", str(lab.parent), "--json")
    assert answer.code == 0, answer.err
    found = by_name(parse_document(answer.out, Report, "stdout"))
    assert found["study/environments"].evidence["packages"] == 1
    assert found["study/requirements"].evidence == {"requirements": 2, "broken": []}


def test_a_lab_that_is_not_there_is_a_usage_error(agilab: Agilab) -> None:
    for name in ("notebook-roundtrip", "notebook-union-environment"):
        answer = agilab("report", name, "nolab")
        assert answer.code == 2
        assert "AGI-LAB-101" in answer.err


# -- odd files ----------------------------------------------------------------------------------------------------

OF_LABS = ("notebook-roundtrip", "notebook-union-environment")


def judged_odd(name: str, path: Path) -> Report:
    return judge(name, **({"lab": path} if name in OF_LABS else {"files": [path]}))


@pytest.mark.parametrize("name", [*OF_LABS, "notebook-import"])
def test_a_file_without_a_byte_passes_nothing(name: str, tmp_path: Path) -> None:
    path = tmp_path / "empty.ipynb"
    path.touch()
    report = judged_odd(name, path)
    assert report.verdict == "failed"
    assert [check.name for check in report.checks if check.state == "passed"] in ([], ["not_executed_import"])
    assert [check.message for check in report.checks if check.state == "failed"] == ["the file is empty"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes with names")
@pytest.mark.parametrize("name", [*OF_LABS, "notebook-import"])
@pytest.mark.parametrize("kind", ["pipe", "folder", "device"])
def test_what_is_no_file_is_said_at_once(name: str, kind: str, tmp_path: Path) -> None:
    path = Path(os.devnull) if kind == "device" else tmp_path / "odd.ipynb"
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    report = judged_odd(name, path)
    failed = [check.message for check in report.checks if check.state == "failed"]
    assert failed == [f"it is a {kind}, not a file"]


def test_json_that_is_nested_too_deep_is_a_finding(tmp_path: Path) -> None:
    path = tmp_path / "deep.ipynb"
    path.write_text("[" * 100_000)
    report = judge("notebook-import", files=[path])
    failed = [check.message for check in report.checks if check.state == "failed"]
    assert failed == ["its JSON is nested deeper than can be read"]


def test_a_lab_without_stages_shares_no_kernel(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text('schema = "agilab.lab_stages.v2"\n')
    (check,) = judge("notebook-union-environment", lab=path).checks
    assert check.state == "unknown"
