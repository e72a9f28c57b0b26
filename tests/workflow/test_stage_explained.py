"""`runs explain` of a stage: what it really got, and where each of it came from."""

from __future__ import annotations

from typing import Any

import pytest

from agilab.store.store import Store
from agilab.views.explanation import explain

from .conftest import ALab

pytestmark = pytest.mark.slow

LAB = """\
[lab.params]
limit = 3
[[stages]]
id = "load"
inputs = ["limit", "data/*.txt"]
outputs = ["numbers", "out/all.txt"]
code = '''
from pathlib import Path
text = "".join(path.read_text() for path in sorted(Path("data").glob("*.txt")))
Path("out").mkdir(exist_ok=True)
Path("out/all.txt").write_text(text)
numbers = tuple(range(limit))
'''
[[stages]]
id = "each"
foreach = { n = "numbers" }
outputs = ["square"]
code = "square = n * n"
[[stages]]
id = "more"
foreach = { n = "numbers" }
inputs = ["square", { name = "numbers", as = "whole" }]
outputs = ["sum"]
code = "sum = square + len(whole)"
[[stages]]
id = "tell"
inputs = ["sum", "out/all.txt"]
uses = { load = ["Path"] }
code = "Path('out/all.txt').read_text(), sum"
[[stages]]
id = "never"
inputs = ["gone"]
code = "gone"
[[stages]]
id = "breaks"
outputs = ["gone"]
code = "gone = 1 / 0"
"""


def given(lab: ALab, run_id: str, name: str) -> dict[str, Any]:
    with Store(lab.workspace, readonly=True) as store:
        found = dict(explain(store, run_id, name).given)
    assert "arguments" not in found
    return {key: value for key, value in found.items() if key.startswith(("takes", "uses", "promises"))}


def test_every_input_is_told_with_its_value_or_size_and_with_whose_it_is(lab: ALab) -> None:
    files = {"data__a.txt": "ab\n", "data__b.txt": "cde\n"}
    run_id = lab.write(LAB, **files).run(keep_going=True).run_id or ""
    assert given(lab, run_id, "load") == {
        "takes limit": "from lab.params: 3",
        "takes data/*.txt": "from the lab's folder: 2 files, 7 B (data/a.txt, data/b.txt)",
        "promises": "numbers, out/all.txt",
    }
    # 2 * 2 is 4, and there are three numbers.
    assert given(lab, run_id, "more[2]") == {
        "takes square": "from each[2]: 4",
        "takes numbers as whole": "from load: (0, 1, 2)",
        "promises": "sum",
    }
    assert given(lab, run_id, "more") == {
        "takes square": "from 3 of 3 units of each, each unit its own",
        "takes numbers as whole": "from load: (0, 1, 2)",
        "promises": "sum",
    }
    assert given(lab, run_id, "tell") == {
        "takes sum": "from 3 of 3 units of more",
        "takes out/all.txt": "from load: 1 file, 7 B",
        "uses text of load": "1 line",
    }
    assert given(lab, run_id, "never") == {"takes gone": "from breaks, which left nothing"}
    with Store(lab.workspace) as store:
        digest = next(row.digest for row in store.artifacts(run_id) if row.unit_id == "load")
        store.objects.path(digest).unlink()
    assert given(lab, run_id, "tell")["takes out/all.txt"] == "from load: 1 file, 7 B", "the log has it"
