"""`agilab workflow validate | migrate`: judged without being run, and brought to the version of today."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click
import rich_click

from agi_node.errors import DONE, FAILED, AgiError
from agilab.cli.choices import LAB, Word
from agilab.cli.commands import SETTINGS, examples, json_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from rich.console import RenderableType
    from rich.text import Text

    from agilab.workflow.document.migrate import Migration
    from agilab.workflow.judging.findings import Finding
    from agilab.workflow.judging.validate import Judgement


def _codes(ctx: click.Context) -> Iterable[tuple[str, str]]:
    from agilab.workflow.judging.rules import rules

    return [(code, rule.name) for code, rule in rules().items()]


CODE = Word("code", _codes)


@rich_click.command(
    "validate",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow validate", "the lab of this folder"),
        ("agilab workflow validate --strict", "warnings fail too: for CI"),
        ("agilab workflow validate --explain AGI-STAGE-071", "what a finding means, with an example"),
        ("agilab workflow validate --explain all", "all of them, one line each"),
    ),
)
@click.argument("lab", type=LAB, required=False, metavar="[LAB]")
@click.option("--strict", is_flag=True, help="Exit with 1 for warnings too.")
@click.option("--explain", type=CODE, metavar="CODE", help="Say what a finding means and how it is mended.")
@json_option
def validate(lab: str | None, strict: bool, explain: str | None, as_json: bool) -> int:
    """Judge a lab; execute nothing.

    The document, who makes what, names, syntax and risks of the code, apps and their arguments, environments. Each
    finding has a code, a place and a mend. Exit code 1 if something would keep it from running.
    """
    from agilab.cli.render import out, print_json

    if explain is not None:
        return _explain(explain, as_json)
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab
    from agilab.workflow.judging.validate import validate as judge

    workspace = Workspace.default()
    judged = judge(find_lab(lab, workspace), workspace)
    if as_json:
        print_json(judged.to_plain(strict=strict))
    else:
        out(*_judgement(judged))
    return FAILED if judged.failed(strict=strict) else DONE


def _judgement(judged: Judgement) -> list[RenderableType]:
    from rich.text import Text

    from agilab.cli.words import plural

    # Trouble last, where the eye is.
    grave = ("note", "warning", "error")
    lines = [
        line
        for severity in grave
        for one in judged.findings
        if one.severity == severity
        for line in finding_lines(one)
    ]
    stages = plural(judged.stages, "stage")
    errors, warnings = judged.count("error"), judged.count("warning")
    if errors:
        verdict = Text(f"{plural(errors, 'error')}, {plural(warnings, 'warning')}: it would not run", "red")
    elif warnings:
        verdict = Text(f"{stages}: it can run, with {plural(warnings, 'warning')}", "yellow")
    else:
        verdict = Text(f"{stages}, nothing in the way", "green")
    last = next(
        (one.code for severity in grave[::-1] for one in judged.findings if one.severity == severity), None
    )
    more = [Text(f"  agilab workflow validate --explain {last}", "cyan")] if last else []
    return [*lines, *([""] if lines else []), verdict, *more]


def finding_lines(one: Finding) -> list[RenderableType]:
    """A finding as a person reads it: what, where, what stands there, the mend."""
    from rich.text import Text

    from agilab.cli.render import pairs
    from agilab.cli.words import symbol

    sign, style = {
        "error": (symbol("bad"), "bold red"),
        "warning": (symbol("warn"), "bold yellow"),
        "note": (symbol("dot"), "dim"),
    }[one.severity]
    rows: list[tuple[str, Text | str]] = [
        ("at", Text.assemble(str(one.location), ("  ", ""), (one.code, "dim")))
    ]
    rows += [("found", one.found)] if one.found and one.found not in one.what else []
    rows += [("mend", Text(one.mend, "cyan"))] if one.mend else []
    return [Text.assemble((sign, style), " ", (one.what, "bold")), pairs(rows)]


def _explain(code: str, as_json: bool) -> int:
    from agilab.cli.render import out, print_json, table
    from agilab.workflow.judging.rules import rule, rules

    if code == "all":
        known = rules().values()
        if as_json:
            print_json([{"code": one.code, "severity": one.severity, "name": one.name} for one in known])
        else:
            rows = [(one.code, one.severity, one.name) for one in known]
            out(table(("code", "severity", "finding"), rows, flexible="finding"))
        return DONE
    from agilab.workflow.codes import meanings

    name = f"AGI-STAGE-{code}" if code.isdigit() and len(code) == 3 else code.upper()
    if name not in rules() and (meaning := meanings().get(name)) is not None:
        if as_json:
            print_json({"code": name, "severity": None, "name": meaning})
        else:
            out(f"{name}  an error that commands and runs end with, no finding: {meaning}")
        return DONE
    one = rule(code)
    if as_json:
        print_json(
            {name: getattr(one, name) for name in ("code", "severity", "name", "why", "mend", "bad", "good")}
        )
        return DONE
    from rich.text import Text

    from agilab.cli.render import pairs, title

    lines: list[RenderableType] = [
        Text.assemble((one.code, "bold"), f"  {one.severity}: {one.name}"),
        pairs([("why", one.why), ("mend", one.mend)]),
    ]
    for name, text in (("Has it", one.bad), ("Has it not", one.good)):
        if text:
            lines += [
                "",
                title(name),
                *(Text(f"  {line}", no_wrap=True, overflow="ignore") for line in text.splitlines()),
            ]
    if one.files:
        lines += ["", title("Beside them")]
        lines += [Text(f"  {path}: {content.strip()}") for path, content in one.files.items()]
    out(*lines)
    return DONE


@rich_click.command(
    "migrate",
    cls=rich_click.RichCommand,
    context_settings=SETTINGS,
    epilog=examples(
        ("agilab workflow migrate lab_stages.toml --dry-run", "what it would become, and why"),
        ("agilab workflow migrate lab_stages.toml", "in its place; the old one is kept beside it"),
        ("agilab workflow migrate lab_stages.toml --to v1 --output old.toml", "the way back"),
    ),
)
@click.argument("lab", type=LAB, metavar="FILE")
@click.option("--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it there instead.")
@click.option(
    "--to", type=click.Choice(["v2", "v1"]), default="v2", show_default=True, help="The version to write."
)
@click.option("--module", metavar="NAME", help="Of a v1 file with several modules, this one alone.")
@click.option("--dry-run", is_flag=True, help="Print what would be written; change nothing.")
@json_option
def migrate(lab: str, output: Path | None, to: str, module: str | None, dry_run: bool, as_json: bool) -> int:
    """Bring a lab_stages.toml of version 1 to version 2, or back.

    Comments, unknown keys, the order of keys and the ends of lines are kept, and the way back gives the same data. What
    was done is said line by line.
    """
    from agilab.cli.render import print_json
    from agilab.store.workspace import Workspace
    from agilab.workflow.document.locate import find_lab
    from agilab.workflow.document.migrate import migrate as write
    from agilab.workflow.document.migrate import planned

    if output is not None and output.exists() and output.is_dir():
        raise AgiError("AGI-ARGS-103", "--output names a folder", found=str(output), allowed="a file")
    path = find_lab(lab, Workspace.default())
    done = planned(path, to="v1" if to == "v1" else "v2", output=output, module=module)
    if not dry_run:
        done = write(done)
    if as_json:
        print_json(done.to_plain() | ({"text": done.text} if dry_run else {}))
        return DONE
    if dry_run:
        sys.stdout.write(done.text)
    _print_migration(done)
    return DONE


def _print_migration(done: Migration) -> None:
    lines = _migration(done)
    if done.written:
        from agilab.cli.render import out

        out(*lines)
        return
    # A preview goes to stdout, so that it can be kept; what is said of it goes to stderr.
    for line in lines:
        print(line.plain, file=sys.stderr)


def _migration(done: Migration) -> list[Text]:
    from rich.text import Text

    from agilab.cli.app_view import near
    from agilab.cli.render import mark
    from agilab.cli.words import plural, symbol

    said = "is" if done.written else "would be"
    head = f" {said} version {done.to[1]} now, with {plural(done.stages, 'stage')}"
    sign = mark(True) if done.written else Text(symbol("dot"))
    lines = [Text.assemble(sign, " ", (near(done.target), "bold"), head)]
    renamed = Counter(note.what for note in done.notes if note.kind == "renamed")
    if renamed:
        words = ", ".join(what if count == 1 else f"{what} ({count})" for what, count in renamed.items())
        lines.append(Text.assemble(("  renamed  ", "dim"), words))
    for note in done.notes:
        if note.kind != "renamed":
            style = "yellow" if note.kind == "attention" else ""
            lines.append(Text.assemble((f"  line {note.line:<4}", "dim"), (note.what, style)))
    anew = (
        f"quotes, blank lines and places of comments are those of version {done.to[1]}; the data is the same"
    )
    lines.append(Text.assemble(("  written  ", "dim"), anew))
    if done.backup:
        lines.append(Text.assemble(("  kept     ", "dim"), near(done.backup)))
        lines.append(Text.assemble(("  undo     ", "dim"), (done.undo or "", "cyan")))
    return lines
