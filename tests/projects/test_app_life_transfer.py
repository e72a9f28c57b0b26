"""An app leaves this machine and comes to another: the same bytes, verified, with nothing executed on the way."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import stat
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.projects.life.create import create_app
from agilab.projects.life.export import export_app
from agilab.projects.life.intake import import_app
from agilab.store.workspace import Workspace

from .test_app_life import files_of, is_locked, sources, with_a_library

INDEX = "app_export.json"
Change = Callable[[dict[str, bytes]], None]


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "home")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    """The workspace of another machine."""
    return Workspace(tmp_path / "elsewhere")


@pytest.fixture
def there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, into which apps are imported."""
    folder = tmp_path / "there"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def exported(workspace: Workspace, tmp_path: Path, there: Path) -> Path:
    """A zip of an app with some data."""
    app = create_app(workspace, "tides", template="polars", into=tmp_path / "apps").app
    (app.folder / "data").mkdir(exist_ok=True)
    return export_app(workspace, "tides", tmp_path / "tides.zip", data=True).path


def contents(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as zipped:
        return {name: zipped.read(name) for name in zipped.namelist()}


def forged(path: Path, change: Change, *, indexed: bool = True) -> Path:
    """The zip with other files; by default the index agrees with them, as somebody who forges it would see to."""
    files = contents(path)
    change(files)
    if indexed and INDEX in files:
        index = json.loads(files[INDEX])
        index["files"] = [
            {"path": name, "size": len(data), "digest": hashlib.sha256(data).hexdigest()}
            for name, data in sorted(files.items())
            if name != INDEX
        ]
        files[INDEX] = json.dumps(index).encode()
    target = path.with_name("forged.zip")
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in files.items():
            zipped.writestr(name, data)
    return target


def refused(path: Path, elsewhere: Workspace, there: Path) -> AgiError:
    """The error of importing this, which left nothing behind."""
    with pytest.raises(AgiError) as caught:
        import_app(elsewhere, path)
    assert list(there.iterdir()) == []
    assert not elsewhere.home.exists()
    return caught.value


# -- there and back ------------------------------------------------------------------------------------------


def test_an_app_comes_in_as_it_went_out(
    exported: Path, elsewhere: Workspace, there: Path, tmp_path: Path
) -> None:
    done = import_app(elsewhere, exported)
    assert done.app.folder == there / "tides_project"
    assert (done.verified, done.missing, done.notes) == (True, (), ())
    assert files_of(done.app.folder) == files_of(tmp_path / "apps" / "tides_project")
    assert is_locked(done.app.folder)
    again = export_app(elsewhere, "tides", tmp_path / "again.zip", data=True).path
    assert again.read_bytes() == exported.read_bytes(), (
        "the same app, the same bytes, wherever it is exported"
    )


def test_the_index_says_what_is_in_it_and_what_is_not(
    workspace: Workspace, tmp_path: Path, there: Path
) -> None:
    app = create_app(workspace, "tides", template="polars", into=tmp_path / "apps").app
    (app.folder / ".env").write_text("TOKEN=planted-secret")
    (app.folder / "link").symlink_to("/etc/passwd")
    done = export_app(workspace, "tides")
    assert done.path == Path("tides_project.zip")
    files = contents(done.path)
    assert done.digest == hashlib.sha256(done.path.read_bytes()).hexdigest()
    index = json.loads(files.pop(INDEX))
    assert {one["path"]: one["digest"] for one in index["files"]} == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }
    data = {name: size for name, size in sizes(app.folder).items() if name.startswith("data/")}
    cards = {name for name in data if "README" in name}
    assert cards <= {name.removeprefix("tides_project/") for name in files}, (
        "the card of the data comes along"
    )
    assert {one["path"]: one["size"] for one in index["left_out"]} == {
        name: size for name, size in data.items() if name not in cards
    }
    assert {one.path for one in done.left_out} >= {".env", "link"}, "whoever exports is told"
    whole = done.path.read_bytes() + b"".join(files.values())
    for word in (b"planted-secret", b"root:x:0", str(tmp_path).encode(), str(Path.home()).encode()):
        assert word not in whole


def sizes(folder: Path) -> dict[str, int]:
    return {name: len(data) for name, data in files_of(folder).items()}


