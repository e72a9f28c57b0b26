"""`benchmark.json`: how long one app took in several modes, side by side, and what that is advice for."""

from typing import Literal, Self

from pydantic import Field, model_validator

from agilab.contracts.base import Document
from agilab.contracts.provenance import AppSource, Interpreter, Workbench
from agilab.contracts.record import Record
from agilab.contracts.scalars import Digest, Plain, Positive, RunIdText, Seconds, Text, Timestamp, refusal


class Spread(Record):
    """One duration over all repetitions, in seconds."""

    median: Seconds
    min: Seconds
    max: Seconds


class BenchmarkCase(Record):
    """One mode on one number of rows."""

    mode: Text
    """Where the work is done: `local-2` is two worker processes on this machine, `dask-2` two of a Dask cluster."""
    executor: Literal["local", "dask"]
    workers: Positive
    kernel: str | None = None
    """What computes, of an app that leaves the choice."""
    kernel_used: str | None = None
    """What did compute, where the app says so: another one than `kernel` where that is not to be had here."""
    rows: Positive | None = None
    """The app's argument `rows`; null for an app without one."""
    seconds: tuple[Seconds, ...]
    """What each repetition took, from request to evidence, in the order of the rounds."""
    runs: tuple[RunIdText, ...]
    """The run behind each of these."""
    total: Spread
    parts: dict[str, Spread]
    """Of the whole: `start` until the first unit works, `work` while units work, `end` until all is written."""
    phases: dict[str, Spread]
    """What the app itself timed as `phase_<name>_s`, all units together."""

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if not self.seconds or len(self.seconds) != len(self.runs):
            raise refusal("has not a run for each repetition", allowed="as many seconds as runs, one or more")
        return self


class Benchmark(Document):
    """Repetitions that all gave the same result, and what follows from their times."""

    schema_id: Literal["agilab.benchmark.v1"] = Field("agilab.benchmark.v1", alias="schema")
    made_at: Timestamp
    app: AppSource
    args: dict[str, Plain]
    """The arguments that all runs share."""
    repeat: Positive
    workbench: Workbench
    interpreter: Interpreter
    load_average: float | None = Field(None, ge=0)
    """Over the last minute, before the first run; near the number of cores, others were at work. Null if unknown."""
    results: dict[str, Digest]
    """The digest of the result, by number of rows (empty text for an app without such): every run gave this one."""
    cases: tuple[BenchmarkCase, ...]
    advice: tuple[Text, ...]
