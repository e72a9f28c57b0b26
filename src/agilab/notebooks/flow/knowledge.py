"""What libraries do, as far as the flow of data goes: which calls change what they are given, set or use a state of
the process, whose results share something with their arguments or cannot leave the process.

Names are full ones (`numpy.random.seed`), as imports and everybody's custom (`np`, `pd`, `plt`) tell.
"""

from __future__ import annotations

import sys
from typing import Literal

RANDOM_NUMPY, RANDOM_PYTHON, RANDOM_TORCH = "<random numpy>", "<random python>", "<random torch>"
RANDOM_TENSORFLOW = "<random tensorflow>"
FIGURE, FOLDER = "<figure>", "<working directory>"
ENVIRONMENT, IMPORT_PATH = "<environment variables>", "<import path>"
RANDOM = frozenset({RANDOM_NUMPY, RANDOM_PYTHON, RANDOM_TORCH, RANDOM_TENSORFLOW})

STATES = {
    RANDOM_NUMPY: "NumPy's legacy random numbers",
    RANDOM_PYTHON: "the random numbers of the module random",
    RANDOM_TORCH: "the random numbers of PyTorch",
    RANDOM_TENSORFLOW: "the random numbers of TensorFlow",
    FIGURE: "pyplot's current figure",
    FOLDER: "the working directory",
    ENVIRONMENT: "environment variables",
    IMPORT_PATH: "where modules are looked for",
}
"""States of the process in words."""

Does = Literal["set", "use", "begin", "go on", "end"]

SIDE_EFFECTS = ("Axes3D", "enable_", "hvplot", "swifter", "cufflinks", "janitor", "scienceplots", "register_")
"""How names of imports begin that are made for what importing them does."""


def is_installed(top: str) -> bool:
    """Whether a module of this name is Python's or a well-known library's, so that it is found wherever one looks."""
    return top in sys.stdlib_module_names or top in _WITH_OPTIONS or top in _NEW


_SEEDS = {
    "numpy.random.seed": RANDOM_NUMPY,
    "numpy.random.set_state": RANDOM_NUMPY,
    "random.seed": RANDOM_PYTHON,
    "random.setstate": RANDOM_PYTHON,
    "torch.manual_seed": RANDOM_TORCH,
    "torch.seed": RANDOM_TORCH,
    "torch.cuda.manual_seed": RANDOM_TORCH,
    "torch.cuda.manual_seed_all": RANDOM_TORCH,
    "torch.random.manual_seed": RANDOM_TORCH,
    "tensorflow.random.set_seed": RANDOM_TENSORFLOW,
    "keras.utils.set_random_seed": RANDOM_TENSORFLOW,
    "tensorflow.keras.utils.set_random_seed": RANDOM_TENSORFLOW,
    "os.chdir": FOLDER,
    "os.fchdir": FOLDER,
    "os.putenv": ENVIRONMENT,
    "os.unsetenv": ENVIRONMENT,
    "dotenv.load_dotenv": ENVIRONMENT,
}
_OWN_RANDOM = frozenset(
    {"default_rng", "Generator", "RandomState", "SeedSequence", "PCG64", "MT19937", "Philox"}
)
_DRAWS_TORCH = (
    "rand",
    "randn",
    "randint",
    "randperm",
    "normal",
    "bernoulli",
    "multinomial",
    "nn.",
    "utils.data.",
)
_OPTIONS = (
    *(
        "set_",
        "seterr",
        "options.",
        "style.use",
        "rc",
        "rcParams",
        "use",
        "ion",
        "ioff",
        "switch_backend",
        "reset_defaults",
    ),
    *(
        "reset_orig",
        "despine",
        "config.",
        "enable_",
        "disable_",
        "renderers.",
        "templates.",
        "data_transformers.",
    ),
    *("register_", "plotting.register_", "Config.", "backends."),
)
_WITH_OPTIONS = frozenset(
    (
        *(
            "numpy",
            "pandas",
            "polars",
            "matplotlib",
            "seaborn",
            "plotly",
            "altair",
            "bokeh",
            "holoviews",
            "hvplot",
        ),
        *(
            "torch",
            "tensorflow",
            "keras",
            "jax",
            "sklearn",
            "tqdm",
            "scipy",
            "xarray",
            "geopandas",
            "IPython",
        ),
    )
)
_SETTERS = frozenset(
    (
        *(
            "warnings.filterwarnings",
            "warnings.simplefilter",
            "warnings.resetwarnings",
            "logging.basicConfig",
        ),
        *("logging.disable", "logging.captureWarnings", "locale.setlocale", "sys.setrecursionlimit"),
        *("decimal.setcontext", "faulthandler.enable", "tqdm.auto.tqdm.pandas", "tqdm.tqdm.pandas"),
        *("tqdm.notebook.tqdm.pandas", "seaborn.set", "matplotlib.use", "matplotlib.pyplot.rc"),
    )
)