def test_exporting_twice_is_said_and_other_bytes_are_never_replaced(
    workspace: Workspace, tmp_path: Path, there: Path
) -> None:
    app = create_app(workspace, "tides", into=tmp_path / "apps").app
    first = export_app(workspace, "tides")
    os.utime(app.folder / "README.md", (1, 1))
    assert export_app(workspace, "tides").already
    before = first.path.read_bytes()
    (app.folder / "README.md").write_text("another")
    with pytest.raises(AgiError, match=r"AGI-APP-121.*holds something else"):
        export_app(workspace, "tides")
    assert first.path.read_bytes() == before
    (there / "file").write_text("")
    with pytest.raises(AgiError, match="AGI-APP-128.*nothing was left behind"):
        export_app(workspace, "tides", there / "file" / "x.zip")
    assert sorted(path.name for path in there.iterdir()) == ["file", "tides_project.zip"]


def test_a_library_travels_inside_the_app(
    workspace: Workspace, elsewhere: Workspace, tmp_path: Path, there: Path
) -> None:
    app = create_app(workspace, "tides", into=tmp_path / "apps").app
    with_a_library(app.folder, tmp_path / "libs" / "sea_law")
    path = export_app(workspace, "tides").path
    shutil.rmtree(tmp_path / "libs")
    done = import_app(elsewhere, path)
    assert sources(done.app.folder) == {"sea-law": {"path": "libraries/sea_law"}}
    assert (done.app.folder / "libraries/sea_law/src/sea_law/__init__.py").read_text() == "G = 9.81\n"
    assert is_locked(done.app.folder)


def test_an_app_comes_in_under_another_name(exported: Path, elsewhere: Workspace, there: Path) -> None:
    done = import_app(elsewhere, exported, name="waves")
    assert done.app.folder == there / "waves_project"
    assert is_locked(done.app.folder)
    project = tomllib.loads((done.app.folder / "pyproject.toml").read_text())
    assert project["project"]["name"] == "waves-project"
    assert project["tool"]["agilab"]["app"] == "waves:app"
    assert not [name for name in files_of(done.app.folder) if "tides" in name]


def test_an_export_that_was_unpacked_and_a_plain_folder_come_in_too(
    exported: Path, elsewhere: Workspace, there: Path, tmp_path: Path
) -> None:
    with zipfile.ZipFile(exported) as zipped:
        zipped.extractall(tmp_path / "unpacked")
    assert import_app(elsewhere, tmp_path / "unpacked").verified
    plain = tmp_path / "apps" / "tides_project"
    (plain / ".git").mkdir()
    done = import_app(elsewhere, plain, name="waves")
    assert not done.verified
    assert done.notes == ("it was a plain folder: nothing vouches for what is in it",)
    assert not (done.app.folder / ".git").exists()


# -- what is refused -----------------------------------------------------------------------------------------


def test_nothing_is_executed(workspace: Workspace, elsewhere: Workspace, there: Path, tmp_path: Path) -> None:
    """A build backend, a setup.py, a module and a conftest that would all leave a trace if anybody ran them."""
    app = create_app(workspace, "tides", into=tmp_path / "apps").app
    trace = tmp_path / "trace"
    code = f"open({str(trace)!r}, 'w').close()\n"
    for name in ("setup.py", "backend.py", "conftest.py", "src/tides/__init__.py", "sitecustomize.py"):
        (app.folder / name).write_text(code)
    text = (app.folder / "pyproject.toml").read_text()
    text = re.sub(r'version = ".*"\n', 'dynamic = ["version"]\n', text)
    text = re.sub(r'build-backend = ".*"', 'build-backend = "backend"\nbackend-path = ["."]', text)
    (app.folder / "pyproject.toml").write_text(text)
    path = export_app(workspace, "tides").path
    path.rename(tmp_path / "trap.zip")
    import_app(elsewhere, tmp_path / "trap.zip")
    import_app(elsewhere, tmp_path / "trap.zip", name="waves")
    import_app(elsewhere, app.folder, name="foam")
    assert not trace.exists()


