"""Looking at a lab: what has changed in it, how it is drawn, how an old file becomes a new one."""

from __future__ import annotations

import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from agi_node.errors import AgiError
from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.projects.pipeline_view import read_view
from agilab.store.workspace import Workspace
from agilab.workflow.document.diff import compare
from agilab.workflow.document.locate import read_lab_file
from agilab.workflow.document.migrate import migrate, planned
from agilab.workflow.document.outcome import RunOutcome, StageOutcome
from agilab.workflow.document.resolve import resolve
from agilab.workflow.document.resolved import Resolved
from agilab.workflow.document.svg import svg
from agilab.workflow.document.versions import version
from agilab.workflow.document.view import dot, drawn
from agilab.workflow.judging.names import names_of
from agilab.workflow.judging.validate import validate

from .test_resolve import labs

CODE = "a = 1\nb = 2\nc = 3\nd = 4\ne = 5\n"
BASE = LabStages(
    lab=Lab(title="T", params={"x": 1}),
    stages=(
        Stage(id="load", code=CODE, outputs=("table",)),
        Stage(id="clean", code="x", inputs=("table",)),
        Stage(id="plot", code="y = table\nshow(y)\n", cache=True),
    ),
)


def changes(after: LabStages) -> list[tuple[str, str, str | None, bool, list[str]]]:
    return [
        (one.stage, one.kind, one.was, one.moved, [field.field for field in one.fields])
        for one in compare(BASE, after).stages
    ]


def test_nothing_is_no_difference() -> None:
    assert compare(BASE, BASE).same


def test_every_change_is_told_by_stage_and_field() -> None:
    load, _, plot = BASE.stages
    after = BASE.with_changes(
        lab=Lab(title="U", params={"x": 1}),
        stages=(
            plot,
            load.with_changes(id="read", outputs=("table", "rows")),
            Stage(id="new", code="z"),
        ),
    )

    assert changes(after) == [
        ("plot", "changed", "plot", True, []),
        ("read", "changed", "load", False, ["id", "outputs"]),
        ("new", "added", None, False, ["id", "code"]),
        ("clean", "removed", "clean", False, []),
    ]
    assert [one.field for one in compare(BASE, after).lab] == ["title"]


def test_code_is_told_line_by_line() -> None:
    after = BASE.with_changes(
        stages=(BASE.stages[0].with_changes(code=CODE.replace("e = 5", "e = 6")), *BASE.stages[1:])
    )

    ((change,),) = [one.fields for one in compare(BASE, after).stages]
    assert change.lines == ("@@ -3,3 +3,3 @@", " c = 3", " d = 4", "-e = 5", "+e = 6")


def test_what_a_run_wrote_back_counts_only_where_asked_for() -> None:
    last = {"run": "20261123-034412371-flight-7k3f2q", "status": "failed", "at": "2026-11-23T03:44:12Z"}
    after = BASE.with_changes(
        stages=(Stage.model_validate({**BASE.stages[0].plain(), "last_run": last}), *BASE.stages[1:])
    )

    assert compare(BASE, after).same
    assert [one.field for one in compare(BASE, after, runs=True).stages[0].fields] == ["last_run"]


