"""What is said while something takes long."""

from __future__ import annotations

import time

import pytest

from agilab.cli.progress import said_if_long


def test_what_takes_long_is_said_once_and_what_does_not_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    with said_if_long("reading", seconds=0.02):
        time.sleep(0.3)
    assert capsys.readouterr().err == "agilab: reading\n"
    with said_if_long("reading", seconds=30):
        pass
    assert capsys.readouterr().err == ""
