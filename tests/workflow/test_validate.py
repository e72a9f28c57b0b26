"""Judging a lab: every rule finds its own example and passes the mended one, and nothing is ever run."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.envs import Uv
from agilab.envs.interpreter import own_interpreter
from agilab.store.workspace import Workspace
from agilab.workflow.judging.findings import SEVERITIES, Finding
from agilab.workflow.judging.rules import rule, rules
from agilab.workflow.judging.validate import Judgement, validate

PROJECT = '[project]\nname = "lab"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = []\n'
LOCK = (
    'version = 1\n[[package]]\nname = "lab"\nversion = "0"\nsource = { virtual = "." }\ndependencies = ['
    + ", ".join(f'{{ name = "{name}" }}' for name in ("pydantic", "polars", "pandas", "numpy", "matplotlib"))
    + "]\n"
)
"""What a lock says of the packages of a lab, as far as it is read."""
Judge = Callable[..., Judgement]


@pytest.fixture
def judge(tmp_path: Path) -> Judge:
    """Judges a document in a folder with a project, and with these files beside it."""

    def judge(text: str, **files: str) -> Judgement:
        folder = tmp_path / "lab"
        folder.mkdir(exist_ok=True)
        beside = {"pyproject.toml": PROJECT, "uv.lock": LOCK, **files}
        for name, content in {**beside, "lab_stages.toml": text}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content, encoding="utf-8")
        return validate(folder / "lab_stages.toml", Workspace(tmp_path / "home"))

    return judge


def codes(judgement: Judgement) -> list[str]:
    return [finding.code for finding in judgement.findings]


def only(judgement: Judgement, code: str) -> Finding:
    (found,) = [one for one in judgement.findings if one.code.endswith(code)]
    return found


NEEDS_AN_INSTALLED_APP = "AGI-STAGE-028"


@pytest.mark.parametrize("code", [code for code in rules() if code != NEEDS_AN_INSTALLED_APP])
def test_every_rule_finds_its_example_and_passes_the_mended_one(code: str, judge: Judge) -> None:
    known = rule(code)

    bad = judge(known.bad, **known.files)
    found = [one for one in bad.findings if one.code == code]
    assert found, codes(bad)
    for one in found:
        assert one.severity == known.severity
        assert one.mend
        lines = _file(judge, one.location.file).splitlines()
        assert 1 <= one.location.line <= max(1, len(lines))
        assert 1 <= one.location.column <= len(lines[one.location.line - 1]) + 1

    if known.good:
        good = judge(known.good, **known.files)
        assert code not in codes(good)
        assert not good.failed(), good.findings


def _file(judge: Judge, name: str) -> str:
    folder: Path = judge.__closure__[0].cell_contents / "lab"  # type: ignore[attr-defined]  # the fixture's tmp_path
    return (folder / name).read_text(encoding="utf-8")


@pytest.mark.slow
def test_an_installed_app_says_which_arguments_it_refuses(tmp_path: Path) -> None:
    from agilab.projects.discover import read_app, remember
    from agilab.projects.prepare import prepare
    from agilab.store.store import Store

    app = tmp_path / "tides"
    (app / "src" / "tides").mkdir(parents=True)
    (app / "src" / "tides" / "__init__.py").write_text(
        "from agi_node import App, Args\n\n\nclass TidesArgs(Args):\n    hours: int = 3\n\n\n"
        'app = App("tides", args=TidesArgs)\n\n\n@app.plan\ndef plan(args):\n    return [1]\n\n\n'
        "@app.work\ndef work(item, args, run):\n    return None\n"
    )
    (app / "pyproject.toml").write_text(
        '[project]\nname = "tides"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        'dependencies = ["pydantic>=2.9"]\n[tool.agilab]\napp = "tides:app"\n'
    )
    Uv.found().run("lock", "--python", own_interpreter().path, cwd=app, doing="lock tides", try_="look at uv")
    workspace = Workspace(tmp_path / "home").ensure()
    project = read_app(app)
    with Store(workspace) as store:
        prepare(store, project, offline=False, threads=1, say=lambda text: None)
    remember(project, workspace)
    lab = tmp_path / "lab_stages.toml"
    known = rule(NEEDS_AN_INSTALLED_APP)

    lab.write_text(known.bad + "\n[[stages]]\nid = 'b'\napp = 'tides'\nargs = { hurs = 3 }\n")
    wrong = [one for one in validate(lab, workspace).findings if one.code == NEEDS_AN_INSTALLED_APP]
    assert [(one.what, one.found, one.mend, one.location.line) for one in wrong] == [
        ("tides refuses hours", '"many"', "allowed: a whole number", 4),
        ("tides has no argument hurs", "hurs", "did you mean hours?", 9),
    ]

    lab.write_text(known.good)
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "uv.lock").write_text(LOCK)
    assert validate(lab, workspace).findings == ()


def test_every_rule_explains_itself() -> None:
    for code, known in rules().items():
        assert known.code == code
        assert known.severity in SEVERITIES
        assert not known.name.endswith(".")
        assert known.why.endswith(".")
        assert known.mend.endswith((".", "]"))
        assert known.bad != known.good
    assert rule("010") is rule("agi-stage-010")
    with pytest.raises(AgiError, match="there is no finding of this code") as caught:
        rule("AGI-STAGE-999")
    assert caught.value.try_


LAB = """# A study
[lab.params]
threshold = 20

