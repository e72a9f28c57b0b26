"""Arguments of an app: one definition for flags, forms, validation and documentation."""

import difflib
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from agi_node.errors import AgiError
from agi_node.values import scrub

SHOWN = 5
"""How many problems one error lists; the rest is counted."""


class Args(BaseModel):
    """Base of an app's arguments: a pydantic model that cannot be changed and knows no other field.

    Defaults are validated like any value, so `tracks: Files = "data/*.parquet"` holds a `Files`.

    >>> class Survey(Args):
    ...     year: int = 2024
    >>> Survey(year="2023")
    Survey(year=2023)
    """

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


ArgsT = TypeVar("ArgsT", bound=Args)


def read_args(model: type[ArgsT], plain: Any, subject: str) -> ArgsT:
    """Plain data as arguments; raises AGI-ARGS-002 with every problem, bounded."""
    try:
        return model.model_validate(plain)
    except ValidationError as error:
        raise args_error(error, subject, tuple(model.model_fields)) from None


def args_error(error: ValidationError, subject: str, fields: tuple[str, ...] = ()) -> AgiError:
    """All that is wrong, as one error: for each problem the field's path, the value and what was allowed."""
    problems = [_problem(dict(detail), fields) for detail in error.errors(include_url=False)]
    if len(problems) == 1:
        path, found, allowed = problems[0]
        return AgiError("AGI-ARGS-002", f"{subject}: {path} is not allowed", found=found, allowed=allowed)
    lines = [f"{path}: found {found}; allowed {allowed}" for path, found, allowed in problems[:SHOWN]]
    if len(problems) > SHOWN:
        lines[SHOWN - 1 :] = [f"… and {len(problems) - SHOWN + 1} more"]
    what = "\n".join([f"{subject}: {len(problems)} values are not allowed", *lines])
    return AgiError("AGI-ARGS-002", what)


def _problem(detail: dict[str, Any], fields: tuple[str, ...]) -> tuple[str, str, str]:
    path = ".".join(str(step) for step in detail["loc"]) or "the value"
    kind, context = str(detail["type"]), detail.get("ctx", {})
    if kind == "extra_forbidden":
        near = difflib.get_close_matches(str(detail["loc"][-1]), fields, n=1)
        known = ", ".join(fields) or "nothing: there are no fields"
        return (
            path,
            f"a field that does not exist ({_shown(detail['input'])})",
            (f"{near[0]} (did you mean it?)" if near else known),
        )
    if kind == "missing":
        return path, "nothing", "a value: it has no default"
    allowed = str(context.get("allowed") or detail["msg"])
    for opening in ("Input should be ", "Value error, "):
        allowed = allowed.removeprefix(opening)
    found = str(context["found"]) if "found" in context else f"{_shown(detail['input'])}"
    return path, scrub(found, 200), scrub(allowed, 300)


def _shown(value: object) -> str:
    return scrub(f"{value!r:.120} ({type(value).__name__})", 200)
