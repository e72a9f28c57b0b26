"""Loggers that a configuration of `logging` silences: all that are there when it is read, unless it says otherwise.

A notebook that configures first and gets its loggers then hears them. A stage gets its loggers, and imports the modules
that have some, before it repeats the configuration: it has to let those speak that come after that in the notebook.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable

from agi_node.source.tree import text_of

SILENCED = "<loggers silenced>"
"""Those that are there are silenced."""
_LOGGER = "<logger "
UNKNOWN = f"{_LOGGER}>"
_TOLD = "disable_existing_loggers"
_CONFIGURES = {"logging.config.dictConfig": 1, "logging.config.fileConfig": 3}
"""What configures, with the number of arguments of which the last may say that loggers go on."""


def logged_by(full: str, node: ast.Call, calm: Iterable[str]) -> str | None:
    """What a call does to loggers, as a state; `calm` are names of such as let loggers go on (`is_calm`).

    >>> said = ast.parse("getLogger('a'); getLogger(__name__); getLogger(x); getLogger()").body
    >>> [logged_by("logging.getLogger", one.value, ()) for one in said]
    ["<logger 'a'>", '<logger __name__>', '<logger >', None]
    >>> logged_by("logging.config.dictConfig", ast.parse("f({'version': 1})", mode="eval").body, ())
    '<loggers silenced>'
    """
    if full == "logging.getLogger" and (given := [*node.args, *(each.value for each in node.keywords)]):
        is_name = isinstance(given[0], ast.Name) and given[0].id == "__name__"
        text = text_of(given[0])
        return f"{_LOGGER}{'__name__' if is_name else repr(text) if text else ''}>"
    if full not in _CONFIGURES:
        return None
    told = [each.value for each in node.keywords if each.arg in ("config", _TOLD)]
    told += node.args[_CONFIGURES[full] - 1 : _CONFIGURES[full]]
    lets = (_is_false(one) or is_calm(one) or (isinstance(one, ast.Name) and one.id in calm) for one in told)
    return None if any(lets) else SILENCED


def is_calm(node: ast.expr | None) -> bool:
    """Whether an expression is a configuration that lets loggers go on."""
    if isinstance(node, ast.Dict):
        pairs = zip(node.keys, node.values, strict=True)
        return any(text_of(key) == _TOLD and _is_false(value) for key, value in pairs if key is not None)
    return isinstance(node, ast.Call) and any(
        each.arg == _TOLD and _is_false(each.value) for each in node.keywords
    )


def _is_false(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is not None and not node.value


def is_of_logger(state: str) -> bool:
    """Whether a state is one of these."""
    return state == SILENCED or state.startswith(_LOGGER)


def of_module(state: str, name: str) -> str:
    """The state with the name of the module that says `__name__`."""
    return f"{_LOGGER}{name!r}>" if state == f"{_LOGGER}__name__>" else state


def name_in(state: str) -> str:
    """How the logger is called by the text, as an expression; empty where that cannot be told."""
    return state.removeprefix(_LOGGER).removesuffix(">")


def is_called_logger(name: str) -> bool:
    """Whether a name is one that loggers have.

    >>> is_called_logger("app_logger"), is_called_logger("LOG"), is_called_logger("catalog_of")
    (True, True, False)
    """
    return name.lower().endswith(("log", "logger"))


class Loggers:
    """Keeps which loggers are there, and whether they have been silenced."""

    def __init__(self) -> None:
        self._known: set[str] = set()
        self._silenced = False

    def silence(self) -> None:
        """From here on stages begin with what silences loggers."""
        self._silenced = True

    def begins_to_speak(self, state: str) -> bool:
        """Whether the logger of this state is got first, and after others were silenced."""
        known = state in self._known and state != UNKNOWN
        self._known.add(state)
        return self._silenced and not known
