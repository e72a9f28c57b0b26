"""Editing a person's TOML: the values change, the person's words stay."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.app_settings import AppSettings
from agilab.contracts.base import read_document, write_document
from agilab.contracts.errors import AgiError
from agilab.contracts.settings import Settings
from agilab.contracts.toml import merged

KEYS = st.text(st.sampled_from('ab.- "é#['), max_size=3)
VALUES = st.recursive(
    st.booleans()
    | st.integers(-(2**62), 2**62)
    | st.floats()
    | st.text(st.sampled_from("ab'\"\\\n#é= "), max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)
TABLES = st.dictionaries(KEYS, VALUES, max_size=4)


@pytest.fixture
def app_settings(tmp_path: Path, path_of: Callable[[str], Path]) -> Path:
    """A copy of the example that a test may edit."""
    path = tmp_path / "app_settings.toml"
    path.write_bytes(path_of("app_settings").read_bytes())
    return path


def test_what_is_not_changed_is_written_back_byte_for_byte(app_settings: Path) -> None:
    before = app_settings.read_bytes()

    write_document(app_settings, read_document(app_settings, AppSettings))

    assert app_settings.read_bytes() == before


def test_an_edit_changes_its_line_alone_and_keeps_the_comment_there(app_settings: Path) -> None:
    before = app_settings.read_text().splitlines()
    settings = read_document(app_settings, AppSettings)

    write_document(app_settings, settings.with_changes(args={**settings.args, "min_points": 5}))

    after = app_settings.read_text().splitlines()
    changed = [(old, new) for old, new in zip(before, after, strict=True) if old != new]
    assert changed == [
        ("min_points = 2          # two make a segment", "min_points = 5          # two make a segment")
    ]


def test_a_new_argument_joins_its_table_and_a_removed_one_goes(app_settings: Path) -> None:
    settings = read_document(app_settings, AppSettings)
    kept = {name: value for name, value in settings.args.items() if name != "tracks"}

    write_document(app_settings, settings.with_changes(args={**kept, "limit": 7}))

    args = tomllib.loads(app_settings.read_text())["args"]
    assert "tracks" not in args
    assert args["limit"] == 7
    assert "# Flight, as we run it on Mondays." in app_settings.read_text()
    assert "# near" in app_settings.read_text()


def test_defaults_that_nobody_set_stay_out_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text('# mine\n[roots]\nadsb = "/data"\n')

    write_document(path, read_document(path, Settings))

    assert path.read_text() == '# mine\nschema = "agilab.settings.v1"\n\n[roots]\nadsb = "/data"\n'


def test_a_file_that_is_not_there_yet_is_made(tmp_path: Path) -> None:
    settings = Settings(roots={"adsb": "/data/adsb"})

    write_document(tmp_path / "settings.toml", settings)

    assert read_document(tmp_path / "settings.toml", Settings).roots == {"adsb": "/data/adsb"}


def test_a_setting_taken_back_leaves_the_file(app_settings: Path) -> None:
    settings = read_document(app_settings, AppSettings)

    write_document(app_settings, settings.with_changes(connector_catalog=None))

    assert read_document(app_settings, AppSettings).connector_catalog is None
    assert "[connector_catalog]" not in app_settings.read_text()


def test_null_cannot_stand_in_toml_and_is_not_dropped_in_silence(app_settings: Path) -> None:
    before = app_settings.read_bytes()
    settings = read_document(app_settings, AppSettings)

    for value in (None, [1, None], {"deep": None}):
        with pytest.raises(AgiError, match="not written, because it could not be read back"):
            write_document(app_settings, settings.with_changes(args={"limit": value}))

    assert app_settings.read_bytes() == before


def test_a_file_that_is_broken_is_not_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "settings.toml"
    path.write_text("[roots\n")

    with pytest.raises(AgiError, match="is not TOML"):
        write_document(path, Settings(roots={"adsb": "/data"}))

    assert path.read_text() == "[roots\n"


def test_a_date_stays_a_date_when_something_else_changes(app_settings: Path) -> None:
    settings = read_document(app_settings, AppSettings)
    assert settings.args["since"] == "2026-01-31"

    write_document(app_settings, settings.with_changes(args={**settings.args, "min_points": 3}))

    assert "since = 2026-01-31\n" in app_settings.read_text()


def test_a_table_in_braces_keeps_its_braces_and_its_comment() -> None:
    before = "[args]\nlimits = {low = 1, high = 2} # metres\n"

    after = merged(before, {"args": {"limits": {"low": 1, "deep": {"x": 3}}}}, "s.toml")

    assert after == "[args]\nlimits = {low = 1, deep = {x = 3}} # metres\n"


def test_a_table_that_stood_only_in_the_names_of_others_stays_when_they_go() -> None:
    after = merged("[pages.map]\nzoom = 3\n", {"pages": {}}, "s.toml")

    assert tomllib.loads(after) == {"pages": {}}


def test_a_layout_that_cannot_be_kept_is_refused_rather_than_spoilt() -> None:
    scattered = "[a.x]\nq = 1\n[b]\n[a.y]\nz = 1\n"

    with pytest.raises(
        AgiError, match="cannot be changed without disturbing what else stands there"
    ) as caught:
        merged(scattered, {"a": {}, "b": {}}, "s.toml")

    assert caught.value.code == "AGI-DOC-008"
    assert caught.value.try_ == "edit s.toml by hand"


@given(TABLES, TABLES)
@settings(deadline=None)
def test_a_merge_means_the_new_values_exactly_whatever_stood_there(
    old: dict[str, Any], new: dict[str, Any]
) -> None:
    before = merged("", old, "s.toml")

    after = merged(before, new, "s.toml")

    assert repr(sorted_deep(tomllib.loads(before))) == repr(sorted_deep(old))
    assert repr(sorted_deep(tomllib.loads(after))) == repr(sorted_deep(new))


@given(TABLES)
@settings(deadline=None)
def test_merging_the_same_values_changes_no_byte(values: dict[str, Any]) -> None:
    text = merged("", values, "s.toml")

    assert merged(text, values, "s.toml") == text


def sorted_deep(value: Any) -> Any:
    """The value with its keys in one order, which is no part of what TOML means."""
    if isinstance(value, dict):
        return {key: sorted_deep(value[key]) for key in sorted(value)}
    return [sorted_deep(item) for item in value] if isinstance(value, list) else value
