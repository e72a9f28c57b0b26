"""Notebooks in a folder with other files, as an import of them would be; and what is said of their stages."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from agilab.workflow.notebooks.preview import Preview, preview_import
from tests.workflow.studies import book


def write_files(root: Path, files: Mapping[str, str]) -> None:
    """Files by their paths from a folder."""
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)


def previewed(root: Path, files: Mapping[str, str], text: str, name: str) -> Preview:
    """What an import of a notebook makes that lies in a folder beside these files; `name` is its path from there."""
    write_files(root, files)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(book(text))
    return preview_import([root / name])


def inputs(preview: Preview) -> set[str]:
    """The files that stages take."""
    return {path for stage in preview.lab.stages for path in stage.inputs}


def codes(preview: Preview) -> set[str]:
    """Those of what is said."""
    return {one.code for one in preview.report.findings}
