"""What lies outside an app's source: names that let code be found at run time, and decorators that leave no trace."""

from __future__ import annotations

import builtins
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
        *["inspect.currentframe", "inspect.stack", "inspect.getmodule", "gc.get_objects", "gc.get_referrers"],
        *["importlib.metadata.entry_points", "importlib.metadata.EntryPoint"],
        # What is unpickled brings its classes along by name, also where nothing here names them.
        *_UNPICKLERS,
        *["shelve", "marshal", "joblib.load", "torch.load", "pandas.read_pickle"],
    ]
)

LOOKS = frozenset({"__subclasses__", "__globals__", "__builtins__", "f_globals", "f_locals"})
"""Attributes of any object that lead to what nobody named."""

FINDERS = frozenset({"builtins", "gc", "importlib", "inspect", "pickle", "pkgutil", "runpy", "sys"})
"""Modules that hold such names: as a value one of them may be asked for any."""

_PURE_ROOTS = frozenset(
    [
        *[
            "abc",
            "argparse",
            "ast",
            "bisect",
            "builtins",
            "calendar",
            "cmath",
            "codecs",
            "collections",
            "colorsys",
        ],
        *["concurrent", "contextlib", "copy", "csv", "dataclasses", "datetime", "decimal", "difflib", "enum"],
        *[
            "errno",
            "fractions",
            "functools",
            "glob",
            "hashlib",
            "heapq",
            "inspect",
            "io",
            "ipaddress",
            "itertools",
        ],
        *[
            "json",
            "keyword",
            "logging",
            "math",
            "multiprocessing",
            "numbers",
            "operator",
            "pathlib",
            "pickle",
        ],
        *[
            "platform",
            "posixpath",
            "pprint",
            "queue",
            "re",
            "secrets",
            "shlex",
            "statistics",
            "string",
            "struct",
        ],
        *["tempfile", "textwrap", "threading", "time", "tomllib", "traceback", "types", "typing"],
        *["typing_extensions", "unicodedata", "uuid", "warnings", "weakref", "zipfile", "zlib", "zoneinfo"],
        *[
            "agi_node",
            "attr",
            "attrs",
            "beartype",
            "cachetools",
            "jax",
            "jaxtyping",
            "joblib",
            "networkx",
            "numba",
        ],
        *[
            "numpy",
            "pandas",
            "polars",
            "pyarrow",
            "pydantic",
            "scipy",
            "shapely",
            "sklearn",
            "tenacity",
            "torch",
        ],
        *["tqdm", "xarray"],
        *["os.path", "os.environ.get", "os.getenv", "os.cpu_count", "os.sep", "os.fspath", "os.PathLike"],
        *["sys.version_info", "sys.platform", "sys.maxsize", "sys.float_info", "sys.stderr", "sys.stdout"],
    ]
)
"""What is known not to keep, where others look, what it decorates, is called with or is derived from."""

_TRACES = (
    *("add", "append", "configure", "disable", "enable", "filterwarnings", "getcontext", "init", "install"),
    *("manual_seed", "patch", "push", "random", "seed", "set", "simplefilter", "use"),
)
"""How names begin that change a state of a library all the same; any that says `register` does, too."""

INERT = frozenset(
    [
        *[
            "logging.getLogger",
            "re.compile",
            "pathlib.Path",
            "frozenset",
            "tuple",
            "str",
            "int",
            "float",
            "bool",
        ],
        *[
            "len",
            "range",
            "max",
            "min",
            "abs",
            "round",
            "math.sqrt",
            "math.radians",
            "math.degrees",
            "decimal.Decimal",
        ],
        *["fractions.Fraction", "datetime.timedelta", "datetime.date", "datetime.datetime", "typing.TypeVar"],
    ]
)
"""What gives back something that holds nothing of those who use it, and that nobody can change."""

ARRAYS = frozenset({"numpy", "pandas", "polars", "pyarrow"})
"""What these give back changes by calls and assignments, never by operators, indices and loops."""


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


def leaves_no_trace(dotted: str) -> bool:
    """Whether something outside only gives back what it makes, called, derived from or as a decorator.

    >>> [leaves_no_trace(name) for name in ("functools.cache", "numpy.array", "print", "unknown.make")]
    [True, True, True, False]
    >>> [leaves_no_trace(name) for name in ("numpy.random.seed", "polars.api.register_expr_namespace", "setattr")]
    [False, False, False]
    """
    steps = dotted.split(".")
    if len(steps) == 1 and hasattr(builtins, dotted):
        return dotted not in ("setattr", "delattr", "input")
    if "register" in dotted or any(step.startswith(_TRACES) for step in steps[1:]):
        return False
    return any(".".join(steps[:end]) in _PURE_ROOTS for end in range(1, len(steps) + 1)) or (
        hasattr(builtins, steps[0])
    )


def is_outside(module: str) -> bool:
    """Whether a module is Python's or installed, so that the environment's fingerprint speaks for it."""
    top = module.partition(".")[0]
    if top == "__main__":
        return False
    found = sys.modules.get(top)
    if top in _OURS or (found is None and top in sys.stdlib_module_names):
        return True
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
        return top in sys.stdlib_module_names  # built in or frozen
    standard = sysconfig.get_path("stdlib")
    return any(not _INSTALLED.isdisjoint(file.parts) or file.is_relative_to(standard) for file in files[:1])
