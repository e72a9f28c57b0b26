"""How an app comes to be, gets another name, and goes: on real folders, with uv where it has the last word."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from tests.store.runs import make_run

from agi_node.errors import AgiError
from agilab.envs import find_uv
from agilab.projects.discover import BUILT_IN, find_app, list_apps
from agilab.projects.life.contents import LARGE_FILE
from agilab.projects.life.create import create_app
from agilab.projects.life.delete import delete_app, what_goes
from agilab.projects.life.names import names_of
from agilab.projects.life.rename import plan_renaming, rename_app
from agilab.projects.life.templates import TEMPLATES, list_templates
from agilab.store.locks import RunLock
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.views.history import read_runs


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, in which apps are made."""
    folder = tmp_path / "apps"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def is_locked(folder: Path) -> bool:
    """What uv says of the lock, without a network."""
    command = [str(find_uv()), "lock", "--check", "--offline", "--python", sys.executable]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


# -- new -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("template", [one.name for one in list_templates()])
def test_every_template_becomes_an_app_in_which_nothing_is_left_of_its_name(
    template: str, workspace: Workspace, here: Path
) -> None:
    made = create_app(workspace, "kelp_farm", template=template)
    assert made.app.folder == here / "kelp_farm_project"
    assert made.notes == ()
    assert is_locked(made.app.folder)
    origin = TEMPLATES / f"{template}_project"
    table = tomllib.loads((origin / "pyproject.toml").read_text())["tool"]["agilab"]["template"]
    words = [table[name].encode() for name in ("folder", "project", "module")]
    found = files_of(made.app.folder)
    assert len(found) == len(files_of(origin))
    for name, data in found.items():
        assert not [word for word in words if word in data or word in name.encode()], name
    project = tomllib.loads(found["pyproject.toml"].decode())
    assert project["project"]["name"] == "kelp-farm-project"
    assert project["tool"]["agilab"] == {"app": "kelp_farm:app"}
    assert find_app("kelp_farm", workspace) == made.app, "remembered"


def named(line: bytes) -> bytes:
    """A line with one name for the app, whichever it has."""
    return line.replace(b"boats", b"flight")


def test_a_clone_is_the_app_under_another_name_and_no_more(workspace: Workspace, here: Path) -> None:
    made = create_app(workspace, "boats_project", clone="flight")
    assert is_locked(made.app.folder)
    origin, clone = files_of(BUILT_IN / "flight_project"), files_of(made.app.folder)
    own = {name for name in clone if not name.startswith("libraries/")}
    assert {name.replace("src/flight/", "src/boats/") for name in origin} == own
    for name, data in origin.items():
        other = clone[name.replace("src/flight/", "src/boats/")]
        if name.startswith("data/") and name != "data/README.md":
            assert other == data
        befores, afters = data.replace(b"../../libraries/", b"libraries/").splitlines(), other.splitlines()
        if name == "uv.lock":  # packages stand in it by name, so an app of another name may stand elsewhere
            befores, afters = sorted(befores, key=named), sorted(afters, key=named)
        for before, after in zip(befores, afters, strict=True):
            if before != after:
                assert b"flight" in before, "no line changes that has not the old name"
                assert b"boats" in after


def test_a_clone_has_no_caches_history_secrets_or_links_and_says_what_may_be_missed(
    workspace: Workspace, here: Path
) -> None:
    origin = create_app(workspace, "tides").app.folder
    left = {
        ".git/HEAD": b"ref",
        ".venv/pyvenv.cfg": b"home",
        "src/tides/__pycache__/a.pyc": b"x",
        "runs/x.json": b"{}",
        "dist/x.whl": b"x",
        "tides.egg-info/PKG-INFO": b"x",
        ".env": b"TOKEN=1",
        "src/tides/fast.so": b"elf",
    }
    kept = {"data/small.bin": b"x", "src/tides/dist/__init__.py": b"", ".gitignore": b"*.log\n"}
    for name, data in (left | kept).items():
        (origin / name).parent.mkdir(parents=True, exist_ok=True)
        (origin / name).write_bytes(data)
    with (origin / "data/large.bin").open("wb") as file:
        file.truncate(LARGE_FILE + 1)
    (origin / "elsewhere").symlink_to("/etc")
    (origin / "data/again.bin").symlink_to("small.bin")

    made = create_app(workspace, "waves", clone="tides")
    found = files_of(made.app.folder)
    assert not [name for name in left if name.replace("tides", "waves") in found]
    assert {name.replace("src/tides", "src/waves") for name in kept} <= set(found)
    assert found["data/again.bin"] == b"x"
    assert not (made.app.folder / "data/again.bin").is_symlink()
    assert {(one.path, one.why) for one in made.left_out} == {
        (".env", "may hold secrets"),
        ("data/large.bin", "large data"),
        ("elsewhere", "a link that leads elsewhere"),
        ("src/tides/fast.so", "compiled for this machine"),
    }


