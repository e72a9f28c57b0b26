"""`doctor` sees what is wrong, says what it saw, and names the command that mends it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agilab.envs import Environment, Finding, Uv, doctor, ensure
from agilab.envs.environment import site_packages

WriteApp = Callable[..., Path]


def found(findings: list[Finding], code: str) -> Finding:
    (one,) = [finding for finding in findings if finding.code == code]
    return one


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def environment(app: Path, home: Path) -> Environment:
    """An environment of its own, which a test may spoil."""
    return ensure(app, home)


@pytest.fixture
def site(environment: Environment) -> Path:
    place = site_packages(environment.path)
    assert place is not None
    return place


def test_a_healthy_environment_passes_every_check(
    installed: Environment, locked_once: Path, shared_home: Path
) -> None:
    findings = doctor(shared_home, locked_once)
    assert {finding.code for finding in findings if finding.level == "ok"} >= {
        *("AGI-ENV-101", "AGI-ENV-102", "AGI-ENV-103", "AGI-ENV-111", "AGI-ENV-112"),
        *("AGI-ENV-113", "AGI-ENV-114", "AGI-ENV-115", "AGI-ENV-116"),
    }
    assert [finding for finding in findings if finding.level == "error"] == []
    assert installed.python_version in found(findings, "AGI-ENV-113").evidence


def test_an_app_that_is_not_installed_is_no_error_but_has_a_next_command(app: Path, home: Path) -> None:
    finding = found(doctor(home, app), "AGI-ENV-112")
    assert (finding.level, finding.try_) == ("warn", f"agilab app install {app}")


def test_a_stale_lock_is_found(environment: Environment, app: Path, home: Path, write_app: WriteApp) -> None:
    write_app(app, ("pydantic>=2.9", "iniconfig", "tabulate"))
    finding = found(doctor(home, app), "AGI-ENV-111")
    assert finding.level == "error"
    assert finding.try_ == f"uv lock --project {app}"


def test_a_package_whose_record_was_deleted_is_drift(
    environment: Environment, site: Path, app: Path, home: Path
) -> None:
    (record,) = site.glob("iniconfig-*.dist-info")
    shutil.rmtree(record)
    finding = found(doctor(home, app), "AGI-ENV-115")
    assert finding.level == "error"
    assert "iniconfig" in finding.evidence
    assert "now gone" in finding.evidence
    assert finding.try_ == f"agilab app install {app} --rebuild"
    ensure(app, home, offline=True, rebuild=True)
    assert found(doctor(home, app), "AGI-ENV-115").level == "ok"


@pytest.mark.parametrize("asked", ["with the app", "without it"])
def test_another_version_of_a_package_is_drift(
    environment: Environment, app: Path, home: Path, asked: str
) -> None:
    locked = environment.packages["iniconfig"]
    Uv.found().run(
        *("pip", "install", "--python", environment.python, "iniconfig==2.0.0"),
        doing="drift",
        try_="look at uv",
    )
    finding = found(doctor(home, app if asked == "with the app" else None), "AGI-ENV-115")
    assert finding.level == "error"
    assert finding.evidence == f"iniconfig: {locked} installed, now 2.0.0"


def test_a_package_that_was_added_by_hand_is_drift(environment: Environment, app: Path, home: Path) -> None:
    Uv.found().run(
        *("pip", "install", "--python", environment.python, "tabulate"), doing="drift", try_="look at uv"
    )
    assert "tabulate: not installed, now" in found(doctor(home, app), "AGI-ENV-115").evidence


def test_a_missing_file_is_found(environment: Environment, site: Path, app: Path, home: Path) -> None:
    (site / "iniconfig" / "__init__.py").unlink()
    finding = found(doctor(home), "AGI-ENV-114")
    assert finding.level == "error"
    assert finding.evidence == "iniconfig/__init__.py: missing"


def test_a_file_that_was_edited_without_changing_its_size_is_found(
    environment: Environment, site: Path, app: Path, home: Path
) -> None:
    edited = site / "iniconfig" / "__init__.py"
    text = edited.read_bytes()
    edited.unlink()  # the hard link: the cache of the machine that runs this test shall stay as it is
    edited.write_bytes(text[:-1] + b"#")
    finding = found(doctor(home, app), "AGI-ENV-114")
    assert finding.evidence == "iniconfig/__init__.py: changed since it was installed"
    assert finding.try_.startswith("uv cache clean iniconfig, then agilab app install")


def test_an_agi_node_that_was_changed_in_the_environment_is_found(
    environment: Environment, site: Path, app: Path, home: Path
) -> None:
    errors = site / "agi_node" / "errors.py"
    text = errors.read_text()
    errors.unlink()
    errors.write_text(text + "# mine\n")
    finding = found(doctor(home, app), "AGI-ENV-116")
    assert finding.level == "error"
    assert environment.agi_node_digest[:12] in finding.evidence


def test_an_interpreter_that_is_gone_is_found(environment: Environment, app: Path, home: Path) -> None:
    environment.python.unlink()
    environment.python.symlink_to("/nowhere/python")
    finding = found(doctor(home, app), "AGI-ENV-112")
    assert finding.level == "error"
    assert finding.evidence == "its interpreter is gone: /nowhere/python"


def test_an_interpreter_that_was_replaced_by_another_version_is_found(
    environment: Environment, app: Path, home: Path, newer_python: Path
) -> None:
    environment.python.unlink()
    environment.python.symlink_to(newer_python)
    finding = found(doctor(home, app), "AGI-ENV-113")
    assert finding.level == "error"
    assert f"made with {environment.python_version}" in finding.evidence


def test_hard_links_are_counted_and_a_copy_is_explained(
    app: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_LINK_MODE", "copy")
    ensure(app, home)
    finding = found(doctor(home, app), "AGI-ENV-117")
    assert finding.level == "warn"
    assert finding.evidence.startswith("0 of ")
    assert finding.evidence.endswith("UV_LINK_MODE is copy")


def test_a_workspace_on_another_file_system_gets_copies_and_is_told_why(app: Path) -> None:
    elsewhere = Path("/dev/shm")
    cache = Uv.found().call("cache", "dir").out.strip()
    if not elsewhere.is_dir() or os.stat(elsewhere).st_dev == os.stat(cache).st_dev:
        pytest.skip("this machine has no second file system that can be written")
    home = elsewhere / f"agilab-test-{os.getpid()}"
    try:
        made = ensure(app, home)
        assert made.created
        finding = found(doctor(home, app), "AGI-ENV-117")
        assert finding.level == "warn"
        assert "is on another file system" in finding.evidence
    finally:
        shutil.rmtree(home, ignore_errors=True)


def test_a_workspace_that_cannot_be_written_is_found_and_nothing_is_left_behind(tmp_path: Path) -> None:
    read_only = Path("/proc/self")  # refuses to be written, even for root
    if not read_only.is_dir():
        pytest.skip("this system has no folder that nobody can write to")
    finding = found(doctor(read_only / "home"), "AGI-ENV-102")
    assert finding.level == "error"
    assert "AGILAB_HOME" in finding.try_
    doctor(tmp_path / "home")
    assert not (tmp_path / "home").exists()


def test_a_finding_as_json_has_the_words_of_the_table() -> None:
    assert Finding("AGI-ENV-101", "warn", "what", "seen", "do").to_plain() == {
        "code": "AGI-ENV-101",
        "level": "warn",
        "what": "what",
        "evidence": "seen",
        "try": "do",
    }
