"""`agilab env doctor`: look at what environments rest on, and at one app's or at all of them.

Everything is observed there and then: programs are started, files compared with their records, folders
written to.

| code | what is looked at |
| --- | --- |
| AGI-ENV-101 | uv: found, and new enough |
| AGI-ENV-102 | the workspace: can be written |
| AGI-ENV-103 | uv's cache: can be written |
| AGI-ENV-104 | the workspace: on a local disk |
| AGI-ENV-105 | remains of interrupted processes |
| AGI-ENV-111 | the app: its lock is fresh and an interpreter fits it |
| AGI-ENV-112 | the environment: made, and whole |
| AGI-ENV-113 | its interpreter: starts, and is the recorded one |
| AGI-ENV-114 | its files: there, and as they were installed |
| AGI-ENV-115 | its packages: those of the lock, no other |
| AGI-ENV-116 | its `agi_node`: this one |
| AGI-ENV-117 | its files: hard-linked from uv's cache |
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agi_node.errors import AgiError
from agilab.envs.environment import (
    Environment,
    Wanted,
    interpreter_in,
    read_environment,
    site_packages,
    wanted_environment,
    why_not_whole,
)
from agilab.envs.installed import Inspection, inspect_files, installed_packages
from agilab.envs.interpreter import probe
from agilab.envs.inventory import environment_folders
from agilab.envs.locked import check_fresh
from agilab.envs.node_wheel import agi_node_digest, source_digest
from agilab.envs.pruning import remains
from agilab.envs.uv import Uv

Level = Literal["ok", "warn", "error"]

OLDEST_UV = (0, 9)

NETWORK = frozenset({
    "9p", "afs", "beegfs", "ceph", "cifs", "fuse.sshfs", "glusterfs", "gpfs", "lustre", "nfs",
    "nfs4", "smb3", "smbfs",
})  # fmt: skip
"""File systems on which locks, renames or thousands of small files are slow or less than certain."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Attributes:
        code: Stable identifier of the check.
        level: "ok", "warn" (works, but worth knowing) or "error" (will not work).
        what: One sentence.
        evidence: What was seen.
        try_: The next command, "" if there is nothing to do.
    """

    code: str
    level: Level
    what: str
    evidence: str
    try_: str = ""

    def to_plain(self) -> dict[str, Any]:
        """The finding as JSON."""
        return {
            "code": self.code,
            "level": self.level,
            "what": self.what,
            "evidence": self.evidence,
            "try": self.try_,
        }


def doctor(workspace_home: Path | str, app_folder: Path | str | None = None) -> list[Finding]:
    """Look at this machine, and at the environment of one app, or at every environment there is.

    With an app its files are compared by content, otherwise by size. Repairs nothing, creates nothing that
    stays, needs no network, and never raises for what it finds.
    """
    home = Path(workspace_home).absolute()
    findings = [
        _writable("AGI-ENV-102", "the workspace", home, "set AGILAB_HOME to a folder of yours"),
        _local(home),
    ]
    findings += _remains(home)
    try:
        uv: Uv | None = Uv.found()
    except AgiError as error:
        uv = None
        findings.insert(0, _from_error("AGI-ENV-101", error))
    if uv is not None:
        findings.insert(0, _uv_version(uv))
        another = "set UV_CACHE_DIR to a folder of yours"
        findings.append(_writable("AGI-ENV-103", "uv's cache", _uv_cache(uv), another))
    if app_folder is not None:
        return findings + (list(_app(uv, Path(app_folder), home)) if uv else [])
    for folder in sorted(environment_folders(home)):
        findings += _environment(folder, uv, repair="agilab app install APP --rebuild", deep=False)
    return findings


def _uv_version(uv: Uv) -> Finding:
    code = "AGI-ENV-101"
    try:
        version = uv.version()
    except AgiError as error:
        return _from_error(code, error)
    evidence = f"uv {version} at {uv.binary}"
    if tuple(int(part) for part in version.split(".")[:2]) < OLDEST_UV:
        oldest = ".".join(map(str, OLDEST_UV))
        return Finding(
            code, "error", f"uv is older than {oldest}", evidence, "python -m pip install --upgrade uv"
        )
    return Finding(code, "ok", "uv is there", evidence)


def _uv_cache(uv: Uv) -> Path:
    return Path(uv.call("cache", "dir").out.strip())


def _writable(code: str, name: str, folder: Path, try_: str) -> Finding:
    place = _existing(folder)
    try:
        with tempfile.TemporaryFile(dir=place) as file:
            file.write(b"agilab")
    except OSError as problem:
        return Finding(code, "error", f"{name} cannot be written", f"{problem.strerror}: {place}", try_)
    return Finding(code, "ok", f"{name} can be written", str(folder))


def _local(home: Path) -> Finding:
    code, (mount, kind) = "AGI-ENV-104", _mount_of(_existing(home))
    if kind in NETWORK:
        return Finding(
            code,
            "warn",
            "the workspace is on a network file system: environments start slowly, and locks may not hold",
            f"{kind} at {mount}",
            "set AGILAB_HOME to a folder on a local disk",
        )
    evidence = f"{kind or 'unknown file system'} at {mount}"
    return Finding(code, "ok", "the workspace is on a local disk", evidence)


def _mount_of(folder: Path) -> tuple[str, str]:
    import psutil

    real = os.path.realpath(folder)
    mounts = [
        (part.mountpoint, part.fstype)
        for part in psutil.disk_partitions(all=True)
        if os.path.commonpath([real, part.mountpoint]) == part.mountpoint
    ]
    return max(mounts, key=lambda mount: len(mount[0]), default=("/", ""))


def _remains(home: Path) -> list[Finding]:
    left = remains(home)
    if not left:
        return []
    what = "an interrupted process, or one at work now, left folders that nothing uses"
    evidence = ", ".join(path.name[:32] for path in left[:3])
    return [Finding("AGI-ENV-105", "warn", what, evidence, "agilab env prune")]


def _app(uv: Uv, folder: Path, home: Path) -> Iterator[Finding]:
    code, repair = "AGI-ENV-111", f"agilab app install {folder} --rebuild"
    try:
        wanted = wanted_environment(folder, home, offline=True)
        check_fresh(uv, wanted.sources, wanted.interpreter, name=wanted.locked.name, offline=True)
    except (AgiError, OSError) as error:
        yield _from_error(code, error)
        return
    pinned = f"uv.lock {wanted.sources.lock_digest[:12]}, Python {wanted.interpreter.version}"
    what = f"the lock of {wanted.locked.name} is fresh, and an interpreter fits it"
    yield Finding(code, "ok", what, pinned)
    path = home / "envs" / wanted.inputs.fingerprint
    if not path.exists():
        what = f"{wanted.locked.name} has no environment yet"
        yield Finding("AGI-ENV-112", "warn", what, str(path), f"agilab app install {folder}")
        return
    yield from _environment(path, uv, repair=repair, deep=True, wanted=wanted)


def _environment(
    path: Path, uv: Uv | None, *, repair: str, deep: bool, wanted: Wanted | None = None
) -> list[Finding]:
    name = wanted.locked.name if wanted else path.name[:12]
    environment, site = read_environment(path), site_packages(path)
    if environment is None or site is None:
        evidence = why_not_whole(path) or "it has no site-packages"
        return [Finding("AGI-ENV-112", "error", f"the environment of {name} is not whole", evidence, repair)]
    inspection = inspect_files(site, deep=deep)
    findings = [
        Finding("AGI-ENV-112", "ok", f"the environment of {name} is whole", str(path)),
        _interpreter(environment, name, repair),
        _files(inspection, name, repair, deep=deep),
        _packages(environment, site, uv, wanted, name=name, repair=repair),
        _agi_node(environment, site, name, repair),
    ]
    return [*findings, _links(inspection, path, uv, name)]


def _interpreter(environment: Environment, name: str, repair: str) -> Finding:
    code, found = "AGI-ENV-113", probe(interpreter_in(environment.path))
    if found is None:
        return Finding(code, "error", f"the Python of {name} does not start", str(environment.python), repair)
    if (found.version, found.platform) != (environment.python_version, environment.platform):
        evidence = f"now {found.version} on {found.platform}, made with {environment.python_version}"
        return Finding(code, "error", f"the Python of {name} was replaced", evidence, repair)
    return Finding(code, "ok", f"the Python of {name} starts", f"{found.version} on {found.platform}")


def _files(inspection: Inspection, name: str, repair: str, *, deep: bool) -> Finding:
    code, damaged = "AGI-ENV-114", inspection.damaged
    if damaged:
        shown = "; ".join(f"{one.file}: {one.problem}" for one in damaged[:3])
        more = f"; and {len(damaged) - 3} more" if len(damaged) > 3 else ""
        what = f"files of {name} are not as they were installed: {len(damaged)}"
        # Through the hard link uv's cached file changed too: rebuilding alone would bring the change back.
        changed = any(one.problem != "missing" for one in damaged)
        packages = " ".join(sorted({one.package for one in damaged} - {"agi-node"}))
        return Finding(
            code,
            "error",
            what,
            shown + more,
            f"uv cache clean {packages}, then {repair}" if changed else repair,
        )
    evidence = f"{inspection.files} files by {'SHA-256' if deep else 'size'}"
    return Finding(code, "ok", f"the files of {name} are as they were installed", evidence)


def _packages(
    environment: Environment, site: Path, uv: Uv | None, wanted: Wanted | None, *, name: str, repair: str
) -> Finding:
    code, now, then = "AGI-ENV-115", installed_packages(site), environment.packages
    drift = [
        f"{package}: {then.get(package, 'not')} installed, now {now.get(package, 'gone')}"
        for package in sorted({*now, *then})
        if now.get(package) != then.get(package)
    ]
    if not drift and uv is not None and wanted is not None:
        outcome = uv.call(
            *("sync", "--frozen", "--check", "--inexact", *wanted.locked.not_installed, "--offline"),
            *("--python", environment.python),
            cwd=wanted.sources.folder,
            variables={"UV_PROJECT_ENVIRONMENT": str(environment.path)},
        )
        if outcome.code != 0:
            drift = [line for line in outcome.err.splitlines() if line.startswith((" +", " -", " ~"))]
            drift = drift or [outcome.last_words()]
    if drift:
        what = f"the packages of {name} drifted from its lock"
        return Finding(code, "error", what, "; ".join(drift[:5]), repair)
    against = "uv.lock" if wanted else "the record of its making"
    return Finding(code, "ok", f"the packages of {name} are those of {against}", f"{len(now)} packages")


def _agi_node(environment: Environment, site: Path, name: str, repair: str) -> Finding:
    code, running = "AGI-ENV-116", agi_node_digest()
    there = source_digest(site / "agi_node")
    if there != environment.agi_node_digest:
        evidence = f"recorded {environment.agi_node_digest[:12]}, found {there[:12]}"
        return Finding(code, "error", f"the agi_node of {name} was changed", evidence, repair)
    if there != running:
        evidence = f"this one is {running[:12]}, that one {there[:12]}"
        what = f"the agi_node of {name} is another AGILab's; its apps get a new environment at their next run"
        return Finding(code, "warn", what, evidence, "agilab env prune")
    return Finding(code, "ok", f"the agi_node of {name} is this AGILab's", there[:12])


def _links(inspection: Inspection, path: Path, uv: Uv | None, name: str) -> Finding:
    code = "AGI-ENV-117"
    evidence = f"{inspection.linked} of {inspection.files} files share their bytes with uv's cache"
    if inspection.linked * 2 >= inspection.files:
        return Finding(code, "ok", f"{name} is hard-linked", evidence)
    if sys.platform == "darwin":
        return Finding(code, "ok", f"{name} is cloned, as uv does on this system", evidence)
    what = f"{name} is a copy, which costs time and space"
    cache = _existing(_uv_cache(uv)) if uv else None
    if cache and os.stat(cache).st_dev != os.stat(path).st_dev:
        evidence += f"; the cache {cache} is on another file system"
        return Finding(code, "warn", what, evidence, "set UV_CACHE_DIR to a folder beside the workspace")
    mode = os.environ.get("UV_LINK_MODE", "unset")
    return Finding(code, "warn", what, f"{evidence}; UV_LINK_MODE is {mode}", "unset UV_LINK_MODE")


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists: where it would be made."""
    while not folder.is_dir() and folder != folder.parent:
        folder = folder.parent
    return folder


def _from_error(code: str, error: AgiError | OSError) -> Finding:
    if isinstance(error, AgiError):
        return Finding(code, "error", error.what, error.found or error.code, error.try_ or "")
    return Finding(code, "error", "the workspace cannot be read or written", str(error), "agilab env doctor")
