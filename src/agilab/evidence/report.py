"""The reports there are: one list, one document shape, each computed when it is asked for.

The list is text, so that it can be printed without loading what computes a report.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import import_module
from typing import TYPE_CHECKING, Any

from agi_node.errors import AgiError
from agilab.contracts.timestamps import utc_now
from agilab.store.workspace import Workspace
from agilab.version import __version__

if TYPE_CHECKING:
    from agilab.contracts.report import Check, Report


@dataclass(frozen=True, slots=True)
class KnownApp:
    """An app that reports may be asked about.

    Attributes:
        name: By which its runs are recorded.
        place: `built in` or `remembered`.
        description: What a worker said of it (`describe`), or None where nobody ever asked.
    """

    name: str
    place: str
    description: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a report may look at: a workspace, and the apps that somebody above found."""

    workspace: Workspace
    apps: tuple[KnownApp, ...] = ()


@dataclass(frozen=True, slots=True)
class Kind:
    """A report.

    Attributes:
        name: `agilab report NAME`.
        subject: What it is about, in a line.
        how: Whether it does the thing itself, or reads what runs left.
        maker: `module:function`, loaded on first use: text, because a report about what a higher floor does is computed
            there. The function takes a `Scope` and the report's own options, and returns the checks and what else was
            found.
    """

    name: str
    subject: str
    how: str
    maker: str

    def make(self, scope: Scope, **options: Any) -> Report:
        """Compute it now. Raises what the options or the workspace make impossible, and nothing for what it finds."""
        from agilab.contracts.report import Report, verdict_of

        module, _, name = self.maker.partition(":")
        maker: Callable[..., tuple[Iterable[Check], dict[str, Any]]]
        maker = getattr(import_module(module), name)
        found, details = maker(scope, **options)
        checks = tuple(found)
        return Report(
            name=self.name,
            subject=self.subject,
            made_at=utc_now(),
            made_by=f"agilab {__version__}",
            checks=checks,
            details=details,
            verdict=verdict_of(checks),
        )


KINDS = (
    Kind(
        "reducers",
        "how the partials of every app merge, and whether that holds on the partials of its latest run",
        "executed on recorded partials",
        "agilab.evidence.reports.reducers:reducers",
    ),
    Kind(
        "reducer-benchmark",
        "the reduce contract on many partials, beside a single pass over the same items",
        "executed",
        "agilab.evidence.reports.reducer_benchmark:reducer_benchmark",
    ),
    Kind(
        "notebook-import",
        "what an import keeps of notebooks, and that it executes nothing of them",
        "executed, watched",
        "agilab.workflow.reports.notebook_import:notebook_import",
    ),
    Kind(
        "notebook-roundtrip",
        "a lab to a notebook and back, unedited and edited",
        "executed",
        "agilab.workflow.reports.notebook_roundtrip:notebook_roundtrip",
    ),
    Kind(
        "notebook-union-environment",
        "whether the stages of a lab could share one kernel, or which pins and names keep them apart",
        "executed",
        "agilab.workflow.reports.notebook_union:notebook_union_environment",
    ),
)


def report_kind(name: str) -> Kind:
    """The report of this name. Raises AGI-REPORT-001, with the nearest one, where there is none."""
    for kind in KINDS:
        if kind.name == name:
            return kind
    close = get_close_matches(name, [kind.name for kind in KINDS], n=1, cutoff=0.5)
    raise AgiError(
        "AGI-REPORT-001",
        "there is no report of this name",
        found=name[:80],
        allowed=", ".join(kind.name for kind in KINDS),
        try_=f"agilab report {close[0]}" if close else "agilab report --help",
    )
