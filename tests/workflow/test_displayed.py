"""What code shows, in every form that it has: told alike by a notebook's kernel and by a stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agi_node.displayed import ALL, DISPLAY, MORE, RESULT, TOLD, WHOLE, Displays, display, watch
from agi_node.forms import HTML, LONGEST, PLAIN, Bundle, cut, forms_of, to_one_length
from agi_node.script import execute
from agilab.contracts.notebook_import import ImportedStage
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.showing import _displayed, _results, judged_shown

FORMS = """
class Card:
    def __init__(self, number):
        self.number = number
    def __repr__(self):
        return "Card"
    def _repr_html_(self):
        return f"<b id='card-{id(self)}'>{self.number}</b>"
    def _repr_json_(self):
        return {"number": self.number}, {"expanded": True}
    def _repr_png_(self):
        return bytes([self.number])
    def _repr_svg_(self):
        return None
    def _repr_latex_(self):
        raise ValueError("no formula")
"""


def shown(code: str, folder: Path) -> list[dict[str, Any]]:
    """What a stage with that code tells of what it shows."""
    space: dict[str, Any] = {"display": display}
    with watch(folder, wanted=True) as displays:
        assert displays is not None
        last = execute(code, "<stage>", space, lambda value: displays.see(value, RESULT))
        displays.see(last, RESULT)
    return displays.found


def test_an_object_shows_itself_in_each_form_that_it_has(tmp_path: Path) -> None:
    (one,) = shown(FORMS + "Card(3)", tmp_path)
    assert one["forms"] == {
        PLAIN: "Card",
        HTML: "<b id='id-1'>3</b>",
        "application/json": '{"number": 3}',
        # printf '\\x03' | sha256sum
        "image/png": "#084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5",
        "text/latex": "its _repr_latex_ raised ValueError",
    }
    (other,) = shown(FORMS + "Card(4)", tmp_path)
    assert judged_shown(one, one) == (True, "")
    equal, why = judged_shown(one, other)
    assert equal is False
    assert why.startswith("application/json: line 1: '{\"number\": 3}' in the notebook")


def test_names_of_elements_count_for_nothing_and_what_they_name_does() -> None:
    one = forms_of(Bundle({HTML: "<style>#T_a1 td.x {color: red}</style><td id='T_a1'>T_a12</td>"}))
    same = forms_of(Bundle({HTML: "<style>#T_b2 td.x {color: red}</style><td id='T_b2'>T_a12</td>"}))
    other = forms_of(Bundle({HTML: "<style>#T_b2 td.x {color: blue}</style><td id='T_b2'>T_a12</td>"}))
    assert one == same != other
    assert "T_a12" in one[HTML], "that is another word"


def test_each_expression_that_stands_alone_is_told_and_what_code_does_is_as_before(tmp_path: Path) -> None:
    code = '"""About it."""\nn = 1\nn + 1\nxs = [n]\nxs\nxs.append(2)\nprint(n)\nxs;'
    assert [one["forms"][PLAIN] for one in shown(code, tmp_path)] == ["2", "[1]", "[1, 2]"]
    space: dict[str, Any] = {}
    assert execute(code + "\nxs", "<stage>", space, lambda value: None) == [1, 2]
    assert space["__doc__"] == "About it."
    assert not [name for name in space if "agilab" in name]


def test_ipythons_own_display_is_heard_and_is_itself_again_afterwards(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    import IPython.display

    before = IPython.display.display
    code = (
        "import IPython.display\nfrom IPython.display import HTML, Markdown, clear_output, display\n"
        "clear_output()\n"
        "handle = display(Markdown('*a*'), display_id=True)\n"
        "handle.update(Markdown('*b*'))\n"
        "display({'text/plain': 'row', 'text/html': '<i>row</i>'}, raw=True)\n"
        "IPython.display.publish_display_data({'text/html': '<i>told</i>'})\n"
        f"display(HTML('<b>{tmp_path}</b>'))"
    )
    forms = [one["forms"] for one in shown(code, tmp_path) if one["kind"] == "display"]
    assert [one.get("text/markdown") for one in forms] == ["*a*", "*b*", None, None, None]
    assert [one.get(HTML) for one in forms] == [None, None, "<i>row</i>", "<i>told</i>", "<b>.</b>"]
    assert IPython.display.display is before
    assert capsys.readouterr().out.splitlines()[2] == "row"


def test_a_result_of_an_inner_cell_is_found_among_all_statements(tmp_path: Path) -> None:
    theirs = [
        {"cell": cell, "kind": RESULT, "forms": {PLAIN: text}} for cell, text in ((1, "a 5"), (3, "b 7"))
    ]
    stage = ImportedStage(id="s", cells=(1, 2, 3))
    ran = Ran(displays=theirs)

    def found(*texts: str) -> list[str | None]:
        mine = [{"cell": 0, "kind": RESULT, "forms": {PLAIN: text}} for text in texts]
        rows = _results(stage, ran, {"displays": mine, "shown": texts[-1] if texts else None})
        return [other and other["forms"][PLAIN] for _, _, other in rows]

    assert found("x", "a 5", "y", "b 7") == ["a 5", "b 7"]
    assert found("x", "a 6", "y", "b 7") == ["a 6", "b 7"]
    assert found("a 5", "b 8") == ["a 5", "b 8"]
    assert found("a 5") == ["a 5", None]
    assert found() == [None, None]


def test_a_value_without_end_is_told_by_a_digest_too(tmp_path: Path) -> None:
    long = Displays(tmp_path)
    long.see("x" * 150_000 + "a", RESULT)
    long.see("x" * 150_000 + "b", RESULT)
    assert long.found[0]["forms"] != long.found[1]["forms"]


ODD = """
class Pretty:
    def __init__(self, number):
        self.number = number
    def __repr__(self):
        return "Odd"
    def _repr_pretty_(self, printer, cycle):
        with printer.group(2, "Pretty(", ")"):
            printer.breakable()
            printer.pretty(self.number)
