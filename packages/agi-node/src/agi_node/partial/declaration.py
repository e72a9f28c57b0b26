"""From an author's class to the shape of its fields."""

from __future__ import annotations

import inspect
import sys
import typing
from collections.abc import Mapping
from threading import RLock
from typing import TYPE_CHECKING, Any, ClassVar, get_args, get_origin

from agi_node.errors import FAILED, AgiError
from agi_node.partial.declare import Declared, Merge, Ratio, Root, Size
from agi_node.partial.derived import Counted, Derived, Quotient, Rooted
from agi_node.partial.histogram import Histogram
from agi_node.partial.kinds import kind, spell
from agi_node.partial.moments import Moments
from agi_node.partial.own import Own
from agi_node.partial.refusal import DECLARATION, declaration, different, within
from agi_node.partial.rules import Bag, Extreme, Members, Statistics, SumOfFloats, SumOfInts
from agi_node.partial.shape import Field, Nested, Shape, States, unfollowable
from agi_node.partial.topk import TopK

if TYPE_CHECKING:
    from agi_node.partial.partial import Partial
    from agi_node.partial.rule import Rule

_RULES = "Sum, Min, Max, Distinct, Concat, Moments, Histogram, TopK, a Partial, Annotated[T, Merge(fn, …)]"
_MISSING = object()
_lock = RLock()
_in_progress: list[type[Any]] = []


class Reader:
    """What stands for a field in its class: the default for the class, the value for an instance."""

    def __init__(self, name: str, at: int, shape: Shape, default: Any) -> None:
        self.name = name
        self.at = at
        self.shape = shape
        self.default = default

    def __get__(self, instance: Any, owner: type[Any]) -> Any:
        if instance is None:
            if self.default is _MISSING:
                raise AttributeError(f"{owner.__name__}.{self.name} has no default")
            return self.default
        # The instance is frozen, so its value is made once and then found before this reader is asked.
        value = self.shape.value(self.at, instance._states)
        instance.__dict__[self.name] = value
        return value


class Unresolved(AgiError):
    """A name in a field's type that is not defined (yet)."""


def shape_of(cls: type[Partial]) -> Shape:
    """The shape of a partial's class. Raises AGI-PART-001 naming the field that cannot merge."""
    shape = cls.__dict__.get("_shape")
    if shape is None:
        # A name that was missing when the class was made may have been defined below it since.
        shape = declare(cls, cls.__dict__.get("_names") or vars(sys.modules[cls.__module__]), vars(cls))
    return typing.cast(Shape, shape)


def declare(cls: type[Partial], names: dict[str, Any], local: Mapping[str, Any]) -> Shape:
    """Find the shape of a class, given the global and local names that its annotations may use.

    Raises AGI-PART-001; as `Unresolved` when a name is missing that may still come.
    """
    with _lock:
        if cls in _in_progress:
            raise declaration(
                f"{cls.__name__} contains itself", found=cls.__name__, allowed="partials that end"
            )
        _in_progress.append(cls)
        try:
            return cls.__dict__.get("_shape") or _declared(cls, names, local)
        finally:
            _in_progress.pop()


def _declared(cls: type[Partial], names: dict[str, Any], local: Mapping[str, Any]) -> Shape:
    from agi_node.partial.partial import Partial

    overrides = cls.merge is not Partial.merge
    hints: dict[str, Any] = {}
    for base in reversed(cls.__mro__[1:]):
        if base is not Partial and issubclass(base, Partial):
            shape_of(base)
            hints |= base._hints
    hints |= _own_hints(cls, names, local)
    defaults = {name: _default(cls, name) for name in hints}
    fields: list[Field] = []
    for name, hint in hints.items():
        where = f"{cls.__name__}.{name}"
        if hasattr(Partial, name):
            raise declaration(f"{where} hides Partial.{name}", found=name, allowed="another name")
        try:
            fields.append(Field(name, _rule(hint, defaults[name], overrides)))
        except Unresolved:
            raise
        except AgiError as error:
            raise within(where, error, DECLARATION) from None
    shape = Shape(cls.__name__, tuple(fields), _own_merge(cls) if overrides else None)
    for item in fields:
        _check(shape, item, defaults[item.name])
    for at, item in enumerate(fields):
        setattr(cls, item.name, Reader(item.name, at, shape, defaults[item.name]))
    cls._hints = hints
    cls._shape = shape
    return shape


def _default(cls: type[Partial], name: str) -> Any:
    found = next((base.__dict__[name] for base in cls.__mro__ if name in base.__dict__), _MISSING)
    return found.default if isinstance(found, Reader) else found


