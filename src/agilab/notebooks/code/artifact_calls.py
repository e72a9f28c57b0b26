"""Calls that read or write files: which argument is the file, and in which direction."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Direction = Literal["read", "written", "both", "unknown"]


@dataclass(frozen=True)
class FileCall:
    """One file of a call.

    Attributes:
        direction: See `Direction`; "unknown" for what removes a file.
        kind: What it is ("table", "array", "model", …); "" where the file's suffix says it.
        position: Of the argument, from 0; -1 for the object that a method belongs to.
        keywords: Names under which it is given instead.
        mode: Position of an argument that decides the direction ("r", "wb", …), `BY_NAME` if it is only given by name;
            None if there is none.
        default: The mode where it is not given.
        without: The path where it is not given.
        address: Whether only the address of a database that is a file counts ("sqlite:///a.db").
        several: Whether it is several files whose names only begin so.
        ending: What the library puts behind a name that does not end so; where `or_another`, behind one without suffix.
    """

    direction: Direction
    kind: str = ""
    position: int = 0
    keywords: tuple[str, ...] = ()
    mode: int | None = None
    default: str = "r"
    without: str = ""
    address: bool = False
    several: bool = False
    ending: str = ""
    or_another: bool = False

    def ended(self, path: str) -> str:
        """The name that the file gets; one whose end is not known stays as it is.

        >>> numpy, excel = FileCall("written", ending=".npy"), FileCall("written", ending=".xlsx", or_another=True)
        >>> numpy.ended("a"), numpy.ended("a.v2"), excel.ended("a.v2"), numpy.ended("{name}")
        ('a.npy', 'a.v2.npy', 'a.v2', '{name}')
        """
        if path.endswith((self.ending, "}", "/")) or (self.or_another and "." in path.rpartition("/")[2]):
            return path
        return path + self.ending


PERHAPS = "perhaps a file"
"""The kind of what goes into a call that is not known: no file, as long as none is seen to be there."""
BY_NAME = 99
"""A position that no argument has."""
_TABLES = (
    "filepath_or_buffer",
    "path_or_buf",
    "path",
    "path_or_buffer",
    "source",
    "file",
    "io",
    "filepath",
    "excel_writer",
    "fname",
)
_FILES = "file", "filename", "fname", "path", "fp", "f", "name", "filepath", "uri", "im", "fileobj"

_NOT_FILES = re.compile(r"(read|scan)_(sql\w*|clipboard|gbq|database\w*|table_from\w*)|read_html")

_FRAMES = frozenset({
    "cudf", "dask.dataframe", "databricks.koalas", "fireducks.pandas", "geopandas", "modin.pandas", "pandas",
    "polars", "pyarrow.csv", "pyarrow.feather", "pyarrow.json", "pyarrow.orc", "pyarrow.parquet", "pyspark.pandas",
    "vaex",
})  # fmt: skip
"""Modules whose functions `read_…` and `scan_…` take a file first."""


def _calls(
    direction: Direction,
    kind: str,
    names: str,
    position: int = 0,
    ending: str = "",
    *,
    or_another: bool = False,
) -> dict[str, tuple[FileCall, ...]]:
    call = FileCall(direction, kind, position, _FILES, ending=ending, or_another=or_another)
    return dict.fromkeys(names.split(), (call,))


def _opened(kind: str, names: str, mode: int = 1, default: str = "r") -> dict[str, tuple[FileCall, ...]]:
    return {
        name: (FileCall("unknown", kind, 0, (*_FILES, *_TABLES), mode, default),) for name in names.split()
    }


def _moved(names: str, kind: str = "") -> dict[str, tuple[FileCall, ...]]:
    """`kind` is "folder" where all that lies in one goes along."""
    both = (
        FileCall("read", kind, 0, ("src", "source")),
        FileCall("written", kind and "files", 1, ("dst", "destination")),
    )
    return dict.fromkeys(names.split(), both)


def _looked(names: str, kind: str, without: str = "") -> dict[str, tuple[FileCall, ...]]:
    """Calls that look whether a file is there ("seen"), or what lies in a folder."""
    call = FileCall("read", kind, 0, ("path", "top", "filename"), without=without)
    return dict.fromkeys(names.split(), (call,))


def _addressed(direction: Direction, names: str, position: int) -> dict[str, tuple[FileCall, ...]]:
    call = FileCall(direction, "database", position, ("con", "uri", "connection"), address=True)
    return dict.fromkeys(names.split(), (call,))


FUNCTIONS: dict[str, tuple[FileCall, ...]] = {
    **_calls("read", "array",
        "numpy.load numpy.loadtxt numpy.genfromtxt numpy.fromfile"),
    **_calls("written", "array", "numpy.save", ending=".npy"),
    **_calls("written", "array", "numpy.savez numpy.savez_compressed scipy.sparse.save_npz", ending=".npz"),
    **_calls("written", "array", "numpy.savetxt"),
    "scipy.io.savemat": (FileCall("written", "array", 0, ("file_name",), ending=".mat"),),
    "scipy.io.loadmat": (FileCall("read", "array", 0, ("file_name",), ending=".mat"),),
    **_calls("read", "array",
        "scipy.sparse.load_npz xarray.open_dataset xarray.open_dataarray xarray.open_mfdataset "
        "xarray.load_dataset xarray.open_zarr zarr.load"),
    **_calls("read", "audio", "scipy.io.wavfile.read librosa.load soundfile.read torchaudio.load"),
    **_calls("written", "audio", "scipy.io.wavfile.write soundfile.write torchaudio.save"),
    **_calls("read", "image",
        "PIL.Image.open cv2.imread matplotlib.pyplot.imread matplotlib.image.imread imageio.imread "
        "imageio.v2.imread imageio.v3.imread skimage.io.imread tifffile.imread"),
    **_calls("written", "image",
        "cv2.imwrite matplotlib.pyplot.imsave imageio.imwrite imageio.imsave imageio.mimsave "
        "imageio.v2.imwrite imageio.v3.imwrite skimage.io.imsave tifffile.imwrite"),
    **_calls("written", "figure", "matplotlib.pyplot.savefig", ending=".png", or_another=True),
    **_calls("written", "figure", "bokeh.plotting.save bokeh.io.export_png"),
    **_calls("written", "figure", "plotly.io.write_html plotly.io.write_image", 1),
    "plotly.offline.plot": (FileCall("written", "figure", BY_NAME, ("filename",), ending=".html"),),
    **_calls("read", "model",
        "joblib.load torch.load tensorflow.keras.models.load_model keras.models.load_model dill.load "
        "cloudpickle.load onnx.load gensim.models.KeyedVectors.load gensim.models.Word2Vec.load "
        "xgboost.Booster lightgbm.Booster catboost.CatBoost"),
    **_calls("written", "model",
        "joblib.dump torch.save torch.jit.save onnx.save tensorflow.saved_model.save "
        "tensorflow.keras.models.save_model", 1),
    **_calls("written", "table",
        "pyarrow.parquet.write_table pyarrow.csv.write_csv pyarrow.feather.write_feather "
        "pyarrow.orc.write_table", 1),
    **_calls("written", "table", "xlsxwriter.Workbook pyarrow.parquet.ParquetWriter"),
    **_opened("table", "pandas.ExcelWriter", BY_NAME, "w"),
    **_opened("table", "pandas.HDFStore", default="a"),
    **_calls("read", "table",
        "openpyxl.load_workbook pandas.ExcelFile pyreadstat.read_sav "
        "astropy.io.fits.open astropy.table.Table.read datasets.load_from_disk"),
    **_calls("read", "database", "duckdb.read_csv duckdb.read_parquet duckdb.read_json duckdb.from_csv_auto"),
    **_calls("both", "database",
        "sqlite3.connect aiosqlite.connect duckdb.connect sqlalchemy.create_engine tinydb.TinyDB dataset.connect "
        "sqlalchemy.ext.asyncio.create_async_engine sqlmodel.create_engine"),
    "logging.basicConfig": (FileCall("both", "text", BY_NAME, ("filename",), BY_NAME, "a"),),
    **dict.fromkeys(
        ("logging.FileHandler", *(f"logging.handlers.{one}FileHandler" for one in ("Watched", "Rotating"))),
        (FileCall("both", "text", 0, ("filename",), 1, "a"),),
    ),
    "logging.handlers.TimedRotatingFileHandler": (FileCall("both", "text", 0, ("filename",)),),
    "shelve.open": (FileCall("unknown", "database", 0, _FILES, 1, "c", several=True),),
    **dict.fromkeys(
        ("dbm.open", "dbm.dumb.open", "dbm.gnu.open", "dbm.ndbm.open"),
        (FileCall("unknown", "database", 0, ("file",), 1, "r", several=True),),
    ),
    **_addressed("read", "pandas.read_sql pandas.read_sql_query pandas.read_sql_table polars.read_database_uri", 1),
    **_calls("read", "text", "linecache.getlines fileinput.input"),
    **_calls("read", "code", "runpy.run_path"),
    **_looked("os.listdir os.scandir os.fwalk", "folder", without="."),
    **_looked("os.walk", "folder"),
    **_looked(
        "os.path.exists os.path.lexists os.path.isfile os.path.isdir os.path.getsize os.path.getmtime os.path.getctime "
        "os.path.getatime os.stat os.lstat os.access", "seen"),
    **_calls("read", "files", "glob.glob glob.iglob"),
    **_calls("written", "folder", "os.makedirs os.mkdir"),
    **_calls("unknown", "removed", "os.remove os.unlink os.rmdir shutil.rmtree"),
    **_calls("written", "", "mlflow.artifacts.download_artifacts", 1),
    **_calls("read", "", "mlflow.log_artifact mlflow.log_artifacts"),
    **_opened("",
        "open io.open codecs.open gzip.open bz2.open lzma.open smart_open.open fsspec.open tarfile.open "
        "bz2.BZ2File gzip.GzipFile lzma.LZMAFile pysam.AlignmentFile"),
    **_opened("array", "h5py.File netCDF4.Dataset tables.open_file rasterio.open fiona.open"),
    **_opened("array", "zarr.open zarr.open_group", default="a"),
    **_opened("array", "zarr.open_array zarr.open_consolidated", BY_NAME),
    **_opened("array", "numpy.memmap", 2, "r+"),
    **_opened("array", "numpy.lib.format.open_memmap", 1, "r+"),
    **_opened("archive", "zipfile.ZipFile tarfile.TarFile"),
    **_opened("audio", "wave.open"),
    **_moved("shutil.copy shutil.copy2 shutil.copyfile shutil.move os.rename os.replace os.link os.symlink"),
    **_moved("shutil.copytree", "folder"),
    "shutil.unpack_archive": (
        FileCall("read", "archive", 0, ("filename",)), FileCall("written", "files", 1, ("extract_dir",), without="."),
    ),
    "urllib.request.urlretrieve": (FileCall("read", "", 0, ("url",)), FileCall("written", "", 1, ("filename",))),
    "wget.download": (FileCall("read", "", 0, ("url",)), FileCall("written", "", 1, ("out",))),
    "gdown.download": (FileCall("read", "", 0, ("url",)), FileCall("written", "", 1, ("output",))),
    **_calls("read", "", "urllib.request.urlopen requests.get requests.head httpx.get"),
}  # fmt: skip
"""By the full dotted name."""

_TO_TABLE = (
    "to_csv to_parquet to_feather to_excel to_pickle to_json to_hdf to_stata to_orc to_xml to_file "
    "to_html to_latex to_markdown"
)
_WRITE_TABLE = (
    "write_csv write_parquet write_ipc write_json write_ndjson write_avro write_delta "
    "sink_csv sink_parquet sink_ipc sink_ndjson"
)


def _methods(direction: Direction, kind: str, names: str, position: int = 0) -> dict[str, FileCall]:
    return {name: FileCall(direction, kind, position, (*_TABLES, *_FILES)) for name in names.split()}


def _added(kind: str, names: str, default: str) -> dict[str, FileCall]:
    """Methods that write anew, or add to what is there if `mode` says so."""
    call = FileCall("written", kind, 0, (*_TABLES, *_FILES), BY_NAME, default)
    return dict.fromkeys(names.split(), call)


METHODS: dict[str, FileCall] = {
    **_methods("written", "table", f"{_TO_TABLE} {_WRITE_TABLE}"),
    **_added("table", "to_csv to_json write_delta to_file", "w"),
    **_added("table", "to_hdf", "a"),
    **_added("array", "to_netcdf to_zarr", "w"),
    "to_sql": FileCall("both", "database", 1, ("con",), address=True),
    "write_database": FileCall("both", "database", 1, ("connection",), address=True),
    "extractall": FileCall("written", "files", 0, ("path",), without="."),
    "write_excel": FileCall("written", "table", 0, ("workbook",), ending=".xlsx", or_another=True),
    "savefig": FileCall("written", "figure", 0, (*_TABLES, *_FILES), ending=".png", or_another=True),
    **_methods("written", "figure", "write_html write_image"),
    **_methods("written", "array", "tofile"),
    **_methods("written", "model", "save_model save_weights save_pretrained save_word2vec_format"),
    **_methods("read", "model", "load_model load_weights load_word2vec_format from_pretrained_file"),
}
"""By the method's name alone, of whatever object: these words mean nothing else."""

