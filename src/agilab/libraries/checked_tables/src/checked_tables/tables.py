"""A table in a file: read whole, or refused by name; nothing is half-read."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from agi_node import AgiError, FileRef

from .columns import Column

MARK = b"PAR1"
"""The first four bytes of every parquet file, and the last four."""
GAPS = ["", "NA", "NaN"]
"""What stands for no value in a CSV file."""


@dataclass(frozen=True)
class Codes:
    """The numbers of an app's refusals, by what is wrong; three of them only where they are to differ from others.

    Attributes:
        area: What the codes begin with, such as AGI-DATA.
        empty: The file has no bytes.
        damaged: Its bytes do not make a table.
        column: It lacks a column.
        kind: A column has another type.
        limits: A value is out of range.
        foreign: It is no parquet file, though not called `.csv`; as `damaged`.
        cut: It is a parquet file without its end; as `damaged`.
        value: One is missing that must not be, or a text is no number or no time; as `kind`.
    """

    area: str
    empty: int
    damaged: int
    column: int
    kind: int
    limits: int
    foreign: int | None = None
    cut: int | None = None
    value: int | None = None


@dataclass(frozen=True)
class Table:
    """What a file must hold; it may hold other columns as well, which are not read.

    A file called `.csv` is text with a header, whose numbers and times are parsed; any other is parquet, whose columns
    have types of their own.

    Attributes:
        columns: In the order of the table that is read.
        codes: Of refusals.
        try_: What to do about a file that is refused.
    """

    columns: Sequence[Column]
    codes: Codes
    try_: str | None = None

    def read(self, file: FileRef) -> pl.DataFrame:
        """All rows of the file, with `columns` alone.

        Raises:
            AgiError: with a number of `codes`; it names the file and what is wrong, a value with its row (from 1).
        """
        text = file.suffix.lower() == ".csv"
        raw = self._rows(file, text)
        given, types = self._named(file, raw.columns), raw.schema
        for name, column in given.items():
            if not column.fits(types[name], text=text):
                what = f"has a column {name} of another type"
                raise self.refusal(file, self.codes.kind, what, f"{types[name]}", column.kind)
        if lost := _first(raw, [column.lost(name, types[name]) for name, column in given.items()]):
            row, name = lost
            what = f"has no {given[name].kind} as {name} in row {row + 1:,}"
            found, number = f"{raw[name][row]!r:.80}", self.codes.value or self.codes.kind
            raise self.refusal(file, number, what, found, f"a {given[name].kind}")
        table = raw.select(column.typed(name, types[name]) for name, column in given.items())
        if beyond := _first(table, [column.beyond for column in self.columns]):
            row, name = beyond
            (allowed,) = (column.range for column in self.columns if column.name == name)
            what = f"has {'an' if name[0] in 'aeiou' else 'a'} {name} out of range, row {row + 1:,}"
            found = table[name].slice(row, 1).cast(pl.String)[0].removesuffix(".000000")
            raise self.refusal(file, self.codes.limits, what, found, allowed)
        return table

    def refusal(self, file: FileRef, number: int, what: str, found: str, allowed: str) -> AgiError:
        """The error of a file that cannot be worked with; for an app's own reasons as well."""
        code = f"{self.codes.area}-{number}"
        return AgiError(code, f"{file} {what}", found=found, allowed=allowed, try_=self.try_, exit_code=1)

    def _rows(self, file: FileRef, text: bool) -> pl.DataFrame:
        """What the file holds, of a parquet file no more than is needed."""
        if not file.size:
            raise self.refusal(file, self.codes.empty, "is empty", "0 bytes", "a table")
        path = file.path
        try:
            if text:
                return pl.read_csv(path, infer_schema=False, null_values=GAPS, glob=False)
            try:
                return pl.read_parquet(path, columns=[column.name for column in self.columns], glob=False)
            except pl.exceptions.ColumnNotFoundError:
                names = list(pl.read_parquet_schema(path))
            return pl.read_parquet(path, columns=list(self._named(file, names)), glob=False)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            raise self._unreadable(file, text, f"{error}".partition("\n")[0]) from error

    def _named(self, file: FileRef, names: list[str]) -> dict[str, Column]:
        """The columns by what the file calls them."""
        given = [column.found_in(names) for column in self.columns]
        if None in given:
            missing = (column.name for column, name in zip(self.columns, given, strict=True) if name is None)
            found, allowed = ", ".join(names)[:200], ", ".join(column.names for column in self.columns)
            raise self.refusal(file, self.codes.column, f"has no column {', '.join(missing)}", found, allowed)
        return {name: column for name, column in zip(given, self.columns, strict=True) if name}

    def _unreadable(self, file: FileRef, text: bool, why: str) -> AgiError:
        """Why Polars could not read the file."""
        if text:
            return self.refusal(file, self.codes.damaged, "cannot be read", why, "a CSV table with a header")
        with file.path.open("rb") as data:
            start = data.read(4)
            data.seek(max(file.size - 4, 0))
            end = data.read(4)
        if start != MARK:
            found = f"{start!r} at the start"
            number = self.codes.foreign or self.codes.damaged
            return self.refusal(file, number, "is no parquet file", found, f"{MARK!r}")
        if end != MARK:
            number, found = self.codes.cut or self.codes.damaged, f"{file.size:,} bytes"
            return self.refusal(file, number, "is cut short", found, f"{MARK!r} at the end")
        return self.refusal(file, self.codes.damaged, "is damaged inside", why, "readable parquet pages")


def _first(table: pl.DataFrame, wrong: Sequence[pl.Expr | None]) -> tuple[int, str] | None:
    """The first row (from 0) where anything is wrong, and the column; None where nothing is."""
    looked = [where.arg_true().first() for where in wrong if where is not None]
    rows = table.select(looked).row(0, named=True) if looked else {}
    return min(((row, name) for name, row in rows.items() if row is not None), default=None)
