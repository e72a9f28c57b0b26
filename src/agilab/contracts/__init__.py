"""The documents: one versioned model for each file that people read, exchange or keep.

Names are handed out on first use, so that importing this room costs nothing: errors, identifiers and the list
of schemas need no pydantic, and only a command that touches a model pays for it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agilab.contracts.app_settings import AppSettings as AppSettings
    from agilab.contracts.base import Document as Document
    from agilab.contracts.base import parse_document as parse_document
    from agilab.contracts.base import read_document as read_document
    from agilab.contracts.base import write_document as write_document
    from agilab.contracts.distribution import Distribution as Distribution
    from agilab.contracts.errors import AgiError as AgiError
    from agilab.contracts.identifiers import new_run_id as new_run_id
    from agilab.contracts.identifiers import parse_run_id as parse_run_id
    from agilab.contracts.identifiers import parse_unit_id as parse_unit_id
    from agilab.contracts.identifiers import unit_id as unit_id
    from agilab.contracts.identifiers import unit_label as unit_label
    from agilab.contracts.lab_stages import LabStages as LabStages
    from agilab.contracts.lab_stages import Stage as Stage
    from agilab.contracts.plan import Plan as Plan
    from agilab.contracts.reduce import ReduceDocument as ReduceDocument
    from agilab.contracts.registry import export_schemas as export_schemas
    from agilab.contracts.registry import schema_list as schema_list
    from agilab.contracts.registry import schema_show as schema_show
    from agilab.contracts.rooted import RootedFile as RootedFile
    from agilab.contracts.rooted import RootedPath as RootedPath
    from agilab.contracts.run_manifest import RunManifest as RunManifest
    from agilab.contracts.run_result import RunResult as RunResult
    from agilab.contracts.settings import Settings as Settings
    from agilab.contracts.tracking import TrackingPayload as TrackingPayload

_HOMES = {
    "AgiError": "errors",
    "AppSettings": "app_settings",
    "Distribution": "distribution",
    "Document": "base",
    "LabStages": "lab_stages",
    "Plan": "plan",
    "ReduceDocument": "reduce",
    "RootedFile": "rooted",
    "RootedPath": "rooted",
    "RunManifest": "run_manifest",
    "RunResult": "run_result",
    "Settings": "settings",
    "Stage": "lab_stages",
    "TrackingPayload": "tracking",
    "export_schemas": "registry",
    "new_run_id": "identifiers",
    "parse_document": "base",
    "parse_run_id": "identifiers",
    "parse_unit_id": "identifiers",
    "read_document": "base",
    "schema_list": "registry",
    "schema_show": "registry",
    "unit_id": "identifiers",
    "unit_label": "identifiers",
    "write_document": "base",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
