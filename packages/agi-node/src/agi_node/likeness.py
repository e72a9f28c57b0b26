"""Whether two objects are alike, told from a digest of all that they hold: for what is neither plain data nor a table.

Bytes of a pickle will not do: they depend on which texts are one object in memory. And what an object says of itself
(`LinearRegression()`) leaves out what it has learnt.
"""

from __future__ import annotations

import copyreg
import dis
import functools
import hashlib
import re
import sys
import types
from collections.abc import Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING, Any

from agi_node import columns, drawings, encoding, lab_folder, numbers_drawn
from agi_node.exact_json import exact_text
from agi_node.handover import fingerprint, hand_over
from agi_node.source.anatomy import class_body, said

if TYPE_CHECKING:
    from agi_node.artifacts import Staging

MOST = 200_000
"""Parts of an object that are looked at; beyond them it is too large to compare."""
_OF_CALLS = frozenset(
    {"CACHE", "EXTENDED_ARG", "NOP", "PRECALL", "PUSH_NULL", "RESUME", "COPY_FREE_VARS", "MAKE_CELL"}
)
"""Instructions that tell nothing of what is done. Python puts in others where a module's import is compiled with it."""
_KIND_OF_FUNCTION = 0x04 | 0x08 | 0x20 | 0x80 | 0x100 | 0x200
"""Flags of code: `*args`, `**kwargs`, generators, coroutines."""


def digest_of(value: Any, staging: Staging) -> str:
    """SHA-256 over what an object consists of, part by part, as pickling would take it apart.

    Two objects with one digest hold the same. Of functions it is what their code does, defaults and closures; of
    classes their name and what they hold.

    Raises what taking the object apart raises, ValueError for one that is too large.
    """
    found = _Digest(staging)
    found.add(value)
    return found.hash.hexdigest()


def random_state(value: Any) -> dict[str, Any] | None:
    """Where a bit generator of numpy stands; None for anything else.

    Of one that was set to a state, the entropy that it was made of tells nothing of what comes.
    """
    maker = sys.modules.get("numpy.random.bit_generator")
    if maker is None or not isinstance(value, maker.BitGenerator):
        return None
    return dict(value.state)


def codes_of(value: Any) -> dict[str, str]:
    """Of a function or class of the code itself, what each of its functions does, as a digest by name."""
    if getattr(value, "__module__", None) != "__main__":
        return {}
    held = vars(value) if isinstance(value, type) else {"": value}
    found = {}
    for name, one in held.items():
        inner = next(
            (getattr(one, at) for at in ("__func__", "fget", "func", "__wrapped__") if hasattr(one, at)), one
        )
        if isinstance(inner, types.FunctionType):
            found[name] = hashlib.sha256(repr(_named(_done(inner.__code__))).encode()).hexdigest()
    return found


def _named(done: Any) -> Any:
    """What code does, with the code inside it in place of its object."""
    if isinstance(done, types.CodeType):
        return _named(_done(done))
    if isinstance(done, frozenset):
        return sorted(map(repr, done))
    return [_named(one) for one in done] if isinstance(done, (list, tuple)) else done


def reduced(value: Any) -> Any:
    """How pickle takes a value apart, also where a module says that for a type of another, as `re` does."""
    if numbers_drawn.is_of_the_process(value):
        return "numpy.random.mtrand._rand"
    registered = copyreg.dispatch_table.get(type(value))
    return registered(value) if registered else value.__reduce_ex__(4)


def own_state(value: Any, state: Any) -> Any:
    """The attributes of an object as one dict, from the state that pickling takes; any other state as it is.

    Of a table or a series of pandas it has the columns (`agi_node.columns`). Without caches, and of a library's object
    without private attributes that are not filled yet: those are made when somebody asks (`None`, then `{}`), which
    says nothing of the value. Nor does what a `cached_property` of it keeps, as the views of a networkx graph.
    """
    if isinstance(state, tuple) and len(state) == 2 and isinstance(state[1], dict):
        state = {**(state[0] or {}), **state[1]}  # what has __slots__
    if not isinstance(state, dict):
        return state
    state = columns.without_blocks(value, state)
    lazy = type(value).__module__ != "__main__"
    kind: Any = type(value)
    kept = _cached_properties(kind) if lazy else frozenset[str]()
    return {
        name: one
        for name, one in state.items()
        if name != "_cache"
        and name not in kept
        and not (lazy and str(name).startswith("_") and _is_unfilled(one))
    }


