"""What became of a lab's stages in a run, as pictures say it: a sign with a word, never a colour alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from agilab.store.rows import iso
from agilab.views.story import seconds_words

_SIGNS = {
    "succeeded": ("✓", "+"),
    "reused": ("↻", "="),
    "skipped": ("-", "-"),
    "failed": ("✗", "x"),
    "running": ("▸", ">"),
    "pending": ("…", "."),
}
_OTHER = ("!", "!")


@dataclass(frozen=True)
class StageOutcome:
    """What became of one stage.

    Attributes:
        state: How it ended, or where it is: that of its units where they share one; empty where the run had no such
            stage.
        good, total: Of how many units of a mapped stage, or of the items of an app that it calls, how many ended well;
            both 0 where there is only one.
        seconds: For how long it was worked at; None where nobody was.
        changed: What is another in the document, its code and its params since the run; empty where nothing is.
    """

    state: str = ""
    good: int = 0
    total: int = 0
    seconds: float | None = None
    changed: tuple[str, ...] = ()

    def sign(self, *, fancy: bool = True) -> str:
        """A mark for the state, in ASCII unless `fancy`.

        >>> StageOutcome("failed").sign(), StageOutcome("upstream_failed").sign(fancy=False)
        ('✗', '!')
        """
        return _SIGNS.get(self.state, _OTHER)[0 if fancy else 1]

    def ended(self, *, fancy: bool = True) -> str:
        """Sign and word of the state.

        >>> StageOutcome("reused").ended(), StageOutcome("upstream_failed").ended(), StageOutcome().ended()
        ('↻ reused', '! upstream failed', 'not in that run')
        """
        return f"{self.sign(fancy=fancy)} {self.state.replace('_', ' ')}" if self.state else "not in that run"

    def words(self, *, fancy: bool = True, short: bool = False) -> str:
        """All of it in one line, or what matters most where there is little room.

        >>> StageOutcome("failed", 12, 14, 3.42, ("code",)).words()
        '✗ failed · 12 of 14 good · 3.4 s · changed since'
        >>> StageOutcome("reused", 14, 14).words(fancy=False)
        '= reused - 14 of 14'
        >>> StageOutcome("failed", 12, 14, 3.42, ("code",)).words(short=True)
        '✗ failed · 12 of 14 · changed'
        """
        parts = [self.ended(fancy=fancy)]
        if self.total:
            good = "" if short or self.good == self.total else " good"
            parts.append(f"{self.good:,} of {self.total:,}{good}")
        if self.seconds is not None and not short:
            parts.append(seconds_words(self.seconds))
        if self.state and self.changed:
            parts.append("changed" if short else "changed since")
        return (" · " if fancy else " - ").join(parts)

    def to_plain(self) -> dict[str, Any]:
        """The outcome as JSON; a stage that the run did not have has no state."""
        return {
            "state": self.state or None,
            "good": self.good,
            "total": self.total,
            "seconds": self.seconds,
            "changed": list(self.changed),
        }


@dataclass(frozen=True)
class RunOutcome:
    """A run of a lab, as its picture shows it.

    Attributes:
        state: As people hear it, `interrupted` and `doubtful` included.
        created_us: When it began, in microseconds since 1970.
        seconds: By the wall clock; None for a run that has not ended.
        stages: By id, for every stage that runs now.
        gone: Stages that the run had and that do not run any more.
    """

    run_id: str
    state: str
    created_us: int
    seconds: float | None
    stages: Mapping[str, StageOutcome]
    gone: tuple[str, ...] = ()

    @property
    def changed(self) -> tuple[str, ...]:
        """Stages that are others than in the run, new ones among them."""
        return tuple(name for name, one in self.stages.items() if one.changed or not one.state)

    def sentence(self) -> str:
        """The run in one line, its time in UTC: a picture may be looked at anywhere."""
        began = datetime.fromtimestamp(self.created_us / 1e6, UTC)
        took = f", {seconds_words(self.seconds)}" if self.seconds is not None else ""
        return f"run {self.run_id}: {self.state}{took}, {began:%Y-%m-%d %H:%M} UTC"

    def to_plain(self) -> dict[str, Any]:
        """The run as JSON, without its stages."""
        return {
            "run_id": self.run_id,
            "state": self.state,
            "created_at": iso(self.created_us),
            "duration_seconds": self.seconds,
            "changed": list(self.changed),
            "gone": list(self.gone),
        }

    def since(self) -> Iterator[str]:
        """What is another now, a line for each kind of change; nothing where the lab is as it was run."""
        new = [name for name, one in self.stages.items() if not one.state]
        edited = [f"{name} ({', '.join(one.changed)})" for name, one in self.stages.items() if one.changed]
        for what, names in (("changed", edited), ("new", new), ("gone", list(self.gone))):
            if names:
                yield f"{what} since that run: {', '.join(names)}"
