"""What a piece of code reaches for that a person should read first: programs, the network, other places, secrets.

From the syntax tree alone. A name counts wherever it stands, not only where it is called: `map(os.system, words)`
calls it as well. What is not known (`reach`) is named too: a list of dangers is never whole.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection, Iterator, Sequence

from agi_node.source.tree import chain_of
from agilab.assist.findings import Finding
from agilab.assist.only_read import only_read, without_conditions
from agilab.assist.path_names import PathNames
from agilab.assist.places import is_address, is_elsewhere, is_outside, is_whole_address
from agilab.assist.reach import RISKS, UNPICKLES, is_harmless, is_known_module

_TAKES_PATHS = re.compile(
    r"(open|FileIO|Path|PurePath|connect|join|glob|rglob|iglob|chdir|listdir|scandir|walk|exists|move|(read|write|scan|sink|to)_\w+"
    r"|(save|load|copy|extract|make|mk)\w*)$"
)
_READS_WHOLE = re.compile(r"(polars\.read_database_uri|connectorx\.\w+)$")
"""Functions to which three slashes are the beginning of a whole path: `sqlite:///a.db` is `/a.db`."""
_DUNDER = re.compile(
    "__(import|builtins|globals|subclasses|code|loader|getattribute|self|mro|bases?|closure|spec)__"
)
"""Ways around every list: what leads from any object to everything there is."""
_BY_NAME = ("getattr", "setattr", "delattr", "hasattr")
_HIDDEN = ("os", "sys", "subprocess", "builtins", "shutil", "importlib", "ctypes", "socket")
"""Modules that many others have among their own names: `random._os` is `os`."""
_LIKE_A_KEY = re.compile("[0-9]|.{12}")
"""A text that may be a secret, and is no word such as `token = "eos"`."""
_REMOVES_DATA = re.compile(
    r"(?i)(?:^|;)\s*(?:drop\s+(?:table|view|schema|database|index|materialized)\b|truncate\s+(?:table\s+)?\w"
    r"|delete\s+from\s+\S|alter\s+table\s+\S+\s+drop\b)"
)
_SECRET = re.compile(r"(?i)(api_?key|secret|password|passwd|token)$")
_ROOTS = frozenset(one.split(".")[0] for prefixes in RISKS.values() for one in prefixes if "." in one)
_BUILT_IN = frozenset(one for prefixes in RISKS.values() for one in prefixes if "." not in one)
_READ_IT = "read the line before you accept it"
_ELSEWHERE = "reaches for names that are not written out"


class Modules:
    """What the names of a piece of code stand for, where that is a module or something of one."""

    def __init__(self, tree: ast.Module, used: Collection[str] = ()) -> None:
        self.names: dict[str, str] = {name: name for name in used}
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    whole = alias.name if alias.asname else alias.name.split(".")[0]
                    self.names[alias.asname or whole] = whole
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self.names[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        for node in ast.walk(tree):  # `o = os` is another name of it
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.Attribute):
                name = self.dotted(node.value)
                if name.split(".")[0] in _ROOTS:
                    self.names |= {one.id: name for one in node.targets if isinstance(one, ast.Name)}

    def dotted(self, node: ast.expr) -> str:
        """The whole name, from its module on, or that of a built-in; empty for what is of neither."""
        first, *parts = chain_of(node) or [""]
        root = self.names.get(first)
        if root is None and parts and first not in (*_BUILT_IN, "builtins", "io", "run"):
            return ""
        return ".".join([root or first, *parts])


def imported_roots(code: str) -> frozenset[str]:
    """The modules, without their parts, that a piece of code imports; none of what is no Python."""
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset()
    found = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    found += [
        node.module for node in nodes if isinstance(node, ast.ImportFrom) and node.module and not node.level
    ]
    return frozenset(name.partition(".")[0] for name in found)


def risks(tree: ast.Module, modules: Modules, here: Collection[str] = ()) -> list[Finding]:
    """What a person should read before the code runs: of each sort, the first of a line.

    Modules of `here` are in use already, so that importing them is nothing new.
    """
    documents = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    documents |= only_read(tree, modules.dotted)
    found: dict[tuple[int, str], Finding] = {}
    in_memory = _is_in_memory(tree, modules)
    for one in _Looker(modules, documents, PathNames(tree, modules.dotted), here, in_memory).below(tree):
        found.setdefault((one.line, one.code), one)
    return list(found.values())


def _is_in_memory(tree: ast.Module, modules: Modules) -> bool:
    """Whether all databases that code connects to are its own, in memory; not where it connects to none."""
    made = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and modules.dotted(node.func).rpartition(".")[2] in ("connect", "create_engine")
    ]
    return bool(made) and all(
        not call.keywords
        and all(isinstance(one, ast.Constant) and one.value == ":memory:" for one in call.args)
        for call in made
    )


class _Looker:
    """Walks over a tree once. `documents` are texts that stand by themselves: nothing is done with them."""

    def __init__(
        self, modules: Modules, documents: set[int], paths: PathNames, here: Collection[str], in_memory: bool
    ) -> None:
        self.modules, self.documents, self.paths, self.here = modules, documents, paths, here
        self.in_memory = in_memory
        self.in_classes: set[ast.AST] = set()

    def below(self, node: ast.AST) -> Iterator[Finding]:
        """What is to be said of a part and of its parts; of `a.b.c` as a whole."""
        yield from self._of(node)
        if isinstance(node, ast.ClassDef):
            self.in_classes |= {*node.body}
        if isinstance(node, ast.Name | ast.Attribute):
            if found := self._name(node):
                yield found
                return
            while isinstance(node, ast.Attribute):
                node = node.value
                if isinstance(node, ast.Attribute):
                    hidden = f"{_ELSEWHERE}: {node.attr}" if _DUNDER.fullmatch(node.attr) else ""
                    if what := hidden or self.paths.risk_of(node):
                        yield Finding("ASK-003", "risk", node.lineno, what, _READ_IT)
            if not isinstance(node, ast.Name):
                yield from self.below(node)
            return
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            # Another name of a module is followed; a place in something else is not.
            followed = node not in self.in_classes and all(isinstance(one, ast.Name) for one in node.targets)
            if found := self._name(node.value, alone=not followed):
                yield found
            for target in node.targets:
                yield from self.below(target)
            return
        for child in ast.iter_child_nodes(node):
            yield from self.below(child)

    def _of(self, node: ast.AST) -> Iterator[Finding]:
        match node:
            case ast.Call(func=ast.Name(id=function), args=[owner, name, *_]) if function in _BY_NAME:
                yield from self._by_name(node, function, owner, name)
            case ast.Import(names=aliases):
                yield from self._imports(node, [alias.name for alias in aliases])
            case ast.ImportFrom(module=str(module), level=0, names=names) if names[0].name != "*":
                yield from self._imports(node, [f"{module}.{alias.name}" for alias in names])
            case ast.ImportFrom(module=str(module), names=[ast.alias(name="*")]):
                yield from self._imports(node, [module])
                if any(
                    one.startswith(f"{module}.") or f"{module}.".startswith(one)
                    for one in itertools.chain(*RISKS.values())
                ):
                    what = f"brings names that reach into the machine: {module}"
                    yield Finding("ASK-003", "risk", node.lineno, what, _READ_IT)
            case ast.Call():
                yield from self._call(node)
            case ast.Attribute(ctx=ast.Load()) if what := self.paths.risk_of(node):
                yield Finding("ASK-003", "risk", node.lineno, what, _READ_IT)
            case ast.Constant(value=str(text)) if id(node) not in self.documents:
                yield from _text(node, text)
                if not self.in_memory and _REMOVES_DATA.search(text):
                    what = f"removes data of a database: {text[:60]!r}"
                    yield Finding("ASK-003", "risk", node.lineno, what, _READ_IT)
            case ast.Constant(value=bytes(text)):
                yield from _text(node, text.decode("latin-1"))
            case ast.Assign(targets=targets, value=ast.Constant(value=str(text))) if _LIKE_A_KEY.search(text):
                for target in targets:
                    if isinstance(target, ast.Name) and _SECRET.search(target.id):
                        what = f"holds what looks like a secret, in {target.id!r}"
                        mend = "read it from the environment of the run"
                        yield Finding("ASK-006", "risk", node.lineno, what, mend)

    def _imports(self, node: ast.stmt, names: Sequence[str]) -> Iterator[Finding]:
        unknown = sorted(
            {name.partition(".")[0] for name in names if not is_known_module(name)} - {*self.here}
        )
        listed = [name for name in unknown if name not in _ROOTS]  # of the others, what they do is said
        if listed:
            what = f"imports {', '.join(listed)}, of which it is not known what it reaches"
            yield Finding("ASK-003", "risk", node.lineno, what, _READ_IT)

    def _call(self, call: ast.Call) -> Iterator[Finding]:
        """What only a whole call shows: a path that leads out, a method of a path, an option."""
        function = call.func
        name = function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
        given = [*call.args, *(word.value for word in call.keywords)]
        if _TAKES_PATHS.match(name):
            for one in given:
                text = one.value if isinstance(one, ast.Constant) else None
                text = text.decode("latin-1") if isinstance(text, bytes) else text
                if not isinstance(text, str) or is_elsewhere(text):
                    continue  # said of the text
                if text.startswith("/") or (
                    _READS_WHOLE.match(self.modules.dotted(function)) and is_whole_address(text)
                ):
                    yield _outside(one, text)
        if what := self.paths.risk_of_call(call):
            yield Finding("ASK-003", "risk", call.lineno, what, _READ_IT)
        for word in call.keywords:
            is_on = isinstance(word.value, ast.Constant) and bool(word.value.value)
            if word.arg == "allow_pickle" and is_on:
                what = f"reads a pickle, which can do anything: {name}(allow_pickle=True)"
                yield Finding("ASK-003", "risk", call.lineno, what, _READ_IT)

    def _by_name(self, call: ast.Call, function: str, owner: ast.expr, name: ast.expr) -> Iterator[Finding]:
        """`getattr(x, "name")` is as `x.name`; where the name is computed, nobody knows what it reaches."""
        if isinstance(name, ast.Constant) and isinstance(name.value, str):
            found = self._name(ast.copy_location(ast.Attribute(owner, name.value, ast.Load()), call))
            if found is not None:
                yield found
        elif function != "hasattr":
            yield Finding("ASK-003", "risk", call.lineno, f"{_ELSEWHERE}: {function}", _READ_IT)

    def _name(self, node: ast.Name | ast.Attribute, *, alone: bool = True) -> Finding | None:
        """What is to be said of a name; of a whole module where it stands `alone`, not as the owner of a name."""
        if isinstance(node, ast.Attribute) and _DUNDER.fullmatch(node.attr):
            return Finding("ASK-003", "risk", node.lineno, f"{_ELSEWHERE}: {node.attr}", _READ_IT)
        name = self.modules.dotted(node) if isinstance(node.ctx, ast.Load) else ""
        found = next(_told(node, name), None) if name else None
        if found is None and name and not is_harmless(name):
            return Finding("ASK-003", "risk", node.lineno, f"reaches into the machine: {name}", _READ_IT)
        whole = isinstance(node, ast.Name) and node.id in self.modules.names and name in _ROOTS
        if found is None and alone and whole:
            what = f"hands on a module that reaches into the machine: {name}"
            return Finding("ASK-003", "risk", node.lineno, what, _READ_IT)
        return found


def _told(node: ast.expr | ast.stmt, name: str) -> Iterator[Finding]:
    parts = name.split(".")
    if parts[0] in _ROOTS and parts[-1] == "__dict__":
        yield Finding("ASK-003", "risk", node.lineno, f"{_ELSEWHERE}: {name}", _READ_IT)
        return
    inner = [
        ".".join(parts[at:]).lstrip("_") for at in range(1, len(parts)) if parts[at].strip("_") in _HIDDEN
    ]
    for what, prefixes in RISKS.items():
        unpickles = what.startswith("reads a pickle") and UNPICKLES.match(name)
        if unpickles or any(_is(one, prefix) for one in (name, *inner) for prefix in prefixes):
            yield Finding("ASK-003", "risk", node.lineno, f"{what}: {name.rstrip('.')}", _READ_IT)
            return


def _is(name: str, prefix: str) -> bool:
    if "." not in prefix:
        return name in (prefix, f"builtins.{prefix}") or name.startswith(f"{prefix}.")
    return name.startswith(prefix)


def _text(node: ast.Constant, text: str) -> Iterator[Finding]:
    """A text that something is done with: an address, a place outside, a way around every list of names."""
    reaching = without_conditions(text)
    if is_address(reaching):
        what = f"uses the network, or a place outside its folder: {text[:60]!r}"
        yield Finding("ASK-003", "risk", node.lineno, what, _READ_IT)
    elif is_outside(reaching):
        yield _outside(node, text)
    if _DUNDER.search(text):
        yield Finding("ASK-003", "risk", node.lineno, f"{_ELSEWHERE}: {text[:60]!r}", _READ_IT)


def _outside(node: ast.expr, text: str) -> Finding:
    what = f"names a place outside its folder: {text[:60]!r}"
    return Finding("ASK-004", "risk", node.lineno, what, "use a relative path of an input or output")
