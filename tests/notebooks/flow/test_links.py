"""Edges, names that nothing makes, states of the process, and what keeps cells together."""

from __future__ import annotations

import sys

import pytest

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.notebook import analyse_cells
from agilab.notebooks.flow.order import reordered, unused
from agilab.notebooks.flow.plan import Plan, plan


def _links(*cells: str) -> Links:
    return Links(analyse_cells(cells))


def _plan(*cells: str) -> Plan:
    return plan(_links(*cells), per="cell")


def _groups(*cells: str) -> list[tuple[int, ...]]:
    return list(_plan(*cells).grouping.groups)


def test_a_name_comes_from_the_nearest_cell_that_binds_or_changes_it() -> None:
    links = _links("x = load()", "x.append(1)", "y = x", "x = 2", "z = x + y")

    assert {(edge.name, edge.source, edge.target) for edge in links.edges} == {
        ("x", 0, 1),
        ("x", 1, 2),
        ("x", 3, 4),
        ("y", 2, 4),
    }


def test_how_a_name_reaches_a_cell() -> None:
    links = _links(
        "import math\nK = 3\nx = load()\nimport random\nrandom.seed(1)", "math.sqrt(K + x) + random.random()"
    )

    assert {edge.name: edge.how for edge in links.edges} == {
        "math": "definition",
        "K": "definition",
        "x": "value",
        "random": "definition",
        "<random python>": "state",
    }


def test_names_that_nothing_above_makes() -> None:
    links = _links(
        "a = gone", "b = later", "later = 1", "c = 1", "del c", "d = c", "e = _ + Out[3]", "f = f + 1"
    )

    found = {(one.name, one.cell, one.below, one.deleted, one.history) for one in links.unmade}
    assert found == {
        ("gone", 0, None, None, False),
        ("later", 1, 2, None, False),
        ("c", 5, None, 4, False),
        ("_", 6, None, None, True),
        ("Out", 6, None, None, True),
        ("f", 7, 7, None, False),
    }


def test_running_in_another_order_matters_where_a_name_came_from_another_cell() -> None:
    links = _links("x = 1", "y = x", "x = 2", "z = y")

    assert reordered(links, [0, 1, 2, 3]) == ()
    (one,) = reordered(links, [0, 2, 1, 3])
    assert (one.name, one.cell, one.ran, one.stands) == ("x", 1, 2, 0)
    (two,) = reordered(links, [1, 0, 2, 3])
    assert (two.name, two.cell, two.ran, two.stands) == ("x", 1, None, 0)


def test_definitions_that_nobody_uses() -> None:
    links = _links("import os, sys\ndef f(): return sys\ndef g(): return 1", "f()\nclass A: pass\nx = 1")

    assert unused(links) == (("os", 0), ("g", 0), ("A", 1))


@pytest.mark.parametrize(
    ("own", "given"),
    [
        ("kept = {}\ndef keep(f):\n    kept[f.__name__] = f\n    return f", "@keep\ndef one():\n    pass"),
        (
            "kept = {}\ndef keep(name):\n    def of(f):\n        kept[name] = f\n        return f\n    return of",
            "@keep('one')\ndef one():\n    pass",
        ),
        (
            "class Kept:\n    def __init__(self):\n        self.all = []\n    def add(self, f):\n"
            "        self.all.append(f)\n        return f\nkept = Kept()",
            "@kept.add\nclass One:\n    pass",
        ),
        (
            "class Kept:\n    all = []\n    def __init_subclass__(cls):\n        Kept.all.append(cls)",
            "class One(Kept):\n    pass",
        ),
        (
            "class Kept:\n    all = []\n    def __init_subclass__(cls):\n        Kept.all.append(cls)\n"
            "class Half(Kept):\n    pass",
            "class One(Half):\n    pass",
        ),
        (
            "class Kept(type):\n    all = []\n    def __init__(cls, *parts):\n        Kept.all.append(cls)",
            "class One(metaclass=Kept):\n    pass",
        ),
    ],
    ids=["decorator", "made decorator", "method", "subclass", "subclass of one", "metaclass"],
)
def test_a_definition_that_the_notebook_itself_keeps_is_not_called_unused(own: str, given: str) -> None:
    assert unused(_links(own, given, "print(Kept.all if 'Kept' in dir() else kept)")) == ()


