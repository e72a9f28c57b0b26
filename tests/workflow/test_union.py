"""Whether stages could share one kernel: their environments resolved together by uv, their pins and their names."""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.exporting import export_single_kernel
from agilab.workflow.notebooks.union import Union, union_of
from agilab.workflow.running.prepare import read_lab
from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

PROJECT = (
    '[project]\nname = "{name}"\nversion = "0"\nrequires-python = "{python}"\ndependencies = [{needs}]\n'
)
TWO = """
[[stages]]
id = "old"
env = "envs/old"
outputs = ["x"]
code = "x = 1"

[[stages]]
id = "new"
env = "envs/new"
inputs = ["x"]
code = "x + 1"
"""


def project(lab: ALab, name: str, *needs: str, python: str = ">=3.11", **locked: str) -> None:
    """A uv project in the lab's folder; of its lock what the union looks at."""
    folder = lab.folder / "envs" / name
    folder.mkdir(parents=True)
    said = ", ".join(f'"{one}"' for one in needs)
    (folder / "pyproject.toml").write_text(PROJECT.format(name=name, python=python, needs=said))
    source = 'source = { registry = "https://pypi.org/simple" }'
    packages = [f'[[package]]\nname = "{one}"\nversion = "{v}"\n{source}\n' for one, v in locked.items()]
    (folder / "uv.lock").write_text("version = 1\n" + "\n".join(packages))


def united(lab: ALab, workspace: Workspace, text: str = TWO) -> Union:
    return union_of(read_lab(lab.write(text).path), workspace)


def kinds(union: Union) -> list[str]:
    return [one.kind for one in union.obstacles]


def test_environments_that_agree_are_resolved_together_and_say_what_moves(
    lab: ALab, workspace: Workspace
) -> None:
    # 21.3 is a version that exists and is not the newest below 24: two locks made at different times.
    project(lab, "old", "packaging>=21,<24", packaging="21.3")
    project(lab, "new", "packaging>=22", "iniconfig", packaging="24.0", iniconfig="2.0.0")
    union = united(lab, workspace)
    assert union.allowed
    assert union.environments == {"envs/old": ("old",), "envs/new": ("new",)}
    assert union.resolved.keys() == {"packaging", "iniconfig"}
    major = int(union.resolved["packaging"].partition(".")[0])
    assert 22 <= major < 24
    moved = {(home, name): (own, shared) for home, name, own, shared in union.moved}
    assert moved["envs/old", "packaging"] == ("21.3", union.resolved["packaging"])
    assert moved["envs/new", "packaging"] == ("24.0", union.resolved["packaging"])


def test_pins_that_contradict_each_other_are_named(lab: ALab, workspace: Workspace) -> None:
    # pydantic differs too, and agrees: 2.10 is in both, so that it must not be blamed.
    project(lab, "old", "numpy<2", "pydantic>=2.9,<2.11", numpy="1.26.4", pydantic="2.10.6")
    project(lab, "new", "numpy>=2", "pydantic>=2.10", numpy="2.2.0", pydantic="2.12.0")
    union = united(lab, workspace)
    assert not union.allowed
    assert kinds(union) == ["pin", "environment"]
    pin, whole = union.obstacles
    assert pin.what == "numpy: envs/old wants <2, envs/new wants >=2"
    assert pin.stages == ("old", "new")
    assert "numpy" in whole.what
    assert "unsatisfiable" in whole.what, "uv's own words"


def test_pins_are_named_also_where_nothing_is_locked(lab: ALab, workspace: Workspace) -> None:
    project(lab, "old", "numpy<2")
    project(lab, "new", "numpy>=2")
    assert [one.what for one in united(lab, workspace).obstacles][:1] == [
        "numpy: envs/old wants <2, envs/new wants >=2"
    ]


def test_requirements_that_disagree_about_a_third_package_are_named(lab: ALab, workspace: Workspace) -> None:
    # scipy 1.11.4 needs numpy<1.28 (its metadata on PyPI); neither names the other's package.
    project(lab, "old", "scipy==1.11.4", "packaging")
    project(lab, "new", "numpy==2.1.0", "iniconfig")
    union = united(lab, workspace)
    assert not union.allowed
    assert kinds(union) == ["pin", "environment"]
    assert (
        union.obstacles[0].what
        == "scipy==1.11.4 (envs/old) and numpy==2.1.0 (envs/new) cannot be had together"
    )
    assert union.obstacles[0].stages == ("old", "new")


