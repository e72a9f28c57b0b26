"""What is so on one path through a cell, and what is so where paths meet."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from agilab.notebooks.flow.values import Value, either


@dataclass
class Way:
    """What is so on the path that is being walked."""

    env: dict[str, Value] = field(default_factory=dict)
    status: dict[str, bool] = field(default_factory=dict)
    must: set[str] = field(default_factory=set)
    modules: dict[str, str] = field(default_factory=dict)
    dead: bool = False

    def copy(self) -> Way:
        return Way(dict(self.env), dict(self.status), set(self.must), dict(self.modules), self.dead)


def with_stored(value: Value, stored: Value) -> Value:
    """A value in which another may lie from now on; the very value where all of it may already."""
    itself = value.kind not in ("table", "figure") and not stored.owns.isdisjoint(value.owns)
    if (
        stored.reaches <= value.reaches
        and stored.makers <= value.makers
        and stored.runs <= value.runs
        and stored.own <= value.own
        and (value.tied or not stored.tied)
        and not (itself and value.kind)
    ):
        return value
    return Value(
        value.owns,
        value.reaches | stored.reaches,
        value.makers | stored.makers,
        value.runs | stored.runs,
        value.tied or stored.tied,
        "" if itself else value.kind,
        value.calm,
        value.own | stored.own,
    )


def joined(paths: Sequence[Way]) -> Way:
    """What is so where paths meet; those that ended elsewhere do not count, unless all did."""
    live = [path for path in paths if not path.dead] or list(paths)
    first = live[0]
    if len(live) == 1:
        return first.copy()
    env, status, must, modules = dict(first.env), dict(first.status), set(first.must), dict(first.modules)
    for path in live[1:]:
        for name, value in path.env.items():
            mine = env.get(name)
            if mine is not value:
                env[name] = value if mine is None else either([mine, value])
        if path.status != status:
            for name in path.status.keys() - status.keys():
                status[name] = False
            status = {name: certain and path.status.get(name, False) for name, certain in status.items()}
        must &= path.must
        if path.modules != modules:
            modules = {name: full for name, full in modules.items() if path.modules.get(name) == full}
    return Way(env, status, must, modules, all(path.dead for path in paths))
