"""What stages are called, and the words above them, from the markdown of a notebook."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Sequence

from agilab.notebooks.cells import Cell
from agilab.notebooks.flow.plan import StageFlow
from agilab.notebooks.planned import HEADING, Planned, fits_in_code

_SHORT = 40
"""Characters of a stage's id; it ends with a whole word where it can."""
_COMMENT = re.compile(r"\s*([A-Za-z_]\w*)\s*(?::[^=#]+)?=[^#\"']*#+\s*(.+?)\s*\Z")
"""An assignment with a comment behind it."""
_SMALL = re.compile(r"(-(a|an|the|of|for|to|that|and|or|with|in|on|is|by|from|at|as))+\Z")
"""Words at the end of an id that was cut off, which say nothing there."""
_LONGEST = 200
"""Characters of a heading that may be a title."""


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
            if cell == flow.cells[0] or not fits_in_code(text.source):
                parts.append(text.source.strip("\n"))
    return without_title("\n\n".join(part for part in parts if part.strip()), heading_above(one, flow))


def without_title(text: str, title: str) -> str:
    """A text without its first line, where that is nothing but a heading with this title."""
    first, _, rest = text.partition("\n")
    match = HEADING.fullmatch(first)
    return rest.strip("\n") if match and title and _bare(match.group(2)) == title else text


def _opening(one: Planned) -> Cell | None:
    """The first cell, where it is a title of the whole notebook."""
    for cell in one.inspection.notebook.cells:
        if cell.source.strip():
            match = HEADING.match(cell.source.lstrip("\n")) if cell.kind == "markdown" else None
            return cell if match and len(match.group(1)) == 1 else None
    return None


def words_of(one: Planned) -> str:
    """What a notebook says of itself as a whole: below its title, above its parameters, and beside each of these."""
    parts = []
    if (opening := _opening(one)) is not None:
        parts.append(without_title(opening.source.strip("\n"), title_of(one)))
    for number in one.parameters:
        cell = one.cells[number]
        parts += [text.source.strip("\n") for text in _texts_above(one, cell)]
        said = [_COMMENT.match(line) for line in cell.source.splitlines()]
        parts.append("\n".join(f"- `{line.group(1)}`: {line.group(2)}" for line in said if line))
    return "\n\n".join(part for part in parts if part.strip())


def words_below(one: Planned) -> tuple[str, str]:
    """The title and the text of the markdown below the last cell of code."""
    texts = [cell.source.strip("\n") for cell in one.texts[-1]]
    text = "\n\n".join(part for part in texts if part.strip())
    match = HEADING.match(text)
    title = _bare(match.group(2)) if match else ""
    return title, without_title(text, title)


def heading_above(one: Planned, flow: StageFlow) -> str:
    for text in _texts_above(one, one.cells[flow.cells[0]]):
        match = HEADING.search(text.source)
        if match and len(match.group(2)) <= _LONGEST:
            title = _bare(match.group(2))
            whole = flow.cells == one.plan.stages[0].cells and title == title_of(one)
            return "" if whole else title
    return ""


def _bare(text: str) -> str:
    """A heading without its marks."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"[*`_]{1,3}(\S.*?\S|\S)[*`_]{1,3}", r"\1", text).strip()


def title_of(one: Planned) -> str:
    for cell in one.inspection.notebook.cells:
        match = HEADING.search(cell.source) if cell.kind == "markdown" else None
        if match and len(match.group(1)) == 1:
            return _bare(match.group(2))
    return ""


def name_stages(ones: Sequence[Planned]) -> None:
    """Give each stage an id: of its heading, else of what it makes; with the notebook's name where it would clash."""
    wanted = [[_id_of(one, flow, number) for number, flow in enumerate(one.plan.stages)] for one in ones]
    clashing = {
        name
        for number, names in enumerate(wanted)
        for name in names
        if any(name in wanted[k] for k in range(number))
    }
    taken: set[str] = set()
    for one, names in zip(ones, wanted, strict=True):
        prefix = slug(re.sub(r"\.(ipynb|py|md)$", "", one.name))
        for name in names:
            base = f"{prefix}-{name}" if name in clashing and len(ones) > 1 else name
            one.ids.append(unused(base[:56], taken))
            taken.add(one.ids[-1])


def _id_of(one: Planned, flow: StageFlow, number: int) -> str:
    if heading := slug(heading_above(one, flow)):
        return heading
    flows = one.plan.links.flows
    if number == 0 and not flow.outputs:
        return "setup"
    if not any(flows[cell].calls for cell in flow.cells):
        return "definitions"
    made = [
        (cell, flows[cell].lines.get(name, 0), name)
        for cell in flow.cells
        for name in flows[cell].binds & flow.outputs
    ]
    return slug(max(made)[-1] if made else "") or f"stage-{number + 1}"


def slug(text: str) -> str:
    """A name of a stage out of any text.

    >>> slug("2.1 Données: load & clean"), slug("###"), slug("df_clean")
    ('donnees-load-clean', '', 'df_clean')
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    slug = re.sub(r"[^a-z0-9_]+", "-", plain)
    slug = re.sub(r"^[^a-z]+", "", slug)
    if len(slug) > _SHORT:
        slug = slug[: _SHORT + 1].rpartition("-")[0] or slug[:_SHORT]
        slug = _SMALL.sub("", slug)
    return slug.strip("-_")


def unused(name: str, taken: Collection[str]) -> str:
    number = 2
    found = name
    while found in taken:
        found, number = f"{name}-{number}", number + 1
    return found