_FIGURE_BEGINS = frozenset(
    (
        *(
            "figure",
            "subplots",
            "subplot_mosaic",
            "plot",
            "scatter",
            "bar",
            "barh",
            "hist",
            "hist2d",
            "boxplot",
            "pie",
        ),
        *(
            "violinplot",
            "imshow",
            "contour",
            "contourf",
            "pcolormesh",
            "errorbar",
            "fill_between",
            "stackplot",
            "step",
        ),
        *("semilogx", "semilogy", "loglog", "subplot", "axes", "matshow", "quiver", "hexbin", "stem", "spy"),
    )
)
_FIGURE_ENDS = frozenset({"show", "close"})
_NO_FIGURE = frozenset(
    {"style", "rcParams", "cm", "rc", "rc_context", "get_cmap", "colormaps", "ion", "ioff"}
)


def state_of(full: str, named: frozenset[str]) -> tuple[str, Does] | None:
    """The state of the process that a call sets or uses; `named` are its keyword arguments.

    >>> state_of("numpy.random.seed", frozenset()), state_of("numpy.random.default_rng", frozenset())
    (('<random numpy>', 'set'), None)
    >>> state_of("matplotlib.pyplot.title", frozenset()), state_of("seaborn.set_theme", frozenset())
    (('<figure>', 'go on'), ('<options seaborn>', 'set'))
    """
    if full in _SEEDS:
        return _SEEDS[full], "set"
    top, _, rest = full.partition(".")
    if top == "numpy" and rest.startswith("random."):
        return None if rest.split(".")[1] in _OWN_RANDOM else (RANDOM_NUMPY, "use")
    if top == "random":
        return (
            (RANDOM_PYTHON, "use") if rest and rest.split(".")[0] not in ("Random", "SystemRandom") else None
        )
    if top == "torch" and rest.startswith(_DRAWS_TORCH):
        return RANDOM_TORCH, "use"
    if full.startswith(("tensorflow.random.", "tensorflow.keras.layers.", "keras.layers.")):
        return RANDOM_TENSORFLOW, "use"
    if top in ("sklearn", "scipy") and "random_state" not in named and is_random(full):
        return RANDOM_NUMPY, "use"
    if full in _SETTERS or (top in _WITH_OPTIONS and sets_options(full)):
        return f"<options {top}>", "set"
    if full.startswith(("os.environ.update", "os.environ.setdefault", "os.environ.pop", "os.environ.clear")):
        return ENVIRONMENT, "set"
    if full.startswith(("sys.path.", "site.addsitedir")):
        return IMPORT_PATH, "set"
    if top == "matplotlib" and rest.startswith("pyplot."):
        what = rest.split(".")[1]
        if what in _FIGURE_ENDS:
            return FIGURE, "end"
        if what in _FIGURE_BEGINS:
            return FIGURE, "begin"
        return None if what in _NO_FIGURE or what[:1].isupper() else (FIGURE, "go on")
    return None


def sets_options(full: str) -> bool:
    """Whether a call or an assignment of this name sets how a library behaves."""
    rest = full.partition(".")[2].removeprefix("pyplot.")
    return bool(rest) and rest.startswith(_OPTIONS)


def state_of_place(full: str) -> str | None:
    """The state that an assignment to an attribute or an item of this name sets.

    >>> state_of_place("os.environ"), state_of_place("matplotlib.pyplot.rcParams"), state_of_place("numpy.pi")
    ('<environment variables>', '<options matplotlib>', '<options numpy>')
    """
    if full.startswith("os.environ"):
        return ENVIRONMENT
    if full.startswith("sys.path"):
        return IMPORT_PATH
    return f"<options {full.partition('.')[0]}>"


_RANDOM_STATE = frozenset(
    (
        *("train_test_split", "shuffle", "resample", "make_classification", "make_regression", "make_blobs"),
        *("make_moons", "make_circles", "make_friedman1", "make_swiss_roll", "permutation_importance"),
    )
)
_RANDOM_MODELS = (
    "Random",
    "Extra",
    "KMeans",
    "MiniBatch",
    "SGD",
    "MLP",
    "Shuffle",
    "Gaussian",
    "Bagging",
    "Isolation",
)


