"""What a cell of a notebook does to files one act after another, with that of the functions that it calls."""

from __future__ import annotations

import ast
import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from agilab.notebooks.code.artifact_calls import PERHAPS
from agilab.notebooks.code.members import is_property
from agilab.notebooks.code.named_files import Act, Artifact, At, end_of
from agilab.notebooks.code.turns import Turn, certain
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place, Scope, scope_of_class
from agilab.notebooks.files.called_with import Call, Given, Signature, given_by, taken_by
from agilab.notebooks.files.object_paths import Kind, Objects, method_of
from agilab.notebooks.files.visited import VISITS, managers, visits, way_back
from agilab.notebooks.modules.own_names import OwnModule, imported_by

_MOST = 2000
"""Uses of one function that are followed; a notebook in which they are more has them through each other."""
_WITHIN = 400
"""The same of a function that another one calls."""
_ENOUGH = 10_000
"""Of such altogether; beyond them, what a function does that another one calls is its own acts alone."""


@dataclass(frozen=True)
class Step:
    """An act, a change of folder, or a call of a function of the notebook.

    Attributes:
        far: How many of its last turns are of functions that the function calls in which it stands.
        made: The class of the object that a method is called of, the one whose `__init__` made it, and what that was
            given.
        kind: Of which class it is, where that is known.
    """

    at: At
    turns: tuple[Turn, ...]
    owner: str
    act: Act | None = None
    folder: str | None = None
    calls: str = ""
    given: Given = ()
    far: int = 0
    made: tuple[Kind, Kind, Given] | None = None
    kind: Kind | None = None


@dataclass(frozen=True)
class Folder:
    """Where relative paths are meant from; `path` is None where nobody knows."""

    path: str | None = "."
    certain: bool = True

    def after(self, step: Step) -> Folder:
        """The folder after a change."""
        if not certain([step.turns]):
            return replace(self, certain=False)
        to = step.folder or ""
        if to.startswith(_START):
            return Folder(posixpath.normpath(to.removeprefix(f"{_START}/")))
        if to.startswith(("/", "~")):
            return Folder(to)
        if not to or self.path is None:
            return Folder(None, certain=False)
        return replace(self, path=posixpath.normpath(posixpath.join(self.path, to)))


