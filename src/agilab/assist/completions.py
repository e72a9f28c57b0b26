"""The JSON of the chat protocol: what is sent, and what a response, whole or in pieces, says.

The protocol is `POST /chat/completions` as OpenAI publishes it and as llama.cpp, vLLM, Ollama, LM Studio and many
gateways speak it; only what all of them share is relied on.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from agilab.contracts.assistance import Message


class Malformed(ValueError):
    """A response that is not in the protocol; the text says in which way."""


class Failed(Exception):
    """The server says that it failed, in place of an answer or in the middle of one.

    Attributes:
        status: The HTTP status that such a failure has; None where the server does not say.
        said: Its words.
    """

    def __init__(self, status: int | None, said: str) -> None:
        super().__init__(said)
        self.status, self.said = status, said

    @classmethod
    def of(cls, error: dict[str, Any] | str) -> Failed:
        """What an `error` says: its number, or one of the words that servers use for it."""
        if isinstance(error, str):
            error = {"message": error}
        given = [error.get(name) for name in ("status", "code", "type", "message")]
        texts = [str(one) for one in given if one is not None]
        numbers = [int(text) for text in texts if re.fullmatch("[45][0-9]{2}", text)]
        words = " ".join(texts).lower()
        known = [status for word, status in _STATUS.items() if word in words]
        status = next(iter([*numbers, *known]), None)
        return cls(status, " ".join(str(error.get("message") or error).split())[:200])

    def cleaned(self, clean: Callable[[str], str]) -> Failed:
        """The same in words that may be shown."""
        return Failed(self.status, clean(self.said))


_STATUS = {
    "overloaded": 503,
    "unavailable": 503,
    "rate_limit": 429,
    "authentication": 401,
    "internal_server_error": 500,
    "server_error": 500,
}
"""Words of errors that come with status 200, in a stream that has begun, and what they would be before it."""


_THOUGHTS = ("reasoning_content", "reasoning", "thinking")
"""Where servers put what a model thinks, beside its answer."""


@dataclass
class Reply:
    """A response as far as it has come."""

    pieces: list[str] = field(default_factory=list)
    refusals: list[str] = field(default_factory=list)
    model: str = ""
    finish: str | None = None
    """Why it ended: `stop`, `length`, `content_filter` …; None while it has not."""
    done: bool = False
    """Whether the server said that nothing more comes."""
    tools: list[str] = field(default_factory=list)
    """The names of tools that it would call, though none is offered."""
    thought: bool = False
    """Whether it said what it thinks, apart from the answer."""

    @property
    def text(self) -> str:
        return "".join(self.pieces)

    def take(self, data: dict[str, Any], part: str) -> str:
        """Take in a response (`part` is `message`) or a piece of one (`delta`); returns the new text.

        Raises `Malformed`, and `Failed` for an error of the server.
        """
        if isinstance(data.get("error"), dict | str) and data["error"]:
            raise Failed.of(data["error"])
        self.model = str(data.get("model") or self.model)
        choices = data.get("choices")
        if not isinstance(choices, list):
            raise Malformed("no choices")
        if not choices:
            return ""  # a last piece with the usage alone
        first = choices[0]
        said = first.get(part) if isinstance(first, dict) else None
        if not isinstance(said, dict):
            raise Malformed(f"a choice without a {part}")
        content, refusal = said.get("content"), said.get("refusal")
        if isinstance(content, list):  # parts, of servers that also answer with pictures
            content = "".join(str(piece.get("text", "")) for piece in content if isinstance(piece, dict))
        if not isinstance(content, str | None):
            raise Malformed(f"a {part} whose content is no text")
        calls = [one for one in said.get("tool_calls") or () if isinstance(one, dict)]
        named = [one["function"].get("name") for one in calls if isinstance(one.get("function"), dict)]
        self.tools += [str(name)[:60] for name in named if name]
        self.thought = self.thought or any(said.get(name) for name in _THOUGHTS)
        if isinstance(refusal, str) and refusal:
            self.refusals.append(refusal)
        if first.get("finish_reason") is not None:
            self.finish = str(first["finish_reason"])
        if content:
            self.pieces.append(content)
        return content or ""


def request_body(model: str, messages: Iterable[Message], *, stream: bool, temperature: bool) -> bytes:
    """The request; with temperature 0 where the model takes one, so that it answers as evenly as it can."""
    body: dict[str, Any] = {
        "model": model,
        "messages": [message.plain() for message in messages],
        "stream": stream,
    }
    if temperature:
        body["temperature"] = 0
    return json.dumps(body, ensure_ascii=True).encode("ascii")


def json_object(data: bytes | str) -> dict[str, Any]:
    """The bytes as a JSON object. Raises `Malformed`."""
    try:
        found = json.loads(data)
    except (ValueError, RecursionError):
        text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
        raise Malformed(f"no JSON: {' '.join(text.split())[:120] or 'nothing'}") from None
    if not isinstance(found, dict):
        raise Malformed("JSON that is no object")
    return found


def error_message(data: bytes) -> str:
    """What the body of an error says, in a line: its message where it is in the protocol, otherwise its beginning."""
    try:
        error = json_object(data).get("error")
        text = error.get("message", "") if isinstance(error, dict) else error
    except Malformed:
        text = data.decode("utf-8", "replace")
        text = "a page of HTML" if text.lstrip().lower().startswith(("<!doctype", "<html")) else text
    return " ".join(str(text or "").split())[:200]
