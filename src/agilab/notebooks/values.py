"""What a text or a path in the code is, as far as the notebook says it; what it does not say stays a `{hole}`.

Names that are bound once are looked up; one that is bound again in the same cell has, for a later statement of that
cell, the last value. Whatever else happened to a name makes it a hole. Nothing is guessed, nothing executed.
"""

from __future__ import annotations

import ast
import itertools
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, replace

from agi_node.source.tree import chain_of
from agilab.notebooks.walking import Binding, Place

MOST = 24
"""Alternatives kept of a text (a loop over a list of file names); more become one with a hole."""

DEEPEST = 40


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
    """

    text: str
    known: bool = True
    path: bool = False
    perhaps: bool = False
    wide: str = ""
    start: tuple[int, int] | None = None


class Evaluator:
    """Texts of expressions. Responsible for what strings and paths are; not for which of them are files."""

    def __init__(self, aliases: dict[str, str], parameters: Mapping[str, int] | None = None) -> None:
        """`parameters` are names that a run may give other values, each with the cell that has its usual one."""
        self._aliases = aliases
        self.imported = frozenset(aliases)
        self.modules = frozenset(aliases.values())
        self._varies: Mapping[str, int] = {}
        self._wide: Evaluator | None = None
        if parameters:
            self._wide = Evaluator(aliases)
            self._wide._varies = parameters

    def texts(self, node: ast.expr, place: Place, depth: int = 0) -> tuple[Text, ...]:
        """What an expression may be: one text, or several where the code itself lists them."""
        if depth > DEEPEST:
            return (_hole(node),)
        result = self._texts(node, place, depth + 1)
        distinct = tuple(dict.fromkeys(result))
        found = distinct if distinct and len(distinct) <= MOST else (_hole(node),)
        return self._widened(found, node, place) if depth == 0 and self._wide is not None else found

    def _widened(self, found: tuple[Text, ...], node: ast.expr, place: Place) -> tuple[Text, ...]:
        """The same texts, each with what is left of it where parameters are not known."""
        wide = self._wide.texts(node, place) if self._wide is not None else ()
        if len(wide) != len(found):
            return found
        return tuple(
            replace(one, wide=other.text) if one.known and not other.known else one
            for one, other in zip(found, wide, strict=True)
        )

    def dotted(self, node: ast.AST) -> str:
        """`pandas.read_csv` for `pd.read_csv` after `import pandas as pd`; "" if it is no dotted name."""
        first, *parts = chain_of(node) or [""]
        return ".".join([self._aliases.get(first, first), *parts])

    def is_library(self, node: ast.AST) -> bool:
        """Whether a dotted name begins with something imported: no method of the notebook's own objects."""
        while isinstance(node, ast.Attribute):
            node = node.value
        return isinstance(node, ast.Name) and node.id in self.imported

    def _texts(self, node: ast.expr, place: Place, depth: int) -> tuple[Text, ...]:
        if isinstance(node, ast.Constant):
            return (Text(str(node.value)),) if isinstance(node.value, str | int | float) else (_hole(node),)
        if isinstance(node, ast.JoinedStr):
            return self._joined([self._piece(value, place, depth) for value in node.values])
        if isinstance(node, ast.Name):
            return self._name(node, place, depth)
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Div):
            return self._binary(node, place, depth)
        if isinstance(node, ast.IfExp):
            both = (*self.texts(node.body, place, depth), *self.texts(node.orelse, place, depth))
            return tuple(replace(text, perhaps=True) for text in both)
        if isinstance(node, ast.Call):
            return self._call(node, place, depth)
        if isinstance(node, ast.Attribute):
            return self._attribute(node, place, depth)
        if isinstance(node, ast.Subscript):
            return self._item(node, place, depth)
        return (_hole(node),)

    def _piece(self, node: ast.expr, place: Place, depth: int) -> tuple[Text, ...]:
        if isinstance(node, ast.FormattedValue):
            if node.format_spec is not None or node.conversion not in (-1, ord("s")):
                return (_hole(node.value),)
            return self.texts(node.value, place, depth)
        return self.texts(node, place, depth)

    def _joined(self, pieces: list[tuple[Text, ...]]) -> tuple[Text, ...]:
        return tuple(
            Text(
                "".join(piece.text for piece in choice),
                all(piece.known for piece in choice),
                perhaps=any(piece.perhaps for piece in choice),
                start=choice[0].start if choice else None,
            )
            for choice in itertools.islice(itertools.product(*pieces), MOST + 1)
        )

    def _binary(self, node: ast.BinOp, place: Place, depth: int) -> tuple[Text, ...]:
        left, right = self.texts(node.left, place, depth), self.texts(node.right, place, depth)
        if isinstance(node.op, ast.Add):
            return self._joined([left, right])
        if not any(text.path for text in (*left, *right)) and not _suits_a_path(left, right):
            return (_hole(node),)
        return tuple(_under(a, b) for a, b in itertools.islice(itertools.product(left, right), MOST + 1))

    def _name(self, node: ast.Name, place: Place, depth: int) -> tuple[Text, ...]:
        owner = place.scope.owner(node.id)
        binding = _binding(owner.bindings[node.id], place) if owner else None
        if binding is None or binding.value is None or self._varies.get(node.id) == binding.cell:
            return (_hole(node),)
        there = Place(binding.cell, binding.statement, owner or place.scope)
        if not binding.each:
            return self.texts(binding.value, there, depth)
        if isinstance(binding.value, ast.List | ast.Tuple) and len(binding.value.elts) <= MOST:
            return tuple(text for item in binding.value.elts for text in self.texts(item, there, depth))
        if isinstance(binding.value, ast.Name):
            listed = there.scope.owner(binding.value.id)
            source = _binding(listed.bindings[binding.value.id], there) if listed else None
            if source and not source.each and isinstance(source.value, ast.List | ast.Tuple):
                return tuple(text for item in source.value.elts for text in self.texts(item, there, depth))
        return (_hole(node),)

    def _call(self, node: ast.Call, place: Place, depth: int) -> tuple[Text, ...]:
        name = self.dotted(node.func)
        if name in _PATHS:
            return self._path(node.args, place, depth)
        if name in ("os.path.join", "posixpath.join"):
            return tuple(replace(text, path=False) for text in self._path(node.args, place, depth))
        if name in ("os.getcwd", "pathlib.Path.cwd", "Path.cwd"):
            return (_begun(Text(".", path="Path" in name), place),)
        if name in ("pathlib.Path.home", "Path.home"):
            return (Text("~", path=True),)
        if name in _SAME and len(node.args) == 1:
            texts = self.texts(node.args[0], place, depth)
            if name in _FROM_HERE:
                texts = tuple(_begun(text, place) for text in texts)
            return tuple(replace(text, path=False) for text in texts) if name != "str" or all(
                text.known for text in texts) else texts  # fmt: skip
        if isinstance(node.func, ast.Attribute):
            return self._method(node, node.func, place, depth)
        return (_hole(node),)

    def _path(self, parts: list[ast.expr], place: Place, depth: int) -> tuple[Text, ...]:
        result: tuple[Text, ...] = (Text(".", path=True),)
        for part in parts:
            texts = (_hole(part),) if isinstance(part, ast.Starred) else self.texts(part, place, depth)
            result = tuple(
                _under(a, b) for a, b in itertools.islice(itertools.product(result, texts), MOST + 1)
            )
        return tuple(replace(text, path=True) for text in result)

    def _method(self, node: ast.Call, function: ast.Attribute, place: Place, depth: int) -> tuple[Text, ...]:
        owners = self.texts(function.value, place, depth)
        if function.attr in ("resolve", "absolute", "expanduser", "as_posix"):
            if function.attr in ("resolve", "absolute"):
                owners = tuple(_begun(text, place) for text in owners)
            return owners if any(text.path for text in owners) else (_hole(node),)
        if function.attr == "joinpath":
            parts = [self.texts(part, place, depth) for part in node.args]
            return tuple(
                _under(*choice) for choice in itertools.islice(itertools.product(owners, *parts), MOST + 1)
            )
        if function.attr in ("with_suffix", "with_name") and len(node.args) == 1:
            return tuple(
                _renamed(owner, new, function.attr)
                for owner in owners
                for new in self.texts(node.args[0], place, depth)
            )
        if function.attr == "format" and all(text.known for text in owners) and not node.keywords:
            return self._formatted(node, owners, place, depth)
        return (_hole(node),)

    def _formatted(
        self, node: ast.Call, owners: tuple[Text, ...], place: Place, depth: int
    ) -> tuple[Text, ...]:
        """`"a_{}.csv".format(x)`: only plain `{}` are filled."""
        arguments = [self.texts(argument, place, depth) for argument in node.args]
        owner = owners[0].text
        if len(owners) > 1 or owner.count("{}") != len(arguments) or owner.count("{") != len(arguments):
            return (replace(owners[0], known=False),)
        pieces = owner.split("{}")
        mixed: list[tuple[Text, ...]] = [(Text(pieces[0]),)]
        for argument, piece in zip(arguments, pieces[1:], strict=True):
            mixed += [argument, (Text(piece),)]
        return self._joined(mixed)

    def _attribute(self, node: ast.Attribute, place: Place, depth: int) -> tuple[Text, ...]:
        if node.attr == "parent":
            owners = self.texts(node.value, place, depth)
            if all(text.path for text in owners):
                return tuple(replace(text, text=_parent(text.text)) for text in owners)
        return (_hole(node),)

    def _item(self, node: ast.Subscript, place: Place, depth: int) -> tuple[Text, ...]:
        """`CONFIG["data"]`, where CONFIG is written once as a dictionary and never written into."""
        if not (isinstance(node.value, ast.Name) and isinstance(node.slice, ast.Constant)):
            return (_hole(node),)
        owner = place.scope.owner(node.value.id)
        binding = _binding(owner.bindings[node.value.id], place) if owner else None
        if owner is None or binding is None or not isinstance(binding.value, ast.Dict) or binding.each:
            return (_hole(node),)
        there = Place(binding.cell, binding.statement, owner)
        for key, value in zip(binding.value.keys, binding.value.values, strict=True):
            if isinstance(key, ast.Constant) and key.value == node.slice.value:
                return self.texts(value, there, depth)
        return (_hole(node),)


