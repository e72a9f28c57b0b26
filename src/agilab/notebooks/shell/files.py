"""The files that a shell command certainly names: redirections, downloads, archives, copies. No guesses."""

from __future__ import annotations

import posixpath
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from agilab.notebooks.shell.commands import Direction, Step, steps_of_words
from agilab.notebooks.shell.program_words import Word, words_of_program

_LONGEST = 4000


def files_of_command(command: str) -> Iterator[tuple[str, Direction]]:
    """(path, direction) of what commands name. After a `cd` nothing is certain.

    >>> list(files_of_command("wget -q https://example.org/a.csv -O data/a.csv && gzip -d b.gz > log.txt"))
    [('https://example.org/a.csv', 'read'), ('data/a.csv', 'written'), ('b.gz', 'read'), ('b', 'written'), \
('log.txt', 'written')]
    """
    return ((step.path, step.direction) for step in steps_of_command(command))


def steps_of_command(command: str) -> Iterator[Step]:
    """The same, one after another, with what is gone afterwards and what is done only if something turns out.

    >>> [(step.path, step.sure) for step in steps_of_command("test -f a.txt || wc -l b.txt; rm c.txt")]
    [('a.txt', True), ('b.txt', False), ('c.txt', True)]
    """
    for one in _commands(command):
        if one.folder:
            return
        yield from (step._replace(sure=one.sure and step.sure) for step in (*one.walked, *_of_words(one)))


def words_of_command(command: str) -> Iterator[tuple[Word, bool]]:
    """The words of its programs that may name files, each with whether its program is come to for certain.

    >>> [(word.text, sure) for word, sure in words_of_command("./tool < a.txt b.txt || nice ./prog")]
    [('./tool', True), ('b.txt', True), ('./prog', False)]
    """
    for one in _commands(command):
        for word in (*(Word(each, "word") for each in one.loop), *words_of_list(one.words)):
            yield word._replace(text=posixpath.join(one.folder, word.text)), one.sure


def lists_of_command(command: str) -> Iterator[list[str]]:
    """The words of each command that is started where the text is."""
    return (one.words for one in _commands(command) if not one.folder)


def is_one_command(text: str) -> bool:
    """Whether a text has one command, whose end is that of the whole.

    >>> is_one_command("wc -l a.csv\\n"), is_one_command("wc -l a.csv; ls")
    (True, False)
    """
    return sum(bool(part.text.strip()) for part in _parts(text[:_LONGEST])) == 1


class _Command(NamedTuple):
    """One command: its words, what is redirected and walked through around it, whether it is come to, where, and what
    a loop goes through word by word.
    """

    words: list[str]
    redirected: list[Step]
    walked: list[Step]
    sure: bool
    folder: str = ""
    loop: Sequence[str] = ()


def _commands(command: str) -> Iterator[_Command]:
    """Those of a text, with those in them before them; after a `cd` only if it says the folder."""
    folder = ""
    within: list[str] = []
    for part in _parts(command[:_LONGEST]):
        sure = part.before != "||" and not _PARTING & {*within}
        for inner in part.inner:
            yield from (one._replace(sure=sure and one.sure) for one in _commands(inner))
        text, redirected = _without_redirections(part.text)
        try:
            words = shlex.split(text)
        except ValueError:
            continue
        ends = bool(words) and words[-1].endswith(")") and "(" not in words[-1]
        words[-1:] = [words[-1].rstrip(")")] if ends else words[-1:]
        walked = [*_walked(words)]
        loop = [word for word in words[3:] if words[0] == "for" and words[2] == "in" and _names_a_file(word)]
        words = _without_structure(words, within)
        if words and words[0].lstrip("(") in ("cd", "pushd"):
            yield _Command([], [], walked, sure)
            if len(words) != 2 or not re.fullmatch(r"(?!-)[\w.\-/]+", words[1]):
                return
            folder = posixpath.join(folder, words[1])
            continue
        sure = part.before != "||" and not _PARTING & {*within}
        if words[:1] and words[0] in ("bash", "sh", "zsh") and "-c" in words[:-1]:
            yield from (
                one._replace(sure=sure and one.sure) for one in _commands(words[words.index("-c") + 1])
            )
        yield _Command(words, redirected, walked, sure, folder, loop)
        folder = "" if ends else folder  # `(cd a; ls); ls`


def steps_of_list(words: Sequence[str]) -> Iterator[Step]:
    """What a program does that is started with words as they are: to it, `>` and `|` among them mean nothing.

    >>> [step.path for step in steps_of_list(["sudo", "/bin/cat", "a b.txt", "c;d.txt"])]
    ['a b.txt', 'c;d.txt']
    """
    words = _without_structure([*words], [])
    steps = steps_of_words(words[0].rsplit("/", 1)[-1], words[1:]) if words else ()
    return (step for step in steps if _names_a_file(step.path))


def words_of_list(words: Sequence[str]) -> Iterator[Word]:
    """The words of one such program that may name files."""
    while words and "=" in words[0] and "/" not in words[0].partition("=")[0]:  # `LEVEL=2 ./tool`
        words = words[1:]
    found = words_of_program(_without_structure([*words], []))
    return (word for word in found if _names_a_file(word.text.lstrip("$")) and "\n" not in word.text)


