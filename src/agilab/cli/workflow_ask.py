"""`agilab workflow ask`: a question about a stage becomes code that is shown, checked, tried and accepted."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import rich_click

from agi_node.errors import DONE, FAILED, AgiError
from agilab.cli.choices import LAB, STAGE
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from agilab.assist.asking import Asked
    from agilab.assist.proposal import Outcome, Proposal
    from agilab.assist.providers import AssistProvider
    from agilab.contracts.lab_stages import Stage

TRIED_ROWS = 1_000


@rich_click.command(
    "ask",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ('agilab workflow ask clean "top 3 by price"', "needs no model"),
        ('agilab workflow ask fit "fit a line" --url URL --model M', "asks one"),
        ('agilab workflow ask fit "fit a line" --dry-run', "what would be sent"),
        ("agilab workflow ask clean --undo", "what it said before"),
    ),
)
@click.argument("stage", type=STAGE)
@click.argument("question", required=False, metavar="[QUESTION]")
@click.option(
    "--lab",
    type=LAB,
    metavar="LAB",
    help="A lab's folder or file, or an app (default: the nearest here or above).",
)
@click.option(
    "--provider",
    type=click.Choice(["offline", "openai", "replay"]),
    help="offline: a grammar of requests; openai: a server with a model; replay: answers that are kept.  "
    "(default: openai where --url names one, offline otherwise)",
)
@click.option(
    "--url",
    envvar="AGILAB_ASSIST_URL",
    metavar="URL",
    help="Of any server that speaks OpenAI's chat protocol.",
)
@click.option("--model", envvar="AGILAB_ASSIST_MODEL", metavar="NAME", help="The model to ask.")
@click.option(
    "--key",
    envvar="AGILAB_ASSIST_KEY",
    metavar="REFERENCE",
    help="Where its key is: env:NAME or keyring:NAME.",
)
@click.option("--actions", "wants", flag_value="actions", help="Only safe actions will do.")
@click.option("--code", "wants", flag_value="code", help="Only code will do.")
@click.option("--append", is_flag=True, help="Go on after the present code instead of replacing it.")
@click.option(
    "--library", type=click.Choice(["polars", "pandas"]), help="Of tables (default: the one the stage uses)."
)
@click.option(
    "--send-rows",
    type=click.IntRange(0, 100),
    default=0,
    metavar="N",
    help="Consent to sending the first N rows of each table (default: none, only columns and ranges).",
)
@click.option("--no-try", is_flag=True, help="Do not try it on a sample before it is accepted.")
@click.option("--yes", is_flag=True, help="Accept it, if there is nothing to be said against it.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@click.option("--undo", is_flag=True, help="Put back what the stage said before its last accepted answer.")
@json_option
def ask(
    stage: str, question: str | None, lab: str | None, undo: bool, dry_run: bool, as_json: bool, **given: Any
) -> int:
    """Ask for the code of a stage; see, check, try and accept it.

    The answer is code, or safe actions: steps over a table, checked against its columns and written as Polars or
    pandas. Nothing is written before it is accepted, and no row of data is sent without --send-rows.
    """
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab, read_lab_file

    workspace = Workspace.default()
    lab_file = read_lab_file(find_lab(lab, workspace)).writable().path
    if undo:
        return _undo(lab_file, stage, workspace.home, as_json=as_json)
    asked = _prepared(lab_file, stage, question, workspace.runs, given)
    if dry_run:
        from agilab.cli.workflow_ask_view import show_prompt

        return show_prompt(asked, as_json=as_json)
    proposal = _proposed(asked, _provider(given, workspace.home), workspace.ensure().home, as_json=as_json)
    return _decide(proposal, workspace.home, given, as_json=as_json)


def _prepared(lab_file: Path, stage: str, question: str | None, runs: Path, given: dict[str, Any]) -> Asked:
    from agilab.assist.asking import Wish, prepare
    from agilab.assist.data.inputs import left_in
    from agilab.workflow.running.keyed import keyed_inputs

    if question is None:
        raise AgiError(
            "AGI-ARGS-103",
            "nothing is asked",
            found="no question",
            allowed="a request in quotes, or --undo",
            try_=f'agilab workflow ask {stage} "keep rows where …"',
        )
    wish = Wish(
        stage,
        question,
        wants=given["wants"] or "either",
        append=given["append"],
        library=given["library"],
        send_rows=given["send_rows"],
    )
    return prepare(lab_file, wish, left_in(runs), keyed_inputs)


def _provider(given: dict[str, Any], home: Path) -> AssistProvider:
    from agilab.assist.keeping import ReplayProvider
    from agilab.assist.offline.provider import OfflineProvider
    from agilab.assist.openai_server import OpenAIServer

    name = given["provider"] or ("openai" if given["url"] else "offline")
    if name == "offline":
        return OfflineProvider()
    if name == "replay":
        return ReplayProvider(home)
    return OpenAIServer(given["url"] or "", given["model"] or "", given["key"] or "", tell=_tell)


def _proposed(asked: Asked, provider: AssistProvider, home: Path, *, as_json: bool) -> Proposal:
    from agilab.assist.proposal import propose
    from agilab.assist.unseen import spelt

    for note in asked.notes:
        _tell(note)
    # What a model says is shown as it comes, on a terminal; in the end it is shown again, as what it comes to.
    streams = provider.name == "openai" and not as_json and sys.stderr.isatty()

    def hear(piece: str) -> None:
        if streams:
            sys.stderr.write(f"\x1b[2m{spelt(piece)}\x1b[0m")
            sys.stderr.flush()

    try:
        return propose(asked, provider, hear, home)
    finally:
        if streams:
            sys.stderr.write("\n\n")


def _decide(proposal: Proposal, home: Path, given: dict[str, Any], *, as_json: bool) -> int:
    from agilab.assist.accepting import accept
    from agilab.assist.proposal import tried
    from agilab.cli.render import out, print_json
    from agilab.cli.workflow_ask_view import shown, trial, verdict

    yes, terminal = given["yes"], sys.stdin.isatty() and sys.stdout.isatty()
    if not as_json:
        out(*shown(proposal))
    broken = any(finding.weight == "error" for finding in proposal.findings)
    if (
        proposal.changes
        and not given["no_try"]
        and not broken
        and _may_try(proposal, yes, terminal and not as_json)
    ):
        proposal = tried(proposal, _try_out(proposal))
        if proposal.tried is not None and not as_json:
            out(trial(proposal.tried))
    accepted = proposal.changes and _accepted(proposal, yes, terminal and not as_json)
    if accepted:
        accept(proposal, home)
    if as_json:
        print_json({**proposal.to_plain(), "accepted": accepted})
        return DONE if accepted or not (yes and proposal.changes) else FAILED
    out("", verdict(proposal, accepted))
    if not accepted and proposal.changes and not yes and not terminal:
        again = "--yes" if proposal.provider == "offline" else "--provider replay --yes"
        raise AgiError(
            "AGI-ARGS-106",
            "nothing was accepted: there is nobody to ask",
            found="no terminal",
            allowed="a terminal, or --yes",
            try_=f"agilab workflow ask {proposal.asked.stage.id} … {again}",
        )
    return DONE if accepted or not proposal.changes else FAILED


def _may_try(proposal: Proposal, yes: bool, person: bool) -> bool:
    """Safe actions are tried at once, code of a model only where a person or the checks have nothing against it."""
    if proposal.actions is not None or (yes and proposal.sound):
        return True
    return person and click.confirm(
        "Try it on a sample, in the environment of the stage?", default=proposal.sound
    )


def _accepted(proposal: Proposal, yes: bool, person: bool) -> bool:
    if yes:
        return proposal.sound
    return person and click.confirm("Accept it?", default=proposal.sound)


def _try_out(proposal: Proposal) -> Callable[[Stage], Outcome]:
    def try_out(stage: Stage) -> Outcome:
        from agilab.assist.proposal import Outcome
        from agilab.cli.progress import Progress
        from agilab.workflow.running.prepare import lab_from
        from agilab.workflow.running.trial import try_stage

        stages = tuple(stage if one.id == stage.id else one for one in proposal.asked.lab.stages)
        try:
            with Progress(quiet=True) as progress:
                lab = lab_from(proposal.asked.lab_file, proposal.asked.lab.with_changes(stages=stages))
                trial = try_stage(lab, stage.id, faces=progress.faces(), rows=TRIED_ROWS)
        except AgiError as error:
            return Outcome(None, f"{error.what}{f' ({error.found})' if error.found else ''}")
        cut = proposal.asked.longer_than(TRIED_ROWS)
        on = f"the first {TRIED_ROWS:,} rows of {', '.join(cut)}" if cut else ""
        if trial.passed:
            values = "; ".join(f"{name}: {words}" for name, words in trial.values.items())
            return Outcome(True, values or "it ran", on)
        return Outcome(False, str((trial.error or {}).get("what", trial.status)), on)

    return try_out


def _undo(lab_file: Path, stage: str, home: Path, *, as_json: bool) -> int:
    from agilab.assist.accepting import undo
    from agilab.cli.render import out, print_json

    restored = undo(lab_file, stage, home)
    if as_json:
        print_json(
            {"stage": restored.id, "code": restored.code, "question": restored.question, "undone": True}
        )
    else:
        out(f"{restored.id} is again what it was{f': {restored.question}' if restored.question else ''}")
    return DONE


def _tell(sentence: str) -> None:
    from agilab.assist.unseen import spelt

    print(spelt(sentence), file=sys.stderr, flush=True)
