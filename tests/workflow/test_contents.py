"""Archives beside each other: by contents, whatever dates are in their headers."""

from __future__ import annotations

import gzip
import zipfile
from pathlib import Path

import pytest

from agilab.workflow.notebooks.contents import bytes_apart, same_contents


def packed(place: Path, text: bytes, when: float) -> Path:
    place.write_bytes(gzip.compress(text, mtime=when))
    return place


def archive(place: Path, members: dict[str, str], year: int) -> Path:
    with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED) as file:
        for name, text in members.items():
            file.writestr(zipfile.ZipInfo(name, (year, 1, 2, 3, 4, 6)), text)
    return place


def test_a_date_in_the_header_of_gzip_is_no_difference_and_what_is_packed_is(tmp_path: Path) -> None:
    one = packed(tmp_path / "one", b"a,b\n" * 900_000, 1)
    later = packed(tmp_path / "later", b"a,b\n" * 900_000, 2)
    assert one.read_bytes() != later.read_bytes()
    assert same_contents(one, later)
    assert not same_contents(one, packed(tmp_path / "longer", b"a,b\n" * 900_001, 1))
    assert not same_contents(one, packed(tmp_path / "last", b"a,b\n" * 899_999 + b"a,c\n", 1))


@pytest.mark.parametrize(
    "other", [{"a": "1", "b": "3"}, {"a": "1"}, {"b": "2", "a": "1"}, {"a": "1", "c": "2"}, {}]
)
def test_members_of_zip_are_compared_by_their_names_and_what_is_in_them(
    tmp_path: Path, other: dict[str, str]
) -> None:
    one = archive(tmp_path / "one", {"a": "1", "b": "2"}, 2001)
    assert same_contents(one, archive(tmp_path / "later", {"a": "1", "b": "2"}, 2002))
    assert not same_contents(one, archive(tmp_path / "other", other, 2001))


def test_what_cannot_be_unpacked_is_not_called_the_same(tmp_path: Path) -> None:
    one, cut = packed(tmp_path / "one", b"text" * 99, 1), tmp_path / "cut"
    cut.write_bytes(one.read_bytes()[:-6])
    assert not same_contents(cut, one)
    cut.write_bytes(b"PK and no more")
    assert not same_contents(cut, cut)
    cut.write_text("words", encoding="utf-8")
    assert not same_contents(cut, cut), "other files are compared byte by byte"
    other = tmp_path / "other"
    other.write_text("wards", encoding="utf-8")
    assert bytes_apart(cut, other).endswith("line 1: 'words' in the notebook, 'wards' in the pipeline")
