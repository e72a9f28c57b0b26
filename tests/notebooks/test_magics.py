"""Magics become Python that means the same, line for line; what means nothing in Python is left out and said."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agilab.notebooks.inspecting import inspect
from agilab.notebooks.python.magics import translate
from tests.notebooks.building import code, notebook

TRANSLATED = {
    "%cd data/raw": 'import os; os.chdir("data/raw")',
    "%cd ~/data": 'import os; os.chdir(os.path.expanduser("~/data"))',
    "%pushd data/raw": 'import os; os.chdir("data/raw")',
    "%env REGION=north": 'import os; os.environ["REGION"] = "north"',
    "%set_env REGION north east": 'import os; os.environ["REGION"] = "north east"',
    "%dotenv": 'import dotenv; dotenv.load_dotenv(dotenv.find_dotenv(".env", usecwd=True))',
    "%dotenv -o my.env": 'import dotenv; dotenv.load_dotenv(dotenv.find_dotenv("my.env", usecwd=True), override=True)',
    "home = %env HOME": 'import os; home = os.environ["HOME"]',
    "here = %pwd": "import os; here = os.getcwd()",
    "%time total = sum(x)": "total = sum(x)",
    "%prun -s cumulative -q main()": "main()",
    "%memit -r 3 big()": "big()",
    "%run clean.py": (
        "with __import__('contextlib').suppress(SystemExit), "
        "__import__('unittest.mock').mock.patch.object(__import__('sys'), 'argv', [\"clean.py\"]): "
        'import runpy; globals().update(runpy.run_path("clean.py", run_name="__main__")); '
        "globals().pop('__file__', None)"
    ),
    "%xdel big": "del big",
    "/f a b": "f(a, b)",
    ",f a b": "f('a', 'b')",
    ";f a b": "f('a b')",
    "!ls -l": 'import subprocess; subprocess.run("ls -l", shell=True)',
    "!cp {source} $target": 'import subprocess; subprocess.run("cp " + str(source) + " " + str(target), shell=True)',
    "!cp {source} $HOME": 'import subprocess; subprocess.run("cp {source} $HOME", shell=True)',
    "!mkdir -p data/{raw,clean}": (
        'import os, subprocess; subprocess.run("mkdir -p data/{raw,clean}", '
        "shell=True, executable=os.environ.get('SHELL'))"
    ),
    "found = !ls a.csv": (
        'import subprocess; found = subprocess.run("ls a.csv", '
        "shell=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True).stdout.splitlines()"
    ),
    "%matplotlib inline": "",
    "%timeit -n 10 f()": "",
    "frame.head?": "",
    "??frame": "",
    "!pip install rich": "",
    "%store -r table": "# %store -r table",
    "%frobnicate x": "# %frobnicate x",
    "x = %frobnicate y": 'x = get_ipython().run_line_magic("frobnicate", "y")',
}
NAMES = frozenset({"source", "target", "x", "f"})


@pytest.mark.parametrize("line", TRANSLATED)
def test_a_line(line: str) -> None:
    found = translate(f"before = 1\n{line}\nafter = 2", NAMES)
    assert found.python.split("\n") == ["before = 1", TRANSLATED[line], "after = 2"]
    assert [magic.line for magic in found.magics] == [2]


def test_what_is_dropped_from_a_block_leaves_the_block_whole() -> None:
    found = translate("for x in y:\n    %matplotlib inline\nif x:\n\t!pip install a\n\tz = 1")
    assert found.python.split("\n") == ["for x in y:", "    pass", "if x:", "\tpass", "\tz = 1"]


def test_only_what_python_cannot_parse_is_looked_at() -> None:
    for source in (
        "x = (a\n%b)",
        "'''\n%cd x\n!ls\n'''",
        "x = 5 \\\n%2",
        "print('what?')",
        "# why?\nx",
        "x != y",
        "x %= 2",
    ):
        assert (translate(source).python, translate(source).magics) == (source, ())
    found = translate("text = '''\n!not\n%this\n'''\nfoo(a,  # ?\n    '%')\n%cd there")
    assert [(magic.name, magic.line) for magic in found.magics] == [("cd", 7)]


def test_lines_that_go_on_after_a_backslash_are_one() -> None:
    found = translate("!pip install \\\n  'pandas==2.2' \\\n  rich>=13 2>&1 | tail -1\nx = 1")
    assert found.python.split("\n") == ["", "", "", "x = 1"]
    assert found.magics[0].meaning.requirements == ("pandas==2.2", "rich")


def test_what_follows_an_install_still_runs() -> None:
    found = translate("!pip install a && python prepare.py")
    assert found.python == 'import subprocess; subprocess.run("python prepare.py", shell=True)'
    assert found.magics[0].meaning.requirements == ("a",)


@pytest.mark.parametrize(
    ("command", "requirements"),
    [
        (
            "pip install pandas==2.2 'numpy<2' scikit_learn[all]",
            ("pandas==2.2", "numpy<2", "scikit_learn[all]"),
        ),
        ("pip3 install -q --upgrade pip rich", ("rich",)),
        ("python3 -m pip install -i https://example.org/simple rich", ("rich",)),
        ("{sys.executable} -m pip install rich", ("rich",)),
        ("uv pip install --python .venv rich", ("rich",)),
        ("conda install -y -c conda-forge 'python=3.11' xgboost=2.0.3", ("python==3.11", "xgboost==2.0.3")),
        ("mamba install conda-forge::dask", ("dask",)),
        ("sudo apt-get install -y graphviz", ()),
        ("pip install git+https://example.org/x.git ./local a.whl", ()),
        ("pip install -r requirements.txt -c constraints.txt", ("-r requirements.txt",)),
        ("pip install \"foo; python_version < '3.12'\"", ("foo; python_version < '3.12'",)),
    ],
)
def test_installs_keep_their_pins(command: str, requirements: tuple[str, ...]) -> None:
    meaning = translate(f"!{command}").magics[0].meaning
    assert (meaning.code, meaning.requirements) == ("NB-113", requirements)


def test_an_extension_is_needed_as_a_module_is() -> None:
    found = {}
    for name in ("watermark", "line_profiler", "tensorboard", "google.cloud.bigquery  # tables",
                 "autoreload", "rpy2.ipython", "my_own", "a b"):  # fmt: skip
        (magic,) = translate(f"%load_ext {name}\nx = 1").magics
        found[name] = magic.meaning.requirements
        assert magic.meaning.code == "NB-110"
    known = {name: one for name, one in found.items() if one}
    assert known == {
        "watermark": ("watermark",),
        "line_profiler": ("line-profiler",),
        "tensorboard": ("tensorboard",),
        "google.cloud.bigquery  # tables": ("google-cloud-bigquery",),
    }


def test_commands_that_only_sound_like_installs() -> None:
    for command in ("pip list", "echo pip install x", "conda env list", "ls pip/install"):
        assert translate(f"!{command}").magics[0].meaning.code != "NB-113", command


CELLS = {
    "%%time\nx = 1\n%cd data": ["", "x = 1", 'import os; os.chdir("data")'],
    "%%capture shown --no-stderr\nprint(1)": ["shown = None", "print(1)"],
    "%%timeit setup()\nx = 1": ["", ""],
    "%%html\n<b>": ["", ""],
    "%%sql\nselect 1": ["", ""],
    "%%sql answer <<\nselect 1": ["", ""],
    "%%R -i frame,x -o fitted\nlm(y)": ["", ""],
    "%%script false\nexplode": ["", ""],
    "#@title Run\n\n%%time\nx": ["#@title Run", "", "", "x"],
    "%md\n# Title": ["", ""],
    "%python\nx = 1": ["", "x = 1"],
}


@pytest.mark.parametrize("source", CELLS)
def test_a_cell(source: str) -> None:
    assert translate(source).python.split("\n") == CELLS[source]


def test_pasted_prompts_go() -> None:
    found = translate(">>> for i in y:\n...     x = i\n>>> x")
    assert (found.python, found.prompts) == ("for i in y:\n    x = i\nx", True)
    assert translate("In [12]: x = 1\n    ...: y = 2").python == "x = 1\ny = 2"


def test_magics_without_percent_where_python_fails() -> None:
    found = translate("cd data\npip install rich\nx = 1")
    assert found.python.split("\n") == ['import os; os.chdir("data")', "", "x = 1"]
    assert [magic.meaning.code for magic in found.magics] == ["NB-119", "NB-113"]
    assert translate("ls").python == ""
    assert translate("ls\nls = 1", {"ls"}).python == "ls\nls = 1"


# ---- the translations do what IPython does: both are run


BEHAVIOURS = [
    '%%writefile out.txt\nplain\n  """quoted""" \\ and "\n\\n \'\'\'\nends with "',
    "%%writefile -a out.txt\nmore\n",
    "%%writefile out.txt\nclass A:\n    one = 1\n    \n    two = 2\n\t\n",
    "said = '''first\n    \nsecond\n  '''",
    "    said = [1,\n        2]",
    "%%writefile {name}.txt\nx",
    '%%bash\necho "a\\tb" > out.txt\nprintf \'%s\' "$((1 + 1))" >> out.txt',
    "%%bash --out said\necho hello",
    "%%script bash --err said --out=other\nprintf 'a\\r\\nb\\rc' >&2; echo d",
    "%%sh --no-raise --ou said -s 'q r'\nprintf \"$1\"; exit 3",
    "%%script --out said bash -s {name} more\necho $1 $2 '<b>' \"$name\"",
    "%%script echo more --out said\nnot read",
    "%%python3 --out other --err said\nimport sys; print(1); print(2, file=sys.stderr)",
    "%%bash --no-raise-error\necho '<b>' > out.txt; exit 3",
    "%env REGION=north\nimport os\nsaid = os.environ['REGION']",
    "%env REGION={name}\nimport os\nsaid = os.environ['REGION']",
    "import os\nos.makedirs('inner', exist_ok=True)\n%cd inner\nopen('here.txt', 'w').close()",
    "said = !printf 'a\\nb\\n'\nsaid = list(said)",
    "rows = !printf 'a 3\\nb 20\\nB 1\\n'\n"
    "said = rows.n, rows.s, rows.grep('b').fields(1, 0), rows.sort(1, nums=True).l",
    "!echo {name} $name '{{x}}' > out.txt",
    "!echo {name} $UNSET_VARIABLE > out.txt",
    "!echo \"{name}\" '$name' $$HOME > out.txt",
    "!printf 'a b' | awk '{print $1}' > out.txt",
    "!echo {name.upper()} {len(name) + 1} > out.txt",
    "!echo {name.upper()} > out.txt",
    "%time said = 3",
    "%%time\nsaid = 4",
    "%%capture\nsaid = 5",
    "def f(*x): return x\n,f a b\nsaid = _ if False else f('a', 'b')",
    "open('other.py', 'w').write('said = __name__')\n%run other.py",
    "open('other.py', 'w').write('import sys; said = sys.argv')\n%run other.py -v 'a b'",
    "import sys; sys.argv = ['mine', '1']\nopen('other.py', 'w').close()\n%run other.py 2 3\nsaid = sys.argv",
    "import sys; sys.argv = ['mine', '1']\nopen('other.py', 'w').write('import sys; said = sys.argv')\n%run other.py",
    "open('other.py', 'w').write('import sys; sys.path.append(\"x\")')\n%run other.py\n"
    "import sys; said = 'x' in sys.path",
    "import os; os.mkdir('in')\nopen('in/near.py', 'w').write('far = 7')\nopen('in/other.py', 'w').write("
    "'import near; said = near.far')\n%run in/other.py",
    "open('other.py', 'w').write('here = 1')\n%run other.py\nsaid = '__file__' in globals()",
    "open('other.py', 'w').write('said = name.upper()\\nname = 2')\n%run -i other.py\nsaid = said, name",
    "open('other.py', 'w').write('def told(): return later')\n%run -i other.py\nlater = 5\nsaid = told()",
    "open('other.py', 'w').write('said = __name__')\n%run -n other.py\nsaid = said, __name__ == 'other'",
    "open('b.csv', 'w').close()\nopen('other.py', 'w').write('import sys; said = sys.argv[1:]')\n"
    "%run other.py *.csv '*.py' *.none {name}",
    "open('prog.py', 'w').write('import sys; said = __name__, sys.argv[1:]')\nimport sys; sys.path.insert(0, '')\n"
    "%run -m prog 3",
]


NAME = "name = 'abc'\n"
"""Runs before each: in the same cell, or in a cell of its own where a cell magic has to come first."""

RUN = """
import json, os, pathlib, sys
seen = []
for number, (prepared, source) in enumerate(json.loads(sys.stdin.read())):
    where = pathlib.Path.cwd() / str(number)
    where.mkdir()
    os.chdir(where)
    environment = dict(os.environ)
    said = run(prepared, source)
    os.chdir(where.parent)
    os.environ.clear()
    os.environ.update(environment)
    paths = [path for path in sorted(where.rglob("*")) if path.is_file()]
    files = {path.relative_to(where).as_posix(): path.read_text() for path in paths}
    seen.append([repr(said), files])
