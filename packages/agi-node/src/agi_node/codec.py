"""Objects that are no plain data, as pickles: how the functions and results of a notebook travel.

The one place that pickles. A function that somebody wrote in a notebook, and what it returns, may only be read where
that code is at home: in the process of the person who wrote it, and in worker processes of the same environment that
this person's run started. Those who show, verify, export or resume runs see a digest, a type and a size. What an app
exchanges with its manager stays plain data (docs/worker-protocol.md).

In tagged plain data, `"$pickle:PATH"` stands for an object in a file; no author's text can be mistaken for it, since a
text that begins with `$` is tagged itself.

A change violates this when a process other than those two reads a pickle.
"""

from __future__ import annotations

import gc
import io
import linecache
import os
import sys
import types
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agi_node.canonical import untag
from agi_node.deep import deeply
from agi_node.errors import FAILED, AgiError
from agi_node.values import ADVICE

PICKLE = "pickle"
"""What a result that is an object says as its `codec`."""
VALUE_FILE = "value.pickle"
_REFERENCE = "$pickle:"
_PROTOCOL = 5
_loading = 0
Met = Callable[[Mapping[int, tuple[int, Any]]], object]
"""Is told what pickle met in a value: by the ids of the objects, each with its number."""


def reference(path: Path | str) -> str:
    """What stands for the object in a file, among tagged plain data."""
    return f"{_REFERENCE}{path}"


def decode(tagged: Any) -> Any:
    """The value that tagged plain data, or a reference, stands for. Each call reads an object afresh.

    So that a unit that changes what it was given changes nothing for anybody else.
    """
    if type(tagged) is str and tagged.startswith(_REFERENCE):
        return load(tagged[len(_REFERENCE) :])
    return untag(tagged)


def decode_all(tagged: Mapping[str, Any]) -> dict[str, Any]:
    """Keyword arguments, each decoded."""
    return {name: decode(value) for name, value in tagged.items()}


def load(
    path: Path | str,
    subject: str = "a pickled value",
    joined: Callable[[Any], Any] | None = None,
    absent: Callable[[str, str], Any] | None = None,
) -> Any:
    """The object in a file; AGI-RUN-113 where it cannot be read back here.

    `joined` makes again what `parted` of `dumps` took out; `absent` gives what stands for a class or a function that is
    not here, from its module and name.
    """
    import pickle  # 10 ms that a worker of plain data never pays

    class Joining(pickle.Unpickler):
        def persistent_load(self, found: Any) -> Any:
            if joined is None:
                raise pickle.UnpicklingError("it holds paths into the folder of a stage, which is none here")
            return joined(found)

        def find_class(self, module: str, name: str) -> Any:
            try:
                return super().find_class(module, name)
            except (ImportError, AttributeError):
                if absent is None:
                    raise
                return absent(module, name)

    def read() -> Any:
        with open(path, "rb") as file:
            return Joining(file).load()

    try:
        return deeply(read)
    except Exception as problem:  # unpickling runs the author's code, which may raise anything
        raise _unreadable(subject, problem) from problem


def dumps(
    value: Any, subject: str, parted: Callable[[Any], Any] | None = None, met: Met | None = None
) -> bytes:
    """A value as a pickle; AGI-RUN-112 for one that cannot be pickled, whose cause is in the error.

    `parted` says, of each object within, what stands in the pickle for it, or None. Asking costs as much as pickling.
    """
    try:
        return deeply(lambda: _dump(value, parted, met))
    except Exception as problem:  # pickling runs the author's code, which may raise anything
        raise AgiError(
            "AGI-RUN-112",
            f"{subject} can neither be kept as plain data nor pickled",
            found=f"{type_name(value)}: {type(problem).__name__}: {problem}"[:300],
            allowed="plain data, or an object that pickle can write",
            try_=ADVICE.get(
                type(value).__name__, "return what the next node needs of it: numbers, a table, a path"
            ),
            whose="author",
            exit_code=FAILED,
        ) from problem


def again(value: Any) -> Any:
    """What a value of this process would be, read where it had been handed to. Raises what pickle raises."""
    import pickle

    return pickle.loads(pickle.dumps(value, _PROTOCOL))


def staged(folder: Path, value: Any, subject: str) -> dict[str, Any]:
    """Pickle a value below an attempt's staging folder; what the attempt's report says of it."""
    data = dumps(value, subject)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / VALUE_FILE).write_bytes(data)
    told = {"codec": PICKLE, "value_type": type_name(value), "value_size": len(data)}
    return {"value": None, "value_file": VALUE_FILE, **told}


def type_name(value: Any) -> str:
    """The type of a value as a person calls it.

    >>> type_name({1, 2}), type_name(Path("/"))
    ('set', 'pathlib.PosixPath')
    """
    kind = type(value)
    # pandas.core.frame.DataFrame is known as pandas.DataFrame: the shortest package that hands out that very class.
    names = kind.__module__.split(".")
    for end in range(1, len(names)):
        package = ".".join(names[:end])
        if getattr(sys.modules.get(package), kind.__qualname__, None) is kind:
            return f"{package}.{kind.__qualname__}"
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def in_words(body: Mapping[str, Any]) -> str:
    """What a person is told of a value that is no plain data, from the event that recorded it.

    >>> in_words({"codec": "pickle", "value_type": "pandas.DataFrame", "value_size": 12_345})
    'a pickled pandas.DataFrame, 12.3 kB'
    >>> in_words({"codec": "parquet", "value_type": "polars.DataFrame", "value_size": 512})
    'a polars.DataFrame as parquet, 512 B'
    """
    size = int(body.get("value_size", 0))
    told = f"{size} B"
    for power, unit in enumerate(("kB", "MB", "GB"), start=1):
        if size >= 1000**power:
            told = f"{size / 1000**power:.1f} {unit}"
    kind = body.get("value_type", "object")
    if body.get("codec", PICKLE) == PICKLE:
        return f"a pickled {kind}, {told}"
    return f"bytes, {told}" if kind == "bytes" else f"a {kind} as {body['codec']}, {told}"


