"""What counts as the code of a function that lives in a notebook or a script."""

from __future__ import annotations

import copyreg
import dataclasses
import subprocess
import sys
import textwrap
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agi_node.source import Code, code_of_function, explain


def cell(*texts: str, name: str = "__main__") -> dict[str, Any]:
    """The names of a notebook after these cells; no file holds their text."""
    module = ModuleType(name)
    names = vars(module)
    for number, text in enumerate(texts):
        exec(compile(textwrap.dedent(text), f"<cell {number}>", "exec"), names)
    return names


def code(*texts: str, target: str = "f") -> Code:
    return code_of_function(cell(*texts)[target])


NOTEBOOK = '''
import functools
import math
import re
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum
from pathlib import Path

LIMIT, TABLE = 3, {"a": [1.5, None, (True, "x")], 2: {4}}
FOLDER, STEP, WORD = Path("a/b"), timedelta(hours=1), re.compile("w+")
UNUSED = 7

class Kind(Enum):
    FAST = 1
    SLOW = 2

@dataclass(frozen=True)
class Track:
    rows: int = 11
    name: str = "t"

    def double(self):
        return self.rows * 2

class Model:
    scale = 12

    def fit(self, x):
        return x * self.scale

    @staticmethod
    def still(x):
        return x - 13

    @property
    def twice(self):
        return 14

class Better(Model):
    def fit(self, x):
        return super().fit(x) + 15

FIRST = Track(rows=16)

def helper(x, more=17):
    """A helper."""
    return x + more if x < LIMIT else f(x - 1)

def decorated(by):
    def around(function):
        @functools.wraps(function)
        def inner(*given):
            return function(*given) + by
        return inner
    return around

@functools.lru_cache(maxsize=None)
def remembered(x):
    return x + 18

@decorated(19)
def f(x, *, key=20):
    def nested(y):
        return [helper(z) + 21 for z in range(y)]
    return (nested(x), math.floor(TABLE["a"][0]), Better().fit(x), Kind.FAST, FIRST.double(), Counter(), FOLDER, STEP,
            WORD, remembered(x), part(1))

part = functools.partial(helper, more=22)

def unused(x):
    return x + 23
'''


@pytest.mark.parametrize(
    ("old", "new", "part"),
    [
        ("LIMIT, TABLE = 3", "LIMIT, TABLE = 4", "__main__.LIMIT"),
        ("1.5", "1.25", "__main__.TABLE"),
        ("2: {4}", "2: {5}", "__main__.TABLE"),
        ("a/b", "a/c", "__main__.FOLDER"),
        ("hours=1", "hours=2", "__main__.STEP"),
        ("w+", "w*", "__main__.WORD"),
        ("FAST = 1", "FAST = 3", "__main__.Kind"),
        ("rows: int = 11", "rows: int = 10", "__main__.Track"),
        ("rows * 2", "rows * 3", "__main__.Track.double"),
        ("scale = 12", "scale = 13", "__main__.Model"),
        ("x * self.scale", "x + self.scale", "__main__.Model.fit"),
        ("x - 13", "x - 12", "__main__.Model.still"),
        ("return 14", "return 15", "__main__.Model.twice"),
        ("+ 15", "+ 16", "__main__.Better.fit"),
        ("rows=16", "rows=17", "__main__.FIRST"),
        ("more=17", "more=18", "__main__.helper"),
        ("A helper.", "A helper!", "__main__.helper"),
        ("@decorated(19)", "@decorated(20)", "__main__.f"),
        ("function(*given) + by", "function(*given) - by", "__main__.f"),
        ("x + 18", "x + 17", "__main__.remembered"),
        ("key=20", "key=21", "__main__.f#2"),
        ("+ 21", "+ 22", "__main__.f#2"),
        ("more=22", "more=23", "__main__.part"),
    ],
)
def test_what_a_function_reaches_changes_its_code_and_is_named(old: str, new: str, part: str) -> None:
    before, again = code(NOTEBOOK), code(NOTEBOOK)
    assert before.reason is None
    assert before == again
    assert NOTEBOOK.count(old) == 1
    after = code(NOTEBOOK.replace(old, new))
    assert after.digest != before.digest
    assert part in explain(before.parts, after.parts)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("UNUSED = 7", "UNUSED = 8"),
        ("x + 23", "x + 24"),
        ("def unused", "# a comment\n\n\ndef unused"),
        ("def nested(y):\n        return [", "def nested(y):\n\n        # a comment\n        return [ "),
        ('Path("a/b"),', "Path('a/b') ,"),
    ],
)
def test_what_a_function_does_not_reach_leaves_its_code(old: str, new: str) -> None:
    assert NOTEBOOK.count(old) == 1
    assert code(NOTEBOOK.replace(old, new)) == code(NOTEBOOK)


def test_the_same_cells_have_the_same_code_in_another_process() -> None:
    script = (
        "from tests.agi_node.test_source_live import *\nprint(code(NOTEBOOK).digest, code(NOTEBOOK).reason)"
    )
    ran = [
        subprocess.run(
            [sys.executable, "-c", script],
            capture_output=True,
            text=True,
            check=True,
            cwd=Path(__file__).parents[2],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
        ).stdout
        for seed in ("1", "2")
    ]
    assert ran[0] == ran[1] == f"{code(NOTEBOOK).digest} None\n"


