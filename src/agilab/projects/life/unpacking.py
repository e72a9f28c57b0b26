"""An app as it arrives: opened without trusting anything in it, verified, and laid beside the place where it is to lie.

In this order, so that each step may rely on those before: paths and sizes (`store.archive`) · names that other systems
take for one · the index, every byte that it lists, and nothing else · a `pyproject.toml` that is an app's. An app that
is a plain folder has no index: it is copied as it is, which is said.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from agi_node.errors import FAILED, AgiError
from agilab.contracts.app_export import AppExport
from agilab.contracts.base import parse_document
from agilab.projects.discover import AppProject, read_app
from agilab.projects.life.contents import Contents, contents_of, with_libraries
from agilab.projects.life.names import names_of
from agilab.store.archive import Archive, chunks, opened

INDEX = AppExport.index_name
INDEX_BYTES, ENTRY_BYTES, LETTER_BYTES = 16 * 2**10, 400, 12
_CARRIED = re.compile(r"([^/]+\.dist-info/agilab/)" + re.escape(INDEX))
"""Where a wheel carries the app that it was built from."""
_FOLDER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_RESERVED = re.compile(r"(?i)(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?")


@dataclass(frozen=True)
class Arrived:
    """An app on this disk, beside the place where it is to lie.

    Attributes:
        index: What vouches for every byte; None for a plain folder.
        wheels: Files of wheels by their digest.
    """

    contents: Contents
    app: AppProject
    index: AppExport | None
    wheels: Mapping[str, Path]


@contextmanager
def unpacked(path: Path, beside: Path, max_bytes: int | None) -> Iterator[Arrived]:
    """The app's files on this disk, each with the digest that the index says; gone when this ends."""
    if path.is_dir() and not (path / INDEX).is_file():
        app = _plain_folder(path)
        yield Arrived(with_libraries(contents_of(app, large=True), app), app, None, {})
        return
    folder = beside
    while not folder.is_dir():
        folder = folder.parent
    with tempfile.TemporaryDirectory(prefix=".agilab-import-", dir=folder) as made:
        with _told_as_an_app(path), opened(path, max_bytes=max_bytes) as archive:
            prefix = _prefix(archive)
            _refuse_clashes(archive)
            index = _index(archive, prefix)
            _unpack(archive, prefix, index, Path(made))
        below = {file.path: Path(made) / file.path for file in index.files}
        own = f"{index.app}/"
        files = {name.removeprefix(own): place for name, place in below.items() if name.startswith(own)}
        wheels = {
            file.digest: below[file.path] for file in index.files if file.path.startswith("wheelhouse/")
        }
        yield Arrived(Contents(files), _app(Path(made) / index.app, archive.where), index, wheels)


def _app(folder: Path, where: str) -> AppProject:
    """The app in a folder that nobody has looked at yet."""
    try:
        app = read_app(folder)
        names_of(app)
    except (AttributeError, TypeError) as problem:
        raise _no_export(
            Path(where), f"a pyproject.toml that has no tables where an app has them: {problem}"
        ) from problem
    return app


def _plain_folder(path: Path) -> AppProject:
    try:
        return _app(path.resolve(), path.name)
    except AgiError as error:
        if error.code != "AGI-APP-102":
            raise
        raise _no_export(path, f"no {INDEX} and no pyproject.toml in it") from error


# -- what is there -------------------------------------------------------------------------------------------


def _prefix(archive: Archive) -> str:
    """What stands before every path of the app: nothing in an export, a folder of metadata in a wheel."""
    if INDEX in archive.sizes:
        return ""
    carried = [found[1] for name in archive.sizes if (found := _CARRIED.fullmatch(name))]
    if len(carried) == 1:
        return carried[0]
    raise _no_export(Path(archive.where), f"no {INDEX} in it")


def _refuse_clashes(archive: Archive) -> None:
    """Refuse names that are one file on some system, or none at all."""
    taken: dict[str, str] = {}
    folders = {
        _folded("/".join(parts[:end]))
        for name in archive.sizes
        if (parts := name.split("/"))
        for end in range(1, len(parts))
    }
    for name in archive.sizes:
        folded = _folded(name)
        if folded in taken:
            raise _unsafe(archive, f"{taken[folded]!r:.60} and {name!r:.60} are one file on some systems")
        if folded in folders:
            raise _unsafe(archive, f"{name!r:.80} is a file and a folder")
        taken[folded] = name
        for part in name.split("/"):
            if _RESERVED.fullmatch(part) or part[-1] in ". " or any(sign in part for sign in '<>:"|?*'):
                raise _unsafe(archive, f"{name!r:.80} is no name of a file on some systems")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name.casefold())


