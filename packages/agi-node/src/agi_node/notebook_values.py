"""What a notebook that is verified, or a stage of it, leaves: what its names stand for, and what it printed.

Run where these are, in the environment of the lab: `write(globals(), names, folder)` is the notebook's last cell.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import os
import re
import sys
import types
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from agi_node import drawings
from agi_node.artifacts import Staging
from agi_node.deep import deeply
from agi_node.errors import AgiError
from agi_node.handover import fingerprint, hand_over
from agi_node.likeness import digest_of
from agi_node.number_parts import Part
from agi_node.outline import NOT_ALL, outline
from agi_node.values import with_folders

OF_THE_PROCESS = frozenset(
    {
        *("IPython", "ipykernel", "ipywidgets", "ipympl", "comm", "zmq", "tqdm", "tkinter", "bokeh"),
        *("asyncio", "concurrent", "threading", "multiprocessing", "distributed", "pyspark", "selenium"),
    }
)
"""Packages whose objects go with their process, or are known by a number that is new each time."""
PRINTED = 100_000
"""Characters of what is printed that are kept."""
SHORT = 6
"""Letters of a folder that may stand in a text and mean something else."""
SAID = 160
"""Letters of a reason."""
JUPYTER = frozenset({"In", "Out", "exit", "quit", "open", "get_ipython"})


def write(space: Mapping[str, Any], names: Collection[str], folder: str) -> None:
    """Write `values.json` into a folder: for each name the fingerprint of its value, or why it has none.

    Under `""` stand the names of other values that are there.
    """
    more = sorted(_results(space, {*names}))
    found: dict[str, Any] = {"": {"names": more}}
    for name in (*names, *more):
        if name not in space:
            found[name] = {"why": "the notebook does not leave it"}
            continue
        found[name] = judged(name, space[name], Staging(Path(folder, "values", name)))
    Path(folder).mkdir(parents=True, exist_ok=True)
    Path(folder, "values.json").write_text(json.dumps(found), encoding="utf-8")


def judged(name: str, value: Any, staging: Staging) -> dict[str, Any]:
    """What two values have in common exactly if they are equal; or why that cannot be told.

    Beside it stand the value's `parts`, to say where two differ. In texts the folder that the code runs in is `.`.
    """
    return _in_its_folder(_judged(name, value, staging), os.getcwd())


def _in_its_folder(mark: dict[str, Any], folder: str) -> dict[str, Any]:
    """The same with a working folder of this process, which the code has not chosen, as `.`, the one above as `..`."""
    if len(folder) < SHORT:
        return mark
    if "text" in mark:
        mark["text"] = with_folders(mark["text"], folder)
    for part in mark.get("parts", ()):
        if len(part) == 2:
            part[1] = with_folders(part[1], folder)
    return mark


def _judged(name: str, value: Any, staging: Staging) -> dict[str, Any]:
    if type(value).__module__ == "IPython.utils.text" and isinstance(value, (list, str)):
        value = list(value) if isinstance(value, list) else str(value)  # the lines that `x = !cmd` printed
    if (maker := type(value).__module__.partition(".")[0]) in OF_THE_PROCESS:
        return {"why": f"an object of {maker}, which goes with its process"}
    if isinstance(value, io.IOBase) and value.closed:
        return {"kind": "file", "text": _closed(value)}
    form, refused = {"kind": "pickle"}, None
    try:
        if not drawings.is_drawn(value):
            form = hand_over(name, value, staging, name)
    except Exception as problem:  # whatever a person's object does when it is looked at
        refused = problem
    if form["kind"] != "pickle":
        mark, parts = fingerprint(form, staging), _parts(value)
        if form["kind"] == "json" and any(len(part) == 4 for part in parts):
            return {"kind": "object", "text": _told(value), "digest": _one_digest(mark), "parts": parts}
        return {**mark, "parts": parts}
    try:
        digest = deeply(lambda: digest_of(value, staging))
    except Exception:  # taking a person's object apart runs its own code; its parts may still be comparable
        digest = ""
    if refused is not None and not digest:
        return {"why": _sentence(value, refused)}
    parts = _parts(value)
    if not digest and not parts:
        return {"why": f"an object of type {type(value).__name__}, which cannot be taken apart"}
    if not digest:
        parts = [*parts, ["", NOT_ALL]]
    return {"kind": "object", "text": _told(value), "digest": digest, "parts": parts}


def _one_digest(mark: Mapping[str, Any]) -> str:
    """Of plain data with numbers in it, which may differ by rounding as those in objects do."""
    return str(mark.get("digest") or hashlib.sha256(mark["text"].encode()).hexdigest())


def _parts(value: Any) -> list[Part]:
    try:
        return deeply(lambda: outline(value))
    except Exception:  # as above: then there is only the digest
        return []


def _told(value: Any) -> str:
    """What an object says of itself, without addresses."""
    try:
        return re.sub(r" at 0x[0-9A-Fa-f]+", "", repr(value))[:200]
    except Exception as broken:  # the author's __repr__ is the author's code
        return f"<{type(value).__qualname__}: its text raised {type(broken).__qualname__}>"


def _closed(file: io.IOBase) -> str:
    """What is left of a file that is closed: what it was called, and what for it was open."""
    name, mode = getattr(file, "name", ""), getattr(file, "mode", "")
    path = os.path.relpath(name) if isinstance(name, str) and name else ""
    # Two runs have two working folders: what lies in neither is one and the same file.
    path = os.path.abspath(name) if path.startswith(os.pardir) and os.path.isabs(name) else path
    return f"a closed file, {path}, {mode}"


def _sentence(value: Any, problem: Exception) -> str:
    """Why a value cannot be written down, in one line that ends with a whole word."""
    said = str(problem.found or problem.what) if isinstance(problem, AgiError) else str(problem)
    said = re.sub(r" at 0x[0-9A-Fa-f]+", "", " ".join(said.split()))
    words = said if len(said) <= SAID else f"{said[:SAID].rpartition(' ')[0]} …"
    kind = type(value).__name__
    return f"it cannot be written down: {words if kind in words else f'{kind}: {words}'}".rstrip(": ")


def _results(space: Mapping[str, Any], known: Collection[str]) -> Iterator[str]:
    """Other names of values that somebody made: not of modules, functions and classes, nor as a module has them."""
    code = (types.ModuleType, types.FunctionType, types.BuiltinFunctionType, types.MethodType, type)
    for name, value in space.items():
        if name.startswith("_") or name in JUPYTER or name in known or isinstance(value, code):
            continue
        if type(value).__module__.partition(".")[0] in ("IPython", "ipykernel"):
            continue
        if not any(vars(one).get(name, space) is value for one in _modules()):  # `from math import *`
            yield name


def _modules() -> list[types.ModuleType]:
    return [
        one for key, one in list(sys.modules.items()) if key != "__main__" and type(one) is types.ModuleType
    ]


@contextlib.contextmanager
def listening(file: Path) -> Iterator[None]:
    """Keep what goes to standard output meanwhile in a file, also of children; it goes where it went afterwards."""
    sys.stdout.flush()
    before = os.dup(1)
    with file.open("wb") as kept:
        os.dup2(kept.fileno(), 1)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
        os.dup2(before, 1)
        os.close(before)
        with file.open("rb") as heard:
            while data := heard.read(1 << 20):
                os.write(1, data)


def heard(file: Path, folder: Path, begins: int = 0) -> str:
    """The beginning of what was kept from a byte on, with the folder of the code as `.`, the one above it as `..`."""
    with file.open("rb") as kept:
        kept.seek(begins)
        text = kept.read(4 * PRINTED).decode("utf-8", "replace")
    return with_folders(text, str(folder))[:PRINTED]
