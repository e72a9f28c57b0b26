"""What counts as the code of a target in a source folder, and what does not."""

from __future__ import annotations

import ast
import shutil
import subprocess
import symtable
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agi_node.source import Code, code_of, explain
from agi_node.source.module import Module

FLIGHT = Path(__file__).parents[2] / "src" / "agilab" / "apps" / "flight_project"

Files = dict[str, str | bytes]


def write(folder: Path, files: Files) -> Path:
    for name, content in files.items():
        path = folder / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return folder


def code(folder: Path, target: str, files: Files) -> Code:
    shutil.rmtree(folder / "src", ignore_errors=True)
    return code_of(target, write(folder, files))


def edited(files: Files, name: str, old: str, new: str) -> Files:
    text = files[name]
    assert isinstance(text, str)
    assert text.count(old) == 1, f"{old!r} in {name}"
    return {**files, name: text.replace(old, new)}


PACKAGE: Files = {
    "pkg/__init__.py": '''"""A package."""
from agi_node import App, Args, Partial, Sum
from . import units, other
from .steps import clean as cleaned, Base
from .again import renamed
import random

KNOTS, MILES = 1852 / 3600, 1609.344
UNUSED = 7

class Settings(Args):
    limit: int = 3

class Total(Partial):
    rows: Sum[int] = 0

app = App("pkg", args=Settings, partial=Total)

def decorated(wanted):
    def around(function):
        return function
    return around

def default():
    return 4

@app.plan
def items(args):
    return [1, 2]

@app.work
@decorated(UNUSED + 1)
def work(payload: "Row", args: Settings, run, more=default()) -> Total:
    def inner(value):
        return [units.to_metres(each) for each in value]
    table = {key: KNOTS for key in cleaned(payload)}
    return inner(table), renamed(payload), (lambda x: Child().value(x))(payload)

@app.publish
def report(summary, args):
    work = 3
    return units.to_feet(summary) + work

class Row:
    pass

class Child(Base):
    pass
''',
    "pkg/units.py": """
FOOT = 0.3048
METRE = 1.0

def to_metres(value):
    return value * METRE

def to_feet(value):
    return value / FOOT
""",
    "pkg/steps.py": """
import math
from math import floor, ceil

def clean(rows):
    return [floor(row) for row in rows]

def dirty(rows):
    return [ceil(row) for row in rows]

class Base:
    factor: float = math.pi
    def value(self, x):
        return x * self.factor
""",
    "pkg/again.py": "from .deep.down import real as renamed\n",
    "pkg/deep/__init__.py": "",
    "pkg/deep/down.py": "def real(x):\n    return x + 1\n",
    "pkg/other.py": "def unrelated():\n    return 1\n",
    "pkg/loose.py": "def nobody_imports_it():\n    return 1\n",
    "pkg/table.csv": "a,b\n",
}


