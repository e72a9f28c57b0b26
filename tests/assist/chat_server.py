"""A real HTTP server on loopback that speaks the chat protocol, and misbehaves on request.

What it answers is a list of steps, one for each request to `/v1/chat/completions`; the last one stays.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Step = Callable[["Handler", dict[str, Any]], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ChatServer

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        if self.path == "/v1/models":
            self.json(
                200, {"object": "list", "data": [{"id": "small-1", "object": "model"}, {"id": "large-2"}]}
            )
        else:
            self.json(404, {"error": {"message": "nothing here"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            self.server.asked.append({"path": self.path, "body": body, "headers": dict(self.headers)})
            steps = self.server.steps
            step = steps.pop(0) if len(steps) > 1 else steps[0]
        step(self, body)

    def json(self, status: int, plain: Any, **headers: str) -> None:
        self.raw(status, json.dumps(plain).encode(), "application/json", **headers)

    def raw(self, status: int, data: bytes, media: str, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", media)
        self.send_header("Content-Length", str(len(data)))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def event(self, data: str) -> None:
        line = f"data: {data}\n\n".encode()
        self.wfile.write(f"{len(line):x}\r\n".encode() + line + b"\r\n")
        self.wfile.flush()

    def begin_events(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def end_events(self) -> None:
        self.wfile.write(b"0\r\n\r\n")


class ChatServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, steps: list[Step]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.steps, self.lock = steps, threading.Lock()
        self.asked: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up is part of the game


@contextmanager
def serving(*steps: Step) -> Iterator[ChatServer]:
    """A server for the time of the block."""
    server = ChatServer(list(steps))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def chunk(content: str | None, finish: str | None = None, **more: Any) -> str:
    delta = {"content": content} if content is not None else {}
    choice = {"index": 0, "delta": {**delta, **more}, "finish_reason": finish}
    return json.dumps(
        {"id": "1", "object": "chat.completion.chunk", "created": 0, "model": "small-1", "choices": [choice]}
    )


def streams(*pieces: str, finish: str | None = "stop", done: bool = True, pause: float = 0.0) -> Step:
    """The text in pieces, as events."""

    def step(handler: Handler, body: dict[str, Any]) -> None:
        handler.begin_events()
        handler.event(chunk("", role="assistant"))
        for piece in pieces:
            handler.event(chunk(piece))
            time.sleep(pause)
        if finish is not None:
            handler.event(chunk(None, finish))
        if done:
            handler.event(json.dumps({"id": "1", "choices": [], "usage": {"total_tokens": 3}}))
            handler.event("[DONE]")
        handler.end_events()

    return step


def whole(text: str | None, finish: str = "stop", **message: Any) -> Step:
    """The text as one JSON object, whether or not a stream was asked for."""

    def step(handler: Handler, body: dict[str, Any]) -> None:
        choice = {
            "index": 0,
            "message": {"role": "assistant", "content": text, **message},
            "finish_reason": finish,
        }
        handler.json(
            200,
            {"id": "1", "object": "chat.completion", "created": 0, "model": "small-1", "choices": [choice]},
        )

    return step


def refuses(status: int, message: str = "no", **headers: str) -> Step:
    return lambda handler, body: handler.json(status, {"error": {"message": message, "type": "x"}}, **headers)


def says(status: int, data: bytes, media: str = "application/json") -> Step:
    return lambda handler, body: handler.raw(status, data, media)


def hangs_up(*pieces: str) -> Step:
    """Some pieces, and then a closed connection in the middle of an event."""

    def step(handler: Handler, body: dict[str, Any]) -> None:
        if pieces:
            handler.begin_events()
            for piece in pieces:
                handler.event(chunk(piece))
            handler.wfile.write(b"40\r\ndata: {")
            handler.wfile.flush()
        handler.close_connection = True
        handler.connection.close()

    return step


def sleeps(seconds: float, *pieces: str) -> Step:
    """Some pieces, and then silence."""

    def step(handler: Handler, body: dict[str, Any]) -> None:
        if pieces:
            handler.begin_events()
            for piece in pieces:
                handler.event(chunk(piece))
        time.sleep(seconds)
        handler.close_connection = True

    return step
