"""A stage runs apart: what it gets, what it leaves, and what the next one in the same process does not see."""

from __future__ import annotations

import gc
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from agi_node.canonical import sha256_file
from agi_node.context import RunContext
from agi_node.errors import AgiError
from agi_node.exact_json import exact_text, exact_value
from agi_node.failure import own_traceback
from agi_node.items import Skip
from agi_node.keeping import filled
from agi_node.placing import COPIED, Inputs
from agi_node.stage import run_stage
from agi_node.tracker import use_run


class Stages:
    """Runs stages one after the other in this process, as a warm worker does."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.count = 0
        self.run: Any = None

    def __call__(
        self,
        code: str,
        *,
        outputs: tuple[str, ...] = (),
        values: dict[str, Any] | None = None,
        files: dict[str, Path] | None = None,
        item: dict[str, Any] | None = None,
        carried: tuple[tuple[str, str], ...] = (),
        copy: bool = False,
    ) -> Any:
        self.count += 1
        self.run = RunContext.local(self.folder / str(self.count))
        given = {
            "values": {name: {"kind": "tagged", "value": value} for name, value in (values or {}).items()},
            "files": [
                {"path": path, "source": str(source), "copy": copy} for path, source in (files or {}).items()
            ],
            "item": {name: exact_text(value) for name, value in (item or {}).items()},
        }
        path = self.folder / f"{self.count}.json"
        path.write_text(json.dumps(given))
        order = {"code": code, "carried": [list(pair) for pair in carried], "outputs": list(outputs)}
        with use_run(self.run):
            return run_stage("clean", order, str(path), self.run)

    def value(self, code: str, name: str = "x", **options: Any) -> Any:
        form = self(code, outputs=(name,), **options)["values"][name]
        return exact_value(form["text"])


@pytest.fixture
def stage(tmp_path: Path) -> Stages:
    return Stages(tmp_path)


def test_values_files_and_the_last_expression(stage: Stages, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n")
    left = stage(
        "from pathlib import Path\nrows = Path('data/in.csv').read_text().split()\n"
        "Path('out/n.txt').write_text(str(n))\nrows",
        outputs=("rows", "out/n.txt"),
        values={"n": 3},
        files={"data/in.csv": source},
    )
    assert exact_value(left["values"]["rows"]["text"]) == ["a", "1"]
    assert left["files"] == {"out/n.txt": {"out/n.txt": "n.txt"}}
    assert left["shown"] == "['a', '1']"
    assert stage.run.saved["n.txt"].read_text() == "3"


@pytest.mark.parametrize(
    ("code", "shown"),
    [("1 + 1", "2"), ("1 + 1;", None), ("x = 2", None), ("", None), ("# only words", None), ("None", None)],
)
def test_what_is_shown_is_what_a_notebook_would_show(stage: Stages, code: str, shown: str | None) -> None:
    assert stage(code)["shown"] == shown


def test_code_may_await(stage: Stages) -> None:
    assert (
        stage("import asyncio\nawait asyncio.sleep(0)\nawait asyncio.sleep(0, 'done')")["shown"] == "'done'"
    )


def test_it_is_a_main_of_its_own(stage: Stages) -> None:
    main, before = sys.modules["__main__"], os.getcwd()
    code = "import sys, pickle\nclass A: pass\nx = [__name__, pickle.loads(pickle.dumps(A())).__class__ is A]"
    assert stage.value(code) == ["__main__", True]
    assert sys.modules["__main__"] is main
    assert os.getcwd() == before


@pytest.mark.parametrize(
    ("trace", "look"),
    [
        ("import os; os.environ['LEFT'] = '1'", "import os; x = os.environ.get('LEFT')"),
        ("import sys; sys.path.insert(0, '/left')", "import sys; x = '/left' in sys.path"),
        (
            "import os; os.makedirs('sub'); os.chdir('sub')",
            "import os; x = os.path.basename(os.getcwd()) == 'sub'",
        ),
        ("left = 1", "x = 'left' in globals()"),
        ("open('left.txt', 'w').close()", "import os; x = os.path.exists('left.txt')"),
        (
            "import warnings; warnings.simplefilter('ignore', SyntaxWarning)",
            "import warnings; x = warnings.filters[0][:3] == ('ignore', None, SyntaxWarning)",
        ),
    ],
)
def test_nothing_is_left_for_the_next_one(stage: Stages, trace: str, look: str) -> None:
    stage(trace)
    assert not stage.value(look)


def test_a_seed_is_not_left_for_the_next_one(stage: Stages) -> None:
    draw = "import random; x = random.random()"
    after = [(stage("import random; random.seed(1)"), stage.value(draw))[1] for _ in range(3)]
    assert len(set(after)) == 3
    assert stage.value("import random; random.seed(1); x = random.random()") == random.Random(1).random()


def test_carried_statements_come_first_and_keep_their_lines(stage: Stages) -> None:
    carried = (("load", "\n\nimport math\ndef area(r):\n    return math.pi * r ** 2 / 0\n"),)
    with pytest.raises(ZeroDivisionError) as raised:
        stage("area(1)", carried=carried)
    text = own_traceback(raised.value, None)
    assert 'File "<stage load>", line 5, in area' in text
    assert "return math.pi * r ** 2 / 0" in text
    assert 'File "<stage clean>", line 1' in text
    assert "agi_node" not in text


def test_a_syntax_error_names_its_line(stage: Stages) -> None:
    with pytest.raises(SyntaxError) as raised:
        stage("x = 1\ny = = 2")
    assert raised.value.lineno == 2
    assert raised.value.filename == "<stage clean>"


def test_what_was_promised_must_be_there(stage: Stages) -> None:
    with pytest.raises(AgiError) as refused:
        stage("tabel = 1", outputs=("table",))
    assert refused.value.code == "AGI-STAGE-101"
    assert "tabel" in (refused.value.found or "")
    with pytest.raises(AgiError) as refused:
        stage("open('b.csv', 'w').close()", outputs=("a.csv",))
    assert refused.value.code == "AGI-STAGE-101"
    assert "b.csv" in (refused.value.found or "")


@pytest.mark.parametrize(
    ("code", "outputs", "advice"),
    [
        ("tabel = 1", ("table",), '"tabel" in place of "table" among the outputs'),
        ("n = 1", ("table",), "table = … in the code"),
        ("open('a.csv', 'w').close()", ("out/a.csv",), '"a.csv" in place of "out/a.csv" among the outputs'),
        ("open('out/b.csv', 'w').close()", ("out/a.csv",), '"out/b.csv" in place of "out/a.csv"'),
        ("open('/dev/null', 'w').close()", ("out/a.csv",), "a path that begins with / or ~"),
    ],
)
def test_an_output_that_is_not_there_is_looked_for_among_those_that_are(
    stage: Stages, code: str, outputs: tuple[str, ...], advice: str
) -> None:
    with pytest.raises(AgiError) as refused:
        stage(code, outputs=outputs)
    assert refused.value.code == "AGI-STAGE-101"
    assert advice in (refused.value.try_ or "")


def test_files_by_pattern_and_by_folder(stage: Stages) -> None:
    code = "import pathlib\nfor n in 'ab':\n    pathlib.Path(f'out/{n}.txt').write_text(n)\n"
    assert stage(code, outputs=("out/*.txt",))["files"]["out/*.txt"] == {
        "out/a.txt": "a.txt",
        "out/b.txt": "b.txt",
    }
    assert list(stage(code, outputs=("out/",))["files"]["out/"]) == ["out/a.txt", "out/b.txt"]


def test_two_files_of_one_name_are_two_artifacts(stage: Stages) -> None:
    code = "from pathlib import Path\nfor n in 'ab':\n    Path(n, 'x.txt').write_text(n)\n"
    left = stage(code, outputs=("a/x.txt", "b/x.txt"))["files"]
    names = [name for files in left.values() for name in files.values()]
    assert [stage.run.saved[name].read_text() for name in names] == ["a", "b"]


def test_an_input_cannot_be_changed_in_place_unless_it_is_an_output(stage: Stages, tmp_path: Path) -> None:
    source = tmp_path / "n.txt"
    source.write_text("1")
    code = "from pathlib import Path; p = Path('n.txt'); p.write_text(p.read_text() + '2')"
    left = stage(code, outputs=("n.txt",), files={"n.txt": source}, copy=True)
    assert source.read_text() == "1"
    assert stage.run.saved[left["files"]["n.txt"]["n.txt"]].read_text() == "12"


def test_an_input_that_is_handed_on_is_the_same_bytes(stage: Stages, tmp_path: Path) -> None:
    source = tmp_path / "n.txt"
    source.write_text("1")
    left = stage("pass", outputs=("n.txt",), files={"n.txt": source})
    assert stage.run.saved[left["files"]["n.txt"]["n.txt"]].read_text() == "1"
    assert source.exists()


def test_the_item_is_bound_and_named_in_paths(stage: Stages) -> None:
    left = stage(
        "import pathlib; pathlib.Path(f'out/{city}.txt').write_text(city)",
        outputs=("out/{city}.txt",),
        item={"city": "Paris"},
    )
    assert left["files"] == {"out/{city}.txt": {"out/Paris.txt": "Paris.txt"}}
    assert left["item"] == {"city": '"Paris"'}


@pytest.mark.parametrize("text", ["../x", "a/b", "", ".hidden", "x" * 101, "a\0b"])
def test_an_item_leads_nowhere_else(text: str) -> None:
    with pytest.raises(AgiError) as refused:
        filled("out/{city}.csv", {"city": text})
    assert refused.value.code == "AGI-STAGE-103"


def test_an_input_that_is_gone_is_said(stage: Stages, tmp_path: Path) -> None:
    with pytest.raises(AgiError) as refused:
        stage("pass", files={"a.csv": tmp_path / "never.csv"})
    assert refused.value.code == "AGI-STAGE-102"
    assert "a.csv" in refused.value.what


def test_a_stage_may_skip_itself(stage: Stages) -> None:
    assert stage("Skip('no rows')") == Skip("no rows")


def test_a_stage_draws_into_files_and_leaves_the_variable_alone(
    stage: Stages, monkeypatch: pytest.MonkeyPatch
) -> None:
    said = "module://matplotlib_inline.backend_inline"
    monkeypatch.setenv("MPLBACKEND", said)
    assert stage("import os\nos.environ['MPLBACKEND']")["shown"] == "'module://agi_node.shown'"
    assert os.environ["MPLBACKEND"] == said


def test_show_ends_a_figure_as_in_a_notebook(stage: Stages) -> None:
    pytest.importorskip("matplotlib.pyplot")
    code = """
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.show()
plt.plot([3, 4]); lines = len(plt.gca().lines)
plt.show(); left = plt.get_fignums()
plt.bar([1], [2])
lines, left
"""
    for _ in range(2):
        assert stage(code)["shown"] == "(1, [])"
        assert sorted(stage.run.saved) == ["figure_1", "figure_2", "figure_3"]
        # Whoever asks for Agg itself gets what it does: nothing is shown. The next stage has its own again.
        agg = "import matplotlib; matplotlib.use('agg')\n" + code
        assert stage(agg)["shown"] == "(2, [1])"


@pytest.mark.parametrize(
    "makes",
    [
        "os.mkdir('out')",
        "os.makedirs('out')",
        "os.makedirs('out/deep')",
        "pathlib.Path('out').mkdir()",
        "shutil.copytree('.', 'out', ignore=lambda folder, names: names)",
        "os.mkdir(os.path.abspath('out'))",
        "os.makedirs('out', exist_ok=True)",
        "pass",  # an earlier cell made it
    ],
)
def test_folders_of_promised_files_are_there_and_may_be_made(stage: Stages, makes: str) -> None:
    write = """os.makedirs('out/deep', exist_ok=True)
