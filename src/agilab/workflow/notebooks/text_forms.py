"""A lab's notebook in the text forms of jupytext, written only where the way back gives the same cells."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from agi_node.errors import FAILED, USAGE, AgiError
from agilab.envs.extras import how_to_get
from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.reading import read
from agilab.notebooks.supervisor.export import text
from agilab.notebooks.supervisor.header import is_header

PERCENT = "lab.py"
"""A name that stands for the form of Python files: cells begin with `# %%`."""
FORMS = {"py": "py:percent", "md": "md", "markdown": "markdown", "rmd": "Rmd"}
"""What jupytext calls the forms in which a notebook of Python can come back, by suffix."""


@dataclass(frozen=True)
class Lost:
    """A cell that a text form does not bring back.

    Attributes:
        cell: Index of the cell, from 0; None for the metadata of the whole notebook.
        line: In the stage's code (in the cell, where it is of no stage), from 1; 0 where jupytext reads nothing at all.
        said: That line.
    """

    stage: str
    cell: int | None
    line: int
    said: str

    def __str__(self) -> str:
        if not self.line:
            return f"all of it: {self.said:.200}"
        if self.cell is None:
            return f"the notebook's metadata: {self.said!r:.80}"
        where = f"stage {self.stage}" if self.stage else f"cell {self.cell}"
        return f"{where}, line {self.line}: {repr(self.said)[:80] if self.said else 'an empty one'}"


def in_text(notebook: Mapping[str, Any], name: str) -> str:
    """A notebook in the form that the suffix of a name says, `py:percent` for a Python file.

    Raises AGI-STAGE-050 for a suffix that is none of `FORMS` and without jupytext, AGI-STAGE-064 where the text read
    back is another notebook.
    """
    written, lost = _written(notebook, name)
    if lost is None:
        return written
    better = "an .ipynb, or an .md" if not name.lower().endswith((".md", ".markdown")) else "an .ipynb"
    raise AgiError(
        "AGI-STAGE-064",
        f"{name} would not give this notebook back",
        found=str(lost),
        allowed="no lines that part cells (such as `# %%`), quotes that are closed, no line ends but \\n",
        try_=f"agilab notebook export, to {better}; or change that line",
        exit_code=FAILED,
    )


def lost_in_text(notebook: Mapping[str, Any], name: str = PERCENT) -> Lost | None:
    """The first cell that does not come back from a text form. Raises AGI-STAGE-050 without jupytext."""
    return _written(notebook, name)[1]


def _written(notebook: Mapping[str, Any], name: str) -> tuple[str, Lost | None]:
    form = _form(name)
    try:
        import jupytext  # type: ignore[import-untyped]  # it has no types
        import nbformat
    except ImportError as missing:
        raise AgiError(
            "AGI-STAGE-050",
            f"{name} is no .ipynb, and other forms need jupytext",
            found=f"no {missing.name} beside AGILab",
            allowed="a name that ends with .ipynb",
            try_=how_to_get("notebooks"),
        ) from None
    # Our metadata travels too; jupytext leaves out what nobody asks for.
    metadata = {**notebook["metadata"], "jupytext": {"notebook_metadata_filter": "all"}}
    whole = nbformat.reads(text({**notebook, "metadata": metadata}), as_version=4)  # type: ignore[no-untyped-call]
    written = str(jupytext.writes(whole, form))
    return written, _lost(notebook, read(written.encode("utf-8"), name=name))


def _form(name: str) -> str:
    suffix = name.rpartition(".")[2].lower() if "." in name else ""
    if suffix in FORMS:
        return FORMS[suffix]
    raise AgiError(
        "AGI-STAGE-050",
        f"{name} is no name of a notebook of Python",
        found=f".{suffix}" if suffix else "no suffix",
        allowed="a name that ends with .ipynb, .py, .md, .markdown or .Rmd",
        exit_code=USAGE,
    )


def _lost(notebook: Mapping[str, Any], back: Notebook) -> Lost | None:
    """The first cell of a notebook that another does not have in the same place, with text and metadata."""
    if not back.whole:
        return Lost("", None, 0, "; ".join(finding.what for finding in back.findings))
    for key, value in notebook["metadata"].items():
        if back.metadata.get(key) != value and key != "jupytext":
            return Lost("", None, 1, key)
    came = [(cell.kind, cell.source, cell.metadata) for cell in back.cells]
    number = -1
    for number, cell in enumerate(notebook["cells"]):
        source = "".join(cell["source"])
        found = came[number] if number < len(came) else ("", "", {})
        same = all(found[2].get(key) == value for key, value in cell["metadata"].items())
        if found[:2] != (cell["cell_type"], source) or not same:
            return _where(number, cell, source, found[1])
    return (
        None if len(came) == number + 1 else Lost("", number + 1, 1, came[number + 1][1].partition("\n")[0])
    )


def _where(number: int, cell: Mapping[str, Any], source: str, came: str) -> Lost:
    about = cell["metadata"].get("agilab", {})
    stage = str(about.get("fields", {}).get("id") or about.get("stage") or "")
    line, said = next(_differing(source, came), (1, source.partition("\n")[0]))
    above = int(is_header(source.partition("\n")[0]))  # the first line of a stage's cell is not of its code
    return Lost(stage, number, max(1, line - above), said)


def _differing(source: str, came: str) -> Iterator[tuple[int, str]]:
    """Lines of a text that another text does not have in the same place; blank ones, which go along, at the end."""
    theirs, blank = came.split("\n"), []
    for number, line in enumerate(source.split("\n")):
        if number < len(theirs) and theirs[number] == line:
            continue
        if line.strip(" \t"):
            yield number + 1, line
        else:
            blank.append((number + 1, line))
    yield from blank
