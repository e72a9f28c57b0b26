"""Where Python lies is another place for a notebook's kernel than for its stages: that is told as no difference."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.own_places import ELSEWHERE
from tests.workflow.studies import study
from tests.workflow.test_verification import by_name, imported, verified

pytestmark = pytest.mark.slow

PLACES = study(
    "where Python lies",
    """
# %%
import sys
program = sys.executable
rows = [3, program]
n = len("rows")
# %% [markdown]
## Other
# %%
other = "ipykernel" in sys.modules and sys.prefix
n + 1
""",
)


def test_the_folder_of_the_environment_is_no_difference_and_all_else_is(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(PLACES, tmp_path)
    (found,) = verified(preview, lab, workspace)
    judged = by_name(found)
    assert (judged["program"].equal, judged["program"].why) == (None, ELSEWHERE)
    assert (judged["rows"].equal, judged["rows"].why) == (None, ELSEWHERE)
    assert judged["n"].equal
    assert judged["other"].equal is False, "one has it and the other has not"
