"""Values of one stage that hold the same objects: who takes several of them gets each of these objects once.

A value is written down by itself, for those who take it alone. Values that meet in an object which must be one
(`agi_node.shared`) are written once more, as one pickle of a dict, and their forms name it: `"together": {"artifact",
"of"}`. It is read in the environment that wrote it, and nowhere else.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from agi_node import arrays, codec, pickles, shared
from agi_node.errors import AgiError
from agi_node.handover import Form, hand_over, kept, pickle_of, take_over

if TYPE_CHECKING:
    from agi_node.artifacts import Staging

TOGETHER = ".together"
"""How the names of their artifacts end, which hold nothing that has none of its own."""
MOST = 4 * 2**20
"""Bytes of a value from which on nobody looks what is made of it."""


def hand_over_all(values: Mapping[str, Any], staging: Staging, stage: str) -> dict[str, Form]:
    """Write the values of a stage down; their forms by name. Raises as `hand_over`.

    Costs, with two values or more, a look at the types of what pickle met and of the containers in plain data.
    """
    held: dict[str, shared.Held] = {}
    forms: dict[str, Form] = {}
    for name, value in values.items():
        found: list[shared.Held] = []
        met = None if len(values) < 2 else _into(found)
        forms[name] = hand_over(name, value, staging, f"the value {name} of stage {stage}", met)
        if len(values) > 1:
            held[name] = found[0] if found else shared.held_by_data(value)
    windows = arrays.windows_in([value for value in values.values() if arrays.is_array(value)])
    for name, value in values.items():
        if (owner := windows.get(id(value))) is not None:
            held[name][id(owner)] = owner
    for names in shared.meeting(held, _within):
        together = {name: values[name] for name in names}
        data = pickles.written(together, f"the values {', '.join(names)} of stage {stage}")
        form = kept(f"{'+'.join(names)}{TOGETHER}", "pickle", data, staging)
        folders = [one["modules"] for name in names if "modules" in (one := forms[name])]
        said = {"artifact": form["artifact"], **({"modules": folders[0]} if folders else {})}
        for name in names:
            forms[name]["together"] = {**said, "of": name}
    return forms


def made_of(
    values: Mapping[str, Any], forms: Mapping[str, Form], taken: Mapping[str, Any], given: Mapping[str, Form]
) -> dict[str, dict[str, shared.Common]]:
    """By value that a stage gives on: those that it took and with which that has objects in common, and which.

    Of what is pickled or plain, and of values that it `took` of no more than `MOST` bytes.
    """
    sources = {
        called: _held(value, given[called])
        for called, value in taken.items()
        if called not in values and is_small(given[called])
    }
    found: dict[str, dict[str, shared.Common]] = {}
    for name, value in values.items() if sources else ():
        if not is_small(forms[name]):
            continue
        mine = _held(value, forms[name])
        met: dict[str, shared.Common] = {
            called: common
            for called, theirs in sources.items()
            if (common := shared.in_common(mine, theirs, _within))
        }
        if met:
            found[name] = met
    return found


def is_small(form: Form) -> bool:
    """Whether a value may hold objects that others hold too, and is small enough to look for them."""
    holds = form["kind"] in ("pickle", "json", "tagged")
    return holds and ("path" not in form or os.path.getsize(form["path"]) <= MOST)


def _held(value: Any, form: Form) -> shared.Held:
    return shared.held_by_pickle(_within([value])) if form["kind"] == "pickle" else shared.held_by_data(value)


def take_over_all(forms: Mapping[str, Form]) -> dict[str, Any]:
    """The values that forms stand for, by the same names. Raises as `take_over`."""
    met: dict[tuple[str, str], list[Form]] = {}
    for form in _single(forms.values()):
        if (place := pickle_of(form)) is not None:
            met.setdefault(place, []).append(form)
    read = {place: _read(place[0], several) for place, several in met.items() if len(several) > 1}
    return {called: take_over(form, read) for called, form in forms.items()}


def _single(forms: Iterable[Form]) -> Iterator[Form]:
    for form in forms:
        if form["kind"] == "many":
            yield from _single(one for _, one in form["items"])
        else:
            yield form


def _read(path: str, forms: list[Form]) -> Mapping[str, Any]:
    """The values of a pickle that some forms take from. Raises what taking one of them alone raises, by its name."""
    names = ", ".join(form["together"]["of"] for form in forms)
    form = {**forms[0]["together"], "path": path, "called": names}
    form |= {"stage": forms[0]["stage"]} if "stage" in forms[0] else {}
    subject = f"{names} of stage {form['stage']}" if "stage" in form else names
    try:
        found: Mapping[str, Any] = pickles.read(form, subject)
    except AgiError:
        for one in forms:
            take_over(one)
        # What is missing here, nobody takes: it is in a value that only was written with these.
        found = pickles.read(form, subject, _absent)
    return found


class _Absent:
    """Stands for an object whose class is not here, in a value that is not taken."""

    def __new__(cls, *_: Any, **__: Any) -> _Absent:
        return object.__new__(cls)

    def __call__(self, *_: Any, **__: Any) -> _Absent:
        return self

    __init__ = __setitem__ = append = extend = add = __setstate__ = lambda *_, **__: None


def _absent(module: str, name: str) -> Any:
    return type(name, (_Absent,), {"__module__": module})


def _into(found: list[shared.Held]) -> codec.Met:
    return lambda memo: found.append(shared.held_by_pickle(memo))


def _within(objects: list[Any]) -> dict[int, tuple[int, Any]]:
    """Pickle's memory of what objects hold; nothing where one of them cannot be pickled with the others."""
    memo: dict[int, tuple[int, Any]] = {}
    try:
        codec.dumps(objects, "what values share", met=memo.update)
    except AgiError:
        return {}
    return memo
