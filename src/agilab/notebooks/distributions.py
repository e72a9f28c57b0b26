"""Which distribution on PyPI provides a module: what people import is often not what they install."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from typing import Literal

from agilab.notebooks.popular import BY_ANOTHER_NAME, POPULAR

KnownBy = Literal["standard library", "local", "table", "installed", "assumed"]
"""How we know. local: it lies beside the notebook, or a cell writes it; table: written down below; installed: the
metadata of what is installed beside agilab; assumed: nothing says so, the module's own name was taken. What is assumed
is never installed unasked: whoever has that name on PyPI may be a stranger."""

OTHER_NAMES: dict[str, str] = {
    "absl": "absl-py", "apiclient": "google-api-python-client", "attr": "attrs", "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob", "azureml": "azureml-core", "barcode": "python-barcode",
    "bayes_opt": "bayesian-optimization", "binance": "python-binance", "Bio": "biopython", "bs4": "beautifulsoup4",
    "cairo": "pycairo", "cartopy": "Cartopy", "causallearn": "causal-learn", "community": "python-louvain",
    "Crypto": "pycryptodome", "Cryptodome": "pycryptodomex", "cupy": "cupy-cuda12x", "cv2": "opencv-python",
    "cx_Oracle": "cx-Oracle", "Cython": "Cython", "dateutil": "python-dateutil", "dice_ml": "dice-ml",
    "discord": "discord.py", "django": "Django", "dns": "dnspython", "docx": "python-docx",
    "dotenv": "python-dotenv", "duckduckgo_search": "duckduckgo-search", "ebooklib": "EbookLib",
    "ecmwfapi": "ecmwf-api-client", "ee": "earthengine-api", "faiss": "faiss-cpu", "fitz": "PyMuPDF",
    "flask": "Flask", "flask_cors": "Flask-Cors", "gdal": "GDAL", "gi": "PyGObject", "git": "GitPython",
    "github": "PyGithub", "gitlab": "python-gitlab", "google.auth": "google-auth",
    "google.cloud.aiplatform": "google-cloud-aiplatform", "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage", "google.genai": "google-genai",
    "google.generativeai": "google-generativeai", "google.protobuf": "protobuf",
    "googleapiclient": "google-api-python-client", "grpc": "grpcio", "herbie": "herbie-data", "hydra": "hydra-core",
    "ibis": "ibis-framework", "imblearn": "imbalanced-learn", "impala": "impyla", "iris": "scitools-iris",
    "janitor": "pyjanitor", "jinja2": "Jinja2", "jose": "python-jose", "jpype": "JPype1", "jwt": "PyJWT",
    "kafka": "kafka-python", "ldap": "python-ldap", "libsvm": "libsvm-official", "magic": "python-magic",
    "markdown": "Markdown", "mpl_toolkits": "matplotlib", "mpl_toolkits.basemap": "basemap",
    "mysql": "mysql-connector-python", "MySQLdb": "mysqlclient", "nacl": "PyNaCl", "netCDF4": "netCDF4",
    "nmap": "python-nmap", "nvidia_smi": "nvidia-ml-py", "oemof.solph": "oemof.solph", "OpenGL": "PyOpenGL",
    "openslide": "openslide-python", "OpenSSL": "pyOpenSSL", "Orange": "Orange3", "osgeo": "GDAL", "ot": "POT",
    "pandas_profiling": "ydata-profiling", "past": "future", "pcl": "python-pcl", "PIL": "pillow",
    "pkg_resources": "setuptools", "platypus": "Platypus-Opt", "pptx": "python-pptx", "pulp": "PuLP",
    "pylab": "matplotlib", "pynvml": "nvidia-ml-py", "PyPDF2": "PyPDF2", "pyro": "pyro-ppl", "pythoncom": "pywin32",
    "pyvisa": "PyVISA", "pywt": "PyWavelets", "pyximport": "Cython", "ruamel": "ruamel.yaml",
    "ruamel.yaml": "ruamel.yaml", "SALib": "SALib", "scvi": "scvi-tools", "serial": "pyserial",
    "shapefile": "pyshp", "skbio": "scikit-bio", "skfda": "scikit-fda", "skimage": "scikit-image",
    "sklearn": "scikit-learn", "sklearn_extra": "scikit-learn-extra", "skmultilearn": "scikit-multilearn",
    "skopt": "scikit-optimize", "skrf": "scikit-rf", "sksurv": "scikit-survival", "skvideo": "sk-video",
    "slugify": "python-slugify", "snowflake.connector": "snowflake-connector-python", "socks": "PySocks",
    "spb": "sympy-plot-backends", "speech_recognition": "SpeechRecognition", "sqlalchemy": "SQLAlchemy",
    "surprise": "scikit-surprise", "tabula": "tabula-py", "talib": "TA-Lib", "telegram": "python-telegram-bot",
    "tlz": "toolz", "umap": "umap-learn", "unidecode": "Unidecode", "usb": "pyusb",
    "vaderSentiment": "vaderSentiment", "websocket": "websocket-client", "whisper": "openai-whisper",
    "win32api": "pywin32", "win32com": "pywin32", "wx": "wxPython", "Xlib": "python-xlib",
    "xlsxwriter": "XlsxWriter", "yaml": "PyYAML", "zeus": "zeus-mcmc", "zmq": "pyzmq",
    **BY_ANOTHER_NAME,
}  # fmt: skip
"""Modules (or the beginnings of dotted ones) whose distribution has another name, or might be thought to."""

SAME_NAME = frozenset({
    "accelerate", "adjustText", "adlfs", "aeon", "agi_node", "aif360", "aiohttp", "albumentations", "alibi",
    "allennlp", "altair", "anndata", "anthropic", "apache_beam", "arch", "arviz", "arviz_plots", "ase", "astropy",
    "astropy_healpix", "astroquery", "asyncpg", "autogluon", "autograd", "awkward", "bambi", "bbknn", "bidict",
    "bitsandbytes", "blackjax", "bokeh", "boost_histogram", "boto3", "botocore", "botorch", "bqplot", "brian2",
    "brokenaxes", "cantera", "catboost", "category_encoders", "causalinference", "causalml", "ccdproc", "celerite",
    "celerite2", "cellrank", "cf_xarray", "cfgrib", "cftime", "chaospy", "charset_normalizer", "chempy", "chess",
    "chromadb", "cirq", "clarabel", "click", "climpred", "cloudpickle", "cmcrameri", "cmocean", "colorama",
    "colorcet", "ConfigSpace", "conllu", "contextily", "control", "cooler", "CoolProp", "corner", "crewai",
    "cryptography", "cupy_xarray", "cvxopt", "cvxpy", "cycler", "darts", "dash", "dash_bootstrap_components",
    "dask", "datasets", "datashader", "deap", "decoupler", "deepspeed", "detectron2", "dfply", "dgl", "diffusers",
    "dill", "dipy", "distributed", "dowhy", "dspy", "dtale", "duckdb", "dynesty", "econml", "ecos", "eemont",
    "einops", "eli5", "emcee", "en_core_web_sm", "ephem", "esda", "evalml", "evaluate", "facebook_business",
    "fairlearn", "fastai", "fastapi", "fastparquet", "fasttext", "featuretools", "feedparser", "filterpy", "fiona",
    "fireducks", "flaml", "fluids", "folium", "fsspec", "future", "fuzzywuzzy", "fvcore", "galois", "galpy",
    "gcsfs", "geemap", "gensim", "geodatasets", "geojson", "geopandas", "geopy", "george", "geosnap", "geoviews",
    "giddy", "gmsh", "google_auth_oauthlib", "gpflow", "gplearn", "GPy", "GPyOpt", "gpytorch", "gradio", "graphviz",
    "great_expectations", "great_tables", "gseapy", "gspread", "gurobipy", "gwpy", "gym", "gym_super_mario_bros",
    "gymnasium", "h2o", "h3", "h5py", "harmonica", "harmonypy", "hdbscan", "healpy", "hepunits",
    "hierarchicalforecast", "highspy", "hist", "hmmlearn", "holoviews", "httpx", "huggingface_hub", "hvplot",
    "hvsampledata", "hyperopt", "igraph", "imageio", "imgaug", "iminuit", "inequality", "instructor", "intake",
    "intake_xarray", "interpret", "ipycanvas", "ipydatagrid", "ipykernel", "ipyleaflet", "ipympl", "ipyparallel",
    "IPython", "ipython_genutils", "ipyvolume", "ipywidgets", "isort", "itables", "iteration_utilities", "itk",
    "jacobi", "jax", "jaxlib", "jieba", "joblib", "jsonschema", "jupytext", "k3d", "kagglehub", "kaleido",
    "karateclub", "keplergl", "keras", "keras_tuner", "kneed", "kornia", "langchain", "langchain_community",
    "langchain_core", "langchain_openai", "langdetect", "langgraph", "lcapy", "leafmap", "leidenalg", "lets_plot",
    "Levenshtein", "libpysal", "librosa", "lifelines", "lightfm", "lightgbm", "lightkurve", "lightning", "lime",
    "linearmodels", "litellm", "llama_index", "llvmlite", "lmfit", "localtileserver", "loguru", "lonboard", "lxml",
    "lxml_html_clean", "mapclassify", "mapie", "matminer", "matplotlib", "matplotlib_scalebar", "MDAnalysis",
    "mdtraj", "mealpy", "memory_profiler", "mercantile", "mesa", "meshio", "metpy", "mip", "missingno", "mlflow",
    "mlforecast", "mlxtend", "mne", "modin", "momepy", "monai", "mpi4py", "mpl_finance", "mpl_interactions",
    "mplfinance", "mplhep", "msgpack", "mudata", "multiprocess", "muon", "narwhals", "nbconvert", "nbformat",
    "ndlib", "nengo", "neo4j", "netgraph", "networkit", "networkx", "neuralforecast", "neuralprophet", "nevergrad",
    "nglview", "nibabel", "nilearn", "nltk", "node2vec", "numba", "numba_stats", "numexpr", "numpy", "numpyro",
    "nutpie", "oauth2client", "onnx", "onnxruntime", "open3d", "openai", "opencage", "openmm", "openpyxl",
    "openturns", "optax", "optuna", "optuna_integration", "orjson", "ortools", "osmnx", "osqp", "palettable",
    "pandana", "pandapower", "pandas", "pandas_datareader", "pandas_gbq", "pandasql", "pandera", "panel",
    "panel_material_ui", "papermill", "parallel_bilby", "param", "particle", "patsy", "peewee", "peft", "pendulum",
    "pennylane", "photutils", "picos", "pingouin", "pint", "plotly", "plotly_express", "plotnine", "pm4py",
    "pmdarima", "pointpats", "polars", "preliz", "prettytable", "prophet", "proplot", "psutil", "psycopg",
    "psycopg2", "pvlib", "py2neo", "py3Dmol", "py4j", "pyarrow", "pybedtools", "pyBigWig", "pycaret", "pycocotools",
    "pycountry", "pydantic", "pydantic_ai", "pydeck", "pyDOE2", "pydot", "pydotplus", "pyecharts", "pyfolio",
    "pygad", "pygame", "pygments", "pygmt", "pygraphviz", "pyhf", "pylift", "pymatgen", "pymc", "pymc3",
    "pymc_bart", "pymc_marketing", "pymongo", "pymoo", "pymysql", "pynbody", "pynndescent", "pyod", "pyodbc",
    "pyogrio", "pyomo", "pyparsing", "pypdf", "pyperclip", "pyproj", "pypsa", "pyranges", "pyrender", "pyresample",
    "pysal", "pysam", "pyscipopt", "pyspark", "PySpice", "pytensor", "pytest", "pytorch_forecasting",
    "pytorch_lightning", "pytorch_tabnet", "pyts", "pytz", "pyvis", "pyvista", "qiskit", "qpsolvers", "qutip",
    "ragas", "rasterio", "rasterstats", "ray", "rdkit", "redis", "regex", "regions", "reproject", "requests",
    "rich", "rioxarray", "rpy2", "ruptures", "s3fs", "sacrebleu", "safetensors", "satpy", "scanpy", "scikeras",
    "scipy", "scrublet", "scs", "scvelo", "seaborn", "seaborn_image", "segmentation_models_pytorch", "selenium",
    "sentence_transformers", "sentencepiece", "setuptools", "shap", "shapely", "SimpleITK", "simpy", "siphon",
    "siuba", "six", "skidl", "skimpy", "sklearn_crfsuite", "skorch", "sktime", "smac", "smart_open", "snapml",
    "snorkel", "sounddevice", "soundfile", "spacy", "spacy_langdetect", "spaghetti", "spatialpandas", "specutils",
    "splot", "spreg", "sqlmodel", "squarify", "squidpy", "stable_baselines3", "stanza", "statsforecast",
    "statsmodels", "stellargraph", "streamlit", "streamz", "stumpy", "sunpy", "supervision", "svgwrite", "sweetviz",
    "sympy", "tables", "tabpy", "tabulate", "tenacity", "tensorboard", "tensorboardX", "tensorflow",
    "tensorflow_addons", "tensorflow_datasets", "tensorflow_hub", "tensorflow_probability", "tensorflow_text",
    "tespy", "textblob", "textual", "tf_keras", "theano", "thermo", "tidypolars", "tifffile", "tigramite",
    "tiktoken", "timm", "tinygp", "tobler", "tokenizers", "toml", "tomli", "tomlkit", "toolz", "torch",
    "torch_geometric", "torchaudio", "torchio", "torchmetrics", "torchsummary", "torchtext", "torchvision",
    "tornado", "tpot", "tqdm", "traitlets", "transformers", "trimesh", "trl", "tsfresh", "tslearn", "tweepy",
    "typing_extensions", "ujson", "ultralytics", "ultranest", "uncertainties", "unsloth", "uproot", "urllib3",
    "utilsforecast", "vaex", "vedo", "vega_datasets", "verde", "vllm", "vtk", "wandb", "wbdata", "wget", "whitebox",
    "wikipedia", "windpowerlib", "wordcloud", "xarray", "xesmf", "xgboost", "xgcm", "xhistogram", "xlrd", "xlwt",
    "xrft", "xskillscore", "yellowbrick", "yfinance", "yt", "zarr", "zfit",
}) | POPULAR  # fmt: skip
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