def test_a_definition_that_a_library_decorates_or_makes_a_base_of_may_be_unused() -> None:
    links = _links(
        "import abc\nfrom functools import cache\nfrom dataclasses import dataclass",
        "@cache\ndef f(): pass\n@dataclass\nclass A:\n    x: int = 1\nclass B(metaclass=abc.ABCMeta): pass",
        "class C: pass\nclass D(C): pass",
    )
    assert unused(links) == (("f", 1), ("A", 1), ("B", 1), ("D", 2))


@pytest.mark.parametrize(
    "cells",
    [
        ("f = open('a')", "x = f.read()"),
        ("import sqlite3\ncon = sqlite3.connect('a.db')", "con.execute('select 1')"),
        ("import threading\nlock = threading.Lock()", "with lock:\n    pass"),
        ("import matplotlib.pyplot as plt\nfig, ax = plt.subplots()", "ax.plot([1])"),
        ("import matplotlib.pyplot as plt\nplt.plot([1])", "plt.title('a')\nplt.show()"),
        ("import seaborn as sns\ng = sns.FacetGrid(d)", "g.map(h)"),
        ("g = (v for v in load())", "list(g)"),
        ("def g():\n    yield 1\ns = g()", "next(s)"),
        ("import numpy as np\nnp.random.seed(1)\na = np.random.rand()", "b = np.random.rand()"),
        ("import torch\ntorch.manual_seed(1)\na = torch.rand(2)", "m = torch.nn.Linear(1, 1)"),
        ("import os\nos.chdir(where())", "open('a')"),
        ("import os\nos.chdir('data')", "import pandas as pd\npd.read_csv('a.csv')"),
        ("if ask():\n    x = 1", "print(x)"),
        ("def make():\n    n = [0]\n    def step():\n        n.append(1)\n    return step\ns = make()", "s()"),
        ("x = load()\ny = x", "x.append(1)\nz = y"),
        ("x = load()\ny = [x]", "y[0].append(1)\nz = x"),
        ("x = load()\ny = x", "z = x is y"),
        ("x = 1", "exec(code())"),
        ("exec(code())", "y = x"),
        ("from pylab import *", "y = linspace(0, 1)"),
        ("f = lambda: load()\nfs = [f, load()]", "fs[0]()"),
        ("class A:\n    n = 0\n    def f(self):\n        type(self).n += 1\na = A()", "a.f()"),
        ("import sys\nsys.path.append('src')\nimport helpers", "helpers.run()"),
        ("import io\nbuf = io.StringIO()", "show(buf)"),
        ("import polars as pl\nlf = pl.scan_csv('a.csv')\nbig = lf.head()", "t = big.collect()"),
        ("import builtins\nbuiltins.SPECIAL = 3", "x = SPECIAL"),
        ("def f(v): return v\nimport statsmodels.formula.api as smf\nm = smf.ols('y ~ f(x)', load())", "m.params"),
    ],
)  # fmt: skip
def test_what_cannot_cross_keeps_its_cells_together(cells: tuple[str, ...]) -> None:
    assert _groups(*cells) == [tuple(range(len(cells)))]


