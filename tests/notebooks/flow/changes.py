# ruff: noqa: E501 -- each line is a notebook
"""Values that something changes in place without saying so, and settings of the process: each a notebook of a few cells."""

from __future__ import annotations

# fmt: off
CHANGES: dict[str, list[str]] = {
    'a generator shuffles what it is given': ['import numpy as np\nrng = np.random.default_rng(1)\na = list(range(5))', 'rng.shuffle(a)', 'n = list(a)'],
    'a generator that has no name': ['import numpy as np, random\na = [1, 2, 3, 4]\nb = [1, 2, 3, 4]', 'np.random.RandomState(1).shuffle(a)\nrandom.Random(4).shuffle(b)', 'n = (a, b)'],
    'a generator given to a library by a function': ['import numpy as np\nfrom scipy import stats\nrng = np.random.default_rng(1)\ndef noise(n, rng):\n    return stats.norm.rvs(size=n, random_state=rng)', 'a = noise(2, rng)', 'b = noise(2, rng)', 'n = [a.tolist(), b.tolist()]'],
    'a buffer of numbers from a generator': ['import numpy as np\nrng = np.random.default_rng(2)\nbuf = np.zeros(3)', 'rng.random(out=buf)', 'n = buf.tolist()'],
    'a result into an argument by its place': ['import numpy as np\na = np.arange(3.)\nb = np.ones(3)', 'c = np.add(a, b, a)\nnp.clip(b, 2, 3, b)', 'n = (a.tolist(), b.tolist())'],
    'a method called by its class': ['import numpy as np\na = np.array([3., 1.])\nxs = [2]\nd = {}', 'np.ndarray.sort(a)\nlist.append(xs, 1)\ndict.__setitem__(d, "k", 1)', 'n = (a.tolist(), xs, d)'],
    'a table changed by its class': ['import pandas as pd\ndf = pd.DataFrame({"a": [1, 2]})', 'pd.DataFrame.insert(df, 0, "z", 1)', 'n = list(df.columns)'],
    'output to an array': ['import numpy as np\nfrom scipy import ndimage\na = np.arange(9.)', 'r = ndimage.gaussian_filter1d(a, 1.0, output=a)', 'n = a.round(6).tolist()'],
    'a scaler that may overwrite': ['import numpy as np\nfrom sklearn.preprocessing import StandardScaler, scale\nX = np.arange(6.).reshape(3, 2)\nY = np.arange(6.).reshape(3, 2)', 'Z = StandardScaler(copy=False).fit_transform(X)\ns = scale(Y, copy=False)', 'n = (X.round(6).tolist(), Y.round(6).tolist())'],
    'read into a buffer': ['import io\nbuf = bytearray(4)', 'k = io.BytesIO(b"abcd").readinto(buf)', 'n = bytes(buf)'],
    'packed into a buffer': ['import struct\nbuf = bytearray(4)', 'struct.pack_into("<i", buf, 0, 77)', 'n = bytes(buf)'],
    'a drawing on an image': ['from PIL import Image, ImageDraw\nimg = Image.new("L", (8, 8))', 'ImageDraw.Draw(img).line((0, 0, 7, 7), fill=255)', 'n = img.getpixel((3, 3))'],
    'a window of a masked array': ['import numpy as np\na = np.arange(3.)\nm = np.ma.array(a, mask=[0, 1, 0])', 'm[0] = 5', 'n = a.tolist()'],
    'windows that slide': ['import numpy as np\na = np.arange(5)\nw = np.lib.stride_tricks.sliding_window_view(a, 2)', 'a[0] = 9', 'n = w.tolist()'],
    'a grid that is no copy': ['import numpy as np\nx = np.arange(3)\nX, Y = np.meshgrid(x, x, copy=False)', 'x[0] = 5', 'n = X.tolist()'],
    'an iterator that writes': ['import numpy as np\na = np.arange(3.)', 'for x in np.nditer(a, op_flags=["readwrite"]):\n    x[...] = 2 * x', 'n = a.tolist()'],
    'text into a buffer': ['import io, csv, json\nimport pandas as pd\nbuf = io.StringIO()\ndf = pd.DataFrame({"a": [1]})', 'csv.writer(buf).writerow([1])\ndf.to_csv(buf)\njson.dump([1], buf)', 'n = buf.getvalue()'],
    'bytes into a buffer': ['import io, zipfile\nimport numpy as np\nbuf = io.BytesIO()\nb2 = io.BytesIO()', 'with zipfile.ZipFile(buf, "w") as z:\n    z.writestr("a", "b")\nnp.save(b2, np.ones(2))', 'n = (len(buf.getvalue()), len(b2.getvalue()))'],
    'what is printed goes into a buffer': ['import io, contextlib\nbuf = io.StringIO()', 'with contextlib.redirect_stdout(buf):\n    print("x")', 'n = buf.getvalue()'],
    'a parser whose result is taken': ['import configparser\ncfg = configparser.ConfigParser()', 'k = cfg.read_string("[a]\\nb=1")', 'n = cfg["a"]["b"]'],
    'a partial function that changes': ['import functools\nxs = []\npush = functools.partial(list.append, xs)', 'push(1)', 'n = list(xs)'],
    'what a context manager gives': ['import contextlib\nxs = []\n@contextlib.contextmanager\ndef opened():\n    yield xs', 'with opened() as q:\n    q.append(1)', 'n = list(xs)'],
    'what entering gives': ['xs = []\nclass C:\n    def __enter__(self):\n        return xs\n    def __exit__(self, *a):\n        return False', 'with C() as q:\n    q.append(1)', 'n = list(xs)'],
    'a default that is another name': ['xs = []\nf = lambda v, xs=xs: xs.append(v)', 'f(1)', 'n = list(xs)'],
    'a result that is kept': ['import functools\n@functools.lru_cache\ndef get():\n    return []', 'get().append(1)', 'n = list(get())'],
    'a dictionary that grows by reading': ['from collections import defaultdict\nd = defaultdict(list)', 'k = d["q"]', 'n = len(d)'],
    'global in a class': ['n = 0', 'class A:\n    global n\n    n = 5', 'm = n'],
    'precision of decimals': ['from decimal import Decimal, getcontext\ngetcontext().prec = 5', 'x = Decimal(1) / 3', 'n = (str(x), str(Decimal(1) / 7))'],
    'precision of decimals by another name': ['import decimal\nctx = decimal.getcontext()\nctx.prec = 4', 'x = decimal.Decimal(1) / 3', 'n = str(x)', 'm = str(x / 7)'],
    'a text made under a setting': ['import numpy as np\nold = np.get_printoptions()\nnp.set_printoptions(precision=1)\ns = str(np.array([0.123]))', 'np.set_printoptions(**old)\nt = str(np.array([0.123]))', 'n = (s, t, str(np.array([0.456])))'],
    'a function that makes the settings': ['import numpy as np\nimport decimal\ndef ours(digits=2):\n    """As we print."""\n    np.set_printoptions(precision=digits)\n    decimal.getcontext().prec = 4\nours()', 'a = np.array([0.12345]) * 2', 'n = (str(a), str(decimal.Decimal(1) / 3))'],
    'settings of errors': ['import numpy as np\nnp.seterr(all="raise")\nx = np.zeros(2) + len("a")', 'try:\n    y = x / (x - 1)\n    n = 1\nexcept FloatingPointError:\n    n = 2', 'm = n'],
    'the time zone': ['import os, time\nos.environ["TZ"] = "XXX-9"\ntime.tzset()', 'n = time.localtime(0).tm_hour', 'm = n + time.localtime(3600).tm_hour'],
    'the names in a query': ['import pandas as pd\ndf = pd.DataFrame({"a": [1, 2]})\nlim = int(df.a.min())', 'cond = "a > @lim"', 'n = df.query(cond)["a"].tolist()'],
    'the tables in SQL': ['import polars as pl\nframe = pl.DataFrame({"a": [1, 3]})', 'sql = "select a from frame where a > 1"', 'n = pl.sql(sql).collect()["a"].to_list()'],
    'the tables in SQL of a function': ['import polars as pl\nframe = pl.DataFrame({"a": [1, 3]})\ndef top():\n    return pl.sql("select max(a) m from frame").collect()["m"].to_list()', 'frame = pl.DataFrame({"a": [1, 7 + len(frame)]})', 'n = top()'],
    'an object of one of the classes, pickled': ['import pickle, tempfile\npath = tempfile.mkdtemp() + "/p.pickle"\nclass P:\n    def __init__(self):\n        self.a = 1\nwith open(path, "wb") as file:\n    pickle.dump(P(), file)', 'with open(path, "rb") as file:\n    q = pickle.load(file).a', 'n = q + 1'],
    'a name put among the built-in ones': ['import builtins\nbuiltins.SPECIAL = 41', 'x = SPECIAL + 1', 'n = (x, SPECIAL)\ndel builtins.SPECIAL'],
}
"""Notebooks, each by what it is about."""
# fmt: on
