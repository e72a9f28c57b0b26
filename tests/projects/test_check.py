"""`agilab app check`: a sound app passes, and an app broken on purpose in one way fails in that way alone."""

from __future__ import annotations

import io
import json
import shutil
import struct
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image
from tests.projects.conftest import write_app

from agilab.projects.check import check_app, looks, made
from agilab.projects.check_artifacts import png_problem, svg_problem
from agilab.projects.check_case import Case, Check
from agilab.projects.discover import find_app
from agilab.projects.request import Faces
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = pytest.mark.xdist_group("app_check")
TEMPLATES = Path(__file__).parents[2] / "src/agilab/templates"
Copy = Callable[..., Path]
Examine = Callable[..., dict[str, Check]]


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    """A template of one's own, to be broken."""

    def of(name: str = "mycode") -> Path:
        return Path(shutil.copytree(TEMPLATES / f"{name}_project", tmp_path / "apps" / f"{name}_project"))

    return of


@pytest.fixture
def examine(workspace: Workspace) -> Iterator[Examine]:
    """Makes the named checks, and those before them that they need unless there is a case that has had them."""
    cases: list[Case] = []

    def of(folder: Path, *names: str, thorough: bool = False, case: Case | None = None) -> dict[str, Check]:
        case = case or Case(find_app(str(folder), workspace), workspace, Faces(), True, thorough, 2)
        cases.append(case)
        known = case.prepared is not None
        found: dict[str, Check] = {}
        for name, look in looks():
            if name in names or not known:
                found[name] = made(name, look, case)
            if names and found.keys() >= set(names):
                break
        return {name: found[name] for name in names} if names else found

    yield of
    for one in cases:
        one.closing.close()


@pytest.fixture
def edit() -> Callable[[Path, str, str], None]:
    """Replaces a text that has to be there."""

    def within(path: Path, old: str, new: str) -> None:
        text = path.read_text(encoding="utf-8")
        assert old in text
        path.write_text(text.replace(old, new), encoding="utf-8")

    return within


Edit = Callable[[Path, str, str], None]


def failed(checks: dict[str, Check]) -> dict[str, str]:
    return {name: check.evidence for name, check in checks.items() if check.verdict == "failed"}


# -- the whole -----------------------------------------------------------------------------------------------


@pytest.mark.journey
def test_a_sound_app_passes_every_check_and_its_run_says_that_it_was_a_check(
    copy: Copy, workspace: Workspace
) -> None:
    heard: list[str] = []
    checked = check_app(
        str(copy()), workspace, thorough=True, offline=True, heard=lambda check: heard.append(check.name)
    )
    assert checked.passed, checked.to_plain()
    assert [check.name for check in checked.checks] == heard == [name for name, _ in looks()]
    assert [check.name for check in checked.checks if check.verdict == "skipped"] == ["data card"]
    with Store(workspace) as store:
        notes = [event.data["text"] for event in store.events(str(checked.run_id), kinds=("note_added",))]
    assert notes == ["a check of mycode_project (agilab app check)"]
    assert json.loads(json.dumps(checked.to_plain()))["status"] == "succeeded"


@pytest.mark.journey
def test_an_app_of_one_function_has_nothing_to_plan_or_merge(copy: Copy, examine: Examine) -> None:
    checks = examine(copy("simple"))
    assert not failed(checks)
    skipped = {name for name, check in checks.items() if check.verdict == "skipped"}
    assert skipped == {"plan", "reduce", "identity", "grouping", "order", "workers"}


# -- the folder ----------------------------------------------------------------------------------------------