@pytest.mark.parametrize(
    ("name", "old", "new", "part"),
    [
        ("pkg/__init__.py", "units.to_metres(each) for", "units.to_metres(-each) for", "pkg.work"),
        ("pkg/__init__.py", "1852 / 3600", "1852 / 3601", "pkg.KNOTS"),
        ("pkg/__init__.py", "UNUSED = 7", "UNUSED = 8", "pkg.UNUSED"),
        ("pkg/__init__.py", "return 4", "return 5", "pkg.default"),
        ("pkg/__init__.py", "return function", "return None", "pkg.decorated"),
        ("pkg/__init__.py", "@decorated(UNUSED + 1)", "@decorated(UNUSED + 2)", "pkg.work"),
        ("pkg/__init__.py", "class Row:\n    pass", "class Row:\n    a = 1", "pkg.Row"),
        ("pkg/__init__.py", "limit: int = 3", "limit: int = 4", "pkg.Settings"),
        ("pkg/__init__.py", "rows: Sum[int] = 0", "rows: Sum[int] = 1", "pkg.Total"),
        ("pkg/__init__.py", 'App("pkg"', 'App("pkg2"', "pkg.app"),
        ("pkg/units.py", "METRE = 1.0", "METRE = 1", "pkg.units.METRE"),
        ("pkg/units.py", "return value * METRE", "return value + METRE", "pkg.units.to_metres"),
        ("pkg/steps.py", "floor(row) for", "floor(row + 1) for", "pkg.steps.clean"),
        ("pkg/steps.py", "factor: float = math.pi", "factor: float = math.tau", "pkg.steps.Base"),
        ("pkg/steps.py", "import math\n", "import cmath as math\n", "pkg.steps.math"),
        ("pkg/again.py", "from .deep.down import real as", "from .deep.down import real2 as", "?"),
        ("pkg/deep/down.py", "x + 1", "x + 2", "pkg.deep.down.real"),
        ("pkg/table.csv", "a,b", "a,c", "data:pkg/table.csv"),
    ],
)
def test_what_a_step_uses_changes_its_code_and_is_named(
    tmp_path: Path, name: str, old: str, new: str, part: str
) -> None:
    before = code(tmp_path, "pkg:work", PACKAGE)
    after = code(tmp_path, "pkg:work", edited(PACKAGE, name, old, new))
    assert before.reason is None
    assert before.digest != after.digest
    if part != "?":
        assert explain(before.parts, after.parts) == f"code changed: {part}"


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("pkg/__init__.py", "return units.to_feet(summary)", "return units.to_feet(summary) + 9"),
        ("pkg/__init__.py", "return [1, 2]", "return [1, 2, 3]"),
        ("pkg/__init__.py", "@app.plan\n", "@app.plan\n@decorated(3)\n"),
        ("pkg/__init__.py", '"""A package."""', '"""Another text."""'),
        ("pkg/units.py", "FOOT = 0.3048", "FOOT = 0.3"),
        ("pkg/steps.py", "ceil(row) for", "ceil(row + 1) for"),
        ("pkg/steps.py", "floor, ceil", "floor, trunc, ceil"),
        ("pkg/other.py", "return 1", "return 2"),
        ("pkg/loose.py", "return 1", "return open("),
        ("pkg/units.py", "\ndef to_feet", "\nMORE = 3\ndef to_feet"),
    ],
)
def test_what_a_step_does_not_use_leaves_its_code(tmp_path: Path, name: str, old: str, new: str) -> None:
    before = code(tmp_path, "pkg:work", PACKAGE)
    assert code(tmp_path, "pkg:work", edited(PACKAGE, name, old, new)) == before


def test_comments_lines_quotes_and_brackets_do_not_count_but_docstrings_do(tmp_path: Path) -> None:
    plain = 'import json\ndef f(a, b="x"):\n    "Doc."\n    return a + 1_000 + json.loads("2")\n'
    dressed = (
        "# a comment\n\n\nimport json  # another\n\n\ndef f(\n    a,  # first\n    b=u'x',\n):\n"
        '  """Doc."""\n\n  return (a + 1000 + json.loads(\n    r"2"\n  ))\n'
    )
    before = code(tmp_path, "m:f", {"m.py": plain})
    assert code(tmp_path, "m:f", {"m.py": dressed}) == before
    assert code(tmp_path, "m:f", {"m.py": plain.replace("Doc.", "Dok.")}).digest != before.digest
    assert code(tmp_path, "m:f", {"m.py": plain.replace("\n", "\r\n")}) == before
    assert code(tmp_path, "m:f", {"m.py": b"\xef\xbb\xbf" + plain.encode()}) == before


@pytest.mark.parametrize(
    "body",
    [
        "    LIMIT = 3\n    return LIMIT\n",
        "    return [LIMIT for LIMIT in range(3)]\n",
        "    return (lambda LIMIT: LIMIT)(3)\n",
        "    import math as LIMIT\n    return LIMIT.pi\n",
        "    for LIMIT in range(3):\n        pass\n",
        "    with open('x') as LIMIT:\n        return LIMIT\n",
        "    try:\n        pass\n    except ValueError as LIMIT:\n        print(LIMIT)\n",
        "    if (LIMIT := 3):\n        return LIMIT\n",
        "    def LIMIT():\n        pass\n    return LIMIT()\n",
        "    match 3:\n        case [*LIMIT]:\n            return LIMIT\n",
        "    return [(LIMIT := n) for n in range(3)] + [LIMIT]\n",
        "    LIMIT = 3\n    def inner():\n        nonlocal LIMIT\n        LIMIT = 4\n    return inner\n",
    ],
)
def test_a_local_name_is_not_the_module_s(tmp_path: Path, body: str) -> None:
    found = code(tmp_path, "m:f", {"m.py": f"LIMIT = 1\ndef f():\n{body}"})
    assert set(found.parts) == {"m.f"}


