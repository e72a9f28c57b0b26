"""What a stage sets for its whole process is no other stage's, whichever worker takes that."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from agilab.projects.request import Faces
from agilab.store.workspace import Workspace
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

from .conftest import ALab, lock

HEAD = """
schema = "agilab.lab_stages.v2"
[[stages]]
id = "sets"
outputs = ["first"]
code = '''
import pathlib, sys
SETS
first = None
'''
[[stages]]
id = "finds"
inputs = ["first"]
outputs = ["second"]
code = '''
import pathlib, sys
second = str(FINDS)
'''
"""


@pytest.fixture(scope="session")
def pandas_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("settings") / "study"
    folder.mkdir()
    lock(folder, "study", "pandas")
    return folder


@pytest.fixture
def pandas_lab(tmp_path: Path, workspace: Workspace, pandas_project: Path) -> ALab:
    """An empty lab with pandas in its environment."""
    shutil.copytree(pandas_project, tmp_path / "study")
    return ALab(tmp_path / "study", workspace)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("sets", "finds", "new"),
    [
        (
            "from decimal import getcontext\ngetcontext().prec = 4",
            "__import__('decimal').getcontext().prec",
            "28",
        ),
        ("import numpy as np\nnp.seterr(all='raise')", "__import__('numpy').geterr()['under']", "ignore"),
        (
            "import numpy as np\nnp.set_printoptions(precision=2)",
            "__import__('numpy').array([1 / 8])",
            "[0.125]",
        ),
        (
            "import pandas as pd\npd.set_option('display.precision', 1)",
            "__import__('pandas').get_option('display.precision')",
            "6",
        ),
        (
            "import pandas as pd\npd.DataFrame.total = len",
            "hasattr(__import__('pandas').DataFrame, 'total')",
            "False",
        ),
        ("sys.setrecursionlimit(5000)", "sys.getrecursionlimit()", "1000"),
        (
            "import locale\nlocale.setlocale(locale.LC_ALL, 'C')",
            "__import__('locale').setlocale(0)",
            "C.UTF-8",
        ),
        ("import json\njson.loads = len", "__import__('json').loads('2')", "2"),
        ("import threading\nthreading.stack_size(2**20)", "__import__('threading').stack_size()", "0"),
        (
            "import os, time\nos.environ['TZ'] = 'Asia/Tokyo'\ntime.tzset()",
            "[__import__('time').localtime(0).tm_hour]",
            "[0]",
        ),
        ("import logging\nlogging.disable(50)", "[__import__('logging').root.manager.disable]", "[0]"),
        (
            "import logging\nlogging.captureWarnings(True)",
            "__import__('logging')._warnings_showwarning",
            "None",
        ),
        ("import keyword\nlast = keyword.kwlist.pop()", "('yield' in __import__('keyword').kwlist)", "True"),
        ("from unittest import mock\nmock.patch('json.loads').start()", "__import__('json').loads('2')", "2"),
        ("import helper", "__import__('json').loads('2')", "2"),
    ],
)
def test_settings_stay_in_their_stage(pandas_lab: ALab, sets: str, finds: str, new: str) -> None:
    text = HEAD.replace("SETS", sets).replace("FINDS", finds)
    if "helper" in sets:
        text = text.replace('outputs = ["first"]', 'inputs = ["helper.py"]\noutputs = ["first"]')
    pandas_lab.write(text, **{"helper.py": "import json\njson.loads = len\n"})
    request = LabRequest(
        pandas_lab.path, track=False, workers=1, environ={"LC_ALL": "", "LC_CTYPE": "C.UTF-8", "TZ": "UTC"}
    )
    result = run_lab(request, pandas_lab.workspace, Faces())
    assert result.status == "succeeded", result.error
    assert new in pandas_lab.left(result, "finds")["values"]["second"]["text"]
