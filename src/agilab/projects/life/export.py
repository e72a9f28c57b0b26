"""`agilab app export`: an app as one file, the same bytes every time, with the digest of everything in it.

app_export.json      every other file with size and SHA-256, and what stayed behind
<app>/…              the app: source, settings, lock, and its data where that was asked for
wheelhouse/…         wheels, in what `agilab app package --wheelhouse` makes
"""

from __future__ import annotations

import filecmp
import tempfile
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file
from agi_node.errors import ENVIRONMENT, FAILED, AgiError
from agilab.contracts.app_export import AppExport
from agilab.projects.discover import AppProject, find_app
from agilab.projects.life.contents import LeftOut, contents_of, is_data, with_libraries
from agilab.projects.life.names import names_of
from agilab.projects.life.rewording import Rewording
from agilab.projects.life.staging import stage
from agilab.store.archive import PLAUSIBLE_BYTES, write_zip
from agilab.store.workspace import Workspace

INDEX = AppExport.index_name


@dataclass(frozen=True)
class ExportedApp:
    """A file that holds an app.

    Attributes:
        digest: SHA-256 of the file, by which whoever gets it can tell that it is this one.
        already: The very same bytes lay there before.
        left_out: What is not in it and may be missed.
    """

    app: str
    path: Path
    files: int
    bytes: int
    digest: str
    already: bool
    left_out: tuple[LeftOut, ...]
    notes: tuple[str, ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "app": self.app,
            "path": str(self.path),
            "files": self.files,
            "bytes": self.bytes,
            "digest": self.digest,
            "already": self.already,
            "left_out": [{"path": one.path, "why": one.why, "size": one.size} for one in self.left_out],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class Portable:
    """The files of an app as they leave this machine, by their path below `<app>/`."""

    app: AppProject
    version: str | None
    files: Mapping[str, Path]
    left_out: tuple[LeftOut, ...]


@contextmanager
def portable(app: AppProject, *, data: bool, large: bool = True) -> Iterator[Portable]:
    """An app that needs nothing beside it: its local libraries lie in it, and it says so. Gone when this ends."""
    contents = with_libraries(contents_of(app, data=data, large=large), app)
    names = names_of(app)
    project = tomllib.loads((app.folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    version = project.get("version")
    with tempfile.TemporaryDirectory(prefix="agilab-export-") as beside:
        files = stage(contents, Rewording(names, names, moved=contents.moved), Path(beside))
        yield Portable(app, version, files, contents.left_out)


def export_app(
    workspace: Workspace, name: str, target: Path | None = None, *, data: bool = False, force: bool = False
) -> ExportedApp:
    """Write an app to a zip, by default to NAME.zip here, with its data to NAME-with-data.zip. Nothing of this machine
    is in it. `force` replaces a file that is there.

    Raises AGI-APP-121 where `target` holds something else, AGI-APP-126 for a library that is gone, AGI-APP-128 where
    the disk refuses.
    """
    app = find_app(name, workspace)
    target = Path(f"{app.name}{'-with-data' if data else ''}.zip") if target is None else target
    with portable(app, data=data) as found:
        return write_export(found, target, force=force)


def write_export(
    found: Portable,
    target: Path,
    *,
    wheels: Mapping[str, Path] = {},
    built_for: Mapping[str, str] | None = None,
    force: bool = False,
) -> ExportedApp:
    """Write an app, and wheels by the names of their files, to one zip."""
    files = {f"{found.app.name}/{name}": path for name, path in found.files.items()}
    files |= {f"wheelhouse/{name}": path for name, path in wheels.items()}
    with tempfile.TemporaryDirectory(prefix="agilab-export-") as made:
        place = Path(made) / INDEX
        place.write_text(index_of(found, files, built_for).text(), encoding="utf-8", newline="\n")
        already = put_zip(target, {**files, INDEX: place}, force=force)
    notes = []
    if (size := sum(path.stat().st_size for path in files.values())) > PLAUSIBLE_BYTES:
        notes.append(
            f"it unpacks to more than is taken unasked: import it with --max-size {size // 10**6 + 1}"
        )
    return ExportedApp(
        found.app.name,
        target,
        len(files) + 1,
        target.stat().st_size,
        sha256_file(target),
        already,
        found.left_out,
        tuple(notes),
    )


def index_of(
    found: Portable, files: Mapping[str, Path], built_for: Mapping[str, str] | None = None
) -> AppExport:
    """What these files are, with their digests."""
    return AppExport.model_validate(
        {
            "app": found.app.name,
            "version": found.version,
            "files": [
                {"path": path, "size": place.stat().st_size, "digest": sha256_file(place)}
                for path, place in sorted(files.items())
            ],
            # What else stayed behind (a secret, a link, what tools made) is nothing that the other side could bring.
            "left_out": [
                {"path": one.path, "size": one.size, "why": one.why}
                for one in found.left_out
                if is_data(one.path)
            ],
            "wheels": dict(built_for) if built_for else None,
        }
    )


def put_zip(target: Path, files: Mapping[str, Path], *, force: bool = False) -> bool:
    """Write a zip; says whether the same bytes lay there before. Raises AGI-APP-121 and AGI-APP-128.

    With `force` another file there is replaced, in one step.
    """
    try:
        if not target.exists():
            write_zip(target, files)
            return False
        if target.is_file():
            with tempfile.TemporaryDirectory(prefix="agilab-export-") as made:
                again = Path(made) / target.name
                write_zip(again, files)
                if filecmp.cmp(again, target, shallow=False):
                    return True
            if force:
                write_zip(target, files)
                return False
    except OSError as problem:
        raise AgiError(
            "AGI-APP-128",
            f"{target} cannot be written, and nothing was left behind",
            found=problem.strerror or str(problem),
            allowed="a place with room that you may write to",
            try_="the same command with --to /another/place.zip",
            whose="environment",
            exit_code=ENVIRONMENT,
        ) from problem
    raise AgiError(
        "AGI-APP-121",
        f"{target} is there already, and holds something else",
        found="a folder" if target.is_dir() else f"{target.stat().st_size:,} bytes",
        allowed="a new name, or a file to replace",
        try_=f"the same command with --to {target.with_name(f'{target.stem}-2{target.suffix}')}, or with --force",
        exit_code=FAILED,
    )
