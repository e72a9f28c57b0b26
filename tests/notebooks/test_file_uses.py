"""Which files stages take and promise: what happens in the cells, not what stands in them.

The oracle is a plain script: the same cells run one after another in an empty folder, stage by stage, each stage in a
folder of its own with nothing but the files that it takes; what it promises has to be there at its end.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from agilab.contracts.lab_stages import LabStages, Stage, is_file
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.stages.staging import Staged, stage_notebooks
from agilab.workflow.document.resolve import resolve
from tests.notebooks.building import code, notebook


def staged(*notebooks: tuple[str, ...], folder: Path | None = None) -> Staged:
    """Notebooks, each of cells; in a folder where files lie that they may find."""
    inspections = []
    for number, cells in enumerate(notebooks):
        data = notebook(*cells)
        if folder is None:
            inspections.append(inspect(data, name=f"n{number}.ipynb"))
        else:
            path = folder / f"n{number}.ipynb"
            path.write_bytes(data)
            inspections.append(inspect(path))
    return stage_notebooks(inspections, per="cell")


def takes(stage: Stage) -> list[str]:
    names = [one if isinstance(one, str) else one.name for one in stage.inputs]
    return sorted(name for name in names if is_file(name))


def gives(stage: Stage) -> list[str]:
    return sorted(name for name in stage.outputs if is_file(name))


def files(found: Staged) -> list[tuple[list[str], list[str]]]:
    return [(takes(stage), gives(stage)) for stage in found.lab.stages if stage.kind != "none"]


def said(found: Staged, code: str) -> list[str]:
    return [one.what for _, one in found.findings if one.code == code]


RUN = """
import json, os, sys
cells, made = json.load(sys.stdin), {"__name__": "__main__"}
for number, source in enumerate(cells):
    exec(compile(source, f"<cell {number}>", "exec"), made)
print("\\n" + json.dumps(sorted(os.path.relpath(os.path.join(at, name), sys.argv[1])
                                for at, _, names in os.walk(sys.argv[1]) for name in names)))
