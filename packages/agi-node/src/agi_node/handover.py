"""The values that one stage hands to another, each in the plainest form that brings it back as it was.

| kind | for | read where |
| --- | --- | --- |
| `json` | Python's own data, exactly: order of names, tuples, sets, dates, keys that are no text | anywhere |
| | scalars of numpy among it | anywhere; as Python's numbers where numpy is not |
| `parquet`, `arrow` | tables (`agi_node.encoding`) | where the library is |
| `npy` | arrays of numpy without objects | where numpy is |
| `bytes` | bytes | anywhere |
| `module` | a module, by its name | where it can be imported |
| `pickle` | anything else | in the environment that wrote it |

Small `json` stands in the value of the stage; everything else is an artifact of it, known by digest.
"""

from __future__ import annotations

import base64
import datetime
import decimal
import fractions
import importlib
import io
import json
import pathlib
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node import codec, encoding
from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError

if TYPE_CHECKING:
    from agi_node.artifacts import Staging

INLINE = 16 * 1024
"""The longest JSON, in bytes, that stands in the value itself."""
DEEPEST = 200
_LOST = re.compile(r"Can't get attribute '([^']+)' on <module '__main__'")
"""What pickle says of a class or a function that it knows by name only."""
Form = dict[str, Any]
_SUFFIX = {
    "json": ".json",
    "parquet": ".parquet",
    "arrow": ".arrow",
    "npy": ".npy",
    "bytes": ".bin",
    "pickle": ".pickle",
}
_MEDIA = {"arrow": "application/vnd.apache.arrow.file", "pickle": "application/x-python-pickle"}


def hand_over(name: str, value: Any, staging: Staging, subject: str) -> Form:
    """Write a value down as an artifact (or, where it is small and plain, not) and say how it is read.

    Raises AGI-STAGE-114 for what cannot leave the process: an open file, a connection, a generator.
    """
    if isinstance(value, types.ModuleType):
        return {"kind": "module", "name": value.__name__}
    text = exact_text(value)
    if text is not None:
        if len(text) <= INLINE:
            return {"kind": "json", "text": text}
        return _kept(name, "json", text.encode(), staging)
    if type(value) is bytes:
        return _kept(name, "bytes", value, staging)
    why: dict[str, Any] = {}
    if encoding.is_table(value):
        try:
            encoded = encoding.encode(value, name)
        except AgiError as refused:  # no format would bring it back as it is, so that it must be pickled
            why = {"why": refused.found, **({"mend": refused.try_} if refused.try_ else {})}
        else:
            return _table(name, value, encoded, staging)
    if (array := _array(value)) is not None:
        meta = {"shape": list(value.shape), "dtype": str(value.dtype)}
        return _kept(name, "npy", array, staging, meta=meta)
    data = _pickled(value, subject)
    holds: dict[str, Any] = {"holds": held} if (held := _not_plain(value)) else {}
    return _kept(name, "pickle", data, staging, type=codec.type_name(value), **holds, **why)


def _not_plain(value: Any, path: str = "", depth: int = 0) -> str:
    """The first item of Python's own containers that is no plain data, with its path; empty where there is none."""
    kind = type(value)
    if kind not in (list, tuple, dict) or depth > DEEPEST:
        return f"{path} is {codec.type_name(value)}" if path else ""
    items = value.items() if kind is dict else enumerate(value)
    odd = next(((at, item) for at, item in items if exact_text(item) is None), None)
    return "" if odd is None else _not_plain(odd[1], f"{path}[{odd[0]!r:.40}]", depth + 1)