@pytest.mark.slow
def test_the_library_of_ones_own_app_is_pointed_at(workspace: Workspace, here: Path) -> None:
    app = with_a_library(create_app(workspace, "tides").app.folder, here.parent / "libs" / "sea_law")
    near = create_app(workspace, "waves", clone="tides", into=here / "deeper" / "still")
    assert sources(near.app.folder) == {"sea-law": {"path": "../../../../libs/sea_law"}}
    assert near.notes == ("sea_law is the same library that tides_project uses",)
    assert is_locked(near.app.folder)
    assert is_locked(app)
    shutil.rmtree(here.parent / "libs")
    with pytest.raises(AgiError, match="AGI-APP-126.*needs the library sea-law, which is not there"):
        create_app(workspace, "foam", clone="tides")
    assert not (here / "foam_project").exists()


@pytest.mark.slow
def test_the_library_of_a_built_in_app_comes_along(workspace: Workspace, here: Path) -> None:
    made = create_app(workspace, "relays", clone="uav_queue")
    assert sources(made.app.folder) == {
        "plain-charts": {"path": "libraries/plain_charts"},
        "uav-network": {"path": "libraries/uav_network"},
    }
    assert "libraries/uav_network is a copy of AGILab's, and yours to change" in made.notes
    library, copy = (
        BUILT_IN.parent / "libraries" / "uav_network",
        made.app.folder / "libraries" / "uav_network",
    )
    assert files_of(copy / "src") == files_of(library / "src")
    # It stands alone: uv needs nothing beside it.
    alone = here.parent / "alone"
    shutil.move(made.app.folder, alone)
    assert is_locked(alone)


def with_a_library(app: Path, library: Path) -> Path:
    (library / "src" / "sea_law").mkdir(parents=True)
    (library / "src" / "sea_law" / "__init__.py").write_text("G = 9.81\n")
    (library / "pyproject.toml").write_text(
        '[project]\nname = "sea-law"\nversion = "0.1.0"\nrequires-python = ">=3.11"\ndependencies = []\n'
        '[build-system]\nrequires = ["uv_build>=0.9,<0.14"]\nbuild-backend = "uv_build"\n'
    )
    path = app / "pyproject.toml"
    text = path.read_text().replace("dependencies = [", 'dependencies = [\n    "sea-law",  # ours')
    relative = os.path.relpath(library, app)
    path.write_text(text + f'\n[tool.uv.sources]\nsea-law = {{ path = "{relative}" }}\n')
    command = [str(find_uv()), "lock", "--quiet", "--python", sys.executable]
    subprocess.run(command, cwd=app, check=True)
    return app


def sources(app: Path) -> object:
    return tomllib.loads((app / "pyproject.toml").read_text())["tool"]["uv"]["sources"]


def test_what_cannot_be_made_is_refused_and_leaves_nothing(workspace: Workspace, here: Path) -> None:
    (here / "tides_project").mkdir()
    (here / "tides_project" / "mine.txt").write_text("mine")
    with pytest.raises(AgiError, match=r"AGI-APP-121.*tides_project is there already") as caught:
        create_app(workspace, "tides")
    assert caught.value.try_ == "agilab app new tides_2"
    with pytest.raises(AgiError, match=r"(?s)AGI-APP-123.*flight_project.*built-in") as caught:
        create_app(workspace, "flight", template="polars")
    assert caught.value.try_ == "agilab app new flight_2 --template polars"
    with pytest.raises(AgiError, match=r"(?s)AGI-APP-122.*poalrs.*--template polars"):
        create_app(workspace, "waves", template="poalrs")
    with pytest.raises(AgiError, match="would hide the package polars"):
        create_app(workspace, "polars", template="polars")
    with pytest.raises(AgiError, match="AGI-APP-101"):
        create_app(workspace, "waves", clone="nobody")
    (here / "file").write_text("")
    with pytest.raises(AgiError, match="AGI-APP-128.*nothing was left behind"):
        create_app(workspace, "waves", into=here / "file" / "below")
    assert sorted(path.name for path in here.iterdir()) == ["file", "tides_project"]
    assert [path.name for path in (here / "tides_project").iterdir()] == ["mine.txt"]


