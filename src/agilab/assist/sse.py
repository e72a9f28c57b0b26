"""Server-sent events, as far as this protocol uses them: lines of `data:`, ended by a blank one (WHATWG HTML, 9.2)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator


def events(lines: Iterable[bytes]) -> Iterator[str]:
    """The data of each event. An event that the stream breaks off in is left out, as the standard says.

    >>> list(events([b"data: a\\n", b": a comment\\n", b"data: b\\r\\n", b"\\n", b"data: cut off"]))
    ['a\\nb']
    """
    data: list[str] = []
    for raw in lines:
        line = raw.decode("utf-8", "replace").rstrip("\n").rstrip("\r")
        if not line:
            if data:
                yield "\n".join(data)
            data = []
        elif line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        # Comments keep the connection alive; `event:`, `id:` and `retry:` mean nothing here.
