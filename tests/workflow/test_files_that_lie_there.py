"""Files of the folder that several stages change, that a pattern finds, that a module opens or a helper names."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from agilab.workflow.document.lab_folder import exists, matching
from agilab.workflow.document.resolve import resolve
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import Preview
from tests.workflow import previews
from tests.workflow.conftest import ALab
from tests.workflow.previews import codes, inputs


def database(folder: Path) -> Path:
    """`given.db`, whose table t has the row 1."""
    with sqlite3.connect(folder / "given.db") as base:
        base.execute("create table t (v)")
        base.execute("insert into t values (1)")
    base.close()
    return folder


def previewed(root: Path, *cells: str, name: str = "a.ipynb", **files: str) -> Preview:
    """A notebook of a section for each cell; a file `data__a_csv` is `data/a.csv`."""
    lying = {key.replace("__", "/").replace("_", "."): text for key, text in files.items()}
    text = "".join(f"# %% [markdown]\n## Part {n}\n# %%\n{cell}\n" for n, cell in enumerate(cells))
    return previews.previewed(root, lying, text, name)


def sources(preview: Preview, file: str) -> list[tuple[str, str | None]]:
    """Of the stages that take a file: where each has it from."""
    found = resolve(preview.lab, exists=lambda name: exists(preview.folder, name))
    assert (found.problems, found.cycles) == ((), ())
    return [
        (one.origin or "", one.stage)
        for stage in found.stages.values()
        for one in stage.inputs
        if one.name == file
    ]


OPEN = "con = sqlite3.connect('given.db')\n"
HELPER = (
    "import sqlite3\ndef query(sql):\n    with sqlite3.connect('given.db') as con:\n"
    "        return con.execute(sql).fetchall()"
)
ADDED = f"import sqlite3\n{OPEN}con.execute('insert into t values (7)')\ncon.commit()\ncon.close()"
CHAINS = {
    "in each cell": (
        f"import sqlite3\n{OPEN}print(con.execute('select v from t').fetchall())\ncon.close()",
        ADDED,
    ),
    "by a helper": (HELPER, "print(query('select v from t'))", ADDED, "print(query('select sum(v) from t'))"),
    "three times": (HELPER, "a = query('select 1')", "b = query('select 2')", "c = query('select 3')"),
}


@pytest.mark.parametrize("cells", CHAINS.values(), ids=CHAINS.keys())
def test_a_database_of_the_folder_goes_from_stage_to_stage(cells: tuple[str, ...], tmp_path: Path) -> None:
    first, *rest = sources(previewed(database(tmp_path), *cells), "given.db")
    assert first == ("folder", None)
    assert rest
    assert {origin for origin, _ in rest} == {"stage"}


STORE = (
    "import sqlite3\nconn = sqlite3.connect('given.db')\ndef q(sql, *a):\n"
    "    found = conn.execute(sql, a).fetchall()\n"
)
USED = (
    "from store import q",
    "print(q('select v from t'))",
    "q('insert into t values (?)', 7)",
    "print(q('select sum(v) from t'))",
)


def test_a_database_that_a_module_opens_is_one_of_each_stage_that_imports_it(tmp_path: Path) -> None:
    kept = previewed(database(tmp_path), *USED, store_py=f"{STORE}    conn.commit()\n    return found\n")
    first, *rest = sources(kept, "given.db")
    assert (first, [origin for origin, _ in rest]) == (("folder", None), ["stage"] * 3)
    loose = previewed(tmp_path, *USED, store_py=f"{STORE}    return found\n")
    (together,) = (one for one in loose.lab.stages if "select v" in (one.code or ""))
    assert "sum(v)" in (together.code or ""), "what is not committed is seen by its own connection alone"
    (tmp_path / "given.db").unlink()
    gone = previewed(tmp_path, *USED, store_py=f"{STORE}    return found\n")
    assert "given.db" not in inputs(gone), "the module makes it"


COMPUTED = {
    "by a path": ("import json\nfrom pathlib import Path\nROOT = Path('..')\nwhich = json.load(open(ROOT / 'p.json'))",
        "text = open(ROOT / which['raw']).read()"),
    "by a text": ("import json\nwhich = json.load(open('../p.json'))", "text = open('../' + which['raw']).read()"),
    "in folders": ("import json\nwhich = json.load(open('../p.json'))",
        "text = open(f\"../{which['a']}/{which['b']}\").read()"),
    "written": ("import json\nwhich = json.load(open('../p.json'))", "open('../' + which['out'], 'w').write('x')"),
}  # fmt: skip


@pytest.mark.parametrize("cells", COMPUTED.values(), ids=COMPUTED.keys())
def test_a_path_of_which_nothing_is_said_is_no_pattern(cells: tuple[str, ...], tmp_path: Path) -> None:
    preview = previewed(tmp_path, *cells, name="notebooks/a.ipynb", p_json="{}")
    paths = {
        one for stage in preview.lab.stages for one in (*stage.inputs, *stage.outputs) if "/" in str(one)
    }
    assert (preview.folder, paths) == (tmp_path, set())
    assert "p.json" in inputs(preview)
    assert codes(preview) & {"NB-301", "NB-303"} == {"NB-301"}


def test_a_path_by_a_key_that_has_a_name_is_known(tmp_path: Path) -> None:
    first = "name = 'raw'\nfiles = {'raw': 'data/raw.csv', 'other': 'data/b.csv'}"
    files = {"data__raw_csv": "v\n", "data__b_csv": "v\n"}
    assert inputs(previewed(tmp_path, first, "open(files[name]).read()", **files)) == {"data/raw.csv"}
    changed = f"{first}\nfor name in files:\n    pass"
    assert "data/raw.csv" not in inputs(previewed(tmp_path, changed, "open(files[name]).read()", **files))


def test_a_pattern_finds_what_lies_in_the_folder_but_not_the_lab_itself(tmp_path: Path) -> None:
    for name in ("Makefile", "a.csv", "lab_stages.toml", "lab_stages.toml.bak2", "notebook_import.json"):
        (tmp_path / name).write_text("")
    assert matching(tmp_path, "./*") == matching(tmp_path, "*") == ["Makefile", "a.csv"]
    assert matching(tmp_path, "./Makefile") == ["Makefile"], "as documents spell it"
    assert matching(tmp_path, "lab_stages.toml") == ["lab_stages.toml"], "named, it is meant"


PARTS = (
    "import os\nfrom pathlib import Path\nBASE = os.path.dirname(os.path.abspath(__file__))\n"
    "def joined(*parts):\n    return os.path.join(BASE, *parts)\n"
    "def below(first, *parts):\n    return Path(BASE).joinpath(first, *parts)\n"
    "def within(*parts, top='data'):\n    return Path(BASE, top, *parts)\n"
)


CALLS = (
    "joined('data', 'a.csv')",
    "below('data', 'a.csv')",
    "below('data/a.csv')",
    "within('a.csv')",
    "joined() + '/data/a.csv'",
)


@pytest.mark.parametrize("call", CALLS)
def test_the_parts_that_a_helper_puts_together_are_followed(call: str, tmp_path: Path) -> None:
    cells = ("from util import joined, below, within", f"text = open({call}).read()")
    preview = previewed(tmp_path, *cells, util_py=PARTS, data__a_csv="v\n")
    assert inputs(preview) == {"util.py", "data/a.csv"}
    assert "NB-312" not in codes(preview)


def test_parts_that_nobody_knows_are_told(tmp_path: Path) -> None:
    cells = ("from util import joined\nparts = input().split()", "text = open(joined(*parts)).read()")
    preview = previewed(tmp_path, *cells, util_py=PARTS, data__a_csv="v\n")
    assert inputs(preview) - {"parts"} == {"util.py"}
    assert "NB-312" in codes(preview)


def test_what_is_changed_or_added_to_is_taken_where_it_lies_there(tmp_path: Path) -> None:
    cell = "with open('a.txt', '{}') as file:\n    file.write('x')"
    assert inputs(previewed(tmp_path, cell.format("r+"), a_txt="a")) == {"a.txt"}
    assert inputs(previewed(tmp_path, cell.format("a"), a_txt="a")) == {"a.txt"}
    table = "import pandas as pd\npd.DataFrame({'n': [1]}).to_csv('a.txt', mode='a', header=False)"
    assert inputs(previewed(tmp_path, table, a_txt="n\n0\n")) == {"a.txt"}
    (tmp_path / "a.txt").unlink()
    assert inputs(previewed(tmp_path, cell.format("a"))) == set()
    by_path = "from pathlib import Path\nwith Path('a.txt').open('rb+') as file:\n    file.write(b'x')"
    assert sources(previewed(tmp_path, by_path, by_path, a_txt="a"), "a.txt")[0] == ("folder", None)


@pytest.mark.slow
def test_stages_see_what_those_above_changed_in_a_database(lab: ALab) -> None:
    """1 lies there and 7 is put beside it: the sum is 8."""
    store = f"{STORE}    conn.commit()\n    return found\n"
    cells = (*USED[:3], "b = q('select sum(v) from t')\nb")
    preview = previewed(database(lab.folder), *cells, store_py=store)
    write_import(preview, lab.folder, lock=False)
    assert lab.shown(lab.run(), preview.lab.stages[-1].id) == "[(8,)]"