def take_over(form: Mapping[str, Any]) -> Any:
    """The value that a form stands for; artifacts are named by `path`. Each call makes a new one.

    Raises AGI-RUN-113 for what cannot be read here, by the name and the stage that it comes from, where the form has
    them.
    """
    kind = form["kind"]
    subject = f"{form['called']} of stage {form['stage']}" if "stage" in form else "the value"
    if kind == "tagged":
        return untag(form["value"])
    if kind == "refused":
        raise AgiError.from_plain(form["error"])
    if kind == "many":
        return {key: take_over(one) for key, one in form["items"]}
    if kind == "module":
        return importlib.import_module(form["name"])
    if kind == "json":
        return exact_value(form["text"] if "text" in form else Path(form["path"]).read_text("utf-8"))
    if kind == "npy":
        try:
            numpy = importlib.import_module("numpy")
        except ImportError:
            found = "an array, and no numpy in this environment"
            raise encoding.unreadable(subject, found, "an environment with numpy", "uv add numpy") from None
        return numpy.load(form["path"], allow_pickle=False)
    if kind == "pickle":
        return _unpickled(form, subject)
    table = encoding.decode(kind, Path(form["path"]), form.get("library"), subject)
    if "freq" in form:
        table.index.freq = form["freq"]
    if "head" in form and hasattr(table, "head"):
        return table.head(form["head"])
    return table.slice(0, form["head"]) if "head" in form else table


def _unpickled(form: Mapping[str, Any], subject: str) -> Any:
    """The object of a pickle. Raises AGI-STAGE-117 where its class or function is written in a stage, and not here."""
    try:
        return codec.load(form["path"], subject)
    except AgiError as problem:
        lost = _LOST.match(str(problem.__cause__)) if isinstance(problem.__cause__, AttributeError) else None
        if lost is None:
            raise
        maker, called, name = form.get("stage", "MAKER"), form.get("called", "a value"), lost[1].split(".")[0]
        # A function is pickled by its name, so its definition is all that there is to take.
        itself = form.get("type") == "function"
        holds = "is" if form.get("type") == f"__main__.{lost[1]}" else "holds"
        what = f"is the function {name}" if itself else f"{holds} an object of {name}"
        raise AgiError(
            "AGI-STAGE-117",
            f"{called} of stage {maker} {what}, whose definition stands in a stage and does not come with it",
            found=f"nothing called {name} in this stage",
            allowed="the definition here too, taken from the text where it stands",
            try_=f'uses = {{ {maker} = ["{name}"] }} (or the stage whose text has it)'
            + (f" in place of {called} among the inputs" if itself else ""),
            whose="author",
            exit_code=FAILED,
        ) from problem.__cause__


def fingerprint(form: Mapping[str, Any], staging: Staging) -> dict[str, Any]:
    """What two values have in common exactly if they are equal, from the form under which one was handed over.

    Not for a pickle, whose bytes differ for equal objects: see `agi_node.likeness`.
    """
    if "artifact" in form:
        digest = next(entry["digest"] for entry in staging.entries if entry["name"] == form["artifact"])
        return {"kind": form["kind"], "digest": digest}
    return {name: form[name] for name in ("kind", "text", "name") if name in form}


def in_words(form: Mapping[str, Any], artifacts: Mapping[str, Mapping[str, Any]]) -> str:
    """What a value is: its text where that is short, otherwise its kind and size."""
    if "text" in form:
        text = str(form["text"])
        return text if len(text) <= 200 else f"{text[:180]} … ({len(text):,} characters)"
    if form["kind"] == "module":
        return f"the module {form['name']}"
    artifact = artifacts[form["artifact"]]
    meta = artifact.get("meta") or {}
    if "rows" in meta:
        size = f"{_counted(meta['rows'], 'row')} and {_counted(meta['columns'], 'column')}"
        index = f", index {', '.join(meta['index'])}" if "index" in meta else ""
        return f"a table of {form.get('library')}, {size}{index}"
    if "shape" in meta:
        return f"an array of {meta['dtype']}, {' by '.join(map(str, meta['shape']))}"
    return f"{form.get('type', form['kind'])}, {artifact['size']:,} bytes"


def _counted(number: int, word: str) -> str:
    return f"{number:,} {word}" if number == 1 else f"{number:,} {word}s"


def _table(name: str, value: Any, encoded: encoding.Encoded, staging: Staging) -> Form:
    """A table as itself."""
    assert encoded.data is not None
    from agi_node.tables import Table

    whole = Table.of(value, name)
    said = {"library": encoded.library, **_frequency(name, value)}
    return _kept(name, encoded.kind, encoded.data, staging, preview=whole.preview(), meta=whole.size, **said)


