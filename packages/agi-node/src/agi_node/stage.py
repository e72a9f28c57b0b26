"""A stage: a piece of a person's code, run apart from the others as if it were a script of its own.

It gets an empty folder with its input files, a module `__main__` of its own with its input values, and leaves the
values and files that it promised. What one stage does to a worker (folder, environment variables, import path, seeds,
figures) the next one in that worker does not see.

A change violates this when a stage's result can depend on which worker it ran in, or on what ran there before.
"""

from __future__ import annotations

import ast
import contextlib
import glob
import inspect
import io
import json
import linecache
import os
import random
import shutil
import sys
import types
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node.errors import FAILED, AgiError
from agi_node.figures import draw_into_files
from agi_node.handover import Form, exact_value, hand_over, take_over
from agi_node.items import Skip
from agi_node.placing import Inputs
from agi_node.values import scrub

if TYPE_CHECKING:
    from agi_node.context import RunContext

TARGET = "stage:"
"""How the target of a stage begins; its name follows."""
SHOWN = 4_000
"""Characters of the last expression's text that are kept."""
LEFT_OUT = 8


def run_stage(name: str, order: Mapping[str, Any], inputs: str | None, run: RunContext) -> Any:
    """Run a stage; returns `{"values", "files", "shown", "item"}`, or `Skip`.

    `values` are forms by name, `files` the artifacts of each output by path, `shown` what the last expression is worth.

    `order` is `{"code", "file", "carried": [[stage, text]], "outputs": [name]}`; `inputs` names a JSON file of
    `{"values": {name: form}, "files": [{"path", "source", "size", "digest", "stored", "copy"}], "item": {name: exact
    JSON}}`. Raises what the code raises; AGI-STAGE-101 for an output that is not there, -102 for an input file that is
    gone, -103 for an item that cannot be part of a path, -116 for an input that the code changed.
    """
    given = json.loads(Path(inputs).read_bytes()) if inputs else {"values": {}, "files": [], "item": {}}
    work = run._staging.scratch / "work"
    work.mkdir(parents=True, exist_ok=True)
    values = _names_of(order["outputs"], is_file=False)
    item = {called: exact_value(text) for called, text in given["item"].items()}
    files = {path: filled(path, item) for path in _names_of(order["outputs"], is_file=True)}
    placed = Inputs(name, work, files.values())
    for file in given["files"]:
        placed.place(file)
    for path in files.values():
        (work / path).parent.mkdir(parents=True, exist_ok=True)
        if path.endswith("/"):
            (work / path).mkdir(exist_ok=True)
    with placed, _apart(work) as module, _listening(order, run):
        space = module.__dict__
        space.update(run=run, display=_display, Skip=Skip)
        for stage, text in order["carried"]:
            exec(_compiled(text, f"<stage {stage}>", shown=False)[0], space)
        space.update({called: take_over(form) for called, form in given["values"].items()})
        space.update(item)
        if order.get("file"):
            _as_script(order["file"], order["code"], work, space)
            placed.paths.add(order["file"])
        try:
            shown = _execute(order["code"], order.get("file") or f"<stage {name}>", space)
        finally:
            _write_out(space)
        if isinstance(shown, Skip):
            return shown
        told = {
            "values": {value: _value(name, value, space, run) for value in values},
            "shown": None if shown is None else scrub(_text(shown), SHOWN),
        }
        if "also" in order:
            told["also"] = _also(order["also"], space, run)
        _keep_figures(run)
    if "also" in order:
        told["printed"] = _printed(work, run)
    return {**told, "files": _kept_files(name, files, placed.paths, work, run), "item": given["item"]}


def _names_of(outputs: list[str], *, is_file: bool) -> list[str]:
    return [name for name in outputs if ("/" in name or "." in name) == is_file]


def filled(path: str, item: Mapping[str, Any]) -> str:
    """The path of a file with the item of a mapped stage in it; AGI-STAGE-103 for one that would lead elsewhere.

    >>> filled("out/{city}.csv", {"city": "Paris"})
    'out/Paris.csv'
    """
    for name, value in item.items():
        place = "{" + name + "}"
        if place in path:
            text = str(value)
            if not text or text.startswith(".") or set(text) & set("/\\\0") or len(text) > 100:
                raise AgiError(
                    "AGI-STAGE-103",
                    f"the item {name} cannot be part of the path {path}",
                    found=repr(text)[:120],
                    allowed="a short text without slashes that does not begin with a dot",
                    try_="walk names, and look up the rest by name",
                    whose="author",
                    exit_code=FAILED,
                )
            path = path.replace(place, text)
    return path