def test_a_project_without_an_app_or_a_description(copy: Copy, examine: Examine, edit: Edit) -> None:
    app = copy()
    edit(app / "pyproject.toml", 'version = "0.1.0"\n', "")
    assert failed(examine(app, "project")) == {"project": "[project] of pyproject.toml lacks version"}
    edit(app / "pyproject.toml", 'app = "mycode:app"\n', "")
    (check,) = examine(app, "project").values()
    assert check.evidence == "pyproject.toml has no [tool.agilab] app"
    assert 'app = "module:object"' in check.mend


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (None, "there is no README.md"),
        ("  \n", "README.md is empty"),
        ("# mine\nIt is fine.\n", "has no command to copy"),
        ("`agilab run mine`\n\n![the result](docs/result.png)", "leads to docs/result.png"),
        ('`agilab run mine`\n\n<img width="3" src="one.svg">', "leads to one.svg"),
    ],
)
def test_a_readme_that_helps_nobody(copy: Copy, examine: Examine, text: str | None, told: str) -> None:
    app = copy()
    (app / "README.md").unlink() if text is None else (app / "README.md").write_text(text)
    assert told in failed(examine(app, "readme"))["readme"]


def test_links_to_the_web_and_to_what_is_there_are_fine(copy: Copy, examine: Examine) -> None:
    app = copy()
    links = (
        "[a](https://example.org/x.png) [b](#below) [c](src/mycode/function.py#L1) [d](mailto:me@example.org)"
    )
    (app / "README.md").write_text(f"`agilab run mine` {links}\n")
    assert examine(app, "readme")["readme"].verdict == "passed"


@pytest.mark.parametrize(
    ("card", "told"),
    [
        (None, "there is no data/README.md"),
        ("Source: me. Units: m.", "does not say its licence"),
        ("Licence: MIT. Source: me.", "does not say units"),
        ("License: MIT, unit: m", "does not say its source"),
    ],
)
def test_data_without_a_card_that_says_what_they_are(
    copy: Copy, examine: Examine, card: str | None, told: str
) -> None:
    app = copy()
    assert examine(app, "data card")["data card"].verdict == "skipped"
    (app / "data").mkdir()
    (app / "data/tides.csv").write_text("1\n")
    if card is not None:
        (app / "data/README.md").write_text(card)
    assert told in failed(examine(app, "data card"))["data card"]


@pytest.mark.slow
def test_a_lock_that_is_stale_or_not_there(copy: Copy, examine: Examine, edit: Edit) -> None:
    app = copy()
    assert examine(app, "lock")["lock"].verdict == "passed"
    edit(app / "pyproject.toml", '"pydantic>=2.9"', '"pydantic>=99"')
    assert "AGI-ENV-004 uv.lock of mycode-project does not match" in failed(examine(app, "lock"))["lock"]
    (app / "uv.lock").unlink()
    (check,) = examine(app, "lock").values()
    assert "AGI-ENV-003" in check.evidence
    assert check.mend.startswith("uv lock")


# -- its code ------------------------------------------------------------------------------------------------


@pytest.mark.journey
def test_code_that_cannot_be_imported_fails_and_what_needs_it_is_skipped(
    copy: Copy, examine: Examine, edit: Edit
) -> None:
    app = copy()
    edit(app / "src/mycode/__init__.py", "from .function import my_function", "from .gone import my_function")
    checks = examine(app)
    assert "mycode.gone" in failed(checks)["install"]
    assert list(failed(checks)) == ["install"]
    after = [check for name, check in checks.items() if name in ("plan", "run", "reduce", "paths", "workers")]
    assert {check.verdict for check in after} == {"skipped"}


@pytest.fixture
def installed(copy: Copy, workspace: Workspace) -> Case:
    """A sound app, installed, whose folder may then be changed."""
    case = Case(find_app(str(copy()), workspace), workspace, Faces(), True, False, 2)
    for name, look in looks():
        if name in ("install", "settings"):
            assert made(name, look, case).verdict == "passed"
    return case


@pytest.mark.journey
def test_saved_arguments_that_the_app_would_refuse(installed: Case, examine: Examine) -> None:
    path = installed.app.settings
    for line, told in {
        "pionts = 5": "AGI-ARGS-010 mycode_project has no argument pionts",
        "points = 1": "AGI-ARGS-012 the value of points is not allowed",
        "low = 7.0": "AGI-ARGS-002 arguments of mycode: the value is not allowed",
        "points = ": "cannot be read",
    }.items():
        path.write_text(f'schema = "agilab.app_settings.v2"\n[args]\n{line}\n')
        found = failed(examine(installed.app.folder, "settings", case=installed))
        assert told in found["settings"] or "app_settings.toml" in found["settings"], found


