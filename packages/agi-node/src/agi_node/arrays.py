"""Arrays of numpy, written down so that they come back as the same: how they lie in memory, and what they share.

Sums in floating point depend on the order in which memory is walked, only an array that owns its data can be resized,
and what is written into a window is seen in what it is a window on.

A change violates this when a stage gets another last digit, or another error, than the notebook with the same array.
"""

from __future__ import annotations

import operator
import sys
from collections.abc import Iterable, Iterator, Mapping
from itertools import combinations, pairwise
from typing import Any

Layout = dict[str, Any]
"""`axes`: in the order of memory, the one that it walks slowest first; `flipped`: those it walks backwards; `view`:
that the array does not own its data. Each only where it is not as in an array that was just made."""
_MOST = 64
"""Windows on one array that are compared with each other; more are taken to overlap where their bounds do."""
_WORK = 10_000


def is_array(value: Any) -> bool:
    """Whether it is an array itself, no subclass, of items that are no objects."""
    numpy = sys.modules.get("numpy")
    return numpy is not None and type(value) is numpy.ndarray and not value.dtype.hasobject


def straight(array: Any) -> tuple[Any, Layout]:
    """An array in C's or Fortran's order with the same items, and what makes it the given one again."""
    axes = _axes(array)
    layout: Layout = {} if array.flags.owndata else {"view": True}
    long = [axis for axis in axes if array.shape[axis] > 1]
    if flipped := [axis for axis in sorted(long) if array.strides[axis] < 0]:
        layout["flipped"] = flipped
        array = array[_reversing(flipped, array.ndim)]
    if long == sorted(long):
        return array, layout
    if long == sorted(long, reverse=True):
        return sys.modules["numpy"].asfortranarray(array), layout
    return array.transpose(axes), {**layout, "axes": axes}


def without_gaps(array: Any) -> Any:
    """An array of records with nothing in the bytes between its fields, which nobody wrote; any other as it is."""
    if not array.dtype.names or not _has_gaps(array.dtype):
        return array
    order = "F" if array.flags.fnc else "C"
    clean = sys.modules["numpy"].zeros(
        array.shape, array.dtype, order=order
    )  # zeros_like fills in fields alone
    _copy_fields(array, clean)
    return clean


def _has_gaps(dtype: Any) -> bool:
    """Whether there are bytes of a record in no field of it, nor of a record within."""
    fields = [(kind, offset) for kind, offset, *_ in (dtype.fields or {}).values()]
    end = 0
    for kind, offset in sorted(fields, key=lambda field: field[1]):
        if offset > end or _has_gaps(kind.base):
            return True
        end = max(end, offset + kind.itemsize)
    return bool(fields) and end < dtype.itemsize


def _copy_fields(source: Any, target: Any) -> None:
    for name in source.dtype.names:
        if source[name].dtype.names:
            _copy_fields(source[name], target[name])
        else:
            target[name] = source[name]


def load(path: str, layout: Mapping[str, Any]) -> Any:
    """The array of a file that holds what `straight` gave, with its layout.

    An owner is copied out of the mapped file, which costs as much as reading it (0.2 s for 400 MB); `numpy.load` gives
    a window on what it reads, and a copy of that took three times as long.
    """
    import numpy

    owns = not layout.get("view")
    array = numpy.load(path, mmap_mode="r" if owns else None, allow_pickle=False)
    if "axes" in layout:
        array = array.transpose(_inverse(layout["axes"]))
    if "flipped" in layout:
        array = array[_reversing(layout["flipped"], array.ndim)]
    return numpy.array(array, order="K", subok=False) if owns else array


def reduced(array: Any, windows: Mapping[int, Any]) -> tuple[Any, ...]:
    """How pickle writes an array down, in words that numpy alone understands; `windows` are those of `windows_in`."""
    numpy = sys.modules["numpy"]
    owner = windows.get(id(array))
    if owner is not None and owner is not array:
        memory = owner if owner.flags.c_contiguous else _Made(owner, _axes(owner))
        offset = _address(array) - _address(owner)
        return numpy.ndarray, (array.shape, array.dtype, memory, offset, array.strides)
    whole, layout = straight(array)
    if not array.flags.writeable:
        return tuple(array.__reduce_ex__(5))
    found: Any = _Raw(whole)
    if "axes" in layout:
        found = _Made(found, _inverse(layout["axes"]))
    if "flipped" in layout:
        return operator.getitem, (found, _reversing(layout["flipped"], array.ndim))
    if "view" not in layout:
        return numpy.array, (found,)  # a copy, which owns its data
    return tuple(found.__reduce__())


