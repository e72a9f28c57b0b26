"""Every app and every template there is, found in its folder and proved by running it. There is no list of names.

An app is checked where it lies. A template is made into an app first, as `agilab app new` does it: what is proved then
is both the template and what somebody gets.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from agilab.projects.check import Checked, check_app, looks, made
from agilab.projects.check_case import Case
from agilab.projects.discover import read_app
from agilab.projects.life.create import create_app
from agilab.projects.request import Faces
from agilab.store.workspace import Workspace

pytestmark = pytest.mark.xdist_group("every_app")  # environments are made once, by one process
ROOT = Path(__file__).parents[2] / "src/agilab"
ALWAYS = (
    "project",
    "readme",
    "lock",
    "install",
    "settings",
    "pipeline view",
    "run",
    "own checks",
    "artifacts",
    "paths",
)
MERGED = ("plan", "reduce", "identity", "grouping", "order", "workers")
TEXTS = (".py", ".toml", ".md", ".dot", ".json", ".svg", ".csv", ".lock")


def folders(kind: str) -> list[Path]:
    return sorted(path.parent for path in (ROOT / kind).glob("*/pyproject.toml"))


APPS, TEMPLATES = folders("apps"), folders("templates")
every_app = pytest.mark.parametrize("app", APPS, ids=lambda app: app.name)
every_template = pytest.mark.parametrize("template", TEMPLATES, ids=lambda template: template.name)


def assert_proved(checked: Checked) -> None:
    """All passed that had to; a check is skipped only where there is nothing to look at."""
    verdicts = {check.name: check.verdict for check in checked.checks}
    failed = [f"{check.name}: {check.evidence}" for check in checked.checks if check.verdict == "failed"]
    assert not failed, failed
    assert {name for name in ALWAYS if verdicts[name] != "passed"} == set()
    assert verdicts["data card"] == ("passed" if (checked.app.folder / "data").is_dir() else "skipped")


@pytest.mark.journey
@pytest.mark.slow
@every_app
def test_an_app_proves_itself_on_its_sample(app: Path, workspace: Workspace) -> None:
    checked = check_app(str(app), workspace, thorough=True)
    assert_proved(checked)
    assert {check.name for check in checked.checks if check.verdict == "passed"} >= set(MERGED)


@pytest.fixture(scope="module")
def created(workspace: Workspace, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """An app of each template, by the template's name."""
    into = tmp_path_factory.mktemp("apps")
    return {
        template.name: create_app(workspace, new_name(template), template=template.name, into=into).app.folder
        for template in TEMPLATES
    }


def new_name(template: Path) -> str:
    return f"my_{template.name.removesuffix('_project')}"


@pytest.mark.journey
@pytest.mark.slow
@every_template
def test_a_template_becomes_an_app_that_proves_itself(
    template: Path, created: dict[str, Path], workspace: Workspace
) -> None:
    checked = check_app(str(created[template.name]), workspace, thorough=True)
    assert_proved(checked)
    installed = next(check.evidence for check in checked.checks if check.name == "install")
    skipped = {check.name for check in checked.checks if check.verdict == "skipped"} - {"data card"}
    nothing = set(MERGED) - ({"workers"} if "nodes:" in installed else set())
    assert skipped == (set() if "steps: plan" in installed else nothing)


@every_template
def test_nothing_of_a_templates_own_name_is_left_in_an_app_made_of_it(
    template: Path, created: dict[str, Path]
) -> None:
    leftovers = re.compile("|".join(map(re.escape, words(template).values())))
    name, folder = new_name(template), created[template.name]
    assert folder.name == f"{name}_project"
    texts = [path for path in folder.rglob("*") if path.suffix in TEXTS and "__pycache__" not in path.parts]
    found = [path.name for path in texts if leftovers.search(without_new_names(path, name))]
    assert len(texts) >= 7
    assert not found


@pytest.mark.journey
@pytest.mark.slow
def test_apps_made_of_templates_pass_their_own_tests(created: dict[str, Path], tmp_path: Path) -> None:
    """In one process: what they import takes longer than what they do."""
    folders = created.values()
    sources = os.pathsep.join(str(folder / "src") for folder in folders)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "-c",
            os.devnull,
            "--rootdir",
            str(tmp_path),
        ]
        + [str(folder / "tests") for folder in folders],
        env=os.environ | {"PYTHONPATH": sources, "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    files = sum(1 for folder in folders for _ in (folder / "tests").glob("test_*.py"))
    assert files == len(TEMPLATES)


def without_new_names(path: Path, name: str) -> str:
    """A file's path and text without the new names, which may contain the old ones."""
    text = f"{path.name}\n{path.read_text(encoding='utf-8')}"
    return re.sub(rf"{name}_project|{name.replace('_', '-')}-project|\b(test_)?{name}\b", "", text)


@every_template
def test_a_template_follows_the_rule_of_its_readme(template: Path, workspace: Workspace) -> None:
    project = tomllib.loads((template / "pyproject.toml").read_text(encoding="utf-8"))
    named = words(template)
    module = named["module"]
    assert named["folder"] == template.name == f"{template.name.removesuffix('_project')}_project"
    assert named["project"] == project["project"]["name"] == template.name.replace("_", "-")
    assert project["tool"]["agilab"]["app"] == f"{module}:app"
    assert project["tool"]["agilab"]["template"]["about"]
    assert module not in sys.stdlib_module_names
    assert not any(module.replace("_", "-") in wish for wish in project["project"]["dependencies"])
    assert f'App("{module}"' in (template / f"src/{module}/__init__.py").read_text(encoding="utf-8")
    assert f"digraph {module} {{" in (template / "pipeline_view.dot").read_text(encoding="utf-8")
    assert (template / f"tests/test_{module}.py").is_file()
    case = Case(read_app(template), workspace, Faces(), True, False, 2)
    assert made("lock", dict(looks())["lock"], case).verdict == "passed"
    assert f"`{template.name}`" in (ROOT / "templates/README.md").read_text(encoding="utf-8")


def words(template: Path) -> dict[str, str]:
    """The words that stand for the new app's own."""
    project = tomllib.loads((template / "pyproject.toml").read_text(encoding="utf-8"))
    table = project["tool"]["agilab"]["template"]
    return {key: table[key] for key in ("folder", "project", "module")}


def test_apps_and_templates_lock_only_what_everybody_can_get() -> None:
    for folder in [*APPS, *TEMPLATES]:
        places = set(
            re.findall(r'(?:registry = |url = )"(https?://[^/"]+)', (folder / "uv.lock").read_text())
        )
        assert places <= {"https://pypi.org", "https://files.pythonhosted.org"}, folder.name


def test_templates_share_few_sets_of_dependencies() -> None:
    sets = set()
    for template in TEMPLATES:
        project = tomllib.loads((template / "pyproject.toml").read_text(encoding="utf-8"))
        sets.add(tuple(sorted(project["project"]["dependencies"])))
    assert len(sets) <= 5, sets


def test_there_are_the_templates_that_were_asked_for() -> None:
    asked = {"simple", "pandas", "polars", "numpy", "dag", "simulation", "sklearn", "mycode", "global_dag"}
    assert {template.name.removesuffix("_project") for template in TEMPLATES} >= asked
