"""What the notebook's own functions are given where they are called, as far as it is the text of a path."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from agilab.notebooks.artifact_calls import kind_of_suffix
from agilab.notebooks.artifacts import Artifact, where_of
from agilab.notebooks.values import MOST, Evaluator, Text
from agilab.notebooks.walking import Place

Given = tuple[tuple[int | str, tuple[Text, ...]], ...]
"""Arguments by place or by name; `*` and `**` are the last of theirs, and nothing is known of those behind them."""
_HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Parameters:
    """What a function takes.

    Attributes:
        names: In order, those first that may be given by their place.
        places: How many of them may be.
        defaults: Texts that stand there.
        own: Names that it binds anew, so that what it was given says nothing of them.
    """

    names: tuple[str, ...] = ()
    places: int = 0
    defaults: Mapping[str, str] | None = None
    own: frozenset[str] = frozenset()


def taken_by(node: ast.FunctionDef | ast.AsyncFunctionDef, *, bound: bool = False) -> Parameters:
    """What a function takes; of a method (`bound`) without the object that it is called on."""
    arguments = node.args
    places = [*arguments.posonlyargs, *arguments.args]
    pairs = [
        *zip(reversed(places), reversed(arguments.defaults), strict=False),
        *zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True),
    ]
    defaults = {
        one.arg: value.value
        for one, value in pairs
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
    static = any(isinstance(one, ast.Name) and one.id == "staticmethod" for one in node.decorator_list)
    places = places[1 if bound and not static else 0 :]
    names = [one.arg for one in (*places, *arguments.kwonlyargs)]
    own = {
        each.id for each in ast.walk(node) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    return Parameters(tuple(names), len(places), defaults, frozenset(own))


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


def with_given(
    artifact: Artifact, given: Given, parameters: Parameters, caller: Parameters | None
) -> Iterator[Artifact]:
    """The artifact with what is given in the place of parameters; `caller` is the function that gives it, if any is.

    What is not known stays a hole, under no name of the caller's.
    """
    holes = dict.fromkeys(_HOLE.findall(artifact.path))
    texts = [_texts(name, given, parameters, caller) for name in holes]
    for choice in itertools.islice(itertools.product(*texts), MOST):
        by_name = dict(zip(holes, choice, strict=True))
        path = _filled(artifact.path, by_name)
        if path == artifact.path:
            yield artifact
            continue
        path = path.removeprefix("./")
        yield replace(
            artifact,
            path=path,
            computed="{" in path,
            kind=artifact.kind if artifact.kind != "file" else kind_of_suffix(path) or "file",
            where=where_of(path),
            perhaps=artifact.perhaps or any(text.perhaps for text in choice),
        )


def _filled(path: str, by_name: Mapping[str, Text]) -> str:
    return _HOLE.sub(lambda hole: by_name[hole[1]].text, path)


def _texts(name: str, given: Given, parameters: Parameters, caller: Parameters | None) -> tuple[Text, ...]:
    hidden = caller is not None and name in caller.names
    unknown = (Text("{\N{HORIZONTAL ELLIPSIS}}" if hidden else f"{{{name}}}", known=False),)
    if name not in parameters.names or name in parameters.own:
        return unknown
    by_place = dict(given)
    place = parameters.names.index(name)
    found = by_place.get(name, by_place.get(place) if place < parameters.places else None)
    if found is None and name in (parameters.defaults or {}) and not {"*", "**"} & by_place.keys():
        found = (Text((parameters.defaults or {})[name]),)
    if found is None or any("\n" in text.text or not text.text.strip() for text in found):
        return unknown
    return found
