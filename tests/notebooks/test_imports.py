"""Imports, the distributions that provide them, and what a notebook installs itself."""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest

from agilab.notebooks.code.distributions import OTHER_NAMES, SAME_NAME, distribution_of, standard
from agilab.notebooks.inspecting import Inspection, inspect
from agilab.notebooks.modules.imports import Import
from tests.notebooks.building import notebook


def imports(*cells: str) -> tuple[Import, ...]:
    return inspect(notebook(*cells)).imports


def codes(found: Inspection) -> list[str]:
    return [finding.code for finding in found.findings if finding.cell is not None]


@pytest.mark.parametrize(
    ("line", "distribution"),
    [
        ("import sklearn.linear_model as lm", "scikit-learn"),
        ("from skimage import io", "scikit-image"),
        ("import cv2", "opencv-python"),
        ("from PIL import Image", "pillow"),
        ("import yaml", "PyYAML"),
        ("from bs4 import BeautifulSoup", "beautifulsoup4"),
        ("import dateutil.parser", "python-dateutil"),
        ("from google.cloud import storage", "google-cloud-storage"),
        ("from google.cloud.bigquery import Client", "google-cloud-bigquery"),
        ("from mpl_toolkits.mplot3d import Axes3D", "matplotlib"),
        ("from mpl_toolkits.basemap import Basemap", "basemap"),
        ("import pandas", "pandas"),
        ("import umap", "umap-learn"),
        ("import os.path", ""),
        ("from __future__ import annotations", ""),
        ("import distutils", ""),
    ],
)
def test_the_distribution_of_an_import(line: str, distribution: str) -> None:
    assert [one.distribution for one in imports(line)] == [distribution]


def test_the_table_agrees_with_every_package_that_is_installed_here() -> None:
    """The oracle is what packages themselves record of the modules they provide."""
    seen = 0
    for module, providers in importlib.metadata.packages_distributions().items():
        if module in OTHER_NAMES or module in SAME_NAME:
            given, how = distribution_of(module)
            assert how == "table"
            names = {re.sub(r"[-_.]+", "-", name).lower() for name in providers}
            assert re.sub(r"[-_.]+", "-", given).lower() in names, module
            seen += 1
    assert seen > 20


def test_what_is_in_no_table_is_looked_for_among_what_is_installed_then_assumed() -> None:
    assert distribution_of("_pytest") == ("pytest", "installed")
    assert distribution_of("no_such_module_at_all") == ("no-such-module-at-all", "assumed")
    found = inspect(notebook("import no_such_module_at_all\nimport no_such_module_at_all.inner"))
    assert codes(found) == ["NB-202"]


def test_no_table_names_a_module_of_the_standard_library() -> None:
    assert not [name for name in (*OTHER_NAMES, *SAME_NAME) if name in sys.stdlib_module_names]
    assert all(standard(name) for name in sys.stdlib_module_names)


def test_where_and_how_something_is_imported() -> None:
    found = imports(
        "import os\ntry:\n    import ujson\nexcept ImportError:\n    import json as ujson",
        "if os.name == 'nt':\n    import winreg",
        "def f():\n    from numpy import array as a, zeros\n    return a",
        "from os.path import *\nimport importlib\nimportlib.import_module('scipy.stats')",
    )
    assert [
        (one.module, one.names, one.alias, one.optional, one.in_function, one.dynamic) for one in found
    ] == [
        ("os", (), "", False, False, False),
        ("ujson", (), "", True, False, False),
        ("json", (), "ujson", True, False, False),
        ("winreg", (), "", True, False, False),
        ("numpy", ("array", "zeros"), "", False, True, False),
        ("os.path", ("*",), "", False, False, False),
        ("importlib", (), "", False, False, False),
        ("scipy.stats", (), "", False, False, True),
    ]


def test_modules_beside_the_notebook_are_local(tmp_path: Path) -> None:
    (tmp_path / "helpers.py").write_text("x = 1")
    (tmp_path / "package").mkdir()
    (tmp_path / "package" / "__init__.py").write_text("")
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "deep_helpers.py").write_text("raise SystemExit('never run')")
    path = tmp_path / "study.ipynb"
    path.write_bytes(
        notebook(
            "import sys\nsys.path.append('lib')\nimport helpers, package.inner, deep_helpers\nfrom . import more"
        )
    )
    found = inspect(path)
    assert [(one.module, one.known_by) for one in found.imports] == [
        ("sys", "standard library"),
        ("deep_helpers", "local"),
        ("helpers", "local"),
        ("package.inner", "local"),
        (".", "local"),
    ]
    assert found.distributions == ()
    assert sorted(set(codes(found))) == ["NB-204", "NB-205"]


def test_names_that_are_computed_are_reported_not_guessed() -> None:
    found = inspect(
        notebook("import importlib\nimportlib.import_module('plugins.' + name)\n__import__(name)")
    )
    assert codes(found) == ["NB-201", "NB-201"]
    assert [one.module for one in found.imports] == ["importlib"]
    known = inspect(
        notebook("import importlib\nNAMES = ['scipy', 'numpy']\n[importlib.import_module(n) for n in NAMES]")
    )
    assert sorted(one.module for one in known.imports) == ["importlib", "numpy", "scipy"]


def test_pins_of_install_lines_are_kept_with_their_place() -> None:
    found = inspect(
        notebook(
            "x = 1\n%pip install pandas==2.2 Foo_Bar>=1,<2\n!pip install -r requirements.txt",
            "%%bash\npip install a==1\nconda install b=2",
            "import os, subprocess, sys\nsubprocess.run([sys.executable, '-m', 'pip', 'install', 'c==3'])",
            "os.system('pip install d')",
        )
    )
    assert [(one.distribution, one.specifier, one.cell, one.line) for one in found.requirements] == [
        ("pandas", "==2.2", 0, 2),
        ("foo-bar", "<2,>=1", 0, 2),
        ("", "", 0, 3),
        ("a", "==1", 1, 1),
        ("b", "==2", 1, 1),
        ("c", "==3", 2, 2),
        ("d", "", 3, 1),
    ]
    assert codes(found).count("NB-113") == 5


def test_python_2_modules_are_named_with_what_they_became() -> None:
    found = inspect(notebook("import urllib2, cPickle"))
    assert [(one.code, one.mend) for one in found.findings if one.cell == 0] == [
        ("NB-104", "use pickle"),
        ("NB-104", "use urllib.request"),
    ]
    assert found.distributions == ()


def test_what_is_only_assumed_is_told_with_the_command_and_is_no_dependency() -> None:
    found = inspect(notebook("import numpy\nimport frobnicate_tools"))
    assert found.distributions == ("frobnicate-tools", "numpy")
    assert found.known_distributions == ("numpy",)
    (one,) = [one for one in found.findings if one.code == "NB-202"]
    assert one.severity == "warning"
    assert "uv add frobnicate-tools" in one.mend
    # Whoever installs it has said so.
    found = inspect(notebook("%pip install frobnicate-tools\nimport frobnicate_tools"))
    assert "NB-202" not in codes(found)
    assert [one.distribution for one in found.requirements] == ["frobnicate-tools"]


@pytest.mark.parametrize(
    "module",
    [
        "requests",
        "tqdm",
        "xgboost",
        "yaml",
        "torchvision",
        "lz4",
        "httpx",
        "sentry_sdk",
        "moviepy",
        "paramiko",
    ],
)
def test_what_everybody_uses_is_known_by_name(module: str) -> None:
    assert distribution_of(module)[1] == "table"
