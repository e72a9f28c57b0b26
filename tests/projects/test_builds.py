"""Compiled apps: built once by their own backend, run uncompiled where there is no compiler, and refused otherwise."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from tests.projects.conftest import RunIt, manifest_of, reduced

from agi_node.errors import AgiError
from agilab.contracts.provenance import Compiled
from agilab.contracts.run_result import RunResult
from agilab.envs import Environment, ensure, find_uv
from agilab.projects.builds import Built, build, find, go_on
from agilab.projects.discover import read_app
from agilab.projects.installed import look_at
from agilab.projects.request import Faces, RunRequest
from agilab.projects.run import run_app
from agilab.store.objects import ObjectStore
from agilab.store.snapshot import Snapshot, materialise, take
from agilab.store.store import Store
from agilab.store.workspace import Workspace

pytestmark = [
    pytest.mark.journey,
    pytest.mark.xdist_group("builds"),
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler here"),
]

PROJECT = """
[project]
name = "triangles-project"
version = "0.1.0"
requires-python = ">=3.11"
dependencies = ["pydantic>=2.9", "cython>=3.1", "setuptools>=80"]

[tool.agilab]
app = "triangles:app"
compiled = true

[build-system]
requires = ["setuptools>=80", "cython>=3.1"]
build-backend = "setuptools.build_meta"

[tool.setuptools]
ext-modules = [{ name = "triangles.kernel", sources = ["src/triangles/kernel.pyx"], extra-compile-args = ["-O0"] }]

[tool.setuptools.packages.find]
where = ["src"]
"""

APP = '''
"""Triangular numbers, compiled where there is a compiler."""
from agi_node import App, Args, Partial, Sum, WorkItem
try:
    from triangles.kernel import triangle
    KERNEL = "compiled"
except ImportError:
    KERNEL = "python"
    def triangle(n):
        return sum(range(n + 1))
class A(Args):
    kernel: str = KERNEL
class Total(Partial):
    n: Sum[int] = 0
app = App("triangles", args=A, partial=Total)
@app.plan
def plan(args):
    return [WorkItem(key=str(n), payload=n) for n in (10, 100)]
@app.work
def work(n: int, args, run):
    run.save_json("kernel", {"asked": args.kernel, "ran": KERNEL})
    return Total(n=triangle(n))
'''

CYTHON = """
def triangle(long n):
    cdef long k, total = 0
    for k in range(n + 1):
        total += k
    return total
"""

C = """
#include <Python.h>
static PyObject *triangle(PyObject *self, PyObject *number) {
    long n = PyLong_AsLong(number);
    return PyLong_FromLong(n * (n + 1) / 2);
}
static PyMethodDef methods[] = {{"triangle", triangle, METH_O, ""}, {0}};
static struct PyModuleDef module = {PyModuleDef_HEAD_INIT, "kernel", "", -1, methods};
PyMODINIT_FUNC PyInit_kernel(void) { return PyModule_Create(&module); }
"""

BOTH = {"n": 10 * 11 // 2 + 100 * 101 // 2}


def write(folder: Path, kernel: str, code: str = CYTHON, lock: Path | None = None) -> Path:
    """The app with a kernel in this language; of equal needs, so that one lock and one environment do for all."""
    source = folder / "src/triangles"
    source.mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PROJECT.replace("kernel.pyx", kernel))
    (source / "__init__.py").write_text(APP)
    (source / kernel).write_text(code)
    if lock:
        shutil.copy(lock, folder)
    else:
        subprocess.run([str(find_uv()), "lock", "--quiet", "--directory", str(folder)], check=True)
    return folder


@pytest.fixture(scope="module")
def cython_app(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("apps") / "triangles_project", "kernel.pyx")


@pytest.fixture
def c_app(cython_app: Path, tmp_path: Path) -> Path:
    """The same in C, which is compiled in a third of the time."""
    return write(tmp_path / "triangles_project", "kernel.c", C, cython_app / "uv.lock")


@pytest.fixture
def no_compiler(tmp_path: Path) -> Path:
    """A folder of programs for PATH, with everything that a run may start and no compiler."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("git", "sh", "env"):
        (folder / name).symlink_to(str(shutil.which(name)))
    return folder


@pytest.fixture(scope="module")
def environment(cython_app: Path, workspace: Workspace) -> Environment:
    return ensure(cython_app, workspace.home)


