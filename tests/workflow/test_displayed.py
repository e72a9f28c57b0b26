"""What code shows, in every form that it has: told alike by a notebook's kernel and by a stage."""

from __future__ import annotations

import importlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from agi_node.asked import HTML, PLAIN, asked
from agi_node.displayed import (
    ALL,
    DISPLAY,
    MORE,
    RESULT,
    TOLD,
    WHOLE,
    Displays,
    display,
    inner_result,
    result,
    watch,
)
from agi_node.forms import LONGEST, Bundle, ask, cut, forms_of, to_one_length
from agi_node.script import execute
from agilab.contracts.notebook_import import ImportedStage
from agilab.workflow.notebooks.kernel import Ran
from agilab.workflow.notebooks.showing import (
    _displayed,
    _ends_with_folders,
    _ends_with_magic,
    _results,
    judged_shown,
)

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
        result(execute(code, "<stage>", space, inner_result))
    return displays.found


def test_a_text_with_which_a_stage_begins_is_its_docstring_and_is_shown(tmp_path: Path) -> None:
    code = '"""A title"""\n\n\nfrom __future__ import annotations\nsaid = __doc__\nsaid'
    assert [one["forms"][PLAIN] for one in shown(code, tmp_path)] == ["'A title'", "'A title'"]
    assert [one["forms"][PLAIN] for one in shown('"""A title"""', tmp_path)] == ["'A title'"]