_PATHS = frozenset(
    f"{prefix}{name}"
    for prefix in ("pathlib.", "")
    for name in ("Path", "PurePath", "PosixPath", "WindowsPath", "PurePosixPath")
)
_FROM_HERE = frozenset({"os.path.abspath", "os.path.realpath"})
_SAME = frozenset(
    {"str", "os.fspath", "os.path.expanduser", "os.path.abspath", "os.path.normpath", "os.path.realpath"}
)


def _begun(text: Text, place: Place) -> Text:
    """A path that is meant from the working folder of just then; in a function nobody knows when that is."""
    within = place.function or place.scope.parent is not None
    return text if text.start is not None or within else replace(text, start=(place.cell, place.statement))


def _hole(node: ast.expr) -> Text:
    text = ast.unparse(node) if _is_small(node) else "…"
    return Text("{" + (text if len(text) <= 40 else text[:39] + "…") + "}", known=False)


def _is_small(node: ast.expr) -> bool:
    """Unparsing is recursive and quotes what it finds: only for what is short and holds no text."""
    nodes = list(itertools.islice(ast.walk(node), 16))
    return len(nodes) < 16 and not any(
        isinstance(x, ast.Constant) and isinstance(x.value, str) for x in nodes
    )


def _binding(bindings: list[Binding], place: Place) -> Binding | None:
    """The binding that certainly holds at a place; None if that cannot be said."""
    if len(bindings) == 1:
        return bindings[0]
    if place.function:
        return None
    here = [one for one in bindings if one.cell == place.cell and one.statement <= place.statement]
    if any(one.statement == place.statement and not one.plain for one in here):
        return None  # bound somewhere in the very statement: before the use or after it
    before = [one for one in here if one.statement < place.statement]
    return before[-1] if before and before[-1].plain else None


def _suits_a_path(left: tuple[Text, ...], right: tuple[Text, ...]) -> bool:
    """Whether `x / "a.csv"` can only be a path: one side is a text, and texts are not divided."""
    return any(text.known and not text.text.replace(".", "").isdigit() for text in (*left, *right))


def _under(*parts: Text) -> Text:
    text = posixpath.join(*(part.text for part in parts))
    perhaps = any(part.perhaps for part in parts)
    known = all(part.known for part in parts)
    return Text(text.removeprefix("./") or ".", known, True, perhaps, start=parts[0].start)


def _parent(text: str) -> str:
    return ".." if text in (".", "") else posixpath.dirname(text) or "."


def _renamed(owner: Text, new: Text, how: str) -> Text:
    folder, name = posixpath.split(owner.text)
    name = new.text if how == "with_name" else posixpath.splitext(name)[0] + new.text
    known, perhaps = owner.known and new.known, owner.perhaps or new.perhaps
    return Text(posixpath.join(folder, name), known, True, perhaps, start=owner.start)
