"""Other processes that own a run or have the workspace open, as a prune meets them."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

OWN = (
    "import sys; from pathlib import Path; from agilab.store.locks import RunLock\n"
    "with RunLock(Path(sys.argv[1])): print('mine', flush=True); sys.stdin.read()"
)
"""Owns the run whose folder it is told, until it is killed."""
OPEN = (
    "import sys; from pathlib import Path; from agilab.store.store import Store\n"
    "from agilab.store.workspace import Workspace\n"
    "with Store(Workspace(Path(sys.argv[1])), readonly=len(sys.argv) > 2):\n"
    "    print('here', flush=True); sys.stdin.read()"
)
"""Has the workspace open; for reading only, if it is told anything more."""


@contextmanager
def another(code: str, *arguments: object) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has begun what it does, and is killed in the end."""
    words = [sys.executable, "-c", code, *map(str, arguments)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout
        process.stdout.readline()
        try:
            yield process
        finally:
            process.kill()
