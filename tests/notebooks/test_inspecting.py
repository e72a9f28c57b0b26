"""Notebooks as people write them, each with all that is to be said of it; and whatever else comes, a report."""

from __future__ import annotations

import json
import random
import sys
import threading
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agi_node.errors import AgiError
from agilab.notebooks.inspecting import inspect
from agilab.notebooks.reading import read
from agilab.notebooks.rules import RULES, explain
from tests.notebooks.building import notebook

DATA = Path(__file__).parent / "data"
NOTEBOOKS = sorted(path.name for path in DATA.glob("*.ipynb"))

EXPECTED: dict[str, str] = {
    "autocall": "117:2:1 117:2:2",
    "awaits": "105:1:1 105:2:1",
    "bash_kernel": "101",
    "colab": "509:0:1 509:0:2 302:2:2 112:3:2",
    "compare": "110:1:1",
    "crlf_lines": "112:0:3",
    "databases": "",
    "databricks": "403 110:0:1 114:1:1 509:2:2",
    "databricks_nulls": "403",
    "disorder": "402 402 401:2 403:4",
    "dynamic": "504:0:1 504:0:2 505:1:1 506:3:1 508:4:2 113:4:3 510:5:2",
    "empty_cells": "403:2",
    "errors": "404:0 404:1 103:1:1 103:2:1",
    "fitted_model": "",
    "imports": "202:0:6 201:2:3 203:3:1 204:3:3 205:3:4",
    "julia_kernel": "101",
    "julia_study": "101",
    "kaggle": "403 302:0:4 302:1:1",
    "languages_in_cells": "403 110:0:1 110:1:1 110:2:1 114:3:1 114:4:1 110:5:1 114:6:1 112:7:1",
    "magics": "110:0:1 110:0:2 110:0:3 305:1:2 110:2:1 116:3:1 110:3:2 117:3:3 115:5:1",
    "missing_keys": "027 102 403 030:0 030:1 030:1 030:2 029:3 030:4 032:4 030:5 030:5 032:5",
    "models": "",
    "nbformat1": "028 102",
    "nbformat2": "028",
    "nbformat3": "028 034 404:2",
    "network": "501:0:4 501:0:5 501:0:6",
    "no_metadata": "102",
    "nothing": "035",
    "paths": "302:1:1 303:1:2 304:1:3 304:1:4 302:2:1 301:3:2",
    "polyglot": "101:1 114:2:1",
    "prepare": "",
    "prompts": "118:0:1 118:1:1",
    "python2": "104:0:1 104:1:3 104:2:1 104:3:1",
    "r_kernel": "101",
    "r_study": "101 401:7",
    "raw_and_attached": "037:0",
    "rebinding": "301:1:1 301:2:2",
    "secrets": "507:0:1 507:1:3 501:2:2 501:3:3 507:3:3",
    "sessions": "406 401:2",
    "shell_and_installs": "113:0:1 113:0:2 113:0:3 112:1:1 501:1:2 112:1:3 112:3:1",
    "shown_out_of_sight": "202:0:2 306:0:5",
    "sos_languages": "101:1 101:2",
    "sql_kernel": "101 403",
    "store_and_captures": "120:0:1 120:0:2 111:1:1 111:3:1 111:4:1 111:5:1",
    "tags_and_tools": "",
    "unicode": "",
    "widgets": "503:0:3 502:1:1 503:2:1",
}
"""Every finding of every notebook in `data/`, as code:cell:line, written down by reading the notebook."""


def test_every_notebook_is_expected() -> None:
    assert [Path(name).stem for name in NOTEBOOKS] == sorted(EXPECTED)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_a_notebook(name: str) -> None:
    found = inspect(DATA / name)
    said = [
        ":".join(str(part) for part in (one.code[3:], one.cell, one.line) if part is not None)
        for one in found.findings
    ]
    assert " ".join(said) == EXPECTED[Path(name).stem]


def joined(name: str, direction: str) -> set[str]:
    found = inspect(DATA / f"{name}.ipynb").artifacts
    return {one.path for one in found if one.direction == direction and not one.computed}


def test_two_notebooks_of_a_study_exchange_a_table() -> None:
    assert joined("prepare", "written") & joined("compare", "read") == {"data/clean.parquet"}
    assert joined("prepare", "read") == {"data/raw/north.csv", "data/raw/south.csv"}