@pytest.mark.journey
@pytest.mark.parametrize(
    ("edges", "told"),
    [
        ("plan -> work -> reduce; publish;", "reduce -> publish is not in the picture"),
        ("plan -> work -> publish; reduce;", "it shows work -> publish, which is not so"),
        ("plan -> work -> reduce;", "publish is not in the picture"),
        ("plan -> work -> reduce -> publish -> plan;", "it shows publish -> plan, which is not so"),
        ("plan -> work -> reduce -> publish", None),
        ("data -> plan -> { work } -> sums -> reduce -> publish -> page", None),
        ("plan -> work -> reduce -> ", "line 1: this is no directed graph"),
    ],
)
def test_a_picture_is_held_against_what_the_app_says_of_itself(
    installed: Case, examine: Examine, edges: str, told: str | None
) -> None:
    (installed.app.folder / "pipeline_view.dot").write_text(f"digraph mine {{ {edges} }}")
    check = examine(installed.app.folder, "pipeline view", case=installed)["pipeline view"]
    assert check.verdict == ("failed" if told else "passed"), check
    assert (told or "as the app says") in check.evidence


@pytest.mark.journey
def test_a_picture_of_a_step_that_the_app_has_not(copy: Copy, examine: Examine, edit: Edit) -> None:
    app = copy("simple")
    edit(app / "pipeline_view.dot", "publish [", "work -> publish; publish [")
    assert "it shows work, which the app has not" in failed(examine(app, "pipeline view"))["pipeline view"]


# -- its plan and its run ------------------------------------------------------------------------------------


APP = '''
"""One of many."""
{imports}
from agi_node import App, Args, Distinct, Merge, Partial, Sum, WorkItem

class Found(Partial):
    n: Sum[int] = 0
{fields}

app = App("demo", args=Args, partial=Found)

@app.plan
def plan(args):
    for n in range(6):
        yield {item}

@app.work
def work(n: int, args, run):
    {work}
    return Found(n=1{given})

@app.publish
def publish(found, run):
    {publish}
'''


def demo(folder: Path, **parts: str) -> Path:
    """A small app, whole or with something wrong in one of its parts."""
    usual = {"item": 'WorkItem(f"k{n}", n)', "work": "pass", "publish": "pass"}
    empty = dict.fromkeys(("imports", "fields", "given"), "")
    return write_app(folder / "demo_project", APP.format(**empty | usual | parts))


@pytest.mark.journey
@pytest.mark.parametrize(
    ("item", "told"),
    [
        ('WorkItem("same", n)', "AGI-RUN-105 the plan of demo yielded one key twice"),
        ('WorkItem(f"k{n}", n, cost=float("inf"))', "AGI-RUN-106"),
        ('WorkItem(f"k{n}", random.random())', "asked twice it planned differently: 'k0' then 'k0'"),
        ("from ()", "its sample has no items"),
    ],
)
def test_a_plan_that_nothing_can_be_built_on(tmp_path: Path, examine: Examine, item: str, told: str) -> None:
    checks = examine(demo(tmp_path, imports="import random", item=item), "install", "plan")
    assert checks["install"].verdict == "passed"
    assert told in failed(checks)["plan"]


@pytest.mark.journey
def test_a_unit_that_raises(tmp_path: Path, examine: Examine) -> None:
    checks = examine(demo(tmp_path, work='raise ValueError("the gauge is dry")'))
    assert list(failed(checks)) == ["project", "readme", "pipeline view", "run"]
    assert "the gauge is dry" in checks["run"].evidence
    assert checks["run"].mend.startswith("agilab runs show")
    assert checks["artifacts"].evidence == "its sample was not run to an end"


