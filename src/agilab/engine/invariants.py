"""What must hold of a run's state after every event; tests ask for it, each time."""

from __future__ import annotations

from agilab.engine.core import RunState
from agilab.engine.state import NodeState, Unit
from agilab.store import transitions as t


def validate(run: RunState) -> None:
    """Assert every invariant. Raises AssertionError with the node that breaks one."""
    running = [unit for unit in run.units.values() if unit.state in (t.RUNNING, t.CANCELLING)]
    _validate_caps(run, running)
    for state in run.nodes.values():
        _validate_groups(state)
        _validate_line(run, state)
        for unit in state.units:
            if unit.state == t.PENDING:
                open_ = sum(
                    not run.waits.closed(run.nodes[need], unit.keys[:count]) for need, count in state.keyed
                )
                assert unit.waiting == open_, (unit, open_)
    assert run.unfinished == sum(not state.finished for state in run.nodes.values())
    if run.final is not None:
        assert not running
        assert all(unit.state in t.TERMINAL for unit in run.units.values())
        assert not run.unfinished


def _validate_caps(run: RunState, running: list[Unit]) -> None:
    most = run.graph.max_parallel
    assert len(running) == run.running, (len(running), run.running)
    assert most is None or run.running <= most, run.running
    for pool, slots in run.graph.pools.items():
        used = sum(run.nodes[unit.node].node.policy.pool == pool for unit in running)
        assert used == run.line.pool_running[pool] <= slots, (pool, used, slots)


def _validate_groups(state: NodeState) -> None:
    mine = state.units
    for keys, group in ((), state.all), *state.groups.items():
        inside = [unit for unit in mine if unit.keys[: len(keys)] == keys]
        assert group.units == inside, state
        assert group.total == len(inside), state
        assert group.open == sum(unit.state not in t.TERMINAL for unit in inside), state
        assert group.good == sum(unit.state in t.GOOD for unit in inside), state
        assert group.expected >= 0, state


def _validate_line(run: RunState, state: NodeState) -> None:
    cap = state.node.policy.max_parallel
    busy = sum(unit.state in (t.RUNNING, t.CANCELLING) for unit in state.units)
    assert state.running == busy, state
    assert cap is None or state.running <= cap, state
    assert state.waiting_for == sum(not run.nodes[need].finished for need in state.whole), state
    listed = {entry[2].unit_id for lane in state.ready.values() for entry in lane}
    ready = {unit.unit_id for unit in state.units if unit.state == t.READY}
    assert ready <= listed, state
    assert not ready or state.node.name in run.line.waiting, state
