"""What the text of a program says that a shell line runs: the files that it names, and whether it only reads them."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agi_node.source.tree import Unreadable, parse
from agilab.notebooks.code.patterns import matches
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import scope_of_notebook, walk
from agilab.notebooks.files.artifacts import acts_of
from agilab.notebooks.modules.imports import aliases_of
from agilab.notebooks.shell.command_words import READ, WORD, WRITTEN
from agilab.notebooks.shell.program_words import Role

_LONGEST = 1_000_000
"""Bytes of one program that are read."""
_MOST = 40
"""Programs and modules that are read of one line."""
_NAMES = 2000
"""What looks like the name of a file in one of them."""
_WRITES = re.compile(
    r"\s*%%(?:writefile|file)\s+(?P<more>(?:-a|--append)\s+)?[\"']?(?P<path>[^\s\"'{}$]+)[\"']?[^\S\n]*\n"
)
_HOLE = re.compile(r"\{[^{}]*\}")
_NAME = re.compile(r"[\w.\-*/]*[\w*]\.?\w+")


@dataclass(frozen=True)
class ProgramText:
    """A program, as far as its text is there.

    Attributes:
        text: With that of its own modules; None where it is not there.
        names: What may be the names of files in it, each with what it is seen to do to it.
        parts: The files and folders (with a slash) of its own modules.
        computed: Patterns of what it writes under names that it computes.
        imports: The modules that it and its own modules import and that are none of these, by full names.
    """

    text: str | None
    names: Mapping[str, Role]
    parts: tuple[str, ...] = ()
    computed: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()

    def may_write(self, path: str) -> bool:
        """Whether it says a part of a file's name: that without its ending, or the ending."""
        if self.text is None:
            return True
        stem, ending = posixpath.splitext(posixpath.basename(path))
        return (len(stem) > 1 and stem in self.text) or (len(ending) > 1 and ending in self.text)

    def may_overwrite(self, path: str) -> bool:
        """Whether a name that it computes may be that of a file that lies there: by what it says of such a name, and
        else by the name without its ending.
        """
        stem = posixpath.splitext(posixpath.basename(path))[0]
        return any(
            matches(one, path) if one.strip("*/.") else len(stem) > 1 and stem in (self.text or "")
            for one in self.computed
        )


def written_down(cells: Iterable[str]) -> dict[str, str]:
    """The texts of files that cells write, as far as a cell is all of one.

    >>> written_down(["%%writefile a.py\\nprint(1)", "%%writefile -a a.py\\nprint(2)"])
    {'a.py': 'print(1)\\nprint(2)'}
    """
    found: dict[str, str] = {}
    for source in cells:
        if (begin := _WRITES.match(source)) is not None:
            path = posixpath.normpath(begin["path"])
            before = f"{found[path]}\n" if begin["more"] and path in found else ""
            found[path] = before + source[begin.end() :]
    return found


def program_text(path: str, folder: Path, written: Mapping[str, str]) -> ProgramText:
    """That of a program by its path from a folder, in which it is run; `written` are texts of files to come."""
    names: dict[str, Role] = {}
    texts: list[str] = []
    parts: dict[str, None] = {}
    computed: dict[str, None] = {}
    imports: dict[str, None] = {}
    todo = [path]
    while todo and len(texts) < _MOST:
        one = todo.pop()
        text = written.get(posixpath.normpath(one)) or _read(folder / one)
        if text is None:
            continue
        texts.append(text)
        if one != path:
            parts[one] = None
        done: dict[str, set[str]] = {}
        if one.endswith(".py") and (tree := _parsed(text)) is not None:
            scope = scope_of_notebook({0: tree})
            nodes = list(walk(0, tree, scope))
            acts = acts_of(nodes, Evaluator(aliases_of([nodes])))
            for act in acts:
                if act.artifact.computed and act.artifact.direction in ("written", "both"):
                    computed[posixpath.normpath(_HOLE.sub("*", act.artifact.path))] = None
                if not act.artifact.computed and act.artifact.where == "relative":
                    done.setdefault(act.artifact.path, set()).add(act.artifact.direction)
            imports |= dict.fromkeys(imported_by(tree))
            for module in modules_of(tree):
                below = posixpath.normpath(posixpath.join(posixpath.dirname(one), module))
                lies = f"{below}.py" in written or (folder / f"{below}.py").is_file()
                if lies and f"{below}.py" not in (*parts, path):
                    todo.append(f"{below}.py")
                elif (folder / below / "__init__.py").is_file():
                    parts[f"{below}/"] = None
        said = [name for name in _NAME.findall(text) if "." in name or "/" in name]
        for name in dict.fromkeys([*done, *said[:_NAMES]]):
            names[name] = _role(done.get(name, set()), names.get(name))
    own = {posixpath.basename(one.rstrip("/")).removesuffix(".py") for one in parts}
    foreign = tuple(one for one in imports if one.partition(".")[0] not in own)
    return ProgramText("\n".join(texts) if texts else None, names, tuple(parts), tuple(computed), foreign)


def _role(ways: set[str], before: Role | None) -> Role:
    now = READ if ways == {"read"} else WRITTEN if ways & {"written", "both"} else WORD
    if before in (None, now):
        return now
    return WRITTEN if WRITTEN in (before, now) else WORD


def _read(file: Path) -> str | None:
    try:
        with file.open("rb") as stream:
            return stream.read(_LONGEST).decode("utf-8", "replace")
    except (OSError, ValueError):
        return None


def _parsed(text: str) -> ast.Module | None:
    try:
        return parse(text.encode("utf-8", "surrogatepass"))
    except (Unreadable, ValueError):
        return None


def imported_by(tree: ast.Module) -> Iterator[str]:
    """The full names of the modules that a program imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module


def modules_of(tree: ast.Module) -> Iterator[str]:
    """The modules that a program imports, the first parts of their names, and whole where they have more."""
    for name in imported_by(tree):
        yield name.partition(".")[0]
        if "." in name:
            yield name.replace(".", "/")