@pytest.mark.parametrize(
    "cells",
    [
        ("import matplotlib.pyplot as plt\nplt.plot([1])\nplt.show()", "plt.plot([2])\nplt.title('b')"),
        ("import numpy as np\na = np.random.rand()", "import numpy as np\nb = np.random.rand()"),
        ("with open('a') as f:\n    t = f.read()", "print(t)"),
        ("x = load()\ny = x", "z = x + y"),
        ("x = load()", "x.append(1)", "print(x)"),
        ("def f():\n    return load()", "f()"),
        ("for i in items():\n    pass", "for i in items():\n    pass"),
        ("import pandas as pd\ndf = pd.read_csv('a')", "part = df[df.x > 1].copy()\npart['y'] = 1", "print(df, part)"),
        ("from sklearn.svm import SVC\nm = SVC()\nm.fit(X, y)", "p = m.predict(X)"),
        ("import numpy as np\nrng = np.random.default_rng(1)", "a = rng.normal()", "b = rng.normal()"),
        (
            "import matplotlib.pyplot as plt\ndf = load()",
            "fig, ax = plt.subplots()\nax.plot(df.x)\nax.set_title('a')",
            "df['y'] = 1",
            "print(df)",
        ),
        (
            "import matplotlib.pyplot as plt\nimport pandas as pd\na, b = pd.DataFrame(), pd.DataFrame()",
            "fig, axes = plt.subplots(2)\nfor ax, t in zip(axes, [a, b]):\n    ax.plot(t)\n    ax.grid()",
            "a['y'] = 1",
            "print(a, b)",
        ),
        ("df = load()", "df.plot(x='a')\ndf.hvplot.scatter('b')", "df['y'] = 1", "print(df)"),
        ("import numpy as np\na, b = load()", "np.testing.assert_allclose(a, b)", "print(a, b)"),
        ("import pandas as pd\na = load()", "both = pd.concat([a, a])", "both['x'] = 1", "print(a, both)"),
        (
            "import pandas as pd\nrows = [load()]\nrows.append(load())",
            "df = pd.DataFrame(rows)",
            "df['x'] = 1",
            "print(rows, df)",
        ),
        ("import numpy as np\na = np.array(load())", "b = a.astype(float)", "b[0] = 1", "print(a, b)"),
        (
            "from sklearn.svm import SVC\nX, y = load()",
            "m = SVC().fit(X, y)",
            "p = m.predict(X)",
            "p[0] = 1",
            "print(X, p)",
        ),
        ("from random import random, seed\nseed(1)\nx = random()", "y = 2", "seed(2)\nz = random()"),
    ],
)  # fmt: skip
def test_what_can_cross_does(cells: tuple[str, ...]) -> None:
    assert _groups(*cells) == [(number,) for number in range(len(cells))]


def test_a_seed_is_repeated_where_it_is_first_used() -> None:
    made = _plan(
        "import numpy as np\nnp.random.seed(3)", "x = 1", "a = np.random.rand()", "b = np.random.rand()"
    )

    assert list(made.grouping.groups) == [(0,), (1,), (2, 3)]
    assert made.stages[2].code.split("\n")[0] == "np.random.seed(3)"
    assert made.stages[2].uses == {0: {"np"}}
    assert made.stages[1].code == "x = 1"


def test_a_seed_that_was_drawn_from_is_not_repeated() -> None:
    assert _groups("import random\nrandom.seed(3)\na = random.random()", "b = random.random()") == [(0, 1)]


def test_settings_are_repeated_where_they_matter() -> None:
    made = _plan(
        "import pandas as pd, matplotlib.pyplot as plt, warnings, os\npd.set_option('display.width', 50)\n"
        "plt.rcParams['figure.dpi'] = 50\nwarnings.filterwarnings('ignore')\nos.environ['A'] = 'b'",
        "df = pd.DataFrame({'a': [1]})",
        "plt.plot([1])\nplt.show()",
        "x = 1 + 1",
    )

    everywhere = ["warnings.filterwarnings('ignore')", "os.environ['A'] = 'b'"]
    repeated = [[setting.text for _, setting in stage.repeated] for stage in made.stages]
    assert repeated[0] == []
    assert repeated[1] == ["pd.set_option('display.width', 50)", *everywhere]
    assert repeated[2] == ["plt.rcParams['figure.dpi'] = 50", *everywhere]
    assert repeated[3] == everywhere
    assert made.stages[2].uses == {0: {"plt", "warnings", "os"}}


@pytest.mark.parametrize(
    ("setting", "use"),
    [
        ("import csv\ncsv.register_dialect('p', delimiter='|')", "rows = list(csv.reader(['a|b'], 'p'))"),
        ("import csv\ncsv.field_size_limit(99)", "n = csv.field_size_limit()"),
        ("import calendar\ncalendar.setfirstweekday(6)", "print(calendar.month(2026, 11))"),
        ("import sys\nsys.meta_path.append(MINE)", "import made_up\nprint(made_up.x)"),
        ("import astropy.units as u\nu.set_enabled_aliases({})", "n = u.Unit('Angstroem')"),
        (
            "import dask\ndask.config.set({'array.chunk-size': '7MiB'})",
            "n = dask.config.get('array.chunk-size')",
        ),
        ("import humanize\nhumanize.i18n.activate('de_DE')", "n = humanize.naturaltime(60)"),
        ("import yaml\nyaml.add_constructor('!x', lambda l, n: n.value)", "n = yaml.safe_load('!x')"),
        ("from faker import Faker\nFaker.seed(4)", "n = Faker().name()"),
        ("from loguru import logger\nlogger.remove()", "logger.info('x')"),
        ("import nltk\nnltk.data.path.append('nl')", "n = nltk.word_tokenize('a b')"),
        ("import sqlite3\nsqlite3.register_adapter(complex, str)", "c = sqlite3.connect('a.db')\nc.close()"),
        ("import mimetypes\nmimetypes.add_type('a/b', '.q')", "n = mimetypes.guess_type('x.q')"),
        ("import logging\nlogging.addLevelName(7, 'LOW')", "n = logging.getLevelName(7)"),
        ("import matplotlib as mpl\nmpl.colormaps.register(MINE)", "n = mpl.colormaps['mine'].N"),
        ("import os\ndel os.environ['A']", "n = os.environ.get('A')"),
    ],
)
def test_what_a_call_makes_known_to_a_library_is_repeated(setting: str, use: str) -> None:
    made = _plan("MINE = 1", setting, use)

    assert [one.text for _, one in made.stages[-1].repeated] == [setting.split("\n")[1]]
    assert not {"l", "n"} & made.links.flows[1].reads.keys()


