"""Which Python an environment is made with."""

from __future__ import annotations

import functools
import json
import os
import sys
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import digest
from agi_node.errors import ENVIRONMENT, AgiError
from agilab.envs.memory import recall, remember

SCHEMA = "agilab.interpreter.v1"

_PROBE = """
import json, sys, sysconfig
print(json.dumps([sys.implementation.name, sys.version, sysconfig.get_platform()]))
"""


@dataclass(frozen=True)
class Interpreter:
    """One Python on this machine.

    Attributes:
        path: The executable, not that of a virtual environment.
        implementation: `sys.implementation.name`, such as "cpython".
        version: The full version; "+freethreaded" is appended where there is no GIL, because wheels differ.
        platform: `sysconfig.get_platform()`.
    """

    path: Path
    implementation: str
    version: str
    platform: str

    @property
    def plain_version(self) -> str:
        """The version as version specifiers know it."""
        return self.version.partition("+")[0]


@functools.cache
def own_interpreter() -> Interpreter:
    """The Python that runs the manager."""
    base = getattr(sys, "_base_executable", None) or sys.executable
    return Interpreter(Path(base), sys.implementation.name, _version(sys.version), sysconfig.get_platform())


def probe(path: Path) -> Interpreter | None:
    """Ask a Python what it is; None if it does not start or does not answer."""
    import subprocess

    try:
        command = [str(path), "-I", "-c", _PROBE]
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=True)
        implementation, version, on = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return Interpreter(path, str(implementation), _version(str(version)), str(on))


def _version(told: str) -> str:
    """The version from `sys.version`, read as the `platform` module does, which is slow to import."""
    return told.split(maxsplit=1)[0] + ("+freethreaded" if "free-threading" in told else "")


def choose(requires_python: str, home: Path, app: str) -> Interpreter:
    """The interpreter for an app: the manager's own where it fits, else the newest that uv finds.

    The choice is remembered in `<home>/cache`, so that it costs a process only once. Raises AGI-ENV-005
    with the interpreters that there are if none satisfies `requires_python`.
    """
    own = own_interpreter()
    if not requires_python.strip():
        return own
    asked = {"own": [str(own.path), own.version], "requires_python": requires_python}
    path = home / "cache" / "interpreters" / f"{digest(asked)}.json"
    known = recall(path, SCHEMA)
    if known is not None and (chosen := _recalled(known, own)) is not None:
        return chosen
    chosen = _choose(requires_python, own, app)
    remember(
        path,
        {
            "schema": SCHEMA,
            "path": str(chosen.path),
            "implementation": chosen.implementation,
            "version": chosen.version,
            "platform": chosen.platform,
            "identity": _identity(chosen.path),
        },
    )
    return chosen


def _recalled(known: dict[str, Any], own: Interpreter) -> Interpreter | None:
    try:
        found = Interpreter(
            Path(known["path"]), str(known["implementation"]), str(known["version"]), str(known["platform"])
        )
        if found == own or known["identity"] == _identity(found.path):
            return found
    except (KeyError, TypeError, OSError):
        pass
    return None


def _identity(path: Path) -> list[int]:
    """Changes when the executable is replaced, as a distribution's upgrade does."""
    real = os.stat(path)
    return [real.st_size, real.st_mtime_ns]


def _choose(requires_python: str, own: Interpreter, app: str) -> Interpreter:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        wanted = SpecifierSet(requires_python)
    except InvalidSpecifier as problem:
        raise AgiError(
            "AGI-ENV-002",
            f"pyproject.toml of {app}: project.requires-python is not a version specifier",
            found=requires_python,
            allowed='such as ">=3.11"',
            whose="author",
            exit_code=ENVIRONMENT,
        ) from problem
    if wanted.contains(own.plain_version, prereleases=True):
        return own
    seen = [own.version]
    for version, path in candidates():
        seen.append(version)
        if wanted.contains(version, prereleases=True) and (found := probe(path)) is not None:
            return found
    raise AgiError(
        "AGI-ENV-005",
        f"no Python on this machine fits {app}",
        found=", ".join(dict.fromkeys(seen)),
        allowed=f"{requires_python} (requires-python in its pyproject.toml), and 3.11 or newer",
        try_="install such a Python and put it on PATH, or widen requires-python and run uv lock",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def candidates() -> Iterator[tuple[str, Path]]:
    """(version, path) of the CPythons that uv finds, from 3.11 on, releases before previews, newest first."""
    from agilab.envs.uv import Uv

    outcome = Uv.found().call(
        "python", "list", "--only-installed", "--output-format", "json", variables={"PATH": _search_path()}
    )
    try:
        listed = json.loads(outcome.out) if outcome.code == 0 else []
    except ValueError:
        listed = []
    ranked = []
    for row in listed:
        parts = row.get("version_parts", {})
        number = (parts.get("major", 0), parts.get("minor", 0), parts.get("patch", 0))
        plain = row.get("implementation") == "cpython" and row.get("variant", "default") == "default"
        if plain and row.get("path") and number >= (3, 11):
            release = row["version"].replace(".", "").isdigit()
            ranked.append(((release, number), str(row["version"]), Path(row["path"])))
    ranked.sort(key=lambda entry: entry[0], reverse=True)
    yield from ((version, path) for _, version, path in ranked)


def _search_path() -> str:
    """PATH with pyenv's interpreters in place of its shims, which refuse to start and make uv give up."""
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders = [f for f in os.environ.get("PATH", "").split(os.pathsep) if f and Path(f) != root / "shims"]
    return os.pathsep.join([*folders, *map(str, sorted(root.glob("versions/*/bin")))])
