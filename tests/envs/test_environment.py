"""What `ensure` promises: the right packages, once, shared, quickly, and an error that says what to do."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.envs import Environment, agi_node_digest, ensure, fingerprint_of, hold, list_environments
from agilab.envs.fingerprint import FingerprintInputs
from agilab.envs.interpreter import own_interpreter, probe

RunIn = Callable[[Environment, str], str]
WriteApp = Callable[..., Path]
Lock = Callable[..., Path]


def test_an_app_gets_its_locked_packages_and_this_agi_node(installed: Environment, run_in: RunIn) -> None:
    said = run_in(
        installed, "import agi_node.errors, iniconfig, pydantic; print(agi_node.__file__, pydantic.VERSION)"
    )
    where, pydantic = said.split()
    assert Path(where).is_relative_to(installed.path)
    assert installed.packages["pydantic"] == pydantic
    assert {"agi-node", "iniconfig", "pydantic-core"} <= installed.packages.keys()
    assert installed.created
    assert installed.agi_node_digest == agi_node_digest()
    assert installed.python_version == own_interpreter().version


def test_the_workbench_is_not_in_the_environment(installed: Environment, run_in: RunIn) -> None:
    assert run_in(
        installed, "import importlib.util as u; print(u.find_spec('agilab'), u.find_spec('click'))"
    ) == ("None None")


def test_the_record_repeats_what_the_fingerprint_was_made_of(installed: Environment) -> None:
    record = json.loads((installed.path / "environment.json").read_text())
    assert record["schema"] == "agilab.environment.v1"
    assert FingerprintInputs.from_plain(record["inputs"]).fingerprint == installed.fingerprint
    assert record["packages"] == installed.packages
    assert "pydantic==" in (installed.path / "requirements.txt").read_text()


def test_the_packages_are_compiled_so_that_no_process_compiles_them_again(installed: Environment) -> None:
    compiled = {path.parent.parent.name for path in installed.path.rglob("__pycache__/__init__.*.pyc")}
    assert {"agi_node", "iniconfig", "pydantic"} <= compiled


def test_a_second_call_starts_no_process_and_takes_milliseconds(
    installed: Environment, locked_once: Path
) -> None:
    code = (
        "import json, sys, time\n"
        "from agilab.envs import ensure\n"
        "started = []\n"
        "sys.addaudithook(lambda event, _: started.append(event) if event in "
        "('subprocess.Popen', 'os.posix_spawn', 'os.fork', 'os.exec', 'os.system') else None)\n"
        "def timed():\n"
        "    begin = time.perf_counter()\n"
        "    environment = ensure(sys.argv[1], sys.argv[2])\n"
        "    return environment.created, (time.perf_counter() - begin) * 1000\n"
        "calls = [timed() for _ in range(5)]\n"
        "print(json.dumps([started, [created for created, _ in calls], min(ms for _, ms in calls)]))\n"
    )
    command = [sys.executable, "-c", code, str(locked_once), str(installed.path.parent.parent)]
    started, created, best = json.loads(subprocess.check_output(command, timeout=60))
    assert started == []
    assert created == [False] * 5
    assert best <= 20.0


def test_two_apps_with_equal_dependencies_share_one_environment(
    installed: Environment, shared_home: Path, tmp_path: Path, write_app: WriteApp, lock: Lock
) -> None:
    # Written in another order and for another name: another lock, the same packages.
    other = lock(write_app(tmp_path / "queue", ("iniconfig", "pydantic>=2.9")))
    shared = ensure(other, shared_home)
    assert shared.path == installed.path
    assert not shared.created
    assert shared.lock_digest != installed.lock_digest
    (listed,) = [one for one in list_environments(shared_home) if one.fingerprint == installed.fingerprint]
    assert {use.folder.name for use in listed.apps} >= {"flight", "queue"}


def test_another_dependency_makes_another_environment(
    installed: Environment, app: Path, shared_home: Path, write_app: WriteApp, lock: Lock
) -> None:
    lock(write_app(app, ("pydantic>=2.9", "tabulate")))
    other = ensure(app, shared_home)
    assert other.fingerprint != installed.fingerprint
    assert installed.packages.keys() ^ other.packages.keys() == {"iniconfig", "tabulate"}


@pytest.mark.parametrize("name", FingerprintInputs.__dataclass_fields__)
def test_every_input_counts_in_the_fingerprint(name: str) -> None:
    plain = dict.fromkeys(FingerprintInputs.__dataclass_fields__, "a")
    assert (
        FingerprintInputs.from_plain(plain).fingerprint
        != FingerprintInputs.from_plain(plain | {name: "b"}).fingerprint
    )


def test_a_moved_app_keeps_its_environment(installed: Environment, app: Path, shared_home: Path) -> None:
    assert ensure(app, shared_home).path == installed.path
    moved = app.rename(app.parent / "elsewhere")
    assert ensure(moved, shared_home).path == installed.path


def test_nothing_is_written_into_the_app(app: Path, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in app.rglob("*")}
    ensure(app, tmp_path / "home")
    assert {path: path.read_bytes() for path in app.rglob("*")} == before


def test_offline_is_enough_when_the_cache_is_warm(installed: Environment, app: Path, tmp_path: Path) -> None:
    made = ensure(app, tmp_path / "home", offline=True)
    assert made.created
    assert made.fingerprint == installed.fingerprint


def test_offline_with_an_empty_cache_says_so(
    app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(AgiError, match=r"AGI-ENV-008.*install the locked packages of flight") as caught:
        ensure(app, tmp_path / "home", offline=True)
    assert caught.value.exit_code == 3
    assert "without --offline" in str(caught.value)
    assert os.listdir(tmp_path / "home" / "envs") == [".locks"]


def test_the_surrounding_shell_changes_nothing(
    installed: Environment, app: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (app / ".python-version").write_text("3.99\n")
    decoy = tmp_path / "decoy"
    for name in ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "UV_TARGET"):
        monkeypatch.setenv(name, str(decoy))
    for name in (
        "PYTHONDONTWRITEBYTECODE",
        "UV_NO_DEV",
        "UV_NO_INSTALL_PACKAGE",
        "UV_REQUIRE_HASHES",
        "UV_FROZEN",
    ):
        monkeypatch.setenv(name, "1")
    made = ensure(app, tmp_path / "home", offline=True)
    assert made.fingerprint == installed.fingerprint
    assert made.packages == installed.packages
    assert list(made.path.rglob("pydantic/__pycache__/main.*.pyc"))
    assert not decoy.exists()


def test_an_app_that_asks_for_a_newer_python_gets_it(
    newer_python: Path, app: Path, tmp_path: Path, write_app: WriteApp, lock: Lock
) -> None:
    major, minor = own_interpreter().version.split(".")[:2]
    write_app(app, requires_python=f">={major}.{int(minor) + 1}")
    lock(app, newer_python)
    made = ensure(app, tmp_path / "home")
    inside = probe(made.python)
    assert inside is not None
    assert inside.version == made.python_version != own_interpreter().version
    assert not ensure(app, tmp_path / "home").created


def test_a_python_that_nobody_has_is_named_with_those_there_are(app: Path, tmp_path: Path) -> None:
    for path in (app / "pyproject.toml", app / "uv.lock"):
        path.write_text(path.read_text().replace('requires-python = ">=3.11"', 'requires-python = ">=3.99"'))
    with pytest.raises(AgiError, match=r"AGI-ENV-005.*no Python on this machine fits flight") as caught:
        ensure(app, tmp_path / "home")
    assert own_interpreter().version in str(caught.value.found)
    assert ">=3.99" in str(caught.value.allowed)


def test_a_missing_lock_names_uv_lock(app: Path, tmp_path: Path) -> None:
    (app / "uv.lock").unlink()
    with pytest.raises(AgiError, match=r"AGI-ENV-003.*flight has no uv\.lock") as caught:
        ensure(app, tmp_path / "home")
    assert caught.value.try_ == f"uv lock --project {app}"


def test_a_stale_lock_names_uv_lock(app: Path, tmp_path: Path, write_app: WriteApp) -> None:
    write_app(app, ("pydantic>=2.9", "iniconfig", "tabulate"))
    with pytest.raises(AgiError, match=r"AGI-ENV-004.*uv\.lock of flight does not match") as caught:
        ensure(app, tmp_path / "home")
    assert caught.value.try_ == f"uv lock --project {app}"
    assert "needs to be updated" in str(caught.value.found)


def test_a_stale_lock_is_noticed_offline_too(
    app: Path, tmp_path: Path, write_app: WriteApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "cache"))
    write_app(app, ("pydantic>=2.9", "iniconfig", "tabulate"))
    with pytest.raises(AgiError, match="AGI-ENV-004"):
        ensure(app, tmp_path / "home", offline=True)


def test_a_lock_that_became_stale_is_noticed_although_its_environment_exists(
    installed: Environment, app: Path, shared_home: Path, write_app: WriteApp
) -> None:
    assert ensure(app, shared_home).path == installed.path
    write_app(app, ("pydantic>=2.9", "iniconfig", "tabulate"))
    with pytest.raises(AgiError, match="AGI-ENV-004"):
        ensure(app, shared_home)


@pytest.mark.parametrize("garbage", ["version = 1\nrevision = [", "", "no lock at all"])
def test_a_damaged_lock_is_refused(app: Path, tmp_path: Path, garbage: str) -> None:
    (app / "uv.lock").write_text(garbage)
    with pytest.raises(AgiError, match=r"AGI-ENV-004.*uv\.lock of flight") as caught:
        ensure(app, tmp_path / "home", offline=True)
    assert "uv lock" in str(caught.value.try_)


def test_a_folder_that_is_no_app_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match=r"AGI-ENV-002.*has no readable pyproject\.toml"):
        ensure(tmp_path / "nowhere", tmp_path / "home")


def test_a_pyproject_that_is_no_toml_is_named(app: Path, tmp_path: Path) -> None:
    (app / "pyproject.toml").write_text("[project\n")
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-002.*pyproject\.toml cannot be read.*line 1"):
        ensure(app, tmp_path / "home")


def test_a_requires_python_that_is_no_specifier_is_named(
    app: Path, tmp_path: Path, write_app: WriteApp
) -> None:
    write_app(app, requires_python="three")
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-002.*requires-python is not a version specifier.*three"):
        ensure(app, tmp_path / "home")


def test_a_lock_without_pydantic_is_refused_with_the_command_that_adds_it(
    app: Path, tmp_path: Path, write_app: WriteApp, lock: Lock
) -> None:
    lock(write_app(app, ("iniconfig",)))
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-006.*no pydantic.*uv add --project \S+ pydantic"):
        ensure(app, tmp_path / "home")


def test_an_app_that_locks_agi_node_itself_is_told_to_leave_it_to_agilab(
    app: Path, tmp_path: Path, write_app: WriteApp, lock: Lock
) -> None:
    from agilab.envs import build_node_wheel

    wheel = build_node_wheel(tmp_path / "other")
    lock(
        write_app(
            app, ("pydantic", "agi-node"), extra=f'[tool.uv.sources]\nagi-node = {{ path = "{wheel}" }}\n'
        )
    )
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-006.*AGILab adds its own.*uv remove"):
        ensure(app, tmp_path / "home")


def test_a_package_that_cannot_be_built_is_quoted_with_uvs_own_words(
    app: Path, tmp_path: Path, write_app: WriteApp, lock: Lock
) -> None:
    broken = write_app(
        app / "broken", (), extra="[build-system]\nrequires = []\nbuild-backend = 'nothing_here'\n"
    )
    archive = shutil.make_archive(str(app / "broken-0.1.0"), "gztar", app, broken.name)
    lock(
        write_app(
            app, ("pydantic", "broken"), extra=f'[tool.uv.sources]\nbroken = {{ path = "{archive}" }}\n'
        )
    )
    with pytest.raises(AgiError, match=r"AGI-ENV-007.*install the locked packages of flight") as caught:
        ensure(app, tmp_path / "home")
    assert "nothing_here" in str(caught.value.found) or "broken" in str(caught.value.found)
    assert f"agilab app install {app}" in str(caught.value.try_)
    assert os.listdir(tmp_path / "home" / "envs") == [".locks"]


def test_a_workspace_that_cannot_be_written_is_named(app: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-009.*cannot be written.*AGILAB_HOME"):
        ensure(app, tmp_path / "file" / "home")


def test_processes_that_come_at_once_make_the_environment_once(app: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom agilab.envs import ensure\nsys.stdin.readline()\n"
        "e = ensure(sys.argv[1], sys.argv[2], offline=True)\nprint(e.created, e.fingerprint)\n"
    )
    command = [sys.executable, "-c", code, str(app), str(tmp_path / "home")]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    said = [racer.communicate(timeout=60)[0].split() for racer in racers]
    assert sorted(created for created, _ in said) == ["False", "False", "True"]
    assert len({fingerprint for _, fingerprint in said}) == 1


def test_an_environment_whose_interpreter_is_gone_is_made_anew(
    app: Path, tmp_path: Path, run_in: RunIn
) -> None:
    first = ensure(app, tmp_path / "home", offline=True)
    first.python.unlink()
    again = ensure(app, tmp_path / "home", offline=True)
    assert again.created
    assert run_in(again, "import iniconfig; print('here')") == "here"


def test_a_rebuild_mends_an_environment_but_not_under_running_processes(
    app: Path, tmp_path: Path, run_in: RunIn
) -> None:
    made = ensure(app, tmp_path / "home", offline=True)
    (broken,) = made.path.rglob("iniconfig/__init__.py")
    broken.unlink()
    with hold(made), pytest.raises(AgiError, match=r"AGI-ENV-010.*while processes run from it"):
        ensure(app, tmp_path / "home", rebuild=True)
    assert ensure(app, tmp_path / "home", offline=True, rebuild=True).created
    assert run_in(made, "import iniconfig; print(iniconfig.IniConfig.__name__)") == "IniConfig"


def test_a_damaged_memory_costs_time_and_never_a_wrong_answer(
    installed: Environment, locked_once: Path, tmp_path: Path
) -> None:
    assert fingerprint_of(locked_once, tmp_path) == installed.fingerprint
    for path in (tmp_path / "cache").rglob("*.json"):
        path.write_text("{")
    assert fingerprint_of(locked_once, tmp_path) == installed.fingerprint
