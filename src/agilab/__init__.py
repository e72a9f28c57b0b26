"""AGILab: the experimentation workbench. `import agilab` gives the library behind the command line.

>>> import agilab
>>> agilab.__version__.count(".") >= 1
True
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agilab.version import __version__

if TYPE_CHECKING:
    from agilab.flow import Flow, Nested, Policy, Results, RunFailed, Skip, product, zipped
    from agilab.projects.plan import plan_app
    from agilab.projects.request import RunRequest
    from agilab.projects.run import run_app
    from agilab.store.store import Store
    from agilab.store.workspace import Workspace
    from agilab.workflow.notebooks.session import Lab

__all__ = [
    "Flow",
    "Lab",
    "Nested",
    "Policy",
    "Results",
    "RunFailed",
    "RunRequest",
    "Skip",
    "Store",
    "Workspace",
    "__version__",
    "plan_app",
    "product",
    "run_app",
    "zipped",
]

_HOMES = {
    **dict.fromkeys(
        ("Flow", "Nested", "Policy", "Results", "RunFailed", "Skip", "product", "zipped"), "agilab.flow"
    ),
    "RunRequest": "agilab.projects.run",
    "run_app": "agilab.projects.run",
    "plan_app": "agilab.projects.plan",
    "Lab": "agilab.workflow.notebooks.session",
    "Store": "agilab.store.store",
    "Workspace": "agilab.store.workspace",
}


def __getattr__(name: str) -> Any:
    # Names are handed out on first use: `agilab --version` must not pay for what it does not need.
    if name in _HOMES:
        from importlib import import_module

        return getattr(import_module(_HOMES[name]), name)
    raise AttributeError(f"module 'agilab' has no attribute {name!r}")