for name in ('deep/a.txt', 'b.txt'):
    pathlib.Path('out', name).touch()"""
    code = f"import os, pathlib, shutil\n{makes}\n{write}"
    assert set(stage(code, outputs=("out/deep/a.txt", "out/b.txt"))["files"]) == {
        "out/deep/a.txt",
        "out/b.txt",
    }


def test_a_folder_with_a_file_in_it_cannot_be_made_again(stage: Stages) -> None:
    with pytest.raises(FileExistsError):
        stage("import os; open('out/a.txt', 'w').close(); os.mkdir('out')", outputs=("out/a.txt",))
    with pytest.raises(FileExistsError):  # once, as anywhere
        stage("import os; os.mkdir('out'); os.mkdir('out')", outputs=("out/a.txt",))


ASKS = {
    "os.path.exists('out')": "os.makedirs('out', exist_ok=True)",
    "os.path.isdir('out')": "os.mkdir('out')",
    "pathlib.Path('out').exists()": "pathlib.Path('out').mkdir(parents=True)",
    "pathlib.Path('out').is_dir()": "pathlib.Path('out').mkdir(exist_ok=True)",
}


@pytest.mark.parametrize("asks", ASKS)
def test_whoever_makes_a_folder_and_asks_for_it_first_finds_none(stage: Stages, asks: str) -> None:
    code = f"import os, pathlib\nx = {asks}\nif not x:\n    {ASKS[asks]}\nopen('out/a.txt', 'w').close()"
    assert stage(code, outputs=("x", "out/a.txt"))["values"]["x"]["text"] == "false"
    of_another = f"import os, pathlib\nx = {asks}\nopen('out/a.txt', 'w').close()"
    assert stage(of_another, outputs=("x", "out/a.txt"))["values"]["x"]["text"] == "true", (
        "an earlier cell made it"
    )


def test_words_of_the_command_line_go_with_their_stage(stage: Stages) -> None:
    before = list(sys.argv)
    stage("import sys; sys.argv = ['prog.py', '3']; sys.argv.append('x')")
    assert sys.argv == before


def test_figures_are_kept_and_closed(stage: Stages) -> None:
    pyplot = pytest.importorskip("matplotlib.pyplot")
    stage("import matplotlib.pyplot as plt\nplt.plot([1, 2]); plt.show()\nplt.figure(); plt.bar([1], [2])")
    assert sorted(stage.run.saved) == ["figure_1", "figure_2"]
    assert stage.run.saved["figure_1"].read_bytes().startswith(b"\x89PNG")
    assert pyplot.get_fignums() == []


STYLES = """
import sys
from pathlib import Path
from tests.agi_node.test_stage import Stages
folder = Path(sys.argv[1])
(folder / "matplotlibrc").write_text("lines.linewidth: 7\\n")
stage, look = Stages(folder), "import matplotlib; x = matplotlib.rcParams['lines.linewidth']"
given = {"files": {"matplotlibrc": folder / "matplotlibrc"}}
print([stage.value(look, **(given if has else {})) for has in map(int, sys.argv[2])])
"""


@pytest.mark.parametrize(("has", "widths"), [("101", "[7.0, 3.0, 7.0]"), ("010", "[3.0, 7.0, 3.0]")])
def test_a_style_file_counts_for_the_stages_that_have_it_and_else_the_persons_own(
    tmp_path: Path, has: str, widths: str
) -> None:
    """Whichever of them was the first to import Matplotlib in its worker."""
    pytest.importorskip("matplotlib")
    (tmp_path / "own").write_text("lines.linewidth: 3\n")
    done = subprocess.run(
        [sys.executable, "-c", STYLES, str(tmp_path), has],
        env={**os.environ, "MATPLOTLIBRC": str(tmp_path / "own")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == widths


def test_files_that_nobody_declared_are_told(stage: Stages, capsys: pytest.CaptureFixture[str]) -> None:
    stage("open('left.csv', 'w').close()")
    assert "left.csv" in capsys.readouterr().out


def test_an_input_that_changed_since_the_plan_is_refused(tmp_path: Path) -> None:
    source = tmp_path / "n.txt"
    source.write_text("longer than it was")
    given = {"values": {}, "files": [{"path": "n.txt", "source": str(source), "size": 3}], "item": {}}
    (tmp_path / "in.json").write_text(json.dumps(given))
    order = {"code": "pass", "carried": [], "outputs": []}
    with pytest.raises(AgiError) as refused:
        run_stage("clean", order, str(tmp_path / "in.json"), RunContext.local(tmp_path / "run"))
    assert refused.value.code == "AGI-STAGE-102"
    assert "changed after the run was planned" in refused.value.what


@pytest.fixture
def left_open() -> Iterator[None]:
    """Python complains of files that code left open when it collects them: here, where it is expected."""
    yield
    gc.collect()


CHANGES = [
    "with open('data/in.csv', 'a') as f: f.write('4\\n')",
    "with open('data/in.csv', 'w') as f: f.write('a\\n2\\n')",
    "import os, pathlib; os.remove('data/in.csv'); pathlib.Path('data/in.csv').write_text('other')",
    "import os, pathlib; pathlib.Path('new').write_text('a\\n9\\n'); os.replace('new', 'data/in.csv')",
    "f = open('data/in.csv', 'a'); n = f.write('4')",
]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("left_open")
@pytest.mark.parametrize("code", CHANGES)
@pytest.mark.parametrize("mode", [0o644, 0o444])
def test_a_stage_that_changes_an_input_fails_and_the_file_stays(
    stage: Stages, tmp_path: Path, code: str, mode: int
) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n")
    source.chmod(mode)
    with pytest.raises(AgiError, match=r"stage clean changed its input data/in\.csv; declare it") as refused:
        stage(code, files={"data/in.csv": source})
    assert refused.value.code == "AGI-STAGE-116"
    assert "copy" in str(refused.value.found)
    assert source.read_text() == "a\n1\n"


@pytest.mark.parametrize(
    "code",
    [
        "with open('data/in.csv') as f: f.read()",
        "import os; os.utime('data/in.csv', (1, 1))",
        "import os; os.remove('data/in.csv')",
        "import shutil; shutil.copy('data/in.csv', 'my.csv'); open('my.csv', 'a').close()",
    ],
)
def test_what_leaves_the_bytes_alone_is_no_change(stage: Stages, tmp_path: Path, code: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n")
    source.chmod(0o444)
    stage(code, files={"data/in.csv": source})
    assert source.read_text() == "a\n1\n"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.usefixtures("left_open")
def test_what_an_open_file_still_holds_is_kept(stage: Stages) -> None:
    code = "f = open('out.txt', 'w'); n = f.write('whole')"
    stage(code, outputs=("out.txt",))
    assert stage.run.saved["out.txt"].read_text() == "whole"
    assert stage.run._staging.entries[0]["size"] == 5


@pytest.mark.parametrize("output", ["data/in.csv", "data/*.csv", "data/"])
def test_an_input_that_is_an_output_too_may_be_changed(stage: Stages, tmp_path: Path, output: str) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n")
    left = stage(CHANGES[0], files={"data/in.csv": source}, outputs=(output,))
    assert left["files"][output] == {"data/in.csv": "in.csv"}
    assert stage.run.saved["in.csv"].read_text() == "a\n1\n4\n"
    assert source.read_text() == "a\n1\n"


def test_a_stage_that_fails_by_itself_is_told_that(stage: Stages, tmp_path: Path) -> None:
    source = tmp_path / "in.csv"
    source.write_text("a\n1\n")
    with pytest.raises(ZeroDivisionError):
        stage(CHANGES[0] + "\n1 / 0", files={"data/in.csv": source})


def spoil(inputs: Inputs, path: Path, *, fails: bool) -> None:
    with inputs:
        with open(path, "r+b") as file:
            file.write(b"x")
        if fails:
            raise ZeroDivisionError


@pytest.mark.parametrize("fails", [False, True])
@pytest.mark.parametrize("stored", [False, True])
def test_damage_to_a_file_too_large_to_copy_is_said_and_an_object_set_aside(
    tmp_path: Path, stored: bool, fails: bool
) -> None:
    source = tmp_path / "objects" / "ab" / "cdef"
    source.parent.mkdir(parents=True)
    with open(source, "wb") as file:
        file.truncate(COPIED + 1)
    digest = sha256_file(source)
    work = tmp_path / "work"
    inputs = Inputs("big", work, ())
    inputs.place({"path": "in.bin", "source": str(source), "digest": digest, "stored": stored})
    if not (work / "in.bin").is_symlink():
        pytest.skip("this file system clones, so that nothing is linked")
    with inputs:
        os.utime(source, (1, 1))  # other facts, the same bytes
    with pytest.raises(AgiError) as refused:
        spoil(inputs, work / "in.bin", fails=fails)
    assert "damaged" in str(refused.value.found)
    assert source.exists() is not stored
    assert isinstance(refused.value.__cause__, ZeroDivisionError) is fails


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_somebody_without_rights_is_told_the_same() -> None:
    import fcntl  # noqa: F401  # the child may not read the interpreter's own files

    folder = Path(tempfile.mkdtemp())
    source = folder / "in.csv"
    source.write_text("a\n1\n")
    source.chmod(0o444)
    folder.chmod(0o777)
    try:
        child = os.fork()
        if not child:
            try:
                os.setuid(65534)
                inputs = Inputs("clean", folder / "work", ())
                inputs.place({"path": "in.csv", "source": str(source)})
                with inputs:
                    (folder / "work" / "in.csv").write_text("other")
            except AgiError as refused:
                os._exit(77 if refused.code == "AGI-STAGE-116" else 1)
            except BaseException:
                os._exit(2)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 77
        assert source.read_text() == "a\n1\n"
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize("outputs", [(), ("*",)])
@pytest.mark.parametrize(
    ("text", "mode", "stored", "runs"),
    [
        ("#!/bin/sh\n", 0o755, False, True),
        ("#!/bin/sh\n", 0o644, False, False),
        ("#!/bin/sh\n", 0o444, True, True),
        ("a,b\n", 0o444, True, False),
    ],
)
def test_a_program_may_be_run_where_a_stage_is_given_it(
    text: str, mode: int, stored: bool, runs: bool, outputs: tuple[str, ...], tmp_path: Path
) -> None:
    source = tmp_path / "tool"
    source.write_text(text)
    source.chmod(mode)
    work = tmp_path / "work"
    inputs = Inputs("s", work, outputs)
    inputs.place({"path": "tool", "source": str(source), "stored": stored})
    with inputs:
        assert os.access(work / "tool", os.X_OK) is runs
    assert source.stat().st_mode & 0o777 == mode
