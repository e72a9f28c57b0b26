"""Paths in documents never leave their root."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path, PurePosixPath, PureWindowsPath

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agilab.contracts.errors import AgiError
from agilab.contracts.rooted import INSIDE, RootedPath
from agilab.contracts.scalars import published

SLIPPERY = st.text(st.sampled_from("ab.C:/\\ \0\n\x7fé~"), max_size=14)


@pytest.mark.parametrize(
    ("path", "phrase"),
    [
        ("../../etc/passwd", "escapes its root"),
        ("a/../b", "escapes its root"),
        ("..", "escapes its root"),
        ("/etc/passwd", "is absolute"),
        ("\\\\server\\share", "is absolute"),
        ("C:/Windows", "has a drive letter"),
        ("c:x", "has a drive letter"),
        ("a\\..\\b", "has a back slash"),
        ("a\0b", "contains a control character"),
        ("a\nb", "contains a control character"),
        ("", "is empty"),
        ("a//b", "has an empty part"),
        ("a/", "has an empty part"),
        ("./a", "a part that is a single dot"),
    ],
)
def test_a_path_that_leaves_its_root_or_has_a_second_spelling_is_refused_and_says_why(
    path: str, phrase: str
) -> None:
    with pytest.raises(ValidationError, match=phrase):
        RootedPath(root="run", path=path)


@pytest.mark.parametrize(
    "path", ["a", "...", "..a/b..", ".hidden", "île 4/a b.parquet", "ab:c", "~", "a" * 300]
)
def test_a_path_inside_its_root_is_taken_as_it_is(path: str) -> None:
    assert RootedPath(root="run", path=path).path == path


@given(SLIPPERY)
@settings(deadline=None)
@example("..")
@example("a/..")
def test_whatever_is_accepted_stays_inside_on_every_system(path: str) -> None:
    try:
        RootedPath(root="run", path=path)
    except ValidationError:
        return
    assert posixpath.normpath(f"/root/{path}") == f"/root/{path}"
    assert not PurePosixPath(path).is_absolute()
    windows = PureWindowsPath(path)
    assert not windows.drive
    assert not windows.root
    assert ".." not in windows.parts


@given(SLIPPERY)
@settings(deadline=None)
def test_the_published_pattern_and_the_model_agree_on_every_path(path: str) -> None:
    try:
        RootedPath(root="run", path=path)
        accepted = True
    except ValidationError:
        accepted = False

    assert accepted == bool(re.search(published(INSIDE), path))


@pytest.mark.parametrize("root", ["", "a", "../x", "a b", "/data", "9data"])
def test_a_root_is_a_name_of_two_letters_or_more(root: str) -> None:
    with pytest.raises(ValidationError, match="the name of a root"):
        RootedPath(root=root, path="a")


def test_a_file_is_named_by_the_innermost_root_that_holds_it() -> None:
    roots = {"workspace": Path("/w"), "run": Path("/w/runs/r1"), "data": Path("/data")}

    assert RootedPath.of(Path("/w/runs/r1/a/b.json"), roots) == RootedPath(root="run", path="a/b.json")
    assert str(RootedPath.of(Path("/w/settings.toml"), roots)) == "workspace:settings.toml"


def test_a_rooted_path_finds_its_file_again() -> None:
    roots = {"run": Path("/w/runs/r1")}

    assert RootedPath.of(Path("/w/runs/r1/a/b.json"), roots).under(roots) == Path("/w/runs/r1/a/b.json")


def test_a_file_outside_every_root_cannot_be_named() -> None:
    with pytest.raises(AgiError, match="lies outside every root") as caught:
        RootedPath.of(Path("/etc/passwd"), {"run": Path("/w/runs/r1")})

    assert caught.value.found == "/etc/passwd"
    assert "settings.toml" in str(caught.value.try_)


def test_a_root_that_this_machine_does_not_have_is_told_by_name() -> None:
    with pytest.raises(AgiError, match=r"the root 'adsb' of adsb:paris/a.parquet is not known here"):
        RootedPath(root="adsb", path="paris/a.parquet").under({"run": Path("/w")})
