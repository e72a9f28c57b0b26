"""Names that a cell reads and none above makes: whether anything is said, and whether it is true."""

from __future__ import annotations

import pytest

from agilab.notebooks.flow.links import Links
from agilab.notebooks.flow.notebook import analyse_cells

SHOWN = "@wrapped\ndef show(text):\n    yield late(text)\n"
LATE = "\ndef late(text):\n    return text\n"
QUIET = "def wrapped(fn):\n    return lambda *given: print(*fn(*given))"


def _missing(*cells: str) -> list[tuple[str, str]]:
    return [(one.name, one.how) for one in Links(analyse_cells(cells)).unmade]


@pytest.mark.parametrize(
    "cell",
    [
        "for i, v in enumerate([3, 4]):\n    if i == 0:\n        old = 1\n    else:\n        old = new / 2\n"
        "    new = old + v",
        "for i in range(3):\n    new = new + 1 if i else 0",
        "for i in range(3):\n    if i > 0 and new > 0:\n        print(new)\n    new = i",
        "for i in range(3):\n    if not i or new < 9:\n        new = 1\n    new = 2",
        "try:\n    cache\nexcept NameError:\n    cache = {}\nprint(cache)",
    ],
)
def test_nothing_is_said_where_the_first_round_of_a_loop_reads_nothing_or_the_cell_makes_it(
    cell: str,
) -> None:
    exec(cell, {})
    assert _missing(cell) == []


@pytest.mark.parametrize(
    "cell",
    [
        "first = True\nfor v in [1, 2]:\n    if not first:\n        print(old)\n    first, old = False, v",
        "for i in range(2):\n    if i == 2:\n        continue\n    if i:\n        print(old)\n    old = i",
        "for i in range(2):\n    if i >= 0:\n        print(i or old)\n    old = i",
        "for i in range(2, 4):\n    if i:\n        print(i or old)\n    old = i",
        "n = 0\nwhile n == 0 or old < 2:\n    n += 1\n    old = n",
        "for row in [[], [1]]:\n    for _ in row:\n        print(old)\n    old = row",
    ],
)
def test_a_name_that_a_loop_may_have_made_in_the_round_before_is_said_to_matter_in_the_first(
    cell: str,
) -> None:
    assert _missing(cell) == [("old", "in a later round")]


@pytest.mark.parametrize(
    "cell",
    [
        "for v in [1]:\n    old = old + v",
        "for v in [1]:\n    old += v",
        "for i in range(2):\n    if i == 0:\n        old += 1\n        old = 1",
        "n = 0\nwhile old < 2:\n    old = n",
        "for v in [1]:\n    if v:\n        print(old)\n        old = 1",
        "for v in [1]:\n    with memoryview(b''):\n        print(old)\n    old = 1",
        "try:\n    print(old)\nexcept KeyError:\n    pass",
        "try:\n    print(old)\nexcept Exception as wrong:\n    print(wrong)\n    raise",
        "try:\n    pass\nexcept NameError:\n    pass\nelse:\n    print(old)",
        "try:\n    print(old)\nexcept NameError:\n    pass\nprint(old)",
    ],
)
def test_a_read_that_fails_where_it_is_come_to_stays_one(cell: str) -> None:
    with pytest.raises(NameError):
        exec(cell, {})
    assert _missing(cell) == [("old", "surely")]


@pytest.mark.parametrize(
    "handler",
    ["except:", "except Exception:", "except (KeyError, NameError) as wrong:", "except BaseException:"],
)
def test_a_name_whose_lack_the_cell_catches_is_told_as_that(handler: str) -> None:
    cell = f"try:\n    print(sum(gone))\n{handler}\n    print('without')"
    exec(cell, {})
    assert _missing(cell) == [("gone", "caught")]
    assert _missing(cell, "gone = [1]") == [("gone", "caught")]


@pytest.mark.parametrize(
    "decorator",
    [
        QUIET,
        "import functools\ndef wrapped(fn):\n    @functools.wraps(fn)\n    def inner(*given):\n"
        "        return fn(*given)\n    return inner",
        "KNOWN = {}\ndef wrapped(fn):\n    print('made', fn.__name__)\n    KNOWN[fn.__name__] = fn\n    return fn",
    ],
)
def test_a_decorator_that_keeps_or_wraps_a_function_comes_to_nothing_that_it_reads(decorator: str) -> None:
    assert _missing(decorator, SHOWN + LATE) == []
    assert _missing(decorator, SHOWN, LATE) == []


def test_a_decorator_with_arguments_keeps_as_well() -> None:
    inner = "    def keep(fn):\n        KNOWN[name] = fn\n        return fn\n    return keep"
    made = f"KNOWN = {{}}\ndef known(name):\n{inner}"
    shown = SHOWN.replace("@wrapped", "@known('a')")
    assert _missing(made, shown + LATE) == []
    assert _missing(made.replace("= fn", "= fn(1)"), shown + LATE) == [("late", "surely")]


@pytest.mark.parametrize(
    ("decorator", "more"),
    [
        (QUIET, "show('a')\n"),
        (QUIET, "text = show('a')\n"),
        ("def wrapped(fn):\n    fn('a')\n    return fn", ""),
        ("def wrapped(fn):\n    same = fn\n    same('a')\n    return fn", ""),
        ("def wrapped(fn):\n    return list(map(fn, 'a'))", ""),
        ("def wrapped(fn):\n    def inner():\n        return fn('a')\n    inner()\n    return fn", ""),
        ("def wrapped(fn):\n    @wrapping\n    def inner():\n        return fn('a')\n    return inner", ""),
    ],
)
def test_what_a_function_reads_is_told_where_something_may_call_it_before_the_name_is_made(
    decorator: str, more: str
) -> None:
    cells = ["def wrapping(fn):\n    return fn()", decorator, SHOWN + more + LATE]
    assert ("late", "surely") in _missing(*cells)
