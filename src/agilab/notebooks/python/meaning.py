"""One magic's meaning, and the small pieces of Python that meanings are made of."""

from __future__ import annotations

import ast
import builtins
import re
import shlex
import string
from collections.abc import Container
from dataclasses import dataclass, replace


@dataclass(frozen=True)
class Meaning:
    """What a magic, shell or help line means.

    Attributes:
        python: What stands in its place, on its first line; "" if nothing does.
        code: Of the finding that it gives; "" for a translation that loses nothing.
        what: The finding's sentence.
        body: Of a cell magic: None, the body is dropped; "python", the body is Python; else the lines that stand in its
            place, as many as it had.
        requirements: What it installs, as written ("pandas==2.2").
        runs: The file that `%run` names.
        language: Of a cell that is kept as text because nothing of it is run: what it is written in; else "".
        reads: Names of the notebook that such a cell says it takes.
        defines: Names of the notebook that it says it gives.
    """

    python: str
    code: str = ""
    what: str = ""
    body: str | None = None
    requirements: tuple[str, ...] = ()
    runs: str = ""
    language: str = ""
    reads: tuple[str, ...] = ()
    defines: tuple[str, ...] = ()

    def without_percent(self, name: str) -> Meaning:
        """The same, written without its `%`."""
        return self if self.code else replace(self, code="NB-119", what=f"{name} was taken for %{name}")


def literal(text: str) -> str:
    """Text as a Python literal, in double quotes where that needs no escapes."""
    plain = text.isprintable() and '"' not in text and "\\" not in text
    return f'"{text}"' if plain else ascii(text)


def quoted_lines(head: str, body: list[str], tail: str) -> tuple[str, str]:
    """A call whose argument is the body as one text: (its first line, the lines below, as many as the body has)."""
    if not body:
        return f"{head}''{tail}", ""
    lines = [line.replace("\\", "\\\\").replace('"', '\\"') if '"""' in line or line.endswith('"') else
             line.replace("\\", "\\\\") for line in body]  # fmt: skip
    end = "" if body[-1] == "" and len(body) > 1 else "\\n"
    lines[-1] += f'{end}"""{tail}'  # on the body's last line: one line more would move all that follows
    return f'{head}"""\\', "\n".join(lines)


def text_expression(text: str, names: Container[str]) -> str:
    """Text in which IPython puts values of the notebook, as an expression.

    `{expression}` and `$name` count if all of them name what the notebook binds; else IPython leaves the text alone,
    and what is in it is the shell's. `$name` between single quotes is always the shell's.

    >>> text_expression("cp {source} data", {"source"}), text_expression("cp {source} $HOME", {"source"})
    ('"cp " + str(source) + " data"', '"cp {source} $HOME"')
    """
    pieces = _pieces(text)
    if not all(_is_ours(piece, names) for piece, ours in pieces if ours):
        return literal(text)
    merged = [f"str({piece.strip()})" if ours else literal(piece) for piece, ours in pieces if piece or ours]
    return " + ".join(merged) or '""'


def _pieces(text: str) -> list[tuple[str, bool]]:
    """(text, False) and (expression, True), in their order; the whole as text where braces do not match."""
    pieces: list[tuple[str, bool]] = []
    plain = ""
    try:
        for chunk, field, spec, conversion in string.Formatter().parse(text):
            place = 0
            for match in _DOLLAR.finditer(chunk):
                if chunk.count("'", match.end()) % 2:
                    continue
                plain += chunk[place : match.start()]
                place = match.end()
                if match[1].startswith("$"):
                    plain += match[1]
                    continue
                pieces += [(plain, False), (match[1], True)]
                plain = ""
            plain += chunk[place:]
            if field is not None:
                expression = f"{field}!{conversion}" if conversion else f"{field}:{spec}" if spec else field
                pieces += [(plain, False), (expression, True)]
                plain = ""
    except ValueError:
        return [(text, False)]
    return [*pieces, (plain, False)]


_DOLLAR = re.compile(r"\$(\$?[\w.]+)")


def _is_ours(expression: str, names: Container[str]) -> bool:
    """Whether an expression names only what the notebook, or Python, has."""
    from agilab.notebooks.code.syntax import parse

    tree = parse(expression.strip()).tree
    if tree is None or len(tree.body) != 1 or not isinstance(tree.body[0], ast.Expr):
        return False
    used = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    return bool(used) and all(name in names or hasattr(builtins, name) for name in used)


def path_expression(path: str, names: Container[str]) -> str:
    """A path as an expression; the home folder is found when it runs."""
    expression = text_expression(path, names)
    return f"os.path.expanduser({expression})" if path.startswith("~") else expression


def importing(module: str, expression: str) -> str:
    """`import module`, and os where the expression needs it."""
    return f"import os, {module}" if expression.startswith("os.") else f"import {module}"


def split_words(arguments: str) -> list[str]:
    """Words as a shell splits them; by spaces alone where quotes do not close."""
    try:
        return shlex.split(arguments)
    except ValueError:
        return arguments.split()
