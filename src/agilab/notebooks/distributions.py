"""Which distribution on PyPI provides a module: what people import is often not what they install."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from typing import Literal

KnownBy = Literal["standard library", "local", "table", "installed", "assumed"]
"""How we know. table: written down below; installed: the metadata of what is installed beside agilab; assumed: nothing
says so, the module's own name was taken."""

OTHER_NAMES: dict[str, str] = {
    "absl": "absl-py", "apiclient": "google-api-python-client", "attr": "attrs", "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob", "azureml": "azureml-core", "barcode": "python-barcode",
    "bayes_opt": "bayesian-optimization", "binance": "python-binance", "Bio": "biopython", "bs4": "beautifulsoup4",
    "cairo": "pycairo", "cartopy": "Cartopy", "community": "python-louvain", "Crypto": "pycryptodome",
    "Cryptodome": "pycryptodomex", "cupy": "cupy-cuda12x", "cv2": "opencv-python", "cx_Oracle": "cx-Oracle",
    "Cython": "Cython", "dateutil": "python-dateutil", "discord": "discord.py", "django": "Django",
    "dns": "dnspython", "docx": "python-docx", "dotenv": "python-dotenv", "ebooklib": "EbookLib",
    "faiss": "faiss-cpu", "fitz": "PyMuPDF", "flask": "Flask", "flask_cors": "Flask-Cors", "gdal": "GDAL",
    "gi": "PyGObject", "git": "GitPython", "github": "PyGithub", "gitlab": "python-gitlab",
    "google.auth": "google-auth", "google.cloud.aiplatform": "google-cloud-aiplatform",
    "google.cloud.bigquery": "google-cloud-bigquery", "google.cloud.storage": "google-cloud-storage",
    "google.genai": "google-genai", "google.generativeai": "google-generativeai", "google.protobuf": "protobuf",
    "googleapiclient": "google-api-python-client", "grpc": "grpcio", "hydra": "hydra-core",
    "imblearn": "imbalanced-learn", "impala": "impyla", "jinja2": "Jinja2", "jose": "python-jose",
    "jpype": "JPype1", "jwt": "PyJWT", "kafka": "kafka-python", "ldap": "python-ldap", "libsvm": "libsvm-official",
    "magic": "python-magic", "markdown": "Markdown", "mpl_toolkits": "matplotlib",
    "mpl_toolkits.basemap": "basemap", "mysql": "mysql-connector-python", "MySQLdb": "mysqlclient",
    "nacl": "PyNaCl", "netCDF4": "netCDF4", "nmap": "python-nmap", "nvidia_smi": "nvidia-ml-py",
    "OpenGL": "PyOpenGL", "openslide": "openslide-python", "OpenSSL": "pyOpenSSL", "Orange": "Orange3",
    "osgeo": "GDAL", "ot": "POT", "pandas_profiling": "ydata-profiling", "past": "future", "pcl": "python-pcl",
    "PIL": "pillow", "pkg_resources": "setuptools", "pptx": "python-pptx", "pulp": "PuLP", "pylab": "matplotlib",
    "pynvml": "nvidia-ml-py", "PyPDF2": "PyPDF2", "pyro": "pyro-ppl", "pythoncom": "pywin32", "pyvisa": "PyVISA",
    "pywt": "PyWavelets", "pyximport": "Cython", "ruamel": "ruamel.yaml", "ruamel.yaml": "ruamel.yaml",
    "SALib": "SALib", "serial": "pyserial", "shapefile": "pyshp", "skimage": "scikit-image",
    "sklearn": "scikit-learn", "skmultilearn": "scikit-multilearn", "skopt": "scikit-optimize",
    "skvideo": "sk-video", "slugify": "python-slugify", "snowflake.connector": "snowflake-connector-python",
    "socks": "PySocks", "speech_recognition": "SpeechRecognition", "sqlalchemy": "SQLAlchemy",
    "surprise": "scikit-surprise", "tabula": "tabula-py", "talib": "TA-Lib", "telegram": "python-telegram-bot",
    "tlz": "toolz", "umap": "umap-learn", "unidecode": "Unidecode", "usb": "pyusb",
    "vaderSentiment": "vaderSentiment", "websocket": "websocket-client", "whisper": "openai-whisper",
    "win32api": "pywin32", "win32com": "pywin32", "wx": "wxPython", "Xlib": "python-xlib",
    "xlsxwriter": "XlsxWriter", "yaml": "PyYAML", "zmq": "pyzmq",
}  # fmt: skip
"""Modules (or the beginnings of dotted ones) whose distribution has another name, or might be thought to."""

