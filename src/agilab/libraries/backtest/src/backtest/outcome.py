"""What the units of a back-test return: a model's scores beside those of the baselines."""

from typing import Any, Self

import polars as pl

from agi_node import Max, Min, Sum

from .cases import BASELINES
from .scores import Scores


class Outcome(Scores):
    """The scores of a model, how many forecasts were due, and in a field each the scores of the baselines.

    All of it is about the split `test`, from its first target's time to its last (UTC). All that were due are scored
    but those that a gap in the series took away. An app names further fields in a subclass.
    """

    due_count: Sum[int] = 0
    without_past: Sum[int] = 0
    without_truth: Sum[int] = 0
    time_start: Min[str] = None
    time_end: Max[str] = None
    naive: Scores = Scores()
    seasonal_naive: Scores = Scores()
    climatology: Scores = Scores()

    @classmethod
    def scored(
        cls, made: pl.DataFrame, model: str, scale: float | None, least: float = 0.0, **more: Any
    ) -> Self:
        """The outcome of one model of a table of `replay`, with `more` fields of a subclass.

        `scale` and `least` as in `Scores.of`.
        """
        test = made.filter(split="test")
        whole = test.drop_nulls(["y_true", "y_pred"])
        due = test.filter(model=model)
        utc = whole["time"].cast(pl.Datetime("us", "UTC")).sort()
        times = utc.dt.strftime("%Y-%m-%dT%H:%M:%SZ").to_list()
        scores = {name: Scores.of(whole.filter(model=name), scale, least) for name in (model, *BASELINES)}
        return cls(
            **scores.pop(model).fields(),
            **scores,  # type: ignore[arg-type]  # the names of three fields
            due_count=len(due),
            without_past=due["y_pred"].null_count(),
            without_truth=due.drop_nulls("y_pred")["y_true"].null_count(),
            time_start=times[0] if times else None,
            time_end=times[-1] if times else None,
            **more,
        )

    def by_model(self, model: str) -> dict[str, Scores]:
        """The scores of the model, under this name, and of each baseline."""
        return {model: Scores(**self.fields()), **{name: getattr(self, name) for name in BASELINES}}
