"""Which language a notebook, and each of its cells, is written in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Kernel:
    """What a notebook says of its kernel; "" where it says nothing."""

    language: str = ""
    version: str = ""
    name: str = ""
    title: str = ""


_BY_KERNEL = {
    "python": "python", "xpython": "python", "xeus-python": "python", "ipykernel": "python", "conda-env": "python",
    "pyodide": "python", "pyspark": "python", "conda-root-py": "python", "ir": "r",
    "irkernel": "r", "xr": "r", "julia": "julia",
    "bash": "bash", "scala": "scala", "almond": "scala", "sql": "sql", "sagemath": "sage", "octave": "octave",
    "matlab": "matlab", "javascript": "javascript", "tslab": "typescript", "deno": "typescript", "rust": "rust",
    "gophernotes": "go", "cpp": "c++", "xcpp": "c++", ".net-csharp": "c#", ".net-fsharp": "f#",
    ".net-powershell": "powershell", "stata": "stata", "sas": "sas", "ruby": "ruby", "perl": "perl",
}  # fmt: skip
"""Beginnings of kernelspec names, where the notebook does not name the language itself."""

_SAME = {
    "ipython": "python", "python3": "python", "python2": "python", "ipython3": "python", "ipython2": "python",
    "py": "python", "xpython": "python", "sh": "bash", "shell": "bash", "sagemath": "sage", "js": "javascript",
    "csharp": "c#", "fsharp": "f#", "cpp": "c++",
}  # fmt: skip


def kernel_of(metadata: Mapping[str, Any], notebook: Mapping[str, Any]) -> Kernel:
    """The kernel by `language_info`, else by the kernelspec, else (nbformat 3) by what the code cells say."""
    spec, info = _object(metadata.get("kernelspec")), _object(metadata.get("language_info"))
    name, title = _word(spec.get("name")), _word(spec.get("display_name"))
    language = (
        _word(info.get("name"))
        or _word(spec.get("language"))
        or _by_name(name)
        or _by_name(_word(metadata.get("language")))
        or _word(metadata.get("language"))
        or _by_jupytext(metadata)
        or _by_cells(notebook)
    )
    version = _word(info.get("version"))
    if not version and name in ("python2", "python3"):
        version = name[-1]
    return Kernel(plain_name(language), version, name, title)


def plain_name(language: str) -> str:
    """One word per language, lower case: "IPython" and "python3" are "python"."""
    lower = language.strip().lower()
    return _SAME.get(lower, lower)


_SHOWN = {
    "c#": "C#", "c++": "C++", "f#": "F#", "gnuplot": "gnuplot", "idl": "IDL", "javascript": "JavaScript",
    "matlab": "MATLAB", "ocaml": "OCaml", "powershell": "PowerShell", "r": "R", "robotframework": "Robot Framework",
    "sas": "SAS", "sos": "SoS", "sql": "SQL", "typescript": "TypeScript",
}  # fmt: skip
_LOWER = frozenset({"bash", "zsh", "sh"})


def shown(language: str) -> str:
    """A language as people write it.

    >>> shown("r"), shown("julia"), shown("bash"), shown("")
    ('R', 'Julia', 'bash', '')
    """
    return _SHOWN.get(language, language if language in _LOWER else language[:1].upper() + language[1:])


def language_of_cell(raw: Mapping[str, Any], metadata: Mapping[str, Any], kernel: Kernel) -> str:
    """The language of one code cell: polyglot editors and nbformat 3 say it cell by cell."""
    vscode, polyglot = _object(metadata.get("vscode")), _object(metadata.get("polyglot_notebook"))
    own = (
        _word(vscode.get("languageId"))
        or _word(polyglot.get("kernelName"))
        or _word(_object(metadata.get("dotnet_interactive")).get("language"))
        or _by_name(_word(metadata.get("kernel")))
    )
    if own:
        return plain_name(own)
    return kernel.language or plain_name(_word(raw.get("language")))


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _word(value: Any) -> str:
    return value[:80] if isinstance(value, str) else ""


def _by_name(kernel: str) -> str:
    lower = kernel.lower()
    if lower in ("r", "sos"):
        return lower
    return next((language for name, language in _BY_KERNEL.items() if lower.startswith(name)), "")


def _by_jupytext(metadata: Mapping[str, Any]) -> str:
    return _word(_object(metadata.get("jupytext")).get("main_language"))


def _by_cells(notebook: Mapping[str, Any]) -> str:
    sheets = notebook.get("worksheets")
    cells = notebook.get("cells")
    if isinstance(sheets, list) and sheets:
        cells = _object(sheets[0]).get("cells")
    words = [_word(_object(cell).get("language")) for cell in cells] if isinstance(cells, list) else []
    return next((word for word in words if word), "")
