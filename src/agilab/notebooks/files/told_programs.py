"""Files that programs are told of which nobody knows: `!./tool in.txt out.txt`, `!python make.py`.

A word of such a line may name what the program reads, what it writes, or no file at all. It is taken for a file where
one lies there, or where another cell writes or reads it. What lies there the program is given, and is said to change
only if a stage below asks for it; what lies nowhere it may make.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

from agilab.notebooks.code.patterns import meets
from agilab.notebooks.code.turns import Turn
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.files.program_texts import ProgramText, program_text
from agilab.notebooks.findings import Finding
from agilab.notebooks.flow.links import Join
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact
from agilab.notebooks.shell.command_words import PROGRAM, READ, WORD, WORDS, WRITTEN

_MOST = 200
"""Files that one pattern finds."""
_WRITES = ("write", "add", "fill")


def is_word(use: FileUse) -> bool:
    """Whether a use is only a word of a command."""
    return use.does == "name" and use.artifact.kind in WORDS


def may_write(use: FileUse) -> bool:
    """Whether a use is a word of a command that may write what it names."""
    return use.does == "name" and use.artifact.kind in (WORD, WRITTEN)


def leaves(use: FileUse) -> bool:
    """Whether it most likely does, whatever turns out."""
    return use.does == "name" and use.artifact.kind == WRITTEN and not use.turns and not use.elsewhere


def covers(told: str, path: str) -> bool:
    """Whether a word names a file, or the folder that it lies in.

    >>> covers("out", "out/a.csv"), covers("out.csv", "out.csv"), covers("out", "out.csv")
    (True, True, False)
    """
    return path == told or path.startswith(f"{told}/")


def with_told(
    uses: Sequence[FileUse], folder: Path | None, written: Mapping[str, str]
) -> tuple[tuple[FileUse, ...], list[Finding], dict[FileUse, ProgramText]]:
    """The uses without the words that are no files, and with what the programs' own texts name.

    And what is to be said of files that a program may make and is not seen to, and the programs that are run.
    `written` are the texts of files that cells write down (`%%writefile`).
    """
    uses = with_sources(uses, folder)
    if not any(map(is_word, uses)):
        return tuple(uses), [], {}
    telling = _Telling(uses, folder, written)
    told = tuple(telling.told())
    return told, telling.findings, telling.run


def with_sources(uses: Sequence[FileUse], folder: Path | None) -> tuple[FileUse, ...]:
    """The uses, with a condition where a shell makes a file only of another that is nowhere: `!cp absent.csv a.csv`."""
    if folder is None or not any(use.artifact.missable for use in uses):
        return tuple(uses)
    made: list[str] = []
    missing: dict[tuple[int, int], str] = {}
    for use in uses:
        if use.does in _WRITES or is_word(use):
            made.append(use.path)
        if use.does == "read" and use.artifact.missable and use.is_own and "*" not in use.path:
            known = any(covers(one, use.path) or one == "." or meets(one, use.path) for one in made)
            if not known and not lies(folder, use.path):
                missing[use.cell, use.artifact.line] = use.path
    return tuple(_only_of(use, missing.get((use.cell, use.artifact.line))) for use in uses)


def _only_of(use: FileUse, source: str | None) -> FileUse:
    if source is None or use.does not in _WRITES or not use.artifact.missable or use.path == source:
        return use
    turn = Turn((use.cell, use.artifact.line), 0, 0, f"if {source} is there")
    return replace(use, turns=(*use.turns, turn))


def lies(folder: Path, path: str) -> bool:
    """Whether something of that path lies in a folder."""
    try:
        return (folder / path).exists()
    except (OSError, ValueError):
        return False


class _Telling:
    def __init__(self, uses: Sequence[FileUse], folder: Path | None, written: Mapping[str, str]) -> None:
        self._uses = uses
        self._written = written
        self._folder = folder
        own = [one for one in uses if one.is_own]
        self._made = {one.path for one in own if one.does in _WRITES}
        self._asked = {one.path for one in own if one.does in ("read", "look", "add")}
        self._known = self._made | self._asked
        words: dict[str, set[int]] = {}
        for one in own:
            if is_word(one):
                words.setdefault(one.path, set()).add(one.cell)
        self._words = list(dict.fromkeys(one.path for one in own if may_write(one)))
        self._twice = {path for path, cells in words.items() if len(cells) > 1}
        self._texts: dict[tuple[str, str], ProgramText] = {}
        self.findings: list[Finding] = []
        self.run: dict[FileUse, ProgramText] = {}

    def told(self) -> Iterator[FileUse]:
        for at, use in enumerate(self._uses):
            if not is_word(use):
                yield use
            elif use.is_own:
                for one in self._files(use):
                    yield one
                    if one.artifact.kind == PROGRAM:
                        yield from self._by_text(one, at)

    def _files(self, use: FileUse) -> Iterator[FileUse]:
        """A word as the files that it names."""
        path = use.path
        if "*" in path:
            known = self._known if use.artifact.computed else self._made
            for other in dict.fromkeys(
                [*self._found(path), *sorted(one for one in known if meets(one, path))]
            ):
                if "*" not in other:
                    unsure = use.artifact.computed and use.artifact.kind == WRITTEN
                    yield _word(use, other, WORD if unsure else use.artifact.kind)
            return
        if self._is_folder(path):
            if use.artifact.kind != READ:
                yield use
            yield replace(use, does="look", artifact=replace(use.artifact, direction="read", kind="folder"))
            return
        asked = any(covers(path, one) or meets(path, one) for one in self._known)
        if asked or use.artifact.kind == PROGRAM or self._lies(path) or path in self._twice:
            yield use

    def _by_text(self, use: FileUse, at: int) -> Iterator[FileUse]:
        """What the text of a program names, and what it may make that is asked for below and lies nowhere."""
        if self._folder is None:
            return
        said = use.artifact.path
        base = use.path.removesuffix(said).rstrip("/") if use.path.endswith(said) else ""
        key = (base, said)
        if key not in self._texts:
            self._texts[key] = program_text(said, self._folder / base, self._written if not base else {})
        text = self._texts[key]
        if text.text is None and use.path not in self._made:
            return
        self.run[use] = text
        for part in text.parts:
            yield from self._files(_word(use, _below(base, part.rstrip("/")), READ))
        seen = {use.path, "."}
        for place in dict.fromkeys(
            (base, posixpath.dirname(use.path))
        ):  # `cd sub; ./tool` is started in its own
            for name, role in text.names.items():
                path = _below(place, name)
                if path not in seen and not path.startswith(("/", "..")):
                    seen.add(path)
                    yield from self._files(_word(use, path, role))
        for read in self._uses[at:]:
            path = read.path
            if read.cell <= use.cell or not read.is_own or read.does not in ("read", "name") or "*" in path:
                continue
            if path in seen or path in self._made or self._is_told(path):
                continue  # said already, by the text or by a line
            if is_word(read) and read.artifact.kind != PROGRAM:
                continue
            seen.add(path)
            lying = self._lies(path)
            if not (text.may_overwrite(path) if lying else text.may_write(path)):
                continue
            turn = Turn((use.cell, use.artifact.line), 0, 0, f"if {use.artifact.path} makes it")
            yield replace(_word(use, path, WORD), turns=(*use.turns, turn))
            what = (
                f"“{redact(path)}” is not there, and no cell is seen to make it; "
                f"{redact(use.artifact.path)} of cell {use.cell} may"
            )
            one = found("NB-317", what, cell=read.cell, line=read.artifact.line)
            self.findings += [] if lying or one in self.findings else [one]

    def _is_told(self, path: str) -> bool:
        """Whether a line of a program names a file itself."""
        return any(covers(one, path) for one in self._words)

    def _lies(self, path: str) -> bool:
        return self._folder is not None and lies(self._folder, path)

    def _is_folder(self, path: str) -> bool:
        try:
            return self._folder is not None and path != "." and (self._folder / path).is_dir()
        except (OSError, ValueError):
            return False

    def _found(self, pattern: str) -> Iterator[str]:
        if self._folder is None or pattern.startswith(("**", "*/")) or pattern.strip("*./") == "":
            return
        try:
            for file in islice(self._folder.glob(pattern), _MOST):
                if file.is_file():
                    yield file.relative_to(self._folder).as_posix()
        except (OSError, ValueError, NotImplementedError):
            return


def _word(use: FileUse, path: str, kind: str) -> FileUse:
    return replace(use, path=path, artifact=replace(use.artifact, kind=kind))


def _below(base: str, name: str) -> str:
    return posixpath.normpath(posixpath.join(base, name))


def joined_by_programs(
    uses: Sequence[FileUse], there: frozenset[str] | None, number_of: Mapping[int, int]
) -> Iterator[Join]:
    """Cells of which one tells a program of a file that lies nowhere, and another asks for it.

    Not where the file is certainly asked for by what fails without it: then the one stage can promise it to the other.
    """
    own = [one for one in uses if one.is_own and one.cell in number_of]
    made: set[str] = set()
    told: dict[str, FileUse] = {}
    for use in own:
        path = use.path
        asks = use.does in ("read", "look", "add") or is_word(use)
        if asks and "*" not in path and path not in made and path not in (there or ()):
            above = [one for word, one in told.items() if covers(word, path) and one.cell < use.cell]
            nearest = max(above, key=lambda one: one.cell, default=None)
            if nearest is not None and not (_is_sure(nearest) and fails_without(use)):
                why = f"{path} may be made by a program that takes its name"
                if nearest.turns:
                    why = f"{path} may be made by {nearest.artifact.path}"
                yield Join(number_of[nearest.cell], number_of[use.cell], (path,), why, undecided=True)
        if use.does in _WRITES:
            made.add(path)
        elif may_write(use):
            told[path] = use


def changed_by_programs(uses: Sequence[FileUse], there: frozenset[str] | None) -> frozenset[tuple[int, str]]:
    """Of words that name what lies there those, by cell and path, that most likely change it, or for which a cell below
    asks again.
    """
    asked: dict[str, int] = {}
    found: set[tuple[int, str]] = set()
    for use in reversed([one for one in uses if one.is_own]):
        changes = may_write(use) and use.path in (there or ())
        if changes and (leaves(use) or asked.get(use.path, use.cell) > use.cell):
            found.add((use.cell, use.path))
        if use.does in ("read", "look", "add") or is_word(use):
            asked.setdefault(use.path, use.cell)
    return frozenset(found)


def _is_sure(use: FileUse) -> bool:
    return not use.turns and not use.elsewhere


def fails_without(use: FileUse) -> bool:
    """Whether a notebook stops at a use if the file is not there."""
    return use.does == "read" and not use.turns and not use.elsewhere and not use.artifact.missable
