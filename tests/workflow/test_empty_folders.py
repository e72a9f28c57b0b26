"""Folders in which nothing lies yet: a stage below that looks into one finds it, as the notebook does."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.contracts.lab_stages import Input
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import Preview
from tests.workflow import previews
from tests.workflow.conftest import ALab

FIRST = (
    "import os, shutil\nfrom pathlib import Path\nos.makedirs('one/deep', exist_ok=True)\ntry:\n    os.mkdir('two')\n"
    "except FileExistsError:\n    pass\nx = 1\nif x > 5:\n    os.mkdir('never')"
)


def previewed(root: Path, *cells: str) -> Preview:
    text = "".join(f"# %% [markdown]\n## Part {n}\n# %%\n{cell}\n" for n, cell in enumerate((FIRST, *cells)))
    return previews.previewed(root, {}, text, "a.ipynb")


def folders(preview: Preview) -> list[str]:
    """The folders that stages are to find, though nothing may lie in them."""
    taken = [one for stage in preview.lab.stages for one in stage.inputs]
    return [one.name for one in taken if isinstance(one, Input) and one.optional]


CELLS = {
    "listed": ("print(os.listdir('one'), x)", ["one/", "one/deep/"]),
    "walked": ("print(list(Path('one/deep').iterdir()))", ["one/deep/"]),
    "asked for": ("print(Path('two').is_dir())", ["two/"]),
    "written to perhaps": ("if x > 0:\n    open('two/a.txt', 'w').write('a')", ["two/"]),
    "copied into": ("open('b.txt', 'w').write('b')\nshutil.copy('b.txt', 'two')", ["two/"]),
    "written to": ("open('two/a.txt', 'w').write('a')\nprint(os.listdir('two'))", []),
    "made again": ("os.makedirs('two', exist_ok=True)\nprint(os.listdir('two'))", []),
    "made again in a try": ("try:\n    os.mkdir('two')\nexcept OSError:\n    print('there')", ["two/"]),
    "made only if": ("print(os.path.exists('never'))", []),
}


@pytest.mark.parametrize(("cell", "expected"), CELLS.values(), ids=CELLS.keys())
def test_a_stage_finds_a_folder_that_one_above_made(cell: str, expected: list[str], tmp_path: Path) -> None:
    assert folders(previewed(tmp_path, cell)) == expected


def test_one_in_which_something_was_written_comes_with_that_and_one_that_is_gone_does_not(
    tmp_path: Path,
) -> None:
    cells = ("open('two/a.txt', 'w').write('a')", "print(os.listdir('two'))", "shutil.rmtree('one')")
    assert folders(previewed(tmp_path, *cells, "print(os.path.exists('one'))")) == ["one/"], "to remove it"


def test_one_with_folders_of_names_that_nobody_says_is_not_given_as_if_it_were_empty(tmp_path: Path) -> None:
    cells = ("for k in range(3):\n    Path(f'two/k{k}').mkdir()", "print(os.listdir('two'))")
    assert folders(previewed(tmp_path, *cells)) == []


def test_an_empty_folder_that_lies_there_is_found(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert folders(previewed(tmp_path, "print(os.listdir('empty'))")) == ["empty/"]


@pytest.mark.slow
def test_a_run_has_the_folders(lab: ALab) -> None:
    cells = (
        "found = os.listdir('one'), Path('two').is_dir(), os.path.exists('never')\nfound",
        "if x > 0:\n    Path('two', f'{x}.txt').write_text('a')\n"
        "open('b.txt', 'w').write('b')\nshutil.copy('b.txt', 'one/deep')",
        "os.listdir('one/deep')",
    )
    preview = previewed(lab.folder, *cells)
    write_import(preview, lab.folder, lock=False)
    result = lab.run()
    shown = [lab.shown(result, stage.id) for stage in preview.lab.stages if stage.kind != "none"]
    assert {"(['deep'], True, False)", "['b.txt']"} <= {*shown}
