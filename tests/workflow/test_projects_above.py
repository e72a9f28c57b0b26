"""Notebooks that go to the folder of their project first, and then say where its modules lie."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.stages.above import inspected_in_place
from tests.workflow.previews import codes, inputs, previewed

TOOLS = "K = 5\ndef f(x):\n    return x * K\n"


WAYS = {
    "a folder by its name": "os.chdir('../')\nsys.path.append('lib')",
    "in front, as a whole path": "os.chdir('..')\nsys.path.insert(0, os.path.abspath('lib'))",
    "as a path of its own": "os.chdir('..')\nsys.path.append(str(Path('lib').resolve()))",
    "from where it went": "os.chdir('..')\nROOT = Path.cwd()\nsys.path.append(str(ROOT / 'lib'))",
    "said before it goes": "sys.path.append('lib')\nos.chdir('..')",
    "a whole path, before it goes": "sys.path.append(os.path.abspath('../lib'))\nos.chdir('..')",
    "in a cell of its own": "%cd ..\n# %%\nsys.path.append('./lib')",
    "a root that was asked for": "ROOT = Path.cwd().parent\nos.chdir(ROOT)\nsys.path.append(str(ROOT / 'lib'))",
    "by the folder's name": "if Path.cwd().name == 'research':\n    os.chdir('..')\nsys.path.append('lib')",
    "by way of another folder": "os.chdir('../other')\nos.chdir('..')\nsys.path.append('lib')",
    "there and back": "os.chdir('..')\nos.chdir('research')\nsys.path.append('../lib')",
}


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
def test_modules_are_looked_for_from_where_the_code_has_gone(way: str, tmp_path: Path) -> None:
    head = "# %%\nimport os\nimport sys\nfrom pathlib import Path\n"
    files = {"lib/tools.py": TOOLS, "other/x.txt": ""}
    preview = previewed(
        tmp_path / "study",
        files,
        f"{head}{way}\n# %%\nfrom tools import f\nprint(f(3))\n",
        "research/a.ipynb",
    )
    assert (preview.folder, preview.workdir) == (tmp_path / "study", "research")
    assert inputs(preview) == {"lib/tools.py"}
    assert "NB-202" not in codes(preview), "it is no package of somebody else's"


FETCH = """# %%
import os
from os.path import basename, exists
from pathlib import Path
def download(url{taken}):
    {name}
    if not exists(filename):
        from urllib.request import urlretrieve
        local, _ = urlretrieve(url, filename)
        print('Downloaded ' + local)
{call}
# %% [markdown]
## Below
# %%
print(open('given.csv').read())
"""
ADDRESS = "https://example.org/raw/master/given.csv"
FETCHES = {
    "its last part": ("", "filename = basename(url)", f"download('{ADDRESS}')"),
    "by split": ("", "filename = url.split('/')[-1]", f"download('{ADDRESS}')"),
    "by rsplit": ("", "filename = url.rsplit('/', 1)[-1]", f"download('{ADDRESS}')"),
    "a path's name": ("", "filename = Path(url).name", f"download('{ADDRESS}')"),
    "by os": ("", "filename = os.path.basename(url)", f"URL = '{ADDRESS}'\ndownload(URL)"),
    "given as well": (", filename", "pass", f"download('{ADDRESS}', 'given.csv')"),
    "one of several": (
        "",
        "filename = basename(url)",
        f"for one in ['{ADDRESS}', 'https://example.org/b.csv']:\n    download(one)",
    ),
    "below a base": ("", "filename = basename(url)", "download(f'{os.environ[\"BASE\"]}/raw/given.csv')"),
}


@pytest.mark.parametrize("case", FETCHES)
def test_what_lies_there_is_not_fetched_by_a_stage(case: str, tmp_path: Path) -> None:
    taken, name, call = FETCHES[case]
    text = FETCH.format(taken=taken, name=name, call=call)
    with_it = previewed(tmp_path / "with", {"given.csv": "1"}, text, "a.ipynb").lab.stages
    fetching = next(stage for stage in with_it if "given.csv" in stage.outputs)
    assert [one for one in fetching.inputs if one in ("given.csv", "b.csv")] == ["given.csv"]
    without = previewed(tmp_path / "without", {}, text, "a.ipynb")
    assert "given.csv" not in next(one for one in without.lab.stages if "given.csv" in one.outputs).inputs


def test_what_a_notebook_makes_itself_where_it_is_not_there_is_made_again(tmp_path: Path) -> None:
    text = "# %%\nimport os\nif not os.path.exists('own.csv'):\n    open('own.csv', 'w').write('1')\n"
    assert inputs(previewed(tmp_path, {"own.csv": "2"}, text, "a.ipynb")) == set()


def test_the_last_part_of_a_folder_that_is_asked_for_is_not_its_relative_name(tmp_path: Path) -> None:
    text = "# %%\nimport os\nname = os.path.basename(os.getcwd())\nopen(name + '.csv').read()\n"
    assert "NB-301" in codes(previewed(tmp_path, {"..csv": ""}, text, "a.ipynb"))


WALK = "from functools import cache\nfrom pathlib import Path\nMARK = 'pyproject.toml'\n"
WALK += "{kept}def get_root({taken}):\n    {first}\n    for one in {over}:\n        if {test}:\n"
WALK += "            return one\n    {last}\n"
EVERY = "[here, *here.parents]"
MARK = "(one / 'pyproject.toml').exists()"
WALKS = {
    "falls through": ("", "here = Path.cwd()", EVERY, MARK, "return here"),
    "or raises": ("", "here = Path.cwd().resolve()", EVERY, MARK, "raise FileNotFoundError('no root')"),
    "from its own file": ("", "here = Path(__file__).resolve()", "here.parents", MARK, "raise OSError"),
    "one of several": (
        "",
        "here = Path.cwd()",
        EVERY,
        "any((one / name).exists() for name in ('.git', 'pyproject.toml'))",
        "return here",
    ),
    "by a default": (
        "mark='pyproject.toml'",
        "here = Path.cwd()",
        EVERY,
        "(one / mark).exists()",
        "return here",
    ),
    "from nothing": ("start=None", "here = (start or Path.cwd()).resolve()", EVERY, MARK, "raise OSError"),
    "if nothing": (
        "start: Path | None = None",
        "if start is None:\n        start = Path.cwd()",
        "[start, *start.parents]",
        MARK,
        "raise OSError",
    ),
    "a constant of it": (
        "",
        "here = Path.cwd()",
        EVERY,
        "(one / MARK).is_file()",
        "return here",
    ),
}
CALLS = {
    "by the module": ("\nROOT = get_root()\n", "from root import ROOT"),
    "by a cell": ("", "from root import get_root\nROOT = get_root()"),
    "by a cell, by its full name": ("", "import root\nROOT = root.get_root()"),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("way", WALKS)
def test_a_module_that_looks_for_the_project_finds_it_in_a_stage(way: str, call: str, tmp_path: Path) -> None:
    taken, first, over, test, last = WALKS[way]
    kept = "@cache\n" if way == "or raises" else ""
    end, start = CALLS[call]
    module = WALK.format(kept=kept, taken=taken, first=first, over=over, test=test, last=last) + end
    head = f"# %%\nimport sys\nsys.path.append('../src')\n{start}\n"
    text = f"{head}# %%\nprint(open(ROOT / 'data' / 'a.csv').read())\n"
    files = {"pyproject.toml": "", "data/a.csv": "1", "src/root.py": module}
    preview = previewed(tmp_path / "study", files, text, "notebooks/a.ipynb")
    assert (preview.folder, preview.workdir) == (tmp_path / "study", "notebooks")
    assert inputs(preview) >= {"pyproject.toml", "data/a.csv", "src/root.py"}
    assert not codes(preview) & {"NB-303", "NB-311", "NB-312"}


def test_a_search_of_a_module_that_is_given_something_else_is_not_guessed(tmp_path: Path) -> None:
    taken, first, over, test, last = WALKS["by a default"]
    module = WALK.format(kept="", taken=taken, first=first, over=over, test=test, last=last)
    files = {"pyproject.toml": "", "data/a.csv": "1", "notebooks/here.txt": "", "src/root.py": module}
    text = (
        "# %%\nimport sys\nsys.path.append('../src')\nfrom root import get_root\n"
        "ROOT = get_root('here.txt')\nprint(open(ROOT / 'data' / 'a.csv').read())\n"
    )
    assert "data/a.csv" not in inputs(preview := previewed(tmp_path, files, text, "notebooks/a.ipynb"))
    assert codes(preview) & {"NB-301", "NB-312"}


def test_a_search_of_a_module_without_an_end_is_told(tmp_path: Path) -> None:
    module = (
        "from pathlib import Path\ndef get_root():\n    here = Path.cwd()\n"
        "    while not (here / 'nobody-has.this').exists():\n        here = here.parent\n    return here\n"
    )
    text = "# %%\nfrom root import get_root\nROOT = get_root()\nprint(open(ROOT / 'a.csv').read())\n"
    preview = previewed(tmp_path, {"root.py": module, "pyproject.toml": ""}, text, "a.ipynb")
    assert "NB-311" in codes(preview)


def test_a_template_of_many_projects(tmp_path: Path) -> None:
    """Its steps are in `research/`: each goes to the project, imports its package, and unpacks where settings say."""
    files = {
        "config/config.json": '{"unzip_dir": "artifacts"}',
        "src/maker/__init__.py": "",
        "src/maker/constants.py": "from pathlib import Path\nCONFIG_FILE_PATH = Path('config/config.json')\n",
        "src/maker/common.py": "import json\ndef read(path):\n    with open(path) as f:\n        return json.load(f)\n",
    }
    text = """# %%
