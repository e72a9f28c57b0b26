"""A map of trajectories, coloured by a value. What is flagged or lies in a gap is not drawn."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import polars as pl
from plain_charts import Frame, polylines
from polars import col

VERTICES = 11_000  # of all lines together: about eight bytes each
LINES = 2_000  # the longest are drawn; further ones would not be told apart
RAINBOW = (
    ("#b4232a", "#ff7b72"),
    ("#b06000", "#e3a03c"),
    ("#1a7f37", "#56d364"),
    ("#0969da", "#58a6ff"),
    ("#8250df", "#c297ff"),
)
"""From low to high, each on a light and on a dark ground."""
GREY = ("#8c959f", "#6e7681")


@dataclass(frozen=True)
class Bands:
    """What colours a line: the band that a value lies in.

    Attributes:
        value: The column.
        edges: Where one band ends and the next begins, upwards; one to four.
        names: Of the bands, from low to high.
        what: What the value is called: coloured by …
        astray: A column that flags values to pass over; a line then keeps the colour of what was before.
    """

    value: str
    edges: Sequence[float]
    names: Sequence[str]
    what: str
    astray: str | None = None

    def __post_init__(self) -> None:
        if not 1 <= len(self.edges) < len(RAINBOW) or len(self.names) != len(self.edges) + 1:
            raise ValueError(
                f"{len(self.edges)} edges and {len(self.names)} names; 1 to 4 and one more were right"
            )

    @property
    def unknown(self) -> int:
        """The number of the band of null."""
        return len(self.edges) + 1

    def number(self) -> pl.Expr:
        """The band of each row; null where it is astray."""
        value = col(self.value)
        band = pl.sum_horizontal(value >= edge for edge in self.edges).cast(pl.Int8)
        known = pl.when(value.is_not_null()).then(band).otherwise(self.unknown)
        return known if self.astray is None else pl.when(~col(self.astray)).then(known)


def trajectory_map(
    table: pl.DataFrame,
    bands: Bands,
    *,
    tracks: str = "tracks",
    trips: str = "trips",
    track: str = "track",
    trip: str = "trip",
) -> str | None:
    """The SVG of trajectories one after the other, each in order of time; None where nothing moved.

    Args:
        table: What `segments` gives, of one or more tracks.
        bands: What colours the lines.
        tracks, trips: What there are many of, for the title: 24 aircraft, 27 flights.
        track, trip: As for `segments`.
    """
    lines = _lines(table, bands)
    if lines.is_empty():
        return None
    frame = Frame(lines["latitude"], lines["longitude"])
    places = {"x": frame.x(col("longitude")), "y": frame.y(col("latitude"))}
    whole = {name: place.round().cast(pl.Int32) for name, place in places.items()}
    rows = _thinned(lines, frame.unit_m).select("line", "band", **whole).iter_rows()
    colours = [*RAINBOW[: bands.unknown], GREY]
    what = f"{lines[track].n_unique():,} {tracks}, {lines[trip].n_unique():,} {trips}"
    when = f"{_moment(lines['time'].min())} to {_moment(lines['time'].max())} UTC"
    about = f"Map of {what}, {when}, coloured by {bands.what}"
    return frame.picture(
        what, when, about, polylines(rows, len(colours)), [*bands.names, "not known"], colours
    )


def _lines(table: pl.DataFrame, bands: Bands) -> pl.DataFrame:
    """Positions that counted segments join, each with the number of its `line`, its `band`, and what is `gone` to it.

    Repeated positions are left out, and so are stray ones: nothing that counts leads to them or away.
    """
    lines = (
        table.lazy()
        .with_columns(
            new=col("speed_mps").is_not_null() | col("dt_s").is_null(),
            line=(~col("counted")).cum_sum(),
            band=bands.number().forward_fill(),
            gone=pl.when("counted").then("distance_m").otherwise(0.0),
        )
        .filter("new")
        .filter(col("counted") | col("counted").shift(-1))
        .with_columns(col("band").fill_null(bands.unknown))
        .collect(engine="in-memory")
    )
    if lines["line"].n_unique() > LINES:
        longest = lines.group_by("line").agg(col("gone").sum()).sort("gone", "line").tail(LINES)
        lines = lines.join(longest.select("line"), on="line", how="semi", maintain_order="left")
    return lines


def _thinned(lines: pl.DataFrame, unit_m: float) -> pl.DataFrame:
    """Both ends of every line, every change of band, and a vertex for each step gone between them.

    Of a value that flickers the changes are too many; its colour then changes at the next vertex.
    """
    gone = lines["gone"].cum_sum()
    step = max(gone[-1] / VERTICES, 2 * unit_m)
    ends = col("line").ne_missing(col("line").shift()) | col("line").ne_missing(col("line").shift(-1))
    passed = (gone / step).floor().diff().fill_null(0) > 0
    changes = lines["band"] != lines["band"].shift()
    if changes.sum() > VERTICES / 2:
        changes = changes & passed
    return lines.filter(ends | changes | passed)


def _moment(time: object) -> str:
    return time.strftime("%Y-%m-%d %H:%M") if isinstance(time, datetime) else ""
