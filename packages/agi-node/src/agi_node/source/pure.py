"""Expressions that give the same wherever they are evaluated: constants, and calls of what is known to be pure."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Mapping

from agi_node.source.tree import Chain, called_chain, chain_of, children

_PURE = frozenset(
    (
        *(
            "int",
            "float",
            "complex",
            "str",
            "bool",
            "bytes",
            "tuple",
            "list",
            "dict",
            "set",
            "frozenset",
            "range",
        ),
        *(
            "slice",
            "len",
            "min",
            "max",
            "sum",
            "abs",
            "round",
            "sorted",
            "ord",
            "chr",
            "pow",
            "divmod",
            "any",
            "all",
        ),
        *("zip", "enumerate", "reversed"),
        *("pathlib.Path", "pathlib.PurePath", "pathlib.PurePosixPath", "os.path.join", "os.fspath"),
        # Where the code runs: another folder in each stage, so whoever needs it asks there.
        *(
            "pathlib.Path.cwd",
            "os.getcwd",
            "os.path.abspath",
            "os.path.realpath",
            "os.path.dirname",
            "os.path.basename",
            "os.path.split",
            "os.path.normpath",
        ),
        *("datetime.date", "datetime.datetime", "datetime.time", "datetime.timedelta", "datetime.timezone"),
        *("zoneinfo.ZoneInfo", "uuid.UUID", "decimal.Decimal", "fractions.Fraction", "re.compile"),
        *(
            "collections.namedtuple",
            "collections.OrderedDict",
            "collections.defaultdict",
            "collections.Counter",
        ),
        *("collections.deque", "types.SimpleNamespace", "types.MappingProxyType", "string.Template"),
        *("operator.itemgetter", "operator.attrgetter", "functools.partial", "textwrap.dedent"),
        *("typing.TypeVar", "typing.NewType", "typing.NamedTuple", "typing.TypedDict", "enum.Enum"),
        *(
            "logging.getLogger",
            "math.sqrt",
            "math.radians",
            "math.degrees",
            "math.log",
            "math.exp",
            "math.pow",
        ),
        *("math.sin", "math.cos", "math.floor", "math.ceil"),
        *(
            "numpy.array",
            "numpy.arange",
            "numpy.linspace",
            "numpy.logspace",
            "numpy.zeros",
            "numpy.ones",
            "numpy.eye",
        ),
        *("numpy.full", "numpy.dtype", "numpy.float32", "numpy.float64", "numpy.int32", "numpy.int64"),
        *("numpy.sqrt", "numpy.log", "numpy.exp", "numpy.deg2rad", "numpy.datetime64", "numpy.timedelta64"),
        *(
            "pandas.Timestamp",
            "pandas.Timedelta",
            "pandas.to_datetime",
            "pandas.to_timedelta",
            "pandas.DateOffset",
        ),
        *(
            "pandas.date_range",
            "pandas.CategoricalDtype",
            "polars.Enum",
            "polars.Datetime",
            "polars.Duration",
        ),
    )
)
"""What gives the same again for the same arguments, and leaves no trace."""

_ITERATORS = frozenset({"zip", "enumerate", "reversed"})
"""Used up by reading: fine inside another call, no constant by itself."""

_TEXT_METHODS = frozenset(name for kind in (str, bytes) for name in dir(kind) if not name.startswith("_"))
_PATH_METHODS = frozenset(
    {"joinpath", "with_suffix", "with_name", "with_stem", "as_posix", "expanduser", "resolve", "absolute"}
)

_BY_CUSTOM = {
    "np": "numpy",
    "pd": "pandas",
    "pl": "polars",
    "dt": "datetime",
    "Path": "pathlib.Path",
    "PurePath": "pathlib.PurePath",
    "Decimal": "decimal.Decimal",
    "Fraction": "fractions.Fraction",
    "date": "datetime.date",
    "timedelta": "datetime.timedelta",
    "timezone": "datetime.timezone",
    "ZoneInfo": "zoneinfo.ZoneInfo",
    "namedtuple": "collections.namedtuple",
    "OrderedDict": "collections.OrderedDict",
    "defaultdict": "collections.defaultdict",
    "Counter": "collections.Counter",
    "TypeVar": "typing.TypeVar",
    "itemgetter": "operator.itemgetter",
    "partial": "functools.partial",
}
"""What names stand for whose import is in another text, by everybody's custom."""


