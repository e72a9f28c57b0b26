"""What one unit logged so far: metric points, parameters, validations."""

from __future__ import annotations

import math
import threading
import time
from typing import Any, Protocol

from agi_node.canonical import tag
from agi_node.errors import FAILED, AgiError
from agi_node.values import plain, scrub

FLUSH_POINTS = 5_000
"""How many metric points are held back at most before they are sent."""

PROGRESS_SECONDS = 0.1
"""The shortest time between two progress messages of a unit."""

LONGEST_NAME = 250
LONGEST_PARAM = 6_000

Point = tuple[str, float, int | None, int]
"""A metric point: name, value, step or None, milliseconds since the epoch."""


class Feed(Protocol):
    """Where a running unit's news go before it is done; must be callable from any thread."""

    def metrics(self, columns: dict[str, list[Any]]) -> None:
        """Take a batch of metric points, as columns."""

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Take the latest progress."""


class Recording:
    """Collects what a unit logs and hands metrics and progress on in batches.

    Responsible for: what a point, a parameter, a validation may be; order and bounds of the batches.
    Not responsible for: where they go (`Feed`), files (`Staging`).
    """

    def __init__(self, feed: Feed | None = None) -> None:
        self.params: dict[str, Any] = {}
        self.validations: list[dict[str, Any]] = []
        self._feed = feed
        self._points: list[Point] = []
        self._names: set[str] = set()
        self._flushing = threading.Lock()
        self._progress: tuple[float, float | None, str] | None = None
        self._progress_at = 0.0

    def point(self, name: str, value: Any, step: int | None) -> None:
        """Add one metric point. This is the hot path: no lock, no clock but the time stamp."""
        if name not in self._names:
            self._names.add(_name(name, "metric"))
        if type(value) is not float:
            value = _number(name, value)
        if step is not None and type(step) is not int:
            step = _step(name, step)
        # append is atomic, so points of several threads need no lock; `drain` takes from the front only.
        self._points.append((name, value, step, time.time_ns() // 1_000_000))
        if len(self._points) >= FLUSH_POINTS and self._feed is not None:
            self.flush()

    def param(self, name: str, value: Any) -> None:
        """Set a parameter; AGI-TRACK-002 if it already has another value."""
        _name(name, "parameter")
        if not (value is None or type(value) in (bool, int, float)):
            value = scrub(str(value), LONGEST_PARAM)
        if name in self.params and self.params[name] != value:
            raise AgiError(
                "AGI-TRACK-002",
                f"the parameter {name!r} already has another value in this unit",
                found=repr(value)[:120],
                allowed=repr(self.params[name])[:120],
                try_="log_metric for something that changes, or another name",
                whose="author",
                exit_code=FAILED,
            )
        self.params[name] = value

    def validation(self, name: str, passed: Any, value: Any, limit: Any, message: str) -> None:
        """Add a verdict with what it rests on."""
        _name(name, "validation")
        if not isinstance(passed, bool) and type(passed).__name__ not in ("bool_", "bool"):
            raise _refusal(
                f"the validation {name!r} neither passed nor failed", repr(passed)[:80], "True or False"
            )
        self.validations.append(
            {
                "name": name,
                "passed": bool(passed),
                "value": _evidence(value, f"the value of validation {name!r}"),
                "limit": _evidence(limit, f"the limit of validation {name!r}"),
                "message": scrub(str(message)),
            }
        )

    def progress(self, done: float, total: float | None, message: str) -> None:
        """Note how far the unit is; sent at once unless the last message is younger than 0.1 s."""
        self._progress = (done, total, scrub(str(message), 500))
        if time.monotonic() - self._progress_at >= PROGRESS_SECONDS:
            self._send_progress()

    def flush(self) -> None:
        """Send what is held back. Called by full batches, by the worker's clock and at the end of a unit."""
        self._send_progress()
        if self._points and self._feed is not None:
            with self._flushing:
                while columns := self._columns(FLUSH_POINTS):
                    self._feed.metrics(columns)

    def drain(self) -> dict[str, list[Any]]:
        """The points that were not flushed, as columns; later ones start anew."""
        self._send_progress()
        with self._flushing:
            return self._columns(len(self._points)) or {"name": [], "value": [], "step": [], "at_ms": []}

    def points(self) -> list[Point]:
        """The points that are still here (all of them where there is no feed)."""
        return list(self._points)

    def _columns(self, most: int) -> dict[str, list[Any]]:
        batch = self._points[:most]
        if not batch:
            return {}
        del self._points[: len(batch)]
        names, values, steps, times = zip(*batch, strict=True)
        return {
            "name": list(names),
            "value": [value if math.isfinite(value) else tag(value) for value in values],
            "step": list(steps),
            "at_ms": list(times),
        }

    def _send_progress(self) -> None:
        if self._progress is None or self._feed is None:
            return
        with self._flushing:
            latest, self._progress = self._progress, None
            if latest is not None:
                self._progress_at = time.monotonic()
                self._feed.progress(*latest)


def _name(name: object, kind: str) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME or scrub(name, 999) != name:
        raise _refusal(
            f"a {kind} has no usable name", repr(name)[:80], f"text of 1 to {LONGEST_NAME} characters"
        )
    return name


def _number(name: str, value: Any) -> float:
    if not isinstance(value, (str, bytes)):
        try:
            return float(value)
        except (TypeError, ValueError, OverflowError):
            pass
    raise _refusal(
        f"the metric {name!r} is no number",
        f"{value!r:.80} ({type(value).__name__})",
        "anything that float() takes",
    )


def _step(name: str, step: Any) -> int:
    try:
        return int(step.__index__())
    except AttributeError:
        raise _refusal(
            f"the step of metric {name!r} is no integer", repr(step)[:80], "an integer or None"
        ) from None


def _evidence(value: Any, subject: str) -> Any:
    # Evidence often comes as a numpy scalar; insisting on float(x) there would teach nobody anything.
    if type(value).__module__ == "numpy" and hasattr(value, "item") and getattr(value, "ndim", 1) == 0:
        value = value.item()
    return tag(plain(value, subject))


def _refusal(what: str, found: str, allowed: str) -> AgiError:
    return AgiError("AGI-TRACK-001", what, found=found, allowed=allowed, whose="author", exit_code=FAILED)
