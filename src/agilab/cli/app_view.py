"""How `agilab app` tells what became of an app: what was done, what to know, what to do next."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from agilab.cli.render import mark, out, pairs, steps
from agilab.cli.words import plural, short, size

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.projects.life.contents import LeftOut

_SHOWN = 5
_QUIET_SECONDS = 2.0


def head(name: str, what: str) -> None:
    """The one line that says that it is done."""
    from rich.text import Text

    out(Text.assemble(mark(True), " ", (name, "bold"), f" {what}"))


def told(rows: Iterable[tuple[str, Text | str]], left_out: Sequence[LeftOut], notes: Iterable[str]) -> None:
    """Facts, then what stayed behind by reason, then what a person should know."""
    from rich.text import Text

    shown: list[tuple[str, Text | str]] = list(rows)
    for why in dict.fromkeys(one.why for one in left_out):
        these = [one for one in left_out if one.why == why]
        names = ", ".join(one.path for one in these[:_SHOWN]) + (" …" if len(these) > _SHOWN else "")
        total = size(sum(one.size for one in these))
        shown.append(("left out", f"{plural(len(these), 'file')} ({why}, {total}): {names}"))
    shown += [("note", Text(note, "yellow")) for note in notes]
    if shown:
        out(pairs(shown))


def after(rows: Iterable[tuple[str, str]]) -> None:
    """Commands to copy."""
    out("", steps(list(rows)))


def patiently(say: Callable[[str], None]) -> Callable[[str], None]:
    """Tell what is being done, and nothing where it takes less than two seconds."""
    began = time.monotonic()

    def told(text: str) -> None:
        if time.monotonic() - began >= _QUIET_SECONDS:
            say(text)

    return told


def typed(path: str) -> str:
    """A path as a shell takes it: quoted where it must be, but for a `~/` at its beginning.

    >>> typed("a b/c.py"), typed("~/a b"), typed("src/x.py")
    ("'a b/c.py'", "~/'a b'", 'src/x.py')
    """
    home, rest = ("~/", path[2:]) if path.startswith("~/") else ("", path)
    return home + shlex.quote(rest)


def near(path: Path) -> str:
    """A path as it is typed here: relative where it lies below the current folder."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return short(path)
