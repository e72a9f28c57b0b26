"""Patterns that find nothing: an ordinary result in a notebook, and a finding where somebody wrote one into a lab."""

from __future__ import annotations

from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import Input, LabStages
from agilab.store.workspace import Workspace
from agilab.workflow.document.edit import rename_stage
from agilab.workflow.document.lab_folder import exists
from agilab.workflow.document.resolve import resolve
from agilab.workflow.judging.validate import validate
from agilab.workflow.legacy.reading import from_v1
from agilab.workflow.legacy.writing import to_v1
from agilab.workflow.notebooks.bringing import read_by, wanted
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import Preview
from tests.workflow import previews
from tests.workflow.conftest import ALab

FIRST = "import os\nfrom glob import glob\nfrom pathlib import Path"


def previewed(root: Path, *cells: str, **files: str) -> Preview:
    """A notebook of a section for each cell; a file `data__a_csv` is `data/a.csv`."""
    lying = {key.replace("__", "/").replace("_", "."): text for key, text in files.items()}
    text = "".join(f"# %% [markdown]\n## Part {n}\n# %%\n{cell}\n" for n, cell in enumerate((FIRST, *cells)))
    return previews.previewed(root, lying, text, "a.ipynb")


def optional(preview: Preview) -> list[str]:
    """What need not be there, stage by stage."""
    taken = [one for stage in preview.lab.stages for one in stage.inputs]
    return [one.name for one in taken if isinstance(one, Input) and one.optional]


EMPTY = {
    "counted": (("n = len(list(Path('.').glob('run-*.csv')))\nprint(n)",), ["run-*.csv"]),
    "cleared away": (("for old in glob('cache-*.pkl'):\n    os.remove(old)",), ["cache-*.pkl"]),
    "by one sign": (("print(glob('part-?.txt'), glob('more/x[0-9].txt'))",), ["part-?.txt", "more/x[0-9].txt"]),
    "in the notebook's folder": (("print(glob('*.csv'))",), ["*.csv"]),
    "under a condition": (("if os.environ.get('ALL'):\n    print(glob('old/*.csv'))",), ["old/*.csv"]),
    "the next number": (
        ("def free():\n    return len(glob('out-*.txt'))", "k = free()\nopen(f'out-{k}.txt', 'w').write('x')"),
        ["out-*.txt"],
    ),
    "read where they were found": (
        ("found = sorted(glob('in/*.txt'))\nfor p in found:\n    print(p)", "for p in found:\n    open(p).read()"),
        ["in/*.txt", "in/*.txt"],
    ),
    "what a lab has itself": (("print(glob('*.toml'), glob('uv.*'))",), []),
}  # fmt: skip


@pytest.mark.parametrize(("cells", "expected"), EMPTY.values(), ids=EMPTY.keys())
def test_a_pattern_that_finds_nothing_beside_a_notebook_is_optional(
    cells: tuple[str, ...], expected: list[str], tmp_path: Path
) -> None:
    preview = previewed(tmp_path, *cells)
    assert optional(preview) == expected
    assert ("NB-318" in previews.codes(preview)) == bool(expected)
    assert list(wanted(preview.lab, tmp_path, read_by(preview.lab))) == ["pyproject.toml"], (
        "no file is missing"
    )


def test_a_pattern_that_finds_something_has_to_go_on_doing_so_unless_it_is_cleared_away(
    tmp_path: Path,
) -> None:
    cells = (
        "print(glob('in/*.txt'), glob('part-?.txt'))",
        "for one in glob('old-*.txt'):\n    os.remove(one)",
    )
    files = {"in__a_txt": "1", "part-1_txt": "1", "old-1_txt": "1"}
    preview = previewed(tmp_path, *cells, **files)
    assert optional(preview) == ["old-*.txt"]
    assert {"in/*.txt", "part-?.txt"} <= {str(one) for stage in preview.lab.stages for one in stage.inputs}
    (tmp_path / "in" / "a.txt").unlink()
    assert "in/*.txt" in wanted(preview.lab, tmp_path, read_by(preview.lab))


def test_a_file_that_is_no_glob_has_to_be_there(tmp_path: Path) -> None:
    assert optional(previewed(tmp_path, "for n in range(2):\n    open(f'in-{n}.txt').read()")) == []


@pytest.mark.slow
def test_files_that_a_pattern_finds_later_count_also_where_results_are_used_again(lab: ALab) -> None:
    preview = previewed(lab.folder, "n = len(glob('run-*.csv'))", "m = n + 10\nm")
    write_import(preview, lab.folder, lock=False)
    (stage,) = (one.id for one in preview.lab.stages if "m = n" in (one.code or ""))
    assert lab.shown(lab.run(cache=True), stage) == "10"
    assert "reused" in lab.states(lab.run(cache=True)).values()
    (lab.folder / "run-1.csv").write_text("")
    assert lab.shown(lab.run(cache=True), stage) == "11"
    (lab.folder / "run-1.csv").unlink()
    assert lab.shown(lab.run(cache=True), stage) == "10"


WRITTEN = """
[[stages]]
id = "first"
code = "open('out/a.csv', 'w')"
outputs = ["out/a.csv"]

[[stages]]
id = "count"
inputs = [INPUT]
code = "1"

[[stages]]
id = "last"
code = "open('data/z.csv', 'w')"
outputs = ["data/z.csv", "data/*.txt"]
"""


def judged(folder: Path, workspace: Workspace, given: str) -> list[tuple[str, str]]:
    path = folder / "lab_stages.toml"
    path.write_text(WRITTEN.replace("INPUT", given), encoding="utf-8")
    return [
        (one.code, one.mend)
        for one in validate(path, workspace).findings
        if one.code in ("AGI-STAGE-011", "AGI-STAGE-019")
    ]


def test_a_pattern_in_a_lab_that_finds_nothing_is_an_error_that_names_optional(
    tmp_path: Path, workspace: Workspace
) -> None:
    ((code, mend),) = judged(tmp_path, workspace, '"measured/*.cvs"')
    assert (code, mend) == (
        "AGI-STAGE-011",
        '{ name = "measured/*.cvs", optional = true }, if it may find nothing',
    )
    assert judged(tmp_path, workspace, '{ name = "measured/*.cvs", optional = true }') == []


def document(given: str) -> LabStages:
    return parse_document(WRITTEN.replace("INPUT", given), LabStages, "lab_stages.toml")


def test_what_is_optional_comes_of_a_stage_above_or_of_the_folder_and_waits_for_none_below(
    tmp_path: Path,
) -> None:
    for name, origin in {"out/a.csv": ("stage", "first"), "data/z.csv": ("folder", None)}.items():
        lab = document(f'{{ name = "{name}", optional = true }}')
        resolved = resolve(lab, exists=lambda name: exists(tmp_path, name))
        (source,) = resolved.stages["count"].inputs
        assert ((source.origin, source.stage), resolved.problems) == (origin, ())


def test_what_is_optional_stays_so_in_version_1_and_where_its_maker_has_another_name() -> None:
    lab = document('{ name = "out/a.csv", from = "first", optional = true }')
    (taken,) = from_v1(to_v1(lab)).lab.stages[1].inputs
    assert taken == Input(name="out/a.csv", source="first", optional=True)
    assert rename_stage(lab, "first", "begin").stages[1].inputs == (taken.with_changes(source="begin"),)


def test_a_value_cannot_be_optional() -> None:
    with pytest.raises(AgiError, match="cannot be missing"):
        document('{ name = "table", optional = true }')
