"""What earlier units left for a reduce or a publish: read from a file, one unit at a time."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agi_node.canonical import untag
from agi_node.context import Saved
from agi_node.errors import FAILED, AgiError

COUNTED = ("succeeded", "reused")
"""States of a unit whose value counts in a reduce."""


class ReduceInputs:
    """The units that a reduce merges, in key order, without holding them in memory.

    One pass notes where each line begins and whose it is; states are read when they are merged.
    """

    def __init__(self, path: str | None) -> None:
        self.path = _existing(path, "a reduce")
        self.artifacts: dict[str, Saved] = {}
        self._lines: list[int] = []
        self._by_worker: dict[str, list[int]] = {}
        with open(self.path, "rb") as file:
            offset = 0
            for number, line in enumerate(file, 1):
                if line.strip():
                    self._note(offset, self._parse(line, number))
                offset += len(line)

    @property
    def workers(self) -> list[str]:
        """Identifiers of the workers that contributed, sorted."""
        return sorted(self._by_worker)

    def states(self, worker: str | None = None) -> Iterator[tuple[str, Any]]:
        """(key, state) of every unit that counts, or of those that one worker did."""
        with open(self.path, "rb") as file:
            for offset in self._lines if worker is None else self._by_worker[worker]:
                file.seek(offset)
                unit = self._parse(file.readline(), None)
                yield unit["key"], untag(self._value(unit))

    def _note(self, offset: int, unit: dict[str, Any]) -> None:
        for name, path in (unit.get("artifacts") or {}).items():
            self.artifacts.setdefault(name, []).append((unit["key"], Path(path)))
        if unit["status"] in COUNTED:
            self._lines.append(offset)
            self._by_worker.setdefault(str(unit["worker"]), []).append(offset)

    def _value(self, unit: dict[str, Any]) -> Any:
        if unit.get("value_path") is None:
            return unit["value"]
        try:
            return json.loads(Path(unit["value_path"]).read_bytes())
        except (OSError, ValueError) as error:
            raise _unreadable(f"the value of {unit['key']!r}", error) from None

    def _parse(self, line: bytes, number: int | None) -> dict[str, Any]:
        try:
            unit = json.loads(line)
            missing = {"key", "status", "worker"} - unit.keys()
        except (ValueError, AttributeError) as error:
            raise _unreadable(f"line {number} of the inputs of a reduce", error) from None
        if missing:
            raise _unreadable(f"line {number} of the inputs of a reduce", KeyError(*sorted(missing)))
        return dict(unit)


def read_publish_inputs(path: str | None) -> tuple[Any, dict[str, Saved]]:
    """The reduced state (None where the app has no partial) and what units saved, by artifact name."""
    file = _existing(path, "a publish")
    try:
        inputs = json.loads(file.read_bytes())
        return untag(inputs.get("state")), _saved(inputs)
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise _unreadable("the inputs of a publish", error) from None


def read_needs(path: str | None) -> tuple[dict[str, dict[str, Any]], dict[str, Saved]]:
    """What a node is given: an entry for each need (see `agi_node.encoding.received`), and what earlier units saved.

    Nothing of either without a file. Raises AGI-RUN-108 for a file that cannot be read.
    """
    if path is None:
        return {}, {}
    file = _existing(path, "a node")
    try:
        inputs = json.loads(file.read_bytes())
        return {str(name): dict(entry) for name, entry in inputs["needs"].items()}, _saved(inputs)
    except (OSError, ValueError, TypeError, AttributeError, KeyError) as error:
        raise _unreadable("the inputs of a node", error) from None


def _saved(inputs: dict[str, Any]) -> dict[str, Saved]:
    return {
        str(name): [(str(key), Path(where)) for key, where in entries]
        for name, entries in (inputs.get("artifacts") or {}).items()
    }


def _existing(path: str | None, subject: str) -> Path:
    if path is None or not Path(path).is_file():
        raise _unreadable(f"the inputs of {subject}", FileNotFoundError(path or "no path was given"))
    return Path(path)


def _unreadable(subject: str, error: Exception) -> AgiError:
    return AgiError(
        "AGI-RUN-108",
        f"{subject} cannot be read",
        found=f"{type(error).__name__}: {error}"[:200],
        whose="agilab",
        exit_code=FAILED,
    )
