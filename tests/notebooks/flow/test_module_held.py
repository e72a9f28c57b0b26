# ruff: noqa: E501 -- each line is a text
"""Functions and objects of own modules that are reached by another name, out of a collection, or by what holds them."""

from __future__ import annotations

from collections.abc import Sequence
from unittest import mock

import pytest
from tests.notebooks.flow.test_module_calls import apart  # noqa: F401

from agilab.notebooks.flow.findings import flow_findings
from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.module_states import module_uses, with_modules
from agilab.notebooks.flow.plan import plan

SHOP = (
    "class Shop:\n    revenue = 0\n    def __init__(self, n):\n        self.n = n\n"
    "    def sell(self, k):\n        {place} += k\n    @classmethod\n    def sum(cls):\n        return cls.revenue\n"
    "class Corner(Shop):\n    pass\n"
)
SOLD = (
    "from own import Shop\ns = Shop('x')\ns.sell(3)",
    "t = Shop('y')\nt.sell(4)",
    "t0 = Shop.revenue",
    "t1 = Shop.sum()",
)
CORNER = (
    "from own import Corner\ns = Corner('x')\ns.sell(3)",
    "t = Corner('y')\nt.sell(4)",
    "t0 = Corner.sum()",
)
CONF = (
    "CFG = {'rate': 1}\nSEEN = []\nN = 3\n"
    "class Worker:\n    def __init__(self, h):\n        self.h = h\n    def pay(self):\n        return self.h * CFG['rate']\n"
    "    @property\n    def wage(self):\n        return CFG['rate']\n    def __call__(self):\n        return self.h * CFG['rate']\n"
    "def note(x):\n    SEEN.append(x)\n    return len(SEEN)\n"
    "def first(xs):\n    return xs.pop(0)\n"
)
W = "import own\nfrom own import CFG, Worker\nw = Worker(2)\nws = [w]"
MODELS = (
    "import random\n_rng = random.Random(0)\n"
    "class Model:\n    def __init__(self, name):\n        self.name = name\n    def sample(self):\n        return _rng.random()\n"
    "    def fit(self):\n        return self\n    @classmethod\n    def named(cls, n):\n        return cls(n)\n"
    "def build(names):\n    return {n: Model(n) for n in names}\n"
    "def one(name):\n    model = Model(name)\n    return model\n"
    "def some(names):\n    found = []\n    for n in names:\n        found.append(one(n))\n    return found\n"
    "def fitted(name):\n    return Model(name).fit()\n"
    "def score(name):\n    model = Model(name)\n    return [model.sample()]\n"
)
STEPS = (
    "USED = []\n"
    "class Step:\n    def __call__(self, x):\n        USED.append(type(self).__name__)\n        return self.run(x) + len(USED)\n"
    "class Add(Step):\n    def run(self, x):\n        return x + 1\n"
    "class Mul(Step):\n    def run(self, x):\n        return x * 2\n"
    "STEPS = {'add': Add(), 'mul': Mul()}\nLINE = [Add(), Mul()]\nONE = Add()\n"
)
TRACKER = (
    "class Tracker:\n    def __init__(self):\n        self.n = 0\n    def __enter__(self):\n        self.n += 1\n        return self\n"
    "    def __exit__(self, *a):\n        return False\n    def bump(self):\n        self.n += 1\n        return self.n\n"
    "    def __getattr__(self, name):\n        if name.startswith('_'):\n            raise AttributeError(name)\n        self.n += 1\n        return self.n\n"
    "T = Tracker()\n_n = [0]\n"
    "def __getattr__(name):\n    if name.startswith('_'):\n        raise AttributeError(name)\n    _n.append(1)\n    return len(_n)\n"
)
M = "import own"
HELD: dict[str, tuple[str, tuple[str, ...]]] = {
    "a class by the type of an object": (SHOP.format(place="type(self).revenue"), SOLD),
    "a class by the class of an object": (SHOP.format(place="self.__class__.revenue"), SOLD),
    "a class by the type of an object of one below": (SHOP.format(place="type(self).revenue"), CORNER),
    "what a method reads": (CONF, (W, "CFG.update(rate=5)", "t0 = w.pay()")),
    "what a method reads of one in a list": (CONF, (W, "CFG.update(rate=5)", "t0 = [one.pay() for one in ws]")),
    "what a property reads": (CONF, (W, "CFG.update(rate=5)", "t0 = w.wage")),
    "what a method reads that is given on": (CONF, (W, "CFG.update(rate=5)", "t0 = sorted(ws, key=lambda one: one.pay())[0].pay()")),
    "what calling it reads": (CONF, (W, "CFG.update(rate=5)", "t0 = w()")),
    "what a method reads in a function": (CONF, (f"{W}\ndef total(some):\n    return sum(one.pay() for one in some)", "CFG.update(rate=5)", "t0 = total(ws)")),
    "by another name": (CONF, (f"{M}\nf = own.note", "f(1)", "t0 = f(2)", "t1 = own.note(3)")),
    "what is given by another name": (CONF, (f"{M}\nxs = [1, 2, 3]\nf = own.first", "t0 = f(xs)", "t1 = f(xs)", "t2 = xs")),
    "a partial": (CONF, (f"{M}\nimport functools\nf = functools.partial(own.note)", "f(1)", "t0 = f(2)", "t1 = own.note(3)")),
    "what is given to a partial": (CONF, (f"{M}\nimport functools\nxs = [1, 2, 3]\nf = functools.partial(own.first)", "t0 = f(xs)", "t1 = f(xs)", "t2 = xs")),
    "what a partial holds": (CONF, (f"{M}\nimport functools\nxs = [1, 2, 3]\nf = functools.partial(own.first, xs)", "t0 = f()", "t1 = f()", "t2 = xs")),
    "out of a dictionary": (CONF, (f"{M}\nsteps = {{'note': own.note}}", "t0 = steps['note'](1)", "t1 = steps['note'](2)", "t2 = own.note(3)")),
    "out of a list": (CONF, (f"{M}\nsteps = [own.note]", "t0 = [f(1) for f in steps]", "t1 = [f(2) for f in steps]")),
    "a collection by another name": (CONF, (f"{M}\nc = own.CFG", "c.update(rate=4)", "t0 = own.Worker(2).pay()")),
    "an item by another name": (CONF, (f"{M}\nc = own.CFG", "c['rate'] = 4", "t0 = own.Worker(2).pay()")),
    "a class by another name": (MODELS, (f"{M}\nK = own.Model", "m = K('a')", "t0 = m.sample()", "t1 = m.sample()")),
    "objects that a function makes": (MODELS, (f"{M}\nms = own.build(['a', 'b'])", "t0 = [m.sample() for m in ms.values()]", "t1 = [m.sample() for m in ms.values()]")),
    "an object that a function makes": (MODELS, (f"{M}\nm = own.one('a')", "t0 = m.sample()", "t1 = m.sample()")),
    "a list that a function fills": (MODELS, (f"{M}\nms = own.some(['a', 'b'])", "t0 = [m.sample() for m in ms]", "t1 = [m.sample() for m in ms]")),
    "an object that a method gives": (MODELS, (f"{M}\nm = own.fitted('a')", "t0 = m.sample()", "t1 = m.sample()")),
    "an object that the class makes": (MODELS, (f"{M}\nm = own.Model.named('a')", "t0 = m.sample()", "t1 = m.sample()")),
    "items that are called by a library": (STEPS, (f"{M}\nimport functools", "t0 = functools.reduce(lambda x, s: s(x), own.STEPS.values(), 1)", "t1 = functools.reduce(lambda x, s: s(x), own.STEPS.values(), 1)")),
    "items that were imported": (STEPS, ("from own import LINE\nimport functools", "t0 = functools.reduce(lambda x, s: s(x), LINE, 1)", "t1 = functools.reduce(lambda x, s: s(x), LINE, 1)")),
    "an item that is called": (STEPS, (M, "t0 = own.STEPS['add'](1)", "t1 = own.STEPS['add'](1)")),
    "items in a loop": (STEPS, (M, "t0 = []\nfor s in own.LINE:\n    t0.append(s(1))", "t1 = [s(1) for s in own.LINE]")),
    "an object that is called": (STEPS, (M, "t0 = own.ONE(1)", "t1 = own.ONE(1)")),
    "items in a function of the notebook": (STEPS, (f"{M}\ndef go(steps):\n    return [s(1) for s in steps]", "t0 = go(own.LINE)", "t1 = go(own.LINE)")),
    "a block of an object": (TRACKER, ("from own import T", "with T:\n    t0 = T.n * 10", "with T:\n    t1 = T.n * 10")),
    "a block of an object of a module": (TRACKER, (M, "with own.T as one:\n    t0 = one.n * 10", "with own.T:\n    t1 = own.T.n * 10")),
    "an attribute that there is not": (TRACKER, ("from own import T", "t0 = T.anything", "t1 = T.anything")),
    "a name that there is not": (TRACKER, (M, "t0 = own.anything", "t1 = own.anything")),
    "an object by another name": (TRACKER, ("from own import T\nx = T", "t0 = x.bump()", "t1 = x.bump()", "t2 = T.n")),
}  # fmt: skip

