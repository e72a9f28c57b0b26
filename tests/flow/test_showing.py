"""Who sees a run go on: a person at a terminal, a notebook, and nobody in a pipe."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
import textwrap
import time
import types
from pathlib import Path

import pytest

from agilab.engine.local import LocalExecutor
from agilab.flow import progress
from tests.flow.conftest import MakeFlow

SCRIPT = """
    import sys, time
    from agilab import Flow

    flow = Flow("shown", workspace=sys.argv[1])

    @flow.node(foreach=range(12))
    def each_one(n):
        time.sleep(0.06)
        return n

    flow.run()
"""


def shown(tmp_path: Path, **environment: str) -> str:
    """What a script that runs a flow writes to a terminal at its standard error."""
    script = tmp_path / "a_script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    ours, theirs = pty.openpty()
    try:
        done = subprocess.Popen(
            [sys.executable, str(script), str(tmp_path / "home")],
            stderr=theirs,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "100", **environment},
        )
        os.close(theirs)
        text = b""
        while True:
            try:
                piece = os.read(ours, 65536)
            except OSError:  # on Linux a terminal ends so
                break
            if not piece:
                break
            text += piece
        assert done.wait(30) == 0, text
    finally:
        os.close(ours)
    return text.decode()


@pytest.mark.slow
def test_a_terminal_shows_bars_that_are_gone_at_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    text = shown(tmp_path)
    assert "each_one" in text
    assert "/12" in text
    assert text.rstrip().endswith("\x1b[2K"), "the last thing is that the line is taken away"


@pytest.mark.slow
def test_a_build_server_is_not_written_to(tmp_path: Path) -> None:
    assert shown(tmp_path, CI="1") == ""


def test_a_pipe_gets_nothing_and_progress_can_be_switched_off(
    make: MakeFlow, capfd: pytest.CaptureFixture[str]
) -> None:
    flow = make()
    flow.node(lambda: time.sleep(0.4), name="slow")
    flow.run()
    assert capfd.readouterr() == ("", "")
    assert type(progress.watch(False)) is progress.Watch


def test_a_pipe_that_wants_to_know_gets_lines(make: MakeFlow, capfd: pytest.CaptureFixture[str]) -> None:
    flow = make()
    flow.node(lambda n: time.sleep(0.05), name="slow", foreach=range(10))
    flow.run(progress=True)
    out, errors = capfd.readouterr()
    assert out == ""
    assert re.fullmatch(r"slow \d/10\n", errors), "after 0.3 s, and then every few seconds"


def test_a_notebook_has_one_line_that_is_replaced_and_then_empty(
    make: MakeFlow, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines: list[str] = []

    class Handle:
        def update(self, html: str) -> None:
            lines.append(html)

    def display(html: str, *, display_id: bool) -> Handle:
        lines.append(html)
        return Handle()

    # A kernel that is not installed here, in the one shape in which it is asked.
    ipython = types.ModuleType("IPython")
    ipython.get_ipython = lambda: types.SimpleNamespace(kernel=object())  # type: ignore[attr-defined]
    shows = types.ModuleType("IPython.display")
    shows.HTML, shows.display = str, display  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ipython)
    monkeypatch.setitem(sys.modules, "IPython.display", shows)
    flow = make()

    @flow.node(foreach=range(10))
    def each(n: int) -> int:
        time.sleep(0.06)
        return n

    flow.run()
    assert len(lines) > 2
    assert lines[0].startswith("<small><code>each</code> ")
    assert lines[-1] == ""

    @flow.node(foreach=range(3), name="each")
    def again(n: int) -> int:
        """A cell that is run again takes the place of what it declared before."""
        return -n

    assert flow.run()["each"] == [0, -1, -2]


@pytest.mark.slow
def test_another_executor_can_be_made_for_a_run(make: MakeFlow) -> None:
    flow = make()
    flow.node(lambda n: n + 1, name="more", foreach=[1, 2])
    run = flow.run(executor=lambda specs, workers, logs: LocalExecutor(specs, workers=1, logs=logs))
    assert run["more"] == [2, 3]
