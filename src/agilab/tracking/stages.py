"""What the tracking store is told of a lab's stages, from the run's own document, its plan and its log."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from agi_node.canonical import digest, sha256_bytes, untag
from agi_node.errors import AgiError
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import LabStages, Stage
from agilab.engine.graph import Graph, Node
from agilab.store.store import Store
from agilab.store.transitions import WITH_VALUE


@dataclass(frozen=True)
class RunStages:
    """The stages of a run; of a run that is of no lab there are none.

    Attributes:
        asked: The stages as the run's document had them, by id.
        planned: The nodes of the run's plan by name.
        called: What was recorded of each app that a stage calls, by stage.
    """

    store: Store
    run_id: str
    asked: Mapping[str, Stage]
    planned: Mapping[str, Node]
    called: Mapping[str, Mapping[str, Any]]

    @classmethod
    def read(cls, store: Store, run_id: str) -> RunStages:
        """The stages of a run, from its log."""
        created = store.created(run_id)
        if "lab_digest" not in created:
            return cls(store, run_id, {}, {}, {})
        plan = store.run(run_id).plan_digest
        planned = Graph.from_bytes(store.objects.read(plan)).nodes if plan else ()
        asked = _asked(store, created["lab_digest"])
        return cls(store, run_id, asked, {node.name: node for node in planned}, created.get("called", {}))

    def code(self, stage: str) -> str | None:
        """SHA-256 of a stage's own code as it was run; of a stage that calls an app that of the app's source."""
        if (called := self.called.get(stage)) is not None:
            return str(called["source_digest"])
        node = self.planned.get(stage)
        code = node.given.get("code") if node else None
        return sha256_bytes(code.encode()) if code else None

    def environment(self, stage: str) -> str | None:
        """Fingerprint of the environment that a stage ran in."""
        if (called := self.called.get(stage)) is not None:
            return str(called["environment"])
        return (self.planned[stage].environment or None) if stage in self.planned else None

    def params(self, node: str) -> dict[str, str]:
        """What a stage was run as, by the names that runs are compared by; empty for any other node."""
        stage = self.asked.get(node)
        if stage is None or node not in self.planned:
            return {}
        said = {"runtime": stage.kind, "model": stage.model, "app": stage.app}
        return {name: str(value) for name, value in said.items() if value}

    def tags(self, node: str) -> dict[str, str]:
        """What a stage was for, what was run, and the digest of each of its outputs; empty for any other node."""
        stage = self.asked.get(node)
        if stage is None or node not in self.planned:
            return {}
        said = {
            "agilab.title": stage.title,
            "agilab.question": stage.question,
            "agilab.prompt": stage.origin.prompt_digest if stage.origin else None,
            "agilab.environment": self.environment(node),
            "agilab.code": self.code(node),
        }
        outputs = {f"agilab.output.{name}": found for name, found in self._outputs(node).items()}
        return {name: str(value) for name, value in {**said, **outputs}.items() if value}

    def _outputs(self, node: str) -> dict[str, str]:
        """The digest of each output: of its bytes, or of a table of those of its items or files."""
        found: dict[str, dict[str, str]] = {}
        for unit, body in self.store.results(self.run_id, node):
            value = untag(self.store.value(body)) if unit.state in WITH_VALUE else None
            if not isinstance(value, dict):
                continue
            kept = self._digests.get(unit.unit_id, {})
            for name, form in value.get("values", {}).items():
                found.setdefault(name, {})[unit.key] = _digest_of(form, kept)
            for name, files in value.get("files", {}).items():
                each = {path: kept.get(artifact, "") for path, artifact in files.items()}
                found.setdefault(name, {})[unit.key] = _joined(each)
        return {name: _joined(each) for name, each in found.items()}

    @cached_property
    def _digests(self) -> dict[str, dict[str, str]]:
        found: dict[str, dict[str, str]] = {}
        for row in self.store.artifacts(self.run_id):
            found.setdefault(row.unit_id, {})[row.name] = row.digest
        return found


def _digest_of(form: Mapping[str, Any], kept: Mapping[str, str]) -> str:
    if "text" in form:
        return sha256_bytes(str(form["text"]).encode())
    return kept.get(form.get("artifact", ""), "") or digest(dict(form))


def _joined(each: Mapping[str, str]) -> str:
    return next(iter(each.values())) if len(each) == 1 else digest(dict(each))


def _asked(store: Store, found: str) -> dict[str, Stage]:
    """The stages as the run had them; none where its document is of an older version."""
    try:
        document = parse_document(store.objects.read(found), LabStages, "the run's document")
    except AgiError:
        return {}
    return {stage.id: stage for stage in document.stages}
