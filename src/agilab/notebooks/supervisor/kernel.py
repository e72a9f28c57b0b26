"""The kernel and other tools' metadata of a lab's notebook, which Jupyter writes anew whenever it runs it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agilab.notebooks.document.languages import kernel_of

KEY = "agilab"
"""The key of our metadata, in the notebook's and in each cell's; other tools' keys are theirs."""
PLAIN_METADATA: dict[str, Any] = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
"""The kernel of a lab's notebook, whatever its stages are written in: it hands its cells to the lab."""


def is_other_kernel(metadata: Mapping[str, Any]) -> bool:
    """Whether the kernel that metadata names is another than Python's under its usual name, which every Jupyter has."""
    kernel = kernel_of(metadata, {})
    return kernel.name not in ("", "python3") or kernel.language not in ("", "python")


def theirs_of(metadata: Mapping[str, Any], about: Mapping[str, Any]) -> dict[str, Any]:
    """What other tools wrote, and the kernel that the lab's own notebook had, unless somebody chose another.

    `about` is our part of the metadata. What Jupyter writes by itself when it runs a notebook is none of it: which
    Python it was, the state of widgets.
    """
    known = about.get("kept") or []
    kernel = about.get("kernel")
    chosen = is_other_kernel(metadata)
    aside = kernel if isinstance(kernel, Mapping) and not chosen else {}

    def is_own(name: str, value: Any) -> bool:
        if name in PLAIN_METADATA:
            return not aside and (name in known or (chosen and PLAIN_METADATA[name] != value))
        return name in known or name not in (KEY, "jupytext", "widgets")

    return {**aside, **{name: value for name, value in metadata.items() if is_own(name, value)}}
