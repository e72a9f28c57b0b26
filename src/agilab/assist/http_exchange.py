"""One question over HTTP: its tries, its pieces, and words for each way in which it fails.

The standard library's client is enough for one request and a stream of lines, and keeps what a key may reach in sight:
no redirect is followed, no variable of the environment is read besides the proxies, nothing is logged.
"""

from __future__ import annotations

import contextlib
import http.client
import ipaddress
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, Protocol
from urllib import error, request
from urllib.parse import urlsplit

from agi_node.errors import ENVIRONMENT, FAILED, AgiError
from agilab.assist.completions import Failed, Malformed, Reply, error_message, json_object, request_body
from agilab.assist.keys import Key
from agilab.assist.prompt import Prompt
from agilab.assist.sse import events

LARGEST_RESPONSE = 8 << 20
LONGEST_LINE = 1 << 20
_AGAIN = (408, 409, 425, 429, 500, 502, 503, 504)
_LONGEST_WAIT = 30.0


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try."""

    silence: float = 60.0
    """For the next piece of a response."""
    whole: float = 600.0
    """For the whole answer."""
    tries: int = 3
    pause: float = 1.0
    """Before the second try; twice as long before each further one, unless the server says how long."""


class Server(Protocol):
    """What an exchange needs to know of the server."""

    @property
    def url(self) -> str: ...
    @property
    def model(self) -> str: ...
    @property
    def key(self) -> str:
        """A reference; empty for none."""

    @property
    def patience(self) -> Patience: ...
    @property
    def tell(self) -> Callable[[str], None]:
        """Is told, in a sentence, when a try is repeated."""

    @property
    def shown(self) -> str:
        """The address as it may be written down."""


class _NoRedirect(request.HTTPRedirectHandler):
    def redirect_request(self, *_: Any) -> None:
        return None  # it would carry the key to another place


class Exchange:
    """One question to one server, with its tries."""

    def __init__(self, server: Server, key: Key | None, deadline: float) -> None:
        self.server, self.key, self.deadline = server, key, deadline
        here = is_here(urlsplit(server.url).hostname or "")
        # A proxy of the environment is for the way out; what is on this machine is not behind it.
        proxies = [request.ProxyHandler({})] if here else []
        self.opener = request.build_opener(_NoRedirect, *proxies)
        self.heard = False
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
                    self._refused(refused.code, body)
                self._pause(tried, refused.headers.get("Retry-After"), f"{refused.code} {body}".strip())
            except (OSError, http.client.HTTPException) as lost:
                if self.heard or tried == patience.tries:
                    self._lost(lost)
                self._pause(tried, None, _reason(lost))
            except (Failed, Malformed) as odd:
                # Told below, where no exception that may hold an echo of the key is its context.
                problem = (
                    odd.cleaned(self._clean) if isinstance(odd, Failed) else Malformed(self._clean(str(odd)))
                )
            if isinstance(problem, Malformed):
                self._malformed(str(problem))
            if isinstance(problem, Failed):
                if self.heard or problem.status not in _AGAIN or tried == patience.tries:
                    self._failed(problem)
                self._pause(tried, None, f"{problem.status} {problem.said}")
        raise AssertionError(patience)

    def _once(self, prompt: Prompt, hear: Callable[[str], None]) -> Reply:
        body = request_body(self.server.model, prompt.messages, stream=True, temperature=self.temperature)
        reply = Reply()
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
        return self._whole(reply)

    def _say(self, piece: str, hear: Callable[[str], None]) -> None:
        if piece:
            self.heard = True
            hear(piece)

    def _lines(self, response: http.client.HTTPResponse) -> Iterator[bytes]:
        taken = 0
        while line := response.readline(LONGEST_LINE + 1):
            taken += len(line)
            if taken > LARGEST_RESPONSE or len(line) > LONGEST_LINE:
                raise Malformed("more than a response of text ever has")
            if time.monotonic() > self.deadline:
                raise TimeoutError("the whole answer took too long")
            yield line

    def _request(self, path: str, body: bytes | None = None) -> request.Request:
        headers = {"Accept": "text/event-stream, application/json", "User-Agent": "agilab"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        made = request.Request(self.server.url.rstrip("/") + path, data=body, headers=headers)
        if self.key is not None:
            made.add_unredirected_header("Authorization", self.key.header())
        return made

    def _left(self) -> float:
        return max(0.001, min(self.server.patience.silence, self.deadline - time.monotonic()))

    def _whole(self, reply: Reply) -> Reply:
        if reply.refusals or reply.finish == "content_filter":
            said = self._clean(" ".join("".join(reply.refusals).split())[:200])
            self._fail(
                "AGI-ASSIST-038",
                "declined to answer",
                said or "stopped by its content filter",
                "an answer",
                "ask in other words, or another model",
            )
        if not reply.done and reply.finish is None:
            raise http.client.IncompleteRead(reply.text.encode())
        if reply.finish == "length":
            self._fail(
                "AGI-ASSIST-039",
                "stopped in the middle of its answer",
                f"its limit, after {len(reply.text):,} characters",
                "a whole answer",
                "ask for less at once, or raise the limit of the server",
            )
        if not reply.text.strip():
            raise Malformed("an answer without text")
        return reply

    # -- what goes wrong -----------------------------------------------------------------------------------------

    def _pause(self, tried: int, wish: str | None, why: str) -> None:
        seconds = self.server.patience.pause * 2 ** (tried - 1)
        if wish is not None and wish.strip().isdigit():
            seconds = float(wish)
        if seconds > _LONGEST_WAIT or time.monotonic() + seconds > self.deadline:
            self._fail(
                "AGI-ASSIST-035",
                "asks to be left alone for longer than anybody waits here",
                f"{seconds:.0f} s",
                f"up to {_LONGEST_WAIT:.0f} s",
                "ask again later",
                ENVIRONMENT,
            )
        self.server.tell(f"{self._clean(why)[:120]}; trying again in {seconds:g} s")
        time.sleep(seconds)

    def _body(self, refused: error.HTTPError) -> str:
        with contextlib.suppress(OSError, http.client.HTTPException, ValueError):
            return self._clean(error_message(refused.read(1 << 16)))
        return ""

    def _refused(self, status: int, said: str) -> NoReturn:
        found = f"{status}{': ' + said if said else ''}"
        key = self.server.key
        if status in (401, 403):
            self._fail(
                "AGI-ASSIST-033",
                "does not accept the key" if key else "asks for a key",
                found,
                f"a key that may use {self.server.model!r}",
                f"set {key} anew" if key else "agilab workflow ask … --key env:NAME",
                ENVIRONMENT,
            )
        if status == 404:
            models = self._models()
            self._fail(
                "AGI-ASSIST-034",
                f"has no model {self.server.model!r}, or nothing at this address",
                found,
                f"one of its models: {', '.join(models)}"
                if models
                else "an address that ends before /chat/completions",
                f"agilab workflow ask … --model {models[0]}"
                if models
                else f"curl {self.server.shown}/models",
            )
        if status == 429:
            self._fail(
                "AGI-ASSIST-035",
                "takes no more questions for now",
                found,
                "fewer, or a larger quota",
                "ask again later, or another server",
                ENVIRONMENT,
            )
        if 300 <= status < 400:
            self._fail(
                "AGI-ASSIST-032",
                "sends elsewhere, and that is not followed: the key would go along",
                found,
                "the address itself",
                "give the address where it sends to",
            )
        if status >= 500:
            self._fail(
                "AGI-ASSIST-036",
                f"failed, {self.server.patience.tries} times",
                found,
                "an answer",
                "ask again later, or look at its log",
                ENVIRONMENT,
            )
        self._fail(
            "AGI-ASSIST-037", "does not accept the request", found, "the chat protocol", "try another model"
        )

    def _failed(self, failed: Failed) -> NoReturn:
        """An error that came with status 200: in place of an answer, or in the middle of one."""
        said = failed.said
        if self.heard:
            what = "failed in the middle of its answer"
            self._fail("AGI-ASSIST-039", what, said, "a whole answer", "ask again", ENVIRONMENT)
        if failed.status is not None:
            self._refused(failed.status, said)
        self._fail(
            "AGI-ASSIST-037",
            "answers with an error",
            said,
            "an answer",
            "look at its log, or try another model",
            ENVIRONMENT,
        )

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

    def _lost(self, lost: Exception) -> NoReturn:
        reason = self._clean(_reason(lost))
        if self.heard or isinstance(lost, http.client.IncompleteRead):
            self._fail(
                "AGI-ASSIST-039",
                "broke off in the middle of its answer",
                reason,
                "a whole answer",
                "ask again",
                ENVIRONMENT,
            )
        self._fail(
            "AGI-ASSIST-032",
            "cannot be reached",
            reason,
            "a server that listens there",
            f"curl {self.server.shown}/models",
            ENVIRONMENT,
        )

    def _malformed(self, odd: str) -> NoReturn:
        self._fail(
            "AGI-ASSIST-037",
            "does not speak the chat protocol",
            odd[:200],
            "its JSON, whole or in events",
            "look whether the address ends in /v1",
            ENVIRONMENT,
        )

    def _fail(
        self, code: str, what: str, found: str, allowed: str, try_: str, exit_code: int = FAILED
    ) -> NoReturn:
        whose: Any = "environment" if exit_code == ENVIRONMENT else "user"
        raise AgiError(
            code,
            f"{self.server.shown} {what}",
            found=found,
            allowed=allowed,
            try_=try_,
            whose=whose,
            exit_code=exit_code,
        ) from None

    def _clean(self, text: str) -> str:
        return self.key.removed_from(text) if self.key is not None else text


def is_here(host: str) -> bool:
    """Whether a host is this machine, by its very name: nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _reason(lost: Exception) -> str:
    inner = lost.reason if isinstance(lost, error.URLError) else lost
    if isinstance(inner, TimeoutError):
        return "no word in time"
    if isinstance(inner, http.client.IncompleteRead | http.client.RemoteDisconnected | ConnectionResetError):
        return "the connection was cut"
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return " ".join(text.split())[:160] or type(inner).__name__
