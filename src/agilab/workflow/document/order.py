"""The order of a pipeline's stages by what each needs, and the rings in which there is none."""

from __future__ import annotations

import heapq
from collections.abc import Mapping


def ordered(needs: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Kahn's order (1962) that always takes the first of those that may come next, as the document has them."""
    position = {name: number for number, name in enumerate(needs)}
    names = list(needs)
    waiting = {name: len(before) for name, before in needs.items()}
    after: dict[str, list[str]] = {name: [] for name in needs}
    for name, before in needs.items():
        for need in before:
            after[need].append(name)
    ready = [position[name] for name, count in waiting.items() if not count]
    heapq.heapify(ready)
    found: list[str] = []
    while ready:
        found.append(names[heapq.heappop(ready)])
        for name in after[found[-1]]:
            waiting[name] -= 1
            if not waiting[name]:
                heapq.heappush(ready, position[name])
    return tuple(found)


def cycles(needs: Mapping[str, tuple[str, ...]], done: set[str]) -> tuple[tuple[str, ...], ...]:
    """A ring through each stage that no order can take in, as long as no ring found before goes through it."""
    position = {name: number for number, name in enumerate(needs)}
    rings: list[tuple[str, ...]] = []
    seen: set[str] = set(done)
    for start in needs:
        path: list[str] = []
        at: str | None = start
        while at is not None and at not in seen:
            if at in path:
                ring = path[path.index(at) :]
                # Along the arrows, and from the stage that stands first.
                first = ring.index(min(ring, key=position.__getitem__))
                ring = ring[first::-1] + ring[:first:-1]
                rings.append(tuple(ring))
                break
            path.append(at)
            # Whoever waits for ever needs somebody who does: that way leads into a ring.
            at = next((need for need in needs[at] if need not in done), None)
        seen.update(path)
    return tuple(rings)
