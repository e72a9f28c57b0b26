"""Whatever people call a notebook is read: as one, or with a finding that says what it is instead."""

from __future__ import annotations

import gzip
import hashlib
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.document.joining import joined
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.reading import read
from tests.notebooks.building import code, display, markdown, notebook, stream

SMALL = notebook(code("x = 1", 1), markdown("words"))


def codes(found: Notebook) -> list[str]:
    return [finding.code for finding in found.findings]


NO_NOTEBOOKS: dict[str, tuple[bytes, str, int | None]] = {
    "empty": (b"", "NB-005", None),
    "only white space": (b" \n\t\n", "NB-005", None),
    "only a byte order mark": (b"\xef\xbb\xbf", "NB-005", None),
    "zeros after a power cut": (b"\0" * 512, "NB-005", None),
    "a saved web page": (b"<!DOCTYPE html>\n<html><body>study.ipynb</body></html>", "NB-006", 1),
    "an answer of a bucket": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "NB-006", 1),
    "a merge at the top": (b'<<<<<<< HEAD\n{"a": 1}\n=======\n{"a": 2}\n>>>>>>> theirs\n', "NB-007", 1),
    "a merge in the middle": (
        b'{"cells": [\n<<<<<<< HEAD\n "a"\n=======\n "b"\n>>>>>>> branch\n]}',
        "NB-007",
        2,
    ),
    "a pointer of Git LFS": (
        b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 12345\n",
        "NB-008",
        1,
    ),
    "gzip": (gzip.compress(SMALL), "NB-009", None),
    "a zip archive": (b"PK\x03\x04\x14\0\0\0", "NB-009", None),
    "a pickle": (b"\x80\x04\x95\x10\0\0\0", "NB-009", None),
    "a PDF": (b"%PDF-1.7\n%\xe2\xe3", "NB-009", None),
    "a comma too many": (b'{\n "cells": [],\n}', "NB-010", 3 if sys.version_info < (3, 13) else 2),
    "single quotes": (b"{'cells': []}", "NB-010", 1),
    "a quote not escaped": (b'{"cells": [{"source": "print("x")"}]}', "NB-010", 1),
    "cut before any cell": (b'{"cells": [{"cell_type": "co', "NB-011", 1),
    "cut inside a number": (b'{"nbformat": 4, "nbformat_minor": -', "NB-011", 1),
    "nested for ever": (b"[" * 200_000, "NB-012", None),
    "nested objects": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "NB-012", None),
    "a list": (b"[1, 2]", "NB-013", None),
    "a text": (b'"cells"', "NB-013", None),
    "a number": (b"5", "NB-013", None),
    "null": (b"null", "NB-013", None),
    "other JSON": (b'{"name": "package", "version": 1}', "NB-013", None),
    "cells that are a text": (b'{"cells": "x", "nbformat": 4}', "NB-013", None),
    "cells that are null": (b'{"cells": null}', "NB-013", None),
    "worksheets that are none": (b'{"worksheets": {}, "nbformat": 3}', "NB-013", None),
    "a Zeppelin note": (b'{"paragraphs": [], "name": "n"}', "NB-013", None),
    "a Python script": (b"import os\nprint(os.sep)\n", "NB-014", 1),
    "an error of a server": (b"404: Not Found", "NB-014", 1),
}


@pytest.mark.parametrize("name", NO_NOTEBOOKS)
def test_what_is_no_notebook_is_called_by_its_name(name: str) -> None:
    data, expected, line = NO_NOTEBOOKS[name]
    found = read(data, name="study.ipynb")
    assert (codes(found)[-1], found.findings[-1].line, found.cells, found.whole) == (
        expected,
        line,
        (),
        False,
    )
    assert found.findings[-1].severity == "error"
    assert found.findings[-1].mend
    document = inspect(data, name="study.ipynb").as_document()
    assert document["mode"] == "not_executed_import"
    assert json.loads(json.dumps(document, allow_nan=False)) == document