[[stages]]
id = "load"
code = '''
import pandas as pd

def night(hours):
    return hours[hours > 22]

hours = pd.Series([21, 23])
'''
outputs = ["hours"]

[[stages]]
id = "count"
code = '''
rows = nigth(hours)
warm = len(rows) > treshold
pd.DataFrame
'''
inputs = ["hours", "threshold"]
outputs = ["warm", "total"]
uses = { load = ["night"] }
"""


def test_a_name_is_located_in_the_file_and_its_mend_says_where_it_could_come_from(judge: Judge) -> None:
    judgement = judge(LAB)

    told = [(one.location.line, one.location.column, one.found, one.mend) for one in judgement.findings]
    assert told == [
        (20, 8, "nigth", "did you mean night?"),
        (21, 20, "treshold", "did you mean threshold?"),
        (22, 1, "pd", 'uses = { load = ["pd"] }'),
        (24, 20, "threshold", rule("025").mend),
        (25, 20, "total", rule("024").mend),
    ]
    assert {one.stage for one in judgement.findings} == {"count"}
    assert judgement.to_plain()["executed"] is False


def test_every_wrong_field_is_told_at_once(judge: Judge) -> None:
    judgement = judge(
        '[[stages]]\nid = "1a"\nretries = -1\n\n[[stages]]\nid = "b"\ntimeout = 0\nrequire = 1.0\n[lab]\ntitel = "x"\n'
    )

    assert [(one.code[-3:], one.location.line, one.what) for one in judgement.findings] == [
        ("002", 2, "stages[0].id is wrong"),
        ("002", 3, "stages[0].retries is wrong"),
        ("002", 7, "stages[1].timeout is wrong"),
        ("003", 8, "stages[1].require could be one of them or all of them"),
        ("002", 10, "lab.titel is not a field here"),
    ]
    assert judgement.findings[1].mend == "allowed: greater than or equal to 0"
    assert judgement.stages == 0


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b'[[stages]]\nid = "a\n', 2),
        (b'schema = "agilab.plan.v1"\n', 1),
        (b'[[stages]]\nid = "\xff"\n', 2),
        (b"\x00\x01\x02", 1),
        (b"a = " + b"[" * 5000, 1),
        (b'[__meta__]\nschema = "agilab.lab_stages.v7"\n', 1),
    ],
)
def test_what_is_no_document_is_one_finding(tmp_path: Path, data: bytes, line: int) -> None:
    path = tmp_path / "lab_stages.toml"
    path.write_bytes(data)

    (found,) = validate(path, Workspace(tmp_path)).findings

    assert (found.code, found.location.line) == ("AGI-STAGE-001", line)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match="cannot be read") as caught:
        validate(tmp_path / "lab_stages.toml", Workspace(tmp_path))
    assert caught.value.code == "AGI-DOC-001"


def test_a_file_of_version_1_is_judged_where_its_lines_are(judge: Judge) -> None:
    judgement = judge(
        '[[flight]]\nid = "a"\nC = """\nx = 1\ny = zzz\n"""\n\n[[flight]]\nid = "b"\nconsumes = ["q"]\nC = "q"\n'
    )

    assert [(one.code[-3:], str(one.location)) for one in judgement.findings] == [
        ("004", "lab_stages.toml:1:1"),
        ("071", "lab_stages.toml:5:5"),
        ("010", "lab_stages.toml:10:13"),
    ]


def test_code_of_a_file_is_located_there(judge: Judge) -> None:
    judgement = judge('[[stages]]\nid = "a"\nfile = "steps/a.py"\n', **{"steps/a.py": "x = 1\n\ny = zzz\n"})

    assert str(only(judgement, "071").location) == "steps/a.py:3:5"


def test_a_name_put_beside_pythons_own_is_known_in_its_stage_and_in_no_other(judge: Judge) -> None:
    judgement = judge(
        '[[stages]]\nid = "a"\ncode = """\nimport builtins as own\nown.LIMIT = 41\nsetattr(own, "MOST", LIMIT + 1)\n'
        'print(LIMIT, MOST)\n"""\n[[stages]]\nid = "b"\ncode = "print(LIMIT)"\n'
    )

    assert only(judgement, "071").what == "b reads LIMIT, which nothing gives"


