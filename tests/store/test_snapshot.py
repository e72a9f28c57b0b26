"""What is source: an app's own, and the modules of its libraries among it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.store.objects import ObjectStore
from agilab.store.snapshot import materialise, source_of, take


@dataclass(frozen=True)
class Library:
    """As `agilab.envs` reads one from a disk."""

    name: str
    root: Path
    modules: tuple[str, ...] = ()


def write(folder: Path, *names: str, text: str = "") -> Path:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text or f"# {name} of {folder.name}\n")
    return folder


@pytest.fixture
def app(tmp_path: Path) -> Path:
    return write(tmp_path / "flight", "pyproject.toml", "src/flight/__init__.py")


@pytest.fixture
def library(tmp_path: Path) -> Library:
    folder = write(tmp_path / "net-sim", "pyproject.toml", "src/net_sim/__init__.py", "src/net_sim/table.csv")
    write(folder / "src", "net_sim/__pycache__/junk.pyc", "net_sim.egg-info/PKG-INFO", ".hidden/x.py")
    return Library("net-sim", folder / "src")


def test_a_librarys_modules_are_imported_from_the_snapshot_among_the_apps_own(
    app: Path, library: Library, tmp_path: Path
) -> None:
    objects = ObjectStore(tmp_path / "objects")
    snapshot = take(app, objects, [library])
    shown = materialise(snapshot, objects, tmp_path / "snapshots")
    assert sorted(path.relative_to(shown).as_posix() for path in shown.rglob("*") if path.is_file()) == [
        "pyproject.toml",
        "src/flight/__init__.py",
        "src/net_sim/__init__.py",
        "src/net_sim/table.csv",
    ]
    assert (shown / "src/net_sim/table.csv").read_text() == "# src/net_sim/table.csv of net-sim\n"


def test_a_librarys_source_counts_and_its_other_files_do_not(
    app: Path, library: Library, tmp_path: Path
) -> None:
    objects = ObjectStore(tmp_path / "objects")
    before = take(app, objects, [library]).digest
    write(library.root.parent, "README.md", "tests/test_it.py")
    assert take(app, objects, [library]).digest == before
    write(library.root, "net_sim/table.csv", text="edited\n")
    assert take(app, objects, [library]).digest != before
    assert take(app, objects).digest != before


def test_a_library_moved_elsewhere_is_the_same_source(app: Path, library: Library, tmp_path: Path) -> None:
    objects = ObjectStore(tmp_path / "objects")
    before = take(app, objects, [library]).digest
    moved = library.root.parent.rename(tmp_path / "elsewhere")
    assert take(app, objects, [Library("net-sim", moved / "src")]).digest == before


def test_a_flat_library_gives_its_modules_and_nothing_beside_them(app: Path, tmp_path: Path) -> None:
    folder = write(
        tmp_path / "flat", "pyproject.toml", "flat/__init__.py", "flat_more.py", "tests/test_flat.py"
    )
    names = source_of(app, [Library("flat", folder, ("flat", "flat_more.py"))])
    assert sorted(set(names) - set(source_of(app))) == ["src/flat/__init__.py", "src/flat_more.py"]


def test_an_app_without_src_keeps_its_own_modules_importable(tmp_path: Path, library: Library) -> None:
    """A folder `src` in its snapshot would hide them."""
    app = write(tmp_path / "script", "pyproject.toml", "script.py")
    assert sorted(source_of(app, [library])) == [
        "net_sim/__init__.py",
        "net_sim/table.csv",
        "pyproject.toml",
        "script.py",
    ]


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ("net_sim/__init__.py", "net_sim/__init__.py"),
        ("net_sim/table.csv", "net_sim/table.csv"),
        ("net_sim.py", "net_sim/__init__.py"),
    ],
    ids=["a package", "a file of data", "a module that a package hides"],
)
def test_files_that_cannot_both_be_imported_are_named_with_whose_they_are(
    app: Path, library: Library, mine: str, theirs: str
) -> None:
    write(app / "src", mine)
    with pytest.raises(
        AgiError, match=r"AGI-APP-107.*the app flight and the library net-sim both bring net_sim"
    ) as caught:
        source_of(app, [library])
    assert caught.value.found == f"src/{mine} of the app flight, src/{theirs} of the library net-sim"


def test_two_libraries_can_clash_too_and_share_a_namespace(
    app: Path, library: Library, tmp_path: Path
) -> None:
    other = write(tmp_path / "other", "src/net_sim/more.py")
    assert "src/net_sim/more.py" in source_of(app, [library, Library("other", other / "src")])
    write(other / "src", "net_sim/__init__.py")
    with pytest.raises(AgiError, match=r"(?s)the library net-sim and the library other.*__init__\.py"):
        source_of(app, [library, Library("other", other / "src")])


def test_what_a_build_left_in_the_source_of_a_compiled_app_is_no_source(app: Path) -> None:
    write(app / "src/flight", "kernel.pyx", "hand.c", "kernel.cpython-311-x86_64-linux-gnu.so", "kernel.pyd")
    write(app / "src/flight", "kernel.c", text="/* Generated by Cython 3.1.0 */\n")
    write(app, "setup.cfg", "MANIFEST.in", "notes.txt")
    everything = source_of(app)
    assert sorted(set(everything) - set(source_of(app, compiled=True))) == [
        "src/flight/kernel.c",
        "src/flight/kernel.cpython-311-x86_64-linux-gnu.so",
        "src/flight/kernel.pyd",
    ]
    assert {"setup.cfg", "MANIFEST.in", "src/flight/hand.c"} <= everything.keys()
    assert "notes.txt" not in everything