"""


def left(folder: Path, *sources: str) -> list[str]:
    """The files that lie in a folder when Python has run these texts there, one after another."""
    folder.mkdir(parents=True, exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-c", RUN, str(folder)],
        input=json.dumps(sources),
        cwd=folder,
        text=True,
        capture_output=True,
        check=True,
    )
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def copied(source: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True)
    if source.is_dir():
        shutil.copytree(source, to, dirs_exist_ok=True)
    else:
        shutil.copyfile(source, to)


def run_apart(lab: LabStages, root: Path) -> None:
    """Run stages that only files tie together, each in a folder of its own; what is promised has to be there."""
    store = root / "store"
    store.mkdir(exist_ok=True)
    for stage in lab.stages:
        room = root / stage.id
        room.mkdir()
        for name in takes(stage):
            there = sorted(store.glob(name))
            assert there, f"nobody makes {name}"
            for one in there:
                copied(one, room / one.relative_to(store))
        for name in gives(stage):
            (room / name).parent.mkdir(parents=True, exist_ok=True)
        left(room, stage.code)
        for name in gives(stage):
            made = sorted(room.glob(name))
            assert made, f"{stage.id} promises {name}"
            for one in made:
                copied(one, store / one.relative_to(room))


SURE: dict[str, tuple[str, ...]] = {
    "plain": ("open('a.txt', 'w').write('x')",),
    "under a condition": ("verbose = False\nif verbose:\n    open('a.txt', 'w')\nopen('b.txt', 'w')",),
    "on both ways": ("import os\nif os.sep:\n    open('a.txt', 'w')\nelse:\n    open('a.txt', 'w')",),
    "a ternary": ("v = False\nopen('a.txt', 'w') if v else open('b.txt', 'w')",),
    "a name by a ternary": ("v = False\np = 'a.txt' if v else 'b.txt'\nopen(p, 'w')",),
    "and": ("v = ''\nv and open('a.txt', 'w')",),
    "a try that fails": ("try:\n    1 / 0\n    open('a.txt', 'w')\nexcept ArithmeticError:\n    pass",),
    "an except": ("try:\n    pass\nexcept OSError:\n    open('a.txt', 'w')",),
    "tried and told": ("try:\n    open('a.txt', 'w')\nexcept OSError:\n    raise",),
    "at last": ("try:\n    pass\nfinally:\n    open('a.txt', 'w')",),
    "where it is not there": ("import os\nif not os.path.exists('a.txt'):\n    open('a.txt', 'w')",),
    "a path that is not there": (
        "from pathlib import Path\np = Path('a.txt')\nif not p.exists():\n    p.write_text('x')",
    ),
    "main": ("def main():\n    open('a.txt', 'w')\nif __name__ == '__main__':\n    main()",),
    "a case": ("match 3:\n    case 3:\n        open('b.txt', 'w')\n    case _:\n        open('a.txt', 'w')",),
    "removed": ("import os\nopen('a.txt', 'w')\nopen('b.txt', 'w')\nos.remove('a.txt')",),
    "removed first": ("import os\nopen('a.txt', 'w')\nos.remove('a.txt')\nopen('a.txt', 'w')",),
    "unlinked": ("from pathlib import Path\nPath('a.txt').touch()\nPath('a.txt').unlink()",),
    "perhaps removed": ("import os\nopen('a.txt', 'w')\nif os.sep:\n    os.remove('a.txt')",),
    "renamed": ("import os\nopen('b.txt', 'w')\nos.rename('b.txt', 'a.txt')",),
    "moved": ("import shutil\nopen('a.txt', 'w')\nshutil.move('a.txt', 'b.txt')",),
    "a folder removed": (
        "import os, shutil\nos.mkdir('t')\nopen('t/a.txt', 'w')\nopen('b.txt', 'w')\nshutil.rmtree('t')",
    ),
    "a function": ("def save():\n    open('a.txt', 'w')", "save()"),
    "a function of a function": ("def f():\n    open('a.txt', 'w')\ndef g():\n    f()", "g()"),
    "never called": ("def save():\n    open('a.txt', 'w')", "open('b.txt', 'w')"),
    "a function that may end": (
        "def save(x):\n    if not x:\n        return\n    open('a.txt', 'w')",
        "save(0)\nopen('b.txt', 'w')",
    ),
    "a function made anew": (
        "def save():\n    open('a.txt', 'w')",
        "def save():\n    open('b.txt', 'w')",
        "save()",
    ),
    "a method": (
        "class Log:\n    def save(self):\n        open('a.txt', 'w')\n    def other(self):\n        open('b.txt', 'w')",
        "Log().other()",
    ),
    "another folder": ("import os\nos.mkdir('s')\nos.chdir('s')\nopen('a.txt', 'w')\nopen('../b.txt', 'w')",),
    "there and back": (
        "import os\nhome = os.getcwd()\nos.mkdir('s')\nos.chdir('s')\nopen('a.txt', 'w')\n"
        "os.chdir(home)\nopen('b.txt', 'w')",
    ),
    "a folder, perhaps": ("import os\nos.mkdir('s')\nif os.sep:\n    os.chdir('s')\nopen('a.txt', 'w')",),
    "a folder that nobody knows": ("import os\nos.mkdir('s')\nos.chdir(max(['s']))\nopen('a.txt', 'w')",),
    "a helper that changes it": (
        "import os\ndef there():\n    os.mkdir('s')\n    os.chdir('s')\nthere()\nopen('a.txt', 'w')",
    ),
    "many": ("for k in ('x', 'y'):\n    open(f'{k}.txt', 'w').write(k)",),
    "their order in a line": ("import os; open('a.txt', 'w'); os.remove('a.txt'); open('b.txt', 'w')",),
}


@pytest.mark.parametrize("name", SURE)
def test_what_is_promised_is_there_when_the_cells_have_run(name: str, tmp_path: Path) -> None:
    found = staged(SURE[name])
    promised = {path for stage in found.lab.stages for path in gives(stage)}
    there = set(left(tmp_path / "room", *SURE[name]))
    assert promised <= there
    unsaid = there - promised
    told = " ".join(said(found, "NB-307"))
    assert all(Path(path).name in told for path in unsaid), "what is not promised is told"


@pytest.mark.parametrize(
    ("name", "promised"),
    [
        ("on both ways", ["a.txt"]), ("tried and told", ["a.txt"]), ("at last", ["a.txt"]), ("main", ["a.txt"]),
        ("where it is not there", ["a.txt"]), ("a path that is not there", ["a.txt"]), ("renamed", ["a.txt"]),
        ("removed first", ["a.txt"]), ("moved", ["b.txt"]), ("a function", ["a.txt"]), ("removed", ["b.txt"]),
        ("there and back", ["b.txt", "s/a.txt"]), ("a function of a function", ["a.txt"]), ("an except", []),
        ("another folder", ["b.txt", "s/a.txt"]), ("a helper that changes it", ["s/a.txt"]),
        ("many", ["x.txt", "y.txt"]), ("never called", ["b.txt"]), ("a function made anew", ["b.txt"]),
        ("under a condition", ["b.txt"]),
    ],
)  # fmt: skip
def test_what_certainly_is_written_is_promised(name: str, promised: list[str]) -> None:
    assert [path for stage in staged(SURE[name]).lab.stages for path in gives(stage)] == promised


def test_a_file_that_may_not_be_written_is_told_with_its_condition() -> None:
    found = staged(SURE["under a condition"])
    assert said(found, "NB-307") == ["“a.txt” is written only if verbose, so no stage promises it"]
    (one,) = [one for _, one in found.findings if one.code == "NB-307"]
    assert (one.cell, one.line) == (0, 3)


@pytest.mark.parametrize(
    ("name", "path"),
    [("'fig'", "fig.png"), ("'fig.pdf'", "fig.pdf"), ("'fig', format='svg'", "./fig"), ("f'{n}'", "3.png")],
)
def test_a_figure_gets_its_ending_also_where_a_function_saves_it(
    name: str, path: str, tmp_path: Path
) -> None:
    """As matplotlib does, to whatever name the function is given; one that is given the format keeps its name."""
    given = ", format='svg'" if "format" in name else ""
    save = f"def savefig(name, **more):\n    print('saving', name)\n    plt.savefig(name{given})"
    (tmp_path / "utils.py").write_text(f"import matplotlib.pyplot as plt\n{save}")
    cell = f"from utils import savefig\nn = 3\nplt.plot([1, 2])\nsavefig({name})"
    stage = staged(("import matplotlib.pyplot as plt", cell), folder=tmp_path).lab.stages[-1]
    assert gives(stage) == [path]


def test_numbers_are_added_and_not_put_one_behind_the_other() -> None:
    cell = """n = 1
