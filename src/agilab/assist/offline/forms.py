"""The forms of requests: each a few first words, an example, and a reader of the rest (docs/assistance.md)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from agilab.assist.offline import measures, phrases
from agilab.assist.offline.phrases import Action
from agilab.assist.offline.words import Reader


@dataclass(frozen=True)
class Form:
    """One form of request.

    Attributes:
        example: A request of this form; the documentation shows it, and a test says it.
        begins: The first words, of which one must come.
        read: The rest, as actions.
    """

    example: str
    begins: tuple[str, ...]
    read: Callable[[Reader], list[Action]]


FORMS = (
    Form(
        "keep rows where speed > 200 and country is 'FR'",
        (
            "keep only rows where",
            "keep the rows where",
            "keep rows where",
            "only rows where",
            "filter rows where",
            "filter where",
            "keep where",
            "where",
        ),
        phrases.keep_rows,
    ),
    Form(
        "drop rows where temperature is missing",
        (
            "drop rows where",
            "remove rows where",
            "delete rows where",
            "drop the rows where",
            "remove the rows where",
        ),
        phrases.drop_rows,
    ),
    Form(
        "keep columns city, price",
        ("select columns", "keep only the columns", "keep the columns", "keep columns", "select"),
        phrases.select,
    ),
    Form(
        "drop columns city, price",
        (
            "drop columns",
            "drop column",
            "remove columns",
            "remove column",
            "drop the columns",
            "drop the column",
            "drop",
            "remove",
        ),
        phrases.drop,
    ),
    Form("rename city to town", ("rename",), phrases.rename),
    Form("fill missing temperature with the median by station", ("fill",), phrases.fill),
    Form("forward fill temperature by station", ("forward fill", "ffill"), phrases.filling("forward")),
    Form("backward fill temperature", ("backward fill", "bfill"), phrases.filling("backward")),
    Form("interpolate temperature by station", ("interpolate",), phrases.filling("interpolate")),
    Form("sort by city, price descending", ("sort rows by", "sort by", "order by"), phrases.sort),
    Form("top 10 by price", ("the top", "top", "largest"), phrases.extreme(True)),
    Form("bottom 3 by price", ("the bottom", "bottom", "smallest"), phrases.extreme(False)),
    Form(
        "first 100 rows",
        ("take the first", "keep the first", "the first", "first", "limit to"),
        phrases.limit("first"),
    ),
    Form("the last 5 rows", ("take the last", "keep the last", "the last", "last"), phrases.limit("last")),
    Form("rolling 24 hour mean of temperature by station", ("rolling", "moving"), measures.rolling),
    Form("7 day moving median of price", (), measures.window_first),
    Form("group by city and take mean of price", ("group by",), measures.grouped),
    Form("clip price between 0 and 100", ("clip", "limit"), phrases.clip),
    Form("join stations on station", ("left join", "join"), phrases.joining("left")),
    Form("inner join stations on station", ("inner join",), phrases.joining("inner")),
    Form(
        "keep rows with a match in stations on station",
        ("keep rows with a match in",),
        phrases.joining("semi"),
    ),
    Form(
        "keep rows without a match in stations on station",
        ("keep rows without a match in",),
        phrases.joining("anti"),
    ),
    Form("add ratio = price / amount", ("add", "derive", "compute", "calculate"), phrases.derive),
    Form(
        "remove duplicates by city",
        ("remove duplicates", "drop duplicates", "deduplicate"),
        phrases.deduplicate,
    ),
    Form("read day as date format '%d.%m.%Y'", ("read", "parse", "convert"), phrases.cast),
    Form("mean of price and number of rows by city and month", (), measures.aggregate),
)
"""In the order in which they are tried; two have no first words of their own."""
