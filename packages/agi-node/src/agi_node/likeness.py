"""Whether two objects are alike, told from a digest of all that they hold: for what is neither plain data nor a table.

Bytes of a pickle will not do: they depend on which texts are one object in memory. And what an object says of itself
(`LinearRegression()`) leaves out what it has learnt.
"""

from __future__ import annotations

import hashlib
import sys
import types
from typing import TYPE_CHECKING, Any

from agi_node import drawings, encoding
from agi_node.handover import exact_text, hand_over

if TYPE_CHECKING:
    from agi_node.artifacts import Staging

MOST = 200_000
"""Parts of an object that are looked at; beyond them it is too large to compare."""


def digest_of(value: Any, staging: Staging) -> str:
    """SHA-256 over what an object consists of, part by part, as pickling would take it apart.

    Two objects with one digest hold the same. Of functions it is their code, defaults and closures; of classes their
    name and their own functions. Raises what taking the object apart raises, ValueError for one that is too large.
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


class _Digest:
    def __init__(self, staging: Staging) -> None:
        self.hash = hashlib.sha256()
        self._staging = staging
        self._above: dict[int, int] = {}
        self._pictures: dict[int, str] = {}
        self._seen = 0

    def add(self, value: Any) -> None:
        text = exact_text(value)
        if text is not None:
            self._put("plain", text)
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
        elif isinstance(value, types.ModuleType):
            self._put("module", value.__name__)
        elif isinstance(value, type):
            self._class(value)
        elif isinstance(value, types.FunctionType):
            self._function(value)
        elif isinstance(value, types.CodeType):
            self._code(value)
        elif (state := random_state(value)) is not None:
            self.add(state)
        elif drawings.is_drawn(value):
            self._drawn(value)
        elif not self._array(value) and not self._table(value):
            self._taken_apart(value)

    def _class(self, value: type) -> None:
        self._put("class", f"{value.__module__}.{value.__qualname__}")
        if value.__module__ == "__main__":  # another text of it is another class
            for name, own in sorted(vars(value).items()):
                if isinstance(own, types.FunctionType):
                    self._put("method", name)
                    self.add(own)

    def _function(self, value: types.FunctionType) -> None:
        self._put("function", f"{value.__module__}.{value.__qualname__}")
        if value.__module__ == "__main__":
            self._code(value.__code__)
            self.add(value.__defaults__)
            self.add(value.__kwdefaults__)
            for cell in value.__closure__ or ():
                self.add(cell.cell_contents)

    def _code(self, value: types.CodeType) -> None:
        self._put("code", value.co_code.hex())
        self.add(value.co_names)
        for constant in value.co_consts:
            self.add(constant)

    def _array(self, value: Any) -> bool:
        numpy = sys.modules.get("numpy")
        if numpy is None or type(value) is not numpy.ndarray:
            return False
        self._put("array", f"{value.dtype.str} {value.shape}")
        if value.dtype.hasobject:
            self.add(value.tolist())
        else:
            self.hash.update(numpy.ascontiguousarray(value).tobytes())
        return True

    def _table(self, value: Any) -> bool:
        if hasattr(value, "to_frame"):  # a series or an index of pandas, which keep caches
            self.add(value.name)
            value = value.to_frame(name="values")
        if not encoding.is_table(value):
            return False
        before = len(self._staging.entries)
        form = hand_over(f"part-{self._seen}", value, self._staging, "a part")
        if form["kind"] == "pickle":
            return False
        self._put("table", " ".join(entry["digest"] for entry in self._staging.entries[before:]))
        return True

    def _drawn(self, value: Any) -> None:
        """Something of a figure: what it is, and the picture of the whole figure."""
        figure = drawings.figure_of(value)
        if figure is not None and id(figure) not in self._pictures:
            self._pictures[id(figure)] = drawings.picture_of(figure)
        self._put("picture", self._pictures.get(id(figure), ""))

    def _taken_apart(self, value: Any) -> None:
        parts = value.__reduce_ex__(4)
        if isinstance(parts, str):
            self._put("name", parts)
            return
        maker, arguments, *more = parts
        if more and isinstance(more[0], dict):
            more[0] = {name: one for name, one in more[0].items() if name != "_cache"}
        state, items, pairs = [*more[:3], None, None, None][:3]
        self.add(maker)
        self.add(arguments)
        self.add(state)
        self.add(list(items) if items is not None else None)
        self.add(list(pairs) if pairs is not None else None)

    def _put(self, kind: str, text: str) -> None:
        data = text.encode("utf-8", "surrogatepass")
        self.hash.update(f"{kind} {len(data)}:".encode())
        self.hash.update(data)
