"""Settings of the process that are put back behind a stage: decimal's context, how arrays and tables are shown, …

Those of Matplotlib, loggers, warnings, the environment and the import path `apart` puts back itself. Whatever else a
stage sets in a library stays as long as its process: see `agi_node.spent`.
"""

from __future__ import annotations

import contextlib
import functools
import locale
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any


@contextlib.contextmanager
def put_back() -> Iterator[None]:
    """Afterwards settings are what they were, or, of a library that came in between, what it begins with."""
    limit, place, zone = sys.getrecursionlimit(), locale.setlocale(locale.LC_ALL), os.environ.get("TZ")
    before = {
        name: taken
        for name, (taken_now, _) in _KEPT.items()
        if (taken := _tried(name, taken_now)) is not None
    }
    try:
        yield
    finally:
        with contextlib.suppress(RecursionError):  # it is deeper than that
            sys.setrecursionlimit(limit)
        if locale.setlocale(locale.LC_ALL) != place:
            with contextlib.suppress(locale.Error):
                locale.setlocale(locale.LC_ALL, place)
        _same_zone(zone)
        for name, (_, give_back) in _KEPT.items():
            _tried(name, functools.partial(give_back, before=before.get(name)))


def _same_zone(zone: str | None) -> None:
    """The C library keeps the time zone that it has last been told to read, whatever the variable says since."""
    if zone is None:
        os.environ.pop("TZ", None)
    else:
        os.environ["TZ"] = zone
    if hasattr(time, "tzset"):  # not on Windows
        time.tzset()


def _tried(name: str, does: Callable[[Any], Any]) -> Any:
    """Of a library that is there; None for one of a version that keeps its settings elsewhere."""
    if name not in sys.modules:
        return None
    with contextlib.suppress(Exception):
        return does(sys.modules[name])
    return None


def _back_in_decimal(decimal: Any, before: Any) -> None:
    decimal.setcontext(before or decimal.DefaultContext.copy())


def _of_logging(logging: Any) -> tuple[int, Any]:
    return logging.root.manager.disable, logging._warnings_showwarning


def _back_in_logging(logging: Any, before: tuple[int, Any] | None) -> None:
    """Up to which level nobody speaks, and whether warnings are lines of a log already."""
    disabled, shows = before or (logging.NOTSET, None)
    logging.disable(disabled)
    logging._warnings_showwarning = shows


def _of_numpy(numpy: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return numpy.geterr(), numpy.get_printoptions()


def _back_in_numpy(numpy: Any, before: tuple[dict[str, Any], dict[str, Any]] | None) -> None:
    errors, shown = before or (_ERRORS, {**numpy.get_printoptions(), **_SHOWN})
    numpy.seterr(**errors)
    numpy.set_printoptions(**shown)


_ERRORS = {"divide": "warn", "over": "warn", "under": "ignore", "invalid": "warn"}
_SHOWN = {
    "edgeitems": 3,
    "threshold": 1000,
    "floatmode": "maxprec",
    "precision": 8,
    "suppress": False,
    "linewidth": 75,
    "nanstr": "nan",
    "infstr": "inf",
    "sign": "-",
    "formatter": None,
    "legacy": False,
}
"""What NumPy begins with."""


def _of_pandas(pandas: Any) -> dict[str, Any]:
    return {name: pandas.get_option(name) for name in _registered(pandas)}


def _back_in_pandas(pandas: Any, before: Mapping[str, Any] | None) -> None:
    for name, one in _registered(pandas).items():
        value = one.defval if before is None else before.get(name, one.defval)
        if pandas.get_option(name) is not value:
            pandas.set_option(name, value)


def _registered(pandas: Any) -> dict[str, Any]:
    """The options that can be asked for without a word that they will go."""
    options = pandas._config.config
    return {
        name: one
        for name, one in options._registered_options.items()
        if name not in options._deprecated_options
    }


def _of_sklearn(sklearn: Any) -> dict[str, Any]:
    return dict(sklearn.get_config())


def _back_in_sklearn(sklearn: Any, before: dict[str, Any] | None) -> None:
    sklearn.set_config(**(before or sklearn._config._global_config))


_KEPT: Mapping[str, tuple[Callable[[Any], Any], Callable[..., None]]] = {
    "logging": (_of_logging, _back_in_logging),
    "decimal": (lambda decimal: decimal.getcontext().copy(), _back_in_decimal),
    "numpy": (_of_numpy, _back_in_numpy),
    "pandas": (_of_pandas, _back_in_pandas),
    "sklearn": (_of_sklearn, _back_in_sklearn),
}
PUT_BACK = frozenset({*_KEPT, "locale", "sys"})
"""The modules whose settings are put back here."""
