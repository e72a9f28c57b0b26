"""What a notebook reads and writes: as far as its text says it, and no further."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agilab.notebooks.code.named_files import Artifact
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.shell.files import files_of_command
from tests.notebooks.building import notebook

IMPORTS = """\
import os, shutil, glob, json, pickle
from os.path import join
from pathlib import Path
import numpy as np
import pandas as pd
import polars as pl
import matplotlib.pyplot as plt
"""


def artifacts(*cells: str) -> list[tuple[str, str]]:
    """(direction, path) of each, computed ones with a question mark."""
    return [
        (one.direction, one.path + "?" * one.computed) for one in inspect(notebook(IMPORTS, *cells)).artifacts
    ]


def one(cell: str) -> Artifact:
    found = inspect(notebook(IMPORTS, cell)).artifacts
    assert len(found) == 1, found
    return found[0]


CALLS = {
    'pd.read_csv("a.csv", sep=";")': ("read", "a.csv", "table"),
    'pd.read_excel(io="a.xlsx")': ("read", "a.xlsx", "table"),
    'df.to_csv("out/a.csv", index=False)': ("written", "out/a.csv", "table"),
    'df.to_parquet(path="a.parquet")': ("written", "a.parquet", "table"),
    'pl.scan_parquet("data/*.parquet")': ("read", "data/*.parquet", "table"),
    'df.write_csv("a.csv")': ("written", "a.csv", "table"),
    'lf.sink_parquet("a.parquet")': ("written", "a.parquet", "table"),
    'np.load("a.npy")': ("read", "a.npy", "array"),
    'np.savez_compressed("a.npz", x=x)': ("written", "a.npz", "array"),
    'plt.savefig("a.png")': ("written", "a.png", "figure"),
    'fig.savefig("a.svg")': ("written", "a.svg", "figure"),
    'image.save("a.png")': ("written", "a.png", "image"),
    'open("a.txt").read()': ("read", "a.txt", "text"),
    'open("a.json", "w")': ("written", "a.json", "json"),
    'open(file="a.bin", mode="rb+")': ("both", "a.bin", "file"),
    'open("a.log", "a")': ("both", "a.log", "text"),
    'open("a.txt", how)': ("unknown", "a.txt", "text"),
    'Path("a.txt").read_text()': ("read", "a.txt", "text"),
    'Path("a") .joinpath("b", "c.json").write_text("")': ("written", "a/b/c.json", "json"),
    'Path("a").with_suffix(".csv").open("w")': ("written", "a.csv", "table"),
    '(Path("a/b.csv").parent / "c.csv").open()': ("read", "a/c.csv", "table"),
    'Path("a").mkdir(exist_ok=True)': ("written", "a", "folder"),
    'list(Path("a").glob("*.csv"))': ("read", "a/*.csv", "files"),
    'glob.glob("a/*.csv")': ("read", "a/*.csv", "files"),
    'os.listdir("a")': ("read", "a", "folder"),
    'os.remove("a.csv")': ("unknown", "a.csv", "removed"),
    'pickle.dump(x, open("a.pkl", "wb"))': ("written", "a.pkl", "pickle"),
    'load_things("a.parquet")': ("unknown", "a.parquet", "table"),
    'pd.read_csv(join("a", "b.csv"))': ("read", "a/b.csv", "table"),
    'pd.read_csv("a" + ".csv")': ("read", "a.csv", "table"),
    'pd.read_csv("{}/{}.csv".format("a", "b"))': ("read", "a/b.csv", "table"),
    "pd.read_csv(r'a\\b.csv')": ("read", "a/b.csv", "table"),
    'import sqlite3; sqlite3.connect("a.db")': ("both", "a.db", "database"),
    'import joblib; joblib.dump(m, "a.joblib")': ("written", "a.joblib", "model"),
    'from torch import save; save(m, "a.pt")': ("written", "a.pt", "model"),
    'import h5py; h5py.File("a.h5", "w")': ("written", "a.h5", "array"),
    'import zipfile; zipfile.ZipFile("a.zip")': ("read", "a.zip", "archive"),
    "%%writefile a.py\nx = 1": ("written", "a.py", "code"),
    "%run a.py": ("read", "a.py", "code"),
    "!sort < a.txt": ("read", "a.txt", "text"),
}


@pytest.mark.parametrize("cell", CALLS)
def test_a_call(cell: str) -> None:
    found = one(cell)
    assert (found.direction, found.path, found.kind, found.computed) == (*CALLS[cell], False)


@pytest.mark.parametrize(
    "cell",
    [
        "print('a.csv')", "name.endswith('.csv')", "pd.read_sql('select * from a', con)", "plt.title('a.png')",
        "x = 'a.csv'",
        "pd.read_csv(io.StringIO('a,b'))", "open(0)", "'a.csv'.replace('.csv', '.txt')",
        "Path('a.csv')", "df.save(5)", "re.match('a.csv', x)", "json.loads('a.json')", "with_name('no file at all')",
    ],
)  # fmt: skip
def test_what_only_mentions_a_file_is_none(cell: str) -> None:
    assert artifacts(cell) == []


def test_two_files_of_one_call() -> None:
    assert artifacts('shutil.copy("a.csv", "b.csv")\nos.rename("c", "d")\nPath("e.txt").rename("f.txt")') == [
        ("read", "a.csv"), ("written", "b.csv"),
        ("read", "c"), ("written", "d"),
        ("read", "e.txt"), ("written", "f.txt"),
    ]  # fmt: skip


# ---- names


def test_names_bound_once_are_followed_through_the_notebook() -> None:
    places = 'ROOT = Path("data")\nRAW = ROOT / "raw"\na, b = "x.csv", "y.csv"'
    places += '\nCONFIG = {"codes": RAW / "codes.csv", "n": 3}'
    direct = 'pd.read_csv(RAW / "in.csv")\npd.read_csv(CONFIG["codes"])'
    inside = "def f():\n    inner = RAW / b\n    return pd.read_csv(inner)"
    assert artifacts(places, direct, inside) == [
        ("read", "data/raw/in.csv"),
        ("read", "data/raw/codes.csv"),
        ("read", "data/raw/y.csv"),
    ]


def test_a_loop_over_written_names_is_each_of_them() -> None:
    assert artifacts('KINDS = ["a", "b"]\nfor kind in KINDS:\n    pd.read_csv(f"{kind}.csv")') == [
        ("read", "a.csv"),
        ("read", "b.csv"),
    ]
    assert artifacts('[np.load(n) for n in ("x.npy", "y.npy")]') == [("read", "x.npy"), ("read", "y.npy")]
    assert artifacts('p = "a.csv" if fast else "b.csv"\npd.read_csv(p)') == [
        ("read", "a.csv"),
        ("read", "b.csv"),
    ]


@pytest.mark.parametrize(
    ("cells", "path"),
    [
        (['p = "a.csv"', 'p = "b.csv"', "pd.read_csv(p)"], "{p}"),
        (['p = "a.csv"\nif x:\n    p = "b.csv"\npd.read_csv(p)'], "{p}"),
        (['p = "a.csv"\np += ".gz"\npd.read_csv(p)'], "{p}"),
        (['p = "a.csv"\ndef f():\n    global p\n    p = x\nf()\npd.read_csv(p)'], "{p}"),
        (['p = "a.csv"\nwith x as p:\n    pd.read_csv(p)'], "{p}"),
        (['p = "a.csv"\nif (p := x):\n    pd.read_csv(p)'], "{p}"),
        (['p = "a.csv"\ndef f(p):\n    pd.read_csv(p)'], "{p}"),
        (['p = "a.csv"\n[pd.read_csv(p) for p in x]'], "{p}"),
        (['C = {"p": "a.csv"}\nC["p"] = x', 'pd.read_csv(C["p"])'], "{…}"),
        (["for year in range(3):\n    pd.read_csv(f'y{year}.csv')"], "y{year}.csv"),
        (["for year in range(3):\n    pd.read_csv(f'y{year:04d}.csv')"], "y{year}.csv"),
        (["pd.read_csv(sys.argv[1])"], "{sys.argv[1]}"),
        (["pd.read_csv(DATA / 'a.csv')"], "{DATA}/a.csv"),
        (["pd.read_csv(os.path.join(base, 'a.csv'))"], "{base}/a.csv"),
        (["pd.read_csv('a_%d.csv' % n)"], "{…}"),
        (["pd.read_csv(os.environ['DATA'])"], "{…}"),
        (["p = p", "pd.read_csv(p)"], "{p}"),
    ],
)  # fmt: skip
def test_what_the_text_does_not_say_is_a_hole_never_a_guess(cells: list[str], path: str) -> None:
    assert artifacts(*cells) == [("read", path + "?")]
    assert "NB-301" in [finding.code for finding in inspect(notebook(IMPORTS, *cells)).findings]


def test_names_that_name_each_other_end_somewhere() -> None:
    assert artifacts("p = q", "q = p", "pd.read_csv(p)")[0][1] in ("{p}?", "{q}?")


def test_in_one_cell_a_name_has_the_value_that_it_had_last() -> None:
    assert artifacts('p = "a.csv"\npd.read_csv(p)\np = "b.csv"\npd.read_csv(p)') == [
        ("read", "a.csv"),
        ("read", "b.csv"),
    ]


# ---- where


@pytest.mark.parametrize(
    ("path", "where", "code"),
    [
        ('"data/a.csv"', "relative", ""),
        ('"./data/../a.csv"', "relative", ""),
        ('"../a.csv"', "outside", "NB-303"),
        ('"data/../../a.csv"', "outside", "NB-303"),
        ('"/data/a.csv"', "absolute", "NB-302"),
        ('"C:/data/a.csv"', "absolute", "NB-302"),
        ('r"\\\\server\\a.csv"', "absolute", "NB-302"),
        ('"~/a.csv"', "home", "NB-304"),
        ('os.path.expanduser("~/a.csv")', "home", "NB-304"),
        ('Path.home() / "a.csv"', "home", "NB-304"),
        ('"https://example.org/a.csv"', "url", "NB-501"),
        ('"s3://bucket/a.csv"', "url", "NB-501"),
    ],
)
def test_where_a_path_leads(path: str, where: str, code: str) -> None:
    found = inspect(notebook(IMPORTS, f"pd.read_csv({path})"))
    assert [artifact.where for artifact in found.artifacts] == [where]
    assert [finding.code for finding in found.findings if finding.cell == 1] == [code] * bool(code)


def test_a_changed_folder_is_said() -> None:
    for cell in ("%cd data", "import os\nos.chdir('data')"):
        assert "NB-305" in [finding.code for finding in inspect(notebook(cell)).findings]


# ---- shell


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("wget https://e.org/a.csv", [("https://e.org/a.csv", "read"), ("a.csv", "written")]),
        (
            "wget -P data https://e.org/a.csv?x=1",
            [("https://e.org/a.csv?x=1", "read"), ("data/a.csv", "written")],
        ),
        ("curl -o b.csv https://e.org/a.csv", [("https://e.org/a.csv", "read"), ("b.csv", "written")]),
        ("curl https://e.org/a.csv", [("https://e.org/a.csv", "read")]),
        (
            "cat a.txt b.txt > c.txt 2> /dev/null",
            [("a.txt", "read"), ("b.txt", "read"), ("c.txt", "written")],
        ),
        ("cp a b && mv c d", [("a", "read"), ("b", "written"), ("c", "read"), ("d", "written")]),
        ("unzip -q a.zip -d out", [("a.zip", "read"), ("out", "written")]),
        ("tar -xzf a.tar.gz", [("a.tar.gz", "read"), (".", "written")]),
        ("mkdir -p a/b", [("a/b", "written")]),
        ("python train.py --epochs 3", [("train.py", "read")]),
        ("python -m pytest", []),
        ("cd data; cat a.txt", []),
        ("echo 'unclosed", []),
        ("ls", [(".", "read")]),
        ("sort -rk2 -t , raw.csv -o s.csv", [("raw.csv", "read"), ("s.csv", "written")]),
        ("sed -i.bak 's/a;b/c/' f.csv; sed -e 1d g.csv", [("f.csv", "both"), ("g.csv", "read")]),
        ("grep -v -f no.txt -- a.csv | head -5", [("no.txt", "read"), ("a.csv", "read")]),
        ("awk -F, '{ if ($1 > 2 && $2) print; }' x.csv", [("x.csv", "read")]),
        ("cut -d ';' -f 1 x.csv & wait", [("x.csv", "read")]),
        ("cat `ls *.txt` $(sort n.txt) # don't", [("*.txt", "read"), ("n.txt", "read")]),
        ("bash -c 'cat a.txt > b.txt'", [("a.txt", "read"), ("b.txt", "written")]),
        ("tar czf - out | wc -c", []),
        ("jq --arg a b '.x' f.json", [("f.json", "read")]),
        (
            "cp -t d a.csv b.csv",
            [("a.csv", "read"), ("d/a.csv", "written"), ("b.csv", "read"), ("d/b.csv", "written")],
        ),
        ("find data -name '*.csv' -size +1k", [("data/**/*.csv", "read")]),
        ("wc -l \\\n  a.csv", [("a.csv", "read")]),
    ],
)
def test_a_shell_command(command: str, files: list[tuple[str, str]]) -> None:
    assert list(files_of_command(command)) == files


# ---- against what really happens

RUN = """
pd.DataFrame({"a": [1, 2]}).to_csv("made.csv", index=False)
table = pd.read_csv("made.csv")
table.to_json("made.json")
pd.read_json("made.json")
table.to_pickle("made.pkl"); pd.read_pickle("made.pkl")
np.save("made.npy", np.arange(3)); np.load("made.npy")
np.savetxt("made.txt", np.arange(3)); np.loadtxt("made.txt")
FOLDER = Path("inner"); FOLDER.mkdir()
for name in ["x", "y"]:
    (FOLDER / f"{name}.txt").write_text(name)
