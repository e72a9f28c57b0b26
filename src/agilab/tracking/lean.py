"""Importing MLflow in half the time.

Measured on MLflow 3.17 with its full dependencies at hand: the SQLite client takes 2.8 s to import, of which
pandas, polars and their kin are 0.9 s (MLflow imports them only because they are there) and the garbage
collector, walking ever more class objects, 0.5 s. A delivery needs neither.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

OPTIONAL = (
    "IPython", "PIL", "datasets", "git", "litellm", "matplotlib", "numpy", "pandas", "plotly", "polars",
    "pyarrow", "pyspark", "scipy", "sklearn", "tensorflow", "torch", "transformers",
)  # fmt: skip
"""What MLflow uses if it is installed and does without if not: mlflow-skinny requires none of them."""

_BUILT_IN = ("http", "https", "sqlite", "postgresql", "mysql", "mssql", "file")


@contextmanager
def quick_import(uri: str) -> Iterator[None]:
    """Within it, `import mlflow` is as light as it can honestly be.

    The optional packages look absent for the rest of this process (`sys.modules[name] = None` is Python's own
    way to say so), unless a plug-in stands behind the address or the authentication, which may need them.
    """
    if urlsplit(uri).scheme.partition("+")[0] in _BUILT_IN and not os.environ.get("MLFLOW_TRACKING_AUTH"):
        for name in OPTIONAL:
            sys.modules.setdefault(name, None)  # type: ignore[arg-type]  # typeshed has no word for "absent"
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()  # what was imported stays: never walk it again
        gc.enable()
