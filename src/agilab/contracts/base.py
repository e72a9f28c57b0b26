"""The document: one model for each kind of file that people read, exchange or keep.

Reading is all or nothing. A file is taken apart by the standard library first (where it can say line and
column), its schema identifier is compared next (so that a plan offered as a manifest is told as such, not as
forty missing fields), and only then is every field checked, strictly.
"""

import datetime as dates
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal, Self, TypeVar

from pydantic import Field, GetJsonSchemaHandler, ValidationError
from pydantic_core import CoreSchema

from agilab.contracts.atomic import write_atomically
from agilab.contracts.errors import ENVIRONMENT, AgiError
from agilab.contracts.identifiers import schema_kind
from agilab.contracts.record import Record
from agilab.contracts.refusal import explain
from agilab.contracts.syntax import BOM, decoded, parse_json, parse_toml

__all__ = ["Document", "Record", "parse_document", "read_document", "write_document"]


class Document(Record):
    """A file with a schema identifier.

    Responsible for: its fields and the rules between them. Not responsible for: where the file lies, or
    how what it says came about.
    """

    file_format: ClassVar[Literal["json", "toml"]] = "json"
    by_hand: ClassVar[bool] = False
    """Written by people, who may leave the schema line out; the current version is then meant."""

    schema_id: str = Field(alias="schema")
    """Which document this is, and which version of it."""

    @classmethod
    def schema_name(cls) -> str:
        """The identifier that stands in the file, such as `agilab.run_manifest.v2`."""
        return str(cls.model_fields["schema_id"].default)

    def text(self) -> str:
        """The document as JSON: indented, fields in a stable order, a newline at the end.

        Raises `ValueError` where a list or dict inside was changed into something that JSON does not have.
        """
        return json.dumps(self.plain(), indent=2, ensure_ascii=False, allow_nan=False) + "\n"

    def as_written(self, plain: Mapping[str, Any]) -> Self:
        """The document with what TOML has and JSON has not, as it stands in `plain`, from which it was read."""
        return self

    def in_toml(self, *, defaults: bool = True) -> dict[str, Any]:
        return {"schema": self.schema_name(), **super().in_toml(defaults=defaults)}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        # The identifier has a default so that constructors need not repeat it; in a file it must stand.
        schema = handler.resolve_ref_schema(handler(core))
        if not cls.by_hand:
            schema["required"] = ["schema", *schema.get("required", [])]
        return schema


D = TypeVar("D", bound=Document)


def read_document(path: Path | str, model: type[D]) -> D:
    """The document at `path`, whole and checked.

    Raises AGI-DOC-001 where there is no file that can be read, AGI-DOC-002 where it is not JSON (or TOML),
    AGI-DOC-003 where it is another document or another version, AGI-DOC-004 where fields are wrong, and
    AGI-DOC-005 where each field is right but they contradict each other.
    """
    return parse_document(_content(path, model), model, str(path))


def parse_document(data: bytes | str, model: type[D], where: str) -> D:
    """The document that `data` spells; `where` is what errors call it. Raises as `read_document` does."""
    text = data if isinstance(data, str) else decoded(data, where)
    plain: Any
    if model.file_format == "toml":
        plain = parse_toml(text, where)
        # TOML has dates; one strict reader of JSON judges both formats, and is told of their texts.
        text = json.dumps(plain, default=_iso)
    else:
        plain = parse_json(text, where)
    _check_schema(plain, model, where)
    try:
        found = model.model_validate_json(text, strict=True)
        return found.as_written(plain) if model.file_format == "toml" else found
    except ValidationError as error:
        raise explain(error, plain, model, model.schema_name(), where) from None


def write_document(path: Path | str, document: Document) -> None:
    """Write the document atomically: at every instant `path` holds the old file or the new one, whole.

    What would not be read back is not written (the errors of `read_document`, before the disk is touched).
    In a TOML file that exists, comments, order and layout of whatever does not change are kept. Raises
    AGI-DOC-006 where the disk refuses.
    """
    try:
        text = _merged_toml(Path(path), document) if document.file_format == "toml" else document.text()
    except (TypeError, ValueError) as error:
        raise AgiError(
            "AGI-DOC-004",
            f"{path}: not written, because it could not be read back",
            found=str(error),
            allowed="values that the format has: TOML knows no null, JSON no NaN",
        ) from error
    parse_document(text, type(document), str(path))
    write_atomically(path, text.encode("utf-8"))


def _merged_toml(path: Path, document: Document) -> str:
    from agilab.contracts.toml import merged

    try:
        data = path.read_bytes()
    except FileNotFoundError:
        data = b""
    except OSError as error:
        raise _unreadable(path, error) from error
    previous = decoded(data, str(path))
    mark = BOM if previous.startswith(BOM) else ""
    return mark + merged(previous.removeprefix(BOM), document.in_toml(), str(path))


def _content(path: Path | str, model: type[Document]) -> bytes:
    try:
        return Path(path).read_bytes()
    except FileNotFoundError:
        raise AgiError(
            "AGI-DOC-001",
            f"{path}: there is no such file",
            found=_neighbours(Path(path).parent),
            allowed=f"a file of schema {model.schema_name()}",
            try_=f"agilab schema show {schema_kind(model.schema_name())[0]}",
        ) from None
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: Path | str, error: OSError) -> AgiError:
    return AgiError(
        "AGI-DOC-001",
        f"{path}: cannot be read",
        found=error.strerror or str(error),
        allowed="a regular file that you may read",
        try_=f"ls -ld {path}",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def _neighbours(folder: Path) -> str:
    """What the folder holds instead: mostly the file with a slip of the pen in its name."""
    try:
        names = sorted(entry.name for entry in folder.iterdir() if not entry.name.startswith("."))
    except OSError:
        return f"no folder {folder} that can be read either"
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return f"in that folder: {', '.join(names[:5])}{more}" if names else "an empty folder"


def _iso(value: Any) -> str:
    if isinstance(value, dates.date | dates.time):
        return value.isoformat()
    raise TypeError(f"TOML has no {type(value).__name__}")


def _check_schema(plain: Any, model: type[Document], where: str) -> None:
    expected = model.schema_name()
    kind, version = schema_kind(expected)
    next_step = f"agilab schema show {kind}"
    if not isinstance(plain, dict):
        problem, found = "is not a document: it holds no object at its top", f"{json.dumps(plain):.60}"
    elif plain.get("schema", expected if model.by_hand else None) == expected:
        return
    elif "schema" not in plain:
        problem, found = "does not say which document it is", "no schema"
    else:
        found = f"{json.dumps(plain['schema'], ensure_ascii=False, default=str):.120}"
        other, other_version = schema_kind(plain["schema"])
        if other != kind:
            problem = f"is another document, not a {kind.replace('_', ' ')}"
            if plain.get("executed") is False:
                problem += "; it is a plan, and nothing in it was executed"
        elif other_version > version:
            problem = f"was written by a newer AGILab: version {other_version}, and this one reads {version}"
            next_step = "upgrade: pip install --upgrade agilab"
        else:
            problem = f"is of version {other_version}, and this AGILab reads {version}"
    raise AgiError(
        "AGI-DOC-003",
        f"{where}: {problem}",
        found=found,
        allowed=f'"schema": "{expected}"' if model.file_format == "json" else f'schema = "{expected}"',
        try_=next_step,
    )
