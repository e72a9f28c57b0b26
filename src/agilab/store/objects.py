"""The artifact store: bytes by their SHA-256, written once, read-only."""

from __future__ import annotations

import filecmp
import os
import shutil
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from agi_node.canonical import sha256_bytes, sha256_file
from agi_node.errors import AgiError
from agi_node.lent import set_aside


class ObjectStore:
    """Objects in `objects/ab/cdef…`, each named by the digest of its bytes.

    Responsible for: an object being whole and on disk before anybody records it (`sync`).
    Not responsible for: who refers to an object; that is the log's.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._unsynced: list[Path] = []

    def path(self, digest: str) -> Path:
        """Where the object with this digest lies, if it is there."""
        return self.root / digest[:2] / digest[2:]

    def __contains__(self, digest: str) -> bool:
        return self.path(digest).exists()

    def holds(self, digest: str, size: int) -> bool:
        """Whether the object is here in its full length: one that nobody had synced may be cut off by a power cut."""
        try:
            return self.path(digest).stat().st_size == size
        except FileNotFoundError:
            return False

    def put(self, data: bytes) -> str:
        """Keep bytes; returns their digest. The same bytes again are compared: an object that was damaged is mended."""
        digest = sha256_bytes(data)
        target = self.path(digest)
        if not (self.holds(digest, len(data)) and target.read_bytes() == data):
            target.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=target.parent, prefix=".put-")
            try:
                with os.fdopen(handle, "wb") as file:
                    file.write(data)
                self._settle(Path(name), target)
            except BaseException:
                # On a full disk, half an object would take the room that others need.
                Path(name).unlink(missing_ok=True)
                raise
        return digest

    def adopt(self, staged: Path, digest: str, size: int) -> str:
        """Move a staged file in under the digest that its writer computed.

        Where the object is here already the two are compared, and a damaged one is mended. The size is checked here;
        the digest by `agilab runs verify`, which reads every byte again.
        Raises AGI-STORE-006 where the file is missing or has another size.
        """
        try:
            found = staged.stat().st_size
        except FileNotFoundError:
            if digest in self:  # the same bytes were adopted already: a report that came twice
                return digest
            found = -1
        if found != size:
            raise AgiError(
                "AGI-STORE-006",
                f"a staged artifact is not what its writer announced: {staged.name}",
                found="no such file" if found < 0 else f"{found} bytes",
                allowed=f"{size} bytes",
                whose="agilab",
                exit_code=1,
            )
        target = self.path(digest)
        if self.holds(digest, size) and filecmp.cmp(staged, target, shallow=False):
            staged.unlink()
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            self._settle(staged, target)
        return digest

    def set_aside(self, digest: str) -> None:
        """Take an object whose bytes are others from where it is looked for: whoever wants it finds it missing."""
        set_aside(self.path(digest))

    def mend(self, staged: Path, digest: str) -> None:
        """Move a staged file, whose bytes have this digest, to where an object is missing or damaged."""
        self._settle(staged, self.path(digest))

    def read(self, digest: str) -> bytes:
        """The bytes of an object. Raises AGI-STORE-007 where it is not (or no longer) here."""
        try:
            return self.path(digest).read_bytes()
        except FileNotFoundError:
            raise _gone(digest) from None

    def sync(self) -> None:
        """Force everything put since the last call to disk: many files at once, before they are recorded."""
        pending, self._unsynced = self._unsynced, []
        if len(pending) == 1:
            sync(pending[0])
        elif pending:
            with ThreadPoolExecutor(max_workers=min(8, len(pending))) as threads:
                list(threads.map(sync, pending))

    def is_whole(self, digest: str) -> bool:
        """Whether the object is here and its bytes still have its digest."""
        path = self.path(digest)
        return path.exists() and sha256_file(path) == digest

    def link(self, digest: str, target: Path) -> None:
        """Show an object under a readable name: a hard link, or a copy on another file system.

        Raises AGI-STORE-007 where it is not (or no longer) here.
        """
        target.parent.mkdir(parents=True, exist_ok=True)
        target.unlink(missing_ok=True)
        try:
            os.link(self.path(digest), target)
        except OSError:
            if digest not in self:
                raise _gone(digest) from None
            shutil.copyfile(self.path(digest), target)

    def digests(self) -> Iterator[str]:
        """Every object that is here."""
        for folder in sorted(self.root.glob("[0-9a-f][0-9a-f]")):
            for file in sorted(folder.iterdir()):
                if not file.name.startswith("."):
                    yield folder.name + file.name

    def _settle(self, staged: Path, target: Path) -> None:
        os.chmod(staged, 0o444)
        os.replace(staged, target)
        self._unsynced.append(target)


def _gone(digest: str) -> AgiError:
    return AgiError(
        "AGI-STORE-007",
        f"object {digest[:12]} is not in the store",
        found="no such object",
        allowed="every object that a run refers to",
        try_="agilab store check, then: agilab store import EXPORT puts back what an export of the run holds",
        whose="environment",
        exit_code=1,
    )


def sync(path: Path) -> None:
    """Force one file to disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
