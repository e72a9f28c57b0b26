"""What objects of a library keep to themselves, beside each other: undecided where it is all that differs."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from typing import Any

import pytest

from agi_node.outline import PARTS, outline
from agilab.workflow.notebooks.kept_to_itself import ONLY_THAT
from agilab.workflow.notebooks.likeness import alike, first_difference, unexplained
from agilab.workflow.notebooks.same_parts import other_value

TEXT = """
class Frozen:
    def __init__(self, base, text=None):
        self.size = 3
        self.__text = text
        self.base = base
"""


@pytest.fixture
def library() -> Iterator[types.ModuleType]:
    module = sys.modules["a_library"] = types.ModuleType("a_library")
    exec(TEXT, module.__dict__)
    yield module
    del sys.modules["a_library"]


def test_what_one_side_alone_has_made_is_undecided_whichever_it_is(library: types.ModuleType) -> None:
    asked, other = ({"held": library.Frozen(1.5, text)} for text in ({"a": 1}, None))
    name = "['held']._Frozen__text is there in the"
    for theirs, mine, where in (
        (asked, other, "notebook, and not in the pipeline"),
        (other, asked, "pipeline, and not in the notebook"),
    ):
        equal, why = alike(outline(theirs), outline(mine))
        assert (equal, why) == (None, f"{ONLY_THAT}: {name} {where}")
        assert unexplained(equal, why), "it proves nothing"


def test_another_value_beside_it_is_a_difference_and_so_is_another_one_of_it(
    library: types.ModuleType,
) -> None:
    one = outline(library.Frozen(1.5, {"a": 1}))
    assert alike(one, outline(library.Frozen(2.5))) == (
        False,
        ".base: 1.5 in the notebook, 2.5 in the pipeline",
    )
    equal, why = alike(one, outline(library.Frozen(1.5, {"a": 2})))
    assert (equal, why) == (False, "._Frozen__text['a']: 1 in the notebook, 2 in the pipeline")


def test_what_the_notebook_s_own_class_keeps_counts() -> None:
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(TEXT, space)
    equal, why = alike(outline(space["Frozen"](1.5, {"a": 1})), outline(space["Frozen"](1.5)))
    assert equal is False
    assert why == "._Frozen__text: dict of 1: ['a'] in the notebook, None in the pipeline"


def test_it_may_stand_among_more_than_is_told(library: types.ModuleType) -> None:
    theirs, mine = (
        [library.Frozen(1.5, text if not n else None) for n in range(PARTS)] for text in ("a", None)
    )
    assert alike(outline(theirs), outline(mine))[0] is None
    mine[2].base = 2.5
    assert alike(outline(theirs), outline(mine)) == (
        False,
        "[2].base: 1.5 in the notebook, 2.5 in the pipeline",
    )


def test_attributes_are_compared_by_name(library: types.ModuleType) -> None:
    one, other = library.Frozen(1.5), library.Frozen(1.5)
    one.more, one.last = 1, 2
    other.last, other.more = 2, 1
    assert alike(outline(one), outline(other))[0] is None
    other.more = 3
    assert alike(outline(one), outline(other)) == (False, ".more: 1 in the notebook, 3 in the pipeline")
    del other.more
    assert first_difference(outline(one), outline(other)) == ".more is there in the notebook alone"


def test_runs_that_do_not_repeat_a_draw_may_have_it_or_not(library: types.ModuleType) -> None:
    runs = [
        {"kind": "object", "digest": str(base), "parts": outline(library.Frozen(base, "made"))}
        for base in (1.5, 2.5, 3.5)
    ]
    mine = {"kind": "object", "digest": "mine", "parts": outline(library.Frozen(4.5))}
    assert other_value(runs, mine, draws=True).fits
