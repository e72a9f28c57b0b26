"""Statements taken out of a text by name; the oracle is Python: what is taken is executed, and means the same."""

from __future__ import annotations

import ast
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.notebooks.flow.apart import plain
from tests.notebooks.flow.written import NOTEBOOKS

from agi_node.source.carried import Statements, carried

FUTURE = "from __future__ import annotations"


def test_everything_else_is_blank_and_each_statement_keeps_its_lines() -> None:
    source = (
        'import os\nload()\n\ndef area(r):\n    """Of a circle."""\n    return 3 * r * r\n\nprint(area(2))\n'
    )

    taken = carried(source, ["area"])

    assert taken.text.split("\n") == [
        *["", "", "", "def area(r):", '    """Of a circle."""', "    return 3 * r * r", "", "", ""]
    ]
    assert (taken.found, taken.missing) == ({"area"}, frozenset())


@pytest.mark.parametrize(
    ("source", "name", "text"),
    [
        ("import os; x = f(); y = 1", "y", "y = 1"),
        ("f(); import os; import sys", "sys", "import sys"),
        ("é = 'ü'; z = 2", "z", "z = 2"),
        ("a = b = 3", "b", "a = b = 3"),
        ("a, (b, *c) = 1, (2, 3)", "c", "a, (b, *c) = 1, (2, 3)"),
        ("x: int = 3", "x", "x: int = 3"),
        ("D = Path('a') / 'b.csv'", "D", "D = Path('a') / 'b.csv'"),
        ("import pathlib as p\nD = p.Path('a')", "D", "import pathlib as p\nD = p.Path('a')"),
        ("W = 'a b'.split()", "W", "W = 'a b'.split()"),
        ("T = {n: n ** 2 for n in range(3)}", "T", "T = {n: n ** 2 for n in range(3)}"),
        ("f = lambda v: load(v)", "f", "f = lambda v: load(v)"),
        ("try:\n    import a\nexcept E:\n    a = None", "a", "try:\n    import a\nexcept E:\n    a = None"),
        ("if 3 > 2:\n    k = 1\nelse:\n    k = 2", "k", "if 3 > 2:\n    k = 1\nelse:\n    k = 2"),
        ("k = 0\nif 3 > 2:\n    k = 1", "k", "k = 0\nif 3 > 2:\n    k = 1"),
        ("import x.a\nimport x.b\nimport y", "x", "import x.a\nimport x.b\n"),
        ("@d\n@e(1)\nclass A:\n    v = 1\nrun()", "A", "@d\n@e(1)\nclass A:\n    v = 1\n"),
        ("a = 1\r\nf()\r\nb = 2", "b", "\n\nb = 2"),
        (f"{FUTURE}\nf()\ndef g(x: Y): pass", "g", f"{FUTURE}\n\ndef g(x: Y): pass"),
    ],
)  # fmt: skip
def test_what_can_be_taken(source: str, name: str, text: str) -> None:
    taken = carried(source, [name])

    assert taken.text == text
    assert name in taken.found
    ast.parse(taken.text)


@pytest.mark.parametrize(
    "source",
    [
        "x = load()",
        "x = [v for v in read()]",
        "x = 1\nx += 1",
        "x = []\nx.append(1)",
        "x = {}\nx['a'] = 1",
        "x = 1\nx.a.b[2] = 1",
        "for x in range(3): pass",
        "with open('a') as x: pass",
        "x = 1\ndel x",
        "x = 1\nfor x in []: pass",
        "def f():\n    global x\n    x = 2\nx = 1",
        "def f():\n    x.append(2)\nx = []",
        "class A:\n    def f(self):\n        x.append(2)\nx = []",
        "def x(a=load()): pass",
        "if ask():\n    x = 1",
        "x = (v for v in y)",
        "x = zip(a, b)",
        "y = f()\nx = y + 1",
        "from m import *",
        "(x := 3)",
        "def len(v): return ask()\nx = len('a')",
        "x: int",
        "",
    ],
)
def test_what_cannot_be_taken_is_missing(source: str) -> None:
    taken = carried(source, ["x"])

    assert taken.found == frozenset()
    assert "x" in taken.missing
    assert taken.text == ""


def test_needs_come_along_as_they_stood() -> None:
    source = "rate = 1\ndouble = rate * 2\nrate = 5\ndef f(a=double):\n    return a + rate + far\n"

    taken = carried(source, ["f"])
    space: dict[str, Any] = {"far": 100}
    exec(taken.text, space)

    assert space["f"]() == 2 + 5 + 100
    assert (taken.missing, taken.before) == ({"far"}, frozenset())


def test_what_is_needed_first_is_told_from_what_is_needed_when_called() -> None:
    taken = carried("@wrap\nclass A(B, metaclass=M):\n    n = k\n    def f(self): return g()", ["A"])

    assert taken.missing == {"wrap", "B", "M", "k", "g"}
    assert taken.before == {"wrap", "B", "M", "k"}


