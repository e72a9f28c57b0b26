"""What `--verify` proves: an edit with another result is told, and what no run repeats is not called different."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from agilab.contracts.notebook_import import Compared, Verification
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import
from agilab.workflow.notebooks.verification import verify_import
from tests.workflow.studies import ENVIRONMENT, book
from tests.workflow.studies.proof import EDITED, NOISY, Book

pytestmark = pytest.mark.slow


def verified(books: tuple[Book, ...], folder: Path, workspace: Workspace) -> dict[str, Verification]:
    """The notebooks as one lab, their stages edited, and what is said of them."""
    notebooks = [folder / f"{one.name}.ipynb" for one in books]
    for one, path in zip(books, notebooks, strict=True):
        path.write_bytes(book(one.text))
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ENVIRONMENT / name, folder / name)
    preview = preview_import(notebooks)
    lab = write_import(preview, folder, lock=False).path
    text = lab.read_text(encoding="utf-8")
    for old, new in (edit for one in books for edit in one.edits):
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    lab.write_text(text, encoding="utf-8")
    by_name = {path.name: path for path in preview.notebooks}
    found = verify_import(preview.report, by_name, lab, workspace)
    return {one.notebook.removesuffix(".ipynb"): one for one in found}


def told(found: Verification) -> Iterator[Compared]:
    """What is not proved, nor left alone because the notebook does not repeat it."""
    for one in found.compared:
        if one.equal is not True and not one.why.endswith(("does not repeat it", "progress")):
            yield one


def test_every_edit_is_told(tmp_path: Path, workspace: Workspace) -> None:
    found = verified(EDITED, tmp_path, workspace)
    for name, one in found.items():
        assert one.error == "", name
        assert not one.equal, name
    assert sum(len(one.edits) for one in EDITED) >= 40
    counts = {name: len(list(told(one))) for name, one in found.items()}
    # A display that is missing is told of what is displayed, and of what is printed.
    assert counts == {one.name: len(one.edits) + (one.name == "results") for one in EDITED}, [
        one for each in found.values() for one in told(each)
    ]
    (apart,) = (one for one in told(found["noise"]) if one.why.startswith("line 1: 'accuracy"))
    assert apart.equal is False, "it takes nothing of what the notebook does not repeat"


def test_nothing_that_no_run_repeats_is_called_different(tmp_path: Path, workspace: Workspace) -> None:
    found = verified(NOISY, tmp_path, workspace)
    assert sum(len(one.sections) - 1 for one in NOISY) >= 20
    for name, one in found.items():
        assert one.error == "", name
        assert [each for each in one.compared if each.equal is False] == [], name
        assert any(each.equal for each in one.compared), name
    assert found["processes and objects"].equal
