"""Files and references to them: below a root, in a fixed order, and checked when they are opened."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from agi_node import AgiError, FileRef, Files
from agi_node import roots as roots_module
from agi_node.files import root_folder, set_roots, use_roots


@pytest.fixture
def data(tmp_path: Path) -> Iterator[Path]:
    for name in ("b.csv", "a.csv", "c.txt", ".hidden.csv", "deep/z.csv", "deep/er/y.csv", ".git/x.csv"):
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    (tmp_path / "empty").mkdir()
    with use_roots({"app": tmp_path, "tracks": tmp_path / "data"}):
        yield tmp_path


def names(text: str) -> list[str]:
    return [file.relative for file in Files(text)]


def test_a_glob_gives_its_files_sorted_and_not_the_hidden_ones(data: Path) -> None:
    assert names("data/*.csv") == ["data/a.csv", "data/b.csv"]
    assert names("data/**/*.csv") == ["data/a.csv", "data/b.csv", "data/deep/er/y.csv", "data/deep/z.csv"]


def test_a_folder_gives_its_direct_files(data: Path) -> None:
    assert names("data") == names("tracks:.") or names("data") == [
        f"data/{name}" for name in names("tracks:.")
    ]
    assert names("data") == ["data/a.csv", "data/b.csv", "data/c.txt"]


def test_matching_restricts_a_folder_and_leaves_a_glob(data: Path) -> None:
    assert [f.name for f in Files("data").matching("*.txt")] == ["c.txt"]
    assert [f.name for f in Files("data/*.csv").matching("*.txt")] == ["a.csv", "b.csv"]


def test_one_file_is_itself(data: Path) -> None:
    (file,) = Files("tracks:deep/z.csv")
    assert (file.root, file.relative, file.size, file.digest) == ("tracks", "deep/z.csv", 10, "")
    assert (file.name, file.stem, file.suffix) == ("z.csv", "z", ".csv")
    assert file.path == data / "data/deep/z.csv"


def test_nothing_found_says_what_is_there_instead(data: Path) -> None:
    with pytest.raises(
        AgiError, match=r"AGI-DATA-001.: no file matches app:data/\*.parquet\n.*app:data holds .*a.csv, b.csv"
    ):
        names("data/*.parquet")
    with pytest.raises(AgiError, match="no file matches app:empty\n.*app:empty is empty"):
        names("empty")
    with pytest.raises(AgiError, match=r"app:data with files like \*.parquet"):
        list(Files("data").matching("*.parquet"))
    with pytest.raises(AgiError, match="no file matches app:dta/x\n.*app:. holds data/, empty/"):
        names("dta/x")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "/etc/passwd",
        "../up",
        "a/../../b",
        "app:/etc",
        "app:..",
        "C:/data",
        "a\\b",
        "~/x",
        "x:",
        "a b:c",
        "x\0",
    ],
)
def test_a_text_that_could_leave_its_root_is_refused(text: str) -> None:
    with pytest.raises(
        AgiError, match="AGI-ARGS-003.*\n.*found .*\n.*allowed   a glob or folder below a named root"
    ):
        Files(text)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_whatever_is_accepted_stays_inside_and_reads_back_as_itself(text: str) -> None:
    try:
        files = Files(text)
    except AgiError:
        return
    assert ".." not in files.pattern.split("/")
    assert not files.pattern.startswith("/")
    assert Files(str(files)) == files


def test_a_root_that_nobody_set_is_named_with_those_that_are(data: Path) -> None:
    with pytest.raises(AgiError, match="AGI-DATA-004.: the root 'lake' .*\n.*\n.*allowed   app, tracks"):
        names("lake:x")


def test_a_missing_file_is_named_when_it_is_opened(data: Path) -> None:
    with pytest.raises(AgiError, match="AGI-DATA-002.: the file app:data/gone.csv cannot be found"):
        _ = FileRef("app", "data/gone.csv", 3).path


def test_a_file_that_changed_its_size_is_refused_with_both_sizes(data: Path) -> None:
    with pytest.raises(AgiError, match="AGI-DATA-003.*\n.*found     5 bytes\n.*allowed   4 bytes"):
        _ = FileRef("app", "data/a.csv", 4).path


def test_a_reference_is_four_plain_fields_and_back() -> None:
    file = FileRef("app", "a/b.csv", 3, "0" * 64)
    assert file.to_plain() == {"root": "app", "path": "a/b.csv", "size": 3, "digest": "0" * 64}
    assert FileRef.from_plain(file.to_plain()) == file


@pytest.mark.parametrize(
    "change",
    [
        {"path": "../x"},
        {"path": "/x"},
        {"path": ""},
        {"size": -1},
        {"size": True},
        {"digest": "xyz"},
        {"root": "/"},
        {"more": 1},
    ],
)
def test_a_reference_that_could_lie_is_refused(change: dict[str, object]) -> None:
    plain = {"root": "app", "path": "x", "size": 1, "digest": ""}
    with pytest.raises(AgiError, match="AGI-DATA-005.: this is no reference to a file"):
        FileRef.from_plain({**plain, **change})


def test_a_model_may_hold_references() -> None:
    class Pair(BaseModel):
        left: FileRef

    plain = {"left": {"root": "app", "path": "x", "size": 1, "digest": ""}}
    assert Pair.model_validate(plain).left == FileRef("app", "x", 1)
    assert Pair.model_validate(plain).model_dump() == plain
    assert Pair.model_json_schema()["properties"]["left"]["required"] == ["root", "path", "size", "digest"]


def test_roots_of_a_block_end_with_it_and_those_of_the_process_reach_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(roots_module, "_default_roots", {})
    set_roots({"app": tmp_path})
    seen: list[Path] = []
    with use_roots({"app": tmp_path / "inner"}):
        assert root_folder("app") == tmp_path / "inner"
        thread = threading.Thread(target=lambda: seen.append(root_folder("app")))
        thread.start()
        thread.join()
    assert seen == [tmp_path]
    assert root_folder("app") == tmp_path


def test_a_name_that_is_no_text_is_refused_where_it_is_found(tmp_path: Path) -> None:
    try:
        (tmp_path / "caf\udce9.csv").write_text("x")
    except OSError:
        pytest.skip("this file system has only names in UTF-8")
    with (
        use_roots({"app": tmp_path}),
        pytest.raises(AgiError, match=r"AGI-DATA-005.*not UTF-8.*\n.*caf\\udce9"),
    ):
        names("*.csv")
