"""States of the process that a notebook sets in one cell and uses in another: random numbers, pyplot's figure, options.

Each has a name in angle brackets, so that it can be followed as the notebook's own names are. Full names
(`numpy.random.seed`) are what imports and everybody's custom (`np`, `pd`, `plt`) tell.
"""

from __future__ import annotations

import ast
import re
from typing import Literal


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())


def in_order(text: str) -> tuple[str, ...]:
    return tuple(text.split())


RANDOM_NUMPY, RANDOM_PYTHON, RANDOM_TORCH = "<random numpy>", "<random python>", "<random torch>"
RANDOM_TENSORFLOW = "<random tensorflow>"
FIGURE, FOLDER, LOG = "<figure>", "<working directory>", "<log file>"
DATABASE = "<database>"
ENVIRONMENT, IMPORT_PATH = "<environment variables>", "<import path>"
LOG_OPTIONS = "<options logging>"
LOGGERS = "<options loggers>"
LOGGING = frozenset({LOG, LOG_OPTIONS})
RANDOM = frozenset({RANDOM_NUMPY, RANDOM_PYTHON, RANDOM_TORCH, RANDOM_TENSORFLOW})
STATES = {
    RANDOM_NUMPY: "NumPy's legacy random numbers",
    RANDOM_PYTHON: "the random numbers of the module random",
    RANDOM_TORCH: "the random numbers of PyTorch",
    RANDOM_TENSORFLOW: "the random numbers of TensorFlow",
    FIGURE: "pyplot's current figure",
    FOLDER: "the working directory",
    LOG: "the file that is logged to",
    DATABASE: "DuckDB's default connection",
    ENVIRONMENT: "environment variables",
    IMPORT_PATH: "where modules are looked for",
}
"""States of the process in words."""
CONTEXTS = {
    "decimal.getcontext": "<options decimal>",
    "h5py.get_config": "<options h5py>",
    "logging.getLogger": LOG_OPTIONS,
}
"""Calls that give what holds settings of the process, with the state that setting its attributes sets."""
HOLDS_SETTINGS = frozenset(
    {"numpy.random", "matplotlib.pyplot.rcParams", "matplotlib.rcParams", "os.environ", "sys.path"}
)
"""What settings lie in, whatever name it is given."""

