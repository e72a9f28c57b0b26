"""What the notebook's own functions are given where they are called, as far as it is the text of a path."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from agilab.notebooks.code.artifact_calls import kind_of_suffix
from agilab.notebooks.code.known_texts import Text, last_part
from agilab.notebooks.code.named_files import Artifact, where_of
from agilab.notebooks.code.turns import Turn
from agilab.notebooks.code.values import MOST, Evaluator
from agilab.notebooks.code.walking import Place

Given = tuple[tuple[int | str, tuple[Text, ...]], ...]
"""Arguments by place or by name; `*` and `**` are the last of theirs, and nothing is known of those behind them."""
_HOLE = re.compile(r"\{(basename\()?(\w+)\)?\}")
"""What the function takes, or what stands behind the last slash of it (`values.last_part`)."""


@dataclass(frozen=True)
class Signature:
    """What a function takes.

    Attributes:
        names: In order, those first that may be given by their place.
        places: How many of them may be.
        defaults: What is certain of what stands there: texts, numbers and paths.
        own: Names that it binds anew, so that what it was given says nothing of them.
    """

    names: tuple[str, ...] = ()
    places: int = 0
    defaults: Mapping[str, tuple[Text, ...]] | None = None
    own: frozenset[str] = frozenset()


def taken_by(
    node: ast.FunctionDef | ast.AsyncFunctionDef, place: Place, evaluator: Evaluator, *, bound: bool = False
) -> Signature:
    """What a function takes that is defined at a place; of a method (`bound`) without the object it is called on."""
    arguments = node.args
    places = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(places), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    same, without = _kept(node, evaluator)
    inside = replace(place, function=True)
    defaults = {
        one.arg: texts
        for one, value in pairs
        if value is not None
        and (
            texts := _certain(without[one.arg], inside, evaluator)
            if one.arg in without and isinstance(value, ast.Constant) and not value.value
            else _certain(value, place, evaluator)
        )
    }
    static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in node.decorator_list)
    places = places[1 if bound and not static else 0 :]
    names = [one.arg for one in (*places, *arguments.kwonlyargs)]
    own = [
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    ]
    bound_anew = frozenset(name for name in own if own.count(name) > same.count(name))
    return Signature(tuple(names), len(places), defaults, bound_anew)


def _kept(
    node: ast.FunctionDef | ast.AsyncFunctionDef, evaluator: Evaluator
) -> tuple[list[str], dict[str, ast.expr]]:
    """The names that statements of a function bind to what they are anyway, and what they are where nothing is given.

    `path = Path(path)`, `path = path or DATA`, `if path is None: path = DATA`.
    """
    same: list[str] = []
    without: dict[str, ast.expr] = {}
    for one in node.body:
        given = _absent(one.test) if isinstance(one, ast.If) and not one.orelse else ""
        bound = one.body[0] if isinstance(one, ast.If) and len(one.body) == 1 else one
        if not isinstance(bound, ast.Assign) or not isinstance(bound.targets[0], ast.Name):
            continue
        name, value = bound.targets[0].id, bound.value
        if isinstance(one, ast.If):
            other = value if given == name else None
        elif isinstance(value, ast.BoolOp) and isinstance(value.op, ast.Or) and len(value.values) == 2:
            other = value.values[1] if evaluator.is_path_of(value.values[0], name) else None
        elif isinstance(value, ast.IfExp) and _absent(value.test) == name:
            other = value.body if evaluator.is_path_of(value.orelse, name) else None
        elif isinstance(value, ast.IfExp) and _absent(ast.UnaryOp(ast.Not(), value.test)) == name:
            other = value.orelse if evaluator.is_path_of(value.body, name) else None
        else:
            same += [name] if evaluator.is_path_of(value, name) else []
            continue
        if other is not None and name not in without:
            same.append(name)
            without[name] = other
    return same, without


def _absent(test: ast.expr) -> str:
    """The name that is None, or nothing, where a condition holds."""
    negative = isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not)
    inner = test.operand if isinstance(test, ast.UnaryOp) and negative else test
    if negative and isinstance(inner, ast.Name):
        return inner.id
    if isinstance(inner, ast.Compare) and isinstance(inner.left, ast.Name) and len(inner.ops) == 1:
        right, wanted = inner.comparators[0], ast.IsNot if negative else ast.Is
        if isinstance(inner.ops[0], wanted) and isinstance(right, ast.Constant) and right.value is None:
            return inner.left.id
    return ""


def _certain(value: ast.expr, place: Place, evaluator: Evaluator) -> tuple[Text, ...]:
    """What a default is; nothing where that is not known."""
    if isinstance(value, ast.Constant):
        plain = isinstance(value.value, str | int | float)
        return (Text(str(value.value)),) if plain else ()
    texts = evaluator.texts(value, place)
    return texts if all(text.known for text in texts) else ()


def given_by(node: ast.Call, place: Place, evaluator: Evaluator) -> Given:
    """What a call gives."""
    found: list[tuple[int | str, tuple[Text, ...]]] = []
    for number, argument in enumerate(node.args):
        if isinstance(argument, ast.Starred):
            found.append(("*", ()))
            break
        found.append((number, evaluator.texts(argument, place)))
    for keyword in node.keywords:
        found.append((keyword.arg or "**", evaluator.texts(keyword.value, place) if keyword.arg else ()))
    return tuple(found)


@dataclass(frozen=True)
class Call:
    """A call of a function of the notebook.

    Attributes:
        given: What it gives.
        signature: What the function takes.
        caller: What the function takes that makes the call, if one does.
    """

    given: Given
    signature: Signature
    caller: Signature | None = None

    def fill(self, artifact: Artifact) -> Iterator[Artifact]:
        """An artifact of the function with what is given in the place of what it takes.

        What is not known stays a hole, under no name of the caller's.
        """
        holes = dict.fromkeys(name for _, name in _HOLE.findall(artifact.path))
        for choice in itertools.islice(itertools.product(*map(self._texts, holes)), MOST):
            by_name = dict(zip(holes, choice, strict=True))
            path = _filled(artifact.path, {name: text.text for name, text in by_name.items()})
            if path == artifact.path:
                yield artifact
                continue
            path = path.removeprefix("./")
            wide = _filled(artifact.path, {name: text.wide or text.text for name, text in by_name.items()})
            if artifact.ended is not None:
                path, wide = artifact.ended.ended(path), artifact.ended.ended(wide)
            yield replace(
                artifact,
                path=path,
                computed="{" in path,
                kind=artifact.kind if artifact.kind != "file" else kind_of_suffix(path) or "file",
                where=where_of(path),
                perhaps=artifact.perhaps or any(text.perhaps for text in choice),
                wide=wide.removeprefix("./") if any(text.wide for text in choice) else "",
                start=by_name[begins[2]].start
                if (begins := _HOLE.match(artifact.path)) is not None and not begins[1]
                else artifact.start,
            )

    def takes(self, turn: Turn) -> bool | None:
        """Whether a way on within the function is taken, where what is given says so: `if form == "json"`."""
        holds = self._holds(turn.test) if turn.test is not None and turn.word in ("if", "if not") else None
        return holds if holds is None or turn.word == "if" else not holds

    def _holds(self, test: ast.expr) -> bool | None:
        if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
            inner = self._holds(test.operand)
            return None if inner is None else not inner
        if isinstance(test, ast.Name):
            said = {_TRUTH.get(text.text) if text.known else None for text in self._texts(test.id)}
        elif isinstance(test, ast.Compare) and len(test.ops) == 1 and isinstance(test.left, ast.Name):
            values = _constants(test.comparators[0])
            if not values or not isinstance(test.ops[0], ast.Eq | ast.NotEq | ast.In | ast.NotIn):
                return None
            named = isinstance(test.ops[0], ast.Eq | ast.In)
            said = {
                (text.text in values) is named if text.known else None for text in self._texts(test.left.id)
            }
        else:
            return None
        return said.pop() if len(said) == 1 else None

    def _texts(self, name: str) -> tuple[Text, ...]:
        """What is given for one of the names that the function takes."""
        hidden = self.caller is not None and name in self.caller.names
        unknown = (Text("{\N{HORIZONTAL ELLIPSIS}}" if hidden else f"{{{name}}}", known=False),)
        if name not in self.signature.names or name in self.signature.own:
            return unknown
        by_place = dict(self.given)
        place = self.signature.names.index(name)
        found = by_place.get(name, by_place.get(place) if place < self.signature.places else None)
        defaults = self.signature.defaults or {}
        if found is None and name in defaults and not {"*", "**"} & by_place.keys():
            found = defaults[name]
        if found is None or any("\n" in text.text or not text.text.strip() for text in found):
            return unknown
        return found


_TRUTH = {"True": True, "False": False}


def _constants(node: ast.expr) -> frozenset[str]:
    """The texts and numbers that an expression is, or lists; none if it is anything else."""
    items = node.elts if isinstance(node, ast.List | ast.Tuple | ast.Set) else [node]
    plain = [one.value for one in items if isinstance(one, ast.Constant) and isinstance(one.value, str | int)]
    return frozenset(map(str, plain)) if len(plain) == len(items) else frozenset()


def _filled(path: str, by_name: Mapping[str, str]) -> str:
    def of(hole: re.Match[str]) -> str:
        return last_part(by_name[hole[2]]) if hole[1] else by_name[hole[2]]

    return _HOLE.sub(of, path)
