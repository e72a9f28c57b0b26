"""Cold starts: whole processes, each beside the bare interpreter."""

from __future__ import annotations

import agilab
from benchmarks.bench import AGILAB, PYTHON, Bench
from benchmarks.case import Case, Limit, Measured
from benchmarks.equality import Unequal
from benchmarks.samples import alternate

ROUNDS = 15


def _measure(bench: Bench, rounds: int, words: tuple[object, ...], says: str) -> Measured:
    def ours() -> float:
        seconds, text = bench.command(*map(str, words))
        if says not in text:
            raise Unequal(f"the command is to say {says!r}; it said {text[:200]!r}")
        return seconds

    def bare() -> float:
        return bench.command(PYTHON, "-c", "pass")[0]

    # The warm-up writes bytecode and reads everything from disk once: cold is the process, not the machine.
    taken = alternate({"ours": ours, "reference": bare}, rounds)
    return Measured(taken["ours"], taken["reference"])


def version(bench: Bench, rounds: int) -> Measured:
    """`agilab --version`, the console script."""
    return _measure(bench, rounds, (AGILAB, "--version"), f"agilab {agilab.__version__}\n")


def help_text(bench: Bench, rounds: int) -> Measured:
    """`agilab --help`, the console script."""
    return _measure(bench, rounds, (AGILAB, "--help"), "first-proof")


def import_node(bench: Bench, rounds: int) -> Measured:
    """`import agi_node`, as a worker or an app's module begins."""
    return _measure(bench, rounds, (PYTHON, "-c", "import agi_node"), "")


_BARE = "python -c pass"
CASES = (
    Case("version", "start-up", "agilab --version", _BARE, "ms", Limit(plus=0.080), ROUNDS, version),
    Case("help", "start-up", "agilab --help", _BARE, "ms", Limit(plus=0.250), ROUNDS, help_text),
    Case(
        "import-agi-node",
        "start-up",
        'python -c "import agi_node"',
        _BARE,
        "ms",
        Limit(plus=0.060),
        ROUNDS,
        import_node,
    ),
)
