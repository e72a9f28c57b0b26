"""An own module that prints when it is imported: each stage imports it, and none of them is said to print more."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import
from agilab.workflow.notebooks.verification import verify_import
from tests.workflow.studies import ENVIRONMENT, book

TEXT = """# %%
import helpers
# %% [markdown]
## First
# %%
a = helpers.double(5)
print(a)
# %% [markdown]
## Second
# %%
b = helpers.double(a)
print(b)
print('done')
"""
MODULE = "def double(x):\n    return 2 * x\nprint('a test of double:', double(2))\n"


@pytest.mark.slow
def test_what_an_own_module_prints_is_not_compared_with_what_the_cells_print(
    tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "helpers.py").write_text(MODULE)
    notebook = tmp_path / "study.ipynb"
    notebook.write_bytes(book(TEXT))
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ENVIRONMENT / name, tmp_path / name)
    preview = preview_import([notebook])
    lab = write_import(preview, tmp_path, lock=False).path
    (found,) = verify_import(preview.report, {"study.ipynb": notebook}, lab, workspace)
    assert found.equal, [one for one in found.compared if not one.equal]
    assert {"output of cell 2", "output of cell 4"} <= {one.name for one in found.compared}
    changed = lab.read_text().replace("print(b)", "print(b + 1)")
    lab.write_text(changed)
    (found,) = verify_import(preview.report, {"study.ipynb": notebook}, lab, workspace)
    (other,) = [one for one in found.compared if one.equal is False]
    assert other.why == "line 1: '20' in the notebook, '21' in the pipeline"