def test_a_version_is_a_file_a_revision_or_a_runs_copy(tmp_path: Path) -> None:
    lab = tmp_path / "lab" / "lab_stages.toml"
    lab.parent.mkdir()
    lab.write_text('[[stages]]\nid = "a"\ncode = "1"\n')
    git = ["git", "-C", str(lab.parent), "-c", "user.name=A", "-c", "user.email=a@example.org"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "one"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    lab.write_text('[[stages]]\nid = "b"\ncode = "1"\n')
    workspace = Workspace(tmp_path / "home")
    run = "20261123-034412371-lab-7k3f2q"
    (workspace.home / "runs" / run).mkdir(parents=True)
    (workspace.home / "runs" / run / "lab_stages.toml").write_text('[[stages]]\nid = "c"\ncode = "1"\n')

    ids = [
        version(what, lab, workspace)[1].lab.stages[0].id for what in (str(lab), "HEAD", run, str(lab.parent))
    ]

    assert ids == ["b", "a", "c", "b"]
    for what in ("HEAD~1", "zzz", "--output=x", "last"):
        with pytest.raises(AgiError, match="there is no such version"):
            version(what, lab, workspace)


# -- pictures ---------------------------------------------------------------------------------------------------

NIGHTS = LabStages(
    stages=(
        Stage(id="load", title='Read "hours" & <days>', code="1", outputs=("hours", "cities")),
        Stage(id="each", code="1", inputs=("hours",), outputs=("warm",), foreach={"city": "cities"}),
        Stage(id="fit", code="1", inputs=("hours",), foreach={"m": (1, 2), "seed": (1, 2, 3)}),
        Stage(id="sum", app="meteo_forecast_project", inputs=("warm", "hours")),
        Stage(id="words", description="only text"),
        Stage(id="off", code="1", enabled=False),
    )
)


def found(lab: LabStages) -> Resolved:
    return resolve(lab, exists=lambda name: True)


def test_the_dot_file_is_read_back_as_the_stages_that_run() -> None:
    view = read_view(dot(found(NIGHTS), "Nights"))

    assert view.nodes == ("load", "each", "fit", "sum")
    assert set(view.edges) == {("load", "each"), ("load", "fit"), ("load", "sum"), ("each", "sum")}


def test_a_mapped_stage_is_one_box_that_says_what_it_is_run_for() -> None:
    text = dot(found(NIGHTS), "Nights")
    assert 'label = "each\\nfor each city of cities"' in text
    assert 'label = "fit\\n2 by 3 units: m, seed"' in text


def test_a_terminal_gets_boxes_as_far_as_they_fit_and_else_a_list() -> None:
    wide, narrow = (drawn(found(NIGHTS), width=width).lines for width in (120, 20))
    assert any("load: Read" in line for line in wide)
    assert all(len(line) <= 120 for line in wide)
    assert narrow[0] == 'load  Read "hours" & <days>'
    assert narrow[-1].strip().startswith("sum")
    assert drawn(found(NIGHTS), width=120, fancy=False).lines[0].lstrip().startswith("+")


def test_a_stage_that_calls_an_app_is_drawn_with_its_name_also_where_it_is_mapped() -> None:
    lab = LabStages(stages=(Stage(id="fly", app="flight_project", foreach={"day": (1, 2, 3)}),))
    assert 'label = "fly\\napp flight_project\\n3 units: day"' in dot(found(lab), "x")
    assert any("app flight_project" in line for line in drawn(found(lab), width=80).lines)
    assert ">app flight_project</text>" in svg(found(lab), "x")


def test_what_became_of_stages_is_part_of_the_picture_and_fits_a_terminal() -> None:
    outcomes = {
        "load": StageOutcome("succeeded", seconds=0.02),
        "each": StageOutcome("failed", 12, 14, 3.4, ("code",)),
        "fit": StageOutcome("reused", 6, 6),
        "sum": StageOutcome("upstream_failed"),
    }
    ran = RunOutcome("20261126-115757705-study-2jzvt2", "failed", 0, 4.2, outcomes, ("old",))
    for width, said in (
        (120, "✗ failed · 12 of 14 good · 3.4 s · changed since"),
        (80, "✗ failed · 12 of 14 · changed"),
    ):
        drawing = drawn(found(NIGHTS), width=width, ran=ran)
        assert all(len(line) <= width for line in drawing.lines)
        assert any(said in line for line in drawing.lines)
        spoken = {drawing.lines[one.line][one.start : one.end]: one.state for one in drawing.spans}
        assert spoken == {
            "✓ succeeded": "succeeded",
            "✗ failed": "failed",
            "↻ reused": "reused",
            "! upstream failed": "upstream_failed",
        }
    narrow = drawn(found(NIGHTS), width=20, ran=ran)
    assert narrow.lines[0].startswith("load  ✓ succeeded · 20 ms")
    assert {narrow.lines[one.line][one.start : one.end] for one in narrow.spans} == spoken.keys()
    assert all(line.isascii() for line in drawn(found(NIGHTS), width=120, fancy=False, ran=ran).lines)
    text = dot(found(NIGHTS), "Nights", ran)
    assert read_view(text).nodes == ("load", "each", "fit", "sum"), (
        "a picture of a run is still one of the stages"
    )
    assert "changed since that run: each (code)" in text
    assert "gone since that run: old" in text


USED = NIGHTS.with_changes(
    stages=tuple(
        one.with_changes(uses={"load": ("pd", "clean"), "off": ("gone",)})
        if one.id in ("each", "fit")
        else one
        for one in NIGHTS.stages
    )
)


def test_text_that_is_used_again_is_dotted_and_no_edge_of_the_flow() -> None:
    text = dot(found(USED), "Nights")
    assert '"load" -> "each" [style = dotted, arrowhead = vee, weight = 0, tooltip = "pd, clean"];' in text
    assert text.count("style = dotted") == 2, "what stands in a stage that does not run is not drawn"
    assert found(USED).edges == found(NIGHTS).edges
    flow = drawn(found(NIGHTS), width=120).lines
    assert drawn(found(USED), width=120).lines == (*flow, "", "load ┄┄ pd, clean ┄▷ each, fit")
    assert drawn(found(USED), width=120, fancy=False).lines[-1] == "load .. pd, clean .> each, fit"
    assert drawn(found(USED), width=24).lines[-2:] == ("load ┄┄ pd, clean ┄▷", "    each, fit")


FIRST = """
[[stages]]
id = "first"
code = "import math"
[[stages]]
id = "second"
outputs = ["root"]
uses = { first = ["math"] }
code = "root = math.sqrt(2)"
[[stages]]
id = "third"
inputs = ["root"]
code = "root"
"""


@pytest.mark.parametrize(
    ("picture", "wrong"),
    [
        ("first; second -> third", []),
        ("first -> second [style = dotted]; second -> third", []),
        ("first; second; third", ["second -> third is not in the picture"]),
        ("first -> third; second -> third", ["it shows first -> third, which is not so"]),
    ],
)
def test_a_picture_drawn_by_hand_may_show_who_uses_whose_text_or_not(
    picture: str, wrong: list[str], tmp_path: Path
) -> None:
    (tmp_path / "lab_stages.toml").write_text(FIRST)
    (tmp_path / "pipeline_view.dot").write_text(f"digraph d {{ {picture} }}")
    judged = validate(tmp_path / "lab_stages.toml", Workspace(tmp_path / "home"))
    assert [one.found for one in judged.findings if one.code.endswith("060")] == wrong
    (tmp_path / "pipeline_view.dot").write_text(dot(found(read_lab_file(judged.path).lab), "made"))
    again = validate(judged.path, Workspace(tmp_path / "home"))
    assert not [one for one in again.findings if one.code.endswith("060")], "what is made here is right"


def test_text_of_a_stage_that_comes_later_is_still_drawn_but_no_ring_of_it() -> None:
    late = LabStages(
        stages=(
            Stage(id="a", code="1", uses={"b": ("f",)}),
            Stage(id="b", code="1", needs=("a",), uses={"c": ("g",)}),
            Stage(id="c", code="1", uses={"b": ("h",)}),
        )
    )
    root = ElementTree.fromstring(svg(found(late), "x"))
    lines = [one.attrib["class"] for one in root.iter("{http://www.w3.org/2000/svg}path")]
    assert lines.count("edge") == 1
    assert lines.count("uses") == 1 + 1, "b of c, since c of b would close a ring; and the key"


def boxes(text: str) -> list[tuple[float, float, float, float]]:
    space = "{http://www.w3.org/2000/svg}"
    return [
        tuple(float(one.attrib[key]) for key in ("x", "y", "width", "height"))  # type: ignore[misc]  # four of them
        for one in ElementTree.fromstring(text).iter(f"{space}rect")
        if one.attrib["class"] == "box"
    ]


def test_the_svg_is_well_formed_names_every_stage_and_is_at_home_on_dark_pages() -> None:
    text = svg(found(NIGHTS), "Nights & days")
    root = ElementTree.fromstring(text)
    shown = [one.text for one in root.iter("{http://www.w3.org/2000/svg}text")]
    words = ["each", "for each city of cities", "fit", "2 by 3 units: m, seed", "sum"]
    words += ["app meteo_forecast_project", "an app"]
    assert sorted(map(str, shown)) == sorted(["load", 'Read "hours" & <days>', *words])
    assert "prefers-color-scheme: dark" in text
    assert "http" not in re.sub(r'xmlns="[^"]*"', "", text)


@pytest.mark.slow
@given(labs())
@settings(max_examples=100)
def test_in_any_picture_no_box_lies_over_another_and_all_lie_inside(lab: LabStages) -> None:
    plain = lab.with_changes(stages=tuple(one.with_changes(foreach={}) for one in lab.stages))
    resolved = resolve(plain, exists=lambda name: False)
    text = svg(resolved, "x")
    places = boxes(text)

    assert len(places) == len(resolved.order)
    width, height = map(float, re.search(r'viewBox="0 0 (\d+) (\d+)"', text).groups())  # type: ignore[union-attr]  # it is there
    for number, (x, y, w, h) in enumerate(places):
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height
        for x2, y2, w2, h2 in places[number + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y


# -- migration --------------------------------------------------------------------------------------------------

OLD = """# our flights
# since 2023
[__meta__]
schema = "agilab.lab_stages.v1"  # old
version = 1
owner = "ana"  # who

# ---- part one ----

# first of all
[[flight]]  # begins
D = "Load the tracks"
# what it does
C = '''
x = 1   # no comment
''' # end of code
produces = ["df", # one
  "b"] # outs
kind = "x" # kind

[[flight]]
id = "b"
Q = "q"
# bye
"""


def test_a_migration_keeps_every_comment_and_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text(OLD)

    preview = planned(path)
    assert path.read_text() == OLD
    done = migrate(preview)

    text = path.read_text()
    assert text == preview.text
    for comment in re.findall(r"#[^'\n]*", OLD.replace("# no comment", "")):
        assert comment.strip() in text
    lines = text.splitlines()
    assert 'schema = "agilab.lab_stages.v2"  # old' in lines
    assert lines[lines.index("code = '''") - 1] == "# what it does"
    assert "'''  # end of code" in lines
    assert 'outputs = ["df", "b"]  # outs' in lines
    assert 'kind = "x"  # kind' in lines
    assert done.backup == tmp_path / "lab_stages.toml.bak"
    assert done.backup.read_text() == OLD
    assert done.undo
    subprocess.run(shlex.split(done.undo), check=True)
    assert path.read_text() == OLD


def test_the_way_back_is_the_same_data_with_the_comments(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text(OLD)
    migrate(planned(path))

    back = planned(path, to="v1", output=tmp_path / "v1.toml")

    assert tomllib.loads(back.text) == tomllib.loads(OLD)
    assert "# what it does" in back.text
    assert migrate(back).backup is None
    assert read_lab_file(tmp_path / "v1.toml").dialect == "v1"


def test_backups_are_never_written_over(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    names = []
    for _ in range(3):
        path.write_text(OLD)
        names.append(migrate(planned(path)).backup)
    assert [one.name for one in names if one] == [f"lab_stages.toml.bak{end}" for end in ("", "2", "3")]


def test_a_file_of_that_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_text('[[stages]]\nid = "a"\ncode = "1"\n')
    with pytest.raises(AgiError, match="is of version 2 already"):
        planned(path)


# -- names ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("code", "needed"),
    [
        ("x = x + 1", "x"),
        ("x += 1", "x"),
        ("x = 1\nx += 1", ""),
        ("for i in range(n):\n    y = z\n    z = i", "n z"),
        ("def f(a):\n    return a + late + g()\ndef g(): return f(1)", ""),  # whoever calls it needs it
        ("def f(a):\n    return a + late + g()\ndef g(): return f(1)\nx = g", "late"),
        ("w = [k for k in ks if k > lim]", "ks lim"),
        ("with open(p) as h:\n    h.read()", "p"),
        ("try:\n    import q\nexcept ImportError as e:\n    print(e)\nq", ""),
        ("class A:\n    b = 1\n    c = b + d", "d"),
        ("await foo()", "foo"),
        ("if (n := 3) > 2:\n    n", ""),
        ("print(m := 1, m)", ""),
        ("match v:\n    case [a, *b]:\n        print(a, b, c)", "v c"),
        ("f = lambda a: a + zz", ""),  # likewise
        ("f = lambda a: a + zz\nx = f", "zz"),
        ("import os.path as p\np, os", "os"),
        ("global g\ng = 1\ng", ""),
        ("del x", ""),
        ("@deco\ndef f(a=dflt): pass", "deco dflt"),
        ("async with a as b:\n    b", "a"),
        ("run.log_metric('x', 1)\ndisplay(1)", ""),
        ("d[k] = v", "d k v"),
        ("while go:\n    go = step(go)", "go step"),
    ],
)
def test_names_that_must_come_from_outside(code: str, needed: str) -> None:
    assert set(names_of(code).needed) == set(needed.split())


@pytest.mark.parametrize("code", ["x = ", "return 1", "x = '\0'", "(" * 400, "print 1", "def f(:", "break"])
def test_what_is_no_python_is_a_syntax_error_and_nothing_else(code: str) -> None:
    with pytest.raises(SyntaxError):
        names_of(code)
