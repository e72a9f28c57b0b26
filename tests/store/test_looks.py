"""Looking at runs: who owns one, and how it ended, whatever was written after its end and whoever looks too."""

from __future__ import annotations

import subprocess
import sys

from agilab.store.locks import RunLock, has_owner
from agilab.store.store import Store
from agilab.store.workspace import Workspace

from .runs import make_run

LOOKS = """
import sys
from pathlib import Path
from agilab.store.locks import has_owner
print(sum(has_owner(Path(sys.argv[1])) for _ in range(3000)))
"""


def test_two_who_look_at_once_do_not_take_each_other_for_the_owner(workspace: Workspace) -> None:
    folder = workspace.run_folder("r1")
    with RunLock(folder):
        assert has_owner(folder)
    looks = [
        subprocess.Popen([sys.executable, "-c", LOOKS, folder], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [look.communicate(timeout=60)[0].strip() for look in looks] == ["0", "0"]


def test_a_verdict_is_found_behind_however_many_notes(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run_id = make_run(store)
        log = store.log(run_id)
        log.append("manifest_written", digest="0" * 64, verdict="doubtful")
        for number in range(50):
            log.append("note_added", text=str(number))
        log.flush()
        run = store.run(run_id)
        assert store.verdict(run) == "doubtful"


def test_a_run_that_ended_without_a_manifest_has_no_verdict(workspace: Workspace) -> None:
    with Store(workspace) as store:
        run_id = store.log("r1").run_id
        log = store.log(run_id)
        log.append("run_created", app="demo", args={})
        log.append("run_finished", state="failed")
        log.append("note_added", text="why?")
        log.flush()
        assert store.verdict(store.run(run_id)) is None