pathlib.Path("seen.json").write_text(json.dumps(seen))
"""
PLAINLY = """
def run(prepared, source):
    names = {}
    exec(prepared + source, names)
    return names.get("said")
"""
IN_IPYTHON = """
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
shell.history_manager.enabled = False
def run(prepared, source):
    shell.user_ns.pop("said", None)
    assert shell.run_cell(prepared, silent=True).success
    assert shell.run_cell(source, silent=True).success
    return shell.user_ns.get("said")
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, Any]]:
    """What each of `BEHAVIOURS` said and left behind: its translation as plain Python, and itself in IPython."""
    pytest.importorskip("IPython")
    translated = [(NAME, translate(source, {"name"}).python) for source in BEHAVIOURS]
    sides = []
    for script, cells in ((PLAINLY, translated), (IN_IPYTHON, [(NAME, source) for source in BEHAVIOURS])):
        where = tmp_path_factory.mktemp("side")
        done = subprocess.run(
            [sys.executable, "-c", script + RUN],
            cwd=where,
            input=json.dumps(cells),
            text=True,
            check=False,
            capture_output=True,
            env=os.environ | {"IPYTHONDIR": str(where / "ipython"), "PYTHONDONTWRITEBYTECODE": "1"},
        )
        assert done.returncode == 0, done.stderr
        sides.append(json.loads((where / "seen.json").read_text()))
    return list(zip(*sides, strict=True))


