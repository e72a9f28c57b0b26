"""Which distribution on PyPI provides a module: what people import is often not what they install."""

from __future__ import annotations

import functools
import importlib.util
import re
import sys
from collections.abc import Collection
from typing import Literal

KnownBy = Literal["standard library", "local", "table", "installed", "project", "assumed"]
"""How we know. local: it lies beside the notebook, or a cell writes it; table: written down below; installed: the
metadata of what is installed beside agilab; project: the project names a distribution that is called like the module;
assumed: nothing says so, the module's own name was taken. What is assumed is never installed unasked: whoever has that
name on PyPI may be a stranger."""

OTHER_NAMES: dict[str, str] = {
    "absl": "absl-py", "ants": "antspyx", "apiclient": "google-api-python-client", "attr": "attrs",
    "autogen": "pyautogen", "ax": "ax-platform", "azure.identity": "azure-identity",
    "azure.storage.blob": "azure-storage-blob", "azureml": "azureml-core", "barcode": "python-barcode",
    "bayes_opt": "bayesian-optimization", "binance": "python-binance", "Bio": "biopython", "biom": "biom-format",
    "braket": "amazon-braket-sdk", "bs4": "beautifulsoup4", "bson": "pymongo", "cairo": "pycairo",
    "camelot": "camelot-py", "cartopy": "Cartopy", "causallearn": "causal-learn", "community": "python-louvain",
    "cpuinfo": "py-cpuinfo", "Crypto": "pycryptodome", "Cryptodome": "pycryptodomex", "cuda": "cuda-python",
    "cupy": "cupy-cuda12x", "cv2": "opencv-python", "cx_Oracle": "cx-Oracle", "Cython": "Cython",
    "dateutil": "python-dateutil", "decouple": "python-decouple", "delta": "delta-spark", "dice_ml": "dice-ml",
    "discord": "discord.py", "django": "Django", "dns": "dnspython", "docx": "python-docx", "dotenv": "python-dotenv",
    "dtw": "dtw-python", "duckduckgo_search": "duckduckgo-search", "dwave": "dwave-ocean-sdk", "ebooklib": "EbookLib",
    "ecmwfapi": "ecmwf-api-client", "ee": "earthengine-api", "erfa": "pyerfa", "factory": "factory-boy",
    "faiss": "faiss-cpu", "fcmeans": "fuzzy-c-means", "ffmpeg": "ffmpeg-python", "fitz": "PyMuPDF", "flask": "Flask",
    "flask_cors": "Flask-Cors", "gdal": "GDAL", "gi": "PyGObject", "git": "GitPython", "github": "PyGithub",
    "gitlab": "python-gitlab", "gnupg": "python-gnupg", "google.auth": "google-auth",
    "google.cloud.aiplatform": "google-cloud-aiplatform", "google.cloud.bigquery": "google-cloud-bigquery",
    "google.cloud.storage": "google-cloud-storage", "google.genai": "google-genai",
    "google.generativeai": "google-generativeai", "google.protobuf": "protobuf",
    "googleapiclient": "google-api-python-client", "graphql": "graphql-core", "gridfs": "pymongo", "grpc": "grpcio",
    "gtda": "giotto-tda", "gtts": "gTTS", "haystack": "haystack-ai", "herbie": "herbie-data", "hydra": "hydra-core",
    "ibis": "ibis-framework", "igl": "libigl", "imblearn": "imbalanced-learn", "impala": "impyla",
    "iris": "scitools-iris", "janitor": "pyjanitor", "jinja2": "Jinja2", "jose": "python-jose", "jpype": "JPype1",
    "jwt": "PyJWT", "kafka": "kafka-python", "ldap": "python-ldap", "libsvm": "libsvm-official",
    "linkify_it": "linkify-it-py", "llama_cpp": "llama-cpp-python", "lzo": "python-lzo", "magic": "python-magic",
    "markdown": "Markdown", "markdown_it": "markdown-it-py", "marker": "marker-pdf", "MeCab": "mecab-python3",
    "mem0": "mem0ai", "minisom": "MiniSom", "mpl_toolkits": "matplotlib", "mpl_toolkits.basemap": "basemap",
    "multipart": "python-multipart", "mysql": "mysql-connector-python", "MySQLdb": "mysqlclient", "nacl": "PyNaCl",
    "netCDF4": "netCDF4", "newspaper": "newspaper3k", "nmap": "python-nmap", "nptdms": "npTDMS",
    "nvidia_smi": "nvidia-ml-py", "odc.stac": "odc-stac", "oemof.solph": "oemof.solph", "open_clip": "open-clip-torch",
    "openbabel": "openbabel-wheel", "OpenGL": "PyOpenGL", "openslide": "openslide-python", "OpenSSL": "pyOpenSSL",
    "opentelemetry": "opentelemetry-api", "Orange": "Orange3", "osgeo": "GDAL", "ot": "POT", "paho": "paho-mqtt",
    "pandas_profiling": "ydata-profiling", "parmed": "ParmEd", "parselmouth": "praat-parselmouth", "past": "future",
    "pcl": "python-pcl", "pde": "py-pde", "pdfminer": "pdfminer.six", "PIL": "pillow", "pkg_resources": "setuptools",
    "platypus": "Platypus-Opt", "pptx": "python-pptx", "pulp": "PuLP", "pyannote.audio": "pyannote.audio",
    "pyart": "arm-pyart", "pyaudio": "PyAudio", "pylab": "matplotlib", "pynvml": "nvidia-ml-py", "PyPDF2": "PyPDF2",
    "pypfopt": "pyportfolioopt", "pyro": "pyro-ppl", "pythoncom": "pywin32", "pythonjsonlogger": "python-json-logger",
    "pyvisa": "PyVISA", "pywt": "PyWavelets", "pyximport": "Cython", "radiomics": "pyradiomics",
    "readability": "readability-lxml", "rest_framework": "djangorestframework", "rmm": "rmm-cu12", "rpds": "rpds-py",
    "ruamel": "ruamel.yaml", "ruamel.yaml": "ruamel.yaml", "ruamel_yaml": "ruamel.yaml", "SALib": "SALib",
    "scikitplot": "scikit-plot", "scvi": "scvi-tools", "serial": "pyserial", "serpapi": "google-search-results",
    "shapefile": "pyshp", "skbio": "scikit-bio", "skdim": "scikit-dimension", "skfda": "scikit-fda",
    "skfuzzy": "scikit-fuzzy", "skgarden": "scikit-garden", "skimage": "scikit-image", "sklearn": "scikit-learn",
    "sklearn_extra": "scikit-learn-extra", "sklearnex": "scikit-learn-intelex", "skmisc": "scikit-misc",
    "skmob": "scikit-mobility", "skmultilearn": "scikit-multilearn", "skopt": "scikit-optimize", "skrf": "scikit-rf",
    "sksurv": "scikit-survival", "skvideo": "sk-video", "slugify": "python-slugify", "snappy": "python-snappy",
    "snowflake.connector": "snowflake-connector-python", "socks": "PySocks", "sparknlp": "spark-nlp",
    "spb": "sympy-plot-backends", "speech_recognition": "SpeechRecognition", "spellchecker": "pyspellchecker",
    "sqlalchemy": "SQLAlchemy", "stan": "pystan", "surprise": "scikit-surprise", "tabula": "tabula-py",
    "talib": "TA-Lib", "tavily": "tavily-python", "telegram": "python-telegram-bot", "tlz": "toolz",
    "torchcrf": "pytorch-crf", "umap": "umap-learn", "unidecode": "Unidecode", "usb": "pyusb",
    "vaderSentiment": "vaderSentiment", "weaviate": "weaviate-client", "websocket": "websocket-client",
    "whisper": "openai-whisper", "wikipediaapi": "Wikipedia-API", "win32api": "pywin32", "win32com": "pywin32",
    "wx": "wxPython", "xdist": "pytest-xdist", "Xlib": "python-xlib", "xlsxwriter": "XlsxWriter",
    "xrspatial": "xarray-spatial", "yaml": "PyYAML", "zeus": "zeus-mcmc", "zmq": "pyzmq",
}  # fmt: skip
"""Modules (or the beginnings of dotted ones) whose distribution has another name, or might be thought to."""