def test_what_goes_together_on_this_python_alone_is_said_so(lab: ALab, workspace: Workspace) -> None:
    here = ".".join(map(str, sys.version_info[:2]))
    project(lab, "old", f"packaging==23.2; python_version != '{here}'", "packaging>=23")
    project(lab, "new", "packaging==24.0")
    union = united(lab, workspace)
    assert union.allowed, union.obstacles
    assert union.resolved["packaging"] == "24.0"
    assert union.only == f"Python {here} on {sys.platform}"
    assert union.to_plain()["only"] == union.only


def test_pythons_that_exclude_each_other_are_named(lab: ALab, workspace: Workspace) -> None:
    project(lab, "old", "iniconfig", python=">=3.11,<3.12")
    project(lab, "new", "iniconfig", python=">=3.12")
    union = united(lab, workspace)
    assert "Python >=3.11,<3.12 and >=3.12" in [one.what for one in union.obstacles]


@pytest.mark.parametrize(
    ("python", "install"), [(">=3.38", "3.38"), ("==3.12.99", ""), ("==3.11.1", "3.11.1")]
)
def test_a_python_that_is_not_here_is_named_beside_those_that_are_and_none_is_fetched(
    lab: ALab,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    python: str,
    install: str,
) -> None:
    here = ".".join(map(str, sys.version_info[:3]))
    if here == "3.11.1":
        pytest.skip("this Python is the one that is asked for")
    # uv alone would fetch 3.11.1, a version that exists, into this folder
    monkeypatch.setenv("UV_PYTHON_INSTALL_DIR", str(tmp_path / "pythons"))
    monkeypatch.setenv("UV_PYTHON_DOWNLOADS", "automatic")
    project(lab, "old", "iniconfig")
    project(lab, "new", "iniconfig", python=python)
    path = read_lab(lab.write(TWO).path)
    with pytest.raises(AgiError) as told:
        union_of(path, workspace)
    assert (told.value.code, told.value.exit_code) == ("AGI-STAGE-055", 3)
    if install:
        assert here in str(told.value.found)
        assert told.value.allowed == f"Python >=3.11 and {python} (requires-python of old, new)"
        assert str(told.value.try_).startswith(f"uv python install {install};")
    assert not list((tmp_path / "pythons").glob("cpython-*"))


def test_pythons_that_no_python_is_are_a_conflict_and_no_lack(lab: ALab, workspace: Workspace) -> None:
    project(lab, "old", "iniconfig", python=">=3.11,<3.12")
    project(lab, "new", "iniconfig", python=">=3.38")
    union = united(lab, workspace)
    assert "Python >=3.11,<3.12 and >=3.38" in [one.what for one in union.obstacles]


def test_names_that_would_mean_something_else_are_found(lab: ALab, workspace: Workspace) -> None:
    union = united(
        lab,
        workspace,
        """
[[stages]]
id = "load"
outputs = ["table", "other"]
code = '''
import math

table = [1, 2]
other = 3
'''

[[stages]]
id = "spoil"
inputs = ["other"]
code = '''
table = None
math = other
'''

[[stages]]
id = "tell"
uses = { load = ["math"] }
inputs = [{ name = "table", from = "load" }, { name = "other", as = "third" }]
code = "math.fsum(table) + third"
""",
    )
    assert kinds(union) == ["name", "name", "changed"]
    said = [one.what for one in union.obstacles]
    assert said[0] == "tell takes table of load, and spoil binds it in between"
    assert said[1] == "tell calls other of load third"
    assert said[2] == "tell uses math of load, and spoil binds it in between"


def test_projects_that_need_nothing_go_together(lab: ALab, workspace: Workspace) -> None:
    project(lab, "old")
    project(lab, "new")
    assert united(lab, workspace).allowed