def windows_in(value: Any) -> dict[int, Any]:
    """By the ids of arrays in a value of Python's own containers that overlap, the array whose memory they look at.

    Tables are not looked into: what they share is theirs to know (pandas copies when somebody writes).
    """
    owners: dict[int, tuple[Any, dict[int, Any]]] = {}
    if "numpy" not in sys.modules:
        return {}
    for array in _arrays_in(value):
        owner = array if array.base is None else array.base
        if is_array(owner) and _is_whole(owner) and array.flags.writeable == owner.flags.writeable:
            owners.setdefault(id(owner), (owner, {}))[1][id(array)] = array
    return {one: owner for owner, found in owners.values() if _overlap(list(found.values())) for one in found}


class _Raw:
    """An array as numpy itself pickles it."""

    def __init__(self, array: Any) -> None:
        self.array = array

    def __reduce__(self) -> tuple[Any, ...]:
        return tuple(self.array.__reduce_ex__(5))


class _Made:
    """An array with its axes in another order, which is one more window on it."""

    def __init__(self, array: Any, axes: Iterable[int]) -> None:
        self.array, self.axes = array, tuple(axes)

    def __reduce__(self) -> tuple[Any, ...]:
        return operator.methodcaller("transpose", self.axes), (self.array,)


def _axes(array: Any) -> list[int]:
    """The axes as memory has them, the slowest first; those of one item, which say nothing, before all others."""
    every = range(array.ndim)
    short = [axis for axis in every if array.shape[axis] <= 1]
    long = [axis for axis in every if array.shape[axis] > 1]
    return short + sorted(long, key=lambda axis: -abs(array.strides[axis]))


def _inverse(axes: Iterable[int]) -> list[int]:
    order = list(axes)
    return sorted(range(len(order)), key=order.__getitem__)


def _reversing(flipped: Iterable[int], ndim: int) -> tuple[slice, ...]:
    backwards = set(flipped)
    return tuple(slice(None, None, -1 if axis in backwards else None) for axis in range(ndim))


def _address(array: Any) -> int:
    return int(array.__array_interface__["data"][0])


def _bounds(array: Any) -> tuple[int, int]:
    """The first byte of an array, and the one behind its last."""
    reach = [(many - 1) * step for many, step in zip(array.shape, array.strides, strict=True)]
    low = _address(array) + sum(step for step in reach if step < 0)
    return low, _address(array) + sum(step for step in reach if step > 0) + array.itemsize


def _is_whole(owner: Any) -> bool:
    """Whether it owns its data, in which there are no gaps."""
    low, high = _bounds(owner)
    return (
        bool(owner.flags.owndata) and owner.size > 0 and low == _address(owner) and high - low == owner.nbytes
    )


def _overlap(arrays: list[Any]) -> bool:
    arrays = [array for array in arrays if array.size]
    if len(arrays) <= _MOST:
        return any(_share(one, two) for one, two in combinations(arrays, 2))
    bounds = sorted(map(_bounds, arrays))
    return any(two[0] < one[1] for one, two in pairwise(bounds))


def _share(one: Any, two: Any) -> bool:
    numpy = sys.modules["numpy"]
    try:
        return bool(numpy.shares_memory(one, two, max_work=_WORK))
    except Exception:  # numpy's TooHardError, which has another place in each version
        return True


def _arrays_in(value: Any) -> Iterator[Any]:
    todo, seen = [value], set()
    while todo:
        item = todo.pop()
        kind = type(item)
        if is_array(item):
            yield item
        elif kind in (list, tuple, dict) and id(item) not in seen:
            seen.add(id(item))
            todo += item.values() if kind is dict else item
        elif kind.__module__ == "__main__" and id(item) not in seen:
            seen.add(id(item))
            todo += getattr(item, "__dict__", {}).values()
