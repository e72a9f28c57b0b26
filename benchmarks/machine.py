"""The machine and the moment of a measurement."""

from __future__ import annotations

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from agilab.projects.machine import cores

REFERENCES = ("agilab", "mlflow", "numpy", "polars")


class Machine(BaseModel):
    """What a number depends on besides the code.

    Attributes:
        cores: Logical cores that this process may use.
        memory_gib: Of the machine.
        load_average: Over 1, 5 and 15 minutes when the case began; a number near `cores` means that others were
            at work. Empty where the system has no such figure.
        versions: Of AGILab and of what it is compared with.
        at: When the case began, UTC.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    system: str
    architecture: str
    cpu: str
    cores: int
    memory_gib: float
    python: str
    versions: dict[str, str]
    load_average: tuple[float, ...]
    at: datetime

    @classmethod
    def now(cls) -> Machine:
        """This machine at this moment."""
        import psutil

        try:
            load = tuple(round(number, 2) for number in os.getloadavg())
        except (AttributeError, OSError):
            load = ()
        return cls(
            system=platform.system(),
            architecture=platform.machine(),
            cpu=_cpu(),
            cores=cores(),
            memory_gib=round(psutil.virtual_memory().total / 2**30, 1),
            python=platform.python_version(),
            versions=_versions(),
            load_average=load,
            at=datetime.now(UTC).replace(microsecond=0),
        )


def _cpu() -> str:
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.processor() or "unknown"
    names = [line.partition(":")[2].strip() for line in text.splitlines() if line.startswith("model name")]
    return names[0] if names else "unknown"


def _versions() -> dict[str, str]:
    found = {}
    for name in REFERENCES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