@pytest.mark.parametrize(
    "body",
    [
        "    return LIMIT\n",
        "    return [n for n in range(LIMIT)]\n",
        "    return [LIMIT for n in range(3)]\n",
        "    return lambda: LIMIT\n",
        "    class A:\n        LIMIT = 3\n        def g(self):\n            return LIMIT\n    return A\n",
        "    class A:\n        LIMIT = LIMIT\n    return A\n",
        "    def g(a=LIMIT):\n        return a\n    return g\n",
        "    def g(LIMIT=LIMIT):\n        return LIMIT\n    return g\n",
        "    global LIMIT\n    LIMIT = 4\n    return LIMIT\n",
        "    return f'{LIMIT:>3}'\n",
        "    x: LIMIT = 3\n    return x\n",
        "    def g(x: 'list[LIMIT]'):\n        return x\n    return g\n",
        "    match 3:\n        case LIMIT.a:\n            return 1\n",
        "    async def g():\n        async for x in LIMIT:\n            yield x\n    return g\n",
        "    return [x for y in range(3) for x in range(LIMIT)]\n",
    ],
)
def test_a_name_of_the_module_is_found_wherever_it_stands(tmp_path: Path, body: str) -> None:
    found = code(tmp_path, "m:f", {"m.py": f"LIMIT = 1\ndef f():\n{body}"})
    assert set(found.parts) == {"m.f", "m.LIMIT"}


@pytest.mark.parametrize(
    "name", ["argparse", "contextlib", "dataclasses", "enum", "functools", "inspect", "typing"]
)
def test_names_are_the_module_s_where_the_compiler_says_so(name: str) -> None:
    path = Path(sysconfig.get_path("stdlib"), f"{name}.py")
    tables: dict[str, list[symtable.SymbolTable]] = {}
    for table in symtable.symtable(path.read_text("utf-8"), str(path), "exec").get_children():
        tables.setdefault(table.get_name(), []).append(table)
    compared = 0
    for bound, definitions in Module(name, False, path.read_bytes()).names.items():
        found = [each for each in definitions if getattr(each.node, "name", None) == bound]
        if found and len(found) == len(tables.get(bound, [])):
            uses = {use for each in found for use in each.names.uses if not use.through}
            here = set().union(*(read_globally(table) for table in tables[bound]))
            assert here <= {use.names[0] for use in uses} | {"__class__"}, bound
            inside = {use.names[0] for use in uses if use.how != "soft" and not use.role}
            outside = {part.id for each in found for part in outer_names(each.node)}
            assert inside <= here | outside, bound
            compared += 1
    assert compared > 10


def read_globally(table: symtable.SymbolTable) -> set[str]:
    """The names that the compiler looks up in the module, in a function or class and what is inside it."""
    own = {one.get_name() for one in table.get_symbols() if one.is_global() and one.is_referenced()}
    return own.union(*(read_globally(inner) for inner in table.get_children()))


def outer_names(node: ast.AST) -> list[ast.Name]:
    """Names in defaults, which belong to the scope around, and in annotations, which a compiler may not look at."""
    found: list[ast.AST] = []
    for part in ast.walk(node):
        if isinstance(part, ast.arguments):
            found += [*part.defaults, *(default for default in part.kw_defaults if default)]
        found += [
            note for name in ("annotation", "returns") if (note := getattr(part, name, None)) is not None
        ]
    return [part for each in found for part in ast.walk(each) if isinstance(part, ast.Name)]


def test_every_way_to_bind_a_name_is_found(tmp_path: Path) -> None:
    text = """
A, (B, *C) = 1, (2, 3)
D: int = 4
E = F = 5
G = [H := 6]
for I in range(3): pass
with open("x") as J: pass
try:
    import fast as K
except ImportError:
    K = None
if A:
    def L(): return 1
else:
    def L(): return 2
def set_it():
    global M
    M = 3
def f(): return A, B, C, D, E, F, G, H, I, J, K, L, M
"""
    found = code(tmp_path, "m:f", {"m.py": text})
    assert found.reason is None
    # what a loop, a condition or a `with` binds is part of that
    assert {f"m.{name}" for name in "ABCDEFGHKM"} < set(found.parts)
    for old in ("4", "H := 6", "range(3)", "= None", "return 2", "M = 3"):
        assert code(tmp_path, "m:f", {"m.py": text.replace(old, f"{old} + 1", 1)}).digest != found.digest, old