SAME_NAME = frozenset({
    "accelerate", "agi_node", "aiohttp", "allennlp", "altair", "anthropic", "apache_beam", "arviz", "astropy",
    "asyncpg", "autograd", "bidict", "bitsandbytes", "bokeh", "boto3", "botocore", "bqplot", "catboost",
    "category_encoders", "causalml", "cfgrib", "cftime", "charset_normalizer", "chess", "click", "cloudpickle",
    "colorama", "conllu", "control", "corner", "cryptography", "cvxpy", "cycler", "dash",
    "dash_bootstrap_components", "dask", "datasets", "datashader", "deap", "detectron2", "dgl", "diffusers", "dill",
    "distributed", "dowhy", "duckdb", "einops", "eli5", "emcee", "en_core_web_sm", "ephem", "evaluate",
    "facebook_business", "fastai", "fastapi", "fastparquet", "fasttext", "feedparser", "filterpy", "fiona",
    "folium", "fsspec", "future", "fuzzywuzzy", "fvcore", "gensim", "geopandas", "geopy", "google_auth_oauthlib",
    "gpflow", "gplearn", "gpytorch", "gradio", "graphviz", "gseapy", "gspread", "gym", "gym_super_mario_bros",
    "gymnasium", "h5py", "hdbscan", "holoviews", "httpx", "huggingface_hub", "hvplot", "hyperopt", "igraph",
    "imageio", "imgaug", "iminuit", "ipycanvas", "ipykernel", "ipyleaflet", "ipympl", "ipyparallel", "IPython",
    "ipython_genutils", "ipyvolume", "ipywidgets", "isort", "iteration_utilities", "jax", "jaxlib", "jieba",
    "joblib", "jsonschema", "jupytext", "kagglehub", "kaleido", "keras", "keras_tuner", "kneed", "kornia",
    "langchain", "langchain_community", "langchain_core", "langchain_openai", "langdetect", "Levenshtein",
    "librosa", "lifelines", "lightfm", "lightgbm", "lightning", "lime", "llama_index", "llvmlite", "lmfit",
    "loguru", "lxml", "lxml_html_clean", "matplotlib", "mdtraj", "memory_profiler", "mesa", "metpy", "missingno",
    "mlflow", "mlxtend", "mne", "modin", "mpi4py", "mpl_finance", "mplfinance", "msgpack", "multiprocess",
    "nbconvert", "nbformat", "neo4j", "netgraph", "networkx", "nibabel", "nilearn", "nltk", "numba", "numexpr",
    "numpy", "numpyro", "oauth2client", "onnx", "onnxruntime", "openai", "opencage", "openpyxl", "optax", "optuna",
    "orjson", "osmnx", "pandas", "pandas_datareader", "panel", "papermill", "parallel_bilby", "param", "patsy",
    "peewee", "peft", "pendulum", "pingouin", "plotly", "plotly_express", "plotnine", "pm4py", "pmdarima", "polars",
    "prettytable", "prophet", "psutil", "psycopg", "psycopg2", "py2neo", "py4j", "pyarrow", "pycaret",
    "pycocotools", "pycountry", "pydantic", "pydeck", "pydot", "pydotplus", "pyfolio", "pygame", "pygments",
    "pylift", "pymc", "pymc3", "pymongo", "pymysql", "pynndescent", "pyod", "pyodbc", "pyogrio", "pyparsing",
    "pypdf", "pyperclip", "pyproj", "pysal", "pysam", "pyspark", "pytest", "pytorch_lightning", "pytorch_tabnet",
    "pytz", "pyvis", "pyvista", "qiskit", "qutip", "ray", "rdkit", "redis", "regex", "requests", "rich", "rpy2",
    "ruptures", "sacrebleu", "safetensors", "scanpy", "scikeras", "scipy", "seaborn", "selenium",
    "sentence_transformers", "sentencepiece", "setuptools", "shap", "shapely", "simpy", "six", "sklearn_crfsuite",
    "skorch", "sktime", "smart_open", "snorkel", "sounddevice", "soundfile", "spacy", "spacy_langdetect",
    "sqlmodel", "squarify", "stable_baselines3", "stanza", "statsmodels", "streamlit", "svgwrite", "sweetviz",
    "sympy", "tables", "tabpy", "tabulate", "tenacity", "tensorboard", "tensorboardX", "tensorflow",
    "tensorflow_addons", "tensorflow_datasets", "tensorflow_hub", "tensorflow_probability", "tensorflow_text",
    "textblob", "tf_keras", "theano", "tifffile", "tiktoken", "timm", "tokenizers", "toml", "tomli", "tomlkit", "toolz",
    "torch", "torch_geometric", "torchaudio", "torchmetrics", "torchsummary", "torchtext", "torchvision", "tornado",
    "tqdm", "traitlets", "transformers", "trimesh", "tsfresh", "tslearn", "tweepy", "typing_extensions", "ujson",
    "urllib3", "vaex", "vega_datasets", "wandb", "wget", "wikipedia", "wordcloud", "xarray", "xgboost", "xlrd",
    "xlwt", "yellowbrick", "yfinance", "zarr",
})  # fmt: skip
"""Widely used modules whose distribution has their name: known, not assumed."""

