# ruff: noqa: E501 -- each line is a text
"""Functions of a notebook's own modules: what they do to the process is there in later stages, or ties them."""

from __future__ import annotations

import logging
import os
import random
import sys
import warnings
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest
from tests.notebooks.flow.apart import run_apart, run_notebook

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.module_states import module_uses, with_modules
from agilab.notebooks.flow.plan import Plan, plan

SEED = (
    "import os, random\nimport numpy as np\n"
    "def seed_all(s=0):\n    '''Everything.'''\n    random.seed(s)\n    np.random.seed(s)\n"
    "    os.environ['A1_SEED'] = str(s)\n"
    "    try:\n        import torch\n        torch.manual_seed(s)\n    except ImportError:\n        pass\n"
    "def through(s):\n    seed_all(s)\n"
    "def perhaps(s=None):\n    if s is not None:\n        np.random.seed(s)\n"
    "def left(s=None):\n    if s is None:\n        return\n    np.random.seed(s)\n"
    "def told(s):\n    np.random.seed(s)\n    return np.random.rand()\n"
    "def each(some):\n    for s in some:\n        np.random.seed(s)\n"
    "def generator(s):\n    np.random.seed(s)\n    return np.random.default_rng(s)\n"
    "class Experiment:\n    def __init__(self, seed=3):\n        self.seed = seed\n        self.begin()\n"
    "    def begin(self):\n        np.random.seed(self.seed)\n    def draw(self):\n        return np.random.rand()\n"
    "class Config:\n    def set_seed(self, s):\n        np.random.seed(s)\nconf = Config()\nclear = conf.set_seed\n"
    "from contextlib import contextmanager\n"
    "@contextmanager\ndef seeded(s):\n    np.random.seed(s)\n    yield\n"
    "@contextmanager\ndef aside(s):\n    state = np.random.get_state()\n    np.random.seed(s)\n    try:\n        yield\n    finally:\n        np.random.set_state(state)\n"
    "class Seeded:\n    def __init__(self, s):\n        self.s = s\n    def __enter__(self):\n        np.random.seed(self.s)\n        return self\n    def __exit__(self, *args):\n        pass\n"
    "def with_seed(s):\n    def around(f):\n        def inner(*args):\n            np.random.seed(s)\n            return f(*args)\n        return inner\n    return around\n"
)
N = "import numpy as np\n"
SEEDED: dict[str, tuple[str, ...]] = {
    "all of them": (f"{N}from own import seed_all", "seed_all(1)\nt0 = np.random.rand()", "t1 = np.random.rand()"),
    "in a cell of its own": (f"{N}from own import seed_all\nimport random", "seed_all(1)", "t0 = np.random.rand()", "t1 = random.random()", "t2 = np.random.rand(), random.random()"),
    "by the module": (f"{N}import own\nS = 4", "own.seed_all(S)", "t0 = np.random.rand()"),
    "by another function": (f"{N}import own", "own.through(5)", "t0 = np.random.rand()", "t1 = np.random.rand()"),
    "perhaps": (f"{N}import own\nnp.random.seed(3)", "own.perhaps()", "t0 = np.random.rand()"),
    "perhaps, and so": (f"{N}import own\nnp.random.seed(3)", "own.perhaps(4)", "t0 = np.random.rand()"),
    "unless it left": (f"{N}import own\nnp.random.seed(3)", "own.left()", "t0 = np.random.rand()"),
    "in a loop": (f"{N}import own\nnp.random.seed(3)", "own.each([])", "t0 = np.random.rand()", "own.each([1, 2])", "t1 = np.random.rand()"),
    "and drawn": (f"{N}import own", "t0 = own.told(1)", "t1 = np.random.rand()"),
    "and drawn without a word": (f"{N}import own", "own.told(1)", "t1 = np.random.rand()"),
    "with a result": (f"{N}import own", "rng = own.generator(2)", "t0 = np.random.rand()", "t1 = rng.random()"),
    "with a result that nobody takes": (f"{N}import own", "own.generator(2)", "t0 = np.random.rand()"),
    "by an object": (f"{N}import own", "e = own.Experiment(seed=3)", "t0 = np.random.rand()", "t1 = np.random.rand()"),
    "by a method": (f"{N}import own\ne = own.Experiment()", "t0 = np.random.rand()", "e.begin()", "t1 = np.random.rand()"),
    "drawn by a method": (f"{N}import own\ne = own.Experiment()", "np.random.seed(8)", "t0 = e.draw()", "t1 = e.draw()"),
    "by an object of the module": (f"{N}from own import conf", "conf.set_seed(5)", "t0 = np.random.rand()"),
    "by a bound method": (f"{N}from own import clear", "clear(5)", "t0 = np.random.rand()"),
    "by a function given": (f"{N}import own", "list(map(own.perhaps, [1, 2]))", "t0 = np.random.rand()"),
    "by another name": (f"{N}import own", "s = own.perhaps", "s(4)", "t0 = np.random.rand()"),
    "in a function of the notebook": (f"{N}import own\ndef begin(s):\n    own.seed_all(s)\n", "begin(4)", "t0 = np.random.rand()"),
    "in a branch": (f"{N}import own\nfast = True", "if fast:\n    own.seed_all(3)", "t0 = np.random.rand()"),
    "in a block": (f"{N}import own", "with own.seeded(3):\n    t0 = np.random.rand()", "t1 = np.random.rand()"),
    "in a block, and as before": (f"{N}import own\nnp.random.seed(7)", "with own.aside(3):\n    t0 = np.random.rand()", "t1 = np.random.rand()"),
    "in a block of an object": (f"{N}import own", "with own.Seeded(3):\n    t0 = np.random.rand()", "t1 = np.random.rand()"),
    "by a decorator": (f"{N}import own\n@own.with_seed(3)\ndef draw():\n    return np.random.rand()", "t0 = draw()", "t1 = np.random.rand()"),
    "by what was set": (f"{N}import own\nown.random.seed(1)", "import random\nt0 = random.random()"),
    "another in between": (f"{N}import own, random", "own.seed_all(1)", "np.random.seed(2)", "t0 = np.random.rand()\nt1 = random.random()"),
    "an argument that is another": (f"{N}import own\nit = iter([3, 4])", "own.seed_all(next(it))", "t0 = np.random.rand()", "t1 = next(it)"),
    "a function of the notebook that perhaps does": (f"{N}def f(s=None):\n    if s is not None:\n        np.random.seed(s)", "np.random.seed(1)", "f()", "t0 = np.random.rand()"),
}  # fmt: skip
QUIET = (
    "import logging, sys, os, warnings\nlog = logging.getLogger('a1.own')\n"
    "def setup(level='INFO'):\n    logging.basicConfig(stream=sys.stdout, level=getattr(logging, level), format='RES %(message)s', force=True)\n"
    "def quiet():\n    logging.getLogger('a1').setLevel(logging.ERROR)\n"
    "def hush():\n    log.setLevel(logging.ERROR)\n"
    "def handlers():\n    root = logging.getLogger('a1')\n    root.setLevel(10)\n    h = logging.StreamHandler(sys.stdout)\n"
    "    h.setFormatter(logging.Formatter('%(message)s'))\n    root.addHandler(h)\n"
    "def many():\n    for name in ('a1', 'a2'):\n        logging.getLogger(name).setLevel(logging.CRITICAL)\n"
    "def level():\n    return log.getEffectiveLevel()\n"
    "def silent():\n    warnings.filterwarnings('error', category=UserWarning)\n"
    "def house():\n    import matplotlib.pyplot as plt\n    import pandas as pd\n    plt.rcParams.update({'lines.linewidth': 7})\n"
    "    pd.set_option('display.precision', 3)\n"
    "def digits():\n    import numpy as np\n    np.set_printoptions(precision=2)\n"
    "def threads(n):\n    os.environ['A1_THREADS'] = str(n)\n"
    "def away():\n    os.chdir(os.sep)\n"
    "def paths():\n    sys.path.append('/a1-there')\n"
    "def width(df):\n    import matplotlib.pyplot as plt\n    return plt.rcParams['lines.linewidth']\n"
)
SET: dict[str, tuple[str, ...]] = {
    "a level": ("import own", "own.quiet()", "t0 = own.level()"),
    "a level of the module's logger": ("import own", "own.hush()", "t0 = own.level()"),
    "several": ("import own", "own.many()", "t0 = own.level()"),
    "the root": ("import own\nimport logging", "own.setup('DEBUG')", "t0 = own.level()", "t1 = logging.getLogger().level"),
    "handlers": ("import own\nimport logging", "own.handlers()", "t0 = own.level()", "t1 = len(logging.getLogger('a1').handlers)"),
    "in the notebook": ("import logging", "logging.getLogger('a1').setLevel(40)", "t0 = logging.getLogger('a1.b').getEffectiveLevel()"),
    "in the notebook, by a name": ("import logging\nlog = logging.getLogger('a1')", "log.setLevel(40)", "t0 = logging.getLogger('a1.b').getEffectiveLevel()"),
    "warnings": ("import own", "own.silent()", "import warnings\ntry:\n    warnings.warn('x')\n    t0 = 1\nexcept UserWarning:\n    t0 = 2"),
    "style": ("import own\nimport matplotlib.pyplot as plt\nimport pandas as pd", "own.house()", "t0 = plt.rcParams['lines.linewidth']", "t1 = pd.get_option('display.precision')"),
    "style that a module looks at": ("import own", "own.house()", "t0 = own.width(1)"),
    "digits": ("import own\nimport numpy as np", "own.digits()", "t0 = str(np.array([1.23456]))"),
    "environment": ("import own\nimport os", "own.threads(4)", "t0 = os.environ.get('A1_THREADS')"),
    "folder": ("import own\nimport os", "own.away()", "t0 = len(os.listdir('.')) == len(os.listdir(os.sep))\nt1 = os.getcwd()"),
    "import path": ("import own\nimport sys", "own.paths()", "t0 = '/a1-there' in sys.path"),
}  # fmt: skip
HELD: dict[str, tuple[str, ...]] = {
    "bound methods": (
        "class Store:\n    def __init__(self):\n        self.data = {}\n    def put(self, k, v):\n        self.data[k] = v\n"
        "    def get(self, k):\n        return self.data[k]\ndefault = Store()\nput, get = default.put, default.get\n",
        "from own import put",
        "put('a', 1)",
        "from own import get\nt0 = get('a')",
    ),
    "bound methods of a dataclass": (
        "from dataclasses import dataclass, field\n@dataclass\nclass Store:\n    data: dict = field(default_factory=dict)\n"
        "    def put(self, k, v):\n        self.data[k] = v\n    def get(self, k):\n        return self.data[k]\n"
        "default = Store()\nput = default.put\nget = default.get\n",
        "import own",
        "own.put('a', 1)",
        "t0 = own.get('a')",
    ),
    "a bound method of a list": ("SEEN = []\nnote = SEEN.append\n", "import own", "own.note(1)", "t0 = list(own.SEEN)"),
    "a lambda": ("SEEN = []\nnote = lambda x: SEEN.append(x)\n", "import own", "own.note(1)", "t0 = list(own.SEEN)"),
    "another name": ("SEEN = []\ndef _note(x):\n    SEEN.append(x)\nnote = _note\n", "import own", "own.note(1)", "t0 = list(own.SEEN)"),
    "partial": ("from functools import partial\nSEEN = []\ndef _note(x, y):\n    SEEN.append(x + y)\nnote = partial(_note, 1)\n", "import own", "own.note(1)", "t0 = list(own.SEEN)"),
    "a database in memory": (
        "import sqlite3\nconn = sqlite3.connect(':memory:')\nconn.execute('create table t (x int)')\n"
        "def add(x):\n    conn.execute('insert into t values (?)', (x,))\ndef total():\n    return conn.execute('select sum(x) from t').fetchone()[0]\n",
        "import own",
        "own.add(3)",
        "t0 = own.total()",
    ),
    "a database in memory that is made once": (
        "import sqlite3\n_conn = None\ndef conn():\n    global _conn\n    if _conn is None:\n        _conn = sqlite3.connect(':memory:')\n"
        "        _conn.execute('create table t (x int)')\n    return _conn\n"
        "def add(x):\n    conn().execute('insert into t values (?)', (x,))\ndef total():\n    return conn().execute('select sum(x) from t').fetchone()[0]\n",
        "import own",
        "own.add(3)",
        "t0 = own.total()",
    ),
    "a text in memory": ("import io\nbuf = io.StringIO()\ndef note(x):\n    buf.write(x)\ndef text():\n    return buf.getvalue()\n", "import own", "own.note('a')", "t0 = own.text()"),
    "a queue": ("import queue\nq = queue.Queue()\ndef put(x):\n    q.put(x)\ndef size():\n    return q.qsize()\n", "import own", "own.put('a')", "t0 = own.size()"),
    "a function made by a function": ("def counter():\n    n = 0\n    def step():\n        nonlocal n\n        n += 1\n        return n\n    return step\nstep = counter()\n", "import own", "t0 = own.step()", "t1 = own.step()"),
    "a generator": ("def numbers():\n    n = 0\n    while True:\n        yield n\n        n += 1\nit = numbers()\ndef step():\n    return next(it)\n", "import own", "t0 = own.step()", "t1 = own.step()"),
    "an iterator": ("import itertools\nids = itertools.count()\ndef step():\n    return next(ids)\n", "import own", "t0 = own.step()", "t1 = own.step()"),
    "a generator of random numbers": ("import numpy as np\nrng = np.random.default_rng(3)\ndef draw():\n    return rng.random()\n", "import own", "t0 = own.draw()", "t1 = own.draw()"),
}  # fmt: skip


