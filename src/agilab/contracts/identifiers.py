"""Names of runs, units and schemas: readable, sortable, and the same wherever they are made.

A run id is `20261123-034412371-flight-7k3f2q`: the UTC moment to the millisecond, the app, and a random
end. A unit id is `node[key]` (ENGINE.md, "Words"). Both can be typed, copied into a shell and used as a
file name without quoting, save for the brackets.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

from agilab.contracts.errors import AgiError

RUN_ID = r"^[0-9]{8}-[0-9]{9}-[a-z0-9_]{1,40}-[0-9a-hjkmnp-tv-z]{6}$"
NODE = r"^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$"
KEY = r"(?:[A-Za-z0-9_.=,+-]|%[0-9A-F]{2})*"
UNIT_ID = rf"^[A-Za-z0-9_.-]+(?:/[A-Za-z0-9_.-]+)*(?:\[(?=[^\]]){KEY}(?:/{KEY})*\])?$"
KEY_LIMIT = 120
"""Characters that one key may take inside a unit id; a longer one is represented by its digest."""

_RUN_ID = re.compile(RUN_ID)
_NODE = re.compile(NODE)
_UNIT_ID = re.compile(UNIT_ID)
# Crockford's base 32: no i, l, o or u, so that an id read aloud is the id typed.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_PLAIN_KEY = re.compile(r"[A-Za-z0-9_.=,+-]*")
_UNESCAPED = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.=,+-")


@dataclass(frozen=True, slots=True)
class RunId:
    """The parts of a run id: when it was made (UTC, to the millisecond), for which app, the random end."""

    at: datetime
    app: str
    suffix: str

    def __str__(self) -> str:
        stamp = self.at.strftime("%Y%m%d-%H%M%S") + f"{self.at.microsecond // 1000:03d}"
        return f"{stamp}-{self.app}-{self.suffix}"


def new_run_id(app: str, now: datetime | None = None) -> str:
    """A run id that no other run has, and that sorts after every one made before.

    Within a process the order is strict, also between threads and when the clock steps back (an id then
    takes the millisecond after the latest). Between processes the clock orders them, and 30 random bits for
    each millisecond and app keep them apart.

    >>> run_id = new_run_id("Flight project", datetime(2026, 11, 23, 3, 44, 12, 371000, UTC))
    >>> run_id.startswith("20261123-034412371-flight_project-")
    True
    """
    label = re.sub(r"[^a-z0-9]+", "_", app.lower()).strip("_")[:40] or "run"
    suffix = "".join(secrets.choice(_ALPHABET) for _ in range(6))
    return str(RunId(_clock.next() if now is None else now.astimezone(UTC), label, suffix))


class _Clock:
    """Milliseconds that never repeat and never step back within this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._latest = datetime.min.replace(tzinfo=UTC)

    def next(self) -> datetime:
        with self._lock:
            now = datetime.now(UTC)
            now = now.replace(microsecond=now.microsecond // 1000 * 1000)
            self._latest = max(now, self._latest + timedelta(milliseconds=1))
            return self._latest


_clock = _Clock()


def parse_run_id(text: str) -> RunId:
    """The parts of a run id. Raises AGI-DOC-010 for anything that `new_run_id` could not have made.

    >>> parse_run_id("20261123-034412371-flight-7k3f2q").app
    'flight'
    """
    if _RUN_ID.fullmatch(text):
        stamp, clock, app, suffix = text.split("-")
        try:
            at = datetime.strptime(f"{stamp}{clock[:6]}", "%Y%m%d%H%M%S").replace(
                microsecond=int(clock[6:]) * 1000, tzinfo=UTC
            )
        except ValueError:
            pass  # thirteen months, or the 30th of February
        else:
            return RunId(at, app, suffix)
    raise AgiError(
        "AGI-DOC-010",
        "this is not a run id",
        found=f"{text[:80]!r}",
        allowed="an id such as 20261123-034412371-flight-7k3f2q",
        try_="agilab runs list",
    )


@dataclass(frozen=True, slots=True)
class UnitId:
    """A node and the keys under which it runs, from the outermost in: `()` for a node that is not mapped.

    The keys are the readable text, unless one was too long to stand in the id; then it is the digest.
    """

    node: str
    keys: tuple[str, ...] = ()

    def __str__(self) -> str:
        return unit_id(self.node, *self.keys)


def unit_id(node: str, *keys: str) -> str:
    """The id of `node` for the given keys: `node`, `node[key]`, or `node[outer/inner]` where maps nest.

    Characters other than `A-Z a-z 0-9 _ . = , + -` are percent-escaped as UTF-8. A key that would take more
    than 120 characters that way is replaced by its SHA-256; `unit_label` keeps its text. The one key `""` is
    the same as none. Raises AGI-DOC-011 for a node name that is none, or a key that is not Unicode.

    >>> unit_id("train", "lr=0.1,seed=3"), unit_id("queue_baseline/work", "Île 4", "a/b"), unit_id("plan")
    ('train[lr=0.1,seed=3]', 'queue_baseline/work[%C3%8Ele%204/a%2Fb]', 'plan')
    """
    if not _NODE.fullmatch(node):
        raise _no_unit_id(
            "this is not the name of a node", node, "letters, digits and _ . -, in parts joined with /"
        )
    inside = "/".join(_escape(key) for key in keys)
    return f"{node}[{inside}]" if inside else node


def unit_namer(node: str, *above: str) -> Callable[[str], str]:
    """A function from the last key to the id of the unit of `node` below the keys `above`: `unit_id`, for many at once.

    >>> name = unit_namer("work", "2024")
    >>> name("a"), name("Île"), unit_namer("plan")("")
    ('work[2024/a]', 'work[2024/%C3%8Ele]', 'plan')
    """
    whole = unit_id(node, *above)
    before = f"{whole[:-1]}/" if above else f"{whole}["

    def name(key: str) -> str:
        if not key and not above:
            return whole
        return f"{before}{_escape(key)}]"

    return name


def unit_label(*keys: str) -> str:
    """What a person reads for these keys: their own text, however long.

    >>> unit_label("Île 4", "a/b")
    'Île 4/a/b'
    """
    return "/".join(keys)


def parse_unit_id(text: str) -> UnitId:
    """The node and the keys of a unit id: the inverse of `unit_id`.

    Raises AGI-DOC-011 for any text that `unit_id` does not write, so that one unit never has two names.

    >>> parse_unit_id("queue_baseline/work[%C3%8Ele%204/a%2Fb]")
    UnitId(node='queue_baseline/work', keys=('Île 4', 'a/b'))
    """
    if _UNIT_ID.fullmatch(text):
        node, bracket, rest = text.partition("[")
        try:
            keys = tuple(unquote(key, errors="strict") for key in rest[:-1].split("/")) if bracket else ()
        except UnicodeDecodeError:
            keys = None
        if keys is not None and unit_id(node, *keys) == text:
            return UnitId(node, keys)
    raise _no_unit_id(
        "this is not the id of a unit", text, "node, or node[key] with other characters percent-escaped"
    )


def readable_unit(text: str) -> str:
    """A unit id as a person reads it, with no character escaped; any other text as it is.

    >>> readable_unit("work[%C3%8Ele%204/a%2Fb]"), readable_unit("plan"), readable_unit("100% of it")
    ('work[Île 4/a/b]', 'plan', '100% of it')
    """
    try:
        unit = parse_unit_id(text)
    except AgiError:
        return text
    return f"{unit.node}[{unit_label(*unit.keys)}]" if unit.keys else unit.node


def _escape(key: str) -> str:
    try:
        raw = key.encode("utf-8")
    except UnicodeEncodeError:
        raise _no_unit_id("a key is not Unicode text", key, "text that can be written as UTF-8") from None
    if key.isascii() and _PLAIN_KEY.fullmatch(key):
        text = key  # as most are, a hundred thousand of them in an expansion
    else:
        text = "".join(chr(byte) if chr(byte) in _UNESCAPED else f"%{byte:02X}" for byte in raw)
    return text if len(text) <= KEY_LIMIT else hashlib.sha256(raw).hexdigest()


def _no_unit_id(what: str, found: str, allowed: str) -> AgiError:
    return AgiError("AGI-DOC-011", what, found=f"{found[:80]!a}", allowed=allowed)


def schema_kind(schema: object) -> tuple[str, int]:
    """What people call a schema, and its version; `("", 0)` for what is no schema identifier.

    >>> schema_kind("agilab.run_manifest.v2"), schema_kind("agi.service.health.v1"), schema_kind(7)
    (('run_manifest', 2), ('service.health', 1), ('', 0))
    """
    found = (
        re.fullmatch(r"[a-z]+\.([a-z0-9_.]{1,100})\.v([0-9]{1,6})", schema)
        if isinstance(schema, str)
        else None
    )
    return (found[1], int(found[2])) if found else ("", 0)