import os
import zipfile
# %%
os.chdir("../")
# %%
import sys
sys.path.append("src")
from maker.constants import *
from maker.common import read
# %%
class Manager:
    def __init__(self, config_filepath=CONFIG_FILE_PATH):
        self.config = read(config_filepath)
# %%
config = Manager().config
with zipfile.ZipFile("data.zip") as archive:
    archive.extractall(config["unzip_dir"])
# %%
rows = open("artifacts/samsum/train.csv").read()
"""
    preview = previewed(tmp_path / "study", files | {"data.zip": ""}, text, "research/a.ipynb")
    assert (preview.folder, preview.workdir) == (tmp_path / "study", "research")
    package = {path for path in files if path.startswith("src/")}
    assert inputs(preview) == {"config/config.json", "data.zip", *package}


def test_a_program_that_a_cell_runs_takes_and_makes_files_there(tmp_path: Path) -> None:
    program = (
        "from pathlib import Path\nDATA = Path(__file__).resolve().parents[1] / 'data'\n"
        "def main():\n    text = open('../data/raw.txt').read()\n    (DATA / 'made.txt').write_text(text)\n"
        "if __name__ == '__main__':\n    main()\n"
    )
    text = """# %%
%run ../src/prepare.py
# %% [markdown]
## Below
# %%
%run -i ../src/gone.py
print(open("../data/made.txt").read())
"""
    files = {"src/prepare.py": program, "data/raw.txt": "1"}
    preview = previewed(tmp_path / "study", files, text, "notebooks/a.ipynb")
    stages = preview.lab.stages
    assert [path for stage in stages for path in stage.outputs if "/" in path] == ["data/made.txt"]
    assert "data/raw.txt" in inputs(preview)
    left = [path for stage in stages if "data/made.txt" not in stage.outputs for path in stage.inputs]
    assert set(left) <= {"data/made.txt", "src/gone.py"}


def test_inspect_says_of_paths_above_what_the_import_says(tmp_path: Path) -> None:
    text = "# %%\nopen('../data/a.csv').read()\nopen('../../../../else/b.csv').read()\n"
    previewed(tmp_path / "study", {"data/a.csv": "1"}, text, "notebooks/a.ipynb")
    found = inspected_in_place(tmp_path / "study/notebooks/a.ipynb").findings
    assert [(one.code, one.line) for one in found if one.code == "NB-303"] == [("NB-303", 2)]
