"""What user code does that its author did not mean."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from agi_node import RunContext


def numbers(count: int) -> list[int]:
    return list(range(count))


def square(number: int) -> int:
    return number * number


def slow_square(number: int, **needs: object) -> int:
    time.sleep(0.02)
    return number * number


def text(number: int, size: int) -> str:
    """Different for each number, and hard to compress."""
    return f"{number:08}" + os.urandom(size // 2).hex()


def known_text(number: int, size: int) -> str:
    return f"{number:08}" * (size // 8)


def total(squares: list[int]) -> int:
    return sum(squares)


def sums_for_ever(number: int) -> int:
    """One call into C that takes hours; the handler that a library set, to tidy up politely, never gets to run."""
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    return sum(range(10**13))


def matches_for_ever(number: int) -> bool:
    """A regular expression that tries every way to cut a text into pieces."""
    return re.fullmatch(r"(a+)+b", "a" * 64) is not None


def talks_on(number: int, run: RunContext) -> int:
    """Leaves a thread behind that reports on a unit which is over."""

    def talk() -> None:
        until = time.monotonic() + 0.5
        while time.monotonic() < until:
            run.progress(number, 10, "still here")
            run.log_metrics({f"late-{n}": n for n in range(2_000)})

    threading.Thread(target=talk, daemon=True).start()
    run.progress(number, 10, "begun")
    return number


def once_slow(number: int, folder: str) -> str:
    """The first process that gets here stays; the second is done at once."""
    mark = Path(folder) / "first"
    try:
        with mark.open("x", encoding="utf-8") as file:
            file.write(str(os.getpid()))
    except FileExistsError:
        return "second"
    time.sleep(60)
    return "first"


def fails_first(number: int, folder: str) -> int:
    """Fails when number 0 is tried for the first time, and counts every call."""
    with (Path(folder) / "calls").open("a", encoding="utf-8") as file:
        file.write(f"{number}\n")
    mark = Path(folder) / "failed"
    if number == 0 and not mark.exists():
        mark.touch()
        raise OSError("the first time always fails")
    return number * number


def has_a_stubborn_child(number: int, folder: str) -> int:
    """A child that goes on writing when its unit is over."""
    code = "import time\nwhile True:\n    print('still here', flush=True)\n    time.sleep(0.01)"
    child = subprocess.Popen([sys.executable, "-c", code])
    (Path(folder) / "child").write_text(str(child.pid), encoding="utf-8")
    return number


def shouts_a_gigabyte(number: int) -> int:
    block = b"\xff\xfe\x00\n" * (1 << 18)
    for _ in range(1024):
        os.write(1, block)
    return number
