"""Where a person's code ends and ours begins."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from agi_node.errors import AgiError

P = ParamSpec("P")
R = TypeVar("R")


def at_the_edge(method: Callable[P, R]) -> Callable[P, R]:
    """Errors that a person can act on point at their own call: what we did in between tells them nothing."""

    @functools.wraps(method)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return method(*args, **kwargs)
        except AgiError as error:
            raise error.with_traceback(None) from error.__cause__

    return called
