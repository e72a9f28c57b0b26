"""Files of version 1: read without loss, and written back as they were."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import Lab, LabStages, Origin, Stage
from agilab.contracts.toml_spelling import spelled_document
from agilab.workflow.document.migrate import migrate, planned
from agilab.workflow.legacy.reading import from_v1, read_v1
from agilab.workflow.legacy.values import exactly
from agilab.workflow.legacy.words import is_v1
from agilab.workflow.legacy.writing import to_v1

V1 = """# our lab
flight__sequence = [1, 0, 2, 3]

[__meta__]
schema = "agilab.lab_stages.v1"
version = 1

[__meta__.flight__automation]
on = "push"

[[flight]]
D = "Load the tracks"
Q = "load parquet"
M = "gpt"
C = '''
import polars as pl
df = pl.read_parquet("data/a.parquet")
'''
R = "runpy"
E = ""
produces = ["df"]
NB_SOURCE_NOTEBOOK = "flight.ipynb"
NB_CELL_ID = "abc"
NB_CELL_INDEX = 3
NB_EXECUTION_COUNT = 7
NB_EXECUTION_MODE = "not_executed_import"
NB_CONTEXT_IDS = ["x"]
made = 2025-01-02

[[flight]]
stage_id = "2 clean"
label = "Clean"
C = "df = df"
consumes = "df"
skip = true

[[flight]]
id = "run"
C = "await AGI.run()"
R = "agi.run"
depends_on = ["2 clean", 3]
inputs = ["df"]
input_paths = ["data/b.csv", { id = "x", path = "data/c.csv" }]
kind = "app"

[[flight]]
Q = ""
"""


def stage(found: LabStages, name: str) -> Stage:
    return next(one for one in found.stages if one.id == name)


def test_every_letter_has_its_field() -> None:
    found = read_v1(V1, "v1").lab

    assert [one.id for one in found.stages] == [
        "clean",
        "Load_the_tracks",
        "run",
        "stage_4",
    ]  # by the sequence
    load = stage(found, "Load_the_tracks")
    assert (load.description, load.question, load.model) == ("Load the tracks", "load parquet", "gpt")
    assert load.code == 'import polars as pl\ndf = pl.read_parquet("data/a.parquet")\n'
    assert (load.runtime, load.kind, load.env, load.outputs) == ("python", "python", "", ("df",))
    assert load.origin == Origin(
        notebook="flight.ipynb",
        cells=("abc",),
        indices=(3,),
        execution_counts=(7,),
        mode="not_executed_import",
    )
    assert load.extra["NB_CONTEXT_IDS"] == ["x"]
    assert load.extra["made"] == "2025-01-02"
    clean, run = stage(found, "clean"), stage(found, "run")
    assert (clean.title, clean.enabled, clean.inputs) == ("Clean", False, ("df",))
    assert (run.runtime, run.needs, run.extra["kind"]) == ("app.run", ("clean",), "app")
    assert run.inputs == ("df", "data/b.csv", "data/c.csv")


def test_what_was_done_is_said_line_by_line() -> None:
    notes = {(note.line, note.kind, note.what) for note in read_v1(V1, "v1").notes}

    assert (2, "changed", "the stages of flight stand in the order of flight__sequence") in notes
    assert (11, "changed", "stage 1 of flight had no id and is Load_the_tracks now") in notes
    assert (14, "renamed", "M is model") in notes
    assert (31, "changed", "'2 clean' is no id that can stand there: the stage is clean now") in notes
    assert (40, "changed", "R = 'agi.run' is runtime = 'app.run'") in notes
    assert (40, "attention", "run runs code against the old API: name its app instead (app = …)") in notes
    assert (41, "attention", "depends_on holds what cannot stand in needs; it is kept beside it") in notes


def test_a_sequence_in_meta_is_followed_and_one_that_cannot_be_is_told() -> None:
    text = '[__meta__]\nlab__sequence = {}\n[[lab]]\nid = "a"\nC = "1"\n[[lab]]\nid = "b"\nC = "2"\n'
    followed = read_v1(text.format("[1, 0]"), "v1")
    assert [one.id for one in followed.lab.stages] == ["b", "a"]
    assert (2, "changed", "the stages of lab stand in the order of lab__sequence") in {
        (note.line, note.kind, note.what) for note in followed.notes
    }
    assert exactly(to_v1(followed.lab), tomllib.loads(text.format("[1, 0]")))
    moved = to_v1(followed.lab.with_changes(stages=followed.lab.stages[::-1]))
    assert moved["__meta__"] == {}, "a sequence that would lie goes"
    assert [raw["id"] for raw in moved["lab"]] == ["a", "b"]

    kept = read_v1(text.format("[1]"), "v1")
    assert [one.id for one in kept.lab.stages] == ["a", "b"]
    (said,) = (note for note in kept.notes if note.kind == "attention")
    assert (said.line, said.what) == (
        2,
        "lab__sequence = [1] is kept and not followed: it does not name each stage once",
    )


@pytest.mark.parametrize("given", ["/home/me/env", "~/env", "C:\\\\env"])
def test_an_environment_of_one_machine_is_told_with_the_mend(given: str) -> None:
    (said,) = (
        note for note in read_v1(f'[[lab]]\nC = "1"\nE = "{given}"\n', "v1").notes if note.kind == "attention"
    )
    assert said.line == 3
    assert "name a folder with pyproject.toml" in said.what
    good = read_v1('[[lab]]\nC = "1"\nE = "../tools"\n', "v1")
    assert [note for note in good.notes if note.kind == "attention"] == []


def test_order_of_keys_and_ends_of_lines_come_back_and_other_spellings_are_told(tmp_path: Path) -> None:
    text = (
        '# top\r\n[__meta__]\r\nschema = "agilab.lab_stages.v1"\r\nversion = 1\r\n\r\n[[lab]]\r\nR = "runpy"\r\n'
        'size = 0x1F\r\nD = "Say 1_000"\r\nid = "a"\r\nmore = [1.50, 1_000, 2]\r\nC = "1"\r\n'
    )
    old, new, back = (tmp_path / name for name in ("v1.toml", "v2.toml", "back.toml"))
    old.write_bytes(text.encode())
    there = migrate(planned(old, output=new))
    migrate(planned(new, to="v1", output=back))
    for file in (new, back):
        assert file.read_bytes().count(b"\n") == file.read_bytes().count(b"\r\n")
    found = tomllib.loads(back.read_text())["lab"][0]
    assert list(found) == ["R", "size", "D", "id", "more", "C"]
    assert [(note.line, note.what) for note in there.notes if "is written" in note.what] == [
        (8, "size: 0x1F is written 31"),
        (11, "more: 1.50 is written 1.5"),
        (11, "more: 1_000 is written 1000"),
    ]


COMMENTED = """\
# the lab of us all

