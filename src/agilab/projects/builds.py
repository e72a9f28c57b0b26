"""Compiled apps: a source snapshot built by the app's own build backend, for its workers to import.

An app says `[tool.agilab] compiled = true`. Before it runs, its snapshot is built as a wheel inside its environment and
offline, and what the wheel adds is laid over the snapshot's own files, in `builds/<snapshot>-<environment>/tree`. That
folder appears whole or not at all. Where there is no compiler the plain snapshot is imported instead: a compiled app
has a fallback of equal results. Any other failure is an error with the compiler's last words.

| code | what it means |
| --- | --- |
| AGI-BUILD-001 | the build failed, and not for want of a compiler |
| AGI-BUILD-002 | the wheel has nothing compiled in it |
| AGI-BUILD-003 | a compiled module cannot be imported |
| AGI-BUILD-004 | a run that began with compiled modules cannot go on with them |
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agi_node.canonical import digest, sha256_file
from agi_node.errors import ENVIRONMENT, AgiError
from agilab.envs import Environment
from agilab.envs.compiler import missing_compiler, telling_lines
from agilab.envs.locks import changing
from agilab.envs.memory import recall, remember
from agilab.envs.uv import Outcome, Uv
from agilab.store.snapshot import UNFINISHED, Snapshot
from agilab.store.workspace import Workspace

SCHEMA, FALLBACK = "agilab.build.v1", "agilab.build_fallback.v1"
NATIVE = (".so", ".pyd")
Say = Callable[[str], None]

_IMPORT = """\
import importlib, sys
sys.path.insert(0, sys.argv[1])
for name in sys.argv[2:]:
    try:
        importlib.import_module(name)
    except ImportError as problem:
        if "does not define module export function" not in str(problem):  # a library for ctypes is no module
            raise
"""


@dataclass(frozen=True)
class Built:
    """What the workers of a compiled app import.

    Attributes:
        source: The folder that they open.
        state: Whether compiled modules are in it.
        why: Why not; empty where they are.
        identity: Digest of the source as it is imported: of the snapshot, or of the snapshot and its compiled modules.
        modules: SHA-256 of each compiled module, by its place below the import folder.
    """

    source: Path
    state: Literal["built", "fallback"]
    why: str
    identity: str
    modules: dict[str, str]

    def record(self) -> dict[str, Any]:
        """`Compiled` of the manifest."""
        return {"state": self.state, "why": self.why, "modules": self.modules}


def build(
    workspace: Workspace,
    snapshot: Snapshot,
    source: Path,
    environment: Environment,
    *,
    name: str,
    say: Say,
) -> Built:
    """The build of a snapshot for an environment; made if it is missing. `source` is the snapshot as a folder.

    Any number of processes may ask at once: one builds, the others wait. Raises AGI-BUILD-001 to -003, and AGI-ENV-010
    where another process builds for too long.
    """
    if (found := find(workspace, snapshot.digest, environment.fingerprint)) is not None:
        return found
    folder = _folder(workspace, snapshot.digest, environment.fingerprint)
    memory = workspace.cache / "builds" / f"{folder.name}.json"
    if why := _still_missing(memory):
        return _fallback(snapshot, source, why)
    waiting = f"waiting for another process that compiles {name}"
    with changing(workspace.home, folder.name, room="builds", on_wait=lambda: say(waiting)):
        if (found := find(workspace, snapshot.digest, environment.fingerprint)) is not None:
            return found
        say(f"compiling {name}")
        # Always the same place: what a compiler writes down of its folder is then the same in every build.
        making = folder.with_name(f"{UNFINISHED}{folder.name}")
        for left in (making, folder):
            shutil.rmtree(left, ignore_errors=True)  # somebody died here before, or spoilt it
        try:
            missing = _make(making, snapshot, source, environment, name=name, log=memory.with_suffix(".log"))
            if missing is not None:
                remember(memory, {"schema": FALLBACK, "missing": missing, "cc": os.environ.get("CC", "")})
                return _fallback(snapshot, source, _why(missing))
            os.replace(making / "build", folder)
        finally:
            shutil.rmtree(making, ignore_errors=True)
        made = find(workspace, snapshot.digest, environment.fingerprint)
    assert made is not None, "it was written a moment ago, under the lock"
    return made


def find(workspace: Workspace, source_digest: str, fingerprint: str) -> Built | None:
    """The build of a source for an environment, if it is there; starts nothing and writes nothing."""
    return _read(_folder(workspace, source_digest, fingerprint))


def go_on(
    workspace: Workspace,
    snapshot: Snapshot,
    source: Path,
    environment: Environment,
    *,
    recorded: dict[str, Any] | None,
    name: str,
    say: Say,
) -> Path:
    """What the workers of an interrupted run import: what they imported when it began, as its log has `recorded` it.

    Raises AGI-BUILD-004 where its compiled modules are gone and cannot be made again, byte for byte.
    """
    if recorded is None or recorded["state"] != "built":
        return source
    built = build(workspace, snapshot, source, environment, name=name, say=say)
    if built.modules != recorded["modules"]:
        raise AgiError(
            "AGI-BUILD-004",
            f"{name} began with compiled modules that cannot be made again as they were",
            found=built.why or "modules of another digest: the compiler changed",
            allowed="the compiler that was here when the run began",
            try_=f"agilab run {name}",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return built.source


def _make(
    making: Path, snapshot: Snapshot, source: Path, environment: Environment, *, name: str, log: Path
) -> str | None:
    """Fill `making/build`; returns the compiler that is missing, or None where there was one."""
    copy, made = making / "source", making / "build"
    for file in snapshot.files:
        (copy / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / file, copy / file)
    outcome = Uv.found().call(
        *("build", "--wheel", "--no-build-isolation", "--offline", "--python", environment.python),
        *("--out-dir", making / "dist", copy),
        cwd=copy,
    )
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(outcome.out + outcome.err, encoding="utf-8")
    wheels = sorted((making / "dist").glob("*.whl"))
    tree = made / "tree"
    shutil.copytree(source, tree, copy_function=_link, ignore=shutil.ignore_patterns("__pycache__"))
    folder = _import_folder(tree)
    if outcome.code == 0 and wheels:
        _lay_over(wheels[0], folder)
    modules = {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in sorted(folder.rglob("*"))
        if path.suffix in NATIVE
    }
    if not modules:
        missing = missing_compiler(outcome)
        if missing is None:
            raise _failed(outcome, name, log)
        return missing
    _check_imports(environment, folder, modules, name, log)
    remember(made / "build.json", {"schema": SCHEMA, "source": snapshot.digest, "modules": modules})
    return None


def _link(file: str, target: str) -> None:
    try:
        os.link(file, target)
    except OSError:  # another file system
        shutil.copyfile(file, target)


def _lay_over(wheel: Path, folder: Path) -> None:
    """Put the files of a wheel over those of a source; the backend may have written some of them anew."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            name, top = entry.filename, entry.filename.partition("/")[0]
            if top.endswith(".data"):
                scheme, _, name = name.removeprefix(f"{top}/").partition("/")
                if scheme not in ("purelib", "platlib"):
                    continue  # scripts and headers are for an installation
            inside = ".." not in name.split("/") and not name.startswith("/")
            if entry.is_dir() or top.endswith(".dist-info") or not inside:
                continue
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)  # a link to an object, whose bytes are not ours to change
            target.write_bytes(archive.read(entry))
            target.chmod(0o444)


