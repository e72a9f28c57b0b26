"""Code of somebody else, looked at before it runs: what is found, where, and what is left alone."""

from __future__ import annotations

import pytest

from agilab.assist.code_checks import check_code


def found(code: str, given: set[str] = frozenset(), outputs: tuple[str, ...] = ()) -> list[tuple[str, int]]:  # type: ignore[assignment]  # an empty set
    return [(finding.code, finding.line) for finding in check_code(code, given=given, outputs=outputs)]


P = "from pathlib import Path\n"


@pytest.mark.parametrize(
    "code",
    [
        "import polars as pl\nx = pl.read_csv('data/x.csv')\n",
        "def f(a, *b, **c):\n    global made\n    made = a\n    return [i for i in b if i] + [c]\nf(1)\nprint(made)\n",
        "class A:\n    n = 1\n    def f(self):\n        return __class__, self.n\n",
        "for i, (a, b) in enumerate([(1, 2)]):\n    with open('x') as file:\n        print(a, b, i, file)\n",
        "try:\n    pass\nexcept ValueError as error:\n    print(error)\n",
        "print((y := 3), y, __name__)\nrun.log_metric('y', y)\n",
        "match 3:\n    case int(n) if n:\n        print(n)\n",
        "from os.path import *\nprint(join('a'))\n",
        "import json\ntext = json.dumps({})\n",
        "def f():\n    def g():\n        nonlocal_name = 1\n        return nonlocal_name\n    return g\n",
        "x = {k: v for k, v in {}.items()}\nx.update(a=lambda q: q)\n",
        "def f():\n    return late\nlate = 1\nf()\n",
        "for i in range(3):\n    if i:\n        print(n)\n    n = i\nprint(n)\n",
        "x = (y := 2) + y\nf = lambda: late\nlate = [z for z in [1] if z]\ntotal = {k: v for k, v in zip('a', late)}\n",
        "def f():\n    global made\n    made = 1\nf()\nprint(made)\n",
        "try:\n    a = 1\nexcept ValueError:\n    a = 2\nfinally:\n    b = 3\nprint(a, b)\nt = t.head()\n",
        "with open('x') as g, open('y') as h:\n    u = g, h\nimport math as m\nclass C(dict):\n    v = m.pi\nC()\n",
        "ratio = '7/8'\ntext = 'a/b and /'\n",
        '"""See https://example.org/paper"""\ndef f():\n    \'http://x\'\nf()\n',
        "import gc, os, sys\ngc.collect()\nos.makedirs('out')\nprint(sys.version, os.path.join('a', 'b'))\n",
        "from scipy import signal\nimport scipy\nx = signal.find_peaks, scipy.signal.welch\n",
        "import multiprocessing as m\nfrom importlib.metadata import version\nprint(m.cpu_count(), version('x'))\n",
        "e = ValueError()\nprint(type(e).__name__, e.__class__.__name__, getattr(e, 'args'), hasattr(e, 'x'))\n",
        "import sqlite3\nurl = 'sqlite:///a.db'\nrequests = [1]\nrequests.append(2)\nsignal = 3\n",
        P + "Path('out').parent.mkdir()\nx = Path('a.csv').read_text().replace('a', 'b')\n",
        "t = t.rename({'a': 'b'}).replace(1, 2)\nname = 'x'.replace('x', '/kg')\n",
        "import numpy as np\nx = np.load('a.npy')\ny = np.load('b.npy', allow_pickle=False)\n",
        P + "import polars as pl\nt = pl.read_csv(Path('x'))\nt = t.rename({'a': 'b'})\n",
        "import yaml, tomllib, argparse, duckdb\nfrom IPython.display import display\nx = yaml.safe_load('a: 1')\n",
        P + "t = t or [Path('x')]\nt = t.rename({'a': 'b'})\n",
        "token = 'tok'\nsep = '/'\nx = 'a/b'.split(sep)\n",
        "t.to_sql('t', 'sqlite:///data/shop.db')\nu = 'sqlite://', 'sqlite:///:memory:', 'sqlite+pysqlite:///lib.db'\n",
        "import sqlite3\nc = sqlite3.connect('file:shop.db?mode=ro', uri=True)\nu = f'sqlite:///{t}.db'\n",
        "import polars as pl\nx = pl.read_database_uri('select 1', 'sqlite://shop.db')\n",
        "x = t['a'].str.extract(r'^..$'), '[0..1]', 'a .. b', 'wait..', r'\\.\\./', f\"{t}'/{t}\"\n",
        "print('install it first; then go on'); x = 'sqlite: no such table'\n",
        "import statsmodels.api as sm\nx = sm.datasets.longley.load(), sm.datasets.longley.load_pandas()\n",
        "import tensorflow as tf, xgboost as xgb\nx = tf.data.Dataset.load('a')\nxgb.Booster().load_model('m.json')\n",
        "from sklearn.linear_model import Ridge\nfrom scipy.stats import norm\nimport altair, networkx\n",
        "été = 'Tür 😀 日本'\r\nif été:\r\n\tprint(été)\r\n",
    ],
)
def test_ordinary_code_is_left_alone(code: str) -> None:
    assert found(code, {"t"}) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("x = (1\n", [("ASK-001", 1)]),
        ("x = 1\nreturn x\n", [("ASK-001", 2)]),
        ("x = 1\ny = df.head()\n", [("ASK-002", 2)]),
        ("def f():\n    return undefined\n", [("ASK-002", 2)]),
        ("x = later\nlater = 1\n", [("ASK-002", 1)]),
        ("n = n + 1\n", [("ASK-002", 1)]),
        ("n += 1\n", [("ASK-002", 1)]),
        ("a = 1\ndel a\nx = a\n", [("ASK-002", 3)]),
        ("x = [q for q in late]\nlate = [1]\n", [("ASK-002", 1)]),
        ("import os\nos.system('ls')\n", [("ASK-003", 2)]),
        ("from subprocess import run as go\ngo(['ls'])\n", [("ASK-003", 2)]),
        ("import subprocess as sp\nsp.Popen('ls')\n", [("ASK-003", 2)]),
        ("x = eval('1')\n", [("ASK-003", 1)]),
        ("import pandas as pd\npd.read_pickle('x.pkl')\n", [("ASK-003", 2)]),
        ("import shutil\nshutil.rmtree('out')\n", [("ASK-003", 2)]),
        ("import urllib.request\nurllib.request.urlopen('http://x')\n", [("ASK-003", 2)]),
        ("import os\nkey = os.environ['HOME']\n", [("ASK-003", 2)]),
        ("x = pl.read_csv('http://127.0.0.1/?d=' + str(t['site'][1]))\n", [("ASK-003", 1)]),
        ("a = 's3://bucket/x'\nx = pl.read_parquet(a)\n", [("ASK-003", 1)]),
        ("x = pl.read_csv(f'https://example.org/{t}')\n", [("ASK-003", 1)]),
        ("t.write_parquet('s3://bucket/x.parquet')\n", [("ASK-003", 1)]),
        ("import sys\nsys.modules['os'].system('ls')\n", [("ASK-003", 2)]),
        ("x = getattr(__builtins__, 'op' + 'en')\n", [("ASK-003", 1)]),
        ("import os\ngetattr(os, 'sys' + 'tem')('ls')\n", [("ASK-003", 2)]),
        ("import os\ngetattr(os, 'system')('ls')\n", [("ASK-003", 2)]),
        ("import os\nlist(map(os.system, ['ls']))\n", [("ASK-003", 2)]),
        ("import os\no = os\no.system('ls')\n", [("ASK-003", 3)]),
        ("import os\nx = [os]\nx[0].system('ls')\n", [("ASK-003", 2)]),
        ("import os\nos.__dict__['system']('ls')\n", [("ASK-003", 2)]),
        ("from os import *\nsystem('ls')\n", [("ASK-003", 1)]),
        ("import random\nrandom._os.system('ls')\n", [("ASK-003", 2)]),
        ("import importlib\nimportlib.import_module('sub' + 'process')\n", [("ASK-003", 2)]),
        ("class A: pass\nA.__init__.__globals__['x']\n", [("ASK-003", 2)]),
        ("().__class__.__base__.__subclasses__()\n", [("ASK-003", 1)]),
        ("globals()['x'] = 1\n", [("ASK-003", 1)]),
        ("import pandas as pd\npd.eval('1')\n", [("ASK-003", 2)]),
        ("t.query('@__import__(\"os\")')\n", [("ASK-003", 1)]),
        ("import multiprocessing as m\nm.Process\n", [("ASK-003", 2)]),
        ("from pathlib import Path\nfor p in Path('.').rglob('*.csv'):\n    p.unlink()\n", [("ASK-003", 3)]),
        ("from pathlib import Path\np = Path('a') / 'b'\np.rename('c')\n", [("ASK-003", 3)]),
        (
            "from pathlib import Path\nfor f in sorted(Path('.').glob('*'))[:3]:\n    f.unlink()\n",
            [("ASK-003", 3)],
        ),
        ("from pathlib import Path\nlist(map(Path.unlink, Path('.').glob('*')))\n", [("ASK-003", 2)]),
        (
            P + "def f(d: Path):\n    for p in d.iterdir():\n        p.rename('x')\n",
            [("ASK-003", 4)],
        ),
        (
            P + "class C:\n    def __init__(self): self.p = Path('x')\n    def f(self): self.p.rename('y')\n",
            [("ASK-003", 4)],
        ),
        (
            P + "ps = {'a': Path('a')}\nfor k, p in ps.items():\n    p.rename('b')\n",
            [("ASK-003", 4)],
        ),
        ("from pathlib import Path\nfor up in Path().absolute().parents:\n    print(up)\n", [("ASK-003", 2)]),
        ("from pathlib import Path\nh = Path('x').resolve()\nu = h.parents[3]\n", [("ASK-003", 3)]),
        ("import os\nx = os.listdir(os.path.dirname(os.getcwd()))\n", [("ASK-003", 2)]),
        ("import sympy\nx = sympy.sympify('1')\n", [("ASK-003", 2)]),
        ("x = input('?')\n", [("ASK-003", 1)]),
        ("x = pl.read_csv('s3' + '://b/x')\n", [("ASK-003", 1)]),
        ("base = '/etc'\nx = open(f'{base}/passwd')\n", [("ASK-004", 1)]),
        ("f = print.__self__.open\n", [("ASK-003", 1)]),
        ("from pathlib import Path\nx = (Path.home() / '.ssh').read_text()\n", [("ASK-003", 2)]),
        ("from pathlib import Path\nx = list(Path.cwd().parent.iterdir())\n", [("ASK-003", 2)]),
        ("import os\nx = os.listdir(os.path.expanduser('x'))\n", [("ASK-003", 2)]),
        ("import os\nos.symlink('a', 'b')\n", [("ASK-003", 2)]),
        ("import os\nclass A:\n    m = os\nA.m.system('ls')\n", [("ASK-003", 3)]),
        ("import pkgutil\n", [("ASK-003", 1)]),
        ("from transformers import AutoModel\n", [("ASK-003", 1)]),
        ("def f():\n    import made_up_yesterday.deep as m\n    return m\n", [("ASK-003", 2)]),
        ("import numpy as np\nx = np.load('a.npy', allow_pickle=True)\n", [("ASK-003", 2)]),
        ("import pandas as pd\npd.io.common.urlopen('x')\n", [("ASK-003", 2)]),
        ("x = pl.sql(\"select * from read_csv('https://e.org/a.csv')\")\n", [("ASK-003", 1)]),
        ("pl.sql(\"copy t to '/tmp/x.csv'\")\n", [("ASK-004", 1)]),
        ("t.to_sql('t', 'sqlite:////home/u/x.db', if_exists='replace')\n", [("ASK-004", 1)]),
        ("t.to_sql('t', 'sqlite:///../x.db')\n", [("ASK-004", 1)]),
        ("t.to_sql('t', 'sqlite:///~/x.db')\n", [("ASK-004", 1)]),
        ("t.to_sql('t', 'sqlite:///%2e%2e/x.db')\n", [("ASK-004", 1)]),
        ("t.to_sql('t', f'sqlite:////{t}')\n", [("ASK-004", 1)]),
        ("t.to_sql('t', 'SQLite+pysqlite:///a/../../x.db')\n", [("ASK-004", 1)]),
        ("t.to_sql('t', 'sqlite:///file:/home/u/x.db?uri=true')\n", [("ASK-004", 1)]),
        ("t.to_sql('t', 'sqlite:///C:/x.db')\n", [("ASK-004", 1)]),
        ("t.to_sql('t', 'sqlite:///a.db?vfs=https://example.org')\n", [("ASK-004", 1)]),
        ("u = 'duckdb:////data/x.duckdb'\n", [("ASK-004", 1)]),
        ("import sqlite3\nsqlite3.connect('file:../x.db?mode=rw', uri=True)\n", [("ASK-004", 2)]),
        # To connectorx three slashes are the beginning of a whole path.
        ("import polars as pl\npl.read_database_uri('select 1', 'sqlite:///shop.db')\n", [("ASK-004", 2)]),
        ("import polars as pl\npl.read_database_uri('select 1', uri='sqlite://../x.db')\n", [("ASK-004", 2)]),
        ("import duckdb\nduckdb.sql(\"copy t to '../x.csv' (header)\")\n", [("ASK-004", 2)]),
        ("import duckdb\nduckdb.sql(f\"copy t to '../{t}.csv'\")\n", [("ASK-004", 2)]),
        ("import duckdb\nduckdb.sql(\"copy t to '/x.csv'\")\n", [("ASK-004", 2)]),
        ("import duckdb\nduckdb.sql(r\"copy t to '..\\x.csv'\")\n", [("ASK-004", 2)]),
        ("import duckdb\nduckdb.sql('INSTALL httpfs')\n", [("ASK-003", 2)]),
        ("import duckdb\nduckdb.sql('install x from community; load x')\n", [("ASK-003", 2)]),
        ("import duckdb\nduckdb.install_extension('httpfs')\n", [("ASK-003", 2)]),
        ("import duckdb\nduckdb.connect('md:shop')\n", [("ASK-003", 2)]),
        ("import statsmodels.api as sm\nsm.load('m.pickle')\n", [("ASK-003", 2)]),
        (
            "from statsmodels.regression.linear_model import OLSResults\nOLSResults.load('m')\n",
            [("ASK-003", 2)],
        ),
        ("from keras.models import load_model\nload_model('m.keras')\n", [("ASK-003", 2)]),
        ("import tensorflow as tf\ntf.keras.models.load_model('m')\n", [("ASK-003", 2)]),
        ("import torch\ntorch.jit.load('m.pt')\n", [("ASK-003", 2)]),
        ("x = open('/flag').read()\n", [("ASK-004", 1)]),
        ("x = open(b'/etc/passwd').read()\n", [("ASK-004", 1)]),
        ("import os\nx = os.path.join('/', 'etc')\n", [("ASK-004", 2)]),
        ("open(file='x.csv', mode='w').write('1')\n", [("ASK-005", 1)]),
        ("from pathlib import Path\nPath('x.csv').open('w').write('1')\n", [("ASK-005", 2)]),
        ("t.to_csv(path_or_buf='x.csv')\n", [("ASK-005", 1)]),
        ("import pandas as pd\npd.ExcelWriter('a.xlsx')\n", [("ASK-005", 2)]),
        ("x = open('/etc/passwd').read()\n", [("ASK-004", 1)]),
        ("open('/tmp/x/y', 'w').write('x')\n", [("ASK-004", 1)]),
        ("x = open('../other/x.csv').read()\n", [("ASK-004", 1)]),
        ("df = 1\nopen('lost.txt', 'w').write('x')\n", [("ASK-005", 2)]),
        ("from pathlib import Path\nPath('lost.txt').write_text('x')\n", [("ASK-005", 2)]),
        ("api_key = 'sk-123'\n", [("ASK-006", 1)]),
        ("x = 1\nname = 'a\u202eb'\n", [("ASK-008", 2)]),
        ("x = 1  # \x1b[2K\n", [("ASK-008", 1)]),
        ("x = 1\n\u200b\n", [("ASK-008", 2), ("ASK-001", 2)]),
        ("x = 1\ry = 2\n", [("ASK-008", 1)]),
    ],
)
def test_what_a_person_should_read_is_named_with_its_line(code: str, expected: list[tuple[str, int]]) -> None:
    assert found(code, {"t", "pl"}) == expected


