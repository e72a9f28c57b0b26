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

Small `json` stands in the value of the stage; everything else is an artifact of it, known by digest.
"""

from __future__ import annotations

import importlib
import io
import re
import sys
import types
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node import arrays, axes, codec, encoding, lab_folder, lab_tables
from agi_node.canonical import untag
from agi_node.errors import FAILED, AgiError
from agi_node.exact_json import DEEPEST, exact_text, exact_value

if TYPE_CHECKING:
    from agi_node.artifacts import Staging

INLINE = 16 * 1024
"""The longest JSON, in bytes, that stands in the value itself."""
_LOST = re.compile(r"Can't get attribute '([^']+)' on <module '__main__'")
"""What pickle says of a class or a function that it knows by name only."""
Form = dict[str, Any]
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


def hand_over(name: str, value: Any, staging: Staging, subject: str) -> Form:
    """Write a value down as an artifact (or, where it is small and plain, not) and say how it is read.

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
        return _kept(name, "json", text.encode(), staging, **inside)
    if type(value) is bytes:
        return _kept(name, "bytes", value, staging)
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
        return _kept(name, "npy", data, staging, meta=meta, **said, **({"layout": layout} if layout else {}))
    data = _pickled(value, subject)
    holds: dict[str, Any] = {"holds": held} if (held := _not_plain(value)) else {}
    # Code that adds a folder for its modules runs after its values are read.
    found: dict[str, Any] = {"modules": places} if (places := lab_folder.module_folders()) else {}
    return _kept(name, "pickle", data, staging, type=codec.type_name(value), **holds, **found, **why)


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
        return {key: take_over(one) for key, one in form["items"]}
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
        return _unpickled(form, subject)
    table = encoding.decode(kind, Path(form["path"]), form.get("library"), subject)
    if "beside" in form:
        table = axes.give_back(table, form["beside"])
    if "head" in form and hasattr(table, "head"):
        return table.head(form["head"])
    return table.slice(0, form["head"]) if "head" in form else table


def _unpickled(form: Mapping[str, Any], subject: str) -> Any:
    """The object of a pickle. Raises AGI-STAGE-117 where its class or function is written in a stage, and not here."""
    try:
        with lab_folder.looking_in(form.get("modules", ())):
            return codec.load(form["path"], subject, lab_folder.joined)
    except AgiError as problem:
        lost = _LOST.match(str(problem.__cause__)) if isinstance(problem.__cause__, AttributeError) else None
        if lost is None:
            cause = problem.__cause__
            mend = (
                f"hand on what is needed of it, or use it up in {form['stage']}" if "stage" in form else None
            )
            if mend and isinstance(cause, ModuleNotFoundError) and cause.name:
                top = cause.name.partition(".")[0]
                mend += f"; if {top} lies in the lab's folder, add its files to the inputs of this stage"
            found, allowed = f"{type(cause).__name__}: {cause}", "a value whose pickle can be read again"
            raise encoding.unreadable(subject, found, allowed, mend) from cause
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
    return _kept(name, encoded.kind, encoded.data, staging, preview=whole.preview(), meta=whole.size, **said)


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


def _pickled(value: Any, subject: str) -> bytes:
    try:
        if isinstance(value, io.IOBase):
            # cloudpickle would write down what is in the file, which is something else.
            raise AgiError(
                "AGI-RUN-112", subject, found=f"an open file, {getattr(value, 'name', '')}".rstrip(", ")
            )
        data = codec.dumps(value, subject)
        return codec.dumps(value, subject, lab_folder.parted) if lab_folder.is_named_in(data) else data
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