@functools.lru_cache(maxsize=1024)
def _cached_properties(kind: Any) -> frozenset[str]:
    return frozenset(
        name
        for one in kind.__mro__
        for name, found in vars(one).items()
        if isinstance(found, functools.cached_property)
    )


def _is_unfilled(value: Any) -> bool:
    return value is None or (type(value) is dict and not value)


class _Digest:
    def __init__(self, staging: Staging) -> None:
        self._classes: dict[int, str] = {}
        self._codes: dict[int, str] = {}
        self.hash = hashlib.sha256()
        self._staging = staging
        self._above: dict[int, int] = {}
        self._pictures: dict[int, str] = {}
        self._seen = 0

    def add(self, value: Any) -> None:
        text = exact_text(value)
        if text is not None:
            moved = lab_folder.leave(value)
            self._put("plain", text if moved is None else str(exact_text(moved)))
            return
        if id(value) in self._above:  # of a ring it matters how far back it closes
            self._put("ring", str(len(self._above) - self._above[id(value)]))
            return
        self._seen += 1
        if self._seen > MOST:
            raise ValueError(f"it consists of more than {MOST:,} parts")
        self._above[id(value)] = len(self._above)
        self._parts(value)
        del self._above[id(value)]

    def _parts(self, value: Any) -> None:
        self._put("type", f"{type(value).__module__}.{type(value).__qualname__}")
        if type(value) in (list, tuple):
            self._put("length", str(len(value)))
            for one in value:
                self.add(one)
        elif type(value) is dict:
            self._put("length", str(len(value)))
            for key, one in value.items():
                self.add(key)
                self.add(one)
        elif type(value) in (set, frozenset):
            self._put("members", " ".join(sorted(digest_of(one, self._staging) for one in value)))
        elif type(value) in (bytes, bytearray):
            self._put("bytes", bytes(value).hex())
        elif isinstance(value, PurePath):
            self._put("path", lab_folder.left(str(value)))
        elif isinstance(value, types.ModuleType):
            self._put("module", value.__name__)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.CodeType):
            self._code(value)
        elif isinstance(value, (staticmethod, classmethod)):
            self.add(value.__func__)
        elif isinstance(value, property):
            self.add([value.fget, value.fset, value.fdel])
        elif isinstance(value, functools.cached_property):
            self.add(value.func)
        elif (state := random_state(value)) is not None:
            self.add(state)
        elif drawings.is_drawn(value):
            self._drawn(value)
        elif not self._array(value) and not self._table(value):
            self._taken_apart(value)

    def _class(self, value: type) -> None:
        self._put("class", f"{value.__module__}.{value.__qualname__}")
        if value.__module__ != "__main__":
            return
        if id(value) not in self._classes:  # another text of it is another class
            self._classes[id(value)] = "itself"
            within = self._aside()
            within._above[id(value)] = 0
            within._put("holds", repr(class_body(value, within._held)))
            self._classes[id(value)] = within.hash.hexdigest()
        self._put("holds", self._classes[id(value)])

    def _aside(self) -> _Digest:
        """Another digest, which knows the classes and the code that this one has met."""
        other = _Digest(self._staging)
        other._classes, other._codes = self._classes, self._codes
        return other

    def _held(self, value: Any) -> list[Any]:
        """What a class holds, in plain form."""
        within = self._aside()
        try:
            within.add(value)
        except Exception:  # what cannot be taken apart does not keep its class from being compared
            return [said(value)]
        return [within.hash.hexdigest()]

    def _function(self, value: types.FunctionType) -> None:
        self._put("function", f"{value.__module__}.{value.__qualname__}")
        if value.__module__ == "__main__":
            self._code(value.__code__)
            self._put("doc", str(value.__doc__))
            self.add(value.__defaults__)
            self.add(value.__kwdefaults__)
            for cell in value.__closure__ or ():
                self.add(cell.cell_contents)

    def _code(self, value: types.CodeType) -> None:
        if id(value) not in self._codes:
            within = self._aside()
            counts = (value.co_argcount, value.co_posonlyargcount, value.co_kwonlyargcount)
            within._put("takes", f"{counts} {value.co_flags & _KIND_OF_FUNCTION}")
            within.add([value.co_varnames[: sum(counts) - counts[1]], *_done(value)])
            self._codes[id(value)] = within.hash.hexdigest()
        self._put("code", self._codes[id(value)])

    def _array(self, value: Any) -> bool:
        numpy = sys.modules.get("numpy")
        if numpy is None or type(value) is not numpy.ndarray:
            return False
        self._put("array", f"{value.dtype.str} {value.shape}")
        if value.dtype.hasobject:
            self.add(value.tolist())
        elif value.dtype.names:  # between the fields there may be bytes that nobody wrote
            for name in value.dtype.names:
                self.add(value[name])
        else:
            self.hash.update(numpy.ascontiguousarray(value).tobytes())
        return True

    def _table(self, value: Any) -> bool:
        if columns.is_below(value):
            return False
        if hasattr(value, "to_frame"):  # a series or an index of pandas, which keep caches
            names = list(getattr(value, "names", [value.name]))
            self.add(names)
            value = value.to_frame(
                name="values" if len(names) == 1 else [f"level {n}" for n in range(len(names))]
            )
        if not encoding.is_table(value):
            return False
        before = len(self._staging.entries)
        form = hand_over(f"part-{self._seen}", value, self._staging, "a part")
        if form["kind"] == "pickle":
            return False
        beside = fingerprint(form, self._staging).get("beside", "")
        self._put(
            "table", " ".join(entry["digest"] for entry in self._staging.entries[before:]) + f" {beside}"
        )
        return True

    def _drawn(self, value: Any) -> None:
        """Something of a figure: what it is, and the picture of the whole figure."""
        figure = drawings.figure_of(value)
        if figure is not None and id(figure) not in self._pictures:
            self._pictures[id(figure)] = drawings.picture_of(figure)
        self._put("picture", self._pictures.get(id(figure), ""))

    def _taken_apart(self, value: Any) -> None:
        parts = reduced(value)
        if isinstance(parts, str):
            self._put("name", parts)
            if isinstance(wrapped := getattr(value, "__wrapped__", None), types.FunctionType):
                self.add(wrapped)  # a function with a cache
            return
        maker, arguments, *more = parts
        state, items, pairs = [*more[:3], None, None, None][:3]
        self.add(maker)
        if isinstance(value, (set, frozenset)):
            self._put("members", " ".join(sorted(digest_of(one, self._staging) for one in value)))
        else:
            self.add(arguments)
        self.add(own_state(value, state))
        self.add(list(items) if items is not None else None)
        self.add(list(pairs) if pairs is not None else None)

    def _put(self, kind: str, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self.hash.update(f"{kind} {len(data)}:".encode())
        self.hash.update(data)


def _done(code: types.CodeType) -> list[Any]:
    """What code does, step by step: the same whether it was compiled alone or with the imports that it uses.

    A call of `module.f()` is compiled otherwise where the import of the module stands in the same text, which is so in
    a stage and not in a cell of a notebook; so the way in which calls are prepared is left out, and places are counted
    without it. Python 3.11 to 3.13.
    """
    bytecode = dis.Bytecode(code)
    steps: list[tuple[str, Any, bool]] = []
    places: dict[int, int] = {}
    for each in bytecode:
        places[each.offset] = len(steps)
        if each.opname not in _OF_CALLS:
            jumps = each.opcode in dis.hasjrel or each.opcode in dis.hasjabs
            steps += [(name, value, jumps) for name, value in _single(each, code)]
    last = len(steps)
    guarded = [
        [places.get(one.start, last), places.get(one.end, last), places.get(one.target, last), one.lasti]
        for one in getattr(bytecode, "exception_entries", ())
    ]
    told = [[name, places.get(value, last) if jumps else value] for name, value, jumps in steps]
    return [told, [one for one in guarded if one[0] != one[1]]]


def _single(step: dis.Instruction, code: types.CodeType) -> Iterator[tuple[str, Any]]:
    """An instruction as those that it is made of, with what each is about."""
    pair = re.findall("(?:LOAD|STORE)_FAST", step.opname)
    if len(pair) == 2:
        yield from zip(pair, step.argval, strict=True)
        return
    name = "LOAD_ATTR" if step.opname == "LOAD_METHOD" else step.opname
    named = step.arg if name == "KW_NAMES" else None  # Python 3.11 does not say which
    yield name, step.argval if named is None else code.co_consts[named]
