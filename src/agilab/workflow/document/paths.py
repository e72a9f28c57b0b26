"""Names of inputs and outputs in the one spelling by which two stages that mean the same file meet."""

from __future__ import annotations

import posixpath

from agilab.contracts.lab_stages import is_file


def path_of(name: str) -> str:
    """The one spelling of a path: `./out//a.csv` is `out/a.csv`; a folder keeps its slash, and a bare name its dot,
    by which it is no value.

    >>> path_of("./out//a.csv"), path_of("data/"), path_of("a/../b.csv"), path_of("./Makefile")
    ('out/a.csv', 'data/', 'b.csv', './Makefile')
    """
    normal = posixpath.normpath(name)
    if name.endswith("/") and normal != "/":
        return f"{normal}/"
    return normal if is_file(normal) else f"./{normal}"


def name_of(name: str) -> str:
    """An input or output as two stages that mean the same one spell it."""
    return path_of(name) if is_file(name) else name


def leaves_the_lab(name: str) -> bool:
    """Whether a path is absolute, begins at somebody's home, or climbs out of the folder.

    >>> [leaves_the_lab(name) for name in ("out/a.csv", "../a.csv", "a/../../b", "/tmp/a", "~/a", "C:/a")]
    [False, True, True, True, True, True]
    """
    normal = path_of(name.replace("\\", "/"))
    return normal.startswith(("/", "~")) or normal[1:3] == ":/" or normal.split("/")[0] == ".."
