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

Paths into the folder of the stage are, where they are read, paths into the reader's: a form says `inside` where plain
data or a table has some (`lab_folder`, `lab_tables`), and a pickle has them apart.

Values that hold the same objects are also written together (`agi_node.together`).

Small `json` stands in the value of the stage; everything else is an artifact of it, known by digest.
"""

from __future__ import annotations

import importlib
import io
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node import arrays, axes, codec, encoding, lab_folder, lab_tables, pickles
from agi_node.canonical import untag
from agi_node.errors import AgiError
from agi_node.exact_json import DEEPEST, exact_text, exact_value

if TYPE_CHECKING:
    from agi_node.artifacts import Staging

INLINE = 16 * 1024
"""The longest JSON, in bytes, that stands in the value itself."""
Form = dict[str, Any]
Together = Mapping[tuple[str, str], Mapping[str, Any]]
"""Values by their names, by the path of their pickle and the unit that wrote it: equal pickles of two are two."""
BESIDE = ("beside", "read_only", "layout")
"""What a form says of a value that its artifact does not."""
_SUFFIX = {
    "json": ".json",
    "parquet": ".parquet",
    "arrow": ".arrow",
    "npy": ".npy",
    "bytes": ".bin",
    "pickle": ".pickle",
}
_MEDIA = {"arrow": "application/vnd.apache.arrow.file", "pickle": "application/x-python-pickle"}


def hand_over(name: str, value: Any, staging: Staging, subject: str, met: codec.Met | None = None) -> Form:
    """Write a value down as an artifact (or, where it is small and plain, not) and say how it is read.

    `met` is told what pickle met, where the value is pickled.

    Raises AGI-STAGE-114 for what cannot leave the process: an open file, a connection, a generator.
    """
    if isinstance(value, types.ModuleType):
        return {"kind": "module", "name": value.__name__}
    text = exact_text(value)
    inside: Form = {}
    if text is not None:
        if (left := lab_folder.leave(value)) is not None:
            text, inside = str(exact_text(left)), {"inside": True}
        if len(text) <= INLINE:
            return {"kind": "json", "text": text, **inside}
        return kept(name, "json", text.encode(), staging, **inside)
    if type(value) is bytes:
        return kept(name, "bytes", value, staging)
    why: dict[str, Any] = {}
    if encoding.is_table(value):
        moved = lab_tables.leave(value)
        table, inside = (value, inside) if moved is None else (moved, {"inside": True})
        try:
            encoded = encoding.encode_exactly(table, name)
        except AgiError as refused:  # no format would bring it back as it is, so that it must be pickled
            why = {"why": refused.found, **({"mend": refused.try_} if refused.try_ else {})}
        else:
            return {**_table(name, table, encoded, staging), **inside}
    if (array := _array(value)) is not None:
        data, layout = array
        meta = {"shape": list(value.shape), "dtype": str(value.dtype)}
        said: Form = {} if value.flags.writeable else {"read_only": True}
        return kept(name, "npy", data, staging, meta=meta, **said, **({"layout": layout} if layout else {}))
    data = pickles.written(value, subject, met)
    holds: dict[str, Any] = {"holds": held} if (held := _not_plain(value)) else {}
    # Code that adds a folder for its modules runs after its values are read.
    found: dict[str, Any] = {"modules": places} if (places := lab_folder.module_folders()) else {}
    return kept(name, "pickle", data, staging, type=codec.type_name(value), **holds, **found, **why)


def _not_plain(value: Any, path: str = "", depth: int = 0) -> str:
    """The first item of Python's own containers that is no plain data, with its path; empty where there is none."""
    kind = type(value)
    if kind not in (list, tuple, dict) or depth > DEEPEST:
        return f"{path} is {codec.type_name(value)}" if path else ""
    items = value.items() if kind is dict else enumerate(value)
    odd = next(((at, item) for at, item in items if exact_text(item) is None), None)
    return "" if odd is None else _not_plain(odd[1], f"{path}[{odd[0]!r:.40}]", depth + 1)


