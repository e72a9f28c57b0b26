"""Safe actions as Polars, one statement for each step."""

from __future__ import annotations

import datetime as dates
from collections.abc import Mapping

from agilab.assist.data.figures import may_be_infinite, zone_of
from agilab.assist.expressions.nodes import (
    Logic,
    Node,
)
from agilab.assist.steps.formats import pattern_of
from agilab.assist.steps.place import Step
from agilab.assist.steps.polars_expressions import PolarsExpressions
from agilab.assist.steps.writing import (
    call,
    listed,
    named,
    one_or_list,
    quoted,
)
from agilab.contracts import safe_actions as actions

IMPORT = "import polars as pl"
_MEASURES = {
    "rows": "pl.len()",
    "count": "{0}.count()",
    "first": "{0}.drop_nulls().first()",
    "last": "{0}.drop_nulls().last()",
    "distinct": "{0}.drop_nulls().n_unique()",
}


class PolarsCode:
    """Writes steps as Polars."""

    library = "polars"

    def __init__(self, target: str, variables: Mapping[str, str]) -> None:
        self.target, self.variables = target, variables
        self.imports = {IMPORT}

    def write(self, path: str) -> list[str]:
        how = "parquet" if path.lower().endswith((".parquet", ".pq")) else "csv"
        return call(f"{self.target}.write_{how}", [quoted(path)])

    def step(self, step: Step, source: str, *, computes_later: bool) -> list[str]:
        """The statement of one step, from the table `source` to the target.

        `computes_later`: further steps compute with what this one leaves.
        """
        action, head = step.action, f"{self.target} = {source}"
        write = PolarsExpressions(step.before)
        match action:
            case actions.Select(columns=columns):
                return call(f"{head}.select", list(map(quoted, columns)))
            case actions.Drop(columns=columns):
                return call(f"{head}.drop", list(map(quoted, columns)))
            case actions.Rename(names=names):
                pairs = ", ".join(f"{quoted(old)}: {quoted(new)}" for old, new in names.items())
                return call(f"{head}.rename", [f"{{{pairs}}}"])
            case actions.Filter():
                assert step.tree is not None
                return call(f"{head}.filter", self._conditions(step.tree, write))
            case actions.Derive():
                assert step.tree is not None
                return call(f"{head}.with_columns", named({action.column: write.value(step.tree)}))
            case actions.Fill():
                return self._fill(step, head, write)
            case actions.Sort():
                keys = action.keys
                down = [key.descending for key in keys]
                order = [f"descending={down[0] if len(set(down)) == 1 else down}"] if any(down) else []
                by = [quoted(key.column) for key in keys]
                return call(f"{head}.sort", [*by, *order, "nulls_last=True", "maintain_order=True"])
            case actions.Aggregate():
                return self._aggregate(step, head, computes_later)
            case actions.Rolling():
                return self._rolling(action, step, source)
            case actions.Clip():
                bounds = ", ".join(
                    "None" if bound is None else repr(int(bound) if float(bound).is_integer() else bound)
                    for bound in (action.low, action.high)
                ).removesuffix(", None")
                return call(
                    f"{head}.with_columns",
                    [f"{self._columns(action.columns)}.clip({bounds})"],
                )
            case actions.Join():
                return self._join(action, head)
            case actions.Limit():
                return [f"{head}.{'head' if action.end == 'first' else 'tail'}({action.rows})"]
            case actions.Deduplicate():
                subset = [f"subset={listed(action.columns)}"] if action.columns else []
                return call(f"{head}.unique", [*subset, f"keep={quoted(action.keep)}", "maintain_order=True"])
            case actions.Cast():
                return self._cast(action, head)
        raise AssertionError(action)

    @staticmethod
    def _columns(names: tuple[str, ...]) -> str:
        return f"pl.col({', '.join(map(quoted, names))})"

    @staticmethod
    def _conditions(tree: Node, write: PolarsExpressions) -> list[str]:
        if isinstance(tree, Logic) and tree.operator == "and":
            return [write.text(part) for part in tree.parts]
        return [write.text(tree)]

    def _fill(self, step: Step, head: str, write: PolarsExpressions) -> list[str]:
        action = step.action
        columns = self._columns(action.columns)
        if action.using == "value":
            assert step.value is not None
            if isinstance(step.value.value, dates.datetime):  # each on the clock of its column
                zoned = [self._filled_moment(name, step, write, step.value.value) for name in action.columns]
                return call(f"{head}.with_columns", zoned)
            return call(f"{head}.with_columns", [f"{columns}.fill_null({write.value(step.value)})"])
        over = f".over({one_or_list(action.by)})" if action.by else ""
        if action.using in ("mean", "median"):
            # Each column has a mean of its own, so several columns cannot share one expression in every version.
            filled = [
                f"pl.col({quoted(name)}).fill_null("
                f"pl.col({quoted(name)}).{_figure(step, name, action.using)}{over})"
                for name in action.columns
            ]
            return call(f"{head}.with_columns", filled)
        how = {"forward": "forward_fill", "backward": "backward_fill", "interpolate": "interpolate"}
        return call(f"{head}.with_columns", [f"{columns}.{how[action.using]}(){over}"])

    @staticmethod
    def _filled_moment(name: str, step: Step, write: PolarsExpressions, moment: dates.datetime) -> str:
        column = step.before.column(name)
        zone = zone_of(column.type) if column is not None else None
        return f"pl.col({quoted(name)}).fill_null({write.moment(moment, zone)})"

    def _aggregate(self, step: Step, head: str, computes_later: bool) -> list[str]:
        action: actions.Aggregate = step.action
        measures = {}
        for measure in action.measures:
            column = f"pl.col({quoted(measure.column or '')})"
            text = _MEASURES.get(measure.how, f"{{0}}.{measure.how}()").format(column)
            if computes_later and measure.how in ("rows", "count", "distinct"):
                text += ".cast(pl.Int64)"  # Polars counts without a sign: 2 - 3 would be 4294967295
            if measure.how in ("sum", "mean", "median", "std"):
                text = f"{column}.{_figure(step, measure.column or '', measure.how)}"
            measures[measure.called] = text
        if not action.by:
            return call(f"{head}.select", named(measures))
        by = ", ".join(map(quoted, action.by))
        return call(f"{head}.group_by({by}, maintain_order=True).agg", named(measures))

    def _rolling(self, action: actions.Rolling, step: Step, source: str) -> list[str]:
        over = f".over({one_or_list(action.by)})" if action.by else ""
        column = f"pl.col({quoted(action.column)})"
        if may_be_infinite(step.before, action.column):
            # An infinite number is none to a window: it would stay in all that come after.
            column = f"pl.when({column}.is_finite()).then({column})"
        if action.rows is not None:
            least = [f"min_samples={action.least}"] if action.least not in (None, action.rows) else []
            text = f"{column}.rolling_{action.how}({', '.join([str(action.rows), *least])}){over}"
        else:
            least = [f"min_samples={action.least or 1}"]  # the default of a sum is 0 in some versions
            on = step.before.column(action.on or "")
            zoned = on is None or on.kind == "unknown" or zone_of(on.type) is not None
            window = _in_hours(action.time or "") if zoned else action.time
            arguments = [quoted(action.on or ""), f'"{window}"', *least, 'closed="right"']
            text = f"{column}.rolling_{action.how}_by({', '.join(arguments)}){over}"
        return call(f"{self.target} = {source}.with_columns", named({action.called: text}))

    def _join(self, action: actions.Join, head: str) -> list[str]:
        other = self.variables[action.table]
        renamed = {key.right: key.left for key in action.keys if key.left != key.right}
        if renamed:
            pairs = ", ".join(f"{quoted(old)}: {quoted(new)}" for old, new in renamed.items())
            other += f".rename({{{pairs}}})"
        on = one_or_list([key.left for key in action.keys])
        return call(
            f"{head}.join",
            [other, f"on={on}", f"how={quoted(action.how)}", 'maintain_order="left_right"'],
        )

    def _cast(self, action: actions.Cast, head: str) -> list[str]:
        columns = self._columns(action.columns)
        if action.to == "number":
            text = f"{columns}.str.strip_chars().cast(pl.Float64, strict=False).fill_nan(None)"
        else:
            format_ = action.format or ("%Y-%m-%d" if action.to == "date" else "%Y-%m-%dT%H:%M:%S")
            # Polars reads a year of two signs as one of the first century, and passes over blanks.
            pattern = f"^({pattern_of(format_)})$"
            pattern = quoted(pattern) if set(pattern) & {'"', "\n"} else f'r"{pattern}"'
            text = f"{columns}.str.extract({pattern}).str.to_{action.to}({quoted(format_)}, strict=False)"
        return call(f"{head}.with_columns", [text])


def _figure(step: Step, name: str, how: str) -> str:
    """The call that takes a figure; a missing value where infinite numbers leave it undefined, if there may be such."""
    if not may_be_infinite(step.before, name):
        return f"{how}()"
    # A median is found between its neighbours, which two infinite ones do not have.
    call_ = 'quantile(0.5, "midpoint")' if how == "median" else f"{how}()"
    return f"{call_}.fill_nan(None)"


def _in_hours(text: str) -> str:
    """A length of time without days: those of a zone have 23 or 25 hours where its clock changes."""
    number, unit = int(text[:-1]), text[-1]
    return f"{number * 24 * (7 if unit == 'w' else 1)}h" if unit in ("d", "w") else text
