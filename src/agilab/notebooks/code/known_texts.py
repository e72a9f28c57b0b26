"""Texts of the code that are paths or parts of them: joined, shortened, renamed, as far as they are known."""

from __future__ import annotations

import ast
import itertools
import posixpath
import re
from dataclasses import dataclass, replace

from agilab.notebooks.code.walking import Binding, Place

FIRST = (-1, 0)
"""Stands before everything: the folder that the notebook begins in."""
LAST_OF_ONE = re.compile(r"\{basename\((\w+)\)\}")
ONE_HOLE = re.compile(r"\{[^{}]*\}")


@dataclass(frozen=True)
class Text:
    """A text of the code.

    Attributes:
        text: It; where not known, with `{…}` for what is not.
        known: Whether it has no holes.
        path: Whether it is a `pathlib` path rather than a string.
        perhaps: Whether it is one of two of which a condition takes the other.
        wide: The same with holes where a parameter of the notebook stands; empty where none does.
        start: The cell and the statement that ask for the working folder that it begins with; None where none does.
        whole: Whether it is, where the code runs, a path from the root of all: what lies above it is a folder.
    """

    text: str
    known: bool = True
    path: bool = False
    perhaps: bool = False
    wide: str = ""
    start: tuple[int, int] | None = None
    whole: bool = False


def behind_the_slash(text: Text) -> Text:
    """What stands behind the last slash of a path or an address; of a hole, a hole that says so."""
    last = last_part(text.text)
    known = "{" not in last and last not in ("", ".", "..")
    return Text(last if known or "{" in last else "{…}", known, perhaps=text.perhaps)


def last_part(text: str) -> str:
    """What stands behind the last slash, as far as it is known.

    >>> last_part("{BASE}/a/utils.py"), last_part("{url}"), last_part("{url}.py"), last_part("a/{n}.csv")
    ('utils.py', '{basename(url)}', '{…}', '{n}.csv')
    """
    holes = ONE_HOLE.findall(text)
    outside = ONE_HOLE.sub("{}", text)
    last = outside.rpartition("/")[2]
    number = last.count("{}")
    if not number:
        return last
    if "/" not in outside:
        name = holes[0][1:-1] if text == holes[0] else ""
        if name.isidentifier():
            return f"{{basename({name})}}"
        return text if LAST_OF_ONE.fullmatch(text) else "{…}"
    for hole in holes[-number:]:
        last = last.replace("{}", hole, 1)
    return last


def begun(text: Text, place: Place) -> Text:
    """A path that is meant from the working folder of just then; in a function nobody knows when that is."""
    within = place.function or place.scope.parent is not None
    return text if text.start is not None or within else replace(text, start=(place.cell, place.statement))


def whole(text: Text, place: Place) -> Text:
    """The same, with all folders that it lies in."""
    normal = posixpath.normpath(text.text) if text.known and text.text[:1] != "~" else text.text
    return replace(begun(text, place), text=normal, whole=True)


def asked_at(text: Text, binding: Binding) -> Text:
    """A text of a module, as it is for whoever imports it there."""
    at = text.start if text.start in (None, FIRST) else (binding.cell, binding.statement)
    return replace(text, start=at, wide="")


def hole(node: ast.expr) -> Text:
    text = ast.unparse(node) if _is_small(node) else "…"
    return Text("{" + (text if len(text) <= 40 else text[:39] + "…") + "}", known=False)


def _is_small(node: ast.expr) -> bool:
    """Unparsing is recursive and quotes what it finds: only for what is short and holds no text."""
    nodes = list(itertools.islice(ast.walk(node), 16))
    return len(nodes) < 16 and not any(
        isinstance(x, ast.Constant) and isinstance(x.value, str) for x in nodes
    )


def suits_a_path(left: tuple[Text, ...], right: tuple[Text, ...]) -> bool:
    """Whether `x / "a.csv"` can only be a path: one side is a text, and texts are not divided."""
    return any(text.known and not text.text.replace(".", "").isdigit() for text in (*left, *right))


def under(*parts: Text) -> Text:
    last = max((number for number, part in enumerate(parts) if number and part.whole), default=0)
    if not last and len(parts) > 1 and parts[0].text in (".", "") and parts[0].start is None:
        last = 1
    text = posixpath.join(*(part.text for part in parts[last:]))
    perhaps = any(part.perhaps for part in parts)
    known = all(part.known for part in parts)
    first = parts[last]
    return Text(text.removeprefix("./") or ".", known, True, perhaps, start=first.start, whole=first.whole)


def folder_in(text: str) -> str:
    """What `os.path.dirname` gives; of a hole, a hole that says so.

    >>> folder_in("a/b.csv"), folder_in("b.csv"), folder_in("{pkg.__file__}"), folder_in("{n}.csv")
    ('a', '', '{dirname(pkg.__file__)}', '{…}')
    """
    outside = ONE_HOLE.sub("{}", text)
    if "{" not in outside or "/" in outside:
        return posixpath.dirname(text)
    return f"{{dirname({text[1:-1]})}}" if outside == "{}" else "{…}"


def above(text: Text) -> str:
    """The folder that a path lies in."""
    if not text.known and ONE_HOLE.fullmatch(text.text):
        return f"{text.text}/.."
    if not text.whole:
        return posixpath.dirname(text.text) or "."
    normal = posixpath.normpath(text.text) if text.known else text.text
    if normal.rpartition("/")[2] in (".", ".."):
        return posixpath.normpath(f"{normal}/..")
    return posixpath.dirname(normal) or "."


def renamed(owner: Text, new: Text, how: str) -> Text:
    folder, name = posixpath.split(owner.text)
    name = new.text if how == "with_name" else posixpath.splitext(name)[0] + new.text
    known, perhaps = owner.known and new.known, owner.perhaps or new.perhaps
    return Text(posixpath.join(folder, name), known, True, perhaps, start=owner.start, whole=owner.whole)