UP_TO = {"pkg_resources": "setuptools<81"}
"""What to ask for instead of a distribution's newest version, which no longer provides the module."""

SAME_NAME = frozenset({
    "accelerate", "adjustText", "adlfs", "aeon", "afinn", "agi_node", "aicsimageio", "aif360", "aim", "aioboto3",
    "aiofiles", "aiohttp", "aiokafka", "aiomysql", "aiosqlite", "aiostream", "akshare", "albumentations", "alembic",
    "alibi", "alibi_detect", "allennlp", "allensdk", "alphalens", "altair", "amqp", "anndata", "ansible", "anthropic",
    "antropy", "anyascii", "anyio", "anytree", "anywidget", "apache_beam", "appdirs", "apprise", "apscheduler", "arch",
    "argcomplete", "arrow", "arviz", "arviz_plots", "arxiv", "asciitree", "ase", "asgiref", "asteval", "astroid",
    "astroML", "astroplan", "astropy", "astropy_healpix", "astroquery", "asttokens", "async_timeout", "asyncpg",
    "asyncssh", "atomicwrites", "attrs", "audioread", "auto_gptq", "autocorrect", "autogluon", "autograd", "autopep8",
    "av", "awkward", "awkward_pandas", "babel", "backoff", "backtrader", "bambi", "bandit", "baostock", "basicsr",
    "bbknn", "bcrypt", "beautifultable", "bentoml", "bertopic", "bidict", "bilby", "billiard", "bitarray",
    "bitsandbytes", "black", "blackjax", "bleach", "blinker", "blosc", "bokeh", "boost_histogram", "boto3", "botocore",
    "botorch", "bottleneck", "bqplot", "brainflow", "branca", "brian2", "brokenaxes", "brotli", "cachetools", "calmap",
    "calplot", "camb", "cantera", "capstone", "catboost", "category_encoders", "cattrs", "causalinference", "causalml",
    "ccdproc", "cclib", "ccxt", "cdsapi", "celerite", "celerite2", "celery", "cellpose", "cellrank", "celluloid",
    "cellxgene_census", "cerberus", "certifi", "cf_xarray", "cffi", "cfgrib", "cftime", "chaospy", "chardet",
    "charset_normalizer", "chart_studio", "chdb", "chempy", "chess", "chex", "chromadb", "cirq", "clarabel", "clearml",
    "click", "clickhouse_connect", "clickhouse_driver", "climpred", "cloudpickle", "cloudscraper", "cmcrameri",
    "cmdstanpy", "cmocean", "cobra", "coffea", "cohere", "coloraide", "colorama", "colorcet", "coloredlogs", "colorlog",
    "colossus", "comet_ml", "configobj", "ConfigSpace", "conllu", "contextily", "contourpy", "contractions", "control",
    "controlnet_aux", "cookiecutter", "cooler", "CoolProp", "copulas", "corner", "coverage", "crewai", "cryptography",
    "csbdeep", "cssselect", "ctgan", "cufflinks", "cupy_xarray", "curl_cffi", "cvxopt", "cvxpy", "cycler", "cyvcf2",
    "czifile", "dabest", "dacite", "daft", "dagster", "dalex", "dandi", "darts", "dash", "dash_ag_grid",
    "dash_bootstrap_components", "dash_core_components", "dash_cytoscape", "dash_daq", "dash_html_components",
    "dash_table", "dashscope", "dask", "dask_geopandas", "dask_jobqueue", "dask_ml", "dataclasses_json", "datacube",
    "datamol", "datasets", "datasette", "datashader", "datatable", "dateparser", "ddt", "deap", "debugpy", "decorator",
    "decord", "decoupler", "deep_translator", "deepchecks", "deepchem", "deepdiff", "deepface", "deeplake", "deepspeed",
    "defusedxml", "deltalake", "deprecated", "descartes", "detectron2", "determined", "dfply", "dgl", "diffrax",
    "diffusers", "dill", "dipy", "dirty_cat", "dirtyjson", "diskcache", "distrax", "distributed", "dlib", "dm_control",
    "docker", "docling", "docutils", "dominate", "dowhy", "dropbox", "dspy", "dtaidistance", "dtale", "dtreeviz",
    "duckdb", "duckdb_engine", "dvc", "dvclive", "dynesty", "earthaccess", "easyocr", "eccodes", "ecdsa", "econml",
    "ecos", "edward2", "eemont", "einops", "elasticsearch", "eli5", "emcee", "emoji", "emot", "empyrical",
    "en_core_web_sm", "environs", "ephem", "equinox", "esda", "et_xmlfile", "evalml", "evaluate", "eventlet",
    "evidently", "exchange_calendars", "execnet", "executing", "explainerdashboard", "fabric", "facebook_business",
    "facenet_pytorch", "factor_analyzer", "fairlearn", "fake_useragent", "faker", "fakeredis", "fastai", "fastapi",
    "fastavro", "fastcore", "fastdtw", "fastjsonschema", "fastparquet", "fastprogress", "fasttext", "feast",
    "feature_engine", "featuretools", "feedparser", "filelock", "filterpy", "fiona", "fire", "fireducks", "flair",
    "flake8", "flaml", "flashtext", "flask_login", "flask_restful", "flask_sqlalchemy", "flask_wtf", "flatbuffers",
    "flax", "flopy", "fluids", "flytekit", "folium", "fonttools", "fooof", "formulaic", "freezegun", "frozendict",
    "frozenlist", "fsspec", "ftfy", "fugue", "funcy", "furl", "future", "fuzzysearch", "fuzzywuzzy", "fvcore", "galois",
    "galpy", "gammapy", "gast", "gcsfs", "geemap", "gensim", "geocoder", "geodatasets", "geoip2", "geojson",
    "geopandas", "geoplot", "geopy", "george", "geosnap", "geoviews", "gevent", "gffutils", "gfpgan", "ghapi", "giddy",
    "gliner", "globus_sdk", "gluonts", "gmaps", "gmsh", "goatools", "google_auth_oauthlib", "google_crc32c",
    "googlemaps", "googletrans", "gower", "gpflow", "gplearn", "gpxpy", "GPy", "GPyOpt", "gpytorch", "gradio",
    "graphene", "graphviz", "great_expectations", "great_tables", "greenlet", "groq", "gseapy", "gspread",
    "gspread_dataframe", "gsw", "gudhi", "gunicorn", "gurobipy", "gwosc", "gwpy", "gym", "gym_super_mario_bros",
    "gymnasium", "h11", "h2", "h2o", "h3", "h5netcdf", "h5py", "handcalcs", "harmonica", "harmonypy", "haversine",
    "hdbscan", "hdf5storage", "hdfs", "healpy", "hepunits", "hierarchicalforecast", "highdicom", "highspy", "hist",
    "hjson", "hmmlearn", "holoviews", "html2text", "html5lib", "HTSeq", "httplib2", "httptools", "httpx",
    "huggingface_hub", "humanfriendly", "humanize", "hurst", "hvplot", "hvsampledata", "hyperopt", "hyperspy",
    "hypothesis", "iapws", "icechunk", "icecream", "idna", "igraph", "imagehash", "imageio", "imageio_ffmpeg", "imgaug",
    "iminuit", "immutabledict", "imodels", "import_ipynb", "importlib_metadata", "importlib_resources", "imutils",
    "inequality", "inflect", "inflection", "influxdb", "influxdb_client", "iniconfig", "insightface", "instructor",
    "intake", "intake_xarray", "interpret", "ipdb", "ipycanvas", "ipydatagrid", "ipyevents", "ipyfilechooser",
    "ipykernel", "ipyleaflet", "ipympl", "ipynb", "ipyparallel", "ipysheet", "IPython", "ipython_genutils", "ipyvolume",
    "ipyvue", "ipyvuetify", "ipywidgets", "isodate", "isort", "itables", "iteration_utilities", "itk", "itsdangerous",
    "jacobi", "janome", "jax", "jaxlib", "jaxopt", "jaxtyping", "jedi", "jellyfish", "jieba", "jiwer", "jmespath",
    "joblib", "joblibspark", "joypy", "json5", "jsonlines", "jsonpatch", "jsonpath_ng", "jsonpickle", "jsonpointer",
    "jsonschema", "july", "jupyter_black", "jupyter_client", "jupyter_core", "jupyter_dash", "jupyter_server",
    "jupyterlab", "jupyterthemes", "jupytext", "k3d", "kafe2", "kagglehub", "kaleido", "karateclub", "kedro",
    "keplergl", "keras", "keras_tuner", "kerchunk", "keybert", "keyring", "kfp", "kiwisolver", "kmapper", "kmodes",
    "kneed", "kombu", "konlpy", "kornia", "kubernetes", "lancedb", "langchain", "langchain_anthropic",
    "langchain_chroma", "langchain_community", "langchain_core", "langchain_experimental", "langchain_google_genai",
    "langchain_huggingface", "langchain_ollama", "langchain_openai", "langchain_text_splitters", "langdetect",
    "langgraph", "langid", "langsmith", "lasio", "laspy", "lazy_object_proxy", "lazypredict", "lcapy", "leafmap",
    "leidenalg", "lenstronomy", "lets_plot", "Levenshtein", "libpysal", "librosa", "lifelines", "lightfm", "lightgbm",
    "lightkurve", "lightning", "lightning_fabric", "lightning_utilities", "lime", "linearmodels", "lingam", "litellm",
    "llama_cloud", "llama_index", "llama_parse", "llvmlite", "lmdb", "lmfit", "localtileserver", "logomaker", "loguru",
    "lonboard", "loompy", "luigi", "lxml", "lxml_html_clean", "lz4", "mako", "mapbox", "mapclassify", "mapie",
    "markdown2", "markitdown", "markupsafe", "marshmallow", "marvin", "mat73", "matminer", "matplotlib",
    "matplotlib_inline", "matplotlib_scalebar", "matplotlib_venn", "MDAnalysis", "mdtraj", "mealpy", "mediapipe",
    "memory_profiler", "mercantile", "mesa", "meshio", "metaflow", "MetaTrader5", "metpy", "mgwr", "mido", "minio",
    "mip", "mir_eval", "missingno", "missingpy", "mistralai", "mistune", "ml_dtypes", "mlflow", "mlforecast", "mlxtend",
    "mmcv", "mmdet", "mne", "mne_bids", "mock", "modal", "modin", "momepy", "monai", "mordred", "more_itertools",
    "moto", "moviepy", "movingpandas", "mp_api", "mpi4py", "mpl_finance", "mpl_interactions", "mpl_scatter_density",
    "mplcursors", "mpld3", "mpldatacursor", "mplfinance", "mplhep", "mplsoccer", "mplstereonet", "mpmath", "msal",
    "msgpack", "mss", "mtcnn", "mudata", "multidict", "multimethod", "multiprocess", "muon", "music21", "mygene",
    "mypy", "mypy_extensions", "naima", "nameparser", "nannyml", "napari", "narwhals", "natsort", "nbclient",
    "nbconvert", "nbdev", "nbdime", "nbformat", "nbimporter", "nd2", "ndindex", "ndlib", "nengo", "neo", "neo4j",
    "neptune", "nest_asyncio", "netaddr", "netgraph", "networkit", "networkx", "neuralforecast", "neuralprophet",
    "neurokit2", "nevergrad", "nfl_data_py", "ngboost", "nglview", "nibabel", "nilearn", "ninja", "nipype", "nlpaug",
    "nltk", "node2vec", "noisereduce", "nolds", "nose", "notebook", "nox", "numba", "numba_stats", "numcodecs",
    "numdifftools", "numexpr", "numpy", "numpy_financial", "numpy_groupies", "numpyro", "nutpie", "nvtx",
    "oauth2client", "oauthlib", "obspy", "odfpy", "oggm", "ollama", "omegaconf", "onnx", "onnxruntime", "open3d",
    "openai", "opencage", "openml", "openmm", "openpiv", "openpyxl", "openpyxl_image_loader", "openTSNE", "openturns",
    "opt_einsum", "optax", "optbinning", "optimum", "optuna", "optuna_dashboard", "optuna_integration", "oracledb",
    "ordered_set", "orjson", "ortools", "osmapi", "osmnx", "osqp", "outlines", "overpy", "overrides", "oyaml",
    "packaging", "pacmap", "paddleocr", "palettable", "pandana", "pandapower", "pandas", "pandas_datareader",
    "pandas_gbq", "pandasql", "pandera", "panel", "panel_material_ui", "papermill", "parallel_bilby", "param",
    "paramiko", "parse", "parso", "partd", "particle", "passlib", "pathlib2", "pathspec", "patsy", "pdf2image",
    "pdfkit", "pdfplumber", "peakutils", "peewee", "peft", "pendulum", "pennylane", "pep8", "persim", "pertpy",
    "pexpect", "pgmpy", "phate", "phonenumbers", "phonopy", "photutils", "pickleshare", "picos", "pika", "pikepdf",
    "pinecone", "pingouin", "pint", "pint_pandas", "pipdeptree", "planetary_computer", "platformdirs", "playwright",
    "plotext", "plotly", "plotly_express", "plotly_resampler", "plotnine", "pluggy", "ply", "pm4py", "pmdarima",
    "pointpats", "polars", "polars_ds", "polib", "pomegranate", "pony", "pooch", "porespy", "portalocker", "pre_commit",
    "prefect", "preliz", "pretty_midi", "prettymaps", "prettytable", "prince", "prolif", "prometheus_client",
    "prompt_toolkit", "promptflow", "prophet", "proplot", "psutil", "psycopg", "psycopg2", "psycopg_pool", "ptyprocess",
    "pudb", "pure_eval", "pvlib", "py2neo", "py3Dmol", "py4j", "py7zr", "pyabc", "pyabf", "pyaes", "pyagrum", "pyamg",
    "pyaml", "pyarrow", "pyarrow_hotfix", "pyasn1", "pyathena", "pyautogui", "pybamm", "pybaseball", "pybedtools",
    "pyBigWig", "pybind11", "pybiomart", "pycaret", "pyclustering", "pycm", "pycocoevalcap", "pycocotools",
    "pycodestyle", "pycountry", "pycparser", "pyct", "pycuda", "pycurl", "pydantic", "pydantic_ai", "pydantic_core",
    "pydantic_settings", "pydeck", "pydeseq2", "pydicom", "pyDOE", "pyDOE2", "pydot", "pydotplus", "pydub", "pyecharts",
    "pyedflib", "pyfaidx", "pyfftw", "pyfiglet", "pyflakes", "pyfolio", "pyftpdlib", "pygad", "pygal", "pygame",
    "pygeos", "pygments", "pygmt", "pygraphviz", "pygsp", "pygtrie", "pygwalker", "pyhf", "pyinstrument", "pyjokes",
    "pykalman", "pykrige", "pylandstats", "pyLDAvis", "pylift", "pylint", "pymannkendall", "pymatching", "pymatgen",
    "pymatreader", "pymatting", "pymc", "pymc3", "pymc_bart", "pymc_extras", "pymc_marketing", "pymeshlab", "pymilvus",
    "pymongo", "pymoo", "pymorphy2", "pymssql", "pymultinest", "pymysql", "pynbody", "pynmea2", "pynndescent", "pynput",
    "pynwb", "pyod", "pyodbc", "pyogrio", "pyomo", "pyopencl", "pypandoc", "pyparsing", "pypdf", "pyperclip", "pyphen",
    "pyproj", "pyproject_hooks", "pypsa", "pyqtgraph", "pyranges", "pyreadr", "pyreadstat", "pyrender", "pyresample",
    "pyrosm", "pyrr", "pyrsistent", "pysal", "pysam", "pyscf", "pyscipopt", "pysftp", "pyshark", "pysindy", "pysolar",
    "pyspark", "PySpice", "pysrt", "pystac", "pystac_client", "pyswarms", "pytensor", "pytesseract", "pytest",
    "pythainlp", "pythreejs", "pytimeparse", "pytket", "pytorch_forecasting", "pytorch_lightning",
    "pytorch_metric_learning", "pytorch_tabnet", "pytransform3d", "pytrends", "pyts", "pyttsx3", "pytube", "pytweening",
    "pytz", "pyunpack", "pyvips", "pyvirtualdisplay", "pyvis", "pyvista", "pyvo", "pyxdf", "pyxlsb", "pyzbar",
    "qdrant_client", "qiskit", "qiskit_aer", "qiskit_algorithms", "qiskit_ibm_runtime", "qpsolvers", "qrcode", "quandl",
    "quantecon", "QuantLib", "quantstats", "qutip", "radio_beam", "ragas", "rapidfuzz", "rarfile", "rasterio",
    "rasterstats", "ray", "rdflib", "rdkit", "readchar", "realesrgan", "rebound", "rechunker", "recordlinkage", "redis",
    "redshift_connector", "referencing", "regex", "regionmask", "regions", "rembg", "replicate", "reportlab",
    "reproject", "requests", "requests_cache", "requests_html", "requests_oauthlib", "requests_toolbelt", "resampy",
    "responses", "retry", "retrying", "rfc3986", "rich", "rio_cogeo", "rio_tiler", "rioxarray", "ripser", "roboflow",
    "rouge", "rouge_score", "rpy2", "rsa", "rtree", "ruff", "ruptures", "s3fs", "s3transfer", "sacrebleu", "sacred",
    "sacremoses", "safetensors", "sahi", "salem", "sanic", "sas7bdat", "satpy", "scanpy", "scienceplots", "scikeras",
    "scikit_posthocs", "scipp", "scipy", "scirpy", "scrapbook", "scrapy", "scrublet", "scs", "scvelo", "sdv", "seaborn",
    "seaborn_image", "seawater", "segment_anything", "segmentation_models_pytorch", "segyio", "selenium",
    "semantic_kernel", "sentence_splitter", "sentence_transformers", "sentencepiece", "sentinelhub", "sentry_sdk",
    "seqeval", "setfit", "setuptools", "sgp4", "sh", "shap", "shapash", "shapely", "shellingham", "SimpleITK",
    "simplejson", "simplekml", "simpletransformers", "simpy", "siphon", "siuba", "six", "skan", "skidl", "skimpy",
    "skl2onnx", "sklearn_crfsuite", "sklearn_pandas", "skops", "skorch", "skrub", "sktime", "skyfield", "slycot",
    "smac", "smart_open", "smolagents", "snapml", "sncosmo", "sniffio", "snorkel", "snowballstemmer", "solara",
    "sortedcontainers", "sounddevice", "soundfile", "soupsieve", "spacy", "spacy_langdetect", "spacy_transformers",
    "spaghetti", "sparse", "spatialdata", "spatialpandas", "specparam", "spectral_cube", "specutils", "spektral",
    "sphinx", "spikeinterface", "splot", "spotipy", "spreg", "sqlalchemy_utils", "sqlglot", "sqlite_utils",
    "sqlitedict", "sqlmesh", "sqlmodel", "sqlparse", "squarify", "squidpy", "srsly", "sshtunnel", "stable_baselines3",
    "stack_data", "stackstac", "stanza", "stardist", "starfish", "starlette", "statannot", "statannotations",
    "statsbombpy", "statsforecast", "statsmodels", "stellargraph", "stim", "streamlit", "streamz", "structlog",
    "stumpy", "sty", "sunpy", "supabase", "supervision", "svgpathtools", "svgutils", "svgwrite", "sweetviz", "swifter",
    "sympy", "symspellpy", "ta", "tables", "tablib", "tabpfn", "tabpy", "tabulate", "tblib", "telethon", "tenacity",
    "tensorboard", "tensorboard_data_server", "tensorboardX", "tensorflow", "tensorflow_addons", "tensorflow_datasets",
    "tensorflow_hub", "tensorflow_probability", "tensorflow_text", "tensorly", "termcolor", "terminado", "tespy",
    "testbook", "testcontainers", "textblob", "textstat", "texttable", "textual", "tf_keras", "theano", "thefuzz",
    "thermo", "thinc", "threadpoolctl", "tick", "tidypolars", "tifffile", "tigramite", "tiktoken", "timm", "tinycss2",
    "tinydb", "tinygp", "tldextract", "tobler", "together", "tokenizers", "toml", "tomli", "tomli_w", "tomlkit",
    "toolz", "topojson", "torch", "torch_geometric", "torch_scatter", "torchaudio", "torchdata", "torchdiffeq",
    "torchinfo", "torchio", "torchmetrics", "torchsde", "torchsummary", "torchtext", "torchtune", "torchvision",
    "torchviz", "tornado", "toyplot", "tpot", "tqdm", "trackintel", "trackpy", "trafilatura", "traitlets",
    "transformers", "transforms3d", "tree_sitter", "treelib", "trimap", "trimesh", "trino", "trl", "tsaug", "tsfel",
    "tsfresh", "tslearn", "ttach", "tushare", "tweepy", "twisted", "typeguard", "typer", "typing_extensions",
    "typing_inspect", "tzlocal", "ujson", "ultralytics", "ultranest", "ultraplot", "uncertainties", "unsloth",
    "unstructured", "unyt", "uproot", "upsetplot", "urllib3", "usaddress", "utide", "utilsforecast", "uvicorn",
    "uvloop", "uxarray", "vaex", "validators", "vector", "vectorbt", "vedo", "vega", "vega_datasets", "verde",
    "virtualenv", "virtualizarr", "vispy", "vllm", "voila", "vosk", "voyageai", "vtk", "wandb", "wasabi", "watchdog",
    "watchfiles", "wbdata", "wcwidth", "weasel", "webcolors", "webencodings", "webrtcvad", "websockets", "werkzeug",
    "wfdb", "wget", "whitebox", "whylogs", "wikipedia", "wikitextparser", "windpowerlib", "wordcloud", "wordfreq",
    "wradlib", "wrapt", "wtforms", "xarray", "xclim", "xesmf", "xformers", "xgboost", "xgcm", "xgi", "xhistogram",
    "xlrd", "xlwings", "xlwt", "xmltodict", "xrft", "xskillscore", "xyzservices", "yahooquery", "yarl", "yasa",
    "yaspin", "ydata_profiling", "yellowbrick", "yfinance", "yt", "zarr", "zenml", "zfit", "zhipuai", "zict", "zipp",
    "zstandard",
})  # fmt: skip
"""Widely used modules whose distribution has their name: known, not assumed, so that nobody has to be asked.

A name that is in no table may be anybody's on PyPI.
"""

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


