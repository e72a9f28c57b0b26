"""What a piece of code reaches for that a person should read first: programs, the network, other places, secrets.

From the syntax tree alone. A name counts wherever it stands, not only where it is called: `map(os.system, words)`
calls it as well.
"""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Collection, Iterator

from agi_node.source.tree import chain_of
from agilab.assist.findings import Finding

RISKS: dict[str, tuple[str, ...]] = {
    "starts another program": (
        "os.system",
        "os.popen",
        "os.exec",
        "os.spawn",
        "os.posix_spawn",
        "os.startfile",
        "subprocess.",
        "multiprocessing.P",
        "multiprocessing.get_context",
        "multiprocessing.connection",
        "pty.",
        "pexpect.",
        "asyncio.create_subprocess",
        "concurrent.futures.ProcessPoolExecutor",
    ),
    "runs text as code": (
        "eval",
        "exec",
        "compile",
        "__import__",
        "importlib.import_module",
        "importlib.reload",
        "importlib.util",
        "importlib.machinery",
        "importlib._",
        "runpy.",
        "code.",
        "types.CodeType",
        "types.FunctionType",
        "pandas.eval",
    ),
    "reaches for names that are not written out": (
        "__builtins__",
        "builtins.",
        "globals",
        "sys.modules",
        "sys.meta_path",
        "sys._",
        "gc.get_",
        "inspect.currentframe",
        "inspect.stack",
        "operator.attrgetter",
        "operator.methodcaller",
    ),
    "reads a pickle, which can do anything": (
        "pickle.load",
        "pickle.Unpickler",
        "cloudpickle.load",
        "joblib.load",
        "dill.load",
        "marshal.load",
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
        "socketserver.",
        "ssl.",
        "urllib.request",
        "urllib3.",
        "http.client",
        "http.server",
        "requests.",
        "httpx.",
        "aiohttp.",
        "websockets.",
        "websocket.",
        "xmlrpc.",
        "ftplib.",
        "smtplib.",
        "poplib.",
        "imaplib.",
        "telnetlib.",
        "paramiko.",
        "pycurl.",
        "grpc.",
        "zmq.",
        "webbrowser.",
        "fsspec.",
        "s3fs.",
        "gcsfs.",
        "adlfs.",
        "boto3.",
        "botocore.",
        "google.cloud.",
        "azure.",
        "pyarrow.fs.",
        "asyncio.open_connection",
        "asyncio.start_server",
        "pandas.read_clipboard",
        "sklearn.datasets.fetch_",
        "seaborn.load_dataset",
        "huggingface_hub.",
        "datasets.load_dataset",
        "openai.",
        "anthropic.",
    ),
    "reaches into the machine": (
        "ctypes.",
        "cffi.",
        "posix.",
        "nt.",
        "os.kill",
        "os.chmod",
        "os.chown",
        "os.fork",
        "sys.settrace",
        "sys.setprofile",
        "signal.",
    ),
    "reads secrets of the environment": ("os.environ", "os.getenv", "keyring."),
}
"""What a name stands for, by its beginnings; one without a point is built in, one that ends with it a whole module."""
_ADDRESS = re.compile(r"\s*[A-Za-z][A-Za-z0-9+.-]*://")
_OUTSIDE = re.compile(r"(/[\w.-]+/|~/|[A-Za-z]:[\\/]\w|\\\\\w)")
_DUNDER = re.compile("__(import|builtins|globals|subclasses|code|loader|getattribute)__")
"""Ways around every list: what leads from any object to everything there is."""
_IN_A_FILE = ("sqlite://", "duckdb://")
_BY_NAME = ("getattr", "setattr", "delattr", "hasattr")
_HIDDEN = ("os", "sys", "subprocess", "builtins", "shutil", "importlib", "ctypes", "socket")
"""Modules that many others have among their own names: `random._os` is `os`."""
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


def risks(tree: ast.Module, modules: Modules) -> list[Finding]:
    """What a person should read before the code runs: of each sort, the first of a line."""
    documents = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    found: dict[tuple[int, str], Finding] = {}
    for one in _Looker(modules, documents).below(tree):
        found.setdefault((one.line, one.code), one)
    return list(found.values())


class _Looker:
    """Walks over a tree once. `documents` are texts that stand by themselves: nothing is done with them."""

    def __init__(self, modules: Modules, documents: set[int]) -> None:
        self.modules, self.documents = modules, documents

    def below(self, node: ast.AST) -> Iterator[Finding]:
        """What is to be said of a part and of its parts; of `a.b.c` as a whole."""
        yield from self._of(node)
        if isinstance(node, ast.Name | ast.Attribute):
            if found := self._name(node):
                yield found
                return
            while isinstance(node, ast.Attribute):
                node = node.value
                if isinstance(node, ast.Name):
                    return
        elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Name):
            # Another name of a module is followed; a place in something else is not.
            followed = all(isinstance(target, ast.Name) for target in node.targets)
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
            case ast.ImportFrom(module=str(module), names=[ast.alias(name="*")]):
                if any(
                    one.startswith(f"{module}.") or f"{module}.".startswith(one)
                    for one in itertools.chain(*RISKS.values())
                ):
                    what = f"brings names that reach into the machine: {module}"
                    yield Finding("ASK-003", "risk", node.lineno, what, _READ_IT)
            case ast.Constant(value=str(text)) if id(node) not in self.documents:
                yield from _text(node, text)
            case ast.Assign(targets=targets, value=ast.Constant(value=str(text))) if text:
                for target in targets:
                    if isinstance(target, ast.Name) and _SECRET.search(target.id):
                        what = f"holds what looks like a secret, in {target.id!r}"
                        mend = "read it from the environment of the run"
                        yield Finding("ASK-006", "risk", node.lineno, what, mend)

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
        if any(_is(one, prefix) for one in (name, *inner) for prefix in prefixes):
            yield Finding("ASK-003", "risk", node.lineno, f"{what}: {name.rstrip('.')}", _READ_IT)
            return


def _is(name: str, prefix: str) -> bool:
    if "." not in prefix:
        return name in (prefix, f"builtins.{prefix}") or name.startswith(f"{prefix}.")
    return name.startswith(prefix)


def is_elsewhere(text: str) -> bool:
    """Whether a text is an address, or a path that leads out of the folder of a stage."""
    return _ADDRESS.match(text) is not None or _OUTSIDE.match(text) is not None or ".." in text.split("/")


def _text(node: ast.Constant, text: str) -> Iterator[Finding]:
    """A text that something is done with: an address, a place outside, a way around every list of names."""
    if address := _ADDRESS.match(text):
        if address[0].strip().lower() not in _IN_A_FILE:
            what = f"uses the network, or a place outside its folder: {text[:60]!r}"
            yield Finding("ASK-003", "risk", node.lineno, what, _READ_IT)
    elif is_elsewhere(text):
        what = f"names a place outside its folder: {text[:60]!r}"
        yield Finding("ASK-004", "risk", node.lineno, what, "use a relative path of an input or output")
    if _DUNDER.search(text):
        yield Finding("ASK-003", "risk", node.lineno, f"{_ELSEWHERE}: {text[:60]!r}", _READ_IT)