_KEEPS = "SEEN = []\ndef note(x):\n    SEEN.append(x)\ndef seen():\n    return list(SEEN)\n"
CONFIG = {
    "own": "from .conf import settings\nfrom .calc import calc\n",
    "own.conf": "settings = {'alpha': 1, 'beta': 2}\n",
    "own.calc": "from .conf import settings\ndef calc(x):\n    return settings['alpha'] * x + settings['beta']\n",
}
SHAPES = (
    "class Shape:\n    def area(self):\n        return 0\n"
    "def all_areas():\n    return {one.__name__: one().area() for one in Shape.__subclasses__()}\n"
    "class Plugin:\n    @classmethod\n    def names(cls):\n        return [one.__name__ for one in cls.__subclasses__()]\n"
)
MODULES: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "a package that gives all on": ({"own": "from .parts import *\n", "own.parts": _KEEPS}, ("from own import note, seen", "note(1)", "t0 = seen()")),
    "a package that gives some on": ({"own": "from own.parts import *\n", "own.parts": f"__all__ = ['note', 'seen']\n{_KEEPS}"}, ("import own", "own.note(1)", "t0 = own.seen()")),
    "of a package of packages": ({"own": "from .parts import *\n", "own.parts": "from .more import *\n", "own.more": _KEEPS}, ("import own", "own.note(1)", "t0 = own.seen()")),
    "seeds of a package": ({"own": "from .parts import *\n", "own.parts": SEED}, (f"{N}import own", "own.seed_all(3)", "t0 = np.random.rand()", "t1 = np.random.rand()")),
    "libraries of a module": ({"own": "import numpy as np\nimport random\n"}, ("from own import np, random", "np.random.seed(3)\nrandom.seed(4)", "t0 = np.random.rand()", "t1 = np.random.rand(), random.random()")),
    "a library by the module": ({"own": "import numpy as np\n"}, ("import own", "own.np.random.seed(3)", "t0 = own.np.random.rand()", "t1 = own.np.random.rand()")),
    "a module that is too long": ({"own": _KEEPS + "# and so on\n" * 6000}, ("import own", "own.note(1)", "t0 = own.seen()")),
    "seeds of one that is too long": ({"own": SEED + "# and so on\n" * 6000}, (f"{N}import own", "own.seed_all(3)", "t0 = np.random.rand()", "t1 = np.random.rand()")),
    "a module that does not say all": ({"own": f"{_KEEPS}globals()['more'] = 1\n"}, ("import own", "own.note(1)", "t0 = own.seen()")),
    "a module with a star of a library": ({"own": f"from math import *\n{_KEEPS}"}, ("import own", "own.note(floor_ := 1)", "t0 = own.seen()")),
    "set where only a function imports it": ({"own": "RATE = 2\n"}, ("def f(x):\n    import own\n    return own.RATE * x\ndef g(x):\n    return f(x)", "t0 = f(1)", "import own\nown.RATE = 7", "t1 = g(1)")),
    "set by a function that imports it": ({"own": "RATE = 2\n"}, ("class M:\n    def f(self, x):\n        from own import RATE\n        return RATE * x\nm = M()\ndef g(v):\n    import own\n    own.RATE = v", "t0 = m.f(1)", "g(7)", "t1 = m.f(1)")),
    "a config that a package gives on": (CONFIG, ("from own import settings, calc\nsettings.update(alpha=10)", "t0 = calc(1)", "settings.update({'beta': 5})\nt1 = calc(1)", "t2 = dict(settings), calc(2)")),
    "a config of a package": (CONFIG, ("import own\nown.settings['alpha'] = 10", "t0 = own.calc(1)", "own.settings.update({'beta': 5})\nt1 = own.calc(1)", "t2 = dict(own.settings), own.calc(2)")),
    "a config by another name": (CONFIG, ("from own.conf import settings as S\nfrom own import calc", "S.setdefault('gamma', 4)", "S.update(beta=7)", "t0 = calc(1), len(S)")),
    "classes that a base is asked for": ({"own": SHAPES}, ("from own import Shape, all_areas", "class A(Shape):\n    def area(self):\n        return 1", "class B(Shape):\n    def area(self):\n        return 2", "t0 = all_areas()")),
    "classes that a base of a package is asked for": ({"own": "from .shapes import *\n", "own.shapes": SHAPES}, ("import own", "class A(own.Shape):\n    def area(self):\n        return 1", "t0 = own.all_areas()")),
    "classes that a base is asked for by itself": ({"own": SHAPES}, ("import own", "class A(own.Plugin):\n    pass", "t0 = own.Plugin.names()")),
    "many functions": ({"own": _KEEPS + "".join(f"def f{n}(x):\n    SEEN.append(x + {n})\n" for n in range(200))}, ("import own", "own.f7(1)", "t0 = own.seen()")),
}  # fmt: skip


