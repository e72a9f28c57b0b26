"""What a column of a table must hold, and how it is brought into one form."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import polars as pl

Kind = Literal["text", "number", "datetime"]
TEXTS = (pl.String, pl.Categorical, pl.Enum)


@dataclass(frozen=True)
class Unit:
    """Another unit that a column may come in, and how its numbers become the column's own.

    >>> Unit("°F", lambda fahrenheit: (fahrenheit - 32) / 1.8).name
    '°F'
    """

    name: str
    convert: Callable[[pl.Expr], pl.Expr]


@dataclass(frozen=True)
class Column:
    """A column that a table must have.

    Attributes:
        name: What it is called in the table that is read.
        kind: `text` becomes String; `number` Float64, NaN null; `datetime` UTC without a zone, in µs.
        unit: Of its numbers, as people read it.
        least, most: What its values may reach from and to; None: as far as they like.
        gaps: Whether values may be missing.
        also: Other names that files have for it, the first one before the next; with the unit where it is another.
        decimals: Its numbers are rounded to so many, so that equal readings in two units are equal numbers.
    """

    name: str
    kind: Kind
    unit: str = ""
    least: float | datetime | None = None
    most: float | datetime | None = None
    gaps: bool = False
    also: Mapping[str, Unit | None] = field(default_factory=dict)
    decimals: int | None = None

    def found_in(self, names: list[str]) -> str | None:
        """What a file with columns of these names calls it."""
        return next((name for name in (self.name, *self.also) if name in names), None)

    def fits(self, dtype: pl.DataType, *, text: bool) -> bool:
        """Whether a column of that type can hold it; `text`: in a file where everything is text."""
        if dtype == pl.Null:  # nothing was ever recorded
            return self.gaps
        if self.kind == "text" or text:
            return dtype in TEXTS
        return dtype == pl.Datetime if self.kind == "datetime" else dtype.is_numeric()

    def typed(self, given: str, dtype: pl.DataType) -> pl.Expr:
        """Its values, null where there is none, from those that a file has in a column `given` of that type."""
        raw = pl.col(given)
        if self.kind == "text":
            return raw.cast(pl.String).alias(self.name)
        if self.kind == "datetime":
            if dtype == pl.String:
                times = raw.str.to_datetime(time_unit="us", time_zone="UTC", strict=False)
            else:
                times = raw.cast(pl.Datetime("us", "UTC"))
            return times.dt.replace_time_zone(None).alias(self.name)
        values = raw.cast(pl.Float64, strict=False).fill_nan(None)
        if unit := self.also.get(given):
            values = unit.convert(values)
        return (values if self.decimals is None else values.round(self.decimals)).alias(self.name)

    def lost(self, given: str, dtype: pl.DataType) -> pl.Expr | None:
        """Where a file has no value of this kind, though there must be one; None if that cannot be."""
        if not self.gaps:
            return self.typed(given, dtype).is_null().alias(given)
        if self.kind == "text" or dtype != pl.String:
            return None
        return (self.typed(given, dtype).is_null() & pl.col(given).is_not_null()).alias(given)

    @property
    def beyond(self) -> pl.Expr | None:
        """Where its typed values leave the limits; None where it has none."""
        if self.least is None and self.most is None:
            return None
        values = pl.col(self.name)
        low = values < self.least if self.least is not None else pl.lit(False)
        high = values > self.most if self.most is not None else pl.lit(False)
        return (low | high).alias(self.name)

    @property
    def range(self) -> str:
        """The limits as people read them."""
        low, high = (
            f"{end:,}" if isinstance(end, int | float) else f"{end}" for end in (self.least, self.most)
        )
        if self.least is None or self.most is None:
            return f"{high if self.least is None else low} {self.unit}".rstrip() + (
                " or less" if self.least is None else " or more"
            )
        return f"{low} to {high} {self.unit}".rstrip()

    @property
    def names(self) -> str:
        """All that it may be called."""
        others = (f"{name} in {unit.name}" if unit else name for name, unit in self.also.items())
        return f"{self.name} (or {', '.join(others)})" if self.also else self.name
