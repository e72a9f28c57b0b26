"""The functions and classes of a notebook, and what a call of one does."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from agilab.notebooks.flow import states
from agilab.notebooks.flow.facts import Facts, facts_of
from agilab.notebooks.flow.values import PLAIN, Region, Value

BUILTINS = frozenset(dir(builtins)) | {"__file__", "display", "get_ipython", "__session__"}
FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True)
class Summary:
    """What a call does.

    Attributes:
        parameters: In order, those with stars last.
        reads: Names of the notebook.
        binds: Names that it declares global and binds; `always` those that it has bound whenever it returns,
            `unbinds` those that it may delete.
        anew: Of these, those that it has bound before anything could read what they were.
        begins: The function of the notebook that it calls first of all, before anything could read these.
        changed: Regions that it changes itself.
        passed: Regions that it hands to what it calls.
        used: Regions that it gives to libraries, which uses them up where they are another thing after each use.
        owners: By attribute: regions whose attribute of that name it calls or reads.
        returns: What it gives back; for a generator what it yields.
        gives: What functions that it makes give back.
        calls: Whether it calls something of the notebook's own, or of its parameters.
        first: Names that it reads itself, not only functions that it makes.
        ties: Why its first parameter cannot leave its process from then on: what it puts there.
        globals: What it binds to the names that it declares global.
        acts: Whether it changes, itself, anything of the notebook or of the process.
        surely: States of the process that it sets itself whenever it returns.
        runs: Functions of the notebook that it calls whenever it does, and `.name` for methods of its first parameter.
        remembers: Whether a function in it changes what outlives the call, so that what it gives back has a state.
    """

    parameters: tuple[str, ...] = ()
    reads: frozenset[str] = frozenset()
    binds: frozenset[str] = frozenset()
    always: frozenset[str] = frozenset()
    unbinds: frozenset[str] = frozenset()
    anew: frozenset[str] = frozenset()
    begins: str = ""
    changed: frozenset[Region] = frozenset()
    passed: frozenset[Region] = frozenset()
    used: frozenset[Region] = frozenset()
    owners: Mapping[str, frozenset[Region]] = field(default_factory=dict)
    same: frozenset[Region] = frozenset()
    returns: Value = PLAIN
    gives: Value = PLAIN
    states: tuple[tuple[str, states.Does], ...] = ()
    doubts: tuple[tuple[str, bool, bool], ...] = ()
    calls: bool = False
    remembers: bool = False
    first: frozenset[str] = frozenset()
    acts: bool = False
    globals: Mapping[str, Value] = field(default_factory=dict)
    ties: str = ""
    surely: frozenset[str] = frozenset()
    runs: frozenset[str] = frozenset()


@dataclass
class Seen:
    """What is known of texts that are analysed more than once, so that each is read once.

    Attributes:
        trees: By text its tree, or where it is not Python, and why.
        facts: By tree what it says as a whole.
        summaries: What functions do, by all that this depends on but the own modules, which are the same for all.
        properties: By function whether reading an attribute runs it.
    """

    trees: dict[str, ast.Module | tuple[int, str]] = field(default_factory=dict)
    facts: dict[ast.Module, Facts] = field(default_factory=dict)
    summaries: dict[object, Summary] = field(default_factory=dict)
    properties: dict[ast.AST, bool] = field(default_factory=dict)

    def of(self, tree: ast.Module) -> Facts:
        if tree not in self.facts:
            self.facts[tree] = facts_of(tree)
        return self.facts[tree]

    def is_property(self, node: ast.AST) -> bool:
        if node not in self.properties:
            self.properties[node] = is_property(node)
        return self.properties[node]

    def beside_others(self) -> Seen:
        """The same where other things are known of the own modules."""
        return Seen(self.trees, self.facts, properties=self.properties)


@dataclass
class Maker:
    """A function or class of the notebook.

    Attributes:
        methods: Of a class: by name, the numbers of the makers; several where a property is read and set.
        hooks: Of a class: those of them that a decorator or a base gives to a library, which calls them when it likes.
        bases: Of a class: its bases that are classes of the notebook.
        lasting: Of a class: regions of its attributes that can be changed in place.
        stateful: Whether something of it changes while it is used, so that there can be only one of it.
        wants: Names that its decorators read when it is defined.
        defaults: Of a function: what it gets where a call does not say it, by parameter.
        kept: Of a function whose results are kept for the next call: the region of these.
    """

    name: str
    kind: Literal["function", "class", "lambda"]
    node: ast.AST
    methods: dict[str, tuple[int, ...]] = field(default_factory=dict)
    hooks: frozenset[int] = frozenset()
    bases: frozenset[int] = frozenset()
    lasting: frozenset[Region] = frozenset()
    stateful: bool = False
    wants: frozenset[str] = frozenset()
    defaults: dict[str, Value] = field(default_factory=dict)
    kept: frozenset[Region] = frozenset()
    summary: Summary | None = None


def is_property(node: ast.AST) -> bool:
    """Whether reading an attribute runs this function."""
    decorators = getattr(node, "decorator_list", ())
    return any("property" in ast.unparse(each) or "getter" in ast.unparse(each) for each in decorators)
