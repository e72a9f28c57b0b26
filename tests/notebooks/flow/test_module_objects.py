# ruff: noqa: E501 -- each line is a text
"""Objects of classes of a notebook's own modules, and what their functions are given: names of methods prove nothing."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.notebooks.flow.test_module_calls import apart  # noqa: F401 -- a fixture

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.module_states import module_uses, with_modules
from agilab.notebooks.flow.plan import Plan, plan

DECK = (
    "import random\n"
    "class Deck:\n    def __init__(self, xs):\n        self.cards = list(xs)\n        self.seen = []\n        self.rng = random.Random(5)\n"
    "    def take(self, n):\n        got, self.cards = self.cards[:n], self.cards[n:]\n        return got\n"
    "    def get_next(self):\n        return self.take(1)\n"
    "    def evaluate(self, y):\n        self.seen.append(y)\n        return len(self.seen)\n"
    "    def describe(self):\n        self.seen.append('described')\n"
    "    def roll(self):\n        return self.rng.randint(1, 100)\n"
    "    def sample(self, n):\n        return self.rng.sample(range(1000), n)\n"
    "    def choose(self):\n        return self.rng.choice(self.cards)\n"
    "    def total(self):\n        return sum(self.cards)\n"
    "    @property\n    def top(self):\n        return self.cards.pop()\n"
    "    def __call__(self, x):\n        self.seen.append(x)\n        return len(self.seen)\n"
    "    def __iter__(self):\n        while self.cards:\n            yield self.cards.pop()\n"
    "    def share(self, into):\n        into.append(self.cards[0])\n        return 1\n"
    "    @staticmethod\n    def find(xs):\n        return xs.pop()\n"
    "class More(Deck):\n    pass\n"
    "def make():\n    return Deck(range(6))\n"
    "def first(xs):\n    return xs.pop(0)\n"
    "def predict(xs, *, scale=1):\n    return scale * first(xs)\n"
    "def score(model, table):\n    table['score'] = 1\n    return table\n"
    "def show_all(xs):\n    xs.sort()\n"
    "def get_inner(d):\n    return d['a'].pop()\n"
    "def mark(table):\n    table['mark'] = 1\n    return table\n"
    "class Uses:\n    def __init__(self, xs):\n        self.last = xs.pop()\n"
)  # fmt: skip
SMALL = (
    "class Deck:\n    def __init__(self, xs):\n        self.cards = list(xs)\n"
    "    def take(self, n):\n        got, self.cards = self.cards[:n], self.cards[n:]\n        return got\n"
    "    def get_batch(self):\n        return self.take(2)\n"
    "    def evaluate(self):\n        self.cards = self.cards[1:]\n        return len(self.cards)\n"
    "    def describe(self):\n        self.cards = self.cards[1:]\n"
    "    @property\n    def top(self):\n        self.cards = self.cards[1:]\n        return self.cards[0]\n"
    "    def __call__(self, n):\n        return self.take(n)\n"
    "    def __iter__(self):\n        return self\n"
    "    def __next__(self):\n        if not self.cards:\n            raise StopIteration\n        return self.take(1)[0]\n"
    "    def total(self):\n        return sum(self.cards)\n"
)  # fmt: skip
D = "import own\nd = own.Deck(range(6))"
X = "import own\nxs = [5, 3, 4, 1]"
CHANGED: dict[str, tuple[str, ...]] = {
    "what is taken": (D, "t0 = d.take(2)", "t1 = d.take(2)", "t2 = d.cards"),
    "by another method": (D, "t0 = d.get_next()", "t1 = d.get_next()"),
    "a history": (D, "t0 = d.evaluate(3)", "t1 = d.evaluate(4)", "t2 = d.seen"),
    "by a name that shows": (D, "d.describe()", "t1 = list(d.seen)"),
    "a generator of its own": (D, "t0 = d.roll()", "t1 = d.roll()"),
    "a sample of its own": (D, "t0 = d.sample(3)", "t1 = d.sample(3)"),
    "a choice of its own": (D, "t0 = d.choose()", "t1 = d.choose()"),
    "by reading a property": (D, "t0 = d.top", "t1 = d.top"),
    "by a method that is kept": (D, "f = d.take", "t0 = f(2)", "t1 = f(2)"),
    "by its name": (D, "t0 = getattr(d, 'take')(2)", "t1 = getattr(d, 'take')(2)"),
    "by calling it": (D, "t0 = d(1)", "t1 = d(1)"),
    "by walking it": (D, "t0 = []\nfor x in d:\n    t0.append(x)\n    break", "t1 = []\nfor x in d:\n    t1.append(x)\n    break"),
    "by a list of it": (D, "t0 = list(d)", "t1 = list(d)"),
    "of a class below": ("import own\nd = own.More(range(6))", "t0 = d.take(2)", "t1 = d.take(2)"),
    "that a function made": ("import own\nd = own.make()", "t0 = d.take(2)", "t1 = d.take(2)"),
    "one of several": ("import own\nds = [own.make(), own.make()]", "t0 = ds[1].take(2)", "t1 = ds[1].take(2)"),
    "in a loop": ("import own\nds = [own.make(), own.make()]", "t0 = [d.take(2) for d in ds]", "t1 = [d.take(2) for d in ds]"),
    "in a function of the notebook": (f"{D}\ndef f(n):\n    return d.take(n)", "t0 = f(2)", "t1 = f(2)"),
    "given to a function of the notebook": (f"{D}\ndef f(e):\n    return e.take(2)", "t0 = f(d)", "t1 = f(d)"),
    "by the class": (D, "t0 = own.Deck.take(d, 2)", "t1 = own.Deck.take(d, 2)"),
    "in an object of the notebook": ("import own\nclass Box:\n    def __init__(self):\n        self.deck = own.make()\n    def draw(self):\n        return self.deck.take(1)\nb = Box()", "t0 = b.draw()", "t1 = b.draw()"),
    "what a method is given": (f"{D}\nxs = []", "t0 = d.share(xs)", "t1 = xs"),
    "what a function is given": (X, "t0 = own.first(xs)", "t1 = own.first(xs)", "t2 = xs"),
    "by another function": (X, "t0 = own.predict(xs, scale=3)", "t1 = own.predict(xs=xs)", "t2 = xs"),
    "what a method of the class is given": (X, "t0 = own.Deck.find(xs)", "t1 = xs"),
    "what a class is given": (X, "u = own.Uses(xs)", "t1 = xs", "t2 = u.last"),
    "by a name that only shows": (X, "own.show_all(xs)", "t1 = xs"),
    "with stars": (X, "t0 = own.first(*[xs])", "t1 = xs"),
    "what lies in it": ("import own\nxs = [1, 2]\nd = {'a': xs}", "t0 = own.get_inner(d)", "t1 = xs", "t2 = d"),
    "a table": ("import own\nimport pandas as pd\ndf = pd.DataFrame({'a': [1]})", "out = own.score(None, df)", "t0 = list(df.columns)"),
    "a function by its name alone": (f"{X}\nfrom own import first as get", "t0 = get(xs)", "t1 = xs"),
    "a function that is given on": ("import own\nxs = [[1, 2], [3]]", "t0 = list(map(own.first, xs))", "t1 = xs"),
    "a function that a table is piped through": ("import own\nimport pandas as pd\nfrom functools import partial\ndf = pd.DataFrame({'a': [1]})\ndef g(df):\n    return own.score(1, df)", "out = df.pipe(g)", "t0 = list(df.columns)"),
    "a function that is piped": ("import own\nimport pandas as pd\ns = pd.DataFrame({'a': [3, 4]})", "out = s.pipe(own.mark)", "t0 = list(s.columns)"),
}  # fmt: skip
ALONE: dict[str, tuple[str, ...]] = {
    "what is taken": (D, "t0 = d.take(2)", "t1 = d.take(2)"),
    "a batch": (D, "t0 = d.get_batch()", "t1 = d.get_batch()"),
    "a number": (D, "t0 = d.evaluate()", "t1 = d.evaluate()"),
    "by a name that shows": (D, "d.describe()", "t1 = d.total()"),
    "by reading a property": (D, "t0 = d.top", "t1 = d.top"),
    "by calling it": (D, "t0 = d(1)", "t1 = d(1)"),
    "by a method that is kept": (D, "f = d.take", "t0 = f(2)", "t1 = f(2)"),
    "by walking it": (D, "t0 = []\nfor x in d:\n    t0.append(x)\n    break", "t1 = d.total()"),
    "in a comprehension": (D, "t0 = [x for x in d]", "t1 = d.total()"),
    "by a list of it": (D, "t0 = list(d)", "t1 = d.total()"),
    "by a sum": (D, "t0 = sum(d)", "t1 = d.total()"),
    "side by side": (D, "t0 = list(zip(range(2), d))", "t1 = d.total()"),
    "in two names": (D, "a, b = [d.take(1), d.take(1)]", "t1 = d.total()"),
    "unpacked": (D, "t0 = [*d]", "t1 = d.total()"),
    "in an attribute": ("import own\nimport types\ng = types.SimpleNamespace(d=own.Deck(range(6)))", "t0 = g.d.take(2)", "t1 = g.d.total()"),
    "in a dictionary": ("import own\ng = {'d': own.Deck(range(6))}", "t0 = g['d'].take(2)", "t1 = g['d'].total()"),
    "by the class that was named": ("from own import Deck as D\nd = D(range(6))", "t0 = d.take(2)", "t1 = d.total()"),
    "by a function of a table": (f"{D}\nimport pandas as pd\ns = pd.Series([1, 2])", "t0 = list(s.apply(d.take))", "t1 = d.total()"),
    "by a class of the notebook": ("import own\nclass Mine(own.Deck):\n    def more(self):\n        return 1\nd = Mine(range(6))", "t0 = d.take(2)", "t1 = d.total()"),
    "by super": ("import own\nclass Mine(own.Deck):\n    def more(self):\n        return super().take(2)\nd = Mine(range(6))", "t0 = d.more()", "t1 = d.total()"),
    "by itself": ("import own\nclass Mine(own.Deck):\n    def more(self):\n        return self.take(2)\nd = Mine(range(6))", "t0 = d.more()", "t1 = d.total()"),
}  # fmt: skip
SEVERAL: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "a package that gives it on": ({"own": "from .deck import Deck, first\n", "own.deck": DECK}, ("from own import Deck, first\nd = Deck(range(6))\nxs = [3, 4, 5]", "t0 = d.take(2), first(xs)", "t1 = d.take(2), first(xs)")),
    "a base of another module": ({"own": "from own_base import Deck\nclass Mine(Deck):\n    pass\n", "own_base": DECK}, ("import own\nd = own.Mine(range(6))", "t0 = d.take(2)", "t1 = d.take(2)")),
    "a function of another module": ({"own": "import own_base\ndef get(xs):\n    return own_base.first(xs)\n", "own_base": DECK}, ("import own\nxs = [3, 4, 5]", "t0 = own.get(xs)", "t1 = own.get(xs)")),
    "a method of another module": ({"own": "def get(d):\n    return d.take(2)\n", "own_base": DECK}, ("import own, own_base\nd = own_base.make()", "t0 = own.get(d)", "t1 = own.get(d)")),
    "an object that holds one": ({"own": "from own_base import make\nclass Game:\n    def __init__(self):\n        self.deck = make()\n    def get(self):\n        return self.deck.take(2)\n", "own_base": DECK}, ("import own\ng = own.Game()", "t0 = g.get()", "t1 = g.get()")),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGED)
def test_stages_have_what_an_object_became(name: str, apart) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    whole, stages = apart(DECK, CHANGED[name])

    assert whole
    assert stages == whole


@pytest.mark.parametrize("name", ALONE)
def test_stages_have_what_an_object_of_a_small_module_became(name: str, apart) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    whole, stages = apart(SMALL, ALONE[name])

    assert whole
    assert stages == whole


@pytest.mark.parametrize("name", SEVERAL)
def test_stages_have_what_objects_of_several_modules_became(name: str, apart) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    texts, cells = SEVERAL[name]

    whole, stages = apart(texts, cells)

    assert whole
    assert stages == whole


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        (SMALL, (D, "a = d.total()", "b = d.total()")),
        ("def mean(xs):\n    return sum(xs) / len(xs)\n", (X, "a = own.mean(xs)", "b = own.mean(xs)")),
        ("def add(df):\n    df = df.copy()\n    df['x'] = 1\n    return df\n", ("import own\nimport pandas as pd\ndf = pd.DataFrame({'a': [1]})", "a = own.add(df)", "b = own.add(df)")),
        ("class Model:\n    def __init__(self, n):\n        self.n = n\n    def predict(self, df):\n        return df * self.n\n", ("import own\nimport pandas as pd\ndf = pd.DataFrame({'a': [1]})\nm = own.Model(2)", "a = m.predict(df)", "b = m.predict(df)")),
    ],
    ids=["a method", "a function", "a copy", "a model"],
)  # fmt: skip
def test_who_only_reads_changes_nothing(text: str, cells: tuple[str, ...]) -> None:
    made = _planned(text, cells)

    assert [stage.cells for stage in made.stages] == [(0,), (1,), (2,)]
    assert [set(stage.inputs.values()) for stage in made.stages] in ([set(), {0}, {0}], [set(), set(), set()])


def test_what_is_changed_is_told_by_the_text() -> None:
    uses = module_uses({"own": SMALL})

    assert {word for word, some in uses["own.Deck"].by_method.items() if some} == {
        *("take", "get_batch", "evaluate", "describe", "top", "__call__", "__next__")
    }


def _planned(text: str, cells: Sequence[str]) -> Plan:
    return plan(Links(with_modules(cells, {"own": text}, figures_stay=False), keeps_all=True), per="cell")