def test_what_is_no_file_is_called_by_its_name_and_never_waited_for(tmp_path: Path) -> None:
    pipe, door = tmp_path / "pipe.ipynb", tmp_path / "socket.ipynb"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(door))
        assert [codes(read(path)) for path in (tmp_path, pipe, Path("/dev/zero"))] == [["NB-002"]] * 3
        assert codes(read(door)) == ["NB-003"]
    assert codes(read(tmp_path / "missing.ipynb")) == ["NB-001"]
    assert codes(read(pipe / "below.ipynb")) == ["NB-001"]
    assert codes(read("nul\0byte.ipynb")) == ["NB-003"]
    loop = tmp_path / "loop.ipynb"
    loop.symlink_to(loop)
    assert codes(read(loop)) == ["NB-003"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_permission(tmp_path: Path) -> None:
    path = tmp_path / "locked.ipynb"
    path.write_bytes(SMALL)
    path.chmod(0)
    assert codes(read(path)) == ["NB-003"]


def test_a_file_beyond_the_limit_is_not_even_opened_for_reading(tmp_path: Path) -> None:
    path = tmp_path / "huge.ipynb"
    with path.open("wb") as file:
        file.truncate(2**30 + 1)  # sparse: takes no room on the disk
    found = read(path)
    assert codes(found) == ["NB-004"]
    assert "1,024 MiB" in found.findings[0].what
    assert codes(read(SMALL, limit=10)) == ["NB-004"]


ODD: dict[str, tuple[bytes, list[str]]] = {
    "a byte order mark": (b"\xef\xbb\xbf" + SMALL, []),
    "white space around": (b"\n\n  " + SMALL + b"\n \n", []),
    "UTF-16 with a mark": (SMALL.decode().encode("utf-16"), ["NB-020"]),
    "UTF-16 without": (SMALL.decode().encode("utf-16-le"), ["NB-020"]),
    "UTF-32": (SMALL.decode().encode("utf-32"), ["NB-020"]),
    "zeros at the end": (SMALL + b"\0" * 100, ["NB-021"]),
    "something after the end": (SMALL + b"\n}", ["NB-025"]),
    "twice in one file": (SMALL + SMALL, ["NB-025"]),
    "numbers JSON has not": (notebook("x = 1", "words", odd=float("nan"), far=-float("inf")), ["NB-023"]),
    "a raw tab in a text": (notebook("x = 1", "y").replace(b'"y"', b'"\ty"'), ["NB-024"]),
    "an integer of thousands of digits": (
        notebook("x = 1", "y", long=0).replace(b'"long": 0', b'"long": ' + b"9" * 9000),
        [],
    ),
    "a newer minor version": (notebook("x = 1", "y", minor=7), ["NB-026"]),
    "a newer major version": (notebook("x = 1", "y").replace(b'"nbformat": 4', b'"nbformat": 9'), ["NB-026"]),
    "a version in words": (notebook("x = 1", "y").replace(b'"nbformat": 4', b'"nbformat": "4"'), []),
    "no version": (notebook("x = 1", "y").replace(b'"nbformat": 4, ', b""), ["NB-027"]),
    "a key twice": (b'{"metadata": {}, ' + notebook("x = 1", "y")[1:], ["NB-022"]),
    "CRLF between the lines of JSON": (json.dumps(json.loads(SMALL), indent=1).replace("\n", "\r\n").encode(), []),
}  # fmt: skip


@pytest.mark.parametrize("name", ODD)
def test_odd_files_are_read_and_what_is_odd_is_said(name: str) -> None:
    data, expected = ODD[name]
    found = read(data)
    assert codes(found) == expected
    assert (found.cells[0].source, len(found.cells), found.whole) == ("x = 1", 2, True)


def test_the_letters_of_other_encodings() -> None:
    text = json.dumps(json.loads(notebook("name = 'Müller; Çağ'")), ensure_ascii=False)
    western = read(text.replace("ğ", "a").encode("cp1252"))
    assert western.cells[0].source == "name = 'Müller; Çaa'"
    assert "Windows-1252" in western.findings[0].what
    wounded = read(text.encode().replace(b"M\xc3\xbcller", b"M\xc3ller"))
    assert wounded.cells[0].source == "name = 'M\ufffdller; Çağ'"
    assert codes(wounded) == ["NB-020"]


def test_a_repeated_key_is_located(tmp_path: Path) -> None:
    cell = '{"cell_type": "code", "metadata": {}, "source": "first", "source": "second", "outputs": []}'
    found = read(f'{{"nbformat": 4, "metadata": {{}}, "cells": [{cell}]}}'.encode())
    assert found.cells[0].source == "second"
    assert [(finding.code, finding.cell) for finding in found.findings] == [("NB-022", 0)]


@pytest.mark.parametrize("cut", [0.35, 0.6, 0.8, 0.97])
def test_the_cells_before_a_cut_are_read(cut: float) -> None:
    sources = [f"value_{number} = {number}" for number in range(50)]
    data = json.dumps(json.loads(notebook(*sources)), indent=1).encode()
    part = data[: int(len(data) * cut)]
    found = read(part)
    whole = part.count(
        b'"outputs": []'
    )  # an oracle in the bytes: the key after which little of a cell is missing
    assert codes(found)[0] == "NB-011"
    assert not found.whole
    assert whole - 1 <= len(found.cells) <= whole
    assert [cell.source for cell in found.cells] == sources[: len(found.cells)]


def test_sources_are_kept_to_the_letter() -> None:
    sources = ["a\r\nb\r\n", "tab\there\n\n\n", " x", "é😀\u2028end", "", "\n", "last\\"]
    lines = [code(source.splitlines(keepends=True)) for source in sources]  # type: ignore[arg-type]
    assert [cell.source for cell in read(notebook(*lines)).cells] == sources
    assert [cell.source for cell in read(notebook(*sources)).cells] == sources


def test_lines_without_ends_are_joined_as_jupyter_does_and_said() -> None:
    found = read(notebook(code(["a = 1", "b = 2"])))  # type: ignore[arg-type]
    assert found.cells[0].source == "a = 1b = 2"
    assert codes(found) == ["NB-036"]


def test_metadata_of_other_tools_is_kept_verbatim() -> None:
    metadata = {
        "tags": ["parameters", 5],
        "papermill": {"duration": 0.5},
        "slideshow": {"slide_type": "skip"},
    }
    whole = {"kernelspec": {"name": "python3"}, "toc": [1, {"deep": None}], "widgets": {"state": {}}}
    found = read(notebook(code("x", metadata=metadata), metadata=whole))
    assert (found.cells[0].metadata, found.metadata) == (metadata, whole)
    assert found.cells[0].tags == ("parameters",)


def test_attachments_stay() -> None:
    attachments = {"plot.png": {"image/png": "iVBORw0KGgo="}}
    assert (
        read(notebook({**markdown("![](attachment:plot.png)"), "attachments": attachments}))
        .cells[0]
        .attachments
        == attachments
    )


# ---- ids


def test_ids_are_the_files_own_or_stay_when_cells_move() -> None:
    own = read(notebook(code("a", id="first"), code("b", id="second"), minor=5))
    assert [(cell.id, cell.id_derived) for cell in own.cells] == [("first", False), ("second", False)]
    before = read(notebook("a", "b", "same", "same"))
    after = read(notebook(markdown("new"), "b", "same", "a", "same"))
    ids = {cell.source: cell.id for cell in before.cells if cell.source in "ab"}
    assert ids == {cell.source: cell.id for cell in after.cells if cell.source in "ab"}
    assert [cell.id for cell in before.cells[2:]] == [after.cells[2].id, after.cells[4].id]
    assert len({cell.id for cell in before.cells}) == 4


def test_an_id_twice_or_malformed_is_replaced_and_said() -> None:
    found = read(
        notebook(code("a", id="x"), code("b", id="x"), code("c", id="no good"), code("d", id=7), minor=5)
    )
    assert [finding.code for finding in found.findings] == ["NB-031", "NB-030", "NB-030"]
    assert [cell.id_derived for cell in found.cells] == [False, True, True, True]
    assert len({cell.id for cell in found.cells}) == 4


# ---- outputs


def test_outputs_become_expectations_with_the_digest_of_the_whole() -> None:
    text = "line\n" * 5000
    outputs = [
        stream(text),
        display(text_plain=["<Figure", " 1>"], image_png="iVBOR"),
        {**display(application_json={"b": 1, "a": [2]}), "output_type": "execute_result", "execution_count": 3},
        {"output_type": "error", "ename": "KeyError", "evalue": "'x'", "traceback": ["\x1b[31m…"]},
    ]  # fmt: skip
    found = read(notebook(code("x", 3, outputs))).cells[0].outputs
    assert [(output.kind, output.name, output.execution_count) for output in found] == [
        ("stream", "stdout", None),
        ("display_data", "", None),
        ("execute_result", "", 3),
        ("error", "KeyError", None),
    ]
    assert [part.mime for output in found for part in output.parts] == [
        "text/plain", "image/png", "text/plain", "application/json", "text/plain",
    ]  # fmt: skip
    written = [text, "iVBOR", "<Figure 1>", '{"a":[2],"b":1}', "KeyError: 'x'"]
    parts = [part for output in found for part in output.parts]
    assert [part.digest for part in parts] == [hashlib.sha256(each.encode()).hexdigest() for each in written]
    assert [part.size for part in parts] == [len(each) for each in written]
    assert [part.text for part in parts] == [
        text[:2000],
        "",
        "<Figure 1>",
        '{"a":[2],"b":1}',
        "KeyError: 'x'",
    ]


def test_a_large_output_is_the_same_expectation_as_a_small_one() -> None:
    for size in (10, 200_000):  # below and above what is condensed while reading
        text = "é" * size
        part = read(notebook(code("x", 1, [display(text_plain=text)]))).cells[0].outputs[0].parts[0]
        assert part.digest == hashlib.sha256(text.encode()).hexdigest()
        assert (part.size, part.text) == (2 * size, text[:2000])


FILLINGS: dict[str, tuple[object, float]] = {
    "one text": ("A" * 25_000_000, 2.6),
    "letters of two bytes": ("ü" * 12_500_000, 2.6),
    "lines, as Jupyter writes them": (["a line of output\n"] * 1_500_000, 2.6),
    "one letter of four bytes": (
        "A" * 25_000_000 + "😀",
        4.2,
    ),  # Python takes four for each letter of such a text
}
"""What an output holds, and how many times the file's size reading it may take at most, one output at a time."""


@pytest.mark.slow
@pytest.mark.parametrize("name", FILLINGS)
def test_fifty_megabytes_of_output_are_held_about_once(name: str, tmp_path: Path) -> None:
    filling, times = FILLINGS[name]
    path = tmp_path / "big.ipynb"
    cells = [code("x", 1, [display(text_plain=filling)]), code("y", 2, [{**stream(""), "text": filling}])]
    path.write_text(
        json.dumps({"nbformat": 4, "metadata": {}, "cells": cells}, ensure_ascii=False, indent=1), "utf-8"
    )
    script = (
        "import resource, sys\n"
        "from agilab.notebooks.inspecting import inspect\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "found = inspect(sys.argv[1])\n"
        "after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "print((after - before) * 1024, *(output.size for cell in found.notebook.cells for output in cell.outputs))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(path)], check=True, capture_output=True, text=True
    )
    grown, first, second = map(int, done.stdout.split())
    text = filling if isinstance(filling, str) else "".join(filling)  # type: ignore[arg-type]
    assert first == second == len(text.encode())
    assert grown < times * path.stat().st_size


