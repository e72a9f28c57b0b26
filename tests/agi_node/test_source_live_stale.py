"""A live function whose results differ has another code: each edit here changes what it returns, for real."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from agi_node.source import code_of_function

PYDANTIC = "from pydantic import BaseModel, TypeAdapter\nclass Inner(BaseModel):\n    n: int = 1\n"

EDITS = {
    "a function that wears an installed one's name": (
        "import functools, math\n@functools.wraps(math.sqrt)\ndef g(x): return 1\ndef f(): return g(4)",
        "return 1",
        "return 2",
    ),
    "the target itself wears it": (
        "import functools, json\n@functools.wraps(json.dumps)\ndef f(): return 1",
        "return 1",
        "return 2",
    ),
    "a library's wrapper of the user's function": (
        "import contextlib\n@contextlib.contextmanager\ndef g(): yield 1\ndef f():\n    with g() as n: return n",
        "yield 1",
        "yield 2",
    ),
    "the type of a model's field": (
        PYDANTIC + "class Outer(BaseModel):\n    inner: Inner = Inner()\n"
        "class Other(BaseModel):\n    inner: Inner\ndef f(): return Other.model_validate({'inner': {}}).inner.n",
        "n: int = 1",
        "n: int = 2",
    ),
    "a type inside a model's list": (
        PYDANTIC + "class Other(BaseModel):\n    inner: list[Inner | None]\n"
        "def f(): return Other.model_validate({'inner': [{}]}).inner[0].n",
        "n: int = 1",
        "n: int = 2",
    ),
    "an alias of types": (
        PYDANTIC + "Rows = dict[str, list[Inner]]\n"
        "def f(): return TypeAdapter(Rows).validate_python({'a': [{}]})['a'][0].n",
        "n: int = 1",
        "n: int = 2",
    ),
    "an annotation that a library reads": (
        PYDANTIC + "from pydantic import validate_call\n"
        "def g(x: Inner): return x.n\ndef f(): return validate_call(g)({})",
        "n: int = 1",
        "n: int = 2",
    ),
    "classes that derive later": (
        "class Base: pass\nclass One(Base):\n    n = 1\ndef f(): return [c.n for c in Base.__subclasses__()]",
        "n = 1",
        "n = 2",
    ),
    "globals of a function": (
        "N = 1\ndef g(): pass\ndef f(): return g.__globals__['N']",
        "N = 1",
        "N = 2",
    ),
    "the fields of an array": (
        "import numpy as np\nW = np.zeros(1, [('a', 'i4'), ('b', 'i4')])\ndef f(): return W.dtype.names",
        "'a'",
        "'c'",
    ),
    "a finder asked by name": (
        "import importlib\nclass A:\n    n = 1\nN = 1\n"
        "def f(n='import_module'): return getattr(importlib, n)('__main__'), N",
        "N = 1\n",
        "N = 2\n",
    ),
}


@pytest.mark.parametrize("kind", EDITS)
def test_another_result_has_another_code_or_none(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    text, old, new = EDITS[kind]
    assert old in text
    found = []
    for each in (text, text.replace(old, new)):
        module = ModuleType("__main__")
        monkeypatch.setitem(sys.modules, "__main__", module)
        exec(compile(each, "<cell>", "exec"), vars(module))
        found.append((str(module.f()), code_of_function(module.f)))
    (before, first), (after, second) = found
    assert before != after
    assert first.digest is None or first.digest != second.digest


def test_the_user_s_own_module_of_a_standard_name_is_the_user_s(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    digests: list[Any] = []
    monkeypatch.syspath_prepend(str(tmp_path))
    for number in (1, 2):
        monkeypatch.delitem(sys.modules, "colorsys", raising=False)
        own = ModuleType("colorsys")
        own.__file__ = str(tmp_path / "colorsys.py")
        exec(f"def g(): return {number}", vars(own))
        monkeypatch.setitem(sys.modules, "colorsys", own)
        names: dict[str, Any] = {"__name__": "__main__"}
        exec("import colorsys\ndef f(): return colorsys.g()", names)
        assert names["f"]() == number
        digests.append(code_of_function(names["f"]).digest)
    assert digests[0] != digests[1]
