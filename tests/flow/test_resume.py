"""Going on with a run of a flow after its process was killed: nothing twice, and only on what it began with."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.evidence.verify import verify
from agilab.flow import Flow
from agilab.projects.resume import resume_run
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.flow.conftest import MakeFlow

SCRIPT = """
    import sys, time
    from pathlib import Path
    from agilab import Flow

    flow = Flow("killed", workspace=sys.argv[1])
    calls = Path(sys.argv[1]) / "calls"

    @flow.node(foreach=range(6))
    def step(n: int, wait: float = 0.0) -> object:
        with calls.open("a") as file:
            file.write(f"{n}\\n")
        time.sleep(wait if n == 3 and not calls.with_name("go").exists() else 0.03)
        return {n, n + 1}

    @flow.node
    def last(step: list) -> list:
        return sorted(set().union(*step))

    if __name__ == "__main__":
        if sys.argv[2] == "run":
            flow.run(workers=int(sys.argv[3]) or None, wait=60.0)
        else:
            run = flow.resume()
            print(run["last"], run.state)
"""


def start(script: Path, home: Path, *words: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.Popen(
        [sys.executable, str(script), str(home), *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )


@pytest.mark.faults
@pytest.mark.parametrize("workers", ["0", "2"])
def test_a_killed_script_goes_on_where_it_was(tmp_path: Path, workers: str) -> None:
    home = Workspace(tmp_path / "home").ensure()
    script = tmp_path / "a_script.py"
    script.write_text(textwrap.dedent(SCRIPT))
    calls = home.home / "calls"
    first = start(script, home.home, "run", workers)
    until = time.monotonic() + 30
    while not (calls.exists() and "3\n" in calls.read_text()):
        assert first.poll() is None, first.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)
    time.sleep(0.2)  # what was done before is in the log 20 ms later
    first.send_signal(signal.SIGKILL)
    first.communicate()
    with Store(home) as store:
        (run,) = store.runs()
        done = {unit.key for unit in store.units(run.run_id, state="succeeded")}
    assert done
    with pytest.raises(AgiError, match=r"AGI-FLOW-011.*\n.*flow killed\n.*\n.*flow.resume\("):
        resume_run(run.run_id, home)
    changed = textwrap.dedent(SCRIPT).replace("n == 3 ", "n == 33 ")
    other = tmp_path / "other.py"
    other.write_text(changed)
    _, refused = start(other, home.home, "resume").communicate(timeout=60)
    assert "AGI-FLOW-007" in refused
    assert "step: code changed" in refused
    calls.with_name("go").touch()
    out, errors = start(script, home.home, "resume").communicate(timeout=60)
    assert out == "[0, 1, 2, 3, 4, 5, 6] succeeded\n", errors
    counts = {key: calls.read_text().split().count(key) for key in "012345"}
    assert {key for key in counts if counts[key] == 1} >= done
    with Store(home) as store:
        assert [problem for finding in verify(store, run.run_id) for problem in finding.problems] == []
        assert store.run(run.run_id).state == "succeeded"


@pytest.mark.faults
def test_a_worker_that_dies_costs_its_unit_one_attempt(make: MakeFlow, tmp_path: Path) -> None:
    flow = make()
    mark = tmp_path / "died"

    @flow.node(foreach=range(4))
    def fragile(n: int) -> int:
        if n == 2 and not mark.exists():
            mark.touch()
            os._exit(9)
        return n

    run = flow.run(workers=2)
    assert run["fragile"] == [0, 1, 2, 3]
    assert mark.exists()


@pytest.mark.faults
def test_a_worker_that_always_dies_fails_its_unit_and_names_it(make: MakeFlow) -> None:
    from agilab import Policy

    flow = make()

    @flow.node(policy=Policy(max_losses=0))
    def deadly() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 1

    run = flow.run(workers=1, check=False)
    (failure,) = run.failures
    assert failure.unit == "deadly"
    assert "killed by SIGKILL" in failure.what


def test_a_run_that_ended_is_not_gone_on_with(make: MakeFlow) -> None:
    flow = make()
    flow.node(lambda: 1, name="one")
    run = flow.run()
    with pytest.raises(AgiError, match=r"AGI-RUN-013.*has ended"):
        flow.resume(run.run_id)


def test_a_run_of_another_flow_is_not_gone_on_with(make: MakeFlow) -> None:
    one, other = make("one"), make("other")
    one.node(lambda: 1, name="n")
    other.node(lambda: 1, name="n")
    run = one.run()
    with pytest.raises(AgiError, match=r"AGI-FLOW-007.*is no run of flow other\n.*flow:one"):
        other.resume(run.run_id)


def interrupted(make: MakeFlow, home: Workspace, build: Any, **arguments: Any) -> tuple[Flow, str]:
    """A flow and the id of a run of it whose process ended before the first unit."""
    from agilab.contracts.identifiers import new_run_id
    from agilab.flow.execution import _record
    from agilab.flow.provenance import codes_of, environment_record

    flow = make()
    build(flow)
    purpose = flow._purpose(arguments, None)
    run_id = new_run_id(flow.name)
    with Store(home) as store:
        parts = {name: code.parts for name, code in codes_of(purpose.nodes).items()}
        _record(store.log(run_id), store, purpose, "inline", 1, environment_record(), parts)
    return flow, run_id


def test_a_resumed_run_keeps_the_arguments_it_began_with(make: MakeFlow, home: Workspace) -> None:
    flow, run_id = interrupted(
        make, home, lambda flow: flow.node(lambda x, y=2: [x, y], name="n"), x=float("inf")
    )
    run = flow.resume()
    assert run.run_id == run_id
    assert run["n"] == [float("inf"), 2]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda flow: flow.node(lambda: 1, name="more"), "node more is new"),
        (lambda flow: None, "node n is gone"),
        (lambda flow: flow.node(lambda x: [x], name="n"), "n: code changed"),
        (lambda flow: flow.node(retries=2, name="n")(lambda x: x), "node n has another policy"),
        (lambda flow: flow.node(lambda x=1: x, name="n"), "n: code changed"),
    ],
)
def test_a_flow_that_changed_says_what_differs(
    make: MakeFlow, home: Workspace, change: Any, message: str
) -> None:
    _, run_id = interrupted(make, home, lambda flow: flow.node(lambda x: x, name="n"), x=1)
    flow = make()
    change(flow)
    if "n" not in flow.nodes:
        flow.node(lambda x: x, name="n" if "gone" not in message else "m")
    with pytest.raises(AgiError, match=rf"AGI-FLOW-007(.*\n)*.*{message}"):
        flow.resume(run_id)
