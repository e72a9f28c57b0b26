"""`matplotlibrc` beside a notebook: Matplotlib looks for it in the working folder, so whoever draws has to have it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from agilab.notebooks.code.named_files import Act, Artifact
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes

STYLE = "matplotlibrc"
_LIBRARIES = frozenset(
    {"matplotlib", "seaborn", "pylab", "arviz", "corner", "plotnine", "mplfinance", "shap"}
)
_DRAWS = re.compile(
    r"(?:plot|hist|draw|scatter|boxplot|savefig|show|corner|heatmap|imshow)(?:_?\w*)|\w+_(?:plot|hist)"
)


def lies_in(folder: Path) -> bool:
    """Whether there is one."""
    return (folder / STYLE).is_file()


def acts_of_drawing(nodes: Nodes, evaluator: Evaluator) -> Iterator[Act]:
    """What one cell reads of it: each call by which something is drawn, as far as names tell."""
    for node, place in nodes:
        if isinstance(node, ast.Call) and _draws(node.func, evaluator):
            artifact = Artifact(
                STYLE, False, "read", "text", "relative", "matplotlib", place.cell, node.lineno
            )
            yield Act(artifact, (node.lineno, node.col_offset, 0), (), place.owner, gone=False)


def _draws(function: ast.expr, evaluator: Evaluator) -> bool:
    library = evaluator.dotted(function).partition(".")[0] if evaluator.is_library(function) else ""
    while isinstance(function, ast.Attribute):  # `df.plot.bar()`
        if _DRAWS.fullmatch(function.attr):
            return True
        function = function.value
    return library in _LIBRARIES
