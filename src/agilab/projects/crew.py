"""Who works on a run: the executor that a name means."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from agi_node.errors import USAGE, AgiError
from agilab.engine.local import LocalExecutor
from agilab.envs.extras import is_here
from agilab.envs.worker_process import WorkerSpec

if TYPE_CHECKING:
    from agilab.engine.dask import DaskExecutor

_DASK = ("distributed", "cryptography")


def check_executor(name: str) -> None:
    """Raise before anything is made or recorded: AGI-RUN-048 for an unknown executor, AGI-ENV-130 for one not here."""
    kind, _, address = name.partition(":")
    if kind not in ("local", "dask") or (kind == "local" and address):
        raise AgiError(
            "AGI-RUN-048",
            "there is no executor of that name",
            found=name,
            allowed="local, dask, or dask:ADDRESS of a running scheduler (dask:tcp://host:8786)",
            exit_code=USAGE,
        )
    missing = [module for module in _DASK if kind == "dask" and not is_here(module)]
    if missing:
        from agilab.engine.dask.refusal import not_installed

        raise not_installed(f"no module {' and no module '.join(missing)}")


def crew_of(
    executor: str, specs: Mapping[str, WorkerSpec], workers: int, logs: Path, objects: Path
) -> LocalExecutor | DaskExecutor:
    """The executor that a name means; `objects` is what every host must see. Raises as `check_executor` does."""
    check_executor(executor)
    kind, _, address = executor.partition(":")
    if kind == "local":
        return LocalExecutor(specs, workers=workers, logs=logs)
    from agilab.engine.dask import DaskExecutor

    return DaskExecutor(specs, workers=workers, logs=logs, address=address or None, shared=[objects])
