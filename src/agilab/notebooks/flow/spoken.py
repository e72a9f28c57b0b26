"""Names that stand in a text which a library reads: the tables of a query, the variables of an expression.

DuckDB, Polars and pandasql look tables up among the names of whoever calls them, numexpr and pandas the variables of an
expression, and formulas (patsy) the functions. `timeit` runs a text, which imports names `from __main__`.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence

from agilab.notebooks.flow.states import in_order, words

_NAME = r"[A-Za-z_]\w*"
_TABLES = re.compile(
    rf"\b(?:from|join|into|update|describe|summarize|pivot)\s+\(?\s*({_NAME}(?:\s*(?:as\s+)?{_NAME})?(?:\s*,\s*{_NAME})*)",
    re.IGNORECASE,
)
_WORD = re.compile(_NAME)
_OF_SQL = words(
    """
    as on using where group order limit join left right inner outer full cross natural union having select set values
    """
)
_VARIABLE = re.compile(rf"(?<![\w.'\"])({_NAME})")
_CALLED = re.compile(rf"(?<![\w.])({_NAME})\s*[(.]")
_AFTER_AT = re.compile(rf"@({_NAME})")
_SQL = in_order("""duckdb. polars.sql polars.SQLContext pandasql.""")
_SQL_METHODS = words("""sql query execute from_query""")
_EXPRESSIONS = words("""numexpr.evaluate numexpr.re_evaluate pandas.eval""")
_FORMULAS = in_order("""patsy. bambi.Model formulaic.""")


def of_function(full: str, node: ast.Call, texts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The names that a library's function may look up; `texts` are those that names were given.

    >>> call = ast.parse("duckdb.sql('select a from rides r join people using (id)')").body[0].value
    >>> sorted(of_function("duckdb.sql", call, {}))
    ['people', 'r', 'rides']
    """
    if full.startswith(_SQL):
        yield from _found(_TABLES, node, texts)
    elif full in _EXPRESSIONS:
        yield from _found(_VARIABLE, node, texts)
    elif has_formula(full):
        yield from _found(_CALLED, node, texts)
    elif full.startswith("timeit."):
        yield from _found(_VARIABLE, node, texts)


def of_connection(name: str, node: ast.Call, texts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The names that a method of a connection to DuckDB may look up."""
    if name in _SQL_METHODS:
        yield from _found(_TABLES, node, texts)


def asked_for(name: str, node: ast.Call, texts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The names that a query of pandas takes from whoever calls it: `df.query("a > @limit")`."""
    if name in ("query", "eval"):
        yield from _found(_AFTER_AT, node, texts)


def has_formula(full: str) -> bool:
    """Whether a library's function takes a formula, which may call functions."""
    return ".formula." in full or full.startswith(_FORMULAS)


def _found(pattern: re.Pattern[str], node: ast.Call, texts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for text in texts_in(node, texts):
        for match in pattern.finditer(text):
            for word in _WORD.findall(match[1]):
                if pattern is not _TABLES or word.lower() not in _OF_SQL:
                    yield word


def texts_in(node: ast.expr, texts: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """The texts in an expression, and those of the names in it."""
    for part in ast.walk(node):
        if isinstance(part, ast.Constant) and isinstance(part.value, str):
            yield part.value
        elif isinstance(part, ast.Name):
            yield from texts.get(part.id, ())
