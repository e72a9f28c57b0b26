"""Forecasts of a series replayed as they would have been made, beside simple baselines, with scores that pool exactly.

`on_grid` puts readings on a regular grid; `cases` makes of that a row for each moment at which one could forecast;
`replay` forecasts from those rows with any model that has `fit` and `predict`, knowing at each moment what was known;
an `Outcome` has the scores, which merge. `keep`, `kept` and `check` are what the work and the publish step of an app
do with them. A series has no unit here: errors are in its own.
"""

from .cases import BASELINES, Look, cases, mase_scale
from .grid import at_steps, means, on_grid
from .outcome import Outcome
from .record import check, keep, kept
from .replay import Plan, Regressor, conformal, replay
from .scores import ALL, Scores, along, by_group, compared

__all__ = [
    "ALL",
    "BASELINES",
    "Look",
    "Outcome",
    "Plan",
    "Regressor",
    "Scores",
    "along",
    "at_steps",
    "by_group",
    "cases",
    "check",
    "compared",
    "conformal",
    "keep",
    "kept",
    "mase_scale",
    "means",
    "on_grid",
    "replay",
]