TEXTS = st.text(alphabet=st.sampled_from('a",\\\n\t []é😀:'), max_size=6)


@given(st.lists(TEXTS, min_size=1, max_size=9), st.sampled_from([None, 1, 3]), st.booleans())
def test_lines_joined_in_the_file_are_the_lines_joined_after_it(
    lines: list[str], indent: int | None, escaped: bool
) -> None:
    value = [
        {"output_type": "x", "text": lines, "data": {"text/html": lines, "other": ["k\n", "l"]}},
        lines,
        "end\n",
    ]
    text = json.dumps(value, indent=indent, ensure_ascii=escaped)
    one = "".join(lines)
    expected = [
        {"output_type": "x", "text": one, "data": {"text/html": one, "other": ["k\n", "l"]}},
        lines,
        "end\n",
    ]
    assert json.loads(joined(text, worth=1)) == expected
    assert joined(text) == text


def test_what_stands_where_outputs_should_is_left_out_and_said() -> None:
    cells = [code("a", outputs=[5, stream("ok")]), code("b", outputs={"x": 1})]  # type: ignore[arg-type]
    found = read(notebook(*cells))
    assert codes(found) == ["NB-032", "NB-032"]
    assert [len(cell.outputs) for cell in found.cells] == [1, 0]


# ---- other versions


