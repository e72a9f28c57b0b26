"""Wheels that are at hand: files of packages by their digest, for making an environment without a network.

`<home>/wheels/<sha256>/<file>` holds a wheel exactly as a lock names it. What `agilab app package --wheelhouse`
downloads lies there, and what `agilab app import` brings along; an environment whose wheels are all there needs
nothing else.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
import sysconfig
import tempfile
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from agi_node.canonical import sha256_file
from agi_node.errors import ENVIRONMENT, AgiError

if TYPE_CHECKING:
    from packaging.tags import Tag

    from agilab.envs.uv import Uv

Say = Callable[[str], None]
TIMEOUT_SECONDS = 60.0
_CHUNK = 2**20
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")


@dataclass(frozen=True)
class Platform:
    """For whom a wheel is.

    Attributes:
        python: Major and minor version.
        system: `sysconfig.get_platform()`.
    """

    python: str
    system: str

    @classmethod
    def own(cls) -> Platform:
        """The one of this process."""
        return cls(f"{sys.version_info[0]}.{sys.version_info[1]}", sysconfig.get_platform())

    def __str__(self) -> str:
        return f"Python {self.python} on {self.system}"


@dataclass(frozen=True)
class LockedWheel:
    """A wheel that a lock names: where it comes from, and what its bytes are."""

    package: str
    file: str
    url: str
    digest: str


def wheel_at(home: Path, digest: str) -> Path | None:
    """The wheel of this digest, or None where it is not at hand."""
    return next(iter(sorted((home / "wheels" / digest).glob("*.whl"))), None)


def add_wheel(home: Path, wheel: Path, digest: str) -> Path:
    """Keep a wheel whose digest is known to be this one."""
    place = home / "wheels" / digest / wheel.name
    if not place.exists():
        place.parent.mkdir(parents=True, exist_ok=True)
        part = place.with_name(f".{uuid.uuid4().hex[:8]}.part")
        shutil.copyfile(wheel, part)
        os.replace(part, place)
    return place


def needed(uv: Uv, folder: Path, python: Path, name: str) -> str:
    """What an app's lock pins for this interpreter, with hashes, as `uv export` prints it."""
    return uv.run(
        *("export", "--frozen", "--no-emit-project", "--no-emit-local", "--no-annotate", "--no-header"),
        *("--python", python),
        cwd=folder,
        doing=f"read the lock of {name}",
        try_=f"uv lock --check --project {folder}",
    )


def install_at_hand(uv: Uv, python: Path, folder: Path, name: str, home: Path) -> bool:
    """Install into an environment what an app's lock pins, from wheels that are at hand; False where they do not
    suffice.

    Every byte is compared with the hashes of the lock again.
    """
    if not (home / "wheels").is_dir():
        return False
    requirements = needed(uv, folder, python, name)
    folders = [found.parent for digest in _HASH.findall(requirements) if (found := wheel_at(home, digest))]
    if not folders:
        return False
    with tempfile.TemporaryDirectory(prefix="agilab-wheels-") as made:
        listed = Path(made) / "requirements.txt"
        listed.write_text(requirements, encoding="utf-8")
        outcome = uv.call(
            *("pip", "install", "--no-deps", "--no-index", "--offline", "--no-config", "--require-hashes"),
            *("--python", python, "-r", listed),
            *(part for place in folders for part in ("--find-links", place)),
        )
    return outcome.code == 0


# -- from a lock ---------------------------------------------------------------------------------------------