APP = "tides_project"
TRAPS: dict[str, tuple[Change, str, str]] = {
    "climbs out": (lambda files: files.update({f"{APP}/../../up.py": b""}), "AGI-APP-131", "leads out of it"),
    "absolute": (lambda files: files.update({"/tmp/up.py": b""}), "AGI-APP-131", "leads out of it"),
    "a drive": (lambda files: files.update({"C:/up.py": b""}), "AGI-APP-131", "leads out of it"),
    "back slashes": (lambda files: files.update({f"{APP}\\..\\up.py": b""}), "AGI-APP-131", "leads out of it"),
    "a control character": (lambda files: files.update({f"{APP}/a\nb": b""}), "AGI-APP-131", "leads out"),
    "a folder's entry": (lambda files: files.update({f"{APP}/empty/": b""}), "AGI-APP-131", "is a folder"),
    "two cases": (lambda files: files.update({f"{APP}/readme.MD": b""}), "AGI-APP-131", "one file on some"),
    "two spellings of one letter": (
        lambda files: files.update({f"{APP}/\u00e9.py": b"", f"{APP}/e\u0301.py": b""}),
        "AGI-APP-131",
        "one file on some",
    ),
    "a file that is a folder": (
        lambda files: files.update({f"{APP}/README.md/x.py": b""}),
        "AGI-APP-131",
        "is a file and a folder",
    ),
    "a device": (lambda files: files.update({f"{APP}/src/aux.py": b""}), "AGI-APP-131", "no name of a file"),
    "a dot at the end": (lambda files: files.update({f"{APP}/a.": b""}), "AGI-APP-131", "no name of a file"),
    "a stream": (lambda files: files.update({f"{APP}/a.py:x": b""}), "AGI-APP-131", "no name of a file"),
    "beside the app": (lambda files: files.update({"other/x.py": b""}), "AGI-APP-133|AGI-DOC-005", "other/x.py"),
    "no index": (lambda files: files.pop(INDEX), "AGI-APP-130", f"no {INDEX}"),
    "no project": (lambda files: files.pop(f"{APP}/pyproject.toml"), "AGI-APP-130", "no tides_project/pyproject"),
    "an index that is none": (lambda files: files.update({INDEX: b"{}"}), "AGI-DOC-004|AGI-APP-133|AGI-DOC-003", ""),
    "a project that is none": (
        lambda files: files.update({f"{APP}/pyproject.toml": b"tool = 3\nproject = 4\n"}),
        "AGI-APP-130",
        "no tables",
    ),
    "no TOML": (lambda files: files.update({f"{APP}/pyproject.toml": b"= ="}), "AGI-APP-103", "cannot be read"),
}  # fmt: skip


@pytest.mark.parametrize("name", TRAPS)
def test_a_trap_is_refused_by_name_and_nothing_is_written(
    name: str, exported: Path, elsewhere: Workspace, there: Path, tmp_path: Path
) -> None:
    change, code, words = TRAPS[name]
    outside = sorted(tmp_path.rglob("*"))
    error = refused(forged(exported, change), elsewhere, there)
    assert re.fullmatch(code, error.code), error
    assert words in error.render()
    assert error.try_ or error.code == "AGI-APP-103"
    assert sorted(path for path in tmp_path.rglob("*") if path.name != "forged.zip") == outside


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda files: files.update({f"{APP}/README.md": b"other"}), "another size"),
        (
            lambda files: files.update({f"{APP}/README.md": files[f"{APP}/README.md"].swapcase()}),
            "other bytes than its index says",
        ),
        (lambda files: files.pop(f"{APP}/README.md"), "README.md is missing"),
        (lambda files: files.update({f"{APP}/more.py": b""}), "more.py is not in its index"),
    ],
)
def test_a_byte_that_differs_from_the_index_is_named(
    change: Change, words: str, exported: Path, elsewhere: Workspace, there: Path
) -> None:
    error = refused(forged(exported, change, indexed=False), elsewhere, there)
    assert error.code == "AGI-APP-133"
    assert words in error.what


def test_links_doubles_and_bombs_are_refused(
    exported: Path, elsewhere: Workspace, there: Path, tmp_path: Path
) -> None:
    link = tmp_path / "link.zip"
    shutil.copy(exported, link)
    with zipfile.ZipFile(link, "a") as zipped:
        entry = zipfile.ZipInfo(f"{APP}/link.py")
        entry.create_system, entry.external_attr = 3, (stat.S_IFLNK | 0o777) << 16
        zipped.writestr(entry, "/etc/passwd")
    assert "is a link" in (refused(link, elsewhere, there).found or "")

    twice = tmp_path / "twice.zip"
    shutil.copy(exported, twice)
    with zipfile.ZipFile(twice, "a") as zipped, pytest.warns(UserWarning, match="Duplicate"):
        zipped.writestr(f"{APP}/README.md", "other")
    assert "is in it twice" in (refused(twice, elsewhere, there).found or "")

    bomb = tmp_path / "bomb.zip"
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as zipped:
        zipped.writestr(INDEX, "{}")
        zipped.writestr(f"{APP}/zeros", bytes(2**16))
    data = bytearray(bomb.read_bytes())
    entry = data.rindex(b"PK\x01\x02")  # its central directory says that it unpacks to two gibibytes
    data[entry + 24 : entry + 28] = (2**31 - 1).to_bytes(4, "little")
    bomb.write_bytes(data)
    error = refused(bomb, elsewhere, there)
    assert error.code == "AGI-APP-132"
    assert "agilab app import bomb.zip --max-size" in (error.try_ or "")


