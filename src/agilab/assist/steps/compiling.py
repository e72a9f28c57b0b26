"""Checked steps as a whole piece of code: imports on top, one statement for each step."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from agilab.assist.engines import Library
from agilab.assist.steps.checking import Checked, variable
from agilab.assist.steps.pandas_code import PandasCode
from agilab.assist.steps.pandas_tables import PandasTables
from agilab.assist.steps.polars_code import PolarsCode
from agilab.assist.steps.polars_tables import PolarsTables
from agilab.contracts.lab_stages import is_file
from agilab.contracts.safe_actions import Aggregate, Clip, Derive, Fill, Join, Rolling

_COMPUTING = (Aggregate, Clip, Derive, Fill, Rolling)


def code_of(
    checked: Checked, library: Library, files: Iterable[str] = (), keys: Mapping[str, str] | None = None
) -> str:
    """The steps as code of this library. `files` are written at the end (csv or parquet).

    Tables that are values are there when the code begins; those that are files are read. Those that `keys` names are
    there as a dict from key to table, and become one table with the keys in the column that it says.
    """
    keys = keys or {}
    target = checked.result
    variables = _variables(checked)
    engine = PolarsCode(target, variables) if library == "polars" else PandasCode(target, variables)
    given = PolarsTables() if library == "polars" else PandasTables()
    body: list[str] = []
    source = variables[checked.document.table]
    for name, own in variables.items():
        table = checked.tables[name]
        into = target if name == checked.document.table else own
        if is_file(name):
            body += given.read(into, name, table)
            source = target if into == target else source
            own = into
        if name in keys:
            body += given.together(into, own, keys[name])
            source = target if into == target else source
            own = into
        prepared = given.prepare(into, own, table, checked.used.get(name, frozenset()), mixed=name in keys)
        if prepared and into == target:
            source = target
        body += prepared
    for position, step in enumerate(checked.steps):
        later = any(isinstance(one.action, _COMPUTING) for one in checked.steps[position + 1 :])
        body += engine.step(step, source, computes_later=later)
        source = target
    if source != target:
        body.append(f"{target} = {source}")
    for path in files:
        body += engine.write(path)
    return "\n".join([*sorted(engine.imports | given.imports), "", *body]) + "\n"


def _variables(checked: Checked) -> dict[str, str]:
    """The Python name of each table that the steps touch, the first being what they are done with.

    A value has its own. A file gets one that no value has, and not that of the result, which is another table.
    """
    joined = (step.action.table for step in checked.steps if isinstance(step.action, Join))
    names = list(dict.fromkeys([checked.document.table, *joined]))
    taken = {checked.result, *(name for name in names if not is_file(name))}
    found = {}
    for position, name in enumerate(names):
        own = variable(name)
        while is_file(name) and position and own in taken:
            own += "_"
        taken.add(own)
        found[name] = own
    return found
