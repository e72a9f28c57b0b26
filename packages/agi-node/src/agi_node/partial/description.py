"""From a description back to a shape, for whoever has a reduce document and not the app's class."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from agi_node.errors import FAILED, AgiError
from agi_node.partial.derived import Counted, Derived, Quotient, Rooted
from agi_node.partial.histogram import Histogram
from agi_node.partial.kinds import kind
from agi_node.partial.moments import Moments
from agi_node.partial.own import Own
from agi_node.partial.refusal import BROKEN_DOCUMENT, shown
from agi_node.partial.rules import Bag, Extreme, Members, Statistics, SumOfFloats, SumOfInts
from agi_node.partial.scalars import SIMPLE
from agi_node.partial.shape import Field, Nested, Shape, unfollowable
from agi_node.partial.topk import TopK

if TYPE_CHECKING:
    from agi_node.partial.rule import Rule


def described(label: str, descriptions: Any) -> Shape:
    """The shape that `Shape.describe` described. Raises AGI-PART-007 naming the field that makes no sense."""
    if type(descriptions) is not list:
        raise _senseless("fields", descriptions, "a list of field descriptions")
    fields: list[Field] = []
    for at, plain in enumerate(descriptions):
        where = f"fields[{at}]"
        if type(plain) is not dict or not {"name", "rule", "type", "identity"} <= plain.keys():
            raise _senseless(where, plain, "an object with name, rule, type and identity")
        if type(plain["name"]) is not str or any(item.name == plain["name"] for item in fields):
            raise _senseless(f"{where}.name", plain["name"], "a name that no other field has")
        try:
            rule = _described_rule(plain)
            if not isinstance(rule, Own) and rule.write(rule.identity) != plain["identity"]:
                raise _senseless(f"{where}.identity", plain["identity"], f"the identity of {rule.name}")
        except (AgiError, ValueError, TypeError, KeyError) as error:
            if isinstance(error, AgiError) and error.code == BROKEN_DOCUMENT:
                raise
            raise _senseless(where, plain, "a rule, type and identity that this AGILab knows") from error
        fields.append(Field(plain["name"], rule))
    shape = Shape(label, tuple(fields))
    for at, item in enumerate(fields):
        if isinstance(item.rule, Derived) and (name := unfollowable(shape, item.rule)) is not None:
            place = "of" if name == item.rule.of else "to"
            raise _senseless(f"fields[{at}].{place}", name, "the name of a field that has what follows")
    return shape


def _described_rule(plain: dict[str, Any]) -> Rule:
    text, identity = plain["type"], plain["identity"]
    match plain["rule"]:
        case "sum" if text == "int":
            return SumOfInts()
        case "sum" if text == "float":
            return SumOfFloats()
        case ("min" | "max") as name if kind(text).ordered:
            return Extreme(name, kind(text))
        case "distinct" if kind(text).hashable:
            return Members(kind(text))
        case "concat":
            return Bag(kind(text))
        case "moments":
            return Statistics(Moments.from_state(identity))
        case "histogram":
            return Statistics(Histogram.from_state(identity).empty())
        case "topk":
            return Statistics(TopK.from_state(identity).empty())
        case "size":
            return Counted(plain["of"])
        case "root":
            return Rooted(plain["of"])
        case "ratio":
            return Quotient(plain["of"], plain["to"])
        case "partial":
            return Nested(described(str(text), plain["fields"]))
        case "own":
            return Own(replace(SIMPLE["json"], text=str(text)), None, identity)
    raise ValueError(plain["rule"])


def _senseless(where: str, found: Any, allowed: str) -> AgiError:
    return AgiError(
        BROKEN_DOCUMENT,
        f"reduce document: {where} makes no sense",
        found=shown(found),
        allowed=allowed,
        exit_code=FAILED,
    )
