"""`agilab app check`: proves an app by doing with it what people will do. Every check here can fail.

The checks stand in the order in which an app comes to life: what lies in its folder, its environment, its plan, a real
run of its sample, and what that run left. One that needs what an earlier one did not bring is skipped, and says so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from agi_node.errors import AgiError
from agilab.projects.check_case import Case, Check, Nothing, Wrong
from agilab.projects.discover import AppProject, find_app
from agilab.projects.machine import cores
from agilab.projects.request import Faces
from agilab.store.workspace import Workspace

if TYPE_CHECKING:
    pass


@dataclass(frozen=True)
class Checked:
    """All checks of an app.

    Attributes:
        run_id: The run that was made for it; None where it never came to that.
    """

    app: AppProject
    checks: tuple[Check, ...]
    run_id: str | None
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether no check failed. Nothing was proved where all were skipped, so that is none."""
        verdicts = [check.verdict for check in self.checks]
        return "failed" not in verdicts and "passed" in verdicts

    def to_plain(self) -> dict[str, Any]:
        """The whole as JSON."""
        return {
            "status": "succeeded" if self.passed else "failed",
            "app": self.app.name,
            "run_id": self.run_id,
            "duration_seconds": self.seconds,
            "checks": [check.to_plain() for check in self.checks],
        }


Look = Callable[[Case], str]
"""Establishes one thing: returns the evidence, or raises `Wrong`, `Nothing` or an `AgiError`."""


def check_app(
    text: str,
    workspace: Workspace | None = None,
    *,
    thorough: bool = False,
    offline: bool = False,
    workers: int | None = None,
    faces: Faces = Faces(),
    heard: Callable[[Check], None] = lambda check: None,
) -> Checked:
    """Check an app; `heard` is told of each check as it is made.

    `thorough` runs the sample once more, with one worker, and compares the bytes. Raises AGI-APP-101 for an app that
    does not exist; whatever else is wrong is a check that failed.
    """
    workspace = (workspace or Workspace.default()).ensure()
    began = time.monotonic()
    case = Case(find_app(text, workspace), workspace, faces, offline, thorough, workers or max(2, cores()))
    checks: list[Check] = []
    with case.closing:
        for name, look in looks():
            faces.say(f"checking {name}")
            checks.append(made(name, look, case))
            heard(checks[-1])
    return Checked(case.app, tuple(checks), case.run_id, round(time.monotonic() - began, 3))


def looks() -> Iterator[tuple[str, Look]]:
    """All checks by name, in the order in which they are made."""
    from agilab.projects import check_folder, check_partial, check_run
    from agilab.projects.check_artifacts import readable, rootless

    yield "project", check_folder.project
    yield "readme", check_folder.readme
    yield "data card", check_folder.data_card
    yield "lock", check_folder.lock
    yield "install", check_run.install
    yield "settings", check_folder.settings
    yield "pipeline view", check_folder.view
    yield "plan", check_run.plan
    yield "run", check_run.run
    yield "own checks", check_run.own_checks
    yield "reduce", check_partial.reduced
    yield "identity", partial(check_partial.law, check_partial.identity)
    yield "grouping", partial(check_partial.law, check_partial.grouping)
    yield "order", partial(check_partial.law, check_partial.order)
    yield "artifacts", readable
    yield "paths", rootless
    yield "workers", check_run.same_bytes


def made(name: str, look: Look, case: Case) -> Check:
    """One check, made."""
    try:
        return Check(name, "passed", look(case))
    except Nothing as why:
        return Check(name, "skipped", str(why))
    except Wrong as problem:
        return Check(name, "failed", str(problem), problem.mend)
    except AgiError as error:
        return _failed(name, error, case.app)


def _failed(name: str, error: AgiError, app: AppProject) -> Check:
    found = f": {error.found}" if error.found else ""
    allowed = f" (allowed: {error.allowed})" if error.allowed else ""
    evidence = f"{error.code} {error.what}{found}{allowed}"
    return Check(name, "failed", " ".join(evidence.split())[:600], error.try_ or f"mend {app.name}")