_GETS = "LIMIT = '1'\ndef get(k):\n    return LIMIT\ndef limit():\n    return get('x')\nclass Config:\n    def get(self):\n        return 1\ndef made():\n    return Config().get()\n"
PUT: dict[str, tuple[str, ...]] = {
    "a function": ("import own", "own.get = lambda k: '7'", "t0 = own.limit()", "t1 = own.get('x')"),
    "one that reads a constant": ("import own\nv = 3", "own.get = lambda k: v", "t0 = own.limit()", "v = 4", "t1 = own.limit()"),
    "one that reads a value": ("import own\nx = len([1])", "v = str(x + 1)", "own.get = lambda k: v", "t0 = own.limit()", "t1 = own.get('x')"),
    "one that reads a value that is changed": ("import own\nx = len([1])", "v = [x]", "own.get = lambda k: v[0]", "v[0] = 9", "t0 = own.limit()", "v = [5]\nt1 = own.limit()", "t2 = own.get('x')"),
    "one that is called at once": ("import own\nx = len([1])", "v = str(x + 1)", "own.get = lambda k: v\nt0 = own.limit()", "t1 = own.limit()"),
    "one with a name": ("import own\nx = len([1])", "v = x + 1\ndef fake(k):\n    return v", "own.get = fake", "t0 = own.limit()", "v = v + 7", "t1 = own.get('x')"),
    "one that keeps a list": ("import own\nseen = []", "own.get = lambda k: seen.append(k) or '1'", "t0 = own.limit()", "t1 = own.get('y')", "t2 = list(seen)"),
    "one that counts": ("import own\nn = 0\ndef fake(k):\n    global n\n    n += 1\n    return n", "own.get = fake", "t0 = own.limit()", "t1 = own.get('x')", "t2 = n"),
    "one around what was there": ("import own", "old = own.get\nown.get = lambda k: 'so ' + old(k)", "t0 = own.limit()", "own.get = old", "t1 = own.limit()"),
    "a class": ("import own\nx = len([1])", "v = x + 1\nclass Mine(own.Config):\n    def get(self):\n        return v", "own.Config = Mine", "t0 = own.made()", "v = 5", "t1 = own.made()"),
    "an option that calls one": ("import pandas as pd\nx = len([1])", "d = x + 2", "pd.set_option('display.float_format', lambda v: f'{v:.{d}f}')", "t0 = str(pd.Series([1.23456789]))"),
}  # fmt: skip


