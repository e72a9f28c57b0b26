"""What lies outside an app's source: names that let code be found at run time, and decorators that leave no trace."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path

_OURS = frozenset({"agi_node", "agilab"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})

IMPORTERS = frozenset({"importlib.import_module", "builtins.__import__", "__import__"})
"""Imports by a text; with a literal they can be followed."""

_UNPICKLERS = [
    f"{name}.{loads}"
    for name in ("pickle", "dill", "cloudpickle")
    for loads in ("load", "loads", "Unpickler")
]

_AT_RUN_TIME = frozenset(
    [
        *[
            "exec",
            "eval",
            "globals",
            "locals",
            "__import__",
            "__builtins__",
            "__loader__",
            "__spec__",
            "runpy",
            "imp",
        ],
        *[
            "importlib.import_module",
            "importlib.reload",
            "importlib.util",
            "importlib.machinery",
            "importlib.__import__",
        ],
        *["pkgutil.iter_modules", "pkgutil.walk_packages", "pkgutil.resolve_name", "pydoc.locate"],
        *["sys.modules", "sys.meta_path", "sys.path_hooks", "sys.path", "sys._getframe", "sys.executable"],
        *["inspect.currentframe", "inspect.stack", "gc.get_objects"],
        # What is unpickled brings its classes along by name, also where nothing here names them.
        *_UNPICKLERS,
        *["shelve", "marshal", "joblib.load", "torch.load", "pandas.read_pickle"],
    ]
)

_PURE_ROOTS = frozenset(
    [
        *["abc", "builtins", "classmethod", "contextlib", "dataclasses", "enum", "functools", "property"],
        *["staticmethod", "types", "typing", "typing_extensions", "warnings"],
        *[
            "agi_node",
            "attr",
            "attrs",
            "beartype",
            "cachetools",
            "jax",
            "jaxtyping",
            "joblib",
            "numba",
            "numpy",
        ],
        *["pydantic", "tenacity"],
    ]
)
"""Whose decorators are known not to keep what they decorate where others look, unless they say `register`."""

INERT = frozenset(
    [
        "logging.getLogger",
        "re.compile",
        "pathlib.Path",
        "frozenset",
        "tuple",
        "decimal.Decimal",
        "typing.TypeVar",
    ]
)
"""What gives back something that holds nothing of those who use it."""


def at_run_time(dotted: str) -> str | None:
    """The name that makes code findable at run time only, if `dotted` is one or lies in one.

    >>> at_run_time("importlib.util.find_spec"), at_run_time("builtins.exec"), at_run_time("json.loads")
    ('importlib.util', 'exec', None)
    """
    dotted = dotted.removeprefix("builtins.")
    steps = dotted.split(".")
    for end in range(1, len(steps) + 1):
        name = ".".join(steps[:end])
        if name in _AT_RUN_TIME:
            return name
    return None


def leaves_no_trace(decorator: str) -> bool:
    """Whether a decorator from outside only gives back something to use instead; an unknown one may register it."""
    return decorator.partition(".")[0] in _PURE_ROOTS and "register" not in decorator


def is_outside(module: str) -> bool:
    """Whether a module is Python's or installed, so that the environment's fingerprint speaks for it."""
    top = module.partition(".")[0]
    if top == "__main__":
        return False
    if top in _OURS or top in sys.stdlib_module_names:
        return True
    found = sys.modules.get(top)
    spec = getattr(found, "__spec__", None)
    if found is None:
        import importlib.util

        try:
            spec = importlib.util.find_spec(top)  # a top-level name: looks at folders, imports nothing
        except (ImportError, ValueError):
            return False
        if spec is None:
            return False
    places = [
        getattr(found, "__file__", None),
        getattr(spec, "origin", None),
        *getattr(found, "__path__", ()),
    ]
    files = [
        Path(place) for place in places if isinstance(place, str) and place not in ("built-in", "frozen")
    ]
    if not files:
        return found is not None and top in sys.builtin_module_names
    standard = sysconfig.get_path("stdlib")
    return any(not _INSTALLED.isdisjoint(file.parts) or file.is_relative_to(standard) for file in files[:1])