Does = Literal["set", "use", "begin", "go on", "end"]
SIDE_EFFECTS = (
    *("Axes3D", "enable_", "hvplot", "swifter", "cufflinks", "janitor", "scienceplots", "register_"),
    *("import_ipynb", "nbimporter"),
)
"""How names of imports begin that are made for what importing them does."""
_REGISTERS = re.compile(r"(.*\.)?(?:un|de)?register(_\w+)?")
_SETS = re.compile(
    r".*\.(set|set_\w+|setdefault\w*|setup|seed|extension|output_notebook|(?:en|dis)able(?:_\w+)?|(?:de)?activate(?:_\w+)?"
    r"|(?:add|use|install|init|initialize|configure|override|unregister|go|prefer|patch)_\w+|\w+_support"
    r"|configure|config|install|initialize|init|initjs|use|loglevel|setLevel|seterr|addfont|defaults|(?:set|Use)[A-Z]\w*)"
)
"""How functions of libraries are named that set how these behave, where nobody takes what they give."""
_CHANGES = re.compile(
    r".*\..*\.(append|extend|insert|update|add|discard|put|remove|clear|sort|reverse|appendleft|extendleft|rotate"
    r"|move_to_end|\w+_update)"
)
"""How those are named that change a list or a dict of a library, where nobody takes what they give."""
_TAKES = re.compile(r".*\..*\.(pop|popitem|popleft)")
"""How those are named that take something out of one, whoever takes what they give."""
_KEEPS = words(
    """
    calendar.setfirstweekday threading.stack_size gc.enable gc.disable gc.freeze gettext.install gettext.textdomain
    gettext.bindtextdomain email.charset.add_charset resource.setrlimit tracemalloc.start os.nice os.umask
    csv.field_size_limit csv.unregister_dialect mimetypes.add_type mimetypes.init logging.addLevelName
    logging.setLoggerClass logging.setLogRecordFactory copyreg.pickle copyreg.constructor socket.setdefaulttimeout
    sys.setswitchinterval sys.set_int_max_str_digits codecs.unregister codecs.unregister_error
    loguru.logger.add loguru.logger.remove loguru.logger.configure nest_asyncio.apply
    """
)
"""What sets something of its library for the whole process, if it is called for nothing else."""
_NOT_KEPT = ("atexit.", "abc.", "weakref.")
LOGS = words("debug info warning warn error critical exception log")
"""What writes a line into a log, of the module `logging` and of its loggers."""
LOGGER_SETS = words("setLevel addHandler removeHandler addFilter removeFilter setFormatter")
"""Methods of loggers and of their handlers that set how they behave."""
_LISTS_OF_LOGGERS = words("handlers filters")
LOGGER_PLACES = _LISTS_OF_LOGGERS | words("propagate disabled level")
"""Attributes of loggers that say how they behave."""
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
_DRAWS_TORCH = in_order(
    """
    rand randn randint randperm normal bernoulli multinomial nn. utils.data.
    """
)
_OPTIONS = in_order(
    """
    set_ seterr options. style.use rc rcParams use ion ioff switch_backend reset_ xkcd
    config. enable_ disable_ renderers. templates. data_transformers. register_
    plotting.register_ Config. backends.
    """
)
WITH_OPTIONS = words(
    """
    numpy pandas polars matplotlib seaborn plotly altair bokeh holoviews hvplot torch tensorflow
    keras jax sklearn tqdm scipy xarray geopandas IPython
    """
)
_SETTERS = words(
    """
    warnings.filterwarnings warnings.simplefilter warnings.resetwarnings logging.basicConfig
    logging.disable logging.captureWarnings logging.config.dictConfig logging.config.fileConfig
    locale.setlocale sys.setrecursionlimit
    decimal.setcontext time.tzset faulthandler.enable seaborn.set matplotlib.use matplotlib.pyplot.rc
    """
)
_GIVES_METHODS = words(
    """
    tqdm.tqdm.pandas tqdm.auto.tqdm.pandas tqdm.notebook.tqdm.pandas tqdm.std.tqdm.pandas
    tqdm.autonotebook.tqdm.pandas tqdm.notebook.tqdm_notebook.pandas tqdm.tqdm_notebook.pandas
    pandarallel.pandarallel.initialize
    """
)
METHODS_OF = {"<options tqdm>": r"progress_\w+", "<options pandarallel>": r"parallel_\w+"}
"""What gives tables more methods, and by the state that it sets how the names of these are."""
_FIGURE_BEGINS = words(
    """
    figure subplots subplot_mosaic plot scatter bar barh hist hist2d boxplot pie violinplot imshow
    contour contourf pcolormesh errorbar fill_between stackplot step semilogx semilogy loglog
    subplot axes matshow quiver hexbin stem spy
    """
)
_MAKES_A_FIGURE = words(
    """
    figure subplots subplot_mosaic matshow relplot displot catplot lmplot jointplot pairplot clustermap FacetGrid
    JointGrid PairGrid
    """
)
_DRAWING = {
    "seaborn": words(
        """
        barplot boxenplot boxplot countplot displot distplot ecdfplot heatmap histplot jointplot kdeplot lineplot
        lmplot pairplot palplot pointplot regplot relplot residplot rugplot scatterplot stripplot swarmplot
        violinplot catplot clustermap FacetGrid JointGrid PairGrid
        """
    ),
    "corner": words("""corner overplot_lines overplot_points"""),
    "arviz": words(
        """
        plot_autocorr plot_compare plot_density plot_dist plot_energy plot_ess plot_forest plot_hdi plot_kde
        plot_pair plot_posterior plot_ppc plot_trace plot_violin
        """
    ),
}
"""What draws into pyplot's current figure, or makes one that is it then, unless it is told where."""
_FIGURE_ENDS = frozenset({"show", "close"})
_NO_FIGURE = frozenset(
    {"style", "rcParams", "cm", "rc", "rc_context", "get_cmap", "colormaps", "ion", "ioff"}
)


