"""A notebook that runs another one by `%run` has a lab that leaves what it leaves, and follows what is edited there."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.store.workspace import Workspace
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest
from tests.workflow.studies import Study, book
from tests.workflow.test_verification import imported, shown, verified

pytestmark = pytest.mark.slow

HELPERS = """
# %%
%matplotlib inline
%load_ext autoreload
%autoreload 2
import matplotlib.pyplot as plt
import pandas as pd
from near import doubled
plt.style.use("ggplot")
SCALE = 3
table = pd.read_csv("data/a.csv")
table.head()
# %% [markdown]
## Functions
# %%
def load(path="data/a.csv"):
    return pd.read_csv(path)
def scaled(frame, by=None):
    return doubled(frame) * (by or SCALE)
"""
MAIN = """
# %%
%run ./helpers.ipynb
# %% [markdown]
## Load
# %%
frame = load()
# %% [markdown]
## Scale
# %%
big = scaled(frame)
# %% [markdown]
## Draw
# %%
fig, ax = plt.subplots()
ax.plot(big.x, table.y)
fig.savefig("out.png")
# %% [markdown]
## Tell
# %%
print(SCALE, len(table))
int(big.sum().sum())
"""
FILES = {
    "data/a.csv": "x,y\n1,2\n3,4\n",
    "near.py": "def doubled(frame):\n    return frame * 2\n",
}


def test_it_is_equal_and_runs_again_when_the_other_is_edited(tmp_path: Path, workspace: Workspace) -> None:
    (tmp_path / "helpers.ipynb").write_bytes(book(HELPERS))
    preview, lab = imported(Study("helped", {"main.ipynb": MAIN}, FILES), tmp_path)
    (found,) = verified(preview, lab, workspace)
    assert (found.error, found.equal) == ("", True), found.compared
    last = preview.lab.stages[-1].id
    assert shown(workspace, found.run_id, last) == "60"

    (tmp_path / "helpers.ipynb").write_bytes(book(HELPERS.replace("SCALE = 3", "SCALE = 4")))
    result = run_lab(LabRequest(lab, track=False, cache=True), workspace)
    assert result.status == "succeeded", result.error
    assert shown(workspace, result.run_id or "", last) == "80"
