"""What the output of a package's build says: that there is no compiler, or what went wrong."""

from __future__ import annotations

import os
import re
import shutil

from agilab.envs.uv import Outcome

_MISSING = (
    re.compile(r"command '([^']+)' failed: No such file or directory"),  # setuptools
    re.compile(r"\[Errno 2\] No such file or directory: '([^']+)'"),  # setuptools since 80
    re.compile(r"unable to execute '([^']+)'"),  # setuptools of before
    re.compile(r"Unknown compiler\(s\): \[\['([^']+)'"),  # Meson
    re.compile(r"No (CMAKE_C(?:XX)?_COMPILER) could be found"),  # CMake
    re.compile(r"(Microsoft Visual C\+\+) .* is required"),  # setuptools on Windows
)
"""How build tools say that there is no compiler, and how they call it."""
_COMPILER = re.compile(
    r"(.*[-/])?(cc|gcc|g\+\+|c\+\+|clang|clang\+\+|icc|icx|cl(\.exe)?)(-[\d.]+)?|CMAKE_C.*|Microsoft .*"
)
"""What a compiler is called, unless CC names another: a file that is missing may be something else."""
_BY_UV = ("hint:", "cause:", "error: Failed to build", "Building wheel", "Successfully built")
"""What uv says around the words of a build backend."""
_TELLING = (
    re.compile(r"(?!\S+\.py:)\S+:\d+(:\d+)?: (?!warning|note|In )"),  # a compiler, with the place in a file
    re.compile(r".*(undefined reference|undefined symbol|cannot find -l)"),  # a linker
    re.compile(r"([\w.]+(Error|Exception)|error): |.*No module named"),  # Python
)
"""What a line looks like that says what went wrong, the best ones first."""


def missing_compiler(outcome: Outcome) -> str | None:
    """The compiler that a build asked for in vain; None where it failed for another reason."""
    chosen = os.environ.get("CC", "").split()[:1]
    for pattern in _MISSING:
        for found in pattern.findall(outcome.out + outcome.err):
            if (_COMPILER.fullmatch(found) or [found] == chosen) and shutil.which(found) is None:
                return str(found)
    return None


def telling_lines(text: str) -> str:
    """The last three lines that say best what went wrong; the last three at all where none does."""
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith(_BY_UV)
    ]
    for pattern in _TELLING:
        if telling := [line for line in lines if pattern.match(line)]:
            return "\n".join(telling[-3:])
    return "\n".join(lines[-3:])
