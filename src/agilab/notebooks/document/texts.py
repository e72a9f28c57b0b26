"""Notebooks as text (`# %%` scripts, Markdown, …): read by jupytext, which this room does not try to be."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any

from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.document.decoding import Decoded, decode_text
from agilab.notebooks.document.structure import notebook_of
from agilab.notebooks.rules import found

_CALLED = {".rmd": "Rmd"}
"""What jupytext calls a suffix, where that is not its small letters."""
_LANGUAGES = {".py": "python", ".r": "r", ".rmd": "r", ".jl": "julia"}


def read_text(data: bytearray, name: str) -> Notebook:
    """A notebook from one of jupytext's formats; findings NB-015 and NB-016 where that fails."""
    decoded = Decoded()
    text = decode_text(data, decoded)
    if text is None:
        return Notebook(name, whole=False, findings=tuple(decoded.findings))
    try:
        jupytext: Any = importlib.import_module("jupytext")  # a second: only for who has such files
    except ImportError:
        return Notebook(
            name,
            whole=False,
            findings=(
                *decoded.findings,
                found(
                    "NB-015", "it is a text notebook, and jupytext, which reads those, is not installed here"
                ),
            ),
        )
    suffix = Path(name).suffix.lower()
    try:
        decoded.value = dict(jupytext.reads(text, fmt=_CALLED.get(suffix, suffix[1:])))
    except Exception as error:  # whatever somebody's text does to a reader that is not ours
        sentence = f"jupytext could not read it: {type(error).__name__}: {error}"
        return Notebook(name, whole=False, findings=(*decoded.findings, found("NB-016", sentence)))
    for cell in decoded.value["cells"]:
        cell.pop("id", None)  # jupytext makes one up, another one each time
    metadata = decoded.value["metadata"]
    kind = metadata.get("jupytext", {}).get("text_representation", {}).get("format_name") or "plain"
    if "kernelspec" not in metadata and suffix in _LANGUAGES:
        metadata.setdefault("jupytext", {}).setdefault("main_language", _LANGUAGES[suffix])
    return replace(notebook_of(decoded, name), format=f"jupytext {suffix[1:]}:{kind}", format_version=None)
