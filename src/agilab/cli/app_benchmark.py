"""`agilab app benchmark`: how long an app takes in several modes, side by side, and what follows from it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, AgiError
from agilab.cli.app_arguments import AppCommand, given_arguments
from agilab.cli.choices import APP
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from agilab.contracts.benchmark import Benchmark, BenchmarkCase
    from agilab.projects.benchmark import Benchmarked, Step


@rich_click.command(
    "benchmark",
    cls=AppCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab app benchmark flight --repeat 3", "does parallel work pay?"),
        ("agilab app benchmark execution_polars", "and which kernel?"),
        ("agilab app benchmark flight --modes local-2,dask-2", ""),
    ),
)
@click.argument("app", type=APP, metavar="APP [ARGUMENTS]")
@click.option(
    "--modes",
    multiple=True,
    metavar="MODE,…",
    help="local-N or dask-N with N processes, local-N:KERNEL with one kernel of the app (default: one process, "
    "and one for each core, with every kernel).",
)
@click.option(
    "--repeat",
    type=click.IntRange(min=1, max=1000),
    default=5,
    show_default=True,
    metavar="N",
    help="How often each is timed, beside a warm-up.",
)
@click.option(
    "--rows",
    multiple=True,
    metavar="N,…",
    help="Sizes, for an app with the argument rows (default: a 25th, a 5th and all of its own).",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Where the files go instead.",
)
@click.option("--offline", is_flag=True, help="Use no network: take packages from uv's cache.")
@click.option(
    "--arg", "more", multiple=True, metavar="NAME=VALUE", help="An argument that is also an option here."
)
@json_option
@click.pass_context
def benchmark(
    ctx: click.Context,
    app: str,
    modes: tuple[str, ...],
    repeat: int,
    rows: tuple[str, ...],
    output: Path | None,
    offline: bool,
    more: tuple[str, ...],
    as_json: bool,
) -> int:
    """Time an app in several modes, and say what pays.

    Every repetition is a real run with its evidence, from request to manifest; rounds go through all modes in turn, so
    that what else happens on this machine meets all of them. All runs of one size must give the same result. Writes
    benchmark.json and benchmark.svg.
    """
    from agilab.projects.benchmark import BenchmarkRequest, benchmark_app

    request = BenchmarkRequest(
        app,
        given_arguments(ctx, more),
        modes=_words(modes),
        rows=[_size(word) for word in _words(rows)],
        repeat=repeat,
        offline=offline,
        output=output,
    )
    with _Watch(quiet=as_json) as watch:
        done = benchmark_app(request, faces=watch.faces(), on_step=watch.step)
    if as_json:
        from agilab.cli.render import print_json

        print_json(done.document.plain() | {"folder": str(done.folder)})
    else:
        _print(done)
    return DONE


def _words(given: Sequence[str]) -> list[str]:
    return [word.strip() for text in given for word in text.split(",") if word.strip()]


def _size(word: str) -> int:
    """A number of rows; raises AGI-ARGS-105 for a word that is none."""
    try:
        number = int(word)
    except ValueError:
        number = 0
    if number < 1:
        raise AgiError(
            "AGI-ARGS-105", "--rows takes whole numbers", found=word, allowed="such as 10000,100000,1000000"
        )
    return number


class _Watch:
    """Says how far a benchmark is: one line that changes on a terminal, one for each round in a pipe."""

    def __init__(self, *, quiet: bool) -> None:
        from agilab.cli.progress import is_watched

        self._quiet = quiet
        self._watched = is_watched() and not quiet
        self._stage = ""

    def __enter__(self) -> _Watch:
        if self._watched:
            from rich.progress import BarColumn, Progress, TextColumn

            from agilab.cli.render import console

            self._bar = Progress(
                BarColumn(24), TextColumn("{task.description}"), console=console(stderr=True), transient=True
            )
            self._bar.start()
            self._task = self._bar.add_task("getting ready", total=None)
        return self

    def __exit__(self, *_: Any) -> None:
        if self._watched:
            self._bar.stop()

    def faces(self) -> Any:
        """What the runs speak to."""
        from agilab.projects.request import Faces

        return Faces(say=self.say, note=self.say)

    def say(self, text: str) -> None:
        if self._watched:
            self._bar.console.print(text, highlight=False, markup=False)
        else:
            print(f"agilab: {text}", file=sys.stderr, flush=True)

    def step(self, step: Step) -> None:
        """Called before each run, and at the end."""
        from agilab.cli.words import duration

        left = f", about {duration(step.left_s)} left" if step.left_s else ""
        if self._watched:
            said = f"{step.done}/{step.total}  {step.now}{left}"
            self._bar.update(self._task, completed=step.done, total=step.total, description=said)
            return
        stage = step.now.partition(":")[0]
        if stage and stage != self._stage and not self._quiet:
            self._stage = stage
            print(
                f"agilab: {stage}, {step.done} of {step.total} runs done{left}", file=sys.stderr, flush=True
            )


# -- what a person sees ----------------------------------------------------------------------------------------


def _print(done: Benchmarked) -> None:
    from rich.padding import Padding
    from rich.text import Text

    from agilab.cli.render import out, pairs, title
    from agilab.cli.words import plural, short
    from agilab.projects.benchmark import JSON_FILE, PICTURE
    from agilab.projects.benchmark_advice import chance_of_error

    document = done.document
    runs = sum(len(case.runs) for case in document.cases)
    head = f"  {plural(len(document.cases), 'case')}, {plural(runs, 'run')}; every run of one size gave the same result"
    out("", Text.assemble(("benchmark of ", ""), (document.app.name, "bold")), Text(head, "dim"))
    out("", title("Seconds for a run"), _runs_table(document))
    once = round(1 / chance_of_error(document.repeat))
    said = (
        f"  Quicker means that no repetition overlaps; two equal modes come out so once in {once:,} comparisons."
        if document.repeat >= 3
        else "  Fewer than three repetitions tell nothing apart: --repeat 5."
    )
    out(Text(said, "dim"))
    if parts := _parts_table(document):
        out("", title("Where a run's seconds go"), parts)
    if phases := _phases_table(document):
        out("", title("Phases of the app, seconds of all units together"), phases)
    out("", title("Advice"), *(Padding(Text(f"{sentence}"), (0, 0, 0, 2)) for sentence in document.advice))
    files = [("table", JSON_FILE), ("picture", PICTURE)]
    out("", title("Files"), pairs([("folder", short(done.folder)), *files]))


def _runs_table(document: Benchmark) -> Any:
    from agilab.cli.render import table

    firsts: dict[Any, float] = {}
    rows: list[Sequence[Text | str]] = []
    for case in sorted(document.cases, key=lambda case: case.rows or 0):
        base = firsts.setdefault((case.rows, case.kernel), case.total.median)
        rows.append(
            (
                *_identity(document, case),
                f"{case.total.median:.3f}",
                f"{case.total.min:.3f} to {case.total.max:.3f}",
                f"{base / case.total.median:.2f}",
            )
        )
    return table((*_names(document), ">median", ">least to most", ">times as quick"), rows)


def _parts_table(document: Benchmark) -> Any:
    """Start, work and end of the largest size."""
    from agilab.cli.render import table

    largest = max((case.rows or 0) for case in document.cases)
    cases = [case for case in document.cases if (case.rows or 0) == largest and case.parts]
    rows = [
        (*_identity(document, case), *(f"{spread.median:.3f}" for spread in case.parts.values()))
        for case in cases
    ]
    return table((*_names(document), ">start", ">work", ">end"), rows) if rows else None


def _phases_table(document: Benchmark) -> Any:
    """The phases of the largest size, a column for each kernel, in the mode with the fewest workers."""
    from agilab.cli.render import table
    from agilab.views.benchmark_chart import same_place

    cases = same_place(document.cases)
    names = [name for name in cases[0].phases if all(name in case.phases for case in cases)]
    if not names:
        return None
    columns = [case.kernel_used or case.kernel or case.mode for case in cases]
    rows = [(f"  {name}", *(f"{case.phases[name].median:.3f}" for case in cases)) for name in names]
    return table(("  phase", *(f">{column}" for column in columns)), rows)


def _names(document: Benchmark) -> Iterator[str]:
    yield "  mode"
    if any(case.kernel for case in document.cases):
        yield "kernel"
    if any(case.rows for case in document.cases):
        yield ">rows"


def _identity(document: Benchmark, case: BenchmarkCase) -> Iterator[str]:
    yield f"  {case.mode}"
    if any(other.kernel for other in document.cases):
        fell_back = case.kernel_used not in (None, case.kernel)
        yield f"{case.kernel} ({case.kernel_used})" if fell_back else case.kernel or ""
    if any(other.rows for other in document.cases):
        yield f"{case.rows or 0:,}"
