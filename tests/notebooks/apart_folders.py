"""Cells run as a notebook runs them, in one folder, and as stages, each in a folder of its own: what they print.

A plain script in a process of its own, and the oracle of what stages have to be given: nothing of AGILab is in it.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from agi_node.source.carried import carried
from agilab.contracts.lab_stages import Input, LabStages, Stage
from agilab.notebooks.python.parsing import parse_notebook
from agilab.notebooks.reading import read
from tests.notebooks.test_file_uses import gives, takes

_RUN = """
import contextlib, glob, json, os, pathlib, shutil, sys, tempfile
told = []
for room, gets, code, leaves, store, beside in json.load(sys.stdin):
    os.makedirs(room, exist_ok=True)
    def found(name, root):
        name = name.removeprefix("./")
        below = sorted(pathlib.Path(root, name).rglob("*")) if os.path.isdir(os.path.join(root, name)) else []
        paths = [str(one.relative_to(root)) for one in below if one.is_file()]
        return paths or glob.glob(name, root_dir=root, recursive=True)
    for name in gets:
        paths = found(name, store) or found(name, beside)
        if name.endswith("?"):  # it need not be there
            name = name.removesuffix("?")
            paths = found(name, beside)
            os.makedirs(os.path.join(room, name if name.endswith("/") else "."), exist_ok=True)
        else:
            assert paths, f"{room} takes {name}, which is nowhere"
        for path in paths:
            source = os.path.join(store if os.path.exists(os.path.join(store, path)) else beside, path)
            os.makedirs(os.path.dirname(os.path.join(room, path)), exist_ok=True)
            shutil.copyfile(source, os.path.join(room, path))
    for name in leaves:
        os.makedirs(os.path.dirname(os.path.join(room, name)), exist_ok=True)
    os.chdir(room)
    with tempfile.TemporaryFile() as file:
        kept = os.dup(1)
        os.dup2(file.fileno(), 1)
        exec(compile(code, "<code>", "exec"), {"__name__": "__main__"})
        sys.stdout.flush()
        os.dup2(kept, 1)
        file.seek(0)
        told.append(file.read().decode())
    os.chdir(store)
    for name in leaves:
        paths = found(name, room)
        assert paths, f"{room} promises {name}"
        for path in paths:
            os.makedirs(os.path.dirname(os.path.join(store, path)), exist_ok=True)
            shutil.copyfile(os.path.join(room, path), os.path.join(store, path))
print("\\n" + json.dumps(told))
"""


def _run(steps: list[list[object]]) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _RUN], input=json.dumps(steps), text=True, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told: list[str] = json.loads(done.stdout.splitlines()[-1])
    return told


def printed_as_notebook(notebook: bytes, folder: Path) -> list[str]:
    """What the cells of a notebook print, one after another in a folder, each knowing no name of the others."""
    cells = [one.python for one in parse_notebook(read(notebook)).cells]
    return _run([[str(folder), [], cell, [], str(folder), str(folder)] for cell in cells])


def _marked(stage: Stage) -> list[str]:
    """What a stage takes, with a sign behind what need not be there."""
    optional = {one.name for one in stage.inputs if isinstance(one, Input) and one.optional}
    return [f"{name}?" if name in optional else name for name in takes(stage)]


def printed_as_stages(lab: LabStages, root: Path, beside: Path, *, apart: bool = False) -> list[str]:
    """What stages print, each in a folder with what it takes: of stages above, or of what lies `beside`.

    `apart` runs each in a process of its own, as a run does, with the statements that it uses: what one does to a
    module no other sees.
    """
    store = root / "store"
    store.mkdir(parents=True)
    steps: list[list[object]] = [
        [str(root / stage.id), _marked(stage), stage.code, gives(stage), str(store), str(beside)]
        for stage in lab.stages
    ]
    if not apart:
        return _run(steps)
    texts = {stage.id: stage.code or "" for stage in lab.stages}
    uses = {stage.id: stage.uses for stage in lab.stages}
    for step, stage in zip(steps, lab.stages, strict=True):
        wanted: dict[str, set[str]] = {}
        todo = [(other, name) for other, names in stage.uses.items() for name in names]
        while todo:
            other, name = todo.pop()
            if name not in wanted.setdefault(other, set()):
                wanted[other].add(name)
                missing = carried(texts[other], [name]).missing
                todo += [(far, one) for far, names in uses[other].items() for one in names if one in missing]
        taken = [carried(texts[other], wanted[other]).text for other in texts if other in wanted]
        step[2] = "\n".join([*taken, texts[stage.id]])
    return [told for step in steps for told in _run([step])]
