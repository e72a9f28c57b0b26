"""`safe_actions.json`: what is to be done with a table, step by step, as data that can be judged before anything runs.

Nothing in it is code. `agilab.assist` checks it against the columns of the table and writes it as Polars or pandas;
docs/assistance.md says what each step means where the two would differ.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import (
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    model_validator,
)
from pydantic_core import CoreSchema

from agilab.contracts.base import Document
from agilab.contracts.record import Record
from agilab.contracts.safe_conditions import AnyOf, Condition, Scalar
from agilab.contracts.scalars import Positive, Spelling, Text, refusal

Real = int | float
Duration = Annotated[
    str, Spelling("^[1-9][0-9]{0,5}(s|m|h|d|w)$", "a length of time: a whole number and s, m, h, d or w")
]
_WRONG = "agilab_spelling"
"""The type of an error that the schema finds as well, in contrast to a rule between fields."""


class _Action(Record):
    """One step. Every field that names a column means a column as it stands before this step."""


def _at_least_one(action: Record, *names: str) -> None:
    for name in names:
        if not getattr(action, name):
            raise refusal(f"names nothing in {name}", allowed="one or more", found="none")


class Select(_Action):
    """Keep these columns, in this order."""

    do: Literal["select"] = "select"
    columns: tuple[Text, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "columns")
        return self


class Drop(_Action):
    """Leave these columns out."""

    do: Literal["drop"] = "drop"
    columns: tuple[Text, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "columns")
        return self


class Rename(_Action):
    """Give columns other names; each keeps its place."""

    do: Literal["rename"] = "rename"
    names: dict[str, Text]
    """From the old name to the new."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "names")
        return self


class Filter(_Action):
    """Keep the rows for which a condition holds."""

    do: Literal["filter"] = "filter"
    where: Condition


class Derive(_Action):
    """Compute a column from others: a new one at the end, or one that is there, in its place."""

    do: Literal["derive"] = "derive"
    column: Text
    expression: Text
    """Such as `distance / duration`; docs/assistance.md has the whole language."""


class Fill(_Action):
    """Put something where values are missing."""

    do: Literal["fill"] = "fill"
    columns: tuple[Text, ...]
    using: Literal["value", "mean", "median", "forward", "backward", "interpolate"]
    """`interpolate` is linear by position and stays between known values."""
    value: Scalar | None = None
    by: tuple[Text, ...] = ()
    """Groups, each of which is filled from its own values."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "columns")
        if (self.using == "value") != (self.value is not None):
            raise refusal(
                f"fills using {self.using!r}",
                allowed="a value exactly where it is using 'value'",
                found="no value" if self.value is None else "a value",
            )
        return self


class SortKey(Record):
    """A column to sort by."""

    column: Text
    descending: bool = False


class Sort(_Action):
    """Order the rows. Equal ones keep their order; missing values come last in both directions."""

    do: Literal["sort"] = "sort"
    by: tuple[Text | SortKey, ...]

    @property
    def keys(self) -> tuple[SortKey, ...]:
        """What to sort by, each in full."""
        return tuple(key if isinstance(key, SortKey) else SortKey(column=key) for key in self.by)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "by")
        return self


class Measure(Record):
    """One figure of a group of rows."""

    called: Text
    how: Literal["rows", "count", "sum", "mean", "median", "min", "max", "std", "first", "last", "distinct"]
    """`rows` counts all, `count` known values; `first`, `last` and `distinct` see known values alone; `std` divides
    by n - 1."""
    column: Text | None = None
    """Of which column; none for `rows`."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.how == "rows") != (self.column is None):
            raise refusal(
                f"measures {self.how!r}",
                allowed="a column, save for 'rows'",
                found=self.column or "no column",
            )
        return self


class Aggregate(_Action):
    """One row for each group, in the order in which the groups first appear; without `by`, one row for all."""

    do: Literal["aggregate"] = "aggregate"
    by: tuple[Text, ...] = ()
    measures: tuple[Measure, ...]

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "measures")
        return self


