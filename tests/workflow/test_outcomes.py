"""What became of a lab's stages in its last run, as its picture says it, after real runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.cli.boundary import run as agilab
from agilab.engine.selection import Selection
from agilab.store.workspace import Workspace
from agilab.workflow.document.lab_folder import exists
from agilab.workflow.document.locate import read_lab_file
from agilab.workflow.document.outcome import RunOutcome
from agilab.workflow.document.resolve import resolve
from agilab.workflow.outcomes import outcome_of

from .conftest import ALab

# rich-click says of its own settings that they will be others one day; in a process of its own nobody sees that.
pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning"),
]

SQUARES = """\
[lab.params]
limit = 5
[[stages]]
id = "load"
inputs = ["limit"]
outputs = ["numbers"]
code = "numbers = list(range(limit))"
[[stages]]
id = "square"
foreach = { n = "numbers" }
outputs = ["s"]
code = "s = n * n if n != 3 else 1 / 0"
[[stages]]
id = "total"
inputs = ["s"]
outputs = ["t"]
require = "any"
code = "t = sum(s.values())"
[[stages]]
id = "strict"
inputs = ["s"]
code = "len(s)"
[[stages]]
id = "alone"
code = "from beside import one; one()"
"""


@pytest.fixture
def lab(own_lab: ALab) -> ALab:
    return own_lab


def outcome(lab: ALab, name: str | None = None) -> RunOutcome | None:
    file = read_lab_file(lab.path)
    resolved = resolve(file.lab, exists=lambda path: exists(file.folder, path))
    return outcome_of(file, resolved, lab.workspace, name)


def ended(ran: RunOutcome | None) -> dict[str, tuple[str, int, int]]:
    assert ran is not None
    return {name: (one.state, one.good, one.total) for name, one in ran.stages.items()}


def test_a_run_is_counted_and_what_has_changed_since_is_named(lab: ALab) -> None:
    lab.write(SQUARES)
    (lab.folder / "beside.py").write_text("def one(): return 1\n")
    assert outcome(lab) is None
    result = lab.run(cache=True, keep_going=True)

    # Of 0, 1, 2, 3, 4 only 3 divides by zero.
    first = {
        "load": ("succeeded", 0, 0),
        "square": ("failed", 4, 5),
        "total": ("succeeded", 0, 0),
        "strict": ("upstream_failed", 0, 0),
        "alone": ("succeeded", 0, 0),
    }
    ran = outcome(lab)
    assert ran is not None
    assert (ran.run_id, ran.state, ran.changed, list(ran.since())) == (result.run_id, "failed", (), [])
    assert ended(ran) == first
    assert ran.stages["strict"].seconds is None
    assert (ran.stages["load"].seconds or 0) > 0

    text = lab.path.read_text().replace("limit = 5", "limit = 2").replace("1 / 0", "0")
    text = text.replace('id = "strict"', 'id = "late"').replace('"len(s)"', '"len(s)  # all"')
    text = text.replace("t = sum", "# a comment\\nt = sum")
    lab.path.write_text(text + '[[stages]]\nid = "new"\ncode = "2"\n')
    (lab.folder / "beside.py").write_text("def one(): return 2\n")
    changed = outcome(lab)
    assert changed is not None
    assert list(changed.since()) == [
        "changed since that run: load (param limit), square (code), alone (code)",
        "new since that run: late, new",
        "gone since that run: strict",
    ], "a comment is no change of code"

    again = lab.run(cache=True)
    second = ended(outcome(lab))
    assert second["square"] == ("succeeded", 2, 2)
    assert second["late"] == ("succeeded", 0, 0)
    assert ended(outcome(lab, again.run_id)) == second
    assert ended(outcome(lab, result.run_id))["square"] == ("failed", 4, 5)
    lab.run(cache=True)
    third = ended(outcome(lab))
    assert third["square"] == ("reused", 2, 2)
    assert {state for state, _, _ in third.values()} == {"reused"}


def test_a_stage_that_was_renamed_keeps_what_became_of_it(lab: ALab) -> None:
    lab.write('[[stages]]\nid = "one"\ncode = "x = 1"\n[[stages]]\nid = "two"\ncode = "y = 2"\n')
    lab.run(write_back=False)
    lab.path.write_text(lab.path.read_text().replace('"one"', '"first"'))
    ran = outcome(lab)
    assert ended(ran) == {"first": ("succeeded", 0, 0), "two": ("succeeded", 0, 0)}
    assert ran is not None
    assert list(ran.since()) == ["changed since that run: first (was one)"]


OLD = """\
[__meta__]
schema = "agilab.lab_stages.v1"
version = 1
[[study]]
D = "Load"
C = "x = 1"
produces = ["x"]
[[study]]
D = "Add"
C = "y = x + 1"
consumes = ["x"]
"""


def test_a_lab_of_version_1_is_shown_with_its_run_as_well(lab: ALab) -> None:
    lab.write(OLD).run(write_back=False)
    assert ended(outcome(lab)) == {"Load": ("succeeded", 0, 0), "Add": ("succeeded", 0, 0)}
    lab.write(OLD.replace("x + 1", "x + 2"))
    ran = outcome(lab)
    assert ran is not None
    assert list(ran.since()) == ["changed since that run: Add (code)"]


def test_the_rest_of_a_lab_after_one_stage_alone(lab: ALab) -> None:
    lab.write('[[stages]]\nid = "one"\ncode = "x = 1"\n[[stages]]\nid = "two"\ncode = "y = 2"\n')
    lab.run()
    lab.run(selection=Selection(from_node="two", downstream=False))
    assert ended(outcome(lab)) == {"one": ("reused", 0, 0), "two": ("succeeded", 0, 0)}


def test_the_command_shows_the_run_here_and_in_a_file_only_where_it_is_asked_for(
    lab: ALab, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AGILAB_HOME", str(lab.workspace.home))
    monkeypatch.chdir(lab.folder)

    def view(*words: str) -> str:
        assert agilab(["workflow", "view", *words]) == 0
        return str(capsys.readouterr().out)

    lab.write(SQUARES.replace("from beside import one; one()", "1"))
    assert "succeeded" not in view()
    run_id = lab.run(keep_going=True).run_id or ""
    assert f"{run_id}  failed" in view()
    assert "✗ failed · 4 of 5 good" in view()
    assert "failed" not in view("--no-run")
    document: dict[str, Any] = json.loads(view("--json"))
    assert document["run"]["run_id"] == run_id
    assert [one["last"]["total"] for one in document["nodes"]] == [0, 5, 0, 0, 0]

    for name in ("a.svg", "a.dot"):
        view("--output", name)
        before = Path(name).read_bytes()
        lab.run(keep_going=True, write_back=False)
        view("--output", name)
        assert Path(name).read_bytes() == before, "a picture in a repository changes with the stages alone"
        view("--output", name, "--run", run_id)
        assert "✗ failed · 4 of 5 good" in Path(name).read_text(encoding="utf-8")
        assert run_id in Path(name).read_text(encoding="utf-8")


def test_another_labs_run_is_refused_by_name(lab: ALab, table_lab: ALab, workspace: Workspace) -> None:
    other = table_lab.write('[[stages]]\nid = "one"\ncode = "1"\n').run()
    lab.write('[[stages]]\nid = "one"\ncode = "1"\n')
    with pytest.raises(AgiError, match=f"{other.run_id} is not a run of study"):
        outcome(lab, other.run_id)
    with pytest.raises(AgiError, match="has no run"):
        outcome(lab, "last")
