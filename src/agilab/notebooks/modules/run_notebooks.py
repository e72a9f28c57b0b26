"""Other notebooks that `%run` runs: their cells of code, with the names of this one.

IPython runs each of these cells where the line stands, in the same namespace and folder. A stage does so too, and reads
the notebook when it runs, as one of its inputs. Magics that mean nothing outside IPython are taken out there; with any
other one, or where the file is none that can be run so, the line stays a comment, and the finding says why.
"""

from __future__ import annotations

import ast
import json
import posixpath
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, replace
from pathlib import Path

from agi_node.source.scopes import bound_names
from agilab.notebooks.code.brought_code import brought
from agilab.notebooks.code.syntax import parse
from agilab.notebooks.document.cells import Cell
from agilab.notebooks.findings import Finding
from agilab.notebooks.python.magics import Magic
from agilab.notebooks.python.meaning import literal
from agilab.notebooks.python.parsing import ParsedCell, ParsedNotebook, parse_cell, parse_notebook
from agilab.notebooks.reading import bytes_of
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact

_LARGEST = 1 << 26
"""Bytes of a notebook that is looked at, what its cells gave among them."""
_DROPPED = frozenset({"NB-110", "NB-113", "NB-116", "NB-117"})
_RUNS = "[exec(compile("
_COMMENT = "became a comment"
_NONE = "it is no notebook of nbformat 4"


@dataclass(frozen=True)
class Other:
    """A notebook that can be run by a line.

    Attributes:
        python: What stands in the place of that line.
        text: Its cells of code as one text, without what is taken out.
        tree: The same as a tree.
        requirements: What its cells install.
    """

    name: str
    python: str
    text: str
    tree: ast.Module
    requirements: tuple[str, ...]


Others = Mapping[tuple[int, int], Other]
"""By cell and line."""


def with_notebooks(parsed: ParsedNotebook, folder: Path) -> tuple[ParsedNotebook, Others]:
    """A notebook that lies in `folder`, with the lines in it that run others, as far as these can be run."""
    looked_at = {key: _other(folder, name) for key, name in _named(parsed)}
    others = {key: one for key, one in looked_at.items() if isinstance(one, Other)}
    if others:  # `{DATA}` in a shell line may be a name of another's
        names: dict[int, frozenset[str]] = {}
        for (cell, _), other in others.items():
            names[cell] = names.get(cell, frozenset()).union(bound_names(other.tree.body, ""))
        parsed = parse_notebook(parsed.notebook, names)
    cells = tuple(_with_lines(one, others) for one in parsed.cells)
    same = {new.cell.index for new, old in zip(cells, parsed.cells, strict=True) if new is old}
    others = {key: other for key, other in others.items() if key[0] not in same}
    said = [_said(one, looked_at, others) for one in parsed.findings]
    said += [
        found("NB-506", f"{redact(other.name)} calls get_ipython()", cell=cell, line=line)
        for (cell, line), other in others.items()
        if re.search(r"\bget_ipython\b", other.text)
    ]
    wanted = [(text, *key) for key, other in others.items() for text in other.requirements]
    made = replace(
        parsed,
        cells=cells,
        findings=tuple(said),
        requirements=(*parsed.requirements, *wanted),
    )
    return made, others


def with_their_code(
    trees: Mapping[int, ast.Module], others: Others
) -> tuple[dict[int, ast.Module], list[str]]:
    """The trees of cells, each notebook behind the line that runs it; and the texts of these notebooks."""
    whole = dict(trees)
    for index in {cell for cell, _ in others} & whole.keys():
        code = {
            line: brought(deepcopy(other.tree).body, line, posixpath.normpath(other.name))
            for (cell, line), other in others.items()
            if cell == index
        }
        whole[index] = _Within(code).visit(deepcopy(whole[index]))
    return whole, [other.text for other in others.values()]


class _Within(ast.NodeTransformer):
    """Puts the code of notebooks behind the statements that run them."""

    def __init__(self, code: Mapping[int, list[ast.stmt]]) -> None:
        self._code = code

    def visit_Expr(self, node: ast.Expr) -> ast.stmt | list[ast.stmt]:
        code = self._code.get(node.lineno)
        return [node, *code] if code and ast.unparse(node).startswith(_RUNS) else node


def _named(parsed: ParsedNotebook) -> Iterator[tuple[tuple[int, int], str]]:
    for one in parsed.cells:
        for magic in one.magics:
            if magic.meaning.runs.lower().endswith(".ipynb") and _COMMENT in magic.meaning.what:
                yield (one.cell.index, magic.line), magic.meaning.runs


def _with_lines(one: ParsedCell, others: Others) -> ParsedCell:
    """A cell with what runs the others; as it was if that is no Python."""
    mine = {line: other for (cell, line), other in others.items() if cell == one.cell.index}
    if not mine:
        return one
    lines = one.python.split("\n")
    for line, other in mine.items():
        blank = lines[line - 1][: len(lines[line - 1]) - len(lines[line - 1].lstrip())]
        lines[line - 1] = blank + other.python
    python = "\n".join(lines)
    tree = parse(python).tree
    if tree is None:
        return one
    magics = tuple(
        replace(
            magic,
            meaning=replace(magic.meaning, python=mine[magic.line].python, what=_shares(magic.meaning.runs)),
        )
        if magic.line in mine
        else magic
        for magic in one.magics
    )
    return replace(one, python=python, tree=tree, magics=magics, why_not="")


def _shares(name: str) -> str:
    return f"%run {redact(name)} shares the notebook's names"