def test_a_name_is_located_where_it_is_read_and_not_where_another_is_made(judge: Judge) -> None:
    judgement = judge(
        '[[stages]]\nid = "a"\ncode = """\nclass A:\n    y = 2\n    z = [y for _ in "ab"]\nA\n"""\n'
    )
    assert str(only(judgement, "071").location) == "lab_stages.toml:6:10"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("for i in [0, 1]:\n    if i:\n        print(last)\n    last = i", []),
        ("for i in [0, 1]:\n    print(i or last)\n    last = i", []),
        ("try:\n    last\nexcept NameError:\n    last = {}\nprint(last)", []),
        ("for i in [0, 1]:\n    print(last)\n    last = i", ["AGI-STAGE-071"]),
        ("for i in [0, 1]:\n    if i:\n        print(last)", ["AGI-STAGE-071"]),
        ("try:\n    print(last)\nexcept Exception:\n    print('none')", ["AGI-STAGE-074"]),
        ("try:\n    print(last)\nexcept KeyError:\n    print('none')", ["AGI-STAGE-071"]),
        ("try:\n    print(last)\nexcept NameError:\n    print('none')\nlast", ["AGI-STAGE-071"]),
    ],
)
def test_a_stage_is_not_refused_where_it_may_have_made_the_name_by_then_or_catches_its_lack(
    judge: Judge, code: str, said: list[str]
) -> None:
    judgement = judge(f'[[stages]]\nid = "a"\ncode = """\n{code}\n"""\n')
    assert [one.code for one in judgement.findings] == said


def test_a_name_is_missing_where_its_lack_is_not_caught(judge: Judge) -> None:
    code = "try:\n    last\nexcept NameError:\n    pass\nlast"
    judgement = judge(f'[[stages]]\nid = "a"\ncode = """\n{code}\n"""\n')
    assert str(only(judgement, "071").location) == "lab_stages.toml:8:1"


def test_what_a_helper_reads_is_asked_of_those_who_call_it(judge: Judge) -> None:
    """As the import has it: a stage that only keeps a function needs nothing of what its body reads."""
    text = "def inner():\n    return base\n\ndef told():\n    return inner()\n{more}"
    kept = f'[[stages]]\nid = "a"\ncode = """\n{text}"""\n'
    user = '[[stages]]\nid = "b"\ncode = "base = 1; told()"\nuses = {{ a = ["told"] }}\n'
    assert not judge((kept + user).format(more="")).findings

    called = judge((kept + user).format(more="told()\n"))
    assert only(called, "071").what == "a reads base, which nothing gives"
    given = judge(kept.format(more="") + 'outputs = ["told"]\n')
    assert only(given, "071").what == "a reads base, which nothing gives"
    registered = judge(kept.format(more="@print\ndef shown():\n    return told()\n"))
    assert only(registered, "071").what == "a reads base, which nothing gives"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("key = lambda s: order[s]", False),
        ("ways = {'up': lambda s: order[s], 'all': [lambda: len(order)]}", False),
        ("key = lambda s: order[s]\nprint(key('a'))", True),
        ("key = (lambda s: order[s])('a')", True),
        ("ways = {'up': sorted('ab', key=lambda s: order[s])}", True),
    ],
)
def test_what_a_function_without_a_name_reads_is_asked_of_those_who_call_it(
    judge: Judge, text: str, asked: bool
) -> None:
    judgement = judge(f"[[stages]]\nid = \"a\"\ncode = '''\n{text}\n'''\n")
    found = [one.what for one in judgement.findings if one.code.endswith("071")]
    assert found == (["a reads order, which nothing gives"] if asked else [])


