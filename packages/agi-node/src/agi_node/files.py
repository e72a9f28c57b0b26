"""Files as arguments and payloads: named roots, patterns below them, references that can be checked.

A path in a document is a root's name and a relative path, never an absolute one. A symbolic link inside a root is the
root owner's decision and is followed.
"""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from agi_node.errors import FAILED, AgiError
from agi_node.roots import root_folder, set_roots, use_roots
from agi_node.tracker import active_run

__all__ = ["DEFAULT_ROOT", "FileRef", "Files", "is_file_object", "root_folder", "set_roots", "use_roots"]

DEFAULT_ROOT = "app"
_ROOT_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_.-]+")
_DIGEST = re.compile(r"(?:[0-9a-f]{64})?")
_MAGIC = re.compile(r"[*?\[]")


@dataclass(frozen=True, slots=True)
class FileRef:
    """One file as plain data: `{"root", "path", "size", "digest"}`.

    Attributes:
        root: Name of the root that the file lies below.
        relative: Path below it, with `/`, never leaving it.
        size: In bytes, when the reference was made.
        digest: SHA-256 in hex, or "" until somebody needed it.

    >>> FileRef("app", "data/a.csv", 10).to_plain()
    {'root': 'app', 'path': 'data/a.csv', 'size': 10, 'digest': ''}
    """

    root: str
    relative: str
    size: int
    digest: str = ""

    @property
    def path(self) -> Path:
        """The absolute path in this process, to read; AGI-DATA-002 if it is missing, AGI-DATA-003 if its size changed.

        A unit that changes what it finds there fails with AGI-DATA-007.
        """
        path = root_folder(self.root) / self.relative
        try:
            found = path.stat()
        except OSError as error:
            raise AgiError(
                "AGI-DATA-002",
                f"the file {self} cannot be found",
                found=f"{type(error).__name__} at {path}",
                allowed="the file that was there when the plan was made",
                exit_code=FAILED,
            ) from None
        if found.st_size != self.size:
            raise AgiError(
                "AGI-DATA-003",
                f"the file {self} changed after the plan was made",
                found=f"{found.st_size:,} bytes",
                allowed=f"{self.size:,} bytes",
                try_="plan again",
                exit_code=FAILED,
            )
        if (run := active_run()) is not None:
            run._lent.file(self, str(path), found)
        return path

    @property
    def name(self) -> str:
        """The last part of the path: `a.tar.gz`."""
        return PurePosixPath(self.relative).name

    @property
    def stem(self) -> str:
        """The name without its last suffix: `a.tar`."""
        return PurePosixPath(self.relative).stem

    @property
    def suffix(self) -> str:
        """The last suffix: `.gz`."""
        return PurePosixPath(self.relative).suffix

    def __str__(self) -> str:
        return f"{self.root}:{self.relative}"

    def to_plain(self) -> dict[str, Any]:
        """The reference as the four-field object of documents and frames."""
        return {"root": self.root, "path": self.relative, "size": self.size, "digest": self.digest}

    @classmethod
    def from_plain(cls, value: Any) -> FileRef:
        """Read `to_plain`'s form; AGI-DATA-005 for anything else, also for a path that leaves its root."""
        if isinstance(value, FileRef):
            return value
        if not is_file_object(value):
            raise _bad_reference(f"{value!r:.120} ({type(value).__name__})")
        root, path, size, digest = value["root"], value["path"], value["size"], value["digest"]
        if not (isinstance(root, str) and _ROOT_NAME.fullmatch(root)):
            raise _bad_reference(f"root {root!r:.80}")
        if not isinstance(path, str) or _escapes(path) or path in ("", "."):
            raise _bad_reference(f"path {path!r:.120}")
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise _bad_reference(f"size {size!r:.40}")
        if not (isinstance(digest, str) and _DIGEST.fullmatch(digest)):
            raise _bad_reference(f"digest {digest!r:.80}")
        return cls(root, path, size, digest)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _problems_as_pydantic(cls.from_plain),
            serialization=core_schema.plain_serializer_function_ser_schema(cls.to_plain),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {
            "type": "object",
            "format": "agilab-file",
            "properties": {
                "root": {"type": "string"},
                "path": {"type": "string"},
                "size": {"type": "integer", "minimum": 0},
                "digest": {"type": "string", "pattern": "^([0-9a-f]{64})?$"},
            },
            "required": ["root", "path", "size", "digest"],
            "additionalProperties": False,
        }


def is_file_object(value: object) -> bool:
    """Whether plain data has the four fields of a file reference and no others."""
    return isinstance(value, dict) and value.keys() == {"root", "path", "size", "digest"}


