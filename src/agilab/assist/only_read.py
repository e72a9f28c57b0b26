"""Texts that code only compares, prints or puts on a picture: whatever they look like, they lead nowhere."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_TELLS = _words("""
    startswith endswith contains match fullmatch removeprefix removesuffix strip lstrip rstrip split rsplit count find
    rfind index starts_with ends_with contains_any strip_prefix strip_suffix strip_chars eq ne
    isin is_in set_title set_xlabel set_ylabel set_zlabel set_label suptitle title xlabel ylabel text annotate
    supxlabel supylabel figtext info warning error debug critical exception
""")
"""Methods of which no result has, or reaches, the text that they are given."""
_FIRST = frozenset(("extract", "extractall", "extract_all", "findall"))
"""The same of the first text that methods of columns of texts are given; and `replace`, of anything, beside another."""
_PATTERNS = frozenset(
    f"re.{one}" for one in ("search", "match", "fullmatch", "findall", "finditer", "split", "sub")
)
_LABELS = frozenset(("title", "label", "xlabel", "ylabel", "zlabel", "legend_title", "suptitle", "caption"))
_PICTURES = ("matplotlib.", "seaborn.", "plotly.")
_DRAW = ("plot", "set", "scatter", "hist", "bar", "line", "legend")
_COMPARED = re.compile(
    r"""(?ix) (?: \b (?:where|and|or|on|not|having|when) \b \s* | ^ \s* (?=[\w."`\[\]]+\s*[=!]=) ) \(? \s*
    [\w."`\[\]]+ \s* (?: ==? | != | <> | \bi?like\b ) \s* (?: '[^']*' | "[^"]*" )"""
)
"""A condition of SQL, or of `query`, on a text that is written out."""


def only_read(tree: ast.Module, dotted: Callable[[ast.expr], str]) -> set[int]:
    """The ids of the constants of a tree with which nothing else is done. `dotted` gives the whole name of a function.

    Of a name that the code itself gives to something else nothing is known.
    """
    own = frozenset(_named(tree))
    found: set[int] = set()
    for node in ast.walk(tree):
        match node:
            case ast.Compare(left=left, comparators=others):
                found |= {id(one) for one in (left, *others) if isinstance(one, ast.Constant)}
            case ast.Subscript(slice=ast.Constant() as key, ctx=ast.Load()):
                found.add(id(key))
            case ast.Call():
                found |= {id(one) for one in _told(node, dotted, own) if isinstance(one, ast.Constant)}
    return found


def _named(tree: ast.Module) -> Iterator[str]:
    """Every name that code gives to something, of attributes their last part."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                yield name
            case ast.Name(id=name, ctx=ast.Store()) | ast.Attribute(attr=name, ctx=ast.Store()):
                yield name
            case ast.alias(name=name, asname=other):
                yield other or name.partition(".")[0]
            case ast.arg(arg=name):
                yield name


def _told(call: ast.Call, dotted: Callable[[ast.expr], str], own: frozenset[str]) -> Iterator[ast.expr]:
    function = call.func
    if isinstance(function, ast.Name):
        if function.id == "print" and "print" not in own:
            yield from (part for one in call.args for part in _written_out(one))
        return
    if not isinstance(function, ast.Attribute) or function.attr in own:
        return
    name = dotted(function)
    if name in _PATTERNS:
        yield from call.args[:1]
    elif name and not name.startswith(_PICTURES):
        return
    elif function.attr in _TELLS:  # a method of some value, or of a picture
        yield from (part for one in call.args for part in _written_out(one))
    elif _looks_for_the_first(call, function):
        yield from call.args[:1]
    if (
        name.startswith(_PICTURES)
        or function.attr.startswith(_DRAW)
        or getattr(function.value, "attr", "") == "plot"
    ):
        yield from (word.value for word in call.keywords if word.arg in _LABELS)


def _looks_for_the_first(call: ast.Call, function: ast.Attribute) -> bool:
    if function.attr in ("replace", "replace_all"):
        return len(call.args) > 1
    return function.attr in _FIRST and getattr(function.value, "attr", "") == "str"


def _written_out(node: ast.expr) -> Iterator[ast.expr]:
    """The texts of an argument, those between the values of an f-string among them."""
    if isinstance(node, ast.JoinedStr):
        yield from (one for one in node.values if isinstance(one, ast.Constant))
    elif isinstance(node, ast.List | ast.Tuple | ast.Set):
        yield from node.elts
    else:
        yield node


def without_conditions(text: str) -> str:
    """A text without what it only compares with, as SQL does.

    >>> without_conditions("select * from t where page = '/etc/x'")
    'select * from t '
    >>> without_conditions("select * from '/etc/x'")
    "select * from '/etc/x'"
    """
    return _COMPARED.sub("", text)
