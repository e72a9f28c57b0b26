"""Parts of a stage that was split, below an import of all names of a module."""

from __future__ import annotations

import pytest

from agilab.contracts.lab_stages import Stage
from agilab.notebooks.supervisor.split import held_together, rewired


def split_in(*codes: str) -> list[Stage]:
    whole = Stage(id="a", code="\n\n".join(codes), outputs=("x",))
    parts = [Stage(id=f"a-{n}" if n > 1 else "a", code=code) for n, code in enumerate(codes, 1)]
    return rewired(whole, [parts[0].with_changes(outputs=("x",)), *parts[1:]], {part.id for part in parts})


@pytest.mark.parametrize(
    "below",
    [
        "x = floor(half)",
        "def f(y):\n    return floor(y)\nx = f(half)",
        "x = [floor(one) for one in [half]][0]",
    ],
)
def test_a_part_that_needs_names_of_a_module_imports_them_again(below: str) -> None:
    first, second = split_in("from math import *\nhalf = sqrt(7)", below)

    assert second.code == f"from math import *\n{below}"
    assert first.code == "from math import *\nhalf = sqrt(7)"
    given: dict[str, object] = {}
    exec(first.code or "", given)
    space = {name: given[name] for name in ("half",)}
    exec(second.code or "", space)
    assert (second.inputs, space["x"]) == (("half",), 2)
    assert not list(held_together([first, second]))


@pytest.mark.parametrize(
    "below", ["x = half + 1", "half = 3\nx = half", "from math import *\nx = floor(half)"]
)
def test_a_part_that_needs_none_of_them_stays_as_it_is(below: str) -> None:
    _, second = split_in("from math import *\nhalf = sqrt(7)", below)

    assert second.code == below


def test_the_third_part_imports_what_the_first_did() -> None:
    parts = split_in("from math import *", "half = 3.5", "x = floor(half)")

    assert [(part.code or "").startswith("from math") for part in parts] == [True, False, True]


def test_a_part_has_what_a_function_of_another_part_needs() -> None:
    _, second = split_in("from math import *\ndef f(y):\n    return floor(y)", "x = f(2.5)")

    assert second.uses == {"a": ("f",)}
    assert (second.code or "").startswith("from math import *")
