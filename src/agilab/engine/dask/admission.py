"""Which Dask workers a run uses: each is asked, when it comes, whether its host can run the app."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.engine.dask.host import DIALECT
from agilab.engine.dask.places import natural
from agilab.engine.dask.refusal import lacking, no_agilab, other_dialect
from agilab.envs.worker_process import WorkerSpec

LOOK_SECONDS = 15.0
"""How long the first workers wait for the answers of the others."""


class Admission:
    """The Dask workers that have come, by address.

    Responsible for: who was asked, who waits for a place, who is refused and why.
    Not responsible for: asking, which `ask` does, and places.
    """

    def __init__(self, ask: Callable[[str], None]) -> None:
        self.refused: dict[str, AgiError] = {}
        self._ask = ask
        self._known: set[str] = set()
        self._asked: dict[str, float] = {}
        self._arrived: list[tuple[str, Mapping[str, Any]]] = []

    def come(self, address: str) -> None:
        """Ask a Dask worker whether its host can run the app. Once for each, when it appears."""
        if address not in self._known:
            self._known.add(address)
            self._asked[address] = time.monotonic()
            self._ask(address)

    def gone(self, address: str) -> None:
        """It is there no more, and would be asked again if it came back."""
        self._known.discard(address)
        self._asked.pop(address, None)
        self._arrived = [(other, who) for other, who in self._arrived if other != address]

    def answered(self, address: str, reply: Any) -> AgiError | None:
        """Why it cannot be used, by what it answered; otherwise it waits for a place."""
        if self._asked.pop(address, None) is None:
            return None
        if isinstance(reply, Exception):
            return no_agilab(address, reply)
        if reply["dialect"] != DIALECT:
            return other_dialect(address, reply, DIALECT)
        if reply["missing"]:
            return lacking(address, reply)
        self._arrived.append((address, reply))
        return None

    @property
    def waiting(self) -> bool:
        """Whether some wait for a place."""
        return bool(self._arrived)

    @property
    def nobody_left(self) -> bool:
        """Whether some came, and all of them are refused."""
        return bool(self._known) and not self._asked and self._known <= self.refused.keys()

    def admitted(self, *, together: bool) -> list[tuple[str, Mapping[str, Any]]]:
        """Those that waited, once, in the order of their names; `together` with all that were asked, or not yet."""
        now = time.monotonic()
        if together and any(now - asked < LOOK_SECONDS for asked in self._asked.values()):
            return []
        arrived, self._arrived = sorted(self._arrived, key=lambda each: natural(each[1]["name"])), []
        return arrived


def paths_needed(specs: Iterable[WorkerSpec], shared: Iterable[Path]) -> list[tuple[str, str, str]]:
    """What a host must have to run these: what it is, its path, `program` or `folder`."""
    paths: list[tuple[str, str, str]] = []
    for spec in specs:
        paths.append(("the environment's interpreter", str(spec.python), "program"))
        if spec.source is not None:
            paths.append(("the source snapshot", str(spec.source), "folder"))
        # A root that is not here either is the affair of the unit that wants it.
        roots = [(name, root) for name, root in spec.roots.items() if Path(root).is_dir()]
        paths.extend((f"data root {name}", root, "folder") for name, root in roots)
    paths.extend(("the folder", str(folder), "folder") for folder in shared)
    return paths