@pytest.mark.journey
def test_what_a_run_should_not_leave(tmp_path: Path, examine: Examine) -> None:
    """A check that failed, a picture of nothing, a table and JSON that are none, a path of this machine."""
    publish = """run.validate("tide is in", False, value=1, limit=2)
    run.save_figure("nothing", "<svg xmlns='http://www.w3.org/2000/svg'></svg>")
    (run.folder / "a.parquet").write_bytes(b"PAR1 no table PAR1")
    (run.folder / "b.json").write_text("{")
    run.log_artifact(run.folder / "a.parquet")
    run.log_artifact(run.folder / "b.json")
    run.save_json("where", {"folder": str(run.folder)})"""
    checks = examine(demo(tmp_path, publish=publish))
    assert set(failed(checks)) == {"project", "readme", "pipeline view", "own checks", "artifacts", "paths"}
    assert "1 of 6 failed: tide is in" in checks["own checks"].evidence
    told = checks["artifacts"].evidence
    assert "publish/nothing.svg: an SVG on which nothing is drawn" in told
    assert "publish/b.json: no JSON" in told
    assert "publish/a.parquet: ModuleNotFoundError" in told, (
        "there is no reader in an environment without one"
    )
    assert "artifacts/publish/where.json names a place of this machine: " in checks["paths"].evidence


@pytest.mark.journey
def test_a_table_is_read_where_it_was_written_and_changed_bytes_are_told(
    copy: Copy, examine: Examine, edit: Edit, workspace: Workspace
) -> None:
    app = copy("polars")
    edit(
        app / "src/polars_app/__init__.py",
        'run.save_table("all_days", days)',
        'run.save_table("all_days", days); p = run.folder / "cut.parquet"; '
        "days.write_parquet(p); p.write_bytes(p.read_bytes()[:900]); run.log_artifact(p)",
    )
    case = Case(find_app(str(app), workspace), workspace, Faces(), True, False, 2)
    told = failed(examine(app, "own checks", "artifacts", case=case))
    assert list(told) == ["artifacts"]
    assert "publish/cut.parquet: ComputeError" in told["artifacts"]
    with Store(workspace) as store:
        (row,) = [row for row in store.artifacts(str(case.run_id)) if row.name == "all_days"]
        path = store.objects.path(row.digest)
    whole = path.read_bytes()
    path.chmod(0o644)
    path.write_bytes(whole[:-1] + b"?")
    told = failed(examine(app, "artifacts", case=case))
    path.write_bytes(whole)  # the workspace is every test's
    path.chmod(0o444)
    assert "has other bytes than its digest says" in told["artifacts"]


# -- the laws ------------------------------------------------------------------------------------------------


@pytest.mark.journey
def test_each_law_that_a_merge_breaks_is_told_by_its_field(tmp_path: Path, examine: Examine) -> None:
    """Three merges, each of which breaks one law and keeps the others."""
    fields = """
    one_more: Annotated[int, Merge(lambda a, b: a + b + 1, identity=0)] = 0
    distance: Annotated[int, Merge(lambda a, b: abs(a - b), identity=0)] = 0
    earliest: Annotated[str, Merge(lambda a, b: a or b, identity="")] = "" """
    given = ', one_more=n, distance=n * n, earliest=f"unit {n}"'
    app = demo(tmp_path, imports="from typing import Annotated", fields=fields, given=given)
    checks = examine(app, "reduce", "identity", "grouping", "order")
    assert checks["reduce"].verdict == "passed", "the reduce merges in a fixed order, lawful or not"
    told = failed(checks)
    assert "changes a partial: one_more is 0, then 1" in told["identity"]
    assert "merge to another result: distance is" in told["grouping"]
    assert 'the other way round: earliest is "unit 0", then "unit 1"' in told["order"]


@pytest.mark.journey
def test_a_merge_of_floats_that_rounds_is_lawful_and_a_mean_is_not(tmp_path: Path, examine: Examine) -> None:
    imports, given = "from typing import Annotated", ", level=n / 7 + 0.1"
    fields = "    level: Annotated[float, Merge(lambda a, b: a + b, identity=0.0)] = 0.0"
    sums = examine(demo(tmp_path / "1", imports=imports, fields=fields, given=given), "grouping", "order")
    assert not failed(sums)
    assert "up to rounding" in sums["grouping"].evidence
    mean = fields.replace("a + b,", "(a + b) / 2,")
    means = examine(demo(tmp_path / "2", imports=imports, fields=mean, given=given), "grouping", "order")
    assert "level is" in failed(means)["grouping"]