PATCHED: dict[str, tuple[str, ...]] = {
    "started where it is made": ("from unittest.mock import patch\nimport own", "patch('own.load', lambda: 7).start()", "t0 = own.load()", "t1 = own.through()"),
    "of an object": ("from unittest import mock\nimport own", "mock.patch.object(own, 'load', lambda: 7).start()", "t0 = own.through()"),
    "started by its name": ("from unittest.mock import patch\nimport own", "p = patch('own.load', lambda: 7)", "p.start()", "t0 = own.load()"),
    "and stopped": ("from unittest.mock import patch\nimport own\np = patch('own.load', lambda: 7)", "p.start()", "t0 = own.load()", "p.stop()", "t1 = own.load()"),
    "and all stopped": ("from unittest.mock import patch\nimport own", "patch('own.load', lambda: 7).start()", "t0 = own.load()", "patch.stopall()", "t1 = own.load()"),
    "whose mock is taken": ("from unittest.mock import patch\nimport own", "m = patch('own.load', return_value=7).start()", "t0 = own.load()"),
    "of the environment": ("from unittest.mock import patch\nimport os", "patch.dict(os.environ, {'A1_PATCH': 'x'}).start()", "t0 = os.environ['A1_PATCH']"),
}  # fmt: skip


@pytest.mark.parametrize("name", PATCHED)
def test_stages_have_what_a_patch_put_there(name: str, apart) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    whole, stages = apart("def load():\n    return 3\ndef through():\n    return load() + 1\n", PATCHED[name])
    mock.patch.stopall()

    assert whole
    assert stages == whole


