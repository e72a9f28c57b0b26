"""A lock as `uv export` prints it: the packages of an environment, and the folders that are none of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.envs.interpreter import Interpreter
from agilab.envs.libraries import LockedLibrary

if TYPE_CHECKING:
    from agilab.envs.uv import Uv

EXPORT = ("export", "--frozen", "--no-emit-project", "--no-annotate", "--no-header")
_LOCAL = re.compile(r"-e |\.|/|file:|[^\s#]+ @ file:")
"""How an entry of an export begins that is a file or folder of this machine; a file has a hash, a folder has none."""


@dataclass(frozen=True)
class Exported:
    """A lock as `uv export` prints it.

    Attributes:
        requirements: What an environment holds: every package with its version and hashes.
        local: The folders of local libraries, as uv writes them.
    """

    requirements: str
    local: tuple[str, ...]


def export(uv: Uv, folder: Path, interpreter: Interpreter, *, name: str) -> Exported:
    """The lock as requirements with hashes, the text whose digest is in the fingerprint, and the folders beside it."""
    text = uv.run(
        *EXPORT,
        "--python",
        interpreter.path,
        cwd=folder,
        doing=f"read the lock of {name}",
        try_=f"uv lock --check --project {folder}",
    )
    lines = text.splitlines(keepends=True)
    local = [line for line in lines if _LOCAL.match(line) and not line.rstrip().endswith("\\")]
    return Exported("".join(line for line in lines if line not in local), tuple(map(_folder_in, local)))


def _folder_in(line: str) -> str:
    """The folder that a line of an export names: without `-e`, what applies when, and the scheme of an URL."""
    from urllib.parse import unquote

    place = line.removeprefix("-e ").partition(" ;")[0].strip()
    place = place.rpartition(" @ ")[2]
    return unquote(place.removeprefix("file://")) if place.startswith("file:") else place


def requirements_of(text: str) -> list[str]:
    """The entries of an export, each with its hashes on one line."""
    joined = re.sub(r"\\\n\s*", "", text)
    return [line for line in map(str.strip, joined.splitlines()) if line and not line.startswith("#")]


def _name_of(entry: str) -> str:
    """The package of an entry: its first word, or what the file name of a wheel or archive says."""
    first = re.split(r"[ =<>!~;\[@]", entry, maxsplit=1)[0]
    if "/" in first:
        first = first.rpartition("/")[2].partition("-")[0]
    return re.sub(r"[-_.]+", "-", first).lower()


def refuse_unshareable(
    exported: Exported, libraries: tuple[LockedLibrary, ...], name: str, folder: Path
) -> None:
    """Raise AGI-ENV-006 where the lock breaks what sharing by fingerprint and `agi_node` rest on."""
    names = {_name_of(entry) for entry in requirements_of(exported.requirements)}
    unsuited: dict[str, Any] | None = None
    if len(libraries) != len(exported.local):
        unsuited = {
            "found": ", ".join(exported.local),
            "allowed": "packages from an index, an URL or a Git commit, whose content the lock pins, and folders of "
            "Python projects",
            "try_": "publish the package or put its modules into the app's own src folder, then uv lock",
        }
    elif "agi-node" in {*names, *(one.name for one in libraries)}:
        unsuited = {
            "found": "agi-node among the dependencies",
            "allowed": "none: AGILab adds its own agi_node to each environment",
            "try_": f"uv remove --project {folder} agi-node",
        }
    elif "pydantic" not in names:
        unsuited = {
            "found": "no pydantic among the dependencies",
            "allowed": "pydantic, which agi_node needs, locked by the app",
            "try_": f"uv add --project {folder} pydantic",
        }
    if unsuited:
        raise AgiError(
            "AGI-ENV-006",
            f"the lock of {name} does not fit a shared environment",
            whose="author",
            exit_code=ENVIRONMENT,
            **unsuited,
        )