print((FOLDER / "x.txt").read_text())
with open(FOLDER / "z.json", "w") as file:
    json.dump({}, file)
with open(join("inner", "z.json")) as file:
    json.load(file)
shutil.copyfile("made.csv", "copied.csv")
with (FOLDER / "log.txt").open("a") as file:
    file.write("x")
pl.DataFrame({"a": [1]}).write_csv("polars.csv")
plt.plot([1]); plt.savefig("figure.png")
"""

WATCH = """
import sys, json, os
import matplotlib
matplotlib.use("Agg")
seen = set()
def watch(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, os.PathLike)) and isinstance(arguments[1], str):
        path = os.path.relpath(os.fspath(arguments[0]))
        if not path.startswith(".."):
            seen.add((path, "r" if arguments[1].startswith("r") else "w"))
source = sys.stdin.read()
imports, _, code = source.partition("# ----")
exec(imports)
import matplotlib.pyplot as plt; plt.figure().savefig(os.devnull, format="png")
sys.addaudithook(watch)
exec(code)
files = sorted(os.path.relpath(os.path.join(at, name)) for at, _, names in os.walk(".") for name in names)
print("\\n" + json.dumps([sorted(seen), files]))
"""


@pytest.mark.slow
def test_the_files_that_are_really_opened_are_those_that_were_found(tmp_path: Path) -> None:
    """The code runs under an audit hook, which sees what Python opens; what pyarrow or polars open is seen as files."""
    found = inspect(notebook(IMPORTS, RUN)).artifacts
    done = subprocess.run(
        [sys.executable, "-c", WATCH],
        cwd=tmp_path,
        input=IMPORTS + "# ----" + RUN,
        text=True,
        capture_output=True,
        check=True,
    )
    opened, files = json.loads(done.stdout.splitlines()[-1])
    written = {path for path, mode in opened if mode == "w"} | set(files)
    ours = {
        artifact.path
        for artifact in found
        if artifact.direction in ("written", "both") and artifact.kind != "folder"
    }
    assert ours == written
    # What a file held before is part of what it holds after something was added.
    assert {artifact.path for artifact in found if artifact.direction == "both"} == {"inner/log.txt"}
    assert {artifact.path for artifact in found if artifact.direction == "read"} == {
        path for path, mode in opened if mode == "r"
    }
    assert not any(artifact.computed for artifact in found)


def test_what_a_library_reads_is_told_by_its_verb_and_what_it_ships_is_no_file() -> None:
    found = inspect(Path(__file__).parent / "data" / "shown_out_of_sight.ipynb").artifacts
    assert [(one.path, one.direction, one.kind) for one in found] == [
        ("model.png", "unknown", "image"),  # NB-306: made by a call that does not name it
        ("line.svg", "written", "figure"),
        ("line.svg", "read", "figure"),
        ("ocean.nc", "read", "array"),
        ("chain.h5", "unknown", "array"),
    ]


def test_a_buffer_in_a_files_place_is_no_file_however_it_got_there() -> None:
    cell = "import io\nimport matplotlib.image as mpimg\nraw = io.BytesIO(b'')\nmpimg.imread(raw)"
    assert inspect(notebook(cell)).artifacts == ()


def test_a_file_whose_name_went_into_a_call_before_is_made_out_of_sight_unless_it_is_there(
    tmp_path: Path,
) -> None:
    path = tmp_path / "chain.ipynb"
    path.write_bytes(
        notebook("import emcee, h5py\nstate = emcee.backends.HDFBackend('chain.h5')", "h5py.File('chain.h5')")
    )
    found = inspect(path)
    assert [one.direction for one in found.artifacts] == ["unknown", "unknown"]
    assert [(one.code, one.cell) for one in found.findings if one.code[:4] == "NB-3"] == [("NB-306", 1)]

    (tmp_path / "chain.h5").touch()
    assert [one.direction for one in inspect(path).artifacts] == ["unknown", "read"]