def test_a_patch_of_a_library_that_is_stopped_somewhere_is_told() -> None:
    cells = [
        "from unittest.mock import patch\nimport math",
        "patch('math.floor', abs).start()",
        "x = math.floor(2.5)",
        "patch.stopall()",
    ]

    told = _told(cells, {})

    assert told == ["NB-613 the setting of math holds only in the stage of this cell"]


@pytest.mark.parametrize("name", HELD)
def test_stages_have_what_was_done_by_what_holds_it(name: str, apart) -> None:  # type: ignore[no-untyped-def] # noqa: F811
    text, cells = HELD[name]

    whole, stages = apart(text, cells)

    assert whole
    assert stages == whole


QUIET: dict[str, tuple[str, tuple[str, ...]]] = {
    "a memory by the type of an object": ("class Shop:\n    _one = None\n    def table(self):\n        if type(self)._one is None:\n            type(self)._one = [1, 2]\n        return type(self)._one[0]\n", ("from own import Shop", "a = Shop().table()", "b = Shop().table()")),
    "a function that uses an object for a number": (MODELS, (M, "a = own.build", "b = own.build")),
    "a copy of a collection": (CONF, ("import own\nc = dict(own.CFG)", "c.update(rate=2)", "a = own.CFG['rate']", "b = own.CFG['rate']")),
    "a list of a collection": (CONF, ("import own\nc = list(own.SEEN)", "c.append(2)", "a = len(own.SEEN)")),
    "a number": (CONF, ("import own\nn = own.N", "n += 1", "a = own.N")),
    "a function that only gives": (CONF, ("import own\nsize = own.N\ndef twice(x):\n    return 2 * x", "f = twice", "a = f(own.N)")),
    "what is printed": (STEPS, (M, "print(own.STEPS, len(own.LINE))", "print(own.STEPS)", "names = sorted(own.STEPS)")),
    "names that there are": (TRACKER, (M, "a = own.T.n", "b = own.T.n")),
    "an object that is given on": (TRACKER, (f"{M}\ndef show(t):\n    return t.n", "a = show(own.T)", "b = show(own.T)")),
    "what a method reads that nobody changes": (CONF, ("from own import CFG\nimport pandas as pd", "a = CFG['rate']", "b = CFG['rate']")),
}  # fmt: skip


@pytest.mark.parametrize("name", QUIET)
def test_who_only_looks_is_tied_to_nobody(name: str) -> None:
    text, cells = QUIET[name]
    made = plan(Links(with_modules(cells, {"own": text}, figures_stay=False), keeps_all=True), per="cell")

    assert [stage.cells for stage in made.stages] == [(number,) for number in range(len(cells))]
    assert not _told(cells, {"own": text})


def test_a_function_that_gives_numbers_makes_no_objects() -> None:
    uses = module_uses({"own": MODELS})

    made = {name.removeprefix("own.") for name, use in uses.items() if use.makes}

    assert made == {"Model", "Model.named", "build", "one", "some", "fitted"}


def _told(cells: Sequence[str], texts: dict[str, str]) -> list[str]:
    made = plan(Links(with_modules(cells, texts, figures_stay=False), keeps_all=True), per="cell")
    return [
        f"{one.code} {one.what}" for one in flow_findings(made, [], range(len(cells))) if one.code != "NB-606"
    ]
