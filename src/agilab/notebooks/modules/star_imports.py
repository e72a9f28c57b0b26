"""`from helpers import *` of a module of one's own: written out, with the names that the notebook uses.

What a library binds is known only when it runs; what a module beside the notebook binds stands in its text. Written out
it parts like any other import, and stages take those names alone.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from pathlib import Path

from agi_node.source.scopes import bound_names
from agilab.notebooks.code.brought_code import tree_of_file
from agilab.notebooks.code.syntax import parse
from agilab.notebooks.findings import Finding
from agilab.notebooks.python.parsing import ParsedCell, ParsedNotebook
from agilab.notebooks.rules import found

_ANY_NAME = frozenset({"eval", "exec", "globals", "locals", "vars"})
"""Whoever calls these may use a name that the text does not have."""
_MAYBE = (ast.If, ast.Try, ast.TryStar, ast.For, ast.While, ast.Match)
_SHOWN = 8
_WORD = re.compile(r"[^\W\d]\w*")


def with_names(
    parsed: ParsedNotebook, trees: Mapping[int, ast.Module], folders: Sequence[Path]
) -> ParsedNotebook:
    """The notebook with imports of everything from modules in `folders` written out, as far as their texts say it.

    `trees` have what cells do, with that of programs that they run.
    """
    if not any("*" in one.python and "import" in one.python for one in parsed.cells):
        return parsed
    nodes = [node for tree in trees.values() for node in ast.walk(tree)]
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    if used & _ANY_NAME:
        return parsed
    # `table.query("x > @limit")` and `ols("y ~ centred(x)")` look for names that stand in texts.
    texts = (node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str))
    used.update(word for text in texts for word in _WORD.findall(text))
    pairs = [_written_out(one, used, folders) for one in parsed.cells]
    findings = tuple(finding for _, told in pairs for finding in told)
    if not findings:
        return parsed
    return replace(parsed, cells=tuple(one for one, _ in pairs), findings=(*parsed.findings, *findings))


def _written_out(
    one: ParsedCell, used: Set[str], folders: Sequence[Path]
) -> tuple[ParsedCell, list[Finding]]:
    lines, told = one.python.split("\n"), list[Finding]()
    for node in one.tree.body if one.tree is not None else ():
        public = _names(node, folders)
        if public is None or not isinstance(node, ast.ImportFrom) or public.perhaps & used:
            continue
        line = lines[node.lineno - 1]
        if node.end_lineno != node.lineno or node.end_col_offset is None or not line.isascii():
            continue
        taken = sorted(public.names & used)
        if not taken and str(node.module).partition(".")[0] in used:
            continue
        text = f"from {node.module} import {', '.join(taken)}" if taken else f"import {node.module}"
        lines[node.lineno - 1] = f"{line[: node.col_offset]}{text}{line[node.end_col_offset :]}"
        some = ", ".join(taken[:_SHOWN]) + (f" and {len(taken) - _SHOWN} more" if taken[_SHOWN:] else "")
        what = f"from {node.module} import * became the import of {some or 'the module, of which nothing is used'}"
        told.append(found("NB-208", what, cell=one.cell.index, line=node.lineno))
    python = "\n".join(lines)
    tree = parse(python).tree if told else None
    return (one, []) if tree is None else (replace(one, python=python, tree=tree), told)


@dataclass(frozen=True)
class _Public:
    """What an import of everything binds: `perhaps` where that depends on what the module finds when it runs."""

    names: frozenset[str]
    perhaps: frozenset[str] = frozenset()


def _names(node: ast.stmt, folders: Sequence[Path]) -> _Public | None:
    """What an import of everything binds; None for any other statement, and where no text says it."""
    if not isinstance(node, ast.ImportFrom) or node.level or node.names[0].name != "*" or not node.module:
        return None
    return _public(node.module, folders, ())


def _public(module: str, folders: Sequence[Path], above: tuple[str, ...]) -> _Public | None:
    file = next((one for one in _files(module, folders) if one.is_file()), None)
    tree = None if file is None or module in above else tree_of_file(file)
    if file is None or tree is None:
        return None
    body = [one for one in tree.body if not (isinstance(one, ast.If) and "__main__" in ast.dump(one.test))]
    calls = {node.id for one in body for node in ast.walk(one) if isinstance(node, ast.Name)}
    listed = [one for one in body if "__all__" in bound_names([one], "")]
    if calls & _ANY_NAME or len(listed) > 1:
        return None
    if listed:
        names = _listed(listed[0])
        return None if names is None else _Public(names)
    certain, perhaps = set[str](), set[str]()
    for one in body:
        stars = [
            node for node in ast.walk(one) if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"
        ]
        for node in stars:
            inner = _public(
                _absolute(node, module, is_package=file.name == "__init__.py"), folders, (*above, module)
            )
            if inner is None:
                return None
            certain |= inner.names
            perhaps |= inner.perhaps
        (perhaps if isinstance(one, _MAYBE) else certain).update(bound_names([one], ""))
    deleted = {name for one in body if isinstance(one, ast.Delete) for name in bound_names([one], "")}
    perhaps = (perhaps - certain) | deleted
    return _Public(_outward(certain - deleted), _outward(perhaps))


def _outward(names: Set[str]) -> frozenset[str]:
    return frozenset(name for name in names if not name.startswith(("_", "*")))


def _files(module: str, folders: Sequence[Path]) -> Iterator[Path]:
    for folder in folders:
        path = folder.joinpath(*module.split("."))
        yield path / "__init__.py"
        yield path.with_name(f"{path.name}.py")


def _absolute(node: ast.ImportFrom, module: str, *, is_package: bool) -> str:
    if not node.level:
        return node.module or ""
    parts = module.split(".")
    above = parts[: len(parts) - node.level + is_package]
    return ".".join([*above, *([node.module] if node.module else [])])


def _listed(node: ast.stmt) -> frozenset[str] | None:
    """The names in `__all__ = ["a", "b"]`; None where they are made in another way."""
    value = node.value if isinstance(node, ast.Assign) else None
    if not isinstance(value, ast.List | ast.Tuple):
        return None
    texts = [one.value for one in value.elts if isinstance(one, ast.Constant)]
    return frozenset(one for one in texts if isinstance(one, str)) if len(texts) == len(value.elts) else None
