"""A server that speaks the chat protocol, over real HTTP: streams, errors, cut connections, keys."""

from __future__ import annotations

import contextlib
import json
import pickle
import socket
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.assist.keys import read_key
from agilab.assist.openai_server import OpenAIServer
from agilab.assist.prompt import Prompt
from agilab.assist.server import Patience
from tests.assist.chat_server import (
    ChatServer,
    Step,
    chunk,
    hangs_up,
    refuses,
    says,
    serving,
    sleeps,
    streams,
    whole,
)

QUICK = Patience(silence=2.0, whole=10.0, tries=3, pause=0.01)
PROMPT = Prompt("keep warm rows", "clean")
KEY = "sk-planted-4f9a77"


@pytest.fixture(autouse=True)
def _a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSIST_TEST_KEY", KEY)


def asked(server: ChatServer, **more: Any) -> tuple[str, list[str], list[str]]:
    heard: list[str] = []
    told: list[str] = []
    provider = OpenAIServer(server.url, "small-1", **{"patience": QUICK, "tell": told.append, **more})
    answer = provider.answer(PROMPT, heard.append)
    return answer.text, heard, told


@contextlib.contextmanager
def failing(code: str, *steps: Step, **more: Any) -> Iterator[Any]:
    with serving(*steps) as server:
        with pytest.raises(AgiError) as caught:
            asked(server, **more)
        assert caught.value.code == code
        assert KEY not in caught.value.render()
        assert caught.value.__context__ is None or KEY not in repr(caught.value.__context__)
        yield caught.value, server


def test_an_answer_is_heard_as_it_comes() -> None:
    with serving(streams("```python\n", "x = 1\n", "```", pause=0.05)) as server:
        moments: list[float] = []
        provider = OpenAIServer(server.url, "small-1", patience=QUICK)
        answer = provider.answer(PROMPT, lambda piece: moments.append(time.monotonic()))

    assert answer.text == "```python\nx = 1\n```"
    assert (answer.model, answer.server) == ("small-1", server.url)
    assert moments[-1] - moments[0] > 0.08  # not all at the end
    body = server.asked[0]["body"]
    assert (body["model"], body["stream"], body["temperature"]) == ("small-1", True, 0)
    assert [message["role"] for message in body["messages"]] == ["system", "user"]
    assert body["messages"] == [message.plain() for message in PROMPT.messages]
    assert server.asked[0]["path"] == "/v1/chat/completions"
    assert "Authorization" not in server.asked[0]["headers"]


def test_a_server_that_does_not_stream_is_understood() -> None:
    with serving(whole("x = 1")) as server:
        assert asked(server) == ("x = 1", ["x = 1"], [])


def test_a_stream_without_its_last_word_but_with_a_reason_is_whole() -> None:
    with serving(streams("x = 1", done=False)) as server:
        assert asked(server)[0] == "x = 1"