PLATFORMS = frozenset(
    {"google.colab", "kaggle_secrets", "kaggle_datasets", "dbutils", "sagemaker_studio", "pyodide", "js"}
)
"""Modules that come with a place to run notebooks, not from PyPI."""


PYTHON_2 = {
    "BaseHTTPServer": "http.server", "ConfigParser": "configparser", "Cookie": "http.cookies",
    "HTMLParser": "html.parser",
    "Queue": "queue", "SimpleHTTPServer": "http.server", "SocketServer": "socketserver", "StringIO": "io.StringIO",
    "Tkinter": "tkinter", "UserDict": "collections.UserDict", "__builtin__": "builtins", "cPickle": "pickle",
    "cStringIO": "io.StringIO", "commands": "subprocess", "cookielib": "http.cookiejar",
    "copy_reg": "copyreg", "httplib": "http.client", "md5": "hashlib", "sets": "set",
    "tkFileDialog": "tkinter.filedialog", "tkMessageBox": "tkinter.messagebox", "urllib2": "urllib.request",
    "urlparse": "urllib.parse", "xmlrpclib": "xmlrpc.client",
}  # fmt: skip
"""Modules of Python 2's standard library, and what they became."""


def standard(module: str) -> bool:
    """Whether a module is of the standard library (of this Python, or gone from it since Python 3.11)."""
    top = module.partition(".")[0]
    return top in sys.stdlib_module_names or top in _GONE or top in PYTHON_2


_GONE = frozenset({
    "aifc", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt", "distutils", "imghdr", "imp",
    "lib2to3", "mailcap", "msilib", "nis", "nntplib", "ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau",
    "telnetlib", "uu", "xdrlib",
})  # fmt: skip


def distribution_of(module: str) -> tuple[str, KnownBy]:
    """(distribution, how we know) of a module that is neither standard nor local.

    The table comes before what is installed: the answer does not change from machine to machine.

    >>> distribution_of("sklearn.linear_model"), distribution_of("cv2")
    (('scikit-learn', 'table'), ('opencv-python', 'table'))
    """
    parts = module.split(".")
    for length in range(min(len(parts), 3), 0, -1):
        name = OTHER_NAMES.get(".".join(parts[:length]))
        if name:
            return name, "table"
    top = parts[0]
    if top in SAME_NAME:
        return top.replace("_", "-"), "table"
    installed = _installed(top)
    return (installed, "installed") if installed else (top.replace("_", "-"), "assumed")


@functools.cache
def _installed(top: str) -> str:
    """The installed distribution that provides a module, "" if none does. No module is imported for it."""
    try:
        if importlib.util.find_spec(top) is None:
            return ""
    except (ImportError, ValueError, AttributeError):
        return ""
    names = _providers().get(top, [])
    return min(names, key=lambda name: (not _alike(name, top), len(name), name)) if names else ""


@functools.cache
def _providers() -> dict[str, list[str]]:
    """Reads every installed distribution's record, 0.1 s and more: only for a module that is there and in no table."""
    import importlib.metadata

    return {module: list(names) for module, names in importlib.metadata.packages_distributions().items()}


def _alike(name: str, module: str) -> bool:
    return re.sub(r"[-_.]+", "-", name).lower() == module.replace("_", "-").lower()
