"""An own module that is an input of a stage lies in the stage's folder, and is the one that is imported."""

from __future__ import annotations

import pytest

from tests.workflow.conftest import ALab

pytestmark = pytest.mark.slow

CONF = (
    "from pathlib import Path\nROOT = Path(__file__).resolve().parents[{}]\n"
    "(ROOT / 'data' / 'out').mkdir(exist_ok=True)\n"
    "def table():\n    return (ROOT / 'data' / 'raw' / 'a.csv').read_text()\n"
)
LAB = """
[[stages]]
id = "load"
workdir = "{workdir}"
inputs = ["data/raw/a.csv", {files}]
outputs = ["data/out/b.csv"]
code = '''
{head}
text = table()
(ROOT / "data" / "out" / "b.csv").write_text(text + "4,5")
'''

[[stages]]
id = "tell"
workdir = "{workdir}"
inputs = ["data/out/b.csv", {files}]
code = '''
{head}
(ROOT / "data" / "out" / "b.csv").read_text()
'''

[[stages]]
id = "none"
workdir = "{workdir}"
inputs = [{files}]
code = '''
{head}
sorted(one.name for one in (ROOT / "data").rglob("*"))
'''
"""
LIES = {
    "beside the code": ("", "conf.py", 0, "from conf import ROOT, table"),
    "in a folder for modules": (
        "notebooks",
        "src/conf.py",
        1,
        "import sys\nsys.path.append('..')\nfrom src.conf import ROOT, table",
    ),
    "in the project's package": ("notebooks", "src/study/conf.py", 2, "from study.conf import ROOT, table"),
    "in a package above": (
        "notebooks",
        "study/conf.py",
        1,
        "import sys\nsys.path.append('..')\nfrom study.conf import ROOT, table",
    ),
}


@pytest.mark.parametrize("case", LIES)
def test_what_is_asked_of_its_file_is_the_stage_s_folder(lab: ALab, case: str) -> None:
    workdir, path, up, head = LIES[case]
    files = {path: CONF.format(up), "data/raw/a.csv": "1,2\n"}
    text = LAB.format(workdir=workdir, files=f'"{path}"', head=head)
    if not workdir:
        text = text.replace('workdir = ""\n', "")
    result = lab.write(text, **{name.replace("/", "__"): body for name, body in files.items()}).run()
    assert result.status == "succeeded", result.error
    assert lab.shown(result, "tell") == "'1,2\\n4,5'"
    assert lab.shown(result, "none") == "['out']", "not what lies in the lab, or in a copy of its modules"
