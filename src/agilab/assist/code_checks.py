"""Code that somebody else wrote, looked at before it runs: from its syntax alone, nothing is executed.

A finding of weight `error` says that it cannot work; one of weight `risk` that a person should read the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator

from agilab.assist.code_names import unknown_names
from agilab.assist.code_risks import Modules, imported_roots, risks
from agilab.assist.findings import Finding
from agilab.assist.places import is_elsewhere
from agilab.assist.unseen import unseen_signs
from agilab.contracts.lab_stages import is_file

_WRITERS = re.compile(
    r"^(to_(csv|parquet|json|excel|feather|pickle|html|hdf|stata|xml|latex|markdown)|write_\w+|sink_\w+|savefig|save|dump|savetxt|savez\w*|write_text|write_bytes)$"
)
_PATH_WORDS = ("path_or_buf", "path", "buf", "file", "fname", "filename", "excel_writer")


def check_code(
    code: str,
    *,
    given: Collection[str],
    outputs: Collection[str],
    used: Collection[str] = (),
    before: str = "",
) -> list[Finding]:
    """What is to be said of the code of a stage, in the order of its lines.

    `given` are the names that are there when it begins, `used` those of them that come of another stage's text, which
    may be modules; `outputs` what it must leave, values and files. What the code `before` imports is nothing new.
    """
    unseen = list(unseen_signs(code))
    try:
        tree = ast.parse(code)
        compile(tree, "<stage>", "exec", dont_inherit=True)  # a `return` outside a function parses, too
    except SyntaxError as error:
        what = f"is no Python: {error.msg}"
        return [
            *unseen,
            Finding("ASK-001", "error", error.lineno or 1, what, "ask again, or mend it by hand"),
        ]
    except (ValueError, RecursionError, MemoryError) as error:
        return [*unseen, Finding("ASK-001", "error", 1, f"is no Python: {error!s:.80}", "ask again")]
    modules = Modules(tree, used)
    writes = _Writes(tree, modules, outputs)
    found = [
        *unseen,
        *unknown_names(code, tree, set(given)),
        *risks(tree, modules, imported_roots(before)),
        *writes.findings,
        *_missing_outputs(tree, writes.written, outputs),
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.code))


class _Writes:
    """The files that a piece of code writes."""

    def __init__(self, tree: ast.Module, modules: Modules, outputs: Collection[str]) -> None:
        self.outputs, self._dotted = outputs, modules.dotted
        self.written: set[str] = set()
        """Files, as written out in the code, that it writes; `*` where a path is computed."""
        self.findings = [
            found for node in ast.walk(tree) if isinstance(node, ast.Call) for found in self._write(node)
        ]

    def _write(self, call: ast.Call) -> Iterator[Finding]:
        path = self._written_path(call)
        if path is None:
            return
        if not isinstance(path, ast.Constant) or not isinstance(path.value, str):
            self.written.add("*")
            return
        if is_elsewhere(path.value):
            return  # no file of the folder, and said of its text
        name = path.value.removeprefix("./")
        self.written.add(name)
        declared = {output.removeprefix("./") for output in self.outputs}
        if name not in declared and not any(_fits(name, one) for one in declared):
            what = f"writes {name!r}, which is no output of the stage and would be lost"
            mend = f'add "{name if is_file(name) else "./" + name}" to its outputs, or ask again'
            yield Finding("ASK-005", "risk", call.lineno, what, mend)

    def _written_path(self, call: ast.Call) -> ast.expr | None:
        """The path that a call writes to; None for calls that write nothing."""
        function = call.func
        name = self._dotted(function)
        if (isinstance(function, ast.Name) and function.id == "open") or name in ("io.open", "builtins.open"):
            return _argument(call, 0, "file") if _is_for_writing(_argument(call, 1, "mode")) else None
        if name == "pandas.ExcelWriter":
            return _argument(call, 0, "path")
        if not isinstance(function, ast.Attribute):
            return None
        if function.attr in ("write_text", "write_bytes", "open") and "." not in name.removeprefix(
            "pathlib."
        ):
            if function.attr == "open" and not _is_for_writing(_argument(call, 0, "mode")):
                return None
            inner = function.value
            return (
                inner.args[0] if isinstance(inner, ast.Call) and inner.args else ast.Name("path", ast.Load())
            )
        if not _WRITERS.match(function.attr) or name.startswith(("run.", "json.dump", "pickle.dump")):
            return None
        first = next((found for word in ("", *_PATH_WORDS) if (found := _argument(call, 0, word))), None)
        return first if isinstance(first, ast.Constant | ast.JoinedStr | ast.BinOp) else None


def _argument(call: ast.Call, at: int, word: str) -> ast.expr | None:
    """What a call is given at a place, or by a word."""
    if len(call.args) > at:
        return call.args[at]
    return next((one.value for one in call.keywords if one.arg == word), None)


def _is_for_writing(mode: ast.expr | None) -> bool:
    text = mode.value if isinstance(mode, ast.Constant) else "r"
    return bool(set(str(text)) & set("wax+"))


def _fits(name: str, output: str) -> bool:
    """Whether a path is one of a mapped output, `out/{city}.csv`, or lies in an output folder."""
    pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(output))
    return bool(re.fullmatch(pattern, name)) or (output.endswith("/") and name.startswith(output))


def _missing_outputs(tree: ast.Module, written: set[str], outputs: Collection[str]) -> Iterator[Finding]:
    bound = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    bound |= {
        alias.asname or alias.name.split(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
    }
    bound |= {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    for output in outputs:
        if is_file(output):
            given = "*" in written or any(_fits(name, output.removeprefix("./")) for name in written)
            if not given and "{" not in output and not _mentions(tree, output):
                yield Finding(
                    "ASK-007", "error", 1, f"does not write its output {output!r}", "ask again, and name it"
                )
        elif output not in bound:
            yield Finding(
                "ASK-007",
                "error",
                1,
                f"does not give its output {output!r}",
                f"ask again, and name {output!r}",
            )


def _mentions(tree: ast.Module, output: str) -> bool:
    """Whether the path stands anywhere in the code: it may be written by a call that nobody listed."""
    return any(
        isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and node.value.removeprefix("./") == output.removeprefix("./")
        for node in ast.walk(tree)
    )
