"""`agilab notebook`: from notebooks to a lab and back, for people and for scripts, on good and on broken input."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.notebooks.building import markdown, notebook

from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.notebook_import import NotebookImport

from .conftest import Agilab, Answer, Lab, Terminal, call

STUDY = notebook(
    markdown("# Halves\nOf some numbers."),
    "import json\nnumbers = json.load(open('data/numbers.json'))",
    markdown("## Halve"),
    "halves = [n / 2 for n in numbers]",
    markdown("## Tell"),
    "with open('out.txt', 'w') as f:\n    f.write(str(sum(halves)))\nsum(halves)",
    minor=5,
)
Folder = Callable[..., Answer]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A folder with a notebook and what it reads."""
    folder = tmp_path / "study"
    (folder / "data").mkdir(parents=True)
    (folder / "study.ipynb").write_bytes(STUDY)
    (folder / "data" / "numbers.json").write_text("[1, 2, 3]")
    return folder


@pytest.fixture
def here(home: Path, study: Path) -> Folder:
    """Runs `agilab` in the study's folder."""
    return lambda *words: call(home, *words, cwd=study)


BROKEN = {
    "missing": (None, "NB-001", "there is no such file"),
    "words": (b"dear reader", "NB-014", "dear reader"),
    "empty": (b"", "NB-005", "empty"),
    "cut": (STUDY[: len(STUDY) // 3], "NB-0", ""),
    "no cells": (notebook(), "NB-035", "no cells"),
    "empty cells": (notebook("", " "), "NB-035", "no cell of the notebook has code or text"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_what_cannot_become_stages_gets_a_finding_and_a_document_and_nothing_is_written(
    kind: str, agilab: Agilab, tmp_path: Path
) -> None:
    content, code, says = BROKEN[kind]
    path = tmp_path / "given" / "study.ipynb"
    path.parent.mkdir()
    if content is not None:
        path.write_bytes(content)
    before = sorted(path.parent.iterdir())

    answer = agilab("notebook", "import", str(path), "--json")
    assert answer.code == 1
    assert answer.err == ""
    assert answer.document["status"] == "failed"
    assert answer.document["importable"] is False
    found = [one for one in answer.document["findings"] if one["code"].startswith(code)]
    assert any(says in one["what"] for one in found), answer.document["findings"]
    if kind != "cut":
        assert answer.document["toml"].count("[[stages]]") == 0
    report = {name: value for name, value in answer.document.items() if name not in ("status", "changes")}
    NotebookImport.model_validate(report)
    assert sorted(path.parent.iterdir()) == before


@pytest.mark.parametrize("kind", ["missing", "words"])
def test_inspecting_what_is_no_notebook_is_told_in_lines(kind: str, agilab: Agilab, tmp_path: Path) -> None:
    content, code, says = BROKEN[kind]
    path = tmp_path / "study.ipynb"
    if content is not None:
        path.write_bytes(content)
    answer = agilab("notebook", "inspect", str(path))
    assert answer.code == 1
    assert "no notebook" in answer.out
    assert code in answer.out
    assert says in answer.out
    assert "Traceback" not in answer.out + answer.err


def test_inspecting_several_gives_one_document(here: Folder) -> None:
    answer = here("notebook", "inspect", "study.ipynb", "gone.ipynb", "--json")
    assert answer.code == 1
    first, second = answer.document["notebooks"]
    assert (first["notebook"]["whole"], second["notebook"]["whole"]) == (True, False)
    ways = {one["path"]: one["direction"] for one in first["artifacts"]}
    assert ways == {"data/numbers.json": "read", "out.txt": "written"}
    assert first["counts"]["python"] == first["counts"]["parsed"] == 3


def test_a_notebook_whose_cells_are_empty_is_told_why_nothing_is_written(
    agilab: Agilab, tmp_path: Path
) -> None:
    (tmp_path / "a.ipynb").write_bytes(notebook("", "  \n"))
    answer = agilab("notebook", "import", str(tmp_path / "a.ipynb"))
    assert answer.code == 1
    assert "no cell of the notebook has code or text in it" in answer.out
    assert [one.name for one in tmp_path.glob("*.*")] == ["a.ipynb"]


def test_a_preview_writes_nothing_and_an_import_executes_nothing(here: Folder, study: Path) -> None:
    before = {path: path.read_bytes() for path in study.rglob("*") if path.is_file()}
    preview = here("notebook", "import", "study.ipynb", "--dry-run", "--json")
    assert preview.code == 0
    assert preview.document["status"] == "not_executed"
    assert preview.document["mode"] == "not_executed_import"
    assert {path: path.read_bytes() for path in study.rglob("*") if path.is_file()} == before

    answer = here("notebook", "import", "study.ipynb", "--no-lock", "--json")
    assert answer.code == 0, answer.err
    assert sorted(answer.document["files"]) == ["lab_stages.toml", "notebook_import.json", "pyproject.toml"]
    text = (study / "lab_stages.toml").read_text(encoding="utf-8")
    assert text == preview.document["toml"], "what was shown is what is written"
    lab = parse_document(text, LabStages, "lab")
    assert lab.lab.title == "Halves"
    assert not (study / "out.txt").exists()
    report = parse_document((study / "notebook_import.json").read_text(), NotebookImport, "report")
    assert report.plain() == answer.document["report"]


def test_a_lab_that_is_there_is_replaced_only_when_asked_and_is_kept(here: Folder, study: Path) -> None:
    lab = study / "lab_stages.toml"
    lab.write_text("# mine\n")
    for words in ((), ("--json",)):  # nobody is there to answer: not in a pipe either
        answer = here("notebook", "import", "study.ipynb", "--no-lock", *words)
        assert answer.code == 2
        assert "AGI-STAGE-048" in answer.out + answer.err
        assert "--yes, which keeps it as lab_stages.toml.bak" in answer.out + answer.err
        assert lab.read_text() == "# mine\n"
    again = ("notebook", "import", "study.ipynb", "--no-lock", "--yes", "--json")
    for backup in ("lab_stages.toml.bak", "lab_stages.toml.bak2"):
        before = lab.read_text()
        answer = here(*again)
        assert answer.code == 0
        assert answer.document["backup"] == backup
        assert (study / backup).read_text() == before
        lab.write_text(lab.read_text().replace("n / 2", "n / 3"))
    assert [(one["kind"], one["what"]) for one in answer.document["changes"]] == [
        ("replaced", "its code in the lab that was there")
    ]
    assert here(*again).document["backup"] == "lab_stages.toml.bak3"
    assert here(*again).document["backup"] is None, "a lab that says all of it already is not written"


def test_an_import_to_another_folder_brings_what_the_stages_read(here: Folder, study: Path) -> None:
    answer = here("notebook", "import", "study.ipynb", "--output", "lab", "--no-lock", "--json")
    assert answer.code == 0, answer.err
    assert answer.document["missing"] == []
    assert (study / "lab" / "data" / "numbers.json").read_text() == "[1, 2, 3]"
    (study / "data" / "numbers.json").unlink()
    answer = here("notebook", "import", "study.ipynb", "--output", "other", "--no-lock", "--json")
    assert answer.document["missing"] == ["data/numbers.json"]


def test_what_is_not_written_cannot_be_verified(here: Folder, study: Path) -> None:
    answer = here("notebook", "import", "study.ipynb", "--dry-run", "--verify")
    assert answer.code == 2
    assert "--dry-run --verify" in answer.err
    assert sorted(path.name for path in study.iterdir()) == ["data", "study.ipynb"]


def test_a_lab_can_be_in_one_place_only(here: Folder, study: Path) -> None:
    answer = here("notebook", "import", "study.ipynb", "--output", "a", "--as-app", "b")
    assert answer.code == 2
    assert "AGI-ARGS-105" in answer.err
    assert sorted(path.name for path in study.iterdir()) == ["data", "study.ipynb"]


@pytest.fixture
def imported(here: Folder) -> Folder:
    answer = here("notebook", "import", "study.ipynb", "--no-lock", "--json")
    assert answer.code == 0, answer.err
    return here


def test_there_and_back_is_the_same_lab_and_an_edit_is_told(imported: Folder, study: Path) -> None:
    exported = imported("notebook", "export", "--output", "lab.ipynb", "--json")
    assert exported.code == 0, exported.err
    assert exported.document["status"] == "succeeded"
    again = imported("notebook", "export", "--output", "lab.ipynb", "--json")
    assert again.code == 2
    assert again.document["error"]["code"] == "AGI-STAGE-052"

    same = imported("notebook", "roundtrip", "--json")
    assert (same.code, same.document["identical"], same.document["changes"]) == (0, True, [])

    path = study / "lab.ipynb"
    book = json.loads(path.read_text(encoding="utf-8"))
    cell = next(cell for cell in book["cells"] if "halves = [" in "".join(cell["source"]))
    cell["source"] = "".join(cell["source"]).replace("n / 2", "n / 4")
    path.write_text(json.dumps(book), encoding="utf-8")
    told = imported("notebook", "roundtrip", "--notebook", "lab.ipynb", "--json")
    assert told.code == 1
    assert [(one["kind"], one["won"]) for one in told.document["changes"]] == [("edited", "cell")]
    assert told.document["lost"] == [f"stage {told.document['changes'][0]['stage']} has another code"]

    back = imported("notebook", "import", "lab.ipynb", "--yes", "--no-lock", "--json")
    assert back.code == 0, back.err
    assert "n / 4" in (study / "lab_stages.toml").read_text(encoding="utf-8")


def test_an_edit_that_cannot_be_read_stays_behind_and_is_told(here: Folder, study: Path) -> None:
    lab = study / "lab_stages.toml"
    lab.write_text(
        '[lab.params]\nday = "2024-05-31"\n\n[[stages]]\nid = "a"\ninputs = ["day"]\ncode = "day"\n'
    )
    assert here("notebook", "export", "--output", "lab.ipynb").code == 0
    path = study / "lab.ipynb"
    book = json.loads(path.read_text(encoding="utf-8"))
    cell = next(cell for cell in book["cells"] if cell["id"] == "lab-params")
    cell["source"] = "day = \"edited\" + '2024-05-31'"
    path.write_text(json.dumps(book), encoding="utf-8")
    what = "params are assignments of plain data: line 1, day: 'edited' + '2024-05-31'"

    compared = here("notebook", "roundtrip", "--notebook", "lab.ipynb", "--json")
    assert (compared.code, compared.document["status"]) == (1, "failed")
    assert [one["what"] for one in compared.document["changes"]] == [what]
    assert compared.document["identical"] is False

    script = here("notebook", "import", "lab.ipynb", "--yes", "--no-lock", "--json")
    assert (script.code, script.document["status"]) == (1, "failed")
    assert [one["what"] for one in script.document["changes"]] == [what]
    person = here("notebook", "import", "lab.ipynb", "--yes", "--no-lock")
    assert person.code == 1
    assert f"not taken cell 2: {what}: mend it and import again" in " ".join(person.out.split())
    assert parse_document(lab.read_text(), LabStages, "lab").lab.params == {"day": "2024-05-31"}


def test_an_ordinary_notebook_is_no_notebook_of_a_lab(imported: Folder) -> None:
    answer = imported("notebook", "roundtrip", "--notebook", "study.ipynb")
    assert answer.code == 2
    assert "study.ipynb is no notebook that a lab was exported to" in answer.err
    assert "agilab notebook import study.ipynb" in answer.err


def test_one_environment_is_a_union_and_gives_an_ordinary_notebook(imported: Folder, study: Path) -> None:
    answer = imported("notebook", "union", "--json")
    assert answer.code == 0, answer.err
    assert answer.document["allowed"] is True
    single = imported("notebook", "export", "--single-kernel", "--output", "one.ipynb", "--json")
    assert single.code == 0, single.err
    book = json.loads((study / "one.ipynb").read_text(encoding="utf-8"))
    assert not any("%%stage" in "".join(cell["source"]) for cell in book["cells"])


def test_what_keeps_stages_apart_is_told_with_exit_code_1(imported: Folder, study: Path) -> None:
    lab = study / "lab_stages.toml"
    lab.write_text('[[stages]]\nid = "each"\nforeach = { n = [1, 2] }\ncode = "n"\n', encoding="utf-8")
    answer = imported("notebook", "union")
    assert answer.code == 1
    assert "cannot share one kernel" in answer.out
    assert "each runs once for each item of n" in answer.out
    single = imported("notebook", "export", "--single-kernel", "--output", "one.ipynb")
    assert single.code == 1
    assert "AGI-STAGE-049" in single.err
    assert not (study / "one.ipynb").exists()


def test_a_lab_and_its_notebook_that_were_edited_both_are_joined_or_refused(
    imported: Folder, study: Path
) -> None:
    assert imported("workflow", "export", "--output", "lab.ipynb").code == 0, "what `notebook export` does"
    lab, notebook = study / "lab_stages.toml", study / "lab.ipynb"
    lab.write_text(lab.read_text().replace("n / 2", "n / 4") + '\n[[stages]]\nid = "mine"\ncode = "1"\n')
    notebook.write_text(notebook.read_text().replace("n / 2", "n / 3"))
    before = lab.read_text()

    seen = imported("notebook", "import", "lab.ipynb", "--dry-run", "--json")
    rows = [(one["kind"], one["won"]) for one in seen.document["changes"]]
    assert (seen.code, rows) == (1, [("edited", "cell"), ("both", "undecided"), ("added", "file")])
    refused = imported("notebook", "import", "lab.ipynb", "--yes")
    assert refused.code == 1
    assert "error[AGI-STAGE-067]" in refused.err
    assert "its code: edited in the notebook and in lab_stages.toml (undecided)" in refused.out
    assert lab.read_text() == before

    decided = imported("notebook", "import", "lab.ipynb", "--yes", "--prefer", "notebook")
    assert decided.code == 0, decided.err
    assert lab.read_text() == before.replace("n / 4", "n / 3")
    once_more = imported("notebook", "import", "lab.ipynb", "--yes")
    # The lab has a stage more, so it does not say the same.
    assert "nothing: lab_stages.toml counts where the notebook differs" in once_more.out


@pytest.mark.parametrize("words", [("export", "nolab"), ("roundtrip", "nolab"), ("union", "nolab")])
def test_a_lab_that_does_not_exist_is_told(here: Folder, words: tuple[str, ...]) -> None:
    answer = here("notebook", *words, "--json")
    assert answer.code == 2
    assert answer.document["error"]["code"] == "AGI-LAB-101"


def test_commands_and_folders_of_labs_are_completed(home: Path, tmp_path: Path) -> None:
    shell = {"_AGILAB_COMPLETE": "bash_complete", "COMP_WORDS": "agilab notebook r", "COMP_CWORD": "2"}
    assert call(home, cwd=tmp_path, **shell).out == "plain,roundtrip\n"
    shell |= {"COMP_WORDS": "agilab notebook export st", "COMP_CWORD": "3"}
    assert "dir,st" in call(home, cwd=tmp_path, **shell).out, "a folder, which the shell itself looks for"


@pytest.mark.parametrize("words", [("inspect",), ("import", "--dry-run")], ids=lambda words: words[0])
def test_it_fits_a_terminal_of_eighty_columns(
    words: tuple[str, ...], home: Path, study: Path, terminal: Callable[..., Terminal]
) -> None:
    verb, *options = words
    screen = terminal(home, "notebook", verb, str(study / "study.ipynb"), *options, columns=80)
    assert screen.finish() == 0
    assert max(map(len, screen.text.splitlines())) <= 80
    assert "study.ipynb" in screen.text


@pytest.mark.journey
def test_an_import_is_verified_on_request(home: Path, study: Path, lab: Lab) -> None:
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(lab.app / name, study / name)
    answer = call(lab.home, "notebook", "import", "study.ipynb", "--verify", "--json", cwd=study)
    assert answer.code == 0, answer.err
    (verified,) = answer.document["report"]["verification"]
    assert verified["equal"] is True
    judged = {(one["kind"], one["name"]): one["equal"] for one in verified["compared"]}
    assert judged["value", "halves"] is True
    assert judged["file", "out.txt"] is True
    assert not (study / "out.txt").exists()
    kept = parse_document((study / "notebook_import.json").read_text(), NotebookImport, "report")
    assert kept.verification[0].equal

    clock = notebook(
        "import time\nnow = time.time_ns()", markdown("## Then"), "later = now + 1\nlater", minor=5
    )
    (study / "clock.ipynb").write_bytes(clock)
    answer = call(lab.home, "notebook", "import", "clock.ipynb", "--verify", "--yes", cwd=study)
    assert answer.code == 1
    assert "nothing to compare: 3 not compared: later, now, what cell 2 shows" in answer.out
    assert "the notebook itself does not repeat it" in answer.out

    (study / "where.ipynb").write_bytes(notebook("import sys\nhere = 'ipykernel' in sys.modules", minor=5))
    answer = call(lab.home, "notebook", "import", "where.ipynb", "--verify", "--yes", cwd=study)
    assert answer.code == 1
    assert "different: 0 of 1" in answer.out
    assert "True in the notebook, False in the pipeline" in answer.out


def test_another_language_is_kept_and_what_is_printed_says_so(agilab: Agilab, tmp_path: Path) -> None:
    path = tmp_path / "study.ipynb"
    kernel = {"kernelspec": {"name": "ir", "language": "R", "display_name": "R"}}
    path.write_bytes(notebook("x <- 1", markdown("## Twice"), "y <- 2 * x", metadata=kernel))
    answer = agilab("notebook", "import", str(path), "--no-lock")
    assert answer.code == 0
    assert "2 cells of code kept, not analysed and not run" in " ".join(answer.out.split())
    assert answer.out.count("kept, not run") == 2
    assert "agilab workflow run" not in answer.out  # nothing of it runs
    assert "twice" in agilab("workflow", "show", str(tmp_path)).out


def test_many_findings_of_one_kind_leave_room_for_the_others(agilab: Agilab, tmp_path: Path) -> None:
    path = tmp_path / "panel.ipynb"
    sliders = [f"import ipywidgets\ns{n} = ipywidgets.IntSlider()" for n in range(20)]
    path.write_bytes(notebook(*sliders, "import os\nos.remove('old.txt')", "%load_ext autoreload"))
    told = agilab("notebook", "import", str(path), "--dry-run").out
    assert told.count("NB-503") == 2
    assert "and 18 more of this kind, in cells 2, 3, 4, 5, 6, 7, 8, 9, …" in " ".join(told.split())
    for code in ("NB-510", "NB-110", "NB-403"):
        assert code in told
    assert agilab("notebook", "inspect", str(path), "--all").out.count("NB-503") == 20
