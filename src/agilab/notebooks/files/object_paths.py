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
from agilab.notebooks.code.members import members_of
from agilab.notebooks.code.named_files import Act, Artifact, where_of
from agilab.notebooks.code.values import MOST, Evaluator
from agilab.notebooks.code.walking import Place, inside, scope_of_class
from agilab.notebooks.files.called_with import Call, Given, Signature, given_by, taken_by

Kind = tuple[int, str]
"""A class: the cell that defines it, and its name."""
_OF_SELF = re.compile(r"\{(basename\()?(\w+)\.(\w+)(\))?\}")
_HOLE = re.compile(r"\{(basename\()?(\w+)(\))?\}")
_TOKEN = re.compile(r"\{(basename\()?made_(\d+)_of_(\w+)(\))?\}")
_KEPT = re.compile(r"\{(basename\()?kept_(\d+)_of_(\w+)(\))?\}")
_DEEPEST = 8
"""Attributes made of each other."""


class Objects:
    """The classes of a notebook and its own modules, with what their objects are given."""

    def __init__(self) -> None:
        self._kinds: list[Kind] = []
        self._signatures: dict[Kind, Signature] = {}
        self._attributes: dict[Kind, dict[str, tuple[Text, ...]]] = {}
        self._selves: dict[tuple[int, str], str] = {}
        self._given: list[tuple[Kind, Kind, Given]] = []
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
        body = replace(place, scope=scope_of_class(node, place), kind=node.name)
        members = members_of(node)
        self._selves |= {(place.cell, f"{node.name}.{name}"): me for name, me in members.first.items() if me}
        number = len(self._kinds)
        self._kinds.append(kind)
        init = members.methods.get("__init__")
        fields = _fields(node) if init is None and _is_dataclass(node) else None
        if init is not None:
            signature = taken_by(init, body, evaluator, bound=True)
        else:
            signature = Signature() if fields is None else taken_by(fields, body, evaluator)
        self._signatures[kind] = signature
        within = inside(init, body) if init is not None else None
        me = members.first.get("__init__", "")

        def named(texts: Sequence[Text]) -> tuple[Text, ...]:
            return tuple(_with_tokens(text, number, signature, me) for text in texts)

        found: dict[str, tuple[Text, ...]] = {}
        for name in (*members.body, *members.stores):
            value, method = members.kept(name) or (None, "")
            there = within if method else body
            found[name] = () if value is None or there is None else named(evaluator.texts(value, there))
        if fields is not None:
            own = {name for name in signature.names if name not in members.stores}
            found |= {name: named([Text(f"{{{name}}}", known=False)]) for name in own}
        self._attributes[kind] = found
        above = next((one for one in self.line_of(kind)[1:] if one in self._with_init), None)
        if init is not None and within is not None and above is not None:
            for call in filter(_is_of_super, ast.walk(init)):
                given = given_by(call, within, evaluator)
                self._above[kind] = above, tuple((place_of, named(texts)) for place_of, texts in given)
        if fields is not None:
            return kind, signature
        made_by = next((one for one in self.line_of(kind)[1:] if one in self._with_init), None)
        if init is not None:
            self._with_init.add(kind)
            return None
        by = made_by or kind
        return by, self._signatures[by]

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

    def made(self, kind: Kind, by: Kind, given: Given) -> None:
        """Note that an object of a class is made by the `__init__` of one."""
        self._given.append((kind, by, given))

    def given(self, given: Given, place: Place) -> Given:
        """What a call gives that stands in a method: what the object keeps goes by a name that nothing else has."""
        me, number = self._of_method(place.cell, place.owner)
        if not me:
            return given
        return tuple(
            (where, tuple(replace(one, text=_kept(one.text, me, number)) for one in texts))
            for where, texts in given
        )

    def kept_in(self, act: Act) -> Act:
        """An act of a method: what the object keeps goes by a name that nothing else has."""
        me, number = self._of_method(act.artifact.cell, act.owner)
        path = _kept(act.artifact.path, me, number) if me else act.artifact.path
        return act if path == act.artifact.path else replace(act, artifact=replace(act.artifact, path=path))

    def _of_method(self, cell: int, owner: str) -> tuple[str, int]:
        """What a method calls its object, and the number of its class."""
        kind = cell, owner.partition(".")[0]
        return self._selves.get((cell, owner), ""), self._kinds.index(
            kind
        ) if kind in self._attributes else -1

    def _filled(self, artifact: Artifact, kind: Kind, deep: int = 0) -> Iterator[Artifact]:
        """An artifact with what an object of a class keeps, as far as the class and those above it say it."""
        line = self.line_of(kind)
        names = dict.fromkeys(
            name for _, number, name, _ in _KEPT.findall(artifact.path) if self._kinds[int(number)] in line
        )
        texts = {
            name: next((own[name] for one in line if name in (own := self._attributes[one])), ())
            for name in names
            if name not in self._set
        }
        texts = {name: many for name, many in texts.items() if many}
        if not texts or deep > _DEEPEST:
            yield artifact
            return
        for choice in itertools.islice(itertools.product(*texts.values()), MOST):
            chosen = dict(zip(texts, choice, strict=True))

            def kept(hole: re.Match[str], chosen: Mapping[str, Text] = chosen) -> str:
                text = chosen.get(hole[3])
                if text is None or self._kinds[int(hole[2])] not in line:
                    return hole[0]
                return text.text.rpartition("/")[2] if hole[1] and text.known else text.text

            perhaps = any(text.perhaps for text in choice) or any(len(many) > 1 for many in texts.values())
            yield from self._filled(_anew(artifact, _KEPT.sub(kept, artifact.path), perhaps), kind, deep + 1)

    def of(
        self, artifact: Artifact, kind: Kind, by: Kind, given: Given, caller: Signature | None
    ) -> Iterator[Artifact]:
        """An artifact of a method with what its object keeps, and was given by who made it (`made`)."""
        for one in self._filled(artifact, kind):
            yield from self._given_to(one, by, given, caller)

    def _given_to(
        self, artifact: Artifact, kind: Kind, given: Given, caller: Signature | None
    ) -> Iterator[Artifact]:
        if kind in self._above and self._has(artifact, self._above[kind][0]):
            for one in self._given_to(artifact, *self._above[kind], None):
                yield from self._given_to(one, kind, given, caller) if one != artifact else (one,)
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
        tokens = (*_KEPT.findall(artifact.path), *_TOKEN.findall(artifact.path))
        if not tokens:
            yield artifact
            return
        kind = self._kinds[int(tokens[0][1])]
        made = [one for one in self._given if kind in self.line_of(one[0])]
        each = dict.fromkeys(
            found for one in made or [(kind, kind, ())] for found in self.of(artifact, *one, None)
        )
        for found in each:
            shown = _TOKEN.sub(r"{\1\3\4}", _KEPT.sub(r"{\1\3\4}", found.path))
            yield replace(found, path=shown, perhaps=found.perhaps or len(each) > 1)

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


def _with_tokens(text: Text, number: int, signature: Signature, me: str) -> Text:
    """A text in which what `__init__` takes, and what its object keeps, goes by a name that nothing else has."""

    def named(hole: re.Match[str]) -> str:
        is_taken = hole[2] in signature.names and hole[2] not in signature.own
        return f"{{{hole[1] or ''}made_{number}_of_{hole[2]}{hole[3] or ''}}}" if is_taken else hole[0]

    return replace(text, text=_kept(_HOLE.sub(named, text.text), me, number))


def _kept(path: str, me: str, number: int) -> str:
    """A path in which what the object keeps that is called `me` goes by a name that nothing else has."""

    def named(hole: re.Match[str]) -> str:
        return f"{{{hole[1] or ''}kept_{number}_of_{hole[3]}{hole[4] or ''}}}" if hole[2] == me else hole[0]

    return _OF_SELF.sub(named, path)


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
