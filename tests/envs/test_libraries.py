"""Local libraries: what they need is in the environment, they themselves are not; and which of them are refused."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from agi_node.errors import AgiError
from agilab.envs import Environment, doctor, ensure, fingerprint_of, local_libraries

RunIn = Callable[[Environment, str], str]
WriteApp = Callable[..., Path]
Lock = Callable[..., Path]
WriteLibrary = Callable[..., Path]

PURE = '[build-system]\nrequires = ["uv_build>=0.9,<0.14"]\nbuild-backend = "uv_build"\n'


def sources(**paths: str) -> str:
    """The table that says where libraries lie; `_` in a name stands for `-`."""
    lines = [f'{name.replace("_", "-")} = {{ path = "{path}" }}' for name, path in paths.items()]
    return "[tool.uv.sources]\n" + "\n".join(lines) + "\n"


@pytest.fixture(scope="session")
def write_library(write_app: WriteApp) -> WriteLibrary:
    """Writes a library below `src`, named after its folder."""

    def write(folder: Path, dependencies: tuple[str, ...] = (), extra: str = PURE) -> Path:
        write_app(folder, dependencies, extra=extra)
        package = folder / "src" / folder.name.replace("-", "_")
        package.mkdir(parents=True, exist_ok=True)
        (package / "__init__.py").write_text("SIZE = 1\n")
        return folder

    return write


@pytest.fixture(scope="session")
def made_once(
    tmp_path_factory: pytest.TempPathFactory, write_app: WriteApp, write_library: WriteLibrary, lock: Lock
) -> Path:
    """An app with a library beside it, which needs iniconfig; no test changes them."""
    folder = tmp_path_factory.mktemp("repository")
    write_library(folder / "libraries/net-sim", ("iniconfig",))
    extra = sources(net_sim="../../libraries/net-sim")
    return lock(write_app(folder / "apps/flight", ("pydantic>=2.9", "net-sim"), extra=extra))


@pytest.fixture
def app_with_library(made_once: Path, tmp_path: Path) -> Path:
    """A copy of both, which a test may spoil."""
    shutil.copytree(made_once.parents[1], tmp_path / "repository")
    return tmp_path / "repository/apps/flight"


def library_of(app: Path) -> Path:
    return app.parents[1] / "libraries/net-sim"


def test_what_a_library_needs_is_in_the_environment_and_the_library_is_not(
    made_once: Path, shared_home: Path, run_in: RunIn
) -> None:
    made = ensure(made_once, shared_home)
    assert "iniconfig" in made.packages
    said = run_in(
        made,
        "import importlib.util as u; print(u.find_spec('net_sim'), u.find_spec('iniconfig') is not None)",
    )
    assert said == "None True"
    assert "net-sim" not in (made.path / "requirements.txt").read_text()
    assert not [finding for finding in doctor(shared_home, made_once) if finding.level == "error"]


def test_an_app_with_a_library_shares_the_environment_of_one_that_needs_the_same_packages(
    made_once: Path, app_with_library: Path, installed: Environment, shared_home: Path
) -> None:
    """`installed` locks pydantic and iniconfig by itself, with no library anywhere."""
    assert ensure(made_once, shared_home).path == installed.path
    assert ensure(app_with_library, shared_home).path == installed.path


def test_where_a_library_lies_is_no_part_of_the_fingerprint(
    app_with_library: Path, installed: Environment, shared_home: Path, tmp_path: Path, lock: Lock
) -> None:
    elsewhere = library_of(app_with_library).rename(tmp_path / "outside of it all")
    project = app_with_library / "pyproject.toml"
    project.write_text(project.read_text().replace("../../libraries/net-sim", str(elsewhere)))
    lock(app_with_library)
    assert fingerprint_of(app_with_library, shared_home) == installed.fingerprint
    (library,) = local_libraries(app_with_library, shared_home)
    assert library.root == elsewhere / "src"


def test_a_member_of_the_apps_own_workspace_is_a_library(
    installed: Environment, shared_home: Path, tmp_path: Path, write_app: WriteApp, write_library: WriteLibrary,
    lock: Lock,
) -> None:  # fmt: skip
    app = write_app(
        tmp_path / "flight",
        ("pydantic>=2.9", "net-sim"),
        extra='[tool.uv.workspace]\nmembers = ["libs/*"]\n[tool.uv.sources]\nnet-sim = { workspace = true }\n',
    )
    write_library(app / "libs/net-sim", ("iniconfig",))
    assert ensure(lock(app), shared_home).path == installed.path
    (library,) = local_libraries(app, shared_home)
    assert (library.name, library.root) == ("net-sim", app / "libs/net-sim/src")


def test_an_app_that_is_a_member_itself_is_told_how_to_get_a_lock_of_its_own(
    installed: Environment, shared_home: Path, tmp_path: Path, write_app: WriteApp, lock: Lock
) -> None:
    app = write_app(tmp_path / "repository/apps/flight")
    table = '[tool.uv.workspace]\nmembers = ["apps/*"]\n'
    root = write_app(tmp_path / "repository", (), extra=table)
    lock(app)
    assert (root / "uv.lock").exists()
    assert not (app / "uv.lock").exists()
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-003.*member of the workspace") as caught:
        ensure(app, shared_home)
    line = str(caught.value.try_).partition(" below ")[0]
    assert line == 'exclude = ["apps/flight"]'
    write_app(root, (), extra=table + line)
    assert ensure(lock(app), shared_home).path == installed.path


def test_an_app_reached_through_a_link_finds_its_libraries(
    made_once: Path, shared_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "deep/down").mkdir(parents=True)
    link = tmp_path / "deep/down/flight"
    link.symlink_to(made_once)
    assert local_libraries(link, shared_home) == local_libraries(made_once, shared_home)


@pytest.mark.parametrize(
    ("table", "files", "root", "modules"),
    [
        (PURE, ["src/net_sim/__init__.py", "src/other.py"], "src", ()),
        ('[build-system]\nrequires = ["hatchling"]\nbuild-backend = "hatchling.build"\n',
         ["net_sim/__init__.py", "tests/test_it.py"], "", ("net_sim",)),
        ("", ["net_sim.py", "setup.cfg"], "", ("net_sim.py",)),
        (PURE + '[tool.uv.build-backend]\nmodule-root = ""\nmodule-name = ["a", "b.c"]\n',
         ["a/__init__.py", "b/c.py", "d.py"], "", ("a", "b")),
        (PURE + '[tool.uv.build-backend]\nmodule-root = "python"\n', ["python/net_sim/__init__.py"], "python", ()),
    ],
    ids=["src", "flat package", "flat module", "named by uv_build", "another root"],
)  # fmt: skip
def test_modules_are_found_where_projects_keep_them(
    tmp_path: Path, write_app: WriteApp, table: str, files: list[str], root: str, modules: tuple[str, ...]
) -> None:
    from agilab.envs.libraries import read_library

    folder = write_app(tmp_path / "net-sim", (), extra=table)
    for name in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    found = read_library("flight", folder)
    assert (found.root, found.modules) == (folder / root, modules)


def test_a_library_that_is_gone_is_named_with_its_path(
    app_with_library: Path, shared_home: Path, tmp_path: Path
) -> None:
    ensure(app_with_library, shared_home)
    library_of(app_with_library).rename(tmp_path / "moved away")
    for home in (shared_home, tmp_path / "new home"):
        with pytest.raises(
            AgiError, match=r"(?s)AGI-ENV-012.*net-sim of flight is not where.*\.\./\.\./libraries"
        ):
            ensure(app_with_library, home)


def test_a_library_that_changed_what_it_needs_is_named_although_the_apps_lock_is_known(
    app_with_library: Path, shared_home: Path, write_library: WriteLibrary
) -> None:
    ensure(app_with_library, shared_home)
    write_library(library_of(app_with_library), ("iniconfig>=2", "tabulate"))
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-004.*does not match its libraries") as caught:
        ensure(app_with_library, shared_home)
    assert caught.value.found == (
        "net-sim at ../../libraries/net-sim needs iniconfig >=2, tabulate now and was locked with iniconfig"
    )
    assert caught.value.try_ == f"uv lock --project {app_with_library}"


def test_an_edit_of_a_librarys_project_that_changes_no_need_costs_a_check_and_nothing_else(
    app_with_library: Path, installed: Environment, shared_home: Path
) -> None:
    ensure(app_with_library, shared_home)
    project = library_of(app_with_library) / "pyproject.toml"
    project.write_text(project.read_text() + "\n[tool.ruff]\nline-length = 100\n")
    said: list[str] = []
    for _ in range(2):
        assert ensure(app_with_library, shared_home, on_step=said.append).path == installed.path
    assert said == ["checking the lock of flight"]


def test_a_library_that_depends_on_another_one_is_refused(
    app_with_library: Path, shared_home: Path, write_library: WriteLibrary, lock: Lock
) -> None:
    inner = write_library(library_of(app_with_library).parent / "geometry")
    write_library(library_of(app_with_library), ("geometry",), PURE + sources(geometry=f"../{inner.name}"))
    lock(app_with_library)
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-012.*net-sim.*itself.*net-sim needs geometry"):
        ensure(app_with_library, shared_home)


@pytest.mark.parametrize(
    ("table", "file", "text", "why"),
    [
        ('[build-system]\nrequires = ["maturin"]\nbuild-backend = "maturin"\n', None, "", "build-backend maturin"),
        ('[build-system]\nrequires = ["setuptools", "Cython>=3"]\nbuild-backend = "setuptools.build_meta"\n',
         None, "", "cython, which its build requires"),
        ('[tool.setuptools]\next-modules = [{ name = "k", sources = ["k.c"] }]\n', None, "",
         "tool.setuptools.ext-modules"),
        ("", "setup.py", "from setuptools import setup\nsetup(ext_modules=[])\n", "ext_modules in its setup.py"),
        (PURE, "src/net_sim/fast.pyx", "", "src/net_sim/fast.pyx"),
        (PURE, "src/net_sim/deep/fast.abi3.so", "", "src/net_sim/deep/fast.abi3.so"),
        ('[build-system]\nrequires = []\nbuild-backend = "mine"\nbackend-path = ["."]\n', None, "",
         "build-backend mine"),
    ],
    ids=["backend", "build requirement", "ext-modules", "setup.py", "pyx", "so", "its own backend"],
)  # fmt: skip
def test_a_library_that_must_be_built_is_refused_with_the_reason(
    tmp_path: Path, write_library: WriteLibrary, table: str, file: str | None, text: str, why: str
) -> None:
    from agilab.envs.libraries import read_library

    folder = write_library(tmp_path / "net-sim", (), table)
    if file:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text(text)
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-012.*net-sim of flight must be built") as caught:
        read_library("flight", folder)
    assert caught.value.found == why


def test_a_library_that_turns_to_c_is_refused_although_its_lock_is_known(
    app_with_library: Path, shared_home: Path
) -> None:
    ensure(app_with_library, shared_home)
    (library_of(app_with_library) / "src/net_sim/fast.c").touch()
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-012.*must be built.*src/net_sim/fast\.c"):
        local_libraries(app_with_library, shared_home)


def test_a_library_without_modules_is_refused(
    app_with_library: Path, tmp_path: Path, write_app: WriteApp
) -> None:
    shutil.rmtree(library_of(app_with_library) / "src")
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-012.*no modules.*neither src nor net_sim in"):
        ensure(app_with_library, tmp_path / "home")
    assert not (tmp_path / "home/envs").exists()


def test_a_library_whose_project_cannot_be_read_is_named(app_with_library: Path, shared_home: Path) -> None:
    ensure(app_with_library, shared_home)
    (library_of(app_with_library) / "pyproject.toml").write_text("[project\n")
    with pytest.raises(AgiError, match=r"net-sim"):
        ensure(app_with_library, shared_home)


def test_agi_node_from_a_folder_is_refused_like_any_agi_node(
    tmp_path: Path, write_app: WriteApp, write_library: WriteLibrary, lock: Lock
) -> None:
    write_library(tmp_path / "agi-node")
    app = lock(write_app(tmp_path / "app", ("pydantic", "agi-node"), extra=sources(agi_node="../agi-node")))
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-006.*AGILab adds its own.*uv remove"):
        ensure(app, tmp_path / "home")


def test_pydantic_from_a_folder_is_no_pydantic_of_the_environment(
    tmp_path: Path, write_app: WriteApp, write_library: WriteLibrary, lock: Lock
) -> None:
    write_library(tmp_path / "pydantic")
    app = lock(write_app(tmp_path / "app", ("pydantic",), extra=sources(pydantic="../pydantic")))
    with pytest.raises(AgiError, match=r"(?s)AGI-ENV-006.*no pydantic"):
        ensure(app, tmp_path / "home")


def test_a_library_of_an_extra_that_nobody_installs_is_none(
    tmp_path: Path, shared_home: Path, write_app: WriteApp, write_library: WriteLibrary, lock: Lock
) -> None:
    write_library(tmp_path / "plots", ("tabulate",))
    extra = '[project.optional-dependencies]\nplots = ["plots"]\n' + sources(plots="../plots")
    app = lock(write_app(tmp_path / "app", ("pydantic>=2.9", "iniconfig"), extra=extra))
    assert local_libraries(app, shared_home) == ()


def test_an_environment_is_made_from_a_snapshot_that_has_the_lock_and_no_library_beside_it(
    made_once: Path, installed: Environment, tmp_path: Path, run_in: RunIn
) -> None:
    """As `resume` does where the environment of a run was pruned."""
    snapshot = tmp_path / "snapshots/0123"
    snapshot.mkdir(parents=True)
    for name in ("pyproject.toml", "uv.lock"):
        shutil.copy(made_once / name, snapshot)
    with pytest.raises(AgiError, match="AGI-ENV-012"):
        ensure(snapshot, tmp_path / "home", offline=True)
    made = ensure(snapshot, tmp_path / "home", offline=True, frozen=True)
    assert made.created
    assert made.fingerprint == installed.fingerprint
    assert run_in(made, "import iniconfig; print('here')") == "here"
