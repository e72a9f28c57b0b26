"""Paths that objects of the notebook's own classes keep: what `self.path` is in a method.

It is what `__init__` puts there, or the body of the class: a text, or what is given when the object is made. As a hole
in a path it is called by `_token` until it is known which object that is (`Objects.of`).
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TypeGuard

from agilab.notebooks.code.known_texts import Text
from agilab.notebooks.code.named_files import Act, Artifact, where_of
from agilab.notebooks.code.values import MOST, Evaluator
from agilab.notebooks.code.walking import Place, inside, scope_of_class
from agilab.notebooks.files.called_with import Call, Given, Signature, given_by, taken_by

Kind = tuple[int, str]
"""A class: the cell that defines it, and its name."""
_OF_SELF = re.compile(r"\{(basename\()?(\w+)\.(\w+)\)?\}")
_HOLE = re.compile(r"\{(basename\()?(\w+)(\))?\}")
_TOKEN = re.compile(r"\{(basename\()?made_(\d+)_of_(\w+)(\))?\}")


class Objects:
    """The classes of a notebook and its own modules, with what their objects are given."""

    def __init__(self) -> None:
        self._kinds: list[Kind] = []
        self._signatures: dict[Kind, Signature] = {}
        self._attributes: dict[Kind, dict[str, tuple[Text, ...]]] = {}
        self._selves: dict[tuple[int, str], str] = {}
        self._given: dict[Kind, list[Given]] = {}
        self._set: set[str] = set()
        self._base: dict[Kind, Kind] = {}
        self._with_init: set[Kind] = set()
        self._above: dict[Kind, tuple[Kind, Given]] = {}

    def look_at(self, tree: ast.Module) -> None:
        """Note what code sets of objects elsewhere than in their own methods: of these nobody knows what they are."""
        mine = set(self._selves.values())
        self._set |= {
            node.attr
            for node in ast.walk(tree)
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
            if not (isinstance(node.value, ast.Name) and node.value.id in mine)
        }

    def add(
        self, node: ast.ClassDef, place: Place, evaluator: Evaluator, bases: Sequence[Kind]
    ) -> tuple[Kind, Signature] | None:
        """Note a class; `bases` are those of its bases that are known.

        Returns whose `__init__` makes its objects, and what that takes, where the class has none that is written.
        """
        kind = place.cell, node.name
        self._base.pop(kind, None)
        if bases:
            self._base[kind] = bases[0]
        body = replace(place, scope=scope_of_class(node, place))
        methods = [one for one in node.body if isinstance(one, ast.FunctionDef)]
        first = {one.name: _first(one) for one in methods}
        self._selves |= {(place.cell, f"{node.name}.{name}"): me for name, me in first.items() if me}
        number = len(self._kinds)
        self._kinds.append(kind)
        init = next((one for one in methods if one.name == "__init__"), None)
        fields = _fields(node) if init is None and _is_dataclass(node) else None
        if init is not None:
            signature = taken_by(init, body, evaluator, bound=True)
        else:
            signature = Signature() if fields is None else taken_by(fields, body, evaluator)
        self._signatures[kind] = signature
        found: dict[str, tuple[Text, ...]] = {}
        stores = _stores(methods, first)
        for name, value in _of_body(node).items():
            if name not in stores:
                found[name] = evaluator.texts(value, body)
        if fields is not None:
            own = {name for name in signature.names if name not in stores}
            found |= {name: (Text(f"{{{name}}}", known=False),) for name in own}
        within = inside(init, body) if init is not None else None
        above = next((one for one in self.line_of(kind)[1:] if one in self._with_init), None)
        if init is not None and within is not None and above is not None:
            for call in filter(_is_of_super, ast.walk(init)):
                given = given_by(call, within, evaluator)
                self._above[kind] = (
                    above,
                    tuple(
                        (place_of, tuple(_with_tokens(text, number, signature) for text in texts))
                        for place_of, texts in given
                    ),
                )
        for name, values in stores.items():
            if (
                within is not None
                and len(values) == 1
                and values[0][0] == "__init__"
                and values[0][1] is not None
            ):
                found[name] = evaluator.texts(values[0][1], within)
        self._attributes[kind] = {
            name: tuple(_with_tokens(text, number, signature) for text in texts)
            for name, texts in found.items()
        }
        if fields is not None:
            return kind, signature
        made_by = next((one for one in self.line_of(kind)[1:] if one in self._with_init), None)
        if init is not None:
            self._with_init.add(kind)
        elif made_by is not None:
            return made_by, self._signatures[made_by]
        return None

    def line_of(self, kind: Kind) -> list[Kind]:
        """A class and what it is derived from, the nearest first."""
        line = [kind]
        while (base := self._base.get(line[-1])) is not None and base not in line:
            line.append(base)
        return line

    def named(self, name: str, made_by: Kind) -> Kind:
        """The class of that name of which objects are made by the `__init__` of one."""
        return next((one for one in self._kinds if one[1] == name and made_by in self.line_of(one)), made_by)

    def is_kind(self, cell: int, owner: str) -> bool:
        """Whether a function is what makes an object of a class that is known."""
        return owner.endswith(".__init__") and (cell, owner.removesuffix(".__init__")) in self._signatures

    def kind_of_self(self, node: ast.expr, place: Place) -> Kind | None:
        """The class of a method that calls another one of its object: `self.save()`."""
        function = node.func if isinstance(node, ast.Call) else None
        whose = function.value if isinstance(function, ast.Attribute) else None
        me = self._selves.get((place.cell, place.owner))
        if me is None or not isinstance(whose, ast.Name) or whose.id != me:
            return None
        return place.cell, place.owner.partition(".")[0]

    def made(self, kind: Kind, given: Given) -> None:
        """Note that an object is made."""
        self._given.setdefault(kind, []).append(given)

    def acts_of(self, act: Act) -> Iterator[Act]:
        """An act of a method with what its object keeps, as far as the class says it."""
        me = self._selves.get((act.artifact.cell, act.owner))
        attributes = self._attributes.get((act.artifact.cell, act.owner.partition(".")[0]), {})
        known = attributes.keys() - self._set
        holes = [name for _, of, name in _OF_SELF.findall(act.artifact.path) if of == me and name in known]
        if not holes:
            yield act
            return
        names = list(dict.fromkeys(holes))
        for choice in itertools.islice(itertools.product(*(attributes[name] for name in names)), MOST):
            texts = dict(zip(names, choice, strict=True))

            def kept(hole: re.Match[str], texts: Mapping[str, Text] = texts) -> str:
                text = texts.get(hole[3])
                if text is None or hole[2] != me:
                    return hole[0]
                return text.text.rpartition("/")[2] if hole[1] and text.known else text.text

            perhaps = any(text.perhaps for text in choice) or len(attributes[names[0]]) > 1
            yield replace(act, artifact=_anew(act.artifact, _OF_SELF.sub(kept, act.artifact.path), perhaps))

    def of(
        self, artifact: Artifact, kind: Kind, given: Given, caller: Signature | None
    ) -> Iterator[Artifact]:
        """An artifact of a method with what its object was given."""
        if kind in self._above and self._has(artifact, self._above[kind][0]):
            for one in self.of(artifact, *self._above[kind], None):
                yield from self.of(one, kind, given, caller) if one != artifact else (one,)
            return
        if not self._has(artifact, kind):
            yield artifact
            return
        number = self._kinds.index(kind)
        plain = _TOKEN.sub(
            lambda hole: (
                f"{{{hole[1] or ''}{hole[3]}{hole[4] or ''}}}" if int(hole[2]) == number else hole[0]
            ),
            artifact.path,
        )
        yield from Call(given, self._signatures[kind], caller).fill(replace(artifact, path=plain))

    def of_any(self, artifact: Artifact) -> Iterator[Artifact]:
        """An artifact of a method of nobody knows which object: of each that is made anywhere."""
        numbers = [int(number) for _, number, _, _ in _TOKEN.findall(artifact.path)]
        if not numbers:
            yield artifact
            return
        kind = self._kinds[numbers[0]]
        made = [
            (one, given) for one, many in self._given.items() if kind in self.line_of(one) for given in many
        ]
        each = dict.fromkeys(
            found for one, given in made or [(kind, ())] for found in self.of(artifact, one, given, None)
        )
        for one in each:
            yield replace(one, perhaps=True) if len(each) > 1 else one

    def _has(self, artifact: Artifact, kind: Kind) -> bool:
        return any(self._kinds[int(number)] == kind for _, number, _, _ in _TOKEN.findall(artifact.path))


def method_of(owner: str) -> str:
    """How a turn says that it is one of this method's (`walking.inside`)."""
    kind, _, name = owner.partition(".")
    return f"in {name}, a method of {kind}"


