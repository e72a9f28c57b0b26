"""What MLflow can hold, and how a longer or odder thing is made to fit: visibly, and never by accident equal.

Limits are those of MLflow 3 (`mlflow.utils.validation`): 100 parameters or tags and 1,000 things in a batch,
keys of 250 characters, parameters of 6,000, tags of 8,000.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from pathlib import PurePosixPath
from typing import TypeVar

ENTITIES_PER_BATCH = 1000
PARAMS_PER_BATCH = 100
KEY_LENGTH = 250
PARAM_LENGTH = 6000
TAG_LENGTH = 8000

_KEY_OUTSIDE = re.compile(r"[^\w .:/-]", re.UNICODE)
_FILE_OUTSIDE = re.compile(r'[\x00-\x1f\x7f#?%\\:*"<>|]')

T = TypeVar("T")


def fit_values(pairs: Mapping[str, str], length: int, what: str, notes: list[str]) -> dict[str, str]:
    """Parameters or tags as MLflow takes them; each change is said in `notes`.

    >>> notes = []
    >>> fit_values({"a": "x" * 20}, 60, "param", notes)["a"]
    'xxxxxxxxxxxxxxxxxxxx'
    >>> fitted = fit_values({"a": "x" * 90}, 60, "param", notes)["a"]
    >>> len(fitted), notes
    (60, ['param a shortened from 90 to 60 characters'])
    """
    fitted = {}
    for key, text in pairs.items():
        value = text
        if len(text) > length:
            end = f"… ({len(text)} characters, sha256 {_digest(text)})"
            notes.append(f"{what} {key:.80} shortened from {len(text)} to {length} characters")
            value = text[: length - len(end)] + end
        fitted[fit_key(key, what, notes)] = value
    return fitted


def fit_key(key: str, what: str, notes: list[str]) -> str:
    """A key that MLflow takes; a changed one ends in a digest of the original, so two never become one.

    >>> fit_key("loss/train", "metric", []), fit_key("a=b", "metric", [])
    ('loss/train', 'a_b-42144f39')
    """
    fitted = _KEY_OUTSIDE.sub("_", key)
    parts = PurePosixPath(fitted).parts
    if str(PurePosixPath(*parts)) != fitted or ".." in parts or fitted.startswith("/") or fitted in ("", "."):
        fitted = fitted.replace("/", "_").strip(".") or "_"
    if len(fitted) > KEY_LENGTH:
        fitted = fitted[: KEY_LENGTH - 9]
    if fitted == key:
        return key
    fitted = f"{fitted[: KEY_LENGTH - 9]}-{_digest(key)}"
    note = f"{what} {key:.80} is called {fitted:.100} there"
    if note not in notes:
        notes.append(note)
    return fitted


def fit_artifact_name(name: str, notes: list[str]) -> str | None:
    """A relative path that every artifact store keeps as it is; None where `name` leaves the run's folder.

    >>> notes = []
    >>> fit_artifact_name("maps/paris été.json", notes), fit_artifact_name("a#1.csv", notes)
    ('maps/paris été.json', 'a_1-62ba7d79.csv')
    >>> fit_artifact_name("../passwd", notes), len(notes)
    (None, 2)
    """
    path = PurePosixPath(name)
    if not name or path.is_absolute() or ".." in path.parts or not path.parts:
        notes.append(f"artifact {name!r:.100} left out: its name leaves the run's folder")
        return None
    fitted = PurePosixPath(*(_FILE_OUTSIDE.sub("_", part) for part in path.parts))
    if str(fitted) != name:
        if fitted.name != path.name or fitted.parent != path.parent:
            fitted = fitted.with_name(f"{fitted.stem}-{_digest(name)}{fitted.suffix}")
        notes.append(f"artifact {name!r:.100} is called {str(fitted)!r:.120} there")
    return str(fitted)


def batches(items: Iterable[T], size: int) -> Iterator[Sequence[T]]:
    """Consecutive lists of at most `size` items."""
    iterator = iter(items)
    while batch := list(islice(iterator, size)):
        yield batch


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
