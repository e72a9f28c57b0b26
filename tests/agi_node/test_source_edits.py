"""No stale hit: an edit after which `m:f` returns something else has another code, whatever way leads there.

Each case of `edits/*.txt` is a small source with one edit, marked as a diff is. Both versions are run by Python itself.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from agi_node.source import Code, code_of

EDITS = Path(__file__).parent / "edits"
RUN = "import sys; sys.path.insert(0, sys.argv[1]); sys.dont_write_bytecode = True; import m; print(repr(m.f()))"

Case = dict[str, tuple[str, str]]
"""Text before and after, by the name of the file."""


def cases(names: list[str]) -> dict[str, Case]:
    found: dict[str, Case] = {}
    for name in names:
        file = ""
        for line in (EDITS / f"{name}.txt").read_text("utf-8").splitlines():
            if line.startswith("== "):
                case = found[f"{name}: {line[3:]}"] = {}
            elif line.startswith("@ "):
                file = line[2:]
                case[file] = ("", "")
            elif line:
                before, after = case[file]
                text = f"{line[1:]}\n"
                case[file] = before + text * (line[0] != "+"), after + text * (line[0] != "-")
    return found


CHANGING = cases(["names", "objects", "order", "reading", "registries"])
NEUTRAL = cases(["neutral"])


def both(folder: Path, case: Case) -> list[tuple[str, Code]]:
    """What `m:f` prints and its code, before the edit and after."""
    found = []
    for at in (0, 1):
        source = folder / str(at) / "src"
        for name, texts in case.items():
            (source / name).parent.mkdir(parents=True, exist_ok=True)
            (source / name).write_text(texts[at], "utf-8")
        ran = subprocess.run(
            [sys.executable, "-c", RUN, str(source)], check=False, capture_output=True, text=True
        )
        # Where a module lies is no part of what it says.
        said = (ran.stdout or ran.stderr).replace(str(source), "")
        found.append((said, code_of("m:f", source.parent)))
    return found


@pytest.mark.parametrize("name", CHANGING)
def test_an_edit_that_changes_what_comes_out_changes_the_code(tmp_path: Path, name: str) -> None:
    (said, before), (says, after) = both(tmp_path, CHANGING[name])
    assert said != says, "the case shows nothing"
    assert before.digest != after.digest, f"a stale hit: {sorted(before.parts)}"


@pytest.mark.parametrize("name", NEUTRAL)
def test_an_edit_that_changes_nothing_leaves_the_code(tmp_path: Path, name: str) -> None:
    (said, before), (says, after) = both(tmp_path, NEUTRAL[name])
    assert said == says
    assert "Error" not in said
    assert (before.reason, before.parts) == (None, after.parts)