def _is_of_super(node: ast.AST) -> TypeGuard[ast.Call]:
    """Whether it is `super().__init__(…)`."""
    function = node.func if isinstance(node, ast.Call) else None
    whose = function.value if isinstance(function, ast.Attribute) and function.attr == "__init__" else None
    return isinstance(whose, ast.Call) and isinstance(whose.func, ast.Name) and whose.func.id == "super"


def _first(method: ast.FunctionDef) -> str:
    """What a method calls its object; "" for one that gets none."""
    takes = [*method.args.posonlyargs, *method.args.args]
    static = any(
        isinstance(one, ast.Name) and one.id in ("staticmethod", "classmethod")
        for one in method.decorator_list
    )
    return takes[0].arg if takes and not static else ""


def _stores(
    methods: Sequence[ast.FunctionDef], first: Mapping[str, str]
) -> dict[str, list[tuple[str, ast.expr | None]]]:
    """What methods put into their object, each with the method and the value; None where that is no plain one."""
    found: dict[str, list[tuple[str, ast.expr | None]]] = {}
    for method in methods:
        values = dict(_assigned(method))
        for node in ast.walk(method):
            if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, ast.Store):
                continue
            if isinstance(node.value, ast.Name) and node.value.id == first[method.name]:
                found.setdefault(node.attr, []).append((method.name, values.get(id(node))))
    return found