def test_an_app_of_a_name_that_is_remembered_elsewhere_is_refused_as_long_as_that_one_is_there(
    workspace: Workspace, here: Path
) -> None:
    first = create_app(workspace, "tides").app.folder
    with pytest.raises(AgiError, match=r"(?s)AGI-APP-123.*runs are told apart"):
        create_app(workspace, "tides", into=here / "other")
    shutil.rmtree(first)
    assert create_app(workspace, "tides", into=here / "other").app.folder == here / "other" / "tides_project"


def test_a_clone_of_an_app_with_a_stale_lock_says_what_to_do(workspace: Workspace, here: Path) -> None:
    origin = create_app(workspace, "tides").app.folder
    text = (origin / "pyproject.toml").read_text()
    (origin / "pyproject.toml").write_text(
        text.replace("dependencies = [", 'dependencies = [\n    "nothing-of-this-name-42",')
    )
    made = create_app(workspace, "waves", clone="tides")
    assert made.notes == (
        f"its uv.lock does not match its pyproject.toml, as that of its origin: uv lock --project {made.app.folder}",
    )
    (origin / "uv.lock").unlink()
    assert "it has no uv.lock yet" in create_app(workspace, "foam", clone="tides").notes[0]


# -- rename --------------------------------------------------------------------------------------------------

ORIGINS = [
    *(("template", one.name) for one in list_templates()),
    *(("clone", path.parent.name) for path in sorted(BUILT_IN.glob("*/uv.lock"))),
]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "origin"), ORIGINS, ids=[origin for _, origin in ORIGINS])
def test_renaming_back_gives_every_byte_back(
    kind: str, origin: str, workspace: Workspace, here: Path
) -> None:
    made = create_app(workspace, "tides", **{kind: origin})  # type: ignore[arg-type]
    before = files_of(made.app.folder)
    done = rename_app(workspace, "tides", "kelp_farm")
    assert not made.app.folder.exists()
    assert is_locked(done.app.folder)
    after = files_of(done.app.folder)
    assert [name for name in after if "tides" in name] == []
    assert names_of(done.app) == done.new
    assert done.undo == "agilab app rename kelp_farm_project tides"
    rename_app(workspace, *shlex.split(done.undo)[3:])
    assert files_of(here / "tides_project") == before


@pytest.mark.slow
def test_whoever_dies_while_renaming_finishes_with_the_same_command(
    workspace: Workspace, here: Path, tmp_path: Path
) -> None:
    pristine = tmp_path / "pristine"
    app = create_app(workspace, "tides").app
    shutil.copytree(app.folder, pristine)
    old = names_of(app)
    new = old.renamed("waves")
    whole = rename_app(workspace, "tides", "waves").app.folder
    wanted = files_of(whole)
    steps = len(
        list(plan_renaming(find_app("waves", workspace), new, old, here / "tides_project")[0].steps())
    )
    assert steps > 5
    for died_after in range(steps):
        shutil.rmtree(whole)
        shutil.copytree(pristine, app.folder)
        renaming, _ = plan_renaming(app, old, new, whole)
        for step, _ in zip(renaming.steps(), range(died_after), strict=False):
            step()
        assert find_app("tides", workspace).folder == app.folder, "it is still there under its old name"
        assert files_of(rename_app(workspace, "tides", "waves").app.folder) == wanted, died_after


def test_a_renaming_that_fails_puts_everything_back(workspace: Workspace, here: Path) -> None:
    app = create_app(workspace, "tides").app
    before = files_of(app.folder)
    here.chmod(0o555)  # texts can be written, the folder itself cannot be moved
    try:
        if os.access(here, os.W_OK):
            pytest.skip("this user may write everywhere")
        with pytest.raises(AgiError, match="AGI-APP-128"):
            rename_app(workspace, "tides", "waves")
    finally:
        here.chmod(0o755)
    assert files_of(app.folder) == before


def test_a_renaming_whose_place_is_taken_meanwhile_puts_everything_back(
    workspace: Workspace, here: Path
) -> None:
    app = create_app(workspace, "tides").app
    before, old = files_of(app.folder), names_of(app)
    renaming, _ = plan_renaming(app, old, old.renamed("waves"), here / "waves_project")
    steps = list(renaming.steps())
    for step in steps[:-1]:
        step()
    assert files_of(app.folder) != before
    (here / "waves_project").mkdir()
    (here / "waves_project" / "theirs").write_text("")
    with pytest.raises(OSError, match="not empty|exists"):
        steps[-1]()
    renaming.undo()
    assert files_of(app.folder) == before


