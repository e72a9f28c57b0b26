"""A notebook in `notebooks/` beside `data/` and `src/`: its lab is the folder of them all, and it runs where it is."""

from __future__ import annotations

import shutil
import tomllib
from pathlib import Path
from typing import Any

import pytest

from agilab.notebooks.stages.above import root_of
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import
from agilab.workflow.notebooks.verification import verify_import
from tests.workflow.studies import ENVIRONMENT, book

TEXT = """# %%
import csv, os, sys
sys.path.append('..')
from pathlib import Path
import tools
from src.limits import LARGEST
from package.names import TITLE
DATA = Path('..') / 'data'
ROOT, HERE = Path.cwd().parent, os.path.abspath('..')
# %%
with open(DATA / 'in.csv') as file:
    rows = [row for row in csv.DictReader(file) if int(row['n']) < LARGEST]
# %% [markdown]
## Total
# %%
total = tools.total(rows)
os.makedirs('figures', exist_ok=True)
Path('figures/total.txt').write_text(str(total))
(DATA / 'made').mkdir(exist_ok=True)
(DATA / 'made' / 'total.txt').write_text(f'total {total}')
# %% [markdown]
## Read again
# %%
print(open('../data/made/total.txt').read(), Path('figures/total.txt').read_text(), Path.cwd().name)
print(DATA.resolve(), len(list((ROOT / 'data').glob('*.csv'))), os.listdir(os.path.join(HERE, 'data', 'made')), TITLE)
"""
MODULE = "def total(rows):\n    return sum(int(row['n']) for row in rows)\n"


def written(folder: Path, text: str = TEXT) -> Path:
    for name, content in {
        "data/in.csv": "n\n1\n2\n300\n",
        "src/__init__.py": "",
        "src/package/__init__.py": "",
        "src/package/names.py": "TITLE = 'a study'\n",
        "src/limits.py": "LARGEST = 100\n",
        "notebooks/tools.py": MODULE,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    path = folder / "notebooks" / "study.ipynb"
    path.write_bytes(book(text))
    return path


def stages_of(lab: Path) -> list[dict[str, Any]]:
    stages: list[dict[str, Any]] = tomllib.loads(lab.read_text())["stages"]
    return stages


@pytest.mark.slow
def test_a_lab_of_the_folder_above_is_proved_equal(tmp_path: Path, workspace: Workspace) -> None:
    notebook = written(tmp_path / "study")
    preview = preview_import([notebook])
    assert preview.folder == tmp_path / "study"
    assert [one.code for one in preview.report.findings if one.code == "NB-303"] == []
    other = tmp_path / "elsewhere"  # what it reads goes along
    other.mkdir()
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(ENVIRONMENT / name, other / name)
    lab = write_import(preview, other, lock=False).path
    assert {one["workdir"] for one in stages_of(lab)} == {"notebooks"}
    taken = {path for one in stages_of(lab) for path in (*one.get("inputs", ()), *one.get("outputs", ()))}
    files = {"data/in.csv", "notebooks/tools.py", "src/__init__.py", "src/limits.py"}
    assert files | {"data/made/total.txt", "notebooks/figures/total.txt"} <= taken
    assert all((other / name).is_file() for name in files)
    (found,) = verify_import(preview.report, {"study.ipynb": notebook}, lab, workspace)
    assert found.error == ""
    assert found.equal, [one for one in found.compared if not one.equal]
    names = {one.name for one in found.compared if one.equal}
    assert {"data/made/total.txt", "notebooks/figures/total.txt", "total", "output of cell 5"} <= names
    assert not (notebook.parent / "figures").exists(), "the notebook ran in a view of its folder"


def test_a_repository_and_a_home_are_not_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    notebook = written(tmp_path / "study")
    (notebook.parent / ".git").mkdir()
    preview = preview_import([notebook])
    assert preview.folder == notebook.parent
    assert {one.code for one in preview.report.findings} >= {"NB-303"}
    (notebook.parent / ".git").rmdir()
    (notebook.parent / "pyproject.toml").write_text("")
    assert preview_import([notebook]).folder == notebook.parent, "a project of its own"
    (notebook.parent / "pyproject.toml").unlink()
    (tmp_path / "study" / ".git").mkdir()
    assert preview_import([notebook]).folder == tmp_path / "study"
    for home in (tmp_path / "study", tmp_path / "study" / "of" / "mine"):
        monkeypatch.setenv("HOME", str(home))
        assert preview_import([notebook]).folder == notebook.parent


def test_what_leads_nowhere_moves_no_lab(tmp_path: Path) -> None:
    notebook = written(tmp_path / "study", "# %%\nrows = open('../raw/in.csv').read()\n")
    assert preview_import([notebook]).folder == notebook.parent
    (tmp_path / "study" / "raw").mkdir()
    assert preview_import([notebook]).folder == tmp_path / "study", "a folder is there, if not yet the file"


def test_notebooks_of_one_folder_have_one_lab(tmp_path: Path) -> None:
    first = written(tmp_path / "study")
    second = first.with_name("look.ipynb")
    first.with_name("tools.py").write_text(f"import numpy as np\n{MODULE}")
    second.write_bytes(book("# %%\nprint(open('figures/total.txt').read())\n"))
    preview = preview_import([second, first])
    assert preview.folder == tmp_path / "study"
    assert "numpy" in preview.dependencies, "what a module of one's own imports is needed as well"
    last = preview.lab.stages[-1]
    assert (last.workdir, last.inputs) == ("notebooks", ("notebooks/figures/total.txt",))


def test_modules_in_a_folder_that_is_added_are_files_of_their_stages(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "limits.py").write_text("LARGEST = 100\n")
    (tmp_path / "tools.py").write_text(MODULE)
    path = tmp_path / "study.ipynb"
    path.write_bytes(
        book(
            "# %%\nimport sys\nsys.path.insert(0, 'lib')\n# %%\nimport tools\nfrom limits import LARGEST\nLARGEST\n"
        )
    )
    preview = preview_import([path])
    (stage,) = (one for one in preview.lab.stages if one.inputs)
    assert stage.inputs == ("lib/limits.py",), "and what lies beside the lab is imported from there"
    assert not stage.workdir


@pytest.mark.parametrize(
    ("path", "workdir", "root"),
    [
        ("a.ipynb", "notebooks", ".."),
        ("x/a.ipynb", "x", "."),
        ("/s/n/e/a.ipynb", "n/e", "/s"),
        ("a.ipynb", "", "."),
    ],
)
def test_the_folder_above(
    path: str, workdir: str, root: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here = tmp_path / "study" / "notebooks"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    assert root_of(Path(path), workdir) == Path(root)
