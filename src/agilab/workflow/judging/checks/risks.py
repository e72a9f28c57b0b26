"""What code does to the world outside: programs, text run as code, pickles, the network, paths, secrets."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Callable, Iterator, Sequence

from agi_node.source.tree import chain_of
from agilab.contracts.lab_stages import Stage
from agilab.notebooks.secrets import is_literal_secret, is_secret_name, name_of, shaped
from agilab.workflow.judging.checks.case import Case
from agilab.workflow.judging.findings import Finding
from agilab.workflow.judging.names import Names, lines_of, place_of

_PROGRAMS = ("os.system", "os.popen", "os.exec", "os.spawn", "subprocess.", "pty.", "commands.", "shlex.")
_QUIET = ("subprocess.PIPE", "subprocess.DEVNULL", "subprocess.STDOUT", "shlex.")
_AS_CODE = ("exec", "eval", "compile", "builtins.exec", "builtins.eval", "runpy.run_path", "runpy.run_module")
_UNPICKLED = (
    *(
        "pickle.load",
        "pickle.loads",
        "pickle.Unpickler",
        "cloudpickle.load",
        "cloudpickle.loads",
        "dill.load",
    ),
    *(
        "dill.loads",
        "joblib.load",
        "pandas.read_pickle",
        "torch.load",
        "shelve.open",
        "marshal.load",
        "marshal.loads",
    ),
)
_NETWORK = (
    *(
        "requests.",
        "urllib.request.",
        "httpx.",
        "aiohttp.",
        "socket.",
        "ftplib.",
        "smtplib.",
        "paramiko.",
        "boto3.",
    ),
    *("urllib3.", "http.client.", "websockets.", "wget.", "gdown.", "huggingface_hub.", "openml."),
)
_DELETES = (
    *("shutil.rmtree", "os.remove", "os.unlink", "os.rmdir", "os.removedirs", "os.chdir", "os.truncate"),
    *("shutil.move", "os.rename", "os.replace"),
)
_URL = re.compile(r"^(?:https?|ftp|s3|gs|ssh|git)://\S+", re.IGNORECASE)
_ABSOLUTE = re.compile(
    r"^(?:/(?:home|Users|root|tmp|var|mnt|data|opt|etc|usr|srv|media|scratch|work)/\S|[A-Za-z]:[\\/]\S|~[\w]*/\S)"
)


def risks(case: Case) -> Iterator[Finding]:
    """Every risk in the code of every stage that runs."""
    for one in case.resolved.stages.values():
        found = case.names(one.stage) if one.stage.app is None and one.stage.kind == "python" else None
        if isinstance(found, Names):
            yield from _in(case, one.stage, found.nodes)


def _in(case: Case, stage: Stage, nodes: Sequence[ast.AST]) -> Iterator[Finding]:
    known = _imported(nodes)
    lines = lines_of(case.text_of(stage) or "")
    told: set[tuple[str, int]] = set()

    def tell(code: str, node: ast.AST, what: str, found: str = "") -> Iterator[Finding]:
        place = place_of(node, lines)
        if (code, place.line) not in told:
            told.add((code, place.line))
            yield case.finding(
                code, case.code_place(stage, place.line, place.column), stage.id, f"{stage.id} {what}", found
            )

    documentation = _documentation(nodes)
    for node in nodes:
        if isinstance(node, ast.Call):
            yield from _call(node, _chain(node.func, known), tell)
        elif isinstance(node, (ast.Assign, ast.AnnAssign, ast.keyword)):
            yield from _secret(node, tell)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in documentation:
            yield from _text(node, node.value, stage.workdir, tell)
        elif (
            isinstance(node, ast.While)
            and (sought := _sought_above(node))
            and not sought & _lying(case, stage)
        ):
            shown = ", ".join(sorted(sought))
            yield from tell(
                "085", node, "goes up until it finds what it does not take, perhaps for ever", shown
            )


Tell = Callable[..., Iterator[Finding]]


def _call(node: ast.Call, name: str, tell: Tell) -> Iterator[Finding]:
    first = node.args[0] if node.args else None
    text = first.value if isinstance(first, ast.Constant) and isinstance(first.value, str) else ""
    shown = f"{name}({_short(text)})" if text else f"{name}(…)"
    if name.startswith(_PROGRAMS) and not name.startswith(_QUIET):
        yield from tell("080", node, "runs another program", shown)
    elif name in _AS_CODE and name != "compile":
        yield from tell("081", node, "runs text as code", shown)
    elif name in _UNPICKLED or (name == "numpy.load" and _is_true(node, "allow_pickle")):
        yield from tell("082", node, "unpickles what it reads", shown)
    elif name.startswith(_NETWORK):
        yield from tell("083", node, "uses the network", shown)
    elif name in _DELETES:
        yield from tell("085", node, "deletes, moves, or leaves its folder", shown)
    elif name in ("input", "getpass.getpass", "breakpoint", "pdb.set_trace"):
        yield from tell("087", node, "asks a person", shown)


def _text(node: ast.Constant, text: str, workdir: str, tell: Tell) -> Iterator[Finding]:
    if _URL.match(text) and not text.lower().startswith(("http://www.w3.org", "https://www.w3.org")):
        yield from tell("083", node, "names an address of the network", _short(text.rpartition("@")[2]))
    elif _ABSOLUTE.match(text):
        yield from tell("084", node, "names an absolute path", _short(text))
    elif _leaves(text, workdir):
        yield from tell("085", node, "leaves its folder", _short(text))
    for kind, _, _ in shaped(text):
        yield from tell("086", node, f"holds {kind}", "(not shown)")


_SEEKS = re.compile(r"\b(exists|is_file|is_dir|isfile|isdir|listdir|name|basename|endswith)\b")
_CLIMBS = re.compile(r"\.parent\b|\bdirname\(|\bchdir\(")


def _sought_above(node: ast.While) -> set[str]:
    """The names that a loop looks for in one folder above the other; empty for any other loop."""
    test = ast.unparse(node.test)
    if not (_SEEKS.search(test) and _CLIMBS.search("\n".join(map(ast.unparse, node.body)))):
        return set()
    texts = (one.value for one in ast.walk(node.test) if isinstance(one, ast.Constant))
    return {text for text in texts if isinstance(text, str)} - {"", "/", ".."}


def _lying(case: Case, stage: Stage) -> set[str]:
    """The names of files and folders that a stage has around it."""
    taken = (one if isinstance(one, str) else one.name for one in stage.inputs)
    paths = (*taken, stage.workdir, case.folder.resolve().name)
    return {part for path in paths for part in posixpath.normpath(path).split("/")}


def _leaves(text: str, workdir: str) -> bool:
    """Whether a text is a path out of the lab's folder, for code that runs in `workdir` below it."""
    if not (text.startswith("../") or "/../" in text):
        return False
    return not workdir or posixpath.normpath(posixpath.join(workdir, text)).startswith("../")


