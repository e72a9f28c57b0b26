"""Runs a command where a folder of somebody's can be read and written at no cost, and stays as it is.

    python lent.py FOLDER CHANGES WORK PLACE PROTECTED COMMAND…

PLACE shows FOLDER; what the command changes there lies in CHANGES (an overlay of Linux, in a mount namespace of the
command's own, so that nobody else sees it). FOLDER and all of PROTECTED (JSON) cannot be written meanwhile, by whatever
name. Ends with `NOT_HERE` where the machine does not let one do that. Needs nothing but Python, and no rights.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

NOT_HERE = 93
_NEW_NAMESPACE, _NEW_USER = 0x20000, 0x10000000
_READ_ONLY, _REMOUNT, _BIND, _RECURSIVE, _PRIVATE = 1, 32, 4096, 16384, 1 << 18
_KEPT = 2 | 4 | 8 | 1024 | 2048
"""nosuid, nodev, noexec, noatime, nodiratime: a mount that has them must keep them."""


def lend(folder: str, changes: str, work: str, place: str, protected: list[str]) -> None:
    """Make `place` a changeable view of `folder` for this process and its children.

    Raises OSError where that cannot be.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    user, group = os.getuid(), os.getgid()
    if user != 0 or libc.unshare(_NEW_NAMESPACE) != 0:
        _done(libc.unshare(_NEW_USER | _NEW_NAMESPACE))
        for name, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{user} {user} 1"),
            ("gid_map", f"{group} {group} 1"),
        ):
            with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
                file.write(text)

    def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
        words = (source, target, kind)
        _done(libc.mount(*(os.fsencode(word) for word in words), ctypes.c_ulong(flags), os.fsencode(data)))

    mount("none", "/", "none", _RECURSIVE | _PRIVATE)
    parts = zip(("lowerdir", "upperdir", "workdir"), (folder, changes, work), strict=True)
    data = ",".join(f"{name}={_escaped(path)}" for name, path in parts)
    try:
        mount("overlay", place, "overlay", 0, f"{data},userxattr")
    except OSError:
        mount("overlay", place, "overlay", 0, data)
    for path in (folder, *protected):
        mount(path, path, "none", _BIND)
        mount("none", path, "none", _BIND | _REMOUNT | _READ_ONLY | os.statvfs(path).f_flag & _KEPT)


def _escaped(path: str) -> str:
    return path.replace("\\", "\\\\").replace(":", "\\:").replace(",", "\\,")


def _done(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


if __name__ == "__main__":
    try:
        folder, changes, work, place = sys.argv[1:5]
        lend(folder, changes, work, place, json.loads(sys.argv[5]))
    except (OSError, AttributeError) as problem:  # no Linux, or one that does not let us
        print(problem, file=sys.stderr)
        sys.exit(NOT_HERE)
    os.execvp(sys.argv[6], sys.argv[6:])
