"""An app's own words for its assistant: `pre_prompt.md`, or `pre_prompt.json` with a list of messages."""

from __future__ import annotations

import json
from pathlib import Path

from agi_node.errors import AgiError
from agilab.contracts.assistance import Message

LONGEST = 100_000


def pre_prompt(folder: Path) -> tuple[Message, ...]:
    """The messages of the file in a lab's folder, or in its package; none where there is none.

    Raises AGI-ASSIST-061 for one that cannot be used.
    """
    places = [folder, *sorted(path.parent for path in folder.glob("src/*/__init__.py"))]
    for place in places:
        for name in ("pre_prompt.md", "pre_prompt.json"):
            if (place / name).is_file():
                return _read(place / name, (place / name).relative_to(folder).as_posix())
    return ()


def _read(path: Path, shown: str) -> tuple[Message, ...]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise _unusable(shown, getattr(error, "strerror", None) or "no UTF-8") from None
    if len(text) > LONGEST:
        raise _unusable(shown, f"{len(text):,} characters")
    if path.suffix == ".md":
        return (Message(role="system", content=text.strip()),) if text.strip() else ()
    try:
        plain = json.loads(text)
        listed = plain["messages"] if isinstance(plain, dict) else plain
        return tuple(Message(role=one["role"], content=str(one["content"])) for one in listed)
    except (ValueError, KeyError, TypeError, RecursionError):
        raise _unusable(shown, "another JSON") from None


def _unusable(shown: str, found: str) -> AgiError:
    return AgiError(
        "AGI-ASSIST-061",
        f"{shown} cannot be used as the app's words",
        found=found,
        allowed=f'up to {LONGEST:,} characters of text, or JSON: [{{"role": "system", "content": "…"}}]',
    )