@pytest.mark.parametrize(
    "line",
    [
        "import helper.tools\ndef f(): return helper.tools.g()",
        "import helper.tools as t\ndef f(): return t.g()",
        "from helper import tools\ndef f(): return tools.g()",
        "from helper.tools import g\ndef f(): return g()",
        "from helper.tools import g as h\ndef f(): return h()",
        "from helper.tools import *\ndef f(): return g()",
        "from helper import g\ndef f(): return g()",
        "import helper\ndef f(): return helper.g()",
        "import helper\ndef f(): return helper.tools.g()",
        "def f():\n    from helper.tools import g\n    return g()",
        "def f():\n    import helper.tools as t\n    return [t.g() for _ in range(3)]",
        "import helper.tools as t\ndef f(): return getattr(t, 'g')()",
        "try:\n    from helper.tools import g\nexcept ImportError:\n    g = None\ndef f(): return g()",
        "if True:\n    import helper.tools as t\ndef f(): return t.g()",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from helper.tools import g\ndef f(x: 'g'): return x",
        "import importlib\ndef f():\n    t = importlib.import_module('helper.tools')\n    return t.g()",
        "from importlib import import_module\nT = import_module('helper.tools')\ndef f(): return T.g()",
        "import helper.tools\nTABLE = {'g': helper.tools.g}\ndef f(): return TABLE['g']()",
        "from helper.tools import g\nclass A:\n    go = staticmethod(g)\ndef f(): return A.go()",
        "from helper import tools\ndef f(go=tools.g): return go()",
    ],
)
def test_every_way_to_import_is_followed(tmp_path: Path, line: str) -> None:
    files: Files = {
        "m.py": line,
        "helper/__init__.py": "from .tools import g",
        "helper/tools.py": "N = 1\ndef g(): return N\ndef other(): return 2\n",
    }
    before = code(tmp_path, "m:f", files)
    assert before.reason is None
    after = code(tmp_path, "m:f", edited(files, "helper/tools.py", "N = 1", "N = 2"))
    assert explain(before.parts, after.parts) == "code changed: helper.tools.N"
    if "import_module" not in line:  # which takes in all of the module
        assert code(tmp_path, "m:f", edited(files, "helper/tools.py", "return 2", "return 3")) == before


@pytest.mark.parametrize(
    "statement",
    [
        "random.seed(1)",
        "TABLE['a'] = 1",
        "TABLE += [1]",
        "for _ in range(1): random.seed(1)",
        "if TABLE: random.seed(1)",
        "with open('x'): pass",
        "del TABLE[0]",
        "assert TABLE, 1",
        "_ = random.seed(1)",
        "os.environ['X'] = '1'",
    ],
)
@pytest.mark.parametrize("where", ["m.py", "used.py", "only_imported.py", "pkg/__init__.py"])
def test_what_runs_on_import_counts_for_all_that_import_it(
    tmp_path: Path, statement: str, where: str
) -> None:
    head = "import os, random\nTABLE = []\n"
    files: Files = {
        "m.py": f"{head}from used import g\nimport only_imported\nfrom pkg.sub import h\ndef f(): return g(), h()\n",
        "used.py": f"{head}def g(): return 1\n",
        "only_imported.py": head,
        "pkg/__init__.py": head,
        "pkg/sub.py": "def h(): return 1\n",
        "never.py": f"{head}random.seed(3)\n",
    }
    before = code(tmp_path, "m:f", files)
    text = files[where]
    assert isinstance(text, str)
    first = code(tmp_path, "m:f", {**files, where: f"{text}{statement}\n"})
    second = code(tmp_path, "m:f", {**files, where: f"{text}{statement.replace('1', '2')}\n"})
    module = where.removesuffix(".py").removesuffix("/__init__")
    assert first.reason is None
    assert f"{module} (on import)" in explain(before.parts, first.parts)
    if "1" in statement:
        assert explain(first.parts, second.parts) == f"code changed: {module} (on import)"


def test_what_a_script_does_when_started_is_not_there_on_import(tmp_path: Path) -> None:
    text = "def f(): return 1\nif __name__ == '__main__':\n    print(f())\n"
    before = code(tmp_path, "m:f", {"m.py": text})
    assert code(tmp_path, "m:f", {"m.py": text.replace("print(f())", "print(f(), exec('1'))")}) == before


def test_an_import_that_nobody_looks_at_counts(tmp_path: Path) -> None:
    text = "import hvplot.pandas\nimport json\ndef f(): return 1\ndef g(): return json\n"
    found = code(tmp_path, "m:f", {"m.py": text})
    assert set(found.parts) == {"m (on import)", "m.f"}
    assert code(tmp_path, "m:f", {"m.py": text.replace("import json", "import orjson as json")}) == found
    assert code(tmp_path, "m:f", {"m.py": text.replace("pandas", "polars")}).digest != found.digest


