"""Conditions as people say them: `speed > 200 and country is not 'FR' or note is missing`."""

from __future__ import annotations

from typing import Any

from agilab.assist.offline.words import NotSaid, Reader

Plain = dict[str, Any]

_COMPARISONS = {
    "is at least": ">=",
    "at least": ">=",
    "is at most": "<=",
    "at most": "<=",
    "is greater than or equal to": ">=",
    "is less than or equal to": "<=",
    "is greater than": ">",
    "greater than": ">",
    "is more than": ">",
    "more than": ">",
    "is above": ">",
    "above": ">",
    "is over": ">",
    "over": ">",
    "is after": ">",
    "after": ">",
    "is less than": "<",
    "less than": "<",
    "is below": "<",
    "below": "<",
    "is under": "<",
    "under": "<",
    "is before": "<",
    "before": "<",
    "since": ">=",
    "is not equal to": "!=",
    "is not": "!=",
    "are not": "!=",
    "does not equal": "!=",
    "is equal to": "==",
    "equals": "==",
    "is": "==",
    "are": "==",
    ">=": ">=",
    "<=": "<=",
    "==": "==",
    "!=": "!=",
    "<>": "!=",
    ">": ">",
    "<": "<",
    "=": "==",
}
_MISSING = ("is missing", "are missing", "is null", "is empty", "is none", "is nan", "missing")
_KNOWN = ("is known", "is not missing", "is not null", "is not empty", "is not none", "are known", "known")
_TEXT = {
    "contains": "contains",
    "starts with": "starts with",
    "begins with": "starts with",
    "ends with": "ends with",
}


def condition(reader: Reader) -> Plain:
    """A condition; `and` binds more than `or`. Raises `NotSaid`."""
    parts = [_all(reader)]
    while reader.take("or"):
        parts.append(_all(reader))
    return parts[0] if len(parts) == 1 else {"any": parts}


def _all(reader: Reader) -> Plain:
    parts = [_one(reader)]
    while reader.take("and"):
        parts.append(_one(reader))
    return parts[0] if len(parts) == 1 else {"all": parts}


def _one(reader: Reader) -> Plain:
    if reader.take("not"):
        return {"not": _one(reader)}
    if reader.take("("):
        inner = condition(reader)
        reader.must(")")
        return inner
    return _test(reader, reader.must_column())


def _test(reader: Reader, column: str) -> Plain:
    start: Plain = {"column": column}
    if reader.take(*_KNOWN):
        return {**start, "test": "known"}
    if reader.take(*_MISSING):
        return {**start, "test": "missing"}
    if reader.take("is not one of", "is not in", "not in", "is none of"):
        return {**start, "test": "not in", "values": _values(reader)}
    if reader.take("is one of", "is in", "in", "are in"):
        return {**start, "test": "in", "values": _values(reader)}
    if found := reader.take("is not between", "not between", "is between", "between"):
        low = _literal(reader)
        reader.must("and", "to")
        test = {**start, "test": "between", "low": low, "high": _literal(reader)}
        return {"not": test} if "not" in found else test
    negated = reader.take("does not contain", "does not start with", "does not end with")
    if negated:
        how = {"contain": "contains", "start": "starts with", "end": "ends with"}[negated.split()[2]]
        return {"not": {**start, "test": how, "value": str(_literal(reader))}}
    if text := reader.take(*_TEXT):
        return {**start, "test": _TEXT[text], "value": str(_literal(reader))}
    if comparison := reader.take(*_COMPARISONS):
        return {**start, "test": _COMPARISONS[comparison], **_side(reader, column, _COMPARISONS[comparison])}
    if _is_flag(reader, column):
        return {**start, "test": "==", "value": True}
    raise reader.fail(
        "a test: is, is not, >, at least, between … and …, in (…), contains, starts with, is missing"
    )


def _is_flag(reader: Reader, column: str) -> bool:
    found = reader.table.column(column)
    return (
        found is not None and found.kind == "bool" and (reader.done or reader.lower() in ("and", "or", ")"))
    )


def _side(reader: Reader, column: str, comparison: str) -> Plain:
    """A literal, or another column: a word without quotes that is the name of one."""
    if not reader.done and reader.words[reader.at].kind == "word" and reader.lower() not in ("true", "false"):
        before = reader.at
        try:
            other = reader.column(must=False) if reader.table.known else None
        except NotSaid as several:  # a text in quotes is a value here
            names = several.wanted.removesuffix(": say it in quotes")
            raise reader.fail(f"{names}, written exactly so; or a text in quotes") from None
        if other is not None and other != column:
            return {"other": other}
        reader.at = before
        if not reader.table.known:
            return _of_unknown(reader, comparison)
    return {"value": _literal(reader)}


def _of_unknown(reader: Reader, comparison: str) -> Plain:
    """A bare word where no column is known: an order is one of columns, and whether two are equal may be asked of
    either."""
    word = reader.words[reader.at].text
    if comparison in ("==", "!="):
        raise reader.fail(
            f"'{word}' in quotes, if it is a text: of a table whose columns are not known it could be one of them"
        )
    return {"other": reader.must_column()}


def _literal(reader: Reader) -> Any:
    if reader.done:
        raise reader.fail("a value: a number, a date, or a text in quotes")
    word = reader.words[reader.at]
    if word.kind in ("number", "date", "quoted", "word"):
        reader.at += 1
        if word.kind == "word" and word.text.lower() in ("true", "false"):
            return word.text.lower() == "true"
        return word.value
    raise reader.fail(reader.instead("a value: a number, a date, or a text in quotes"))


def _values(reader: Reader) -> list[Any]:
    closing = {"(": ")", "[": "]"}.get(reader.take("(", "[") or "")
    found = [_literal(reader)]
    while reader.take(", or", ",", "or") if not closing else reader.take(", or", ", and", ",", "or", "and"):
        found.append(_literal(reader))
    if closing:
        reader.must(closing)
    return found
