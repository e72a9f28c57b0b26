"""A real Chromium that tests look at pages with, by its DevTools protocol over a pair of pipes: needs no library.

<https://chromedevtools.github.io/devtools-protocol/>; with `--remote-debugging-pipe` messages are JSON ended by a NUL.
"""

from __future__ import annotations

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
SWITCHES = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-quic",
    "--no-first-run",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)
PATIENCE_S = 60.0
_GIVE = """
import os, sys
reads, writes = (os.dup(int(one)) for one in sys.argv[1:3])
far = [os.dup2(reads, 60), os.dup2(writes, 61)]
os.dup2(far[0], 3), os.dup2(far[1], 4)
os.closerange(5, 62)
os.execvp(sys.argv[3], sys.argv[3:])
"""
"""Puts the pipes where the browser looks for them, at 3 and 4, and becomes the browser."""
LOOK = Path(__file__).with_name("look.js")


def find_browser() -> str | None:
    """The command of a browser on this machine; `AGILAB_BROWSER` names another."""
    named = os.environ.get("AGILAB_BROWSER")
    return next(filter(None, map(shutil.which, [named] if named else NAMES)), None)


@dataclass
class Page:
    """A page as it is shown, and what a person or a machine would complain about.

    Attributes:
        asked: Addresses that the page wanted besides its own.
        said: Errors and warnings of the console, and exceptions.
    """

    browser: Browser
    session: str
    asked: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self.browser.send(method, self.session, **parameters)

    def evaluate(self, expression: str) -> Any:
        """What an expression of JavaScript is worth, as plain data. Raises AssertionError for one that throws."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def show(self, scheme: str, width: int, height: int = 800) -> None:
        """In a window of this width (px), for somebody who likes it `light` or `dark`."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self.send("Emulation.setDeviceMetricsOverride", **size)
        self.send("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def press(self, key: str) -> None:
        """A key of the keyboard, down and up."""
        code = {"Tab": 9, "Escape": 27, "Enter": 13}.get(key, 0)
        for kind in ("rawKeyDown", "keyUp"):
            self.send("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code)

    def screenshot(self, path: Path) -> Path:
        """The whole page as a PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(answer["data"]))
        return path

    def complaints(self) -> list[str]:
        """What is wrong with it as it is shown (`look.js` says what is looked for), what it fetched, what it said."""
        found = list(self.evaluate(f"({LOOK.read_text(encoding='utf-8')})()"))
        return [*found, *(f"fetches {one}" for one in self.asked), *(f"says {one}" for one in self.said)]


class Browser:
    """A browser with a profile of its own, ended with all of its processes."""

    def __init__(self, command: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="agilab-browser-")
        ours, theirs = os.pipe(), os.pipe()  # what the browser reads, what it writes
        given = [str(ours[0]), str(theirs[1])]
        words = [command, *SWITCHES, f"--user-data-dir={self._profile}", "about:blank"]
        self._process = subprocess.Popen(
            [sys.executable, "-c", _GIVE, *given, *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            pass_fds=(ours[0], theirs[1]),
            start_new_session=True,
        )
        os.close(ours[0])
        os.close(theirs[1])
        self._out, self._in = ours[1], theirs[0]
        self._number = 0
        self._buffer = b""
        self._pages: dict[str, Page] = {}

    def send(self, method: str, session: str | None = None, **parameters: Any) -> dict[str, Any]:
        """Do a command of the protocol; its result. Raises AssertionError where the browser refuses it."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if session is not None:
            message["sessionId"] = session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self._out, data) :]
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result

    @contextmanager
    def page(self, address: str, *, scheme: str = "light", width: int = 1280) -> Iterator[Page]:
        """A page at an address, in a window of this width (px), for somebody who likes it light or dark."""
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        page = self._pages[session] = Page(self, session)
        try:
            for domain in ("Page", "Runtime", "Log", "Network"):
                page.send(f"{domain}.enable")
            page.show(scheme, width)
            failed = page.send("Page.navigate", url=address).get("errorText")
            assert not failed, f"{address}: {failed}"
            self._wait(page, address)
            page.asked = [one for one in page.asked if one != address and not one.startswith("data:")]
            yield page
        finally:
            del self._pages[session]
            self.send("Target.closeTarget", targetId=target)

    def close(self) -> None:
        """End the browser, and nothing else."""
        with suppress(AssertionError, OSError, subprocess.TimeoutExpired):
            self.send("Browser.close")
            self._process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # a session of its own: its children, nobody else's
        self._process.wait()
        os.close(self._out)
        os.close(self._in)
        shutil.rmtree(self._profile, ignore_errors=True)

    def _wait(self, page: Page, address: str) -> None:
        ready = "document.readyState === 'complete' && location.href !== 'about:blank'"
        end = time.monotonic() + PATIENCE_S
        while not page.evaluate(ready):
            assert time.monotonic() < end, f"{address} is not there after {PATIENCE_S:.0f} s"
            time.sleep(0.01)
        page.evaluate("document.fonts.ready.then(() => 0)")

    def _receive(self) -> dict[str, Any]:
        end = time.monotonic() + PATIENCE_S
        while b"\0" not in self._buffer:
            readable, _, _ = select.select([self._in], [], [], max(0.0, end - time.monotonic()))
            assert readable, f"the browser says nothing for {PATIENCE_S:.0f} s"
            data = os.read(self._in, 1 << 16)
            assert data, "the browser has ended"
            self._buffer += data
        line, _, self._buffer = self._buffer.partition(b"\0")
        message: dict[str, Any] = json.loads(line)
        page = self._pages.get(message.get("sessionId", ""))
        if page is not None:
            _note(page, message.get("method", ""), message.get("params", {}))
        return message


def _note(page: Page, method: str, parameters: dict[str, Any]) -> None:
    if method == "Network.requestWillBeSent":
        page.asked.append(parameters["request"]["url"])
    elif method == "Runtime.exceptionThrown":
        page.said.append(parameters["exceptionDetails"]["text"])
    elif method == "Log.entryAdded" and parameters["entry"]["level"] in ("error", "warning"):
        page.said.append(parameters["entry"]["text"])
    elif method == "Runtime.consoleAPICalled" and parameters["type"] in ("error", "warning", "assert"):
        page.said.append(str(parameters["args"]))


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all tests of a process; without any on the machine they are skipped, and say so."""
    command = find_browser()
    if command is None:
        if os.environ.get("AGILAB_BROWSER"):
            pytest.fail(f"AGILAB_BROWSER is {os.environ['AGILAB_BROWSER']!r}, which is no command")
        pytest.skip(f"no browser on this machine: {', '.join(NAMES)} (sh scripts/browser.sh)")
    browser = Browser(command)
    yield browser
    browser.close()
