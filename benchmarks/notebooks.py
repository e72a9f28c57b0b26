"""Notebooks and stages: an import beside jupytext, fifty stages beside papermill and a plain script."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agilab.envs import find_uv
from benchmarks.bench import PYTHON, Bench, Missing
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import assert_same
from benchmarks.samples import alternate

CELLS = 200
STEPS = 50
SCRIPT = "cells_plain.py"
PAPERMILL = ("papermill>=2.6", "ipykernel>=6.29")
_KERNEL = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
_SECTION = (
    "## Station {n}\n\nWhat its days say.",
    "days_{n} = pd.read_csv('data/station_{n}.csv', parse_dates=['day'])\ndays_{n}.head()",
    "days_{n}['warm'] = days_{n}['temp'] > {n}\ndays_{n} = days_{n}.dropna(subset=['temp'])\n"
    "days_{n}.loc[days_{n}['rain'] < 0, 'rain'] = 0.0",
    "def rolled_{n}(table, window={n}):\n    return table['temp'].rolling(window, min_periods=1).mean()",
    "means_{n} = rolled_{n}(days_{n})\n"
    "for window in (3, 7):\n    days_{n}[f'mean_{{window}}'] = rolled_{n}(days_{n}, window)",
    "### By month",
    "by_month_{n} = days_{n}.groupby(days_{n}['day'].dt.month).agg(\n    temp=('temp', 'mean'), rain=('rain', 'sum'))",
    "fig, ax = plt.subplots()\nax.plot(days_{n}['day'], means_{n})\nax.set_title('station {n}')\n"
    "fig.savefig('out/station_{n}.png')",
    "summary[{n}] = {{'warm': int(days_{n}['warm'].sum()), 'months': len(by_month_{n})}}\nsummary[{n}]",
    "by_month_{n}.to_csv('out/months_{n}.csv')",
)
"""A section of the notebook that is imported, as people repeat themselves."""


def study(cells: int = CELLS) -> dict[str, Any]:
    """A notebook of so many cells: tables, functions, figures, files and a dict that all sections write into."""
    texts = [
        "# Stations",
        "import pandas as pd\nimport matplotlib.pyplot as plt\n%matplotlib inline",
        "summary = {}",
    ]
    number = 0
    while len(texts) < cells - 1:
        number += 1
        texts += [text.format(n=number) for text in _SECTION]
    texts = [*texts[: cells - 1], "import json\njson.dump(summary, open('out/summary.json', 'w'))"]
    return _notebook(texts)


def texts_of_steps(count: int = STEPS) -> list[str]:
    """Cells: the first one is 0, each other adds one, the last one writes the number down."""
    last = "number = number + 1\nwith open('number.txt', 'w') as file:\n    file.write(str(number))"
    return ["number = 0", *["number = number + 1"] * (count - 2), last]


def lab(texts: list[str]) -> str:
    """The same cells as stages; the number goes from each to the next one through the log."""
    stages = []
    for step, text in enumerate(texts):
        takes = 'inputs = ["number"]\n' if step else ""
        gives = "number" if step < len(texts) - 1 else "./number.txt"
        said = f'id = "step-{step}"\n{takes}outputs = ["{gives}"]\n'
        stages.append(f"[[stages]]\n{said}code = '''\n{text}\n'''\n")
    return "\n".join(stages)


def _notebook(texts: list[str]) -> dict[str, Any]:
    cells: list[dict[str, Any]] = []
    for number, text in enumerate(texts):
        cell: dict[str, Any] = {"id": f"cell-{number}", "metadata": {}, "source": text}
        own = {"cell_type": "markdown"}
        if not text.startswith("#"):
            own = {"cell_type": "code", "execution_count": None, "outputs": []}
        cells.append(cell | own)
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": _KERNEL, "cells": cells}


def import_cold(bench: Bench, rounds: int) -> Measured:
    """`agilab notebook import --dry-run`, a whole process, beside jupytext making a script of the same notebook."""
    folder = bench.new_folder("import")
    path = folder / "stations.ipynb"
    path.write_text(json.dumps(study()), encoding="utf-8")
    script = folder / "stations.py"
    jupytext = PYTHON.with_name("jupytext")
    if not jupytext.exists():
        raise Missing("needs jupytext beside AGILab")
    code_cells: dict[str, int] = {}

    def ours() -> float:
        seconds, report = bench.agilab("notebook", "import", path, "--dry-run")
        code_cells["ours"] = sum(len(stage["cells"]) for stage in report["notebooks"][0]["stages"])
        return seconds

    def theirs() -> float:
        seconds, _ = bench.command(jupytext, "--quiet", "--to", "py:percent", "--output", script, path)
        marks = [line for line in script.read_text(encoding="utf-8").splitlines() if line.startswith("# %%")]
        code_cells["reference"] = sum("[markdown]" not in mark for mark in marks)
        assert_same(code_cells["ours"], code_cells["reference"], "code cells")
        return seconds

    taken = alternate({"ours": ours, "reference": theirs}, rounds)
    return Measured(taken["ours"], taken["reference"])


def stages(bench: Bench, rounds: int) -> Measured:
    """Fifty stages, a whole command, beside papermill with the same cells, and a plain script."""
    papermill = bench.keep("papermill", lambda: _papermill(bench))
    folder = _lab(bench)
    notebook = folder / "steps.ipynb"
    notebook.write_text(json.dumps(_notebook(texts_of_steps())), encoding="utf-8")
    numbers: dict[str, int] = {}

    def ours() -> float:
        seconds, result = bench.agilab("workflow", "run", folder, "--no-track")
        numbers["ours"] = _left(result)
        return seconds

    def theirs() -> float:
        out = folder / "done.ipynb"
        words = ("--no-progress-bar", "--cwd", folder, notebook, out)
        seconds, _ = bench.command(papermill, "-m", "papermill", *words)
        numbers["reference"] = int((folder / "number.txt").read_text(encoding="utf-8"))
        assert_same(numbers["ours"], numbers["reference"])
        return seconds

    def plain() -> float:
        seconds, number = bench.script(SCRIPT, str(STEPS), folder / "plain.txt")
        assert_same(numbers["ours"], number)
        return seconds

    script = "a plain script, the whole process"
    taken = alternate({"ours": ours, "reference": theirs, script: plain}, rounds)
    return Measured(taken["ours"], taken["reference"], {script: taken[script]})


def again(bench: Bench, rounds: int) -> Measured:
    """The same lab unchanged with `--cache`, beside a script that finds its pickled results: whole commands."""
    folder = _lab(bench)
    pickles = bench.new_folder("pickles")
    bench.agilab("workflow", "run", folder, "--no-track", "--cache")
    numbers: dict[str, int] = {}

    def ours() -> float:
        seconds, result = bench.agilab("workflow", "run", folder, "--no-track", "--cache")
        numbers["ours"] = _left(result)
        assert_same({"reused": STEPS}, {"reused": _reused(result)}, "units")
        return seconds

    def theirs() -> float:
        seconds, number = bench.script(SCRIPT, str(STEPS), folder / "plain.txt", "--keep", pickles)
        assert_same(numbers["ours"], number)
        return seconds

    taken = alternate({"ours": ours, "reference": theirs}, rounds)
    return Measured(taken["ours"], taken["reference"])


def _lab(bench: Bench) -> Path:
    """A lab of the steps whose environment is made."""
    folder = bench.new_folder("lab")
    (folder / "lab_stages.toml").write_text(lab(texts_of_steps()), encoding="utf-8")
    project = '[project]\nname = "steps"\nversion = "0"\nrequires-python = ">=3.11"\ndependencies = ["pydantic>=2.9"]\n'
    (folder / "pyproject.toml").write_text(project, encoding="utf-8")
    bench.command(find_uv(), "lock", "--quiet", "--directory", folder)
    return folder


def _left(result: dict[str, Any]) -> int:
    """The number in the file that the last stage left."""
    folder = Path(result["manifest"]).parent / "artifacts"
    (file,) = folder.rglob("number.txt")
    return int(file.read_text(encoding="utf-8"))


def _reused(result: dict[str, Any]) -> int:
    manifest = json.loads(Path(result["manifest"]).read_text(encoding="utf-8"))
    return sum(node["units"].get("reused", 0) for node in manifest["execution"]["nodes"])


@contextmanager
def _papermill(bench: Bench) -> Iterator[Path]:
    """The interpreter of an environment with papermill; it is removed with the sitting."""
    folder = bench.new_folder("papermill") / "venv"
    python = folder / "bin" / "python"
    for words in (
        ("venv", "--quiet", "--python", str(PYTHON), str(folder)),
        ("pip", "install", "--quiet", "--python", str(python), *PAPERMILL),
    ):
        done = subprocess.run([str(find_uv()), *words], capture_output=True, text=True, check=False)
        if done.returncode:
            raise Missing(f"needs papermill, which cannot be had: {done.stderr.strip()[-200:]}")
    yield python


CASES = (
    Case(
        "notebook-import-200",
        "notebooks",
        "agilab notebook import --dry-run, 200 cells, a cold process",
        "jupytext --to py:percent on the same notebook",
        "s",
        Limit(plus=1.0),
        11,
        import_cold,
    ),
    Case(
        "stages-50",
        "notebooks",
        "agilab workflow run --no-track, 50 stages that each add one",
        "papermill on a notebook with the same 50 cells",
        "s",
        Limit(times=1.0),
        7,
        stages,
    ),
    Case(
        "stages-50-again",
        "notebooks",
        "the same with --cache, nothing changed",
        "a script that finds its pickled results, the whole process",
        "s",
        Limit(plus=1.0),
        7,
        again,
    ),
)
