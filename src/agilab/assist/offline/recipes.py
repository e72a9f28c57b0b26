"""Recipes: requests whose answer is code that safe actions cannot say, always the same for the same words."""

from __future__ import annotations

from agilab.assist.engines import Library
from agilab.assist.offline.words import Reader
from agilab.assist.steps.checking import variable
from agilab.assist.steps.writing import quoted

RECIPES = (
    "split into train and test with 20 % test and seed 7",
    "describe",
    "plot price over day",
    "histogram of price",
)


def recipe(reader: Reader, table: str, library: Library) -> str | None:
    """The code of a recipe; None where the words are none. Raises `NotSaid` for one that goes on wrongly."""
    name = variable(table)
    if reader.take("split into train and test", "train test split", "split into train and test sets"):
        return _split(reader, name, library)
    if reader.take("describe", "summarise", "summarize"):
        reader.take("the table", "it")
        arguments = "" if library == "polars" else 'include="all"'
        return _code(library, [f"summary = {name}.describe({arguments})", "print(summary)"])
    if reader.take("plot", "draw"):
        y = reader.must_column()
        reader.must("over", "against", "by")
        return _drawn(
            name, library, f"axes.plot({_values(name, '0')}, {_values(name, '1')})", [reader.must_column(), y]
        )
    if reader.take("histogram of", "draw a histogram of"):
        return _drawn(name, library, f"axes.hist({_values(name, '0')}, bins=30)", [reader.must_column()])
    return None


def _values(name: str, column: str) -> str:
    return f"{name}[{{{column}}}]"


def _code(library: Library, lines: list[str]) -> str:
    return (
        "\n".join([f"import {library} as {library[0]}{'l' if library == 'polars' else 'd'}", "", *lines])
        + "\n"
    )


def _split(reader: Reader, name: str, library: Library) -> str:
    share, seed = 0.2, 0
    while True:
        if reader.take("with", "and", ","):
            continue
        if reader.take("seed"):
            seed = int(reader.must_number())
        elif (number := reader.number()) is not None:
            share = float(number) if number < 1 else float(number) / 100
            reader.take("percent")
            reader.take("test", "for testing")
        else:
            break
    if not 0 < share < 1:
        raise reader.fail("a share of the test between 0 and 100 %")
    if library == "polars":
        lines = [
            f"shuffled = {name}.sample(fraction=1, shuffle=True, seed={seed})",
            f"cut = round(shuffled.height * {1 - share:g})",
            "train, test = shuffled.head(cut), shuffled.slice(cut)",
        ]
    else:
        lines = [
            f"shuffled = {name}.sample(frac=1, random_state={seed}, ignore_index=True)",
            f"cut = round(len(shuffled) * {1 - share:g})",
            "train, test = shuffled.head(cut), shuffled.iloc[cut:].reset_index(drop=True)",
        ]
    return _code(library, lines)


def _drawn(name: str, library: Library, call: str, columns: list[str]) -> str:
    call = call.format(*map(quoted, columns))
    lines = [
        "from matplotlib.figure import Figure",
        "",
        "figure = Figure(layout='constrained')".replace("'", '"'),
        "axes = figure.subplots()",
        call,
        f"axes.set_xlabel({quoted(columns[0])})",
        *([f"axes.set_ylabel({quoted(columns[1])})"] if len(columns) > 1 else ['axes.set_ylabel("rows")']),
        f'run.save_figure("{variable(columns[-1])}", figure)',
    ]
    return "\n".join(lines) + "\n"