def test_a_cell_run_again_counts_as_it_is_now() -> None:
    names = cell("N = 1\ndef g(): return N", "def f(): return g()")
    before = code_of_function(names["f"])
    names["N"] = 2
    assert explain(before.parts, code_of_function(names["f"]).parts) == "code changed: __main__.N"
    names["N"] = 1
    assert code_of_function(names["f"]) == before
    exec("def g(): return N * 1", names)
    assert explain(before.parts, code_of_function(names["f"]).parts) == "code changed: __main__.g"


def test_text_edited_after_it_was_imported_does_not_count(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    path = tmp_path / "edited_later.py"
    path.write_text("N = 1\ndef g(): return N\n")
    names = cell("import edited_later\nfrom edited_later import g\ndef f(): return g() + edited_later.N\n")
    before = code_of_function(names["f"])
    assert {"edited_later.g", "edited_later.N"} <= set(before.parts)
    path.write_text("\n\n\ndef h(): pass\nN = 1\ndef g(): return 7\n")
    assert code_of_function(names["f"]) == before


def test_what_is_installed_counts_by_name() -> None:
    found = code("import json, pytest, math\ndef f(x): return json.loads(x), pytest.approx(math.pi)")
    assert set(found.parts) == {"__main__.f", "json (installed)", "math (installed)", "pytest (installed)"}
    assert set(code("from math import sqrt as f").parts) == {"math (installed)", "math.sqrt (called)"}


def test_arrays_count_by_their_numbers() -> None:
    text = "import numpy as np\nW = np.arange(6.0).reshape(2, 3)\ndef f(x): return x @ W * np.float32(2)"
    before = code(text)
    assert before.reason is None
    for new in ("7.0).reshape(7)", "6).reshape(2, 3)", "6.0).reshape(3, 2)"):
        changed = code(text.replace("6.0).reshape(2, 3)", new))
        assert explain(before.parts, changed.parts) == "code changed: __main__.W"


def test_closures_of_one_function_are_told_apart() -> None:
    text = "def make(n):\n    def inner(x): return x + n\n    return inner\none, two = make(1), make(2)\n"
    before = code(text + "def f(x): return one(x), two(x)")
    assert before.reason is None
    assert (
        code(text.replace("make(2)", "make(3)") + "def f(x): return one(x), two(x)").digest != before.digest
    )


def test_arguments_models_count_with_their_rules() -> None:
    text = (
        "from agi_node import Args\nfrom pydantic import Field\nclass A(Args):\n    n: int = Field(2, ge=1)\n"
    )
    text += "    def twice(self): return 2 * self.n\ndef f(x): return A(n=x)"
    before = code(text)
    assert before.reason is None
    for old, new in (("ge=1", "ge=0"), ("Field(2", "Field(3"), ("2 * self", "3 * self")):
        assert code(text.replace(old, new)).digest != before.digest, old
    assert code(text) == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("M = object()\ndef f(): return M", "__main__.f, which uses __main__.M, reaches a builtins.object"),
        ("class A: pass\nM = A()\ndef f(): return M", "reaches a __main__.A, which cannot be digested"),
        ("import threading\nL = threading.Lock()\ndef f(): return L", "which cannot be digested"),
        ("M = []\nM.append(M)\ndef f(): return M", "reaches a value that holds itself"),
        ("def g(m=[]):\n    return exec('1')\ndef f(): return g()", "__main__.g uses exec"),
        ("def f(): return globals()", "uses globals: what that finds is known at run time only"),
        ("import pickle\ndef f(x): return pickle.loads(x)", "uses pickle.loads"),
        ("from pickle import loads\ndef f(x): return loads(x)", "uses pickle.loads"),
        ("def f(x):\n    import pickle\n    return pickle.loads(x)", "uses pickle.loads"),
        ("import importlib\ndef f(x): return importlib.import_module(x)", "uses importlib.import_module"),
        ("def f(): return later", "__main__.f uses the name later, which is not defined"),
        ("def f():\n    import surely_not_installed", "imports surely_not_installed when it runs"),
        (
            "def f():\n    def g():\n        return later\n    return g",
            "uses the name later, which is not defined",
        ),
        ("class A:\n    m = object()\ndef f(): return A()", "__main__.A reaches a builtins.object"),
        ("M = open('/dev/null')\nM.close()\ndef f(): return M", "reaches a _io.TextIOWrapper"),
    ],
)
def test_what_cannot_be_digested_gives_no_digest_and_is_named(text: str, reason: str) -> None:
    found = code(text)
    assert found.digest is None
    assert reason in (found.reason or "")


def test_a_local_module_as_a_value_gives_no_digest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    (tmp_path / "beside_me.py").write_text("N = 1\n")
    found = code("import beside_me\ndef f(n): return getattr(beside_me, n)")
    assert (found.digest, found.reason) == (
        None,
        "__main__.f uses the module beside_me as a value, which cannot be digested",
    )


def test_pickling_an_instance_does_not_change_the_code_of_its_class() -> None:
    @dataclasses.dataclass
    class Point:
        x: int

    def work() -> Point:
        return Point(3)

    before = code_of_function(work).digest
    copyreg._slotnames(Point)  # what pickling an instance of an importable class does
    assert "__slotnames__" in vars(Point)
    assert code_of_function(work).digest == before
