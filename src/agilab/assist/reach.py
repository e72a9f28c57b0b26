"""What the names of modules reach: which only compute, which are known to do more, and what nobody here knows.

A list of what is dangerous is never whole, so it is not what decides: a module of which nothing is known is a finding,
too. `RISKS` says in which words, and finds the dangerous names of modules that otherwise only compute.
"""

from __future__ import annotations

import re

RISKS: dict[str, tuple[str, ...]] = {
    "starts another program": (
        "os.system",
        "os.popen",
        "os.exec",
        "os.spawn",
        "os.posix_spawn",
        "os.startfile",
        "subprocess.",
        "multiprocessing.P",
        "multiprocessing.get_context",
        "multiprocessing.connection",
        "multiprocessing.Manager",
        "pty.",
        "pexpect.",
        "asyncio.create_subprocess",
        "concurrent.futures.ProcessPoolExecutor",
    ),
    "runs text as code": (
        "eval",
        "exec",
        "compile",
        "__import__",
        "importlib.import_module",
        "importlib.reload",
        "importlib.util",
        "importlib.machinery",
        "importlib._",
        "runpy.",
        "code.",
        "types.CodeType",
        "types.FunctionType",
        "pandas.eval",
        "numpy.testing.",
        "numpy.f2py.",
        "sympy.sympify",
        "sympy.parse_expr",
        "sympy.parsing.",
        "pydantic.ImportString",
        "logging.config.",
        "PIL.ImageMath.",
        "torch.utils.cpp_extension",
        "timeit.",
    ),
    "reaches for names that are not written out": (
        "__builtins__",
        "__loader__",
        "__spec__",
        "builtins.",
        "globals",
        "sys.modules",
        "sys.meta_path",
        "sys._",
        "vars",
        "gc.get_",
        "inspect.currentframe",
        "inspect.stack",
        "operator.attrgetter",
        "operator.methodcaller",
    ),
    "reads a pickle, which can do anything": (
        "pickle.load",
        "pickle.Unpickler",
        "cloudpickle.load",
        "joblib.load",
        "dill.load",
        "marshal.load",
        "shelve.open",
        "pandas.read_pickle",
        "torch.load",
        "torch.jit.load",
        "torch.package.",
        "networkx.read_gpickle",
        "yaml.load",
        "yaml.full_load",
    ),
    "removes or moves files": (
        "os.remove",
        "os.unlink",
        "os.rmdir",
        "os.removedirs",
        "os.rename",
        "os.replace",
        "os.truncate",
        "shutil.rmtree",
        "shutil.move",
    ),
    "uses the network": (
        "socket.",
        "socketserver.",
        "ssl.",
        "urllib.request",
        "urllib3.",
        "http.client",
        "http.server",
        "requests.",
        "httpx.",
        "aiohttp.",
        "websockets.",
        "websocket.",
        "xmlrpc.",
        "ftplib.",
        "smtplib.",
        "poplib.",
        "imaplib.",
        "telnetlib.",
        "paramiko.",
        "pycurl.",
        "grpc.",
        "zmq.",
        "webbrowser.",
        "fsspec.",
        "s3fs.",
        "gcsfs.",
        "adlfs.",
        "boto3.",
        "botocore.",
        "google.cloud.",
        "azure.",
        "pyarrow.fs.",
        "pyarrow.flight.",
        "pyarrow.hdfs",
        "tqdm.contrib.",
        "torch.distributed.",
        "asyncio.open_connection",
        "asyncio.start_server",
        "pandas.read_clipboard",
        "pandas.read_html",
        "pandas.read_gbq",
        "pandas.io.",
        "logging.handlers.",
        "scipy.datasets.",
        "sklearn.datasets.fetch_",
        "seaborn.load_dataset",
        "statsmodels.api.datasets.get_rdataset",
        "statsmodels.datasets.get_rdataset",
        "xarray.tutorial.",
        "torch.hub.",
        "skimage.data.",
        "catboost.datasets.",
        "geopandas.tools.",
        "tensorflow.keras.utils.get_file",
        "tensorflow.keras.datasets.",
        "keras.utils.get_file",
        "keras.datasets.",
        "huggingface_hub.",
        "datasets.load_dataset",
        "openai.",
        "anthropic.",
    ),
    "reaches into the machine": (
        "ctypes.",
        "cffi.",
        "posix.",
        "nt.",
        "os.kill",
        "os.chmod",
        "os.chown",
        "os.fork",
        "sys.settrace",
        "sys.setprofile",
        "signal.",
    ),
    "waits for a person": ("input", "breakpoint", "getpass.", "pdb."),
    "reads secrets of the environment": ("os.environ", "os.getenv", "keyring."),
}
"""What a name stands for, by its beginnings; one without a point is built in, one that ends with it a whole module."""

