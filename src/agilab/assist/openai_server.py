"""Any server that speaks the chat protocol, by its URL."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from agi_node.errors import AgiError
from agilab.assist.http_exchange import Exchange
from agilab.assist.keys import checked_reference, read_key
from agilab.assist.prompt import Prompt
from agilab.assist.providers import Answer
from agilab.assist.server import Patience, is_here
from agilab.contracts.uri import public_uri, secret_in


@dataclass(frozen=True)
class OpenAIServer:
    """A model behind a URL. Safe to print: it knows its key by reference alone.

    Attributes:
        url: The base, such as `https://api.openai.com/v1` or `http://127.0.0.1:11434/v1`.
        model: The model to ask.
        key: `env:NAME`, `keyring:NAME`, or empty for a server that asks for none.
        patience: Time limits and tries.
        tell: Is told, in a sentence, when a try is repeated.
    """

    url: str
    model: str
    key: str = ""
    patience: Patience = field(default_factory=Patience)
    tell: Callable[[str], None] = field(default=lambda sentence: None, repr=False, compare=False)

    name = "openai"

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname or secret_in(self.url):
            raise AgiError(
                "AGI-ASSIST-030",
                "the address of the server cannot be used",
                found="(not shown: it may carry credentials)" if secret_in(self.url) else self.url[:120],
                allowed="http:// or https://, a host, and a path; a key by --key, never in the address",
                try_="agilab workflow ask … --url http://127.0.0.1:11434/v1",
            )
        if not self.model.strip():
            raise AgiError(
                "AGI-ASSIST-030",
                "no model is named",
                found="nothing",
                allowed="the name of a model that the server has",
                try_="agilab workflow ask … --model NAME",
            )
        if self.key:
            checked_reference(self.key)
            if parts.scheme == "http" and not is_here(parts.hostname):
                raise AgiError(
                    "AGI-ASSIST-031",
                    "a key is not sent unencrypted to another machine",
                    found=f"{self.shown} and a key",
                    allowed="https://, or a server on this machine",
                )

    @property
    def shown(self) -> str:
        """The address as it may be written down."""
        return public_uri(self.url.rstrip("/"), {})

    def answer(self, prompt: Prompt, hear: Callable[[str], None]) -> Answer:
        """Ask, and hear the answer as it comes.

        What may pass (a full queue, a restart) is tried again as long as nothing was heard. Raises AGI-ASSIST-021 and
        AGI-ASSIST-032 to AGI-ASSIST-039: one for each way in which this fails, with what to do.
        """
        key = read_key(self.key) if self.key else None
        began = time.monotonic()
        exchange = Exchange(self, key, began + self.patience.whole)
        reply = exchange.ask(prompt, hear)
        seconds = round(time.monotonic() - began, 3)
        return Answer(reply.text, model=reply.model or self.model, server=self.shown, seconds=seconds)
