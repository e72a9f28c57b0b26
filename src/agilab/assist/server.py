"""A server that is asked: what an exchange needs to know of it, and how patient we are with it."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Patience:
    """How long to wait, in seconds, and how often to try."""

    silence: float = 180.0
    """For the next piece of a response: a model on a small machine reads a long prompt before its first word."""
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


def is_here(host: str) -> bool:
    """Whether a host is this machine, by its very name: nothing is looked up."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
