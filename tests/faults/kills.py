"""`kill -9` at random moments of runs, and what must hold after each: `python -m tests.faults.kills --kills 200`.

A seed decides, for every run, whom each kill meets (the owner of the run, one of its workers, or both) and when: after
so many further events, plus a few milliseconds. The same seed gives the same schedule. What runs between two events is
up to the machine, so a failure may need a few tries to be had again; `--seed S --first N --runs 1` repeats one run.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count as count_from
from pathlib import Path

import psutil

from agilab.store.check import chain_problems, object_problems, projection_problems
from agilab.store.leftovers import leftovers
from agilab.store.store import Store
from agilab.store.workspace import Workspace
from tests.faults.owner import SOURCE

ITEMS = 6
PATIENCE_S = 60.0
ROOT = Path(__file__).parents[2]
_ENDINGS = ("attempt_failed", "attempt_lost", "expansion_failed", "run_stopping", "run_finished")


@dataclass(frozen=True)
class Kill:
    """Whom, after how many further events of the run, and how long after the last of them."""

    whom: str
    events: int
    wait_s: float


def schedule(seed: int, number: int) -> Iterator[Kill]:
    """The kills of one run, without end. A few come before an owner has done anything."""
    chance = random.Random(f"{seed}/{number}")
    while True:
        events = chance.choice((0, 1, 2)) if chance.random() < 0.15 else chance.randint(3, 45)
        yield Kill(chance.choice(("owner", "worker", "both")), events, chance.random() * 0.012)


@dataclass
class Told:
    """What a run has said so far: it may say more, and never anything else."""

    events: int = 0
    head: str = ""
    successes: dict[str, int] = field(default_factory=dict)
    processes: set[tuple[int, float]] = field(default_factory=set)


class Trial:
    """One run, begun and killed and taken up again until it is over.

    Responsible for: delivering kills, and raising `AssertionError` where something does not hold after one.
    """

    def __init__(self, home: Path, seed: int, number: int, *, most: int) -> None:
        self.home, self.number, self.seed = home, number, seed
        self.run_id = f"run-{seed}-{number:04}"
        self.kills: list[str] = []
        self.lives = 0
        self._most = most
        self._schedule = schedule(seed, number)
        self._told = Told()

    def run(self) -> int:
        """Returns the number of kills. The run that is killed `most` times is left in peace from then on."""
        try:
            while self._life():
                self._check(over=False)
            self._check(over=True)
        except (AssertionError, subprocess.TimeoutExpired) as problem:
            words = f"python -m tests.faults.kills --seed {self.seed} --first {self.number} --runs 1"
            story = f"life {self.lives}, after kills of {', '.join(self.kills) or 'nobody'}"
            raise AssertionError(f"{self.run_id}, {story}: {problem}\nagain: {words}") from problem
        return len(self.kills)

    def _life(self) -> bool:
        """One owner from its start to its end; False where it ended the run."""
        self.lives += 1
        words = [sys.executable, "-m", "tests.faults.owner", str(self.home), self.run_id, str(ITEMS)]
        owner = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            base = self._count()
            while len(self.kills) < self._most:
                kill = next(self._schedule)
                if not self._await(owner, base + kill.events):
                    break
                time.sleep(kill.wait_s)
                if self._deliver(kill, owner):
                    owner.communicate(timeout=PATIENCE_S)
                    return True
                base = self._count()
            out, err = owner.communicate(timeout=PATIENCE_S)
            assert (owner.returncode, out) == (0, "succeeded\n"), self._last_words(owner.returncode, out, err)
            return False
        finally:
            if owner.poll() is None:
                owner.kill()
                owner.communicate()

    def _last_words(self, code: int, out: str, err: str) -> str:
        with Store(Workspace(self.home)) as store:
            told = [f"{event.kind} {event.body:.1000}" for event in store.events(self.run_id, kinds=_ENDINGS)]
        return f"the owner ended with {code} and said {out!r}\n{err[-2000:]}\n" + "\n".join(told[-5:])

    def _await(self, owner: subprocess.Popen[str], events: int) -> bool:
        """Wait until the log has so many events; False where the owner ended first."""
        deadline = time.monotonic() + PATIENCE_S
        while owner.poll() is None:
            if self._count() >= events:
                return True
            assert time.monotonic() < deadline, f"nothing has happened for {PATIENCE_S:g} s"
            time.sleep(0.002)
        return False

    def _deliver(self, kill: Kill, owner: subprocess.Popen[str]) -> bool:
        """Kill; returns whether the owner was met."""
        workers = []
        with contextlib.suppress(psutil.NoSuchProcess):
            workers = sorted(psutil.Process(owner.pid).children(), key=lambda process: process.pid)
            for worker in workers:
                self._told.processes.add((worker.pid, worker.create_time()))
        if kill.whom != "owner" and workers:
            with contextlib.suppress(psutil.NoSuchProcess):
                random.Random(f"{self.seed}/{self.number}/{len(self.kills)}").choice(workers).kill()
                self.kills.append("worker")
        if kill.whom == "worker":
            return False
        owner.kill()
        owner.wait()
        self.kills.append("owner")
        return owner.returncode == -9

    # -- what must hold ------------------------------------------------------------------------------------

    def _check(self, *, over: bool) -> None:
        if not self._count():
            return  # killed before it had recorded that there is a run
        with Store(Workspace(self.home)) as store:
            run = self.run_id
            problems = [*chain_problems(store, run), *projection_problems(store, run)]
            problems += object_problems(store, run, content=over)
            assert not problems, "; ".join(problems[:5])
            self._check_told(store)
            if over:
                self._check_end(store)
            # Those that an owner had started: they end with it, or the next one ends them.
            left = [pid for pid, started in self._told.processes if not _gone(pid, started)]
            assert not left, f"processes {left} outlived the run's owner"

    def _check_told(self, store: Store) -> None:
        told, run = self._told, store.run(self.run_id)
        if told.events:
            assert store.event(self.run_id, told.events).sha256 == told.head, "what was told has been changed"
        successes: dict[str, int] = {}
        for event in store.events(self.run_id, kinds=("attempt_succeeded",)):
            assert event.unit_id not in successes, f"{event.unit_id} succeeded twice"
            successes[event.unit_id or ""] = event.run_seq
        assert told.successes.items() <= successes.items(), "a recorded success is gone"
        told.events, told.head, told.successes = run.event_count, run.head, successes

    def _check_end(self, store: Store) -> None:
        assert store.run(self.run_id).state == "succeeded"
        states = {unit.state for unit in store.units(self.run_id)}
        assert states == {"succeeded"}, f"units in states {states}"
        found = {
            node: [store.value(body) for _, body in store.results(self.run_id, node)]
            for node in ("plan", "flaky", "parts", "piece", "folded", "total")
        }
        expected = oracle(ITEMS)
        wrong = [node for node, values in expected.items() if found[node] != values]
        assert not wrong, f"the values of {', '.join(wrong)} are not what they must be"
        artifacts = [(row.unit_id, row.name) for row in store.artifacts(self.run_id)]
        assert len(artifacts) == len(set(artifacts)) == ITEMS * 4, f"{len(artifacts)} artifacts"
        assert store.leases(self.run_id) == []
        left = [left.what for left in leftovers(store) if left.run_id == self.run_id]
        assert not left, f"left behind: {left}"
        assert store.db.execute("PRAGMA integrity_check").fetchone()[0] == "ok"

    def _count(self) -> int:
        """Events in the log of the run; 0 where there is none yet."""
        path = Workspace(self.home).db
        if not path.exists():
            return 0
        with contextlib.closing(sqlite3.connect(path, timeout=10)) as db:
            try:
                row = db.execute("SELECT event_count FROM run WHERE run_id=?", (self.run_id,)).fetchone()
            except sqlite3.OperationalError:
                return 0  # the very first owner is making the tables
        return int(row[0]) if row else 0


def oracle(items: int) -> dict[str, list[object]]:
    """What every unit of the run returns, by node and in the order of keys: the same work in a plain loop."""
    sys.path.insert(0, str(SOURCE))
    try:
        import chores  # type: ignore[import-not-found]
    finally:
        sys.path.remove(str(SOURCE))
    plan = chores.plan(items)
    pieces = [
        [chores.text_of(f"{int(item)}/{part}", 12_000) * 3 for part in range(chores.PARTS)] for item in plan
    ]
    folded = [hashlib.sha256("".join(piece).encode()).hexdigest() for piece in pieces]
    return {
        "plan": [plan],
        "flaky": [int(item) for item in plan],
        "parts": [
            [{"key": str(part), "payload": piece[: len(piece) // 3]} for part, piece in enumerate(row)]
            for row in pieces
        ],
        "piece": [piece for row in pieces for piece in row],
        "folded": list(folded),
        "total": [{"folded": folded, "pieces": items * chores.PARTS}],
    }


def _gone(pid: int, started: float, patience_s: float = 8.0) -> bool:
    deadline = time.monotonic() + patience_s
    while time.monotonic() < deadline:
        try:
            process = psutil.Process(pid)
            if abs(process.create_time() - started) > 0.05 or process.status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.02)
    return False


def campaign(
    home: Path, *, kills: int, seed: int, first: int = 0, runs: int | None = None, most: int = 12
) -> Iterator[Trial]:
    """Run after run in one workspace until so many processes were killed, or so many runs are over."""
    delivered = 0
    for number in count_from(first):
        if delivered >= kills or (runs is not None and number >= first + runs):
            return
        trial = Trial(home, seed, number, most=most)
        delivered += trial.run()
        yield trial


def main() -> int:
    """The command line. Exits with 1 and the seed where something did not hold."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.kills", description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=200, help="how many, in all")
    parser.add_argument(
        "--seed", type=int, default=None, help="of the schedule; by default another one each time"
    )
    parser.add_argument("--first", type=int, default=0, help="number of the first run")
    parser.add_argument("--runs", type=int, default=None, help="at most so many runs")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(1_000_000) if options.seed is None else options.seed
    print(f"seed {seed}", flush=True)
    began, delivered, lives, done = time.monotonic(), 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="agilab-kills-", ignore_cleanup_errors=True) as home:
        wanted = options.kills if options.runs is None else sys.maxsize
        trials = campaign(Path(home), kills=wanted, seed=seed, first=options.first, runs=options.runs)
        try:
            for trial in trials:
                done, delivered, lives = done + 1, delivered + len(trial.kills), lives + trial.lives
                print(f"{trial.run_id}: {len(trial.kills)} kills, {trial.lives} lives", flush=True)
        except AssertionError as problem:
            print(f"FAILED: {problem}", flush=True)
            return 1
    seconds = time.monotonic() - began
    print(f"{delivered} kills in {done} runs and {lives} lives: all whole, {seconds:.0f} s (seed {seed})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