@pytest.fixture
def bare(workspace: Workspace, environment: Environment, tmp_path: Path) -> Workspace:
    """A workspace with that environment and nothing else."""
    (tmp_path / "home").mkdir()
    (tmp_path / "home/envs").symlink_to(workspace.envs)
    return Workspace(tmp_path / "home")


def ready(app: Path, workspace: Workspace) -> tuple[Snapshot, Path]:
    objects = ObjectStore(workspace.objects)
    snapshot = take(app, objects, compiled=True)
    return snapshot, materialise(snapshot, objects, workspace.snapshots)


def built(app: Path, workspace: Workspace, environment: Environment, said: list[str] | None = None) -> Built:
    say = (said if said is not None else []).append
    return build(workspace, *ready(app, workspace), environment, name=app.name, say=say)


def kernels(result: RunResult) -> list[dict[str, str]]:
    """What the units of a run say of the kernel: asked for, and imported."""
    folder = Path(result.manifest or "").parent / "artifacts"
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("kernel*.json"))]


def left_in(workspace: Workspace) -> list[str]:
    return [path.name for path in workspace.builds.iterdir() if path.name != ".locks"]


def test_a_compiled_app_runs_compiled_and_its_manifest_says_with_what(
    run_it: RunIt, cython_app: Path, workspace: Workspace
) -> None:
    before = {path: path.read_bytes() for path in cython_app.rglob("*") if path.is_file()}
    result = run_it(cython_app, cache=True)
    assert reduced(result)["payload"] == BOTH
    # The default of an argument is what the app says where its kernel can be imported.
    assert kernels(result) == [{"asked": "compiled", "ran": "compiled"}] * 2
    app = manifest_of(result)["app"]
    with Store(workspace) as store:
        assert app["source_digest"] == take(cython_app, store.objects, compiled=True).digest
    assert app["compiled"]["state"] == "built"
    (module,) = app["compiled"]["modules"]
    assert module.startswith("triangles/kernel.")
    assert {path: path.read_bytes() for path in cython_app.rglob("*") if path.is_file()} == before
    assert look_at(read_app(cython_app), workspace).state == "ready"


