"""`--verify`: notebooks of many shapes run in a kernel and as stages; what they leave is equal, or said to differ."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest

from agi_node.canonical import untag
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.notebook_import import Compared, Verification
from agilab.projects.request import Faces
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import Preview, preview_import
from agilab.workflow.notebooks.verification import verify_import
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest
from tests.workflow.studies import ENVIRONMENT, Study, language, study, tables

pytestmark = pytest.mark.slow
Per = Literal["flow", "cell"]

# Where the flow puts a notebook into a stage or two, a stage for each cell has more to prove.
BY_CELL = (tables.CLEANING, tables.JOINING, tables.GENERATORS, tables.FITTING, *language.STUDIES)
BY_FLOW = (
    *(tables.LEGACY_SEEDS, tables.VIEWS, tables.PLOTTING, tables.TIMES, tables.SEVERAL),
    *(tables.CLEANING, language.FUNCTIONS, language.MAGICS, language.PARAMETERS),
)
PROVED = [*((one, "flow") for one in BY_FLOW), *((one, "cell") for one in BY_CELL)]
"""Each study, parted in one way or the other."""


def imported(one: Study, folder: Path, per: Per = "flow") -> tuple[Preview, Path]:
    """The lab of a study's notebooks beside them, in the environment of all studies."""
    notebooks = one.write(folder)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ENVIRONMENT / name, folder / name)
    preview = preview_import(notebooks, per=per)
    return preview, write_import(preview, folder, lock=False).path


def verified(
    preview: Preview, lab: Path, workspace: Workspace, faces: Faces = Faces()
) -> tuple[Verification, ...]:
    by_name = {path.name: path for path in preview.notebooks}
    return verify_import(preview.report, by_name, lab, workspace, faces)


def shown(workspace: Workspace, run_id: str, stage: str) -> str:
    """What the last expression of a stage was worth."""
    with Store(workspace) as store:
        return str(untag(store.value(store.result(run_id, stage)))["shown"])