def locked_wheels(lock: Mapping[str, Any], requirements: str, app: str) -> list[LockedWheel]:
    """The wheel of this interpreter and platform for each requirement that applies here, from a `uv.lock`.

    Raises AGI-ENV-016 for a package that has none: it would have to be built, which needs more than a wheelhouse.
    """
    import packaging.tags

    tags = {tag: rank for rank, tag in enumerate(packaging.tags.sys_tags())}
    packages = {(one["name"], one.get("version")): one for one in lock.get("package", ())}
    found, without = [], []
    for name, version in _applying(requirements):
        wheels = packages.get((name, version), {}).get("wheels", ())
        best = min(
            ((rank, one) for one in wheels if (rank := _rank(one, tags)) is not None),
            default=None,
            key=_first,
        )
        if best is None:
            without.append(f"{name} {version}")
            continue
        url = str(best[1]["url"])
        found.append(LockedWheel(name, _file(url), url, str(best[1]["hash"]).removeprefix("sha256:")))
    if without:
        raise AgiError(
            "AGI-ENV-016",
            f"{app} cannot be packaged with its wheels: the lock has none for this machine",
            found=", ".join(without),
            allowed=f"a wheel for {Platform.own()} of each package",
            try_="agilab app package APP, without --wheelhouse",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return found


def fetch(home: Path, wheel: LockedWheel, say: Say = lambda text: None) -> Path:
    """The wheel as a file, downloaded unless it is at hand, and only ever with the bytes that the lock names.

    Raises AGI-ENV-017 where it cannot be had, AGI-ENV-018 where something else comes.
    """
    at_hand = wheel_at(home, wheel.digest)
    if at_hand is not None and sha256_file(at_hand) == wheel.digest:
        return at_hand
    import urllib.request

    say(f"downloading {wheel.file}")
    folder = home / "wheels" / wheel.digest
    folder.mkdir(parents=True, exist_ok=True)
    part, found = folder / f".{uuid.uuid4().hex[:8]}.part", hashlib.sha256()
    try:
        if not wheel.url.startswith(("https://", "http://", "file://")):
            raise OSError(f"no address that can be downloaded from: {wheel.url}")
        with urllib.request.urlopen(wheel.url, timeout=TIMEOUT_SECONDS) as answer, part.open("wb") as out:
            _copy(answer, out, found)
        if found.hexdigest() != wheel.digest:
            raise _other_bytes(wheel, found.hexdigest())
        os.replace(part, folder / wheel.file)
    except OSError as problem:
        raise AgiError(
            "AGI-ENV-017",
            f"{wheel.file} could not be downloaded",
            found=str(problem),
            allowed="the address that uv.lock names, and a network",
            try_="the same command again; what was downloaded already is kept",
            whose="environment",
            exit_code=ENVIRONMENT,
        ) from problem
    finally:
        part.unlink(missing_ok=True)
    return folder / wheel.file


def _copy(answer: IO[bytes], out: IO[bytes], digest: Any) -> None:
    while chunk := answer.read(_CHUNK):
        digest.update(chunk)
        out.write(chunk)


def _applying(requirements: str) -> Iterator[tuple[str, str]]:
    """(name, version) of each pinned requirement whose marker holds here."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    for line in re.sub(r"\\\n\s*", "", requirements).splitlines():
        text = line.partition(" --hash")[0].strip()
        if not text or text.startswith(("#", "-")):
            continue
        one = Requirement(text)
        pinned = [part.version for part in one.specifier if part.operator in ("==", "===")]
        if pinned and (one.marker is None or one.marker.evaluate()):
            yield canonicalize_name(one.name), pinned[0]


def _rank(wheel: Mapping[str, Any], tags: Mapping[Tag, int]) -> int | None:
    """How well a wheel fits here, 0 the best; None where it does not fit, or has no address."""
    from packaging.utils import InvalidWheelFilename, parse_wheel_filename

    if "url" not in wheel or "hash" not in wheel:
        return None
    try:
        found = [tags[tag] for tag in parse_wheel_filename(_file(str(wheel["url"])))[3] if tag in tags]
    except InvalidWheelFilename:
        return None
    return min(found, default=None)


def _first(pair: tuple[int, Any]) -> int:
    return pair[0]


def _file(url: str) -> str:
    from urllib.parse import unquote, urlsplit

    return unquote(urlsplit(url).path.rpartition("/")[2])


def _other_bytes(wheel: LockedWheel, found: str) -> AgiError:
    return AgiError(
        "AGI-ENV-018",
        f"{wheel.file} is not the file that the lock names, and was not kept",
        found=found,
        allowed=wheel.digest,
        try_="uv lock, where the package was published anew",
        whose="environment",
        exit_code=ENVIRONMENT,
    )
