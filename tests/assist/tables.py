"""Small tables for tests, and code that runs on them."""

from __future__ import annotations

import json
from typing import Any

import polars as pl

from agilab.assist.steps.checking import Checked, check
from agilab.assist.steps.compiling import code_of
from agilab.contracts.assistance import Column, TableSchema
from agilab.contracts.safe_actions import SafeActions


def table_of(source: str = "preview", **kinds: str) -> TableSchema:
    """A table with these columns."""
    columns = tuple(Column.model_validate({"name": name, "kind": kind}) for name, kind in kinds.items())
    return TableSchema.model_validate({"columns": columns, "source": source})


def actions_of(*actions: dict[str, Any], table: str = "df", result: str | None = None) -> SafeActions:
    """A document of these actions, as a file would say it."""
    document = {
        "schema": "agilab.safe_actions.v1",
        "table": table,
        "result": result,
        "actions": list(actions),
    }
    return SafeActions.model_validate_json(json.dumps(document), strict=True)


def checked(table: TableSchema, *actions: dict[str, Any], **others: TableSchema) -> Checked:
    """Actions that fit `df` and other tables."""
    return check(actions_of(*actions), {"df": table, **others}, "actions.json")


def result_of(plan: Checked, library: str, **frames: Any) -> Any:
    """What the generated code leaves of these frames."""
    space = dict(frames)
    exec(compile(code_of(plan, library), "generated", "exec"), space)  # type: ignore[arg-type]  # one of two words
    return space[plan.result]


def rows_of(frame: Any) -> list[tuple[Any, ...]]:
    """The rows as plain tuples, with None for what is missing."""
    rows = frame.rows() if isinstance(frame, pl.DataFrame) else list(frame.itertuples(index=False, name=None))
    return [tuple(None if cell != cell else cell for cell in row) for row in rows]
