"""Why a run cannot use Dask, or one of its workers: every such error in one place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError, Whose
from agilab.envs.extras import how_to_get


def _refusal(
    code: str,
    what: str,
    *,
    found: str,
    allowed: str | None = None,
    try_: str | None = None,
    whose: Whose = "environment",
) -> AgiError:
    return AgiError(code, what, found=found, allowed=allowed, try_=try_, whose=whose, exit_code=ENVIRONMENT)


def not_installed(problem: Exception | str) -> AgiError:
    """There is no Dask here, or not all of it."""
    return _refusal(
        "AGI-ENV-130",
        "the dask executor needs the extra `dask` of AGILab, which is not installed",
        found=str(problem),
        try_=how_to_get("dask"),
    )


def unreachable(address: str | None, problem: Exception) -> AgiError:
    """No connection came about."""
    found = _words(problem)
    if address is None:
        return _refusal(
            "AGI-ENV-131",
            "a local Dask cluster could not be started",
            found=found,
            try_='the local executor; or, in a script of one\'s own: start under `if __name__ == "__main__":`',
        )
    return _refusal(
        "AGI-ENV-132",
        f"no Dask scheduler answers at {address}",
        found=found,
        allowed="the address of a running scheduler, such as tcp://host:8786",
        try_="start one with `dask scheduler`, or look at its log for the address",
        whose="user",
    )


def scheduler_gone(address: str | None) -> AgiError:
    """It was there, and is no longer."""
    return _refusal(
        "AGI-ENV-133",
        "the Dask scheduler is gone, and with it all that its workers were doing",
        found=address or "the scheduler of the local cluster",
        try_="start the scheduler again, then the run",
    )


def nobody(address: str | None, patience_s: float) -> AgiError:
    """No worker came, or none came back."""
    return _refusal(
        "AGI-ENV-134",
        "there is no Dask worker to run on",
        found=f"none for {patience_s:.0f} s at {address or 'the local cluster'}",
        try_=f"dask worker {address}" if address else "see dask.log among the run's logs",
    )


def lacking(address: str, who: Mapping[str, Any]) -> AgiError:
    """The host has not what the run needs."""
    return _refusal(
        "AGI-ENV-135",
        f"host {who['host']} cannot run this app: its Dask worker {who['name']} lacks what the run needs",
        found="no " + "; no ".join(who["missing"]),
        allowed="the same paths on every host, such as a shared file system",
        try_=f"mount them on {who['host']}, or run without the worker at {address}",
    )


def no_agilab(address: str, problem: Exception) -> AgiError:
    """The Dask worker cannot import our side."""
    return _refusal(
        "AGI-ENV-136",
        f"the Dask worker at {address} has no AGILab, or not this one",
        found=_words(problem),
        allowed="AGILab of this version where the Dask worker runs",
        try_="pip install 'agilab[dask]' there, and start the Dask worker again",
    )


def other_dialect(address: str, who: Mapping[str, Any], dialect: int) -> AgiError:
    """Our side there is of another release."""
    return _refusal(
        "AGI-ENV-137",
        f"the Dask worker at {address} has an AGILab that speaks another dialect",
        found=f"dialect {who['dialect']}, of AGILab {who['agilab']} on {who['host']}",
        allowed=f"dialect {dialect}, as here",
        try_="install the same version of AGILab there, and start the Dask worker again",
    )


def _words(problem: Exception) -> str:
    return f"{type(problem).__name__}: {problem}"[:300]