@pytest.mark.parametrize("number", range(len(BEHAVIOURS)))
def test_a_translation_does_what_ipython_does(number: int, both: list[tuple[Any, Any]]) -> None:
    ours, theirs = both[number]
    assert ours == theirs, BEHAVIOURS[number]


# ---- where a magic may stand is IPython's rule

ATOMS = [
    "x = 1", "%matplotlib inline", "!ls -l", "y = !ls", "z = %time 1", "a?", "?a", "np.sum??", "%cd foo",
    "if x:\n    pass", "if x:\n    !echo {x}", "for i in y:\n    %time f(i)", "s = '''\n%no\n!no\n'''",
    "# %comment", "# why?", "f(a,\n  '%b')", "d = {\n'k': '!x'}", "x = y \\\n  % z", "print('what?')",
    "print('a') # ok?", "!ls \\\n  -l", "%run a.py", "a, b = !x", "a[0] = !x", "d['k'] = %env HOME", "x != y",
    "x %= 3", "/f a b", ",f a b", ";g x", "class A:\n    def f(self):\n        return '?'", "", "   ",
    "\"\"\"doc\n%not\n\"\"\"", "f'{a}?'", "a.b?", "a[0]?", "%magic?", "!!ls", "! ls", "x=%time 5", "*a, b = !c",
    "a.b = !c", "(a) = !c", "assert x, '?'", "é = !ls", "lambda: x", "x = [\n1,\n2\n]", "await f()",
    "@d\ndef f(): pass",
]  # fmt: skip