def _check_imports(
    environment: Environment, folder: Path, modules: dict[str, str], name: str, log: Path
) -> None:
    """Import each compiled module once: an app that falls back where an import fails would never say so."""
    names = [place.partition(".")[0].replace("/", ".").removesuffix(".__init__") for place in modules]
    done = subprocess.run(
        [str(environment.python), "-I", "-B", "-c", _IMPORT, str(folder), *names],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        log.write_text(done.stdout + done.stderr, encoding="utf-8")
        raise AgiError(
            "AGI-BUILD-003",
            f"{name} was compiled, and its modules cannot be imported",
            found=telling_lines(done.stderr) or f"exit status {done.returncode}",
            try_=f"less {log}",
            whose="author",
            exit_code=ENVIRONMENT,
        )


def _still_missing(memory: Path) -> str:
    """Why there was no compiler when the build was last tried, if that cannot have changed; else ""."""
    known = recall(memory, FALLBACK)
    if known is None or known.get("cc") != os.environ.get("CC", ""):
        return ""
    missing = str(known.get("missing", ""))
    return _why(missing) if missing and shutil.which(missing) is None else ""


def _why(missing: str) -> str:
    return f"no C compiler: {Path(missing).name} is not found"


def _failed(outcome: Outcome, name: str, log: Path) -> AgiError:
    if outcome.code == 0:
        return AgiError(
            "AGI-BUILD-002",
            f"{name} says that it is compiled, and its wheel has nothing compiled in it",
            found=telling_lines(outcome.err) or "a wheel without a compiled module",
            allowed="a build backend that compiles, such as setuptools with ext_modules",
            try_=f"less {log}",
            whose="author",
            exit_code=ENVIRONMENT,
        )
    return AgiError(
        "AGI-BUILD-001",
        f"{name} could not be compiled",
        found=telling_lines(outcome.err),
        allowed="a build that works offline, with a backend that is among the app's locked packages",
        try_=f"less {log}",
        whose="author",
        exit_code=ENVIRONMENT,
    )


def _fallback(snapshot: Snapshot, source: Path, why: str) -> Built:
    return Built(source, "fallback", why, snapshot.digest, {})


def _read(folder: Path) -> Built | None:
    """The build in a folder; None where there is none, or not the one that its record tells of."""
    record = recall(folder / "build.json", SCHEMA)
    if record is None:
        return None
    tree = folder / "tree"
    modules = {str(place): str(found) for place, found in record["modules"].items()}
    try:
        whole = all(sha256_file(_import_folder(tree) / place) == found for place, found in modules.items())
    except OSError:
        return None
    return Built(tree, "built", "", digest([record["source"], modules]), modules) if whole else None


def _import_folder(tree: Path) -> Path:
    return tree / "src" if (tree / "src").is_dir() else tree


def _folder(workspace: Workspace, source_digest: str, fingerprint: str) -> Path:
    """Named after both, the source first and as its snapshot is: with that, or with the environment, a build goes."""
    return workspace.builds / f"{source_digest[:32]}-{fingerprint[:32]}"
