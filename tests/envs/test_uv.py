"""Finding uv, keeping the shell out of it, and quoting it well."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import agi_node
import agilab
from agi_node.errors import AgiError
from agilab.envs import Uv, find_uv
from agilab.envs.interpreter import own_interpreter
from agilab.envs.uv import Outcome, controlled_environment, failure


def _find_uv_without_the_package(path: str) -> str:
    """`find_uv()` in an interpreter that has our sources and no installed package at all."""
    sources = [str(Path(module.__file__ or "").parent.parent) for module in (agilab, agi_node)]
    code = (
        f"import sys; sys.path[:0] = {sources!r}\n"
        "from agi_node.errors import AgiError\nfrom agilab.envs.uv import find_uv\n"
        "try: print(find_uv())\nexcept AgiError as error: print(error.exit_code, error)\n"
    )
    command = [str(own_interpreter().path), "-I", "-S", "-c", code]
    return subprocess.check_output(command, env={"PATH": path}, text=True, timeout=60)


def test_uv_comes_with_its_python_package() -> None:
    assert find_uv().is_relative_to(sys.prefix)
    assert tuple(map(int, Uv.found().version().split("."))) >= (0, 9)


def test_without_the_package_the_uv_on_path_serves(tmp_path: Path) -> None:
    (tmp_path / "uv").symlink_to(find_uv())
    assert _find_uv_without_the_package(str(tmp_path)).strip() == str(tmp_path / "uv")


def test_without_any_uv_the_error_says_how_to_install_it(tmp_path: Path) -> None:
    said = _find_uv_without_the_package(str(tmp_path))
    assert said.startswith("3 error[AGI-ENV-001]")
    assert "python -m pip install uv" in said


def test_a_uv_that_does_not_start_is_named(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-001.*could not be started.*No such file"):
        Uv(tmp_path / "uv").call("--version")


def test_only_variables_about_reaching_packages_get_through() -> None:
    surrounding = {
        "HOME": "/home/me", "VIRTUAL_ENV": "/other", "PYTHONPATH": "/other", "PYTHONDONTWRITEBYTECODE": "1",
        "UV_PROJECT_ENVIRONMENT": "/other", "UV_NO_DEV": "1", "UV_PYTHON_DOWNLOADS": "automatic",
        "UV_INDEX_CORP_PASSWORD": "x", "UV_CACHE_DIR": "/cache",
    }  # fmt: skip
    given = controlled_environment(surrounding)
    assert {name: given[name] for name in ("HOME", "UV_INDEX_CORP_PASSWORD", "UV_CACHE_DIR")} == {
        "HOME": "/home/me",
        "UV_INDEX_CORP_PASSWORD": "x",
        "UV_CACHE_DIR": "/cache",
    }
    assert given["UV_PYTHON_DOWNLOADS"] == "never"
    assert given["UV_COMPILE_BYTECODE"] == "1"
    assert not given.keys() & {
        "VIRTUAL_ENV",
        "PYTHONPATH",
        "PYTHONDONTWRITEBYTECODE",
        "UV_PROJECT_ENVIRONMENT",
    }
    assert "UV_NO_DEV" not in given


def test_uv_itself_sees_the_controlled_variables(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("UV_NO_CONFIG", "nonsense")  # uv would refuse this value
    assert Uv.found().call("cache", "dir").out.strip() == os.fspath(tmp_path)


@pytest.mark.parametrize(
    ("err", "quoted"),
    [
        ("warning: a\nerror: no\n  cause: b\n\nhint: try that\n", "warning: a\nerror: no\ncause: b"),
        ("error: it broke\n" + "".join(f"  line {n}\n" for n in range(9)), "error: it broke\nline 7\nline 8"),
        ("", "exit code 2, and not a word"),
        ("error: cannot fetch https://me:secret@example.com/x\n", "error: cannot fetch https://****@example.com/x"),
    ],
)  # fmt: skip
def test_uvs_last_words_are_its_error_and_no_password(err: str, quoted: str) -> None:
    assert Outcome(2, "", err).last_words() == quoted


def test_a_failed_run_says_what_failed_and_what_to_do_next() -> None:
    error = failure(
        Outcome(2, "", "error: No space left on device\n"), doing="install flight", try_="make room"
    )
    assert error.code == "AGI-ENV-007"
    assert (error.exit_code, error.whose) == (3, "environment")
    assert str(error).splitlines() == [
        "error[AGI-ENV-007]: uv could not install flight",
        "  found     error: No space left on device",
        "  try       make room",
    ]