SAVING = frozenset({"save", "export", "dump_model"})
"""Methods that write if what they are given looks like a file (`image.save("a.png")`)."""

PATH_METHODS: dict[str, FileCall] = {
    **{name: FileCall("read", "", -1) for name in ("read_text", "read_bytes")},
    **{name: FileCall("written", "", -1) for name in ("write_text", "write_bytes", "touch")},
    "open": FileCall("unknown", "", -1, mode=0),
    **{name: FileCall("read", "folder", -1) for name in ("iterdir", "walk")},
    **{name: FileCall("read", "seen", -1) for name in ("exists", "is_file", "is_dir", "stat", "lstat")},
    "mkdir": FileCall("written", "folder", -1),
    **{name: FileCall("unknown", "removed", -1) for name in ("unlink", "rmdir")},
}
"""Methods of paths; `ANY_OBJECT` count for any object, the others for what certainly is a path."""

ANY_OBJECT = frozenset({"read_text", "read_bytes", "write_text", "write_bytes"})


def file_calls(name: str) -> tuple[FileCall, ...]:
    """The files of a function, by its full dotted name; none if it is not known to take any."""
    known = FUNCTIONS.get(name)
    if known:
        return known
    module, _, function = name.rpartition(".")
    if (
        module in _FRAMES
        and function.startswith(("read_", "scan_", "open"))
        and not _NOT_FILES.fullmatch(function)
    ):
        return (FileCall("read", "table", 0, _TABLES),)
    return ()


