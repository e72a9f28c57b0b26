"""Where a file is, as documents say it: a named root and a path inside."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, WithJsonSchema

from agilab.contracts.errors import AgiError
from agilab.contracts.record import Record
from agilab.contracts.scalars import Count, Digest, Spelling, published, refusal

_SEGMENT = r"(?!\.{1,2}(?:/|$(?!\n)))[^/\\\x00-\x1f\x7f]+"
INSIDE = rf"^(?!.:){_SEGMENT}(?:/{_SEGMENT})*$"
"""The form of a path inside a root, as a regular expression of ECMA-262."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_ALLOWED = 'a relative path inside the root, such as "queue/metrics.json"'


def inside(path: str) -> str:
    """Return `path` if it stays inside its root wherever the document is read; else raise, saying why not.

    One file has one spelling: parts joined with single slashes, none of them `.` or `..`. Back slashes
    and drive letters are refused because they leave the root on Windows.
    """
    parts = path.split("/")
    phrase = (
        "is empty"
        if not path
        else "contains a control character"
        if _CONTROL.search(path)
        else "is absolute"
        if path.startswith(("/", "\\"))
        else "has a drive letter"
        if path[1:2] == ":"  # whatever stands before it: Windows' rules differ between versions of Python
        else "has a back slash"
        if "\\" in path
        else "escapes its root"
        if ".." in parts
        else "has an empty part or a part that is a single dot"
        if "" in parts or "." in parts
        else None
    )
    if phrase:
        raise refusal(phrase, allowed=_ALLOWED, kind="agilab_spelling")
    return path


InsidePath = Annotated[
    str,
    AfterValidator(inside),
    WithJsonSchema({"type": "string", "pattern": published(INSIDE), "minLength": 1, "description": _ALLOWED}),
]
RootName = Annotated[
    str,
    Spelling(
        "^[A-Za-z][A-Za-z0-9_.-]{1,63}$", "the name of a root: app, run, workspace, or one of settings.toml"
    ),
]


class RootedPath(Record):
    """A file by the name of a root and a path inside it; where the root is, the reader's machine knows."""

    root: RootName
    path: InsidePath

    def __str__(self) -> str:
        return f"{self.root}:{self.path}"

    @classmethod
    def of(cls, place: Path, roots: Mapping[str, Path]) -> "RootedPath":
        """The rooted form of a file of this machine, by the innermost root that holds it.

        Raises AGI-DOC-013 where none does.
        """
        inside = [(len(folder.parts), name) for name, folder in roots.items() if place.is_relative_to(folder)]
        if not inside:
            raise AgiError(
                "AGI-DOC-013",
                "a file lies outside every root, so no document can name it",
                found=str(place),
                allowed="a file inside "
                + ", ".join(f"{name} ({folder})" for name, folder in sorted(roots.items())),
                try_="add the folder that holds it under [roots] in settings.toml",
            )
        name = max(inside)[1]
        return RootedPath(root=name, path=place.relative_to(roots[name]).as_posix())

    def under(self, roots: Mapping[str, Path]) -> Path:
        """Where the file is on this machine. Raises AGI-DOC-014 for a root that `roots` does not have."""
        if self.root not in roots:
            raise AgiError(
                "AGI-DOC-014",
                f"the root {self.root!r} of {self} is not known here",
                found=self.root,
                allowed=", ".join(sorted(roots)) or "no root is declared",
                try_=f'add {self.root} = "/the/folder" under [roots] in settings.toml',
            )
        return roots[self.root] / self.path


class RootedFile(RootedPath):
    """A file and what was in it: the form in which inputs, artifacts and references stand in documents."""

    size: Annotated[Count, Field(description="bytes")]
    digest: Digest


def files_named_twice(files: tuple[RootedPath, ...]) -> Iterator[str]:
    """Every file, as `root:path`, that stands more than once in the list."""
    seen: set[str] = set()
    for file in map(str, files):
        if file in seen:
            yield file
        seen.add(file)


def file_references(value: Any) -> Iterator[dict[str, Any]]:
    """Every file reference (an object of exactly root, path, size and digest) in plain data, however deep."""
    if isinstance(value, dict):
        if value.keys() == {"root", "path", "size", "digest"}:
            yield value
        else:
            for item in value.values():
                yield from file_references(item)
    elif isinstance(value, list):
        for item in value:
            yield from file_references(item)
