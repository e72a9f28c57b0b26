"""What is really installed in an environment, read from its own records."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Damage:
    """One file that is not what its package's RECORD says."""

    package: str
    file: str
    problem: str


@dataclass(frozen=True)
class Inspection:
    """What became of the files that the packages of an environment brought.

    Attributes:
        files: How many files the records list.
        linked: How many of them share their bytes on disk with another name, such as uv's cache.
        damaged: Those that are missing or changed.
    """

    files: int
    linked: int
    damaged: tuple[Damage, ...]


def installed_packages(site: Path) -> dict[str, str]:
    """Version of each installed package by normalised name (PEP 503), from the `.dist-info` folders.

    A package whose record of files is gone does not count: it cannot be told from the rest of a removed one.
    """
    found = {}
    for folder in sorted(site.glob("*.dist-info")):
        name, _, version = folder.name.removesuffix(".dist-info").rpartition("-")
        if (folder / "RECORD").exists() and name:
            found[normalised(name)] = version
    return dict(sorted(found.items()))


def normalised(name: str) -> str:
    """A package name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def inspect_files(site: Path, *, deep: bool) -> Inspection:
    """Compare every recorded file with the disk: existence and size, with `deep` also its SHA-256.

    Deep finds an edit in place, which through hard links also changes uv's cache and other environments.
    """
    files = linked = 0
    damaged = []
    for folder in sorted(site.glob("*.dist-info")):
        package = normalised(folder.name.removesuffix(".dist-info").rpartition("-")[0])
        try:
            rows = list(csv.reader((folder / "RECORD").read_text("utf-8").splitlines()))
        except OSError:
            damaged.append(Damage(package, f"{folder.name}/RECORD", "missing"))
            continue
        for row in rows:
            if len(row) < 3 or not row[1]:
                continue
            files += 1
            path = site / row[0]
            try:
                on_disk = os.stat(path)
            except OSError:
                damaged.append(Damage(package, row[0], "missing"))
                continue
            linked += on_disk.st_nlink > 1
            if row[2] and on_disk.st_size != int(row[2]):
                damaged.append(Damage(package, row[0], f"{on_disk.st_size} bytes, recorded {row[2]}"))
            elif deep and _record_digest(path) != row[1]:
                damaged.append(Damage(package, row[0], "changed since it was installed"))
    return Inspection(files, linked, tuple(damaged))


def _record_digest(path: Path) -> str:
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").digest()
    return "sha256=" + base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
