"""Outputs as expectations: kind, MIME types, the beginning of the text, size and digest of the whole.

A large output is condensed the moment its JSON object ends, so that fifty megabytes of pictures are held once.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from agilab.notebooks.document.cells import Cell, Output, OutputPart

TEXT_LIMIT = 2000
"""Characters kept of a text."""

EXPECTED = 200
"""Characters of an expected output that a report repeats."""

CONDENSE = 64 * 1024
"""Characters from which on an output is condensed while the file is still being read."""

_KINDS = {"pyout": "execute_result", "pyerr": "error"}
_SHORT_MIME = {
    "text": "text/plain", "html": "text/html", "svg": "image/svg+xml", "png": "image/png", "jpeg": "image/jpeg",
    "latex": "text/latex", "json": "application/json", "javascript": "application/javascript",
    "pdf": "application/pdf",
}  # fmt: skip
"""nbformat 3 wrote data as keys of the output itself."""


def condensed(value: dict[str, Any]) -> Any:
    """An output object that is large, as an `Output`; anything else as it is."""
    if isinstance(value.get("output_type"), str) and _length(value, CONDENSE) >= CONDENSE:
        return output(value)
    return value


def _length(value: Any, enough: int) -> int:
    """Characters of the strings in a JSON value, counted until there are enough."""
    total, todo = 0, [value]
    while todo and total < enough:
        item = todo.pop()
        if isinstance(item, str):
            total += len(item)
        elif isinstance(item, list):
            todo.extend(item)
        elif isinstance(item, dict):
            todo.extend(item.values())
    return total


def output(value: Mapping[str, Any]) -> Output:
    """One output of nbformat 2 to 4; keys that are missing or odd are taken for absent."""
    kind = str(value.get("output_type", ""))
    kind = _KINDS.get(kind, kind)
    count = value.get("execution_count", value.get("prompt_number"))
    metadata = value.get("metadata")
    return Output(
        kind,
        _name(kind, value),
        count if isinstance(count, int) and not isinstance(count, bool) else None,
        tuple(sorted(_parts(kind, value), key=lambda part: part.mime)),
        metadata if isinstance(metadata, dict) else {},
    )


def _name(kind: str, value: Mapping[str, Any]) -> str:
    if kind == "stream":
        name = value.get("name", value.get("stream", "stdout"))
        return name if isinstance(name, str) else "stdout"
    if kind == "error":
        return str(value.get("ename", "")) if isinstance(value.get("ename", ""), str) else ""
    return ""


def join_old_lines(lines: list[str]) -> str:
    """Lines of nbformat 2 and 3, which wrote them with or without their line ends."""
    return ("" if lines and lines[0].endswith(("\n", "\r")) else "\n").join(lines)


def _parts(kind: str, value: Mapping[str, Any]) -> list[OutputPart]:
    if kind == "stream":
        return [
            _part("text/plain", _old(value.get("text", "")) if "stream" in value else value.get("text", ""))
        ]
    if kind == "error":
        return [_part("text/plain", _error_text(value))]
    data = value.get("data")
    if not isinstance(data, dict):
        data = {_SHORT_MIME[key]: _old(item) for key, item in value.items() if key in _SHORT_MIME}
    return [_part(str(mime), item) for mime, item in data.items()]


def _old(value: Any) -> Any:
    """A text of nbformat 3, whose lines may lack their ends; anything else as it is."""
    return (
        join_old_lines(value) if isinstance(value, list) and all(isinstance(x, str) for x in value) else value
    )


def _error_text(value: Mapping[str, Any]) -> str:
    """ "ValueError: text": what stays the same when the traceback's line numbers and colours do not."""
    return f"{value.get('ename', '')}: {value.get('evalue', '')}"


def _part(mime: str, value: Any) -> OutputPart:
    """One representation; text is hashed a megabyte at a time, never copied as a whole."""
    if not isinstance(value, str) and not (
        isinstance(value, list) and all(isinstance(x, str) for x in value)
    ):
        value = _plain(value)
    pieces = [value] if isinstance(value, str) else value
    digest, size = hashlib.sha256(), 0
    for piece in pieces:
        for start in range(0, len(piece), 2**20):
            raw = piece[start : start + 2**20].encode("utf-8", "surrogatepass")
            digest.update(raw)
            size += len(raw)
    return OutputPart(mime, size, digest.hexdigest(), _beginning(pieces) if _is_text(mime) else "")


def _plain(value: Any) -> str:
    try:
        return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"), default=str)
    except RecursionError:
        return ""


def _is_text(mime: str) -> bool:
    return mime.startswith("text/") or mime.endswith(("json", "javascript"))


def _beginning(pieces: list[str]) -> str:
    text, length = [], 0
    for piece in pieces:
        if length >= TEXT_LIMIT:
            break
        text.append(piece[: TEXT_LIMIT - length])
        length += len(text[-1])
    return "".join(text)


def expected_of(cell: Cell) -> Iterator[dict[str, Any]]:
    """What a cell showed when it was last run, as plain data: one for each representation."""
    for one in cell.outputs:
        for part in one.parts:
            yield {
                "cell": cell.index,
                "kind": one.kind,
                "mime": part.mime,
                "size": part.size,
                "digest": part.digest,
                "text": part.text[:EXPECTED],
            }
