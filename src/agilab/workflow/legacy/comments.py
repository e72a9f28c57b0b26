"""Comments of a TOML text, carried over into another text that says the same under other names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from agilab.contracts.toml_layout import Layout, Path, layout

_EMPTY = re.compile(r"^[ \t]*\r?\n", re.MULTILINE)
_BEHIND = re.compile(r"\]\s*(#.*)$")


def carried(old: str, new: str, place: Callable[[Path], Path]) -> str:
    """`new` with every comment of `old`; `place` says where in `new` what stood at a place of `old` is now.

    A comment behind a value is put behind the value, one above it above; where the place is not in `new` as a line of
    its own, behind or above whatever holds it. What stands at the head of `old` stands at the head of `new`.
    """
    before, after = layout(old), layout(new)
    above: dict[int, list[str]] = {}
    behind: dict[int, str] = {}
    for path, comment, at_end in _comments(before):
        if path is None:
            above.setdefault(len(new), []).append(comment)
            continue
        to = place(path) if path else ()
        held = next((to[:size] for size in range(len(to), 0, -1) if to[:size] in after.pairs), to)
        pair = after.pairs.get(held)
        if (
            at_end
            and pair is not None
            and new[pair.end : pair.line_end].strip() == ""
            and pair.end not in behind
        ):
            behind[pair.end] = comment
        else:
            above.setdefault(_line(after, to), []).append(comment)
    parts: list[str] = []
    at = 0
    for offset in sorted({*above, *behind}):
        parts.append(new[at:offset])
        parts.append("".join(f"{one}\n" for one in above.get(offset, ())) if offset in above else "")
        parts.append(f"  {behind[offset]}" if offset in behind else "")
        at = offset
    return "".join([*parts, new[at:]])


def _comments(found: Layout) -> Iterator[tuple[Path | None, str, bool]]:
    """Each comment with the place that it belongs to, and whether it stands at the end of that value's line.

    What stands at the head of the file belongs to it as a whole, which is the place `()`; what follows its last value
    belongs to none.
    """
    text, at = found.text, _head(found)
    yield from (((), one, False) for one in _lines(text[:at]))
    for number, region in enumerate(found.regions):
        if number:
            yield from ((region.path, one, False) for one in _lines(text[at : region.start]))
            if behind := _BEHIND.search(text[region.start : region.body].rstrip()):
                yield region.path, behind[1], False
            at = region.body
        for pair in region.pairs:
            line = text.rfind("\n", 0, pair.key) + 1
            yield from ((pair.path, one, False) for one in _lines(text[at:line]))
            yield from ((pair.path, one, False) for one in _inside(text[pair.value : pair.end]))
            if tail := text[pair.end : pair.line_end].strip():
                yield pair.path, tail, True
            at = pair.line_end
    yield from ((None, one, False) for one in _lines(text[at:]))


def _head(found: Layout) -> int:
    """Where the comments end that are about the whole file: at its first key or header.

    Directly above a first stage they are about that, as far as no blank line parts them from it.
    """
    first, *rest = found.regions
    if first.pairs or not rest:
        return found.text.rfind("\n", 0, first.pairs[0].key) + 1 if first.pairs else 0
    opening = found.text[: rest[0].start]
    if not rest[0].array:
        return len(opening)
    return max((blank.end() for blank in _EMPTY.finditer(opening)), default=0)


def _lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if line.strip().startswith("#"):
            yield line.strip()


def _inside(value: str) -> Iterator[str]:
    """Comments between the items of a list over several lines."""
    if not value.startswith("[") or "#" not in value:
        return
    for line in value.splitlines():
        begin, mark, rest = line.rpartition("#")
        if mark and begin.count('"') % 2 == 0 and begin.count("'") % 2 == 0:
            yield f"#{rest}".rstrip()


def _line(found: Layout, path: Path) -> int:
    """The beginning of the line of a value, or of the header of what would hold it."""
    offset = found.offset(path)
    return found.text.rfind("\n", 0, offset) + 1
