"""Archives beside each other: by the names, modes and bytes of their members, whatever dates are in their headers."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Literal

import pytest

from agilab.workflow.notebooks.contents import bytes_apart, same_contents
from agilab.workflow.notebooks.packed import members_in


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


TAR: dict[str, Literal["w", "w:gz", "w:bz2", "w:xz"]] = {
    "tar": "w",
    "tar.gz": "w:gz",
    "tar.bz2": "w:bz2",
    "tar.xz": "w:xz",
}


def tarred(place: Path, members: dict[str, bytes], when: int, mode: int = 0o644) -> Path:
    with tarfile.open(place, TAR[place.name.partition(".")[2]]) as file:
        for name, data in members.items():
            one = tarfile.TarInfo(name)
            one.size, one.mtime, one.mode = len(data), when, mode
            file.addfile(one, io.BytesIO(data))
    return place


@pytest.mark.parametrize("form", TAR)
def test_members_of_tar_are_compared_without_their_dates_however_it_is_compressed(
    tmp_path: Path, form: str
) -> None:
    members = {"a.txt": b"1", "b.csv": b"x,y\n1,2\n"}
    one = tarred(tmp_path / f"one.{form}", members, 1)
    later = tarred(tmp_path / f"later.{form}", members, 2_000_000_000)
    assert one.read_bytes() != later.read_bytes()
    assert same_contents(one, later)
    assert members_in(one) == members

    changed = tarred(tmp_path / f"changed.{form}", {**members, "b.csv": b"x,y\n1,3\n"}, 1)
    assert not same_contents(one, changed)
    assert bytes_apart(one, changed) == (
        "b.csv, which is packed in it: other bytes: 8 in the notebook, 8 in the pipeline; "
        "line 2: '1,2' in the notebook, '1,3' in the pipeline"
    )
    runs = tarred(tmp_path / f"runs.{form}", members, 1, 0o755)
    assert not same_contents(one, runs)
    assert bytes_apart(one, runs) == (
        "a.txt, which is packed in it: file, mode 644 in the notebook, file, mode 755 in the pipeline"
    )
    more = tarred(tmp_path / f"more.{form}", {**members, "c": b"", "d": b""}, 1)
    assert bytes_apart(one, more) == "only the pipeline packs c and 1 more in it"


def test_archives_in_archives_are_looked_into(tmp_path: Path) -> None:
    def nested(name: str, when: int, text: bytes = b"text") -> Path:
        inner = tarred(tmp_path / "inner.tar.gz", {"deep.txt": text}, when).read_bytes()
        zipped = archive(tmp_path / "inner.zip", {"a": "1"}, 2000 + when).read_bytes()
        return tarred(tmp_path / f"{name}.tar", {"one.tgz": inner, "two.docx": zipped, "three": b"PK"}, when)

    assert same_contents(nested("one", 1), nested("later", 2))
    assert not same_contents(nested("one", 1), nested("later", 2, b"texts"))
    assert bytes_apart(nested("one", 1), nested("later", 2, b"texts")).startswith(
        "one.tgz: deep.txt, which is packed in it: other bytes: 4 in the notebook, 5 in the pipeline"
    )
    assert members_in(nested("one", 1)).keys() == {"one.tgz: deep.txt", "two.docx: a", "three"}
