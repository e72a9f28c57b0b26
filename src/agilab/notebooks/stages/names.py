"""What stages are called, and the words above them, from the markdown of a notebook."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence

from agilab.notebooks.document.cells import Cell
from agilab.notebooks.document.titles import (
    HEADING,
    LONGEST,
    bare,
    slug,
    unused,
    without_heading,
    without_title,
)
from agilab.notebooks.flow.model import is_state
from agilab.notebooks.flow.stage import StageFlow
from agilab.notebooks.stages.planned import Planned, fits_in_code

_COMMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*(?::[^=#]+)?=[^#\"']*#+\s*(.+?)\s*\Z")
"""An assignment with a comment behind it."""
_FIRST_COMMENT = re.compile(r"#+\s*(?:@title\s+)?([A-Za-z][\w ,'/&-]{2,60}?)[\s.:]*(?:\{.*\})?\s*")
"""A comment of words alone; Colab has its titles and their forms there."""
_MOST_WORDS = 8
_SHORTEST = 3
"""Letters of a name that may name a stage."""


def _texts_above(one: Planned, cell: Cell) -> list[Cell]:
    opening = _opening(one)
    return [text for text in one.texts.get(cell.index, []) if text is not opening]


def markdown_above(one: Planned, flow: StageFlow) -> str:
    """The markdown above a stage without the heading that is its title.

    What stands between its cells is a comment in its code, unless it does not fit there.
    """
    parts: list[str] = []
    for cell in flow.cells:
        for text in _texts_above(one, one.cells[cell]):
            if cell == flow.cells[0] or not fits_in_code(text):
                parts.append(text.source.strip("\n"))
    return without_heading("\n\n".join(part for part in parts if part.strip()), heading_above(one, flow))


def _opening(one: Planned) -> Cell | None:
    """The first cell, where it is a title of the whole notebook."""
    for cell in one.inspection.notebook.cells:
        if cell.source.strip():
            match = HEADING.match(cell.source.lstrip("\n")) if cell.kind == "markdown" else None
            return cell if match and len(match.group(1)) == 1 else None
    return None


def text_above(one: Planned, cell: Cell) -> str:
    """All the markdown above a cell, heading included, but for the opening of the notebook."""
    parts = [text.source.strip("\n") for text in _texts_above(one, cell)]
    return "\n\n".join(part for part in parts if part.strip())


def words_of(one: Planned) -> str:
    """What a notebook says of itself as a whole: below its title, above its parameters, and beside each of these."""
    parts = []
    if (opening := _opening(one)) is not None:
        parts.append(without_title(opening.source.strip("\n"), title_of(one)))
    for number, given in one.parameters.items():
        cell = one.cells[number]
        if one.cells.count(cell) == 1:  # else the text is that of the stage of the rest
            parts += [text.source.strip("\n") for text in _texts_above(one, cell)]
        said = [_COMMENT.match(line) for line in cell.source.splitlines()]
        parts.append(
            "\n".join(f"- `{line[1]}`: {line[2]}" for line in said if line is not None and line[1] in given)
        )
    return "\n\n".join(part for part in parts if part.strip())


def words_below(one: Planned) -> tuple[str, str]:
    """The title and the text of the markdown below the last cell of code."""
    texts = [cell.source.strip("\n") for cell in one.texts[-1]]
    text = "\n\n".join(part for part in texts if part.strip())
    match = HEADING.match(text)
    title = bare(match.group(2)) if match else ""
    return title, without_title(text, title)


def heading_above(one: Planned, flow: StageFlow) -> str:
    """The title of a stage: the nearest heading above it, but one of a higher rank if others of its rank are in it.

    A stage that is the whole notebook, by this or for want of a heading, has the title of that.
    """
    above = _headings(one, flow.cells[:1])
    inside = min((rank for rank, _ in _headings(one, flow.cells[1:])), default=7)
    found = next((title for rank, title in reversed(above) if rank < inside), "")
    title = title_of(one)
    if len(one.plan.stages) == 1:
        return found or (title if len(title) <= LONGEST else "")
    found = found or (above[0][1] if above else "")
    return "" if flow.cells == one.plan.stages[0].cells and found == title else found


def _headings(one: Planned, cells: Sequence[int]) -> list[tuple[int, str]]:
    """The headings between cells and what is above them, each with its rank."""
    return [
        (len(match.group(1)), bare(match.group(2)))
        for cell in cells
        for text in _texts_above(one, one.cells[cell])
        for match in HEADING.finditer(text.source)
        if len(match.group(2)) <= LONGEST
    ]


def title_of(one: Planned) -> str:
    for cell in one.inspection.notebook.cells:
        match = HEADING.search(cell.source) if cell.kind == "markdown" else None
        if match and len(match.group(1)) == 1:
            return bare(match.group(2))
    return ""


def name_stages(ones: Sequence[Planned], written: Mapping[tuple[int, int], Sequence[str]]) -> None:
    """Give each stage an id: of its heading, else of what it makes; with the notebook's name where it would clash.

    `written` are the files that each leaves, by the notebook's place and the number of its stage.
    """
    wanted = [
        [_id_of(one, flow, number, written[place, number]) for number, flow in enumerate(one.plan.stages)]
        for place, one in enumerate(ones)
    ]
    clashing = {
        name
        for number, names in enumerate(wanted)
        for name in names
        if any(name in wanted[k] for k in range(number))
    }
    taken: set[str] = set()
    for one, names in zip(ones, wanted, strict=True):
        stem = re.sub(r"\.(ipynb|py|md)$", "", one.name)
        prefix = slug(stem) or slug(f"notebook {stem}")  # of `1.ipynb` nothing would be left
        for name in names:
            base = f"{prefix}-{name}" if name in clashing and len(ones) > 1 else name
            one.ids.append(unused(base[:56], taken))
            taken.add(one.ids[-1])


def _id_of(one: Planned, flow: StageFlow, number: int, files: Sequence[str]) -> str:
    if heading := slug(heading_above(one, flow)):
        return heading
    flows = one.plan.links.flows
    if number == 0 and not flow.outputs:
        return "setup"
    if not any(flows[cell].calls for cell in flow.cells):
        return "definitions"
    if said := _comment_above(flow.code):
        return said
    made = [
        (cell, flows[cell].lines.get(name, 0), name)
        for cell in flow.cells
        for name in flows[cell].binds & flow.outputs
    ]
    name = slug(max(made)[-1]) if made else ""
    if len(name) >= _SHORTEST:
        return name
    stems = [slug(posixpath.splitext(posixpath.basename(path))[0].replace("*", "")) for path in files]
    if written := [stem for stem in stems if len(stem) >= _SHORTEST]:
        return written[-1]
    if name:
        return f"make-{name}"
    bound = [
        (cell, flows[cell].lines.get(name, 0), name)
        for cell in flow.cells
        for name in flows[cell].binds - flows[cell].modules.keys()
        if len(slug(name)) >= _SHORTEST and not name.startswith("_") and not is_state(name)
    ]
    return slug(max(bound)[-1]) if bound else f"stage-{number + 1}"


def _comment_above(code: str) -> str:
    """An id of the comment that a stage begins with, where that is a few words; "" where it is not."""
    first = next((line for line in code.split("\n") if line.strip()), "")
    match = _FIRST_COMMENT.fullmatch(first)
    return slug(match[1]) if match and len(match[1].split()) <= _MOST_WORDS else ""
