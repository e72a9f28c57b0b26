"""Settings of cells above that a stage's code begins with: in its own process nobody has made them."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence

from agilab.notebooks.flow import knowledge as known
from agilab.notebooks.flow import states
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.model import Setting

_DRAWN = "<drawn>"
_DRAWS = re.compile(r"\.(plot|hist|boxplot)\b")
"""How tables are drawn without naming the library that does."""
_FAMILIES = {
    "matplotlib": ("matplotlib", "seaborn", _DRAWN),
    "seaborn": ("matplotlib", "seaborn", _DRAWN),
    "pandas": ("pandas",),
}
"""Libraries that a setting of one counts for, where that is not itself alone."""
_DRAW_UNSEEN: Mapping[str, frozenset[str]] = {
    states.RANDOM_NUMPY: frozenset(),
    states.RANDOM_PYTHON: frozenset(),
    states.RANDOM_TORCH: frozenset(
        {"torch", "torchvision", "lightning", "pytorch_lightning", "transformers"}
    ),
    states.RANDOM_TENSORFLOW: frozenset({"tensorflow", "keras"}),
}
"""Random numbers that libraries draw unseen, with the libraries that do; of no names: any."""
_DRAW_NOTHING = frozenset(sys.stdlib_module_names) | states.words(
    """
    numpy pandas polars pyarrow matplotlib mpl_toolkits plotly altair bokeh IPython ipywidgets tqdm yaml requests bs4
    lxml sqlalchemy duckdb openpyxl xlrd PIL tabulate rich dotenv attr attrs pydantic pint uncertainties sympy
    """
)
"""What draws no numbers of the process's own but where the code says so."""
_EVERYWHERE = frozenset(
    {"warnings", "logging", "sys", "locale", "decimal", "mpmath", "time", "loggers", "builtins"}
    | {"codecs", "copyreg", "gc", "gettext", "resource", "socket", "threading"}
)
"""What whoever sets it sets for everybody."""


