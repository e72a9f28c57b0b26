"""Reading is all or nothing, and says what is wrong; what is written can be read."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.base import parse_document, read_document, write_document
from agilab.contracts.errors import ENVIRONMENT, USAGE, AgiError
from agilab.contracts.registry import entry
from agilab.contracts.run_manifest import RunManifest
from agilab.contracts.run_result import RunResult
from agilab.contracts.settings import Settings

PathOf = Callable[[str], Path]
PlainOf = Callable[[str], dict[str, Any]]

PLAIN_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def refused(plain: Any, model: Any = RunManifest) -> AgiError:
    """The error that a document of this plain data ends in."""
    with pytest.raises(AgiError) as caught:
        parse_document(json.dumps(plain), model, "a.json")
    return caught.value


# What is right comes back


def test_every_kind_of_document_is_written_as_it_was_read(kind: str, path_of: PathOf, tmp_path: Path) -> None:
    original = path_of(kind)
    model = entry(kind).load()

    document = read_document(original, model)
    write_document(tmp_path / original.name, document)
    write_document(tmp_path / original.name, document)  # over the first, as an edit would

    assert repr(read_document(tmp_path / original.name, model)) == repr(document)  # nan equals nothing
    if model.file_format == "json":
        assert (tmp_path / original.name).read_bytes() == original.read_bytes()


def test_a_document_ends_in_a_newline_and_keeps_other_scripts_readable(
    path_of: PathOf, tmp_path: Path
) -> None:
    write_document(tmp_path / "m.json", read_document(path_of("run_manifest"), RunManifest))

    raw = (tmp_path / "m.json").read_bytes()
    assert raw.endswith(b"}\n")
    assert "paris/île 4.parquet".encode() in raw


@given(args=st.dictionaries(st.text(), PLAIN_DATA, max_size=4))
@settings(deadline=None)
def test_arguments_come_back_exactly_whatever_plain_data_they_are(
    plain_of: PlainOf, args: dict[str, Any]
) -> None:
    manifest = parse_document(json.dumps(plain_of("run_manifest")), RunManifest, "m.json").with_changes(
        args=args
    )

    text = manifest.text()
    again = parse_document(text, RunManifest, "m.json")

    assert repr(again.args) == repr(args)  # by text, since nan equals nothing and 1 equals True
    assert again.text() == text


def test_numbers_that_json_does_not_have_stand_as_tagged_strings(plain_of: PlainOf) -> None:
    manifest = parse_document(json.dumps(plain_of("run_manifest")), RunManifest, "m.json")

    assert manifest.args["limit"] == math.inf
    assert manifest.args["seed"] == 2**60
    assert manifest.args["price"] == "$5"
    assert math.isnan(manifest.metrics["loss"].last)
    assert "NaN" not in manifest.text()


def test_a_whole_number_may_be_spelled_as_json_allows(plain_of: PlainOf) -> None:
    plain = plain_of("run_manifest")
    plain["execution"]["log"]["events"] = 41.0

    events = parse_document(json.dumps(plain), RunManifest, "m.json").execution.log.events

    assert (events, type(events)) == (41, int)


# 001: no file


def test_a_missing_file_is_told_with_what_the_folder_holds_instead(tmp_path: Path) -> None:
    (tmp_path / "run-manifest.json").touch()

    with pytest.raises(AgiError, match=r"run_manifest.json: there is no such file") as caught:
        read_document(tmp_path / "run_manifest.json", RunManifest)

    assert (caught.value.code, caught.value.exit_code) == ("AGI-DOC-001", USAGE)
    assert caught.value.found == "in that folder: run-manifest.json"
    assert caught.value.try_ == "agilab schema show run_manifest"


def test_a_missing_folder_is_told_too(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match="there is no such file") as caught:
        read_document(tmp_path / "no" / "run_manifest.json", RunManifest)

    assert caught.value.found == f"no folder {tmp_path / 'no'} that can be read either"


def test_a_folder_in_place_of_the_file_is_an_error_of_the_environment(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match="cannot be read") as caught:
        read_document(tmp_path, RunManifest)

    assert (caught.value.code, caught.value.exit_code) == ("AGI-DOC-001", ENVIRONMENT)


# 002: no JSON, no TOML


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{\n  "schema": \n}', "Expecting value at line 3 column 1"),
        ('{"a": 1', "Expecting ',' delimiter at line 1 column 8"),
        ("", "Expecting value at line 1 column 1"),
        ('{"a": 1, "a": 2}', "the key 'a' stands twice in one object"),
        ('{"a": NaN}', "NaN is no JSON number; write it as the string $float:nan, $float:inf or $float:-inf"),
        ('{"a": ' + "9" * 5000 + "}", "Exceeds the limit"),
        ("[" * 200_000, "nested too deeply"),
        ("\ufeff{}", "Unexpected UTF-8 BOM"),
    ],
)
def test_what_is_no_json_is_refused_with_its_place(text: str, found: str) -> None:
    with pytest.raises(AgiError, match=r"a.json: is not JSON") as caught:
        parse_document(text, RunManifest, "a.json")

    assert caught.value.code == "AGI-DOC-002"
    assert found in str(caught.value.found)


def test_half_a_manifest_is_refused_wherever_it_was_cut(path_of: PathOf) -> None:
    data = path_of("run_manifest").read_bytes()

    for length in range(0, len(data) - 2, 97):
        with pytest.raises(AgiError, match=r"a.json: is not") as caught:
            parse_document(data[:length], RunManifest, "a.json")
        assert caught.value.code == "AGI-DOC-002"


def test_half_a_character_is_no_json_that_every_reader_takes(plain_of: PlainOf) -> None:
    plain = plain_of("run_manifest")
    plain["app"]["name"] = "\ud800"

    assert refused(plain).code == "AGI-DOC-002"


def test_bytes_that_are_no_utf8_are_told_with_their_line() -> None:
    with pytest.raises(AgiError, match=r"a.json: is not UTF-8 text") as caught:
        parse_document('{\n "name": "é"}'.encode("latin-1"), RunManifest, "a.json")

    assert caught.value.found == "byte 0xe9 in line 2"


def test_what_is_no_toml_is_refused_with_its_place() -> None:
    with pytest.raises(AgiError, match=r"s.toml: is not TOML") as caught:
        parse_document('[roots]\nadsb = "/data\n', Settings, "s.toml")

    assert caught.value.code == "AGI-DOC-002"
    assert "at line 2, column" in str(caught.value.found)


# 003: another document


def test_a_plan_is_no_manifest_and_is_told_as_a_plan(plain_of: PlainOf) -> None:
    error = refused(plain_of("plan"))

    assert error.code == "AGI-DOC-003"
    assert error.what == (
        "a.json: is another document, not a run manifest; it is a plan, and nothing in it was executed"
    )
    assert error.found == '"agilab.plan.v1"'
    assert error.allowed == '"schema": "agilab.run_manifest.v2"'


def test_a_newer_version_says_upgrade(plain_of: PlainOf) -> None:
    error = refused({**plain_of("run_manifest"), "schema": "agilab.run_manifest.v3", "novelty": 1})

    assert error.what == "a.json: was written by a newer AGILab: version 3, and this one reads 2"
    assert error.try_ == "upgrade: pip install --upgrade agilab"


def test_an_older_version_is_told_as_such(plain_of: PlainOf) -> None:
    error = refused({**plain_of("run_manifest"), "schema": "agilab.run_manifest.v1"})

    assert error.what == "a.json: is of version 1, and this AGILab reads 2"
    assert error.try_ == "agilab schema show run_manifest"


@pytest.mark.parametrize(
    "schema", [None, 7, "", ["agilab.run_manifest.v2"], "agilab.run_manifest", "RUN_MANIFEST.v2"]
)
def test_an_identifier_that_is_none_is_refused(plain_of: PlainOf, schema: Any) -> None:
    error = refused({**plain_of("run_manifest"), "schema": schema})

    assert error.code == "AGI-DOC-003"
    assert error.found == json.dumps(schema)


def test_a_document_without_an_identifier_is_not_guessed_at(plain_of: PlainOf) -> None:
    plain = plain_of("run_manifest")
    del plain["schema"]

    assert refused(plain).what == "a.json: does not say which document it is"


@pytest.mark.parametrize("plain", [[], "text", 3, None, True])
def test_json_without_an_object_at_its_top_is_no_document(plain: Any) -> None:
    error = refused(plain)

    assert error.what == "a.json: is not a document: it holds no object at its top"
    assert error.found == json.dumps(plain)


def test_what_a_person_writes_may_leave_the_identifier_out_but_not_have_a_wrong_one() -> None:
    assert parse_document('[roots]\nadsb = "/data"\n', Settings, "s.toml").roots == {"adsb": "/data"}
    with pytest.raises(AgiError, match="is another document, not a settings") as caught:
        parse_document('schema = "agilab.plan.v1"\n', Settings, "s.toml")

    assert caught.value.allowed == 'schema = "agilab.settings.v1"'


# 004: wrong fields


def changed(plain: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """The document with the value at a dotted path replaced."""
    *above, last = (int(part) if part.isdigit() else part for part in path.split("."))
    here: Any = plain
    for part in above:
        here = here[part]
    here[last] = value
    return plain


@pytest.mark.parametrize(
    ("path", "value", "what", "found", "allowed"),
    [
        (
            "inputs.1.path",
            "../../etc/passwd",
            "inputs[1].path escapes its root",
            '"../../etc/passwd"',
            'a relative path inside the root, such as "queue/metrics.json"',
        ),
        (
            "inputs.0.digest",
            "abc",
            "inputs[0].digest is wrong",
            '"abc"',
            "a SHA-256 as 64 lower-case hex digits",
        ),
        ("inputs.0.size", -1, "inputs[0].size is wrong", "-1", "greater than or equal to 0"),
        ("inputs.0.size", "18231", "inputs[0].size is wrong", '"18231"', "a valid integer"),
        ("inputs.0.size", True, "inputs[0].size is wrong", "true", "a valid integer"),
        (
            "verdict.status",
            "ok",
            "verdict.status is wrong",
            '"ok"',
            "'succeeded', 'failed', 'cancelled' or 'interrupted'",
        ),
        ("app.vcs.dirty", 0, "app.vcs.dirty is wrong", "0", "a valid boolean"),
        ("artifacts", {}, "artifacts is wrong", "an object with nothing in it", "a valid array"),
        ("app", [1], "app is wrong", "a list of 1", "an object"),
        (
            "written_at",
            "2026-02-30T00:00:00Z",
            "written_at names a day that no calendar has",
            '"2026-02-30T00:00:00Z"',
            "a UTC moment such as 2026-11-23T03:44:12.371000Z",
        ),
        (
            "written_at",
            "2026-11-23T03:44:12+00:00",
            "written_at is wrong",
            '"2026-11-23T03:44:12+00:00"',
            "a UTC moment such as 2026-11-23T03:44:12.371000Z",
        ),
        (
            "execution.nodes.0.units.done",
            3,
            "execution.nodes[0].units.done is not a name that can stand here",
            "3",
            "'pending'",
        ),
        (
            "metrics.rows.last",
            "$float:nun",
            "metrics.rows.last is wrong",
            '"$float:nun"',
            "a number, or one of $float:nan",
        ),
        (
            "args.limit",
            "$bogus",
            "args.limit is not plain data",
            '"$bogus"',
            "JSON, with $int:, $float: and $str: tags",
        ),
        (
            "tracking.uri",
            "https://ana:hunter2@mlflow",
            "tracking.uri carries credentials",
            "(not shown)",
            "an address that may be shared",
        ),
        (
            "tracking.uri",
            "sqlite:////home/ana/m.db",
            "tracking.uri names a folder of one machine",
            "(not shown)",
            "an address",
        ),
        (
            "left_out.0.unit",
            "work[a b]",
            "left_out[0].unit is wrong",
            '"work[a b]"',
            "the id of a unit, such as work[uav-3]",
        ),
        ("app.nmae", 1, "app.nmae is not a field here", "1", "name (did you mean that?)"),
        (
            "app.zzz",
            {},
            "app.zzz is not a field here",
            "an object with nothing in it",
            "one of name, version, source_digest, vcs",
        ),
    ],
)
def test_a_wrong_field_is_told_with_its_place_what_stands_there_and_what_should(
    plain_of: PlainOf, path: str, value: Any, what: str, found: str, allowed: str
) -> None:
    error = refused(changed(plain_of("run_manifest"), path, value))

    assert error.what.startswith(f"a.json: {what}")
    assert error.found == found
    assert str(error.allowed).startswith(allowed)
    assert error.try_ == "agilab schema show run_manifest"
    assert error.exit_code == USAGE
    assert "hunter2" not in error.render()


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("artifacts", "a list"),
        ("verdict.status", "one of succeeded, failed, cancelled, interrupted"),
        ("inputs.0.digest", "a SHA-256 as 64 lower-case hex digits"),
        ("tracking", "an object with backend, uri, mlflow_run_id, state"),
        ("environment", "an object with fingerprint, lock_digest, interpreter, platform, agi_node or null"),
        ("execution.log.events", "a whole number, 1 or more"),
    ],
)
def test_a_missing_field_is_told_with_what_belongs_there(plain_of: PlainOf, path: str, allowed: str) -> None:
    plain = plain_of("run_manifest")
    *above, last = (int(part) if part.isdigit() else part for part in path.split("."))
    here: Any = plain
    for part in above:
        here = here[part]
    del here[last]

    error = refused(plain)

    assert error.code == "AGI-DOC-004"
    assert error.what == f"a.json: {path.replace('.0', '[0]')} is missing"
    assert error.found == "nothing"
    assert str(error.allowed).startswith(allowed)


def test_a_field_name_that_is_no_word_is_quoted(plain_of: PlainOf) -> None:
    plain = plain_of("run_manifest")
    plain["args"]["a b"] = "$bogus"

    assert 'args["a b"] is not plain data' in refused(plain).what


def test_however_many_fields_are_wrong_the_error_has_at_most_ten_lines(plain_of: PlainOf) -> None:
    plain = plain_of("run_manifest")
    plain["inputs"] = [
        {"root": "app", "path": f"../{n}\n" * 50, "size": "x" * 500, "digest": n} for n in range(2_000)
    ]

    text = refused(plain).render()

    assert len(text.splitlines()) <= 10
    assert max(map(len, text.splitlines())) <= 300
    assert "inputs[0].path" in text
    assert "and 5996 more" in text


def test_a_rule_between_fields_is_told_only_when_every_field_is_right(plain_of: PlainOf) -> None:
    plain = plain_of("run_manifest")
    plain["left_out"] = []
    plain["artifacts"][0]["size"] = None

    assert refused(plain).code == "AGI-DOC-004"


# Writing


def test_what_could_not_be_read_back_is_not_written(path_of: PathOf, tmp_path: Path) -> None:
    manifest = read_document(path_of("run_manifest"), RunManifest)
    manifest.args["later"] = object()

    with pytest.raises(AgiError, match=r"m.json: not written, because it could not be read back") as caught:
        write_document(tmp_path / "m.json", manifest)

    assert caught.value.code == "AGI-DOC-004"
    assert os.listdir(tmp_path) == []


def test_a_document_that_was_made_without_checks_is_not_written(path_of: PathOf, tmp_path: Path) -> None:
    result = read_document(path_of("run_result"), RunResult).model_copy(update={"run_id": "../x"})

    with pytest.raises(AgiError, match="run_id is wrong"):
        write_document(tmp_path / "r.json", result)

    assert os.listdir(tmp_path) == []


def test_a_failed_write_leaves_the_old_document(path_of: PathOf, tmp_path: Path) -> None:
    result = read_document(path_of("run_result"), RunResult)
    write_document(tmp_path / "r.json", result)

    with pytest.raises(AgiError):
        write_document(tmp_path / "r.json", result.model_copy(update={"duration_seconds": -1.0}))

    assert read_document(tmp_path / "r.json", RunResult) == result


def test_a_changed_copy_is_checked(path_of: PathOf) -> None:
    result = read_document(path_of("run_result"), RunResult)

    assert result.with_changes(duration_seconds=3).duration_seconds == 3.0
    with pytest.raises(ValueError, match="duration_seconds"):
        result.with_changes(duration_seconds=-3)


def test_a_document_does_not_change_after_its_check(path_of: PathOf) -> None:
    result = read_document(path_of("run_result"), RunResult)

    with pytest.raises(ValueError, match="frozen"):
        result.status = "failed"  # type: ignore[misc]
