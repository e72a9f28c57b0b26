"""A notebook of fifty megabytes from the command line: bounded time and memory, and no picture of it in the lab."""

from __future__ import annotations

import base64
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.staging import stage_notebooks
from tests.notebooks.building import code, display, notebook

CELLS = 60
LINES = 1000
PICTURE = 650_000
"""Bytes of a picture; its base64 text in the file has a third more."""

WATCHED = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(used.ru_maxrss * 1024, used.ru_utime + used.ru_stime, file=sys.stderr)
sys.exit(code)
"""
"""Says the memory and the seconds of one program; a child of the test's own large process would seem as large."""


@pytest.mark.slow
def test_fifty_megabytes_from_the_command_line(tmp_path: Path) -> None:
    chance = random.Random(7)
    pictures = [base64.b64encode(chance.randbytes(PICTURE)).decode() for _ in range(CELLS)]
    cells = [
        code(f"step_{n} = {n} + (step_{n - 1} if {n} else 0)", n + 1, [display(image_png=picture)])
        if n
        else code("step_0 = 0", 1, [display(image_png=picture)])
        for n, picture in enumerate(pictures)
    ]
    path = tmp_path / "pictures.ipynb"
    path.write_bytes(notebook(*cells, minor=4))
    size = path.stat().st_size
    assert size > 50_000_000

    words = ["notebook", "import", str(path), "--output", str(tmp_path / "lab"), "--no-lock", "--json"]
    done = subprocess.run(
        [sys.executable, "-c", WATCHED, sys.executable, "-m", "agilab", *words],
        env={**os.environ, "AGILAB_HOME": str(tmp_path / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    answer = json.loads(done.stdout)
    memory, seconds = map(float, done.stderr.split())
    assert answer["status"] == "succeeded"
    # the text of the file once, what was read of it, and the program itself
    assert memory < 2 * size + 80_000_000
    assert seconds < 10

    (told,) = answer["report"]["notebooks"]
    shown = [part for stage in told["stages"] for part in stage["expects"]]
    assert [part["size"] for part in shown] == [len(picture) for picture in pictures]
    assert told["counts"]["parsed"] == CELLS
    large = sum(file.stat().st_size for file in (tmp_path / "lab").iterdir())
    assert large < 200_000


PLAIN = "v_{n} = {n} + v_{before}"


def calls(line: str, lines: int) -> int:
    """How many functions are called to read one cell of so many lines: the same number each time, on any machine."""
    text = "v_0 = 0\nw = {}\n" + "\n".join(line.format(n=n, before=n - 1) for n in range(1, lines))
    data = notebook(text, "print(v_0)")
    counted = 0

    def count(_frame: object, event: str, _what: object) -> None:
        nonlocal counted
        counted += event in {"call", "c_call"}

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        staged = stage_notebooks([inspect(data, name="long.ipynb")])
    finally:
        sys.setprofile(before)
    assert "\n".join(stage.code or "" for stage in staged.lab.stages).count("\n") >= lines
    return counted


def test_one_cell_of_many_lines_takes_about_as_long_as_its_length() -> None:
    """Not as its square: 4,000 lines took more than a minute."""
    calls(PLAIN, 10)  # what the first reading of all loads is not counted
    assert calls(PLAIN, 2 * LINES) < 2.2 * calls(PLAIN, LINES)
    began = time.process_time()
    calls(PLAIN, 2 * LINES)
    assert time.process_time() - began < 30  # some 2 s: what a function itself does is not the square either


@pytest.mark.slow
@pytest.mark.parametrize(
    "line", ["w[{n}] = w.get({before})", "open('o_{n}.txt', 'w').write('x'); open('o_{n}.txt').read()"]
)
def test_what_is_more_to_read_takes_no_more_than_some_times_as_long(line: str) -> None:
    calls(PLAIN, 10)
    assert calls(line, LINES // 2) < 8 * calls(PLAIN, LINES // 2)
