"""What `prune` removes, and above all what it leaves; and what a list says about sizes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from agilab.envs import Environment, ensure, hold, list_environments, prune
from agilab.envs.inventory import sizes

WriteApp = Callable[..., Path]
Lock = Callable[..., Path]
NOW = timedelta(0)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def unused(app: Path, home: Path) -> Environment:
    """An environment whose only app is gone."""
    made = ensure(app, home)
    shutil.rmtree(app)
    return made


def test_an_environment_whose_app_is_gone_is_removed_with_its_bytes(unused: Environment, home: Path) -> None:
    (listed,) = list_environments(home)
    (removed,) = prune(home, older_than=NOW)
    assert removed.fingerprint == unused.fingerprint
    assert removed.reason.startswith("its app is gone; last used ")
    assert removed.bytes == listed.disk_bytes
    assert not unused.path.exists()
    assert [name for name in os.listdir(home / "envs") if name.startswith(".trash")] == []


def test_a_dry_run_removes_nothing(unused: Environment, home: Path) -> None:
    (named,) = prune(home, older_than=NOW, dry_run=True)
    assert named.path == unused.path
    assert unused.python.exists()


def test_an_environment_that_an_app_still_resolves_to_stays_however_old(app: Path, home: Path) -> None:
    made = ensure(app, home)
    long_ago = time.time() - 400 * 86400
    for path in (made.path / "uses").iterdir():
        os.utime(path, (long_ago, long_ago))
    assert prune(home, older_than=timedelta(days=30)) == []
    assert not ensure(app, home).created


def test_an_environment_that_one_of_two_apps_still_needs_stays(app: Path, home: Path) -> None:
    other = Path(shutil.copytree(app, app.parent / "other"))
    made = ensure(app, home)
    assert ensure(other, home).path == made.path
    shutil.rmtree(app)
    assert prune(home, older_than=NOW) == []


def test_an_environment_whose_app_moved_on_to_another_lock_is_removed(
    app: Path, home: Path, write_app: WriteApp, lock: Lock
) -> None:
    old = ensure(app, home)
    lock(write_app(app, ("pydantic>=2.9", "tabulate")))
    new = ensure(app, home)
    (removed,) = prune(home, older_than=NOW)
    assert removed.fingerprint == old.fingerprint
    assert removed.reason.startswith("its apps need another environment now")
    assert [one.fingerprint for one in list_environments(home)] == [new.fingerprint]


def test_an_environment_whose_app_cannot_be_asked_stays(app: Path, home: Path) -> None:
    ensure(app, home)
    (app / "uv.lock").write_text("version = 1\nrevision = [")
    assert prune(home, older_than=NOW) == []


def test_an_environment_that_is_named_or_was_used_lately_stays(unused: Environment, home: Path) -> None:
    assert prune(home, keep=[unused.fingerprint], older_than=NOW) == []
    assert prune(home, older_than=timedelta(minutes=5)) == []
    assert unused.python.exists()


@pytest.fixture
def holder(unused: Environment, app: Path, home: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that holds the environment until it dies."""
    code = (
        "import sys, time\nfrom pathlib import Path\n"
        "from agilab.envs import hold\nfrom agilab.envs.environment import read_environment\n"
        "with hold(read_environment(Path(sys.argv[1]))):\n    print('held', flush=True)\n    time.sleep(60)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", code, unused.path], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()
    process.stdout.close()


def test_an_environment_that_a_process_holds_stays_until_that_process_dies(
    holder: subprocess.Popen[str], unused: Environment, home: Path
) -> None:
    assert prune(home, older_than=NOW) == []
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert [one.fingerprint for one in prune(home, older_than=NOW)] == [unused.fingerprint]


def test_several_holders_each_count(unused: Environment, home: Path) -> None:
    with hold(unused):
        with hold(unused):
            pass
        assert prune(home, older_than=NOW) == []
    assert len(prune(home, older_than=NOW)) == 1


def test_an_environment_that_is_being_made_is_left_alone(unused: Environment, home: Path) -> None:
    from agilab.envs.locks import changing

    code = (
        "import sys\nfrom datetime import timedelta\nfrom agilab.envs import prune\n"
        "print(prune(sys.argv[1], older_than=timedelta(0)))\n"
    )
    with changing(home, unused.fingerprint):
        building = home / "envs" / f".building-{unused.fingerprint}-12345678"
        building.mkdir()
        assert subprocess.check_output([sys.executable, "-c", code, home], text=True, timeout=60) == "[]\n"
        assert building.exists()
    assert {one.path for one in prune(home, older_than=NOW)} == {unused.path, building}


