"""The cells that open a lab and run it: which document is named, and whether they say anything else."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from agilab.notebooks.supervisor.export import opening, running


def opened(source: str) -> str:
    """The text in `Lab('…')`; empty where the cell has become something else.

    >>> opened("from agilab import Lab\\n\\nlab = Lab('study/lab_stages.toml')")
    'study/lab_stages.toml'
    """
    try:
        calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call) and node.args]
    except (SyntaxError, ValueError, RecursionError):
        return ""
    given = [call.args[0].value for call in calls if isinstance(call.args[0], ast.Constant)]
    return str(given[0]) if given and isinstance(given[0], str) and "\0" not in given[0] else ""


def is_opening(source: str) -> bool:
    """Whether a cell opens a lab and does nothing else, however its quotes and blank lines are."""
    return _plain(source) == _plain(opening(opened(source)))


def is_running(source: str, params: Iterable[str]) -> bool:
    """Whether a cell runs a lab with its params and does nothing else, in whatever order they stand.

    >>> is_running("lab.run(b=b, a=a)", ["a", "b"]), is_running("lab.run(a=a)", ["a", "b"])
    (True, False)
    """

    def given(text: str) -> list[str]:
        return sorted(_plain(text).removesuffix(")").replace("(", ",").split(","))

    return given(source) == given(running(params))


def _plain(text: str) -> str:
    return "".join(text.replace('"', "'").split())
