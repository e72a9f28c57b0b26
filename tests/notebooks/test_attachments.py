"""Pictures inside cells: files of the lab, shown again by its notebook, and whatever a person pastes comes back."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from pathlib import Path
from typing import Any

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agilab.contracts.base import parse_document, read_document
from agilab.contracts.lab_stages import LabStages
from agilab.notebooks.document.attachments import paths_of
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.reading import read
from agilab.notebooks.stages.together import stage_together
from agilab.notebooks.supervisor.export import notebook_of, text
from agilab.notebooks.supervisor.read_back import read_back
from agilab.workflow.notebooks.exporting import export_lab, round_trip
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import preview_import, toml_of
from tests.notebooks.building import code, markdown, notebook


def png(*colour: int) -> bytes:
    """A picture of one pixel, as the PNG specification has it."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)
    pixel = zlib.compress(bytes((0, *colour)))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", pixel) + chunk(b"IEND", b"")


RED, GREEN, BLUE = png(255, 0, 0), png(0, 255, 0), png(0, 0, 255)


def showing(source: str, **pictures: bytes) -> dict[str, Any]:
    """A cell of markdown with PNGs, each called by its name with .png."""
    attachments = {
        f"{name}.png": {"image/png": base64.b64encode(data).decode()} for name, data in pictures.items()
    }
    return {**markdown(source), "attachments": attachments}


CELLS = (
    showing("# The rig\n\n![the rig](attachment:rig.png)", rig=RED),
    showing("## Before\n\n![image.png](attachment:image.png)", image=GREEN),
    code("z = sorted(open('a.txt').read().split())\nprint(z)"),
    showing("Not this one: ![image.png](attachment:image.png)", image=BLUE),
    code("print(len(z))"),
    showing("## After\n\nSee ![again](attachment:rig.png).", rig=RED),
)


@pytest.fixture
def lab(tmp_path: Path) -> Path:
    """The folder of a lab that a notebook with pictures became."""
    path = tmp_path / "home" / "study.ipynb"
    path.parent.mkdir()
    path.write_bytes(notebook(*CELLS))
    (path.parent / "a.txt").write_text("a")
    write_import(preview_import([path]), path.parent, lock=False)
    return path.parent


def document_in(folder: Path) -> LabStages:
    return read_document(folder / "lab_stages.toml", LabStages)


def exported(folder: Path) -> Path:
    return export_lab(document_in(folder), folder / "lab_stages.toml", folder / "lab.ipynb").path


def shown(path: Path) -> dict[str, dict[str, bytes]]:
    """What each cell of text holds, by the words of its heading: the pictures by name, decoded by a plain script."""
    return {
        "".join(cell["source"]).partition("\n")[0].lstrip("# "): {
            name: base64.b64decode(bundle["image/png"]) for name, bundle in cell["attachments"].items()
        }
        for cell in json.loads(path.read_text("utf-8"))["cells"]
        if "attachments" in cell
    }


def test_pictures_are_files_of_the_lab_and_its_notebook_shows_them_again(lab: Path) -> None:
    document = document_in(lab)
    there = {file.read_bytes() for file in (lab / "attachments").iterdir()}
    assert there == {RED, GREEN, BLUE}
    assert len(paths_of(document)) == 3
    path = exported(lab)
    nbformat.validate(nbformat.read(path, as_version=4))  # type: ignore[no-untyped-call]
    assert shown(path) == {
        "The rig": {"rig.png": RED},
        "Before": {"image.png": GREEN, "image-2.png": BLUE},
        "After": {"rig.png": RED},
    }
    (before,) = [stage for stage in document.stages if stage.title == "Before"]
    assert "Not this one: ![image.png](attachment:image-2.png)" in before.description
    assert round_trip(document).identical
    assert round_trip(document, path).identical


def test_the_notebook_alone_brings_its_pictures_along(lab: Path, tmp_path: Path) -> None:
    path = exported(lab)
    alone = tmp_path / "colleague" / "lab.ipynb"
    alone.parent.mkdir()
    alone.write_bytes(path.read_bytes())
    preview = preview_import([alone])
    written = write_import(preview, tmp_path / "there", lock=False)
    assert preview.back == ()
    assert document_in(tmp_path / "there") == document_in(lab)
    assert set(paths_of(document_in(lab))) <= set(written.files)
    assert {file.read_bytes() for file in (tmp_path / "there" / "attachments").iterdir()} == {
        RED,
        GREEN,
        BLUE,
    }