def take_over(form: Mapping[str, Any], together: Together | None = None) -> Any:
    """The value that a form stands for; artifacts are named by `path`. Each call makes a new one.

    `together` has the values of one pickle that were read at once: what is among them is taken from there.

    Raises AGI-RUN-113 for what cannot be read here, by the name and the stage that it comes from, where the form has
    them.
    """
    if together and (place := pickle_of(form)) is not None and place in together:
        return together[place][form["together"]["of"]]
    if form.get("inside"):
        found = take_over({name: one for name, one in form.items() if name != "inside"})
        return lab_tables.come(found) if encoding.is_table(found) else lab_folder.come(found)
    kind = form["kind"]
    subject = f"{form['called']} of stage {form['stage']}" if "stage" in form else "the value"
    if kind == "tagged":
        return untag(form["value"])
    if kind == "refused":
        raise AgiError.from_plain(form["error"])
    if kind == "many":
        return {key: take_over(one, together) for key, one in form["items"]}
    if kind == "module":
        return importlib.import_module(form["name"])
    if kind == "json":
        return exact_value(form["text"] if "text" in form else Path(form["path"]).read_text("utf-8"))
    if kind == "npy":
        try:
            found = arrays.load(form["path"], form.get("layout", {}))
        except ImportError:
            missing = "an array, and no numpy in this environment"
            raise encoding.unreadable(subject, missing, "an environment with numpy", "uv add numpy") from None
        found.flags.writeable = not form.get("read_only")
        return found
    if kind == "pickle":
        return pickles.read(form, subject)
    table = encoding.decode(kind, Path(form["path"]), form.get("library"), subject)
    if "beside" in form:
        table = axes.give_back(table, form["beside"])
    if "head" in form and hasattr(table, "head"):
        return table.head(form["head"])
    return table.slice(0, form["head"]) if "head" in form else table


def pickle_of(form: Mapping[str, Any]) -> tuple[str, str] | None:
    """Which pickle of several values this one can be taken from; None where it has none, or only a part is wanted."""
    place = form.get("together", {})
    return (place["path"], place.get("unit", "")) if "path" in place and "head" not in form else None


def fingerprint(form: Mapping[str, Any], staging: Staging) -> dict[str, Any]:
    """What two values have in common exactly if they are equal, from the form under which one was handed over.

    Not for a pickle, whose bytes differ for equal objects: see `agi_node.likeness`.
    """
    if "artifact" in form:
        digest = next(entry["digest"] for entry in staging.entries if entry["name"] == form["artifact"])
        beside = {name: one for name, one in form.get("beside", {}).items() if name != "sorted"}
        axes_of = {
            name: form["layout"][name] for name in ("axes", "flipped") if name in form.get("layout", {})
        }
        return {"kind": form["kind"], "digest": digest, **({"beside": beside} if beside else {}), **axes_of}
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
    said: Form = {"library": encoded.library, **({"beside": encoded.beside} if encoded.beside else {})}
    return kept(name, encoded.kind, encoded.data, staging, preview=whole.preview(), meta=whole.size, **said)


def _array(value: Any) -> tuple[bytes, arrays.Layout] | None:
    """The file of an array, and how that lies in memory; None for what is none, or would come back as another."""
    if not arrays.is_array(value) or value.dtype.metadata:
        return None
    numpy = sys.modules["numpy"]
    file = io.BytesIO()
    whole, layout = arrays.straight(value)
    numpy.save(file, arrays.without_gaps(whole), allow_pickle=False)
    back = numpy.load(io.BytesIO(file.getbuffer()), allow_pickle=False)
    return (file.getvalue(), layout) if back.dtype == value.dtype else None


def kept(
    name: str,
    kind: str,
    data: bytes,
    staging: Staging,
    *,
    preview: Any = None,
    meta: Mapping[str, Any] | None = None,
    **said: Any,
) -> Form:
    """Write a value's bytes down as an artifact; its form."""
    media = _MEDIA.get(kind)
    shown = "table" if preview is not None else "json" if kind == "json" else "file"
    artifact = staging.data(name, shown, _SUFFIX[kind], data, dict(meta or {}), media=media, preview=preview)
    return {"kind": kind, "artifact": artifact, **said}