RUNS = "def run():\n    global seen\n    seen = []\n    add()\n\ndef add():\n    seen.append(1)\n"


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        (RUNS + "run()\nprint(seen)", False),
        (RUNS + "print(seen)\nrun()", True),
        (RUNS + "def twice():\n    run()\n    run()\ntwice()\nprint(seen)", False),
        (RUNS.replace("seen = []", "pass") + "run()\nprint(seen)", True),
        ("class Runs:\n    def go(self):\n        global seen\n        seen = 1\nRuns().go()\nseen", False),
    ],
)
def test_what_a_function_declares_global_and_binds_is_there_once_it_was_called(
    judge: Judge, text: str, asked: bool
) -> None:
    judgement = judge(f'[[stages]]\nid = "a"\ncode = """\n{text}\n"""\n')
    found = [one.what for one in judgement.findings if one.code.endswith("071")]
    assert found == (["a reads seen, which nothing gives"] if asked else [])
    elsewhere = judge(
        f'[[stages]]\nid = "a"\ncode = """\n{RUNS}"""\n[[stages]]\nid = "b"\noutputs = ["seen"]\n'
        'code = "run(); print(seen)"\nuses = { a = ["run"] }\n'
    )
    assert not elsewhere.findings


@pytest.mark.parametrize(
    ("last", "asked"),
    [
        ('shop = Item("a")', False),  # `total` calls it, in another stage that has `prices`
        ('shop = Item("a"); shop.price()', True),
        ('shop = Item("a"); getattr(shop, "price")()', True),
        ("shop = Item", True),  # the class itself leaves the stage
    ],
)
def test_what_a_method_reads_is_asked_where_it_is_called(judge: Judge, last: str, asked: bool) -> None:
    made = "class Item:\n    def __init__(self, k):\n        self.k = k\n"
    text = f"{made}    def price(self):\n        return prices[self.k]\n"
    output = "Item" if last == "shop = Item" else "shop"
    judgement = judge(f"[[stages]]\nid = \"a\"\noutputs = [\"{output}\"]\ncode = '''\n{text}{last}\n'''\n")
    found = [one.what for one in judgement.findings if one.code.endswith("071")]
    assert found == (["a reads prices, which nothing gives"] if asked else [])


def test_nothing_is_said_of_names_where_a_star_import_may_give_them(judge: Judge) -> None:
    assert (
        codes(
            judge('[[stages]]\nid = "a"\ncode = """\nfrom math import *\nx = sin(1)\n"""\noutputs = ["y"]\n')
        )
        == []
    )


def test_a_secret_is_found_and_never_shown(judge: Judge) -> None:
    judgement = judge('[[stages]]\nid = "a"\ncode = \'conn = dict(api_key="zq81hfnw02kd77x")\'\n')

    assert codes(judgement) == ["AGI-STAGE-086"]
    assert "zq81hfnw02kd77x" not in str(judgement.to_plain())


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("import subprocess as sp\nsp.run(['ls'])", "080"),
        ("from os import system\nsystem('ls')", "080"),
        ("exec('x = 1')", "081"),
        ("import pandas as pd\npd.read_pickle('a.pkl')", "082"),
        ("import numpy as np\nnp.load('a.npy', allow_pickle=True)", "082"),
        ("from urllib.request import urlopen\nurlopen('x')", "083"),
        ("import requests\nrequests.get('x')", "083"),
        ("open(r'C:\\\\data\\\\x.csv')", "084"),
        ("open('~/x.csv')", "084"),
        ("import os\nos.chdir('..')", "085"),
        ("token: str = 'a8f3b1c97d22e4'", "086"),
        ("import getpass\ngetpass.getpass()", "087"),
    ],
)
def test_risks(judge: Judge, code: str, expected: str) -> None:
    assert f"AGI-STAGE-{expected}" in codes(judge(f"[[stages]]\nid = \"a\"\ncode = '''\n{code}\n'''\n"))


