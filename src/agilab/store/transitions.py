"""The transition table: the only ways in which a unit may change its state.

Both the scheduler's pure core and the guarded SQL updates of the projection read this one table, so
they cannot disagree. A change that is not listed raises with the unit's story.
"""

from __future__ import annotations

from dataclasses import dataclass

PENDING = "pending"
READY = "ready"
RUNNING = "running"
CANCELLING = "cancelling"
UP_FOR_RETRY = "up_for_retry"
SUCCEEDED = "succeeded"
FAILED = "failed"
SKIPPED = "skipped"
REUSED = "reused"
CANCELLED = "cancelled"
UPSTREAM_FAILED = "upstream_failed"

UNIT_STATES = (
    PENDING,
    READY,
    RUNNING,
    CANCELLING,
    UP_FOR_RETRY,
    SUCCEEDED,
    FAILED,
    SKIPPED,
    REUSED,
    CANCELLED,
    UPSTREAM_FAILED,
)
TERMINAL = frozenset({SUCCEEDED, FAILED, SKIPPED, REUSED, CANCELLED, UPSTREAM_FAILED})
"""Absorbing: whoever wants to try again makes a child run."""
GOOD = frozenset({SUCCEEDED, SKIPPED, REUSED})
"""Terminal states that satisfy a dependant."""
WITH_VALUE = frozenset({SUCCEEDED, REUSED})
"""Terminal states that left a value: `unit_reused` carries what the earlier success recorded."""
NOT_STARTED = frozenset({PENDING, READY, UP_FOR_RETRY})


@dataclass(frozen=True)
class Transition:
    """One row of the table.

    Attributes:
        before: States from which the event may move a unit.
        after: States to which it may move it; the event's body says which where there are two.
        fenced: The event carries the attempt that it speaks of, and that must be the unit's current one.
    """

    before: frozenset[str]
    after: tuple[str, ...]
    fenced: bool = False


_OPEN = frozenset({RUNNING, CANCELLING})

UNIT_TRANSITIONS: dict[str, Transition] = {
    "unit_ready": Transition(frozenset({PENDING}), (READY,)),
    "attempt_started": Transition(frozenset({READY}), (RUNNING,)),
    # A success or a failure may still arrive while a cancel is on its way: what happened, happened.
    "attempt_succeeded": Transition(_OPEN, (SUCCEEDED,), fenced=True),
    "attempt_skipped": Transition(_OPEN, (SKIPPED,), fenced=True),
    "attempt_failed": Transition(_OPEN, (UP_FOR_RETRY, FAILED), fenced=True),
    "attempt_lost": Transition(_OPEN, (READY, UP_FOR_RETRY, FAILED), fenced=True),
    "attempt_cancelled": Transition(_OPEN, (CANCELLED,), fenced=True),
    "retry_due": Transition(frozenset({UP_FOR_RETRY}), (READY,)),
    "unit_skipped": Transition(frozenset({PENDING, READY}), (SKIPPED,)),
    "unit_reused": Transition(frozenset({PENDING, READY}), (REUSED,)),
    "unit_upstream_failed": Transition(frozenset({PENDING}), (UPSTREAM_FAILED,)),
    # A rerun that was asked for other units: this one stays as undone as it was.
    "unit_left_out": Transition(frozenset({PENDING, READY}), (CANCELLED,)),
}

RUN_EVENTS = frozenset(
    {
        "run_created",
        "plan_recorded",
        "node_expanded",
        "expansion_failed",
        "node_finished",
        "run_stopping",
        "cancel_requested",
        "run_paused",
        "run_unpaused",
        "run_finished",
        "metrics_logged",
        "report_refused",
        "coordinator_took_over",
        "tracking_recorded",
        "manifest_written",
        "note_added",
    }
)
"""Events that move the run or a node, or that record without moving anything."""

AFTER_THE_END = frozenset({"note_added", "tracking_recorded", "manifest_written", "report_refused"})
"""What may still be appended to a run that has finished."""
