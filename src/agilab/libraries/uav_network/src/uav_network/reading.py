"""JSON files as documents: read whole, or refused by file and key."""

import json
from collections.abc import Sequence
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from agi_node import AgiError, FileRef

ModelT = TypeVar("ModelT", bound=BaseModel)
SHOWN = 4
"""How many problems of one file are listed; the rest is counted."""


def read_json(file: FileRef, model: type[ModelT]) -> ModelT:
    """The document in a file.

    Raises:
        AgiError: AGI-UAV-101 the file is no JSON text, 102 a key comes twice, 103 keys or values are
            wrong.
    """
    try:
        plain = json.loads(file.path.read_text(encoding="utf-8"), object_pairs_hook=_without_repeats)
    except (UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        what = "is empty" if not file.size else "is no JSON text"
        raise refusal(file, 101, what, str(error), "one JSON object in UTF-8") from error
    except _Repeated as error:
        raise refusal(file, 102, "has a key twice", str(error), "every key once") from None
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise wrong(file, error) from None


def wrong(file: FileRef, error: ValidationError, where: str = "") -> AgiError:
    """All that a model refuses in a file, by key and bounded; `where` says in which part."""
    details = error.errors(include_url=False)
    problems = [_problem(dict(detail)) for detail in details if not _follows(detail, details)]
    if len(problems) == 1:
        key, found, allowed = problems[0]
        return refusal(file, 103, f"has a wrong {where}{key}", found, allowed)
    lines = [f"{where}{key}: found {found}; allowed {allowed}" for key, found, allowed in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines.append(f"… and {len(problems) - SHOWN} more")
    return refusal(file, 103, "\n".join([f"has {len(problems)} wrong keys", *lines]), None, None)


def refusal(
    file: FileRef, number: int, what: str, found: str | None, allowed: str | None, try_: str | None = None
) -> AgiError:
    """An error about one file; `agilab run` then ends with nothing written of the run's results."""
    code, try_ = f"AGI-UAV-{number}", try_ or f"edit {file.relative}"
    return AgiError(code, f"{file} {what}", found=found, allowed=allowed, try_=try_, exit_code=1)


class _Repeated(ValueError):
    """A key that an object has twice."""


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Repeated(next(name for name in names if names.count(name) > 1))
    return found


def _follows(detail: ErrorDetails, others: Sequence[ErrorDetails]) -> bool:
    """Whether a list is called too short only since items of it are wrong, which pydantic does not count."""
    where = detail["loc"]
    inside = (other["loc"][: len(where)] == where and len(other["loc"]) > len(where) for other in others)
    return detail["type"] == "too_short" and any(inside)


def _problem(detail: dict[str, Any]) -> tuple[str, str, str]:
    """Key, what was found and what is allowed, of one of pydantic's problems."""
    key = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in detail["loc"]).lstrip(".")
    if detail["type"] == "contradiction":
        about = detail["ctx"]
        return about["key"], about["found"], about["allowed"]
    allowed = str(detail["msg"]).removeprefix("Input should be ").removeprefix("Value error, ")
    if detail["type"] == "too_short":
        least = detail["ctx"]["min_length"]
        allowed = f"{'one item' if least == 1 else f'{least} items'} or more"
    if detail["type"] == "missing":
        return key, "nothing", "a value"
    if detail["type"] == "extra_forbidden":
        return key, "a key that nobody knows", "only the keys of the format"
    found = detail["input"]
    shown = f"an object with {len(found)} keys" if isinstance(found, dict) else f"{found!r:.80}"
    return key or "combination of values", shown, allowed
