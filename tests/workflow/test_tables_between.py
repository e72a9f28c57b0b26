"""Tables between stages of two environments: what cannot be read is told by its name, its maker, and the reason."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

LAB = """
[[stages]]
id = "make"
code = '''
import polars as pl
table = pl.DataFrame({"x": [1, 2, 3]})
bare = pl.DataFrame(height=3)  # which no format of tables brings back
'''
outputs = ["table", "bare"]

[[stages]]
id = "read"
env = "plain"
inputs = ["table"]
outputs = ["x"]
code = "x = table"

[[stages]]
id = "take"
env = "plain"
inputs = ["bare"]
outputs = ["y"]
code = "y = bare"
"""


def test_a_table_that_does_not_cross_says_which_it_is_and_why(table_lab: ALab, plain_project: Path) -> None:
    shutil.copytree(plain_project, table_lab.folder / "plain")
    table_lab.write(LAB)

    result = table_lab.run(keep_going=True)

    errors = {left["unit"]: left["error"] for left in table_lab.manifest(result)["left_out"]}
    assert errors["read"]["code"] == "AGI-RUN-113"
    assert errors["read"]["what"] == "table of stage make cannot be read back here"
    assert errors["read"]["try"] == "uv add polars"
    assert errors["take"]["code"] == "AGI-STAGE-115"
    assert errors["take"]["found"].endswith("DataFrame that make had to pickle: 3 rows without columns")