@pytest.mark.parametrize(("one", "per"), PROVED, ids=lambda value: getattr(value, "name", value))
def test_stages_leave_what_the_notebook_leaves(
    one: Study, per: Per, tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(one, tmp_path, per)
    found = verified(preview, lab, workspace)

    assert [each.error for each in found] == [""] * len(one.books)
    compared = [each for verification in found for each in verification.compared]
    assert [each for each in compared if each.equal is False] == []
    assert all(verification.equal for verification in found)

    unsure = {
        each.name for each in compared if each.equal is None and not each.name.startswith("messages of")
    }
    defined = set(re.findall(r"\b(?:def|class) (\w+)", "\n".join(one.books.values())))
    assert unsure <= one.vague.keys() | defined, f"not compared, and nobody said why: {unsure}"
    finals = {name for notebook in preview.report.notebooks for name in notebook.wanted()}
    assert finals <= {each.name for each in compared if each.kind == "value"}

    last = preview.lab.stages[-1].id
    assert shown(workspace, found[-1].run_id, last) == one.shows
    assert any(each.kind == "shown" and each.stage == last and each.equal for each in compared)
    if per == "cell":
        assert one.whole or len(preview.lab.stages) > 1


def test_a_file_that_is_added_to_is_taken_from_the_stage_above(tmp_path: Path, workspace: Workspace) -> None:
    preview, lab = imported(language.APPENDING, tmp_path, "cell")
    (found,) = verified(preview, lab, workspace)
    assert found.equal
    assert shown(workspace, found.run_id, preview.lab.stages[-1].id) == language.APPENDING.shows


def test_a_folder_that_is_listed_holds_what_stages_wrote(tmp_path: Path, workspace: Workspace) -> None:
    preview, lab = imported(language.LISTING, tmp_path, "cell")
    (found,) = verified(preview, lab, workspace)
    assert found.equal
    assert shown(workspace, found.run_id, preview.lab.stages[-1].id) == language.LISTING.shows


# -- different ----------------------------------------------------------------------------------------------------

CLOCK = study(
    "the clock",
    """
# %%
import time
import random
# %% [markdown]
## Begin
# %%
began = time.time_ns()
ten = 10
# %% [markdown]
## Draw
# %%
drawn = [random.random() for _ in range(5)]
with open("drawn.txt", "w") as f:
    f.write(repr(drawn))
# %% [markdown]
## Tell
# %%
drawn[0] * began
""",
)
SEEDED = study(
    "numbers that are repeated",
    """
# %%
import time
import random
# %% [markdown]
## Begin
# %%
began = time.gmtime(0).tm_year
ten = 10
# %% [markdown]
## Draw
# %%
seeded = random.Random(5)
drawn = [seeded.random() for _ in range(5)]
with open("drawn.txt", "w") as f:
    f.write(repr(drawn))
# %% [markdown]
## Tell
# %%
drawn[0] * began
""",
)
ALIKE = study(
    "sets and dates",
    """
# %%
import gzip
import os
import time
print(__doc__)
words = ["anis", "basil", "cumin", "dill", "fennel", "mint", "sage", "thyme"]
order = [*{*words}]
# %%
with gzip.open("words.gz", "wt") as file:
    file.write(" ".join(words))
# %% [markdown]
## Move
# %%
with open("draft.txt", "w") as file:
    file.write("x")
# %% [markdown]
## Publish
# %%
text = open("draft.txt").read()
os.rename("draft.txt", "final.txt")
# %% [markdown]
## Report
# %%
class Report:
    times = 0
    def _repr_html_(self):
        self.times += 1
        return f"<b>{self.times}</b>"
report = Report()
report
# %%
display(report)
report.times;
# %% [markdown]
## Told
# %%
report.times
""",
)
FIGURE = study(
    "a figure that Jupyter ended",
    """
# %%
import matplotlib.pyplot as plt
plt.figure(figsize=(2, 2))
plt.plot([1, 2, 1])
# %%
plt.title("on a new figure")
plt.savefig("plot.png")
""",
)
BROKEN = study(
    "an error",
    """
# %%
numbers = [1, 2, 3]
# %% [markdown]
## Too far
# %%
beyond = numbers[3]
""",
)
QUOTED = study(
    "an error that quotes",
    """
# %%
numbers = [1, 2, 3]
# %% [markdown]
## Too far
# %%
beyond = {number: "" for number in numbers}["it's \\"4\\""]
""",
)
FITTED = study(
    "a model of other numbers",
    """
# %%
import numpy as np
from sklearn.linear_model import LinearRegression
drawn = np.random.RandomState(5)
model = LinearRegression().fit(drawn.rand(9, 2), drawn.rand(9))
model
""",
)
TEXTS = study(
    "cells that are only a text",
    """
# %%
"a title"
# %%
import os
words = [os.sep]
# %% [markdown]
## Said
# %%
"only a text"
# %% [markdown]
## Told
# %%
words.append("more")
len(words)
""",
)
Differ = Callable[[Study], tuple[Verification, Preview, Path]]


@pytest.fixture
def differ(tmp_path: Path, workspace: Workspace) -> Differ:
    def run(one: Study) -> tuple[Verification, Preview, Path]:
        preview, lab = imported(one, tmp_path)
        (found,) = verified(preview, lab, workspace)
        return found, preview, lab

    return run


def by_name(found: Verification) -> dict[str, Compared]:
    return {one.name: one for one in found.compared}


def test_what_the_notebook_does_not_repeat_is_not_compared_and_all_else_is(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(CLOCK, tmp_path)
    told: list[str] = []
    (found,) = verified(preview, lab, workspace, Faces(say=told.append))
    judged = by_name(found)
    assert found.equal
    assert sum(line.endswith(".ipynb again: does it repeat itself?") for line in told) == 1
    assert judged["ten"].equal is True
    unsure = {name: one.why for name, one in judged.items() if one.equal is None}
    assert unsure.keys() >= {"began", "drawn", "drawn.txt"}
    assert unsure["began"] == "only what clocks said differs, and the notebook itself does not repeat it"
    assert unsure["drawn"] == unsure["drawn.txt"] == "the notebook itself does not repeat it"

    changed = mutated(preview, lab, workspace, "range(5)", "range(6)")
    assert "list of 5 in the notebook, list of 6 in the pipeline" in changed["drawn"].why, "that is repeated"
    assert changed["drawn"].equal is None, "three times, of a notebook that draws"
    assert mutated(preview, lab, workspace, "ten = 10", "ten = 11")["ten"].equal is None


def test_what_the_notebook_repeats_and_the_pipeline_does_not_is_said_to_differ(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(SEEDED, tmp_path)
    text = lab.read_text(encoding="utf-8")
    assert (text.count("gmtime(0).tm_year"), text.count("Random(5)")) == (1, 1)
    lab.write_text(
        text.replace("gmtime(0).tm_year", "time_ns()").replace("Random(5)", "Random(6)"), encoding="utf-8"
    )
    (found,) = verified(preview, lab, workspace)
    assert not found.equal
    assert found.error == ""
    judged = by_name(found)
    assert {name for name, one in judged.items() if one.equal is False} >= {"began", "drawn", "drawn.txt"}
    assert judged["ten"].equal, "what is equal is still said to be"
    assert "in the notebook" in judged["began"].why
    assert "in the pipeline" in judged["began"].why
    assert judged["drawn.txt"].why.startswith("other bytes: ")
    assert "line 1: '[0." in judged["drawn.txt"].why
    assert judged["began"].cell == 2, "who looks for it in the notebook finds it there"
    assert re.match(r"\[0\] 0\.\d+ in the notebook, 0\.\d+ in the pipeline", judged["drawn"].why)
    assert judged["drawn"].look.startswith(f"agilab workflow try {judged['drawn'].stage} ")
    assert judged["ten"].look == ""
    assert 0 < found.notebook_s < 60
    assert 0 < found.pipeline_s < 60


def test_a_figure_ends_with_its_cell_in_the_pipeline_as_in_jupyter(differ: Differ) -> None:
    found, preview, _ = differ(FIGURE)
    drawing = [stage for stage in preview.lab.stages if "plt." in stage.code]
    assert len(drawing) == 2, "in one stage the second cell would draw on the first one's figure"
    assert by_name(found)["plot.png"].equal is True


def test_what_two_processes_never_agree_on_is_made_alike_or_left_out(
    differ: Differ, workspace: Workspace
) -> None:
    found, preview, lab = differ(ALIKE)
    judged = by_name(found)
    assert found.equal, [one for one in found.compared if one.equal is False]
    assert judged["order"].equal is True, "one seed of hashes for both"
    assert judged["output of cell 0"].equal is True, "no docstring in either"
    assert judged["words.gz"].equal is True
    assert judged["final.txt"].equal is True
    if "draft.txt" in judged:
        assert judged["draft.txt"].why == "the notebook removes it later"

    result = run_lab(LabRequest(lab, track=False, workers=1), workspace)
    told = [shown(workspace, run, preview.lab.stages[-1].id) for run in (found.run_id, result.run_id or "")]
    assert told == ["2", "2"], "shown twice, in a notebook, in a run that is compared, and in any other"


def test_models_that_learnt_other_numbers_are_not_called_equal(tmp_path: Path, workspace: Workspace) -> None:
    preview, lab = imported(FITTED, tmp_path)
    model = mutated(preview, lab, workspace, "RandomState(5)", "RandomState(6)")["model"]
    assert model.equal is False
    assert ".coef_: [0] " in model.why


def test_a_notebook_that_fails_where_its_stage_fails_is_said_to_fail_alike(differ: Differ) -> None:
    found, preview, _ = differ(QUOTED)
    assert not found.equal, "it is not proved beyond that cell"
    assert found.fails_alike
    assert found.error == (
        f"fails alike: cell 2 and the pipeline's stage {preview.lab.stages[-1].id} end with "
        """KeyError: 'it\\'s "4"'"""
    )
    judged = by_name(found)
    assert judged["numbers"].equal is True, "what was made before is compared"
    assert (judged["beyond"].equal, judged["beyond"].why) == (None, "neither comes so far")


def test_an_error_of_one_of_the_two_is_told_with_its_cell(tmp_path: Path, workspace: Workspace) -> None:
    preview, lab = imported(BROKEN, tmp_path)
    text = lab.read_text(encoding="utf-8")
    assert text.count("numbers[3]") == 1
    lab.write_text(text.replace("numbers[3]", "numbers[2]"), encoding="utf-8")
    told: list[str] = []
    (found,) = verified(preview, lab, workspace, Faces(say=told.append, note=told.append))
    assert not found.equal
    assert not found.fails_alike
    assert found.cannot_run
    assert found.error.startswith(
        "the notebook itself fails in cell 2: IndexError: list index out of range; "
    )
    assert found.error.endswith("which has that cell, comes to its end")
    beyond = by_name(found)["beyond"]
    assert (beyond.equal, beyond.why) == (None, "the notebook does not come so far")
    ended = [re.sub(r", \d+\.\d s$", "", line) for line in told if line.startswith("stage ")]
    assert sorted(ended) == sorted(
        f"stage {one.id} succeeded" for one in preview.lab.stages if one.runtime != "none"
    ), "neither needs the other (`numbers` is text that is used again): either may end first"


def test_stages_that_were_changed_after_the_import_are_found_different(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(language.FLOW, tmp_path)
    text = lab.read_text(encoding="utf-8")
    assert text.count("3 * n + 1") == 1
    lab.write_text(text.replace("3 * n + 1", "5 * n + 1").replace("!= 1", "> 200"), encoding="utf-8")
    (found,) = verified(preview, lab, workspace)
    assert not found.equal
    judged = by_name(found)
    assert judged["length"].equal is False
    assert judged["attempts"].equal is True
    assert judged["length"].why.startswith("111 in the notebook, ")


def test_a_cell_that_is_only_a_text_is_compared_whether_its_stage_runs_or_not(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(TEXTS, tmp_path, "cell")
    kept = {stage.id for stage in preview.lab.stages if stage.runtime == "none"}
    assert any("only a text" in stage.code for stage in preview.lab.stages if stage.id in kept)
    (found,) = verified(preview, lab, workspace)
    shows = {one.cell: one.equal for one in found.compared if one.kind == "shown"}
    assert shows == {0: True, 3: True, 5: True}


def test_nothing_that_could_be_compared_is_not_equal(differ: Differ) -> None:
    found, _, _ = differ(study("no values", "# %%\nassert len('only words') == 10\n"))
    assert found.error == ""
    assert found.compared == ()
    assert not found.equal


PICTURES = study(
    "figures of cells that stay together",
    """
# %%
import matplotlib.pyplot as plt
import pandas as pd
heights = pd.Series([1, 3, 2])
rows = (row for row in heights)
# %%
heights.plot()
plt.savefig("one.png")
first = next(rows)
# %%
heights.cumsum().plot()
plt.savefig("two.png")
second = next(rows)
""",
)
OVERWRITTEN = study(
    "pictures that no name holds",
    """
# %%
import matplotlib.pyplot as plt
import numpy as np
# %% [markdown]
## Draw
# %%
rows = np.linspace(0, 1, 30).reshape(3, 10)
fig, axes = plt.subplots()
axes.plot(rows[0])
plt.show()
axes = plt.gca()
axes.plot(rows[1] * 2)
# %%
plt.hist(rows[2], bins=4)
fig = axes = None
# %%
period = 4 * rows[0][9] ** 0.5
print(f"period {period:.2f} s")
period = None
""",
)
STYLED = study(
    "a style that comes later",
    """
# %%
import matplotlib.pyplot as plt
# %% [markdown]
## Draw
# %%
figure, axes = plt.subplots(figsize=(3, 3))
axes.plot([0, 10], [0, 7])
# %% [markdown]
## Larger from here on
# %%
plt.rcParams.update({"xtick.labelsize": 30, "ytick.labelsize": 30})
six = 6
""",
)
STAMPED = study(
    "names by the clock",
    """
# %%
import time
# %% [markdown]
## Write
# %%
for kind in ("low", "high"):
    with open(f"{kind}_{time.time_ns()}.txt", "w") as file:
        file.write(kind)
""",
)
TOSSED = study(
    "a coin",
    """
# %%
import random
# %% [markdown]
## Toss
# %%
side = random.choice(["heads"] * 999999 + ["tails"])
six = 6
""",
)


def test_a_cell_of_a_stage_draws_into_no_figure_of_another(differ: Differ) -> None:
    found, preview, _ = differ(PICTURES)
    assert len(preview.lab.stages) == 1, "a generator keeps them together"
    assert {name: one.equal for name, one in by_name(found).items() if name.endswith(".png")} == {
        "one.png": True,
        "two.png": True,
    }


def test_pictures_and_quantities_that_no_name_holds_are_compared(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(OVERWRITTEN, tmp_path)
    (found,) = verified(preview, lab, workspace)
    assert found.equal, [one for one in found.compared if one.equal is not True]
    assert [one.equal for one in found.compared if one.kind == "picture"] == [True] * 3

    # Neither of them is the last picture of its name.
    changed = mutated(preview, lab, workspace, "rows[1] * 2", "rows[1] * 3")
    told = [one for one in changed.values() if one.equal is False]
    assert [one.kind for one in told] == ["picture"]
    assert "axes[0].lines[0]" in told[0].why
    told = [one for one in mutated(preview, lab, workspace, "= 4 *", "= 5 *").values() if one.equal is False]
    assert [one.kind for one in told] == ["printed"]
    # the last of 30 numbers from 0 to 1 in rows of 10 is 9/29: 4 and 5 times its root
    assert "'period 2.23 s' in the notebook, 'period 2.79 s' in the pipeline" in told[0].why


MISSING = Study(
    "what is not there",
    {
        "module.ipynb": "# %%\nimport packages_that_nobody_has\n# %% [markdown]\n## Use it\n# %%\n"
        "found = packages_that_nobody_has.all()\n",
        "extension.ipynb": "# %%\n%load_ext packages_that_nobody_has\none = 1\n# %% [markdown]\n## Two\n# %%\n"
        "two = one + 1\n",
        "outside.ipynb": "# %% [markdown]\n## Six\n# %%\nprint(sum(range(4)))\n# %% [markdown]\n## Read\n# %%\n"
        "lines = open('../beside.txt').readlines()\n# %%\nseven = 7\n",
    },
    {"../beside.txt": "a line\n"},
)


def test_a_notebook_for_which_something_is_not_there_is_told_what(
    tmp_path: Path, workspace: Workspace
) -> None:
    (tmp_path / "notebooks" / ".git").mkdir(parents=True)  # a repository is not left
    preview, lab = imported(MISSING, tmp_path / "notebooks")
    found = {one.notebook.removesuffix(".ipynb"): one for one in verified(preview, lab, workspace)}
    assert not any(one.equal for one in found.values())
    assert {name: (one.fails_alike, one.cannot_run) for name, one in found.items()} == {
        "module": (False, True),
        "extension": (False, True),
        "outside": (False, True),
    }
    module, extension, outside = (found[name].error for name in ("module", "extension", "outside"))
    for said in (module, extension):
        assert "cell 0 needs packages_that_nobody_has" in said
        assert said.endswith(
            f"if it is the “packages-that-nobody-has” on PyPI: uv add --directory {lab.parent} packages-that-nobody-has"
        )
    assert outside.startswith("cell 3 takes ../beside.txt, which is outside the notebook's folder (NB-303)")
    assert [one for each in found.values() for one in each.compared if one.equal is False] == []
    assert by_name(found["outside"])["output of cell 1"].equal is True, "what was made before is compared"


def test_a_figure_is_compared_as_it_was_seen_and_not_in_a_style_of_later(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(STYLED, tmp_path)
    (found,) = verified(preview, lab, workspace)
    assert {one.name for one in found.compared if one.equal} >= {"figure", "axes"}
    assert mutated(preview, lab, workspace, "[0, 7]", "[0, 8]")["figure"].equal is False


def test_files_that_are_named_by_the_clock_are_compared_under_other_names(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(STAMPED, tmp_path)
    (found,) = verified(preview, lab, workspace)
    files = {one.name.partition("_")[0]: one for one in found.compared if one.kind == "file"}
    assert found.equal
    assert {name: one.equal for name, one in files.items()} == {"low": True, "high": True}
    assert re.fullmatch(
        r"low_\d+\.txt in the pipeline: the notebook itself names it anew each time", files["low"].why
    )

    changed = mutated(preview, lab, workspace, "file.write(kind)", "file.write(kind.upper())")
    assert {one.equal for one in changed.values() if one.kind == "file"} == {False}
    assert mutated(preview, lab, workspace, '("low", "high")', '("low",)')


def test_what_is_drawn_at_random_and_differs_is_undecided(tmp_path: Path, workspace: Workspace) -> None:
    preview, lab = imported(TOSSED, tmp_path)
    said = mutated(preview, lab, workspace, "random.choice", "str")["side"]
    assert said.equal is None, "undecided: it is not proved, and may be so"
    assert said.why.endswith(
        "; the notebook repeats it in 3 runs, perhaps by chance: it draws without a seed"
    )


ANY_NAME = study(
    "a file for each name",
    """
# %% tags=parameters
name = "north"
# %% [markdown]
## Double
# %%
number = int(open(f"data/{name}.txt").read())
with open(f"out/{name}.txt", "w") as file:
    file.write(str(2 * number))
# %% [markdown]
## Tell
# %%
int(open(f"out/{name}.txt").read()) + 1
""",
    files={"data/north.txt": "3", "data/south.txt": "20", "out/.keep": ""},
)


@pytest.mark.parametrize(("name", "told"), [("north", "7"), ("south", "41")])
def test_a_file_that_a_parameter_names_is_there_whatever_that_is(
    name: str, told: str, tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(ANY_NAME, tmp_path, "cell")
    assert len(preview.lab.stages) == 2
    result = run_lab(LabRequest(lab, {"name": name}, track=False, workers=1), workspace)
    assert result.error is None
    assert shown(workspace, result.run_id or "", preview.lab.stages[-1].id) == told


LEFT = study(
    "what reading does not see",
    """
# %%
import json
def save(what, path=None):
    with open(path or chr(102) + "irst.json", "w") as file:
        json.dump(what, file)
def unused():
    return 1
# %%
table = {"a": 2}
save(table)
save(table, chr(115) + "econd.json")
print("saved", len(table))
# %% [markdown]
## Try
# %%
history = []
for step, part in enumerate(iter([3, 1, 2])):
    history.append((step, part))
best = min(history)[1]
try:
    nowhere
except NameError as problem:
    said = str(problem)
exec("hidden = best + 1")
waiting = (n for n in history)
""",
)


def mutated(preview: Preview, lab: Path, workspace: Workspace, old: str, new: str) -> dict[str, Compared]:
    """What is said of the stages after one of them was changed behind the notebook's back."""
    text = lab.read_text(encoding="utf-8")
    assert text.count(old) == 1
    lab.write_text(text.replace(old, new), encoding="utf-8")
    (found,) = verified(preview, lab, workspace)
    lab.write_text(text, encoding="utf-8")
    assert not found.equal
    return by_name(found)


def test_every_name_every_file_and_every_print_is_compared_or_said_not_to_be(
    tmp_path: Path, workspace: Workspace
) -> None:
    preview, lab = imported(LEFT, tmp_path)
    (found,) = verified(preview, lab, workspace)
    judged = by_name(found)
    assert {name for name, one in judged.items() if one.equal} >= {
        *("table", "history", "step", "part", "best", "said", "hidden"),
        "output of cell 1",
    }
    assert {name for name, one in judged.items() if one.equal is None} == {"waiting"}
    assert judged["waiting"].why.startswith("it cannot be written down: generator: ")
    lost = {name: one for name, one in judged.items() if one.equal is False}
    assert lost.keys() == {"first.json", "second.json"}, "no stage promises them"
    stage = next(one.id for one in preview.lab.stages if "save(table)" in (one.code or ""))
    why = f"written by the notebook in a cell of stage {stage}, among whose outputs it is not"
    assert {(one.why, one.cell) for one in lost.values()} == {(why, 1)}
    assert not found.equal

    changed = mutated(preview, lab, workspace, "min(history)", "max(history)")
    assert {changed[name].equal for name in ("best", "hidden")} == {False}
    assert mutated(preview, lab, workspace, "str(problem)", "''")["said"].equal is False
    printed = mutated(preview, lab, workspace, '"saved", len', '"saved", 1 + len')["output of cell 1"]
    assert printed.why == "line 1: 'saved 1' in the notebook, 'saved 2' in the pipeline"


def test_verifying_leaves_the_folder_and_the_lab_as_they_were(tmp_path: Path, workspace: Workspace) -> None:
    preview, lab = imported(language.MAGICS, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    verified(preview, lab, workspace)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert "note.txt" not in {path.name for path in before}, "neither run writes into the notebook's folder"
    assert isinstance(preview.lab, LabStages)
