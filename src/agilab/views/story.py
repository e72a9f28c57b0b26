"""Why a run, a node or a unit is as it is, in words: what it waits for, whose fault it was, what to do next.

Everything is read from the log and its tables; nothing is guessed from clocks. However many units there are, an
explanation stays a screenful.
"""

from __future__ import annotations

import shlex
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from agi_node.errors import AgiError
from agilab.store.events import Event
from agilab.store.rows import RunRow, iso
from agilab.store.store import Store
from agilab.views.history import INTERRUPTED, preview_command, resume_command
from agilab.views.outline import Outline, OutlineNode

NAMED = 8
"""Things that are named in a list; the others are counted."""
STEPS = 40
"""Events of a story that are told; of a longer one the first and the last."""

FAULT = {
    "author": "the app's code",
    "user": "what was asked for",
    "environment": "the machine or its environment",
    "agilab": "AGILab itself",
}


@dataclass(frozen=True)
class Next:
    """A command and what it does."""

    command: str
    does: str


@dataclass(frozen=True)
class Step:
    """One event of a story. `after_s` counts from the story's first event, by the wall clock."""

    event: int
    at: str
    after_s: float
    kind: str
    text: str


@dataclass(frozen=True)
class Explanation:
    """An answer to "why?".

    Attributes:
        subject: The id of the run, the node or the unit.
        kind: `run`, `node` or `unit`.
        state: Its state, `interrupted` and `doubtful` included.
        sentence: All of it in one sentence.
        reasons: What lies behind it, most important first.
        given: What it was given, by name.
        needs, needed_by: What it builds on and what builds on it, each in a few words.
        error: What it failed with.
        steps: Its story; `left_out` says how many events in the middle are not told.
    """

    subject: str
    kind: str
    state: str
    sentence: str
    reasons: tuple[str, ...] = ()
    given: tuple[tuple[str, Any], ...] = ()
    needs: tuple[str, ...] = ()
    needed_by: tuple[str, ...] = ()
    error: AgiError | None = None
    steps: tuple[Step, ...] = ()
    left_out: int = 0
    next: tuple[Next, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The explanation as JSON."""
        return {
            "subject": self.subject,
            "kind": self.kind,
            "state": self.state,
            "sentence": self.sentence,
            "reasons": list(self.reasons),
            "given": dict(self.given),
            "needs": list(self.needs),
            "needed_by": list(self.needed_by),
            "error": self.error.to_plain() if self.error else None,
            "story": [vars(step) for step in self.steps],
            "left_out": self.left_out,
            "next": [vars(one) for one in self.next],
        }


@dataclass(frozen=True)
class Scene:
    """What every sentence may look at."""

    store: Store
    run: RunRow
    outline: Outline
    state: str

    @property
    def id(self) -> str:
        return self.run.run_id

    def last(self, *kinds: str) -> Event | None:
        """The newest event of these kinds."""
        newest = deque(self.store.events(self.id, kinds=kinds), maxlen=1)
        return newest[0] if newest else None

    def resume(self, does: str) -> Next:
        """How to go on with the run."""
        return Next(resume_command(self.run.app, self.id), does)

    def rerun(self, does: str, unit: str | None = None) -> Next:
        """How to see what a rerun of one unit, or of what is not done, would do."""
        return Next(preview_command(self.run.app, self.id, unit), does)

    def show(self, unit: str) -> Next:
        return Next(f"agilab runs show {self.id} {shlex.quote(unit)}", "its log and what it printed")


def told(events: list[Event]) -> tuple[list[Step], int]:
    """A story as steps, and how many events of its middle are left out."""
    left_out = max(0, len(events) - STEPS)
    if left_out:
        events = [*events[: STEPS // 2], *events[-(STEPS // 2) :]]
    began = events[0].at_us if events else 0
    return [
        Step(
            event.run_seq,
            iso(event.at_us) or "",
            (event.at_us - began) / 1e6,
            event.kind,
            text,
        )
        for event, text in story_words(events)
    ], left_out


def story_words(events: Sequence[Event]) -> Iterator[tuple[Event, str]]:
    """Each event of a story with what it says. Handed over is not begun: what was lost before it was is told so."""
    idle = {event.attempt_id for event in events if event.data.get("began") is False}
    for event in events:
        text = event_words(event.kind, event.data)
        if event.kind == "attempt_started" and event.attempt_id in idle:
            text = f"{text}, sent ahead and never begun"
        yield event, text


def event_words(kind: str, data: Mapping[str, Any]) -> str:
    """What an event says, without its subject: one line for a person."""
    parts: list[str] = []
    if kind == "attempt_started":
        on = f" on {data['worker']}" if data.get("worker") else ""
        parts.append(f"attempt {data.get('number', '?')}{on}")
    if kind in ("node_expanded", "node_finished"):
        parts.append(str(data.get("node")))
    if kind == "node_expanded":
        parts.append(counted(data.get("count", 0), "unit"))
    if data.get("state"):
        parts.append(str(data["state"]))
    if data.get("why"):
        parts.append(str(data["why"]))
    if data.get("text"):
        parts.append(str(data["text"]).partition("\n")[0])
    if data.get("reason"):
        parts.append(str(data["reason"]))
    if data.get("error"):
        parts.append(str(data["error"].get("what", "")).partition("\n")[0])
    if data.get("because"):
        parts.append(f"because of {some(str(name) for name in data['because'])}")
    if data.get("from_run"):
        parts.append(f"from run {data['from_run']}")
    if data.get("to"):
        parts.append(f"now {data['to']}")
    if data.get("duration_us") is not None:
        parts.append(f"worked {seconds_words(data['duration_us'] / 1e6)}")
    if data.get("artifacts"):
        parts.append(counted(len(data["artifacts"]), "artifact"))
    if kind == "metrics_logged" and data.get("metrics"):
        parts.append(counted(len(data["metrics"]["name"]), "metric point"))
    if data.get("verdict"):
        parts.append(str(data["verdict"]))
    if data.get("by"):
        parts.append(f"by {data['by']}")
    return ", ".join(parts)


def needed_by(scene: Scene, node: OutlineNode) -> Iterator[str]:
    direct = scene.outline.dependants[node.name]
    for name in direct[:NAMED]:
        yield f"{name} ({scene.outline.nodes[name].state})"
    beyond = len(scene.outline.downstream(node.name)) - len(direct)
    rest = max(0, len(direct) - NAMED)
    if beyond or rest:
        yield f"and {counted(beyond + rest, 'more node')} after these"


def need_words(need: OutlineNode, node: OutlineNode) -> str:
    if need.total > 1 or not need.finished:
        return f"{need.name} ({need.state}, {need.ended:,} of {need.total:,} units ended)"
    return f"{need.name} ({need.state})"


def open_needs(outline: Outline, node: OutlineNode) -> list[str]:
    return [
        f"{name} ({outline.nodes[name].ended:,} of {outline.nodes[name].total:,} ended)"
        if outline.nodes[name].total
        else name
        for name in node.needs
        if not outline.nodes[name].finished
    ]


def stopped_because(scene: Scene) -> str:
    event = scene.last("run_stopping", "cancel_requested")
    if event is None:
        return "the run ended before its turn"
    verb = "the run was cancelled" if event.kind == "cancel_requested" else "the run was stopping"
    return f"{verb} before its turn ({event.data.get('reason') or 'no reason was given'})"


def due(not_before_us: int) -> str:
    wait = not_before_us / 1e6 - time.time()
    return f"due in {seconds_words(wait)}" if wait > 0 else "which is due now"


def by_words(data: Mapping[str, Any]) -> str:
    return f" by {data['by']}" if data.get("by") else ""


def counts_of(outline: Outline) -> dict[str, int]:
    counts: dict[str, int] = {}
    for node in outline.nodes.values():
        for state, count in node.counts.items():
            counts[state] = counts.get(state, 0) + count
    return counts


def counted(count: int, word: str) -> str:
    """
    >>> counted(1, "unit"), counted(1200, "unit")
    ('1 unit', '1,200 units')
    """
    return f"{count:,} {word}{'' if count == 1 else 's'}"


def some(names: Iterable[str]) -> str:
    """The first few, and how many more."""
    listed = list(names)
    more = f" and {len(listed) - NAMED:,} more" if len(listed) > NAMED else ""
    return ", ".join(listed[:NAMED]) + more


def seconds_words(seconds: float) -> str:
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02d} min"


def why_not_started(scene: Scene, node: OutlineNode) -> Iterator[str]:
    """Why units that are ready do not start: pause, caps, or no place."""
    outline = scene.outline
    if scene.state == INTERRUPTED or scene.run.paused:
        return
    running = node.counts.get("running", 0) + node.counts.get("cancelling", 0)
    cap = node.policy.get("max_parallel")
    if cap is not None and running >= cap:
        yield f"{node.name} may have {cap} units running at once, and has."
    pool = node.policy.get("pool")
    if pool is not None and pool in outline.pools:
        using = sum(
            other.counts.get("running", 0)
            for other in outline.nodes.values()
            if other.policy.get("pool") == pool
        )
        if using >= outline.pools[pool]:
            yield f"All {outline.pools[pool]} slots of pool {pool} are taken."
    everything = counts_of(outline).get("running", 0)
    if outline.max_parallel is not None and everything >= outline.max_parallel:
        yield f"The run may have {outline.max_parallel} units running at once, and has."
    if node.counts.get("ready"):
        yield f"{node.counts['ready']:,} units of {node.name} are ready; {everything:,} units hold the workers."