# -- apart ------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def _apart(work: Path) -> Iterator[types.ModuleType]:
    """A fresh `__main__` in a folder of its own; afterwards the process is as it was."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    before = os.getcwd()
    environ, path, main = dict(os.environ), list(sys.path), sys.modules.get("__main__")
    draw_into_files()
    _new_seeds()
    os.chdir(work)
    sys.path.insert(
        0, str(work)
    )  # a module that the code writes or is given lies beside it, as beside a script
    sys.modules["__main__"] = module
    try:
        with warnings.catch_warnings():
            yield module
    finally:
        os.chdir(before)
        if main is not None:
            sys.modules["__main__"] = main
        if dict(os.environ) != environ:
            os.environ.clear()
            os.environ.update(environ)
        sys.path[:] = path
        _forget_modules(work)
        _forget_figures()


def _new_seeds() -> None:
    """Another stage's seed must not make this one's numbers look reproducible."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None and "numpy.random" in sys.modules:
        numpy.random.seed(None)


def _forget_modules(work: Path) -> None:
    """Another stage has other files: a module of this one's folder must not be there for it."""
    inside = f"{work}{os.sep}"
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if any(str(place).startswith(inside) for place in places if place):
            del sys.modules[name]
    for place in list(sys.path_importer_cache):
        if place == str(work) or place.startswith(inside):
            del sys.path_importer_cache[place]


def _forget_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")
        pyplot.rcdefaults()


# -- the code ---------------------------------------------------------------------------------------------------


def _execute(code: str, file: str, space: dict[str, Any]) -> Any:
    """Run the code; returns what its last statement is worth, where that is an expression.

    A script that says that it is done (`sys.exit()`, `sys.exit(0)`) is done.
    """
    body, last = _compiled(code, file, shown=True)
    try:
        _run(body, space)
        return _run(last, space) if last is not None else None
    except SystemExit as ended:
        if ended.code is None or (type(ended.code) is int and ended.code == 0):
            return None
        raise


def _as_script(file: str, code: str, work: Path, space: dict[str, Any]) -> None:
    """Let code that stands in a file find itself, and what it names from there, at the same relative place."""
    script = work / file
    script.parent.mkdir(parents=True, exist_ok=True)
    if not script.exists():
        script.write_text(code, encoding="utf-8")
    space["__file__"] = str(script)


def _write_out(space: Mapping[str, Any]) -> None:
    """Files that the code left open: what they still hold is part of what it wrote."""
    for value in list(space.values()):
        if isinstance(value, io.IOBase) and not value.closed:
            with contextlib.suppress(OSError, ValueError):
                value.flush()


def _run(code: types.CodeType, space: dict[str, Any]) -> Any:
    result = eval(code, space)
    if code.co_flags & inspect.CO_COROUTINE:
        import asyncio  # 30 ms that only code with await pays

        return asyncio.run(result)
    return result


def _compiled(code: str, file: str, *, shown: bool) -> tuple[types.CodeType, types.CodeType | None]:
    lines = code.splitlines(keepends=True)
    linecache.cache[file] = (len(code), None, lines, file)  # so that a traceback shows the line
    tree = ast.parse(code, file)
    last: ast.Expression | None = None
    if shown and tree.body and isinstance(tree.body[-1], ast.Expr) and not code.rstrip().endswith(";"):
        last = ast.Expression(tree.body.pop().value)  # type: ignore[attr-defined]  # it was just tested
    flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    body = compile(tree, file, "exec", flags, dont_inherit=True)
    return body, compile(last, file, "eval", flags, dont_inherit=True) if last is not None else None


def _display(*values: Any, **_options: Any) -> None:
    """What notebooks show: here, in the log."""
    for value in values:
        print(_text(value))


def _text(value: Any) -> str:
    try:
        return repr(value)
    except Exception as broken:  # the author's __repr__ is the author's code
        return f"<{type(value).__qualname__}: its text raised {type(broken).__qualname__}>"


# -- what it leaves ---------------------------------------------------------------------------------------------


def _value(stage: str, name: str, space: Mapping[str, Any], run: RunContext) -> Form:
    if name not in space:
        own = [
            found for found in space if not found.startswith("_") and found not in ("run", "display", "Skip")
        ]
        raise AgiError(
            "AGI-STAGE-101",
            f"stage {stage} promises the value {name} and does not make it",
            found=", ".join(own)[:300] or "no values at all",
            allowed=f"code that sets {name}, or outputs without it",
            try_=_instead(name, own) or f"{name} = … in the code",
            whose="author",
            exit_code=FAILED,
        )
    return hand_over(name, space[name], run._staging, f"the value {name} of stage {stage}")


