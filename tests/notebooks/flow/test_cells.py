"""What a cell reads, binds and changes: Python's rules, case by case."""

from __future__ import annotations

import symtable
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notebooks.flow.written import NOTEBOOKS

from agilab.notebooks.flow.functions import BUILTINS
from agilab.notebooks.flow.model import is_state
from agilab.notebooks.flow.notebook import analyse, analyse_cells


@pytest.mark.parametrize(
    ("source", "reads", "binds"),
    [
        ("x = 1\ny = x", "", "x y"),
        ("y = x\nx = 1", "x", "x y"),
        ("x += 1", "x", "x"),
        ("x: int = y", "y", "x"),
        ("x: int", "", ""),
        ("a, *b = c", "c", "a b"),
        ("a = b = c", "c", "a b"),
        ("a[i] = v", "a i v", ""),
        ("a.b.c = v", "a v", ""),
        ("del a.b, c[0]", "a c", ""),
        ("x = [i * k for i in xs if i]", "k xs", "x"),
        ("x = {k: v for k, v in d.items()}", "d", "x"),
        ("x = [(y := i) for i in xs]", "xs", "x y"),
        ("x = [[c for c in r] for r in rows]", "rows", "x"),
        ("for i in xs:\n    t = i", "xs", "i t"),
        ("with a as b, c as (d, e):\n    pass", "a c", "b d e"),
        ("try:\n    f()\nexcept E as e:\n    g(e)", "E f g", ""),
        ("import a.b.c, d as e\nfrom f import g as h", "", "a e h"),
        ("def f(x, y=d, *, z: T = k) -> R:\n    return q", "R T d k", "f"),
        ("@w(1)\ndef f(): pass", "w", "f"),
        ("def f():\n    return q\nf()", "q", "f"),
        ("def f():\n    return q\ng = [f]", "", "f g"),
        ("def f(n):\n    return f(n - 1) + q if n else 0\nf(3)", "q", "f"),
        ("def f():\n    global q\n    q = 1\nf()", "", "f q"),
        ("def f():\n    global q\n    q += 1\nf()", "q", "f q"),
        ("g = lambda a, b=c: a + d\ng(1)", "c d", "g"),
        ("class A(B, metaclass=M):\n    x = y\n    z = x\n    def f(self):\n        return w", "B M y", "A"),
        ("class A:\n    def f(self):\n        return w\nA().f()", "w", "A"),
        ("class A:\n    @property\n    def p(self):\n        return w\na = A()\na.p", "w", "A a"),
        ("class A:\n    def __add__(self, o):\n        return w\na = A()\na + a", "w", "A a"),
        ("f'{a!r:{b}}'", "a b", ""),
        ("match s:\n    case [a, {'k': v, **r}]:\n        pass\n    case P(x=z) | z:\n        pass", "P s", "a r v z"),
        ("if c:\n    x = 1\nelse:\n    x = 2\ny = x", "c", "x y"),
        ("if c:\n    x = 1\ny = x", "c x", "x y"),
        ("while (n := next(it)):\n    t = n", "it", "n t"),
        ("try:\n    x = f()\nexcept Exception:\n    x = 0\ny = x", "f", "x y"),
        ("try:\n    x = f()\nexcept Exception:\n    pass\ny = x", "f x", "x y"),
        ("for i in range(3):\n    pass\nj = i", "", "i j"),
        ("for i in xs:\n    pass\nj = i", "i xs", "i j"),
        ("while True:\n    x = f()\n    if x:\n        break\ny = x", "f", "x y"),
        ("x = 1\ndel x\ny = x", "x", "y"),
        ("print(len(xs), __name__)", "xs", ""),
        ("df.query('a > @limit and b < @top')", "df limit top", ""),
        ("async def f():\n    return await g()\nx = await f()", "g", "f x"),
        ("x = yield_ if (a or b) else not c", "a b c yield_", "x"),
        ("def f():\n    def g():\n        return q\n    return g()\nf()", "q", "f"),
        ("def f():\n    q = 1\n    def g():\n        return q\n    return g()\nf()", "", "f"),
        ("xs = [1]\nlist(map(lambda v: v + k, xs))", "k", "xs"),
        ("import functools\n@functools.cache\ndef f(): return q", "", "f functools"),
    ],
)  # fmt: skip
def test_reads_and_binds(source: str, reads: str, binds: str) -> None:
    flow = analyse(source)

    assert sorted(flow.reads) == reads.split()
    assert sorted(flow.binds) == binds.split()
    assert flow.syntax == ""


