"""An import of notebooks in a process of its own, which is watched while it reads them.

    python -m agilab.workflow.reports.watching FILE…

prints `{"import": …, "watched": {…}}`: the `agilab.notebook_import.v2` document, and what the process did meanwhile
that reading does not need. Python itself tells it (audit events, PEP 578), so nobody has to promise anything.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

KINDS = ("executed", "written", "processes", "connections")
_PROCESSES = (
    "subprocess.Popen",
    "os.system",
    "os.fork",
    "os.forkpty",
    "os.exec",
    "os.spawn",
    "os.posix_spawn",
)
_CONNECTIONS = ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo", "urllib.Request")
_CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.truncate",
    "os.link",
    "os.symlink",
    "shutil.rmtree",
)
_GENERATING = (
    "dataclasses.py",
    "enum.py",
    "functools.py",
    "typing.py",
    os.path.join("collections", "__init__.py"),
)
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_MOST = 20


def watched_import(files: Sequence[Path]) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """The document of an import, and what was seen of each of `KINDS`, most of it in words.

    Raises RuntimeError where the process did not come to its end.
    """
    words = [sys.executable, "-m", __name__, *map(str, files)]
    # With bytecode written, importing our own modules would be a file that was written.
    environ = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(words, capture_output=True, env=environ, check=False)
    if done.returncode != 0:
        raise RuntimeError(
            done.stderr.decode("utf-8", "replace").strip()[-600:] or f"ended with {done.returncode}"
        )
    told = json.loads(done.stdout)
    return told["import"], told["watched"]


class Watch:
    """Notes what this process does from `begin` on.

    Responsible for: code that is run and does not belong to Python, AGILab or its libraries; files opened to write,
    changed or removed; processes; connections. Not responsible for: preventing any of it.
    """

    def __init__(self) -> None:
        self.seen: dict[str, list[str]] = {kind: [] for kind in KINDS}
        self._watching = False
        self._ours = _installed()
        sys.addaudithook(self._told)

    def begin(self) -> None:
        self._watching = True

    def end(self) -> None:
        """Stop noting; a hook cannot be taken away again."""
        self._watching = False

    def _told(self, event: str, arguments: tuple[Any, ...]) -> None:
        if not self._watching:
            return
        if event == "exec":
            self._executed(arguments[0])
        elif event == "open":
            path, mode, flags = arguments
            if (isinstance(mode, str) and set(mode) & set("wax+")) or (
                isinstance(flags, int) and flags & _WRITING
            ):
                self._note("written", str(path))
        elif event in _CHANGES:
            self._note("written", f"{event} {arguments[0]}")
        elif event in _PROCESSES:
            self._note("processes", f"{event} {arguments[0] if arguments else ''}")
        elif event in _CONNECTIONS:
            self._note("connections", event)

    def _executed(self, code: object) -> None:
        if not isinstance(code, CodeType) or code.co_filename.startswith(("<frozen ", *self._ours)):
            return
        caller: FrameType | None = sys._getframe(2)
        file = caller.f_code.co_filename if caller else ""
        if not (
            file.startswith(self._ours) and file.endswith(_GENERATING)
        ):  # a dataclass makes its methods of text
            self._note("executed", code.co_filename)

    def _note(self, kind: str, what: str) -> None:
        if len(self.seen[kind]) < _MOST:
            self.seen[kind].append(what[:200])


def _installed() -> tuple[str, ...]:
    """Folders of Python, of AGILab and of what they need."""
    import agi_node
    import agilab

    paths = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    paths |= {str(Path(str(module.__file__)).parent) for module in (agilab, agi_node)}
    return tuple(os.path.join(path, "") for path in paths)


def _load_jupytext() -> None:
    """What a library does when it is first used (jupytext asks for pandoc's version) is none of a notebook's doing."""
    try:
        importlib.import_module("jupytext").reads("# %%\n1", fmt="py:percent")
    except ImportError:
        return  # the import says so


def main(files: Sequence[str]) -> None:
    """Import the files, watched, and print what came of it."""
    from agilab.workflow.notebooks.preview import preview_import

    if any(not file.endswith(".ipynb") for file in files):
        _load_jupytext()
    watch = Watch()
    watch.begin()
    preview = preview_import([Path(file) for file in files])
    watch.end()
    print(json.dumps({"import": preview.report.plain(), "watched": watch.seen}))


if __name__ == "__main__":
    main(sys.argv[1:])
