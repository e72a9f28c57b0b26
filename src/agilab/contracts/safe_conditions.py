"""The conditions of safe actions: tests of one column, and what combines them."""

from collections.abc import Iterable
from typing import Annotated, Any, ClassVar, Literal, Self, get_args

from pydantic import Discriminator, Field, GetCoreSchemaHandler, GetJsonSchemaHandler, Tag, model_validator
from pydantic_core import CoreSchema

from agilab.contracts.record import Record
from agilab.contracts.scalars import Text, refusal

Scalar = int | float | bool | str
"""A literal. A date is text, such as `2026-11-23` or `2026-11-23T03:44:12`."""


class AnyOf:
    """A union that is judged by one branch; its schema says `anyOf`, which every validator of ours knows."""

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        return handler(source)

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        schema.pop("discriminator", None)
        return {"anyOf": schema.pop("oneOf"), **schema}


Comparison = Literal["==", "!=", "<", "<=", ">", ">="]
_Test = Literal[
    "==",
    "!=",
    "<",
    "<=",
    ">",
    ">=",
    "in",
    "not in",
    "between",
    "missing",
    "known",
    "contains",
    "starts with",
    "ends with",
]
_TAKES: dict[str, tuple[frozenset[str], ...]] = {
    **dict.fromkeys(get_args(Comparison), (frozenset({"value"}), frozenset({"other"}))),
    "in": (frozenset({"values"}),),
    "not in": (frozenset({"values"}),),
    "between": (frozenset({"low", "high"}),),
    "missing": (frozenset(),),
    "known": (frozenset(),),
    **dict.fromkeys(("contains", "starts with", "ends with"), (frozenset({"value"}),)),
}


class Test(Record):
    """One column against a literal, a list, a range, another column, or nothing at all."""

    __test__: ClassVar[bool] = False  # for pytest: this is no test case

    column: Text
    test: _Test
    """What is asked. A missing value passes no test but `missing`, `!=` and `not in`."""
    value: Scalar | None = None
    """For comparisons, `contains`, `starts with` and `ends with`."""
    other: Text | None = None
    """For comparisons: another column, instead of a value."""
    values: tuple[Scalar, ...] | None = None
    """For `in` and `not in`."""
    low: Scalar | None = None
    """For `between`; the bounds belong to the range."""
    high: Scalar | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        given = {
            name for name in ("value", "other", "values", "low", "high") if getattr(self, name) is not None
        }
        wanted = _TAKES[self.test]
        if given not in wanted:
            ways = " or ".join(" and ".join(sorted(way)) or "nothing more" for way in wanted)
            raise refusal(
                f"tests {self.test!r} without what that needs, or with more",
                allowed=ways,
                found=", ".join(sorted(given)) or "nothing",
            )
        return self


class All(Record):
    """Every one of several conditions."""

    all: tuple["Condition", ...]


class Any_(Record):
    """At least one of several conditions."""

    any: tuple["Condition", ...]


class Not(Record):
    """The contrary of a condition: it holds exactly where that one does not, for missing values too."""

    negated: "Condition" = Field(alias="not")


def _branch(value: Any) -> str | None:
    if isinstance(value, Record):
        return {All: "all", Any_: "any", Not: "not"}.get(type(value), "test")
    keys: Iterable[Any] = value if isinstance(value, dict) else ()
    return next((word for word in ("all", "any", "not", "negated") if word in keys), "test").replace(
        "negated", "not"
    )


Condition = Annotated[
    Annotated[Test, Tag("test")]
    | Annotated[All, Tag("all")]
    | Annotated[Any_, Tag("any")]
    | Annotated[Not, Tag("not")],
    Discriminator(_branch),
    AnyOf(),
]