def test_what_was_built_is_used_again_and_an_edit_of_the_kernel_builds_and_runs_anew(
    cython_app: Path, workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    said: list[str] = []

    def again() -> tuple[RunResult, dict[str, str]]:
        said.clear()
        request = RunRequest(str(cython_app), track=False, cache=True)
        result = run_app(request, workspace, Faces(say=said.append))
        with Store(workspace, readonly=True) as store:
            events = store.events(result.run_id or "", kinds=("attempt_started",))
            return result, {str(event.unit_id): str(event.data.get("why")) for event in events}

    again()
    _, why = again()
    assert not [text for text in said if text.startswith("compiling")]
    assert "work[10]" not in why
    kernel = cython_app / "src/triangles/kernel.pyx"
    kernel.write_text(CYTHON.replace("total += k", "total += 2 * k"))
    try:
        result, why = again()
    finally:
        kernel.write_text(CYTHON)
    assert [text for text in said if text.startswith("compiling")] == ["compiling triangles_project"]
    assert reduced(result)["payload"] == {"n": 2 * BOTH["n"]}
    assert why["work[10]"].startswith("code changed: data:triangles/kernel.")
    assert "data:triangles/kernel.pyx" in why["work[10]"]


def test_without_a_compiler_the_plain_source_runs_with_a_clear_word_until_there_is_one(
    c_app: Path, workspace: Workspace, no_compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    path, said, noted = os.environ["PATH"], list[str](), list[str]()

    def again() -> RunResult:
        said.clear()
        noted.clear()
        faces = Faces(say=said.append, note=noted.append)
        return run_app(RunRequest(str(c_app), track=False, cache=True), workspace, faces)

    monkeypatch.setenv("PATH", str(no_compiler))
    for tried in (True, False):
        result = again()
        assert ("compiling triangles_project" in said) is tried, "it is not tried again while nothing changed"
        assert reduced(result)["payload"] == BOTH
        assert kernels(result) == [{"asked": "python", "ran": "python"}] * 2
        (word,) = noted
        assert word.startswith("triangles_project runs uncompiled: no C compiler: ")
        assert word.endswith(" is not found")
        record = manifest_of(result)["app"]["compiled"]
        assert (record["state"], record["modules"]) == ("fallback", {})
        assert record["why"] in word
    monkeypatch.setenv("PATH", path)
    result = again()
    assert noted == []
    assert manifest_of(result)["app"]["compiled"]["state"] == "built"
    assert kernels(result) == [{"asked": "compiled", "ran": "compiled"}] * 2, "a result of before is not used"
    assert reduced(result)["payload"] == BOTH


def test_a_cc_that_is_not_there_is_no_compiler_and_another_cc_is_tried_at_once(
    c_app: Path, bare: Workspace, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CC", "/opt/nowhere/mycc -pthread")
    found = built(c_app, bare, environment)
    assert (found.state, found.why) == ("fallback", "no C compiler: mycc is not found")
    assert found.source == ready(c_app, bare)[1]
    monkeypatch.setenv("CC", "cc")
    assert built(c_app, bare, environment).state == "built"


def test_an_extension_that_the_backend_may_leave_out_is_a_fallback_too(
    c_app: Path, bare: Workspace, environment: Environment, no_compiler: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = c_app / "pyproject.toml"
    project.write_text(project.read_text().replace('["-O0"]', '["-O0"], optional = true'))
    with monkeypatch.context() as without:
        without.setenv("PATH", str(no_compiler))
        assert built(c_app, bare, environment).state == "fallback"
    assert built(c_app, bare, environment).state == "built"
    (c_app / "src/triangles/kernel.c").write_text("#include <nothing_like_this.h>\n")
    with pytest.raises(AgiError, match=r"(?s)AGI-BUILD-002.*nothing_like_this\.h: No such file"):
        built(c_app, bare, environment)


def test_what_a_compiler_complains_of_is_told_with_its_place(
    c_app: Path, bare: Workspace, environment: Environment
) -> None:
    (c_app / "src/triangles/kernel.c").write_text("#include <Python.h>\nint main( { return 0; }\n")
    with pytest.raises(
        AgiError, match=r"(?s)AGI-BUILD-001.*triangles_project could not be compiled"
    ) as caught:
        built(c_app, bare, environment)
    assert str(caught.value.found).startswith("src/triangles/kernel.c:2:")
    assert caught.value.exit_code == 3
    log = Path(str(caught.value.try_).removeprefix("less "))
    assert "src/triangles/kernel.c:2:" in log.read_text()
    assert left_in(bare) == []


def test_what_cython_complains_of_is_told_with_its_place(
    cython_app: Path, bare: Workspace, environment: Environment, tmp_path: Path
) -> None:
    app = Path(shutil.copytree(cython_app, tmp_path / "triangles_project"))
    (app / "src/triangles/kernel.pyx").write_text("def triangle(n):\n    return nothing_like_this +\n")
    with pytest.raises(AgiError, match=r"AGI-BUILD-001") as caught:
        built(app, bare, environment)
    assert str(caught.value.found).startswith("src/triangles/kernel.pyx:2:")


def test_a_backend_that_is_not_locked_is_named(
    c_app: Path, bare: Workspace, environment: Environment
) -> None:
    project = c_app / "pyproject.toml"
    project.write_text(project.read_text().replace("setuptools.build_meta", "hatchling.build"))
    with pytest.raises(AgiError, match=r"(?s)AGI-BUILD-001.*No module named 'hatchling'.*locked packages"):
        built(c_app, bare, environment)


def test_an_app_that_compiles_nothing_is_told_so(
    c_app: Path, bare: Workspace, environment: Environment
) -> None:
    project = c_app / "pyproject.toml"
    project.write_text(project.read_text().partition("[tool.setuptools]")[0])
    with pytest.raises(AgiError, match=r"(?s)AGI-BUILD-002.*its wheel has nothing compiled"):
        built(c_app, bare, environment)
    assert left_in(bare) == []


def test_a_module_that_cannot_be_imported_is_no_build(
    c_app: Path, bare: Workspace, environment: Environment
) -> None:
    """The app would fall back without a word."""
    (c_app / "src/triangles/kernel.c").write_text(
        "#include <Python.h>\nint missing(void);\nPyMODINIT_FUNC PyInit_kernel(void) { missing(); return 0; }\n"
    )
    with pytest.raises(AgiError, match=r"(?s)AGI-BUILD-003.*cannot be imported.*missing"):
        built(c_app, bare, environment)
    assert left_in(bare) == []


def test_a_build_that_somebody_spoilt_is_made_anew_to_the_same_bytes(
    c_app: Path, bare: Workspace, environment: Environment
) -> None:
    """Other bytes would make every result of before a stranger."""
    first = built(c_app, bare, environment)
    (module,) = first.modules
    (first.source / "src" / module).chmod(0o644)
    with (first.source / "src" / module).open("r+b") as file:
        file.truncate(100)  # as a power cut may
    said: list[str] = []
    assert built(c_app, bare, environment, said) == first
    assert said == ["compiling triangles_project"]
    (first.source.parent / "build.json").write_text("{")
    snapshot, _ = ready(c_app, bare)
    assert find(bare, snapshot.digest, environment.fingerprint) is None


IN_ANOTHER_PROCESS = """
import json, sys
from pathlib import Path
from agilab.envs.environment import read_environment
from agilab.projects.builds import build
from agilab.store.snapshot import Snapshot
from agilab.store.workspace import Workspace
home, snapshot, files, source, environment = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
said = []
found = build(Workspace(Path(home)), Snapshot(snapshot, json.loads(files)), Path(source),
              read_environment(Path(environment)), name="triangles", say=said.append)
print(json.dumps([found.state, found.identity, said]), flush=True)
"""


def another(
    app: Path, workspace: Workspace, environment: Environment, **options: Any
) -> subprocess.Popen[str]:
    snapshot, source = ready(app, workspace)
    arguments = [workspace.home, snapshot.digest, json.dumps(dict(snapshot.files)), source, environment.path]
    process = subprocess.Popen(
        [sys.executable, "-c", IN_ANOTHER_PROCESS, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


def test_processes_that_come_at_once_build_once(
    c_app: Path, bare: Workspace, environment: Environment
) -> None:
    racers = [another(c_app, bare, environment) for _ in range(3)]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("go\n")
        racer.stdin.flush()
    told = [json.loads(racer.communicate(timeout=120)[0]) for racer in racers]
    assert {state for state, _, _ in told} == {"built"}
    assert len({identity for _, identity, _ in told}) == 1
    assert sum("compiling triangles" in said for _, _, said in told) == 1


@pytest.mark.faults
def test_a_builder_that_is_killed_leaves_nothing_that_is_taken_for_a_build(
    c_app: Path, bare: Workspace, environment: Environment
) -> None:
    process = another(c_app, bare, environment, start_new_session=True)
    assert process.stdin is not None
    process.stdin.write("go\n")
    process.stdin.flush()
    deadline = time.monotonic() + 60
    while not list(bare.builds.glob(".making-*/source/build")) and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)  # with uv and its compiler, as a machine that loses power
    process.communicate()
    (left,) = left_in(bare)
    assert left.startswith(".making-")
    snapshot, _ = ready(c_app, bare)
    assert find(bare, snapshot.digest, environment.fingerprint) is None
    assert built(c_app, bare, environment).state == "built"
    assert len(left_in(bare)) == 1
    assert not left_in(bare)[0].startswith(".")


def test_an_interrupted_run_goes_on_with_what_it_began_with(
    c_app: Path, bare: Workspace, environment: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    snapshot, source = ready(c_app, bare)
    given: dict[str, Any] = {"name": "triangles_project", "say": lambda text: None}

    def resumed(recorded: dict[str, Any] | None) -> Path:
        return go_on(bare, snapshot, source, environment, recorded=recorded, **given)

    compiled = build(bare, snapshot, source, environment, **given)
    assert resumed(compiled.record()) == compiled.source
    assert resumed({"state": "fallback", "why": "no C compiler", "modules": {}}) == source
    assert resumed(None) == source
    shutil.rmtree(compiled.source.parent)
    with monkeypatch.context() as without:
        without.setenv("CC", "/opt/nowhere/gcc")
        with pytest.raises(
            AgiError, match=r"(?s)AGI-BUILD-004.*began with compiled modules.*no C compiler: gcc"
        ):
            resumed(compiled.record())
    assert resumed(compiled.record()) == compiled.source
    others = dict.fromkeys(compiled.modules, "0" * 64)
    with pytest.raises(AgiError, match=r"(?s)AGI-BUILD-004.*the compiler changed"):
        resumed(compiled.record() | {"modules": others})


@pytest.mark.parametrize(
    ("record", "what"),
    [
        ({"state": "built", "modules": {}}, "names modules that do not go with its state"),
        ({"state": "built", "why": "x", "modules": {"k.so": "0" * 64}}, "gives a reason that does not go"),
        ({"state": "fallback", "why": ""}, "gives a reason that does not go with its state"),
    ],
)
def test_a_manifest_cannot_claim_a_build_that_it_cannot_show(record: dict[str, Any], what: str) -> None:
    with pytest.raises(ValueError, match=what):
        Compiled.model_validate(record)