def _also(names: list[str], space: Mapping[str, Any], run: RunContext) -> dict[str, Any]:
    """Fingerprints of values that nobody takes, for whoever compares this with a notebook."""
    from agi_node.artifacts import Staging
    from agi_node.notebook_values import judged

    aside = Staging(run._staging.scratch / "also")
    missing = {"why": "the stage does not leave it"}
    return {name: judged(name, space[name], aside) if name in space else missing for name in names}


def _listening(order: Mapping[str, Any], run: RunContext) -> contextlib.AbstractContextManager[None]:
    """For whoever compares this with a notebook: what it prints is kept apart from what it says of errors."""
    if "also" not in order:
        return contextlib.nullcontext()
    from agi_node.notebook_values import listening

    return listening(run._staging.scratch / "printed")


def _printed(work: Path, run: RunContext) -> str:
    from agi_node.notebook_values import heard

    return heard(run._staging.scratch / "printed", work)


def _kept_files(
    stage: str, files: Mapping[str, str], placed: set[str], work: Path, run: RunContext
) -> dict[str, dict[str, str]]:
    """For each output its files: the path of each, and the artifact that it became."""
    known: dict[str, str] = {}
    found: dict[str, list[Path]] = {declared: _matching(path, work) for declared, path in files.items()}
    missing = [files[declared] for declared, there in found.items() if not there]
    if missing:
        there = sorted(_written(work, placed))
        raise AgiError(
            "AGI-STAGE-101",
            f"stage {stage} promises the file {missing[0]} and does not write it",
            found=", ".join(there)[:300] or "it wrote no file into its folder",
            allowed="a file of that name, relative to the folder that the code runs in",
            try_=_instead(missing[0], there)
            or f"write to {missing[0]!r}: a path that begins with / or ~, or os.chdir, leads out of the folder",
            whose="author",
            exit_code=FAILED,
        )
    kept: dict[str, dict[str, str]] = {}
    for declared, paths in found.items():
        kept[declared] = {}
        for path in paths:
            relative = path.relative_to(work).as_posix()
            if relative not in known:
                if path.is_symlink():  # an input that is handed on as it is
                    real = path.resolve()
                    path.unlink()
                    shutil.copyfile(real, path)
                known[relative] = run._staging.moved(path, path.name, {"path": relative})
            kept[declared][relative] = known[relative]
    left = sorted(_written(work, placed))
    if left:
        more = f" and {len(left) - LEFT_OUT:,} more" if len(left) > LEFT_OUT else ""
        print(f"[agilab] not kept, since no output says so: {', '.join(left[:LEFT_OUT])}{more}")
    return kept


def _instead(name: str, there: list[str]) -> str | None:
    """What to declare in place of an output that was not left: the one thing like it that was."""
    from difflib import get_close_matches  # 4 ms that only a failure pays

    base = os.path.basename(name.rstrip("/"))
    alike = [one for one in there if os.path.basename(one) == base]
    close = alike[:1] or get_close_matches(name, there, n=1, cutoff=0.6)
    return f'"{close[0]}" in place of "{name}" among the outputs, if that is what is meant' if close else None


def _matching(path: str, work: Path) -> list[Path]:
    if path.endswith("/") or (work / path).is_dir():
        return sorted(file for file in (work / path).rglob("*") if file.is_file())
    if glob.has_magic(path) and not (work / path).exists():
        return sorted(
            work / file for file in glob.glob(path, root_dir=work, recursive=True) if (work / file).is_file()
        )
    return [work / path] if (work / path).is_file() else []


def _written(work: Path, placed: set[str]) -> Iterator[str]:
    for folder, below, names in os.walk(work):
        below[:] = [name for name in below if name != "__pycache__"]
        for name in names:
            path = os.path.relpath(os.path.join(folder, name), work).replace(os.sep, "/")
            if path not in placed:
                yield path


def _keep_figures(run: RunContext) -> None:
    """Figures that were drawn and not saved: people would rather look than read."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None:
        return
    for number in pyplot.get_fignums():
        figure = pyplot.figure(number)
        if figure.get_axes():
            run.save_figure(run._staging.free(f"figure_{number}", ".png"), figure)