year = '2020'
part = '1'
open(f'{n + 1}.txt', 'w')
open('a' + '1' + '.txt', 'w')
open(year + part + '.txt', 'w')
for k in (4, 5):
    open(f'{k + 1}.txt', 'w')
"""
    found = staged((cell,))
    assert gives(found.lab.stages[0]) == ["2.txt", "20201.txt", "5.txt", "6.txt", "a1.txt"]


def test_a_stage_below_that_reads_it_is_given_it() -> None:
    cells = ("v = len('x')\nif v:\n    open('a.txt', 'w').write('x')", "print(open('a.txt').read())")
    found = staged(cells)
    assert files(found) == [([], ["a.txt"]), (["a.txt"], [])]
    (what,) = said(found, "NB-307")
    assert "is promised, and a run that does not write it fails" in what
    # What was there before goes on where it is not written anew: then nothing can fail.
    cells = ("open('a.txt', 'w').write('0')", *cells)
    found = staged(cells)
    assert files(found) == [([], ["a.txt"]), (["a.txt"], ["a.txt"]), (["a.txt"], [])]
    assert said(found, "NB-307") == []


NAMED = "for k in ('x', 'y'):\n    open(f'd/p_{k}.txt', 'w').write(k)"
COUNTED = "for k in range(2):\n    open(f'd/p_{k}.txt', 'w').write('0')"


@pytest.mark.parametrize(
    ("write", "read", "given"),
    [
        (NAMED, "glob.glob('d/p_*.txt')", ["d/p_x.txt", "d/p_y.txt"]),
        (COUNTED, "open('d/p_1.txt')", ["d/p_*.txt"]),
        (COUNTED, "glob.glob('d/*.txt')", ["d/p_*.txt"]),
        ("open('d/a.txt', 'w').write('0')\nopen('d/b.csv', 'w').write('0')", "glob.glob('d/*.txt')", ["d/a.txt"]),
        ("open('d/e/a.txt', 'w').write('0')", "glob.glob('d/**/*.txt', recursive=True)", ["d/e/a.txt"]),
    ],
)  # fmt: skip
def test_names_and_patterns_find_each_other_between_notebooks(
    write: str, read: str, given: list[str]
) -> None:
    found = staged((f"import glob\nx = {read}",), (write,))
    assert [stage.origin.notebook for stage in found.lab.stages if stage.origin] == ["n1.ipynb", "n0.ipynb"]
    assert takes(found.lab.stages[1]) == given
    resolved = resolve(found.lab, exists=lambda path: False)
    assert resolved.problems == ()
    assert len(resolved.edges) == 1


def test_what_a_stage_makes_itself_is_not_given_to_it() -> None:
    """A pattern that it writes, a name that it reads; and the shell's `>>`, read further down in the same text."""
    pattern = "def dump(name):\n    open(f'out/{name}.csv', 'w').write('a')\n"
    found = staged((f"import sys\n{pattern}dump(sys.argv[0])\nopen('out/b.csv').read()",))
    assert files(found) == [([], ["out/*.csv"])]
    shell = "%%bash\nmkdir -p work\nfor i in 1 2; do echo $i >> work/sq.csv; done\nwc -l work/sq.csv"
    assert files(staged((shell, "open('work/sq.csv').read()"))) == [
        ([], ["work/sq.csv"]),
        (["work/sq.csv"], []),
    ]
    # What another stage made is added to.
    found = staged(("open('work/sq.csv', 'w').write('0')", shell))
    assert files(found) == [([], ["work/sq.csv"]), (["work/sq.csv"], ["work/sq.csv"])]


