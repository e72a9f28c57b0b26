"""Stages that look into folders, at files of others, into archives and databases: they see what the notebook sees."""

from __future__ import annotations

from pathlib import Path

import pytest

from agilab.notebooks.inspecting import inspect
from tests.notebooks.apart_folders import printed_as_notebook, printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import files, said, staged

MADE = (
    "from pathlib import Path\nPath('out').mkdir(exist_ok=True)\nPath('out/a.csv').write_text('x\\n1\\n')\n"
    "Path('out/b.txt').write_text('b')"
)
LOOP = (
    "from pathlib import Path\nPath('out').mkdir(exist_ok=True)\n"
    "for n in range(3):\n    Path(f'out/{n}.txt').write_text(str(n))"
)
ALIKE: dict[str, tuple[str, ...]] = {
    "iterdir": (LOOP, "from pathlib import Path\nprint(sorted(p.name for p in Path('out').iterdir()))"),
    "listdir": (MADE, "import os\nprint(sorted(os.listdir('out')))"),
    "listdir of its own folder": (
        MADE,
        "import os\nprint(sorted(os.listdir()))",
        "import os\nprint(os.listdir('.'))",
    ),
    "walk": (MADE, "import os\nfor at, _, names in os.walk('out'): print(at, sorted(names))"),
    "scandir": (MADE, "import os\nprint(sorted(one.name for one in os.scandir('out')))"),
    "rglob": (MADE, "from pathlib import Path\nprint(sorted(map(str, Path('.').rglob('*.csv'))))"),
    "glob of its own folder": ("open('a.csv', 'w').write('1')", "import glob\nprint(glob.glob('*.csv'))"),
    "exists": (
        MADE,
        "import os\nprint(os.path.exists('out/a.csv'), os.path.isfile('out/b.txt'), os.path.exists('no.txt'))",
        "from pathlib import Path\np = Path('out') / 'a.csv'\nprint(p.exists(), p.stat().st_size, p.is_file())",
        "import os\nprint(os.path.getsize('out/a.csv'), os.stat('out/b.txt').st_size)",
    ),
    "a with that goes there": (
        MADE,
        "import contextlib\nwith contextlib.chdir('out'):\n    print(open('a.csv').read())\n"
        "print(open('out/b.txt').read())",
    ),
    "a manager that goes there": (
        MADE,
        "import os, contextlib\n@contextlib.contextmanager\ndef cd(to):\n    here = os.getcwd()\n    os.chdir(to)\n"
        "    try:\n        yield\n    finally:\n        os.chdir(here)\n"
        "with cd('out'):\n    open('c.txt', 'w').write(open('a.csv').read())\nprint(open('out/c.txt').read())",
        "print(open('out/c.txt').read())",
    ),
    "a folder as a file": (
        MADE,
        "import shutil\nshutil.copytree('out', 'copy')",
        "print(open('copy/a.csv').read())",
    ),
    "an archive": (
        MADE,
        "import shutil\nshutil.make_archive('all', 'zip', 'out')",
        "import zipfile\nz = zipfile.ZipFile('all.zip')\nprint(sorted(z.namelist()))\nz.extractall('back')",
        "print(open('back/b.txt').read())",
    ),
    "put into archives": (
        MADE,
        "import tarfile\nwith tarfile.open('t.tgz', 'w:gz') as t:\n    t.add('out')\n    print(sorted(t.getnames()))",
        "import zipfile\nwith zipfile.ZipFile('z.zip', 'w') as z:\n    z.write('out/a.csv', arcname='c.csv')",
        "import zipfile\nwith zipfile.ZipFile('z.zip', 'a') as z:\n    z.write('out/b.txt')\n    print(z.namelist())",
    ),
    "removed before": (
        MADE,
        "import os, shutil\nif os.path.exists('out'):\n    shutil.rmtree('out')\nos.makedirs('out')",
        "import os\nprint(os.listdir('out') if os.path.isdir('out') else [])",
    ),
    "added to": (
        "import pathlib\npathlib.Path('log.txt').write_text('1\\n')",
        "with open('log.txt', 'a') as f:\n    f.write('2\\n')",
        "with open('log.txt', 'r+') as f:\n    print(f.read())\n    f.write('3\\n')",
        "print(open('log.txt').read())",
        "with open('log.txt', 'w+') as f:\n    print(f.read(), 'anew')",
    ),
    "by key": (
        "import shelve\nwith shelve.open('kept') as s:\n    s['a'] = 1",
        "import shelve\nwith shelve.open('kept') as s:\n    s['b'] = s['a'] + 1",
        "import shelve\nwith shelve.open('kept', flag='r') as s:\n    print(sorted(s.items()))",
    ),
    "sqlite": (
        "import sqlite3\nc = sqlite3.connect('a.db')\nc.execute('create table t (x)')\nc.commit()\nc.close()",
        "import sqlite3\nc = sqlite3.connect('b.db')\nc.execute(\"attach 'a.db' as o\")\n"
        "c.execute('insert into o.t values (7)')\nc.commit()\nc.close()",
        "import sqlite3\nprint(list(sqlite3.connect('file:a.db?mode=ro', uri=True).execute('select x from t')))",
    ),
    "there and back by a path of then": (
        "import os\nfrom pathlib import Path\nbase = Path.cwd()\nos.makedirs('work', exist_ok=True)\nos.chdir('work')\n"
        "(base / 'top.txt').write_text('t')\nopen('in.txt', 'w').write('i')\nos.chdir(base)",
        "print(open('top.txt').read(), open('work/in.txt').read())",
    ),
    "a helper that decides": (
        "def save(name, form='txt', log=True):\n    if form == 'txt':\n        open(name + '.txt', 'w').write('t')\n"
        "    elif form in ('bin', 'raw'):\n        open(name + '.bin', 'wb').write(b'b')\n"
        "    if log:\n        open('log.txt', 'a').write(name)\nsave('a')\nsave('b', 'raw', False)",
        "import os\nprint(sorted(os.listdir('.')))",
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_stages_print_what_the_notebook_prints(name: str, tmp_path: Path) -> None:
    found = staged(ALIKE[name])
    expected = printed_as_notebook(notebook(*ALIKE[name]), tmp_path / "notebook")
    printed = printed_as_stages(found.lab, tmp_path / "apart", tmp_path / "beside")
    assert "".join(printed) == "".join(expected)


SHELL: dict[str, tuple[str, ...]] = {
    "ls": (MADE, "!ls out | sort", "!ls -1 out/*.csv | wc -l", "names = !ls\nprint(names)"),
    "find": (MADE, "!find . -name '*.csv'", "!find out -type f | sort"),
    "tar": (MADE, "!tar -czf all.tgz out", "!tar tzf all.tgz | sort", "!mkdir un && tar xzf all.tgz -C un",
        "!cat un/out/b.txt"),
    "sort": (MADE, "!sort -r -k 1 -t , out/a.csv > s.csv", "!head -n 1 s.csv", "!sort s.csv -o s.csv", "!cat s.csv"),
    "in place": (MADE, "!sed -i 's/x/y/' out/a.csv", "!cat out/a.csv", "!perl -pi -e 's/y/z/' out/a.csv",
        "!tail -n 2 out/a.csv"),
    "a script": (
        "%%bash\nfor i in 3 1 2; do echo \"$i,$((i*i))\" >> raw.csv; done",
        "%%bash\nmkdir -p sub\nsort -r raw.csv > sub/sorted.csv",
        "%%bash\nawk -F, '{s += $2; n++} END {print s / n}' raw.csv; cat sub/sorted.csv",
        "%%bash\nwc -l < raw.csv\nfor f in sub/*.csv; do cat $f; done",
    ),
    "one in another": (MADE, "!echo $(cat out/b.txt)", "!diff <(sort out/a.csv) out/a.csv; echo `wc -l < out/a.csv`"),
    "packed": (MADE, "!gzip -k out/a.csv", "!zcat out/a.csv.gz", "!cp out/b.txt out/c.txt && mv out/c.txt d.txt",
        "!cat d.txt"),
    "copied into a folder": (MADE, "!mkdir -p to && cp out/a.csv out/b.txt to/", "!cat to/b.txt to/a.csv"),
    "a loop of the shell": (MADE, "!for f in out/*; do wc -c $f; done", "f = 'out/b.txt'", "!sh -c 'cat out/b.txt'"),
    "a variable of the shell": ("%env WHERE=here\n!echo $WHERE\nWHERE = 'there'",),
}  # fmt: skip


@pytest.mark.parametrize("name", SHELL)
def test_stages_of_shell_lines_print_what_the_notebook_prints(name: str, tmp_path: Path) -> None:
    found = staged(SHELL[name])
    expected = printed_as_notebook(notebook(*SHELL[name]), tmp_path / "notebook")
    printed = printed_as_stages(found.lab, tmp_path / "apart", tmp_path / "beside")
    assert "".join(printed) == "".join(expected)


def test_a_glance_at_a_folder_waits_for_nobody() -> None:
    made, glance, read = staged((MADE, "!ls -l out", "!ls out > names.txt")).lab.stages
    assert made.outputs
    assert not glance.inputs
    assert read.inputs


def test_what_lies_beside_the_notebook_is_seen_and_what_cells_write_is_not_taken_from_there(
    tmp_path: Path,
) -> None:
    (tmp_path / "data").mkdir()
    for name in ("data/raw.csv", "data/clean.csv", "other.txt"):
        (tmp_path / name).write_text("1")
    look = "import os\nprint(sorted(os.listdir('data')))"
    assert files(staged((look,), folder=tmp_path)) == [(["data/"], [])]
    both = staged(("open('data/clean.csv', 'w').write('2')", look), folder=tmp_path)
    assert files(both) == [([], ["data/clean.csv"]), (["data/clean.csv", "data/raw.csv"], [])]
    pattern = staged(
        ("open('data/clean.csv', 'w').write('2')", "import glob\nprint(glob.glob('data/*.csv'))"),
        folder=tmp_path,
    )
    assert files(pattern)[1] == (["data/clean.csv", "data/raw.csv"], [])
    guarded = "import os\nif not os.path.exists('other.txt'):\n    open('other.txt', 'w').write('x')"
    assert files(staged((guarded,), folder=tmp_path)) == [([], ["other.txt"])]
    assert files(staged(("import os\nprint(os.path.exists('other.txt'))",), folder=tmp_path)) == [
        (["other.txt"], [])
    ]


def test_a_style_file_goes_to_whoever_draws(tmp_path: Path) -> None:
    (tmp_path / "matplotlibrc").write_text("lines.linewidth: 7\n")
    cells = (
        "import matplotlib.pyplot as plt\ndef show(x):\n    plt.plot(x)",
        "x = sum([1, 2])",
        "show(x)",
        "import pandas as pd\npd.DataFrame({'a': [x]}).plot.bar()",
        "print(x)",
    )
    took = [took for took, _ in files(staged(cells, folder=tmp_path))]
    assert [one for one in took if one] == [["./matplotlibrc"], ["./matplotlibrc"]]
    assert not any(took for took, _ in files(staged(cells)))


def test_looking_at_the_notebooks_own_folder_is_told() -> None:
    (what,) = said(staged(("open('a.txt', 'w').write('x')", "import os\nprint(os.listdir())")), "NB-310")
    assert what == "os.listdir looks at all that lies in the notebook's folder"


@pytest.mark.parametrize(
    ("cell", "took", "left"),
    [
        ("import pandas as pd\nstore = pd.HDFStore('c.h5')\nstore['df'] = 1", [], ["c.h5"]),
        ("import pandas as pd\npd.HDFStore('c.h5', 'r')", ["c.h5"], []),
        ("import pandas as pd\nwith pd.ExcelWriter('a.xlsx', mode='a') as w: pass", [], ["a.xlsx"]),
        ("df.to_hdf('c.h5', key='a')", [], ["c.h5"]),
        ("import numpy as np\nnp.memmap('m.dat', mode='w+', shape=3)", [], ["m.dat"]),
        ("import pandas as pd\npd.read_sql('select 1', 'sqlite:///a.db')", ["a.db"], []),
        ("from sqlalchemy import create_engine\ncreate_engine('sqlite+pysqlite:///d/a.db')", [], ["d/a.db"]),
        ("import pandas as pd\npd.read_sql('select 1', 'postgresql://h/a')", [], []),
        ("df.to_sql('t', 'sqlite:///a.db')", [], ["a.db"]),
        ("import duckdb\nduckdb.sql(\"select * from 'f.csv'\")", ["f.csv"], []),
        ("import duckdb\nduckdb.sql(\"copy (from 'f.csv') to 'o.parquet'\")", ["f.csv"], ["o.parquet"]),
        ("import duckdb\ncon = duckdb.connect('x.db', read_only=True)", ["x.db"], []),
        ("import duckdb\nc = duckdb.connect()\nc.execute('''create view t as\nfrom read_csv(['a.csv', 'b.csv'])''')",
         ["a.csv", "b.csv"], []),
        ("import polars as pl\npl.sql(\"select * from read_parquet('a.parquet')\")", ["a.parquet"], []),
        ("df['a'].str.extractall(r'(a+)')", [], []),
    ],
)  # fmt: skip
def test_a_database_is_read_or_written_as_its_words_and_its_mode_say(
    cell: str, took: list[str], left: list[str]
) -> None:
    (stage,) = files(staged((f"df = None\n{cell}",)))
    assert stage == (took, left)


def test_a_file_whose_name_goes_into_an_unknown_call_is_given_where_one_above_made_it() -> None:
    cells = ("open('a.csv', 'w').write('x')", "import strange\nstrange.digest('a.csv', other='b.csv')")
    assert files(staged(cells))[1] == (["a.csv"], [])
    writes = ("open('a.csv', 'w').write('x')", "model = max([])\nmodel.save_results('a.csv')")
    assert files(staged(writes))[1] == ([], [])


def test_a_name_of_the_shell_is_none_of_pythons_before_a_cell_makes_it() -> None:
    found = inspect(notebook("!for f in a b; do echo $f; done", "f = 1\n!echo $f", "!echo {f}"))
    texts = [one.python for one in found.parsed.cells]
    assert 'for f in a b; do echo $f; done"' in texts[0]
    assert all('"echo " + str(f)' in text for text in texts[1:])
