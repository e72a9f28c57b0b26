"""The two libraries of tables that code is written for, and the files that both read."""

from __future__ import annotations

from typing import Literal

Library = Literal["polars", "pandas"]
TABLE_FILES = (".csv", ".parquet", ".pq")
