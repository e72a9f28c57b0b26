"""Frames: what is one, and what is said about what is none."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agi_node.protocol import HEADER, MAX_FRAME, Decoder, Execute, Open, encode

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@settings(deadline=None)  # a busy machine is no finding
@given(st.lists(st.dictionaries(st.text(), PLAIN, max_size=4), max_size=5), st.integers(1, 64))
def test_messages_arrive_whole_in_order_and_in_any_pieces(
    bodies: list[dict[str, object]], piece: int
) -> None:
    messages = [{**body, "type": f"t{at}"} for at, body in enumerate(bodies)]
    stream = b"".join(encode(message) for message in messages)
    decoder = Decoder()
    arrived = [m for at in range(0, len(stream), piece) for m in decoder.feed(stream[at : at + piece])]
    decoder.end()
    assert arrived == messages


def framed(body: bytes) -> bytes:
    return HEADER.pack(len(body)) + body


def test_a_truncated_frame_is_refused_with_its_lengths() -> None:
    decoder = Decoder()
    assert list(decoder.feed(encode({"type": "shutdown"})[:-3])) == []
    with pytest.raises(AgiError, match=r"AGI-PROTO-002.*middle of a frame\n\s+found\s+16 of 19 bytes"):
        decoder.end()


def test_a_stream_that_ends_inside_a_length_is_refused() -> None:
    decoder = Decoder()
    list(decoder.feed(b"\0\0"))
    with pytest.raises(AgiError, match="found     2 of the 4 bytes of its length"):
        decoder.end()


def test_an_oversize_frame_is_refused_from_its_header_alone() -> None:
    with pytest.raises(
        AgiError, match=r"AGI-PROTO-001.*\n\s+found\s+67,108,865 bytes\n\s+allowed\s+1 to 67,108,864"
    ):
        list(Decoder().feed(HEADER.pack(MAX_FRAME + 1)))


def test_an_empty_frame_is_refused() -> None:
    with pytest.raises(AgiError, match=r"AGI-PROTO-001.*\n\s+found\s+0 bytes"):
        list(Decoder().feed(HEADER.pack(0)))


@pytest.mark.parametrize(
    "body", [b"print me", b"\xff\xfe", b'{"type":"x","n":NaN}', b'{"type":', b"[" * 200_000]
)
def test_a_frame_that_is_not_json_is_refused_with_its_beginning(body: bytes) -> None:
    with pytest.raises(AgiError, match="AGI-PROTO-003.*not JSON in UTF-8") as refused:
        list(Decoder().feed(framed(body)))
    assert repr(body[:10])[2:-1] in str(refused.value)


@pytest.mark.parametrize(
    ("body", "found"), [(b"[1]", "list"), (b'"hi"', "str"), (b'{"a":1}', "dict"), (b"null", "NoneType")]
)
def test_a_frame_that_is_no_typed_object_is_refused_with_what_it_is(body: bytes, found: str) -> None:
    with pytest.raises(AgiError, match=rf"AGI-PROTO-004.*\n\s+found\s+{found}: "):
        list(Decoder().feed(framed(body)))


def test_messages_before_a_bad_frame_still_count() -> None:
    decoded = Decoder().feed(encode({"type": "cancel"}) + framed(b"7"))
    assert next(decoded) == {"type": "cancel"}
    with pytest.raises(AgiError, match="AGI-PROTO-004"):
        next(decoded)


def test_a_message_that_is_too_long_is_not_sent() -> None:
    with pytest.raises(AgiError, match="AGI-PROTO-001.*done message is too long"):
        encode({"type": "done", "value": "x" * MAX_FRAME})


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {1, 2}, b"x"])
def test_what_is_not_json_is_not_sent(value: object) -> None:
    with pytest.raises(AgiError, match="AGI-PROTO-003.*done message is not plain JSON"):
        encode({"type": "done", "value": value})


def test_text_that_is_not_unicode_survives_as_escaped_json() -> None:
    (message,) = Decoder().feed(encode({"type": "x", "name": "caf\udce9\\"}))
    assert message["name"] == "caf\udce9\\"


def test_an_order_names_the_field_that_is_missing_or_wrong() -> None:
    order = {
        "type": "execute",
        "attempt_id": "a",
        "run_id": "r",
        "unit_id": "u",
        "node": "work",
        "target": "m:f",
        "staging": "/s",
        "log": "/l",
    }
    assert Execute.read(order).attempt == 1
    assert Execute.read(Execute.read(order).message()) == Execute.read(order)
    with pytest.raises(
        AgiError, match="AGI-PROTO-005.*'target' of an? execute message is wrong\n.*found     nothing"
    ):
        Execute.read({name: value for name, value in order.items() if name != "target"})
    with pytest.raises(AgiError, match="'attempt'.*\n.*found     True \\(bool\\)\n.*allowed   int"):
        Execute.read({**order, "attempt": True})


def test_environment_values_are_text() -> None:
    with pytest.raises(
        AgiError, match="'env' of an? open message is wrong at 'OMP'\n.*found     4 \\(int\\)"
    ):
        Open.read({"type": "open", "env": {"OMP": 4}})