def _index(archive: Archive, prefix: str) -> AppExport:
    where = prefix + INDEX
    # It has some two hundred bytes for each file: a small zip that unpacks to a huge index is a trap for our memory.
    most = INDEX_BYTES + sum(ENTRY_BYTES + LETTER_BYTES * len(name) for name in archive.sizes)
    if archive.sizes[where] > most:
        raise _no_export(Path(archive.where), f"{where} of {archive.sizes[where]:,} bytes")
    index = parse_document(b"".join(chunks(archive, where)), AppExport, f"{archive.where}: {where}")
    if not _FOLDER.fullmatch(index.app):
        raise _no_export(Path(archive.where), f"an app called {index.app!r:.60}")
    here = {name.removeprefix(prefix) for name in archive.sizes if name.startswith(prefix)} - {INDEX}
    listed = {file.path: file for file in index.files}
    problems = [
        *(f"{name} is missing" for name in sorted(listed.keys() - here)),
        *(f"{name} is not in its index" for name in sorted(here - listed.keys())),
        *(
            f"{name} has another size than its index says"
            for name, file in listed.items()
            if name in here and archive.sizes[prefix + name] != file.size
        ),
    ]
    if problems:
        raise _damaged(archive, problems[0], len(problems) - 1)
    if f"{index.app}/pyproject.toml" not in listed:
        raise _no_export(Path(archive.where), f"no {index.app}/pyproject.toml in it")
    return index


def _unpack(archive: Archive, prefix: str, index: AppExport, folder: Path) -> None:
    """Write the files that the index lists; nothing else is written, wherever it may be in the archive."""
    for file in index.files:
        place = folder / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        found = hashlib.sha256()
        with place.open("xb") as out:
            for chunk in chunks(archive, prefix + file.path):
                found.update(chunk)
                out.write(chunk)
        if found.hexdigest() != file.digest:
            raise _damaged(archive, f"{file.path} has other bytes than its index says", 0)


# -- refusals ------------------------------------------------------------------------------------------------


@contextmanager
def _told_as_an_app(path: Path) -> Iterator[None]:
    """What the archive's reader refuses, in the words of apps: it was made for runs."""
    try:
        yield
    except AgiError as error:
        if error.code == "AGI-STORE-040":
            raise _no_export(path, error.found or "") from error
        if error.code == "AGI-STORE-041" and _is_foreign(path):
            raise _no_export(path, f"no {INDEX} in it") from error
        if error.code == "AGI-STORE-041":
            raise _unsafe_in(path.name, error.found or "") from error
        if error.code == "AGI-STORE-042":
            more = re.sub(r"^agilab store import", "agilab app import", error.try_ or "")
            raise AgiError(
                "AGI-APP-132",
                error.what,
                found=error.found,
                allowed=error.allowed,
                try_=more,
                exit_code=FAILED,
            ) from error
        if error.code == "AGI-STORE-043":
            raise _broken(error.what, error.found) from error
        raise


def _is_foreign(path: Path) -> bool:
    """Whether nobody ever said that this zip holds an app: a repository as it is downloaded, a wheel as it is built."""
    if not path.is_file():
        return False
    with zipfile.ZipFile(path) as zipped:
        return not any(name == INDEX or _CARRIED.fullmatch(name) for name in zipped.namelist())


def _no_export(path: Path, found: str) -> AgiError:
    return AgiError(
        "AGI-APP-130",
        f"{path.name} is no app that could be brought in",
        found=found,
        allowed="what agilab app export or agilab app package wrote, or the folder of an app",
        try_="unpack it, and agilab app import the folder"
        if found.startswith(f"no {INDEX}")
        else "agilab app export APP",
    )


def _unsafe(archive: Archive, found: str) -> AgiError:
    return _unsafe_in(archive.where, found)


def _unsafe_in(where: str, found: str) -> AgiError:
    return AgiError(
        "AGI-APP-131",
        f"{where} holds something that no exported app holds, and nothing of it was unpacked",
        found=found,
        allowed="regular files inside it, each once, by names that every system has",
        try_="get the file again from whoever exported the app",
        exit_code=FAILED,
    )


def _damaged(archive: Archive, what: str, more: int) -> AgiError:
    return _broken(
        f"{archive.where} does not hold together: {what}", f"and {more} more such findings" if more else None
    )


def _broken(what: str, found: str | None) -> AgiError:
    return AgiError(
        "AGI-APP-133",
        what,
        found=found,
        allowed="a file exactly as agilab app export or agilab app package wrote it",
        try_="get the file again from whoever exported the app",
        exit_code=FAILED,
    )
