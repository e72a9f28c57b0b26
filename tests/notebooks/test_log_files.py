"""A file that a notebook logs to has the lines of all its cells, in whatever stages they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.notebooks.apart_folders import printed_as_notebook, printed_as_stages
from tests.notebooks.building import notebook
from tests.notebooks.test_file_uses import staged

BEGUN = (
    "import logging\nlogging.basicConfig(filename='lab.log', level=20, format='%(levelname)s %(message)s')"
)
READ = "print(open('lab.log').read())"
ALIKE: dict[str, tuple[str, ...]] = {
    "by the module": (
        BEGUN,
        "import logging\nlogging.info('one')",
        "import logging\nlogging.debug('two')",
        READ,
    ),
    "written anew": (
        BEGUN.replace("level=", "filemode='w', level="),
        "import logging\nlogging.warning('one')",
        READ,
        "import logging\nlogging.error('two')",
        READ,
    ),
    "by a logger": (BEGUN, "import logging\nlog = logging.getLogger('a')\nlog.info('%s', 1)", READ),
    "by a function": (BEGUN, "import logging\ndef tell(x):\n    logging.info(x)\ntell('a')\ntell('b')", READ),
    "begun by a function": (
        f"def begin():\n    {BEGUN.replace(chr(10), '; ')}\nbegin()",
        "import logging\nlogging.info('one')",
        READ,
    ),
    "a handler": (
        "import logging\nlogging.getLogger().addHandler(logging.FileHandler('lab.log'))",
        "import logging\nlogging.getLogger().warning('one')",
        READ,
    ),
    "a handler that turns": (
        "import logging.handlers as lh, logging\nh = lh.RotatingFileHandler('lab.log', maxBytes=10_000)\n"
        "logging.getLogger().addHandler(h)",
        "import logging\nlogging.warning('one')",
        READ,
    ),
    "by a module of its own": (
        "%%writefile tools.py\nimport logging\nlog = logging.getLogger(__name__)\n"
        "def work(x):\n    log.info('at work')\n    return x",
        BEGUN,
        "import tools\nprint(tools.work(1))",
        READ,
    ),
}


@pytest.mark.parametrize("name", ALIKE)
def test_stages_log_what_the_notebook_logs(name: str, tmp_path: Path) -> None:
    beside, whole = tmp_path / "beside", tmp_path / "whole"
    beside.mkdir()
    whole.mkdir()
    lab = staged(ALIKE[name]).lab

    told = printed_as_stages(lab, tmp_path / "apart", beside, apart=True)

    expected = "".join(printed_as_notebook(notebook(*ALIKE[name]), whole))
    assert expected.strip()
    assert "".join(told) == expected
    assert ["lab.log" in stage.outputs for stage in lab.stages].count(True) == 1


@pytest.mark.parametrize(
    "cells",
    [
        ("import logging\nlogging.basicConfig(level=20)\nlog = logging.getLogger()", "log.info('x')", "log.info('')"),
        (BEGUN, "a = [1]", "b = [a]"),
        ("import logging\nlog = logging.getLogger()\ndef f(x):\n    log.info(x)", "f('x')", "f('')"),
        (BEGUN, "import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ndf.info()", "df.info(verbose=True)"),
    ],
)  # fmt: skip
def test_nothing_else_is_kept_together(cells: tuple[str, ...]) -> None:
    assert len(staged(cells).lab.stages) == len(cells)