def by_custom(name: str) -> bool:
    """Whether a name stands for something of a library where nothing else is said."""
    return name in _BY_CUSTOM


def dotted(chain: Chain, imports: Mapping[str, str], bound: frozenset[str] = frozenset()) -> str:
    """The full name of what a chain reaches, as far as `imports` (name → full name) and custom tell.

    Names that the text binds otherwise (`bound`) stand for themselves and begin with a dot.

    >>> dotted(("np", "array"), {}), dotted(("P",), {"P": "pathlib.Path"}), dotted(("len",), {}, frozenset({"len"}))
    ('numpy.array', 'pathlib.Path', '.len')
    """
    first = chain[0]
    if first in imports:
        head = imports[first]
    elif first in bound:
        head = f".{first}"
    else:
        head = first if hasattr(builtins, first) else _BY_CUSTOM.get(first, first)
    if head == "datetime" and chain[1:2] == ("now",):
        return "datetime.datetime.now"
    return ".".join((head, *chain[1:]))


def is_constant(value: ast.expr, imports: Mapping[str, str], bound: frozenset[str] = frozenset()) -> bool:
    """Whether an expression calls nothing, or only what is pure, and is not used up by reading it once.

    Names count as constants; whether they are is another question.

    >>> texts = ["{'a': [1, x]}", "Path('a') / 'b'", "'a b'.split()", "lambda: load()", "load()", "iter(x)"]
    >>> [is_constant(ast.parse(text, mode="eval").body, {}) for text in texts]
    [True, True, True, True, False, False]
    >>> texts = ["Path.cwd().parent", "(Path('..') / 'a').resolve()", "os.path.abspath(os.pardir)", "host.resolve()"]
    >>> [is_constant(ast.parse(text, mode="eval").body, {"os": "os"}) for text in texts]
    [True, True, True, False]
    """
    stack: list[ast.AST] = [value]
    if isinstance(value, ast.Call) and called_chain(value) in [(name,) for name in _ITERATORS]:
        return False
    while stack:
        node = stack.pop()
        if isinstance(node, (ast.Await, ast.Yield, ast.YieldFrom, ast.NamedExpr)):
            return False
        if isinstance(node, ast.GeneratorExp) and node is value:
            return False
        if isinstance(node, ast.Lambda):
            stack += [*node.args.defaults, *(each for each in node.args.kw_defaults if each is not None)]
            continue
        if isinstance(node, ast.Call) and not _is_pure(node.func, imports, bound):
            return False
        stack += children(node)
    return True


def _is_pure(called: ast.expr, imports: Mapping[str, str], bound: frozenset[str]) -> bool:
    chain = chain_of(called)
    if chain is not None and dotted(chain, imports, bound) in _PURE:
        return True
    if not isinstance(called, ast.Attribute):
        return False
    if called.attr in _TEXT_METHODS and isinstance(called.value, (ast.Constant, ast.JoinedStr)):
        return True
    return called.attr in _PATH_METHODS and _is_path(called.value, imports, bound)


def _is_path(value: ast.expr, imports: Mapping[str, str], bound: frozenset[str]) -> bool:
    """Whether an expression begins with a call of `pathlib`: `(Path.cwd() / "..").resolve().parents[1]`."""
    while not isinstance(value, ast.Call) or isinstance(value.func, ast.Attribute):
        if isinstance(value, ast.Call):
            chain = called_chain(value)
            if chain is not None and dotted(chain, imports, bound).startswith("pathlib."):
                return True
            value = value.func
        if isinstance(value, (ast.Attribute, ast.Subscript)):
            value = value.value
        elif isinstance(value, ast.BinOp) and isinstance(value.op, ast.Div):
            value = value.left
        else:
            return False
    inner = called_chain(value)
    return inner is not None and dotted(inner, imports, bound).startswith("pathlib.")