def test_runs_stay_under_the_old_name_and_a_live_one_keeps_the_app_as_it_is(
    workspace: Workspace, here: Path
) -> None:
    app = create_app(workspace, "tides").app
    with Store(workspace) as store:
        ended = make_run(store, app=app.name)
        live = make_run(store, app=app.name, ended=False)
    with RunLock(workspace.run_folder(live)):
        for attempt in (
            lambda: rename_app(workspace, "tides", "waves"),
            lambda: what_goes(workspace, "tides"),
        ):
            with pytest.raises(AgiError, match=f"(?s)AGI-APP-125.*while it runs.*{live}"):
                attempt()
    assert app.folder.is_dir()
    done = rename_app(workspace, "tides", "waves")
    assert done.runs == 2
    assert [run.run_id for run in read_runs(workspace, app="tides_project")] == [live, ended]
    assert f"to go on with {live}, which was interrupted, rename it back first" in done.notes


def test_an_app_that_is_called_otherwise_says_what_renaming_back_would_not_give(
    workspace: Workspace, here: Path
) -> None:
    folder = create_app(workspace, "tides").app.folder
    folder.rename(here / "Lab-7")
    done = rename_app(workspace, str(here / "Lab-7"), "waves")
    assert (done.app.name, done.new.project, done.new.module) == ("waves", "waves-project", "waves")
    assert done.undo is None
    assert any("Lab-7 is no name" in note for note in done.notes)
    assert any("tides-project" in note for note in done.notes)


def test_a_text_that_spoke_of_the_new_name_before_is_told(workspace: Workspace, here: Path) -> None:
    folder = create_app(workspace, "tides").app.folder
    (folder / "NOTES.md").write_text("Unlike waves_project, this is tides_project.\n")
    done = rename_app(workspace, "tides", "waves")
    assert [note for note in done.notes if note.startswith("NOTES.md spoke of waves_project before")]


def test_what_cannot_be_renamed_is_refused(workspace: Workspace, here: Path) -> None:
    create_app(workspace, "tides")
    create_app(workspace, "waves")
    for name, new, code in (
        ("flight", "boats", "AGI-APP-124"),
        ("tides", "waves", "AGI-APP-121"),
        ("tides", "tides", "AGI-APP-121"),
        ("tides", "Big Waves", "AGI-APP-120"),
        ("tides", "pydantic", "AGI-APP-120"),
        ("tides", "flight", "AGI-APP-123"),
    ):
        before = files_of(here)
        with pytest.raises(AgiError, match=code):
            rename_app(workspace, name, new)
        assert files_of(here) == before


# -- delete --------------------------------------------------------------------------------------------------


def test_a_deleted_app_lies_in_the_trash_and_the_command_that_is_told_brings_it_back(
    workspace: Workspace, here: Path
) -> None:
    app = create_app(workspace, "tides").app
    (app.folder / ".git").mkdir()
    (app.folder / ".git" / "HEAD").write_text("ref: refs/heads/main\n")
    before = files_of(app.folder)
    with Store(workspace) as store:
        run = make_run(store, app=app.name)
    planned = what_goes(workspace, "tides")
    assert (planned.files, planned.bytes) == (len(before), sum(map(len, before.values())))
    assert (planned.versioned, planned.runs) == (True, 1)
    assert app.folder.is_dir(), "looking takes nothing away"
    done = delete_app(workspace, planned)
    assert not app.folder.exists()
    assert "tides_project" not in [one.name for one in list_apps(workspace)]
    assert [one.run_id for one in read_runs(workspace, app=app.name)] == [run]
    subprocess.run(done.undo or "", shell=True, check=True)
    assert files_of(app.folder) == before
    assert find_app("tides", workspace) == app


def test_an_app_can_be_deleted_again_and_again(workspace: Workspace, here: Path) -> None:
    places = set()
    for _ in range(3):
        create_app(workspace, "tides")
        places.add(delete_app(workspace, what_goes(workspace, "tides")).trash)
    assert len(places) == 3
    assert all(place is not None and (place / "pyproject.toml").is_file() for place in places)


def test_a_trash_on_another_disk_gets_a_copy_before_anything_goes(here: Path, tmp_path: Path) -> None:
    other = Path("/dev/shm")
    if not other.is_dir() or other.stat().st_dev == here.stat().st_dev:
        pytest.skip("there is no second disk here")
    home = other / f"agilab-{os.getpid()}"
    try:
        workspace = Workspace(home)
        app = create_app(workspace, "tides").app
        before = files_of(app.folder)
        told: list[str] = []
        done = delete_app(workspace, what_goes(workspace, "tides"), say=told.append)
        assert told == ["copying tides_project to the trash on another disk"]
        assert not app.folder.exists()
        assert done.trash is not None
        assert files_of(done.trash) == before
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_built_in_app_stays(workspace: Workspace) -> None:
    with pytest.raises(AgiError, match=r"(?s)AGI-APP-124.*agilab app new my_flight --clone flight"):
        what_goes(workspace, "flight")