def test_without_a_network_nothing_is_called_a_conflict(
    lab: ALab, workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project(lab, "old", "iniconfig>=2")
    project(lab, "new", "iniconfig<3")
    monkeypatch.setenv("UV_CACHE_DIR", str(tmp_path / "empty-cache"))
    path = read_lab(lab.write(TWO).path)
    with pytest.raises(AgiError, match="uv cannot tell") as told:
        union_of(path, workspace, offline=True)
    assert (told.value.code, told.value.exit_code) == ("AGI-STAGE-055", 3)


def test_one_environment_needs_no_resolution(lab: ALab, workspace: Workspace) -> None:
    stages = TWO.replace('env = "envs/old"\n', "").replace('env = "envs/new"\n', "")
    union = united(lab, workspace, stages)
    assert union.allowed
    assert union.resolved == {}
    assert union.environments == {"the lab's own": ("old", "new")}


def test_mapped_stages_and_apps_stay_apart(lab: ALab, workspace: Workspace) -> None:
    text = '[[stages]]\nid = "each"\nforeach = { n = [1, 2] }\ncode = "n"\n\n'
    text += '[[stages]]\nid = "queue"\napp = "uav_queue_project"\n'
    union = united(lab, workspace, text)
    assert {"foreach", "runtime"} <= set(kinds(union))


def test_what_uv_locks_is_a_lock(lab: ALab) -> None:
    """The oracle of this file's own locks: what uv reads as one has the same shape."""
    project(lab, "old", "numpy<2", numpy="1.26.4")
    ours = tomllib.loads(Path(lab.folder, "envs", "old", "uv.lock").read_text())["package"][0]
    theirs = tomllib.loads((lab.folder / "uv.lock").read_text())["package"]
    assert ours.keys() <= {key for package in theirs for key in package}


def test_a_name_that_is_read_without_being_taken_would_come_from_whoever_bound_it_last(
    lab: ALab, workspace: Workspace
) -> None:
    stages = (
        '[[stages]]\nid = "a"\ncode = "tmp = 1"\n[[stages]]\nid = "b"\ncode = "tmp = 2"\n'
        '[[stages]]\nid = "c"\ncode = "print(tmp)"\n'
    )
    (found,) = united(lab, workspace, stages).obstacles
    assert found.stages == ("a", "b", "c")
    assert found.what == "c reads tmp, which it does not take: in one kernel it is bound by a and by b"
    # Each with a `tmp` of its own, and nobody who reads another's: one kernel does not mind.
    assert united(lab, workspace, stages.replace("print(tmp)", "tmp = 3")).allowed


SCRIPT = """
[[stages]]
id = "tool"
file = "tool.py"
outputs = ["n"]

[[stages]]
id = "tell"
inputs = ["n"]
code = "print(n)"
"""


def test_a_script_that_ends_itself_or_asks_for_its_file_is_no_cell(lab: ALab, workspace: Workspace) -> None:
    lab.write(SCRIPT)
    tool = lab.folder / "tool.py"
    tool.write_text("import sys\nfrom pathlib import Path\n\nn = Path(__file__).name\nsys.exit(0)\n")
    assert lab.states(lab.run()) == {"tool": "succeeded", "tell": "succeeded"}, "apart both work"
    union = united(lab, workspace, SCRIPT)
    assert [(one.kind, one.stages) for one in union.obstacles] == [("script", ("tool",))] * 2
    assert [one.what for one in union.obstacles] == [
        "tool has sys.exit(0) in line 5: no cell below it would run",
        "tool has __file__ in line 4: a notebook has none",
    ]
    target = lab.folder / "one.ipynb"
    with pytest.raises(AgiError, match="cannot share one kernel") as told:
        export_single_kernel(read_lab(lab.path).document, lab.path, target, workspace)
    assert told.value.code == "AGI-STAGE-049"
    assert "tool has sys.exit(0) in line 5" in str(told.value.found)
    assert not target.exists()
    tool.write_text("import sys\n\nn = 3\nif n > 5:\n    sys.exit('too many')\n")
    assert united(lab, workspace, SCRIPT).allowed, "what fails apart fails in a kernel too"


def test_a_name_whose_lack_a_stage_catches_would_be_there_in_one_kernel(
    lab: ALab, workspace: Workspace
) -> None:
    code = "try:\n    tmp\nexcept NameError:\n    tmp = 0\nprint(tmp)"
    stages = f'[[stages]]\nid = "a"\ncode = "tmp = 1"\n[[stages]]\nid = "b"\ncode = """\n{code}\n"""\n'
    (found,) = united(lab, workspace, stages).obstacles
    assert found.what == "b reads tmp, which it does not take: in one kernel it is bound by a"
