"""The worker protocol's frames: docs/worker-protocol.md. Four bytes of length, then one JSON object.

Plain data only, in both directions: a manager reads nothing from an app's environment that could run code in it.
A change violates this when it adds a message that must be unpickled, or lets anything but a frame onto the channel.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from agi_node.errors import FAILED, AgiError

PROTOCOL = 1
MAX_FRAME = 64 * 1024 * 1024
HEADER = struct.Struct(">I")

Message = dict[str, Any]


def encode(message: Message) -> bytes:
    """One message as a frame; AGI-PROTO-001 if it is too long, AGI-PROTO-003 if it is not plain."""
    try:
        text = json.dumps(message, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError, RecursionError) as error:
        raise _fault(
            "AGI-PROTO-003", f"a {message.get('type')} message is not plain JSON", str(error)[:200]
        ) from None
    # A lone surrogate (a file name that is not UTF-8, say) has no UTF-8 form; as \udcxx it is legal JSON text.
    body = text.encode("utf-8", "backslashreplace")
    if len(body) > MAX_FRAME:
        raise _fault(
            "AGI-PROTO-001", f"a {message.get('type')} message is too long", f"{len(body):,} bytes", _LENGTHS
        )
    return HEADER.pack(len(body)) + body


class Decoder:
    """Bytes in, messages out, in whatever pieces the bytes come.

    >>> decoder = Decoder()
    >>> frame = encode({"type": "shutdown"})
    >>> list(decoder.feed(frame[:7])), list(decoder.feed(frame[7:]))
    ([], [{'type': 'shutdown'}])
    """

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Message]:
        """Take bytes and yield the messages that are complete; raises AGI-PROTO-001, 003 or 004."""
        held = self._held
        held += data
        start = 0
        try:
            while len(held) - start >= HEADER.size:
                (length,) = HEADER.unpack_from(held, start)
                if not 0 < length <= MAX_FRAME:
                    raise _fault(
                        "AGI-PROTO-001", "a frame has an impossible length", f"{length:,} bytes", _LENGTHS
                    )
                end = start + HEADER.size + length
                if len(held) < end:
                    break
                body = bytes(memoryview(held)[start + HEADER.size : end])
                start = end
                yield decode(body)
        finally:
            del held[:start]

    def end(self) -> None:
        """Say that no more bytes come; AGI-PROTO-002 if that is in the middle of a frame."""
        if not self._held:
            return
        have = len(self._held)
        if have < HEADER.size:
            found = f"{have} of the {HEADER.size} bytes of its length"
        else:
            found = f"{have - HEADER.size:,} of {HEADER.unpack_from(self._held)[0]:,} bytes"
        raise _fault("AGI-PROTO-002", "the channel ended in the middle of a frame", found, "whole frames")


def decode(body: bytes) -> Message:
    """The body of a frame as a message; AGI-PROTO-003 or 004 where it is none."""
    try:
        message = json.loads(body.decode("utf-8"), parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        found = f"{body[:80]!r} ({type(error).__name__}: {error!s:.120})"
        raise _fault("AGI-PROTO-003", "a frame is not JSON in UTF-8", found, "one JSON object") from None
    if not isinstance(message, dict) or not isinstance(message.get("type"), str):
        found = f"{type(message).__name__}: {body[:80]!r}"
        raise _fault(
            "AGI-PROTO-004", "a frame is not an object with a type", found, 'such as {"type": "describe"}'
        )
    return message


@dataclass(frozen=True, slots=True)
class Open:
    """What `open` carries: the app's source, where its paths lead, and the share of the machine it may use.

    `functions` is a file of pickled functions (see `codec`), for runs that have no source folder.
    """

    source: str | None
    app: str | None
    roots: dict[str, str]
    threads: int
    env: dict[str, str]
    functions: str | None = None

    @classmethod
    def read(cls, message: Message) -> Open:
        """Check an `open` message; AGI-PROTO-005 names the field that is wrong."""
        return cls(
            _field(message, "source", (str, type(None)), None),
            _field(message, "app", (str, type(None)), None),
            _texts(message, "roots"),
            _field(message, "threads", (int,), 0),
            _texts(message, "env"),
            _field(message, "functions", (str, type(None)), None),
        )


@dataclass(frozen=True, slots=True)
class Execute:
    """What `execute` carries: one attempt of one unit. `args` and `payload` are tagged; paths are absolute."""

    attempt_id: str
    run_id: str
    unit_id: str
    node: str
    key: str
    attempt: int
    target: str
    args: dict[str, Any]
    payload: Any
    inputs: str | None
    staging: str
    log: str
    mapped: bool = False

    @classmethod
    def read(cls, message: Message) -> Execute:
        """Check an `execute` message; AGI-PROTO-005 names the field that is wrong."""
        return cls(
            _field(message, "attempt_id", (str,)),
            _field(message, "run_id", (str,)),
            _field(message, "unit_id", (str,)),
            _field(message, "node", (str,)),
            _field(message, "key", (str,), ""),
            _field(message, "attempt", (int,), 1),
            _field(message, "target", (str,)),
            _field(message, "args", (dict,), {}),
            message.get("payload"),
            _field(message, "inputs", (str, type(None)), None),
            _field(message, "staging", (str,)),
            _field(message, "log", (str,)),
            _field(message, "mapped", (bool,), False),
        )

    def message(self) -> Message:
        """The message that `read` reads."""
        return {"type": "execute", **{name: getattr(self, name) for name in self.__slots__}}


def unknown(message: Message) -> AgiError:
    """The error for a type that this side does not know."""
    allowed = "hello, open, describe, execute, cancel, shutdown"
    return _fault("AGI-PROTO-005", "there is no such message", repr(message["type"])[:80], allowed)


_MISSING: Any = object()
_LENGTHS = f"1 to {MAX_FRAME:,} bytes"


def _field(message: Message, name: str, kinds: tuple[type, ...], default: Any = _MISSING) -> Any:
    value = message.get(name, default)
    if isinstance(value, kinds) and not (isinstance(value, bool) and bool not in kinds):
        return value
    found = "nothing" if value is _MISSING else f"{value!r:.80} ({type(value).__name__})"
    allowed = " or ".join("null" if kind is type(None) else kind.__name__ for kind in kinds)
    raise _fault(
        "AGI-PROTO-005", f"the field {name!r} of a {message['type']} message is wrong", found, allowed
    )


def _texts(message: Message, name: str) -> dict[str, str]:
    value: dict[str, Any] = _field(message, name, (dict,), {})
    for key, text in value.items():
        if not isinstance(text, str):
            what = f"the field {name!r} of a {message['type']} message is wrong at {key!r}"
            raise _fault("AGI-PROTO-005", what, f"{text!r:.80} ({type(text).__name__})", "str")
    return value


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is not JSON")


def _fault(code: str, what: str, found: str, allowed: str | None = None) -> AgiError:
    return AgiError(code, what, found=found, allowed=allowed, whose="agilab", exit_code=FAILED)
