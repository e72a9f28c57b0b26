"""Code that somebody else wrote, looked at before it runs: from its syntax alone, nothing is executed.

A finding of weight `error` says that it cannot work; one of weight `risk` that a person should read the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator
from typing import Any

from agilab.assist.code_names import unknown_names
from agilab.assist.findings import Finding
from agilab.assist.unseen import unseen_signs
from agilab.contracts.lab_stages import is_file

_RISKS = {
    "starts another program": (
        "os.system",
        "os.popen",
        "os.exec",
        "os.spawn",
        "subprocess.",
        "pty.",
        "asyncio.create_subprocess",
    ),
    "runs text as code": ("eval", "exec", "compile", "__import__", "importlib.import_module", "runpy."),
    "reads a pickle, which can do anything": (
        "pickle.load",
        "cloudpickle.load",
        "joblib.load",
        "dill.load",
        "shelve.open",
        "pandas.read_pickle",
        "torch.load",
    ),
    "removes or moves files": (
        "os.remove",
        "os.unlink",
        "os.rmdir",
        "os.removedirs",
        "os.rename",
        "os.replace",
        "shutil.rmtree",
        "shutil.move",
    ),
    "uses the network": (
        "socket.",
        "urllib.request",
        "http.client",
        "requests.",
        "httpx.",
        "aiohttp.",
        "ftplib.",
        "smtplib.",
        "paramiko.",
    ),
    "reaches into the machine": (
        "ctypes.",
        "os.kill",
        "os.chmod",
        "os.chown",
        "os.fork",
        "sys.settrace",
        "signal.",
    ),
    "reads secrets of the environment": ("os.environ", "os.getenv", "keyring."),
}
_WRITERS = re.compile(
    r"^(to_(csv|parquet|json|excel|feather|pickle|html|hdf|stata|xml|latex|markdown)|write_\w+|sink_\w+|savefig|save|dump|savetxt|savez\w*|write_text|write_bytes)$"
)
_SECRET = re.compile(r"(?i)(api_?key|secret|password|passwd|token)$")


def check_code(code: str, *, given: Collection[str], outputs: Collection[str]) -> list[Finding]:
    """What is to be said of the code of a stage, in the order of its lines.

    `given` are the names that are there when it begins; `outputs` what it must leave, values and files.
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
    looker = _Looker(tree, outputs)
    found = [
        *unseen,
        *unknown_names(code, tree, set(given)),
        *looker.findings(),
        *_missing_outputs(tree, looker.written, outputs),
    ]
    return sorted(found, key=lambda finding: (finding.line, finding.code))


class _Looker:
    """Walks over a tree once and notes what a person should read."""

    def __init__(self, tree: ast.Module, outputs: Collection[str]) -> None:
        self.tree, self.outputs = tree, outputs
        self.imports: dict[str, str] = {}
        self.written: set[str] = set()
        """Files, as written out in the code, that it writes; `*` where a path is computed."""

    def findings(self) -> list[Finding]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.imports[alias.asname or alias.name.split(".")[0]] = (
                        alias.name if alias.asname else alias.name.split(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                for alias in node.names:
                    self.imports[alias.asname or alias.name] = f"{node.module}.{alias.name}"
        return [finding for node in ast.walk(self.tree) for finding in self._of(node)]

    def _of(self, node: ast.AST) -> Iterator[Finding]:
        if isinstance(node, ast.Call):
            yield from self._risk(node.func)
            yield from self._write(node)
        elif isinstance(node, ast.Subscript):
            yield from self._risk(node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if re.match(r"(/[\w.-]+/|~/|[A-Za-z]:[\\/]\w|\\\\\w)", node.value) or ".." in node.value.split(
                "/"
            ):
                what = f"names a place outside its folder: {node.value[:60]!r}"
                yield Finding(
                    "ASK-004", "risk", node.lineno, what, "use a relative path of an input or output"
                )
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
            for target in node.targets:
                name = target.id if isinstance(target, ast.Name) else ""
                if _SECRET.search(name) and isinstance(node.value.value, str) and node.value.value:
                    what = f"holds what looks like a secret, in {name!r}"
                    yield Finding(
                        "ASK-006", "risk", node.lineno, what, "read it from the environment of the run"
                    )

    def _risk(self, function: ast.expr) -> Iterator[Finding]:
        name = self._dotted(function)
        for what, prefixes in _RISKS.items():
            if name and any(self._is(name, prefix) for prefix in prefixes):
                yield Finding(
                    "ASK-003",
                    "risk",
                    function.lineno,
                    f"{what}: {name}",
                    "read the line before you accept it",
                )
                return

    @staticmethod
    def _is(name: str, prefix: str) -> bool:
        if "." not in prefix:
            return name in (prefix, f"builtins.{prefix}")
        return name.startswith(prefix)

    def _dotted(self, node: ast.expr) -> str:
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        return ".".join([self.imports.get(node.id, node.id), *reversed(parts)])

    def _write(self, call: ast.Call) -> Iterator[Finding]:
        path = self._written_path(call)
        if path is None:
            return
        if not isinstance(path, ast.Constant) or not isinstance(path.value, str):
            self.written.add("*")
            return
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
        if (isinstance(function, ast.Name) and function.id == "open") or self._dotted(function) in (
            "io.open",
            "builtins.open",
        ):
            mode: Any = (
                call.args[1]
                if len(call.args) > 1
                else next((word.value for word in call.keywords if word.arg == "mode"), None)
            )
            text = mode.value if isinstance(mode, ast.Constant) else "r"
            return call.args[0] if call.args and set(str(text)) & set("wax+") else None
        if not isinstance(function, ast.Attribute) or not _WRITERS.match(function.attr):
            return None
        if function.attr in ("write_text", "write_bytes"):
            inner = function.value
            return (
                inner.args[0] if isinstance(inner, ast.Call) and inner.args else ast.Name("path", ast.Load())
            )
        if self._dotted(function).startswith(("run.", "json.dump", "pickle.dump")) or not call.args:
            return None
        first = call.args[0]
        return first if isinstance(first, ast.Constant | ast.JoinedStr | ast.BinOp) else None


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
