"""Whole files or none: how a document reaches the disk."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

from agilab.contracts.errors import ENVIRONMENT, AgiError


def write_atomically(path: Path | str, data: bytes) -> None:
    """Put `data` at `path` so that every reader, at every instant, sees the old file or the new one.

    The bytes go to a temporary file in the same folder (a rename across file systems is no rename), are
    synced, and take the name in one step. An existing file keeps its permissions, and a symbolic link
    stays one: what it points at is replaced. Raises AGI-DOC-006 where the disk refuses; the old file
    is then as it was.
    """
    target = Path(os.path.realpath(path))
    temporary = target.with_name(f".{target.name[:100]}.{secrets.token_hex(6)}.tmp")
    try:
        _write_new(temporary, data, _mode_of(target))
        os.replace(temporary, target)
        _sync_folder(target.parent)
    except OSError as error:
        raise AgiError(
            "AGI-DOC-006",
            f"{path}: cannot be written, and what was there is unchanged",
            found=error.strerror or str(error),
            allowed="a folder that exists, with room and permission to write",
            try_=f"ls -ld {target.parent}; df -h {target.parent}",
            whose="environment",
            exit_code=ENVIRONMENT,
        ) from error
    finally:
        with suppress(OSError):
            os.unlink(temporary)  # gone already, unless something went wrong above


def _mode_of(target: Path) -> int | None:
    try:
        return target.stat().st_mode & 0o7777
    except FileNotFoundError:
        return None


def _write_new(path: Path, data: bytes, mode: int | None) -> None:
    # Not tempfile: its files are 0600 whatever the umask, and would stay so after the rename.
    binary = getattr(os, "O_BINARY", 0)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | binary, 0o666)
    with open(descriptor, "wb") as file:
        if mode is not None and hasattr(os, "fchmod"):
            os.fchmod(descriptor, mode)
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut; on Windows, the rename has to do."""
    if os.name == "nt":
        return
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