def is_random(full: str) -> bool:
    """Whether what scikit-learn or SciPy has under this name draws random numbers when it is called."""
    return full.rpartition(".")[2] in _RANDOM_STATE or (
        full.startswith("scipy.stats.") and full.endswith(".rvs")
    )


def is_random_model(full: str) -> bool:
    """Whether what is made so draws random numbers when it is fitted, unless it was given a seed."""
    return full.startswith("sklearn.") and full.rpartition(".")[2].startswith(_RANDOM_MODELS)


UNDECIDED = {
    "exec": "exec() runs code that is not in the text",
    "eval": "eval() evaluates code that is not in the text",
    "globals": "globals() gives access to every name",
    "locals": "locals() gives access to every name",
    "get_ipython": "get_ipython() runs what is not Python",
    "IPython.get_ipython": "get_ipython() runs what is not Python",
    "sys._getframe": "a frame gives access to every name",
    "inspect.currentframe": "a frame gives access to every name",
    "inspect.stack": "a frame gives access to every name",
    "sys.modules": "sys.modules gives access to the notebook's own module",
    "code.interact": "code.interact() runs code that is not in the text",
}
"""Calls after which nothing is certain, with the reason."""
UNDECIDED_BARE = {"vars": "vars() gives access to every name", "dir": "dir() shows every name"}
"""The same where there are no arguments."""

CHANGES_ARGUMENT = {
    **dict.fromkeys(
        (
            *(
                "random.shuffle",
                "numpy.random.shuffle",
                "heapq.heappush",
                "heapq.heappop",
                "heapq.heapify",
                "next",
            ),
            *(
                "heapq.heappushpop",
                "heapq.heapreplace",
                "bisect.insort",
                "bisect.insort_left",
                "bisect.insort_right",
            ),
            *(
                "setattr",
                "delattr",
                "operator.setitem",
                "operator.delitem",
                "operator.iadd",
                "numpy.copyto",
                "anext",
            ),
            *("numpy.put", "numpy.place", "numpy.putmask", "numpy.fill_diagonal", "struct.pack_into"),
            *(
                "operator.iconcat",
                "numpy.add.at",
                "list.append",
                "list.sort",
                "dict.update",
                "set.add",
                "list.extend",
            ),
        ),
        0,
    ),
    **dict.fromkeys(("json.dump", "pickle.dump", "csv.writer", "csv.DictWriter", "yaml.dump"), 1),
}
"""Functions that change one of their arguments in place, and which."""

PLAIN_RESULT = frozenset(
    (
        *(
            "len",
            "int",
            "float",
            "str",
            "bool",
            "complex",
            "bytes",
            "ord",
            "chr",
            "hash",
            "isinstance",
            "issubclass",
        ),
        *(
            "repr",
            "ascii",
            "format",
            "print",
            "input",
            "any",
            "all",
            "callable",
            "hasattr",
            "hex",
            "bin",
            "oct",
            "round",
        ),
        *(
            "divmod",
            "pow",
            "abs",
            "display",
            "os.getcwd",
            "os.getenv",
            "os.listdir",
            "time.time",
            "time.perf_counter",
        ),
        *("time.sleep", "range", "slice", "id", "type"),
        *("dataclasses.field", "pydantic.Field", "attr.ib", "attrs.field", "enum.auto"),
    )
)
"""Functions whose result cannot be changed, or is new and holds nothing of the arguments."""
ITEM_RESULT = frozenset(
    {"min", "max", "next", "reduce", "functools.reduce", "random.choice", "getattr", "sum", "heapq.heappop"}
)
"""Functions whose result may be (part of) an item of an argument."""
COLLECTS = frozenset(
    (
        *(
            "list",
            "tuple",
            "set",
            "frozenset",
            "dict",
            "sorted",
            "copy.copy",
            "collections.deque",
            "collections.Counter",
        ),
        *("collections.OrderedDict", "random.sample", "random.choices", "heapq.nlargest", "heapq.nsmallest"),
    )
)
"""Functions that make a new collection of the items of their arguments."""
ITERATORS = frozenset({"iter", "zip", "map", "filter", "enumerate", "reversed", "aiter"})
_NEW = frozenset(
    (
        *(
            "numpy",
            "math",
            "cmath",
            "statistics",
            "json",
            "re",
            "datetime",
            "time",
            "os",
            "sklearn",
            "scipy",
            "string",
        ),
        *(
            "random",
            "decimal",
            "fractions",
            "pathlib",
            "hashlib",
            "textwrap",
            "uuid",
            "calendar",
            "glob",
            "shutil",
        ),
        *(
            "pandas",
            "polars",
            "pyarrow",
            "statsmodels",
            "seaborn",
            "csv",
            "yaml",
            "tomllib",
            "base64",
            "platform",
        ),
    )
)
_SHARING = frozenset(
    (
        *(
            "DataFrame",
            "Series",
            "asarray",
            "ascontiguousarray",
            "ravel",
            "reshape",
            "atleast_1d",
            "atleast_2d",
            "squeeze",
        ),
        *(
            "broadcast_to",
            "transpose",
            "frombuffer",
            "split",
            "array_split",
            "expand_dims",
            "swapaxes",
            "moveaxis",
            "real",
        ),
        *(
            "diagonal",
            "from_numpy",
            "asanyarray",
            "require",
            "from_pandas",
            "from_arrow",
            "broadcast_arrays",
            "hsplit",
        ),
        *(
            "vsplit",
            "Pipeline",
            "make_pipeline",
            "ColumnTransformer",
            "GridSearchCV",
            "RandomizedSearchCV",
            "OrderedDict",
        ),
        *(
            "clone",
            "concat",
            "to_datetime",
            "to_numeric",
            "nan_to_num",
            "VotingClassifier",
            "StackingClassifier",
        ),
    )
)
TABLES = frozenset({"numpy", "pandas", "polars", "pyarrow", "scipy"})