# who keeps it
[meta]
# a person
owner = "me"  # the owner

[__meta__]
schema = "agilab.lab_stages.v1"  # the old one
version = 1

# load it
[[flight]]
id = "a"
C = "1"  # one
"""


def test_comments_stay_with_what_they_are_about_there_and_back(tmp_path: Path) -> None:
    old, new, back = (tmp_path / name for name in ("v1.toml", "v2.toml", "back.toml"))
    old.write_text(COMMENTED)
    migrate(planned(old, output=new))
    lines = new.read_text().splitlines()
    head = ["# the lab of us all", "# who keeps it", 'schema = "agilab.lab_stages.v2"  # the old one']
    assert lines[:3] == head
    assert lines[lines.index("# a person") + 1].endswith('{ owner = "me" }  # the owner')
    assert lines[lines.index("# load it") + 1] == "[[stages]]"
    assert 'code = "1"  # one' in lines
    migrate(planned(new, to="v1", output=back))
    lines = back.read_text().splitlines()
    assert lines[:2] == head[:2]
    assert 'schema = "agilab.lab_stages.v1"  # the old one' in lines
    assert lines[lines.index("# load it") + 1] == "[[flight]]"
    assert 'C = "1"  # one' in lines
    assert sorted(re.findall("#.*", back.read_text())) == sorted(re.findall("#.*", COMMENTED))


@pytest.mark.parametrize(
    ("opening", "header"), [("# lab\n\n# first\n", "# first"), ("# first\n", "# first"), ("# lab\n\n", "")]
)
def test_a_comment_directly_above_the_first_stage_is_about_that_stage(
    tmp_path: Path, opening: str, header: str
) -> None:
    old, new = tmp_path / "v1.toml", tmp_path / "v2.toml"
    old.write_text(f'{opening}[[lab]]\nid = "a"\nC = "1"\n')
    migrate(planned(old, output=new))
    lines = new.read_text().splitlines()
    assert lines[lines.index("[[stages]]") - 1] == header
    assert (lines[0] == "# lab") == ("# lab" in opening)


def test_the_way_back_gives_the_same_data() -> None:
    plain = tomllib.loads(V1)
    found = read_v1(V1, "v1").lab

    assert exactly(to_v1(found), plain)
    # … also by way of the v2 file
    text = spelled_document(
        found.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    )
    again = parse_document(text, LabStages, "v2")
    assert again == found
    assert exactly(to_v1(again), plain)


def test_an_edit_is_what_a_reader_of_v1_gets_and_the_rest_stays_as_it_was() -> None:
    found = read_v1(V1, "v1").lab
    changed = found.with_changes(
        stages=tuple(
            one.with_changes(id="tidy", needs=("Load_the_tracks",), enabled=True)
            if one.id == "clean"
            else one
            for one in found.stages
        )
    )

    plain = to_v1(changed)

    tidy = next(raw for raw in plain["flight"] if raw.get("id") == "tidy")
    assert tidy == {
        "id": "tidy",
        "label": "Clean",
        "C": "df = df",
        "consumes": "df",
        "depends_on": ["Load_the_tracks"],
    }
    assert plain["flight"][1]["produces"] == ["df"]
    assert from_v1(plain).lab.stages[0].needs == ("Load_the_tracks",)


def test_stages_that_moved_come_in_their_new_order_and_a_sequence_that_would_lie_goes() -> None:
    found = read_v1(V1, "v1").lab
    fresh = Stage(id="new", code="x = 1\n")

    plain = to_v1(found.with_changes(stages=(*found.stages[::-1], fresh)))

    assert "flight__sequence" not in plain
    assert [one.id for one in from_v1(plain).lab.stages] == [
        "stage_4",
        "run",
        "Load_the_tracks",
        "clean",
        "new",
    ]


def test_several_modules_stand_one_after_the_other_and_come_apart_again() -> None:
    text = '[[a]]\nid = "x"\nC = "1"\n[[b]]\nid = "x"\nC = "2"\n[[b]]\nC = "3"\n'

    found = read_v1(text, "v1")

    assert [(one.id, one.code) for one in found.lab.stages] == [("x", "1"), ("x_2", "2"), ("stage_2", "3")]
    assert "its modules stand one after the other now: a, b" in [note.what for note in found.notes]
    assert to_v1(found.lab) == tomllib.loads(text)
    alone = read_v1(text, "v1", module="b").lab
    assert [one.code for one in alone.stages] == ["2", "3"]
    with pytest.raises(AgiError, match="has no module of this name"):
        read_v1(text, "v1", module="c")


@pytest.mark.parametrize(
    ("text", "v1"),
    [
        ('[__meta__]\nschema = "agilab.lab_stages.v1"\n', True),
        ('[[flight]]\nC = "1"\n', True),
        ('schema = "agilab.lab_stages.v2"\n[[stages]]\nid = "C"\n', False),
        ('[[stages]]\nid = "C"\n', False),
        ("", False),
    ],
)
def test_which_version_a_file_is(text: str, v1: bool) -> None:
    assert is_v1(tomllib.loads(text)) is v1


def test_another_version_is_refused() -> None:
    with pytest.raises(AgiError, match="is no lab_stages of version 1 or 2"):
        read_v1('[__meta__]\nschema = "agilab.lab_stages.v1"\nversion = 3\n', "x")


# -- laws -----------------------------------------------------------------------------------------------------

TEXT = st.text(st.sampled_from("ab'\"\\\n #é"), max_size=6)
NAMES = st.sampled_from(["a", "b", "c d", "9", "", "load", "a_2"])
ODD = st.recursive(
    TEXT
    | st.integers(-9, 9)
    | st.booleans()
    | st.floats()
    | st.just(date(2026, 1, 31))
    | st.just(datetime(2026, 1, 31, 12, tzinfo=UTC)),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=4,
)
VALUE = TEXT | NAMES | st.lists(NAMES, max_size=3) | ODD
KEYS = st.sampled_from(
    [
        *("D", "Q", "M", "C", "R", "E", "id", "stage_id", "label", "kind", "automation", "profiles", "v1"),
        *("depends_on", "deps", "dependencies", "produces", "outputs", "output_paths", "consumes", "inputs"),
        *("input_paths", "enabled", "skip", "NB_CELL_ID", "NB_CELL_INDEX", "NB_EXECUTION_COUNT", "AGILAB_V2"),
        *("NB_EXECUTION_MODE", "NB_SOURCE_NOTEBOOK", "NB_RUNTIME_ROLE", "code", "needs", "extra"),
    ]
)
LIKELY = st.fixed_dictionaries(
    {},
    optional={
        "D": TEXT,
        "C": TEXT,
        "R": st.sampled_from(["runpy", "agi.run", "agi.install", "", "ssh"]),
        "id": NAMES,
        "deps": st.lists(NAMES, max_size=2),
        "produces": st.lists(NAMES, max_size=2),
        "enabled": st.booleans(),
        "skip": st.booleans(),
        "NB_CELL_INDEX": st.integers(0, 9),
    },
)
RAW = st.builds(lambda one, other: {**one, **other}, LIKELY, st.dictionaries(KEYS, VALUE, max_size=4))


@st.composite
def v1_files(draw: st.DrawFn) -> dict[str, Any]:
    """Files of version 1, some of them as nobody should write them."""
    plain: dict[str, Any] = {}
    if draw(st.booleans()):
        plain["__meta__"] = {
            "schema": "agilab.lab_stages.v1",
            **draw(st.sampled_from([{}, {"version": 1}])),
            **draw(
                st.dictionaries(
                    st.sampled_from(["flight__automation", "owner", "AGILAB_V2"]), ODD, max_size=2
                )
            ),
        }
    for module in draw(st.lists(st.sampled_from(["flight", "b c", "stages"]), unique=True, max_size=2)):
        found = draw(st.lists(RAW, min_size=1, max_size=4))
        plain[module] = found
        if draw(st.booleans()):
            plain[f"{module}__sequence"] = draw(
                st.permutations(range(len(found))) | st.lists(st.integers(0, 4), max_size=3) | ODD
            )
    return plain | draw(st.dictionaries(st.sampled_from(["title", "odd"]), TEXT, max_size=1))


@pytest.mark.slow
@given(v1_files())
@settings(max_examples=120)
def test_v1_to_v2_to_v1_is_the_identity(plain: dict[str, Any]) -> None:
    text = spelled_document(plain)
    assert exactly(tomllib.loads(text), plain)

    found = read_v1(text, "x").lab
    written = spelled_document(
        found.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)
    )
    again = parse_document(written, LabStages, "y")

    assert again == found
    assert exactly(to_v1(again), plain)


PLAIN = st.recursive(
    TEXT | st.integers(-9, 9) | st.booleans(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(TEXT, inner, max_size=2),
    max_leaves=3,
)
IDS = st.sampled_from(["a", "b", "load", "x-1", "Z_"])


@st.composite
def labs(draw: st.DrawFn) -> LabStages:
    """Labs with everything that a v2 file can say."""
    stages = []
    for name in draw(st.lists(IDS, unique=True, max_size=4)):
        what: dict[str, Any] = draw(
            st.sampled_from([{}, {"app": "flight"}, {"file": "a.py"}])
            | st.builds(lambda code: {"code": code}, TEXT)
        )
        optional = {
            "title": TEXT,
            "description": TEXT,
            "question": TEXT,
            "model": TEXT,
            "args": st.dictionaries(TEXT, PLAIN, max_size=2),
            "runtime": st.sampled_from(["python", "app.run", "app.install", "none"]),
            "env": TEXT,
            "enabled": st.booleans(),
            "needs": st.lists(IDS, max_size=2, unique=True),
            "uses": st.dictionaries(IDS, st.lists(st.sampled_from(["f", "g"]), max_size=2), max_size=2),
            "inputs": st.lists(
                st.sampled_from(
                    ["t", "out/a.csv", {"name": "t", "from": "a"}, {"name": "u", "as": "w"}, {"name": "z"}]
                ),
                max_size=3,
            ),
            "outputs": st.lists(st.sampled_from(["t", "out/a.csv"]), max_size=2),
            "foreach": st.dictionaries(
                st.sampled_from("ij"), st.just("cities") | st.lists(PLAIN, max_size=2)
            ),
            "require": st.sampled_from(["all", "any", 3, 0.5]),
            "cache": st.booleans(),
            "retries": st.integers(0, 3),
            "workdir": st.sampled_from(["", "notebooks", "a/b"]),
            "timeout": st.floats(0.5, 99),
            "tags": st.lists(st.just("t"), max_size=2),
            "origin": st.fixed_dictionaries(
                {},
                optional={
                    "notebook": st.just("n.ipynb"),
                    "cells": st.lists(st.sampled_from("ab"), max_size=2),
                    "indices": st.lists(st.integers(0, 3), max_size=2),
                    "digest": st.just("0" * 64),
                    "mode": st.sampled_from(["not_executed_import", "generated", "written"]),
                },
            ),
            "extra": st.dictionaries(
                st.sampled_from(["kind", "C", "id", "AGILAB_V2", "é x"]), PLAIN, max_size=2
            ),
        }
        stages.append({"id": name, **what, **draw(st.fixed_dictionaries({}, optional=optional))})
    lab = draw(
        st.fixed_dictionaries(
            {},
            optional={
                "title": TEXT,
                "params": st.dictionaries(st.sampled_from("xy"), PLAIN, max_size=2),
                "notebook": st.dictionaries(TEXT, PLAIN, max_size=2),
                "extra": st.dictionaries(st.sampled_from(["kind", "a b"]), PLAIN, max_size=1),
            },
        )
    )
    return LabStages(lab=Lab(**lab), stages=tuple(map(Stage.model_validate, stages)))


@pytest.mark.slow
@given(labs())
@settings(max_examples=100)
def test_v2_to_v1_to_v2_is_the_identity_on_what_it_means(lab: LabStages) -> None:
    text = spelled_document(to_v1(lab))

    again = from_v1(tomllib.loads(text)).lab

    assert [_meaning(one) for one in again.stages] == [_meaning(one) for one in lab.stages]
    extra = {key: value for key, value in again.lab.extra.items() if key != "v1"}
    assert again.lab.with_changes(extra=extra).plain() == lab.lab.plain()


def _meaning(stage: Stage) -> dict[str, Any]:
    """A stage without the way in which v1 spelled it; an input that says no more than its name is that name."""
    plain = stage.plain()
    for number, one in enumerate(plain["inputs"]):
        if isinstance(one, dict) and one["from"] is None and one["as"] is None:
            plain["inputs"][number] = one["name"]
    return plain | {"extra": {key: value for key, value in plain["extra"].items() if key != "v1"}}


def test_switches_in_other_words_are_read_and_what_cannot_be_read_is_told() -> None:
    """Each was kept beside its stage without a word, and the stage ran."""
    text = """
