"""One question over HTTP: its tries and its pieces.

The standard library's client is enough for one request and a stream of lines, and keeps what a key may reach in sight:
no redirect is followed, no variable of the environment is read besides the proxies, nothing is logged.
"""

from __future__ import annotations

import contextlib
import http.client
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib import error, request
from urllib.parse import urlsplit

from agilab.assist.completions import Failed, Malformed, Reply, error_message, json_object, request_body
from agilab.assist.http_failures import Failures, reason_of
from agilab.assist.keys import Key
from agilab.assist.prompt import Prompt
from agilab.assist.server import Server, is_here
from agilab.assist.sse import events

LARGEST_RESPONSE = 8 << 20
LONGEST_LINE = 1 << 20
CONNECTING = 20.0
"""Seconds until a server is there; a word may take longer."""
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
_LONGEST_WAIT = 30.0


class _NoRedirect(request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None  # it would carry the key to another place


class _Http(request.HTTPHandler):
    """Connects within `CONNECTING` seconds, however long may be waited for a word afterwards."""

    def do_open(self, http_class: Any, req: request.Request, **more: Any) -> Any:
        return super().do_open(_connecting(http_class), req, **more)


class _Https(request.HTTPSHandler):
    """The same over TLS."""

    def do_open(self, http_class: Any, req: request.Request, **more: Any) -> Any:
        return super().do_open(_connecting(http_class), req, **more)


def _connecting(http_class: Any) -> Callable[..., Any]:
    def made(host: str, timeout: float, **more: Any) -> Any:
        class Connection(http_class):  # type: ignore[misc]  # http or https
            def connect(self) -> None:
                super().connect()
                self.sock.settimeout(timeout)

        return Connection(host, timeout=min(timeout, CONNECTING), **more)

    return made


class Exchange:
    """One question to one server, with its tries."""

    def __init__(self, server: Server, key: Key | None, deadline: float) -> None:
        self.server, self.key, self.deadline = server, key, deadline
        here = is_here(urlsplit(server.url).hostname or "")
        # A proxy of the environment is for the way out; what is on this machine is not behind it.
        proxies = [request.ProxyHandler({})] if here else []
        self.opener = request.build_opener(_NoRedirect, _Http, _Https, *proxies)
        self.failures = Failures(server, self._clean)
        self.heard = False
        self._held = ""
        self.temperature = True

    def ask(self, prompt: Prompt, hear: Callable[[str], None]) -> Reply:
        patience = self.server.patience
        for tried in range(1, patience.tries + 1):
            problem: Failed | Malformed | None = None
            try:
                return self._once(prompt, hear)
            except error.HTTPError as refused:
                body = self._body(refused)
                if refused.code == 400 and self.temperature and "temperature" in body:
                    self.temperature = False  # models that reason have one of their own, and refuse any
                    return self.ask(prompt, hear)
                if refused.code not in _AGAIN or tried == patience.tries:
                    self.failures.refused(refused.code, body, self._models)
                self._pause(tried, refused.headers.get("Retry-After"), f"{refused.code} {body}".strip())
            except (OSError, http.client.HTTPException) as lost:
                if isinstance(
                    lost, TimeoutError
                ):  # it is there, and at work: asked again, it would begin anew
                    self.failures.silent(self._left_over(), patience.silence, heard=self.heard)
                if self.heard or tried == patience.tries:
                    self.failures.lost(lost, heard=self.heard)
                self._pause(tried, None, reason_of(lost))
            except (Failed, Malformed) as odd:
                # Told below, where no exception that may hold an echo of the key is its context.
                problem = (
                    odd.cleaned(self._clean) if isinstance(odd, Failed) else Malformed(self._clean(str(odd)))
                )
            if isinstance(problem, Malformed):
                self.failures.malformed(str(problem))
            if isinstance(problem, Failed):
                if self.heard or problem.status not in _AGAIN or tried == patience.tries:
                    self.failures.failed(problem, self._models, heard=self.heard)
                self._pause(tried, None, f"{problem.status} {problem.said}")
        raise AssertionError(patience)

    def _once(self, prompt: Prompt, hear: Callable[[str], None]) -> Reply:
        body = request_body(self.server.model, prompt.messages, stream=True, temperature=self.temperature)
        reply, self._held = Reply(), ""
        with self.opener.open(self._request("/chat/completions", body), timeout=self._left()) as response:
            if "text/event-stream" in response.headers.get("Content-Type", ""):
                for data in events(self._lines(response)):
                    if data.strip() == "[DONE]":
                        reply.done = True
                        break
                    self._say(reply.take(json_object(data), "delta"), hear)
            else:
                # A server that does not stream answers as a whole.
                self._say(reply.take(json_object(b"".join(self._lines(response))), "message"), hear)
                reply.done = True
        whole = self._whole(reply)
        if self._held:
            hear(self._held)
        return whole

    def _say(self, piece: str, hear: Callable[[str], None]) -> None:
        """Let a piece be heard; its end only once it cannot be the beginning of the key, sent back."""
        if piece:
            self.heard = True
            self._held += piece
            kept = 0 if self.key is None else self.key.begun_in(self._held)
            said, self._held = self._held[: len(self._held) - kept], self._held[len(self._held) - kept :]
            if said and (self.key is None or not self.key.is_in(said)):
                hear(said)

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        """The lines of a response, the last one without an end too. Raises `TimeoutError` at the deadline."""
        taken, rest = 0, b""
        while data := response.read1(1 << 16):
            taken += len(data)
            *lines, rest = (rest + data).split(b"\n")
            if taken > LARGEST_RESPONSE or max(map(len, [*lines, rest])) > LONGEST_LINE:
                raise Malformed("more than a response of text ever has")
            if self._left_over() <= 0:
                raise TimeoutError
            yield from (line + b"\n" for line in lines)
        if rest:
            yield rest

    def _request(self, path: str, body: bytes | None = None) -> request.Request:
        headers = {"Accept": "text/event-stream, application/json", "User-Agent": "agilab"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        made = request.Request(self.server.url.rstrip("/") + path, data=body, headers=headers)
        if self.key is not None:
            made.add_unredirected_header("Authorization", self.key.header())
        return made

    def _left(self) -> float:
        return max(0.001, min(self.server.patience.silence, self._left_over()))

    def _left_over(self) -> float:
        return self.deadline - time.monotonic()

    def _whole(self, reply: Reply) -> Reply:
        """The reply, if it is one, without the key in the name of its model."""
        if self.key is not None and self.key.is_in(reply.text):
            self.failures.echoed()
        reply.model = self._clean(reply.model)
        if reply.refusals or reply.finish == "content_filter":
            self.failures.declined("".join(reply.refusals))
        if not reply.done and reply.finish is None:
            raise http.client.IncompleteRead(reply.text.encode())
        if reply.finish == "length":
            self.failures.cut_short(len(reply.text))
        if not reply.text.strip():
            self.failures.wordless(self._clean(", ".join(reply.tools)), thought=reply.thought)
        return reply

    def _pause(self, tried: int, wish: str | None, why: str) -> None:
        seconds = self.server.patience.pause * 2 ** (tried - 1)
        if wish is not None and wish.strip().isdigit():
            seconds = float(wish)
        if seconds > _LONGEST_WAIT or seconds > self._left_over():
            self.failures.impatient(seconds, _LONGEST_WAIT)
        self.server.tell(f"{self._clean(why)[:120]}; trying again in {seconds:g} s")
        time.sleep(seconds)

    def _body(self, refused: error.HTTPError) -> str:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            return self._clean(error_message(refused.read(1 << 16)))
        return ""

    def _models(self) -> list[str]:
        """The models that the server says it has; none where it does not say."""
        with contextlib.suppress(OSError, http.client.HTTPException, Malformed, ValueError):
            with self.opener.open(self._request("/models"), timeout=min(5.0, self._left())) as response:
                listed = json_object(response.read(1 << 20)).get("data")
            names = (
                [str(one.get("id")) for one in listed if isinstance(one, dict)]
                if isinstance(listed, list)
                else []
            )
            return [self._clean(name)[:60] for name in names[:8]]
        return []

    def _clean(self, text: str) -> str:
        return self.key.removed_from(text) if self.key is not None else text
