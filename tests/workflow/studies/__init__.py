"""Notebooks of many shapes, as people write them, that are run as notebooks and as stages.

Each is text in cells: `# %%` begins code, `# %% tags=parameters` code with tags, `# %% [markdown]` text.
`pyproject.toml` and `uv.lock` beside this file are the one environment for all of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.notebooks.building import code, markdown, notebook

ENVIRONMENT = Path(__file__).parent
_CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)


@dataclass(frozen=True)
class Study:
    """A notebook, or several that exchange files.

    Attributes:
        name: In a word or two, what its shape is.
        books: The text of each notebook, by file name.
        files: What lies beside them.
        shows: What its last cell is worth, as text: what one gets with pencil and paper, or knows of the library.
        whole: Why it must stay in one stage even where each cell is to be one of its own; empty where it need not.
        vague: Final values that cannot be compared, each with a word of why.
    """

    name: str
    books: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)
    shows: str = ""
    whole: str = ""
    vague: Mapping[str, str] = field(default_factory=dict)

    def write(self, folder: Path) -> list[Path]:
        """The notebooks and their files in a folder; returns the notebooks."""
        for name, text in self.files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(text, encoding="utf-8")
        paths = []
        for name, text in self.books.items():
            paths.append(folder / name)
            paths[-1].write_bytes(book(text))
        return paths


def study(name: str, text: str, **about: Any) -> Study:
    """A study of one notebook."""
    return Study(name, {f"{name.replace(' ', '_')}.ipynb": text}, **about)


def book(text: str, **metadata: Any) -> bytes:
    """A notebook as bytes, out of text in cells."""
    marks = list(_CELL.finditer(text))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    cells = []
    for mark, end in zip(marks, ends, strict=True):
        source, said = text[mark.end() : end].strip("\n"), mark.group(1).strip()
        made = markdown(source) if said == "[markdown]" else code(source)
        if said.startswith("tags="):
            made["metadata"] = {"tags": said.removeprefix("tags=").split(",")}
        cells.append({**made, "id": f"cell-{len(cells)}"})
    whole: dict[str, Any] = json.loads(notebook(*cells, minor=5))
    whole["metadata"] |= metadata
    return json.dumps(whole, indent=1).encode()
