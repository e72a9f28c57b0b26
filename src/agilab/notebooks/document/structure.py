"""From a JSON value to a `Notebook`: nbformat 1 to 4.5, with keys missing, odd or of another version."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agilab.notebooks.document.cells import Cell, CellKind, Notebook, Output
from agilab.notebooks.document.decoding import NOTHING, Decoded
from agilab.notebooks.document.languages import Kernel, kernel_of, language_of_cell
from agilab.notebooks.document.outputs import join_old_lines, output
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found

_ID = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_LARGEST_COUNT = 2**53 - 1


@dataclass
class _Structure:
    """A notebook while it is put together."""

    major: int
    repeated: Mapping[int, list[str]]
    kernel: Kernel
    findings: list[Finding] = field(default_factory=list)
    ids: set[str] = field(default_factory=set)
    derived: Counter[str] = field(default_factory=Counter)

    def say(self, code: str, what: str, cell: int | None = None) -> None:
        self.findings.append(found(code, what, cell=cell))


def notebook_of(decoded: Decoded, name: str) -> Notebook:
    """The notebook that a JSON value is; without cells and with NB-013 if it is none."""
    value = decoded.value
    if value is NOTHING:
        return Notebook(name, whole=False, findings=tuple(decoded.findings))
    why_not = _why_no_notebook(value)
    if why_not:
        return Notebook(name, whole=False, findings=(*decoded.findings, found("NB-013", why_not)))
    metadata = value.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    structure = _Structure(4, decoded.repeated, kernel_of(metadata, value))
    structure.findings.extend(decoded.findings)
    version = _version(value, structure)
    structure.major = version[0]
    for key in _repeated_outside_cells(value, decoded.repeated):
        structure.say("NB-022", f"the notebook has the key “{key}” twice")
    cells = tuple(_cells(value, structure))
    if not cells:
        structure.say("NB-035", "the notebook has no cells")
    elif not any(cell.kind != "raw" and cell.source.strip() for cell in cells):
        structure.say("NB-035", "no cell of the notebook has code or text in it")
    return Notebook(
        name,
        cells,
        f"nbformat {version[0]}.{version[1]}",
        version,
        structure.kernel.language,
        structure.kernel.version,
        structure.kernel.name,
        structure.kernel.title,
        metadata,
        whole=decoded.whole,
        findings=tuple(structure.findings),
    )


def _why_no_notebook(value: Any) -> str:
    """Why a JSON value is no notebook, as a sentence; "" if it is one."""
    if not isinstance(value, dict):
        return f"the file is JSON, but {_a(value)} instead of a notebook"
    if "paragraphs" in value:
        return "the file is a Zeppelin note, not a Jupyter notebook"
    listed = ("cells", "worksheets")
    if any(isinstance(value.get(key), list) for key in listed):
        return ""
    if odd := next((key for key in listed if key in value), ""):
        return f"the file is JSON, but its “{odd}” are {_a(value[odd])}, not a list"
    if "nbformat" not in value:
        keys = ", ".join(sorted(value)[:5]) or "none at all"
        return f"the file is JSON without cells or nbformat (its keys: {keys})"
    return ""


def _a(value: Any) -> str:
    names = {list: "a list", str: "a string", dict: "an object", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


def _repeated_outside_cells(value: dict[str, Any], repeated: Mapping[int, list[str]]) -> list[str]:
    parts = (value, value.get("metadata"))
    return sorted({key for part in parts for key in repeated.get(id(part), ())})


def _version(value: dict[str, Any], structure: _Structure) -> tuple[int, int]:
    """(major, minor) as the file says or, where it does not, as its shape says."""
    major, minor = (_whole(value.get(key)) for key in ("nbformat", "nbformat_minor"))
    if major is None:
        major = 3 if "worksheets" in value else 4
        structure.say("NB-027", f"nbformat is {_shown(value, 'nbformat')}; by its shape it is {major}")
    elif not 1 <= major <= 4:
        structure.say("NB-026", f"nbformat {major} is unknown; it was read as 4")
    elif major == 4 and (minor or 0) > 5:
        structure.say("NB-026", f"nbformat 4.{minor} is newer than 4.5; what it adds was not read")
    elif major < 4:
        structure.say("NB-028", f"nbformat {major} was translated to the words of nbformat 4")
    return major, minor or 0


def _shown(value: dict[str, Any], key: str) -> str:
    return f"{value[key]!r}"[:40] if key in value else "missing"


def _whole(value: Any) -> int | None:
    if isinstance(value, str) and value.isdecimal() and len(value) < 5:
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 10_000 else None


def _cells(value: dict[str, Any], structure: _Structure) -> list[Cell]:
    raw = _raw_cells(value, structure)
    cells = []
    for index, item in enumerate(raw):
        if isinstance(item, dict):
            cells.append(_cell(index, item, structure))
        else:
            structure.say("NB-029", f"cell {index} is {_a(item)}, not an object", index)
    return cells


def _raw_cells(value: dict[str, Any], structure: _Structure) -> list[Any]:
    if isinstance(value.get("cells"), list):
        cells: list[Any] = value["cells"]
        return cells
    sheets = value.get("worksheets")
    if not isinstance(sheets, list):
        return []
    lists = [
        sheet["cells"] for sheet in sheets if isinstance(sheet, dict) and isinstance(sheet.get("cells"), list)
    ]
    if len(lists) > 1:
        structure.say("NB-034", f"{len(lists)} worksheets were joined")
    return [cell for cells in lists for cell in cells]


def _cell(index: int, raw: dict[str, Any], structure: _Structure) -> Cell:
    for key in structure.repeated.get(id(raw), ()):
        structure.say("NB-022", f"cell {index} has the key “{key}” twice", index)
    metadata = raw.get("metadata")
    if not isinstance(metadata, dict):
        metadata = {}
        if structure.major >= 4:
            structure.say(
                "NB-030", f"cell {index} has {'odd' if 'metadata' in raw else 'no'} metadata", index
            )
    kind = _kind(index, raw, structure)
    source = _source(index, raw, structure)
    if raw.get("cell_type") == "heading":
        source = "#" * min(max(_whole(raw.get("level")) or 1, 1), 6) + " " + source
    identity, derived = _identity(index, raw, kind, source, structure)
    attachments = raw.get("attachments")
    tags = metadata.get("tags")
    return Cell(
        index,
        identity,
        kind,
        source,
        language_of_cell(raw, metadata, structure.kernel) if kind == "code" else "",
        derived,
        _count(index, raw, structure) if kind == "code" else None,
        tuple(tag for tag in tags if isinstance(tag, str)) if isinstance(tags, list) else (),
        metadata,
        _outputs(index, raw, structure) if kind == "code" else (),
        attachments if isinstance(attachments, dict) else {},
    )


_KINDS: dict[Any, CellKind] = {
    "code": "code", "markdown": "markdown", "raw": "raw",
    "heading": "markdown", "text": "markdown", "html": "markdown", "rst": "raw", "plaintext": "raw",
}  # fmt: skip


def _kind(index: int, raw: dict[str, Any], structure: _Structure) -> CellKind:
    word = raw.get("cell_type")
    kind = _KINDS.get(word) if isinstance(word, str) else None
    if kind is None:
        structure.say("NB-030", f"cell {index} is of no known type: {_shown(raw, 'cell_type')}", index)
        return "code" if "outputs" in raw or "input" in raw else "raw"
    return kind


def _source(index: int, raw: dict[str, Any], structure: _Structure) -> str:
    """The text of a cell; `input` and `code` are the names of nbformat 3 and 1."""
    key = next((key for key in ("source", "input", "code", "text") if key in raw), "source")
    value = raw.get(key)
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        if structure.major < 4:
            return join_old_lines(value)
        if any(not line.endswith("\n") for line in value[:-1]):
            structure.say("NB-036", f"cell {index} has lines without line ends; they run together", index)
        return "".join(value)
    what = "no source" if key not in raw else f"a source that is {_a(value)}, not text or lines of text"
    structure.say("NB-030", f"cell {index} has {what}", index)
    return "".join(line for line in value if isinstance(line, str)) if isinstance(value, list) else ""


def _identity(
    index: int, raw: dict[str, Any], kind: str, source: str, structure: _Structure
) -> tuple[str, bool]:
    """(id, whether it is ours). A derived id hashes kind and source; equal cells are numbered in order."""
    given = raw.get("id")
    if isinstance(given, str) and _ID.fullmatch(given):
        if given not in structure.ids:
            structure.ids.add(given)
            return given, False
        structure.say("NB-031", f"cell {index} has the id “{given}” of an earlier cell", index)
    elif "id" in raw:
        structure.say("NB-030", f"cell {index} has an id that nbformat does not allow", index)
    digest = hashlib.sha256(f"{kind}\n{source}".encode("utf-8", "surrogatepass")).hexdigest()[:12]
    structure.derived[digest] += 1
    number = structure.derived[digest]
    identity = f"cell-{digest}" if number == 1 else f"cell-{digest}-{number}"
    while identity in structure.ids:
        identity += "x"
    structure.ids.add(identity)
    return identity, True


def _count(index: int, raw: dict[str, Any], structure: _Structure) -> int | None:
    value = raw.get("execution_count", raw.get("prompt_number"))
    if value is None or (
        isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST_COUNT
    ):
        return value
    if not (isinstance(value, str) and value.strip(" *") == ""):
        structure.say("NB-030", f"cell {index} has an execution count that is no whole number", index)
    return None


def _outputs(index: int, raw: dict[str, Any], structure: _Structure) -> tuple[Output, ...]:
    value = raw.get("outputs")
    if value is None:
        return ()
    if not isinstance(value, list):
        structure.say("NB-032", f"the outputs of cell {index} are {_a(value)}, not a list", index)
        return ()
    outputs = []
    for item in value:
        if isinstance(item, Output):
            outputs.append(item)
        elif isinstance(item, dict):
            outputs.append(output(item))
        else:
            structure.say("NB-032", f"an output of cell {index} is {_a(item)}", index)
    return tuple(outputs)