class Followed:
    """The steps of cells, with those of the functions that they call."""

    def __init__(
        self,
        trees: Mapping[int, ast.Module],
        nodes: Mapping[int, Nodes],
        acts: Sequence[Act],
        evaluator: Evaluator,
        own: Sequence[OwnModule] = (),
    ) -> None:
        self._signatures: dict[tuple[int, str], Signature] = {}
        self._objects = Objects()
        texts = [*trees.values(), *(one.tree for one in own)]
        self._managers = managers(texts)
        self._within = visits(texts)
        scope = next((place.scope.outermost for here in nodes.values() for _, place in here), Scope())
        self._own = {one.number: one for one in own}
        theirs = {
            one.name: _defined(
                {one.number: one.tree}, self._signatures, one.scope, one.evaluator, self._objects
            )
            for one in _imported_first(own)
        }
        self._defined = _defined(trees, self._signatures, scope, evaluator, self._objects)
        for one in own:
            for name, owners in theirs[one.name].items():
                full = name if name.startswith(".") else f"{one.name}.{name}"
                for owner, cells in owners.items():
                    self._defined.setdefault(full, {}).setdefault(owner, []).extend(cells)
        for tree in (*trees.values(), *(one.tree for one in own)) if acts else ():
            self._objects.look_at(tree)
        self._steps: dict[tuple[int, str], list[Step]] = {}
        for act in map(self._objects.kept_in, acts):
            turns = _of_cell(act.artifact.cell, act.turns)
            self._add(act.artifact.cell, Step(act.at, turns, act.owner, act=act))
        self._changes = [
            (place.cell, place.statement)
            for here in nodes.values()
            for node, place in here
            if isinstance(node, ast.Call) and evaluator.dotted(node.func) in _CHANGES_FOLDER
        ]
        if acts:
            for cell, here in nodes.items():
                for step in self._calls(cell, here, evaluator):
                    self._add(cell, step)
            for module in own:
                for step in self._calls(module.number, module.nodes, module.evaluator):
                    self._add(module.number, step)
        for steps in self._steps.values():
            steps.sort(key=lambda step: step.at)
        self._known: dict[tuple[int, str], list[Step]] = {}
        self._on_the_way: dict[tuple[int, str], tuple[list[Step], set[tuple[int, str]]]] = {}
        self._cut: set[tuple[int, str]] = set()
        self._left = _ENOUGH

    def meant_from(self, artifact: Artifact, cell: int, now: Folder) -> Folder:
        """The folder that a path is meant from in a cell: the one of now, or of when it was asked for."""
        if artifact.start is None or not any(artifact.start < one for one in self._changes if one[0] <= cell):
            return now
        return Folder() if self._is_first(artifact.start) else Folder(None, certain=False)

    def _is_first(self, start: tuple[int, int]) -> bool:
        """Whether the folder is still the notebook's own there."""
        return all(start < one for one in self._changes)

    def _add(self, cell: int, step: Step) -> None:
        self._steps.setdefault((cell, step.owner), []).append(step)

    def _calls(self, cell: int, nodes: Nodes, evaluator: Evaluator) -> Iterator[Step]:
        called = {id(node.func) for node, _ in nodes if isinstance(node, ast.Call)}
        for node, place in nodes:
            turns = _of_cell(cell, place.turns)
            within = self._within.get(id(node))
            if within and isinstance(node, ast.Call) and self._visits(node, evaluator):
                folder = self._folder(node.args[0], place, evaluator)
                yield Step(end_of(node), turns, place.owner, folder=folder)
                yield Step(end_of(within), turns, place.owner, folder=way_back(folder))
                continue
            if isinstance(node, ast.Call):
                if evaluator.dotted(node.func) in _CHANGES_FOLDER and node.args:
                    folder = self._folder(node.args[0], place, evaluator)
                    yield Step(end_of(node), turns, place.owner, folder=folder)
                name = self._name_of(node.func, place, evaluator)
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and id(node) not in called:
                name = self._name_of(node, place, evaluator)
            else:
                continue
            if name in self._defined:
                given = given_by(node, place, evaluator) if isinstance(node, ast.Call) else ()
                given = self._objects.given(given, place)
                made = self._made(node, place, evaluator)
                if made is not None and not name.startswith("."):
                    self._objects.made(*made)
                kind = made[0] if made is not None else self._objects.kind_of_self(node, place)
                yield Step(end_of(node), turns, place.owner, calls=name, given=given, made=made, kind=kind)

    def _visits(self, node: ast.Call, evaluator: Evaluator) -> bool:
        return evaluator.dotted(node.func) == VISITS or name_of(node.func) in self._managers

    def _made(self, node: ast.expr, place: Place, evaluator: Evaluator) -> tuple[Kind, Kind, Given] | None:
        """The class of what a call makes, or of which it calls a method; whose `__init__` makes that, and of what."""
        if not isinstance(node, ast.Call):
            return None
        name = self._name_of(node.func, place, evaluator)
        for owner, cells in self._defined.get(name, {}).items():
            if self._objects.is_kind(cells[-1], owner):
                by = cells[-1], owner.removesuffix(".__init__")
                kind = self._objects.named(name.rpartition(".")[2], by)
                return kind, by, self._objects.given(given_by(node, place, evaluator), place)
        if not isinstance(node.func, ast.Attribute):
            return None
        whose = node.func.value
        if isinstance(whose, ast.Call):
            return self._made(whose, place, evaluator)
        found = evaluator.found(whose, place)
        if (
            found is None
            or not isinstance(found.node, ast.Call)
            or not isinstance(found.evaluator, Evaluator)
        ):
            return None
        return self._made(found.node, found.place, found.evaluator)

    def _name_of(self, function: ast.expr, place: Place, evaluator: Evaluator) -> str:
        """What a call calls: a function by its name, a method as `.name`, what is of an own module by its full name."""
        if self._own:
            found = evaluator.found(function, place)
            if found is not None and found.place.cell in self._own and hasattr(found.node, "name"):
                full = f"{self._own[found.place.cell].name}.{found.node.name}"
                return full if full in self._defined else name_of(function)
        if place.cell in self._own and isinstance(function, ast.Name):
            return f"{self._own[place.cell].name}.{function.id}"
        return name_of(function)

    def _folder(self, node: ast.expr, place: Place, evaluator: Evaluator) -> str:
        """The folder that is changed to; "" where the text does not say it."""
        texts = evaluator.texts(node, place)
        if len(texts) != 1 or not texts[0].known or texts[0].perhaps or texts[0].text.startswith("-"):
            return ""
        start = texts[0].start
        if start is None or not any(start < one for one in self._changes if one[0] <= place.cell):
            return texts[0].text
        return f"{_START}/{texts[0].text}" if self._is_first(start) else ""

    def of_cell(self, cell: int) -> Iterator[Step]:
        """What a cell does when it is run."""
        for step in self._steps.get((cell, ""), ()):
            if not step.calls:
                yield step
                continue
            for inner in self._of_call(step, cell, frozenset()):
                if inner.act is None:
                    yield inner
                    continue
                for artifact in self._objects.of_any(inner.act.artifact):
                    yield _with(inner, artifact)

    def of_import(self, module: OwnModule) -> Iterator[Step]:
        """What the functions do that an own module calls when it is imported."""
        for step in self._steps.get((module.number, ""), ()):
            if step.calls and not module.is_program(step.at[0]):
                yield from self._of_call(step, module.number, frozenset())

    def _of_call(self, call: Step, cell: int, within: frozenset[tuple[int, str]]) -> Iterator[Step]:
        """What a function does when it is called in a cell: the last of that name that stands there or above."""
        caller = next((one for (_, owner), one in self._signatures.items() if owner == call.owner), None)
        for owner in self._owners(call):
            defined = [one for one in self._defined[call.calls][owner] if one <= max(cell, -1)]
            if not defined:
                continue
            if (defined[-1], owner) in within:
                self._cut.add((defined[-1], owner))
                continue
            for step in self._of_owner(defined[-1], owner, cell, within):
                self._left -= 1 if within else 0
                signature = self._signatures.get((defined[-1], owner))
                way = Call(call.given, signature or Signature(), caller)
                near = len(step.turns) - step.far
                taken = [None if signature is None else way.takes(turn) for turn in step.turns[:near]]
                if False in taken:
                    continue
                left = [turn for turn, yes in zip(step.turns, taken, strict=False) if not yes]
                left += step.turns[near:]
                if owner == self._method(call) or (call.made and owner == f"{call.made[1][1]}.__init__"):
                    left = [turn for turn in left if turn.word != method_of(owner)]
                inner = replace(step, turns=(*call.turns, *left), far=len(left))
                if inner.act is not None and defined[-1] in self._own:  # said of the line that calls it
                    there = replace(inner.act.artifact, cell=cell, line=call.at[0])
                    inner = replace(inner, act=replace(inner.act, artifact=there))
                if inner.act is None or "{" not in inner.act.artifact.path:
                    yield inner
                    continue
                one = inner.act.artifact
                for filled in (one,) if signature is None else way.fill(one):
                    for artifact in self._objects.of(filled, *call.made, caller) if call.made else (filled,):
                        yield _with(inner, artifact)

    def _owners(self, call: Step) -> Sequence[str]:
        """The functions that a call may call: of a method the one of its class, where that is known and has one."""
        owners = list(self._defined.get(call.calls, ()))
        own = self._method(call)
        return [own] if own else owners

    def _method(self, call: Step) -> str:
        """The method that a call certainly calls, of the class of the object or of one that this is derived from."""
        if call.kind is None or not call.calls.startswith("."):
            return ""
        known = self._defined.get(call.calls, {})
        return next(
            (own for kind in self._objects.line_of(call.kind) if (own := f"{kind[1]}{call.calls}") in known),
            "",
        )

    def _of_owner(
        self, defined: int, owner: str, cell: int, within: frozenset[tuple[int, str]]
    ) -> list[Step]:
        """What a function does, with all that it calls.

        Of functions that call each other in a ring each is looked into once on the way from one call: every way through
        a class whose methods call each other would be too many.
        """
        if (defined, owner) in self._known:
            return self._known[defined, owner]
        if (defined, owner) in self._on_the_way:
            found, cut = self._on_the_way[defined, owner]
            self._cut |= cut
            return found
        above, self._cut = self._cut, set()
        found = []
        for step in self._steps.get((defined, owner), ()):
            if not step.calls:
                found.append(step)
            elif not within or self._left > 0:
                found += self._of_call(step, cell, within | {(defined, owner)})
        found = _guessed_once(found)[: _WITHIN if within else _MOST]
        cut = self._cut - {(defined, owner)}
        self._cut = above | cut
        if not within or not (
            cut or self._left <= 0
        ):  # it is no part of a ring that began above, and all of it
            self._known[defined, owner] = found
        else:
            self._on_the_way[defined, owner] = found, cut
        if not within:
            self._on_the_way.clear()
        return found


