"""Words of commands that may name files of which no rule says what becomes of them: those of programs that are not
known, and of scripts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import takewhile
from typing import Literal, NamedTuple

from agilab.notebooks.shell.commands import is_interpreter, is_known

Role = Literal["word", "word that is read", "word that is written", "program"]


class Word(NamedTuple):
    """A word, and what is done with the file that it may name: it is run, read, most likely written, or anything."""

    text: str
    role: Role


def words_of_program(words: Sequence[str]) -> Iterator[Word]:
    """Those of one command.

    >>> [tuple(one) for one in words_of_program(["./tool", "in.txt", "--to=out.txt"])]
    [('./tool', 'program'), ('in.txt', 'word'), ('out.txt', 'word that is written')]
    >>> [tuple(one) for one in words_of_program(["python", "-u", "make.py", "in.txt"])]
    [('make.py', 'program'), ('in.txt', 'word')]
    >>> [*words_of_program(["head", "in.txt"])], [*words_of_program(["echo", "in.txt"])]
    ([], [])
    """
    if not words:
        return
    program, rest = words[0].rsplit("/", 1)[-1], list(words[1:])
    if "/" in words[0] or words[0].endswith(_SCRIPTS):
        yield Word(words[0], "program")
    if program == "make":
        yield from (Word(name, "program") for name in ("GNUmakefile", "makefile", "Makefile"))
    if program in _STARTS:
        begin = next((at for at, word in enumerate(rest) if not _OF_START.fullmatch(word)), len(rest))
        yield from words_of_program(rest[begin:])
        return
    if is_interpreter(program):
        scripts, rest = _script(rest)
        yield from (Word(name, "program") for name in scripts)
    elif program in _NO_FILES or is_known(program):
        return
    role: Role = "word that is read" if program in _ONLY_READ else "word"
    last = next((at for at in range(len(rest) - 1, 0, -1) if rest[at][:1] not in ("-", "@")), 0)
    several = any(_FILE.fullmatch(word) for word in rest[:last])
    for at, word in enumerate(rest):
        option, _, value = word.partition("=")
        said = rest[at - 1] if at and rest[at - 1].startswith("-") else ""
        written = _WRITTEN.fullmatch(said) is not None or (at == last and several and not said)
        if word.endswith(_SCRIPTS) and role == "word" and program not in _FORMATS:  # `coverage run test.py`
            yield Word(word, "program")
        if word[:1] not in ("-", "@"):
            yield Word(word, "word that is written" if written and role == "word" else role)
        if value or word[:1] == "@":
            written = value != "" and _WRITTEN.fullmatch(option) is not None
            yield Word(value or option[1:], "word that is written" if written and role == "word" else role)


_FILE = re.compile(r"[^-].*(?:/|\.\w{1,8})[^/]*")
_WRITTEN = re.compile(
    r"-{0,2}(?:o|O|out\w*|[\w\-]*[_\-]out\w*|output[\w\-]*|save\w*|dest\w*|to|result\w*|log\w*)"
)
"""Options, and names before a `=`, behind which stands what is written."""


def _script(rest: list[str]) -> tuple[list[str], list[str]]:
    """What an interpreter runs, a file or a module by the files that it may be, and what it gives to that."""
    for at, word in enumerate(rest):
        if word == "-m" and rest[at + 1 :]:
            path = rest[at + 1].replace(".", "/")
            return [f"{path}.py", f"{path}/__main__.py"], rest[at + 2 :]
        if word in ("-c", "-e"):
            return [], rest[at + 2 :]
        if not word.startswith("-"):
            return [word], rest[at + 1 :]
    return [], []


_PYTHON = re.compile(r"(?:.*/)?(?:python(?:3(?:\.\d+)?)?|pypy3?)")


def typed_program(words: Sequence[str]) -> str | None:
    """The program that Python is given as a word; "" where it reads it as input, None where it runs a file or is not
    started at all.

    >>> typed_program(["python3", "-u"]), typed_program(["python", "-c", "x = 1"]), typed_program(["python", "make.py"])
    ('', 'x = 1', None)
    """
    if not words or not _PYTHON.fullmatch(words[0]):
        return None
    options = [*takewhile(lambda word: re.fullmatch(r"-[bBdEiIOPqsSuvx]+", word), words[1:])]
    rest = words[1 + len(options) :]
    if rest[:1] == ["-c"] and len(rest) > 1:
        return rest[1] or "\n"
    return "" if not rest or rest[0] == "-" else None


_STARTS = frozenset(
    {"nohup", "nice", "env", "timeout", "stdbuf", "exec", "mpirun", "mpiexec", "torchrun", "strace"}
)
"""Programs that run another one, and do nothing themselves."""
_OF_START = re.compile(r"-.*|\w+=.*|[\d.]+[smhd]?")
_FORMATS = frozenset({"autopep8", "black", "isort", "ruff", "yapf"})
_SCRIPTS = (".py", ".sh", ".R", ".pl", ".jl")
_NO_FILES = frozenset({
    "alias", "apt", "apt-get", "brew", "cd", "conda", "date", "declare", "df", "dirname", "basename", "echo", "exit",
    "export", "false", "free", "hash", "help", "hostname", "id", "kill", "lscpu", "mamba", "man", "nproc", "nvidia-smi",
    "pip", "pip3", "popd", "printf", "ps", "pushd", "pwd", "read", "return", "set", "shift", "sleep", "test", "[", "[[",
    "true", "type", "ulimit", "uname", "unset", "uptime", "uv", "wait", "which", "whoami", ":",
})  # fmt: skip
_ONLY_READ = frozenset({
    "cc", "clang", "clang++", "c++", "dot", "flake8", "g++", "gcc", "gfortran", "mypy", "nvcc", "open", "pycodestyle",
    "pygmentize", "pylint", "pyright", "pytest", "source", ".", "xdg-open",
})  # fmt: skip
"""Programs that leave what they are given as it is; what they write they are given with `-o`, if at all."""