class Rolling(_Action):
    """A figure over the row itself and those before it, as a new column at the end.

    Either the last `rows` rows as the table stands, or all rows whose moment lies in `(t - time, t]`, wherever
    they stand.
    """

    do: Literal["rolling"] = "rolling"
    column: Text
    how: Literal["sum", "mean", "median", "min", "max", "std"]
    called: Text
    rows: Positive | None = None
    time: Duration | None = None
    on: Text | None = None
    """The column of moments, for `time`."""
    by: tuple[Text, ...] = ()
    """Groups that do not see each other."""
    least: Positive | None = None
    """How many known values a window must hold, or the result is missing. Without it: all of `rows`, or 1."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if (self.rows is None) == (self.time is None) or (self.time is None) != (self.on is None):
            raise refusal(
                "has no window, or two",
                allowed="rows, or time with on",
                found=", ".join(name for name in ("rows", "time", "on") if getattr(self, name) is not None)
                or "none",
            )
        if self.rows is not None and (self.least or 1) > self.rows:
            raise refusal("wants more than its window holds", allowed=f"least up to {self.rows}")
        return self


class Clip(_Action):
    """Bring numbers into a range; missing ones stay so."""

    do: Literal["clip"] = "clip"
    columns: tuple[Text, ...]
    low: Real | None = None
    high: Real | None = None

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "columns")
        if self.low is None and self.high is None:
            raise refusal("has no bound", allowed="low, high or both", found="none")
        if self.low is not None and self.high is not None and self.low > self.high:
            raise refusal("has a low bound above the high one", allowed="low up to high")
        return self


class KeyPair(Record):
    """A key that the two tables call differently."""

    left: Text
    right: Text


class Join(_Action):
    """Bring columns of another table to the rows of this one, which keep their order. Missing keys meet nothing."""

    do: Literal["join"] = "join"
    table: Text
    """A value, or a file of the lab's folder."""
    on: tuple[Text | KeyPair, ...]
    how: Literal["left", "inner", "semi", "anti"] = "left"
    """`semi` keeps the rows that have a partner and `anti` those that have none; neither brings columns."""

    @property
    def keys(self) -> tuple[KeyPair, ...]:
        """The keys, each in full."""
        return tuple(key if isinstance(key, KeyPair) else KeyPair(left=key, right=key) for key in self.on)

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "on")
        return self


class Limit(_Action):
    """Keep the first rows, or the last."""

    do: Literal["limit"] = "limit"
    rows: Positive
    end: Literal["first", "last"] = "first"


class Deduplicate(_Action):
    """Keep one row of those that agree in these columns (in all, where none is named); missing agrees with missing."""

    do: Literal["deduplicate"] = "deduplicate"
    columns: tuple[Text, ...] = ()
    keep: Literal["first", "last"] = "first"


class Cast(_Action):
    """Read the text of columns as something else; what cannot be read becomes missing."""

    do: Literal["cast"] = "cast"
    columns: tuple[Text, ...]
    to: Literal["number", "date", "datetime"]
    format: Text | None = None
    """How dates are written, in the signs of strftime; `%Y-%m-%d` and `%Y-%m-%dT%H:%M:%S` without it."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        _at_least_one(self, "columns")
        if self.to == "number" and self.format is not None:
            raise refusal("reads numbers by a format", allowed="no format for numbers")
        return self


ACTIONS: tuple[type[_Action], ...] = (
    Select,
    Drop,
    Rename,
    Filter,
    Derive,
    Fill,
    Sort,
    Aggregate,
    Rolling,
    Clip,
    Join,
    Limit,
    Deduplicate,
    Cast,
)
NAMES: tuple[str, ...] = tuple(str(kind.model_fields["do"].default) for kind in ACTIONS)


def _named(value: Any) -> str | None:
    name = value.get("do") if isinstance(value, dict) else getattr(value, "do", None)
    return name if name in NAMES else None


class _Tagged(AnyOf):
    """A union in which the tag must stand in the file."""

    def __get_pydantic_json_schema__(self, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = super().__get_pydantic_json_schema__(core, handler)
        for branch in schema["anyOf"]:
            body = handler.resolve_ref_schema(branch)
            body["required"] = ["do", *(name for name in body.get("required", []) if name != "do")]
        return schema


Action = Annotated[
    Annotated[Select, Tag("select")]
    | Annotated[Drop, Tag("drop")]
    | Annotated[Rename, Tag("rename")]
    | Annotated[Filter, Tag("filter")]
    | Annotated[Derive, Tag("derive")]
    | Annotated[Fill, Tag("fill")]
    | Annotated[Sort, Tag("sort")]
    | Annotated[Aggregate, Tag("aggregate")]
    | Annotated[Rolling, Tag("rolling")]
    | Annotated[Clip, Tag("clip")]
    | Annotated[Join, Tag("join")]
    | Annotated[Limit, Tag("limit")]
    | Annotated[Deduplicate, Tag("deduplicate")]
    | Annotated[Cast, Tag("cast")],
    Discriminator(
        _named,
        custom_error_type=_WRONG,
        custom_error_message="{phrase}: {allowed}",
        custom_error_context={"phrase": "is no action", "allowed": f"do: one of {', '.join(NAMES)}"},
    ),
    _Tagged(),
]


class SafeActions(Document):
    """Steps over one table, in order."""

    schema_id: Literal["agilab.safe_actions.v1"] = Field("agilab.safe_actions.v1", alias="schema")
    table: Text
    """What the steps are done with: a value, or a file of the lab's folder."""
    result: Text | None = None
    """The name of the value that they leave; without it, that of the table."""
    actions: tuple[Action, ...]