UNPICKLES = re.compile(
    r"(?:statsmodels|keras|tensorflow|shap|umap)\.(?!(?:\w+\.)*(?:datasets|data)\.)(?:\w+\.)*"
    r"(?:load|load_pickle|load_model|load_ParametricUMAP)$"
)
"""Names of whatever class or part of a library that reads what it saved, a pickle or code, by one of these."""


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_COMPUTES = _words("""
    __future__ abc array base64 binascii bisect bz2 calendar cmath collections colorsys contextlib copy csv
    dataclasses datetime decimal difflib enum fractions functools gzip hashlib heapq io itertools json keyword
    locale logging lzma math numbers operator pathlib pprint queue random re secrets sqlite3 statistics string
    struct textwrap time traceback typing unicodedata uuid warnings weakref zipfile zlib zoneinfo graphlib glob
    fnmatch html ast agi_node numpy pandas polars pyarrow scipy sklearn statsmodels patsy formulaic sympy mpmath
    networkx numba bottleneck numexpr xarray shapely pyproj geopandas pint uncertainties matplotlib mpl_toolkits
    seaborn plotly altair bokeh tqdm tabulate typing_extensions dateutil pytz tzdata lightgbm xgboost catboost torch
    lifelines pydantic attrs attr more_itertools tomllib argparse xml platform duckdb yaml optuna shap prophet umap
    hdbscan tensorflow keras joblib toolz cytoolz sortedcontainers PIL skimage cv2 pywt ruptures narwhals openpyxl
    xlsxwriter
""")
"""Modules that compute, draw, or read and write files whose paths their callers say."""
_PARTS = _words("""
    os.path.join os.path.basename os.path.dirname os.path.exists os.path.isfile os.path.isdir os.path.splitext
    os.path.getsize os.path.getmtime os.path.split os.path.relpath os.path.normpath os.path.commonprefix os.makedirs
    os.mkdir os.listdir os.walk os.scandir os.linesep os.cpu_count os.fspath os.PathLike os.stat sys.version
    sys.version_info sys.maxsize sys.float_info sys.stdout sys.stderr sys.byteorder sys.platform sys.exit
    sys.getsizeof sys.getrecursionlimit sys.setrecursionlimit sys.intern sys.argv shutil.copy shutil.copy2
    shutil.copyfile shutil.copyfileobj shutil.copytree types.SimpleNamespace types.MappingProxyType
    types.GeneratorType types.ModuleType types.MethodType IPython.display gc.collect gc.disable gc.enable
    importlib.metadata.version importlib.resources.files inspect.signature multiprocessing.cpu_count threading.Lock
    concurrent.futures.ThreadPoolExecutor concurrent.futures.as_completed concurrent.futures.wait threading.RLock
    threading.Thread tempfile.TemporaryDirectory tempfile.NamedTemporaryFile tempfile.TemporaryFile
    tempfile.SpooledTemporaryFile
""")
"""Names that do no more than those, of modules that do."""
_PARTLY = frozenset(one.partition(".")[0] for one in _PARTS)


def is_known_module(name: str) -> bool:
    """Whether it is known what a module reaches; of some only part of it, see `is_harmless`.

    >>> is_known_module("polars.selectors"), is_known_module("os"), is_known_module("paramiko_next")
    (True, True, False)
    """
    root = name.partition(".")[0]
    return root in _COMPUTES or root in _PARTLY


def is_harmless(name: str) -> bool:
    """Whether a dotted name reaches nothing that `RISKS` does not say; one of a module that nobody knows counts so.

    >>> is_harmless("os.path.join"), is_harmless("os.sep"), is_harmless("numpy.linalg.norm"), is_harmless("numpy._x")
    (True, False, True, False)
    """
    root, *parts = name.split(".")
    if any(part.startswith("_") and not part.startswith("__") for part in parts):
        return False
    if root not in _PARTLY or not parts:
        return True
    return any(name == one or name.startswith(f"{one}.") or one.startswith(f"{name}.") for one in _PARTS)