def test_functions_that_call_each_other_come_together() -> None:
    taken = carried(
        "def even(n): return n == 0 or odd(n - 1)\nx = f()\ndef odd(n): return n != 0 and even(n - 1)",
        ["odd"],
    )
    space: dict[str, Any] = {}
    exec(taken.text, space)

    assert [space["odd"](n) for n in range(4)] == [False, True, False, True]


@pytest.mark.parametrize("source", ["x = (", "x = 1\0", "print 3"])
def test_what_is_not_python_is_a_syntax_error(source: str) -> None:
    with pytest.raises(SyntaxError):
        carried(source, ["x"])


@settings(max_examples=150)
@given(seed=st.integers(0, 2**32 - 1))
def test_what_is_taken_is_what_the_text_leaves(seed: int) -> None:
    """Random constants, rebound and made of one another: what can be taken has the value it has in the whole."""
    rng = random.Random(seed)
    names = ["a", "b", "c", "d"]
    lines = ["a = 1", "b = [2]", "c = 'x'", "d = {'k': 3}"]
    for _ in range(rng.randint(0, 9)):
        one, other = rng.choice(names), rng.choice(names)
        lines.append(
            rng.choice(
                [
                    f"{one} = {other}",
                    f"{one} = ({other}, 4)",
                    f"{one} = list([{other}])",
                    f"{one} = id  # not called",
                    f"{one} = str(abs(-3)) + repr({other})",
                    f"if 1 < {rng.randint(0, 2)}:\n    {one} = 7",
                    f"try:\n    {one} = {other}\nexcept NameError:\n    {one} = 8",
                    f"{one} = {other}; {other} = 9",
                ]
            )
        )
    source = "\n".join(lines)
    whole: dict[str, Any] = {}
    exec(source, whole)
    statements = Statements(source)

    for name in names:
        taken = statements.take([name])
        if name in taken.found:
            space: dict[str, Any] = {}
            exec(taken.text, space)
            assert plain(space[name]) == plain(whole[name]), source
            assert taken.text.count("\n") == source.count("\n")
    assert statements.names >= {name for name in names if source.count(f"{name} = ") == 1 and name in "ac"}


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_written_notebooks_are_taken_apart_into_python(name: str) -> None:
    for source in NOTEBOOKS[name]:
        statements = Statements(source)
        ast.parse(statements.take(statements.names).text)
        taken = statements.take(statements.names)
        assert taken.found == statements.names
        assert not (taken.missing - taken.before) & statements.names


ABOVE = 'import os\nos.environ["A"] = "5"\n'


@pytest.mark.parametrize(
    ("source", "names", "text"),
    [
        (f"{ABOVE}import tool\nrun()", ["tool"], f"{ABOVE}import tool\n"),
        (f"{ABOVE}from tool import x\n", ["x"], f"{ABOVE}from tool import x\n"),
        (f"{ABOVE}import tool\ndef f():\n    return tool", ["f"], f"{ABOVE}import tool\ndef f():\n    return tool"),
        (f"import tool\n{ABOVE}", ["tool"], "import tool\n\n\n"),
        (f"import tool\n{ABOVE}import tool as t", ["t"], "import tool\n\n\nimport tool as t"),
        (f"{ABOVE}import math\nK = 1", ["math", "K"], "\n\nimport math\nK = 1"),
        ('N = 3\nos.environ["A"] = str(N)\nimport tool', ["tool"], 'N = 3\nos.environ["A"] = str(N)\nimport tool'),
        ('n = load()\nos.environ["A"] = str(n)\nimport tool', ["tool"], "\n\nimport tool"),
        ('os.environ["A"] += ":b"\nimport tool', ["tool"], "\nimport tool"),
        ('os.environ.pop("A")\nimport tool', ["tool"], "\nimport tool"),
        ('os.environ.pop("A", None)\nimport tool', ["tool"], 'os.environ.pop("A", None)\nimport tool'),
        ('if "A" not in os.environ:\n    os.environ["A"] = "1"\nimport tool', ["tool"],
         'if "A" not in os.environ:\n    os.environ["A"] = "1"\nimport tool'),
        ("from dotenv import load_dotenv\nload_dotenv()\nimport tool", ["tool"],
         "from dotenv import load_dotenv\nload_dotenv()\nimport tool"),
    ],
)  # fmt: skip
def test_an_import_is_taken_with_the_environment_above_it(source: str, names: list[str], text: str) -> None:
    taken = carried(source, names)

    assert taken.text == text
    assert taken.found == set(names)
    assert taken.missing <= {"os"}


def test_two_imports_find_each_the_environment_that_they_found_there() -> None:
    source = f'{ABOVE}import one\nos.environ["A"] = "6"\nimport two\nimport one as again'

    assert '"6"' not in carried(source, ["one"]).text
    assert carried(source, ["again"]).text == f"{ABOVE}import one\n\n\nimport one as again"
    assert carried(source, ["two", "again"]).text == source
