"""A library that looks for IPython and goes on without it: what fails for that says what is missing."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

import agi_node

RUNS = """
import json, sys
sys.path.insert(0, {node!r})
from agi_node import displayed
from agi_node.failure import failure
from agi_node.script import execute

sys.path.insert(0, {folder!r})
said = []
for code in {stages!r}:
    with displayed.watch({folder!r}, wanted=False):
        try:
            execute(code, "<stage one>", {{"__name__": "__main__"}})
            said.append(None)
        except Exception as error:
            told = failure(error, "one", None)
            said.append([told["what"], told["found"], told["try"]])
print(json.dumps(said))
"""
LIBRARY = """
try:
    from IPython.display import HTML
except ImportError:
    pass
else:
    shown = HTML
def hide():
    return HTML("<script>")
def each(values):
    yield from values
def only(number):
    raise ValueError(f"{number} is not allowed")
def none():
    display = None
    return display.HTML()
def adds(number):
    return number + 1
def page():
    raise RuntimeError("a page needs ipython")
"""
ADVICE = [
    "{} looked for the package IPython, which comes with Jupyter and is not in this environment",
    "uv add ipython",
]


def told(folder: Path, *stages: str) -> list[list[str | None] | None]:
    """What stages fail with, one after another in a process without installed packages; None for none."""
    (folder / "shows.py").write_text(LIBRARY)
    (folder / "other.py").write_text("def fails():\n    return nowhere\n")
    node = str(Path(agi_node.__file__).parents[1])
    code = RUNS.format(node=node, folder=str(folder), stages=stages)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", code], capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


@pytest.mark.parametrize(
    ("code", "what"),
    [
        ("import shows\nshows.hide()", "one raised NameError: name 'HTML' is not defined"),
        ("from shows import shown", "one raised ImportError: cannot import name 'shown' from 'shows'"),
        ("import shows\nshows.shown", "one raised AttributeError: module 'shows' has no attribute 'shown'"),
        (
            "import shows\nshows.none()",
            "one raised AttributeError: 'NoneType' object has no attribute 'HTML'",
        ),
        ("import shows\nshows.page()", "one raised RuntimeError: a page needs ipython"),
    ],
)
def test_what_fails_for_want_of_ipython_says_how_to_get_it(tmp_path: Path, code: str, what: str) -> None:
    (one,) = told(tmp_path, code)
    assert one is not None
    assert (one[0] or "").startswith(what)
    assert one[1:] == [ADVICE[0].format("shows"), ADVICE[1]]


def test_the_code_of_a_stage_may_have_looked_itself(tmp_path: Path) -> None:
    (one,) = told(tmp_path, "try:\n    import IPython\nexcept ImportError:\n    pass\nIPython.get_ipython()")
    assert one is not None
    assert one[1:] == [ADVICE[0].format("the code"), ADVICE[1]]


def test_a_library_looks_once_in_whichever_stage_of_a_process_comes_first(tmp_path: Path) -> None:
    first, second = told(tmp_path, "import shows", "import shows\nshows.hide()")
    assert first is None
    assert second is not None
    assert second[2] == "uv add ipython"


@pytest.mark.parametrize(
    "code",
    [
        "import shows\nfor one in shows.each([1]):\n    one.nothing",
        "import shows\nshows.only(3)",
        "import shows\nshows.adds('a')",
        "import shows, other\nother.fails()",
        "import IPython",
        "import shows, nobody_has_it",
    ],
)
def test_what_fails_for_another_reason_has_no_such_words(tmp_path: Path, code: str) -> None:
    (one,) = told(tmp_path, code)
    assert one is not None
    assert one[1:] == [None, None]
