"""TOML that people write in: new values, their comments.

Only what changes is touched, so that a person finds the file as they left it, in their own order.
"""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

from agilab.contracts.errors import AgiError
from agilab.contracts.syntax import parse_toml
from agilab.contracts.toml_edit import NotKept, edited
from agilab.contracts.toml_matching import equal
from agilab.contracts.toml_spelling import is_tables, spelled_document

if TYPE_CHECKING:
    from tomlkit.items import InlineTable, Item
    from tomlkit.toml_document import TOMLDocument


def merged(previous: str, plain: dict[str, Any], where: str) -> str:
    """The text of `previous` with the values of `plain`: nothing more and nothing less than those.

    A value that is equal keeps its spelling (`1_000`, `0x10`, a list over several lines), one that changes
    keeps the comment on its line, one that is gone goes with its comment. New keys follow the old ones of
    their table. Raises AGI-DOC-002 where `previous` is no TOML, AGI-DOC-008 where its layout does not allow the
    change, `ValueError` for what TOML does not have (null).
    """
    spelled_document(plain)  # raises for what TOML does not have
    old = parse_toml(previous, where)
    # tomlkit keeps plain tables well. Elements that come, go and move are a matter of their own.
    arrays = any(map(is_tables, [*old.values(), *plain.values()]))
    ways = (edited, _by_tomlkit) if arrays else (_by_tomlkit,)
    text, difference = "", None
    for way in ways:
        try:
            text = way(previous, plain)
            difference = _difference(tomllib.loads(text), plain)
        except (NotKept, LookupError, TypeError, tomllib.TOMLDecodeError) as error:
            difference = f"{type(error).__name__}: {error}"
        if difference is None:
            break
    if difference is not None:
        # A library that keeps layouts has corners; the person's file is not where they should show.
        raise AgiError(
            "AGI-DOC-008",
            f"{where}: cannot be changed without disturbing what else stands there",
            found=f"a layout in which the change would not mean what it should ({difference})",
            allowed="one place for each table",
            try_=f"edit {where} by hand",
            whose="agilab",
        )
    return text if text.endswith("\n") else text + "\n"


def _by_tomlkit(previous: str, plain: dict[str, Any]) -> str:
    import tomlkit
    from tomlkit.exceptions import TOMLKitError

    try:
        document: TOMLDocument = tomlkit.parse(previous)
        _merge(document, plain)
        return tomlkit.dumps(document)
    except (TOMLKitError, ValueError) as error:
        raise NotKept(str(error)) from error


def _difference(meant: dict[str, Any], plain: dict[str, Any]) -> str | None:
    return next((key for key in {**plain, **meant} if not equal(meant.get(key), plain.get(key))), None)


def _merge(table: Any, plain: dict[str, Any]) -> None:
    import tomlkit
    from tomlkit.items import InlineTable

    for key in [key for key in table if key not in plain]:
        del table[key]
    for key, value in plain.items():
        if key not in table:
            table[key] = tomlkit.item(value)
        elif isinstance(value, dict) and isinstance(table[key], dict):
            if isinstance(table[key], InlineTable):
                table[key] = _inline(value) if not equal(_unwrapped(table[key]), value) else table[key]
            elif not value and getattr(table[key], "is_super_table", bool)():
                table[key] = tomlkit.table()  # it had no header of its own, and would go with what it held
            else:
                _merge(table[key], value)
        elif not equal(_unwrapped(table[key]), value):
            new: Item = tomlkit.item(value)
            old = table[key]
            if hasattr(old, "trivia") and not isinstance(old, dict) and not isinstance(value, dict):
                new.trivia.indent = old.trivia.indent
                new.trivia.comment_ws = old.trivia.comment_ws
                new.trivia.comment = old.trivia.comment
                new.trivia.trail = old.trivia.trail
            table[key] = new


def _inline(values: dict[str, Any]) -> InlineTable:
    import tomlkit

    table = tomlkit.inline_table()
    for key, value in values.items():
        table[key] = _inline(value) if isinstance(value, dict) else tomlkit.item(value)
    return table


def _unwrapped(item: Any) -> Any:
    return item.unwrap() if hasattr(item, "unwrap") else item