def makes_new(full: str) -> bool:
    """Whether the result of a library's function shares nothing with its arguments.

    >>> makes_new("numpy.sin"), makes_new("numpy.asarray"), makes_new("unknown.make"), makes_new("copy.deepcopy")
    (True, False, False, True)
    """
    top, _, _ = full.partition(".")
    name = full.rpartition(".")[2]
    if top == "sklearn" and name[:1].isupper():
        return False
    return full == "copy.deepcopy" or (top in _NEW and "." in full and name not in _SHARING)


_TIED = {
    **dict.fromkeys(("open", "io.open", "gzip.open", "bz2.open", "lzma.open", "codecs.open"), "an open file"),
    **dict.fromkeys(
        ("zipfile.ZipFile", "tarfile.open", "h5py.File", "tempfile.TemporaryFile"), "an open file"
    ),
    **dict.fromkeys(
        ("tempfile.NamedTemporaryFile", "pandas.ExcelFile", "pandas.ExcelWriter"), "an open file"
    ),
    **dict.fromkeys(("pandas.HDFStore", "shelve.open", "netCDF4.Dataset", "rasterio.open"), "an open file"),
    **dict.fromkeys(("tempfile.TemporaryDirectory",), "a folder that goes with it"),
    **dict.fromkeys(
        ("sqlite3.connect", "duckdb.connect", "psycopg2.connect", "pymysql.connect"), "a connection"
    ),
    **dict.fromkeys(
        ("sqlalchemy.create_engine", "socket.socket", "requests.Session", "httpx.Client"), "a connection"
    ),
    **dict.fromkeys(
        ("pymongo.MongoClient", "redis.Redis", "paramiko.SSHClient", "urllib.request.urlopen"), "a connection"
    ),
    **dict.fromkeys(
        ("boto3.client", "boto3.resource", "dask.distributed.Client", "distributed.Client"), "a connection"
    ),
    **dict.fromkeys(
        ("threading.Thread", "threading.Timer", "multiprocessing.Process", "subprocess.Popen"),
        "something running",
    ),
    **dict.fromkeys(
        ("multiprocessing.Pool", "multiprocessing.pool.ThreadPool", "asyncio.create_task"),
        "something running",
    ),
    **dict.fromkeys(
        ("threading.Lock", "threading.RLock", "threading.Event", "threading.Condition"), "a lock"
    ),
    **dict.fromkeys(
        ("threading.Semaphore", "multiprocessing.Lock", "multiprocessing.Queue", "queue.Queue"), "a lock"
    ),
    **dict.fromkeys(
        ("csv.reader", "csv.DictReader", "csv.writer", "csv.DictWriter"), "a reader or writer of an open file"
    ),
    **dict.fromkeys(
        ("weakref.ref", "weakref.WeakValueDictionary", "contextvars.ContextVar"),
        "a reference into the process",
    ),
    **dict.fromkeys(("logging.FileHandler", "logging.StreamHandler"), "an open file"),
    **dict.fromkeys(("tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.notebook.tqdm", "tqdm.trange"), "a progress bar"),
}
_TIED_BEGINS = (
    ("itertools.", "an iterator"),
    ("concurrent.futures.", "something running"),
    ("matplotlib.pyplot.", "a figure, or something in one"),
    ("matplotlib.figure.", "a figure, or something in one"),
    ("seaborn.", "a figure, or something in one"),
    ("ipywidgets.", "a widget"),
    ("pyspark.", "something of a running Spark"),
    ("selenium.", "a browser"),
    ("os.scandir", "an iterator"),
    ("contextlib.", "something to use in `with`"),
    ("object", "an object that is known by being itself"),
)


