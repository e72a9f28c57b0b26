"""What tables and series of pandas hold, and those of classes below them: column by column, not as they lie in memory.

pandas keeps columns of one type together or apart, as they came; that says nothing of the table. No library is
imported: a table's own modules are there.
"""

from __future__ import annotations

import sys
from typing import Any

_KEPT_IN = "_mgr"
"""Where the state of a table or a series has its columns, by pandas' `NDFrame.__getstate__`."""


def without_blocks(value: Any, state: Any) -> Any:
    """The state of a table or a series as pickle takes it, with its index and its columns in place of their blocks.

    Beside these are `attrs`, what the class names in `_metadata`, and what else it puts there; any other state is as it
    is. Of pandas' own series the values are told one by one.
    """
    if not (is_of_pandas(value) and isinstance(state, dict) and _KEPT_IN in state):
        return state
    rest = {name: one for name, one in state.items() if name != _KEPT_IN}
    if hasattr(value, "columns"):
        held = [_held_in(value.iloc[:, at]) for at in range(value.shape[1])]
        return {**rest, "index": value.index, "columns": value.columns, "values": held}
    values = _held_in(value)
    if type(value) is type(values):
        values = [value.dtype, list(value.array)]
    return {**rest, "index": value.index, "values": values}


def is_of_pandas(value: Any) -> bool:
    """Whether it is a table or a series of pandas, or of a class below them."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, (pandas.DataFrame, pandas.Series))


def is_below(value: Any) -> bool:
    """Whether it is a table or a series of a class below those of pandas, which may have more than they have."""
    return is_of_pandas(value) and type(value).__module__.partition(".")[0] != "pandas"


def _held_in(series: Any) -> Any:
    """What a series holds without its index: an array of numpy or of another library, or a series of pandas' own.

    The last for pandas' own arrays, whose bytes tell more than they hold.
    """
    if type(series.dtype).__module__.partition(".")[0] == "numpy":
        return series.to_numpy()
    return series.array if is_of_another(series) else sys.modules["pandas"].Series(series.array)


def is_of_another(series: Any) -> bool:
    """Whether the values lie in an array of a kind that neither pandas nor numpy has."""
    pandas, dtype = sys.modules.get("pandas"), getattr(series, "dtype", None)
    if pandas is None or not isinstance(dtype, pandas.api.extensions.ExtensionDtype):
        return False
    return type(dtype).__module__.partition(".")[0] != "pandas"


def metadata_of(value: Any) -> dict[str, Any]:
    """The attributes that a class below pandas' own has its tables or series carry along."""
    names = getattr(type(value), "_metadata", ()) if is_of_pandas(value) else ()
    return {name: getattr(value, name, None) for name in names if name not in ("name", "_name")}