_QUOTED = r"'[^']*' | \"(?:\\.|[^\"\\])*\""
_ITS_OWN = rf"{_QUOTED} | \\. | \$?\(\((?:[^()\n]|\([^()\n]*\))*\)\) | \[\[\s[^\n]*?\s\]\]"
"""Pieces in which no sign has a meaning between commands: quoted, escaped, or of a sum or a condition."""
_OF_OTHERS = r"(?:[$<>]\((?!\()([^()'\"]*)\)|`([^`'\"]*)`)"
"""Commands in another: `$(ls)`, `<(sort a.csv)`, or between backquotes."""
_INNER = re.compile(_OF_OTHERS)
_PIECE = re.compile(
    rf"(?P<remark>(?<!\S)\#[^\n]*) | (?P<join>\\\n) | (?P<own>{_ITS_OWN}) | (?P<inner>{_OF_OTHERS})"
    r"| <<< | (?P<below><<-?[^\S\n]*(?P<apart>[\"'\\]?)(?P<until>[\w.\-]+)[\"']?) | >\| "
    r"| (?P<end>&& | \|\| | [;|\n] | (?<![<>&])&(?![>&\d]))"
    r"| [^'\"\\&|;\n\s<>$`(\[]+ | .",
    re.DOTALL | re.VERBOSE,
)


class _Part(NamedTuple):
    """One command: what stands between it and the one before, its text, and the commands in it."""

    before: str
    text: str
    inner: list[str]


def _parts(command: str) -> Iterator[_Part]:
    """Commands without remarks, without the texts that are typed in, and with `$()` for those in them.

    >>> [part[:2] for part in _parts("awk '{a; b}' x.csv | wc -l && cat <<END  # don't\\na; b\\nEND\\nls")]
    [('', "awk '{a; b}' x.csv "), ('|', ' wc -l '), ('&&', ' cat <<END  '), ('\\n', 'ls')]
    """
    at, before, text, below = 0, "", "", None
    inner: list[str] = []
    while (piece := _PIECE.match(command, at)) is not None:
        at = piece.end()
        if piece.lastgroup == "end":
            if piece[0] == "\n" and below is not None:
                end = re.compile(rf"^\s*{re.escape(below['until'])}\s*$\n?", re.MULTILINE).search(command, at)
                inner += [] if below["apart"] else _commands_in(command[at : end.start() if end else None])
                at, below = (end.end() if end else len(command)), None
            yield _Part(before, text, inner)
            before, text, inner = piece[0], "", []
        elif piece.lastgroup == "inner":
            inner += _commands_in(piece[0])
            text += "" if piece[0][0] in "<>" else "$()"
        elif piece.lastgroup not in ("remark", "join"):
            inner += _commands_in(piece[0], "$`") if piece[0][0] == '"' else []
            below = piece if piece.lastgroup == "below" else below
            text += piece[0]
    yield _Part(before, text, inner)


def _commands_in(text: str, begun: str = "$<>`") -> list[str]:
    return [one[1] or one[2] or "" for one in _INNER.finditer(text) if one[0][0] in begun]


_PARTING = frozenset({"if", "while", "until", "case"})
_OTHERS = frozenset({"then", "else", "elif", "do", "{", "}", "(", ")", "!", "time", "sudo"})


def _walked(words: list[str]) -> Iterator[Step]:
    """The files that a loop goes through: `for f in out/*.csv`."""
    if words[:1] == ["for"] and words[2:3] == ["in"]:
        yield from (Step(word, "read", kind="folder") for word in words[3:] if "*" in word)


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


def _of_words(one: _Command) -> Iterator[Step]:
    steps = [*one.redirected]
    if one.words:
        steps = [*steps_of_words(one.words[0].rsplit("/", 1)[-1], one.words[1:]), *steps]
    yield from (step for step in steps if _names_a_file(step.path))


def _names_a_file(path: str) -> bool:
    """Whether a word is a path as it stands: not what a variable or a command in it says, nor a device."""
    said = "`" in path or "$(" in path or path[:1] in "($" or (path.endswith(")") and "{" not in path)
    return bool(path) and not said and not path.startswith("/dev/")


_VALUE = r"\{[^\s{}'\"][^{}'\"]*\}"
"""A value of the notebook that is not known, as it stands in a command."""
_REDIRECTION = re.compile(
    rf"(?P<own>{_ITS_OWN} | {_VALUE})"
    r"| (?:(?<!\S)\d+|&)? (?P<how><<<|<<-?|<>|>>|>\||[<>]) (?P<same>&?) [^\S\n]*"
    rf"(?P<path>(?: {_QUOTED} | \\. | {_VALUE} | \$\(\) | [^\s<>;|&()'\"\\])*)",
    re.DOTALL | re.VERBOSE,
)


def _without_redirections(text: str) -> tuple[str, list[Step]]:
    """A command without its redirections, and what these do to files. A `<` or `>` between quotes is none.

    >>> _without_redirections("grep '<b>' a.html 2>&1 >'b c.txt'")
    ("grep '<b>' a.html    ", [Step(path='b c.txt', direction='written', gone=False, sure=True, kind='')])
    """
    files: list[Step] = []

    def taken(match: re.Match[str]) -> str:
        if match["own"]:
            return match[0]
        try:
            path = " ".join(shlex.split(match["path"]))
        except ValueError:
            return match[0]
        counted = bool(match["same"]) and re.fullmatch(r"\d*-?", path) is not None
        if path and not counted and match["how"] in _REDIRECTIONS:
            files.append(Step(path, _REDIRECTIONS[match["how"]]))
        return " "

    return _REDIRECTION.sub(taken, text), files


_REDIRECTIONS: Mapping[str, Direction] = {
    "<": "read",
    "<>": "both",
    ">": "written",
    ">|": "written",
    ">>": "both",
}
"""What is added to keeps what it held; of a text that is typed in (`<<`) there is no file."""
