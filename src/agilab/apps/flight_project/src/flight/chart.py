"""The map of all trajectories: what is flown, coloured by altitude. Flagged segments and gaps are not drawn."""

from datetime import datetime

import polars as pl
from plain_charts import Frame, polylines
from polars import col

VERTICES = 11_000  # of all lines together: about eight bytes each
LINES = 2_000  # the longest are drawn; further ones would not be told apart
EDGES_FT = (5_000, 10_000, 20_000, 30_000)
BANDS = {
    "below 5,000 ft": ("#b4232a", "#ff7b72"),
    "5,000 to 10,000": ("#b06000", "#e3a03c"),
    "10,000 to 20,000": ("#1a7f37", "#56d364"),
    "20,000 to 30,000": ("#0969da", "#58a6ff"),
    "30,000 and above": ("#8250df", "#c297ff"),
    "not known": ("#8c959f", "#6e7681"),
}
"""Each with its colour on a light and on a dark ground."""
UNKNOWN = len(BANDS) - 1


def trajectory_map(table: pl.DataFrame) -> str | None:
    """The SVG of trajectories one after the other, in order of time; None where nothing moved.

    `table` is what `trajectory` gives, of one or more aircraft.
    """
    lines = _lines(table)
    if lines.is_empty():
        return None
    frame = Frame(lines["latitude"], lines["longitude"])
    places = {"x": frame.x(col("longitude")), "y": frame.y(col("latitude"))}
    whole = {name: place.round().cast(pl.Int32) for name, place in places.items()}
    paths = polylines(_thinned(lines, frame.unit_m).select("line", "band", **whole).iter_rows(), len(BANDS))
    what = f"{lines['icao24'].n_unique():,} aircraft, {lines['flight'].n_unique():,} flights"
    when = f"{_moment(lines['time'].min())} to {_moment(lines['time'].max())} UTC"
    about = f"Map of {what}, {when}, coloured by altitude"
    return frame.picture(what, when, about, paths, list(BANDS), list(BANDS.values()))


def _lines(table: pl.DataFrame) -> pl.DataFrame:
    """Positions that counted segments join, each with the number of its `line`, its `band`, and what is `flown` to it.

    Repeated positions are left out, and so are stray ones: nothing that counts leads to them or away.
    """
    band = pl.sum_horizontal(col("altitude_ft") >= edge for edge in EDGES_FT).cast(pl.Int8)
    known = col("altitude_ft").is_not_null()
    lines = table.with_columns(
        new=col("speed_mps").is_not_null() | col("dt_s").is_null(),
        line=(~col("counted")).cum_sum(),
        # a flagged altitude takes the colour of what was flown before it
        band=pl.when(~col("impossible_climb"))
        .then(pl.when(known).then(band).otherwise(UNKNOWN))
        .forward_fill(),
        flown=pl.when("counted").then("distance_m").otherwise(0.0),
    )
    lines = lines.filter("new").filter(col("counted") | col("counted").shift(-1))
    if lines["line"].n_unique() > LINES:
        longest = lines.group_by("line").agg(col("flown").sum()).sort("flown", "line").tail(LINES)
        lines = lines.join(longest.select("line"), on="line", how="semi", maintain_order="left")
    return lines.with_columns(col("band").fill_null(UNKNOWN))


def _thinned(lines: pl.DataFrame, unit_m: float) -> pl.DataFrame:
    """Both ends of every line, every change of band, and a vertex for each step flown between them."""
    flown = lines["flown"].cum_sum()
    step = max(flown[-1] / VERTICES, 2 * unit_m)
    ends = col("line").ne_missing(col("line").shift()) | col("line").ne_missing(col("line").shift(-1))
    passed = (flown / step).floor().diff().fill_null(0) > 0
    return lines.filter(ends | (col("band") != col("band").shift()) | passed)


def _moment(time: object) -> str:
    return time.strftime("%Y-%m-%d %H:%M") if isinstance(time, datetime) else ""
