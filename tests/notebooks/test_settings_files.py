"""`.env`, which libraries look for by themselves: stages take it where it lies, unless it holds secrets."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import Inspection, inspect
from agilab.notebooks.stages.above import levels_above, raised
from agilab.notebooks.stages.staging import stage_notebooks
from tests.notebooks.apart_folders import printed_as_notebook, printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import staged, takes

ENV = "export LEVEL=debug\nRAW=a.csv\n"
SECRET = "export SERVICE_API_KEY='q9Zr2LmX7t'\nRAW=a.csv\n"
SETTINGS = "from pydantic_settings import BaseSettings, SettingsConfigDict\nclass Settings(BaseSettings):\n"
READS = {
    "load_dotenv": ("from dotenv import load_dotenv\nload_dotenv()", ""),
    "of a path": ("import dotenv\ndotenv.load_dotenv('.env', override=True)", ""),
    "searched for": ("from dotenv import find_dotenv, load_dotenv\nload_dotenv(find_dotenv())", ""),
    "values": ("from dotenv import dotenv_values\nprint(len(dotenv_values()))", ""),
    "a magic": ("%load_ext dotenv\n%dotenv -o", ""),
    "a class": (f"{SETTINGS}    model_config = SettingsConfigDict(env_file=('.env', 'more.env'))\nSettings()", ""),
    "given to an object": (f"{SETTINGS}    raw: str = ''\nSettings(_env_file='.env')", ""),
    "a module": ("import settings", "from dotenv import load_dotenv\nload_dotenv()\n"),
    "a module by its place": (
        "import settings",
        "from pathlib import Path\nimport dotenv\nVALUES = dotenv.dotenv_values(Path(__file__).parent / '.env')\n",
    ),
    "a module's class": (
        "from settings import Settings\nprint(Settings().raw)",
        f"{SETTINGS}    raw: str = ''\n    class Config:\n        env_file = '.env'\n",
    ),
    "a module's object": (
        "from settings import chosen",
        f"{SETTINGS}    model_config = {{'env_file': '.env'}}\nchosen = Settings()\n",
    ),
    "a module's function": (
        "from settings import ask\nask()",
        "import dotenv\ndef ask():\n    dotenv.load_dotenv()\n",
    ),
}  # fmt: skip


def _folder(root: Path, module: str = "", env: str = ENV) -> Path:
    root.mkdir(parents=True, exist_ok=True)
    (root / ".env").write_text(env)
    if module:
        (root / "settings.py").write_text(module)
    return root


def _inspected(folder: Path) -> Inspection:
    path = folder / "n.ipynb"
    path.write_bytes(notebook("from dotenv import load_dotenv\nload_dotenv()"))
    return inspect(path)


@pytest.mark.parametrize("case", READS)
def test_settings_that_lie_there_are_an_input_of_whoever_reads_them(tmp_path: Path, case: str) -> None:
    cell, module = READS[case]
    found = staged(("print(1)", cell), folder=_folder(tmp_path, module))
    assert ".env" in takes(found.lab.stages[-1])
    assert ".env" not in takes(found.lab.stages[0]) or len(found.lab.stages) == 1


@pytest.mark.parametrize("case", READS)
def test_settings_that_lie_nowhere_are_no_input(tmp_path: Path, case: str) -> None:
    cell, module = READS[case]
    folder = _folder(tmp_path, module)
    (folder / ".env").unlink()
    for stage in staged(("print(1)", cell), folder=folder).lab.stages:
        assert not [one for one in takes(stage) if one.endswith(".env")]


def test_what_is_repeated_further_down_reads_them_there_too(tmp_path: Path) -> None:
    head = "import os\nfrom dotenv import load_dotenv\nload_dotenv()"
    first, second = staged((head, "print(os.environ['RAW'])", "import settings"), folder=_folder(
        tmp_path, "import os\nRAW = os.environ['RAW']\n"
    )).lab.stages  # fmt: skip
    assert second.uses == {first.id: ("load_dotenv",)}
    assert takes(first) == takes(second) == [".env"]


def test_settings_of_the_project_above_are_found_from_a_notebook_s_folder(tmp_path: Path) -> None:
    _folder(tmp_path)
    folder = tmp_path / "notebooks"
    folder.mkdir()
    path = folder / "n.ipynb"
    path.write_bytes(notebook("from dotenv import load_dotenv\nload_dotenv()"))
    found = inspect(path)
    assert levels_above(folder, found.uses) == 1
    (stage,) = stage_notebooks([raised(inspect(path, beside=True), folder, 1)], per="cell").lab.stages
    assert takes(stage) == [".env"]
    _folder(folder)  # the nearest counts
    assert levels_above(folder, inspect(path).uses) == 0


def test_a_secret_is_told_by_its_name_and_never_by_its_value(tmp_path: Path) -> None:
    found = _inspected(_folder(tmp_path, env=SECRET))
    (told,) = [one for one in found.findings if one.code == "NB-314"]
    assert told.what.startswith("no stage takes “.env”")
    assert told.what.endswith("SERVICE_API_KEY looks like a secret")
    assert "(set -a; . ./.env; set +a)" in told.mend
    assert not any("q9Zr2LmX7t" in f"{one}" for one in found.findings)


@pytest.mark.parametrize("case", [*READS, "opened"])
def test_settings_with_a_secret_are_no_input(tmp_path: Path, case: str) -> None:
    cell, module = {**READS, "opened": ("print(open('.env').read())", "")}[case]
    found = staged(("print(1)", cell), folder=_folder(tmp_path, module, SECRET))
    assert not any(".env" in takes(stage) for stage in found.lab.stages)


@pytest.mark.parametrize("env", ["RAW=a.csv\n", "API_KEY=\n", "API_KEY=your_key_here\n"])
def test_settings_without_a_secret_are_told_without_one(tmp_path: Path, env: str) -> None:
    found = _inspected(_folder(tmp_path, env=env))
    (told,) = [one.what for one in found.findings if one.code == "NB-314"]
    assert told.endswith("runs keep what stages take")


@pytest.mark.slow
@pytest.mark.parametrize("case", ["load_dotenv", "searched for", "a module", "a module's function"])
def test_stages_know_the_settings_that_the_notebook_knows(
    tmp_path: Path, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    cell, module = READS[case]
    told = "import os\nprint(os.environ.get('RAW'))"
    cells = (f"{told}\n{cell}\n{told}",)
    lab = staged(cells, folder=_folder(tmp_path / "beside", module)).lab
    theirs = printed_as_notebook(notebook(*cells), _folder(tmp_path / "room", module))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "modules"))
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules" / "settings.py").write_text(module)
    assert printed_as_stages(lab, tmp_path / "apart", tmp_path / "beside") == theirs == ["None\na.csv\n"]
