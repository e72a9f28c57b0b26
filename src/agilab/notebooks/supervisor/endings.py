"""What code can do as a script of its own and not as a cell of a kernel: end well by itself, and ask for its file."""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from agi_node.source.scopes import bound_names

_ENDS_KERNEL = frozenset({"exit", "quit"})
"""What IPython has under these names raises nothing: it asks the kernel to go, and the code goes on meanwhile."""
_EXIT = "sys.exit"
_RAISED = "SystemExit"
_GUARDS_EXIT = frozenset({_RAISED, "BaseException"})
_GUARDS_NAME = frozenset({"NameError", "Exception", "BaseException"})
_STOPS = "no cell below it would run"
_GOES_ON = "in a kernel the code below it goes on, until the kernel goes"
_MOST = 80
_Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Ending:
    """A place where a kernel does not do what a script does.

    Attributes:
        line: From 1, in the code.
        what: The code there.
        why: What comes of it in a kernel.
    """

    line: int
    what: str
    why: str


def endings(code: str) -> list[Ending]:
    """The first place where code may end well by itself as it runs, and the first that needs `__file__`.

    What ends badly (`sys.exit("no data")`, `raise SystemExit(1)`) fails as a script and as a cell, so it is none;
    `exit()` and `quit()` always are one. Code runs at the top (`if __name__ == "__main__"` too), and in the functions
    of this code that are called from there by name. A text that is no Python has no endings.

    >>> endings("import sys\\nif done:\\n    sys.exit(0)\\nsys.exit('no data')")
    [Ending(line=3, what='sys.exit(0)', why='no cell below it would run')]
    >>> endings("try:\\n    here = __file__\\nexcept NameError:\\n    here = '.'")
    []
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the author hears of an invalid escape when the code runs
            tree = ast.parse(code)
        return list(_endings(tree, code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []


def _endings(tree: ast.Module, code: str) -> Iterator[Ending]:
    exits = _Exits(tree)
    stops = [(node, _STOPS) for node in _run_nodes(tree, _GUARDS_EXIT) if exits.ends_well(node)]
    stops += [(node, _GOES_ON) for node in _run_nodes(tree, frozenset()) if exits.ends_kernel(node)]
    if stops:
        first, why = min(stops, key=lambda stop: (stop[0].lineno, stop[0].col_offset))
        yield Ending(first.lineno, _spelled(first, code), why)
    if "__file__" in bound_names(tree.body, ""):
        return
    asked = [node for node in _names_read(tree) if _is_file(node)]
    if asked:
        yield Ending(min(node.lineno for node in asked), "__file__", "a notebook has none")


def _is_file(node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "__file__" and isinstance(node.ctx, ast.Load)


def _spelled(node: ast.AST, code: str) -> str:
    text = " ".join((ast.get_source_segment(code, node) or "").split())
    return text if len(text) <= _MOST else f"{text[: _MOST - 2]} …"


def _names_read(tree: ast.Module) -> Iterator[ast.Name]:
    """All names where nothing is ready for their not being there."""
    if any(isinstance(node, ast.Constant) and node.value == "__file__" for node in ast.walk(tree)):
        return  # `if "__file__" in globals()`: the code asks whether there is one
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Name):
            yield node
        todo += _children(node, _GUARDS_NAME)


def _run_nodes(tree: ast.Module, guards: frozenset[str]) -> Iterator[ast.Call | ast.Raise]:
    """Calls and raises that run: at the top, and in functions that are called from there by their names."""
    functions: dict[str, list[_Function]] = {}
    for node in ast.walk(tree):
        if isinstance(node, _Function):
            functions.setdefault(node.name, []).append(node)
    todo: list[ast.AST] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Call | ast.Raise):
            yield node
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            for function in functions.pop(node.func.id, []):
                todo += function.body
        if isinstance(node, _Function):
            todo += [*node.decorator_list, *node.args.defaults, *filter(None, node.args.kw_defaults)]
        elif not isinstance(node, ast.Lambda):
            todo += _children(node, guards)


def _children(node: ast.AST, guards: frozenset[str]) -> Iterator[ast.AST]:
    """The nodes below one, without the body of a `try` that catches one of these errors and goes on."""
    caught = isinstance(node, ast.Try) and any(_catches(handler, guards) for handler in node.handlers)
    for child in ast.iter_child_nodes(node):
        if not (caught and isinstance(node, ast.Try) and child in node.body):
            yield child


def _catches(handler: ast.ExceptHandler, errors: frozenset[str]) -> bool:
    if any(isinstance(node, ast.Raise) for node in ast.walk(handler)):
        return False
    kinds = handler.type.elts if isinstance(handler.type, ast.Tuple) else [handler.type]
    return any(kind is None or (isinstance(kind, ast.Name) and kind.id in errors) for kind in kinds)


class _Exits:
    """What ends a Python by the names that a text has for it."""

    def __init__(self, tree: ast.Module) -> None:
        self._names = _names(tree)

    def ends_well(self, node: ast.Call | ast.Raise) -> bool:
        """Whether it ends the code as if all were well, or may do so."""
        if isinstance(node, ast.Raise):
            raised = node.exc
            if isinstance(raised, ast.Call):
                return self._called(raised.func) == _RAISED and _may_be_well(raised)
            return raised is not None and self._called(raised) == _RAISED
        return self._called(node.func) == _EXIT and _may_be_well(node)

    def ends_kernel(self, node: ast.Call | ast.Raise) -> bool:
        """Whether it is a call that a script ends by and a cell does not."""
        return isinstance(node, ast.Call) and self._called(node.func) in _ENDS_KERNEL

    def _called(self, function: ast.expr) -> str:
        if isinstance(function, ast.Name):
            return self._names.get(function.id, "")
        if isinstance(function, ast.Attribute) and isinstance(function.value, ast.Name):
            return f"{self._names.get(function.value.id, '')}.{function.attr}"
        return ""


def _names(tree: ast.Module) -> Mapping[str, str]:
    """What names stand for that have to do with ends; a name that the text gives another meaning is left out."""
    names = {name: name for name in (*_ENDS_KERNEL, _RAISED, "sys")}
    for name in bound_names(tree.body, ""):
        names.pop(name, None)
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {one.asname or one.name: "sys" for one in node.names if one.name == "sys"}
        elif isinstance(node, ast.ImportFrom) and node.module == "sys":
            names |= {one.asname or one.name: _EXIT for one in node.names if one.name == "exit"}
    return names


def _may_be_well(call: ast.Call) -> bool:
    """Whether the status of an exit may be none or 0: of a constant and of an f-string one can tell."""
    if not call.args:
        return True
    status = call.args[0]
    if isinstance(status, ast.JoinedStr):
        return False
    if isinstance(status, ast.UnaryOp) and isinstance(status.operand, ast.Constant):
        status = status.operand
    if not isinstance(status, ast.Constant):
        return True
    return status.value is None or (type(status.value) is int and status.value == 0)
