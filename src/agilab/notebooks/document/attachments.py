"""Pictures inside cells of markdown: files of a lab, named by what is in them, and back into the cells of its notebook.

`extra.attachments` of a stage, or of the lab, says where they are:
`"rig.png" = { "image/png" = "attachments/rig-2f4a01bc.png" }`. The markdown that shows one stays as it is,
`![](attachment:rig.png)`.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, TypeVar
from urllib.parse import quote

from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.notebooks.document.cells import Cell, Notebook
from agilab.notebooks.document.metadata import for_toml, from_toml

KEY = "attachments"
"""The key of `extra`; also what the folder is called."""
Told = TypeVar("Told", Lab, Stage)
Bundle = Mapping[str, Any]
"""One attachment as a notebook has it: base64 text by MIME type."""
Said = dict[str, dict[str, Any]]
"""By name and MIME type: the file's path, or (what is no base64) the value itself as `metadata.for_toml` spells it."""


@dataclass(frozen=True)
class Attached:
    """A lab that says where its pictures are, and the bytes of each, by path."""

    document: LabStages
    files: Mapping[str, bytes]


def names_apart(notebooks: Sequence[Notebook]) -> list[Notebook]:
    """The same notebooks, in which attachments of one name are one picture: Jupyter calls all of them `image.png`."""
    seen: dict[str, Bundle] = {}
    found = []
    for notebook in notebooks:
        cells = list(notebook.cells)
        for at, cell in enumerate(cells):
            source, attachments = cell.source, dict[str, Any]()
            for name, bundle in cell.attachments.items():
                other = _free(name, bundle, seen)
                seen[other] = attachments[other] = bundle
                if other != name:
                    source = _renamed(source, name, other)
            if attachments != cell.attachments:
                cells[at] = replace(cell, source=source, attachments=attachments)
        found.append(replace(notebook, cells=tuple(cells)))
    return found


def _renamed(source: str, name: str, other: str) -> str:
    """A text that shows an attachment under another name, spelled as it was: with or without %20."""

    def spelled(found: re.Match[str]) -> str:
        return f"attachment:{other if found.group() == f'attachment:{name}' else quote(other)}"

    return _mention(name).sub(spelled, source)


def _free(name: str, bundle: Bundle, seen: Mapping[str, Bundle]) -> str:
    taken = [one for one, other in seen.items() if other != bundle]
    stem, dot, suffix = name.rpartition(".")
    number, found = 2, name
    while found in taken:
        found, number = f"{stem}-{number}.{suffix}" if dot else f"{name}-{number}", number + 1
    return found


def attached(document: LabStages, notebooks: Sequence[Notebook]) -> Attached:
    """The lab with the pictures of its notebooks, whose names are apart, each where the text shows it."""
    lab, stages = document.lab, list(document.stages)
    files: dict[str, bytes] = {}
    for name, bundle in _all(notebooks).items():
        said, data = _kept(name, bundle)
        files |= data
        mention = _mention(name)
        places = [
            at for at, stage in enumerate(stages) if name in said_of(stage) or mention.search(_words(stage))
        ]
        for at in places:
            stages[at] = _with(stages[at], name, said)
        if not places or name in said_of(lab) or mention.search(lab.description):
            lab = _with(lab, name, said)
    return Attached(document.with_changes(lab=lab, stages=tuple(stages)), files)


def attached_again(document: LabStages, notebook: Notebook) -> Attached:
    """The lab that a notebook of it gave back, with the pictures that its cells have now.

    A picture that is as it was exported stays in the file that it is in.
    """
    exported = {name: one for cell in notebook.cells for name, one in _exported(cell.metadata).items()}
    known = {name for record in _records(document) for name in said_of(record)}
    same = {
        name: bundle
        for name, bundle in _all([notebook]).items()
        if name in known and exported.get(name) == digests(bundle)
    }
    files: dict[str, bytes] = {}
    for name, said in (pair for record in _records(document) for pair in said_of(record).items()):
        for mime, path in said.items():
            data = _decoded(same.get(name, {}).get(mime))
            files |= {path: data} if isinstance(path, str) and data is not None else {}
    cells = tuple(
        replace(cell, attachments={name: one for name, one in cell.attachments.items() if name not in same})
        for cell in notebook.cells
    )
    found = attached(_without_gone(document, notebook), [replace(notebook, cells=cells)])
    return Attached(found.document, {**found.files, **files})


def _without_gone(document: LabStages, notebook: Notebook) -> LabStages:
    """The lab without pictures that were taken out of the cell of their record, and that its text does not show."""
    lab, stages = document.lab, {stage.id: stage for stage in document.stages}
    for cell in notebook.cells:
        gone = _exported(cell.metadata).keys() - cell.attachments.keys()
        name = shown_for(cell)
        for one in sorted(gone):
            if name == "" and not _mention(one).search(lab.description):
                lab = _leaving(lab, one)
            elif name in stages and not _mention(one).search(_words(stages[name])):
                stages[name] = _leaving(stages[name], one)
    return document.with_changes(lab=lab, stages=tuple(stages.values()))


