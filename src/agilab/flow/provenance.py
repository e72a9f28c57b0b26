"""What a run of a flow was: the functions' sources and code, the interpreter, what is installed, the machine."""

from __future__ import annotations

import inspect
import linecache
import os
import platform
import socket
import sys
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node.canonical import canonical, digest
from agilab.envs.installed import installed_packages
from agilab.envs.node_wheel import agi_node_digest
from agilab.flow.declaration import Declared, Function
from agilab.store.objects import ObjectStore
from agilab.version import __version__

if TYPE_CHECKING:
    from agi_node.source import Code

MAX_SOURCE_BYTES = 2**20


def source_tree(objects: ObjectStore, nodes: Mapping[str, Declared]) -> str:
    """The digest of a tree with the text that the functions come from, kept as objects.

    A file on disk stands there whole, under its own name; a function of a notebook's cell as `<node>.py`.
    """
    linecache.checkcache()  # once: a file may have been edited since its text was last asked for
    files: dict[str, str] = {}
    seen: set[str] = set()
    for node in nodes.values():
        path = _file_of(node.function)
        if path is None:
            files[f"{node.name}.py"] = objects.put(_text_of(node.function).encode("utf-8", "replace"))
        elif path not in seen:
            seen.add(path)
            name = os.path.basename(path)
            while name in files:  # two files of one name from two folders
                name = f"_{name}"
            files[name] = objects.put(Path(path).read_bytes())
    return objects.put(canonical(files))


def _file_of(function: Function) -> str | None:
    code = getattr(inspect.unwrap(function), "__code__", None)
    path = getattr(code, "co_filename", "")
    try:
        return path if 0 < os.stat(path).st_size <= MAX_SOURCE_BYTES and os.path.isfile(path) else None
    except (OSError, ValueError):
        return None


def _text_of(function: Function) -> str:
    try:
        return inspect.getsource(inspect.unwrap(function))
    except (OSError, TypeError, IndexError, SyntaxError):
        return f"# the source of {function!r:.200} is not known\n"


def codes_of(nodes: Mapping[str, Declared]) -> dict[str, Code]:
    """The code of every node: what its digest covers decides whether an earlier result may stand for it."""
    from agi_node.source import code_of_function

    return {name: code_of_function(node.function) for name, node in nodes.items()}


def environment_record() -> dict[str, Any]:
    """The caller's environment (`Environment` of the manifest): its lock is the list of what is installed."""
    folders = tuple(entry or "." for entry in sys.path)
    return dict(_record(tuple((folder, _changed(folder)) for folder in folders)))


@lru_cache(maxsize=4)
def _record(folders: tuple[tuple[str, int], ...]) -> dict[str, Any]:
    packages: dict[str, str] = {}
    for folder, changed in reversed(folders):
        if changed:
            packages |= installed_packages(Path(folder))
    lock = digest(dict(sorted(packages.items())))
    inputs = {
        "lock": lock,
        "implementation": sys.implementation.name,
        "python_version": platform.python_version(),
        "platform": f"{platform.system()}-{platform.machine()}",
        "agi_node": agi_node_digest(),
    }
    return {
        "fingerprint": digest(inputs),
        "lock_digest": lock,
        "interpreter": {
            "implementation": platform.python_implementation(),
            "version": inputs["python_version"],
        },
        "platform": {
            "system": platform.system(),
            "machine": platform.machine(),
            "release": platform.release(),
        },
        "agi_node": {"version": packages.get("agi-node", __version__), "digest": inputs["agi_node"]},
    }


def _changed(folder: str) -> int:
    """When something was last installed into a folder; 0 where there is none."""
    try:
        return os.stat(folder).st_mtime_ns if os.path.isdir(folder) else 0
    except OSError:
        return 0


def cores() -> int:
    """Logical cores that this process may use."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:
        return os.cpu_count() or 1


def workbench() -> dict[str, Any]:
    """The AGILab at work and its machine (`Workbench` of the manifest)."""
    import psutil

    memory = int(psutil.virtual_memory().total)
    host = {"name": socket.gethostname() or "unknown", "cpus": cores(), "memory": memory}
    return {"agilab": __version__, "hosts": [host]}


def replay(flow: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """How to run it again: the script, where there is one, or the call in words."""
    script = getattr(sys.modules.get("__main__"), "__file__", None)
    arguments = ", ".join(f"{name}={value!r}" for name, value in given.items())
    call = f"Flow({flow!r}).run({arguments})"
    command = f"python {os.path.basename(script)}" if script else f"# in its notebook: {call}"
    return {"command": command, "needs": [f"the script or notebook that declares flow {flow}"]}
