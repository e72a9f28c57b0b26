"""What libraries do, as far as the flow of data goes: which calls change what they are given, whose results share
something with their arguments, and whose cannot leave the process.

Names are full ones (`numpy.copyto`), as imports and everybody's custom (`np`, `pd`) tell.
"""

from __future__ import annotations

import sys
from collections.abc import Collection

from agilab.notebooks.flow.states import WITH_OPTIONS, in_order, words

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
    "cProfile.run": "cProfile.run() runs code that is not in the text",
    "profile.run": "profile.run() runs code that is not in the text",
}
"""Calls after which nothing is certain, with the reason."""
UNDECIDED_BARE = {
    "vars": "vars() gives access to every name",
    "dir": "dir() shows every name",
    "doctest.testmod": "doctest.testmod() tries every function and class",
    "unittest.main": "unittest.main() runs every class of tests",
}
"""The same where no argument says of what."""
BINDS_NOTHING = frozenset({"dir", "locals", "doctest.testmod", "unittest.main"})
"""Those of them that only read."""
CHANGES_ARGUMENT = {
    **dict.fromkeys(
        words(
            """
        random.shuffle numpy.random.shuffle heapq.heappush heapq.heappop heapq.heapify next
        heapq.heappushpop heapq.heapreplace bisect.insort bisect.insort_left bisect.insort_right
        setattr delattr operator.setitem operator.delitem operator.iadd numpy.copyto anext
        numpy.put numpy.place numpy.putmask numpy.fill_diagonal numpy.put_along_axis
        operator.iconcat numpy.add.at numpy.subtract.at numpy.maximum.at numpy.minimum.at numpy.multiply.at
        shutil.copyfileobj ctypes.memset ctypes.memmove
            """
        ),
        0,
    ),
    **dict.fromkeys(
        words(
            """
        json.dump pickle.dump yaml.dump struct.pack_into shutil.copyfileobj
            """
        ),
        1,
    ),
}
"""Functions that change one of their arguments in place, and which."""
PLAIN_RESULT = words(
    """
    len int float str bool complex bytes ord chr hash isinstance issubclass repr ascii format print
    input any all callable hasattr hex bin oct round divmod pow abs display os.getcwd os.getenv
    os.listdir time.time time.perf_counter time.sleep range slice id type dataclasses.field
    pydantic.Field attr.ib attrs.field enum.auto
    """
)
"""Functions whose result cannot be changed, or is new and holds nothing of the arguments."""
ITEM_RESULT = frozenset(
    {"min", "max", "next", "reduce", "functools.reduce", "random.choice", "getattr", "sum", "heapq.heappop"}
)
"""Functions whose result may be (part of) an item of an argument."""
COLLECTS = words(
    """
    list tuple set frozenset dict sorted copy.copy collections.deque collections.Counter
    collections.OrderedDict random.sample random.choices heapq.nlargest heapq.nsmallest
    """
)
"""Functions that make a new collection of the items of their arguments."""
ITERATORS = frozenset({"iter", "zip", "map", "filter", "enumerate", "reversed", "aiter"})
_NEW = words(
    """
    numpy math cmath statistics json re datetime time os sklearn scipy string random decimal
    fractions pathlib hashlib textwrap uuid calendar glob shutil pandas polars pyarrow statsmodels
    seaborn csv yaml tomllib base64 platform
    """
)
_SHARING = words(
    """
    DataFrame Series asarray ascontiguousarray ravel reshape atleast_1d atleast_2d squeeze
    broadcast_to transpose frombuffer split array_split expand_dims swapaxes moveaxis real diagonal
    from_numpy asanyarray require from_pandas from_arrow broadcast_arrays hsplit vsplit Pipeline
    make_pipeline ColumnTransformer GridSearchCV RandomizedSearchCV OrderedDict clone
    to_datetime to_numeric nan_to_num VotingClassifier StackingClassifier masked_array
    masked_where masked_invalid MaskedArray sliding_window_view as_strided nditer ndenumerate shared_memory
    """
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
    if full.startswith("numpy.ma."):
        return False
    return full == "copy.deepcopy" or (top in _NEW and "." in full and name not in _SHARING)


def copies_collections(full: str, kinds: Collection[str]) -> bool:
    """Whether a function makes a copy of values of these kinds.

    A table of a list of arrays, or of a dictionary of them, is one (pandas since 1.3); of one array it may be a window.

    >>> copies_collections("pandas.DataFrame", ["list", "plain"]), copies_collections("pandas.DataFrame", ["table"])
    (True, False)
    """
    return full in _OF_COLLECTIONS and all(kind in ("plain", "list", "tuple") for kind in kinds)


def only_looks(name: str) -> bool:
    """Whether a function or method of this name is called for what it shows, checks or writes elsewhere."""
    return name in LOOKS or name in DRAWS or name.startswith(_LOOKS_BEGIN)


_TIED = {
    name: why
    for why, names in {
        "an open file": """
            open io.open gzip.open bz2.open lzma.open codecs.open zipfile.ZipFile tarfile.open
            h5py.File tempfile.TemporaryFile tempfile.NamedTemporaryFile pandas.ExcelFile
            pandas.ExcelWriter pandas.HDFStore shelve.open netCDF4.Dataset rasterio.open
            logging.FileHandler logging.StreamHandler logging.handlers.WatchedFileHandler
            logging.handlers.RotatingFileHandler logging.handlers.TimedRotatingFileHandler
        """,
        "a folder that goes with it": """
            tempfile.TemporaryDirectory
        """,
        "a connection": """
            sqlite3.connect duckdb.connect psycopg2.connect pymysql.connect sqlalchemy.create_engine
            socket.socket requests.Session httpx.Client pymongo.MongoClient redis.Redis
            paramiko.SSHClient urllib.request.urlopen boto3.client boto3.resource
            dask.distributed.Client distributed.Client
        """,
        "something running": """
            threading.Thread threading.Timer multiprocessing.Process subprocess.Popen
            multiprocessing.Pool multiprocessing.pool.ThreadPool asyncio.create_task
        """,
        "a lock": """
            threading.Lock threading.RLock threading.Event threading.Condition threading.Semaphore
            multiprocessing.Lock multiprocessing.Queue queue.Queue queue.SimpleQueue queue.LifoQueue
            queue.PriorityQueue
        """,
        "a sum that is not at its end": """
            hashlib.md5 hashlib.sha1 hashlib.sha224 hashlib.sha256 hashlib.sha384 hashlib.sha512
            hashlib.sha3_256 hashlib.sha3_512 hashlib.blake2b hashlib.blake2s hashlib.new hmac.new
            zlib.compressobj zlib.decompressobj
        """,
        "a parser, whose marks are known by being themselves": """
            argparse.ArgumentParser
        """,
        "a reader or writer of an open file": """
            csv.reader csv.DictReader csv.writer csv.DictWriter
        """,
        "a reference into the process": """
            weakref.ref weakref.WeakValueDictionary contextvars.ContextVar threading.local
        """,
        "a buffer that is written and read as a file": """
            io.StringIO io.BytesIO io.TextIOWrapper io.BufferedReader io.BufferedWriter
            tempfile.SpooledTemporaryFile
        """,
        "a table that is read from its files when it is asked for": """
            polars.scan_csv polars.scan_parquet polars.scan_ipc polars.scan_ndjson polars.scan_delta
            polars.scan_iceberg polars.read_csv_batched pyarrow.dataset.dataset
            pyarrow.parquet.ParquetFile pyarrow.parquet.ParquetDataset numpy.memmap
            xarray.open_dataset xarray.open_dataarray xarray.open_mfdataset xarray.open_zarr zarr.open
            dask.dataframe.read_csv dask.dataframe.read_parquet vaex.open
        """,
        "a table of DuckDB's": """
            duckdb.sql duckdb.query duckdb.from_df duckdb.read_csv duckdb.read_parquet
            duckdb.read_json duckdb.table duckdb.execute
        """,
        "a registry of units, of which there is one": """
            pint.UnitRegistry
        """,
        "a progress bar": """
            tqdm.tqdm tqdm.trange tqdm.auto.tqdm tqdm.auto.trange tqdm.notebook.tqdm
            tqdm.notebook.trange tqdm.tqdm_notebook tqdm.std.tqdm tqdm.rich.tqdm rich.progress.track
            alive_progress.alive_it fastprogress.progress_bar fastprogress.master_bar
        """,
    }.items()
    for name in names.split()
}
BY_PUT = "changed by a function that was put into a module"
AS_IT_WAS = "what a module had before it was set"
AMONG_BUILTINS = "a name put among Python's own"
A_BAR = "a progress bar"
"""What gives the items of what it is given, one after the other, and is no part of them."""
A_FIGURE = "a figure, or something in one"
DRAWS = frozenset({"plot", "hvplot"})
"""Attributes of tables that draw them."""
_DRAWN = ("data", "array", "offsets", "path", "source")


def is_drawn(name: str) -> bool:
    """Whether an attribute of a figure may be what was drawn: `get_xdata`, `data`.

    >>> is_drawn("get_xdata"), is_drawn("get_lines")
    (True, False)
    """
    return any(word in name for word in _DRAWN)


_TIED_BEGINS = (
    ("itertools.", "an iterator"),
    ("concurrent.futures.", "something running"),
    ("matplotlib.pyplot.", A_FIGURE),
    ("matplotlib.figure.", A_FIGURE),
    ("seaborn.", A_FIGURE),
    ("ipywidgets.", "a widget"),
    ("pyspark.", "something of a running Spark"),
    ("selenium.", "a browser"),
    ("cvxpy.Problem", "a problem whose solver stays in its process"),
    ("gurobipy.Model", "a problem whose solver stays in its process"),
    ("os.scandir", "an iterator"),
    ("contextlib.", "something to use in `with`"),
    ("object", "an object that is known by being itself"),
)


MADE_ANEW = frozenset({"an open file", "a connection", "a lock", "something running"})
"""What is tied to its process and as good where another process makes its own."""


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


GIVES_ATTRIBUTES = frozenset({"operator.attrgetter", "operator.methodcaller"})
"""Functions that make one which reads attributes by their names."""
MAKES_AGAIN = words("""dataclasses.replace attr.evolve attrs.evolve copy.replace""")
"""Functions that make another object of a class, as calling it does."""
SPENT = words(
    """
    numpy.random.default_rng numpy.random.RandomState numpy.random.Generator random.Random
    torch.Generator sklearn.utils.check_random_state
    """
)
"""What gives something else each time it is used."""
DRAWS_FROM = words("""numpy.random.default_rng numpy.random.RandomState numpy.random.Generator""")
"""Those of them that may go on with what they are given."""
REMEMBER = words(
    """
    functools.lru_cache functools.cache streamlit.cache_resource cachetools.cached
    """
)
"""Decorators that give a result again, the same object, where a function was called with the same before."""
GROWING = words("""collections.defaultdict""")
"""What makes an item where one is asked for that is not there."""
CHANGING_METHODS = words(
    """
    append extend insert remove pop clear sort reverse add discard update push setdefault popitem
    fill resize put appendleft extendleft popleft rotate partition setflags difference_update
    intersection_update symmetric_difference_update subtract __setitem__ move_to_end itemset
    byteswap setfield fit fit_transform fit_predict partial_fit compile train eval backward step
    zero_grad load_state_dict requires_grad_ cuda load_weights set_params write writelines read
    readline readlines seek truncate close flush execute executemany commit rollback fetchone
    fetchall fetchmany send throw __next__ seed random normal integers choice choices uniform
    standard_normal permutation permuted poisson exponential binomial gamma beta shuffle randint
    gauss randrange multivariate_normal lognormal triangular getrandbits add_column build add_node
    add_edge add_edges_from add_nodes_from remove_node remove_edge __setattr__ __delitem__ __iadd__
    insert_column replace_column fit_generator set_index_ register increment add_argument
    """
)
"""Methods that change what they are called on, whoever's they are."""
MODELLING = words("""pulp cvxpy pyomo gurobipy ortools mip docplex linopy pyscipopt z3 casadi simpy""")
"""Libraries whose objects are parts of what is made of them by operators."""
SOLVES = words("""solve optimize optimise Solve Optimize solve_problem run_until step backward""")
"""Methods that change what their owner holds as well, and the objects that they are given: variables, parameters."""
GIVES_ITEM = frozenset(
    {"pop", "popitem", "popleft", "get", "setdefault", "__getitem__", "item", "choice", "most_common"}
)
PLAIN_METHODS = words(
    """
    index count join format startswith endswith isdigit sum upper lower strip append extend insert
    remove clear sort reverse add discard update read write isoformat strftime total_seconds
    as_posix exists is_file is_dir read_text write_text
    """
)
RELEASES = words(
    """
    read readline readlines write getvalue fetchone fetchall fetchmany fetchdf df result map starmap
    apply get json is_alive join poll communicate recv tolist to_pandas toPandas count parse
    namelist getnames qsize empty tell collect compute load to_arrow arrow pl fetchnumpy to_table
    to_df fetch_df height width describe collect_schema getbuffer digest hexdigest parse_args
    parse_known_args
    """
)
"""Methods of what cannot leave its process whose result can."""
SHARING_METHODS = words(
    """
    view reshape ravel squeeze transpose to_numpy pipe get swapaxes diagonal numpy iterrows items
    itertuples groupby rolling get_group set_axis rename detach flatten
    as_matrix __array__ head tail xs filter resample
    """
)
"""Methods of tables and arrays whose result may be a window on the same data."""
_OF_COLLECTIONS = words("""pandas.DataFrame pandas.Series pandas.Index polars.DataFrame polars.Series""")
"""What makes a copy of Python's own collections (of arrays it may not)."""
PREDICTS = words(
    """
    predict predict_proba predict_log_proba decision_function score score_samples
    """
)
"""Methods of fitted models whose result is new: arrays and numbers."""
LOOKS = words(
    """
    head tail describe info plot hist show print display sample value_counts copy boxplot scatter
    bar line summary items keys values isnull isna sum mean predict score transform predict_proba
    format join split exists mkdir dump save savefig unlink touch read_text write_text write_bytes
    info warning debug error groupby agg apply sort_values reset_index set_index dropna fillna drop
    merge
    """
)
"""Methods that are called for what they show or write elsewhere, where nobody keeps the result."""
_LOOKS_BEGIN = in_order("""assert save show print plot display""")
TABLE_METHODS = words(
    """
    dropna fillna groupby merge rolling reset_index set_index sort_values sort_index assign describe
    value_counts pivot_table pivot melt drop_duplicates astype resample isnull isna notnull notna
    agg aggregate applymap to_frame corr cumsum nunique quantile interpolate nlargest nsmallest
    with_columns group_by ewm stack unstack idxmax idxmin get_dummies tz_localize tz_convert asfreq
    shift pct_change clip
    """
)
"""Methods that only tables and arrays have."""
PLAIN_ATTRIBUTES = words(
    """
    shape ndim size dtype dtypes name names columns __name__ __doc__ stem suffix parent
    """
)
STAR_SHADOWS = frozenset(
    {"numpy", "pylab", "matplotlib", "scipy", "sympy", "torch", "jax", "math", "os", "tensorflow"}
)
"""Modules whose `import *` hides names of Python's own, `sum` or `open`."""
FILES = in_order(
    """
    read_ load open savefig save to_ listdir glob Path exists dump imread mkdir
    """
)
"""How names begin that look a file up by its path."""


def is_installed(top: str) -> bool:
    """Whether a module of this name is Python's or a well-known library's, so that it is found wherever one looks."""
    return top in sys.stdlib_module_names or top in WITH_OPTIONS or top in _NEW
