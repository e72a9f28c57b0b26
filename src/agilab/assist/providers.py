"""Who answers: a protocol, and which providers there are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from agilab.assist.prompt import Prompt

NAMES = ("offline", "openai", "replay")


@dataclass(frozen=True)
class Answer:
    """What came back, word by word.

    Attributes:
        text: The whole response.
        model: Which model says that it answered; empty where none did.
        server: The address that was asked, without credentials; None where nothing left this machine.
        seconds: From question to last word.
    """

    text: str
    model: str = ""
    server: str | None = None
    seconds: float = 0.0


class AssistProvider(Protocol):
    """Answers a prompt.

    Responsible for: an answer as text, or an error that says what to do. Not responsible for: what the text means,
    whether it is any good, keeping it.
    """

    @property
    def name(self) -> str:
        """One of `NAMES`."""

    def answer(self, prompt: Prompt, hear: Callable[[str], None]) -> Answer:
        """The answer; each piece of its text is also given to `hear` as it comes. Raises AGI-ASSIST-…"""