class Itself:
    def __init__(self, number):
        self.number = number
    def __repr__(self):
        return "Odd"
    def _ipython_display_(self):
        print("number", self.number)
        display(self.number)
"""


@pytest.mark.parametrize("kind", ["Pretty", "Itself"])
@pytest.mark.parametrize("within", ["{}", "display({})", "({})\n7"])
def test_an_object_with_a_hook_of_ipythons_is_told_by_what_it_says(
    kind: str, within: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    found = [shown(ODD + within.format(f"{kind}({number})"), tmp_path)[0] for number in (3, 3, 4)]
    assert judged_shown(*found[:2]) == (True, "")
    equal, why = judged_shown(*found[1:])
    assert equal is False
    assert "3" in why
    assert "4" in why
    assert "number" not in capsys.readouterr().out, "it is told where it is compared"


def test_what_holds_an_object_with_another_text_is_told_by_it_too() -> None:
    space: dict[str, Any] = {}
    execute(ODD, "<stage>", space)
    one = forms_of({"a": [space["Pretty"](3)]})
    assert one == {"_repr_pretty_": "{'a', [Pretty( 3), ], }"}
    assert forms_of({"a": [3]}) == {}


def test_a_stage_lets_an_object_show_itself(capsys: pytest.CaptureFixture[str]) -> None:
    execute(ODD + "display(Itself(5))", "<stage>", {"display": display})
    assert capsys.readouterr().out.splitlines() == ["number 5", "5"]


def _row(numbers: range, folder: Path, cells: int = 1) -> list[dict[str, Any]]:
    displays = Displays(folder)
    for number in numbers:
        displays.see(Bundle({HTML: f"<b>{number}</b>"}), DISPLAY, number * cells // len(numbers))
    return displays.found


def test_displays_are_told_by_the_cell_and_beyond_all_bounds_counted(tmp_path: Path) -> None:
    stage = ImportedStage(id="s", cells=(0, 1))
    several = _row(range(TOLD + 2_000), tmp_path, cells=2)
    assert len(several) == TOLD + 2_000, "of each cell as many"
    assert {one["kind"] for one in several} == {DISPLAY}
    one = _row(range(TOLD + 2_000), tmp_path)
    assert one[-1] | {"cell": 0} == {"cell": 0, "kind": MORE, "forms": {}, "number": 2_000}
    theirs, mine, why = _displayed(stage, Ran(displays=several), {"displays": one})
    assert (len(theirs), len(mine)) == (TOLD, TOLD)
    assert why == f"only the first {TOLD:,} of {TOLD + 2_000:,} displays are compared"
    fewer = _row(range(TOLD + 1_999), tmp_path)
    theirs, mine, why = _displayed(stage, Ran(displays=several), {"displays": fewer})
    assert (len(theirs) == len(mine), why) == (False, "")


def test_a_form_that_is_told_whole_is_held_against_one_that_is_a_digest(tmp_path: Path) -> None:
    text = "x" * (LONGEST // 2)
    assert len(text) * (WHOLE // 2) > ALL, "so that letters run out first"
    displays = Displays(tmp_path)
    for _ in range(WHOLE // 2):
        displays.see(Bundle({HTML: text}), DISPLAY)
    displays.see(Bundle({HTML: f"{text}y"}), DISPLAY)
    first, *_, last, other = displays.found
    assert len(last["forms"][HTML]) < 100 < len(first["forms"][HTML])
    assert judged_shown(first, last) == (True, "")
    assert judged_shown(first, other)[0] is False
    assert to_one_length(text, cut(text, 0))[0] == to_one_length(text, cut(text, 0))[1]


def test_what_a_library_shows_by_itself_is_told_apart() -> None:
    html = {"cell": 0, "kind": DISPLAY, "forms": {HTML: "<b>"}}
    theirs = [html, html | {"by": "plotly"}]
    stage = ImportedStage(id="s", cells=(0,))
    assert _displayed(stage, Ran(displays=theirs), {"displays": [html]}) == (
        [html],
        [html],
        "what plotly shows by itself, in Jupyter otherwise than in a stage",
    )
    assert _displayed(stage, Ran(displays=theirs), {"displays": theirs}) == (theirs, theirs, "")
    theirs, mine, why = _displayed(stage, Ran(displays=[html, html]), {"displays": [html]})
    assert (len(theirs), len(mine), why) == (2, 1, ""), "what a cell shows counts"
