"""Labs that call apps: three small ones, made and locked once for the session."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.projects.conftest import write_app
from tests.workflow.conftest import POLARS, ALab

ADDING = '''
"""Adds up the numbers of files, one work item for each number."""
from agi_node import App, Args, Files, Partial, Sum, WorkItem


class Numbers(Args):
    file: Files = "data/*.txt"
    factor: int = 1
    label: str = ""
    wait_s: float = 0.0


class Total(Partial):
    total: Sum[int]


app = App("adding", args=Numbers, partial=Total)


@app.plan
def plan(args):
    for file in args.file:
        for number, word in enumerate(file.path.read_text().split()):
            yield WorkItem(f"{file.stem}-{number}", {"word": word, "file": file})


@app.work
def work(payload, args, run):
    import time
    time.sleep(args.wait_s)
    value = int(payload["word"])
    run.save_json("seen", value)
    return Total(total=value * args.factor)


@app.publish
def publish(summary, args, run):
    parts = sorted(key for key, _ in run.artifacts("seen"))
    run.save_json("report", {"label": args.label, "total": summary.total, "parts": parts})
    run.save_json("ends", [0, summary.total])
'''

STEPS = '''
"""Numbers of files, in steps that need each other."""
from agi_node import App, Args, Files


class Numbers(Args):
    file: Files = "data/*.txt"
    factor: int = 1


app = App("steps", args=Numbers)


@app.node
def offset():
    return 10


@app.node
def read(args):
    return [int(word) for file in args.file for word in file.path.read_text().split()]


@app.node
def scaled(read, offset, args):
    return {"total": sum(read) * args.factor + offset}


@app.node
def raw(read):
    return bytes(read)


@app.publish
def publish(scaled, run):
    run.save_json("report", scaled)
    return scaled["total"]
'''

TABLES = '''
"""A table, made with polars."""
import polars as pl
from agi_node import App, Args


class Size(Args):
    rows: int = 3


app = App("tables", args=Size)


@app.node
def table(args):
    return pl.DataFrame({"n": range(args.rows)})


@app.node
def largest(table):
    return int(table["n"].max())
'''


@pytest.fixture(scope="session")
def apps(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders `adding`, `steps` and `tables` of three apps; the last one has polars in its environment."""
    folder = tmp_path_factory.mktemp("apps")
    write_app(folder / "adding", ADDING, name="adding")
    shutil.copytree(folder / "adding", folder / "steps")
    (folder / "steps" / "src" / "adding" / "__init__.py").write_text(STEPS, encoding="utf-8")
    shutil.copytree(
        POLARS, folder / "tables", ignore=shutil.ignore_patterns("__pycache__", "data", "app_settings.toml")
    )
    (folder / "tables" / "src" / "polars_app" / "__init__.py").write_text(TABLES, encoding="utf-8")
    return folder


NUMBERS = {"Oslo": "1 2 4", "Rome": "5 6", "Bern": "7"}


@pytest.fixture
def calling(lab: ALab, apps: Path) -> ALab:
    """An empty lab beside the apps `adding` and `steps`, and a file of numbers for each of three cities."""
    for name in ("adding", "steps"):
        shutil.copytree(apps / name, lab.folder / name)
    (lab.folder / "data").mkdir()
    for city, numbers in NUMBERS.items():
        (lab.folder / "data" / f"{city}.txt").write_text(numbers, encoding="utf-8")
    return lab
