"""Tells what files of pickles hold, as JSON: `python -m agi_node.held FOLDER FILE…`, in the environment of a lab.

Bytes of pickles differ for equal objects, and only there are their classes.
"""

from __future__ import annotations

import importlib
import json
import pickle  # noqa: TID251  # a person's own files, read where their notebook reads them
import sys
from pathlib import Path
from typing import Any

from agi_node.artifacts import Staging
from agi_node.notebook_values import judged


def held(path: str) -> Any:
    """What a pickle, or a file of joblib's, holds. Raises what reading it raises."""
    try:
        return importlib.import_module("joblib").load(path)
    except ImportError:
        return pickle.loads(Path(path).read_bytes())


def told(folder: Path, *paths: str) -> str:
    """The fingerprints of what files hold, with `folder` for what is written down meanwhile."""
    marks = [judged("held", held(path), Staging(folder / str(number))) for number, path in enumerate(paths)]
    return json.dumps(marks)


if __name__ == "__main__":
    print(f"\n{told(Path(sys.argv[1]), *sys.argv[2:])}")