@dataclass(frozen=True, slots=True, init=False)
class Files:
    """A set of files below a named root, as an argument: a glob or a folder, read when it is iterated.

    The text form is `[root:]pattern`, relative to the root (`app` unless named). `**` means any depth;
    a folder means its direct files; hidden files are never meant. Iterating gives `FileRef`s sorted by relative
    path and raises AGI-DATA-001 where nothing is found. A text that is absolute or climbs with `..` raises
    AGI-ARGS-003.

    >>> str(Files("app:data/./*.parquet")), Files("tracks:2024").root
    ('data/*.parquet', 'tracks')
    """

    root: str
    pattern: str
    only: str | None

    def __init__(self, text: str, *, only: str | None = None) -> None:
        root, pattern = _parse(text)
        object.__setattr__(self, "root", root)
        object.__setattr__(self, "pattern", pattern)
        object.__setattr__(self, "only", only)

    def matching(self, pattern: str) -> Files:
        """The same, and only files of this name pattern where this is a folder; a glob stays as given."""
        return Files(f"{self.root}:{self.pattern}", only=pattern)

    def __iter__(self) -> Iterator[FileRef]:
        base = root_folder(self.root)
        found = [
            FileRef(self.root, relative, status.st_size)
            for relative in sorted(self._candidates(base))
            if (status := _regular(base / relative)) is not None
        ]
        if not found:
            raise self._nothing(base)
        return iter(found)

    def _candidates(self, base: Path) -> set[str]:
        import glob
        import stat

        if _MAGIC.search(self.pattern):
            # glob rather than Path.glob: its answer for `**` and for hidden names is the same from 3.11 to 3.13.
            names = glob.iglob(self.pattern, root_dir=base, recursive=True)
        else:
            try:
                mode = (base / self.pattern).stat().st_mode
            except OSError:
                return set()
            if not stat.S_ISDIR(mode):
                names = iter((self.pattern,))
            else:
                prefix = "" if self.pattern == "." else self.pattern + "/"
                only = self.only or "*"
                names = (prefix + n for n in os.listdir(base / self.pattern) if fnmatch.fnmatchcase(n, only))
        relative = {name.replace(os.sep, "/") for name in names}
        for name in relative:
            if not name.isascii() and name != name.encode("utf-8", "replace").decode():
                raise AgiError(
                    "AGI-DATA-005",
                    f"a file below {self.root}: has a name that is not UTF-8, which no document can hold",
                    found=ascii(name),
                    allowed="names in UTF-8",
                    try_="rename the file",
                )
        return {name for name in relative if not any(part.startswith(".") for part in name.split("/"))}

    def _nothing(self, base: Path) -> AgiError:
        asked = f"{self.root}:{self.pattern}"
        if self.only is not None and not _MAGIC.search(self.pattern):
            asked += f" with files like {self.only}"
        fixed = _MAGIC.split(self.pattern, maxsplit=1)[0]
        folder = base / (fixed if fixed == self.pattern else fixed.rpartition("/")[0])
        while folder != base and not folder.is_dir():
            folder = folder.parent
        where = f"{self.root}:{folder.relative_to(base).as_posix()}"
        try:
            held = sorted(entry.name + "/" * entry.is_dir() for entry in os.scandir(folder))
        except OSError:
            found = f"{where} is no folder that can be read"
        else:
            shown = ", ".join(held[:8]) + (f" and {len(held) - 8:,} more" if len(held) > 8 else "")
            found = f"{where} holds {shown}" if held else f"{where} is empty"
        return AgiError("AGI-DATA-001", f"no file matches {asked}", found=found, allowed="at least one file")

    def __str__(self) -> str:
        plain = self.root == DEFAULT_ROOT and ":" not in self.pattern.split("/")[0]
        return self.pattern if plain else f"{self.root}:{self.pattern}"

    @classmethod
    def _read(cls, value: Any) -> Files:
        if isinstance(value, Files):
            return value
        if not isinstance(value, str):
            raise _bad_files(f"{value!r:.80} ({type(value).__name__})")
        return cls(value)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        from pydantic_core import core_schema

        return core_schema.no_info_plain_validator_function(
            _problems_as_pydantic(cls._read),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "agilab-files"}


def _parse(text: str) -> tuple[str, str]:
    root, colon, pattern = text.partition(":")
    if not colon or "/" in root:
        root, pattern = DEFAULT_ROOT, text
    elif not _ROOT_NAME.fullmatch(root):
        raise _bad_files(repr(text)[:200])
    if not pattern or _escapes(pattern):
        raise _bad_files(repr(text)[:200])
    return root, str(PurePosixPath(pattern))


def _escapes(path: str) -> bool:
    return path.startswith(("/", "~")) or "\\" in path or "\0" in path or ".." in path.split("/")


def _regular(path: Path) -> os.stat_result | None:
    import stat

    try:
        status = path.stat()
    except OSError:  # it went between listing and looking, or the link leads nowhere
        return None
    return status if stat.S_ISREG(status.st_mode) else None


def _bad_files(found: str) -> AgiError:
    return AgiError(
        "AGI-ARGS-003",
        "this names no files",
        found=found,
        allowed='a glob or folder below a named root, such as "data/*.parquet" or "tracks:2024/**/*.csv"; never '
        "absolute, never with ..",
    )


def _bad_reference(found: str) -> AgiError:
    return AgiError(
        "AGI-DATA-005",
        "this is no reference to a file",
        found=found,
        allowed='{"root": name, "path": relative path, "size": bytes, "digest": SHA-256 or ""}',
    )


def _problems_as_pydantic(read: Any) -> Any:
    """Our errors as pydantic's, so that one report lists them with all other problems."""

    def validate(value: Any) -> Any:
        from pydantic_core import PydanticCustomError

        try:
            return read(value)
        except AgiError as error:
            context = {"found": error.found, "allowed": error.allowed}
            raise PydanticCustomError("agilab_files", "{allowed}", context) from None

    return validate
