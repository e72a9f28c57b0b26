"""How a wrong field is told: the file, the path inside it, what stands there, what should.

The first wrong field in full, the next few by name, and the rest as a number: never more than ten lines,
however wrong the file.
"""

import json
from collections.abc import Iterator, Sequence
from difflib import get_close_matches
from functools import cache
from typing import Any

from pydantic import BaseModel, ValidationError

from agilab.contracts.errors import AgiError
from agilab.contracts.identifiers import schema_kind
from agilab.contracts.scalars import RULE
from agilab.contracts.schema import json_schema
from agilab.contracts.syntax import not_written_in

_SHOWN = 3
_schema = cache(json_schema)


def explain(error: ValidationError, plain: Any, model: type[BaseModel], name: str, where: str) -> AgiError:
    """The error of a file with wrong fields, from what `model` (of the schema `name`) found in its data.

    AGI-DOC-004 where a field is wrong by itself, AGI-DOC-005 where all are well formed and contradict each
    other; AGI-DOC-002 where the text is JSON that not every reader takes (a lone surrogate, deep nesting).
    """
    problems = error.errors(include_url=False)
    if problems[0]["type"] == "json_invalid":
        found = str(problems[0].get("ctx", {}).get("error", problems[0]["msg"]))
        return not_written_in("JSON", where, found)
    # A wrong field makes every rule that reads it doubtful, so rules come last.
    problems.sort(key=lambda problem: problem["type"] == RULE)
    first = problems[0]
    schema = _schema(model)
    lines = [f"{where}: {_place(first, plain)} {_phrase(first)}"]
    lines += [f"also {_place(problem, plain)} {_phrase(problem)}" for problem in problems[1 : 1 + _SHOWN]]
    if len(problems) > 1 + _SHOWN:
        lines.append(f"and {len(problems) - 1 - _SHOWN} more")
    return AgiError(
        "AGI-DOC-005" if first["type"] == RULE else "AGI-DOC-004",
        "\n".join(_one_line(line, 240) for line in lines),
        found=_one_line(_found(first, plain), 120),
        allowed=_one_line(_allowed(first, plain, schema), 200),
        try_=f"agilab schema show {schema_kind(name)[0]}",
    )


def spelled(path: Sequence[int | str]) -> str:
    """A place inside a document as people write it.

    >>> spelled(("nodes", 1, "path")), spelled(("args", "a b")), spelled(())
    ('nodes[1].path', 'args["a b"]', 'the document')
    """
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif part.replace("_", "a").replace("-", "a").isalnum():
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part, ensure_ascii=False)}]"
    return text or "the document"


def _steps(problem: Any, plain: Any) -> Iterator[tuple[int | str, Any]]:
    """The steps into the data that the model's location means, each with what stands there.

    A location also names branches of unions and the like, which are no steps: whatever does not lead on in
    the data is left out, save for the last step to a field that is missing.
    """
    here = plain
    for position, part in enumerate(problem["loc"]):
        last = position == len(problem["loc"]) - 1
        if (isinstance(here, dict) and part in here) or (
            isinstance(here, list) and isinstance(part, int) and part < len(here)
        ):
            here = here[part]
            yield part, here
        elif last and problem["type"] == "missing":
            yield part, None


def _path(problem: Any, plain: Any) -> tuple[int | str, ...]:
    return tuple(part for part, _ in _steps(problem, plain))


def _place(problem: Any, plain: Any) -> str:
    return spelled(_path(problem, plain))


def _phrase(problem: Any) -> str:
    phrase = problem.get("ctx", {}).get("phrase")
    known = {"missing": "is missing", "extra_forbidden": "is not a field here"}
    if problem["loc"] and problem["loc"][-1] == "[key]":
        return "is not a name that can stand here"
    return str(phrase or known.get(problem["type"], "is wrong"))


def _found(problem: Any, plain: Any) -> str:
    context = problem.get("ctx", {})
    if "found" in context:
        return str(context["found"])
    if problem["type"] == "missing":
        return "nothing"
    value = plain
    for _, value in _steps(problem, plain):  # noqa: B007 (the value of the last step)
        pass
    if isinstance(value, dict):
        return "an object with " + (", ".join(map(str, list(value)[:6])) or "nothing in it")
    if isinstance(value, list):
        return f"a list of {len(value)}"
    return json.dumps(value, ensure_ascii=False, default=str)


def _allowed(problem: Any, plain: Any, schema: dict[str, Any]) -> str:
    context = problem.get("ctx", {})
    if "allowed" in context:
        return str(context["allowed"])
    path = _path(problem, plain)
    if problem["type"] == "extra_forbidden":
        fields = _fields(_at(schema, path[:-1], schema), schema)
        close = get_close_matches(str(path[-1]), fields, n=1)
        return f"{close[0]} (did you mean that?)" if close else "one of " + ", ".join(fields)
    if problem["type"] in ("missing", "string_pattern_mismatch"):
        return _expectation(_at(schema, path, schema), schema)
    return str(problem["msg"]).removeprefix("Input should be ").removesuffix(" (got NaN)")


def _fields(schema: dict[str, Any], whole: dict[str, Any]) -> list[str]:
    """The fields of a part of a JSON Schema; of a choice between several, those of any."""
    branches = [_resolved(one, whole) for one in schema.get("anyOf", schema.get("oneOf", ()))]
    return list(dict.fromkeys(name for one in [schema, *branches] for name in one.get("properties", {})))


def _expectation(schema: dict[str, Any], whole: dict[str, Any]) -> str:
    """What a part of a JSON Schema asks for, in words."""
    schema = _resolved(schema, whole)
    if "const" in schema:
        return json.dumps(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    kind = {
        "object": "an object",
        "array": "a list",
        "string": "text",
        "integer": "a whole number",
        "number": "a number",
        "boolean": "true or false",
        "null": "null",
    }.get(schema.get("type", ""), "a value")
    if "anyOf" in schema:
        return " or ".join(_expectation(option, whole) for option in schema["anyOf"])
    if schema.get("type") == "object" and schema.get("required"):
        return f"an object with {', '.join(schema['required'])}"
    description = str(schema.get("description", "")).split("\n\n")[0].replace("\n", " ")
    if description.startswith(("a ", "an ", "the ", "text", "seconds")):  # it says the kind itself
        return description
    return f"{kind}: {description}" if description else kind


def _at(schema: dict[str, Any], path: Sequence[int | str], whole: dict[str, Any]) -> dict[str, Any]:
    """The part of a JSON Schema that judges the value at `path`; empty where none does."""
    for part in path:
        schema = _resolved(schema, whole)
        options = [_resolved(option, whole) for option in schema.get("anyOf", [schema])]
        schema = next(filter(None, (_step(option, part) for option in options)), {})
    return _resolved(schema, whole)


def _step(schema: dict[str, Any], part: int | str) -> dict[str, Any]:
    if isinstance(part, int):
        inner = schema.get("items")
    else:
        inner = schema.get("properties", {}).get(part) or schema.get("additionalProperties")
    return inner if isinstance(inner, dict) else {}


def _resolved(schema: dict[str, Any], whole: dict[str, Any]) -> dict[str, Any]:
    if "$ref" not in schema:
        return schema
    target: dict[str, Any] = whole["$defs"].get(str(schema["$ref"]).removeprefix("#/$defs/"), {})
    return {**target, **{key: value for key, value in schema.items() if key != "$ref"}}


def _one_line(text: str, limit: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"
