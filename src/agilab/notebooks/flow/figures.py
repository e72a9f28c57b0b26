"""Pyplot's current figure among the cells of one stage: in Jupyter each cell begins without one.

What is drawn without saying where goes into the current figure. Jupyter's inline backend closes every figure at the
end of its cell (`matplotlib_inline.backend_inline.flush_figures`); in one stage of several cells it would still be
there for the next one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.model import CellFlow

_NEW_FIGURE = re.compile(
    r"\b(figure|subplots|subplot_mosaic|relplot|displot|catplot|lmplot|jointplot|pairplot|clustermap|\w+Grid)\("
)
_OF_A_TABLE = re.compile(r"(\w+|\))(?:\[[^\]\n]*\])*\.(?:plot|hist|boxplot)\b")
"""How tables are drawn: a column (`Series.plot`) into the current figure."""
_BY_A_HELPER = re.compile(r"(?<!def )\b(?:(?:plot|draw)_\w+|\w+_plot)\(")
"""How a library's helper that draws is called: `fit.plot_residuals()`."""
_SAYS_WHERE = re.compile(r"\bax\s*=")
_DRAWERS = frozenset({"matplotlib", "pylab", "seaborn"})
_PYPLOT = "matplotlib.pyplot"
WHY = "# as Jupyter does at the end of a cell"


def begins_a_figure(source: str) -> bool:
    """Whether the text of a cell that draws makes a figure of its own for it."""
    return _NEW_FIGURE.search(source) is not None


def closed_before(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, str]]:
    """Cells of a stage that would draw into a figure of a cell above them, each with the line that ends it."""
    is_open = False
    for cell in cells if not links.flows.figures_stay else ():
        flow, source = links.flows[cell], links.flows.sources[cell]
        if not _draws(flow, source):
            continue
        if is_open and not begins_a_figure(source):
            yield cell, _closing(links, cells, cell)
        is_open = states.FIGURE not in flow.unbinds or ".show(" in source


def _draws(flow: CellFlow, source: str) -> bool:
    """Whether a cell may use the current figure; of tables, where it is Matplotlib that draws them."""
    if states.FIGURE in flow.lines:
        return True
    if _SAYS_WHERE.search(source):
        return False
    drawn = [match[1] for match in _OF_A_TABLE.finditer(source)]
    drawn = [name for name in drawn if name not in flow.values or flow.values[name].tied != known.A_FIGURE]
    modules = {module.partition(".")[0] for module in flow.modules.values()}
    is_table = any(name in flow.values and flow.values[name].kind == "table" for name in drawn)
    if is_table or (drawn and modules & _DRAWERS):
        return True
    called = {name for name in flow.modules if f"{name}(" in source}
    helpers = (flow.modules[name].rpartition(".")[2] for name in called if flow.modules[name] != _PYPLOT)
    return any(_BY_A_HELPER.search(text) for text in (source, *(f"{name}(" for name in helpers)))


def _closing(links: Links, cells: Sequence[int], at: int) -> str:
    """The line, by the name that the stage has for pyplot there."""
    bound: set[str] = set()
    for cell in cells:
        if cell < at:
            bound |= links.flows[cell].always
    read = {name for cell in cells for name in links.reads[cell]}
    names = [name for name, module in links.flows[at].modules.items() if module == _PYPLOT]
    own = next((name for name in sorted(names) if name in bound | read), None)
    if own is not None:
        return f"{own}.show()  {WHY}"
    tops = {module.partition(".")[0] for module in links.flows[at].modules.values()}
    if tops & _DRAWERS or any(_OF_A_TABLE.search(links.flows.sources[cell]) for cell in cells):
        return f"import {_PYPLOT}; {_PYPLOT}.show()  {WHY}"
    # a helper may draw with anything: where that is not Matplotlib, it may not be there
    here = f'__import__("sys").modules.get("{_PYPLOT}")'
    return f"[pyplot.show() for pyplot in [{here}] if pyplot]  {WHY}"
