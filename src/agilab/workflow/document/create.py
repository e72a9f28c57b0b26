"""A new lab: a document that runs as it is, and a uv project for it to run in, where there is none."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.toml_spelling import spelled
from agilab.workflow.document.locate import FILE

_TEMPLATE = Path(__file__).parents[2] / "templates" / "simple_project"
_STAGES = """
# A stage is a piece of code. What it takes and gives is named: `numbers` is a value, `out/summary.txt` a file.
[[stages]]
id = "numbers"
title = "Make a few numbers"
code = '''
numbers = [n * n for n in range(10)]
'''
outputs = ["numbers"]

[[stages]]
id = "summary"
title = "Sum them up"
code = '''
total = sum(numbers)
with open("out/summary.txt", "w") as file:
    file.write(f"{len(numbers)} numbers, {total} in all\\n")
'''
inputs = ["numbers"]
outputs = ["total", "out/summary.txt"]
"""
_APP = """
# This stage runs the app; what it leaves is taken by the names of its artifacts (outputs = ["summary.parquet"]).
[[stages]]
id = "{id}"
title = {title}
app = {app}
"""


@dataclass(frozen=True)
class Created:
    """What was made.

    Attributes:
        files: Relative to the folder.
        project: Whether the folder was a uv project before.
    """

    path: Path
    files: tuple[str, ...]
    project: bool

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {"status": "succeeded", "path": str(self.path), "files": list(self.files)}


def create_lab(folder: Path, *, title: str = "", app: str | None = None) -> Created:
    """Make a lab in a folder, which may be there already; with an app, a lab of one stage that calls it.

    Raises AGI-LAB-105 where a lab is there, AGI-DOC-006 where the disk refuses.
    """
    path = folder / FILE
    if path.exists() or (folder.exists() and not folder.is_dir()):
        raise AgiError(
            "AGI-LAB-105",
            "a lab is there already" if path.exists() else "this is no folder",
            found=str(path if path.exists() else folder),
            allowed=f"a folder without {FILE}",
            try_=f"agilab workflow show {shlex.quote(str(path))}" if path.exists() else None,
        )
    name = folder.resolve().name
    words = name.replace("_", " ").replace("-", " ")
    text = _document(title or words[:1].upper() + words[1:], app)
    parse_document(text, LabStages, str(path))
    project = (folder / "pyproject.toml").is_file()
    made = {FILE: text} if project else {FILE: text, **_project(name)}
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise AgiError("AGI-DOC-006", f"{folder} cannot be made", found=problem.strerror) from problem
    for file, content in sorted(
        made.items(), key=lambda one: one[0] == FILE
    ):  # the lab last: it makes the folder one
        write_atomically(folder / file, content.encode("utf-8"))
    return Created(path, tuple(made), project)


def project_name(folder: str) -> str:
    """What uv is to call the project of a lab in a folder of that name: never as a package is called.

    For uv a project `humanize` is what provides humanize, to itself and to whatever else needs it. The folder of an app
    is called as no package is.

    >>> project_name("humanize"), project_name("Warm nights_2"), project_name("my-lab"), project_name("…")
    ('humanize-lab', 'warm-nights-2-lab', 'my-lab', 'lab')
    >>> project_name("flight_project")
    'flight-project'
    """
    name = re.sub(r"[^a-z0-9]+", "-", folder.lower()).strip("-")
    return name if name.endswith(("-lab", "-project")) else f"{name}-lab".strip("-")


def _document(title: str, app: str | None) -> str:
    head = f'schema = "agilab.lab_stages.v2"\n\n[lab]\ntitle = {spelled(title)}\n'
    if app is None:
        return head + _STAGES
    name = app.rstrip("/").rpartition("/")[2].removesuffix("_project")
    stage = re.sub(r"[^A-Za-z0-9_-]", "_", name)
    stage = stage if stage[:1].isalpha() else f"run_{stage}"
    return head + _APP.format(id=stage[:60], title=spelled(f"Run {name}"), app=spelled(app))


def _project(name: str) -> dict[str, str]:
    """A uv project with its lock, made from one that is known to be locked: no network is needed."""
    from agilab.projects.life.relock import relocked

    project = project_name(name)
    pyproject = (
        f'[project]\nname = "{project}"\nversion = "0.1.0"\nrequires-python = ">=3.11"\n'
        'dependencies = [\n    "pydantic>=2.9",  # what every environment of AGILab has\n]\n'
    )
    lock = relocked((_TEMPLATE / "uv.lock").read_text(encoding="utf-8"), "simple-project", project)
    return {
        "pyproject.toml": pyproject,
        "uv.lock": lock.replace('source = { editable = "." }', 'source = { virtual = "." }'),
    }