@pytest.mark.parametrize(
    "code",
    [
        "'''See https://example.org'''\nx = 1",
        "import re\nre.compile('/home').match('a')",
        "x = '1/2'\ny = 'and/or'",
        "import numpy as np\nnp.load('a.npy')",
        "password = None\ntoken = 'your-token-here'",
        "import pathlib\npathlib.Path('out').mkdir(exist_ok=True)",
        "class M:\n    def eval(self):\n        return 1\nM().eval()",
    ],
)
def test_what_is_no_risk_is_left_alone(judge: Judge, code: str) -> None:
    assert codes(judge(f'[[stages]]\nid = "a"\ncode = """\n{code}\n"""\n')) == []


def test_the_names_of_an_outer_item_are_there_in_a_nested_stage(judge: Judge) -> None:
    judgement = judge(
        '[[stages]]\nid = "each"\ncode = "days = [1]"\noutputs = ["days"]\nforeach = { city = ["paris"] }\n\n'
        "[[stages]]\nid = \"day\"\ncode = \"open(f'out/{city}-{day}.txt', 'w')\"\n"
        'outputs = ["out/{city}-{day}.txt"]\nforeach = { day = "days" }\n'
    )

    assert judgement.findings == ()


def test_a_column_counts_letters_and_not_bytes(judge: Judge) -> None:
    judgement = judge("[[stages]]\nid = \"a\"\ncode = '''\nx = 'é'; y = zz\n'''\n")

    assert str(only(judgement, "071").location) == "lab_stages.toml:4:14"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ('file = "\\u0000"', "031"),
        ('code = "1"\nenv = "~nobody-of-that-name"', "034"),
        ('app = "~nobody-of-that-name"', "027"),
        ('code = "1"\ninputs = ["**[/x"]', "011"),
        ('code = "1"\ninputs = ["/"]', "013"),
        ('code = "\\uFEFFx = 1"', "070"),
        ('code = "x = 1"\nuses = { a = ["y"] }', "032"),
    ],
)
def test_odd_values_are_findings_too(judge: Judge, fields: str, expected: str) -> None:
    assert f"AGI-STAGE-{expected}" in codes(judge(f'[[stages]]\nid = "a"\n{fields}\n'))


TEXTS = [text for known in rules().values() for text in (known.bad, known.good)]
PIECES = [
    '"',
    "'''",
    "[[stages]]\n",
    "\n",
    "=",
    "{",
    "}",
    "]",
    "#",
    "\\",
    "\0",
    "é",
    "1",
    "needs = ['a']\n",
    "\r\n",
]


@given(
    st.sampled_from(TEXTS),
    st.lists(st.tuples(st.integers(0, 200), st.sampled_from([None, *PIECES])), max_size=3),
)
@settings(max_examples=60)
def test_whatever_stands_in_the_file_is_judged_or_said_to_be_none(
    tmp_path_factory: pytest.TempPathFactory, text: str, cuts: list[tuple[int, str | None]]
) -> None:
    for at, piece in cuts:
        text = f"{text[:at]}{text[at + 3 :]}" if piece is None else f"{text[:at]}{piece}{text[at:]}"
    folder = tmp_path_factory.mktemp("lab")
    (folder / "lab_stages.toml").write_text(text, newline="")

    judgement = validate(folder / "lab_stages.toml", Workspace(folder / "home"))

    lines = text.count("\n") + 1
    assert all(1 <= one.location.line <= lines for one in judgement.findings)
    assert judgement.file is not None or judgement.failed()


def test_judging_runs_nothing(judge: Judge, tmp_path: Path) -> None:
    target = tmp_path / "touched"
    code = f"open({str(target)!r}, 'w')"
    judge(
        f'[[stages]]\nid = "a"\nfile = "a.py"\n\n[[stages]]\nid = "b"\ncode = """{code}"""\n',
        **{"a.py": code},
    )

    assert not target.exists()


