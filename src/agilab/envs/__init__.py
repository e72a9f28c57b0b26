"""Environments: one locked virtual environment for all apps that need the same packages.

`ensure` gives an app its environment, making it where it is missing; `list_environments`, `doctor` and
`prune` look after them; `hold` keeps one from being removed while processes run from it.

Everything that goes wrong here is an `AgiError`:

| code | what it means |
| --- | --- |
| AGI-ENV-001 | there is no usable `uv` |
| AGI-ENV-002 | the app has no readable `pyproject.toml` |
| AGI-ENV-003 | the app has no `uv.lock` |
| AGI-ENV-004 | `uv.lock` does not match `pyproject.toml` |
| AGI-ENV-005 | no interpreter satisfies the app's `requires-python` |
| AGI-ENV-006 | the lock asks for something that a shared environment cannot hold |
| AGI-ENV-007 | uv could not make the environment |
| AGI-ENV-008 | offline, and uv's cache lacks a package |
| AGI-ENV-009 | the workspace cannot be written |
| AGI-ENV-010 | the environment is in use, or is being made for too long |
| AGI-ENV-011 | the app changed while its environment was being made |
| AGI-ENV-012 | a local library of the app is gone, must be built, or cannot be taken in as source |
| AGI-ENV-016 | a package has no wheel for this machine, so no wheelhouse can be made |
| AGI-ENV-017 | a wheel could not be downloaded |
| AGI-ENV-018 | what was downloaded is not what the lock names |

Codes from AGI-ENV-021 on are about worker processes; those of `doctor`'s findings, from AGI-ENV-101 on, are
listed in `checkup`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from agilab.envs.checkup import Finding, doctor
    from agilab.envs.ensuring import ensure
    from agilab.envs.environment import Environment, fingerprint_of, local_libraries
    from agilab.envs.inventory import EnvironmentSummary, list_environments
    from agilab.envs.libraries import Library
    from agilab.envs.locks import hold
    from agilab.envs.node_wheel import agi_node_digest, build_node_wheel
    from agilab.envs.pruning import Pruned, prune
    from agilab.envs.uv import Uv, find_uv

_PLACES = {
    "Environment": "environment",
    "EnvironmentSummary": "inventory",
    "Finding": "checkup",
    "Library": "libraries",
    "Pruned": "pruning",
    "Uv": "uv",
    "agi_node_digest": "node_wheel",
    "build_node_wheel": "node_wheel",
    "doctor": "checkup",
    "ensure": "ensuring",
    "find_uv": "uv",
    "fingerprint_of": "environment",
    "hold": "locks",
    "list_environments": "inventory",
    "local_libraries": "environment",
    "prune": "pruning",
}

__all__ = [
    "Environment",
    "EnvironmentSummary",
    "Finding",
    "Library",
    "Pruned",
    "Uv",
    "agi_node_digest",
    "build_node_wheel",
    "doctor",
    "ensure",
    "find_uv",
    "fingerprint_of",
    "hold",
    "list_environments",
    "local_libraries",
    "prune",
]


def __getattr__(name: str) -> Any:
    # A warm `ensure` takes a few milliseconds: it shall not load what makes and mends environments first.
    if name in _PLACES:
        return getattr(import_module(f"agilab.envs.{_PLACES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
