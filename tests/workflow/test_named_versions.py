"""The versions that a project names for its packages count in a lab's environment, or it is said why not."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.notebooks.modules.named_versions import named_versions
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import
from tests.notebooks.building import notebook
from tests.workflow.previews import write_files

CELL = "import packaging\nv = packaging.__version__"


def study(folder: Path, files: dict[str, str], at: str = "a.ipynb") -> Path:
    write_files(folder, {".git/HEAD": "", **files})
    path = folder / at
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(notebook(CELL))
    return path


def project(folder: Path) -> dict[str, Any]:
    return tomllib.loads((folder / "pyproject.toml").read_text())


CONDA = "name: a\ndependencies:\n  - python=3.8\n  - numpy=1.26=py_0\n  - pip:\n    - rich==13.0\n"
FILES: list[tuple[dict[str, str], dict[str, str]]] = [
    ({"requirements.txt": "numpy<2  # old\nPanda_s==2.1.4\nrich\n"}, {"numpy": "<2", "panda-s": "==2.1.4"}),
    (
        {"requirements.txt": "-r b.txt\n--index-url x\n", "b.txt": "six==1.16 --hash=sha256:0"},
        {"six": "==1.16"},
    ),
    ({"requirements.txt": "-r requirements.txt\nnumpy<2\n"}, {"numpy": "<2"}),
    ({"requirements.txt": "numpy<1 ; python_version < '3'\nhttps://a.b/c.whl\n???\n"}, {}),
    ({"requirements.txt": "pydantic==1.10\nrich\n"}, {}),
    ({"requirements.txt": "rich\n", "environment.yml": CONDA}, {"numpy": "==1.26.*", "rich": "==13.0"}),
    ({"pyproject.toml": "[project]\ndependencies = ['numpy>=1,<2', 'rich']\n"}, {"numpy": "<2,>=1"}),
    ({"pyproject.toml": "[project\n"}, {}),
]


@pytest.mark.parametrize(("files", "versions"), FILES)
def test_what_files_name(tmp_path: Path, files: dict[str, str], versions: dict[str, str]) -> None:
    found = named_versions(study(tmp_path / "study", files))
    assert (bool(found.file), dict(found.versions)) == (bool(versions), versions)


def test_a_list_that_powershell_wrote_is_read_and_one_that_is_no_text_says_nothing(tmp_path: Path) -> None:
    path = study(tmp_path / "study", {})
    (path.parent / "requirements.txt").write_bytes("numpy==1.26.4\r\nrich\r\n".encode("utf-16"))
    assert dict(named_versions(path).versions) == {"numpy": "==1.26.4"}
    (path.parent / "requirements.txt").write_bytes(bytes(range(256)) * 3)
    assert not named_versions(path).versions


def test_a_notebook_has_the_versions_of_its_project_and_of_none_above(tmp_path: Path) -> None:
    path = study(tmp_path / "study", {}, "notebooks/a.ipynb")
    (tmp_path / "requirements.txt").write_text("packaging==1.0\n")
    assert not named_versions(path).versions, "the project ends at its .git"
    (tmp_path / "study/requirements.txt").write_text("packaging==24.0\n")
    assert named_versions(path).file == "../requirements.txt"


def test_versions_count_for_what_is_imported_and_bound_what_comes_along(tmp_path: Path) -> None:
    path = study(tmp_path / "study", {"requirements.txt": "packaging==24.0\nsix<1.17\n"})
    preview = preview_import([path])
    assert preview.dependencies == ("packaging==24.0", "pydantic>=2.9")
    (told,) = (one for one in preview.report.findings if one.code == "NB-207")
    assert told.what == "requirements.txt names versions, which count: packaging==24.0"
    write_import(preview, preview.folder, lock=False)
    assert project(preview.folder)["tool"]["uv"]["constraint-dependencies"] == ["six<1.17"]


def test_what_the_notebook_installs_itself_counts_more(tmp_path: Path) -> None:
    path = study(tmp_path / "study", {"requirements.txt": "packaging==24.0\n"})
    path.write_bytes(notebook("%pip install packaging==24.1", CELL))
    preview = preview_import([path])
    assert preview.dependencies == ("packaging==24.1", "pydantic>=2.9")
    assert not [one for one in preview.report.findings if one.code == "NB-207"]


def test_a_module_that_a_distribution_dropped_is_asked_for_below_that_version(tmp_path: Path) -> None:
    path = study(tmp_path / "study", {})
    path.write_bytes(notebook("import pkg_resources"))
    assert preview_import([path]).dependencies == ("pydantic>=2.9", "setuptools<81")
    path.write_bytes(notebook("%pip install setuptools==75.0", "from pkg_resources import get_distribution"))
    assert preview_import([path]).dependencies == ("pydantic>=2.9", "setuptools==75.0")
    path.with_name("requirements.txt").write_text("setuptools==70.0\n")
    path.write_bytes(notebook("import pkg_resources"))
    assert preview_import([path]).dependencies == ("pydantic>=2.9", "setuptools==70.0")


@pytest.mark.slow
def test_the_lock_has_them(tmp_path: Path) -> None:
    path = study(tmp_path / "study", {"requirements.txt": "packaging==24.0\nannotated-types==0.6.0\n"})
    preview = preview_import([path])
    done = write_import(preview, preview.folder)
    locked = tomllib.loads((preview.folder / "uv.lock").read_text())["package"]
    versions = {one["name"]: one["version"] for one in locked}
    assert versions["packaging"] == "24.0"
    assert versions["annotated-types"] == "0.6.0", "which pydantic needs"
    assert done.unnamed == ""


@pytest.mark.slow
def test_versions_that_cannot_be_had_are_told_and_the_newest_locked(tmp_path: Path) -> None:
    path = study(tmp_path / "study", {"requirements.txt": "packaging==0.0.1\nsix==1.16\n"})
    preview = preview_import([path])
    done = write_import(preview, preview.folder)
    assert done.unnamed.startswith("requirements.txt names packaging==0.0.1: ")
    assert "packaging" in done.to_plain()["unnamed"]
    assert project(preview.folder)["project"]["dependencies"] == ["packaging", "pydantic>=2.9"]
    assert "tool" not in project(preview.folder)
    assert (preview.folder / "uv.lock").exists()


@pytest.mark.parametrize(
    "text", ["[project]\ndependencies = ['unheard-of>=1']\n", "[project]\ndependencies = []\n"]
)
def test_a_package_that_the_project_names_is_no_stranger(tmp_path: Path, text: str) -> None:
    files = {"pyproject.toml": text, "own.py": "import unheard_of.more\n"}
    path = study(tmp_path / "study", files)
    path.write_bytes(notebook("import unheard_of", "import own"))
    preview = preview_import([path])
    known = "unheard" in text
    assert ("NB-202" in {one.code for one in preview.report.findings}) is not known
    assert any("unheard" in one for one in preview.dependencies) is known


@pytest.mark.slow
def test_versions_stay_where_the_index_is_not_reached(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What nobody could ask for is not what cannot be had: the next lock has them."""
    for name in ("UV_DEFAULT_INDEX", "UV_INDEX_URL"):
        monkeypatch.setenv(name, "http://127.0.0.1:9/simple")
    monkeypatch.setenv("UV_NO_CACHE", "1")
    monkeypatch.setenv("UV_HTTP_RETRIES", "0")
    path = study(tmp_path / "study", {"requirements.txt": "packaging==24.0\n"})
    preview = preview_import([path])
    with pytest.raises(AgiError, match="cannot lock"):
        write_import(preview, preview.folder)
    assert "packaging==24.0" in project(preview.folder)["project"]["dependencies"]


