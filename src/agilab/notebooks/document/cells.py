"""A notebook as it was found: cells, outputs as expectations, and what could not be read.

Whatever the format of the file (nbformat 1 to 4.5, jupytext's text formats), it becomes these few frozen classes.
They hold no opinion about the code: that is for `magics`, `imports`, `artifacts`, `risks` and `flow/`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from agilab.notebooks.findings import Finding

CellKind = Literal["code", "markdown", "raw"]
"""What nbformat 4 calls `cell_type`; headings of nbformat 3 are markdown."""


@dataclass(frozen=True)
class OutputPart:
    """One representation of an output, by its MIME type.

    Attributes:
        mime: "text/plain", "image/png", …; "text/plain" for streams and tracebacks.
        size: UTF-8 bytes of the whole (base64 text of a picture counts as it stands in the file; structured data as
            compact JSON with sorted keys).
        digest: SHA-256 of those bytes, hexadecimal.
        text: The beginning of the text, at most `outputs.TEXT_LIMIT` characters; "" for what is not text.
    """

    mime: str
    size: int
    digest: str
    text: str


@dataclass(frozen=True)
class Output:
    """What a cell once showed: an expectation to compare with, not a result.

    Attributes:
        kind: "stream", "display_data", "execute_result" or "error" (older names are translated), or the unknown word
            that the file has.
        name: Of a stream: "stdout" or "stderr"; of an error: the exception's class; else "".
        execution_count: Of an execute_result, where the file says it.
        parts: Sorted by MIME type.
        metadata: As in the file.
    """

    kind: str
    name: str = ""
    execution_count: int | None = None
    parts: tuple[OutputPart, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes of all parts."""
        return sum(part.size for part in self.parts)


@dataclass(frozen=True)
class Cell:
    """One cell.

    Attributes:
        index: Its place in the notebook, from 0; cells that could not be read keep their place.
        id: nbformat 4.5's id where there is one and no earlier cell has it; else derived from kind and source, so that
            it stays when other cells come, go or move.
        id_derived: Whether the id is ours.
        kind: See `CellKind`.
        source: Exactly the text of the file (a list of lines is joined), line ends included.
        language: What the code is written in, lower case ("python", "r", …); "" where nothing says it.
        execution_count: As in the file; None where the cell never ran (or the file does not say).
        tags: `metadata.tags`.
        metadata: As in the file, other tools' keys included.
        outputs: In their order.
        attachments: As in the file: name → {MIME type: base64 text}.
    """

    index: int
    id: str
    kind: CellKind
    source: str
    language: str = ""
    id_derived: bool = False
    execution_count: int | None = None
    tags: tuple[str, ...] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    outputs: tuple[Output, ...] = ()
    attachments: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_python(self) -> bool:
        """Whether this is code that we may read as Python."""
        return self.kind == "code" and self.language == "python"

    @property
    def gives_parameters(self) -> bool:
        """Whether its values are set from outside: papermill's tags, of what is asked for and of what was given."""
        return "parameters" in self.tags or self.is_injected

    @property
    def is_injected(self) -> bool:
        """Whether papermill wrote it, right below the cell whose values it replaces."""
        return "injected-parameters" in self.tags


@dataclass(frozen=True)
class Notebook:
    """A notebook, or as much of one as the file holds.

    Attributes:
        name: The file's own name, never its folder; "" for bytes without a name.
        cells: In the file's order.
        format: "nbformat 4.5", "jupytext py:percent", …; "" if it is no notebook.
        format_version: nbformat's (major, minor); None for text formats and what is no notebook.
        language: Of the kernel, lower case; "" where nothing says it.
        language_version: As the kernel said it, "3.11.4".
        kernel: The kernelspec's name, "python3".
        kernel_title: Its display name.
        metadata: The notebook's own, as in the file.
        digest: SHA-256 of the file's bytes, hexadecimal; "" if there were none to read.
        size: Bytes of the file.
        whole: Whether everything the file holds was read. False: there is a finding of severity "error".
        findings: What reading found.
    """

    name: str
    cells: tuple[Cell, ...] = ()
    format: str = ""
    format_version: tuple[int, int] | None = None
    language: str = ""
    language_version: str = ""
    kernel: str = ""
    kernel_title: str = ""
    metadata: Mapping[str, Any] = field(default_factory=dict)
    digest: str = ""
    size: int = 0
    whole: bool = True
    findings: tuple[Finding, ...] = ()

    @property
    def code_cells(self) -> tuple[Cell, ...]:
        """The cells that hold code, of whatever language."""
        return tuple(cell for cell in self.cells if cell.kind == "code")

    @property
    def python_cells(self) -> tuple[Cell, ...]:
        """The cells that we may read as Python."""
        return tuple(cell for cell in self.cells if cell.is_python)
