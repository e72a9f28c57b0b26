"""A stage whose cell a person split: Jupyter copies metadata to every part, so that each looks like the whole stage.

The first part, or the one with the first line, is the stage as it was, with its words. Each other one is a stage of its
own that runs as it did: what the stage gave goes with the code that makes it, and what a part reads of one above it
crosses as a value, or as an import or function that it uses. `from math import *` is repeated: nobody knows its names.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from agilab.contracts.lab_stages import Input, Stage, is_file
from agilab.notebooks.code.patterns import meets
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import scope_of_notebook, walk
from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.files.artifacts import acts_of
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.model import CellFlow, is_state
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.modules.imports import aliases_of
from agilab.notebooks.python.magics import translate
from agilab.notebooks.supervisor.cell_names import name_of
from agilab.notebooks.supervisor.header import is_header
from agilab.notebooks.supervisor.prints import digest_of
from agilab.notebooks.supervisor.stage_cells import code_of, role_of

_MAKE_CLASSES = frozenset(
    ("namedtuple", "NamedTuple", "TypedDict", "NewType", "make_dataclass", "Enum", "IntEnum")
)
"""What makes a class where it is called."""
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def split_off(notebook: Notebook) -> dict[str, str]:
    """The cells, by their ids, that were split off the cell of a stage, each with the name of that stage.

    A cell whose code is that of the export is a copy, which somebody wanted.
    """
    cells: dict[str, list[Cell]] = {}
    for cell in notebook.code_cells:
        if role_of(cell).get("code_digest") is not None and cell.source.strip():
            cells.setdefault(name_of(cell), []).append(cell)
    found: dict[str, str] = {}
    for name, some in cells.items():
        first = next(filter(_has_a_line, some), some[0])
        others = (cell for cell in some if cell is not first and not _is_whole(cell))
        found |= {cell.id: name for cell in others} if name and not _is_whole(first) else {}
    return found


def _has_a_line(cell: Cell) -> bool:
    return is_header(cell.source.partition("\n")[0].rstrip())


def _is_whole(cell: Cell) -> bool:
    """Whether a cell has the code that its stage had."""
    role = role_of(cell)
    body = cell.source.partition("\n")[2] if _has_a_line(cell) else cell.source
    return bool(role.get("code_digest") == digest_of(code_of(body, role)))


@dataclass
class Part:
    """A part of a stage.

    Attributes:
        stage: As its cell says it.
        is_said: Whether its cell has a first line that somebody wrote since, so that what it takes and gives stands.
        stars: Imports of all names of a module that parts above begin with and whose names it may need.
    """

    stage: Stage
    is_said: bool
    inputs: list[str | Input] = field(default_factory=list)
    outputs: list[str] = field(default_factory=list)
    uses: dict[str, tuple[str, ...]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)

    @cached_property
    def code(self) -> str:
        """Its Python, magics translated."""
        return translate(self.stage.code or "").python

    def wired(self) -> Stage:
        """The stage with what its code takes and gives."""
        said: dict[str, Any] = {
            "inputs": tuple(self.inputs),
            "outputs": tuple(self.outputs),
            "uses": self.uses,
        }
        said = {"uses": self.uses} if self.is_said else said
        if self.stars:
            said["code"] = "\n".join((*self.stars, self.stage.code or ""))
        changes = {name: value for name, value in said.items() if value != getattr(self.stage, name)}
        return self.stage.with_changes(**changes) if changes else self.stage


def rewired(whole: Stage, stages: Sequence[Stage], unsaid: Collection[str]) -> list[Stage]:
    """The parts of what was the `whole` stage, with what each takes and gives; the first is what is left of it.

    Of those in `unsaid` no first line says it, and that of the first counts where somebody edited it.
    """
    parts = [
        Part(stage, stage.outputs != whole.outputs if not number else stage.id not in unsaid)
        for number, stage in enumerate(stages)
    ]
    _wire(whole, parts)
    return [part.wired() for part in parts]


def held_together(parts: Sequence[Stage]) -> Iterator[tuple[Stage, str]]:
    """Parts that do not do apart what they did as one, each with the reason, in words."""
    flows = analyse_cells([translate(part.code or "").python for part in parts])
    links = Links(flows)
    stars = [_stars(part.code or "") for part in parts]
    for join in links.joins:
        if join.undecided and any(
            join.why.startswith(one) for one in {*stars[join.first]} & {*stars[join.last]}
        ):
            continue  # each of them has what the module has
        yield parts[join.last], f"it cannot be parted from {parts[join.first].id}: {join.why}"
    for number, found in links.carried_settings.items():
        for source, setting in found:
            yield (
                parts[number],
                f"it does not have what `{setting.text}` of {parts[source].id} sets: say it here, too",
            )


def following(stage: Stage, parts: Sequence[Stage]) -> Stage:
    """Another stage of the lab, which names the part that has by now what it named of the whole."""
    gives = {name: part.id for part in parts for name in part.outputs}
    lends = {name: part.id for part in parts for name in _lent(translate(part.code or "").python)}
    left = parts[0].id
    uses: dict[str, tuple[str, ...]] = {}
    for of, names in stage.uses.items():
        for name in names:
            maker = lends.get(name, left) if of == left else of
            uses[maker] = (*uses.get(maker, ()), name)
    inputs = tuple(
        one
        if isinstance(one, str) or one.source != left
        else one.with_changes(source=gives.get(one.name, left))
        for one in stage.inputs
    )
    needs = [
        other for one in stage.needs for other in ([part.id for part in parts] if one == left else [one])
    ]
    said: dict[str, Any] = {"uses": uses, "inputs": inputs, "needs": tuple(dict.fromkeys(needs))}
    changes = {name: value for name, value in said.items() if value != getattr(stage, name)}
    return stage.with_changes(**changes) if changes else stage


def _wire(whole: Stage, parts: Sequence[Part]) -> None:
    """Say what each part takes and gives, of what the whole took and gave.

    Where a part is not Python nobody can tell: the first part gives all, and each takes all.
    """
    parts[0].inputs = list(whole.inputs)
    links = Links(analyse_cells([part.code for part in parts]))
    if any(flow.syntax for flow in links.flows.cells):
        for number, part in enumerate(parts):
            part.inputs, part.uses = list(whole.inputs), dict(whole.uses)
            part.outputs = [] if number else list(whole.outputs)
        return
    _values(whole, parts, links)
    _repeat_stars(whole, parts, links)
    _files(whole, parts)
    for part in parts:
        part.outputs.sort(key=_place_in(whole.outputs))


def _place_in(names: Sequence[str]) -> Callable[[str], int]:
    return lambda name: names.index(name) if name in names else len(names)


def _values(whole: Stage, parts: Sequence[Part], links: Links) -> None:
    flows = links.flows.cells
    taken = {
        (one if isinstance(one, str) else one.called or one.name): one
        for one in whole.inputs
        if not _is_file(one)
    }
    lent = [_lent(part.code) for part in parts]
    for number, (part, flow) in enumerate(zip(parts, flows, strict=True)):
        asked = set(flow.reads) | set(flow.keeps)
        part.uses = dict(whole.uses)
        if number:
            kept = {stage: tuple(one for one in names if one in asked) for stage, names in whole.uses.items()}
            part.uses = {stage: names for stage, names in kept.items() if names}
        for name in sorted(asked, key=lambda one: (flow.reads.get(one, 0), one)):
            made = [at for at in range(number) if name in flows[at].binds or name in flows[at].alters]
            if is_state(name) or name in whole.foreach:
                continue
            if made and name in lent[made[-1]]:
                above = parts[made[-1]].stage.id
                part.uses[above] = tuple(dict.fromkeys((*part.uses.get(above, ()), name)))
            elif made:
                _add(parts[made[-1]].outputs, name)
                part.inputs.append(name)
                classes = (*links.classes_of(name, number), *_made_classes(parts[made[-1]].code))
                _use_classes(parts, lent, number, classes)
            elif number and name in taken:
                part.inputs.append(taken[name])
    for name in whole.outputs:
        if not is_file(name):
            makers = [
                at for at, flow in enumerate(flows) if name in flow.binds or _alters(name, flow, parts[at])
            ]
            _add(parts[makers[-1] if makers else 0].outputs, name)


def _repeat_stars(whole: Stage, parts: Sequence[Part], links: Links) -> None:
    """Let each part have the imports of all names from above, where nothing else gives it a name that it reads."""
    flows = links.flows.cells
    used = {name for names in whole.uses.values() for name in names}
    above: dict[str, None] = {}
    for number, (part, flow) in enumerate(zip(parts, flows, strict=True)):
        own = _stars(part.code)
        made = {name for at in range(number) for name in flows[at].binds}
        taken = {one if isinstance(one, str) else one.called or one.name for one in part.inputs}
        needed = [name for name in flow.reads if name not in made | taken | used and not is_state(name)]
        if needed and not part.code.startswith("%%"):
            part.stars = [one for one in above if one not in own]
        above |= dict.fromkeys(own)


def _stars(code: str) -> list[str]:
    """The statements of a text that import all names of a module."""
    try:
        body = ast.parse(translate(code).python).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    imports = (node for node in body if isinstance(node, ast.ImportFrom))
    return [ast.unparse(node) for node in imports if node.names[0].name == "*"]


def _use_classes(
    parts: Sequence[Part], lent: Sequence[Collection[str]], number: int, classes: Iterable[str]
) -> None:
    """Let a part have the classes of the objects that it is given."""
    for name in classes:
        makers = [at for at in range(number) if name in lent[at]]
        if makers:
            uses, above = parts[number].uses, parts[makers[-1]].stage.id
            uses[above] = tuple(dict.fromkeys((*uses.get(above, ()), name)))


def _alters(name: str, flow: CellFlow, part: Part) -> bool:
    return name in flow.alters and any(name == one for one in part.inputs)


def _files(whole: Stage, parts: Sequence[Part]) -> None:
    """Files go with the code that names them: one that is written and read in another part crosses as well."""
    touched = _touched([part.code for part in parts])
    for one in filter(_is_file, whole.inputs):
        name = one if isinstance(one, str) else one.name
        named = [
            part for part, (read, written) in zip(parts, touched, strict=True) if _names(read | written, name)
        ]
        for part in named or parts:
            if part is not parts[0]:
                part.inputs.append(one)
    for name in filter(is_file, whole.outputs):
        makers = [at for at, (_, written) in enumerate(touched) if _names(written, name)]
        makers = (
            makers
            or [at for at, part in enumerate(parts) if name.rpartition("/")[2] in part.code][-1:]
            or [0]
        )
        parts[makers[-1]].outputs.append(name)
    for at, (read, written) in enumerate(touched):
        for path in sorted(read):
            above = [up for up in range(at) if path in touched[up][1]]
            declared = any(path == (one if isinstance(one, str) else one.name) for one in parts[at].inputs)
            if above and not declared:
                _add(parts[above[-1]].outputs, path)
                parts[at].inputs.append(path)
                if path in written:  # it goes on with the file, of which it gets a copy so
                    _add(parts[at].outputs, path)


def _touched(codes: Sequence[str]) -> list[tuple[set[str], set[str]]]:
    """For each text the files that it reads, and those that it writes."""
    trees = {number: ast.parse(code) for number, code in enumerate(codes)}
    scope = scope_of_notebook(trees)
    nodes = {number: list(walk(number, tree, scope)) for number, tree in trees.items()}
    evaluator = Evaluator(aliases_of(nodes.values()), {})
    found: list[tuple[set[str], set[str]]] = [(set(), set()) for _ in codes]
    for number, some in nodes.items():
        for act in acts_of(some, evaluator):
            path, does = act.artifact.path.removeprefix("./"), act.artifact.direction
            sides = (0, 1) if does == "both" else (int(does == "written"),)
            for side in sides:
                found[number][side].add(path)
    return found


def _names(paths: Iterable[str], name: str) -> bool:
    plain = name.removeprefix("./")
    return any(
        path == plain or meets(path, plain) or path.startswith(f"{plain.rstrip('/')}/") for path in paths
    )


def _lent(code: str) -> frozenset[str]:
    """The imports, functions and classes of a text, which others use without running it; none where it is no Python."""
    names: set[str] = set()
    other: set[str] = set()
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    for statement in body:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            names |= {(one.asname or one.name).partition(".")[0] for one in statement.names}
        elif isinstance(statement, _DEFINITIONS):
            names.add(statement.name)
        elif made := _made_class(statement):
            names.add(made)
        else:
            other |= {
                node.id
                for node in ast.walk(statement)
                if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
            }
    return frozenset(names - other)


def _made_class(statement: ast.stmt) -> str:
    """The class that a statement makes with a call, such as a named tuple; empty where it makes none."""
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call(func=function)):
            return name if _last_of(function) in _MAKE_CLASSES else ""
    return ""


def _made_classes(code: str) -> Iterator[str]:
    """The same of a whole text: any object that it gives may be of one."""
    yield from filter(None, map(_made_class, ast.parse(code).body))


def _last_of(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _add(names: list[str], name: str) -> None:
    if name not in names:
        names.append(name)


def _is_file(one: str | Input) -> bool:
    return is_file(one if isinstance(one, str) else one.name)