@pytest.mark.parametrize(
    ("files", "reason"),
    [
        ({"m.py": "def f(): exec('x = 1')"}, "m uses exec: what that finds is known at run time only"),
        ({"m.py": "def f(): return eval('1')"}, "m uses eval"),
        ({"m.py": "import builtins\ndef f(): builtins.exec('1')"}, "m uses builtins.exec"),
        ({"m.py": "e = exec\ndef f(): e('1')"}, "m uses exec"),
        ({"m.py": "def f(): return globals()['g']()\ndef g(): pass"}, "m uses globals"),
        ({"m.py": "def f(): return vars()"}, "m calls vars() without an argument"),
        ({"m.py": "def f(x): return __import__(x)"}, "m uses __import__"),
        ({"m.py": "import importlib as i\ndef f(x): i.import_module(x)"}, "m uses importlib.import_module"),
        (
            {"m.py": "from importlib import import_module as i\ndef f(x): i(x)"},
            "m uses importlib.import_module",
        ),
        ({"m.py": "import importlib.util\ndef f(x): importlib.util.find_spec(x)"}, "m uses importlib.util"),
        ({"m.py": "import sys\ndef f(x): return sys.modules[x]"}, "m uses sys.modules"),
        ({"m.py": "import pickle\ndef f(x): return pickle.loads(x)"}, "m uses pickle.loads"),
        ({"m.py": "import pandas as pd\ndef f(x): return pd.read_pickle(x)"}, "m uses pandas.read_pickle"),
        ({"m.py": "from numpy import *\ndef f(): return sin(1)"}, "m takes everything from numpy"),
        ({"m.py": "import n\ndef f(x): return getattr(n, x)", "n.py": ""}, "m uses the module n as a value"),
        ({"m.py": "import n\ndef f(): return n.__dict__", "n.py": ""}, "m uses n.__dict__"),
        ({"m.py": "import n\nn.X = 3\ndef f(): return n.X", "n.py": "X = 1"}, "m changes n.X from outside"),
        ({"m.py": "import n\nsetattr(n, 'X', 3)\ndef f(): return n.X", "n.py": "X = 1"}, "m changes n.X"),
        ({"m.py": "import n\ndel n.X\ndef f(): pass", "n.py": "X = 1"}, "m changes n.X from outside"),
        (
            {"m.py": "from n import x\ndef f(): return x", "n.py": "def __getattr__(k): return 1"},
            "its __getattr__ decides",
        ),
        (
            {"m.py": "from n import x\ndef f(): return x", "n.py": ""},
            "m uses n.x, which nothing in it defines",
        ),
        ({"m.py": "def f(): return nowhere"}, "m uses the name nowhere, which nothing in it defines"),
        ({"m.py": "from n import x\ndef f(): return x", "n.py": "x = ("}, "n.py cannot be parsed: line 1"),
        ({"m.py": "def f(): return 1", "x.py": "y =\x00"}, None),
        ({"m.py": "from .n import x\ndef f(): return x"}, "beyond the top of the source"),
        (
            {"m.py": "import p.n\ndef f(): return p.n.x", "p/__init__.py": ""},
            "m imports p.n, which is not in the source",
        ),
        ({"m.py": "class A: pass\ndef f(): return A.__subclasses__()"}, "m looks at A.__subclasses__"),
        ({"m.py": "def f(g): return g.__globals__"}, "m looks at g.__globals__"),
        ({"m.py": "def g(): pass"}, "the target uses m.f, which nothing in it defines"),
        ({"m.py": f"def f(): return {'+'.join(['1'] * 3000)}"}, "nested too deeply"),
    ],
)
def test_what_cannot_be_followed_makes_it_the_whole_package(
    tmp_path: Path, files: Files, reason: str | None
) -> None:
    files = {**files, "far/away.py": "def h(): return 1\n", "far/data.json": "{}"}
    found = code(tmp_path, "m:f", files)
    if reason is None:
        assert found.reason is None
        return
    assert reason in (found.reason or "")
    assert {"m.py", "far/away.py", "data:far/data.json"} <= set(found.parts)
    after = code(tmp_path, "m:f", edited(files, "far/away.py", "return 1", "return 2"))
    assert explain(found.parts, after.parts) == "code changed: far/away.py"
    assert code(tmp_path, "m:f", edited(files, "far/away.py", "return 1", "return (1)  # one")) == found