def test_what_is_printed_of_a_setting_is_not_printed_again() -> None:
    made = _plan(
        "import locale", "print('it is', locale.setlocale(locale.LC_ALL, 'C'))", "x = f'{3:n}'\nprint(x)"
    )

    assert [one.text for _, one in made.stages[-1].repeated] == ["locale.setlocale(locale.LC_ALL, 'C')"]


def test_what_changes_a_value_that_it_is_given_sets_nothing() -> None:
    """`set_node_attributes` is named as what sets something of its library, and sets something of the graph."""
    cells = "g = nx.path_graph(3)", "nx.set_node_attributes(g, 1, 'w')", "print(g.nodes)"
    made = _plan("import networkx as nx", *cells)

    assert [one.text for stage in made.stages for _, one in stage.repeated] == []
    assert made.stages[-1].inputs == {"g": 2}


def test_each_of_several_double_stars_may_be_kept_by_what_it_is_given_to() -> None:
    """Only the last of them counted, and a call of a method with two could not be read."""
    for call in (
        "n.add('x', **a, **b, over=True)",
        "f = lambda **kw: kw\nn = f(**a, **b)",
        "n = dict(**a, **b)",
    ):
        made = _plan(
            "a, b = {'k': [1]}, {'l': [2]}\nn = {}.copy()", call, "print(n)\na['k'].append(3)", "print(n)"
        )

        assert [stage.cells for stage in made.stages] == [(0,), (1, 2), (3,)]


def test_what_ends_with_its_process_is_not_repeated() -> None:
    made = _plan("import atexit, sys\natexit.register(print)", "n = sys.version\natexit.unregister(print)")

    assert [stage.repeated for stage in made.stages] == [(), ()]


def test_a_class_that_a_bare_decorator_makes_known_is_repeated_with_its_library() -> None:
    first = (
        "import pandas as pd\nfrom pandas.api.extensions import register_extension_dtype, ExtensionDtype\n"
        "@register_extension_dtype\nclass D(ExtensionDtype):\n    name = 'mine'"
    )
    made = _plan(first, "n = pd.api.types.pandas_dtype('mine')", "m = len('mine')")

    assert [len(stage.repeated) for stage in made.stages] == [0, 1, 0]


def test_an_accessor_comes_with_those_that_it_uses() -> None:
    one = "@pd.api.extensions.register_{0}_accessor('{1}')\nclass {2}:\n    def t(self): return {3}"
    made = _plan(
        "import pandas as pd\n" + one.format("dataframe", "la", "A", "1"),
        one.format("series", "lb", "B", "self.s.to_frame().la.t()"),
        one.format("series", "lc", "C", "3"),
        "n = pd.Series([1]).lb.t()",
    )

    assert [setting.known_as for _, setting in made.stages[-1].repeated] == ["la", "lb"]


def test_imports_made_for_their_effect_come_along() -> None:
    made = _plan("from mpl_toolkits.mplot3d import Axes3D\nimport json", "x = load()", "print(x)")

    assert made.stages[2].uses == {0: {"Axes3D"}}
    assert made.stages[2].inputs == {"x": 1}


def test_a_future_import_holds_in_the_stages_below() -> None:
    made = _plan("from __future__ import annotations\nK = 1", "def f(x: Nothing): return K", "f(1)")

    assert made.stages[1].code.split("\n")[0] == "from __future__ import annotations"
    assert made.stages[2].uses == {1: {"f"}, 0: {"K"}}


