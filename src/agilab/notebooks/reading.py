"""`read`: any file that people call a notebook, without executing a line of it and without a traceback.

    notebook = read("study.ipynb")
    notebook.cells, notebook.findings

What is no notebook gives a `Notebook` without cells, whose findings say what it is instead.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from dataclasses import replace
from pathlib import Path

from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.document.decoding import decode
from agilab.notebooks.document.outputs import condensed
from agilab.notebooks.document.structure import notebook_of
from agilab.notebooks.findings import Finding
from agilab.notebooks.python.conflicts import with_conflicts
from agilab.notebooks.rules import found

LIMIT = 2**30
"""Bytes beyond which a file is not read."""

TEXT_SUFFIXES = frozenset({".py", ".md", ".markdown", ".rmd", ".qmd", ".r", ".jl"})
"""What jupytext reads; every other name is taken for .ipynb."""


def read(source: str | os.PathLike[str] | bytes, *, name: str = "", limit: int = LIMIT) -> Notebook:
    """Read a notebook.

    Args:
        source: A path, or the bytes themselves.
        name: What to call it in findings; else the file's own name.
        limit: Bytes beyond which nothing is read.

    Returns:
        The notebook. Nothing is raised for what a file may be or hold: see its `findings` and `whole`.

    >>> read(b'{"nbformat": 4, "cells": [{"cell_type": "code", "source": "x = 1", "metadata": {}}]}').cells[0].source
    'x = 1'
    >>> [finding.code for finding in read(b"<html>").findings]
    ['NB-006']
    """
    if isinstance(source, bytes):
        if len(source) > limit:
            return _refused(name, _too_large(len(source), limit))
        return _from_bytes(bytearray(source), name)
    path = Path(source)
    name = name or path.name
    data = bytes_of(path, limit)
    if isinstance(data, Finding):
        return _refused(name, data)
    return _from_bytes(data, name)


def _refused(name: str, finding: Finding) -> Notebook:
    return Notebook(name, whole=False, findings=(finding,))


def bytes_of(path: Path, limit: int = LIMIT) -> bytearray | Finding:
    """The bytes of a file, or what keeps them from being read. Nothing is waited for, nothing raised."""
    try:
        return _bytes_of(path, limit)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        return _why(error)


def _bytes_of(path: Path, limit: int) -> bytearray | Finding:
    """The bytes of a regular file. Opened without waiting, and looked at through the handle: a pipe would block."""
    handle = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0))
    with open(handle, "rb", buffering=0) as file:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            return found("NB-002", f"it is {_kind(state.st_mode)}, not a file")
        if state.st_size > limit:
            return _too_large(state.st_size, limit)
        data = bytearray(state.st_size)
        view, filled = memoryview(data), 0
        while filled < len(data):
            count = file.readinto(view[filled:])
            if not count:
                break
            filled += count
        view.release()
        del data[filled:]
        return data


def _too_large(size: int, limit: int) -> Finding:
    return found("NB-004", f"the file has {size / 2**20:,.0f} MiB; up to {limit / 2**20:,.0f} MiB are read")


def _kind(mode: int) -> str:
    kinds = ((stat.S_ISDIR, "a folder"), (stat.S_ISFIFO, "a pipe"), (stat.S_ISSOCK, "a socket"))
    return next((name for test, name in kinds if test(mode)), "a device")


def _why(error: OSError | ValueError) -> Finding:
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return found("NB-001", "there is no such file")
    if isinstance(error, IsADirectoryError):
        return found("NB-002", "it is a folder, not a file")
    reason = error.strerror if isinstance(error, OSError) else str(error)
    return found("NB-003", f"the file cannot be opened: {reason or type(error).__name__}")


def _from_bytes(data: bytearray, name: str) -> Notebook:
    digest, size = hashlib.sha256(data).hexdigest(), len(data)
    if Path(name).suffix.lower() in TEXT_SUFFIXES:
        from agilab.notebooks.document.texts import read_text

        notebook = read_text(data, name)
    else:
        notebook = notebook_of(decode(data, condensed), name)
    return replace(with_conflicts(_with_whole_letters(notebook)), digest=digest, size=size)


_HALF = re.compile("[\ud800-\udfff]")


def _with_whole_letters(notebook: Notebook) -> Notebook:
    """Half a character, as a JSON escape can say it, as “�”: no file in UTF-8 can hold it."""
    wounded = [cell for cell in notebook.cells if not cell.source.isascii() and _HALF.search(cell.source)]
    if not wounded:
        return notebook
    mended = {cell.index: replace(cell, source=_HALF.sub("\ufffd", cell.source)) for cell in wounded}
    said = [
        found(
            "NB-033", "half a character reads as “\ufffd”", cell=cell.index, line=_line_of_half(cell.source)
        )
        for cell in wounded
    ]
    return replace(
        notebook,
        cells=tuple(mended.get(cell.index, cell) for cell in notebook.cells),
        findings=(*notebook.findings, *said),
    )


def _line_of_half(text: str) -> int:
    match = _HALF.search(text)
    return text.count("\n", 0, match.start() if match else 0) + 1
