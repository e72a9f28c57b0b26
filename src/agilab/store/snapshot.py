"""Source snapshots: a run executes the source as it was when the run began, whatever is edited meanwhile."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from agi_node.canonical import canonical, sha256_file
from agi_node.errors import AgiError
from agilab.store.objects import ObjectStore

MAX_BYTES = 64 * 2**20
UNFINISHED = ".making-"
"""How a folder is called while it is filled or emptied: what has a snapshot's name is whole."""
_TOP_LEVEL = (".py", ".toml", ".lock", ".dot", ".md", ".pyx", ".pxd")
_NEVER = frozenset({"__pycache__", ".venv", ".git", ".ipynb_checkpoints", "node_modules"})


@dataclass(frozen=True)
class Snapshot:
    """An app's source, by content.

    Attributes:
        digest: SHA-256 of the canonical JSON of `files`; the name of the tree object.
        files: Relative path (POSIX) to the digest of the file's bytes.
    """

    digest: str
    files: Mapping[str, str]


def take(folder: Path, objects: ObjectStore) -> Snapshot:
    """Put an app's source into the object store.

    Source is everything below `src/` and the project's own small files beside it; data, environments and
    caches are not. Raises AGI-APP-104 where that is more than 64 MiB, naming the largest file.
    """
    files: dict[str, str] = {}
    sizes: dict[str, int] = {}
    total = 0
    for path in source_files(folder):
        name = path.relative_to(folder).as_posix()
        sizes[name] = path.stat().st_size
        total += sizes[name]
        if total > MAX_BYTES:
            largest = max(sizes, key=lambda name: sizes[name])
            raise AgiError(
                "AGI-APP-104",
                f"the source of {folder.name} is larger than {MAX_BYTES // 2**20} MiB",
                found=f"{largest} with {sizes[largest]:,} bytes",
                allowed="code below src/; data belongs into a data folder",
                try_=f"mv {largest} data/",
                whose="author",
            )
        digest = sha256_file(path)
        if not objects.holds(digest, sizes[name]):
            digest = objects.put(path.read_bytes())
        files[name] = digest
    return Snapshot(objects.put(canonical(files)), files)


def source_files(folder: Path) -> Iterator[Path]:
    """The files that make up an app's source, in a fixed order."""
    for entry in sorted(folder.iterdir()):
        if entry.is_file() and entry.suffix in _TOP_LEVEL:
            yield entry
    for root, folders, names in os.walk(folder / "src"):
        folders[:] = sorted(name for name in folders if name not in _NEVER and not name.startswith("."))
        for name in sorted(names):
            path = Path(root) / name
            # What is no file, or a link to none (an editor marks a file that is being edited with one), is no source.
            if not name.endswith((".pyc", ".pyo")) and path.is_file():
                yield path


def materialise(snapshot: Snapshot, objects: ObjectStore, snapshots: Path) -> Path:
    """A folder with the snapshot's files, read-only by hard link, for workers to import from."""
    target = snapshots / snapshot.digest[:32]
    if not target.exists():
        snapshots.mkdir(parents=True, exist_ok=True)
        building = Path(tempfile.mkdtemp(dir=snapshots, prefix=UNFINISHED))
        for name, digest in snapshot.files.items():
            objects.link(digest, building / name)
        try:
            os.replace(building, target)
        except OSError:
            # Somebody else made the same snapshot meanwhile; theirs has the same content.
            if not target.exists():
                raise
    return target


def discard(folder: Path) -> None:
    """Remove a snapshot's folder: out of sight first, as whoever dies in between must not leave half of one."""
    hidden = folder.with_name(f"{UNFINISHED}{folder.name}")
    shutil.rmtree(hidden, ignore_errors=True)  # somebody died here before
    os.replace(folder, hidden)
    shutil.rmtree(hidden)
