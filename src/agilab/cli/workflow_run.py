"""`agilab workflow run | plan | try`: the stages of a lab at work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, FAILED, USAGE, AgiError
from agilab.cli.choices import LAB, STAGE
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from agilab.engine.selection import Selection
    from agilab.flow.preview import Preview
    from agilab.workflow.running.request import LabRequest
    from agilab.workflow.running.trial import Trial

lab_argument = click.argument("lab", type=LAB, required=False, metavar="[LAB]")
_set = click.option(
    "--set", "params", multiple=True, metavar="NAME=VALUE", help="Another value for a param of the lab."
)
_from = click.option(
    "--from", "from_stage", type=STAGE, metavar="STAGE", help="This stage and what comes after it."
)
_only = click.option(
    "--only",
    type=STAGE,
    multiple=True,
    metavar="STAGE",
    help="This stage alone (several: say it again): every other stays as the last run left it, whatever --set says.",
)
_failed = click.option("--failed", is_flag=True, help="What did not end well in the last run.")
_cache = click.option("--cache", is_flag=True, help="Use earlier results of every stage that is unchanged.")
_keep_going = click.option(
    "--keep-going", is_flag=True, help="Work on after a stage failed, as where one has `require`."
)
_anyway = click.option(
    "--anyway", is_flag=True, help="Begin although `validate` has an error of a stage that would run."
)
_workers = click.option(
    "--workers", type=click.IntRange(min=1), metavar="N", help="Processes at work (default: one per core)."
)
_executor = click.option(
    "--executor", default="local", show_default=True, metavar="WHERE", help="local, dask, or dask:ADDRESS."
)
_offline = click.option("--offline", is_flag=True, help="Use no network: take packages from uv's cache.")
_no_track = click.option("--no-track", is_flag=True, help="Do not record this run in MLflow.")


@rich_click.command(
    "run",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow run", "the lab of this folder"),
        ("agilab workflow run study --set days=30", "with another value for a param"),
        ("agilab workflow run --cache", "only what has changed"),
        ("agilab workflow run --from clean", "a stage and what follows, on what the last run left above it"),
        ("agilab workflow run --only load --only fit", "these two, and nothing else"),
        ("agilab workflow run --failed", "what did not end well"),
    ),
)
@lab_argument
@_set
@_from
@_only
@_failed
@_cache
@_keep_going
@_anyway
@_workers
@_executor
@_offline
@_no_track
@click.option("--no-write-back", is_flag=True, help="Leave lab_stages.toml as it is.")
@json_option
def run(as_json: bool, no_write_back: bool, **given: Any) -> int:
    """Run the stages of a lab and leave evidence.

    Each stage runs in a process of its own environment, in a folder of its own, on the values and files that it says
    it takes. LAB is a folder with lab_stages.toml, that file, or a name; without it, the one you stand in.
    """
    from agilab.cli.progress import Progress
    from agilab.cli.run import exit_code, show_result

    with Progress(quiet=as_json) as progress:
        from agilab.workflow.running.execution import run_lab

        result = run_lab(_request(given, write_back=not no_write_back), faces=progress.faces())
    show_result(result, as_json=as_json)
    return exit_code(result)


@rich_click.command(
    "plan",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow plan", "which stages would run, in which order"),
        ("agilab workflow plan --cache", "which of them an earlier result stands for, and why not"),
        ("agilab workflow plan --from clean", "what a rerun from there would do"),
    ),
)
@lab_argument
@_set
@_from
@_only
@_failed
@_cache
@_keep_going
@_anyway
@_offline
@click.option(
    "--units", is_flag=True, help="Each unit of a mapped stage, not their number (JSON has them all)."
)
@json_option
def plan(as_json: bool, units: bool, **given: Any) -> int:
    """Show what a run would do and why; execute nothing."""
    from agilab.cli.progress import Progress

    with Progress(quiet=as_json) as progress:
        from agilab.workflow.running.plan import plan_lab

        shown = plan_lab(_request(given), faces=progress.faces())
    _show_plan(shown, units=units, as_json=as_json)
    return DONE


@rich_click.command(
    "try",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow try clean", "this stage as it is now, on what the last run left above it"),
        ("agilab workflow try clean --rows 1000", "on the first rows of each table"),
        ("agilab workflow try each --key JFK --keep out", "one item of a mapped stage; keep its files"),
    ),
)
@click.argument("stage", type=STAGE)
@lab_argument
@_set
@click.option("--key", metavar="KEY", help="Which item of a stage with foreach (default: the first).")
@click.option("--rows", type=click.IntRange(min=1), metavar="N", help="Only so many rows of each table.")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), metavar="DIR", help="Copy its files here."
)
@_offline
@json_option
def try_(
    stage: str,
    lab: str | None,
    params: tuple[str, ...],
    key: str | None,
    rows: int | None,
    keep: Path | None,
    offline: bool,
    as_json: bool,
) -> int:
    """Run one stage on the real inputs of the last run; record nothing.

    The code is the stage's as it is now, the inputs are what the stages above it left in the last run.
    """
    from agilab.cli.progress import Progress

    with Progress(quiet=as_json) as progress:
        from agilab.store.workspace import Workspace
        from agilab.workflow.document.locate import find_lab
        from agilab.workflow.running.prepare import read_lab
        from agilab.workflow.running.trial import try_stage

        path = find_lab(lab, Workspace.default())
        trial = try_stage(
            read_lab(path, _params(params, path)),
            stage,
            faces=progress.faces(),
            key=key,
            rows=rows,
            keep=keep,
            offline=offline,
        )
    _show_trial(trial, as_json=as_json)
    return DONE if trial.passed else FAILED


def _request(given: dict[str, Any], *, write_back: bool = True) -> LabRequest:
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab
    from agilab.workflow.running.request import LabRequest

    path = find_lab(given["lab"], Workspace.default())
    selection = _selection(given["from_stage"], given["only"], failed=given["failed"])
    if selection is not None and selection.nodes:
        _refuse_unknown(path, selection)
    if not given["anyway"]:
        from agilab.workflow.ahead import refuse_hopeless

        refuse_hopeless(path, Workspace.default(), selection)
    return LabRequest(
        path,
        params=_params(given["params"], path),
        workers=given.get("workers"),
        keep_going=given["keep_going"],
        offline=given["offline"],
        track=not given.get("no_track", True),
        cache=given["cache"],
        selection=selection,
        executor=given.get("executor", "local"),
        write_back=write_back,
    )


def _refuse_unknown(path: Path, selection: Selection) -> None:
    from agilab.cli.workflow_show import resolved_of
    from agilab.workflow.document.locate import read_lab_file
    from agilab.workflow.document.named import refuse_unknown

    resolved = resolved_of(read_lab_file(path))
    for name in selection.nodes:
        refuse_unknown(name.partition("/")[0], resolved, path)  # what is below it the run knows


def _params(given: tuple[str, ...], lab: Path) -> dict[str, Any]:
    """`NAME=VALUE` pairs, each value of the kind that the lab's own is of."""
    texts: dict[str, str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise AgiError(
                "AGI-STAGE-043",
                "this sets no param",
                found=text,
                allowed="NAME=VALUE, such as --set days=30",
                exit_code=USAGE,
            )
        texts[name] = value
    if not texts:
        return {}
    from agilab.workflow.document.locate import read_lab_file
    from agilab.workflow.document.params import params_from

    file = read_lab_file(lab)
    return params_from(texts, file.lab.lab.params)


def _selection(from_stage: str | None, alone: tuple[str, ...], *, failed: bool) -> Selection | None:
    said = [flag for flag, on in (("--from", from_stage), ("--only", alone), ("--failed", failed)) if on]
    if len(said) > 1:
        raise AgiError(
            "AGI-RUN-047",
            "one way of selecting at a time",
            found=" and ".join(said),
            allowed="--from STAGE, --only STAGE, or --failed",
            exit_code=USAGE,
        )
    if not said:
        return None
    from agilab.engine.selection import Selection

    return Selection(failed=failed, from_node=from_stage, only=tuple(dict.fromkeys(alone)))


def _show_plan(shown: Preview, *, units: bool, as_json: bool) -> None:
    from agilab.cli.render import print_json
    from agilab.cli.workflow_plan_view import print_stage_plan

    if as_json:
        steps = [{"unit": step.name, "action": step.action, "why": step.why} for step in shown]
        print_json({"status": "not_executed", "lab": shown.flow, "steps": steps})
        return
    print_stage_plan(shown, units=units)


def _show_trial(trial: Trial, *, as_json: bool) -> None:
    from rich.text import Text

    from agilab.cli.render import out, pairs, print_error, print_json, title

    if as_json:
        print_json(trial.to_plain())
        return
    if trial.error is not None:
        print_error(AgiError.from_plain(dict(trial.error)))
    mark = Text(trial.status, "green" if trial.passed else "red")
    parts: list[Any] = [
        Text.assemble((trial.unit, "bold"), "  ", mark, f"  in {trial.seconds:.2f} s, not recorded")
    ]
    if trial.log:
        parts += [title("Log"), Text(trial.log)]
    if trial.values:
        parts += [title("Values"), pairs(list(trial.values.items()))]
    if trial.files:
        parts += [title("Files"), Text("\n".join(trial.files))]
    if trial.shown is not None:
        parts += [title("Shown"), Text(trial.shown)]
    out(*parts)