def _guessed_once(steps: Sequence[Step]) -> list[Step]:
    """The steps, those of what is only perhaps a file once for each path: that for which the least has to turn out."""
    kept: list[Step] = []
    known: dict[tuple[str, str, bool], int] = {}
    for step in steps:
        if step.act is None or step.act.artifact.kind != PERHAPS:
            kept.append(step)
            continue
        key = step.act.artifact.path, step.act.artifact.direction, step.act.gone
        if key not in known:
            known[key] = len(kept)
            kept.append(step)
        elif len(step.turns) < len(kept[known[key]].turns):
            kept[known[key]] = step
    return kept


def _with(step: Step, artifact: Artifact) -> Step:
    """The step with another artifact in the place of its own."""
    if step.act is None or step.act.artifact is artifact:
        return step
    turns = step.turns
    if artifact.perhaps and not step.act.artifact.perhaps:
        turns = (*turns, Turn((artifact.cell, *step.at), 0, 0, "under another name, perhaps"))
    return replace(step, act=replace(step.act, artifact=artifact), turns=turns)


_CHANGES_FOLDER = ("os.chdir", "os.fchdir")


_START = "<start>"
"""Stands for the notebook's own folder."""


def name_of(function: ast.expr) -> str:
    """What a call calls: a function by its name, a method as `.name`."""
    if isinstance(function, ast.Name):
        return function.id
    return f".{function.attr}" if isinstance(function, ast.Attribute) else ""