def tied_by(full: str) -> str:
    """Why the result of a call cannot leave the process; empty if nothing is known to keep it.

    >>> tied_by("open"), tied_by("itertools.count"), tied_by("pandas.read_csv"), tied_by("seaborn.load_dataset")
    ('an open file', 'an iterator', '', '')
    """
    if full in ITERATORS:
        return "an iterator"
    if full in _TIED:
        return _TIED[full]
    if full.startswith(("seaborn.load_", "seaborn.color", "seaborn.cubehelix", "matplotlib.pyplot.get_cmap")):
        return ""
    return next((why for begin, why in _TIED_BEGINS if full.startswith(begin)), "")


SPENT = frozenset(
    (
        *("numpy.random.default_rng", "numpy.random.RandomState", "numpy.random.Generator", "random.Random"),
        *("torch.Generator", "sklearn.utils.check_random_state"),
    )
)
"""What gives something else each time it is used."""

CHANGING_METHODS = frozenset(
    (
        *(
            "append",
            "extend",
            "insert",
            "remove",
            "pop",
            "clear",
            "sort",
            "reverse",
            "add",
            "discard",
            "update",
            "push",
        ),
        *(
            "setdefault",
            "popitem",
            "fill",
            "resize",
            "put",
            "appendleft",
            "extendleft",
            "popleft",
            "rotate",
            "partition",
        ),
        *(
            "setflags",
            "difference_update",
            "intersection_update",
            "symmetric_difference_update",
            "subtract",
            "__setitem__",
        ),
        *(
            "move_to_end",
            "itemset",
            "byteswap",
            "setfield",
            "fit",
            "fit_transform",
            "fit_predict",
            "partial_fit",
            "compile",
        ),
        *(
            "train",
            "eval",
            "backward",
            "step",
            "zero_grad",
            "load_state_dict",
            "requires_grad_",
            "cuda",
            "load_weights",
        ),
        *(
            "set_params",
            "write",
            "writelines",
            "read",
            "readline",
            "readlines",
            "seek",
            "truncate",
            "close",
            "flush",
        ),
        *(
            "execute",
            "executemany",
            "commit",
            "rollback",
            "fetchone",
            "fetchall",
            "fetchmany",
            "send",
            "throw",
            "__next__",
        ),
        *(
            "seed",
            "random",
            "normal",
            "integers",
            "choice",
            "choices",
            "uniform",
            "standard_normal",
            "permutation",
        ),
        *(
            "permuted",
            "poisson",
            "exponential",
            "binomial",
            "gamma",
            "beta",
            "shuffle",
            "randint",
            "gauss",
            "randrange",
        ),
        *(
            "multivariate_normal",
            "lognormal",
            "triangular",
            "getrandbits",
            "add_column",
            "build",
            "add_node",
            "add_edge",
        ),
        *(
            "add_edges_from",
            "add_nodes_from",
            "remove_node",
            "remove_edge",
            "__setattr__",
            "__delitem__",
            "__iadd__",
        ),
        *(
            "insert_column",
            "replace_column",
            "fit_generator",
            "set_index_",
            "register",
            "increment",
            "add_argument",
        ),
    )
)
"""Methods that change what they are called on, whoever's they are."""
GIVES_ITEM = frozenset(
    {"pop", "popitem", "popleft", "get", "setdefault", "__getitem__", "item", "choice", "most_common"}
)
PLAIN_METHODS = frozenset(
    (
        *(
            "index",
            "count",
            "join",
            "format",
            "startswith",
            "endswith",
            "isdigit",
            "sum",
            "upper",
            "lower",
            "strip",
        ),
        *(
            "append",
            "extend",
            "insert",
            "remove",
            "clear",
            "sort",
            "reverse",
            "add",
            "discard",
            "update",
            "read",
            "write",
        ),
        *(
            "isoformat",
            "strftime",
            "total_seconds",
            "as_posix",
            "exists",
            "is_file",
            "is_dir",
            "read_text",
            "write_text",
        ),
    )
)
RELEASES = frozenset(
    (
        *(
            "read",
            "readline",
            "readlines",
            "write",
            "getvalue",
            "fetchone",
            "fetchall",
            "fetchmany",
            "fetchdf",
            "df",
        ),
        *(
            "result",
            "map",
            "starmap",
            "apply",
            "get",
            "json",
            "is_alive",
            "join",
            "poll",
            "communicate",
            "recv",
        ),
        *(
            "tolist",
            "to_pandas",
            "toPandas",
            "count",
            "parse",
            "namelist",
            "getnames",
            "qsize",
            "empty",
            "tell",
        ),
    )
)
"""Methods of what cannot leave its process whose result can."""
SHARING_METHODS = frozenset(
    (
        *(
            "view",
            "reshape",
            "ravel",
            "squeeze",
            "transpose",
            "to_numpy",
            "pipe",
            "get",
            "swapaxes",
            "diagonal",
            "numpy",
        ),
        *(
            "iterrows",
            "items",
            "itertuples",
            "groupby",
            "rolling",
            "get_group",
            "set_axis",
            "astype",
            "rename",
            "lazy",
        ),
        *(
            "detach",
            "flatten",
            "collect",
            "as_matrix",
            "__array__",
            "head",
            "tail",
            "xs",
            "select",
            "filter",
            "resample",
        ),
    )
)
"""Methods of tables and arrays whose result may be a window on the same data."""
LOOKS = frozenset(
    (
        *(
            "head",
            "tail",
            "describe",
            "info",
            "plot",
            "hist",
            "show",
            "print",
            "display",
            "sample",
            "value_counts",
            "copy",
        ),
        *(
            "boxplot",
            "scatter",
            "bar",
            "line",
            "summary",
            "items",
            "keys",
            "values",
            "isnull",
            "isna",
            "sum",
            "mean",
        ),
        *(
            "predict",
            "score",
            "transform",
            "predict_proba",
            "format",
            "join",
            "split",
            "exists",
            "mkdir",
            "dump",
            "save",
        ),
        *(
            "savefig",
            "unlink",
            "touch",
            "read_text",
            "write_text",
            "write_bytes",
            "info",
            "warning",
            "debug",
            "error",
        ),
        *(
            "groupby",
            "agg",
            "apply",
            "sort_values",
            "reset_index",
            "set_index",
            "dropna",
            "fillna",
            "drop",
            "merge",
        ),
    )
)
"""Methods that are called for what they show or write elsewhere, where nobody keeps the result."""
TABLE_METHODS = frozenset(
    (
        *(
            "dropna",
            "fillna",
            "groupby",
            "merge",
            "rolling",
            "reset_index",
            "set_index",
            "sort_values",
            "sort_index",
        ),
        *(
            "assign",
            "describe",
            "value_counts",
            "pivot_table",
            "pivot",
            "melt",
            "drop_duplicates",
            "astype",
            "resample",
        ),
        *(
            "isnull",
            "isna",
            "notnull",
            "notna",
            "agg",
            "aggregate",
            "applymap",
            "to_frame",
            "corr",
            "cumsum",
            "nunique",
        ),
        *(
            "quantile",
            "interpolate",
            "nlargest",
            "nsmallest",
            "with_columns",
            "group_by",
            "ewm",
            "stack",
            "unstack",
        ),
        *(
            "idxmax",
            "idxmin",
            "get_dummies",
            "tz_localize",
            "tz_convert",
            "asfreq",
            "shift",
            "pct_change",
            "clip",
        ),
    )
)
"""Methods that only tables and arrays have."""
PLAIN_ATTRIBUTES = frozenset(
    (
        "shape",
        "ndim",
        "size",
        "dtype",
        "dtypes",
        "name",
        "names",
        "columns",
        "__name__",
        "__doc__",
        "stem",
        "suffix",
        "parent",
    )
)
STAR_SHADOWS = frozenset(
    {"numpy", "pylab", "matplotlib", "scipy", "sympy", "torch", "jax", "math", "os", "tensorflow"}
)
"""Modules whose `import *` hides names of Python's own, `sum` or `open`."""
FILES = (
    "read_",
    "load",
    "open",
    "savefig",
    "save",
    "to_",
    "listdir",
    "glob",
    "Path",
    "exists",
    "dump",
    "imread",
    "mkdir",
)
"""How names begin that look a file up by its path."""
