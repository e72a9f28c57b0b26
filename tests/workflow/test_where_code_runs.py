"""Notebooks that ask where they are: that look for their project above, go there, and keep what they find."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from agi_node.lab_folder import come, leave, running_in
from agilab.store.workspace import Workspace
from agilab.workflow.judging.validate import validate
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import Preview, preview_import
from agilab.workflow.notebooks.verification import verify_import
from tests.workflow import previews
from tests.workflow.previews import codes, inputs
from tests.workflow.studies import ENVIRONMENT

FIRST = "# %%\nimport os\nfrom pathlib import Path\n"
READ = "# %%\ntext = open(os.path.join(ROOT, 'data', 'raw', 'a.csv')).read()\n"
FOUND = "pyproject.toml"


def project(folder: Path, *, marks: tuple[str, ...] = (FOUND,)) -> Path:
    files = {
        "data/raw/a.csv": "n\n1\n2\n",
        "src/__init__.py": "",
        "src/features.py": "def more(n):\n    return n + 1\n",
    }
    previews.write_files(folder, {**files, **dict.fromkeys(marks, "")})
    return folder


def previewed(root: Path, text: str, name: str = "notebooks/a.ipynb") -> Preview:
    return previews.previewed(root, {}, text, name)


LOOP = "ROOT = Path.cwd()\nwhile not {test}:\n    ROOT = ROOT.parent\n"
SEARCHES = {
    "a file": LOOP.format(test="(ROOT / 'pyproject.toml').exists()"),
    "two marks": LOOP.format(test="any((ROOT / one).is_file() for one in ['setup.py', 'pyproject.toml'])"),
    "an end of its own": "ROOT = Path.cwd()\nwhile ROOT != ROOT.parent and not (ROOT / 'pyproject.toml').exists():\n"
    "    ROOT = ROOT.parent\n",
    "by os": "ROOT = os.getcwd()\nwhile not os.path.exists(os.path.join(ROOT, 'pyproject.toml')):\n"
    "    ROOT = os.path.dirname(ROOT)\n",
    "in a list": "ROOT = os.getcwd()\nwhile 'pyproject.toml' not in os.listdir(ROOT):\n"
    "    ROOT = os.path.dirname(ROOT)\n",
    "the first": "ROOT = next(p for p in [Path.cwd(), *Path.cwd().parents] if (p / 'pyproject.toml').exists())\n",
    "a loop over all": "for ROOT in [Path.cwd(), *Path.cwd().parents]:\n"
    "    if (ROOT / 'pyproject.toml').exists():\n        break\n",
    "a function": "def root(mark='pyproject.toml'):\n    here = Path.cwd()\n    while not (here / mark).exists():\n"
    "        here = here.parent\n    return here\nROOT = root()\n",
    "a function that returns": "def root(mark):\n    for here in (Path.cwd(), *Path.cwd().parents):\n"
    "        if (here / mark).exists():\n            return here\nROOT = root('pyproject.toml')\n",
    "by going there": "while not os.path.exists('pyproject.toml'):\n    os.chdir('..')\nROOT = Path.cwd()\n",
}


@pytest.mark.parametrize("text", SEARCHES.values(), ids=SEARCHES.keys())
@pytest.mark.parametrize("folder", ["notebooks", "notebooks/eda"])
def test_what_is_looked_for_above_is_there_for_the_stage(text: str, folder: str, tmp_path: Path) -> None:
    root = project(tmp_path / "study")
    preview = previewed(root, FIRST + text + READ, f"{folder}/a.ipynb")
    assert (preview.folder, preview.workdir) == (root, folder)
    assert {FOUND, "data/raw/a.csv"} <= inputs(preview)
    assert "NB-311" not in codes(preview)


def test_a_folder_is_found_by_a_small_file_of_it_and_one_by_its_name(tmp_path: Path) -> None:
    root = project(tmp_path / "study", marks=(".git/HEAD", ".git/index"))
    preview = previewed(root, FIRST + LOOP.format(test="(ROOT / '.git').exists()") + READ)
    assert (preview.folder, inputs(preview)) == (root, {".git/HEAD", "data/raw/a.csv"})
    preview = previewed(root, FIRST + LOOP.replace("not {test}", "ROOT.name != 'study'") + READ)
    assert (preview.folder, inputs(preview)) == (root, {"data/raw/a.csv"})


@pytest.mark.parametrize("mark", ["nowhere.txt", "empty", ".here"])
def test_a_search_that_a_stage_cannot_end_is_told(mark: str, tmp_path: Path, workspace: Workspace) -> None:
    root = project(tmp_path / "study")
    (root / "empty").mkdir()
    (root / ".git").mkdir()
    (tmp_path / ".here").write_text("")  # above the repository, which no lab leaves
    preview = previewed(root, FIRST + LOOP.format(test=f"(ROOT / '{mark}').exists()") + READ)
    (told,) = (one for one in preview.report.findings if one.code == "NB-311")
    assert told.location.line == 4
    lab = write_import(preview, preview.folder, lock=False).path
    (warned,) = (one for one in validate(lab, workspace).findings if "perhaps for ever" in one.what)
    assert (warned.code, warned.found) == ("AGI-STAGE-085", mark)
    tree = FIRST + "while node.parent:\n    node = node.parent\n"
    assert "NB-311" not in codes(previewed(root, tree)), "a walk through something else"


@pytest.mark.parametrize(
    "way",
    [
        "os.path.dirname(os.getcwd())",
        "os.path.join(os.pardir)",
        "os.path.abspath(os.path.join(os.getcwd(), '..'))",
        "Path.cwd().parents[0]",
        "os.path.split(os.getcwd())[0]",
        "Path.cwd().parent if Path.cwd().name == 'notebooks' else Path.cwd()",
    ],
)
def test_the_folder_above_by_many_names(way: str, tmp_path: Path) -> None:
    root = project(tmp_path / "study")
    preview = previewed(root, f"{FIRST}ROOT = {way}\n{READ}")
    assert (preview.folder, inputs(preview)) == (root, {"data/raw/a.csv"})


@pytest.mark.parametrize(
    "way",
    [
        "os.chdir('..')",
        "%cd ..",
        "if Path.cwd().name == 'notebooks':\n    os.chdir('..')",
        "if os.getcwd().endswith('notebooks'):\n    os.chdir('..')",
        "if not os.path.exists('data'):\n    os.chdir('..')",
        "if 'notebooks' in os.getcwd():\n    %cd ..",
    ],
)
def test_a_notebook_that_goes_to_the_folder_above(way: str, tmp_path: Path) -> None:
    root = project(tmp_path / "study")
    text = "# %%\nfrom src.features import more\nrows = more(len(open('data/raw/a.csv').readlines()))\n"
    preview = previewed(root, f"{FIRST}{way}\n{text}")
    assert (preview.folder, preview.workdir) == (root, "notebooks")
    assert inputs(preview) == {"data/raw/a.csv", "src/__init__.py", "src/features.py"}


def test_a_condition_on_a_setting_is_not_decided_by_the_folder(tmp_path: Path) -> None:
    root = project(tmp_path / "study")
    text = (
        "MODE = 'a'\nif MODE == 'a':\n    name = '../data/raw/a.csv'\nelse:\n    name = '../data/raw/b.csv'\n"
    )
    assert "NB-301" in codes(previewed(root, f"{FIRST}{text}open(name)\n"))


def test_a_search_that_is_given_a_folder_under_another_name_is_not_guessed(tmp_path: Path) -> None:
    root = project(tmp_path / "study", marks=(FOUND, "other/pyproject.toml"))
    previews.write_files(root, {"a.csv": "1", "other/a.csv": "2"})
    search = (
        "def find(start=None):\n    here = Path(start or Path.cwd())\n"
        "    while not (here / 'pyproject.toml').exists():\n        here = here.parent\n    return here\n"
        "same = find\ntext = open(same('../other') / 'a.csv').read()\n"
    )
    preview = previewed(root, FIRST + search)
    assert "a.csv" not in inputs(preview), "what lies beside what it finds if nothing is given to it"
    assert "NB-301" in codes(preview)


def test_notebooks_of_two_folders_have_one_lab_above_both(tmp_path: Path) -> None:
    root = project(tmp_path / "study")
    text = "# %%\nrows = open('{}data/raw/a.csv').read()\n"
    previewed(root, text.format("../"), "notebooks/a.ipynb")
    previewed(root, text.format("../../"), "notebooks/eda/b.ipynb")
    preview = preview_import([root / "notebooks/a.ipynb", root / "notebooks/eda/b.ipynb"])
    assert preview.folder == root
    assert {one.workdir for one in preview.lab.stages} == {"notebooks", "notebooks/eda"}
    assert inputs(preview) == {"data/raw/a.csv"}


def test_a_database_that_lies_there_is_read_unless_it_is_removed_first(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "d.sqlite") as base:
        base.execute("create table t (a)")
    base.close()
    text = "import sqlite3\nsqlite3.connect('d.sqlite').execute('select * from t').fetchall()\n"
    assert inputs(previewed(tmp_path, f"# %%\n{text}", "a.ipynb")) == {"d.sqlite"}
    gone = "# %%\nimport os\nif os.path.exists('d.sqlite'):\n    os.remove('d.sqlite')\n"
    assert inputs(previewed(tmp_path, f"{gone}{text}", "a.ipynb")) == set()
    (tmp_path / "d.sqlite").unlink()
    assert inputs(previewed(tmp_path, f"# %%\n{text}", "a.ipynb")) == set()


def test_paths_into_the_folder_of_a_stage_lead_into_that_of_the_next() -> None:
    value = {"root": Path("/a/lab"), "files": [Path("/a/lab/x.csv"), "/a/lab/y.csv"], "else": "/a/labour"}
    with running_in(Path("/a/lab")):
        left = leave(value)
        assert leave(["/labour/a", 1]) is None
    with running_in(Path("/b/c")):
        assert come(left) == {
            "root": Path("/b/c"),
            "files": [Path("/b/c/x.csv"), "/b/c/y.csv"],
            "else": "/a/labour",
        }


@pytest.mark.slow
def test_a_root_that_is_looked_for_is_proved_equal_in_the_stages_below(
    tmp_path: Path, workspace: Workspace
) -> None:
    root = project(tmp_path / "study")
    for name in (FOUND, "uv.lock"):
        shutil.copy(ENVIRONMENT / name, root / name)
    text = f"""{FIRST}{SEARCHES["a file"]}files = sorted((ROOT / 'data' / 'raw').glob('*.csv'))
lines = len(files[0].read_text().splitlines())
# %% [markdown]
## Below
# %%
n = len(list((ROOT / 'data' / 'raw').glob('*.csv')))
print(n, lines, ROOT, ROOT.name, Path.cwd().parent.name, Path('../..').resolve())
"""
    preview = previewed(root, text, "notebooks/eda/a.ipynb")
    lab = write_import(preview, root, lock=False).path
    (found,) = verify_import(preview.report, {"a.ipynb": preview.notebooks[0]}, lab, workspace)
    assert (found.error, [one for one in found.compared if one.equal is False]) == ("", [])
    assert found.equal
    assert "n" in {one.name for one in found.compared if one.equal}