def test_judging_loads_nothing_heavy() -> None:
    check = (
        "import agilab.workflow.judging.validate, sys\n"
        "assert not {'pandas', 'polars', 'numpy', 'nbformat', 'mlflow', 'dask', 'tomlkit'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)


GO = '[[stages]]\nid = "go"\ncode = "1"\n'


def test_a_project_that_no_run_could_use_is_said_before_a_run(judge: Judge, tmp_path: Path) -> None:
    without = LOCK.replace('{ name = "pydantic" }, ', "")
    found = only(judge(GO, **{"uv.lock": without}), "034")
    assert (found.found, found.mend) == (
        "no pydantic among the dependencies of the project",
        "uv add pydantic",
    )
    (tmp_path / "lab" / "uv.lock").unlink()
    judged = validate(tmp_path / "lab" / "lab_stages.toml", Workspace(tmp_path / "home"))
    assert (only(judged, "034").found, only(judged, "034").mend) == ("no uv.lock in the folder", "uv lock")
    (tmp_path / "lab" / "pyproject.toml").unlink()
    calls = '[[stages]]\nid = "go"\napp = "flight_project"\n'
    (tmp_path / "lab" / "lab_stages.toml").write_text(calls)
    judged = validate(tmp_path / "lab" / "lab_stages.toml", Workspace(tmp_path / "home"))
    assert only(judged, "034").found == "no pyproject.toml in the lab's folder"


@pytest.mark.parametrize(
    ("code", "lacking"),
    [
        ("import torch", "uv add torch"),
        ("from sklearn.svm import SVC", "uv add scikit-learn"),
        ("import polars.selectors as cs\nimport numpy, json, agi_node", None),
        ("try:\n    import torch\nexcept ImportError:\n    torch = None", None),
        ("def later():\n    import torch", None),
        ("import helpers", None),
        ("import something_of_nobody", None),
    ],
)
def test_an_import_is_held_against_the_lock(code: str, lacking: str | None, judge: Judge) -> None:
    judged = judge(f"[[stages]]\nid = 'go'\ncode = '''\n{code}\n'''\n", **{"helpers.py": "x = 1\n"})
    found = [one.mend for one in judged.findings if one.code == "AGI-STAGE-059"]
    assert found == ([lacking] if lacking else [])


def test_an_import_that_comes_by_uses_is_looked_at_where_it_runs(judge: Judge) -> None:
    judged = judge(
        '[[stages]]\nid = "setup"\nruntime = "none"\ncode = "import torch\\nimport numpy as np"\n'
        '[[stages]]\nid = "go"\ncode = "torch, np"\nuses = { setup = ["torch", "np"] }\n'
    )
    assert (only(judged, "059").stage, only(judged, "059").location.line) == ("go", 8)


def test_an_output_that_is_deleted_is_not_there_at_the_end(judge: Judge) -> None:
    stage = "[[stages]]\nid = 'go'\noutputs = ['v']\ncode = '''\n{}\n'''\n"
    found = only(judge(stage.format("v = 1\ndel v")), "024")
    assert (found.what, found.location.line) == ("go deletes its output v", 3)
    assert codes(judge(stage.format("v = 1\ndel v\nv = 2"))) == []


def test_a_picture_that_differs_is_one_finding_with_a_mend_that_works(
    judge: Judge, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def before(n: int) -> str:
        return f'"v{n - 1}"' if n else ""

    text = "".join(
        f'[[stages]]\nid = "s{n}"\noutputs = ["v{n}"]\ncode = "v{n} = {n}"\ninputs = [{before(n)}]\n'
        for n in range(8)
    )
    drawn = "digraph {\n  // by hand\n  s0 -> s1\n  s0 -> gone\n  s2\n}\n"
    judged = judge(text, **{"pipeline_view.dot": drawn})
    found = only(judged, "060")
    assert (found.location.file, found.location.line) == ("pipeline_view.dot", 4)
    assert found.found == (
        "it shows gone, which is no stage; s3, s4, s5, s6, s7 are not in the picture; s1 -> s2 is not in the picture"
    )
    monkeypatch.setenv("AGILAB_HOME", str(tmp_path / "home"))
    command = found.mend.removesuffix(" draws it anew")
    done = subprocess.run(
        [sys.executable, "-m", "agilab", *shlex.split(command)[1:]],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert not [
        one for one in validate(judged.path, Workspace(tmp_path / "home")).findings if "060" in one.code
    ]