def makes_a_figure(word: str) -> bool:
    """Whether a function of this name makes a figure of its own, and draws into none that is there.

    >>> makes_a_figure("subplots"), makes_a_figure("plot")
    (True, False)
    """
    return word in _MAKES_A_FIGURE


def state_of(full: str, named: frozenset[str]) -> tuple[str, Does] | None:
    """The state of the process that a call sets or uses; `named` are its keyword arguments.

    >>> state_of("numpy.random.seed", frozenset()), state_of("numpy.random.default_rng", frozenset())
    (('<random numpy>', 'set'), None)
    >>> state_of("matplotlib.pyplot.title", frozenset()), state_of("seaborn.set_theme", frozenset())
    (('<figure>', 'go on'), ('<options seaborn>', 'set'))
    >>> state_of("seaborn.boxplot", frozenset()), state_of("seaborn.boxplot", frozenset({"ax"}))
    (('<figure>', 'begin'), None)
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
    if full == "logging.basicConfig" and "filename" in named:
        return LOG, "begin"
    if top == "logging" and (rest in LOGS or rest.endswith("FileHandler")):
        return LOG, "use" if rest in LOGS else "begin"
    if full in _SETTERS or full in _GIVES_METHODS or (top in WITH_OPTIONS and sets_options(full)):
        return f"<options {top}>", "set"
    if full.startswith(("os.environ.update", "os.environ.setdefault", "os.environ.pop", "os.environ.clear")):
        return ENVIRONMENT, "set"
    if full.startswith(("sys.path.", "sys.meta_path.", "sys.path_hooks.", "site.addsitedir")):
        return IMPORT_PATH, "set"
    if rest in _DRAWING.get(top, ()) and not named & {"ax", "fig"}:
        return FIGURE, "begin"
    if full == "seaborn.despine":
        return None if named & {"ax", "fig"} else (FIGURE, "go on")
    if top == "matplotlib" and rest.startswith("pyplot."):
        what = rest.split(".")[1]
        if what in _FIGURE_ENDS:
            return FIGURE, "end"
        if what in _FIGURE_BEGINS:
            return FIGURE, "begin"
        return None if what in _NO_FIGURE or what[:1].isupper() else (FIGURE, "go on")
    return None


def registered_by(full: str) -> str | None:
    """The state that a decorator sets which makes something known to its library; None where it does no such thing.

    >>> registered_by("pandas.api.extensions.register_dataframe_accessor"), registered_by("functools.wraps")
    ('<options pandas>', None)
    """
    return f"<options {full.partition('.')[0]}>" if _REGISTERS.fullmatch(full) else None


def kept_by(full: str) -> str | None:
    """The state that a call sets whose result nobody takes: something is made known to a library.

    >>> kept_by("sqlite3.register_adapter"), kept_by("csv.field_size_limit"), kept_by("atexit.register")
    ('<options sqlite3>', '<options csv>', None)
    """
    if full.startswith(_NOT_KEPT) or "." not in full:
        return None
    of_logger = full.startswith("logging.") and full.rpartition(".")[2] in LOGGER_SETS
    return f"<options {full.partition('.')[0]}>" if full in _KEEPS or of_logger else registered_by(full)


def takes_out(full: str) -> str | None:
    """The state of the library out of whose list or dict a call takes something.

    >>> takes_out("keyword.kwlist.pop"), takes_out("sys.modules.pop"), takes_out("dict.pop")
    ('<options keyword>', None, None)
    """
    found = _TAKES.fullmatch(full) and not full.startswith("sys.modules.")
    return f"<options {full.partition('.')[0]}>" if found else None


def changes_list(full: str) -> str | None:
    """The state of the library whose list or dict a call changes.

    >>> changes_list("keyword.kwlist.remove"), changes_list("keyword.iskeyword")
    ('<options keyword>', None)
    """
    found = _CHANGES.fullmatch(full) and not full.startswith("sys.modules.")
    return f"<options {full.partition('.')[0]}>" if found else takes_out(full)


def sets_logger(called: ast.expr) -> bool:
    """Whether what is called by this expression sets how loggers behave, or their handlers, if it is one of theirs.

    >>> calls = "log.setLevel", "logging.getLogger().handlers.clear", "handlers.clear", "log.info"
    >>> [sets_logger(ast.parse(one, mode="eval").body) for one in calls]
    [True, True, False, False]
    """
    if not isinstance(called, ast.Attribute):
        return False
    held = called.value.attr if isinstance(called.value, ast.Attribute) else ""
    return called.attr in LOGGER_SETS or (
        held in _LISTS_OF_LOGGERS and changes_list(f"a.b.{called.attr}") is not None
    )


def perhaps_kept_by(full: str) -> str | None:
    """The state that a call sets by its name, where nobody takes what it gives, and it gets nothing to change.

    >>> perhaps_kept_by("dask.config.set"), perhaps_kept_by("faker.Faker.seed"), perhaps_kept_by("nltk.download")
    ('<options dask>', '<options faker>', None)
    """
    named = _SETS.fullmatch(full)
    return f"<options {full.partition('.')[0]}>" if named else changes_list(full)


_LOOKS = frozenset({"copy", "get", "keys", "items", "values", "find_all", "describe"})
"""What only looks at settings."""


def sets_options(full: str) -> bool:
    """Whether a call or an assignment of this name sets how a library behaves."""
    rest = full.partition(".")[2].removeprefix("pyplot.")
    return bool(rest) and rest.startswith(_OPTIONS) and rest.rpartition(".")[2] not in _LOOKS


def state_of_place(full: str) -> str:
    """The state that an assignment to an attribute or an item of this name sets.

    >>> state_of_place("os.environ"), state_of_place("matplotlib.pyplot.rcParams"), state_of_place("numpy.pi")
    ('<environment variables>', '<options matplotlib>', '<options numpy>')
    """
    if full.startswith("os.environ"):
        return ENVIRONMENT
    if full.startswith("sys.path"):
        return IMPORT_PATH
    return f"<options {full.partition('.')[0]}>"


def kept_in(full: str) -> str:
    """The state that is what a variable of an own module holds; `tools.*` for whatever the module holds.

    >>> kept_in("tools.CACHE"), is_kept("<tools.CACHE>"), is_kept(FIGURE), is_kept("<options numpy>")
    ('<tools.CACHE>', True, False, False)
    """
    return f"<{full}>"


def is_kept(name: str) -> bool:
    """Whether a name stands for what a module of the notebook's own holds."""
    return name.startswith("<") and "." in name and " " not in name


def in_words(name: str) -> str:
    """A state of the process in words."""
    if is_kept(name):
        return f"what {name[1:-1].removesuffix('.*')} holds"
    return STATES.get(name, name)


_RANDOM_STATE = words(
    """
    train_test_split shuffle resample make_classification make_regression make_blobs make_moons
    make_circles make_friedman1 make_swiss_roll permutation_importance
    """
)
_RANDOM_MODELS = in_order(
    """
    Random Extra KMeans MiniBatch SGD MLP Shuffle Gaussian Bagging Isolation
    """
)


def is_random(full: str) -> bool:
    """Whether what scikit-learn or SciPy has under this name draws random numbers when it is called."""
    return full.rpartition(".")[2] in _RANDOM_STATE or (
        full.startswith("scipy.stats.") and full.endswith(".rvs")
    )


def is_random_model(full: str) -> bool:
    """Whether what is made so draws random numbers when it is fitted, unless it was given a seed."""
    return full.startswith("sklearn.") and full.rpartition(".")[2].startswith(_RANDOM_MODELS)