@pytest.mark.slow
def test_settings_of_tools_become_a_project_and_stay(tmp_path: Path) -> None:
    path = study(tmp_path / "study", {"pyproject.toml": "[tool.black]\nline-length = 100  # mine\n"})
    preview = preview_import([path])
    done = write_import(preview, preview.folder)
    assert done.kept == (("pyproject.toml", "pyproject.toml.bak"),)
    assert (preview.folder / "pyproject.toml.bak").read_text() == "[tool.black]\nline-length = 100  # mine\n"
    assert "line-length = 100  # mine" in (preview.folder / "pyproject.toml").read_text()
    assert project(preview.folder)["project"]["dependencies"] == ["packaging", "pydantic>=2.9"]
    assert "packaging" in (preview.folder / "uv.lock").read_text()


def test_a_package_that_is_no_uv_project_is_left_and_what_to_do_is_said(tmp_path: Path) -> None:
    text = "[build-system]\nrequires = ['setuptools']\n"
    path = study(tmp_path / "study", {"pyproject.toml": text})
    preview = preview_import([path])
    with pytest.raises(AgiError, match="cannot lock an environment") as caught:
        write_import(preview, preview.folder)
    assert caught.value.found == "pyproject.toml in study has no [project] table"
    assert "--output DIR" in (caught.value.try_ or "")
    assert (preview.folder / "lab_stages.toml").exists()
    assert (preview.folder / "pyproject.toml").read_text() == text