def _fresh(folder: str) -> None:
    """The process as a new one has it."""
    for name in [one for one in sys.modules if one.partition(".")[0] == "own"]:
        del sys.modules[name]
    os.chdir(folder)
    for name in ("A1_SEED", "A1_THREADS"):
        os.environ.pop(name, None)
    np.random.seed(None)
    random.seed()
    warnings.resetwarnings()
    mpl.rcdefaults()
    pd.reset_option("display.precision")
    pd.reset_option("display.float_format")
    np.set_printoptions(precision=8)
    sys.path[:] = [one for one in sys.path if one != "/a1-there"]
    for logger in (logging.getLogger(name) for name in ("a1", "a1.own", "a2")):
        logger.setLevel(logging.NOTSET)
        logger.handlers.clear()
    logging.getLogger().setLevel(logging.WARNING)
    logging.getLogger().handlers[:] = []


@pytest.fixture
def apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> object:
    """Runs cells as a notebook and as stages; what both leave."""
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.chdir(tmp_path)
    handlers, level, kept = logging.getLogger().handlers[:], logging.getLogger().level, warnings.filters[:]
    folder = str(tmp_path)

    def run(said: str | dict[str, str], cells: Sequence[str]) -> tuple[dict[str, object], dict[str, object]]:
        texts = {"own": said} if isinstance(said, str) else said
        for name, text in texts.items():
            inner = any(one.startswith(f"{name}.") for one in texts)
            path = (
                tmp_path / name.replace(".", "/") / "__init__.py"
                if inner
                else tmp_path / f"{name.replace('.', '/')}.py"
            )
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
        _fresh(folder)
        whole = run_notebook(cells)
        flows = with_modules(cells, texts, figures_stay=False)
        made = plan(Links(flows, keeps_all=True), per="cell")
        ended, _ = run_apart(made, between=lambda: _fresh(folder))
        told = {key: value for key, value in whole.items() if key[0] == "t" and key[1:].isdigit()}
        return told, {key: ended.get(key) for key in told}

    yield run
    _fresh(folder)
    logging.getLogger().handlers[:] = handlers
    logging.getLogger().setLevel(level)
    warnings.filters[:] = kept