_READS = re.compile(r"(read|load|open|scan|imread|from)(_\w+)?|[A-Z]\w*Reader|Reader|create_\w+_from_\w+")
_WRITES = re.compile(r"(write|save|export|dump|to)(_\w+)?|[A-Z]\w*Writer|Writer|imwrite|imsave")
_SHOWS = re.compile(r"IPython\.display\.\w+|panel\.pane\.\w+|ipywidgets\.\w+")
_BY_NAME_ONLY = re.compile(
    r"(.*\.)?(get_path|get_file|get_data|data_path)|.*\b(datasets|examples|tutorial|resources)\b.*"
)
"""Calls that take the name of something their library ships, or fetches: no file of the notebook's."""


def direction_of_name(name: str) -> Direction | None:
    """What a library's function does to a file, by its own name; None where the text names no file at all.

    >>> [direction_of_name(name) for name in ("iris.load_cube", "mne.export_raw", "altair.Chart", "libpysal.get_path")]
    ['read', 'written', 'unknown', None]
    """
    if _BY_NAME_ONLY.fullmatch(name):
        return None
    word = name.rpartition(".")[2]
    if _READS.fullmatch(word) or _SHOWS.fullmatch(name):
        return "read"
    return "written" if _WRITES.fullmatch(word) else "unknown"


