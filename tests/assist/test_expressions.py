"""The language of expressions: what it takes, and that it never evaluates anything."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agilab.assist.expressions.functions import FUNCTIONS
from agilab.assist.expressions.kinds import resolve
from agilab.assist.expressions.nodes import Column
from agilab.assist.expressions.parsing import NotUnderstood, parsed
from tests.assist.tables import table_of

TABLE = table_of(a="int", b="float", s="text", d="date", t="datetime", ok="bool")


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("a + 1", "int"),
        ("a + b", "float"),
        ("a / 2", "float"),
        ("-(a - 2) * 3", "int"),
        ("s + '-' + s", "text"),
        ("a > 1 and not missing(b)", "bool"),
        ("1 < a <= 5", "bool"),
        ("s in ['x', 'y']", "bool"),
        ("b is not None", "bool"),
        ("b if a > 0 else None", "float"),
        ("'many' if a > 3 else 'few'", "text"),
        ("d >= '2026-01-01'", "bool"),
        ("days_between(d, d)", "int"),
        ("seconds_between(t, t) / 3600", "float"),
        ("col('a') + 1", "int"),
        ("ok == true", "bool"),
    ],
)
def test_an_expression_has_the_kind_of_its_values(text: str, kind: str) -> None:
    assert resolve(parsed(text), TABLE).kind == kind


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "a.__class__",
        "(lambda: 1)()",
        "[x for x in a]",
        "f'{a}'",
        "open('x')",
        "a @ b",
        "a ** b",
        "a[0]",
        "a := 1",
        "a; b",
        "import os",
        "abs(a, a)",
        "col(a)",
        "contains(s, s)",
        "1e999",
        "a +",
        "",
        "a" * 3000,
        "(" * 250 + "a" + ")" * 250,
        "not " * 1500 + "ok"[:2],
        "a\x00",
        "s in []",
        "print(a)",
    ],
)
def test_anything_else_is_refused_in_words(text: str) -> None:
    with pytest.raises(NotUnderstood) as caught:
        resolve(parsed(text), TABLE)

    assert caught.value.allowed


@given(st.text(alphabet="ab1.+-*/%()<>=!,' \"andorifelscotNe[]", max_size=40))
def test_no_text_does_anything_but_parse_or_be_refused(text: str) -> None:
    try:
        tree = resolve(parsed(text), TABLE)
    except NotUnderstood:
        return
    assert {node.name for node in tree.walk() if isinstance(node, Column)} <= {"a", "b", "s", "d", "t", "ok"}


def test_every_function_says_how_it_is_called() -> None:
    for name, function in FUNCTIONS.items():
        assert function.usage.startswith(f"{name}(")
        assert function.usage.count(",") == len(function.takes) - 1