def write_functions(functions: Mapping[str, Callable[..., Any]]) -> bytes:
    """Functions by target, as a worker of the same environment reads them.

    With them goes what they need at home: this process's import path, and for tracebacks the text of cells that are in
    no file. Raises AGI-RUN-112 naming the function that cannot travel.
    """
    import pickle

    try:
        packed = _dump_functions(dict(functions))
    except Exception:  # as above; each by itself then says which function it is
        for target, function in functions.items():
            dumps(function, f"the function of {target}")
        raise
    # What was typed is remembered without a time; of what lies in a file every process reads the lines itself.
    texts = {name: entry[2] for name, entry in linecache.cache.items() if len(entry) > 1 and entry[1] is None}
    path = [os.path.abspath(folder) for folder in sys.path]
    return pickle.dumps({"path": path, "texts": texts, "functions": packed}, protocol=_PROTOCOL)


def read_functions(path: Path | str) -> dict[str, Callable[..., Any]]:
    """The functions that `write_functions` wrote; AGI-RUN-113 where something that they need is missing here."""
    import pickle

    global _loading
    _loading += 1
    try:
        with open(path, "rb") as file:
            packed = pickle.load(file)
        sys.path += [folder for folder in packed["path"] if folder not in sys.path]
        for name, lines in packed["texts"].items():
            linecache.cache[name] = (sum(map(len, lines)), None, lines, name)
        functions: dict[str, Callable[..., Any]] = pickle.loads(packed["functions"])
        return functions
    except AgiError:
        raise
    except BaseException as problem:
        raise _unreadable("the functions of this run", problem) from problem
    finally:
        _loading -= 1


def is_loading() -> bool:
    """Whether functions are being read at this moment, and modules imported for them."""
    return _loading > 0


def _dump(value: Any, parted: Callable[[Any], Any] | None = None, met: Met | None = None) -> bytes:
    try:
        # Lambdas, closures and whatever a notebook defines travel by value; pickle alone knows only names.
        from cloudpickle import Pickler  # type: ignore[import-untyped]  # it has no types
    except ImportError:
        from pickle import Pickler
    kept = _as_they_are(Pickler, value)
    if parted is not None:
        kept = type("Parted", (kept,), {"persistent_id": lambda _, found: parted(found)})
    file = io.BytesIO()
    pickler = kept(file, protocol=_PROTOCOL)
    pickler.dump(value)
    if met is not None:
        _tell(met, pickler)
    return file.getvalue()


def _tell(met: Met, pickler: Any) -> None:
    collecting = gc.isenabled()
    gc.disable()  # which would look through all that is copied again and again: three times as slow
    try:
        met(pickler.memo.copy())
    finally:
        if collecting:
            gc.enable()


def _as_they_are(pickler: Any, value: Any) -> Any:
    """A pickler whose arrays come back as `agi_node.arrays` says, and objects of own classes as `classes` does."""
    from functools import cached_property

    from agi_node import arrays, numbers_drawn
    from agi_node.classes import by_its_text

    windows = arrays.windows_in(value)

    class Kept(pickler):  # type: ignore[misc]  # it has no types
        def reducer_override(self, found: Any) -> Any:
            if arrays.is_array(found):
                return arrays.reduced(found, windows)
            if numbers_drawn.is_of_the_process(found):
                return numbers_drawn.of_the_process, ()
            if type(found) is cached_property:  # before Python 3.12 it has a lock
                state = {"attrname": found.attrname, "__doc__": found.__doc__}
                return cached_property, (found.func,), state
            override = getattr(super(), "reducer_override", None)
            said = NotImplemented if override is None else override(found)
            return by_its_text(found, said) if isinstance(found, type) else said

    return Kept


def _dump_functions(functions: dict[str, Callable[..., Any]]) -> bytes:
    """As `_dump`, but code keeps the name of its file or cell, by which a traceback finds its lines."""
    try:
        from cloudpickle import Pickler
    except ImportError:
        return _dump(functions)
    reduced = Pickler.dispatch_table[types.CodeType]

    def with_its_file(code: types.CodeType) -> tuple[Any, ...]:
        make, fields = reduced(code)
        return make, tuple(code.co_filename if field == "<dynamic-code>" else field for field in fields)

    class Named(Pickler):  # type: ignore[misc]  # it has no types
        dispatch_table = Pickler.dispatch_table.new_child({types.CodeType: with_its_file})

    file = io.BytesIO()
    Named(file, protocol=_PROTOCOL).dump(functions)
    return file.getvalue()


def _unreadable(what: str, problem: BaseException) -> AgiError:
    return AgiError(
        "AGI-RUN-113",
        f"{what} cannot be read back here: {type(problem).__name__}",
        found=str(problem)[:300],
        allowed="what it is made of, importable in this process",
        whose="author",
        exit_code=FAILED,
    )