def test_the_document_is_plain_stable_and_names_no_folder(tmp_path: Path) -> None:
    for name in NOTEBOOKS:
        copy = tmp_path / name
        copy.write_bytes((DATA / name).read_bytes())
        document = inspect(copy).as_document()
        assert document["mode"] == "not_executed_import"
        text = json.dumps(document, allow_nan=False, ensure_ascii=False)
        assert json.loads(text.encode()) == document
        assert str(tmp_path) not in text
        assert inspect(copy).as_document() == document
        assert document["counts"]["cells"] == len(document["cells"])
        places = [
            (one["location"]["cell"] or -1, one["location"]["line"] or 0) for one in document["findings"]
        ]
        assert [place[0] for place in places] == sorted(place[0] for place in places)


def test_every_code_is_explained_and_every_finding_has_one() -> None:
    for name in NOTEBOOKS:
        for finding in inspect(DATA / name).findings:
            assert explain(finding.code).severity == finding.severity
    assert all(rule.title and rule.why for rule in RULES.values())
    with pytest.raises(AgiError, match="no finding has that code"):
        explain("NB-999")


def test_nothing_is_executed_and_nothing_is_imported(tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    (tmp_path / "loud_helper.py").write_text(f"open({str(mark)!r}, 'w')")
    path = tmp_path / "loud.ipynb"
    cells = [f"open({str(mark)!r}, 'w')\nimport loud_helper", f"!touch {mark}", f"%%bash\ntouch {mark}"]
    path.write_bytes(notebook(*cells, f"%run {tmp_path}/loud_helper.py"))
    inspect(path)
    assert not mark.exists()
    assert "loud_helper" not in sys.modules


# ---- whatever comes

PIECES = [
    b"\0", b"%", b"!", b"\\", b'"', b"\\ud800", b"{", b"[", b"\xff", b"'''", b"\\n", b"NaN,", b"?",
    b"\n<<<<<<< HEAD\n", b"1e999", b"%%bash\\n", b"f'{", b":=", b"\\u0000", b"\r", b"null", b"{}", b"%run ",
    b"!pip install ", b"open(", b"await ", b"\xe2\x80\xa8",
]  # fmt: skip


def mutated(data: bytes, chance: random.Random) -> bytes:
    """The bytes with a few wounds: changed, cut, doubled, with something put in between."""
    wounded = bytearray(data)
    for _ in range(chance.randint(1, 8)):
        if not wounded:
            break
        begin = chance.randrange(len(wounded))
        end = min(len(wounded), begin + chance.randrange(1, 80))
        match chance.randrange(6):
            case 0:
                wounded[begin] = chance.randrange(256)
            case 1:
                del wounded[begin:end]
            case 2:
                wounded[begin:begin] = wounded[begin:end]
            case 3 | 4:
                wounded[begin:begin] = chance.choice(PIECES)
            case _:
                del wounded[end:]
    return bytes(wounded)


def report(data: bytes, name: str = "x.ipynb") -> None:
    """What must hold of any bytes: a document that JSON and UTF-8 can write, in which each finding has its place."""
    found = inspect(data, name=name)
    document = found.as_document()
    assert json.loads(json.dumps(document, allow_nan=False, ensure_ascii=False).encode()) == document
    assert found.notebook.whole or any(one.severity == "error" for one in found.findings)
    indices = {cell.index for cell in found.notebook.cells}
    for finding in found.findings:
        assert finding.code in RULES
        assert finding.cell is None or finding.cell in indices or finding.code == "NB-029"
    for one in found.parsed.cells:
        lines = one.cell.source.replace("\r\n", "\n").replace("\r", "\n").count("\n")
        assert one.python.count("\n") == lines


@given(st.integers(min_value=0))
@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
def test_wounded_notebooks_give_a_report(seed: int) -> None:
    chance = random.Random(seed)
    report(mutated((DATA / chance.choice(NOTEBOOKS)).read_bytes(), chance))


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_any_bytes_give_a_report(data: bytes) -> None:
    report(data)
    report(b'{"nbformat": 4, "cells": [' + data)


WORDS = st.sampled_from([
    "cells", "worksheets", "nbformat", "nbformat_minor", "metadata", "cell_type", "source", "outputs",
    "output_type", "execution_count", "data", "text", "code", "markdown", "raw", "stream", "error",
    "display_data", "execute_result", "id", "tags", "kernelspec", "language_info", "name", "language", "input",
    "prompt_number", "attachments", "evalue", "ename", "text/plain", "image/png", "python", "heading", "level",
])  # fmt: skip
SCALARS = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.text(max_size=20))
VALUES = st.recursive(
    SCALARS, lambda x: st.lists(x, max_size=4) | st.dictionaries(WORDS, x, max_size=6), max_leaves=25
)
CELLS = st.lists(st.one_of(st.dictionaries(WORDS, VALUES, max_size=8), VALUES), max_size=5)