def test_the_key_goes_into_the_header_and_nowhere_else() -> None:
    with serving(streams("x = 1")) as server:
        provider = OpenAIServer(server.url, "small-1", "env:ASSIST_TEST_KEY", QUICK)
        answer = provider.answer(PROMPT, lambda piece: None)

    assert server.asked[0]["headers"]["Authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(provider) + repr(answer) + repr(server.asked[0]["body"])
    with pytest.raises(TypeError):
        pickle.dumps(read_key("env:ASSIST_TEST_KEY"))


def test_a_busy_server_is_asked_again_and_that_is_said() -> None:
    with serving(
        refuses(503, "loading"), refuses(429, "slow down", Retry_After="0"), streams("x = 1")
    ) as server:
        text, _, told = asked(server)

    assert text == "x = 1"
    assert told == ["503 loading; trying again in 0.01 s", "429 slow down; trying again in 0 s"]


def test_a_model_that_takes_no_temperature_is_asked_without() -> None:
    with serving(refuses(400, "temperature is not supported"), streams("x = 1")) as server:
        assert asked(server)[0] == "x = 1"

    assert ["temperature" in one["body"] for one in server.asked] == [True, False]


def test_a_connection_that_is_cut_before_the_first_word_is_tried_again() -> None:
    with serving(hangs_up(), streams("x = 1")) as server:
        assert asked(server)[0] == "x = 1"


def test_a_wrong_key_is_named_and_what_to_do() -> None:
    said = f"Incorrect API key provided: {KEY}"
    with failing("AGI-ASSIST-033", refuses(401, said), key="env:ASSIST_TEST_KEY") as (error, server):
        assert error.found == "401: Incorrect API key provided: (a key)"
        assert error.try_ == "set env:ASSIST_TEST_KEY anew"
        assert len(server.asked) == 1  # a second try would fail the same way
    with failing("AGI-ASSIST-033", refuses(401, "who are you")) as (error, _):
        assert "asks for a key" in error.what
        assert error.try_ == "agilab workflow ask … --key env:NAME"


def test_an_unknown_model_is_answered_with_the_models_there_are() -> None:
    with failing("AGI-ASSIST-034", refuses(404, "model not found")) as (error, _):
        assert error.allowed == "one of its models: small-1, large-2"
        assert error.try_ == "agilab workflow ask … --model small-1"


def test_a_full_queue_is_not_waited_for_forever() -> None:
    with failing("AGI-ASSIST-035", refuses(429, "quota")) as (error, server):
        assert (error.found, len(server.asked)) == ("429: quota", 3)
    with failing("AGI-ASSIST-035", refuses(429, "quota", Retry_After="3600")) as (error, server):
        assert ("3600 s" in error.found, len(server.asked)) == (True, 1)


def test_a_server_that_keeps_failing_is_given_up() -> None:
    with failing("AGI-ASSIST-036", refuses(503, "no")) as (error, server):
        assert ("failed, 3 times" in error.what, len(server.asked)) == (True, 3)


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (says(200, b"<html>hello"), "no JSON: <html>hello"),
        (says(200, b"[]"), "JSON that is no object"),
        (says(200, b'{"choices": [{}]}'), "a choice without a message"),
        (says(200, b'{"choices": [{"message": {"content": 3}}]}'), "a message whose content is no text"),
        (says(200, b'{"object": "x"}'), "no choices"),
        (says(200, b"data: {broken\n\n", "text/event-stream"), "no JSON: {broken"),
        (
            says(200, b'data: {"error": {"message": "out of memory"}}\n\n', "text/event-stream"),
            "out of memory",
        ),
        (
            says(200, b"data: " + b"x" * (2 << 20), "text/event-stream"),
            "more than a response of text ever has",
        ),
    ],
)
def test_what_is_not_the_protocol_is_named(step: Step, found: str) -> None:
    with failing("AGI-ASSIST-037", step) as (error, _):
        assert error.found == found


CALLS = {
    "tool_calls": [{"id": "1", "type": "function", "function": {"name": "run_python", "arguments": "{}"}}]
}


@pytest.mark.parametrize(
    ("step", "found"),
    [
        (whole(""), "an empty text"),
        (whole(None, **CALLS), "a call of a tool, run_python, and none is offered"),
        (whole(None, reasoning_content="hm"), "its thoughts, and no word after them"),
        (streams(finish="stop"), "an empty text"),
    ],
)
def test_a_reply_in_which_nothing_is_said_is_no_matter_of_the_address(step: Step, found: str) -> None:
    with failing("AGI-ASSIST-038", step) as (error, _):
        assert error.found == found
        assert "/v1" not in str(error.try_)


def test_a_server_that_is_slow_three_times_is_no_matter_of_the_model() -> None:
    with failing("AGI-ASSIST-036", refuses(408, "timed out")) as (error, server):
        assert (error.found, len(server.asked)) == ("408: timed out", 3)


OVERLOADED = {"error": {"message": "overloaded", "type": "overloaded_error", "code": 503}}


def errs(error: Any, *pieces: str) -> Step:
    """Some pieces, and then an error as an event of the stream, whose status was 200."""

    def step(handler: Any, body: dict[str, Any]) -> None:
        handler.begin_events()
        for piece in pieces:
            handler.event(chunk(piece))
        handler.event(json.dumps(error))
        handler.end_events()

    return step


