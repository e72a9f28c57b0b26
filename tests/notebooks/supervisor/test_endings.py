"""What ends a script well, or needs its file, is found where Python itself does so; what fails anywhere is not."""

from __future__ import annotations

import subprocess
import sys

import pytest

from agilab.notebooks.supervisor.endings import endings

CODES = (
    "import sys\nsys.exit(0)",
    "import sys\nsys.exit()",
    "import sys\nsys.exit(None)",
    "import sys\nsys.exit('no data')",
    "import sys\nsys.exit(-1)",
    "import sys\nsys.exit(False or 0)",
    "import sys as s\ndef main():\n    return 0\n\nif __name__ == '__main__':\n    s.exit(main())",
    "from sys import exit as done\ndone()",
    "def exit(): ...\nexit()",
    "raise SystemExit",
    "raise SystemExit(0)",
    "raise SystemExit(3)",
    "raise SystemExit(f'{1} is wrong')",
    "class A:\n    raise SystemExit",
    "import sys\ntry:\n    sys.exit()\nexcept SystemExit:\n    pass",
    "import sys\ntry:\n    sys.exit()\nexcept SystemExit:\n    raise",
    "import sys\ntry:\n    pass\nfinally:\n    sys.exit()",
    "import sys\ndef never():\n    sys.exit()",
    "import sys\ndef main():\n    end()\ndef end():\n    sys.exit()\nmain()",
    "print(__file__)",
    "def here():\n    return __file__\nhere()",
    "try:\n    here = __file__\nexcept NameError:\n    here = '.'",
    "if '__file__' in globals():\n    print(__file__)",
    "__file__ = 'a.py'\nprint(__file__)",
    "# __file__, sys.exit()\n'exit()'",
)
"""No two statements of these are alternatives, so that running one tells all that it can do."""


@pytest.mark.parametrize("code", CODES)
def test_it_finds_what_python_does(code: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nprint('the cell below')"],
        capture_output=True,
        text=True,
        check=False,
    )
    ended = done.returncode == 0 and "the cell below" not in done.stdout
    lacks = "name '__file__' is not defined" in done.stderr
    found = [one.why for one in endings(code)]
    assert found == ["no cell below it would run"] * ended + ["a notebook has none"] * lacks


@pytest.mark.parametrize(
    "code", ["exit()", "quit(0)", "exit(1)", "try:\n    exit()\nexcept SystemExit:\n    pass"]
)
def test_what_ipython_has_for_exit_lets_the_code_go_on(code: str) -> None:
    (one,) = endings(f"{code}\nprint('below')")
    assert one.why == "in a kernel the code below it goes on, until the kernel goes"
    # The oracle is what IPython's kernels have under these names.
    autocall = pytest.importorskip("IPython.core.autocall")

    class Shell:
        asked = 0

        def ask_exit(self) -> None:
            self.asked += 1

    shell = Shell()
    leave, done = autocall.ZMQExitAutocall(shell), []
    exec(f"{code}\ndone.append(1)", {"exit": leave, "quit": leave, "done": done})
    assert (shell.asked, done) == (1, [1])


def test_a_long_status_is_told_by_its_beginning() -> None:
    (one,) = endings(f"import sys\nsys.exit({' + '.join('1' * 900)})")
    assert one.what.startswith("sys.exit(1 + 1 + 1")
    assert len(one.what) <= 80


def test_the_line_is_that_of_the_first() -> None:
    (one,) = endings("import sys\n\nif len(sys.argv) > 9:\n    sys.exit(0)\nsys.exit(len(sys.argv))")
    assert (one.line, one.what) == (4, "sys.exit(0)")


@pytest.mark.parametrize("code", ["", "x = (", "%time exit()", "a\0b", "x = " + "-" * 5000 + "1"])
def test_what_is_no_python_has_none(code: str) -> None:
    assert endings(code) == []
