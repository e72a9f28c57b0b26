"""Real documents, one of each kind, as they stand in files."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from agilab.contracts.registry import ENTRIES


@pytest.fixture(scope="session")
def path_of() -> Callable[[str], Path]:
    """The example file of a kind of document."""

    def path_of(name: str) -> Path:
        (found,) = (Path(__file__).parent / "documents").glob(f"{name}.*")
        return found

    return path_of


@pytest.fixture(scope="session")
def plain_of(path_of: Callable[[str], Path]) -> Callable[[str], dict[str, Any]]:
    """The example of a kind of document as a JSON object, whatever its file is written in."""

    def plain_of(name: str) -> dict[str, Any]:
        text = path_of(name).read_text(encoding="utf-8")
        if path_of(name).suffix == ".toml":
            text = json.dumps(tomllib.loads(text), default=lambda date: date.isoformat())
        plain: dict[str, Any] = json.loads(text)
        return plain

    return plain_of


@pytest.fixture(scope="session", params=[entry.name for entry in ENTRIES])
def kind(request: pytest.FixtureRequest) -> str:
    """The name of each kind of document in turn."""
    return str(request.param)
