"""An app under examination: what its checks know, and what each of them may say."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from agilab.projects.discover import AppProject
from agilab.projects.request import Faces
from agilab.store.workspace import Workspace

if TYPE_CHECKING:
    from agilab.engine.expansion import Item
    from agilab.projects.prepare import PreparedApp

Verdict = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Check:
    """One thing that was established.

    Attributes:
        evidence: What was found, in one sentence; for a check that was skipped, why.
        mend: The next command or edit, where it failed.
    """

    name: str
    verdict: Verdict
    evidence: str
    mend: str = ""

    def to_plain(self) -> dict[str, str]:
        """The check as JSON."""
        return {"name": self.name, "verdict": self.verdict, "evidence": self.evidence, "mend": self.mend}


class Wrong(Exception):
    """Raised by a check that fails.

    Attributes:
        mend: The next command or edit.
    """

    def __init__(self, evidence: str, mend: str) -> None:
        super().__init__(evidence)
        self.mend = mend


class Nothing(Exception):
    """Raised by a check that has nothing to look at: what it says is why."""


@dataclass
class Case:
    """An app under examination: what was asked for, and what the checks before have brought.

    Attributes:
        prepared: The installed app, once it is.
        args: The arguments of its sample.
        items: Its work items, as planned; None before.
        run_id: The run of its sample.
        merge: The app's own merge, in a worker of its environment that lives until `closing` is closed; None before
            it was needed.
    """

    app: AppProject
    workspace: Workspace
    faces: Faces
    offline: bool
    thorough: bool
    workers: int
    prepared: PreparedApp | None = None
    args: dict[str, Any] | None = None
    items: list[Item] | None = None
    run_id: str | None = None
    merge: Callable[[Sequence[Any]], Any] | None = None
    closing: ExitStack = field(default_factory=ExitStack)

    def installed(self) -> PreparedApp:
        """The installed app; `Nothing` where it could not be."""
        if self.prepared is None:
            raise Nothing("the app could not be installed")
        return self.prepared

    def ready(self) -> tuple[PreparedApp, dict[str, Any]]:
        """The installed app and its arguments; `Nothing` where one is missing."""
        prepared = self.installed()
        if self.args is None:
            raise Nothing("its saved arguments are refused")
        return prepared, self.args

    def run(self) -> str:
        """The run of its sample; `Nothing` where there is none."""
        if self.run_id is None:
            raise Nothing("its sample was not run to an end")
        return self.run_id
