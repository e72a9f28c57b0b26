"""The files that a shell command certainly names: redirections, downloads, archives, copies. No guesses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Literal, NamedTuple

Direction = Literal["read", "written", "both", "unknown"]

_LONGEST = 4000


class Step(NamedTuple):
    """What a command does to one file.

    Attributes:
        gone: Whether the file is no longer there afterwards.
        sure: Whether the command is come to for certain.
    """

    path: str
    direction: Direction
    gone: bool = False
    sure: bool = True


def files_of_command(command: str) -> Iterator[tuple[str, Direction]]:
    """(path, direction) of what commands name; of folders, with a slash at the end. After a `cd` nothing is certain.

    >>> list(files_of_command("wget -q https://example.org/a.csv -O data/a.csv && gzip -d b.gz > log.txt"))
    [('https://example.org/a.csv', 'read'), ('data/a.csv', 'written'), ('log.txt', 'written')]
    """
    return ((step.path, step.direction) for step in steps_of_command(command))


def steps_of_command(command: str) -> Iterator[Step]:
    """The same, one after another, with what is gone afterwards and what is done only if something turns out.

    >>> [(step.path, step.sure) for step in steps_of_command("test -f a.txt || wc -l b.txt; rm c.txt")]
    [('b.txt', False), ('c.txt', True)]
    """
    within: list[str] = []
    ends = ""
    for line in command[:_LONGEST].splitlines():
        if ends:
            ends = "" if line.strip() == ends else ends
            continue
        before = ""
        for number, part in enumerate(_PARTS.split(line)):
            if number % 2:
                before = part
                continue
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                continue
            words = _without_structure(words, within)
            if words[:1] in (["cd"], ["pushd"]):
                return
            sure = before != "||" and not _PARTING & {*within}
            yield from (step._replace(sure=sure) for step in _of_words(words))
        if (text := _TEXT_BELOW.search(line)) is not None:
            ends = text[1]


_PARTS = re.compile(r"(&&|\|\||[;|])")
_TEXT_BELOW = re.compile(r"<<-?\s*[\"']?(\w+)")
_PARTING = frozenset({"if", "while", "until", "case"})
_OTHERS = frozenset({"then", "else", "elif", "do", "{", "}", "(", ")", "!", "time", "sudo"})


def _without_structure(words: list[str], within: list[str]) -> list[str]:
    """A command without the words of `if` and loops before it; `within` are those that are open, and is kept so."""
    while words:
        if words[0] in _PARTING:
            within.append(words[0])
        elif words[0] == "for":
            within.append("for")
            return []
        elif words[0] in ("fi", "esac", "done"):
            del within[-1:]
        elif words[0] not in _OTHERS:
            return words
        words = words[1:]
    return words


def _of_words(words: list[str]) -> Iterator[Step]:
    words, redirected = _without_redirections(words)
    if words:
        program, rest = words[0].rsplit("/", 1)[-1], words[1:]
        plain = [word for word in rest if not word.startswith("-")]
        if program in ("wget", "curl", "gdown"):
            yield from _download(program, rest)
        elif program in ("unzip", "gunzip") and plain:
            yield Step(plain[0], "read")
            if "-d" in rest[:-1]:
                yield Step(rest[rest.index("-d") + 1], "written")
        elif program == "tar" and rest and "x" in rest[0]:
            yield from (Step(word, "read") for word in plain[:2] if "." in word)
        elif program in ("cp", "mv") and len(plain) == 2:
            yield Step(plain[0], "read", gone=program == "mv")
            yield Step(plain[1], "written")
        elif program == "rm":
            yield from (Step(word, "unknown", gone=True) for word in plain)
        elif program in ("cat", "head", "tail", "wc") and plain:
            yield from (Step(word, "read") for word in plain if "." in word)
        elif program == "mkdir":
            yield from (Step(word.rstrip("/") + "/", "written") for word in plain)
        elif (
            re.fullmatch(r"python[\d.]*|Rscript|bash|sh", program)
            and plain
            and "-m" not in rest
            and "-c" not in rest
        ):
            yield Step(plain[0], "read")
    yield from redirected


def _without_redirections(words: list[str]) -> tuple[list[str], list[Step]]:
    kept: list[str] = []
    files: list[Step] = []
    iterator = iter(words)
    for word in iterator:
        if re.match(r"\d?<<", word):
            if word.endswith(("<<", "<<-")):
                next(iterator, "")
            continue
        match = re.match(r"(\d|&)?(>>?|<)(?!&)(.*)$", word)
        if not match:
            kept.append(word)
            continue
        path = match[3] or next(iterator, "")
        if path and not path.startswith(("/dev/", "&")):
            files.append(Step(path, _REDIRECTIONS[match[2]]))
    return kept, files


_REDIRECTIONS: dict[str, Direction] = {"<": "read", ">": "written", ">>": "both"}
"""What is added to keeps what it held."""


def _download(program: str, rest: list[str]) -> Iterator[Step]:
    url = next((word for word in rest if "://" in word), "")
    if not url:
        return
    yield Step(url, "read")
    flag = "-o" if program == "curl" else "-O"
    if flag in rest[:-1]:
        yield Step(rest[rest.index(flag) + 1], "written")
        return
    names_itself = program == "wget" or "-O" in rest or "--remote-name" in rest
    name = url.split("://", 1)[1].partition("?")[0].rstrip("/").rpartition("/")[2]
    if names_itself and "." in name:
        folder = rest[rest.index("-P") + 1] + "/" if "-P" in rest[:-1] else ""
        yield Step(folder + name, "written")