def test_the_versions_before_four_become_their_words_of_today() -> None:
    data = Path(__file__).parent / "data"
    third = read(data / "nbformat3.ipynb")
    assert [(cell.kind, cell.source) for cell in third.cells] == [
        ("markdown", "## Loading"),
        ("code", "import numpy as np\nx = np.loadtxt('old.txt')"),
        ("code", "1/0"),
        ("markdown", "second sheet"),
    ]
    assert [cell.execution_count for cell in third.cells] == [None, 1, 2, None]
    assert [part.mime for part in third.cells[1].outputs[0].parts] == ["text/html", "text/plain"]
    assert [(output.kind, output.name) for output in third.cells[2].outputs] == [
        ("error", "ZeroDivisionError"),
        ("stream", "stderr"),
    ]
    assert codes(third) == ["NB-028", "NB-034"]
    assert [cell.source for cell in read(data / "nbformat2.ipynb").cells] == ["a = 1", "<i>x</i>"]
    assert [(cell.kind, cell.source) for cell in read(data / "nbformat1.ipynb").cells] == [
        ("code", "b = 2"),
        ("markdown", "words"),
    ]


def test_lines_of_old_versions_lack_their_ends_or_have_them() -> None:
    def of(lines: list[str]) -> Notebook:
        output = {"output_type": "pyout", "text": lines, "prompt_number": 1}
        cell = {"cell_type": "code", "input": lines, "language": "python", "outputs": [output]}
        return read(json.dumps({"nbformat": 3, "metadata": {}, "worksheets": [{"cells": [cell]}]}).encode())

    for lines in (["a = 1\n", "b"], ["a = 1", "b"]):
        found = of(lines)
        assert found.cells[0].source == found.cells[0].outputs[0].parts[0].text == "a = 1\nb"
        assert codes(found) == ["NB-028"]


