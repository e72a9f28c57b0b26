"""Apps with local libraries: what a run imports, when an edit counts, and where a library may lie."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.projects.conftest import RunIt, manifest_of, reduced

from agi_node.errors import AgiError
from agilab.envs import find_uv
from agilab.projects.discover import read_app
from agilab.projects.installed import look_at
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("libraries")]

APP = '''
"""Words measured by a library."""
from pathlib import Path
from agi_node import App, Args, Partial, Sum, WorkItem
from measure import size
import measure
class A(Args):
    edit: str = ""
class Total(Partial):
    n: Sum[int] = 0
app = App("words", args=A, partial=Total)
@app.plan
def plan(args):
    if args.edit:  # somebody edits the library while this run is live
        Path(args.edit).write_text("def size(word):\\n    return 1000\\n")
    return [WorkItem(key=word, payload=word) for word in ("a", "bb", "ccc")]
@app.work
def work(word: str, args, run):
    run.save_json("place", {"measure": measure.__file__})
    return Total(n=size(word))
'''


def write_project(folder: Path, name: str, extra: str = "", dependencies: str = "") -> Path:
    folder.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(
        f'[project]\nname = "{name}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        f'dependencies = [{dependencies}]\n\n[build-system]\nrequires = ["uv_build>=0.9,<0.14"]\n'
        f'build-backend = "uv_build"\n{extra}'
    )
    return folder


def lock(folder: Path) -> Path:
    subprocess.run([str(find_uv()), "lock", "--quiet", "--directory", str(folder)], check=True)
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Path:
    folder = write_project(tmp_path / "libs/measure", "measure")
    (folder / "src/measure").mkdir(parents=True)
    (folder / "src/measure/__init__.py").write_text("def size(word):\n    return len(word)\n")
    return folder


@pytest.fixture
def app(tmp_path: Path, library: Path) -> Path:
    extra = '[tool.agilab]\napp = "words:app"\n[tool.uv.sources]\nmeasure = { path = "../../libs/measure" }\n'
    folder = write_project(
        tmp_path / "apps/words_project", "words-project", extra, '"pydantic>=2.9", "measure"'
    )
    (folder / "src/words").mkdir(parents=True)
    (folder / "src/words/__init__.py").write_text(APP)
    return lock(folder)


def module_of(library: Path) -> Path:
    return library / "src/measure/__init__.py"


def test_an_edit_of_a_library_between_two_runs_is_another_source_and_seen(
    run_it: RunIt, app: Path, library: Path, workspace: Workspace
) -> None:
    first = run_it(app, cache=True)
    assert reduced(first)["payload"] == {"n": 1 + 2 + 3}
    again = run_it(app, cache=True)
    module_of(library).write_text("def size(word):\n    return 10 * len(word)\n")
    edited = run_it(app, cache=True)
    assert reduced(edited)["payload"] == {"n": 60}
    digests = [manifest_of(run)["app"]["source_digest"] for run in (first, again, edited)]
    assert digests[0] == digests[1] != digests[2]
    with Store(workspace, readonly=True) as store:
        started = [
            {
                event.unit_id: event.data.get("why")
                for event in store.events(run.run_id or "", kinds=("attempt_started",))
            }
            for run in (again, edited)
        ]
    assert "work[a]" not in started[0]
    assert str(started[1]["work[a]"]).startswith("code changed: measure.size since run ")


def test_an_edit_of_a_library_during_a_run_does_not_reach_it(run_it: RunIt, app: Path, library: Path) -> None:
    first = run_it(app, args={"edit": str(module_of(library))})
    assert reduced(first)["payload"] == {"n": 6}
    assert reduced(run_it(app))["payload"] == {"n": 3000}


def test_a_library_is_imported_from_the_snapshot_alone(
    run_it: RunIt, app: Path, workspace: Workspace
) -> None:
    result = run_it(app)
    folder = Path(result.manifest or "").parent
    places = {path.read_text() for path in folder.rglob("place*.json")}
    digest = manifest_of(result)["app"]["source_digest"][:32]
    assert places
    assert all(f"{workspace.snapshots / digest}/src/measure" in place for place in places)


def test_an_app_reached_through_a_link_runs_the_same_source(run_it: RunIt, app: Path, tmp_path: Path) -> None:
    (tmp_path / "a/b/c").mkdir(parents=True)
    link = tmp_path / "a/b/c/linked_project"
    link.symlink_to(app)
    direct, linked = run_it(app), run_it(link)
    assert reduced(linked)["payload"] == {"n": 6}
    assert manifest_of(linked)["app"] == manifest_of(direct)["app"]


def test_a_checkout_stands_for_the_source_only_where_it_holds_the_libraries_too(
    run_it: RunIt, app: Path, library: Path, tmp_path: Path
) -> None:
    def git(*words: str) -> None:
        subprocess.run(["git", "-C", str(tmp_path), *words], check=True, capture_output=True)

    if shutil.which("git") is None:
        pytest.skip("no git here")
    git("init", "-q")
    git("config", "user.email", "somebody@example.org")
    git("config", "user.name", "somebody")
    git("add", "apps")
    git("commit", "-q", "-m", "the app, without its library")
    outside = manifest_of(run_it(app))["app"]["vcs"]
    assert outside["dirty"] is True
    git("add", "libs")
    git("commit", "-q", "-m", "both")
    assert manifest_of(run_it(app))["app"]["vcs"]["dirty"] is False
    module_of(library).write_text("def size(word):\n    return 7\n")
    assert manifest_of(run_it(app))["app"]["vcs"]["dirty"] is True


def test_a_clash_with_a_library_is_refused_before_anything_is_recorded(
    run_it: RunIt, app: Path, workspace: Workspace
) -> None:
    (app / "src/measure.py").write_text("def size(word):\n    return 0\n")
    with Store(workspace) as store:
        before = len(list(store.runs()))
        with pytest.raises(AgiError, match=r"(?s)AGI-APP-107.*src/measure\.py of the app words_project"):
            run_it(app)
        assert len(list(store.runs())) == before


def test_an_app_is_ready_until_its_library_changes(
    run_it: RunIt, app: Path, library: Path, workspace: Workspace
) -> None:
    run_it(app)
    assert look_at(read_app(app), workspace).state == "ready"
    module_of(library).write_text("def size(word):\n    return 2\n")
    assert look_at(read_app(app), workspace).state == "changed"
    shutil.rmtree(library)
    assert look_at(read_app(app), workspace).state == "not installed"