@given(st.lists(st.sampled_from(ATOMS), min_size=1, max_size=5))
def test_the_same_lines_are_magics_for_ipython(atoms: list[str]) -> None:
    """Both parse, with as many magics; and where there is none, the code is the same to the letter."""
    transformer = pytest.importorskip("IPython.core.inputtransformer2").TransformerManager()
    source = "\n".join(atoms)
    if not source.strip():
        return
    theirs = ast.parse(transformer.transform_cell(source))
    found = translate(source)
    ours = ast.parse(found.python)
    calls = sum(isinstance(node, ast.Name) and node.id == "get_ipython" for node in ast.walk(theirs))
    assert calls == sum(magic.name not in "/,;" for magic in found.magics)
    assert found.python.count("\n") == source.count("\n")
    if not found.magics:
        assert ast.dump(ours) == ast.dump(theirs)


@given(
    st.lists(
        st.sampled_from(
            [
                *ATOMS,
                "%%bash",
                "%%time",
                "((",
                "'''",
                "In [1]: x",
                ">>> y",
                "cd x",
                "\t!a",
                "\0",
                "\r",
                "$",
                "{",
            ]
        )
    ).map("\n".join)
)
def test_any_text_keeps_its_lines(source: str) -> None:
    lines = source.replace("\r\n", "\n").replace("\r", "\n").count("\n")
    assert translate(source).python.count("\n") == lines