def test_a_zip_of_a_repository_is_told_from_an_export(
    elsewhere: Workspace, there: Path, tmp_path: Path
) -> None:
    path = tmp_path / "repository.zip"
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.mkdir("tides-main")
        zipped.writestr("tides-main/pyproject.toml", "[project]\n")
    error = refused(path, elsewhere, there)
    assert error.code == "AGI-APP-130"
    assert error.try_ == "unpack it, and agilab app import the folder"


def test_a_small_limit_of_ones_own_is_kept(exported: Path, elsewhere: Workspace, there: Path) -> None:
    with pytest.raises(AgiError, match="AGI-APP-132"):
        import_app(elsewhere, exported, max_bytes=1000)
    assert list(there.iterdir()) == []


@pytest.mark.parametrize("data", [b"", b"PK\x03\x04 and then nothing", b"hello"])
def test_what_is_no_zip_is_said_to_be_none(
    data: bytes, elsewhere: Workspace, there: Path, tmp_path: Path
) -> None:
    path = tmp_path / "thing.zip"
    path.write_bytes(data)
    assert refused(path, elsewhere, there).code == "AGI-APP-130"
    assert "no such file" in (refused(tmp_path / "nothing.zip", elsewhere, there).found or "")
    (tmp_path / "empty").mkdir()
    assert refused(tmp_path / "empty", elsewhere, there).code == "AGI-APP-130"


@settings(max_examples=60)
@given(data=st.data())
def test_no_flipped_byte_gets_in(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Whichever byte of the zip is another: either the very same files come in, or nothing does."""
    folder = tmp_path_factory.mktemp("flipped")
    path = small_export(tmp_path_factory)
    raw = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(raw) - 1))
    raw[at] ^= data.draw(st.integers(1, 255))
    (folder / "x.zip").write_bytes(raw)
    code = ""
    try:
        done = import_app(Workspace(folder / "home"), folder / "x.zip", into=folder / "in")
    except AgiError as error:
        code = error.code
    if not code:
        assert {f"{APP}/{name}": one for name, one in files_of(done.app.folder).items()} == {
            name: one for name, one in contents(path).items() if name != INDEX
        }
        return
    assert code.startswith("AGI-APP-13") or code in ("AGI-DOC-002", "AGI-DOC-003")
    assert not (folder / "in").exists() or list((folder / "in").iterdir()) == []


_SMALL: list[Path] = []


def small_export(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not _SMALL:
        folder = tmp_path_factory.mktemp("small")
        workspace = Workspace(folder / "home")
        app = create_app(workspace, "tides", into=folder).app
        (app.folder / "uv.lock").unlink()  # so that most bytes of the zip are structure
        _SMALL.append(export_app(workspace, "tides", folder / "small.zip").path)
    return _SMALL[0]


def test_an_existing_target_stays_and_another_name_is_proposed(
    exported: Path, elsewhere: Workspace, there: Path
) -> None:
    (there / APP).mkdir()
    (there / APP / "mine").write_text("mine")
    with pytest.raises(AgiError, match="AGI-APP-121") as caught:
        import_app(elsewhere, exported)
    assert caught.value.try_ == f"agilab app import {exported} --name tides_2"
    assert [path.name for path in (there / APP).iterdir()] == ["mine"]


def test_what_an_import_leaves_when_it_fails_late_is_nothing(
    exported: Path, elsewhere: Workspace, there: Path
) -> None:
    with pytest.raises(AgiError, match="AGI-APP-120"):
        import_app(elsewhere, exported, name="Not A Name")
    with pytest.raises(AgiError, match="AGI-APP-123"):
        import_app(elsewhere, exported, name="flight")
    assert list(there.iterdir()) == []


def test_the_index_is_read_as_strictly_as_any_document(
    exported: Path, elsewhere: Workspace, there: Path
) -> None:
    def with_field(**fields: Any) -> Change:
        return lambda files: files.update(
            {INDEX: json.dumps({**json.loads(files[INDEX]), **fields}).encode()}
        )

    for fields, code in (
        ({"app": "../up"}, "AGI-DOC-005"),
        ({"app": ""}, "AGI-DOC-004"),
        ({"schema": "agilab.app_export.v9"}, "AGI-DOC-003"),
        ({"more": 1}, "AGI-DOC-004"),
        ({"files": []}, "AGI-APP-133"),
    ):
        assert refused(forged(exported, with_field(**fields), indexed=False), elsewhere, there).code == code
