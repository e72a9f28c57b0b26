"""How a question over HTTP fails, each way in words of its own, with what to do."""

from __future__ import annotations

import http.client
from collections.abc import Callable
from typing import Any, NoReturn
from urllib import error

from agi_node.errors import ENVIRONMENT, FAILED, AgiError
from agilab.assist.completions import Failed
from agilab.assist.server import Server


class Failures:
    """Raises what became of a question to a server.

    Responsible for: the words, in which no key ever stands (`clean` takes it out of what the server said).
    Not responsible for: whether the question is asked again.
    """

    def __init__(self, server: Server, clean: Callable[[str], str]) -> None:
        self._server, self._clean = server, clean

    def refused(self, status: int, said: str, models: Callable[[], list[str]]) -> NoReturn:
        found = f"{status}{': ' + said if said else ''}"
        key = self._server.key
        if status in (401, 403):
            self._fail(
                "AGI-ASSIST-033",
                "does not accept the key" if key else "asks for a key",
                found,
                f"a key that may use {self._server.model!r}",
                f"set {key} anew" if key else "agilab workflow ask … --key env:NAME",
                ENVIRONMENT,
            )
        if status == 404:
            there = models()
            self._fail(
                "AGI-ASSIST-034",
                f"has no model {self._server.model!r}, or nothing at this address",
                found,
                f"one of its models: {', '.join(there)}"
                if there
                else "an address that ends before /chat/completions",
                f"agilab workflow ask … --model {there[0]}" if there else f"curl {self._server.shown}/models",
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
        if status >= 500 or status in (408, 409, 425):
            self._fail(
                "AGI-ASSIST-036",
                f"failed, {self._server.patience.tries} times",
                found,
                "an answer",
                "ask again later, or look at its log",
                ENVIRONMENT,
            )
        self._fail(
            "AGI-ASSIST-037", "does not accept the request", found, "the chat protocol", "try another model"
        )

    def failed(self, failed: Failed, models: Callable[[], list[str]], *, heard: bool) -> NoReturn:
        """An error that came with status 200: in place of an answer, or in the middle of one."""
        said = failed.said
        if heard:
            what = "failed in the middle of its answer"
            self._fail("AGI-ASSIST-039", what, said, "a whole answer", "ask again", ENVIRONMENT)
        if failed.status is not None:
            self.refused(failed.status, said, models)
        self._fail(
            "AGI-ASSIST-037",
            "answers with an error",
            said,
            "an answer",
            "look at its log, or try another model",
            ENVIRONMENT,
        )

    def lost(self, lost: Exception, *, heard: bool) -> NoReturn:
        reason = self._clean(reason_of(lost))
        if heard or isinstance(lost, http.client.IncompleteRead):
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
            f"curl {self._server.shown}/models",
            ENVIRONMENT,
        )

    def silent(self, left: float, silence: float, *, heard: bool) -> NoReturn:
        """It was reached, and then said nothing for too long, or not all in all the time there was."""
        late = left <= 0
        self._fail(
            "AGI-ASSIST-039" if heard or late else "AGI-ASSIST-032",
            "takes too long for its answer" if late else "fell silent" if heard else "says nothing",
            "not all of it in the time there is" if late else f"no word for {silence:g} s",
            "an answer",
            "ask for less at once, ask a smaller model, or look at its log",
            ENVIRONMENT,
        )

    def echoed(self) -> NoReturn:
        self._fail(
            "AGI-ASSIST-022",
            "repeats the key in its answer, which is not kept",
            "(not shown: the key)",
            "an answer without it",
            "ask another server, and set a new key if you do not trust this one",
        )

    def impatient(self, seconds: float, longest: float) -> NoReturn:
        self._fail(
            "AGI-ASSIST-035",
            "asks to be left alone for longer than anybody waits here",
            f"{seconds:.0f} s",
            f"up to {longest:.0f} s",
            "ask again later",
            ENVIRONMENT,
        )

    def declined(self, said: str) -> NoReturn:
        self._fail(
            "AGI-ASSIST-038",
            "declined to answer",
            self._clean(" ".join(said.split()))[:200] or "stopped by its content filter",
            "an answer",
            "ask in other words, or another model",
        )

    def wordless(self, tools: str, *, thought: bool) -> NoReturn:
        """A whole reply in which nothing is said: a call of `tools` in its place, or thoughts alone."""
        self._fail(
            "AGI-ASSIST-038",
            "gave no answer",
            f"a call of a tool, {tools}, and none is offered"
            if tools
            else "its thoughts, and no word after them"
            if thought
            else "an empty text",
            "an answer in words",
            "ask again with --model and one that answers without tools"
            if tools
            else "ask again, or another model",
        )

    def cut_short(self, length: int) -> NoReturn:
        self._fail(
            "AGI-ASSIST-039",
            "stopped in the middle of its answer",
            f"its limit, after {length:,} characters",
            "a whole answer",
            "ask for less at once, or raise the limit of the server",
        )

    def malformed(self, odd: str) -> NoReturn:
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
            f"{self._server.shown} {what}",
            found=found,
            allowed=allowed,
            try_=try_,
            whose=whose,
            exit_code=exit_code,
        ) from None


def reason_of(lost: Exception) -> str:
    """Why a connection failed, in a few words."""
    inner = lost.reason if isinstance(lost, error.URLError) else lost
    if isinstance(inner, TimeoutError):
        return "no word in time"
    if isinstance(inner, http.client.IncompleteRead | http.client.RemoteDisconnected | ConnectionResetError):
        return "the connection was cut"
    text = inner.strerror if isinstance(inner, OSError) and inner.strerror else str(inner)
    return " ".join(text.split())[:160] or type(inner).__name__