# ---- what is said of them


def test_python_2_is_recognised_as_such() -> None:
    cells = [
        'print "x"', "print x, y", "try:\n    pass\nexcept IOError, e:\n    pass", "raise ValueError, 'x'",
        "exec 'x = 1'", "n = 0777", "n = 10L", "if a <> b: pass", "ur'x'", "`x`", "def f((a, b)): pass",
    ]  # fmt: skip
    findings = inspect(notebook(*cells)).findings
    assert [(one.code, one.cell) for one in findings if one.cell is not None] == [
        ("NB-104", i) for i in range(len(cells))
    ]


def test_captured_lines_are_a_plain_list_where_no_cell_asks_them_for_more() -> None:
    found = inspect(
        notebook("found = !ls\nothers = %sx ls\nlast = !ls", "print(found.n, len(others), others.s)")
    )
    made = [line.split(" = ")[1].split("(")[0] for line in found.parsed.cells[0].python.split("\n")]
    assert made == ["SList", "SList", "subprocess.run"]


def test_a_broken_cell_is_named_with_its_line_and_the_others_are_read() -> None:
    found = inspect(notebook("import os", "x = 1\ny = (2\nz = 3\n", "import sys"))
    broken = [one for one in found.findings if one.code == "NB-103"]
    assert [(one.cell, one.line) for one in broken] == [(1, 2)]
    assert "never closed" in broken[0].what
    assert [one.module for one in found.imports] == ["os", "sys"]


def test_other_languages_are_said_once_and_read_whole() -> None:
    metadata = {"kernelspec": {"name": "ir", "display_name": "R"}, "language_info": {"name": "R"}}
    found = inspect(notebook(code("x <- 1", 1), code("y <- 2", 2), metadata=metadata))
    assert [one.code for one in found.findings] == ["NB-101"]
    assert found.parsed.cells == ()
    assert [cell.source for cell in found.notebook.cells] == ["x <- 1", "y <- 2"]


def test_await_outside_a_function_is_said_inside_one_is_not() -> None:
    found = inspect(notebook(code("async def f():\n    await g()\n", 1), code("x = 1\ny = await f()", 2)))
    assert [(one.code, one.cell, one.line) for one in found.findings] == [("NB-105", 1, 2)]
