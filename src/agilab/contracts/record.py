"""What every model of this room shares: exact fields, no later change, one way to be written."""

from typing import Any, Self

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """A part of a document: unknown fields are refused, and values do not change after the check.

    A constructor is lenient the way Python is (a list for a tuple, a `datetime` for a timestamp, a dict
    for a part); a file is read strictly, so that it means the same to every reader of its schema.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        populate_by_name=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,
    )

    def plain(self) -> dict[str, Any]:
        """The record as the plain data that stands in its file."""
        return self.model_dump(mode="json", by_alias=True)

    def in_toml(self, *, defaults: bool = True) -> dict[str, Any]:
        """The record as it stands in a TOML file, where null has no word.

        What nobody has set stays out: a person wrote the file, and defaults may improve. With `defaults=False` so does
        what somebody set to the default.
        """
        return self.model_dump(
            mode="json",
            by_alias=True,
            exclude_none=True,
            exclude_unset=defaults,
            exclude_defaults=not defaults,
        )

    def with_changes(self, **changes: Any) -> Self:
        """A checked copy with some fields replaced; fields that nobody has set stay unset."""
        kept = {name: getattr(self, name) for name in self.model_fields_set}
        return type(self).model_validate({**kept, **changes})