def test_what_is_read_before_it_is_written_is_given() -> None:
    found = staged(("t = open('a.txt').read()\nopen('a.txt', 'w').write(t)",))
    assert files(found) == [(["a.txt"], ["a.txt"])]


def test_a_cache_is_given_if_it_is_there_and_made_if_not(tmp_path: Path) -> None:
    cell = (
        "try:\n    t = open('cache.txt').read()\nexcept FileNotFoundError:\n    t = 'x'\n"
        "    open('cache.txt', 'w').write(t)",
    )
    without = staged(cell, folder=tmp_path)
    assert files(without) == [([], [])]
    assert "is not there and no cell above makes it" in said(without, "NB-308")[0]
    (tmp_path / "cache.txt").write_text("y")
    assert files(staged(cell, folder=tmp_path)) == [(["cache.txt"], [])]
    # Whoever always reads a file has to have it, there or not.
    (tmp_path / "cache.txt").unlink()
    assert files(staged(("open('cache.txt').read()",), folder=tmp_path)) == [(["cache.txt"], [])]


def test_a_file_of_a_stage_above_that_is_moved_away_is_given_to_whoever_moves_it(tmp_path: Path) -> None:
    cells = (
        "open('a.txt', 'w').write('x')",
        "import os\nos.rename('a.txt', 'b.txt')",
        "import os\nos.remove('b.txt')",
    )
    found = staged(cells)
    assert files(found) == [([], ["a.txt"]), (["a.txt"], ["b.txt"]), (["b.txt"], [])]
    run_apart(found.lab, tmp_path)


@pytest.mark.parametrize(
    ("command", "promised"),
    [
        ("echo 1 > a.txt; rm a.txt; echo 2 > b.txt", ["b.txt"]),
        ("echo 1 > a.txt && mv a.txt b.txt", ["b.txt"]),
        ("test -f a.txt || echo 1 > a.txt", []),
        ("if [ -f x ]; then echo 1 > a.txt; fi\necho 1 > b.txt", ["b.txt"]),
        ("for i in 1 2; do echo 1 > a_$i.txt; done", ["a_*.txt"]),
        ("cat > a.txt <<EOF\nrm a.txt\nEOF", ["a.txt"]),
    ],
)
def test_what_a_shell_leaves_is_promised(command: str, promised: list[str], tmp_path: Path) -> None:
    found = staged((f"%%bash\n{command}",))
    assert [path for stage in found.lab.stages for path in gives(stage)] == promised
    subprocess.run(["bash"], input=command, text=True, cwd=tmp_path, check=True)
    assert all(list(tmp_path.glob(path)) for path in promised)


# ---- modules that cells write

WRITES = "%%writefile helper.py\ndef scale(x):\n    return 3 * x"


