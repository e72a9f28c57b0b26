"""Safe actions as Polars, one statement for each step."""

from __future__ import annotations

from collections.abc import Mapping

from agilab.assist.expressions.nodes import (
    Logic,
    Node,
)
from agilab.assist.steps.fits import Step
from agilab.assist.steps.polars_expressions import PolarsExpressions
from agilab.assist.steps.writing import (
    call,
    category_columns,
    listed,
    named,
    narrow_columns,
    one_or_list,
    quoted,
)
from agilab.contracts import safe_actions as actions
from agilab.contracts.assistance import TableSchema

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

    def read(self, target: str, path: str, table: TableSchema) -> list[str]:
        if path.lower().endswith((".parquet", ".pq")):
            return call(f"{target} = pl.read_parquet", [quoted(path)])
        separator = [f"separator={quoted(table.separator)}"] if table.separator != "," else []
        return call(
            f"{target} = pl.read_csv",
            [quoted(path), *separator, "try_parse_dates=True", "infer_schema_length=None"],
        )

    def write(self, path: str) -> list[str]:
        how = "parquet" if path.lower().endswith((".parquet", ".pq")) else "csv"
        return call(f"{self.target}.write_{how}", [quoted(path)])

    def prepare(self, target: str, source: str, table: TableSchema) -> list[str]:
        """What makes the table one of which each value means the same in both engines."""
        lines = []
        if not table.known or any(column.kind == "float" for column in table.columns):
            lines = [f"{target} = {source}.fill_nan(None)  # NaN is a missing value too"]
        # Whatever wrote them: of categories, Polars has those of texts alone.
        texts = {column.name for column in table.columns if column.kind == "text"}
        if categories := [name for name in category_columns(table) if name in texts]:
            names = ", ".join(map(quoted, categories))
            source = target if lines else source
            lines += call(f"{target} = {source}.with_columns", [f"pl.col({names}).cast(pl.String)"])
            lines[-1] += "  # categories as their values"
        if narrow := narrow_columns(table):
            names = ", ".join(map(quoted, narrow))
            source = target if lines else source
            lines += call(f"{target} = {source}.with_columns", [f"pl.col({names}).cast(pl.Int64)"])
            lines[-1] += "  # small integers would wrap around"
        return lines

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
                return self._aggregate(action, head, computes_later)
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
            return call(f"{head}.with_columns", [f"{columns}.fill_null({write.value(step.value)})"])
        over = f".over({one_or_list(action.by)})" if action.by else ""
        if action.using in ("mean", "median"):
            # Each column has a mean of its own, so several columns cannot share one expression in every version.
            filled = [
                f"pl.col({quoted(name)}).fill_null(pl.col({quoted(name)}).{action.using}(){over})"
                for name in action.columns
            ]
            return call(f"{head}.with_columns", filled)
        how = {"forward": "forward_fill", "backward": "backward_fill", "interpolate": "interpolate"}
        return call(f"{head}.with_columns", [f"{columns}.{how[action.using]}(){over}"])

    def _aggregate(self, action: actions.Aggregate, head: str, computes_later: bool) -> list[str]:
        measures = {}
        for measure in action.measures:
            column = f"pl.col({quoted(measure.column or '')})"
            text = _MEASURES.get(measure.how, f"{{0}}.{measure.how}()").format(column)
            if computes_later and measure.how in ("rows", "count", "distinct"):
                text += ".cast(pl.Int64)"  # Polars counts without a sign: 2 - 3 would be 4294967295
            measures[measure.called] = text
        if not action.by:
            return call(f"{head}.select", named(measures))
        by = ", ".join(map(quoted, action.by))
        return call(f"{head}.group_by({by}, maintain_order=True).agg", named(measures))

    def _rolling(self, action: actions.Rolling, step: Step, source: str) -> list[str]:
        over = f".over({one_or_list(action.by)})" if action.by else ""
        column = f"pl.col({quoted(action.column)})"
        if action.rows is not None:
            least = [f"min_samples={action.least}"] if action.least not in (None, action.rows) else []
            text = f"{column}.rolling_{action.how}({', '.join([str(action.rows), *least])}){over}"
        else:
            least = [f"min_samples={action.least or 1}"]  # the default of a sum is 0 in some versions
            arguments = [quoted(action.on or ""), f'"{action.time}"', *least, 'closed="right"']
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
            text = f"{columns}.str.to_{action.to}({quoted(format_)}, strict=False)"
        return call(f"{head}.with_columns", [text])