def test_nbformat_reads_the_same(tmp_path: Path) -> None:
    """Where nbformat accepts a file, cells and metadata are what it reads."""
    nbformat = pytest.importorskip("nbformat")
    compared = 0
    for path in sorted((Path(__file__).parent / "data").glob("*.ipynb")):
        try:
            theirs: Any = nbformat.read(path, as_version=4)
            nbformat.validate(theirs)
        except Exception:  # what it refuses, it cannot be an oracle of
            continue
        ours = read(path)
        assert [cell.source for cell in ours.cells] == [cell.source for cell in theirs.cells], path.name
        assert [cell.kind for cell in ours.cells] == [cell.cell_type for cell in theirs.cells], path.name
        counts = [cell.get("execution_count") for cell in theirs.cells]
        assert [cell.execution_count for cell in ours.cells] == counts, path.name
        kinds = [output.output_type for cell in theirs.cells for output in cell.get("outputs", ())]
        assert [output.kind for cell in ours.cells for output in cell.outputs] == kinds, path.name
        compared += 1
    assert compared > 30


# ---- text formats


PERCENT = """\
# %% [markdown]
# # Study

# %% tags=["parameters"]
alpha = 0.1

# %%
# %matplotlib inline
print(alpha)
"""


def test_percent_scripts_and_markdown_are_read_by_jupytext(tmp_path: Path) -> None:
    pytest.importorskip("jupytext")
    script, text = tmp_path / "study.py", tmp_path / "study.md"
    script.write_text(PERCENT)
    text.write_text("# Study\n\n```python\nx = 1\n```\n")
    found = read(script)
    assert [(cell.kind, cell.source) for cell in found.cells] == [
        ("markdown", "# Study"),
        ("code", "alpha = 0.1"),
        ("code", "%matplotlib inline\nprint(alpha)"),
    ]
    assert found.cells[1].tags == ("parameters",)
    assert (found.format, found.language, found.digest) == (
        "jupytext py:percent",
        "python",
        hashlib.sha256(PERCENT.encode()).hexdigest(),
    )
    assert found == read(script)  # ids too: jupytext's own would differ
    assert [cell.source for cell in read(text).cells if cell.kind == "code"] == ["x = 1"]


def test_without_jupytext_a_script_gives_a_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "jupytext", None)  # as Python marks what cannot be imported
    path = tmp_path / "study.py"
    path.write_text(PERCENT)
    found = read(path)
    assert (codes(found), found.cells, found.whole) == (["NB-015"], (), False)
