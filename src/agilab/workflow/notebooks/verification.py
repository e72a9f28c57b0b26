"""Proving an import: the notebook itself and the pipeline, both run, and what they leave compared.

The notebook runs from top to bottom in a Jupyter kernel (nbclient), in a copy of its folder, with the packages of the
lab's own environment; several of one folder run in one copy, in the order in which they exchange files. Compared are
the values that its names stand for at the end, the files that it writes, and what the last cell of each stage shows.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sysconfig
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from agi_node.canonical import sha256_file, untag
from agi_node.errors import ENVIRONMENT, AgiError
from agilab.contracts.notebook_import import Compared, ImportedNotebook, NotebookImport, Verification
from agilab.envs import Environment, find_uv
from agilab.projects.execution import Faces
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from agilab.workflow.document.resolve import name_of
from agilab.workflow.running.execution import LabRequest, run_lab
from agilab.workflow.running.prepare import Lab, prepare_lab, read_lab

JUPYTER = ("nbclient>=0.10", "ipykernel>=6.29")
TIMEOUT_S = 1_800
_RUN = """
import json, sys
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
import nbformat
path, names, folder, out = sys.argv[1:5]
book = nbformat.read(path, as_version=4)
count = len(book.cells)
first = '''import importlib.util as _u
get_ipython().display_formatter.formatters["text/plain"].pprint = False
if _u.find_spec("pandas"):
    __import__("pandas").set_option("display.max_columns", 0)
del _u'''
book.cells.insert(0, nbformat.v4.new_code_cell(first))
last = f"from agi_node.notebook_values import write as _w\\n_w(globals(), {json.loads(names)!r}, {out!r})"
book.cells.append(nbformat.v4.new_code_cell(last))
client = NotebookClient(book, timeout=%d, kernel_name="python3", resources={"metadata": {"path": folder}})
error = ""
try:
    client.execute()
except CellExecutionError as problem:
    error = f"{problem.ename}: {problem.evalue}"
shown = {}
for index, cell in enumerate(book.cells[1 : count + 1]):
    if cell.cell_type == "code":
        for output in cell.outputs:
            if output.output_type == "execute_result" and "text/plain" in output.data:
                shown[index] = output.data["text/plain"]
