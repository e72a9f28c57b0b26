"""How long units were worked at, by what their workers measured; no time in a queue is part of it."""

from __future__ import annotations

from collections.abc import Iterable

from agilab.store.rows import UnitRow

Spell = tuple[str, int, int]
"""A worker, when it was done with a unit, and for how long it was at it (both in microseconds)."""


def worked_seconds(units: Iterable[UnitRow]) -> dict[str, float]:
    """For each node that has been worked at: for how long at least one of its units was, by their last attempts.

    A result that was used again, or is still waited for, took nobody's time; a node with nothing else is left out.
    """
    spells: dict[str, list[Spell]] = {}
    for unit in units:
        if (spell := _spell(unit)) is not None:
            spells.setdefault(unit.node, []).append(spell)
    return {node: covered_us(mine) / 1e6 for node, mine in spells.items()}


def worked_together(units: Iterable[UnitRow]) -> float | None:
    """For how many seconds at least one of the units was worked at; None where none of them was."""
    spells = [spell for unit in units if (spell := _spell(unit)) is not None]
    return covered_us(spells) / 1e6 if spells else None


def covered_us(spells: Iterable[Spell]) -> int:
    """The time that lies in at least one spell.

    Ends are when the manager heard of them, several at once from a worker with tiny units. A worker does one after the
    other, so what overlaps on one worker is put back in a row first.

    >>> covered_us([("w0", 100, 10), ("w0", 100, 20), ("w1", 95, 15)])
    30
    """
    rows: list[tuple[int, int]] = []
    free: dict[str, int] = {}
    for worker, ended, lasted in sorted(spells, key=lambda spell: -spell[1]):
        end = min(ended, free.get(worker, ended))
        free[worker] = end - lasted
        rows.append((end - lasted, end))
    total, until = 0, None
    for start, end in sorted(rows):
        total += max(0, end - (start if until is None else max(start, until)))
        until = end if until is None else max(until, end)
    return total


def _spell(unit: UnitRow) -> Spell | None:
    """The last attempt of a unit; None where it had none, or none that ended.

    One that was ended from outside was not measured: it lasted from when it was handed over.
    """
    if not unit.attempts or unit.ended_us is None:
        return None
    lasted = unit.duration_us
    if lasted is None:
        lasted = max(0, unit.ended_us - (unit.started_us or unit.ended_us))
    return unit.worker or "", unit.ended_us, lasted