def _frequency(name: str, table: Any) -> dict[str, str]:
    """How often the times of a pandas index come, which parquet forgets; said in the log where it cannot be kept."""
    freq = getattr(getattr(table, "index", None), "freq", None)
    if freq is None or type(table.index).__name__ not in ("DatetimeIndex", "TimedeltaIndex"):
        return {}
    try:
        if table.index.__class__(table.index, freq=freq.freqstr).freq == freq:
            return {"freq": freq.freqstr}
    except ValueError:
        pass
    print(f"[agilab] {name} goes on without the freq of its index, {freq!r}: parquet has no word for it")
    return {}


def _array(value: Any) -> bytes | None:
    numpy = sys.modules.get("numpy")
    if numpy is None or type(value) is not numpy.ndarray or value.dtype.hasobject or value.dtype.metadata:
        return None
    file = io.BytesIO()
    numpy.save(file, value, allow_pickle=False)
    back = numpy.load(io.BytesIO(file.getbuffer()), allow_pickle=False)
    return file.getvalue() if back.dtype == value.dtype else None


def _pickled(value: Any, subject: str) -> bytes:
    try:
        if isinstance(value, io.IOBase):
            # cloudpickle would write down what is in the file, which is something else.
            raise AgiError(
                "AGI-RUN-112", subject, found=f"an open file, {getattr(value, 'name', '')}".rstrip(", ")
            )
        return codec.dumps(value, subject)
    except AgiError as problem:
        raise AgiError(
            "AGI-STAGE-114",
            f"{subject} cannot be handed to another stage",
            found=problem.found,
            allowed="data, tables, arrays, models: what can be written down",
            try_="use it up in this stage, or make it in each stage that needs it",
            whose="author",
            exit_code=FAILED,
        ) from problem


def _kept(
    name: str,
    kind: str,
    data: bytes,
    staging: Staging,
    *,
    preview: Any = None,
    meta: Mapping[str, Any] | None = None,
    **said: Any,
) -> Form:
    media = _MEDIA.get(kind)
    shown = "table" if preview is not None else "json" if kind == "json" else "file"
    artifact = staging.data(name, shown, _SUFFIX[kind], data, dict(meta or {}), media=media, preview=preview)
    return {"kind": kind, "artifact": artifact, **said}


# -- Python's own data as JSON that brings back exactly what it was ---------------------------------------------


