"""What a value consists of, part by part and by name: where two values differ is told from the outlines of both.

A part is `[path, text]`, or `[path, dtype, shape, numbers]` of numbers, which may differ by rounding. Of what is long
only a beginning is told, and digests of the whole (`agi_node.number_parts`); that is said in the part. Made where the
value is, read where both are known.
"""

from __future__ import annotations

import copyreg
import hashlib
import re
import sys
import types
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

from agi_node import columns, drawings
from agi_node.exact_json import exact_text
from agi_node.likeness import codes_of, own_state, random_state, reduced
from agi_node.number_parts import ROWS, Part, parts_of

PARTS, NUMBERS, TEXT, PATH = 1_500, 6_000, 80, 400
"""At most: parts of an outline, numbers in them, letters of a text."""
MORE = "more than is told"
NOT_ALL = "some of it cannot be looked at"
"""Stands at the end of the parts of a value of which there is no digest."""
BY_ADDRESS = "by addresses in memory"
"""What is told in place of the keys of a dict that are numbers of objects in memory (`id`)."""
_ADDRESSES = range(0x5500_0000_0000, 0x8000_0000_0000)
"""Where Linux puts what a process of 64 bits holds."""
_LISTED = ("to_pylist", "to_list", "tolist")
"""How libraries of tables call the way to the values of a column, or of a whole table, as a list."""


def outline(value: Any) -> list[Part]:
    """The parts of a value, in the order in which taking it apart meets them; the last of `PARTS` says if more follow.

    Objects are taken apart as pickling would. Raises what that raises.
    """
    found = list(islice(_Walk().parts(value, ""), PARTS))
    return [*found[:-1], ["", MORE]] if len(found) == PARTS else found


