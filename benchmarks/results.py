"""`results.json`: a list of results, one for each case, that a person or a later run can compare with."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, TypeAdapter, model_validator

from benchmarks.case import UNITS, Case, Measured
from benchmarks.machine import Machine
from benchmarks.samples import Samples

_DIGITS = 6


class Spread(BaseModel):
    """How far the samples of one side lie apart, in the result's unit."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    min: float
    median: float
    max: float
    rounds: int


class Result(BaseModel):
    """One case, measured.

    Attributes:
        ours: Median of ours, in `unit`.
        reference: Median of the reference, in `unit`.
        ratio: Ours by reference.
        target: What ours may be at most, in `unit`; `rule` says how it came about.
        met: Whether ours is at most the target.
        spread: Every side that was timed: `ours`, `reference`, and others by what they are.
        items: How many items were worked, where that was told.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    case: str
    ours: float
    reference: float
    ratio: float
    unit: Literal["s", "ms", "MB"]
    target: float
    met: bool
    rule: str
    spread: dict[str, Spread]
    machine: Machine
    items: int | None = None

    @model_validator(mode="after")
    def _is_consistent(self) -> Self:
        if self.met != (self.ours <= self.target):
            raise ValueError(
                f"{self.case} says met={self.met}, but ours is {self.ours:g} and the target {self.target:g}"
            )
        if abs(self.ratio * self.reference - self.ours) > 1e-4 * self.ours:
            raise ValueError(f"{self.case} says ratio={self.ratio:g} for {self.ours:g} by {self.reference:g}")
        return self


_RESULTS = TypeAdapter(list[Result])


def result_of(case: Case, measured: Measured, machine: Machine) -> Result:
    """The result of a case: medians, their ratio, and whether the limit of this sitting was kept."""
    scale = UNITS[case.unit]
    sides = {"ours": measured.ours, "reference": measured.reference}
    if measured.start_up:
        sides["start-up"] = measured.start_up
    spread = {name: _spread(samples, scale) for name, samples in {**sides, **measured.also}.items()}
    ours, reference = spread["ours"].median, spread["reference"].median
    target = _rounded(case.limit.seconds(measured) * scale)
    return Result(
        case=case.name,
        ours=ours,
        reference=reference,
        ratio=_rounded(ours / reference),
        unit=case.unit,
        target=target,
        met=ours <= target,
        rule=case.limit.text(case.unit),
        spread=spread,
        machine=machine,
        items=measured.items,
    )


def read_results(path: Path) -> list[Result]:
    """The results in a file. Raises pydantic's ValidationError for what is none, or contradicts itself."""
    return _RESULTS.validate_json(path.read_bytes())


def write_results(path: Path, results: Iterable[Result], earlier: Iterable[Result] = ()) -> None:
    """Write results, and those `earlier` ones whose cases were not measured now, after them."""
    new = list(results)
    names = {result.case for result in new}
    every = new + [result for result in earlier if result.case not in names]
    path.write_bytes(_RESULTS.dump_json(every, indent=2) + b"\n")


def _spread(samples: Samples, scale: float) -> Spread:
    return Spread(
        min=_rounded(samples.least * scale),
        median=_rounded(samples.median * scale),
        max=_rounded(samples.most * scale),
        rounds=len(samples.seconds),
    )


def _rounded(number: float) -> float:
    return float(f"{number:.{_DIGITS}g}")