REGISTRIES: dict[str, Files] = {
    "a decorator fills a table": {
        "m.py": "import models\nfrom registry import TABLE\ndef f(name): return TABLE[name]()\n",
        "registry.py": "TABLE = {}\ndef register(g):\n    TABLE[g.__name__] = g\n    return g\n",
        "models.py": "from registry import register\n@register\ndef one(): return 1\n",
    },
    "a decorator is called with a name": {
        "m.py": "import models\nfrom registry import look_up\ndef f(name): return look_up(name)()\n",
        "registry.py": "_T = {}\ndef register(n):\n    return lambda g: _T.setdefault(n, g)\n"
        "def look_up(n): return _T[n]\n",
        "models.py": "from registry import register\n@register('one')\ndef one(): return 1\n",
    },
    "a function of several types": {
        "m.py": "import models\nfrom registry import show\ndef f(x): return show(x)\n",
        "registry.py": "from functools import singledispatch\n@singledispatch\ndef show(x): return 0\n",
        "models.py": "from registry import show\n@show.register\ndef _(x: int): return 1\n",
    },
    "a base class lists its children": {
        "m.py": "import models\nfrom registry import Base\ndef f(): return Base.known[0]()\n",
        "registry.py": "class Base:\n    known = []\n    def __init_subclass__(cls): Base.known.append(cls)\n",
        "models.py": "from registry import Base\nclass One(Base):\n    def go(self): return 1\n",
    },
    "an assignment enters something": {
        "m.py": "import models\nfrom registry import TABLE\ndef f(): return TABLE[0]()\n",
        "registry.py": "TABLE = []\ndef add(g):\n    TABLE.append(g)\n    return g\n",
        "models.py": "from registry import add\none = add(lambda: 1)\n",
    },
    "a library's namespace": {
        "m.py": "import models\nimport polars as pl\ndef f(): return pl.col('x').geo.far()\n",
        "registry.py": "",
        "models.py": "import polars as pl\n@pl.api.register_expr_namespace('geo')\nclass Geo:\n"
        "    def far(self): return 1\n",
    },
}


@pytest.mark.parametrize("kind", list(REGISTRIES))
def test_what_enters_itself_where_the_target_looks_counts(tmp_path: Path, kind: str) -> None:
    files = REGISTRIES[kind]
    before = code(tmp_path, "m:f", files)
    assert before.reason is None
    old = "lambda: 1" if "lambda" in str(files["models.py"]) else "return 1"
    after = code(tmp_path, "m:f", edited(files, "models.py", old, old.replace("1", "2")))
    assert "models." in explain(before.parts, after.parts)


@pytest.mark.parametrize(
    "other",
    [
        "@functools.cache\ndef other(): return 1\n",
        "@timed\ndef other(): return 1\n",
        "@dataclasses.dataclass\nclass other:\n    a: int = 1\n",
        "class other(Base):\n    a = 1\n",
        "other = make(1)\n",
        "other = [make(1), re.compile('1')]\n",
    ],
)
def test_a_neighbour_that_only_uses_the_same_things_does_not_count(tmp_path: Path, other: str) -> None:
    head = (
        "import dataclasses, functools, logging, re\nlog = logging.getLogger(__name__)\n"
        "def timed(g):\n    @functools.wraps(g)\n    def around(*a):\n        log.info('x')\n        return g(*a)\n"
        "    return around\nclass Base:\n    pass\ndef make(n): return n + SCALE\nSCALE = 3\n"
    )
    text = f"{head}@timed\ndef f(): return make(3), Base, log\n{other}"
    before = code(tmp_path, "m:f", {"m.py": text})
    assert "m.other" not in before.parts
    assert code(tmp_path, "m:f", {"m.py": head + text.removeprefix(head).replace("1", "2")}) == before


def test_steps_registered_by_calls_are_apart_as_well(tmp_path: Path) -> None:
    files: Files = {
        "m.py": "from agi_node import App\nfrom steps import plan, work, publish\napp = App('m')\n"
        "app.plan(plan)\napp.work(work)\napp.publish(publish)\n",
        "steps.py": "def plan(args): return []\ndef work(payload): return 1\ndef publish(summary): return 2\n",
    }
    before = code(tmp_path, "m:work", files)
    assert before.reason is None
    assert code(tmp_path, "m:work", edited(files, "steps.py", "return 2", "return 3")) == before
    assert code(tmp_path, "m:work", edited(files, "steps.py", "return 1", "return 3")).digest != before.digest