def _assigned(method: ast.FunctionDef) -> Iterator[tuple[int, ast.expr]]:
    """What plain assignments give, by the target's id; of `self.a, self.b = a, b` each its own."""
    for node in ast.walk(method):
        if not isinstance(node, ast.Assign | ast.AnnAssign) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            yield id(target), node.value
            if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
                yield from zip(map(id, target.elts), node.value.elts, strict=False)


def _of_body(node: ast.ClassDef) -> dict[str, ast.expr]:
    """What the body of a class binds, by name."""
    found: dict[str, ast.expr] = {}
    for one in node.body:
        target = one.targets[0] if isinstance(one, ast.Assign) else getattr(one, "target", None)
        value = one.value if isinstance(one, ast.Assign | ast.AnnAssign) else None
        if isinstance(target, ast.Name) and value is not None:
            found[target.id] = value
    return found


def _is_dataclass(node: ast.ClassDef) -> bool:
    return any(ast.unparse(one).partition("(")[0].endswith("dataclass") for one in node.decorator_list)


def _fields(node: ast.ClassDef) -> ast.FunctionDef:
    """What the `__init__` of a data class takes, as a function."""
    fields = [one for one in node.body if isinstance(one, ast.AnnAssign) and isinstance(one.target, ast.Name)]
    takes = ", ".join(
        f"{ast.unparse(one.target)}{'' if one.value is None else f'={ast.unparse(one.value)}'}"
        for one in fields
    )
    try:
        (made,) = ast.parse(f"def __init__({takes}): pass").body
    except (
        SyntaxError
    ):  # a field without a default below one that has one, of a class that has more of them above
        (made,) = ast.parse("def __init__(): pass").body
    assert isinstance(made, ast.FunctionDef)
    return made


def _with_tokens(text: Text, number: int, signature: Signature) -> Text:
    """A text in which what `__init__` takes goes by a name that nothing else has."""

    def named(hole: re.Match[str]) -> str:
        is_taken = hole[2] in signature.names and hole[2] not in signature.own
        return f"{{{hole[1] or ''}made_{number}_of_{hole[2]}{hole[3] or ''}}}" if is_taken else hole[0]

    return replace(text, text=_HOLE.sub(named, text.text))


def _anew(artifact: Artifact, path: str, perhaps: bool) -> Artifact:
    path = path.removeprefix("./")
    if artifact.ended is not None:
        path = artifact.ended.ended(path)
    return replace(
        artifact,
        path=path,
        computed="{" in path,
        where=where_of(path),
        perhaps=artifact.perhaps or perhaps,
        wide="",
    )
