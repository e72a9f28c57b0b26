"""Where output goes: descriptors 1 and 2 follow the unit that runs, for Python, C code and children alike."""

from __future__ import annotations

import contextlib
import faulthandler
import io
import os
import sys
from collections.abc import Callable
from pathlib import Path


class Console:
    """Points standard output and standard error at log files, byte for byte.

    Between units they append to the worker's own log. Descriptors are switched, not `sys.stdout`, so whatever
    writes is caught; what Python and C hold in buffers is flushed before each switch, so that it lands where it
    was meant.
    """

    def __init__(self, log: Path | str) -> None:
        self._own = _append(log)
        self._unit: int | None = None
        self._unit_path = ""
        self._flush_c = _c_flush()
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        self._point_at(self._own)
        self._out = _text(1, "surrogateescape")
        self._error = _text(2, "backslashreplace")
        self._claim()
        # The stacks of a segfault go to descriptor 2, which by then is the unit's log.
        faulthandler.enable(file=self._error)

    def enter(self, log: str) -> int:
        """Send output to a unit's log from here on; returns the file's length. Raises OSError."""
        if self._unit is None or log != self._unit_path:
            opened = _append(log)
            if self._unit is not None:
                os.close(self._unit)
            self._unit, self._unit_path = opened, log
        self.flush()
        self._point_at(self._unit)
        return os.fstat(self._unit).st_size

    def leave(self) -> int:
        """Send output to the worker's log again; returns the length that the unit's log has now."""
        self.flush()
        self._point_at(self._own)
        # The author may have replaced or closed the streams; the next unit gets whole ones.
        if self._out.closed or self._error.closed:
            self._out, self._error = _text(1, "surrogateescape"), _text(2, "backslashreplace")
        self._claim()
        return os.fstat(self._unit).st_size if self._unit is not None else 0

    def flush(self) -> None:
        """Write out what Python and C hold back. A full disk is not worth a unit."""
        for stream in (sys.stdout, sys.stderr, self._out, self._error):
            with contextlib.suppress(OSError, ValueError, AttributeError):
                stream.flush()
        self._flush_c()

    def _claim(self) -> None:
        sys.stdout = sys.__stdout__ = self._out  # type: ignore[misc]
        sys.stderr = sys.__stderr__ = self._error  # type: ignore[misc]

    @staticmethod
    def _point_at(descriptor: int) -> None:
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)


def _append(path: Path | str) -> int:
    flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)
    try:
        return os.open(path, flags, 0o644)
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return os.open(path, flags, 0o644)


def _text(descriptor: int, errors: str) -> io.TextIOWrapper:
    raw = io.FileIO(descriptor, "w", closefd=False)
    # Line by line: the last lines before a crash are the ones that explain it.
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding="utf-8", errors=errors, newline="\n", line_buffering=True
    )


def _c_flush() -> Callable[[], object]:
    """The C library's `fflush(NULL)`: printf into a file is held back until its buffer is full."""
    try:
        import ctypes

        library = ctypes.CDLL(None)
        return lambda: library.fflush(None)
    except (ImportError, OSError, AttributeError, TypeError):
        return lambda: None
