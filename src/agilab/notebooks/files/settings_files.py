"""`.env`: settings that libraries read by themselves, from a file that they look for beside the notebook and above it.

No path of it need be written anywhere, so the folder is asked. Such a file is one for secrets, too: runs keep what
stages take, so one that seems to hold some is not taken, and its variables are to be set where the run starts.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from agilab.notebooks.code.brought_code import text_of_file
from agilab.notebooks.code.known_texts import Text
from agilab.notebooks.code.named_files import Act, Artifact, argument_of, artifact_of, end_of
from agilab.notebooks.code.names import Found
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Place
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import is_literal_secret, shaped

_LOOKS = ("load_dotenv", "dotenv_values", "find_dotenv")
_FIRST = (-1, 0)
"""Before any cell: a path is then meant from the notebook's own folder, wherever the code has gone by now."""
_HIGHEST = 12
_NAME = re.compile(r"(?:^|[/.])env(?:\.[\w-]+)*$")
_LINE = re.compile(r"^[ \t]*(?:export[ \t]+)?([\w.]+)[ \t]*=[ \t]*[\"']?([^\"'\n]*)", re.MULTILINE)
_SECRET = re.compile(r"(?i)key|secret|token|passw|pwd|credential|auth|dsn")


def acts_of_settings(
    nodes: Iterable[tuple[ast.AST, Place]], evaluator: Evaluator, folder: Path | None
) -> Iterator[Act]:
    """What code of a notebook in `folder` reads of such files, wherever they are: `load_dotenv()`, `BaseSettings`."""
    for node, place in nodes:
        if isinstance(node, ast.Call):
            for number, artifact in enumerate(_of_call(node, place, evaluator, folder)):
                yield Act(artifact, end_of(node, number), place.turns, place.owner, gone=False)


def _of_call(node: ast.Call, place: Place, evaluator: Evaluator, folder: Path | None) -> Iterator[Artifact]:
    name = evaluator.dotted(node.func)
    library, _, last = name.rpartition(".")
    if last not in _LOOKS or library.partition(".")[0] != "dotenv":
        for text in _env_files(node, place, evaluator):
            yield artifact_of(text, "read", "seen", name or "env_file", place.cell, node.lineno)
        return
    given = argument_of(node, 0, ("dotenv_path", "filename"))
    if isinstance(given, ast.Call) and evaluator.dotted(given.func).endswith("find_dotenv"):
        return
    said = given is not None and not _is(given, None)
    for text in evaluator.texts(given, place) if given is not None and said else (Text(".env"),):
        if text.known and (last == "find_dotenv" or not said):
            text = Text(_found_above(text.text, folder), start=_FIRST)
        yield artifact_of(text, "read", "seen", name, place.cell, node.lineno)


def _is(node: ast.expr, value: str | None) -> bool:
    return isinstance(node, ast.Constant) and node.value == value


def _env_files(node: ast.Call, place: Place, evaluator: Evaluator) -> Iterator[Text]:
    """The files that an object reads which is made here: those that it is given, or those of its class."""
    given = [one.value for one in node.keywords if one.arg == "_env_file"]
    made = Found(evaluator, node, place) if given else evaluator.found(node.func, place)
    if made is None:
        return
    for value in given or _set_in(made.node):
        for one in value.elts if isinstance(value, ast.Tuple | ast.List) else [value]:
            yield from () if _is(one, None) else made.evaluator.texts(one, made.place)


def _set_in(kind: ast.AST) -> Iterator[ast.expr]:
    for one in ast.walk(kind) if isinstance(kind, ast.ClassDef) else ():
        by_name = isinstance(one, ast.Assign) and ast.unparse(one.targets[0]) == "env_file"
        if isinstance(one, ast.keyword | ast.Assign) and (by_name or getattr(one, "arg", "") == "env_file"):
            yield one.value
        elif isinstance(one, ast.Dict):
            pairs = zip(one.keys, one.values, strict=True)
            yield from (value for key, value in pairs if key is not None and _is(key, "env_file"))


def _found_above(name: str, folder: Path | None) -> str:
    """Where a file of that name is found, from a folder: there or above it, but not as far up as a person's home."""
    here = None if folder is None else folder.resolve()
    for up in range(_HIGHEST):
        if here is None or here.parent == here or (up and here == Path.home().resolve()):
            break
        if (here / name).is_file():
            return "../" * up + name
        here = here.parent
    return name


def is_of_settings(path: str) -> bool:
    """Whether a file is one for settings of the environment, by its name.

    >>> [is_of_settings(path) for path in (".env", "../.env.local", "conf/prod.env", "environment.yml", "env/a.csv")]
    [True, True, True, False, False]
    """
    return _NAME.search(path) is not None


def are_set(file: Path, environ: Mapping[str, str]) -> bool:
    """Whether each variable of a file of settings has a value in an environment."""
    return all(match[1] in environ for match in _LINE.finditer(text_of_file(file) or ""))


def without_secrets(uses: Iterable[FileUse], folder: Path) -> tuple[tuple[FileUse, ...], list[Finding]]:
    """The uses of files but for those of settings with secrets in them, and a finding for each file of settings.

    Of what looks like a secret the names are told.
    """
    left: list[FileUse] = []
    found_of: dict[str, Finding] = {}
    kept_out: set[str] = set()
    for use in uses:
        path = use.path
        if use.does not in ("read", "look", "add") or not is_of_settings(path):
            left.append(use)
            continue
        if path not in found_of and (text := text_of_file(folder / path)) is not None:
            secret = list(dict.fromkeys(_secret_names(text)))
            kept_out.update([path] if secret else [])
            what, mend = _words(path, secret)
            found_of[path] = found("NB-314", what, cell=use.cell, line=use.artifact.line, mend=mend)
        if path not in kept_out:
            left.append(use)
    return tuple(left), list(found_of.values())


def _words(path: str, secret: list[str]) -> tuple[str, str | None]:
    if not secret:
        return f"stages take “{path}”, and runs keep what stages take", None
    held = f"{', '.join(secret)} look{'s' if len(secret) == 1 else ''} like a secret"
    return (
        f"no stage takes “{path}”, since runs keep what stages take and {held}",
        f"start runs with its variables set (set -a; . {_from_here(path)}; set +a), or add it to the inputs",
    )


def _from_here(path: str) -> str:
    return path if "/" in path else f"./{path}"


def _secret_names(text: str) -> Iterator[str]:
    for match in _LINE.finditer(text):
        name, value = match[1], match[2].strip()
        by_name = _SECRET.search(name) is not None and is_literal_secret(value, name)
        if by_name or next(shaped(value), None) is not None:
            yield name