def _own_hints(cls: type[Partial], names: dict[str, Any], local: Mapping[str, Any]) -> dict[str, Any]:
    """The resolved annotations of the class alone, without its bases', which have other names around them."""
    alone = type(cls.__name__, (), {"__annotations__": inspect.get_annotations(cls)})
    try:
        hints = typing.get_type_hints(alone, names, dict(local), include_extras=True)
    except NameError as error:
        missing = Unresolved(
            DECLARATION,
            f"{cls.__name__}: the type of a field cannot be found: {error}",
            found=str(error.name),
            allowed="names that exist at run time where the class is made, not only under TYPE_CHECKING",
            whose="author",
            exit_code=FAILED,
        )
        raise missing from None
    return {
        name: hint
        for name, hint in hints.items()
        if not name.startswith("_") and hint is not ClassVar and get_origin(hint) is not ClassVar
    }


def _rule(hint: Any, default: Any, overrides: bool) -> Rule:
    """The rule of one field. Raises AGI-PART-001 (not yet naming the field)."""
    from agi_node.partial.partial import Partial

    if get_origin(hint) is typing.Annotated:
        base, *marks = get_args(hint)
        marks = [mark for mark in marks if isinstance(mark, Declared | Merge | Ratio | Root | Size)]
        if len(marks) == 1:
            return _marked(base, marks[0])
        if len(marks) > 1:
            raise declaration("two rules for one field", found=repr(marks), allowed="one rule")
        hint = base
    if hint is Moments:
        return Statistics(Moments())
    if hint is Histogram or hint is TopK:
        if not isinstance(default, hint):
            raise declaration(
                f"a {hint.__name__} needs its empty value as default",
                found="no default" if default is _MISSING else repr(default),
                allowed="Histogram(edges)" if hint is Histogram else "TopK(k)",
            )
        return Statistics(default.empty())
    if isinstance(hint, type) and issubclass(hint, Partial):
        return _nested(hint)
    if overrides and default is not _MISSING:
        found = kind(spell(hint))
        return Own(found, None, found.accept(default))
    raise declaration(
        "the field does not say how it merges"
        if not overrides
        else "a field of a partial with its own merge needs a default, which is its identity",
        found=getattr(hint, "__name__", None) or repr(hint),
        allowed=_RULES,
    )


def _marked(base: Any, mark: Declared | Merge | Ratio | Root | Size) -> Rule:
    if isinstance(mark, Root):
        return Rooted(mark.of)
    if isinstance(mark, Ratio):
        return Quotient(mark.of, mark.to)
    if isinstance(mark, Size):
        return Counted(mark.of)
    if isinstance(mark, Merge):
        found = kind(spell(base))
        return Own(found, mark.fn, found.accept(mark.identity))
    if mark.rule == "sum":
        if base is int or base is float:
            return SumOfInts() if base is int else SumOfFloats()
        raise declaration(
            "only numbers add up", found=f"Sum[{_named(base)}]", allowed="Sum[int] or Sum[float]"
        )
    # Min and Max are T | None, Distinct is frozenset[T], Concat is tuple[T, ...].
    inner = get_args(base)[0]
    found = kind(spell(inner))
    if mark.rule == "concat":
        return Bag(found)
    if mark.rule == "distinct":
        if not found.hashable:
            raise declaration(
                "members of a set are hashable", found=found.text, allowed="int, str, tuple[…], …"
            )
        return Members(found)
    if not found.ordered:
        raise declaration(
            "the values have no order", found=found.text, allowed="int, float, str, datetime, tuple[…]"
        )
    return Extreme(mark.rule, found)


def _named(annotation: Any) -> str:
    return getattr(annotation, "__name__", None) or repr(annotation)


def _nested(cls: type[Partial]) -> Nested:
    shape = shape_of(cls)

    def unwrap(value: Any) -> States | None:
        return value._states if type(value) is cls else None

    return Nested(shape, cls._of_states, unwrap)


def _own_merge(cls: type[Partial]) -> Any:
    def merge(left: States, right: States) -> States:
        merged = cls._of_states(left).merge(cls._of_states(right))
        if type(merged) is not cls:
            raise different(
                f"{cls.__name__}.merge gave something else than it merges",
                found=type(merged).__name__,
                allowed=cls.__name__,
            )
        return merged._states

    return merge


def _check(shape: Shape, item: Field, default: Any) -> None:
    """A default that is not the identity would be counted once for every partial that left it out."""
    where = f"{shape.label}.{item.name}"
    if isinstance(item.rule, Derived):
        if (name := unfollowable(shape, item.rule)) is not None:
            raise declaration(f"{where} {item.rule.told}", found=name, allowed=item.rule.wanted)
        default = _MISSING if default == item.rule.empty else default
    if default is _MISSING:
        return
    try:
        fits = item.rule.write(item.rule.accept(default)) == item.rule.write(item.rule.identity)
    except AgiError:
        fits = False
    if not fits:
        identity = item.rule.value(item.rule.identity)
        raise declaration(
            f"{where}: the default of a field is the identity of its merge",
            found=repr(default),
            allowed=repr(item.rule.empty if isinstance(item.rule, Derived) else identity),
        )
