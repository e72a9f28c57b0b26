"""DuckDB's default connection: `duckdb.sql("create table t …")` in one cell is there for the next.

Queries that only read it use it; all others go on with it, as does what is not in the text.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence

from agilab.notebooks.flow import states
from agilab.notebooks.flow.spoken import texts_in
from agilab.notebooks.flow.states import words

OPTIONS = "<options duckdb>"
A_TABLE = "a table of DuckDB's"
_QUERIES = words("sql query execute executemany query_df from_query")
_CHANGES = words(
    """
    register unregister create_function remove_function append begin commit rollback checkpoint default_connection
    install_extension load_extension register_filesystem unregister_filesystem set_default_connection
    """
)
_READS = words(
    "table view values table_function get_table_names read_csv read_parquet read_json from_df from_arrow"
)
_OF_TABLES = words("create create_view to_table to_view insert insert_into")
_LOOKS = re.compile(
    r"\s*(?:\(|select\b|from\b|with\b|values\b|table\b|describe\b|desc\b|summarize\b|show\b|explain\b|pivot\b|unpivot\b|copy\b)",
    re.IGNORECASE,
)
_SETS = re.compile(r"\s*(?:install|load|set|reset|pragma)\b", re.IGNORECASE)
_WRITES = re.compile(
    r"\b(?:create|insert\s+into|update|delete\s+from|drop|alter|attach|detach|use|truncate|copy\s+[\w.]+\s+from|setseed|nextval)\b",
    re.IGNORECASE,
)
_WRITES_FIRST = re.compile(rf"\s*{_WRITES.pattern}", re.IGNORECASE)
_REMARKS = re.compile(r"--[^\n]*|/\*.*?\*/|'(?:[^']|'')*'", re.DOTALL)


def does_of(
    full: str, node: ast.Call, texts: Mapping[str, Sequence[str]], *, told: bool = True
) -> tuple[str, states.Does] | None:
    """What a function of DuckDB does to the default connection, or to its options.

    `texts` are those that names have; `told` says whether a query that is not there may be one that writes.

    >>> def does(text):
    ...     call = ast.parse(text, mode="eval").body
    ...     return does_of(ast.unparse(call.func), call, {})
    >>> does("duckdb.sql('select a from rides')")[1], does("duckdb.execute('create table t (x int)')")[1]
    ('use', 'go on')
    >>> does("duckdb.sql(query)")[1], does("duckdb.sql('install spatial; load spatial')")
    ('go on', ('<options duckdb>', 'set'))
    >>> does("duckdb.connect('a.db')"), does("duckdb.connect(':default:')")[1]
    (None, 'go on')
    """
    library, _, name = full.rpartition(".")
    if library != "duckdb":
        return None
    if name == "connect":
        said = [
            text
            for arg in (*node.args, *(each.value for each in node.keywords))
            for text in texts_in(arg, texts)
        ]
        return (states.DATABASE, "go on") if ":default:" in said else None
    if name in _CHANGES or any(each.arg == "connection" for each in node.keywords):
        return (states.DATABASE, "go on") if name in _CHANGES else None
    if name in _READS:
        return states.DATABASE, "use"
    return _of_query(node, texts, told=told) if name in _QUERIES else None


def may_write(node: ast.Constant) -> bool:
    """Whether a text may be a query that writes, the beginning of one, or the name of a file with queries."""
    text = node.value
    return isinstance(text, str) and (_WRITES_FIRST.match(text) is not None or text.endswith(".sql"))


def of_table(name: str) -> bool:
    """Whether a method of a query puts its result into its database: `duckdb.sql("…").create("t")`."""
    return name in _OF_TABLES


def _of_query(node: ast.Call, texts: Mapping[str, Sequence[str]], *, told: bool) -> tuple[str, states.Does]:
    asked = [*node.args[:1], *(each.value for each in node.keywords if each.arg in ("query", "sql"))]
    found = [text for arg in asked for text in _whole(arg, texts)]
    parts = [part for text in found for part in _REMARKS.sub("''", text).split(";") if part.strip()]
    if parts and all(_SETS.match(part) for part in parts):
        return OPTIONS, "set"
    if not parts and not told:
        return states.DATABASE, "use"
    reads = bool(parts) and all(_LOOKS.match(part) and not _WRITES.search(part) for part in parts)
    return states.DATABASE, "use" if reads else "go on"


def _whole(node: ast.expr, texts: Mapping[str, Sequence[str]]) -> list[str]:
    """The texts that an expression may be; of an f-string with what is computed left open."""
    if isinstance(node, ast.JoinedStr):
        parts = (each.value if isinstance(each, ast.Constant) else " x " for each in node.values)
        return ["".join(map(str, parts))]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):  # `"…".format(x)`
        return _whole(node.func.value, texts) if node.func.attr in ("format", "strip") else []
    if isinstance(node, ast.BinOp):
        left, right = _whole(node.left, texts), _whole(node.right, texts) or ["x"]
        return [one + other for one in left for other in right]
    return list(texts_in(node, texts)) if isinstance(node, (ast.Constant, ast.Name)) else []
