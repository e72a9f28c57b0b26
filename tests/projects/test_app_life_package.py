"""An app as one file for another machine: a wheel like any other, and a wheelhouse that needs no network."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.envs import Uv, find_uv
from agilab.envs.wheelhouse import (
    LockedWheel,
    add_wheel,
    fetch,
    install_at_hand,
    locked_wheels,
    wheel_at,
)
from agilab.projects.life.create import create_app
from agilab.projects.life.intake import import_app
from agilab.projects.life.package import package_app
from agilab.store.workspace import Workspace

from .test_app_life import files_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("app_package")]


@pytest.fixture(scope="module")
def packaged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path, Path]:
    """A workspace, an app, and its wheel."""
    folder = tmp_path_factory.mktemp("package")
    workspace = Workspace(folder / "home")
    app = create_app(workspace, "tides", into=folder).app
    return workspace, app.folder, package_app(workspace, "tides", folder / "out", offline=True).path


def test_the_wheel_installs_like_any_other_and_carries_the_app(
    packaged: tuple[Workspace, Path, Path], tmp_path: Path
) -> None:
    _, app, wheel = packaged
    assert wheel.name == "tides_project-0.1.0-py3-none-any.whl"
    python = tmp_path / "venv" / "bin" / "python"
    for words in (
        ("venv", "--quiet", "--python", sys.executable, tmp_path / "venv"),
        ("pip", "install", "--quiet", "--offline", "--no-deps", "--python", python, wheel),
    ):
        subprocess.run([find_uv(), *words], check=True)
    code = "import importlib.util, importlib.metadata as m; print(importlib.util.find_spec('tides').origin)"
    where = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert Path(where).read_bytes() == (app / "src/tides/__init__.py").read_bytes()
    (information,) = Path(where).parents[1].glob("tides_project-*.dist-info")
    assert files_of(information / "agilab" / "tides_project") == files_of(app)
    # Every file that was installed has the digest that RECORD says (PEP 376), by a check of our own.
    rows = list(csv.reader((information / "RECORD").read_text().splitlines()))
    hashed = {name: digest for name, digest, _ in rows if digest}
    assert len([name for name in hashed if "/agilab/" in name]) == len(files_of(app)) + 1
    for name, digest in hashed.items():
        found = hashlib.sha256((information.parent / name).read_bytes()).digest()
        assert digest == "sha256=" + base64.urlsafe_b64encode(found).rstrip(b"=").decode()


def test_the_app_comes_out_of_the_wheel_as_it_was(
    packaged: tuple[Workspace, Path, Path], tmp_path: Path
) -> None:
    _, app, wheel = packaged
    done = import_app(Workspace(tmp_path / "home"), wheel, into=tmp_path)
    assert (done.verified, done.app.name) == (True, "tides_project")
    assert files_of(done.app.folder) == files_of(app)


def test_the_same_app_gives_the_same_wheel_wherever_it_lies(
    packaged: tuple[Workspace, Path, Path], tmp_path: Path
) -> None:
    workspace, app, wheel = packaged
    assert package_app(workspace, "tides", wheel.parent, offline=True).already
    moved = Path(shutil.copytree(app, tmp_path / "tides_project"))
    (moved / "src/tides/__pycache__").mkdir(exist_ok=True)
    (moved / "src/tides/__pycache__/x.pyc").write_bytes(b"x")
    other = package_app(Workspace(tmp_path / "home"), str(moved), tmp_path, offline=True).path
    assert other.read_bytes() == wheel.read_bytes()


def test_an_app_that_cannot_be_built_is_an_error_in_the_builders_words(tmp_path: Path) -> None:
    workspace = Workspace(tmp_path / "home")
    app = create_app(workspace, "tides", into=tmp_path).app
    shutil.rmtree(app.folder / "src")
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-007.*could not build a wheel of tides_project"):
        package_app(workspace, "tides", tmp_path / "out", offline=True)
    assert not (tmp_path / "out").exists()
    (app.folder / "uv.lock").unlink()
    with pytest.raises(AgiError, match="AGI-ENV-003"):
        package_app(workspace, "tides", tmp_path / "out", offline=True)


# -- wheels at hand ------------------------------------------------------------------------------------------


def test_a_wheel_is_kept_only_with_the_bytes_that_the_lock_names(tmp_path: Path) -> None:
    source = tmp_path / "a-1.0-py3-none-any.whl"
    source.write_bytes(b"wheel")
    digest = hashlib.sha256(b"wheel").hexdigest()
    home = tmp_path / "home"
    right = LockedWheel("a", source.name, source.as_uri(), digest)
    place = fetch(home, right)
    assert place.read_bytes() == b"wheel"
    assert wheel_at(home, digest) == place
    source.unlink()
    assert fetch(home, right) == place, "what is at hand is not downloaded again"

    source.write_bytes(b"other")
    wrong = LockedWheel("a", source.name, source.as_uri(), "0" * 64)
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-018.*not the file that the lock names"):
        fetch(home, wrong)
    assert wheel_at(home, "0" * 64) is None
    for url in ((tmp_path / "gone.whl").as_uri(), "ftp://127.0.0.1/x.whl", "http://127.0.0.1:9/x.whl"):
        with pytest.raises(AgiError, match="AGI-ENV-017"):
            fetch(home, LockedWheel("a", "gone.whl", url, "1" * 64))
    assert not [path for path in home.rglob("*") if path.is_file() and path != place]


def test_a_package_without_a_wheel_for_this_machine_is_named() -> None:
    def wheel(name: str) -> dict[str, str]:
        return {"url": f"https://example.org/{name}", "hash": "sha256:" + "0" * 64}

    lock = {
        "package": [
            {
                "name": "both",
                "version": "1",
                "wheels": [wheel("both-1-cp27-cp27m-win32.whl"), wheel("both-1-py3-none-any.whl")],
            },
            {"name": "sdist-only", "version": "2"},
            {"name": "other", "version": "3", "wheels": [wheel("other-3-cp27-cp27m-win32.whl")]},
            {"name": "elsewhere", "version": "4"},
        ]
    }
    needed = "both==1 \\\n    --hash=sha256:00\nelsewhere==4 ; sys_platform == 'never' --hash=sha256:00\n"
    assert [one.file for one in locked_wheels(lock, needed, "tides")] == ["both-1-py3-none-any.whl"]
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-016.*sdist-only 2, other 3"):
        locked_wheels(lock, needed + "sdist-only==2\nother==3\n", "tides")


# -- without a network ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def wheelhouse(packaged: tuple[Workspace, Path, Path]) -> Path:
    workspace, app, wheel = packaged
    return package_app(workspace, str(app), wheel.parent, wheelhouse=True).path


@pytest.mark.journey
def test_the_wheels_are_those_that_uv_itself_would_take(
    wheelhouse: Path, packaged: tuple[Workspace, Path, Path], tmp_path: Path
) -> None:
    """uv is the oracle: what it installs from the same lock has the tags of the wheels that were chosen."""
    _, app, _ = packaged
    environment = tmp_path / "venv"
    variables = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(environment)}
    command = [find_uv(), "sync", "--quiet", "--frozen", "--no-install-project", "--python", sys.executable]
    subprocess.run(command, cwd=app, env=variables, check=True)
    installed = {
        path.parent.name.removesuffix(".dist-info"): {
            line.removeprefix("Tag: ") for line in path.read_text().splitlines() if line.startswith("Tag: ")
        }
        for path in environment.glob("lib/python*/site-packages/*.dist-info/WHEEL")
    }
    with zipfile.ZipFile(wheelhouse) as zipped:
        names = [Path(name).stem for name in zipped.namelist() if name.startswith("wheelhouse/")]
    chosen = {"-".join(name.split("-")[:2]): name.split("-")[2:] for name in names if "tides" not in name}
    assert chosen.keys() == installed.keys()
    for name, (python, abi, platforms) in chosen.items():
        tags = {f"{one}-{abi}-{platform}" for one in python.split(".") for platform in platforms.split(".")}
        assert tags == installed[name]


@pytest.mark.journey
def test_what_is_at_hand_is_installed_without_a_cache_or_a_network(
    wheelhouse: Path, packaged: tuple[Workspace, Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, app, _ = packaged
    uv, venv, home = Uv.found(), tmp_path / "venv", tmp_path / "home"
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty"))
    monkeypatch.setenv("UV_OFFLINE", "1")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    uv.run("venv", "--python", sys.executable, venv, doing="make it", try_="look at uv")
    assert not install_at_hand(uv, venv / "bin/python", app, "tides", home), "nothing is at hand yet"
    done = import_app(Workspace(home), wheelhouse, into=tmp_path)
    assert done.wheels == 6
    lost = next(path for path in (home / "wheels").rglob("pydantic-*.whl"))
    kept = lost.read_bytes()
    lost.write_bytes(kept[:-1] + b"x")
    assert not install_at_hand(uv, venv / "bin/python", app, "tides", home), "not with other bytes"
    lost.write_bytes(kept)
    assert install_at_hand(uv, venv / "bin/python", app, "tides", home)
    code = "import pydantic; print(pydantic.__file__)"
    said = subprocess.run([venv / "bin/python", "-c", code], capture_output=True, text=True, check=True)
    assert str(venv) in said.stdout


@pytest.mark.journey
def test_another_machine_runs_the_app_with_no_network_and_nothing_of_this_one(
    wheelhouse: Path, tmp_path: Path
) -> None:
    """A fresh home, an empty cache, uv offline, and every address led to a port where nobody listens."""
    variables = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path / "me"),
        "AGILAB_HOME": str(tmp_path / "me" / "lab"),
        "UV_CACHE_DIR": str(tmp_path / "me" / "cache"),
        "UV_OFFLINE": "1",
        "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"), "http://127.0.0.1:9"),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    (tmp_path / "me" / "lab").mkdir(parents=True)
    (tmp_path / "me" / "lab" / "settings.toml").write_text("[tracking]\nenabled = false\n")

    def agilab(*words: str) -> dict[str, object]:
        done = subprocess.run(
            [sys.executable, "-m", "agilab", *words, "--json"],
            cwd=tmp_path / "me",
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        found: dict[str, object] = json.loads(done.stdout)
        return found

    assert agilab("app", "import", str(wheelhouse))["verified"] is True
    ran = agilab("run", "tides", "--points", "40", "--block", "20", "--workers", "1")
    assert ran["status"] == "succeeded"
    assert json.loads(Path(str(ran["reduce"])).read_text())["payload"]["points"] == 40
    assert agilab("runs", "verify", "last")
    assert agilab("app", "install", "tides", "--rebuild")["status"] == "succeeded"


def test_keeping_a_wheel_twice_is_keeping_it_once(tmp_path: Path) -> None:
    wheel = tmp_path / "a-1.0-py3-none-any.whl"
    wheel.write_bytes(b"wheel")
    digest = hashlib.sha256(b"wheel").hexdigest()
    assert add_wheel(tmp_path / "home", wheel, digest) == add_wheel(tmp_path / "home", wheel, digest)