def test_a_picture_that_is_pasted_into_the_labs_notebook_comes_back(lab: Path) -> None:
    path = exported(lab)
    book = json.loads(path.read_text("utf-8"))
    (cell,) = [cell for cell in book["cells"] if "".join(cell["source"]).startswith("## After")]
    cell["attachments"]["rig.png"] = {"image/png": base64.b64encode(BLUE).decode()}  # in place of the red one
    cell["source"] = "".join(cell["source"]) + "\n\n![image.png](attachment:image.png)"
    cell["attachments"]["image.png"] = {"image/png": base64.b64encode(RED).decode()}
    path.write_text(json.dumps(book), encoding="utf-8")
    preview = preview_import([path])
    assert {one["kind"] for one in preview.back} == {"text"}
    write_import(preview, lab, lock=False)
    assert shown(exported(lab)) == {
        "The rig": {"rig.png": RED},
        "Before": {"image.png": GREEN, "image-2.png": BLUE},
        "After": {"rig-2.png": BLUE, "image-3.png": RED},
    }
    assert round_trip(document_in(lab)).identical


def test_a_person_may_name_the_file_otherwise(lab: Path) -> None:
    document = document_in(lab)
    (said,) = document.lab.extra["attachments"]["rig.png"].values()
    (lab / "pictures").mkdir()
    (lab / said).rename(lab / "pictures" / "the rig.png")
    file = lab / "lab_stages.toml"
    file.write_text(file.read_text("utf-8").replace(said, "pictures/the rig.png"), encoding="utf-8")
    path = exported(lab)
    assert shown(path)["The rig"] == {"rig.png": RED}
    preview = preview_import([path])
    assert (preview.lab, preview.back) == (document_in(lab), ())


def test_what_lies_outside_the_lab_is_neither_shown_nor_written(lab: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(b"secret")
    document = document_in(lab)
    extra = {"attachments": {"rig.png": {"image/png": "../secret.png"}}}
    made = export_lab(
        document.with_changes(lab=document.lab.with_changes(extra=extra)),
        lab / "lab_stages.toml",
        lab / "x.ipynb",
    )
    assert base64.b64encode(b"secret").decode() not in made.path.read_text("utf-8")
    # a notebook that says of a picture that it belongs elsewhere
    pictures = {"../evil.png": RED, **dict.fromkeys(paths_of(document), RED)}
    extra = {"attachments": {"rig.png": {"image/png": "../evil.png"}}}
    told = document.with_changes(lab=document.lab.with_changes(extra=extra))
    path = tmp_path / "evil" / "lab.ipynb"
    path.parent.mkdir()
    path.write_text(text(notebook_of(told, pictures=pictures)), encoding="utf-8")
    written = write_import(preview_import([path]), tmp_path / "deep" / "there", lock=False)
    assert not list(tmp_path.rglob("evil.png"))
    assert "../evil.png" in written.missing


def test_a_picture_that_is_gone_is_missing_and_the_rest_is_exported(lab: Path) -> None:
    document = document_in(lab)
    (said,) = document.lab.extra["attachments"]["rig.png"].values()
    (lab / said).unlink()
    path = exported(lab)
    assert shown(path) == {"Before": {"image.png": GREEN, "image-2.png": BLUE}}
    assert preview_import([path]).lab == document


def test_a_lab_in_percent_cells_says_where_its_pictures_are(lab: Path) -> None:
    document = document_in(lab)
    script = export_lab(document, lab / "lab_stages.toml", lab / "lab.py").path
    assert preview_import([script]).lab == document


VALUES = st.recursive(
    st.text(max_size=8)
    | st.binary(max_size=12).map(lambda data: base64.b64encode(data).decode())
    | st.integers(-(2**40), 2**40)
    | st.none(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=5,
)
ATTACHED = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.dictionaries(
        st.sampled_from(["image/png", "image/svg+xml", "text/plain"]), VALUES, min_size=1, max_size=2
    ),
    max_size=3,
)


def same(value: Any) -> Any:
    """A value as nbformat takes it: a list of lines is their text."""
    is_lines = isinstance(value, list) and value and all(isinstance(one, str) for one in value)
    return "".join(value) if is_lines else value


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(ATTACHED)
def test_whatever_is_attached_comes_back(attachments: dict[str, dict[str, Any]]) -> None:
    cell = {**markdown("# A\n\nwords"), "attachments": attachments}
    staged = stage_together([inspect(notebook(cell, "x = 1"), name="n.ipynb")])
    lab = parse_document(toml_of(staged.lab), LabStages, "the import")
    book = notebook_of(lab, pictures=staged.files)
    came = {
        name: bundle for one in book["cells"] for name, bundle in one.get("attachments", {}).items()
    }  # all are with the lab: no text shows any
    assert {name: {mime: same(one) for mime, one in bundle.items()} for name, bundle in came.items()} == {
        name: {mime: same(one) for mime, one in bundle.items()} for name, bundle in attachments.items()
    }
    found = read_back(read(text(book).encode(), name="lab.ipynb"))
    assert (found.document, found.changes) == (lab, ())
