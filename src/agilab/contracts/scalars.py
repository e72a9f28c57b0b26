"""The small values that documents are made of, each with one spelling: digests, moments, counts, numbers.

Every type here is checked the same way by its model and by the published JSON Schema.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainSerializer,
    ValidationInfo,
    WithJsonSchema,
)
from pydantic_core import PydanticCustomError, core_schema

from agilab.contracts import timestamps
from agilab.contracts.canonical import tag, untag
from agilab.contracts.identifiers import NODE, RUN_ID, UNIT_ID, parse_run_id, parse_unit_id
from agilab.contracts.uri import complaint, secret_in

RULE = "agilab_rule"
"""The type of an error about values that are well formed one by one: what no JSON Schema can say."""
JSON_INT = 2**53
_NON_FINITE = ("$float:nan", "$float:inf", "$float:-inf")


def refusal(phrase: str, *, allowed: str, found: str | None = None, kind: str = RULE) -> PydanticCustomError:
    """An error about one field, told as `nodes[1].path <phrase>`.

    `found` replaces the value in the report where the value itself must not be shown.
    """
    context: dict[str, Any] = {"phrase": phrase, "allowed": allowed}
    if found is not None:
        context["found"] = found
    return PydanticCustomError(kind, "{phrase}: {allowed}", context)


def published(pattern: str) -> str:
    """A pattern that ends in `$`, as it stands in a schema.

    Python's `$`, unlike ECMA-262's, also matches before a last newline, and many of our readers use Python.
    """
    return pattern + r"(?!\n)"


@dataclass(frozen=True)
class Spelling:
    """Text of one form: `pattern` (ECMA-262, for the schema too), and in words `expected`.

    `rule` may refuse what the pattern lets pass, with a phrase: the 30th of February.
    """

    pattern: str
    expected: str
    rule: Callable[[str], str | None] | None = None

    def check(self, text: str) -> str:
        if not re.fullmatch(self.pattern, text):
            raise refusal("is wrong", allowed=self.expected, kind="agilab_spelling")
        if self.rule and (phrase := self.rule(text)):
            raise refusal(phrase, allowed=self.expected)
        return text

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(
        self, core: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(core), "pattern": published(self.pattern), "description": self.expected}


def _raises(check: Callable[[str], object], phrase: str) -> Callable[[str], str | None]:
    def rule(text: str) -> str | None:
        try:
            check(text)
        except Exception:
            return phrase
        return None

    return rule


def _utc_text(value: Any) -> Any:
    # A convenience of constructors only: in a file, a moment is already text and has the one spelling.
    if isinstance(value, datetime) and value.utcoffset() is not None:
        return timestamps.timestamp(value)
    if isinstance(value, str) and value.endswith("+00:00"):
        return value.removesuffix("+00:00") + "Z"
    return value


def _in_python(convert: Callable[[Any], Any]) -> Callable[[Any, ValidationInfo], Any]:
    def before(value: Any, info: ValidationInfo) -> Any:
        return value if info.mode == "json" else convert(value)

    return before


def _integral(value: Any) -> Any:
    # JSON knows one kind of number, and JSON Schema calls 3.0 an integer: so do we.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _no_secret(uri: str) -> str:
    if phrase := secret_in(uri):
        raise refusal(
            phrase, allowed="an address alone; credentials come from the environment", found="(not shown)"
        )
    return uri


def _public(uri: str) -> str:
    if phrase := complaint(uri):
        raise refusal(
            phrase, allowed="an address that may be shared, such as https://mlflow:5000", found="(not shown)"
        )
    return uri


def _only_false(value: bool) -> bool:
    if value:
        raise refusal("is wrong", allowed="false", kind="agilab_spelling")
    return value


def _read_number(value: Any, info: ValidationInfo) -> Any:
    if info.mode == "json" and isinstance(value, str):
        if value not in _NON_FINITE:
            raise refusal(
                "is wrong", allowed="a number, or one of " + ", ".join(_NON_FINITE), kind="agilab_spelling"
            )
        return untag(value)
    return value


def _read_column(values: Any, info: ValidationInfo) -> Any:
    # One call for a whole column: a function call for each of a million points would be seconds.
    if not isinstance(values, list):
        return values
    if any(type(value) is str for value in values):
        return tuple(_read_number(value, info) for value in values)
    return tuple(values)


def _read_integers(values: Any) -> Any:
    if not isinstance(values, list):
        return values
    return tuple(_integral(value) if type(value) is float else value for value in values)


def _write_column(values: Sequence[float]) -> list[Any]:
    return [tag(value) for value in values]


def _read_text(value: Any, info: ValidationInfo) -> Any:
    if info.mode == "json" and isinstance(value, str):
        if isinstance(plain := _read_plain(value, info), str):
            return plain
        raise refusal("is a number", allowed="text")
    return value


def _read_plain(value: Any, info: ValidationInfo) -> Any:
    try:
        return untag(value) if info.mode == "json" else untag(tag(value))
    except (TypeError, ValueError, RecursionError) as error:
        raise refusal(
            f"is not plain data ({error!s:.120})", allowed="JSON, with $int:, $float: and $str: tags"
        ) from None


Text = Annotated[str, Field(min_length=1, description="text, not empty")]
Digest = Annotated[str, Spelling("^[0-9a-f]{64}$", "a SHA-256 as 64 lower-case hex digits")]
Timestamp = Annotated[
    str,
    BeforeValidator(_in_python(_utc_text)),
    Spelling(
        timestamps.SPELLING,
        "a UTC moment such as 2026-11-23T03:44:12.371000Z",
        _raises(timestamps.moment, "names a day that no calendar has"),
    ),
]
RunIdText = Annotated[
    str,
    Spelling(
        RUN_ID,
        "a run id such as 20261123-034412371-flight-7k3f2q",
        _raises(parse_run_id, "names a moment that no calendar has"),
    ),
]
NodeName = Annotated[str, Spelling(NODE, "the name of a node, such as work or queue_baseline/work")]
UnitIdText = Annotated[
    str,
    Spelling(
        UNIT_ID,
        "the id of a unit, such as work[uav-3]",
        _raises(parse_unit_id, "is not how this id is written"),
    ),
]
MediaType = Annotated[
    str, Spelling("^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$", "a media type such as application/json")
]
Uri = Annotated[
    str, Field(min_length=1, description="an address without credentials"), AfterValidator(_no_secret)
]
PublicUri = Annotated[
    str,
    Field(min_length=1, description="an address without credentials; a local one names its root in braces"),
    AfterValidator(_public),
]
False_ = Annotated[
    bool, AfterValidator(_only_false), WithJsonSchema({"const": False, "description": "false"})
]
"""Not `Literal[False]`, which takes a 0 for false."""

Count = Annotated[
    int, Field(ge=0, le=JSON_INT, description="a whole number, 0 or more"), BeforeValidator(_integral)
]
Positive = Annotated[
    int, Field(ge=1, le=JSON_INT, description="a whole number, 1 or more"), BeforeValidator(_integral)
]
Seconds = Annotated[float, Field(ge=0, allow_inf_nan=False, description="seconds, 0 or more")]
Cost = Annotated[float, Field(ge=0, allow_inf_nan=False, description="a finite number, 0 or more")]
Number = Annotated[
    float,
    Field(allow_inf_nan=True),
    BeforeValidator(_read_number),
    PlainSerializer(tag, when_used="json"),
    WithJsonSchema(
        {
            "anyOf": [{"type": "number"}, {"enum": list(_NON_FINITE)}],
            "description": "a number; what JSON has no number for is a tagged string",
        }
    ),
]
_Step = Annotated[int, Field(ge=-JSON_INT, le=JSON_INT)]
Integers = Annotated[tuple[_Step, ...], BeforeValidator(_read_integers)]
IntegersOrNull = Annotated[tuple[_Step | None, ...], BeforeValidator(_read_integers)]
Column = Annotated[
    tuple[Annotated[float, Field(allow_inf_nan=True)], ...],
    BeforeValidator(_read_column),
    PlainSerializer(_write_column, when_used="json"),
    WithJsonSchema(
        {
            "type": "array",
            "items": {"anyOf": [{"type": "number"}, {"enum": list(_NON_FINITE)}]},
            "description": "a list of numbers; what JSON has no number for is a tagged string",
        }
    ),
]
TaggedText = Annotated[
    str,
    Field(min_length=1, description="text, not empty; tagged where it begins with $"),
    BeforeValidator(_read_text),
    PlainSerializer(tag, when_used="json"),
]
"""Text of a document that is tagged as a whole (`agi_node.reduce`): `$5` stands there as `$str:$5`."""
TaggedKey = Annotated[str, BeforeValidator(_read_text), PlainSerializer(tag, when_used="json")]
"""The key of a unit in such a document; a node that is not mapped has the empty one."""
Plain = Annotated[
    Any,
    BeforeValidator(_read_plain),
    PlainSerializer(tag, when_used="json"),
    WithJsonSchema(
        {"description": "any JSON; see agi_node.canonical.tag for numbers that JSON does not have"}
    ),
]
"""Plain data: in Python as it is, in the file tagged, so that NaN and 2^60 survive every reader."""