def test_a_module_that_a_cell_writes_is_no_package_and_goes_where_it_is_imported() -> None:
    found = staged((WRITES, "from helper import scale", "y = scale(2)", "z = len('abc')"))
    inspection = inspect(notebook(WRITES, "from helper import scale"))
    assert [(one.module, one.known_by, one.distribution) for one in inspection.imports][1:] == [
        ("helper", "local", "")
    ]
    by_code = {stage.code.strip(): stage for stage in found.lab.stages}
    writer = next(stage for text, stage in by_code.items() if "write_text" in text)
    assert gives(writer) == ["helper.py"]
    assert by_code["y = scale(2)"].uses
    assert takes(by_code["y = scale(2)"]) == ["helper.py"]
    assert takes(by_code["z = len('abc')"]) == []


@pytest.mark.parametrize(
    ("write", "line", "path"),
    [
        ("open('tools.py', 'w').write('x = 1')", "import tools", "tools.py"),
        ("%%writefile lib/tools.py\nx = 1", "import sys\nsys.path.append('lib')\nimport tools", "lib/tools.py"),
        ("%%writefile kit/parts.py\nx = 1", "from kit.parts import x", "kit/parts.py"),
    ],
)  # fmt: skip
def test_wherever_a_module_is_written_it_is_the_notebooks_own(write: str, line: str, path: str) -> None:
    inspection = inspect(notebook(write, line))
    last = inspection.imports[-1]
    assert (last.known_by, last.distribution) == ("local", "")
    assert takes(staged((write, line + "\nprint(1)")).lab.stages[1]) == [path]
    assert inspection.known_distributions == ()


def test_cells_are_looked_at_alike_whether_or_not_a_folder_is_known(tmp_path: Path) -> None:
    cells = ("open('a.txt', 'w')", code("open('a.txt').read()"))
    assert files(staged(cells)) == files(staged(cells, folder=tmp_path))  # type: ignore[arg-type]
    assert os.listdir(tmp_path) == ["n0.ipynb"]


HELPERS = """
import json
def save(d, path="out.json"):
    with open(path, "w") as f:
        json.dump(d, f)
def save_both(folder, path="x", *, d=1):
    for k in ("a", "b"):
        save(d, f"{folder}_{k}.json")
class Store:
    def __init__(self, name):
        self.name = name
    def put(self, path, d):
        save(d, path=path)
"""


@pytest.mark.parametrize(
    ("call", "made"),
    [
        ("save(1)", ["out.json"]),
        ("save(1, 'a.json')", ["a.json"]),
        ("save(path='a.json', d=1)", ["a.json"]),
        ("for n in ['k', 'l']:\n    save(1, f'item_{n}.json')", ["item_k.json", "item_l.json"]),
        ("save_both('res', d=3)", ["res_a.json", "res_b.json"]),
        ("store = Store('q')\nstore.put('m.json', 4)", ["m.json"]),
    ],
    ids=str,
)
def test_a_helper_writes_what_its_call_names(call: str, made: list[str], tmp_path: Path) -> None:
    """The oracle: the cells as a script, in an empty folder."""
    reads = "; ".join(f"print(open({path!r}).read())" for path in made)
    found = staged((HELPERS, call, reads), folder=tmp_path)
    assert [takes(stage) for stage in found.lab.stages][-1] == made
    assert [gives(stage) for stage in found.lab.stages if gives(stage)] == [made]
    room = tmp_path / "room"
    room.mkdir()
    subprocess.run([sys.executable, "-c", f"{HELPERS}\n{call}\n"], cwd=room, check=True)
    assert sorted(os.listdir(room)) == made


@pytest.mark.parametrize(
    "helper",
    [
        "def save(d, path):\n    path = path + '.gz'\n    open(path, 'w').write(d)",
        "def save(d, *path):\n    for path in path:\n        open(path, 'w').write(d)",
        "def save(*d, path='b.json'):\n    open(path + suffix, 'w').write('')",
    ],
)
def test_a_path_that_a_helper_makes_something_else_of_is_not_taken_for_it(helper: str) -> None:
    found = staged((helper, "save('x', 'a.json')"))
    assert not {"a.json", "b.json"} & {path for _, given in files(found) for path in given}


def test_cells_of_which_one_may_make_what_another_reads_are_one_stage(tmp_path: Path) -> None:
    cells = (
        "import emcee, h5py\nb = emcee.backends.HDFBackend('chain.h5')\nn = 1",
        "m = n + 1",
        "f = h5py.File('chain.h5', 'r')",
    )
    (stage,) = [one for one in staged(cells, folder=tmp_path).lab.stages if one.kind != "none"]
    assert takes(stage) == []