@pytest.mark.parametrize(
    "error",
    [
        OVERLOADED,
        {"error": {"message": "busy", "code": "503"}},
        {"error": {"message": "Overloaded", "type": "overloaded_error"}},
        {"error": "the server is overloaded"},
    ],
)
def test_an_error_inside_the_stream_that_may_pass_is_tried_again(error: Any) -> None:
    with serving(errs(error), errs(error), streams("x = 1")) as server:
        text, _, told = asked(server)
    assert text == "x = 1"
    assert [sentence[:3] for sentence in told] == ["503", "503"]


def test_an_error_inside_the_stream_is_told_in_the_servers_words() -> None:
    with failing("AGI-ASSIST-036", errs(OVERLOADED)) as (error, server):
        assert (error.found, len(server.asked)) == ("503: overloaded", 3)
    with failing("AGI-ASSIST-039", errs(OVERLOADED, "x = ")) as (error, server):
        assert ("failed in the middle" in error.what, error.found, len(server.asked)) == (
            True,
            "overloaded",
            1,
        )
    with failing("AGI-ASSIST-037", errs({"error": {"message": f"no, {KEY}"}}), key="env:ASSIST_TEST_KEY") as (
        error,
        server,
    ):
        assert ("answers with an error" in error.what, len(server.asked)) == (True, 1)


def test_an_unknown_refusal_shows_what_the_server_said() -> None:
    with failing("AGI-ASSIST-037", refuses(422, "messages too long")) as (error, _):
        assert error.found == "422: messages too long"


def test_a_model_that_declines_is_told_as_that() -> None:
    with failing("AGI-ASSIST-038", whole(None, refusal="I cannot help with that.")) as (error, _):
        assert error.found == "I cannot help with that."
    with failing("AGI-ASSIST-038", streams("x", finish="content_filter")) as (error, _):
        assert error.found == "stopped by its content filter"


def test_half_an_answer_is_no_answer() -> None:
    with failing("AGI-ASSIST-039", hangs_up("x = ", "1")) as (error, server):
        assert ("broke off" in error.what, len(server.asked)) == (True, 1)
    with failing("AGI-ASSIST-039", streams("x = ", finish=None, done=False)):
        pass
    with failing("AGI-ASSIST-039", streams("x = 1", finish="length")) as (error, _):
        assert "after 5 characters" in error.found


def test_silence_ends() -> None:
    short = Patience(silence=0.2, whole=1.0, tries=2, pause=0.01)
    began = time.monotonic()
    with failing("AGI-ASSIST-032", sleeps(1.0), patience=short) as (error, _):
        assert (error.found, "says nothing" in error.what) == ("no word for 0.2 s", True)
    with failing("AGI-ASSIST-039", sleeps(1.0, "x = "), patience=short) as (error, server):
        assert ("fell silent" in error.what, len(server.asked)) == (True, 1)
    assert time.monotonic() - began < 6


@pytest.mark.parametrize("piece", [b": still here\n\n", b" "])
def test_a_server_that_drips_is_not_heard_for_longer_than_the_whole_may_take(piece: bytes) -> None:
    def drips(handler: Any, body: dict[str, Any]) -> None:
        handler.begin_events()
        with contextlib.suppress(OSError):
            for _ in range(60):
                handler.wfile.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                handler.wfile.flush()
                time.sleep(0.05)

    short = Patience(silence=0.3, whole=0.4, tries=3, pause=0.01)
    began = time.monotonic()
    with failing("AGI-ASSIST-039", drips, patience=short) as (error, server):
        assert ("takes too long" in error.what, len(server.asked)) == (True, 1)
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("cut", [3, len(KEY)])
def test_an_answer_that_repeats_the_key_is_refused_and_not_heard(cut: int) -> None:
    heard: list[str] = []
    with serving(streams("a = '", KEY[:cut], KEY[cut:], "'\n")) as server:
        provider = OpenAIServer(server.url, "small-1", "env:ASSIST_TEST_KEY", patience=QUICK)
        with pytest.raises(AgiError, match="repeats the key") as caught:
            provider.answer(PROMPT, heard.append)
    assert (caught.value.code, KEY in caught.value.render()) == ("AGI-ASSIST-022", False)
    assert KEY not in "".join(heard)


