"""Executor `dask`: a local cluster, or the workers of a running scheduler.

In the manager's process: `executor` (the seam), `places` (who takes how much), `cluster` (the connection), `refusal`
(every error). In each Dask worker: `host` (what is called from afar), `seats` (children kept warm), `batch` (units, one
after the other). Nothing here imports Dask before it is needed.
"""

from agilab.engine.dask.executor import DaskExecutor

__all__ = ["DaskExecutor"]
