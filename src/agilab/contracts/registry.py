"""Every kind of document, by name: one list for `schema list`, `schema show` and the published copies.

The list is text, so that it can be printed without loading a single model.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agilab.contracts.atomic import write_atomically
from agilab.contracts.errors import AgiError

if TYPE_CHECKING:
    from agilab.contracts.base import Document

DIALECT = "https://json-schema.org/draft/2020-12/schema"


@dataclass(frozen=True, slots=True)
class Entry:
    """A kind of document.

    Attributes:
        name: What people call it: `agilab schema show NAME`.
        schema: The identifier inside the file.
        files: The names that such files have.
        description: One line: what it is for.
        model: `module:class`, loaded on first use.
    """

    name: str
    schema: str
    files: tuple[str, ...]
    description: str
    model: str

    def load(self) -> type[Document]:
        """The model class."""
        module, _, name = self.model.partition(":")
        found: type[Document] = getattr(import_module(f"agilab.contracts.{module}"), name)
        return found


ENTRIES = (
    Entry(
        "run_manifest",
        "agilab.run_manifest.v2",
        ("run_manifest.json",),
        "the evidence of one run: what ran, in what, from what, how, to what, with what verdict",
        "run_manifest:RunManifest",
    ),
    Entry(
        "plan",
        "agilab.plan.v1",
        ("plan.json",),
        "what would run, where, in what order and why; proof of nothing",
        "plan:Plan",
    ),
    Entry(
        "distribution",
        "agilab.distribution.v1",
        ("distribution.json",),
        "which worker gets which item; edit it and feed it back",
        "distribution:Distribution",
    ),
    Entry(
        "reduce",
        "agilab.reduce.v2",
        ("reduce_summary.json", "reduce_summary_worker_<id>.json"),
        "merged partials, with each field's merge rule",
        "reduce:ReduceDocument",
    ),
    Entry(
        "app_settings",
        "agilab.app_settings.v2",
        ("app_settings.toml",),
        "an app's saved arguments, cluster, connectors and pages",
        "app_settings:AppSettings",
    ),
    Entry(
        "lab_stages",
        "agilab.lab_stages.v2",
        ("lab_stages.toml",),
        "a pipeline of stages around an app or a study, in the order of reading",
        "lab_stages:LabStages",
    ),
    Entry(
        "notebook_import",
        "agilab.notebook_import.v2",
        ("notebook_import.json",),
        "what an import made of notebooks, without executing them, and what it could not decide",
        "notebook_import:NotebookImport",
    ),
    Entry(
        "app_export",
        "agilab.app_export.v1",
        ("app_export.json",),
        "what an exported or packaged app consists of, file by file, and what it does not bring along",
        "app_export:AppExport",
    ),
    Entry(
        "settings",
        "agilab.settings.v1",
        ("settings.toml",),
        "a workspace: data roots, tracking, workers of this machine",
        "settings:Settings",
    ),
    Entry(
        "tracking",
        "agilab.tracking.v1",
        ("tracking.json",),
        "what a run tells the tracking store, waiting to be delivered",
        "tracking:TrackingPayload",
    ),
    Entry(
        "run_export",
        "agilab.run_export.v1",
        ("export.json",),
        "what an exported run consists of, file by file, and by which head its log is known",
        "run_export:RunExport",
    ),
    Entry(
        "benchmark",
        "agilab.benchmark.v1",
        ("benchmark.json",),
        "how long an app took in several modes side by side, all with one result, and what to make of it",
        "benchmark:Benchmark",
    ),
    Entry(
        "report",
        "agilab.report.v1",
        (),
        "what agilab report prints: checks with evidence, how each was established, and the verdict",
        "report:Report",
    ),
    Entry(
        "safe_actions",
        "agilab.safe_actions.v1",
        ("safe_actions.json",),
        "what is to be done with a table, step by step, as data that can be judged before anything runs",
        "safe_actions:SafeActions",
    ),
    Entry(
        "assistance",
        "agilab.assistance.v1",
        ("assistance.json",),
        "one question about a stage: what was sent for it, what came back, and what became of that",
        "assistance:Assistance",
    ),
    Entry(
        "run_result",
        "agilab.run_result.v1",
        (),
        "the object that run and first-proof print with --json",
        "run_result:RunResult",
    ),
)


def entry(name: str) -> Entry:
    """The kind of document that `name` means: its name, its schema identifier, or the name of such a file.

    Raises AGI-DOC-007, with the nearest name, where it means none.
    """
    for kind in ENTRIES:
        if name in (kind.name, kind.schema, *kind.files):
            return kind
    close = get_close_matches(name, [kind.name for kind in ENTRIES], n=1, cutoff=0.5)
    raise AgiError(
        "AGI-DOC-007",
        "there is no document of this name",
        found=name[:80],
        allowed=", ".join(kind.name for kind in ENTRIES),
        try_=f"agilab schema show {close[0]}" if close else "agilab schema list",
    )


def schema_list() -> list[dict[str, Any]]:
    """Every kind of document as plain data: name, schema, files, description."""
    return [
        {"name": kind.name, "schema": kind.schema, "files": list(kind.files), "description": kind.description}
        for kind in ENTRIES
    ]


def schema_show(name: str) -> dict[str, Any]:
    """The JSON Schema (Draft 2020-12) of a kind of document.

    It judges field by field exactly as the model does. What only the model refuses are contradictions
    between fields and values such as the 30th of February, which the language cannot express. TOML
    documents are judged as the JSON object that they hold.
    """
    from agilab.contracts.schema import json_schema

    kind = entry(name)
    body = json_schema(kind.load())
    described = f"{kind.description[0].upper()}{kind.description[1:]}."
    head = {
        "$schema": DIALECT,
        "$id": f"urn:agilab:schema:{kind.schema}",
        "title": kind.schema,
        "description": f"{described} Files: {', '.join(kind.files)}." if kind.files else described,
    }
    return {**head, **{key: value for key, value in body.items() if key not in ("title", "description")}}


def schema_text(name: str) -> str:
    """The JSON Schema as the text of its published copy."""
    return json.dumps(schema_show(name), indent=2, ensure_ascii=False) + "\n"


def export_schemas(folder: Path) -> list[Path]:
    """Write every schema to `folder`, as `<schema>.json`, and remove what is no schema of ours any more.

    Returns the files. Only files named like schemas of this project are ever removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for kind in ENTRIES:
        path = folder / f"{kind.schema}.json"
        write_atomically(path, schema_text(kind.name).encode("utf-8"))
        written.append(path)
    for stale in set(folder.glob("agilab.*.v[0-9]*.json")) - set(written):
        stale.unlink()
    return written
