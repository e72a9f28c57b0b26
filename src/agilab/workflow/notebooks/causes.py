"""Of many differences those that begin, and those that are made of them.

What a cell makes of a value or file that differs, differs with it. Which cells take what is known from reading
(`ImportedNotebook.edges`, `artifacts`), and within a cell from its statements. A value that is equal carries nothing
on.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from agilab.contracts.notebook_import import Compared
from agilab.notebooks.python.parsing import parse_notebook
from agilab.notebooks.reading import read
from agilab.workflow.notebooks.both import Both
from agilab.workflow.notebooks.lost_files import LOST


def with_causes(both: Both, parts: tuple[Compared, ...]) -> tuple[Compared, ...]:
    """The same, with the name of the first difference in `made_of` for each that is made of it."""
    if sum(one.equal is False for one in parts) < 2:
        return parts
    flow = _Flow(both, parts)
    first = {id(one): flow.first(one) for one in parts if one.equal is False}
    begins = {id(one) for one in parts if first.get(id(one)) is one}
    return tuple(
        one.model_copy(update={"made_of": first[id(one)].name})
        if id(one) in first and id(one) not in begins and id(first[id(one)]) in begins
        else one
        for one in parts
    )


@dataclass(frozen=True)
class _Statement:
    """A statement of a cell: the names that it gives and takes, and its lines."""

    gives: frozenset[str]
    takes: frozenset[str]
    lines: range


@dataclass(frozen=True)
class _Flow:
    both: Both
    parts: tuple[Compared, ...]

    def first(self, part: Compared) -> Compared:
        """The difference that begins the row in which a part stands; itself where none is above it."""
        seen = [part]
        while above := next(
            (one for one in self._above(seen[-1]) if all(one is not each for each in seen)), None
        ):
            seen.append(above)
        return seen[-1]

    def _above(self, part: Compared) -> Iterator[Compared]:
        """The differences of which a part is made, those of the nearest cells first."""
        places = list(self._places(part))
        for cell, making in places:
            for carries, name, source in self._taken(cell, making):
                one = self._judged.get((name, source))
                if one is not None and one.equal is False and one is not part:
                    yield one
                elif carries or one is None or one is part or one.equal is None:
                    there = (source, self._giving(source, name))
                    if source != cell and there not in places:
                        places.append(there)  # the loop comes to it

    def _places(self, part: Compared) -> Iterator[tuple[int, frozenset[int]]]:
        """The cells, and their statements, in which something was made: the last of a file, the first that prints."""
        stage = next((one for one in self.both.notebook.stages if one.id == part.stage), None)
        mine: Sequence[int] = stage.cells if stage else ()
        if part.kind == "file":
            found = [one for one in self._written if one[0] == part.name]
            yield from ((cell, self._at(cell, line)) for _, cell, line in reversed(found))
        elif part.kind == "printed":
            yield from ((cell, self._all(cell)) for cell in mine if cell in self.both.ran.printed)
        elif part.cell is not None:
            every = self._all(part.cell)
            last = frozenset([max(every)]) if every else every
            yield part.cell, self._giving(part.cell, part.name) if part.kind == "value" else last

    def _taken(self, cell: int, making: frozenset[int]) -> Iterator[tuple[bool, str, int]]:
        """What statements of a cell take, from there too: whether it carries on what it names, its name, its cell."""
        said = self._statements.get(cell, ())
        known, rest = set(making), sorted(making)
        while rest:
            at = rest.pop()
            before = {above for above in range(at) if said[above].gives & said[at].takes} - known
            known |= before
            rest += before
        takes = frozenset[str]().union(*(said[at].takes for at in known))
        for at in known:
            below = frozenset[str]().union(*(said[other].takes for other in known if other > at))
            yield from ((False, name, cell) for name in said[at].gives & below)
        named = frozenset[str]().union(*(one.takes for one in said))
        for edge in self.both.notebook.edges:  # what no statement names, a function that is called does
            if edge.target == cell and (edge.name in takes or edge.name not in named):
                yield edge.how == "definition", edge.name, edge.source
        for one in self.both.notebook.artifacts:
            if one["cell"] == cell and one["direction"] in ("read", "both"):
                path, line = str(one["path"]).removeprefix("./"), _number(one["line"])
                wrote = [above for name, above, _ in self._written if name == path and above < cell]
                if wrote and (not said or any(line in said[at].lines for at in known)):
                    yield False, path, wrote[-1]

    def _giving(self, cell: int, name: str) -> frozenset[int]:
        """The statements of a cell that give a name or write a file; all where none is seen to."""
        said = self._statements.get(cell, ())
        lines = [line for path, at, line in self._written if (path, at) == (name, cell)]
        found = frozenset(
            at for at, one in enumerate(said) if name in one.gives or any(line in one.lines for line in lines)
        )
        return found or self._all(cell)

    def _at(self, cell: int, line: int) -> frozenset[int]:
        found = frozenset(at for at, one in enumerate(self._statements.get(cell, ())) if line in one.lines)
        return found or self._all(cell)

    def _all(self, cell: int) -> frozenset[int]:
        return frozenset(range(len(self._statements.get(cell, ()))))

    @cached_property
    def _written(self) -> list[tuple[str, int, int]]:
        """Files that cells write, with the cell and the line, in the order of cells."""
        return sorted(
            (
                (str(one["path"]).removeprefix("./"), _number(one["cell"]), _number(one["line"]))
                for one in self.both.notebook.artifacts
                if one["direction"] in ("written", "both")
            ),
            key=lambda one: one[1:],
        )

    @cached_property
    def _judged(self) -> dict[tuple[str, int], Compared]:
        """What was compared, by its name and the cell that last gave it."""
        values = {
            (one.name, one.cell): one for one in self.parts if one.kind == "value" and one.cell is not None
        }
        last = {path: cell for path, cell, _ in self._written}
        files = [one for one in self.parts if one.kind == "file" and not one.why.startswith(LOST)]
        return values | {(one.name, last[one.name]): one for one in files if one.name in last}

    @cached_property
    def _statements(self) -> dict[int, list[_Statement]]:
        return {
            parsed.cell.index: [_statement(one) for one in parsed.tree.body]
            for parsed in parse_notebook(read(self.both.file)).cells
            if parsed.tree is not None
        }


def _statement(one: ast.stmt) -> _Statement:
    """A statement; one that calls a method of a name, or sets something in it, gives that name too."""
    names = [node for node in ast.walk(one) if isinstance(node, ast.Name)]
    takes = frozenset(name.id for name in names if isinstance(name.ctx, ast.Load))
    gives = {name.id for name in names if isinstance(name.ctx, ast.Store)}
    for node in ast.walk(one):
        inner: ast.AST | None = None
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
            inner = node.value.func if isinstance(node.value.func, ast.Attribute) else None
        elif isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, ast.Store):
            inner = node
        while isinstance(inner, (ast.Attribute, ast.Subscript)):
            inner = inner.value
        if isinstance(inner, ast.Name):
            gives.add(inner.id)
    if isinstance(one, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        gives.add(one.name)
    added = {
        name.target.id
        for name in ast.walk(one)
        if isinstance(name, ast.AugAssign) and isinstance(name.target, ast.Name)
    }
    return _Statement(frozenset(gives), takes | added, range(one.lineno, (one.end_lineno or one.lineno) + 1))


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0