def exact_text(value: Any) -> str | None:
    """Python's own data as JSON text; None for anything else, and for data in which one list stands twice.

    >>> exact_text({"b": (1, 2.0), "a": None})
    '{"b":{"$":["tuple",[1,2.0]]},"a":null}'
    >>> row = [0]; exact_text([row, row]) is None
    True
    """
    try:
        return json.dumps(_exact(value, set(), 0), ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    except _NotExact:
        return None


def exact_value(text: str, *, plain: bool = False) -> Any:
    """The data that `exact_text` wrote; with `plain`, or where there is no numpy, its scalars as Python's numbers.

    >>> exact_value(exact_text({3: {"x"}, "at": (1, float("inf"))}))
    {3: {'x'}, 'at': (1, inf)}
    """
    return _back(json.loads(text), plain)


class _NotExact(Exception):
    """The value is not Python's own data, or JSON would lose that two names are one object."""


def _exact(value: Any, seen: set[int], depth: int) -> Any:
    kind = type(value)
    if value is None or kind is bool:
        return value
    if kind is int:
        return (
            value
            if abs(value) < 2**53
            else _marked("int", str(value) if value.bit_length() < 10_000 else _no())
        )
    if kind is float:
        return value if value - value == 0 else _marked("float", repr(value))
    if kind is str:
        return value if value.isascii() or _is_unicode(value) else _no()
    if depth > DEEPEST:
        return _no()
    if kind in (list, dict, set, bytearray):
        if id(value) in seen:
            return _no()  # one object under two names: changing one must change the other
        seen.add(id(value))
    if kind is list:
        return [_exact(item, seen, depth + 1) for item in value]
    if kind is dict:
        if all(type(name) is str and name != "$" for name in value):
            return {_exact(name, seen, depth): _exact(item, seen, depth + 1) for name, item in value.items()}
        pairs = [
            [_exact(name, seen, depth + 1), _exact(item, seen, depth + 1)] for name, item in value.items()
        ]
        return _marked("dict", pairs)
    if kind in (tuple, set, frozenset):
        items = [_exact(item, seen, depth + 1) for item in (value if kind is tuple else _in_order(value))]
        return _marked(kind.__name__, items)
    if kind.__module__ == "numpy" and (scalar := _scalar(value)) is not None:
        return _marked("numpy", [scalar[0], _exact(scalar[1], seen, depth + 1)])
    writer = _WRITE.get(kind)
    return _marked(kind.__name__, writer(value)) if writer else _no()


def _scalar(value: Any) -> tuple[str, Any] | None:
    """A scalar of numpy as the name of its type and a number, a bool or a text of Python's that is exactly it."""
    numpy = sys.modules["numpy"]
    if not isinstance(value, numpy.generic) or value.dtype.kind not in "biufU":
        return None
    name, plain = "str" if value.dtype.kind == "U" else value.dtype.name, value.item()
    again = numpy.dtype(name).type is type(value) and type(plain) in (bool, int, float, str)
    return (name, plain) if again else None


def _of_numpy(name: str, plain: Any) -> Any:
    try:
        return importlib.import_module("numpy").dtype(name).type(plain)
    except ImportError:
        return plain


def _in_order(items: Any) -> list[Any]:
    # Sets have no order; a fixed one gives equal sets equal digests.
    return sorted(items, key=lambda item: (type(item).__name__, repr(item)))


def _marked(kind: str, content: Any) -> dict[str, Any]:
    return {"$": [kind, content]}


def _no() -> Any:
    raise _NotExact


def _is_unicode(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _back(found: Any, plain: bool) -> Any:
    if isinstance(found, list):
        return [_back(item, plain) for item in found]
    if not isinstance(found, dict):
        return found
    if found.keys() != {"$"}:
        return {name: _back(item, plain) for name, item in found.items()}
    kind, content = found["$"]
    if kind == "numpy":
        number = _back(content[1], plain)
        return number if plain else _of_numpy(content[0], number)
    if kind == "dict":
        return {_back(name, plain): _back(item, plain) for name, item in content}
    if kind in _GATHERED:
        return _GATHERED[kind](_back(item, plain) for item in content)
    return _READ[kind](content)


_GATHERED: dict[str, Any] = {"tuple": tuple, "set": set, "frozenset": frozenset}


def _moment(value: Any) -> str:
    # A zone with a name and rules does not come back from an offset.
    if getattr(value, "tzinfo", None) not in (None, datetime.UTC) or getattr(value, "fold", None):
        return str(_no())
    return str(value.isoformat())


_WRITE: dict[type, Any] = {
    datetime.datetime: _moment,
    datetime.date: lambda day: day.isoformat(),
    datetime.time: _moment,
    datetime.timedelta: lambda span: [span.days, span.seconds, span.microseconds],
    decimal.Decimal: str,
    fractions.Fraction: str,
    complex: lambda number: [repr(number.real), repr(number.imag)],
    range: lambda items: [items.start, items.stop, items.step],
    pathlib.PosixPath: str,
    bytearray: lambda data: base64.b64encode(data).decode() if len(data) <= INLINE else _no(),
}
_READ: dict[str, Any] = {
    "int": int,
    "float": float,
    "datetime": datetime.datetime.fromisoformat,
    "date": datetime.date.fromisoformat,
    "time": datetime.time.fromisoformat,
    "timedelta": lambda parts: datetime.timedelta(*parts),
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "complex": lambda parts: complex(float(parts[0]), float(parts[1])),
    "range": lambda ends: range(*ends),
    "PosixPath": pathlib.Path,
    "bytearray": lambda text: bytearray(base64.b64decode(text)),
}