def _said(finding: Finding, looked_at: Mapping[tuple[int, int], Other | str], others: Others) -> Finding:
    key = (-1 if finding.cell is None else finding.cell, finding.line or 0)
    if finding.code != "NB-115" or key not in looked_at or _COMMENT not in finding.what:
        return finding
    one = looked_at[key]
    if key in others and isinstance(one, Other):
        return replace(finding, what=_shares(one.name))
    head = finding.what.partition(":")[0]
    return replace(finding, what=f"{head}: {one}") if isinstance(one, str) else finding


# ---- one other notebook


def _other(folder: Path, name: str) -> Other | str:
    """The notebook of that name, or why a line cannot run it."""
    if "$" in name or "{" in name:
        return "which notebook that is, is known only when it runs"
    try:
        if not (folder / name).is_file():
            return "no such notebook lies there"
        cells = _cells_of(folder / name)
    except (OSError, ValueError, RecursionError):
        return "the file cannot be read as a notebook"
    if isinstance(cells, str):
        return cells
    read = [(cell, parse_cell(cell)) for cell in cells]
    dropped = _pattern([(magic, cell.source) for cell, one in read for magic in one.magics])
    texts = []
    for cell, one in read:
        text = re.sub(dropped, "", cell.source) if dropped else cell.source
        if why := _why_not(one, text):
            return f"cell {cell.index} of it {why}"
        texts.append(text)
    wanted = [text for _, one in read for magic in one.magics for text in magic.meaning.requirements]
    whole = "\n".join(texts)
    line = _line(name, dropped, "__file__" in whole)
    return Other(name, line, whole, parse(whole).tree or ast.Module([], []), tuple(dict.fromkeys(wanted)))


def _cells_of(file: Path) -> list[Cell] | str:
    data = bytes_of(file, _LARGEST)
    if isinstance(data, Finding):
        return data.what
    raw = json.loads(data.decode("utf-8"))
    if not isinstance(raw, dict) or not isinstance(raw.get("cells"), list) or raw.get("nbformat") != 4:
        return _NONE
    cells = []
    for index, one in enumerate(raw["cells"]):
        if (
            not isinstance(one, dict)
            or not isinstance(one.get("source"), str | list)
            or "cell_type" not in one
        ):
            return _NONE
        if one["cell_type"] == "code":
            source = one["source"]
            if not all(isinstance(part, str) for part in source):
                return _NONE
            cells.append(Cell(index, str(index), "code", "".join(source), "python"))
    return cells


def _pattern(magics: Sequence[tuple[Magic, str]]) -> str:
    """What finds, in the text of a cell, what is taken out of it: magics of these names that mean nothing elsewhere."""
    heads: dict[str, list[str]] = {}
    for magic, source in magics:
        if magic.meaning.python or magic.meaning.code not in _DROPPED:
            continue
        name, line = re.escape(magic.name), source.split("\n")[magic.line - 1]
        if magic.whole_cell:
            heads.setdefault(r"%%({})\b[\s\S]*" if magic.meaning.body is None else r"%%({})\b.*", []).append(
                name
            )
        elif magic.name == "?":
            heads.setdefault(r"(\?|[\w.%]+\?+ *$).*", []).append("")
        elif magic.name != "!":
            heads.setdefault(r"%({})\b.*", []).append(name)
        elif " install " in line:
            heads.setdefault("({}).*", []).append(re.escape(line.partition(" install ")[0]) + " install ")
    each = [head.replace("{}", "|".join(dict.fromkeys(names))) for head, names in heads.items()]
    return "(?m)^" + (each[0] if len(each) == 1 else f"({'|'.join(each)})") if each else ""


def _why_not(one: ParsedCell, text: str) -> str:
    """Why a cell whose text is this one when it is run does not do what IPython does; "" if it does."""
    result = parse(text)
    if one.tree is not None and result.tree is not None and ast.dump(one.tree) == ast.dump(result.tree):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                compile(text, "<cell>", "exec", dont_inherit=True)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            return f"cannot be run as it stands: {error.msg if isinstance(error, SyntaxError) else error}"
        return ""
    kept = [one for one in one.magics if one.meaning.python or one.meaning.code not in _DROPPED]
    if kept:
        sign = "%%" if kept[0].whole_cell else "%"
        shown = f"{sign}{kept[0].name}" if kept[0].name[0].isalpha() else f"a line with {kept[0].name}"
        return f"has {shown} in it, which is for IPython alone"
    if one.tree is not None:
        return "has a magic where it cannot be taken out of the text"
    return f"is no Python: {one.why_not}"


def _line(name: str, dropped: str, asks: bool) -> str:
    """What runs the cells of a notebook, in one line; `asks` says that they ask where they lie."""
    path = posixpath.normpath(name)
    place, folder = literal(path), posixpath.dirname(path)
    text = '"".join(cell["source"])'
    if dropped:
        pattern = f'r"{dropped}"' if '"' not in dropped else repr(dropped)
        text = f'__import__("re").sub({pattern}, "", {text})'
    code = f'compile({text}, {literal(f"<{path}>")}, "exec", dont_inherit=True)'
    cells = f'__import__("json").load(open({place}, encoding="utf-8"))["cells"]'
    parts = [f'[exec({code}, globals()) for cell in {cells} if cell["cell_type"] == "code"].clear()']
    if asks:
        parts = [f"globals().update(__file__={literal(name)})", *parts, 'globals().pop("__file__", None)']
    if folder:
        parts = [
            f"import sys; sys.path.insert(0, {literal(folder)})",
            *parts,
            f"sys.path.remove({literal(folder)})",
        ]
    return "; ".join(parts)
