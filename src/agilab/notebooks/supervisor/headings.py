"""A title and the words below it as markdown, and back."""

from __future__ import annotations

from agilab.contracts.lab_stages import Stage


def heading(title: str, description: str, *, level: int) -> str:
    """A title and what follows it, as markdown.

    >>> heading("Load", "From disk.", level=2)
    '## Load\\n\\nFrom disk.'
    """
    head = f"{'#' * level} {title}"
    return f"{head}\n\n{description}" if description else head


def taken_apart(text: str) -> tuple[str, str]:
    """The title and the rest of a markdown text; no title where it does not begin with a heading.

    >>> taken_apart("## Load\\n\\nFrom disk.")
    ('Load', 'From disk.')
    """
    first, _, rest = text.partition("\n")
    if first.startswith("#"):
        return first.lstrip("#").strip(), rest.strip("\n")
    return "", text


def stage_text(stage: Stage) -> str:
    """The markdown above a stage's code."""
    return heading(stage.title or stage.id, stage.description, level=2)


def slug(title: str) -> str:
    """An id for a stage that has only a title; empty where no letter begins it.

    >>> slug("What we found (so far)")
    'what-we-found-so-far'
    """
    name = "".join(letter if letter.isascii() and letter.isalnum() else "-" for letter in title.lower())
    name = "-".join(part for part in name.split("-") if part)[:40]
    return name if name[:1].isalpha() else ""
