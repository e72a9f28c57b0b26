"""Files of an app on their way to another place: what changes is written beside, what does not stays where it lies."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.projects.life.contents import Contents
from agilab.projects.life.rewording import Rewording, is_text
from agilab.store.archive import write_folder


def stage(found: Contents, rewording: Rewording, beside: Path) -> dict[str, Path]:
    """The files of an app under its new names. What their texts become is written into the folder `beside`.

    Raises AGI-DOC-008 where `pyproject.toml` cannot be changed without disturbing what else stands there.
    """
    files: dict[str, Path] = {}
    for name, path in found.files.items():
        data = path.read_bytes() if is_text(name) else b""
        changed = rewording.data(name, data)
        if changed != data:
            place = beside / str(len(files))
            place.write_bytes(changed)
            path = place
        files[rewording.path(name)] = path
    return files


def modules_of(files: Mapping[str, Path], module: str | None) -> frozenset[str]:
    """The names of what lies directly in an app's package.

    >>> sorted(modules_of({"src/tides/sea.py": Path(), "src/tides/waves/__init__.py": Path()}, "tides"))
    ['sea', 'waves']
    """
    found = set()
    for name in files:
        top, slash, rest = name.removeprefix("src/").partition("/")
        if slash and top == module:
            found.add(rest.partition("/")[0].partition(".")[0])
    return frozenset(found - {"__init__", ""})


def put(files: Mapping[str, Path], target: Path) -> None:
    """Copy files to a new folder, whole or not at all.

    Raises AGI-APP-121 where something lies at `target`, AGI-APP-128 where the disk refuses.
    """
    if target.exists() or target.is_symlink():
        raise taken(target)
    try:
        write_folder(target, files)
    except OSError as problem:
        if target.exists():
            raise taken(target) from problem  # somebody was quicker
        raise unwritable(target, problem) from problem


def taken(target: Path, *, try_: str = "the same command with --into FOLDER") -> AgiError:
    """The error about a place where something lies already."""
    return AgiError(
        "AGI-APP-121",
        f"{target.name} is there already, and stays as it is",
        found=str(target),
        allowed="a name that is free here, or another folder",
        try_=try_,
    )


def unwritable(target: Path, problem: OSError) -> AgiError:
    """The error about a disk that does not take an app."""
    return AgiError(
        "AGI-APP-128",
        f"{target} cannot be written, and nothing was left behind",
        found=problem.strerror or str(problem),
        allowed="a folder with room that you may write to",
        try_="the same command with --into FOLDER",
        whose="environment",
        exit_code=ENVIRONMENT,
    )