@pytest.fixture
def builds(home: Path) -> dict[str, Path]:
    """Folders as builds of compiled apps leave them: for an environment that is there, for two that are not."""
    (home / "envs" / ("1" * 64)).mkdir(parents=True)
    found = {}
    for name, folder in {
        "needed": f"{'a' * 32}-{'1' * 32}",
        "left": f".making-{'b' * 32}-{'1' * 32}",
        "lost": f"{'a' * 32}-{'2' * 32}",
    }.items():
        found[name] = home / "builds" / folder
        (found[name] / "tree").mkdir(parents=True)
        (found[name] / "tree/kernel.so").write_bytes(b"x" * 5000)
    return found


def test_builds_go_with_their_environment_and_so_does_what_an_interrupted_one_left(
    home: Path, builds: dict[str, Path]
) -> None:
    planned = prune(home, keep=["1" * 64], older_than=NOW, dry_run=True)
    assert all(folder.exists() for folder in builds.values())
    removed = prune(home, keep=["1" * 64], older_than=NOW)
    assert removed == planned
    assert [(one.path, one.bytes >= 5000) for one in removed] == [
        (builds["lost"], True),
        (builds["left"], True),
    ]
    assert {path.name for path in (home / "builds").iterdir()} == {".locks", builds["needed"].name}


def test_a_build_goes_in_the_same_breath_as_its_environment(home: Path, builds: dict[str, Path]) -> None:
    removed = {one.path for one in prune(home, older_than=NOW)}
    assert {builds["needed"], home / "envs" / ("1" * 64)} <= removed
    assert not builds["needed"].exists()


def test_a_build_that_is_being_made_is_left_alone(home: Path, builds: dict[str, Path]) -> None:
    from agilab.envs.locks import changing

    code = (
        "import sys\nfrom datetime import timedelta\nfrom agilab.envs import prune\n"
        "print([one.path.name for one in prune(sys.argv[1], keep=['1' * 64], older_than=timedelta(0))])\n"
    )
    with changing(home, builds["left"].name.removeprefix(".making-"), room="builds"):
        said = subprocess.check_output([sys.executable, "-c", code, home], text=True, timeout=60)
    assert said == f"{[builds['lost'].name]}\n"
    assert builds["left"].exists()


def test_a_broken_environment_is_listed_as_such_and_goes_when_nobody_needs_it(
    unused: Environment, home: Path
) -> None:
    (unused.path / "environment.json").write_text("{")
    (listed,) = list_environments(home)
    assert not listed.whole
    assert listed.problem == "environment.json is missing or unreadable"
    (removed,) = prune(home)
    assert removed.reason == listed.problem


def test_an_empty_workspace_has_nothing_to_list_or_remove(tmp_path: Path) -> None:
    assert list_environments(tmp_path / "nothing") == []
    assert prune(tmp_path / "nothing", older_than=NOW) == []
    assert not (tmp_path / "nothing").exists()


def test_a_list_tells_what_an_environment_holds_and_what_it_costs(
    installed: Environment, locked_once: Path, shared_home: Path
) -> None:
    (listed,) = [one for one in list_environments(shared_home) if one.fingerprint == installed.fingerprint]
    assert listed.whole
    assert listed.packages == installed.packages
    assert locked_once in [use.folder for use in listed.apps]
    assert listed.created_at <= listed.last_used_at
    plain = listed.to_plain()
    assert plain["path"] == str(installed.path)
    assert {"folder", "exists", "last_used_at"} == plain["apps"][0].keys()


def test_each_use_is_noted_with_its_time(app: Path, home: Path) -> None:
    made = ensure(app, home)
    (first,) = list_environments(home)
    time.sleep(0.02)
    ensure(app, home)
    (second,) = list_environments(home)
    assert second.last_used_at > first.last_used_at >= first.created_at
    assert second.created_at == first.created_at
    assert [use.folder for use in second.apps] == [app]
    assert made.fingerprint == second.fingerprint


def test_linked_files_cost_nothing_until_their_last_name_goes(tmp_path: Path) -> None:
    env, cache = tmp_path / "env", tmp_path / "cache"
    env.mkdir()
    cache.mkdir()
    (cache / "big").write_bytes(b"x" * 100_000)
    os.link(cache / "big", env / "big")
    (env / "own").write_bytes(b"x" * 5_000)
    nominal, disk = sizes([env])
    assert nominal == 105_000
    assert 5_000 <= disk < 100_000
    # Both names in one environment: the bytes are its own, and counted once.
    os.link(env / "own", env / "again")
    assert sizes([env]) == (110_000, disk)
    os.unlink(cache / "big")
    assert sizes([env])[1] >= 105_000
