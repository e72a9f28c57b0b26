"""MLflow's SQLite database, made whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from agilab.tracking.uri import sqlite_uri


def make_database(database: Path) -> None:
    """MLflow's schema in a new file, under its name only when complete. The caller holds the turn.

    MLflow runs some seventy migrations, each its own transaction; a process killed among them would leave a
    database that MLflow refuses ever after.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    database.parent.mkdir(parents=True, exist_ok=True)
    for left_over in database.parent.glob(f"{database.name}.*.new*"):
        left_over.unlink(missing_ok=True)
    draft = database.with_name(f"{database.name}.{os.getpid()}.new")
    # The second argument is where runs of the experiment "Default" would put artifacts.
    root = (database.parent / "artifacts").as_uri()
    store = SqlAlchemyStore(sqlite_uri(draft), root)  # type: ignore[no-untyped-call]  # MLflow has no types here
    store.engine.dispose()
    os.replace(draft, database)
