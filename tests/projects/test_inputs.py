"""Digests of input files: computed once, remembered, and never believed when the file changed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.projects.inputs import FileDigests, fill_in_digests


def digest_now(tmp_path: Path, file: Path) -> str:
    digests = FileDigests(tmp_path / "cache")
    try:
        return digests.of([file])[0]
    finally:
        digests.close()


def test_a_digest_is_remembered_by_size_time_and_inode_and_not_read_again(tmp_path: Path) -> None:
    file = tmp_path / "a.bin"
    file.write_bytes(b"one")
    first = digest_now(tmp_path, file)
    assert first == hashlib.sha256(b"one").hexdigest()
    before = file.stat().st_mtime_ns
    file.write_bytes(b"two")
    os.utime(file, ns=(before, before))
    assert digest_now(tmp_path, file) == first, (
        "it was read again although nothing that is looked at had changed"
    )
    os.utime(file, ns=(before, before + 1))
    assert digest_now(tmp_path, file) == hashlib.sha256(b"two").hexdigest()


def test_a_damaged_memory_is_filled_again(tmp_path: Path) -> None:
    (tmp_path / "cache").mkdir()
    (tmp_path / "cache/file_digests.db").write_bytes(b"no database " * 100)
    (tmp_path / "f").write_bytes(b"x")
    digests = FileDigests(tmp_path / "cache")
    assert digests.of([tmp_path / "f"]) == [hashlib.sha256(b"x").hexdigest()]
    digests.close()


def test_every_reference_in_a_payload_gets_its_digest_however_deep(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"x")
    reference = {"root": "data", "path": "f", "size": 1, "digest": ""}
    payload = {"files": [dict(reference), {"more": dict(reference)}], "root": "not a file"}
    digests = FileDigests(tmp_path / "cache")
    fill_in_digests([payload], {"data": str(tmp_path)}, digests)
    digests.close()
    expected = hashlib.sha256(b"x").hexdigest()
    assert payload["files"][0]["digest"] == payload["files"][1]["more"]["digest"] == expected  # type: ignore[index]


def test_a_file_that_is_gone_is_named(tmp_path: Path) -> None:
    digests = FileDigests(tmp_path / "cache")
    with pytest.raises(AgiError, match=r"(?s)cannot be read.*gone\.parquet"):
        digests.of([tmp_path / "gone.parquet"])
    digests.close()


@pytest.mark.parametrize("name", ["a:b.parquet", "line\nfeed.parquet", "back\\slash.parquet"])
def test_a_file_that_no_document_can_name_is_refused_before_the_run_works(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"x")
    digests = FileDigests(tmp_path / "cache")
    with pytest.raises(AgiError, match=r"(?s)AGI-DATA-006.*rename the file"):
        fill_in_digests(
            [{"root": "data", "path": name, "size": 1, "digest": ""}], {"data": str(tmp_path)}, digests
        )
    digests.close()