def test_what_only_begins_like_the_key_is_heard_to_its_end() -> None:
    with serving(streams("x = 's", "k-p", "lain'", " # sk-")) as server:
        text, heard, _ = asked(server, key="env:ASSIST_TEST_KEY")
    assert "".join(heard) == text == "x = 'sk-plain' # sk-"


def test_a_word_that_only_stands_for_a_key_may_be_in_an_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSIST_TEST_KEY", "EMPTY")
    with serving(streams("x = 'EM", "PTY'")) as server:
        assert asked(server, key="env:ASSIST_TEST_KEY")[0] == "x = 'EMPTY'"


def test_a_model_that_thinks_aloud_is_heard_by_what_it_answers() -> None:
    def thinks(handler: Any, body: dict[str, Any]) -> None:
        handler.begin_events()
        for event in (chunk(None, reasoning_content="Hm, "), chunk(None, reasoning_content="x = 2?")):
            handler.event(event)
        handler.event(chunk("x = 1"))
        handler.event(chunk(None, "stop"))
        handler.event("[DONE]")
        handler.end_events()

    with serving(thinks, whole("x = 1", reasoning_content="Hm, x = 2?")) as server:
        assert asked(server)[0] == "x = 1"
        assert asked(server)[0] == "x = 1"


def test_nobody_listening_is_told_as_that() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    provider = OpenAIServer(f"http://127.0.0.1:{port}/v1", "m", patience=Patience(tries=1))

    with pytest.raises(AgiError, match="cannot be reached") as caught:
        provider.answer(PROMPT, lambda piece: None)

    assert (caught.value.code, caught.value.exit_code) == ("AGI-ASSIST-032", 3)


def test_a_redirect_is_not_followed_because_the_key_would_go_along() -> None:
    with serving(streams("x = 1")) as elsewhere:
        step = refuses(307, "moved", Location=f"{elsewhere.url}/chat/completions")
        with failing("AGI-ASSIST-032", step, key="env:ASSIST_TEST_KEY") as (error, _):
            assert "sends elsewhere" in error.what
        assert elsewhere.asked == []


@pytest.mark.parametrize(
    ("url", "model", "key", "code"),
    [
        ("", "m", "", "AGI-ASSIST-030"),
        ("ftp://host/v1", "m", "", "AGI-ASSIST-030"),
        (f"http://user:{KEY}@127.0.0.1/v1", "m", "", "AGI-ASSIST-030"),
        (f"http://127.0.0.1/v1?key={KEY}", "m", "", "AGI-ASSIST-030"),
        ("http://127.0.0.1/v1", " ", "", "AGI-ASSIST-030"),
        ("http://127.0.0.1/v1", "m", KEY, "AGI-ASSIST-020"),
        ("http://models.example.org/v1", "m", "env:ASSIST_TEST_KEY", "AGI-ASSIST-031"),
    ],
)
def test_what_cannot_be_asked_is_refused_at_once(url: str, model: str, key: str, code: str) -> None:
    with pytest.raises(AgiError) as caught:
        OpenAIServer(url, model, key)

    assert caught.value.code == code
    assert KEY not in caught.value.render()


@pytest.mark.parametrize(("value", "found"), [(None, "nothing"), ("  ", "blanks"), ("a\nb", "(not shown)")])
def test_a_key_that_is_not_there_is_named_by_its_reference(
    value: str | None, found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ASSIST_TEST_KEY")
    if value is not None:
        monkeypatch.setenv("ASSIST_TEST_KEY", value)

    with pytest.raises(AgiError, match="env:ASSIST_TEST_KEY") as caught:
        read_key("env:ASSIST_TEST_KEY")

    assert (caught.value.code, found in str(caught.value.found)) == ("AGI-ASSIST-021", True)


def test_without_a_keyring_its_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "keyring", None)  # as where the package is not installed

    with pytest.raises(AgiError, match="keyring cannot be asked") as caught:
        read_key("keyring:MY_KEY")

    assert (caught.value.code, caught.value.exit_code) == ("AGI-ASSIST-021", 3)