def test_files_beside_the_code_count_by_content_and_hidden_ones_do_not(tmp_path: Path) -> None:
    files: Files = {
        "m.py": "def f(): return 1\n",
        "m.json": "{}",
        "deep/x.so": b"\x7fELF",
        "stub.pyi": "x: int",
    }
    before = code(tmp_path, "m:f", files)
    assert {name for name in before.parts if name.startswith("data:")} == {"data:m.json", "data:deep/x.so"}
    for name in (".hidden", ".git/config", "__pycache__/m.cpython-311.pyc", "old.pyc", "stub.pyi"):
        assert code(tmp_path, "m:f", {**files, name: b"something"}) == before, name
    for name in ("m.json", "deep/x.so", "new.txt", "_fast.pyx"):
        assert code(tmp_path, "m:f", {**files, name: b"something"}).digest != before.digest, name


def test_a_compiled_module_counts_by_its_bytes(tmp_path: Path) -> None:
    files: Files = {
        "m.py": "from pkg._fast import g\ndef f(): return g()\n",
        "pkg/_fast.cpython-311-x.so": b"1",
    }
    before = code(tmp_path, "m:f", files)
    assert before.reason is None
    assert code(tmp_path, "m:f", {**files, "pkg/_fast.cpython-311-x.so": b"2"}).digest != before.digest


def test_many_files_beside_the_code_are_one_part_for_each_folder(tmp_path: Path) -> None:
    files: Files = {
        "m.py": "def f(): return 1\n",
        **{f"tiles/{n}.txt": str(n) for n in range(300)},
        "a.txt": "",
    }
    before = code(tmp_path, "m:f", files)
    assert set(before.parts) == {"m.f", "data:tiles/", "data:."}
    after = code(tmp_path, "m:f", {**files, "tiles/7.txt": "x"})
    assert explain(before.parts, after.parts) == "code changed: data:tiles/"


def test_modules_that_import_each_other_end(tmp_path: Path) -> None:
    files: Files = {
        "a.py": "from b import g, shared\nimport b\ndef f(n): return g(n - 1) if n else b.g(n)\n",
        "b.py": "from a import f, shared\ndef g(n): return f(n)\n",
    }
    found = code(tmp_path, "a:f", files)
    assert {"a.f", "b.g"} <= set(found.parts)


def test_a_package_may_hold_a_function_of_a_submodule_s_name(tmp_path: Path) -> None:
    files: Files = {
        "p/__init__.py": "from .tracks import read\ndef tracks(): return 1\ndef f(): return read() + tracks()\n",
        "p/tracks.py": "def read(): return 2\n",
        "m.py": "import p\nfrom p import tracks\ndef f(): return tracks(), p.tracks.read()\n",
    }
    for target in ("p:f", "m:f"):
        before = code(tmp_path, target, files)
        assert before.reason is None
        assert {"p.tracks", "p.tracks.read"} <= set(before.parts)
        assert code(tmp_path, target, edited(files, "p/tracks.py", "2", "3")).digest != before.digest
        assert (
            code(tmp_path, target, edited(files, "p/__init__.py", "return 1", "return 3")).digest
            != before.digest
        )


def test_a_folder_without_src_is_its_own_import_folder(tmp_path: Path) -> None:
    (tmp_path / "m.py").write_text("def f(): return 1\n")
    assert set(code_of("m:f", tmp_path).parts) == {"m.f"}


def test_an_installed_target_counts_by_name(tmp_path: Path) -> None:
    assert set(code_of("math:sqrt", tmp_path).parts) == {"math.sqrt (installed)"}


@pytest.mark.parametrize("target", ["m", ":f", "m:", "m:app#work"])
def test_a_target_that_names_nothing_is_refused(tmp_path: Path, target: str) -> None:
    with pytest.raises(AgiError, match=r"AGI-RUN-107.*names no function"):
        code_of(target, tmp_path)


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match="AGI-NODE-006.*the source to read is no folder"):
        code_of("m:f", tmp_path / "missing")


def test_reading_code_imports_and_runs_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = f"open({str(tmp_path / 'ran')!r}, 'w')\ndef f(): return '\\d'\n"
    assert code(tmp_path, "surely_not_imported:f", {"surely_not_imported.py": text}).reason is None
    assert not (tmp_path / "ran").exists()
    assert capfd.readouterr() == ("", "")


