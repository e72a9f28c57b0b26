"""Cells of a Python notebook that no Python runs: kept letter for letter, and what they would give is said to lack."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import Input, LabStages, Stage
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.python.cell_meanings import cell_meaning
from agilab.notebooks.reading import read
from agilab.notebooks.stages.together import stage_together
from agilab.notebooks.supervisor.export import notebook_of, text
from agilab.notebooks.supervisor.read_back import read_back
from agilab.notebooks.supervisor.single_kernel import single_kernel
from agilab.workflow.document.resolve import resolve
from agilab.workflow.notebooks.preview import preview_import, toml_of
from tests.notebooks.building import PYTHON, code, markdown, notebook

DATA = Path(__file__).parent / "data"
HEADS = (
    "%%R", "%%R -i table -o fit", "%%julia", "%%javascript", "%%js", "%%html", "%%HTML", "%%latex", "%%markdown",
    "%%svg", "%%sql", "%%sql sqlite:///w.db rows <<", "%%bigquery rows --project p", "%%cython", "%%octave -o x",
    "%%skip", "%%timeit", "%%script false --no-raise-error", "%%frobnicate --all",
)  # fmt: skip


def lab_of(*cells: Any, metadata: Any = PYTHON) -> LabStages:
    """The lab of a notebook, as it stands in the file."""
    staged = stage_together([inspect(notebook(*cells, metadata=metadata), name="n.ipynb")])
    return parse_document(toml_of(staged.lab), LabStages, "the import")


def back(lab: LabStages) -> LabStages:
    """A lab that went to a notebook and back."""
    found = read_back(read(text(notebook_of(lab)).encode(), name="lab.ipynb"))
    assert found.changes == ()
    return found.document


def by_id(lab: LabStages) -> dict[str, Stage]:
    return {stage.id: stage for stage in lab.stages}


@pytest.mark.parametrize("head", HEADS)
def test_a_cell_that_no_python_runs_is_a_stage_of_text(head: str) -> None:
    source = f"{head}\n  first <- 1 \n\n\tlast\n"
    lab = lab_of("x = load()\nprint(x)", markdown("## A look\n\nAt it."), code(source, 3), "print(x)")
    (stage,) = [stage for stage in lab.stages if stage.code == source]
    assert (stage.kind, stage.id, stage.title, stage.description) == ("none", "a-look", "A look", "At it.")
    assert stage.origin is not None
    assert (stage.origin.indices, stage.origin.execution_counts) == ((2,), (3,))
    assert back(lab) == lab
    cells = {cell["id"]: "".join(cell["source"]) for cell in notebook_of(lab)["cells"]}
    assert cells[stage.id].partition("\n")[2].rstrip("\n") == source.rstrip("\n")


@settings(max_examples=100, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("'''\n\\\n\"\"\" \r\n\x00\x1b")
def test_any_text_below_a_magic_is_kept_letter_for_letter(body: str) -> None:
    source = f"%%R\n{body}"
    lab = lab_of(source)
    assert [stage.code for stage in lab.stages] == [source]
    assert back(lab) == lab


def test_a_notebook_of_nothing_but_another_language_is_a_lab(tmp_path: Path) -> None:
    path = tmp_path / "r.ipynb"
    path.write_bytes(notebook(markdown("# Tides"), "%%R\nx <- 1", markdown("## Fit"), "%%R\ny <- x"))
    preview = preview_import([path])
    assert preview.importable
    stages = [(one.id, one.kind, one.code) for one in preview.lab.stages]
    assert stages == [("cell-1", "none", "%%R\nx <- 1"), ("fit", "none", "%%R\ny <- x")]
    (told,) = preview.report.notebooks
    assert [(one.id, one.cells) for one in told.stages] == [("cell-1", (1,)), ("fit", (3,))]


def test_cells_whose_language_an_editor_says_are_kept_too() -> None:
    lab = stage_together([inspect(DATA / "sos_languages.ipynb")]).lab
    kept = {stage.extra["language"]: stage.code for stage in lab.stages if stage.kind == "none"}
    book = json.loads((DATA / "sos_languages.ipynb").read_text("utf-8"))
    assert kept == {"r": "".join(book["cells"][1]["source"]), "julia": "".join(book["cells"][2]["source"])}


@pytest.mark.parametrize(
    "line",
    [
        "-i a,b -o c", "-ia -oc,d", "--input a --input=b --output=c", "-i a -i b -o c -o d", "-n -i a",
        "-o a --noreturn", "-i a", "", "-n", "-w 5 -i a,b",
    ],
)  # fmt: skip
def test_names_that_go_in_and_out_are_those_that_ipython_finds(line: str) -> None:
    """The oracle is IPython's own parser, with the options that rpy2's `%%R` declares."""
    from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

    @magic_arguments()
    @argument("-n", "--noreturn", action="store_true")
    @argument("-w", "--width", type=float)
    @argument("-o", "--output", action="append")
    @argument("-i", "--input", action="append")
    def magic(self: Any, line: str) -> None: ...

    said = parse_argstring(magic, line)
    wanted = [[name for one in given or () for name in one.split(",")] for given in (said.input, said.output)]
    meaning = cell_meaning("R", line, ["x"], ())
    assert [list(meaning.reads), list(meaning.defines)] == wanted


def test_names_of_other_magics() -> None:
    def names(name: str, line: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
        meaning = cell_meaning(name, line, ["x"], {"city", "limit"})
        return meaning.reads, meaning.defines

    assert names("sql", "sqlite:///w.db rows <<") == ((), ("rows",))
    assert names("bigquery", "rows --params $limit") == (("limit",), ("rows",))
    assert names("sql", "$city $HOME <<") == (("city",), ())
    assert names("R", "-i frame=table.x,class -o 1x") == (("table",), ())


STUDY = (
    code("import json\ntable = [json.loads(one) for one in ('1', '2', '3')]", 1),
    markdown("## Fit"),
    code("%%R -i table -o fit\nfit <- mean(table)", 2),
    markdown("## Tell"),
    code("told = f'{fit:.1f}'\ntold", 3),
)


def test_who_needs_what_another_language_makes_says_what_it_lacks() -> None:
    lab = lab_of(*STUDY)
    stages = by_id(lab)
    assert stages["table"].outputs == ("table",)
    assert (stages["fit"].inputs, stages["fit"].outputs) == (("table",), ("fit",))
    assert stages["tell"].inputs == (Input(name="fit", source="fit"),)
    (problem,) = resolve(lab, exists=lambda path: False).problems
    assert (problem.kind, problem.stage, problem.name, problem.others) == (
        "left_out",
        "tell",
        "fit",
        ("fit",),
    )
    staged = stage_together([inspect(notebook(*STUDY), name="n.ipynb")])
    told = {finding.code: finding for _, finding in staged.findings}
    assert told["NB-611"].what == "fit is read here, and cell 2, which gives it, is not run"
    assert (told["NB-611"].cell, told["NB-611"].line) == (4, 1)
    (said,) = [one for one in inspect(notebook(*STUDY)).findings if one.code == "NB-114"]
    assert said.what.endswith("its cell is kept as text; it takes table and it gives fit")


def test_whoever_writes_that_cell_in_python_has_a_lab_that_runs() -> None:
    """The names cross as the notebook says: what the other stages take and give is right already."""
    lab = lab_of(*STUDY)
    python = "fit = sum(table) / len(table)"
    stages = tuple(
        stage.with_changes(runtime=None, code=python) if stage.id == "fit" else stage for stage in lab.stages
    )
    resolved = resolve(lab.with_changes(stages=stages), exists=lambda path: False)
    assert resolved.problems == ()
    assert resolved.edges == (("table", "fit"), ("fit", "tell"))
    values: dict[str, Any] = {}
    for name in resolved.order:  # a plain script: each stage sees its inputs and nothing else
        one = resolved.stages[name]
        seen = {source.called: values[source.name] for source in one.inputs}
        exec(one.stage.code or "", seen)
        values |= {output: seen[output] for output in one.stage.outputs}
        last = seen
    assert last["told"] == "2.0"


def test_a_name_that_both_bind_is_that_of_the_nearest_cell_above() -> None:
    lab = lab_of(
        "x = open('a.txt').read()", "%%R -i x -o x\nx <- toupper(x)", "print(x)", "x = 2", "print(x)"
    )
    takes = [
        one for stage in lab.stages if stage.kind == "python" for one in stage.inputs if one != "./a.txt"
    ]
    (text_only,) = [stage for stage in lab.stages if stage.kind == "none"]
    assert Input(name="x", source=text_only.id) in takes
    assert not [one for one in takes if one == "x"]


def test_what_cannot_leave_its_process_is_not_handed_to_a_cell_of_text() -> None:
    con = sqlite3.connect(":memory:")
    assert con.execute("select 1").fetchone() == (1,)
    lab = lab_of(
        "import sqlite3\ncon = sqlite3.connect(':memory:')",
        "%%R -i con\ndbGetQuery(con, 'select 1')",
        "print(con.execute('select 1').fetchone())",
    )
    python = [stage for stage in lab.stages if stage.kind == "python"]
    assert [stage.outputs for stage in python] == [()], "one stage keeps the connection"
    (text_only,) = [stage for stage in lab.stages if stage.kind == "none"]
    assert text_only.inputs == ("con",)
    con.close()


def test_a_cell_that_only_shows_something_parts_no_stage() -> None:
    cells = ["x = load(1)", "%%html\n<b>look</b>", "y = x + 1", "print(y)"]
    plain = lab_of(*(cells[:1] + cells[2:]))
    lab = lab_of(*cells)
    assert [stage.code for stage in lab.stages if stage.kind == "python"] == [
        stage.code for stage in plain.stages
    ]


def test_cells_of_which_nothing_is_run_are_kept_beside_the_stage_below() -> None:
    lab = lab_of("%load_ext rpy2.ipython\n%matplotlib inline", "!pip install rich", "x = load()", "%lsmagic")
    (stage,) = lab.stages
    assert list(stage.extra["left_out"].values()) == [
        "%load_ext rpy2.ipython\n%matplotlib inline",
        "!pip install rich",
        "%lsmagic",
    ]
    assert stage.code == "x = load()"
    assert back(lab) == lab


def test_one_kernel_has_every_cell_of_another_language_where_it_stood(tmp_path: Path) -> None:
    lab = lab_of("%load_ext rpy2.ipython", *STUDY, markdown("The end."), "%%html\n<hr>\n")
    stages = by_id(lab)
    codes = {name: stages[name].code or "" for name in ("table", "tell")}
    book = single_kernel(lab, codes, ["table", "tell"])
    nbformat.validate(nbformat.from_dict(book))  # type: ignore[no-untyped-call]
    sources = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"]
    assert sources == [
        "%load_ext rpy2.ipython", *(one["source"] for one in STUDY if one["cell_type"] == "code"), "%%html\n<hr>\n",
    ]  # fmt: skip
    path = tmp_path / "n.ipynb"
    path.write_text(text(book), encoding="utf-8")
    again = by_id(preview_import([path]).lab)
    assert {name: one.code for name, one in again.items()} == {name: one.code for name, one in stages.items()}


def test_one_kernel_runs_no_line_of_a_notebook_that_is_all_in_another_language() -> None:
    lab = stage_together([inspect(DATA / "r_study.ipynb")]).lab
    book = single_kernel(lab, {}, [])
    written = [stage.code for stage in lab.stages if stage.code is not None]
    assert ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "code"] == []
    raw = ["".join(cell["source"]) for cell in book["cells"] if cell["cell_type"] == "raw"]
    assert [one for one in raw if one in written] == written
