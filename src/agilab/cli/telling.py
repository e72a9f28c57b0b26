"""Events of a run as lines for a person: what matters at once, what comes by the thousand counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from agilab.cli.words import brief, duration, plural, symbol

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.store.events import Event

AT_ONCE = 60
"""Lines about single units that may come in one go …"""
PER_SECOND = 10.0
"""… and how quickly that allowance grows again."""
SUMMARY_SECONDS = 1.0

_WORDS = {
    "attempt_started": ("started", "cyan"),
    "attempt_succeeded": ("succeeded", "green"),
    "attempt_skipped": ("skipped itself", "cyan"),
    "attempt_failed": ("failed", "red"),
    "attempt_lost": ("was lost", "red"),
    "attempt_cancelled": ("was cancelled", "yellow"),
    "unit_ready": ("is ready", "dim"),
    "unit_reused": ("was reused", "green"),
    "unit_skipped": ("was skipped", "cyan"),
    "unit_upstream_failed": ("cannot run", "yellow"),
    "unit_left_out": ("was left out", "dim"),
    "retry_due": ("is tried again", "yellow"),
    "metrics_logged": ("logged", ""),
    "report_refused": ("had a stale report refused", "dim"),
    "expansion_failed": ("could not expand", "red"),
}
"""Events of units: what a line says, and its colour."""
_GRAVE = frozenset({"attempt_failed", "attempt_lost", "expansion_failed"})
"""What somebody has to look at: has an allowance of its own, and is told before it is counted."""
_GRAVE_AT_ONCE = 20
_QUIET = frozenset({"unit_ready", "retry_due", "report_refused"})
"""Told only to whoever asks for more."""
_COUNTED = {
    "attempt_skipped": "skipped",
    "attempt_lost": "lost",
    "attempt_cancelled": "cancelled",
    "unit_ready": "ready",
    "unit_reused": "reused",
    "unit_skipped": "skipped",
    "unit_upstream_failed": "upstream failed",
    "unit_left_out": "left out",
    "retry_due": "tried again",
    "metrics_logged": "metric tables",
    "report_refused": "stale reports",
}
_RUN_WORDS = {
    "run_created": ("began", "bold"),
    "plan_recorded": ("has a plan", ""),
    "run_stopping": ("starts nothing more", "yellow"),
    "cancel_requested": ("is being cancelled", "yellow"),
    "run_paused": ("is paused", "yellow"),
    "run_unpaused": ("goes on", "cyan"),
    "coordinator_took_over": ("was taken over", "yellow"),
    "note_added": ("has a note", "bold"),
    "tracking_recorded": ("MLflow:", "dim"),
    "manifest_written": ("has its manifest", "dim"),
}


class Teller:
    """Turns events into lines.

    Responsible for: a bounded number of lines whatever the run does, in the order of the log. Units beyond the
    allowance are counted by node and told once a second. Not responsible for: reading and printing.
    """

    def __init__(
        self, began_us: int, *, verbose: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._began_us = began_us
        self._verbose = verbose
        self._clock = clock
        self._allowance = {True: float(_GRAVE_AT_ONCE), False: float(AT_ONCE)}
        self._refilled = clock()
        self._held: dict[str, dict[str, int]] = {}
        self._held_since = clock()
        self._last_us = began_us
        self._sizes: dict[str, int] = {}

    def tell(self, events: Iterable[Event]) -> Iterator[Text]:
        """The lines for these events; none for what is held back for a count."""
        for event in events:
            self._last_us = event.at_us
            if event.kind in _WORDS:
                yield from self._unit(event)
            else:
                yield from self._landmark(event)
        if self._held and self._clock() - self._held_since >= SUMMARY_SECONDS:
            yield from self.rest()

    def rest(self) -> Iterator[Text]:
        """What was held back so far, one line for each node."""
        held, self._held = self._held, {}
        for node, counts in held.items():
            from rich.text import Text

            line = self._line(self._last_us, node)
            said = [
                (f"+{count:,} {_COUNTED.get(kind, _WORDS[kind][0])}", _WORDS[kind][1])
                for kind, count in counts.items()
            ]
            line.append_text(Text(", ").join(Text(words, style) for words, style in said))
            yield line

    def _unit(self, event: Event) -> Iterator[Text]:
        if event.kind in _QUIET and not self._verbose:
            return
        grave = event.kind in _GRAVE
        if not self._allowed(grave):
            if not self._held:
                self._held_since = self._clock()
            node = str(event.unit_id or event.data.get("node", "")).partition("[")[0]
            counts = self._held.setdefault(node, {})
            counts[event.kind] = counts.get(event.kind, 0) + 1
            return
        if grave:
            yield from self.rest()
        words, style = _WORDS[event.kind]
        data = event.data
        line = self._line(event.at_us, event.unit_id or str(data.get("node", "")))
        line.append(words, style)
        line.append(_detail(event.kind, data), "dim")
        yield line

    def _allowed(self, grave: bool) -> bool:
        now = self._clock()
        gained = (now - self._refilled) * PER_SECOND
        self._refilled = now
        for kind, most in ((True, _GRAVE_AT_ONCE), (False, AT_ONCE)):
            self._allowance[kind] = min(float(most), self._allowance[kind] + gained)
        # Lines come in the order of the log: while others are held back for a count, this one is held back too.
        if self._allowance[grave] < 1 or (self._held and not grave):
            return False
        self._allowance[grave] -= 1
        return True

    def _landmark(self, event: Event) -> Iterator[Text]:
        data = event.data
        if event.kind == "node_expanded":
            self._sizes[data["node"]] = self._sizes.get(data["node"], 0) + data.get("count", 0)
            if "under" in data or self._sizes[data["node"]] == 1:
                return  # its units speak for themselves
            yield from self.rest()
            yield self._said(event, data["node"], f"has {plural(data['count'], 'unit')}", "")
        elif event.kind == "node_finished":
            state = data["state"]
            if state == "succeeded" and self._sizes.get(data["node"]) == 1:
                return
            yield from self.rest()
            yield self._said(
                event, data["node"], f"{symbol('run')} {state}", _style(state), _detail(event.kind, data)
            )
        elif event.kind == "run_finished":
            yield from self.rest()
            state = data["state"]
            yield self._said(event, "run", state, f"bold {_style(state)}".strip(), _detail(event.kind, data))
        elif event.kind in _RUN_WORDS:
            yield from self.rest()
            words, style = _RUN_WORDS[event.kind]
            yield self._said(event, event.unit_id or "run", words, style, _detail(event.kind, data))
        elif self._verbose:
            yield self._said(event, "run", event.kind.replace("_", " "), "dim", _detail(event.kind, data))

    def _said(self, event: Event, subject: str, words: str, style: str, more: str = "") -> Text:
        line = self._line(event.at_us, subject)
        line.append(words, style)
        line.append(more, "" if event.kind == "note_added" else "dim")
        return line

    def _line(self, at_us: int, subject: str) -> Text:
        from rich.text import Text

        after = duration(max(0, at_us - self._began_us) / 1e6)
        return Text.assemble((f"{'+' + after:>10}", "dim"), "  ", (f"{subject:<14}", "bold"), "  ")


def _style(state: str) -> str:
    from agilab.cli.render import STATE_STYLES

    return STATE_STYLES.get(state, "")


def _detail(kind: str, data: dict[str, Any]) -> str:
    """The part of an event's body that a line has room for."""
    if kind == "metrics_logged":
        table = data.get("metrics")
        if not table or not table.get("name"):
            return ""
        last = dict(zip(table["name"], table["value"], strict=False))
        return "  " + brief(last, limit=60)
    from agilab.views.story import event_words

    plain = {key: value for key, value in data.items() if key not in ("state", "node", "count")}
    if kind == "attempt_started":
        plain = {"why": data["why"]} if data.get("why") else {}
        where = f"on {data.get('worker') or 'none: it only gathers'}" + (
            f", attempt {data['number']}" if data.get("number", 1) > 1 else ""
        )
        return f"  {', '.join([where, *plain.values()])}"
    if kind == "plan_recorded":
        return f"  {plural(len(data['nodes']), 'node')}"
    if kind == "run_created":
        return f"  {data.get('app', '')}"
    if kind == "tracking_recorded":
        return f"  {data.get('state', '')}"
    words = event_words("", plain)
    return f"  {words}" if words else ""