@pytest.mark.journey
def test_chance_in_a_merge_and_a_worker_in_a_partial(
    tmp_path: Path, examine: Examine, edit: Edit, workspace: Workspace
) -> None:
    fields = """
    luck: Annotated[float, Merge(lambda a, b: a + b + random.random(), identity=0.0)] = 0.0
    workers: Distinct[int] = frozenset()"""
    imports = "import os, random\nfrom typing import Annotated"
    app = demo(tmp_path, imports=imports, fields=fields, given=", workers={os.getpid()}")
    case = Case(find_app(str(app), workspace), workspace, Faces(), True, True, 2)
    told = failed(examine(app, "own checks", "reduce", "workers", case=case))
    assert "merging the 6 recorded partials again gives another state" in told["reduce"]
    assert "the payload of run" in told["workers"]
    assert "(2 workers) differs from that of" in told["workers"]
    edit(app / "src/demo/__init__.py", "One of many", "Another one")
    check = examine(app, "workers", case=case)["workers"]
    assert (check.verdict, check.evidence) == ("skipped", "somebody edited the app between the two runs")


# -- pictures ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "I;16"])
def test_a_png_of_one_colour_is_told_from_one_with_a_single_other_pixel(mode: str) -> None:
    image = Image.new(mode, (61, 47), 200 if mode in ("L", "I;16") else tuple([200] * len(mode)))
    assert png_problem(png(image)) == "a PNG of one colour"
    image.putpixel((60, 46), 9 if mode in ("L", "I;16") else tuple([9] * len(mode)))
    assert png_problem(png(image)) == ""


def png(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


@pytest.mark.parametrize("kind", range(5))
@pytest.mark.parametrize("odd", [None, (0, 0), (3, 4)])
def test_every_filter_of_a_png_is_known(kind: int, odd: tuple[int, int] | None) -> None:
    """Rows filtered by the definitions of the specification, of a picture whose pixels are all but one the same."""
    width, height, each = 5, 4, 3
    rows = [[b"\x07\xc8\x91"] * width for _ in range(height)]
    if odd:
        rows[odd[0]][odd[1]] = b"\x08\xc8\x91"
    plain = [b"".join(row) for row in rows]
    packed = b"".join(bytes([kind]) + filtered(plain, at, kind, each) for at in range(height))
    data = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in (
            (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)),
            (b"IDAT", zlib.compress(packed)),
            (b"IEND", b""),
        )
    )
    with Image.open(io.BytesIO(data)) as image:  # the picture is what it was meant to be
        assert image.tobytes() == b"".join(plain)
    assert png_problem(data) == ("" if odd else "a PNG of one colour")


def filtered(rows: list[bytes], at: int, kind: int, each: int) -> bytes:
    row, above = rows[at], rows[at - 1] if at else bytes(len(rows[at]))
    out = []
    for i, byte in enumerate(row):
        a, b, c = (row[i - each], above[i], above[i - each]) if i >= each else (0, above[i], 0)
        p = a + b - c
        paeth = min((a, b, c), key=lambda x: abs(p - x))
        out.append((byte - [0, a, b, (a + b) // 2, paeth][kind]) & 255)
    return bytes(out)


def test_a_png_that_is_damaged_or_cut() -> None:
    whole = png(Image.effect_noise((30, 20), 50))
    assert png_problem(whole) == ""
    assert png_problem(whole[:-12]) == "a PNG that is cut short"
    assert "damaged at byte" in png_problem(whole[:60] + b"?" + whole[61:])
    assert png_problem(b"GIF89a") == "no PNG"


def test_an_svg_that_is_none() -> None:
    assert "no XML" in svg_problem(b"<svg")
    assert svg_problem(b"<html><p/></html>") == "no SVG but <html>"
    assert svg_problem(b'<svg xmlns="http://www.w3.org/2000/svg"><g><path d="M0 0"/></g></svg>') == ""