print(json.dumps({"error": error, "shown": shown}))
"""
"""The script that a kernel's environment runs. The cell in front has texts made as a stage's process makes them: by
`repr`, and tables of pandas as in a terminal."""


def verify_import(
    report: NotebookImport,
    notebooks: Mapping[str, Path],
    path: Path,
    workspace: Workspace | None = None,
    faces: Faces = Faces(),
) -> tuple[Verification, ...]:
    """Run each notebook and the lab at `path`, and compare them; one verification for each notebook.

    `notebooks` are the files by name. Raises AGI-STAGE-047 where Jupyter cannot be had, and what keeps a lab from
    running.
    """
    workspace = (workspace or Workspace.default()).ensure()
    also: dict[str, tuple[str, ...]] = {}
    for notebook in report.notebooks:
        for name, stage in notebook.finals.items():
            also[stage] = (*also.get(stage, ()), name)
    lab = read_lab(path)
    with Store(workspace) as store:
        environment = prepare_lab(store, lab, offline=False, say=faces.say).main
    faces.say("running the stages")
    request = LabRequest(path, track=False, keep_going=True, write_back=False, also=also)
    result = run_lab(request, workspace, faces)
    run_id = result.run_id or ""
    jupyter = _jupyter(workspace, environment, faces.say)
    found = []
    with tempfile.TemporaryDirectory(prefix="agilab-verify-") as scratch:
        homes: dict[Path, Path] = {}
        for number, notebook in enumerate(_in_order(report, lab)):
            faces.say(f"running {notebook.name} in a kernel")
            path = notebooks[notebook.name].resolve()
            if path.parent not in homes:
                homes[path.parent] = _copy_of(path.parent, Path(scratch, f"folder-{len(homes)}"))
            copy, aside = homes[path.parent] / path.name, Path(scratch, f"notebook-{number}")
            ran = _run_notebook(copy, notebook, jupyter, environment, aside)
            with Store(workspace) as store:
                compared = tuple(_compared(store, run_id, lab, notebook, ran, copy.parent, aside))
            error = str(ran["error"])
            if result.error is not None:
                error = "; ".join(part for part in (error, f"the pipeline: {result.error.what}") if part)
            told = {one.equal for one in compared}
            equal = not error and True in told and False not in told
            found.append(
                Verification(
                    notebook=notebook.name, run_id=run_id, equal=equal, compared=compared, error=error
                )
            )
    return tuple(found)


def _in_order(report: NotebookImport, lab: Lab) -> list[ImportedNotebook]:
    """The notebooks in the order of their stages: whoever writes a file runs before whoever reads it."""
    place = {stage.id: number for number, stage in enumerate(lab.document.stages)}
    return sorted(
        report.notebooks,
        key=lambda notebook: min(
            (place.get(one.id, len(place)) for one in notebook.stages), default=len(place)
        ),
    )


def _copy_of(folder: Path, copy: Path) -> Path:
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__"))
    return copy


def _jupyter(workspace: Workspace, environment: Environment, say: Callable[[str], None]) -> Path:
    """The interpreter of a small environment with Jupyter's kernel, made once for each Python."""
    folder = workspace.cache / f"jupyter-{environment.python_version}"
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    say("getting a Jupyter kernel (once)")
    uv = str(find_uv())
    commands = (
        [uv, "venv", "--quiet", "--clear", "--python", str(environment.python), str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *JUPYTER],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AgiError(
                "AGI-STAGE-047",
                "a notebook cannot be run without Jupyter, and it cannot be had",
                found=done.stderr.strip()[:400],
                allowed=", ".join(JUPYTER),
                try_="agilab notebook import without --verify",
                whose="environment",
                exit_code=ENVIRONMENT,
            )
    (folder / "ready").touch()
    return python


def _run_notebook(
    path: Path, notebook: ImportedNotebook, jupyter: Path, environment: Environment, scratch: Path
) -> dict[str, Any]:
    """Run a notebook where it lies; what it showed by cell, and its error. Its values go to `scratch`."""
    scratch.mkdir()
    script = scratch / "run.py"
    script.write_text(_RUN % TIMEOUT_S, encoding="utf-8")
    names = json.dumps(sorted(notebook.finals))
    version = ".".join(environment.python_version.split(".")[:2])
    packages = sysconfig.get_path("purelib", vars={"base": str(environment.path)})
    if not Path(packages).is_dir():
        packages = str(environment.path / "lib" / f"python{version}" / "site-packages")
    # Without MPLBACKEND the kernel takes Jupyter's own, which ends figures with their cell as people see it happen.
    environ = {name: text for name, text in os.environ.items() if name != "MPLBACKEND"}
    done = subprocess.run(
        [str(jupyter), str(script), str(path), names, str(path.parent), str(scratch / "out")],
        capture_output=True,
        text=True,
        check=False,
        env={**environ, "PYTHONPATH": packages, "JUPYTER_PLATFORM_DIRS": "1"},
    )
    try:
        ran: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    except (ValueError, IndexError):
        return {"error": done.stderr.strip()[-600:] or "the kernel said nothing", "shown": {}}
    return ran


def _compared(
    store: Store,
    run_id: str,
    lab: Lab,
    notebook: ImportedNotebook,
    ran: Mapping[str, Any],
    folder: Path,
    scratch: Path,
) -> Iterator[Compared]:
    values = scratch / "out" / "values.json"
    left = json.loads(values.read_text(encoding="utf-8")) if values.exists() else {}
    units = {stage.id: _left(store, run_id, stage.id) for stage in notebook.stages}
    for name, stage in sorted(notebook.finals.items()):
        mine = (units.get(stage) or {}).get("also", {}).get(name, {"why": "the stage did not end well"})
        yield _value(name, stage, left.get(name, {"why": "the notebook did not come to its end"}), mine)
    for imported in notebook.stages:
        unit = units[imported.id]
        if unit is None:
            continue
        yield from _files(store, run_id, lab, imported.id, unit, folder)
        showed = ran["shown"].get(str(imported.cells[-1])) if imported.cells else None
        if showed is not None and unit.get("shown") is not None:
            equal = _tidy(showed) == _tidy(unit["shown"])
            vague = " at 0x" in showed
            yield Compared(
                kind="shown",
                name=f"cell {imported.cells[-1]}",
                stage=imported.id,
                equal=None if vague else equal,
                why="it names an address of memory"
                if vague
                else ""
                if equal
                else _difference(showed, unit["shown"]),
            )


def _left(store: Store, run_id: str, stage: str) -> dict[str, Any] | None:
    found = store.value(store.result(run_id, stage))
    return untag(found) if isinstance(found, dict) else None


def _value(name: str, stage: str, theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> Compared:
    for whose, one in (("the notebook", theirs), ("the pipeline", mine)):
        if "why" in one:
            gone = "does not leave it" in one["why"] or "did not" in one["why"]
            return Compared(
                kind="value",
                name=name,
                stage=stage,
                equal=False if gone else None,
                why=f"{whose}: {one['why']}",
            )
    equal: bool | None = dict(theirs) == dict(mine)
    why = "" if equal else f"{_brief(theirs)} in the notebook, {_brief(mine)} in the pipeline"
    if not equal and {**theirs, "digest": ""} == {**mine, "digest": ""} and mine["kind"] == "object":
        equal, why = None, f"{_brief(mine)} in both; what it holds is not the same bit for bit"
    return Compared(kind="value", name=name, stage=stage, equal=equal, why=why)


def _files(
    store: Store, run_id: str, lab: Lab, stage: str, unit: Mapping[str, Any], folder: Path
) -> Iterator[Compared]:
    digests = {row.name: row.digest for row in store.artifacts(run_id) if row.unit_id == stage}
    later = _written_later(lab, stage)
    for path, artifact in ((p, a) for files in unit["files"].values() for p, a in files.items()):
        there = folder / path
        if name_of(path) in later:
            continue  # a stage below writes it again; what that one leaves is compared
        if not there.is_file():
            yield Compared(
                kind="file", name=path, stage=stage, equal=False, why="the notebook does not write it"
            )
            continue
        equal = sha256_file(there) == digests[artifact]
        why = "" if equal else f"other bytes: {there.stat().st_size:,} in the notebook"
        yield Compared(kind="file", name=path, stage=stage, equal=equal, why=why)


def _written_later(lab: Lab, stage: str) -> set[str]:
    order = list(lab.resolved.order)
    below = order[order.index(stage) + 1 :] if stage in order else []
    return {name_of(name) for one in below for name in lab.resolved.stages[one].stage.outputs}


def _tidy(text: str) -> str:
    return "\n".join(line.rstrip() for line in text.strip().splitlines())


def _difference(one: str, other: str) -> str:
    for number, (left, right) in enumerate(
        zip(_tidy(one).splitlines(), _tidy(other).splitlines(), strict=False), 1
    ):
        if left != right:
            return f"line {number}: {left[:80]!r} in the notebook, {right[:80]!r} in the pipeline"
    return "one is longer than the other"


def _brief(one: Mapping[str, Any]) -> str:
    text = str(one.get("text") or one.get("digest", "")[:12] or one.get("name"))
    return text if len(text) <= 80 else f"{text[:70]} …"