def test_a_module_of_another_stage_is_one_here_and_a_table_of_its_name_is_none() -> None:
    code = "x = signal.head(2)\n"

    assert check_code(code, given={"signal"}, outputs=()) == []
    assert [one.code for one in check_code(code, given={"signal"}, used={"signal"}, outputs=())] == [
        "ASK-003"
    ]


def test_a_module_that_the_stage_imports_already_is_nothing_new() -> None:
    code = "import astropy.units as u\nimport lidar_tools\nx = u.m\n"

    (one,) = check_code(code, given=set(), outputs=(), before="import astropy\n")
    assert (one.line, one.what) == (2, "imports lidar_tools, of which it is not known what it reaches")


@pytest.mark.parametrize(
    ("code", "outputs", "codes"),
    [
        ("df.to_csv('out/a.csv')\n", ("out/a.csv",), []),
        ("df.to_csv('./out/a.csv')\n", ("out/a.csv",), []),
        ("df.to_csv('out/b.csv')\n", ("out/a.csv",), ["ASK-005", "ASK-007"]),
        ("df.to_csv(f'out/{1}.csv')\n", ("out/a.csv",), []),
        ("df.to_csv('out/paris.csv')\n", ("out/{city}.csv",), []),
        ("import numpy as np\nnp.savetxt('m.txt', df)\n", ("m.txt",), []),
        ("x = 1\n", ("y",), ["ASK-007"]),
        ("y, z = 1, 2\n", ("y", "z"), []),
        ("import math\ndef f(): pass\n", ("math", "f"), []),
    ],
)
def test_outputs_are_compared_with_what_is_written(
    code: str, outputs: tuple[str, ...], codes: list[str]
) -> None:
    assert [code for code, _ in found(code, {"df"}, outputs)] == codes


def test_a_finding_says_what_mends_it() -> None:
    (finding,) = check_code("y = df\n", given=set(), outputs=())

    assert finding.to_plain() == {
        "code": "ASK-002",
        "weight": "error",
        "line": 1,
        "what": "uses the name 'df', which nothing gives",
        "mend": "add 'df' to the inputs of the stage, or ask again",
    }