@pytest.mark.parametrize("name", SEEDED)
def test_stages_draw_what_the_notebook_draws(name: str, apart) -> None:  # type: ignore[no-untyped-def]
    whole, stages = apart(SEED, SEEDED[name])

    assert whole
    assert stages == whole


@pytest.mark.parametrize("name", SET)
def test_stages_have_what_a_function_sets(name: str, apart) -> None:  # type: ignore[no-untyped-def]
    whole, stages = apart(QUIET, SET[name])

    assert whole
    assert stages == whole


@pytest.mark.parametrize("name", HELD)
def test_stages_have_what_a_function_puts_away(name: str, apart) -> None:  # type: ignore[no-untyped-def]
    text, *cells = HELD[name]

    whole, stages = apart(text, cells)

    assert whole
    assert stages == whole


@pytest.mark.parametrize("name", MODULES)
def test_stages_have_what_modules_of_modules_do(name: str, apart) -> None:  # type: ignore[no-untyped-def]
    texts, cells = MODULES[name]

    whole, stages = apart(texts, cells)

    assert whole
    assert stages == whole


@pytest.mark.parametrize("name", PUT)
def test_stages_call_what_was_put_into_a_module(name: str, apart) -> None:  # type: ignore[no-untyped-def]
    whole, stages = apart(_GETS, PUT[name])

    assert whole
    assert stages == whole