@pytest.mark.parametrize(
    ("source", "altered"),
    [
        ("x.append(1)", "x"),
        ("x[0].append(1)", "x"),
        ("x += [1]", "x"),
        ("x.a = 1", "x"),
        ("del x[0]", "x"),
        ("y = x\ny.append(1)", "x"),
        ("y = x[0]\ny[1] = 2", "x"),
        ("y = x.values\ny[0] = 2", "x"),
        ("for row in x:\n    row.append(1)", "x"),
        ("for k, v in x.items():\n    v.append(k)", "x"),
        ("a, b = x\nb.append(1)", "x"),
        ("def f(v):\n    v.append(1)\nf(x)", "x"),
        ("def f(v):\n    w = v[0]\n    w.clear()\nf(x)", "x"),
        ("def g(v):\n    v.pop()\ndef f(v):\n    g(v)\nf(x)", "x"),
        ("def f(*, v):\n    v.pop()\nf(v=x)", "x"),
        ("def f(a, b):\n    a.append(1)\nf([], x)", ""),
        ("list(map(x.append, y))", "x"),
        ("[v.append(1) for v in x]", "x"),
        ("import random\nrandom.shuffle(x)", "x"),
        ("import heapq\nheapq.heappush(x, 1)", "x"),
        ("x.drop(columns=['a'], inplace=True)", "x"),
        ("x.drop(columns=['a'])", ""),
        ("y = x.copy()\ny['a'] = 1", ""),
        ("y = x[x.a > 1]\ny['b'] = 1", ""),
        ("y = x.dropna()\ny['b'] = 1", ""),
        ("y = x + 1\ny[0] = 1", ""),
        ("y = sorted(x)\ny.append(1)", ""),
        ("y = sorted(x)\ny[0].append(1)", "x"),
        ("model.fit(x, y)", "model"),
        ("setattr(x, 'a', 1)", "x"),
        ("optimizer.step()", "optimizer"),
        ("print(x)", ""),
        ("x.head()", ""),
        ("x.plot()\nx.describe()", ""),
        ("v = next(x)", "x"),
        ("import json\njson.dump(d, x)", "x"),
        ("print('a', file=x)", "x"),
    ],
)
def test_changes_in_place(source: str, altered: str) -> None:
    names = analyse(source).alters

    assert sorted(name for name in names if not is_state(name)) == altered.split()


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("exec(text)", "exec"),
        ("y = eval(text)", "eval"),
        ("globals()['x'] = 1", "globals"),
        ("locals()", "locals"),
        ("vars()", "vars"),
        ("from pylab import *", "pylab"),
        ("get_ipython().system('ls')", "get_ipython"),
        ("import sys\nsys.modules['a']", "sys.modules"),
        ("import __main__", "__main__"),
        ("def f():\n    exec(text)\nf()", "exec"),
        ("import inspect\ninspect.currentframe()", "frame"),
    ],
)
def test_what_cannot_be_decided_says_so_with_its_line(source: str, reason: str) -> None:
    (doubt,) = analyse(source).undecided[:1]

    assert reason in doubt.reason
    assert doubt.line == len(source.split("\n"))