def _secret(node: ast.Assign | ast.AnnAssign | ast.keyword, tell: Tell) -> Iterator[Finding]:
    value = node.value
    if not (
        isinstance(value, ast.Constant) and isinstance(value.value, str) and is_literal_secret(value.value)
    ):
        return
    targets: list[ast.expr | str | None] = (
        [*node.targets]
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else [node.arg]
    )
    for target in targets:
        name = target if isinstance(target, str) else name_of(target)
        if name and is_secret_name(name):
            yield from tell("086", value, f"holds a literal {name}", f"{name} = (not shown)")


def _imported(nodes: Sequence[ast.AST]) -> dict[str, str]:
    """What each imported name stands for: `{"pd": "pandas", "run": "subprocess.run"}`."""
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                found[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                found[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return found


def _chain(node: ast.expr, known: dict[str, str]) -> str:
    """The dotted name of what is called, imports seen through; empty for anything else."""
    first, *parts = chain_of(node) or [""]
    return ".".join([known.get(first, first), *parts])


def _is_true(node: ast.Call, name: str) -> bool:
    return any(
        one.arg == name and isinstance(one.value, ast.Constant) and one.value.value is True
        for one in node.keywords
    )


def _documentation(nodes: Sequence[ast.AST]) -> set[ast.AST]:
    """Texts that are statements by themselves: docstrings, and comments in quotes."""
    return {
        node.value for node in nodes if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 60 else f"{line[:59]}…")
