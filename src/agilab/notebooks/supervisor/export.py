"""From a lab to its notebook."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.contracts.moments import dated, kinds_of
from agilab.notebooks.document import attachments
from agilab.notebooks.document.metadata import from_toml
from agilab.notebooks.supervisor.assignments import written
from agilab.notebooks.supervisor.base import KINDS, remembered, words_id
from agilab.notebooks.supervisor.cell_text import Ends
from agilab.notebooks.supervisor.header import Header
from agilab.notebooks.supervisor.headings import heading, stage_text
from agilab.notebooks.supervisor.kernel import KEY, PLAIN_METADATA
from agilab.notebooks.supervisor.prints import digest_of

SCHEMA = "agilab.lab_notebook.v1"
TAG = "agilab"
ELSEWHERE = "# the code is in "


def notebook_of(
    document: LabStages,
    *,
    file: str = "lab_stages.toml",
    pictures: Mapping[str, bytes] | None = None,
    kinds: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The lab as a notebook (nbformat 4.5); `file` is the document, relative to where the notebook will lie.

    `kinds` says which texts of the document, besides params and lists to walk, are dates and times in its TOML, for the
    way back. Of `pictures`, which are files of the lab by path, its cells hold those that the document names as
    attachments.
    Running it from top to bottom hands each cell's code to the lab and runs the lab, each stage in its environment.
    """
    lab = document.lab
    theirs = from_toml(lab.notebook)
    about: dict[str, Any] = {"schema": SCHEMA, "lab": lab_fields(lab)}
    # Jupyter writes these two anew whenever it runs a notebook, so what the lab has of them is kept aside.
    if kernel := {name: theirs.pop(name) for name in PLAIN_METADATA if name in theirs}:
        about["kernel"] = kernel
    about["kept"] = sorted(theirs)
    if known := kinds_of(dated(document.in_toml(), kinds or {})):
        about[KINDS] = known
    about |= remembered(document)
    metadata = {**deepcopy(PLAIN_METADATA), **theirs, KEY: about}
    return {
        "cells": list(_cells(document, file, pictures or {})),
        "metadata": metadata,
        "nbformat": 4,
        "nbformat_minor": 5,
    }


def text(notebook: Mapping[str, Any]) -> str:
    """A notebook as the text of its file, as Jupyter writes it."""
    return json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def _cells(document: LabStages, file: str, pictures: Mapping[str, bytes]) -> Iterator[dict[str, Any]]:
    lab = document.lab
    head = heading(lab.title or "A lab", lab.description, level=1)
    yield showing(_cell("markdown", "lab-text", head, {"role": "head"}), lab, pictures)
    yield _cell("code", "lab-open", opening(file), {"role": "open"})
    if lab.params:
        yield _cell("code", "lab-params", written(lab.params), {"role": "params"}, tags=["parameters"])
    for stage in document.stages:
        fields = stage_fields(stage)
        if stage.kind == "none" and stage.code is None:
            # Nothing is run, so no cell has a first line; it keeps the order that sorted metadata would lose.
            told = {"role": "text", "stage": stage.id, "fields": fields, "header": Header.of(stage).line()}
            words = _cell("markdown", words_id(stage.id), stage_text(stage), told)
            yield showing(words, stage, pictures)
            continue
        about = {"role": "text", "stage": stage.id}
        words = _cell("markdown", words_id(stage.id), stage_text(stage), about)
        yield showing(words, stage, pictures)
        code = stage_code(stage)
        own = {
            "role": "stage",
            "fields": fields,
            "code_digest": None if stage.code is None else digest_of(stage.code),
            **Ends.of(stage.code or "").metadata(),
        }
        yield _cell(
            "code", stage.id, f"{Header.of(stage).line()}\n{code}" if code else Header.of(stage).line(), own
        )
    yield _cell("code", "lab-run", running(lab.params), {"role": "run"})


def opening(file: str) -> str:
    """The cell that opens the lab."""
    return f"from agilab import Lab\n\nlab = Lab({file!r})"


def running(params: Iterable[str]) -> str:
    """The cell that runs it."""
    return f"lab.run({', '.join(f'{name}={name}' for name in params)})"


def stage_code(stage: Stage) -> str:
    """What stands below the header: the code as a cell shows it, the arguments of an app, or where the code lies."""
    if stage.app is not None:
        return written(stage.args)
    if stage.file is not None:
        return f"{ELSEWHERE}{stage.file}"
    return Ends.of(stage.code or "").cell(stage.code or "")


def stage_fields(stage: Stage) -> dict[str, Any]:
    """Everything of a stage but its code, as plain data: what metadata keeps."""
    return stage.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude_none=True, exclude={"code"}
    )


def lab_fields(lab: Lab) -> dict[str, Any]:
    """What is said of all stages together, without what stands in the notebook's own metadata."""
    return lab.model_dump(
        mode="json", by_alias=True, exclude_defaults=True, exclude_none=True, exclude={"notebook"}
    )


def plain_cell(kind: str, name: str, source: str, *, tags: list[str] | None = None) -> dict[str, Any]:
    """A cell without metadata of ours."""
    cell = _cell(kind, name, source, {}, tags=tags)
    del cell["metadata"][KEY]
    return cell


def showing(cell: dict[str, Any], record: Lab | Stage, pictures: Mapping[str, bytes]) -> dict[str, Any]:
    """A cell of text with the pictures of its stage, or of the lab, and (in metadata of ours) what they were."""
    found = attachments.cell_of(record, pictures)
    if not found:
        return cell
    metadata = dict(cell["metadata"])
    if KEY in metadata:
        said = {name: attachments.digests(bundle) for name, bundle in found.items()}
        metadata[KEY] = {**metadata[KEY], attachments.KEY: said}
    return {**cell, "metadata": metadata, "attachments": found}


def _cell(
    kind: str, name: str, source: str, about: dict[str, Any], *, tags: list[str] | None = None
) -> dict[str, Any]:
    metadata: dict[str, Any] = {KEY: about}
    if tags:
        metadata["tags"] = tags
    cell: dict[str, Any] = {"cell_type": kind, "id": name, "metadata": metadata, "source": _lines(source)}
    if kind == "code":
        cell |= {"execution_count": None, "outputs": []}
    return cell


def _lines(source: str) -> list[str]:
    return source.splitlines(keepends=True) if "\n" in source else [source] if source else []