def shown_for(cell: Cell) -> str | None:
    """The stage whose text a cell of a lab's notebook is; "" for the lab's own, None for any other cell."""
    said = cell.metadata.get("agilab")
    about: Mapping[str, Any] = said if isinstance(said, Mapping) else {}
    role = about.get("role")
    return "" if role == "head" else str(about.get("stage")) if role == "text" else None


def said_of(record: Lab | Stage) -> Said:
    """What a stage, or a lab, says of its pictures; what a person has made unreadable says nothing."""
    said = record.extra.get(KEY)
    if not isinstance(said, Mapping):
        return {}
    return {str(name): dict(one) for name, one in said.items() if isinstance(one, Mapping)}


def paths_of(document: LabStages) -> tuple[str, ...]:
    """The files of all pictures, sorted."""
    said = [one for record in _records(document) for one in said_of(record).values()]
    return tuple(sorted({path for one in said for path in one.values() if isinstance(path, str)}))


def cell_of(record: Lab | Stage, files: Mapping[str, bytes]) -> dict[str, Any]:
    """The attachments of the cell that shows a record's text, as far as the files are there."""
    found: dict[str, Any] = {}
    for name, said in said_of(record).items():
        bundle = {
            mime: base64.b64encode(files[one]).decode()
            if isinstance(one, str)
            else from_toml({mime: one})[mime]
            for mime, one in said.items()
            if not isinstance(one, str) or one in files
        }
        if bundle:
            found[name] = bundle
    return found


def digests(bundle: Bundle) -> dict[str, str]:
    """SHA-256 of each representation of an attachment, by MIME type."""
    return {
        mime: hashlib.sha256(json.dumps(value, sort_keys=True).encode("utf-8", "surrogatepass")).hexdigest()
        for mime, value in bundle.items()
    }


def _records(document: LabStages) -> list[Lab | Stage]:
    return [document.lab, *document.stages]


def _exported(metadata: Mapping[str, Any]) -> dict[str, Any]:
    about = metadata.get("agilab")
    said = about.get(KEY) if isinstance(about, Mapping) else None
    return dict(said) if isinstance(said, Mapping) else {}


def _all(notebooks: Sequence[Notebook]) -> dict[str, Bundle]:
    return {
        name.encode("utf-8", "backslashreplace").decode("utf-8"): bundle
        for notebook in notebooks
        for cell in notebook.cells
        for name, bundle in cell.attachments.items()
        if isinstance(bundle, Mapping) and bundle
    }


def _kept(name: str, bundle: Bundle) -> tuple[dict[str, Any], dict[str, bytes]]:
    """What is said of an attachment, and its files."""
    said: dict[str, Any] = {}
    files: dict[str, bytes] = {}
    for mime, value in bundle.items():
        data = _decoded(value)
        if isinstance(value, str) and data is None:
            said[mime] = {"json": json.dumps(value)}  # a text would be taken for a path
        elif data is None:
            said[mime] = for_toml({mime: value})[mime]
        else:
            said[mime] = _path(name, data)
            files[said[mime]] = data
    return said, files


def _decoded(value: Any) -> bytes | None:
    """The bytes of base64 text, in one line or several; None for anything else."""
    lines = value if isinstance(value, list) else [value]
    if not lines or not all(isinstance(line, str) for line in lines):
        return None
    text = "".join("".join(lines).split())
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if text and base64.b64encode(data).decode() == text else None


def _path(name: str, data: bytes) -> str:
    """Where a picture lies: one path for one content, so that no file is ever replaced by another."""
    path = PurePosixPath(name)
    stem = re.sub(r"[^A-Za-z0-9_-]+", "-", path.stem).strip("-")[:40] or "picture"
    suffix = re.sub(r"[^A-Za-z0-9.]+", "", path.suffix)[:8]
    return f"{KEY}/{stem}-{hashlib.sha256(data).hexdigest()[:8]}{suffix}"


def _mention(name: str) -> re.Pattern[str]:
    spelled = "|".join(re.escape(one) for one in dict.fromkeys((name, quote(name), name.replace(" ", "%20"))))
    return re.compile(rf"attachment:(?:{spelled})(?![\w.-])")


def _words(stage: Stage) -> str:
    raw = stage.extra.get("raw")
    texts = [
        stage.description,
        stage.code or "",
        *(map(str, raw.values()) if isinstance(raw, Mapping) else ()),
    ]
    return "\n".join(texts)


def _leaving(record: Told, name: str) -> Told:
    said = {one: bundle for one, bundle in said_of(record).items() if one != name}
    rest = {key: value for key, value in record.extra.items() if key != KEY}
    return record.with_changes(extra={**rest, KEY: said} if said else rest)


def _with(record: Told, name: str, said: Mapping[str, Any]) -> Told:
    return record.with_changes(
        extra={**record.extra, KEY: dict(sorted({**said_of(record), name: dict(said)}.items()))}
    )