def repeated(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """What a stage of these cells repeats, each setting with its cell, in the order in which they stand.

    One that only imports repeats the environment that it does so in: others take its imports as they stand there.
    """
    begin = cells[0]
    wanted = [one for one in _counting(links, cells) if links.can_hand_on(one[1], one[0], begin)]
    if any(links.flows[cell].calls for cell in cells):
        for cell in cells:
            wanted += [found for found in links.carried_settings.get(cell, ()) if found[0] < begin]
    elif any(links.flows[cell].modules.keys() & links.flows[cell].binds for cell in cells):
        wanted += [
            (cell, one)
            for cell, one in _above(links, begin)
            if one.state == states.ENVIRONMENT and links.can_repeat(one, cell, begin)
        ]
    wanted += _seeds_of_what_may_draw(links, cells)
    once: set[tuple[int, int, str]] = set()  # an import may set several things
    for cell, one in sorted(dict.fromkeys(wanted), key=lambda one: (one[0], one[1].line)):
        if (place := (cell, one.line, one.text)) not in once:
            once.add(place)
            yield cell, one


def lost(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """What counts for a stage of these cells and cannot be repeated in it."""
    for cell, setting in _counting(links, cells):
        if not links.can_hand_on(setting, cell, cells[0]):
            yield cell, setting


def _counting(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """Settings of cells above that count for what a stage of these cells does."""
    again = frozenset[str]().union(*(links.flows[cell].again for cell in cells))
    if not (again or any(links.flows[cell].calls for cell in cells)):
        return
    libraries = _libraries(links, cells)
    own = bool(libraries & links.flows.own_modules)
    above = [
        one
        for one in _above(links, cells[0])
        if one[1].runs & again or (one[1].state not in states.RANDOM and one[1].state != states.FOLDER)
    ]
    found = {
        one
        for one in above
        if one[1].runs & again
        or (
            own and (one[1].runs or one[1].state in states.METHODS_OF) and one[1].state.startswith("<options")
        )
        or (
            one[1].state in states.METHODS_OF and _is_spoken_of(states.METHODS_OF[one[1].state], links, cells)
        )
        or (_is_spoken_of(one[1].known_as, links, cells) if one[1].known_as else _counts(one[1], libraries))
    }
    texts = [setting.text for _, setting in found if setting.known_as]
    for text in texts:  # what is made known may use what else is
        more = {one for one in above if one not in found and _speaks_of(text, one[1].known_as)}
        found |= more
        texts += [setting.text for _, setting in more]
    yield from (one for one in above if one in found)


def _seeds_of_what_may_draw(links: Links, cells: Sequence[int]) -> Iterator[tuple[int, Setting]]:
    """The last seeds above, where a library that nobody knows here may draw numbers and no cell is seen to.

    What draws in one stage alone so has the notebook's numbers. Those of a second one begin anew, and do not go on as
    the notebook's do, which is told at the end of a run (`agilab.workflow.running.numbers`).
    """
    begin = cells[0]
    for state, of in _DRAW_UNSEEN.items():
        seeds = [one for one in _above(links, begin) if one[1].state == state]
        if not seeds or not links.can_hand_on(seeds[-1][1], seeds[-1][0], begin):
            continue
        for cell in cells:
            if state in links.flows[cell].reads or any(
                one.state == state for one in links.flows[cell].settings
            ):
                break
            if links.flows[cell].calls and _may_draw(links, cell, of):
                yield seeds[-1]
                break


def _may_draw(links: Links, cell: int, of: frozenset[str]) -> bool:
    """Whether a cell uses a library that is one `of` these, or, of no names, any that nobody knows not to draw."""
    libraries = _libraries(links, [cell])
    if of:
        return bool(libraries & of)
    if libraries - _DRAW_NOTHING - links.flows.own_modules - {_DRAWN}:
        return True
    flow = links.flows[cell]
    if flow.syntax:
        return False
    values = (
        links.value(name, cell)
        for name in _asked(links.flows.sources[cell])
        if name in flow.reads.keys() - flow.modules
    )
    return any(one.kind == "" and one.owns and not (one.calm or one.makers) for one in values)


def _asked(source: str) -> Iterator[str]:
    """The names of what methods are called of, or of something in it."""
    for node in ast.walk(ast.parse(source)):
        inner: ast.expr | None = node.func if isinstance(node, ast.Call) else None
        if isinstance(inner, ast.Name):  # a function, and no method
            continue
        while isinstance(inner, ast.Attribute | ast.Subscript):
            inner = inner.value
        if isinstance(inner, ast.Name):
            yield inner.id


def _above(links: Links, begin: int) -> list[tuple[int, Setting]]:
    return [(flow.index, setting) for flow in links.flows.cells[:begin] for setting in flow.settings]


def _speaks_of(text: str, word: str) -> bool:
    return bool(word) and re.search(rf"\b{word}\b", text) is not None


def _is_spoken_of(word: str, links: Links, cells: Sequence[int]) -> bool:
    """Whether cells, or functions and classes of cells above that they use, have this word, which may be a pattern."""
    spoken = re.compile(rf"\b{word}\b")
    if any(spoken.search(links.flows.sources[cell]) for cell in cells):
        return True
    todo = {name for cell in cells for name in links.flows[cell].reads}
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        seen.add(name)
        for number in links.value(name, cells[0]).makers:
            parts = list(ast.walk(links.flows.makers[number].node))
            if any(isinstance(part, ast.Attribute) and spoken.fullmatch(part.attr) for part in parts):
                return True
            todo |= {part.id for part in parts if isinstance(part, ast.Name)} - seen
    return False


def _counts(setting: Setting, libraries: Collection[str]) -> bool:
    name = setting.state.removeprefix("<options ").removesuffix(">")
    if setting.state in (states.ENVIRONMENT, states.IMPORT_PATH) or name in _EVERYWHERE:
        return True
    return any(library in libraries for library in _FAMILIES.get(name, (name,)))


def _libraries(links: Links, cells: Sequence[int]) -> set[str]:
    """The libraries whose names the cells read; those of tables and arrays where they have one."""
    found: set[str] = set()
    for cell in cells:
        flow = links.flows[cell]
        for name in (*flow.reads, *(flow.binds & flow.used)):
            if name in flow.modules:
                top = flow.modules[name].partition(".")[0]
                found |= {top} | _libraries_of(links, top)
            elif name in flow.values and flow.values[name].kind == "table":
                found |= known.TABLES
        if _DRAWS.search(links.flows.sources[cell]):
            found.add(_DRAWN)
    for top in _imported_by_functions(links, cells) if links.imports_inside else ():
        found |= {top} | _libraries_of(links, top)
    return found


def _imported_by_functions(links: Links, cells: Sequence[int]) -> set[str]:
    """The first parts of what functions and classes import themselves that cells use, or these."""
    found: set[str] = set()
    seen: set[str] = set()
    todo = {
        name
        for cell in cells
        for name in (*links.flows[cell].reads, *(links.flows[cell].binds & links.flows[cell].used))
    }
    while todo:
        name = todo.pop()
        seen.add(name)
        for number in links.value(name, cells[-1] + 1).makers:
            maker = links.flows.makers[number]
            found |= links.imports_inside.get(number, frozenset())
            todo |= (maker.summary.reads if maker.summary is not None else frozenset[str]()) - seen
            for method in {each for some in maker.methods.values() for each in some}:
                of_it = links.flows.makers[method].summary
                todo |= (of_it.reads if of_it is not None else frozenset[str]()) - seen
    return found


def _libraries_of(links: Links, top: str) -> set[str]:
    """The libraries that modules of the notebook's own use, which are named by this first part, and those of theirs."""
    if top not in links.flows.own_modules:
        return set()
    found, todo = set[str](), [top]
    while todo:
        own = todo.pop()
        some = [use for name, use in links.flows.modules.items() if name.partition(".")[0] == own]
        more = frozenset[str]().union(*(use.libraries for use in some)) - found
        found |= more
        todo += sorted(more & links.flows.own_modules)
    return found
