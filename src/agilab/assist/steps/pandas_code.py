"""Safe actions as pandas, one statement for each step. Every step leaves the index 0, 1, 2 …"""

from __future__ import annotations

import datetime as dates
from collections.abc import Mapping

from agilab.assist.data.figures import zone_of
from agilab.assist.expressions.nodes import (
    Choice,
    Column,
    Logic,
    Node,
)
from agilab.assist.steps.pandas_expressions import PandasExpressions
from agilab.assist.steps.place import Step
from agilab.assist.steps.writing import (
    WIDTH,
    call,
    chain,
    listed,
    named,
    one_or_list,
    quoted,
)
from agilab.contracts import safe_actions as actions

IMPORT = "import pandas as pd"


class PandasCode:
    """Writes steps as pandas."""

    library = "pandas"

    def __init__(self, target: str, variables: Mapping[str, str]) -> None:
        self.target, self.variables = target, variables
        self.imports = {IMPORT}

    def write(self, path: str) -> list[str]:
        how = "parquet" if path.lower().endswith((".parquet", ".pq")) else "csv"
        return call(f"{self.target}.to_{how}", [quoted(path), "index=False"])

    def step(self, step: Step, source: str, *, computes_later: bool) -> list[str]:
        """The statement of one step, from the table `source` to the target; what comes later does not matter here."""
        action, head = step.action, f"{self.target} = {source}"
        write = PandasExpressions(step.before, source)
        lines = self._statement(step, source, head, write)
        self.imports |= write.uses
        assert lines, action
        return lines

    def _statement(self, step: Step, source: str, head: str, write: PandasExpressions) -> list[str]:
        action = step.action
        match action:
            case actions.Select(columns=columns):
                return [f"{head}[{listed(columns)}]"]
            case actions.Drop(columns=columns):
                return call(f"{head}.drop", [f"columns={listed(columns)}"])
            case actions.Rename(names=names):
                pairs = ", ".join(f"{quoted(old)}: {quoted(new)}" for old, new in names.items())
                return call(f"{head}.rename", [f"columns={{{pairs}}}"])
            case actions.Filter():
                assert step.tree is not None
                return self._filter(step.tree, head, write)
            case actions.Derive():
                assert step.tree is not None
                sure = step.tree.kind == "bool" and not isinstance(step.tree, Column | Choice)
                return call(f"{head}.assign", named({action.column: write.text(step.tree, sure=sure)}))
            case actions.Fill():
                return self._fill(step, source, head, write)
            case actions.Sort():
                keys = action.keys
                up = [not key.descending for key in keys]
                order = [] if all(up) else [f"ascending={up[0] if len(set(up)) == 1 else up}"]
                by = one_or_list([key.column for key in keys])
                return call(f"{head}.sort_values", [by, *order, 'kind="stable"', "ignore_index=True"])
            case actions.Aggregate():
                return self._aggregate(step, source, head)
            case actions.Rolling():
                return self._rolling(action, source, head)
            case actions.Clip():
                bounds = [
                    f"{word}={int(bound) if float(bound).is_integer() else bound}"
                    for word, bound in (("lower", action.low), ("upper", action.high))
                    if bound is not None
                ]
                clipped = {
                    name: f"{source}[{quoted(name)}].clip({', '.join(bounds)})" for name in action.columns
                }
                return call(f"{head}.assign", named(clipped))
            case actions.Join():
                return self._join(action, source, head)
            case actions.Limit():
                end = "head" if action.end == "first" else "tail"
                return [f"{head}.{end}({action.rows}).reset_index(drop=True)"]
            case actions.Deduplicate():
                subset = [listed(action.columns)] if action.columns else []
                keep = ['keep="last"'] if action.keep == "last" else []
                return call(f"{head}.drop_duplicates", [*subset, *keep, "ignore_index=True"])
            case actions.Cast():
                return self._cast(action, source, head)
        raise AssertionError(action)

    def _free(self, name: str) -> str:
        """A name for what a step needs in between, which no table has."""
        while name in (self.target, *self.variables.values()):
            name += "_"
        return name

    @staticmethod
    def _filter(tree: Node, head: str, write: PandasExpressions) -> list[str]:
        line = f"{head}[{write.condition(tree)}].reset_index(drop=True)"
        if len(line) <= WIDTH or not isinstance(tree, Logic):
            return [line]
        sign, binding = ("& ", 4) if tree.operator == "and" else ("| ", 3)
        parts = [write.condition(part, binding) for part in tree.parts]
        rows = [f"    {'' if position == 0 else sign}{part}" for position, part in enumerate(parts)]
        return [f"{head}[", *rows, "].reset_index(drop=True)"]

    @staticmethod
    def _grouped(source: str, by: tuple[str, ...], column: str | None = None) -> str:
        of = f"[{quoted(column)}]" if column is not None else ""
        return f"{source}.groupby({one_or_list(by)}, dropna=False){of}"

    def _fill(self, step: Step, source: str, head: str, write: PandasExpressions) -> list[str]:
        action = step.action
        filled = {}
        for name in action.columns:
            column = f"{source}[{quoted(name)}]"
            group = self._grouped(source, action.by, name) if action.by else column
            match action.using:
                case "value":
                    filled[name] = f"{column}.fillna({self._value(step, name, write)})"
                case "mean" | "median":
                    figure = f".transform({quoted(action.using)})" if action.by else f".{action.using}()"
                    filled[name] = f"{column}.fillna({group}{figure})"
                case "forward" | "backward":
                    filled[name] = f"{group}.{action.using[0]}fill()"
                case _:
                    # Only between known values: pandas would go on after the last one.
                    between = 'interpolate(limit_area="inside")'
                    filled[name] = (
                        f"{group}.transform(lambda x: x.{between})" if action.by else f"{column}.{between}"
                    )
        return call(f"{head}.assign", named(filled))

    @staticmethod
    def _value(step: Step, name: str, write: PandasExpressions) -> str:
        """What is filled in; a moment on the clock of its column."""
        assert step.value is not None
        column, moment = step.before.column(name), step.value.value
        if column is None or not isinstance(moment, dates.datetime):
            return write.text(step.value)
        return write.moment(moment, zone_of(column.type))

    def _aggregate(self, step: Step, source: str, head: str) -> list[str]:
        action: actions.Aggregate = step.action
        texts = {column.name for column in step.before.columns if column.kind == "text"}
        if not action.by:
            measures = {measure.called: f"[{self._measure(measure, source)}]" for measure in action.measures}
            pairs = [f"{quoted(name)}: {text}" for name, text in measures.items()]
            types = ", ".join(
                f"{quoted(measure.called)}: {source}[{quoted(measure.column or '')}].dtype"
                for measure in action.measures
                if measure.column in texts and measure.how in ("first", "last", "min", "max")
            )
            tail = f".astype({{{types}}})" if types else ""  # of nothing but missing, text would be numbers
            line = f"{self.target} = pd.DataFrame({{{', '.join(pairs)}}}){tail}"
            if len(line) <= WIDTH:
                return [line]
            rows = [f"        {pair}," for pair in pairs]
            return [f"{self.target} = pd.DataFrame(", "    {", *rows, "    }", f"){tail}"]
        hows = {"rows": "size", "distinct": "nunique"}
        measures = {
            measure.called: f"({quoted(measure.column or action.by[0])}, {quoted(hows.get(measure.how, measure.how))})"
            for measure in action.measures
        }
        group = f"{head}.groupby({one_or_list(action.by)}, sort=False, dropna=False, as_index=False)"
        return call(f"{group}.agg", named(measures))

    @staticmethod
    def _measure(measure: actions.Measure, source: str) -> str:
        if measure.how == "rows":
            return f"len({source})"
        column = f"{source}[{quoted(measure.column or '')}]"
        match measure.how:
            case "first":
                return f"{column}.dropna().head(1).max()"
            case "last":
                return f"{column}.dropna().tail(1).max()"
            case "distinct":
                return f"{column}.nunique()"
            case "min" | "max":
                return f"{column}.dropna().{measure.how}()"
            case how:
                return f"{column}.{how}()"

    def _rolling(self, action: actions.Rolling, source: str, head: str) -> list[str]:
        called = action.called
        if action.rows is not None:
            least = f", min_periods={action.least}" if action.least not in (None, action.rows) else ""
            window = f"rolling({action.rows}{least}).{action.how}()"
            if action.by:
                group = self._grouped(source, action.by, action.column)
                text = f"{group}.transform(lambda x: x.{window})"
            else:
                text = f"{source}[{quoted(action.column)}].{window}"
            return call(f"{head}.assign", named({called: text}))
        on = action.on or ""
        least = f", min_periods={action.least}" if action.least not in (None, 1) else ""
        moments, figures = self._free("timed"), self._free("rolled")
        timed = [
            f".dropna(subset=[{quoted(on)}])",
            f'.sort_values({quoted(on)}, kind="stable")',
            f".set_index({quoted(on)})",
        ]
        column = f"[{quoted(action.column)}]"
        start = (
            f"{moments}.groupby({one_or_list(action.by)}, dropna=False){column}"
            if action.by
            else f"{moments}{column}"
        )
        window = f'.rolling("{_pandas_time(action.time or "")}"{least})'
        rolled = [window, f".{action.how}()", f".rename({quoted(called)})"]
        return [
            *chain(moments, source, timed),
            *chain(figures, start, rolled),
            f'{figures} = {figures}[~{figures}.index.duplicated(keep="last")]  # rows of one moment share a window',
            *call(
                f"{head}.merge",
                [f"{figures}.reset_index()", f"on={one_or_list([*action.by, on])}", 'how="left"'],
            ),
        ]

    def _join(self, action: actions.Join, source: str, head: str) -> list[str]:
        other = self.variables[action.table]
        renamed = {key.right: key.left for key in action.keys if key.left != key.right}
        if renamed:
            pairs = ", ".join(f"{quoted(old)}: {quoted(new)}" for old, new in renamed.items())
            other += f".rename(columns={{{pairs}}})"
        keys = [key.left for key in action.keys]
        if action.how in ("left", "inner"):
            other += f".dropna(subset={listed(keys)})"
            return call(f"{head}.merge", [other, f"on={one_or_list(keys)}", f"how={quoted(action.how)}"])
        sign = "" if action.how == "semi" else "~"
        if len(keys) == 1:
            key = quoted(keys[0])
            partners = f"{source}[{key}].isin({other}[{key}].dropna())"
            return [f"{head}[{sign}{partners}].reset_index(drop=True)"]
        found = self._free("found")
        known = f"{other}[{listed(keys)}].dropna().drop_duplicates()"
        merged = f'{source}.merge({known}, on={listed(keys)}, how="left", indicator="_found")["_found"]'
        return [
            *(
                [f"{found} = {merged}"]
                if len(merged) < WIDTH - 8
                else [
                    f"{found} = {source}.merge(",
                    f"    {known},",
                    f"    on={listed(keys)},",
                    '    how="left",',
                    '    indicator="_found",',
                    ')["_found"]',
                ]
            ),
            f'{head}[{sign}({found} == "both").to_numpy()].reset_index(drop=True)',
        ]

    def _cast(self, action: actions.Cast, source: str, head: str) -> list[str]:
        format_ = action.format or ("%Y-%m-%d" if action.to == "date" else "%Y-%m-%dT%H:%M:%S")
        read = {}
        for name in action.columns:
            column = f"{source}[{quoted(name)}]"
            if action.to == "number":
                read[name] = f'pd.to_numeric({column}.str.strip(), errors="coerce")'
            else:
                read[name] = f'pd.to_datetime({column}, format={quoted(format_)}, errors="coerce")'
        return call(f"{head}.assign", named(read))


def _pandas_time(text: str) -> str:
    """A length of time as pandas spells it: `m` would be a month there, and weeks cannot be a window."""
    number, unit = text[:-1], text[-1]
    if unit == "w":
        return f"{7 * int(number)}D"
    return number + {"s": "s", "m": "min", "h": "h", "d": "D"}[unit]
