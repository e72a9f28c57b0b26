"""What `runs verify` says of an artifact that a later run has damaged, and how it is made whole again."""

from __future__ import annotations

import shlex
import subprocess

import pytest

from agi_node.placing import COPIED
from agilab.engine.selection import Selection
from agilab.evidence.verify import verify
from agilab.store.store import Store
from agilab.workflow.running import again
from agilab.workflow.running.execution import run_lab
from agilab.workflow.running.request import LabRequest

from .conftest import ALab

pytestmark = pytest.mark.slow

BIG = f"""
[[stages]]
id = "make"
foreach = {{ k = ["a", "b"] }}
outputs = ["big/{{k}}.bin"]
code = '''
from pathlib import Path
Path(f"big/{{k}}.bin").write_bytes(k.encode() + bytes({COPIED + 1}))
'''
[[stages]]
id = "use"
inputs = ["big/{{k}}.bin"]
foreach = {{ k = ["a", "b"] }}
outputs = ["n"]
code = '''
import os
from pathlib import Path
path = Path(f"big/{{k}}.bin").resolve()
n = path.stat().st_size
'''
"""
WRITES = """
if k == "a":
    os.chmod(path, 0o644)
    with path.open("r+b") as file:
        file.write(b"!")
'''
"""


def problems(lab: ALab, run_id: str) -> dict[str, tuple[str, ...]]:
    with Store(lab.workspace) as store:
        return {one.name: one.problems for one in verify(store, run_id) if one.problems}


def test_whose_artifact_it_is_who_damaged_it_and_what_makes_it_again(lab: ALab) -> None:
    first = lab.write(BIG).run(workers=1)
    run_id = first.run_id or ""
    assert first.status == "succeeded", first.error
    assert problems(lab, run_id) == {}
    lab.path.write_text(BIG.rstrip().removesuffix("'''") + WRITES, encoding="utf-8")
    second = run_lab(
        LabRequest(lab.path, track=False, workers=1, selection=Selection(from_node="use")), lab.workspace
    )
    if second.status == "succeeded":
        pytest.skip("this file system shares blocks: nothing that is lent can be damaged")

    found = problems(lab, run_id)
    assert found.keys() == {"objects", "files"}
    (said,) = found["objects"]
    assert said.startswith("the artifact a.bin of make[a] was damaged and is set aside; ")
    assert f"use[a] of run {second.run_id} changed it (AGI-STAGE-116, " in said
    assert said.endswith(f"to make it again: agilab runs rerun {run_id} --unit 'make[a]'")
    assert found["files"] == ("artifacts/make/a/a.bin: other bytes than the manifest says",)

    lab.path.write_text(BIG, encoding="utf-8")
    third = again.rerun(run_id, Selection(units=("make[a]",)), lab.workspace, track=False)
    assert third.status == "succeeded"
    left = problems(lab, run_id)
    assert left.keys() == {"files"}, (
        "the object is whole again; its name in the run's folder is still the old one"
    )
    command = left["files"][0].partition("the store has them: ")[2]
    subprocess.run(shlex.split(command), check=True)
    assert problems(lab, run_id) == {}


def test_an_object_that_nobody_set_aside_is_missing(lab: ALab) -> None:
    run_id = lab.write(BIG.replace(str(COPIED + 1), "1000")).run().run_id or ""
    with Store(lab.workspace) as store:
        digest = next(row.digest for row in store.artifacts(run_id) if row.unit_id == "make[b]")
        store.objects.path(digest).unlink()
    (said,) = problems(lab, run_id)["objects"]
    assert said == (
        f"the artifact b.bin of make[b]: object {digest[:12]} is missing; "
        f"to make it again: agilab runs rerun {run_id} --unit 'make[b]'"
    )


def test_damage_that_nobody_admits_is_found_by_the_next_run_and_mended_by_the_one_after(lab: ALab) -> None:
    lab.write(
        """
[[stages]]
id = "make"
outputs = ["out.csv"]
code = "open('out.csv', 'w').write('1,2,3')"
[[stages]]
id = "sum"
inputs = ["out.csv"]
outputs = ["n"]
code = "n = sum(map(int, open('out.csv').read().split(',')))"
"""
    )
    first = lab.run().run_id or ""
    with Store(lab.workspace) as store:
        (row,) = [row for row in store.artifacts(first) if row.name == "out.csv"]
        path = store.objects.path(row.digest)
    for mend in ("cache", "rerun"):
        path.chmod(0o644)
        with path.open("r+b") as file:
            file.write(b"9")
        assert "out.csv" in problems(lab, first)["objects"][0]
        if mend == "cache":
            found = lab.run(cache=True)
            assert found.status == "failed"
            assert not path.exists(), "nobody else takes these bytes"
            assert "set aside" in problems(lab, first)["objects"][0]
            assert lab.run(cache=True).status == "succeeded"
        else:
            done = again.rerun(first, Selection(units=("make",)), lab.workspace, track=False)
            assert done.status == "succeeded"
        assert path.read_bytes() == b"1,2,3"
