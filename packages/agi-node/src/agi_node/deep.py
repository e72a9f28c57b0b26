"""Work on objects in objects that the stack of a thread has no room for: done again in a thread with a larger one."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TypeVar, cast

DEEPEST, STACK = 100_000, 512 << 20
"""Calls in calls, and bytes of the stack for them: 5 kB each.

Measured with Python 3.11, pickle takes 0.1 to 0.3 kB for each (chains of objects, of lists, of `__reduce__`, with a
`__getstate__` in Python), and 1 kB where objects pickle within their pickling. Only what is used of a stack takes
memory.
"""
Found = TypeVar("Found")


def deeply(work: Callable[[], Found]) -> Found:
    """What `work` returns; where that goes too deep, it is done once more with more room.

    Raises what it raises: also what says of its depth, where it is deeper than `DEEPEST`, where there is no memory for
    such a stack, and where Python holds to a bound of its own (pickle in 3.12 and 3.13: some hundred objects).
    """
    try:
        return work()
    except Exception as problem:  # cloudpickle has an error of its own for too deep, with ours as its cause
        if not any(isinstance(one, RecursionError) for one in (problem, problem.__cause__)):
            raise
        return _with_room(work, problem)


def _with_room(work: Callable[[], Found], problem: Exception) -> Found:
    import contextvars  # what only deep objects pay
    import threading

    done: list[tuple[bool, object]] = []
    around = contextvars.copy_context()

    def tried() -> None:
        try:
            done.append((True, around.run(work)))
        except BaseException as raised:  # raised again where the work was asked for
            done.append((False, raised))

    limit, size = sys.getrecursionlimit(), threading.stack_size(STACK)
    try:
        thread = threading.Thread(target=tried, name="agilab-deep")
        sys.setrecursionlimit(max(limit, DEEPEST))
        thread.start()
        thread.join()
    except (RuntimeError, MemoryError):
        raise problem from None
    finally:
        threading.stack_size(size)
        sys.setrecursionlimit(limit)
    good, found = done[0]
    if not good:
        raise cast(BaseException, found)
    return cast(Found, found)