def test_a_file_that_is_read_and_written_anew_is_no_ring(tmp_path: Path) -> None:
    (tmp_path / "in.txt").write_text("1\n")
    cells = (
        "rows = open('in.txt').read()",
        "open('in.txt', 'w').write(rows + '2\\n')",
        "more = open('in.txt').read()",
        "open('in.txt', 'w').write(more + '3\\n')",
        "print(open('in.txt').read())",
    )
    found = staged(cells, folder=tmp_path)
    assert files(found) == [(["in.txt"], ["in.txt"]), (["in.txt"], [])]
    assert not resolve(found.lab, exists=lambda path: path == "in.txt").cycles


@pytest.mark.parametrize(
    "command",
    [
        "import subprocess\nsubprocess.run(['nice', './prog.py', '9'])",
        "import os\nos.system('nice ./prog.py')",
        "!pygmentize prog.py",
    ],
)
def test_a_word_of_a_command_that_names_a_made_file_is_taken(command: str) -> None:
    found = staged(("%%writefile prog.py\nprint(1)", command))
    assert files(found) == [([], ["prog.py"]), (["prog.py"], [])]
    below = staged((command, "%%writefile prog.py\nprint(1)"))
    assert files(below)[0][0] == [], "what is made below is not what is meant"


ENDED = {
    "an array": [
        'import numpy as np\nnp.save("a", np.arange(3))',
        'import numpy as np\nassert np.load("a.npy").sum() == 3',
    ],
    "arrays": [
        'import numpy as np\nnp.savez("b.v2", x=np.arange(3))\nnp.savez_compressed("c.npz", x=1)',
        'import numpy as np\nassert np.load("b.v2.npz")["x"].sum() + np.load("c.npz")["x"] == 4',
    ],
    "a path": [
        'from pathlib import Path\nimport numpy as np\nnp.save(Path("o") / "a", np.arange(3))',
        'import numpy as np\nassert np.load("o/a.npy").sum() == 3',
    ],
    "a handle": [
        'import numpy as np\nwith open("a.bin", "wb") as file:\n    np.save(file, np.arange(3))',
        'assert np.load("a.bin").sum() == 3',
    ],
}


@pytest.mark.parametrize("name", ENDED)
def test_a_name_that_a_library_ends_is_that_of_its_file(name: str, tmp_path: Path) -> None:
    pytest.importorskip("numpy")
    found = staged(tuple(ENDED[name]))
    run_apart(found.lab, tmp_path)
    assert files(found)[-1][0] == files(found)[0][1] or len(files(found)) == 1


@pytest.mark.parametrize(
    ("cell", "made"),
    [
        ('import matplotlib.pyplot as plt\nplt.savefig("f")', ["f.png"]),
        ('import matplotlib.pyplot as plt\nplt.savefig("f.v2")', ["f.v2"]),
        ('import matplotlib.pyplot as plt\nplt.savefig("f", format="svg")', ["./f"]),
        ('import scipy.io\nscipy.io.savemat("m", {})', ["m.mat"]),
        ('import plotly.offline as po\npo.plot([], filename="p")', ["p.html"]),
        ('import polars as pl\npl.DataFrame({"a": [1]}).write_excel("book")', ["book.xlsx"]),
        ('import numpy as np\nfor n in ["a", "b"]:\n    np.save(f"x_{n}", 1)', ["x_a.npy", "x_b.npy"]),
    ],
)
def test_what_is_promised_has_the_name_that_the_library_gives_it(cell: str, made: list[str]) -> None:
    assert files(staged((cell,)))[0][1] == made


ARCHIVES = {
    "into a folder": ['import zipfile\nzipfile.ZipFile("z.zip").extractall("out")', "out/"],
    "here": ['import zipfile\nwith zipfile.ZipFile("z.zip") as z:\n    z.extractall()', ""],
    "shutil": ['import shutil\nshutil.unpack_archive("z.zip")', ""],
    "shutil, a folder": ['import shutil\nshutil.unpack_archive("z.zip", "out")', "out/"],
    "one by one": ['import zipfile\nz = zipfile.ZipFile("z.zip")\nz.extract("in/a.txt", "out")', "out/"],
    "in a loop": [
        'import zipfile\nz = zipfile.ZipFile("z.zip")\nfor one in z.namelist():\n    z.extract(one, "out")',
        "out/",
    ],
}
TAKERS = (
    'assert open("{}in/a.txt").read() == "1"',
    'import glob\nassert [open(one).read() for one in glob.glob("{}in/*.txt")] == ["1"]',
    'import os\nassert "a.txt" in os.listdir("{}in")',
)