def test_a_stage_says_what_objects_it_gets_are_made_of() -> None:
    made = _plan("class A:\n    def __init__(self, v): self.v = v", "a = [A(load())]", "v = a[0].v")

    assert made.stages[2].inputs == {"a": 1}
    assert made.stages[2].uses == {0: {"A"}}


def test_everything_undecided_is_in_one_stage_with_what_it_may_concern() -> None:
    made = _plan("a = load()", "exec(code())", "b = 1", "c = b", "d = a")

    assert list(made.grouping.groups) == [(0, 1, 2, 3, 4)]
    assert [join.undecided for join in made.links.joins if join.first == 0] == [True]


@pytest.mark.parametrize(
    ("second", "groups"),
    [
        ("plt.plot([2])", [(0,), (1, 2)]),
        ("sns.lineplot(x=[1], y=[2])", [(0,), (1, 2)]),
        ("draw()", [(0,), (1, 2)]),
        ("plt.figure()\nplt.plot([2])", [(0,), (1,), (2,)]),
        ("fig, ax = plt.subplots()", [(0,), (1,), (2,)]),
        ("sns.pairplot(table)", [(0,), (1,), (2,)]),
    ],
)
def test_where_figures_stay_what_draws_goes_on_in_the_one_that_is_there(
    second: str, groups: list[tuple[int, ...]]
) -> None:
    setup = "import matplotlib.pyplot as plt, seaborn as sns\ndef draw():\n    plt.plot([3])"
    flows = analyse_cells([setup, "plt.plot([1])", second])
    assert list(plan(Links(flows), per="cell").grouping.groups) == groups


def test_pyplots_figure_goes_with_its_cell_in_jupyter_and_stays_in_a_script() -> None:
    cells = ["import matplotlib.pyplot as plt", "plt.plot([1])", "plt.title('a')"]

    def made(*, figures_stay: bool) -> list[tuple[int, ...]]:
        flows = analyse_cells(cells, figures_stay=figures_stay)
        return list(plan(Links(flows), per="cell").grouping.groups)

    assert made(figures_stay=True) == [(0,), (1, 2)]
    assert made(figures_stay=False) == [(0,), (1,), (2,)]


def test_a_setting_of_pictures_is_not_repeated_where_nothing_is_drawn() -> None:
    made = _plan(
        "import matplotlib.pyplot as plt\nplt.style.use('ggplot')",
        "import matplotlib.pyplot as plt\nx = load()",
        "def draw():\n    plt.plot([1])",
        "draw()",
        "x.plot()",
    )

    assert [len(stage.repeated) for stage in made.stages] == [0, 0, 0, 1, 1]


def test_a_setup_has_nothing_to_run_and_one_that_does_something_has() -> None:
    options = "import pandas as pd\npd.set_option('display.width', 9)"
    imports = f"import math\n{options}\nLIMIT = 2 * 3\ndef area(r):\n    return math.pi * r"
    doing = ["print(area(LIMIT))", "x = area(1)\nprint(x)"]

    assert [stage.idle for stage in _plan(imports, *doing).stages] == [True, False, False]
    assert [stage.idle for stage in _plan(f"{imports}\nprint(LIMIT)", *doing).stages] == [False] * 3
    assert [stage.idle for stage in _plan("import math", "import json").stages] == [False, False]
    assert _plan(imports, *doing).finals == {"x": 2}


PLOTS = "import matplotlib.pyplot as plt\nimport pandas as pd\ns = pd.Series([1, 2])\nrows = (x for x in s)"
CLOSES = "plt.show()  # as Jupyter does at the end of a cell"


