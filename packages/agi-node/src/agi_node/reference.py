"""One file as an argument or a payload: a reference that can be checked.

A path in a document is a root's name and a relative path, never an absolute one. A symbolic link inside a root is the
root owner's decision and is followed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from agi_node.active import active_run
from agi_node.errors import FAILED, AgiError
from agi_node.roots import ROOT_NAME, escapes, root_folder

_DIGEST = re.compile(r"(?:[0-9a-f]{64})?")


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
        if not (isinstance(root, str) and ROOT_NAME.fullmatch(root)):
            raise _bad_reference(f"root {root!r:.80}")
        if not isinstance(path, str) or escapes(path) or path in ("", "."):
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
            problems_as_pydantic(cls.from_plain),
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


def _bad_reference(found: str) -> AgiError:
    return AgiError(
        "AGI-DATA-005",
        "this is no reference to a file",
        found=found,
        allowed='{"root": name, "path": relative path, "size": bytes, "digest": SHA-256 or ""}',
    )


def problems_as_pydantic(read: Any) -> Any:
    """Our errors as pydantic's, so that one report lists them with all other problems."""

    def validate(value: Any) -> Any:
        from pydantic_core import PydanticCustomError

        try:
            return read(value)
        except AgiError as error:
            context = {"found": error.found, "allowed": error.allowed}
            raise PydanticCustomError("agilab_files", "{allowed}", context) from None

    return validate
