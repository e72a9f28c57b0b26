"""Names of apps, and what becomes of files under another one: pure functions, held against Python and uv."""

from __future__ import annotations

import ast
import keyword
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.envs import find_uv
from agilab.projects.discover import BUILT_IN
from agilab.projects.life.imports import reimported
from agilab.projects.life.names import LONGEST, Names, checked, is_name, suggestion
from agilab.projects.life.relock import relocked
from agilab.projects.life.rewording import Rewording
from agilab.projects.life.templates import TEMPLATES

SOURCES = sorted(Path(__file__).parents[2].glob("src/agilab/cli/*.py"))


# -- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "why", "better"),
    [
        ("Tides", "not on every system", "tides"),
        ("tide-gauge", "could not be imported", "tide_gauge"),
        ("2tides", "could not be imported", "app_2tides"),
        ("../tides", "could not be imported", "tides"),
        ("", "could not be imported", "my_app"),
        ("class", "a word of Python", "class_app"),
        ("match", "a word of Python", "match_app"),
        ("statistics", "one of Python's own", "statistics_app"),
        ("agi_node", "a meaning of its own", "agi_node_app"),
        ("x" * 33, "longer than 32", "x" * 32),
        ("polars", "would hide the package polars", "polars_app"),
        ("pydantic_core", "would hide the package pydantic_core", "pydantic_core_app"),
    ],
)
def test_a_name_that_no_app_can_have_is_refused_with_one_that_it_can(
    typed: str, why: str, better: str
) -> None:
    with pytest.raises(AgiError, match=f"AGI-APP-120.*{re.escape(why)}") as caught:
        checked(typed, packages=("polars", "pydantic-core"), command="agilab app new {}")
    assert caught.value.try_ == f"agilab app new {better}"


@given(st.text(max_size=60))
def test_every_suggestion_can_be_taken(text: str) -> None:
    name = suggestion(text)
    assert checked(name) == name
    assert name.isidentifier()
    assert not keyword.iskeyword(name)
    assert name not in sys.stdlib_module_names
    assert len(name) <= LONGEST
    new = Names.new(name)
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", new.project), "normalised as PEP 503 would"


@given(st.from_regex(r"[a-z][a-z0-9_]{0,12}(_project)?", fullmatch=True), st.booleans())
def test_renaming_back_gives_the_names_as_they_were(base: str, suffixed: bool) -> None:
    base = base.removesuffix("_project")
    if not is_name(base):
        return
    old = Names.new(base) if suffixed else Names(base, base.replace("_", "-"), base)
    assert old.renamed("waves").renamed(base) == old


# -- locks: uv is the oracle ---------------------------------------------------------------------------------


def names_in(lock: str) -> list[str]:
    return re.findall(r'(?m)^\[\[package\]\]\nname = "(.*)"$', lock)