class _Walk:
    def __init__(self) -> None:
        self._above: set[int] = set()
        self._figures: set[int] = set()
        self._kinds: set[type] = set()
        self._numbers = NUMBERS

    def parts(self, value: Any, path: str) -> Iterator[Part]:
        if value is None or type(value) in (bool, int, str, bytes):
            yield [path, _short(value)]
        elif type(value) in (float, complex):
            yield [path, type(value).__name__, "", repr(value)]
        elif id(value) in self._above:
            yield [path, "what it is part of"]
        else:
            self._above.add(id(value))
            yield from self._whole(value, path)
            self._above.discard(id(value))

    def _whole(self, value: Any, path: str) -> Iterator[Part]:
        if type(value) in (list, tuple):
            yield [path, f"{type(value).__name__} of {len(value):,}"]
            if len(value) > 1 and all(type(one) is float for one in value):
                yield from self._floats(value, path)
                return
            for number, one in enumerate(value):
                yield from self.parts(one, f"{path}[{number}]")
        elif type(value) is dict:
            by_address = bool(value) and all(map(_is_address, value))
            yield [
                path,
                f"dict of {len(value):,}{f' {BY_ADDRESS}' if by_address else f': {_short(list(value))}'}",
            ]
            for number, (key, one) in enumerate(value.items()):
                yield from self.parts(one, f"{path}[{f'no. {number}' if by_address else _short(key)}]")
        elif type(value) in (set, frozenset):
            yield [path, _short(sorted(map(repr, value)))]
        elif isinstance(value, (type, types.FunctionType, types.BuiltinFunctionType, types.ModuleType)):
            yield [path, f"{type(value).__name__} {getattr(value, '__qualname__', value.__name__)}"]
            yield from self._codes(value, path)
        elif (state := random_state(value)) is not None:
            yield from self.parts(state, f"{path}.state")
        elif drawings.is_drawn(value):
            yield from self._drawn(value, path)
        elif (numbers := self._array(value, path)) is not None:
            yield from numbers
        elif (table := self._table(value, path)) is not None:
            yield from table
        elif (text := exact_text(value)) is not None:
            yield [path, _short(text)]
        else:
            yield from self._object(value, path)

    def _floats(self, values: Sequence[float], path: str) -> Iterator[Part]:
        """Numbers that stand together: what differs in the last digits is small beside the greatest of them."""
        numpy = sys.modules.get("numpy")
        if numpy is not None and len(values) > self._numbers:
            yield from self._array(numpy.array(values), path) or ()
            return
        self._numbers -= len(values)
        yield [path, "float", str(len(values)), " ".join(map(repr, values))]

    def _array(self, value: Any, path: str) -> list[Part] | None:
        numpy = sys.modules.get("numpy")
        if numpy is None or not isinstance(value, (numpy.ndarray, numpy.generic)):
            return None
        array = numpy.asarray(value)
        if array.dtype.names:
            return [
                part
                for name in array.dtype.names
                for part in self._array(array[name], f"{path}.{name}") or ()
            ]
        if array.dtype.kind not in "biufc":
            listed = self._column(array.ravel().tolist(), path)
            return [[path, f"array of {array.dtype}, {_by(array.shape)}"], *listed]
        found = parts_of(array, path, self._numbers)
        self._numbers -= array.size if len(found) == 1 else 0
        return found

    def _table(self, value: Any, path: str) -> list[Part] | None:
        kind = "pandas" if columns.is_of_pandas(value) else type(value).__module__.partition(".")[0]
        if kind not in ("pandas", "polars", "pyarrow") or not hasattr(value, "shape"):
            return None
        if not any(hasattr(value, name) for name in (*_LISTED, "columns")):
            return None
        if len(value.shape) == 1:  # a series or an index
            head = [path, f"{type(value).__name__} of {value.shape[0]:,}, {getattr(value, 'dtype', '')}"]
            return [head, *self._beside(value, path), *self._series(value, path)]
        names = list(getattr(value, "column_names", None) or value.columns)
        found = [
            [path, f"{type(value).__name__} of {value.shape[0]:,} by {value.shape[1]:,}: {_short(names)}"]
        ]
        if hasattr(value, "index"):
            found += [*self.parts(value.index, f"{path}.index"), *self._beside(value, path)]
            found += self._beside(value.columns, f"{path}.columns")
        for at, name in enumerate(names):
            column = value.iloc[:, at] if kind == "pandas" else value[name]
            where = f"{path}[{_short(name)}]"
            found.append([where, str(getattr(column, "dtype", getattr(column, "type", "")))])
            found += self._series(column, where)
        return found

    def _beside(self, value: Any, path: str) -> Iterator[Part]:
        """What a table, a series or an index of pandas has beside what is in it."""
        for name, one in columns.metadata_of(value).items():
            yield from self.parts(one, f"{path}.{name}")
        if hasattr(value, "columns") or hasattr(value, "loc"):
            if value.attrs:
                yield from self.parts(dict(value.attrs), f"{path}.attrs")
            if not value.flags.allows_duplicate_labels:
                yield [f"{path}.flags", "no label twice"]
        if hasattr(value, "loc") and not hasattr(value, "columns"):  # a series
            yield [f"{path}.name", _short(value.name)]
            yield from self.parts(value.index, f"{path}.index")
        if hasattr(value, "names"):
            yield [f"{path}.names", _short(list(value.names))]
            for number, level in enumerate(getattr(value, "levels", ())):
                yield from self.parts(level, f"{path}.levels[{number}]")
        if (freq := getattr(value, "freq", None)) is not None:
            yield [f"{path}.freq", repr(freq)]

    def _series(self, column: Any, path: str) -> Iterator[Part]:
        dtype = getattr(column, "dtype", None)
        if columns.is_of_another(column):
            yield from self.parts(column.array, path)
            return
        if dtype is not None and hasattr(dtype, "categories") and hasattr(dtype, "ordered"):
            yield [path, f"categories, {'' if dtype.ordered else 'not '}ordered"]
            yield from self.parts(dtype.categories, f"{path}.categories")
        if getattr(dtype, "kind", "") in tuple("biufc") and hasattr(column, "to_numpy"):
            yield from self._array(column.to_numpy(), path) or ()
        else:
            known = (getattr(column, name, None) for name in _LISTED)
            yield from self._column(next(listed for listed in known if listed is not None)(), path)

    def _column(self, values: list[Any], path: str) -> Iterator[Part]:
        """The first of the values one by one, and a digest of all; floats as those of an array."""
        numpy = sys.modules.get("numpy")
        if (
            numpy is not None
            and len(values) > ROWS
            and {*map(type, values)} in ({float}, {float, type(None)})
        ):
            gaps = [one is None for one in values]
            if any(gaps):
                yield [path, f"{sum(gaps):,} missing: #{_digest(repr(gaps))}"]
            yield from self._array(numpy.array(values, float), path) or ()
            return
        for row, one in enumerate(values[:ROWS]):
            yield from self.parts(one, f"{path}[{row}]")
        if len(values) > ROWS:
            yield [path, f"all {len(values):,}: #{_digest(re.sub(' at 0x[0-9a-f]+', '', repr(values)))}"]

    def _drawn(self, value: Any, path: str) -> Iterator[Part]:
        yield [path, f"{type(value).__module__}.{type(value).__qualname__}"]
        figure = drawings.figure_of(value)
        if figure is not None and id(figure) not in self._figures:
            self._figures.add(id(figure))
            for place, one in drawings.drawn_in(figure):
                yield from self.parts(one, f"{path}.{place}")

    def _object(self, value: Any, path: str) -> Iterator[Part]:
        yield [path, f"{type(value).__module__}.{type(value).__qualname__}"]
        if type(value) not in self._kinds:
            self._kinds.add(type(value))
            yield from self._codes(type(value), path)
        try:
            taken = reduced(value)
        except TypeError:  # what cannot be pickled may still be looked into
            taken = (None, (), getattr(value, "__dict__", {}))
        if isinstance(taken, str):
            yield [path, taken]
            return
        maker, arguments, *more = taken
        if isinstance(value, (set, frozenset)):
            yield [path, _short(sorted(map(repr, value)))]
        elif maker is copyreg.__newobj__:  # type: ignore[attr-defined]  # what pickle calls it
            yield from self._made_of(value, arguments[1:], path)
        elif maker is not None:
            yield from self.parts(list(arguments), f"{path}.made_of")
        state, items, pairs = [*more[:3], None, None, None][:3]
        state = own_state(value, state)
        if isinstance(state, dict):
            for name, one in state.items():
                yield from self.parts(one, f"{path}.{name}" if isinstance(name, str) else f"{path}[{name!r}]")
        elif state is not None:
            yield from self.parts(state, f"{path}.state")
        for name, more_of_it in (("items", items), ("pairs", pairs)):
            if more_of_it is not None:
                yield from self.parts(list(more_of_it), f"{path}.{name}")

    def _codes(self, value: Any, path: str) -> Iterator[Part]:
        for name, code in codes_of(value).items():
            yield [f"{path}.{name}" if name else path, f"code #{code[:8]}"]

    def _made_of(self, value: Any, given: Sequence[Any], path: str) -> Iterator[Part]:
        """What the class of an object was given: the fields of a named tuple, the number in a kind of float."""
        names = getattr(value, "_fields", ())
        if len(given) == 1 and len(names) != 1:
            yield from self.parts(given[0], path)
            return
        for number, one in enumerate(given):
            named = len(names) == len(given)
            yield from self.parts(one, f"{path}.{names[number]}" if named else f"{path}.made_of[{number}]")


def _is_address(key: Any) -> bool:
    return type(key) is int and key in _ADDRESSES and key % 16 == 0


def _by(shape: tuple[int, ...]) -> str:
    return " by ".join(map(str, shape)) or "one"


def _short(value: Any) -> str:
    """What a plain value is; of a long one the beginning, and a digest so that others are told apart."""
    text = repr(value)
    if len(text) <= (PATH if "/" in text else TEXT):  # a digest of a path tells nothing of the folders in it
        return text
    return f"{text[: TEXT - 12]}… #{_digest(text)}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]
