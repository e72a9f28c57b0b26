"""A unit's payload, validated into what the work function says it takes."""

import functools
import typing
from collections.abc import Callable
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic.errors import PydanticUserError

from agi_node.args import args_error
from agi_node.errors import FAILED, AgiError
from agi_node.reference import FileRef, is_file_object


def read_payload(function: Callable[..., Any], parameter: str | None, plain: Any, subject: str) -> Any:
    """The plain payload as the annotation of the function's parameter; AGI-ARGS-002 where it does not fit.

    Without an annotation plain data stays plain, and an object that is a file reference becomes one.
    """
    adapter = _adapter(function, parameter)
    if adapter is None:
        return FileRef.from_plain(plain) if is_file_object(plain) else plain
    try:
        return adapter.validate_python(plain)
    except ValidationError as error:
        raise args_error(error, subject) from None


@functools.lru_cache(maxsize=256)
def _adapter(function: Callable[..., Any], parameter: str | None) -> TypeAdapter[Any] | None:
    if parameter is None or parameter not in getattr(function, "__annotations__", {}):
        return None
    try:
        # Resolved in the function's own module, so `from __future__ import annotations` changes nothing.
        annotation = typing.get_type_hints(function, include_extras=True)[parameter]
        return None if annotation is Any else TypeAdapter(annotation)
    except (NameError, TypeError, AttributeError, PydanticUserError) as error:
        raise AgiError(
            "AGI-APP-003",
            f"the annotation of {parameter!r} in {function.__qualname__} cannot be used for a payload",
            found=f"{function.__annotations__[parameter]!r}: {error!s:.200}",
            allowed="FileRef, a pydantic model, a dataclass, or types of plain data, importable when the module runs",
            whose="author",
            exit_code=FAILED,
        ) from None
