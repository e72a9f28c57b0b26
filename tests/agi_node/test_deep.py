"""Objects in objects, deeper than a thread's stack has room for, are written down and read back."""

from __future__ import annotations

import pickle
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from tests.agi_node.test_handover import through

from agi_node.errors import AgiError

# Python 3.12 and later hold pickle to a bound of their own, however large the stack is.
DEEP = 20_000 if sys.version_info < (3, 12) else 300


class Node:
    def __init__(self, below: Any) -> None:
        self.below = below


class Packed(Node):
    """Objects that pickle within their pickling: reading them goes as deep as writing."""

    def __reduce__(self) -> Any:
        return pickle.loads, (pickle.dumps(self.below),)


class Broken(Node):
    def __reduce__(self) -> Any:
        if self.below is None:
            raise ValueError("not this one")
        return Broken, (self.below,)


def chain(kind: type[Node], length: int) -> Any:
    found = None
    for _ in range(length):
        found = kind(found)
    return found


def test_a_long_chain_of_objects_comes_back(tmp_path: Path) -> None:
    before = sys.getrecursionlimit(), threading.stack_size()
    found, length = through(chain(Node, DEEP), tmp_path), 0
    while found is not None:
        found, length = found.below, length + 1
    assert length == DEEP
    assert through(chain(Packed, DEEP // 10), tmp_path / "packed") is None
    assert (sys.getrecursionlimit(), threading.stack_size()) == before, "nothing of it stays"


def test_what_is_wrong_at_the_bottom_is_said_and_endless_depth_has_an_end(tmp_path: Path) -> None:
    with pytest.raises(AgiError) as refused:
        through(chain(Broken, DEEP // 2), tmp_path)
    assert "not this one" in str(refused.value.found)
    with pytest.raises(AgiError) as refused:
        through(chain(Node, 200_000), tmp_path)
    assert refused.value.code == "AGI-STAGE-114"
    assert "recursion" in str(refused.value.found)
