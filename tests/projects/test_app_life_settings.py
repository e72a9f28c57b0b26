"""`agilab app set`: what is written, what is refused, and what undoes it; the schema check against jsonschema."""

from __future__ import annotations

import math
import shlex
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from pydantic import BaseModel, ConfigDict, Field

from agi_node.errors import AgiError
from agilab.projects.discover import find_app
from agilab.projects.life.schema_check import complaint
from agilab.projects.life.settings_edit import Edited, edit_settings
from agilab.projects.life.settings_keys import ABSENT
from agilab.projects.prepare import prepare
from agilab.projects.roots import settings_of
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .conftest import write_app

# -- the schema check: jsonschema is the oracle --------------------------------------------------------------


class Inner(BaseModel):
    model_config = ConfigDict(extra="forbid")
    depth: float = Field(ge=0, lt=10)
    tag: str | None = None


class Model(BaseModel):
    """Every keyword that pydantic writes for plain data."""

    count: int = Field(1, ge=1, le=5)
    open: float = Field(1.0, gt=0, lt=2)
    word: str = Field("ab", min_length=1, max_length=3, pattern="^[a-z]+$")
    kind: str | int | None = None
    some: list[int] = Field([1], min_length=1, max_length=2)
    pair: tuple[int, str] = (1, "a")
    names: set[str] = {"a"}
    inner: Inner | None = None
    table: dict[str, Inner] = {}
    yes: bool = True