def direction_of_mode(mode: str) -> Direction:
    """What a mode such as "rb", "w" or "a+" does to its file; "c" and "n" are those of databases by key.

    >>> [direction_of_mode(mode) for mode in ("r", "rb", "w", "w+", "ab", "r+", "c", "?")]
    ['read', 'read', 'written', 'written', 'both', 'both', 'both', 'unknown']
    """
    if mode[:1] in ("w", "n") or mode == "overwrite":
        return "written"
    if "+" in mode or mode[:1] in (
        "a",
        "c",
        "x",
    ):  # what is added to keeps what it held; `x` fails where it is
        return "both"
    return "read" if mode[:1] in ("r", "U") else "unknown"


_SUFFIXES = {
    "table": "csv tsv parquet feather arrow ipc xlsx xls ods orc avro dta sav sas7bdat rds jsonl ndjson",
    "array": "npy npz h5 hdf5 hdf nc nc4 mat zarr fits grib grb tif tiff",
    "json": "json geojson",
    "pickle": "pkl pickle dill",
    "model": "pt pth ckpt onnx joblib keras pb safetensors bst gguf tflite",
    "image": "png jpg jpeg gif bmp webp",
    "figure": "svg pdf eps",
    "audio": "wav mp3 flac ogg",
    "video": "mp4 avi mov",
    "archive": "zip gz tar tgz bz2 xz 7z",
    "database": "db sqlite sqlite3 duckdb",
    "text": "txt md log yaml yml toml ini cfg xml html dat",
    "geometry": "shp gpkg kml",
    "code": "py ipynb r sql sh",
}
_BY_SUFFIX = {f".{suffix}": kind for kind, suffixes in _SUFFIXES.items() for suffix in suffixes.split()}


def kind_of_suffix(path: str) -> str:
    """What a file is by its name; "" if that says nothing. `a.csv.gz` is a table."""
    name = path.lower().split("?")[0].rstrip("/")
    for packed in (".gz", ".bz2", ".xz", ".zst"):
        if name.endswith(packed) and "." in name.removesuffix(packed):
            name = name.removesuffix(packed)
    dot = name.rfind(".")
    return _BY_SUFFIX.get(name[dot:], "") if dot >= 0 else ""