def test_an_object_shows_itself_in_each_form_that_it_has(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (one,) = shown(FORMS + "Card(3)", tmp_path)
    assert one["forms"] == {
        PLAIN: "Card",
        HTML: "<b id='id-1'>3</b>",
        "application/json": '{"number": 3}',
        # printf '\\x03' | sha256sum
        "image/png": "#084fed08b978af4d7d196a7446a86b58009e636b611db16211b65a9aadff29c5",
    }
    assert "ValueError: no formula" in capsys.readouterr().err, "as in Jupyter"
    (other,) = shown(FORMS + "Card(4)", tmp_path)
    assert judged_shown(one, one) == (True, "")
    equal, why = judged_shown(one, other)
    assert equal is False
    assert why.startswith("application/json: line 1: '{\"number\": 3}' in the notebook")


def forms(bundle: dict[str, Any]) -> dict[str, str]:
    return forms_of(Bundle(bundle), ask(Bundle(bundle)))


def test_names_of_elements_count_for_nothing_and_what_they_name_does() -> None:
    one = forms({HTML: "<style>#T_a1 td.x {color: red}</style><td id='T_a1'>T_a12</td>"})
    same = forms({HTML: "<style>#T_b2 td.x {color: red}</style><td id='T_b2'>T_a12</td>"})
    other = forms({HTML: "<style>#T_b2 td.x {color: blue}</style><td id='T_b2'>T_a12</td>"})
    assert one == same != other
    assert "T_a12" in one[HTML], "that is another word"


def test_each_expression_that_stands_alone_is_told_and_what_code_does_is_as_before(tmp_path: Path) -> None:
    code = '"""About it."""\nn = 1\nn + 1\nxs = [n]\nxs\nxs.append(2)\nprint(n)\nxs;'
    assert [one["forms"][PLAIN] for one in shown(code, tmp_path)] == ["'About it.'", "2", "[1]", "[1, 2]"]
    space: dict[str, Any] = {}
    assert execute(code + "\nxs", "<stage>", space, lambda value, ends: None) == [1, 2]
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


COUNTING = """
from IPython.display import display
class Report:
    asked = 0
    def __init__(self, name):
        self.said = []
    def __repr__(self):
        self.said.append("text")
        return "report"
    def _repr_html_(self):
        self.said.append("html")
        return "<b>report</b>"
    def _repr_mimebundle_(self, include, exclude):
        self.said.append("bundle")
        return {"text/markdown": "**report**"}
    def add(self):
        return self
one, two, three, four, five = map(Report, range(5))
one.add()
one


display(two)
two;


three.add();

four.add()  # it stands alone, and a notebook may end there


# as may this one
four


{"five": five}
"""


@pytest.mark.parametrize("compared", [True, False])
def test_an_own_object_is_asked_as_often_as_in_jupyter_compared_or_not(
    compared: bool, tmp_path: Path
) -> None:
    from IPython.core.formatters import DisplayFormatter

    space: dict[str, Any] = {"__name__": "__main__"}
    with watch(tmp_path, wanted=compared):
        result(execute(COUNTING, "<stage>", space, inner_result))
    jupyter = space["Report"](0)
    DisplayFormatter().format(jupyter)
    assert sorted(jupyter.said) == ["bundle", "html", "text"]
    assert [space[name].said for name in ("one", "two", "three")] == [jupyter.said, jupyter.said, []]
    assert space["four"].said == jupyter.said * 2
    assert space["five"].said == ["text"], "as part of another text"


def test_objects_of_libraries_are_asked_only_where_that_is_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "class Table:\n    asked = 0\n    def _repr_html_(self):\n        Table.asked += 1\n"
    for folder, name in (("site-packages", "installed_table"), ("own", "own_table")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / f"{name}.py").write_text(text)
        monkeypatch.syspath_prepend(tmp_path / folder)
    installed_table, own_table = map(importlib.import_module, ("installed_table", "own_table"))
    code = "installed()\n\n\nown()\n\n\ndisplay(installed())\ndisplay(own())\nown()"
    space = {"installed": installed_table.Table, "own": own_table.Table, "display": display}
    for compared, expected in ((False, [0, 3]), (True, [2, 6])):
        with watch(tmp_path, wanted=compared):
            result(execute(code, "<stage>", space, inner_result))
        assert [installed_table.Table.asked, own_table.Table.asked] == expected


ASKED = """
class Bare: pass
class Base:
    def __repr__(self): return "base"
class Bundled(Base):
    def _repr_mimebundle_(self, include=None, exclude=None): return {"text/plain": "own", "text/html": "b"}, {}
    def _repr_html_(self): raise AssertionError("the bundle has it")
    def _repr_png_(self): return b"1", {"width": 3}
class Strict(Base):
    def _repr_mimebundle_(self): return {"text/html": "no"}
    def _repr_markdown_(self): return "*a*"
class Wrong(Base):
    def _repr_html_(self): return 5
    def _repr_json_(self): return {"a": 1}
    def _repr_latex_(self): raise NotImplementedError
    def _repr_svg_(self): raise KeyError("gone")
class Proxy(Base):
    def __getattr__(self, name): return lambda *a, **k: "anything"
class Lazy(Base):
    def __getattr__(self, name):
        if name == "_repr_html_": return lambda: "<i>"
        raise AttributeError(name)
class Broken:
    def __repr__(self): raise ValueError("no text")
    def _repr_html_(self): return "<p>"
class Kept(Base):
    _repr_html_ = None
own = Base()
own._repr_markdown_ = lambda: "*own*"
odd = [Bundled(), Strict(), Wrong(), Proxy(), Lazy(), Broken(), Kept(), own, Bundled, 3, "text", [own], {"a": own}]
"""


@pytest.mark.filterwarnings("ignore::IPython.core.formatters.FormatterWarning")
def test_a_value_says_what_it_says_to_ipython(tmp_path: Path) -> None:
    from IPython.core.formatters import DisplayFormatter

    formatter = DisplayFormatter()
    formatter.formatters[PLAIN].pprint = False
    space: dict[str, Any] = {}
    execute(ASKED, "<stage>", space)
    for value in space["odd"]:
        for wanted in (
            {},
            {"include": [PLAIN]},
            {"exclude": [HTML]},
            {"include": [HTML, PLAIN], "exclude": [PLAIN]},
        ):
            assert asked(value, **wanted) == formatter.format(value, **wanted)[0], (type(value), wanted)


def test_a_chart_that_a_notebook_shows_by_itself_prints_no_text_where_that_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code = """
class Figure:  # as those of Plotly
    def __repr__(self): return "Figure()"
    def to_plotly_json(self): return {"y": [1, 4]}
    def to_json(self): return '{"y":[1,4]}'
    def _ipython_display_(self): raise AssertionError("not in a stage")
display(Figure())
"""
    (one,) = shown(code, tmp_path)
    assert one["forms"] == {PLAIN: "Figure()", "application/vnd.plotly.v1+json": '{"y":[1,4]}'}
    assert capsys.readouterr().out == ""
    execute(code, "<stage>", {"display": display})
    assert capsys.readouterr().out == "Figure()\n"


def test_a_handle_shows_below(capsys: pytest.CaptureFixture[str]) -> None:
    code = "handle = display('first', display_id='here')\nhandle.update('second')\n"
    code += "display({'text/plain': 'raw'}, raw=True)\ndisplay('hidden', include=['text/html'])"
    execute(code, "<stage>", {"display": display})
    assert capsys.readouterr().out.splitlines() == ["'first'", "'second'", "raw"]


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
    one = ask({"a": [space["Pretty"](3)]})
    assert one == {PLAIN: "{'a': [Odd]}", "_repr_pretty_": "{'a', [Pretty( 3), ], }"}
    assert ask({"a": [3]}) == {PLAIN: "{'a': [3]}"}


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


@pytest.mark.parametrize(
    "text",
    [
        "x = 1\n!ls",
        "!python make.py \\\n   in.txt; \\\n   ls",
        "!ls\n\n# done",
        "%%bash\nls\n",
        "%time f( \\\n  1)",
    ],
)
def test_a_cell_may_end_with_a_line_of_the_shell_that_goes_on_below_it(text: str) -> None:
    assert _ends_with_magic(text)
    assert not _ends_with_magic(f"{text.removeprefix('%%')}\nx \\\n  + 1")


@pytest.mark.parametrize("line", ["%pushd data", "%pwd", "%dirs  \n"])
def test_a_folder_that_a_magic_shows_at_the_end_of_a_cell_no_stage_shows(line: str) -> None:
    assert _ends_with_folders(f"x = 1\n{line}")
    assert not _ends_with_folders(f"{line}\nx")
    assert not _ends_with_folders(f"y = {line}")


def test_a_magic_that_an_own_module_makes_is_a_function_where_there_is_no_kernel(tmp_path: Path) -> None:
    """IPython's decorators look for a kernel; what is in their place comes when somebody imports them, not before."""
    (tmp_path / "own_magics.py").write_text(
        "from IPython.core.magic import register_cell_magic, register_line_magic\n"
        "from IPython.display import display\n"
        "@register_cell_magic\ndef twice(line, cell):\n    return 2 * cell\n"
        "@register_line_magic('short')\ndef long(line):\n    return line\n"
    )
    code = (
        "import sys\n"
        f"sys.path.insert(0, {str(tmp_path)!r})\n"
        "from agi_node import displayed\n"
        "from pathlib import Path\n"
        f"with displayed.watch(Path({str(tmp_path)!r}), wanted=False):\n"
        "    assert not any(name.startswith('IPython') for name in sys.modules)\n"
        "    import own_magics\n"
        "    assert own_magics.display is displayed.display\n"
        "    print(own_magics.twice('', 'ab'), own_magics.long('x'))\n"
        "import IPython.display, IPython.core.magic\n"
        "assert IPython.display.display is not displayed.display\n"
        "assert IPython.core.magic.register_cell_magic is not own_magics.register_cell_magic\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "abab x\n"), done.stderr