LOCKS = [
    path
    for root in (BUILT_IN, TEMPLATES)
    for path in sorted(root.glob("*/uv.lock"))
    if (names := names_in(path.read_text(encoding="utf-8"))) == sorted(names)
]
"""As uv writes them; one in which somebody changed the name by hand is in another order."""


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.parent.name)
@pytest.mark.parametrize("new", ["aaa-project", "pydantic-b-project", "zzz-project"])
def test_a_lock_under_another_name_is_in_uvs_order_and_comes_back_as_it_was(path: Path, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    old = tomllib.loads((path.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]["name"]
    other = relocked(text, old, new)
    assert names_in(other) == sorted(new if name == old else name for name in names_in(text))
    assert relocked(other, new, old) == text


@pytest.mark.parametrize("new", ["aaa-project", "pydantic-b-project", "zzz-project"])
def test_uv_finds_nothing_to_change_in_a_lock_under_another_name(new: str, tmp_path: Path) -> None:
    project, lock = (
        (BUILT_IN / "flight_project" / name).read_text() for name in ("pyproject.toml", "uv.lock")
    )
    app = tmp_path / "apps" / "app"
    app.mkdir(parents=True)
    (tmp_path / "libraries").symlink_to(
        BUILT_IN.parent / "libraries"
    )  # where its local library is looked for
    (app / "pyproject.toml").write_text(project.replace("flight-project", new))
    for text, verdict in ((lock, 1), (relocked(lock, "flight-project", new), 0)):
        (app / "uv.lock").write_text(text)
        done = subprocess.run(
            [str(find_uv()), "lock", "--check", "--offline", "--python", sys.executable],
            cwd=app,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == verdict, done.stderr


def test_a_library_that_lies_elsewhere_now_is_spelled_so_in_the_lock() -> None:
    text = '[[package]]\nname = "a"\nsource = { directory = "../lib" }\nneeds = [{ name = "b", editable = "../lib" }]\n'
    assert relocked(text, "a", "a", {"../lib": "libraries/lib"}).count('"libraries/lib"') == 2


# -- Python: its own parser is the oracle --------------------------------------------------------------------

MODULES = ("sea", "gauge")
CASES = {
    "import tides": "import waves",
    "import os, tides.sea as s, tides": "import os, waves.sea as s, waves",
    "from tides import app\nfrom tides.sea import x": "from waves import app\nfrom waves.sea import x",
    "from . import tides": "from . import tides",
    "import tidesx\nfrom tides_more import a": "import tidesx\nfrom tides_more import a",
    "import tides\nprint(tides.sea.y)": "import waves\nprint(waves.sea.y)",
    "tides = 3\nprint(tides)": "tides = 3\nprint(tides)",
    "def f(tides):\n    return tides": "def f(tides):\n    return tides",
    "import tides as t\ntides = t": "import waves as t\ntides = t",
    'app = App("tides", args=A)': 'app = App("waves", args=A)',
    'app = App(name="tides")': 'app = App(name="waves")',
    'a = "tides"\nb = {"tides": 1}': 'a = "tides"\nb = {"tides": 1}',
    'x = "tides:app"\ny = "tides.sea.f"\nz = "tides.height"': 'x = "waves:app"\ny = "waves.sea.f"\nz = "tides.height"',
    'm = import_module("tides")': 'm = import_module("waves")',
    '"""Tides and tides.sea in a sentence."""': '"""Tides and tides.sea in a sentence."""',
    '# tides\né = 1; import tides; ü = "tides:app"': '# tides\né = 1; import waves; ü = "waves:app"',
    "if True:\n    from tides import (\n        a,\n    )": "if True:\n    from waves import (\n        a,\n    )",
    "def broken(:": "def broken(:",
}


@pytest.mark.parametrize(("before", "after"), CASES.items(), ids=range(len(CASES)))
def test_only_what_certainly_means_the_package_is_changed(before: str, after: str) -> None:
    found = reimported(before, "tides", "waves", modules=MODULES, names={"tides": "waves"})
    assert found == after
    assert reimported(found, "waves", "tides", modules=MODULES, names={"waves": "tides"}) == before


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_no_import_of_the_old_package_is_left_in_sources_that_somebody_else_wrote(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    modules = {place.stem for place in path.parent.parent.iterdir()}
    other = reimported(text, "agilab", "bureau", modules=modules)
    assert reimported(other, "bureau", "agilab", modules=modules) == text
    imported = [
        name
        for node in ast.walk(ast.parse(other))
        if isinstance(node, ast.ImportFrom | ast.Import)
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [one.name for one in node.names]
        )
    ]
    assert not [name for name in imported if name.partition(".")[0] == "agilab"]
    # Nothing but imports was touched: line for line the same otherwise.
    for one, two in zip(text.splitlines(), other.splitlines(), strict=True):
        assert one == two or re.search(r"import|\"agilab[.:]", one), one


# -- other texts ---------------------------------------------------------------------------------------------


def test_a_word_of_the_domain_stays_where_it_is_no_name() -> None:
    wording = Rewording(Names.new("flight"), Names.new("boats"), modules=frozenset({"tracks"}))
    readme = (
        "# flight_project\nA flight ends where another flight begins; flights are cut.\n"
        "    agilab run flight --max 3\n    agilab app show flight_project\nSee `src/flight/tracks.py`.\n"
    )
    assert wording.data("README.md", readme.encode()).decode() == (
        "# boats_project\nA flight ends where another flight begins; flights are cut.\n"
        "    agilab run boats --max 3\n    agilab app show boats_project\nSee `src/boats/tracks.py`.\n"
    )
    dot = b'digraph flight {\n  work [label = "one flight"];\n}\n'
    assert wording.data("pipeline_view.dot", dot) == dot.replace(b"digraph flight", b"digraph boats")
    assert wording.path("src/flight/flight.py") == "src/boats/flight.py", "a module inside keeps its name"
    assert wording.path("tests/test_flight_more.py") == "tests/test_boats_more.py"
    assert wording.data("data/flight_project.csv", b"flight_project") == b"flight_project", "data is not read"


def test_a_pyproject_keeps_its_comments_and_its_order() -> None:
    wording = Rewording(Names("tides", "tides", "tides"), Names.new("waves"))
    before = (
        '[project]\nname = "tides"  # short\ndependencies = [\n    "tides-data>=1",  # theirs\n]\n\n'
        '[project.scripts]\ntides = "tides.sea:main"\n\n[tool.agilab]\napp = "tides:app"  # the App\n\n'
        '[tool.hatch.build]\npackages = ["src/tides"]\n'
    )
    assert wording.data("pyproject.toml", before.encode()).decode() == before.replace(
        'name = "tides"', 'name = "waves-project"'
    ).replace('"tides.sea:main"', '"waves.sea:main"').replace('"tides:app"', '"waves:app"').replace(
        '"src/tides"', '"src/waves"'
    )