[[flight]]
id = "a"
C = "a = 1"
skip = "Yes"

[[flight]]
id = "b"
C = 5
enabled = 0

[[flight]]
id = 7
C = "c"
enabled = "on"

[[flight]]
id = "d"
C = "d"
depends_on = [7]
enabled = "later"

[[other.flight]]
C = "lost"
"""
    found = read_v1(text, "lab")
    assert [(stage.id, stage.enabled, stage.needs) for stage in found.lab.stages] == [
        ("a", False, ()),
        ("b", False, ()),
        ("stage_3", True, ()),
        ("d", True, ("stage_3",)),
    ]
    assert [(note.line, note.what) for note in found.notes if note.kind != "renamed"] == [
        (5, "skip = 'Yes' is enabled = false"),
        (9, "C = 5 is no text: it is kept beside the stage"),
        (10, "enabled = 0 is enabled = false"),
        (13, "id = 7 is no id that can stand there: the stage is stage_3 now"),
        (15, "enabled = 'on' is enabled = true"),
        (21, "enabled = 'later' is neither yes nor no: it is kept beside the stage"),
        (
            23,
            '[[other.flight]] is not read as stages, since its header has a dot; write [["other.flight"]]',
        ),
    ]
    assert to_v1(found.lab) == tomllib.loads(text)
