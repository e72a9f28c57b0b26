"""The worker's end of the channel: a socket that only this process, and in it only this class, can reach."""

from __future__ import annotations

import os
import socket
import threading
from collections import deque

from agi_node.protocol import Decoder, Message, encode

ABOVE = 64
"""The channel moves to a descriptor from here on, out of the way of code that uses small numbers by hand."""


class ManagerGone(Exception):
    """Nobody reads the other end any more."""


class Channel:
    """Sends and receives frames; sending is safe from any thread, receiving belongs to one.

    A forked child has no channel: it is closed there, so a fork can neither write frames nor keep the stream open.
    """

    def __init__(self, descriptor: int) -> None:
        self._socket = socket.socket(fileno=_private(descriptor))
        self._sending = threading.Lock()
        self._held = bytearray()
        self._decoder = Decoder()
        self._ready: deque[Message] = deque()
        self._owner = os.getpid()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._close_in_child)

    def send(self, message: Message, *, hold: bool = False) -> None:
        """Send a message; with `hold` it may wait for the next one, so that both cost one system call."""
        frame = encode(message)
        if os.getpid() != self._owner:
            return
        with self._sending:
            self._held += frame
            if not hold:
                self._write()

    def flush(self) -> None:
        """Send what was held."""
        if os.getpid() == self._owner:
            with self._sending:
                self._write()

    def receive(self) -> Message | None:
        """The next message, None at the end of the stream; raises AGI-PROTO-… for what is no frame."""
        while not self._ready:
            try:
                data = self._socket.recv(1 << 18)
            except ConnectionError:
                data = b""
            if not data:
                self._decoder.end()
                return None
            for message in self._decoder.feed(data):
                self._ready.append(message)
        return self._ready.popleft()

    def _write(self) -> None:
        if not self._held:
            return
        data, self._held = self._held, bytearray()
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise ManagerGone(str(error)) from None

    def _close_in_child(self) -> None:
        os.close(self._socket.detach())


def _private(descriptor: int) -> int:
    try:
        import fcntl
    except ImportError:  # no such call on Windows, where a handle is not inherited unless one says so
        os.set_inheritable(descriptor, False)
        return descriptor
    moved = fcntl.fcntl(descriptor, fcntl.F_DUPFD_CLOEXEC, ABOVE)
    os.close(descriptor)
    return moved
