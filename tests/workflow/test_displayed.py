"""What code shows, in every form that it has: told alike by a notebook's kernel and by a stage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from agi_node.displayed import HTML, PLAIN, RESULT, Bundle, Displays, display, forms_of, watch
from agi_node.script import execute
from agilab.contracts.notebook_import import ImportedStage
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.showing import _results, judged_shown

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
    with watch(folder, wanted=True, code=code) as displays:
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
        "from IPython.display import HTML, Markdown, clear_output, display\n"
        "clear_output()\n"
        "handle = display(Markdown('*a*'), display_id=True)\n"
        "handle.update(Markdown('*b*'))\n"
        "display({'text/plain': 'row', 'text/html': '<i>row</i>'}, raw=True)\n"
        f"display(HTML('<b>{tmp_path}</b>'))"
    )
    forms = [one["forms"] for one in shown(code, tmp_path) if one["kind"] == "display"]
    assert [one.get("text/markdown") for one in forms] == ["*a*", "*b*", None, None]
    assert [one.get(HTML) for one in forms] == [None, None, "<i>row</i>", "<b>.</b>"]
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
