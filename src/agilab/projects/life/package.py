"""`agilab app package`: an app as a wheel that carries the project it was built from, and perhaps all that it needs.

The wheel installs like any other. Beside the module it has the whole app (settings, lock, data) below
`<name>.dist-info/agilab/`, from where `agilab app import` takes it. With a wheelhouse the file is a zip of the app, its
own wheel, and the locked wheels for this platform: another machine of its kind needs no network to run it.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import shutil
import tempfile
import tomllib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.specifiers import SpecifierSet

from agi_node.canonical import sha256_file
from agi_node.errors import ENVIRONMENT, AgiError
from agilab.contracts.rooted import inside
from agilab.envs import Uv
from agilab.envs.interpreter import own_interpreter
from agilab.envs.locked import read_sources
from agilab.envs.wheelhouse import Platform, fetch, locked_wheels, needed
from agilab.projects.discover import find_app
from agilab.projects.life.contents import LIBRARIES, LeftOut
from agilab.projects.life.export import INDEX, Portable, index_of, portable, put_zip, write_export
from agilab.store.archive import write_folder
from agilab.store.workspace import Workspace

Say = Callable[[str], None]


@dataclass(frozen=True)
class PackagedApp:
    """A file that another machine can import.

    Attributes:
        digest: SHA-256 of the file.
        wheels: How many wheels are in its wheelhouse; None for a wheel alone.
        built_for: Where its wheelhouse fits, in words.
    """

    app: str
    path: Path
    bytes: int
    digest: str
    already: bool
    wheels: int | None
    built_for: str | None
    left_out: tuple[LeftOut, ...]

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "status": "succeeded",
            "app": self.app,
            "path": str(self.path),
            "bytes": self.bytes,
            "digest": self.digest,
            "already": self.already,
            "wheels": self.wheels,
            "built_for": self.built_for,
            "left_out": [{"path": one.path, "why": one.why, "size": one.size} for one in self.left_out],
        }


def package_app(
    workspace: Workspace,
    name: str,
    folder: Path | None = None,
    *,
    wheelhouse: bool = False,
    offline: bool = False,
    say: Say = lambda text: None,
) -> PackagedApp:
    """Package an app into a folder, by default the current one: a wheel, or with a wheelhouse a zip.

    Raises AGI-ENV-007 and -008 for an app that cannot be built, AGI-ENV-003 for one without a lock, AGI-ENV-016 for a
    package that has no wheel for this machine, AGI-ENV-017 and -018 where one cannot be had, AGI-APP-121 where the
    file is there with other content.
    """
    app = find_app(name, workspace)
    read_sources(app.folder)
    with (
        portable(app, data=True, large=False) as found,
        tempfile.TemporaryDirectory(prefix="agilab-package-") as made,
    ):
        project = Path(made) / app.name
        write_folder(project, found.files)
        say(f"building {app.name}")
        wheel = _built(project, app.name, Path(made) / "wheel", offline=offline)
        target = (folder or Path.cwd()).expanduser()
        if not wheelhouse:
            path = target / wheel.name
            already = put_zip(path, _carrying(wheel, found, Path(made) / "carried"))
            return _told(found, path, already)
        here = Platform.own()
        wheels = {wheel.name: wheel}
        wheels |= _libraries(project, Path(made) / "libraries", offline=offline, say=say)
        wheels |= _locked(project, workspace.ensure().home, app.name, say)
        kind = f"py{here.python.replace('.', '')}-{here.system.replace('-', '_').replace('.', '_')}"
        path = target / f"{'-'.join(wheel.name.split('-')[:2])}-{kind}.zip"
        say(f"writing {path.name}")
        done = write_export(
            found, path, wheels=wheels, built_for={"python": here.python, "platform": here.system}
        )
        return _told(found, path, done.already, wheels=len(wheels), built_for=str(here))


def _told(
    found: Portable, path: Path, already: bool, *, wheels: int | None = None, built_for: str | None = None
) -> PackagedApp:
    size, digest = path.stat().st_size, sha256_file(path)
    return PackagedApp(found.app.name, path, size, digest, already, wheels, built_for, found.left_out)


def _built(project: Path, name: str, out: Path, *, offline: bool) -> Path:
    """The wheel of a project, by its own build backend."""
    Uv.found().run(
        *("build", "--wheel", "--python", own_interpreter().path, "--out-dir", out),
        *(["--offline"] if offline else []),
        project,
        doing=f"build a wheel of {name}",
        try_=f"uv build --wheel, in the folder of {name}",
    )
    return next(iter(sorted(out.glob("*.whl"))))


def _libraries(project: Path, out: Path, *, offline: bool, say: Say) -> dict[str, Path]:
    """Wheels of the local libraries that came along: no index has them."""
    found = {}
    for place in sorted((project / LIBRARIES).glob("*/pyproject.toml")):
        say(f"building {place.parent.name}")
        wheel = _built(place.parent, place.parent.name, out / place.parent.name, offline=offline)
        found[wheel.name] = wheel
    return found


def _locked(project: Path, home: Path, name: str, say: Say) -> dict[str, Path]:
    """The locked wheels for this interpreter, each as a file."""
    lock = tomllib.loads((project / "uv.lock").read_text(encoding="utf-8"))
    python, here = str(lock.get("requires-python", "")), own_interpreter().plain_version
    if python and not SpecifierSet(python).contains(here, prereleases=True):
        raise AgiError(
            "AGI-ENV-016",
            f"{name} does not run with the Python that runs AGILab, so its wheels cannot be chosen",
            found=here,
            allowed=python,
            try_="agilab app package in an environment of such a Python",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    requirements = needed(Uv.found(), project, own_interpreter().path, name)
    wheels = locked_wheels(lock, requirements, name)
    return {wheel.file: fetch(home, wheel, say) for wheel in wheels}


def _carrying(wheel: Path, found: Portable, folder: Path) -> dict[str, Path]:
    """The files of a wheel that has the app in it as well, with a RECORD that says so."""
    with zipfile.ZipFile(wheel) as zipped:
        names = [name for name in zipped.namelist() if not name.endswith("/")]
        for name in names:
            inside(
                name
            )  # our own build made it; a name that leads elsewhere would be an accident all the same
            place = folder / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with zipped.open(name) as source, place.open("wb") as out:
                shutil.copyfileobj(source, out)
    files = {name: folder / name for name in names}
    record = next(name for name in names if name.endswith(".dist-info/RECORD"))
    carried = record.removesuffix("RECORD") + "agilab/"
    below = {f"{found.app.name}/{name}": path for name, path in found.files.items()}
    place = folder / INDEX
    place.write_text(index_of(found, below).text(), encoding="utf-8", newline="\n")
    added = {f"{carried}{name}": path for name, path in {**below, INDEX: place}.items()}
    files[record].write_text(
        _recorded(files[record].read_text(encoding="utf-8"), added), encoding="utf-8", newline="\n"
    )
    return files | added


def _recorded(record: str, added: Mapping[str, Path]) -> str:
    """A wheel's RECORD with more files (PEP 427: path, sha256 in URL-safe base 64, size)."""
    rows = list(csv.reader(io.StringIO(record)))
    for name, path in added.items():
        data = path.read_bytes()
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        rows.append([name, f"sha256={digest}", str(len(data))])
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(sorted(rows))
    return text.getvalue()