def test_a_function_that_stands_for_a_library_s_is_repeated_whichever_way_it_is_put_there() -> None:
    for text in ("os.getenv = lambda k: 'so'", "setattr(os, 'getenv', lambda k: 'so')"):
        made = _planned("", ("import os", text, "a = os.getenv('x')"))

        assert [one.text for _, one in made.stages[2].repeated] == [text]


def test_a_setting_is_not_repeated_with_what_its_name_is_by_then() -> None:
    cells = ("import pandas as pd\nk = 3", "pd.set_option('display.precision', k)", "a = pd.Series([1])")
    later = "b = str(pd.Series([1.23456789]))"

    assert _planned("", (*cells, "k = 3\nimport pandas as pd", later)).stages[4].repeated
    assert _planned("", (*cells, "k = 7", later)).stages[2].repeated
    assert not _planned("", (*cells, "k = 7", later)).stages[4].repeated


@pytest.mark.parametrize(
    "cells",
    [
        ("import pandas as pd\nimport own", "own.bars()", "s = len([1])", "a = s.progress_apply(len)"),
        ("import pandas as pd\nfrom tqdm.auto import tqdm", "tqdm.pandas()", "s = len([1])", "a = s.progress_map(len)"),
        ("from tqdm import tqdm\ndef f(s):\n    return s.progress_apply(len)", "tqdm.pandas()", "s = len([1])", "a = f(s)"),
        ("from pandarallel import pandarallel", "pandarallel.initialize()", "s = len([1])", "a = s.parallel_apply(len)"),
    ],
    ids=["by a module", "by the notebook", "for a function", "in parallel"],
)  # fmt: skip
def test_methods_that_a_call_gives_tables_are_there_in_the_stages_that_call_them(
    cells: tuple[str, ...],
) -> None:
    made = _planned("from tqdm.auto import tqdm\ndef bars():\n    tqdm.pandas(disable=True)\n", cells)

    assert [stage.cells for stage in made.stages] == [(0,), (1,), (2,), (3,)]
    assert [[one.text for _, one in stage.repeated] for stage in made.stages[2:]] == [[], [cells[1]]]


