"""What lies beside a notebook where it looks into folders or for patterns: files that it finds and no cell makes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from pathlib import Path

from agilab.notebooks.code.patterns import meets
from agilab.notebooks.files.file_uses import FileUse

MOST = 200
"""Files of one folder that are named one by one."""
LABS_OWN = ("pyproject.toml", "uv.lock", "pipeline_view.dot")
"""What a lab has in its folder, and a notebook's patterns do not mean."""


def lies_in(path: str, folder: str) -> bool:
    """Whether a path, or a pattern, is one of a folder's or of folders below it.

    >>> lies_in("out/a/*.csv", "out"), lies_in("a.csv", "."), lies_in("outer/a.csv", "out"), lies_in("x/a", "*")
    (True, True, False, True)
    """
    if folder == "." or path.startswith(f"{folder}/"):
        return True
    return "*" in folder and meets("/".join(path.split("/")[: folder.count("/") + 1]), folder)


def there(folder: Path, uses: Sequence[FileUse]) -> frozenset[str]:
    """The paths and patterns of uses that find something in a folder, and the files that they find below one.

    What is a folder is there twice: as it is called, and with a slash.

    Of the folder itself, which has the notebook and whatever else in it, nothing is listed.
    """
    found: set[str] = set()
    own = {(one.path, one.does) for one in uses if one.is_own and "\0" not in one.path and one.path != "."}
    patterns = asked_for(uses)
    for path, does in sorted(own):
        try:
            if "*" in path or (path in patterns and not os.path.lexists(folder / path)):
                files = [] if path.startswith("**") else list(islice(folder.glob(path), MOST))
                found |= {path} if files else set()
                above = path.removesuffix("/*")
                if "*" not in above and has_folders(folder / above):
                    found |= {f"{path}/", f"{above}/", *islice(files_below(folder, above), MOST)}
                found |= {file.relative_to(folder).as_posix() for file in files if file.is_file()}
            elif os.path.lexists(folder / path):
                found |= {path, f"{path}/"} if (folder / path).is_dir() else {path}
                found |= set(islice(files_below(folder, path), MOST)) if does in ("look", "read") else set()
        except (OSError, ValueError, NotImplementedError):
            continue
    return frozenset(found)


def asked_for(uses: Sequence[FileUse]) -> frozenset[str]:
    """What `glob` is asked for: it may find nothing, and stops nobody."""
    asked = (one.path for one in uses if one.does == "read" and one.artifact.kind == "files")
    return frozenset(path for path in asked if any(sign in path for sign in "*?["))


def has_folders(folder: Path) -> bool:
    """Whether other folders lie in a folder: a pattern for all that lies there finds these, too."""
    try:
        return any(one.is_dir() and not one.name.startswith(".") for one in folder.iterdir())
    except OSError:
        return False


def files_below(folder: Path, path: str) -> Iterator[str]:
    """The files in a folder and those below it, but what is hidden and what Python compiled."""
    for at, folders, names in os.walk(folder / path):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and name != "__pycache__")
        for name in sorted(names):
            yield Path(at, name).relative_to(folder).as_posix()


class Lying:
    """The files that lie beside notebooks and that none of their cells writes.

    Attributes:
        patterns: What `glob` is asked for.
    """

    def __init__(self, uses: Sequence[FileUse]) -> None:
        """`uses` are those of all notebooks of a lab."""
        self.patterns = asked_for(uses)
        self._written = {one.path for one in uses if one.does in ("write", "add")}

    def is_written(self, fits: Callable[[str], bool]) -> bool:
        """Whether some cell writes a path that fits."""
        return any(map(fits, self._written))

    def files(self, listed: frozenset[str] | None, fits: Callable[[str], bool]) -> list[str]:
        """Those among `listed` that fit, sorted."""
        return sorted(
            path
            for path in listed or ()
            if "*" not in path
            and path not in self.patterns
            and path[-1] != "/"
            and fits(path)
            and not any(meets(path, one) for one in self._written)
        )
