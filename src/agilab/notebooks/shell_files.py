"""The files that a shell command certainly names: redirections, downloads, archives, copies. No guesses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Literal

Direction = Literal["read", "written", "both", "unknown"]

_LONGEST = 4000


def files_of_command(command: str) -> Iterator[tuple[str, Direction]]:
    """(path, direction) of what commands name; of folders, with a slash at the end. After a `cd` nothing is certain.

    >>> list(files_of_command("wget -q https://example.org/a.csv -O data/a.csv && gzip -d b.gz > log.txt"))
    [('https://example.org/a.csv', 'read'), ('data/a.csv', 'written'), ('log.txt', 'written')]
    """
    for line in command[:_LONGEST].splitlines():
        for part in re.split(r"&&|\|\||[;|]", line):
            try:
                words = shlex.split(part, comments=True)
            except ValueError:
                continue
            if words[:1] in (["cd"], ["pushd"]):
                return
            yield from _of_words(words)


def _of_words(words: list[str]) -> Iterator[tuple[str, Direction]]:
    words, redirected = _without_redirections(words)
    if words:
        program, rest = words[0].rsplit("/", 1)[-1], words[1:]
        plain = [word for word in rest if not word.startswith("-")]
        if program in ("wget", "curl", "gdown"):
            yield from _download(program, rest)
        elif program in ("unzip", "gunzip") and plain:
            yield plain[0], "read"
            if "-d" in rest[:-1]:
                yield rest[rest.index("-d") + 1], "written"
        elif program == "tar" and rest and "x" in rest[0]:
            yield from ((word, "read") for word in plain[:2] if "." in word)
        elif program in ("cp", "mv") and len(plain) == 2:
            yield plain[0], "read"
            yield plain[1], "written"
        elif program in ("cat", "head", "tail", "wc") and plain:
            yield from ((word, "read") for word in plain if "." in word)
        elif program == "mkdir":
            yield from ((word.rstrip("/") + "/", "written") for word in plain)
        elif (
            re.fullmatch(r"python[\d.]*|Rscript|bash|sh", program)
            and plain
            and "-m" not in rest
            and "-c" not in rest
        ):
            yield plain[0], "read"
    yield from redirected


def _without_redirections(words: list[str]) -> tuple[list[str], list[tuple[str, Direction]]]:
    kept: list[str] = []
    files: list[tuple[str, Direction]] = []
    iterator = iter(words)
    for word in iterator:
        match = re.match(r"(\d|&)?(>>?|<)(?!&)(.*)$", word)
        if not match:
            kept.append(word)
            continue
        path = match[3] or next(iterator, "")
        if path and not path.startswith(("/dev/", "&")):
            files.append((path, "read" if match[2] == "<" else "written"))
    return kept, files


def _download(program: str, rest: list[str]) -> Iterator[tuple[str, Direction]]:
    url = next((word for word in rest if "://" in word), "")
    if not url:
        return
    yield url, "read"
    flag = "-o" if program == "curl" else "-O"
    if flag in rest[:-1]:
        yield rest[rest.index(flag) + 1], "written"
        return
    names_itself = program == "wget" or "-O" in rest or "--remote-name" in rest
    name = url.split("://", 1)[1].partition("?")[0].rstrip("/").rpartition("/")[2]
    if names_itself and "." in name:
        folder = rest[rest.index("-P") + 1] + "/" if "-P" in rest[:-1] else ""
        yield folder + name, "written"