@pytest.mark.parametrize("together", [False, True])
@pytest.mark.parametrize("taker", TAKERS)
@pytest.mark.parametrize("name", ARCHIVES)
def test_what_comes_out_of_an_archive_goes_to_whoever_reads_it(
    name: str, taker: str, together: bool, tmp_path: Path
) -> None:
    lab, store = tmp_path / "lab", tmp_path / "store"
    for folder in (lab, store):
        folder.mkdir()
        with zipfile.ZipFile(folder / "z.zip", "w") as archive:
            archive.writestr("in/a.txt", "1")
    unpack, below = ARCHIVES[name]
    cells = (unpack, taker.format(below))
    if together:
        cells = ("\n".join(cells),)
    run_apart(staged(cells, folder=lab).lab, tmp_path)


def test_a_file_that_lies_there_does_not_come_out_of_an_archive(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("in/a.txt", "1")
    (tmp_path / "b.txt").write_text("2")
    unpack = 'import zipfile\nzipfile.ZipFile("z.zip").extractall()'
    found = staged((unpack, 'open("b.txt").read()'), folder=tmp_path)
    assert files(found) == [(["z.zip"], []), (["b.txt"], [])]


@pytest.mark.parametrize(
    ("command", "made"),
    [
        ("unzip -q z.zip", ["in/a.txt"]),
        ("tar xzf z.tgz", ["in/a.txt"]),
        ("kaggle competitions download -c titanic", ["in/a.txt"]),
        ("unzip -l z.zip", []),
    ],
)
def test_what_a_command_unpacks_is_taken_from_it(command: str, made: list[str], tmp_path: Path) -> None:
    found = staged((f"!{command}", 'open("in/a.txt").read()'), folder=tmp_path)
    assert files(found)[0][1] == made


def test_a_repository_is_a_folder_of_whatever(tmp_path: Path) -> None:
    cells = ("!git clone --depth 1 https://example.org/a/data.git", 'open("data/x/a.csv").read()')
    assert files(staged(cells, folder=tmp_path)) == [([], ["./data"]), (["./data"], [])]


def test_a_shapefile_is_all_that_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    for ending in ("shp", "dbf", "shx"):
        (tmp_path / "in" / f"a.{ending}").write_text("")
    read = 'import geopandas as gpd\na = gpd.read_file("in/a.shp")'
    cells = (read, 'a.to_file("b.shp")', 'import geopandas as gpd\nb = gpd.read_file("b.shp")')
    assert files(staged(cells, folder=tmp_path)) == [(["in/a.*"], []), ([], ["b.*"]), (["b.*"], [])]


def test_a_database_by_key_is_each_of_its_files() -> None:
    cells = (
        'import dbm.dumb\nd = dbm.dumb.open("k", "n")\nd.close()',
        'import dbm.dumb\nd = dbm.dumb.open("k")',
    )
    assert files(staged(cells)) == [([], ["./k*"]), (["./k*"], [])]


@pytest.mark.parametrize(
    "walked",
    [
        "glob.glob('in/*.txt')",
        "sorted(glob.glob('in/*.txt'))",
        "Path('in').glob('*.txt')",
        "list((Path('in')).glob('*.txt'))",
        "FOUND",
    ],
)
def test_a_loop_over_a_pattern_does_to_each_of_its_files_what_it_says(walked: str) -> None:
    first = "import glob, os\nfrom pathlib import Path\n"
    first += "open('in/a.txt', 'w').write('a')\nopen('in/b.csv', 'w').write('b')"
    gone = f"FOUND = sorted(Path('in').glob('*.txt'))\nfor one in {walked}:\n    os.remove(one)"
    (made, removed, last) = files(staged((first, gone, "open('in/b.csv').read()"), folder=None))
    assert made == ([], ["in/a.txt", "in/b.csv"])
    assert removed == (["in/a.txt"], []), "it is not read below, and nobody promises it anew"
    assert last == (["in/b.csv"], [])
    together = f"{first}\nFOUND = sorted(Path('in').glob('*.txt'))\nfor one in {walked}:\n    os.remove(one)"
    assert files(staged((together,))) == [([], ["in/b.csv"])]
