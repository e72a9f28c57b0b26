"""The files that a shell command certainly names: redirections, downloads, archives, copies. No guesses."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence

from agilab.notebooks.shell_commands import Direction, Step, steps_of_words

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
    [('b.txt', False), ('c.txt', True)]
    """
    within: list[str] = []
    for inner in _INNER.finditer(command[:_LONGEST]):  # what others are given: no folder is changed for these
        yield from steps_of_command(inner[1] or inner[2])
    command = _INNER.sub("", command[:_LONGEST])
    for before, part in _parts(command):
        try:
            words = shlex.split(part)
        except ValueError:
            continue
        yield from _walked(words)
        words = _without_structure(words, within)
        if words[:1] in (["cd"], ["pushd"]):
            return
        sure = before != "||" and not _PARTING & {*within}
        yield from (step._replace(sure=sure) for step in _of_words(words))


def steps_of_list(words: Sequence[str]) -> Iterator[Step]:
    """What a program does that is started with words as they are: to it, `>` and `|` among them mean nothing.

    >>> [step.path for step in steps_of_list(["sudo", "/bin/cat", "a b.txt", "c;d.txt"])]
    ['a b.txt', 'c;d.txt']
    """
    words = _without_structure([*words], [])
    steps = steps_of_words(words[0].rsplit("/", 1)[-1], words[1:]) if words else ()
    return (step for step in steps if _names_a_file(step.path))


_PIECE = re.compile(
    r"(?P<remark>(?<!\S)\#[^\n]*) | (?P<join>\\\n)"
    r"| (?P<end>&& | \|\| | [;|\n] | (?<![<>&])&(?![>&\d]))"
    r"| (?P<quoted>'[^']*' | \"(?:\\.|[^\"\\])*\") | \\. | [^'\"\\&|;\n\s]+ | .",
    re.DOTALL | re.VERBOSE,
)
_INNER = re.compile(r"[$<>]\((?!\()([^()'\"]*)\)|`([^`'\"]*)`")
"""Commands in another: `$(ls)`, `<(sort a.csv)`, or between backquotes."""
_TEXT_BELOW = re.compile(r"<<-?\s*[\"']?(\w+)")


def _parts(command: str) -> Iterator[tuple[str, str]]:
    """Commands, each with what stands between it and the one before; without remarks and texts that are typed in.

    >>> list(_parts("awk '{a; b}' x.csv | wc -l && cat <<END  # don't\\na; b\\nEND\\nls"))
    [('', "awk '{a; b}' x.csv "), ('|', ' wc -l '), ('&&', ' cat <<END  '), ('\\n', 'ls')]
    """
    at, before, part, ends = 0, "", "", ""
    while (piece := _PIECE.match(command, at)) is not None:
        at = piece.end()
        if piece.lastgroup == "end":
            yield before, part
            before, part = piece[0], ""
            if before == "\n" and ends:
                below = re.compile(rf"^\s*{ends}\s*$\n?", re.MULTILINE).search(command, at)
                at, ends = (below.end() if below else len(command)), ""
        elif piece.lastgroup not in ("remark", "join"):
            part += piece[0]
            ends = text[1] if (text := _TEXT_BELOW.search(part)) is not None else ends
    yield before, part


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


def _of_words(words: list[str]) -> Iterator[Step]:
    words, redirected = _without_redirections(words)
    if words:
        program = words[0].rsplit("/", 1)[-1]
        if program in ("bash", "sh", "zsh") and "-c" in words[:-1]:
            yield from steps_of_command(words[words.index("-c") + 1])
        steps = (*steps_of_words(program, words[1:]), *redirected)
        yield from (step for step in steps if _names_a_file(step.path))


def _names_a_file(path: str) -> bool:
    """Whether a word is a path as it stands: not what a variable or a command in it says, nor a device."""
    said = "`" in path or "$(" in path or path[:1] in "($" or (path.endswith(")") and "{" not in path)
    return bool(path) and not said and not path.startswith("/dev/")


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


_REDIRECTIONS: Mapping[str, Direction] = {"<": "read", ">": "written", ">>": "both"}
"""What is added to keeps what it held."""