@pytest.mark.parametrize(
    ("first", "second", "closed"),
    [
        ("s.plot()\nnext(rows)", "s.cumsum().plot()\nnext(rows)", True),
        ("plt.plot([1])\nnext(rows)", "plt.plot([2])\nnext(rows)", True),
        ("plt.plot([1])\nplt.show()\nnext(rows)", "s.hist()\nnext(rows)", True),
        ("plt.plot([1])\nnext(rows)", "next(rows)\nplt.savefig('empty.png')", True),
        ("fig, ax = plt.subplots()\nax.plot([1])", "ax.plot([2])\nfig.savefig('both.png')", False),
        ("s.plot()\nnext(rows)", "fig, ax = plt.subplots()\ns.plot(ax=ax)\nnext(rows)", False),
        ("plt.plot([1])\nplt.close()\nnext(rows)", "s.plot()\nnext(rows)", False),
        ("next(rows)", "s.plot()\nnext(rows)", False),
    ],
)
def test_a_cell_of_a_stage_begins_without_the_figure_of_another(
    first: str, second: str, closed: bool
) -> None:
    def code(*, figures_stay: bool) -> str:
        flows = analyse_cells([PLOTS, first, second], figures_stay=figures_stay)
        return plan(Links(flows)).stages[-1].code

    assert f"\n\n\n{second}" in code(figures_stay=True)
    above = f"{CLOSES}\n" if closed else ""
    assert f"\n\n\n{above}{second}" in code(figures_stay=False)


@pytest.mark.parametrize(
    ("first", "draw"),
    [
        ("from chempy.util.regression import plot_least_squares_fit as shown", "shown(x)"),
        ("import giddy", "giddy.rose.plot_vectors(x)"),
    ],
)
def test_what_a_helper_of_a_library_draws_ends_with_its_cell(first: str, draw: str) -> None:
    cells = [f"{first}\nx = [1]\nrows = (one for one in x)", *[f"{draw}\nnext(rows)"] * 2]
    made = plan(Links(analyse_cells(cells, figures_stay=False))).stages[-1].code
    (closing,) = [line for line in made.splitlines() if "# as Jupyter" in line]

    class Pyplot:
        shown = 0

        @classmethod
        def show(cls) -> None:
            cls.shown += 1

    known = dict(sys.modules)
    try:
        sys.modules.pop("matplotlib.pyplot", None)
        exec(closing, {})  # where no Matplotlib has been imported, nothing happens
        sys.modules["matplotlib.pyplot"] = Pyplot  # type: ignore[assignment]
        exec(closing, {})
    finally:
        sys.modules.clear()
        sys.modules.update(known)
    assert Pyplot.shown == 1


def test_a_stage_that_has_no_name_for_pyplot_closes_figures_by_its_own() -> None:
    cells = [
        "import pandas as pd\ns = pd.Series([1, 2])\nrows = (x for x in s)",
        *["s.plot()\nnext(rows)"] * 2,
    ]
    made = plan(Links(analyse_cells(cells, figures_stay=False)))

    assert "import matplotlib.pyplot; matplotlib.pyplot.show()" in made.stages[-1].code


@pytest.mark.parametrize(
    ("back", "parted"),
    [
        ("os.chdir('..')", False),
        ("os.chdir(Path('..'))", False),
        ("os.chdir(os.path.dirname(os.getcwd()))", False),
        ("os.chdir('/data')", True),
        ("os.chdir(Path.home())", True),
        ("os.chdir(home)", True),
    ],
)
def test_a_way_from_the_folder_of_now_goes_with_the_one_before(back: str, parted: bool) -> None:
    cells = ["import os\nfrom pathlib import Path\nhome = os.environ['HOME']", "os.chdir('data')", back]
    groups = plan(Links(analyse_cells(cells)), per="cell").grouping.groups
    assert ((2,) in groups) == parted


def test_global_outside_of_functions_is_left_out_where_cells_are_joined() -> None:
    first, second = (
        "total = []\nnext(rows)",
        "global total\nif total: global rows; x = 1\ntotal.append(next(rows))",
    )
    head = "rows = iter([1, 2])"
    (stage,) = plan(Links(analyse_cells([head, first, second]))).stages
    compile(stage.code, "<stage>", "exec")
    assert "\npass\nif total: pass" in stage.code
    assert "; x = 1\ntotal.append" in stage.code
    function = "def add():\n    global total\n    total = 1"
    (stage,) = plan(Links(analyse_cells([head, first, f"{function}\nnext(rows)\nadd()"]))).stages
    assert function in stage.code


@pytest.mark.parametrize("call", ["add(4)", "for n in range(3): add(n)"])
def test_a_text_is_not_what_a_name_is_where_a_called_function_binds_it_too(call: str) -> None:
    functions = "total = 0\ndef add(n):\n    global total\n    total += n\nprint(1)"
    stages = plan(Links(analyse_cells([functions, f"total = 0\n{call}", "print(total)"])), per="cell").stages
    assert stages[1].outputs == {"total"}
    assert stages[2].inputs == {"total": 1}