def test_a_worker_starts_without_the_reader_of_code_and_an_explanation_needs_no_trees() -> None:
    script = (
        "import sys, agi_node.worker; print('agi_node.source' in sys.modules)\n"
        "for name in [n for n in sys.modules if n == 'ast']: del sys.modules[name]\n"
        "from agi_node.source import explain; explain({}, {}); print('ast' in sys.modules)"
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["False", "False"]


def test_an_explanation_is_bounded() -> None:
    before = {f"m.{n}": "1" for n in range(9)}
    after = {f"m.{n}": "2" for n in range(1, 10)}
    assert explain(before, after) == "code changed: m.1, m.2, m.3 and 7 more"
    assert explain(before, before) == "code unchanged"
    assert explain({}, {"m." + "x" * 500: "1"}).endswith("xxx added")
    assert len(explain({}, {f"m.{n}" + "x" * 500: "1" for n in range(9)})) < 300


def test_publish_of_the_flight_app_changes_without_its_work(tmp_path: Path) -> None:
    shutil.copytree(FLIGHT / "src", tmp_path / "src")
    before = {name: code_of(f"flight:{name}", tmp_path) for name in ("tracks", "summarise", "agreement")}
    assert {found.reason for found in before.values()} == {None}
    path = tmp_path / "src" / "flight" / "__init__.py"
    path.write_text(path.read_text().replace("segments add up", "segments agree"))
    after = {name: code_of(f"flight:{name}", tmp_path) for name in before}
    assert [name for name in before if before[name] != after[name]] == ["agreement"]
    path = tmp_path / "src" / "flight" / "tracks.py"
    path.write_text(path.read_text().replace("KNOT_MPS = 1852", "KNOT_MPS = 1853"))
    last = code_of("flight:summarise", tmp_path)
    assert explain(before["summarise"].parts, last.parts) == "code changed: flight.tracks.KNOT_MPS"


# A chain of definitions in random modules, each of which uses the next; the last one is a constant.
chains = st.lists(
    st.tuples(st.sampled_from(["a", "b", "p.c"]), st.sampled_from(["def", "class", "value"])), max_size=5
)


def chain_source(chain: list[tuple[str, str]], constant: int) -> dict[str, str]:
    texts = {"a": "", "b": "", "p.c": ""}
    places = [("a", "def"), *chain, ("b", "value")]
    for at, (module, kind) in enumerate(places):
        following = places[at + 1] if at + 1 < len(places) else None
        used = f"n{at + 1}" if following else str(constant)
        bring = f"from {following[0]} import n{at + 1}" if following and following[0] != module else ""
        if kind == "value":
            texts[module] = f"{bring}\n{texts[module]}n{at} = [{used}]\n"
        elif kind == "def":
            texts[module] += f"def n{at}():\n    {bring or 'pass'}\n    return [x for x in [{used}]]\n"
        else:
            texts[module] += (
                f"class n{at}:\n    def go(self):\n        {bring or 'pass'}\n        return {used}\n"
            )
    return {"a.py": texts["a"], "b.py": texts["b"], "p/__init__.py": "", "p/c.py": texts["p.c"]}


@given(chain=chains, constant=st.integers(0, 10**9), data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_formatting_never_counts_and_a_constant_far_away_always_does(
    tmp_path: Path, chain: list[tuple[str, str]], constant: int, data: st.DataObject
) -> None:
    files = chain_source(chain, constant)
    before = code(tmp_path, "a:n0", dict(files))
    assert before.reason is None
    dressed: Files = {}
    for name, text in files.items():
        shape = data.draw(st.sampled_from(["comments", "unparsed", "blank lines", "spaces"]))
        lines = text.splitlines()
        if shape == "unparsed":
            dressed[name] = ast.unparse(ast.parse(text))
        elif shape == "comments":
            dressed[name] = "\n".join(f"{line}  # {data.draw(st.integers())}" for line in lines)
        elif shape == "blank lines":
            dressed[name] = "\n\n\n".join(["", *lines, ""])
        else:
            dressed[name] = text.replace("    ", "\t").replace("[", "[ ").replace(",", " , ")
    assert code(tmp_path, "a:n0", dressed) == before
    after = code(tmp_path, "a:n0", dict(chain_source(chain, constant + 1)))
    assert explain(before.parts, after.parts) == f"code changed: b.n{len(chain) + 1}"
