# ruff: noqa: E501 -- each line is a text
"""A notebook's own modules: what was done to what they gave is there for whoever asks them again."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from tests.notebooks.flow.apart import run_apart, run_notebook

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.module_states import with_modules
from agilab.notebooks.flow.plan import plan

KEPT: dict[str, tuple[str, ...]] = {
    "a cached list that is changed": (
        "held = {}\ndef load(n):\n    if n in held:\n        return held[n]\n    held[n] = [1, 2]\n    return held[n]",
        "import own\nrows = own.load('x')\nrows.append(99)",
        "import own\nt1 = (own.load('x'))",
    ),
    "a cached list that is changed in a later cell": (
        "held = {}\ndef load(n):\n    try:\n        return held[n]\n    except KeyError:\n        held[n] = [1, 2]\n"
        "        return held[n]",
        "import own\nrows = own.load('x')",
        "rows.append(99)",
        "import own\nt2 = (own.load('x'), rows)",
    ),
    "a result of lru_cache that is changed": (
        "from functools import lru_cache\n@lru_cache(maxsize=None)\ndef load(n):\n    return [1, n]",
        "from own import load\nload(3).append(9)",
        "from own import load\nt3 = (load(3))",
    ),
    "how often lru_cache was asked": (
        "from functools import lru_cache\n@lru_cache(None)\ndef fib(n):\n    return n if n < 2 else fib(n - 1) + fib(n - 2)",
        "from own import fib\nt4 = (fib(20))",
        "from own import fib\nt5 = (fib.cache_info().misses)",
    ),
    "an object that is there once": (
        "class Tracker:\n    _one = None\n    def __init__(self):\n        self.rows = []\n    @classmethod\n    def get(cls):\n"
        "        if cls._one is None:\n            cls._one = cls()\n        return cls._one\n"
        "    def log(self, x):\n        self.rows.append(x)",
        "from own import Tracker\none = Tracker.get()\none.log(1)",
        "from own import Tracker\nTracker.get().log(2)",
        "from own import Tracker\nt6 = (one.rows, Tracker.get() is one)",
    ),
    "a class of which there is one object": (
        "class Store:\n    _it = None\n    def __new__(cls):\n        if cls._it is None:\n"
        "            cls._it = super().__new__(cls)\n            cls._it.data = {}\n        return cls._it\n"
        "    def put(self, name, value):\n        self.data[name] = value",
        "from own import Store\nStore().put('a', 1)",
        "from own import Store\nt0 = Store().data",
    ),
    "an object that a dictionary gives": (
        "every = {}\nclass Account:\n    def __init__(self):\n        self.total = 0\n"
        "    def add(self, n):\n        self.total += n\n"
        "def account(name):\n    return every.setdefault(name, Account())",
        "import own\nown.account('x').add(5)",
        "import own\nown.account('x').add(6)",
        "import own\nt0 = own.account('x').total",
    ),
    "an object that a function makes once": (
        "class Session:\n    def __init__(self):\n        self.rows = []\n_it = None\n"
        "def session():\n    global _it\n    if _it is None:\n        _it = Session()\n    return _it",
        "import own\nown.session().rows.append('a')",
        "import own\nown.session().rows.append('b')\nt7 = (own.session().rows)",
    ),
    "through a function of the notebook": (
        "_it = None\ndef log():\n    global _it\n    if _it is None:\n        _it = []\n    return _it",
        "import own\ndef note(x):\n    own.log().append(x)\nnote(1)",
        "import own\nt8 = (own.log())",
    ),
    "through another function of the module": (
        "_it = None\ndef log():\n    global _it\n    if _it is None:\n        _it = []\n    return _it\n"
        "def note(x):\n    log().append(x)",
        "import own\nown.note(1)",
        "import own\nt9 = (own.log())",
    ),
    "a memory that is looked at": (
        "FOUND = {}\ndef f(x):\n    if x not in FOUND:\n        FOUND[x] = x * x\n    return FOUND[x]",
        "import own\nt10 = (own.f(3))",
        "import own\nt11 = (sorted(own.FOUND))",
    ),
    "a memory whose size a function tells": (
        "FOUND = {}\ndef f(x):\n    if x not in FOUND:\n        FOUND[x] = x * x\n    return FOUND[x]\n"
        "def size():\n    return len(FOUND)",
        "import own\nt12 = (own.f(3))",
        "import own\nt13 = (own.size())",
    ),
    "a memory of what was found by another rate": (
        "RATE = 1\nFOUND = {}\ndef f(x):\n    if x not in FOUND:\n        FOUND[x] = x * RATE\n    return FOUND[x]",
        "import own\nt14 = (own.f(3))",
        "import own\nown.RATE = 2\nt15 = (own.f(3), own.f(4))",
        "import own\nt16 = (own.f(3))",
    ),
    "what a first call says": (
        "_it = None\ndef pool(n):\n    global _it\n    if not _it:\n        _it = (n,)\n    return _it",
        "import own\nt17 = (own.pool(2))",
        "import own\nt18 = (own.pool(5))",
    ),
    "settings that are given once": (
        "_it = None\ndef init(**kw):\n    global _it\n    if _it is None:\n        _it = dict(kw)\n"
        "def get(name):\n    return _it[name]",
        "import own\nown.init(lr=3)",
        "import own\nt19 = (own.get('lr'))",
    ),
    "numbers by the order of asking": (
        "class Words:\n    def __init__(self):\n        self.ids = {}\n    def id(self, word):\n"
        "        if word not in self.ids:\n            self.ids[word] = len(self.ids)\n        return self.ids[word]\n"
        "_words = Words()\ndef encode(text):\n    return [_words.id(word) for word in text.split()]",
        "import own\nt20 = (own.encode('a b a'))",
        "import own\nt21 = (own.encode('c a'))",
    ),
    "an object of the module by its name": (
        "class Words:\n    def __init__(self):\n        self.ids = {}\n    def id(self, word):\n"
        "        return self.ids.setdefault(word, len(self.ids))\nwords = Words()",
        "from own import words\nt22 = (words.id('a'))",
        "from own import words\nt23 = (words.id('b'))",
    ),
    "a list that a function gives": (
        "ROWS = []\ndef rows():\n    return ROWS",
        "import own\nown.rows().append(1)",
        "import own\nt24 = (own.rows())",
    ),
    "a run's own mark": (
        "import uuid\n_it = None\ndef mark():\n    global _it\n    if _it is None:\n        _it = uuid.uuid4().hex\n"
        "    return _it",
        "import own\na = own.mark()\nt25 = (len(a))",
        "import own\nt26 = (own.mark() == a)",
    ),
}


@pytest.mark.parametrize("name", KEPT)
def test_stages_see_what_was_done_to_a_memory(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text, *cells = KEPT[name]
    (tmp_path / "own.py").write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    sys.modules.pop("own", None)
    whole = run_notebook(cells)
    made = plan(Links(with_modules(cells, {"own": text}), keeps_all=True), per="cell")

    apart, _ = run_apart(made, between=lambda: sys.modules.pop("own", None) and None)

    sys.modules.pop("own", None)
    told = {key: value for key, value in whole.items() if key[0] == "t"}
    assert told
    assert {key: apart.get(key) for key in told} == told