def _of_cell(cell: int, turns: tuple[Turn, ...]) -> tuple[Turn, ...]:
    return tuple(replace(turn, at=(cell, *turn.at)) for turn in turns)


def _defined(
    trees: Mapping[int, ast.Module],
    signatures: dict[tuple[int, str], Signature],
    scope: Scope,
    evaluator: Evaluator,
    objects: Objects,
) -> dict[str, dict[str, list[int]]]:
    """By the names that they are called by, the functions of the notebook and the cells that define them; what these
    take is put into `signatures`.

    Whoever names a class calls what its objects do unasked; of a method `.name` nobody knows whose it is, so it is that
    of every class.
    """
    found: dict[str, dict[str, list[int]]] = {}
    classes: dict[str, Kind] = {}

    def note(name: str, owner: str, cell: int) -> None:
        found.setdefault(name, {}).setdefault(owner, []).append(cell)

    for cell, tree in sorted(trees.items()):
        for node, number in (
            (node, number)
            for number, one in enumerate(tree.body)
            for node in definitions(ast.Module([one], []))
        ):
            place = Place(cell, number, scope)
            if isinstance(node, ast.ClassDef):
                inside = replace(place, scope=scope_of_class(node, place))
                bases = [
                    one for base in node.bases if (one := _base(base, classes, place, evaluator)) is not None
                ]
                made_by = objects.add(node, place, evaluator, bases)
                classes[node.name] = cell, node.name
                if made_by is not None:
                    (number_of_it, kind), signature = made_by
                    note(node.name, f"{kind}.__init__", number_of_it)
                    signatures[number_of_it, f"{kind}.__init__"] = signature
                for method in definitions(node):
                    hidden = method.name.startswith("__") or is_property(method)
                    owner = f"{node.name}.{method.name}"
                    note(node.name if hidden else f".{method.name}", owner, cell)
                    if isinstance(method, ast.FunctionDef) and method.name in (
                        "__init__",
                        method.name.strip("_"),
                    ):
                        signatures[cell, owner] = taken_by(method, inside, evaluator, bound=True)
            else:
                note(node.name, node.name, cell)
                signatures[cell, node.name] = taken_by(node, place, evaluator)
    return found


def _base(node: ast.expr, classes: Mapping[str, Kind], place: Place, evaluator: Evaluator) -> Kind | None:
    """Which class another one is derived from: of those above, or one that is imported from an own module."""
    if isinstance(node, ast.Name) and node.id in classes:
        return classes[node.id]
    found = evaluator.found(node, place)
    if found is None or not isinstance(found.node, ast.ClassDef) or found.place.cell == place.cell:
        return None
    return found.place.cell, found.node.name


def _imported_first(own: Sequence[OwnModule]) -> list[OwnModule]:
    """Modules, each below those that it imports; of those that import each other the first is the lower."""
    by_name = {one.name: one for one in own}
    placed: dict[str, OwnModule] = {}
    begun: set[str] = set()
    todo = [(one, False) for one in reversed(own)]
    while todo:
        one, is_done = todo.pop()
        if is_done:
            placed[one.name] = one
        elif one.name not in begun:
            begun.add(one.name)
            needs = {name for full in imported_by(one) for name in (full, full.rpartition(".")[0])}
            todo.append((one, True))
            todo += [(by_name[name], False) for name in sorted(needs & by_name.keys() - begun)]
    return list(placed.values())


def definitions(
    node: ast.Module | ast.ClassDef,
) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef]:
    """Functions and classes of a body, also below `if` and the like, but not inside one another."""
    todo: list[ast.AST] = list(node.body)
    while todo:
        item = todo.pop()
        if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield item
        elif not isinstance(item, ast.expr):
            todo += ast.iter_child_nodes(item)
