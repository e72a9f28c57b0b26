"""This AGILab's `agi_node` as a wheel: what the workbench adds to every environment.

The wheel is made from the files of the running package, wherever they lie (a checkout or site-packages),
so an environment always speaks the protocol of the manager that made it. Equal sources give equal bytes.
"""

from __future__ import annotations

import base64
import hashlib
import io
import os
import zipfile
from pathlib import Path

import agi_node
from agi_node.canonical import digest, sha256_bytes

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip file can hold."""

Sources = tuple[tuple[str, bytes], ...]
"""(relative path with slashes, content) of every file of a package, sorted by path."""


def package_folder() -> Path:
    """Where the running `agi_node` lies."""
    return Path(agi_node.__file__).parent


def agi_node_digest() -> str:
    """Digest of the running `agi_node`."""
    return source_digest(package_folder())


def source_digest(package: Path) -> str:
    """Digest over the relative paths and contents of a package's files, compiled and hidden ones left out."""
    return _digest_of(_sources(package))


def build_node_wheel(home: Path) -> Path:
    """The wheel of the running `agi_node`, in `<home>/cache/agi-node/<digest>/`; made if it is missing."""
    # Read once: in a checkout somebody may be editing, and the folder's name vouches for the content.
    sources = _sources(package_folder())
    # The digest names the folder: uv keys what it unpacked by path, and the version is the release's.
    folder = home / "cache" / "agi-node" / _digest_of(sources)
    version, metadata = _metadata()
    wheel = folder / f"agi_node-{version}-py3-none-any.whl"
    if not wheel.exists():
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".{os.getpid()}.part"
        part.write_bytes(_wheel_bytes(sources, version, metadata))
        os.replace(part, wheel)
    return wheel


def _wheel_bytes(sources: Sources, version: str, metadata: str) -> bytes:
    """A pure wheel (PEP 427); the same input gives the same bytes on every machine."""
    information = f"agi_node-{version}.dist-info"
    files = [(f"agi_node/{name}", data) for name, data in sources]
    files += [
        (f"{information}/METADATA", metadata.encode()),
        (
            f"{information}/WHEEL",
            b"Wheel-Version: 1.0\nGenerator: agilab\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        ),
    ]
    record = "".join(f"{name},sha256={_record_hash(data)},{len(data)}\n" for name, data in files)
    files.append((f"{information}/RECORD", f"{record}{information}/RECORD,,\n".encode()))

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files:
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.create_system = 3
            entry.external_attr = 0o100644 << 16
            # Stored, not deflated: different builds of zlib compress to different bytes.
            entry.compress_type = zipfile.ZIP_STORED
            archive.writestr(entry, data)
    return buffer.getvalue()


def _sources(package: Path) -> Sources:
    found = []
    for folder, folders, files in os.walk(package):
        folders[:] = [name for name in folders if name != "__pycache__" and not name.startswith(".")]
        found += [
            os.path.join(folder, name)
            for name in files
            if not name.startswith(".") and not name.endswith((".pyc", ".pyo"))
        ]
    relative = {os.path.relpath(path, package).replace(os.sep, "/"): path for path in found}
    return tuple((name, Path(relative[name]).read_bytes()) for name in sorted(relative))


def _digest_of(sources: Sources) -> str:
    return digest({name: sha256_bytes(data) for name, data in sources})


def _metadata() -> tuple[str, str]:
    """(version, METADATA) with what an installer reads: name, version, Python and dependencies."""
    import importlib.metadata

    running = importlib.metadata.distribution("agi-node")
    lines = ["Metadata-Version: 2.1", "Name: agi-node", f"Version: {running.version}"]
    told = [key for key in ("Summary", "Requires-Python") if running.metadata[key]]
    lines += [f"{key}: {running.metadata[key]}" for key in told]
    lines += [f"Requires-Dist: {requirement}" for requirement in running.requires or ()]
    return running.version, "\n".join(lines) + "\n"


def _record_hash(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
