"""Of many differences the first is shown, and what is made of it by name."""

from __future__ import annotations

from pathlib import Path

import pytest
from rich.console import Console

from agilab.cli.verified_view import verification_view
from agilab.contracts.notebook_import import Verification
from agilab.store.workspace import Workspace
from tests.workflow.studies import study
from tests.workflow.test_verification import by_name, imported, verified

pytestmark = pytest.mark.slow

CHAIN = study(
    "differences that come of one another",
    """
# %%
import json
import pathlib
import sys
def scale(value):
    return value * factor
# %% [markdown]
## Begin
# %%
factor = 2
rows = [factor * number for number in range(4)]
same = [2, 3]
print(factor)
# %% [markdown]
## Middle
# %%
scaled = [scale(value) for value in same]
total = sum(rows)
pathlib.Path("rows.json").write_text(json.dumps(rows) + "\\n")
total
# %% [markdown]
## Sign
# %%
sign = total > 0
doubled = [2 * value for value in same]
# %% [markdown]
## End
# %%
text = pathlib.Path("rows.json").read_text()
words = text.split()
words.append("end")
flag = "yes" if sign else "no"
other = 5
print(words, flag)
""",
)


def said(found: Verification) -> list[str]:
    console = Console(width=200)
    with console.capture() as capture:
        console.print(verification_view(found))
    return capture.get().splitlines()


@pytest.mark.parametrize("per", ["flow", "cell"])
def test_what_is_made_of_a_difference_stands_below_it(tmp_path: Path, workspace: Workspace, per: str) -> None:
    preview, lab = imported(CHAIN, tmp_path, "cell" if per == "cell" else "flow")
    text = lab.read_text(encoding="utf-8")
    assert (text.count("factor = 2"), text.count("other = 5")) == (1, 1)
    lab.write_text(
        text.replace("factor = 2", "factor = 3").replace("other = 5", "other = 6"), encoding="utf-8"
    )
    (found,) = verified(preview, lab, workspace)

    judged = by_name(found)
    differ = {name for name, one in judged.items() if one.equal is False}
    made = {name for name, one in judged.items() if one.made_of}
    assert differ - made == {"factor", "other"}
    assert made >= {"rows", "scaled", "total", "text", "words", "rows.json"}
    assert {one.made_of for one in found.compared} == {"", "factor"}
    assert judged["flag"].equal, "what is equal hands nothing on"

    lines = said(found)
    crosses = [line for line in lines if line.startswith("✗")]
    assert [line.split()[1] for line in crosses] == ["factor", "other"]
    below = lines[lines.index(crosses[0]) + 2]
    assert below.startswith(f"    and {len(made)} made of it: ")
    assert "what cell 4 shows" in below


def test_what_differs_for_one_reason_is_said_once(tmp_path: Path, workspace: Workspace) -> None:
    preview, lab = imported(CHAIN, tmp_path)
    text = lab.read_text(encoding="utf-8")
    lab.write_text(text.replace("factor = 2", "factor = nowhere"), encoding="utf-8")
    (found,) = verified(preview, lab, workspace)
    assert sum(one.equal is False for one in found.compared) > 3
    assert len([line for line in said(found) if line.startswith("✗")]) == 1