@pytest.mark.parametrize(
    ("text", "cells", "repeated"),
    [
        (SEED, (f"{N}from own import seed_all", "seed_all(1)", "a = np.random.rand()", "b = [a]"), "seed_all(1)"),
        (SEED, (f"{N}import own\nS = 3", "own.through(S)", "a = np.random.rand()", "b = [a]"), "own.through(S)"),
        (QUIET, ("import own", "own.setup()", "a = own.level()", "b = [a]"), "own.setup()"),
        (QUIET, ("import own\nimport numpy as np", "own.digits()", "a = str(np.zeros(1))", "b = [a]"), "own.digits()"),
    ],
    ids=["seeds", "seeds by another", "a log", "digits"],
)  # fmt: skip
def test_a_call_that_only_sets_is_repeated(text: str, cells: tuple[str, ...], repeated: str) -> None:
    made = _planned(text, cells)

    assert [stage.cells for stage in made.stages] == [(0,), (1,), (2,), (3,)]
    assert [one.text for _, one in made.stages[2].repeated] == [repeated]


@pytest.mark.parametrize(
    "cells",
    [
        ("import own", "a = own.seed_all", "b = [1]", "c = [2]"),
        ("import own", "own.seed_all(3)", "b = [1]", "c = [2]"),
        (f"{N}import own\nrng = np.random.default_rng(1)", "own.seed_all(3)", "b = [1]", "c = [2]"),
        ("import own", "e = own.Experiment()\na = len([e])", "b = [a]", "c = [2]"),
    ],
)
def test_who_draws_nothing_is_tied_to_no_seed(cells: tuple[str, ...]) -> None:
    assert [stage.cells for stage in _planned(SEED, cells).stages] == [(0,), (1,), (2,), (3,)]


def test_what_a_function_does_to_the_process_is_told_by_its_text() -> None:
    uses = module_uses({"own": SEED})

    assert uses["own.seed_all"].only_sets
    assert uses["own.seed_all"].surely >= {"<random python>", "<random numpy>"}
    assert not uses["own.told"].only_sets
    assert not uses["own.perhaps"].surely
    assert not uses["own.left"].surely
    assert ("<random numpy>", "set") in uses["own.Experiment"].does
    assert ("<random numpy>", "use") in uses["own.Experiment"].methods["draw"]


def _planned(text: str, cells: Sequence[str]) -> Plan:
    return plan(Links(with_modules(cells, {"own": text}, figures_stay=False), keeps_all=True), per="cell")
