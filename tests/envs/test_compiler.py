"""What is read out of a build's output; real builds are in `tests/projects/test_builds.py`."""

from __future__ import annotations

import pytest

from agilab.envs.compiler import missing_compiler, telling_lines
from agilab.envs.uv import Outcome


@pytest.mark.parametrize(
    ("said", "missing"),
    [
        ("error: command 'x86_64-linux-gnu-gcc' failed: No such file or directory", "x86_64-linux-gnu-gcc"),
        ("error: [Errno 2] No such file or directory: 'clang-18'", "clang-18"),
        ("../meson.build:1:0: ERROR: Unknown compiler(s): [['cc'], ['gcc'], ['clang']]", "cc"),
        (
            "  No CMAKE_C_COMPILER could be found.\n\n  Tell CMake where to find the compiler",
            "CMAKE_C_COMPILER",
        ),
        ("error: Microsoft Visual C++ 14.0 or greater is required. Get it with …", "Microsoft Visual C++"),
        ("error: [Errno 2] No such file or directory: 'README.md'", None),
        ("error: [Errno 2] No such file or directory: 'src/cc.txt'", None),
        ("error: command 'cython' failed: No such file or directory", None),
        ("src/k.c:1:10: fatal error: nothing.h: No such file or directory", None),
    ],
)
def test_a_missing_compiler_is_told_from_other_things_that_are_missing(
    said: str, missing: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.delenv("CC", raising=False)
    assert missing_compiler(Outcome(2, "", said)) == missing


def test_a_compiler_that_is_there_is_not_missing_whatever_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys
    from pathlib import Path

    said = f"error: command '{sys.executable}' failed: No such file or directory"
    monkeypatch.setenv("CC", f"{sys.executable} -O2")
    assert Path(sys.executable).exists()
    assert missing_compiler(Outcome(2, "", said)) is None


def test_the_lines_that_say_most_are_those_of_the_compiler() -> None:
    text = (
        "running build_ext\n/x/setuptools/config.py:72: Experimental: may change\n"
        "In file included from a.c:1:\nsrc/a.c:3:5: warning: unused variable 'x'\n"
        "src/a.c:9:1: error: expected ';' before '}' token\nsrc/a.c:9:1: note: to match this '('\n"
        "error: command '/usr/bin/gcc' failed with exit code 1\nerror: Failed to build `app`\n"
        "  cause: The build backend returned an error\nhint: This usually indicates a problem\n"
    )
    assert telling_lines(text) == "src/a.c:9:1: error: expected ';' before '}' token"
    assert telling_lines("collecting\nModuleNotFoundError: No module named 'scikit_build_core'\n") == (
        "ModuleNotFoundError: No module named 'scikit_build_core'"
    )
    assert telling_lines("one\ntwo\nthree\nfour\n") == "two\nthree\nfour"
