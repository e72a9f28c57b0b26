"""A notebook's cells, read once more and independently of the importer: what a report holds the import against."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_bytes


@dataclass(frozen=True)
class RawCell:
    """A cell as the JSON of a notebook (nbformat 3 or 4) has it.

    Attributes:
        outputs: For each text that it showed on a stream or as `text/plain` the SHA-256 of it.
        parts: How many representations its outputs have.
    """

    index: int
    kind: str
    source: str
    count: int | None
    tags: tuple[str, ...]
    outputs: tuple[str, ...]
    parts: int


@dataclass(frozen=True)
class Raw:
    """A notebook as JSON."""

    cells: tuple[RawCell, ...]
    metadata: dict[str, Any]


def raw_cells(path: Path) -> Raw | None:
    """The cells of a `.ipynb`, or of a `.py` in percent format; None where the file is neither, or broken."""
    if not path.is_file():  # a pipe would be waited for
        return None
    if path.suffix == ".py":
        return _percent(path)
    try:
        book = json.loads(path.read_bytes())
        cells = (
            book["cells"] if "cells" in book else [c for sheet in book["worksheets"] for c in sheet["cells"]]
        )
        return Raw(
            tuple(_cell(number, cell) for number, cell in enumerate(cells)), dict(book.get("metadata", {}))
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


def _percent(path: Path) -> Raw | None:
    """A text notebook: `# %%` begins a cell, `[markdown]` behind it one whose lines are comments."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    if text.startswith("# ---\n"):
        text = text.partition("\n# ---\n")[2]
    marks = list(re.finditer(r"^# ?%%(.*)$", text, re.MULTILINE))
    if not marks:
        return None
    cells = [("", text[: marks[0].start()])] if text[: marks[0].start()].strip() else []
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    cells += [(mark[1], text[mark.end() : end].strip("\n")) for mark, end in zip(marks, ends, strict=True)]
    found = []
    for index, (head, source) in enumerate(cells):
        kind = next((word for word in ("markdown", "raw") if f"[{word}]" in head), "code")
        if kind != "code":
            source = "\n".join(line.removeprefix("#").removeprefix(" ") for line in source.splitlines())
        tags = re.search(r"tags=(\[[^\]]*\])", head)
        found.append(RawCell(index, kind, source, None, tuple(json.loads(tags[1])) if tags else (), (), 0))
    return Raw(tuple(found), {})


def _cell(index: int, cell: dict[str, Any]) -> RawCell:
    source = _text(cell.get("source", cell.get("input", "")))
    digests, parts = [], 0
    for output in cell.get("outputs", ()):
        shown = _shown(output)
        parts += len(shown)
        digests += [_digest(_text(shown["text"]))] if "text" in shown else []
    count = cell.get("execution_count", cell.get("prompt_number"))
    tags = tuple(map(str, cell.get("metadata", {}).get("tags", ())))
    kind = str(cell["cell_type"])
    return RawCell(
        index, kind, source, count if isinstance(count, int) else None, tags, tuple(digests), parts
    )


def _shown(output: dict[str, Any]) -> dict[str, Any]:
    """The representations of an output; the text among them, where it is the whole of it, as `text`."""
    if output["output_type"] in ("error", "pyerr"):
        return {"traceback": ""}
    if "data" in output:
        return {"text" if mime == "text/plain" else mime: value for mime, value in output["data"].items()}
    beside = ("output_type", "stream", "name", "metadata", "prompt_number")  # nbformat 3 has no `data`
    return {key: value for key, value in output.items() if key not in beside}


def _text(given: Any) -> str:
    return "".join(given) if isinstance(given, list) else str(given)


def _digest(text: str) -> str:
    return sha256_bytes(text.encode("utf-8", "surrogatepass"))