@pytest.mark.slow
@given(CELLS, VALUES, VALUES, st.sampled_from(["cells", "worksheets"]))
@settings(max_examples=80, suppress_health_check=[HealthCheck.too_slow])
def test_json_of_any_shape_gives_a_report(
    cells: list[object], metadata: object, version: object, key: str
) -> None:
    inner = cells if key == "cells" else [{"cells": cells}]
    report(json.dumps({"nbformat": version, "metadata": metadata, key: inner}).encode())


@given(st.lists(st.text(alphabet=st.characters(codec="utf-8"), max_size=60), min_size=1, max_size=4))
@settings(max_examples=100)
def test_cells_of_any_text_give_a_report(sources: list[str]) -> None:
    report(notebook(*sources))


LONG = {
    "brackets": "(" * 50_000,
    "brackets, line by line": "%time 1\n" + "f(\n" * 5000,
    "sums": "+".join(["x"] * 20_000),
    "attributes": "a" + ".b" * 20_000,
    "spaces": "a" + " " * 100_000 + "= !",
    "quotes": "'''" * 20_001 + "\n%x",
    "question marks": "?" * 50_000,
    "magics": "%" + "a" * 100_000,
    "installs": "!pip install " + "a " * 5000,
    "braces": "!echo " + "{a" * 20_000,
    "dollars": "!echo " + "$a" * 2000,
    "URLs": "x = '" + "://a:" * 20_000 + "'",
    "keys": "sk-" * 20_000,
    "commas": "except " + "a," * 20_000,
    "backticks": "`" * 50_001,
    "blocks": "\n".join(" " * depth + "if x:" for depth in range(95)) + "\n" + " " * 95 + "pass",
    "functions": "\n".join(" " * depth + "def f():" for depth in range(95)) + "\n" + " " * 95 + "pass",
    "names after names": "\n".join(f"x{n} = x{n - 1}" for n in range(1, 2000)) + "\nopen(x1999)",
    "choices": "a = ['1', '2', '3', '4', '5']\nfor i in a:\n for j in a:\n  for k in a:\n   open(f'{i}{j}{k}{i}{j}')",
    "prompts": ">>> " * 20_000,
}


@pytest.mark.parametrize("name", LONG)
def test_long_and_deep_text_is_neither_slow_nor_fatal(name: str) -> None:
    """Nothing here takes a tenth of a second on a quiet machine; what takes the square of its length takes minutes."""
    done = threading.Event()

    def work() -> None:
        report(notebook(LONG[name]))
        done.set()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    assert done.wait(20)


def test_two_hundred_equal_cells_have_two_hundred_ids() -> None:
    cells = read(notebook(*["x = 1"] * 200)).cells
    assert len({cell.id for cell in cells}) == 200


@pytest.mark.parametrize(
    ("program", "exits"),
    [
        ("import sys\nif __name__ == '__main__':\n    sys.exit(0)", True),
        ("raise SystemExit", True),
        ("import unittest\nunittest.main()", True),
        ("exited = 1\nprint('sys.exit(0)')", False),
        ("not python", False),
    ],
)
def test_a_program_that_may_end_before_it_hands_on_its_names_is_told(
    tmp_path: Path, program: str, exits: bool
) -> None:
    (tmp_path / "prog.py").write_text(program)
    path = tmp_path / "study.ipynb"
    path.write_bytes(notebook("x = 1\n%run prog.py 3"))
    said = [one for one in inspect(path).findings if "sys.exit" in one.what]
    assert [(one.code, one.cell, one.line) for one in said] == ([("NB-115", 0, 2)] if exits else [])
    path.write_bytes(notebook("x = 1\n%run -i prog.py 3"))
    assert not [one for one in inspect(path).findings if "sys.exit" in one.what], (
        "it has the notebook's names"
    )
