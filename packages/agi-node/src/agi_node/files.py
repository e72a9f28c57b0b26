"""Files as an argument: a pattern or a folder below a named root, read when it is iterated."""

from __future__ import annotations

import fnmatch
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from agi_node.errors import AgiError
from agi_node.reference import FileRef, problems_as_pydantic
from agi_node.roots import ROOT_NAME, escapes, root_folder, set_roots, use_roots

__all__ = ["DEFAULT_ROOT", "Files", "root_folder", "set_roots", "use_roots"]

DEFAULT_ROOT = "app"
_MAGIC = re.compile(r"[*?\[]")


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
            problems_as_pydantic(cls._read),
            serialization=core_schema.plain_serializer_function_ser_schema(str),
        )

    @classmethod
    def __get_pydantic_json_schema__(cls, schema: Any, handler: Any) -> dict[str, Any]:
        return {"type": "string", "format": "agilab-files"}


def _parse(text: str) -> tuple[str, str]:
    root, colon, pattern = text.partition(":")
    if not colon or "/" in root:
        root, pattern = DEFAULT_ROOT, text
    elif not ROOT_NAME.fullmatch(root):
        raise _bad_files(repr(text)[:200])
    if not pattern or escapes(pattern):
        raise _bad_files(repr(text)[:200])
    return root, str(PurePosixPath(pattern))


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
