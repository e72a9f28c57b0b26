"""`python -m benchmarks`: measure, print a table, write `benchmarks/results.json`."""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from agi_node.errors import DONE, FAILED, INTERRUPTED, AgiError
from benchmarks import apps, engine, flight, metrics, notebooks, planning, reduce, start_up, units
from benchmarks.bench import BENCHMARKS, Bench, CommandFailed, Missing, clean_environment
from benchmarks.case import Case, choose
from benchmarks.equality import Unequal
from benchmarks.machine import Machine
from benchmarks.results import Result, read_results, result_of, write_results
from benchmarks.table import amount, show, verdict

# Whole commands first: workers and an MLflow process that later cases keep warm are not there yet.
CASES: tuple[Case, ...] = (
    *start_up.CASES,
    *flight.CASES,
    *apps.CASES,
    *reduce.CASES,
    *notebooks.CASES,
    *units.CASES,
    *engine.CASES,
    *metrics.CASES,
    *planning.CASES,
)
RESULTS = BENCHMARKS / "results.json"


def main(words: Sequence[str] | None = None) -> int:
    """The command line. Returns 0 where everything asked for was measured, 1 where something could not be, 2 usage.

    A limit that was not kept is a finding, told in the table and in the results: it changes no exit code.
    """
    options = _parser().parse_args(words)
    if options.list:
        for case in CASES:
            print(
                f"{case.name:<22} {case.ours}; against {case.reference}; at most {case.limit.text(case.unit)}"
            )
        return DONE
    try:
        cases = choose(CASES, options.only)
    except AgiError as error:
        print(error.render(), file=sys.stderr)
        return error.exit_code
    _keep_bytecode()
    results, failed = _measure(cases, options.repeat)
    show(results, Console())
    earlier = read_results(options.json) if options.only and options.json.is_file() else []
    write_results(options.json, [result for _, result in results], earlier)
    return FAILED if failed else DONE


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description="Measure AGILab side by side with what one would use without it.",
    )
    parser.add_argument(
        "--only",
        action="append",
        default=[],
        metavar="CASE",
        help="a case or a family of cases; may be repeated",
    )
    parser.add_argument("--list", action="store_true", help="say what there is to measure")
    parser.add_argument(
        "--repeat", type=_rounds, metavar="N", help="rounds of every case, in place of its own number"
    )
    parser.add_argument(
        "--json",
        type=Path,
        default=RESULTS,
        metavar="FILE",
        help="where the results go (benchmarks/results.json); with --only, other cases in it stay",
    )
    return parser


def _rounds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of rounds (1 or more)")
    return int(text)


def _keep_bytecode() -> None:
    """What this process starts by itself (workers, the deliverer) inherits its environment, so that is cleaned too."""
    clean = clean_environment(Path())
    for name in set(os.environ) - set(clean):
        del os.environ[name]


def _measure(cases: Sequence[Case], repeat: int | None) -> tuple[list[tuple[Case, Result]], bool]:
    talk = Console(stderr=True)
    results: list[tuple[Case, Result]] = []
    failed = False
    with Bench() as bench:
        for position, case in enumerate(cases, 1):
            rounds = repeat or case.rounds
            began, machine = time.monotonic(), Machine.now()
            with talk.status(f"{position} of {len(cases)}: {case.name}, {rounds} rounds and one to warm up"):
                try:
                    result = result_of(case, case.measure(bench, rounds), machine)
                except Missing as reason:
                    talk.print(f"[yellow]skipped[/] {case.name}: {reason}")
                    continue
                except (AgiError, CommandFailed, Unequal, RuntimeError, OSError) as problem:
                    talk.print(f"[bold red]failed[/]  {case.name}:", style=None)
                    talk.print(str(problem), markup=False, highlight=False)
                    failed = True
                    continue
            results.append((case, result))
            said = f"{amount(result.ours, case.unit)}, limit {amount(result.target, case.unit)}: {verdict(result)}"
            talk.print(
                f"{case.name}: {said} [dim](took {time.monotonic() - began:.0f} s)[/]", highlight=False
            )
    return results, failed


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