@pytest.mark.parametrize(
    "source", ["vars(x)", "eval('a + b')", "x.eval('a = b')", "def f():\n    exec(text)", "getattr(x, n)"]
)
def test_what_looks_alike_and_is_decided(source: str) -> None:
    assert analyse(source).undecided == ()


@pytest.mark.parametrize(
    ("first", "read"),
    [
        ("seen = []", False),
        ("log = list()\n    seen = []", False),
        ("seen = [*seen, 1]", True),
        ("look()\n    seen = []", True),
        ("if True:\n        seen = []", True),
        ("reset()", False),
    ],
)
def test_what_a_function_binds_before_all_else_it_does_not_read(first: str, read: bool) -> None:
    functions = (
        "def reset():\n    global seen\n    seen = []\ndef look():\n    return len(seen)\n"
        f"def run():\n    global seen\n    {first}\n    seen.append(look())"
    )
    flow = analyse_cells(["seen = [0]", functions, "run()"])
    assert ("seen" in flow[2].reads) == read
    assert "seen" in flow[2].binds


def test_a_cell_that_is_not_python_says_where() -> None:
    cells = analyse_cells(["x = 1", "print 'x'\n", "y = x"]).cells

    assert cells[1].syntax_line == 1
    assert "print" in cells[1].syntax
    assert cells[2].reads.keys() == {"x"}


@pytest.mark.parametrize(
    "source", ["", "\n\n", "# only a word", "\ufeffx = 1", "x = 1\0", "x = " + "(" * 300 + ")" * 300]
)
def test_odd_texts_raise_nothing(source: str) -> None:
    analyse(source)


def test_a_sum_of_two_thousand_terms_raises_nothing() -> None:
    assert analyse("x = " + " + ".join(["a"] * 2000)).reads.keys() == {"a"}


def test_what_is_nested_too_deeply_is_undecided() -> None:
    source = "x = " + "[" * 85 + "a" + "]" * 85
    deep = "x = " + "-" * 1500 + "a"

    assert analyse(source).undecided == ()
    flow = analyse(deep)
    assert flow.syntax or flow.undecided


@pytest.mark.skipif(
    sys.version_info >= (3, 12), reason="from 3.12 on the tables have the names of inlined comprehensions too"
)
@pytest.mark.parametrize("name", NOTEBOOKS)
def test_names_are_those_that_pythons_own_tables_have(name: str) -> None:
    """Oracle: `symtable`. Whatever is bound or read globally in a cell is bound or read here, or is Python's own."""
    for source in NOTEBOOKS[name]:
        table = symtable.symtable(source, "<cell>", "exec")
        bound = {one.get_name() for one in table.get_symbols() if one.is_assigned() or one.is_imported()}
        used = {one.get_name() for one in table.get_symbols() if one.is_referenced()}
        flow = analyse(source)

        deleted = {"problem"}  # `except … as problem` unbinds it
        assert {
            one for one in bound if one not in deleted and one != "annotations"
        } <= flow.binds | flow.unbinds
        assert used - bound - BUILTINS <= flow.reads.keys()
        assert {one for one in flow.reads if not is_state(one)} <= _named(table)


def _named(table: symtable.SymbolTable) -> set[str]:
    names = {one.get_name() for one in table.get_symbols()}
    for child in table.get_children():
        names |= _named(child)
    return names | {"limit"}  # in the text of a query


@settings(max_examples=60, deadline=None)
@given(source=st.text(alphabet="abx =+[]().:\n ,ifordelw1'@", max_size=60))
def test_any_text_is_a_flow(source: str) -> None:
    analyse(source)


def test_every_module_of_this_repository_has_a_flow(repository: Path) -> None:
    """Real code nobody wrote for this: it is analysed without an error, and reads nothing that it imports above."""
    files = sorted((repository / "src/agilab/engine").glob("*.py"))
    assert len(files) > 5
    for file in files:
        flow = analyse(file.read_text("utf-8"))
        assert flow.syntax == ""
        assert not flow.reads.keys() & flow.modules.keys()