def asked_for(module: str) -> str:
    """What an environment has to ask for to have a module: its distribution, below a version that dropped it.

    >>> asked_for("pkg_resources.extern"), asked_for("yaml")
    ('setuptools<81', 'PyYAML')
    """
    return UP_TO.get(module.partition(".")[0]) or distribution_of(module)[0]


_BY_METHODS: dict[str, dict[str, tuple[str, ...]]] = {
    "nbimporter": {r"": ("ipython", "nbformat")},
    "duckdb": {
        r"\.(?:df|fetchdf|fetch_df|fetch_df_chunk|to_df)\(": ("numpy", "pandas"),
        r"\.fetchnumpy\(": ("numpy",),
        r"\.pl\(": ("polars", "pyarrow"),
        r"\.(?:arrow|fetch_arrow_table|to_arrow_table|fetch_record_batch|fetch_arrow_reader)\(": ("pyarrow",),
    },
    "polars": {
        r"\.to_pandas\(": ("pandas", "pyarrow"),
        r"\.to_numpy\(": ("numpy",),
        r"\.to_arrow\(": ("pyarrow",),
        r"\bread_excel\(": ("fastexcel",),
        r"\.write_excel\(": ("xlsxwriter",),
    },
    "pandas": {
        r"\b(?:read_excel|ExcelFile|to_excel|ExcelWriter)\(": ("openpyxl",),
        r"\.to_markdown\(": ("tabulate",),
        r"\.style\.": ("jinja2",),
        r"\b(?:read_html|read_xml|to_xml)\(": ("lxml",),
        r"\b(?:read_hdf|to_hdf|HDFStore)\(": ("tables",),
        r"\.to_xarray\(": ("xarray",),
    },
}
"""By distribution: what methods and functions of it need besides, which it does not bring itself."""


def needed_by_methods(distributions: Collection[str], text: str) -> set[str]:
    """The distributions that what a text calls of others needs, which nothing of it imports.

    >>> sorted(needed_by_methods(["duckdb"], "duckdb.sql('from a').df()")), needed_by_methods(["numpy"], "a.df()")
    (['numpy', 'pandas'], set())
    """
    todo = [name for name in _BY_METHODS if name in distributions]
    found: set[str] = set()
    for name in todo:
        more = {one for word, some in _BY_METHODS[name].items() if re.search(word, text) for one in some}
        todo += sorted(more & _BY_METHODS.keys() - {*todo})
        found |= more
    return found - {*distributions}


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