SCHEMA = Model.model_json_schema()
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-2, 11)
    | st.floats(-2, 11)
    | st.sampled_from(["", "a", "ab", "abcd", "A", "depth"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["depth", "tag", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(st.sampled_from(sorted(Model.model_fields)), VALUES)
def test_the_check_takes_what_a_json_schema_takes(name: str, value: Any) -> None:
    field = SCHEMA["properties"][name]
    expected = Draft202012Validator({**field, "$defs": SCHEMA["$defs"]}).is_valid(value)
    found = complaint(value, field, SCHEMA, name)
    assert (found is None) == expected, found
    assert found is None or (found[0].startswith(name) and found[1])


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused(value: float) -> None:
    assert complaint(value, {"type": "number"}, {}, "x") == ("x", "a finite number")


def test_a_complaint_names_the_place() -> None:
    assert complaint([1, "x"], SCHEMA["properties"]["some"], SCHEMA, "some") == ("some[1]", "a whole number")
    assert complaint({"a": {"depth": 11}}, SCHEMA["properties"]["table"], SCHEMA, "table") == (
        "table.a.depth",
        "less than 10",
    )


# -- the file ------------------------------------------------------------------------------------------------

CODE = '''
"""Tides."""
from typing import Literal
from pydantic import Field
from agi_node import App, Args, Files, WorkItem

class TidesArgs(Args):
    tracks: Files = Field("data/*.csv", validate_default=True)
    hours: int = Field(4, ge=1, le=48)
    unit: Literal["m", "ft"] = "m"
    levels: list[float] = []
    loud: bool = False
    either: int | str = 1

app = App("tides", args=TidesArgs)

@app.plan
def plan(args):
    return [WorkItem(key="a", payload=args.hours)]

@app.work
def work(hours: int, args, run):
    return hours
'''

SETTINGS = """\
schema = "agilab.app_settings.v2"

# What a night needs.
[args]
hours = 12          # from dusk to dawn
levels = [
    1.5,  # low
    2.5,  # high
]
tracks = "data/*.csv"

[cluster]
placement = "static"  # the machine is ours
"""

pytestmark = [pytest.mark.journey, pytest.mark.xdist_group("app_settings")]


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    folder = write_app(tmp_path_factory.mktemp("apps") / "tides_project", CODE, name="tides")
    (folder / "data").mkdir()
    (folder / "data" / "a.csv").write_text("1\n")
    (folder / "app_settings.toml").write_text(SETTINGS)
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    with Store(workspace) as store:
        prepare(store, find_app(str(folder), workspace), offline=False, threads=1, say=lambda text: None)
    return workspace, folder


@pytest.fixture
def settings_file(installed: tuple[Workspace, Path], monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(installed[1].parent)
    path = installed[1] / "app_settings.toml"
    path.write_text(SETTINGS)
    return path


def edit(installed: tuple[Workspace, Path], *values: str, unset: tuple[str, ...] = ()) -> Edited:
    return edit_settings(installed[0], str(installed[1]), values, unset=unset)


def undo(installed: tuple[Workspace, Path], done: Edited) -> None:
    """Do what the printed command would do."""
    words = shlex.split(done.undo or "")
    assert words[:4] == ["agilab", "app", "set", "tides_project"]
    rest, unset = words[4:], []
    while "--unset" in rest:
        at = rest.index("--unset")
        unset.append(rest[at + 1])
        del rest[at : at + 2]
    edit(installed, *rest, unset=tuple(unset))


def test_a_value_changes_and_every_comment_stays(
    installed: tuple[Workspace, Path], settings_file: Path
) -> None:
    done = edit(installed, "hours=6", "unit=ft", "cluster.placement=dynamic")
    assert [(one.key, one.before, one.after) for one in done.changes] == [
        ("hours", 12, 6),
        ("unit", ABSENT, "ft"),
        ("cluster.placement", "static", "dynamic"),
    ]
    text = settings_file.read_text()
    wanted = SETTINGS.replace("hours = 12 ", "hours = 6 ").replace('"static"', '"dynamic"')
    assert [line for line in text.splitlines() if line not in wanted.splitlines()] == ['unit = "ft"']
    assert [line for line in wanted.splitlines() if line not in text.splitlines()] == []


@pytest.mark.parametrize(
    "values",
    [
        ("hours=6",),
        ("hours=48", "unit=ft", "levels=[1, 2.5]", "loud=yes"),
        ("tracks=data/a.csv",),
        ("tracks=app:data",),
        ("cluster.placement=dynamic", "cluster.workers.localhost=3"),
        ("either=7",),
        ('either="7"',),
    ],
    ids=" ".join,
)
def test_the_command_that_is_printed_undoes_it(
    values: tuple[str, ...], installed: tuple[Workspace, Path], settings_file: Path
) -> None:
    done = edit(installed, *values)
    after = settings_file.read_text()
    assert after != SETTINGS
    undo(installed, done)
    assert tomllib.loads(settings_file.read_text()) == tomllib.loads(SETTINGS)
    for line in SETTINGS.splitlines():
        # A list whose items change loses their comments, as any editor's would; nothing else does.
        assert line in settings_file.read_text() or "levels" in " ".join(values)
    again = edit(installed, *values)
    assert tomllib.loads(settings_file.read_text()) == tomllib.loads(after)
    assert again.undo == done.undo


def test_what_is_taken_away_comes_back(installed: tuple[Workspace, Path], settings_file: Path) -> None:
    done = edit(installed, unset=("hours", "cluster.placement", "tracks"))
    assert tomllib.loads(settings_file.read_text()) == {
        "schema": "agilab.app_settings.v2",
        "args": {"levels": [1.5, 2.5]},
    }
    undo(installed, done)
    assert tomllib.loads(settings_file.read_text()) == tomllib.loads(SETTINGS)


def test_a_value_that_is_there_already_changes_nothing(
    installed: tuple[Workspace, Path], settings_file: Path
) -> None:
    os_time = settings_file.stat().st_mtime_ns
    done = edit(installed, "hours=12")
    assert done.undo is None
    assert settings_file.read_text() == SETTINGS
    assert settings_file.stat().st_mtime_ns == os_time


@pytest.mark.parametrize(
    ("values", "code", "words"),
    [
        (("hours=0",), "AGI-ARGS-012", "at least 1"),
        (("hours=many",), "AGI-ARGS-012", "integer"),
        (("unit=km",), "AGI-ARGS-012", "one of 'm', 'ft'"),
        (('levels=["x"]',), "AGI-ARGS-012", "levels[0]"),
        (("levels=[1,",), "AGI-ARGS-012", "array"),
        (("hour=3",), "AGI-ARGS-010", "agilab app set tides_project hours=3"),
        (("tracks=nowhere/*.csv",), "AGI-ARGS-013", "there is no such file or folder"),
        (("hours",), "AGI-APP-127", "key=value"),
        (("clutser.placement=static",), "AGI-APP-127", "cluster.placement"),
        (("cluster.placement=near",), "AGI-DOC-004", "cluster.placement"),
        (("cluster.colour=red",), "AGI-DOC-004", "cluster.colour"),
        (("pages.default=map",), "AGI-DOC-005", "pages"),
        (("hours=6", "cluster.placement=near"), "AGI-DOC-004", "cluster.placement"),
        ((), "AGI-APP-127", "what is to be set?"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_written(
    values: tuple[str, ...], code: str, words: str, installed: tuple[Workspace, Path], settings_file: Path
) -> None:
    with pytest.raises(AgiError) as caught:
        edit(installed, *values)
    assert caught.value.code == code
    assert words in caught.value.render()
    assert settings_file.read_text() == SETTINGS


def test_what_is_not_there_cannot_be_taken_away(
    installed: tuple[Workspace, Path], settings_file: Path
) -> None:
    with pytest.raises(AgiError, match=r"(?s)AGI-APP-127.*--unset hours"):
        edit(installed, unset=("hour",))
    with pytest.raises(AgiError, match="at once"):
        edit(installed, "hours=3", unset=("hours",))
    assert settings_file.read_text() == SETTINGS


def test_a_folder_elsewhere_becomes_a_data_root_and_no_machine_path_is_written(
    installed: tuple[Workspace, Path], settings_file: Path, tmp_path: Path
) -> None:
    (tmp_path / "gauges").mkdir()
    done = edit(installed, f"tracks={tmp_path}/gauges/*.csv")
    assert done.changes[0].after == "gauges:*.csv"
    assert str(tmp_path) not in settings_file.read_text()


def test_an_app_is_installed_where_an_argument_is_set_and_for_no_other_setting(
    installed: tuple[Workspace, Path], settings_file: Path, tmp_path: Path
) -> None:
    bare = Workspace(tmp_path / "home")
    assert edit_settings(bare, str(installed[1]), ("cluster.placement=dynamic",)).undo is not None
    assert not bare.envs.exists()
    said: list[str] = []
    edit_settings(bare, str(installed[1]), ("hours=3",), say=said.append)
    assert any("environment" in text for text in said)
    assert len(list(bare.envs.iterdir())) >= 1
    assert "hours = 3" in settings_file.read_text()


SHIFTS = '''
"""Shifts."""
from pydantic import field_validator, model_validator
from agi_node import App, Args, Files, WorkItem

class ShiftArgs(Args):
    begins: int = 6
    ends: int = 14
    harbour: str
    gauges: Files = "data/*.csv"

    @field_validator("harbour")
    @classmethod
    def known(cls, name: str) -> str:
        if name != name.lower():
            raise ValueError("a name in small letters")
        return name

    @model_validator(mode="after")
    def forwards(self):
        if self.ends <= self.begins:
            raise ValueError(f"ends after {self.begins}")
        return self

app = App("shifts", args=ShiftArgs)

@app.plan
def plan(args):
    return [WorkItem(key="a", payload=1)]

@app.work
def work(n: int, args, run):
    return n
'''
SHIFTS_SETTINGS = 'schema = "agilab.app_settings.v2"\n\n[args]\nharbour = "brest"\n'


@pytest.fixture(scope="module")
def shifts(tmp_path_factory: pytest.TempPathFactory) -> tuple[Workspace, Path]:
    folder = write_app(tmp_path_factory.mktemp("apps") / "shifts_project", SHIFTS, name="shifts")
    workspace = Workspace(tmp_path_factory.mktemp("home"))
    with Store(workspace) as store:
        prepare(store, find_app(str(folder), workspace), offline=False, threads=1, say=lambda text: None)
    return workspace, folder


@pytest.mark.parametrize(
    ("values", "unset", "saved", "words"),
    [
        (("begins=20",), (), "", "ends after 20"),
        (("harbour=Brest",), (), "", "a name in small letters"),
        (("ends=5", "cluster.placement=static"), (), "", "ends after 6"),
        ((), ("ends",), "begins = 20\nends = 22\n", "ends after 20"),
    ],
)
def test_what_only_the_apps_validators_refuse_is_not_written(
    values: tuple[str, ...], unset: tuple[str, ...], saved: str, words: str, shifts: tuple[Workspace, Path]
) -> None:
    path = shifts[1] / "app_settings.toml"
    path.write_text(SHIFTS_SETTINGS + saved)
    with pytest.raises(AgiError) as caught:
        edit(shifts, *values, unset=unset)
    assert caught.value.code == "AGI-ARGS-002"
    assert caught.value.allowed == words
    assert caught.value.try_ == "agilab app show shifts_project"
    assert path.read_text() == SHIFTS_SETTINGS + saved


def test_arguments_that_fit_together_are_written_together(shifts: tuple[Workspace, Path]) -> None:
    path = shifts[1] / "app_settings.toml"
    path.write_text(SHIFTS_SETTINGS)
    done = edit(shifts, "begins=20", "ends=22")
    assert done.notes == ()
    assert tomllib.loads(path.read_text())["args"] == {"harbour": "brest", "begins": 20, "ends": 22}


def test_a_root_of_settings_that_are_refused_is_taken_back(
    shifts: tuple[Workspace, Path], tmp_path: Path
) -> None:
    (shifts[1] / "app_settings.toml").write_text(SHIFTS_SETTINGS)
    (tmp_path / "mareographs").mkdir()
    with pytest.raises(AgiError, match="AGI-ARGS-002"):
        edit(shifts, f"gauges={tmp_path}/mareographs/*.csv", "ends=1")
    assert "mareographs" not in settings_of(shifts[0]).roots
    edit(shifts, f"gauges={tmp_path}/mareographs/*.csv", "ends=23")
    assert settings_of(shifts[0]).roots["mareographs"] == str(tmp_path / "mareographs")


def test_where_a_run_still_needs_an_argument_it_is_said_that_only_types_were_checked(
    shifts: tuple[Workspace, Path],
) -> None:
    path = shifts[1] / "app_settings.toml"
    path.write_text('schema = "agilab.app_settings.v2"\n')
    done = edit(shifts, "begins=20")
    assert done.notes == ("only types and ranges were checked: a run needs harbour too",)
    assert tomllib.loads(path.read_text())["args"] == {"begins": 20}


def test_what_keeps_an_app_from_coming_up_can_be_taken_away(shifts: tuple[Workspace, Path]) -> None:
    path, source = shifts[1] / "app_settings.toml", shifts[1] / "src" / "shifts" / "__init__.py"
    path.write_text(SHIFTS_SETTINGS + "ends = 22\n")
    text = source.read_text()
    try:
        source.write_text(text + "\nraise RuntimeError('not today')\n")
        done = edit(shifts, unset=("ends",))
    finally:
        source.write_text(text)
    assert (
        "takes the others could not be asked: importing shifts raised RuntimeError: not today"
        in done.notes[0]
    )
    assert path.read_text() == SHIFTS_SETTINGS


def test_a_built_in_app_keeps_its_settings(installed: tuple[Workspace, Path]) -> None:
    with pytest.raises(AgiError, match=r"(?s)AGI-APP-124.*agilab app new my_flight --clone flight"):
        edit_settings(installed[0], "flight", ("min_points=3",))


def test_two_changes_after_each_other_need_no_installation_between(
    installed: tuple[Workspace, Path], settings_file: Path
) -> None:
    edit(installed, "hours=5")
    source = installed[1] / "src" / "tides" / "__init__.py"
    text = source.read_text()
    try:
        source.write_text(text.replace("le=48", "le=72"))
        assert edit(installed, "hours=72").changes[0].before == 5
    finally:
        source.write_text(text)
