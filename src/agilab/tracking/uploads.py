"""Files among the artifacts of a run of MLflow: a table that its UI shows, and any other under a name.

Runs in the deliverer only, which hands its client in.
"""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agilab.tracking.limits import fit_artifact_name

if TYPE_CHECKING:
    from agilab.contracts.tracking import TrackedTable

TABLE_NAME = "units.json"
"""The artifact that a node's table becomes."""


def put_table(client: Any, run: str, table: TrackedTable) -> None:
    """A table in the form of `mlflow.log_table`, which its UI shows; made here because that one needs pandas."""
    document = {
        "columns": list(table.columns),
        "data": [[_cell(value) for value in row] for row in table.data],
    }
    with tempfile.TemporaryDirectory(prefix="agilab-") as folder:
        file = Path(folder) / TABLE_NAME
        file.write_text(json.dumps(document, ensure_ascii=False, allow_nan=False), encoding="utf-8")
        client.log_artifact(run, str(file))


def with_table(found: Any) -> str:
    """MLflow's list of tables of a run, with ours in it once; `found` is None for a new one."""
    listed = json.loads(found.data.tags.get("mlflow.loggedArtifacts", "[]")) if found else []
    ours = {"path": TABLE_NAME, "type": "table"}
    return json.dumps(listed if ours in listed else [*listed, ours])


def put_file(client: Any, run: str, path: Path, name: str, notes: list[str]) -> bool:
    """A file under a relative path; returns whether it is there now: where not, `notes` say why."""
    fitted = fit_artifact_name(name, notes)
    if fitted is None:
        return False
    if not path.is_file():
        notes.append(f"artifact {name!r:.100} left out: its file is gone")
        return False
    folder, _, base = fitted.rpartition("/")
    if path.name == base:
        client.log_artifact(run, str(path), folder or None)
    else:
        # MLflow names an artifact after its file.
        with tempfile.TemporaryDirectory(prefix="agilab-") as stage:
            link = Path(stage) / base
            try:
                link.symlink_to(path.absolute())
            except OSError:
                shutil.copyfile(path, link)
            client.log_artifact(run, str(link), folder or None)
    return True


def _cell(value: Any) -> Any:
    # As pandas writes it for `mlflow.log_table`: JSON has no word for NaN.
    return None if isinstance(value, float) and not math.isfinite(value) else value
