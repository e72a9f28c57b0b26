"""What `agilab notebook inspect | import` prints: a notebook, the stages that it becomes, what was written."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.text import Text

    from agilab.contracts.lab_stages import Stage
    from agilab.contracts.notebook_import import NotebookImport
    from agilab.workflow.notebooks.importing import Imported
    from agilab.workflow.notebooks.preview import Preview

SHOWN = 12
"""Findings from which on other kinds are only counted."""
MOST_FILES = 6
"""Files of one folder that are named each; more are counted."""
ALIKE = 2
"""Findings of one kind that are shown of many."""
_STYLES = {"error": "red", "warning": "yellow", "note": "dim"}


def inspected(document: dict[str, Any], *, everything: bool) -> Iterable[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs, title
    from agilab.cli.words import plural

    about, counts = document["notebook"], document["counts"]
    yield Text.assemble(
        (about["name"] or "?", "bold"), f"  {about['format'] or 'no notebook'}", "  not executed"
    )
    if about["whole"]:
        kernel = " ".join(word for word in (about["language"], about["language_version"]) if word)
        parsed = f", {counts['parsed']} of {counts['python']} in Python read" if counts["python"] else ""
        rows: list[tuple[str, Text | str]] = [
            ("cells", f"{counts['cells']} ({counts['code']} code, {counts['markdown']} markdown{parsed})"),
            ("kernel", kernel or "not said"),
        ]
        if document["distributions"]:
            rows.append(("packages", ", ".join(document["distributions"])))
        for word, direction in (("reads", ("read", "both")), ("writes", ("written", "both"))):
            paths = dict.fromkeys(
                one["path"] for one in document["artifacts"] if one["direction"] in direction
            )
            if paths:
                rows.append((word, ", ".join(paths)))
        order = document["execution"]
        if not order["in_order"]:
            rows.append(("order", Text("its cells ran in another order than they stand", "yellow")))
        yield pairs(rows)
    findings = document["findings"]
    if findings:
        yield title(plural(len(findings), "finding"))
        yield _findings(findings, everything=everything, rest="--all")


def _findings(findings: list[dict[str, Any]], *, rest: str, everything: bool = False) -> RenderableType:
    """Findings, gravest first; of many of one kind the first ones. `rest` says where the others are."""
    from rich.text import Text

    from agilab.cli.render import table

    order = {"error": 0, "warning": 1, "note": 2}
    kinds: dict[str, list[dict[str, Any]]] = {}
    for one in sorted(findings, key=lambda one: order[one["severity"]]):
        kinds.setdefault(one["code"], []).append(one)
    several = len({one["location"]["notebook"] for one in findings}) > 1
    rows: list[tuple[Text | str, ...]] = []
    hidden = 0
    for code, alike in kinds.items():
        if not everything and len(rows) >= SHOWN:
            hidden += len(alike)
            continue
        shown = alike if everything or len(alike) <= ALIKE + 1 else alike[:ALIKE]
        for one in shown:
            where = _place_of(one["location"], several=several)
            rows.append((Text(code, _STYLES[one["severity"]]), where, Text(one["what"])))
        if len(alike) > len(shown):
            cells = _cells_of(alike[len(shown) :]) if not several else ""
            rows.append(("", "", Text(f"and {len(alike) - len(shown):,} more of this kind{cells}", "dim")))
            hidden = hidden or -1
    if hidden:
        kept = f"and {hidden:,} of other kinds; all: {rest}" if hidden > 0 else f"all: {rest}"
        rows.append(("", "", Text(kept, "dim")))
    return table(("CODE", "WHERE", "WHAT"), rows, flexible="WHAT")


def _place_of(place: dict[str, Any], *, several: bool) -> str:
    where = f"{place['notebook']} " if several else ""
    where += "" if place["cell"] is None else f"cell {place['cell']}"
    return where + (f":{place['line']}" if place["line"] is not None else "")


def _cells_of(findings: list[dict[str, Any]]) -> str:
    """ "`, in cells 3, 4, 9`: as many as a line has room for."""
    cells = list(dict.fromkeys(one["location"]["cell"] for one in findings))
    known = [str(cell) for cell in cells if cell is not None]
    if not known:
        return ""
    tail = ", …" if len(known) > 8 else ""
    return f", in cell{'s' if len(known) > 1 else ''} {', '.join(known[:8])}{tail}"


def previewed(preview: Preview) -> Iterable[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs, table, title
    from agilab.cli.words import plural
    from agilab.workflow.notebooks.held_together import held_together

    report = preview.report
    names = ", ".join(one.name for one in report.notebooks)
    yield Text.assemble((names, "bold"), "  ", report.mode)
    stages = preview.lab.stages
    if stages:
        yield title(plural(len(stages), "stage"))
        rows = [(stage.id, _passes(stage)) for stage in stages]
        yield table(("STAGE", "TAKES AND GIVES"), rows, flexible="TAKES AND GIVES")
    about: list[tuple[str, Text | str]] = []
    if preview.lab.lab.params:
        about.append(("params", ", ".join(f"{k} = {v!r}" for k, v in preview.lab.lab.params.items())))
    if preview.dependencies and preview.importable:
        about.append(("packages", ", ".join(preview.dependencies)))
    doubts = sum(len(one.undecided) for one in report.notebooks)
    if doubts:
        about.append(
            ("undecided", Text(f"{plural(doubts, 'place')}: their cells stay in one stage", "yellow"))
        )
    several = len(report.notebooks) > 1
    for one in report.notebooks:
        about += [("together", f"{one.name} {why}" if several else why) for why in held_together(one)]
    if about:
        yield pairs(about)
    if preview.back:
        yield title(plural(len(preview.back), "change"))
        changes = [
            (one["kind"], one["stage"], f"{one['what']} ({counting(one['won'])})") for one in preview.back
        ]
        yield table(("KIND", "STAGE", "WHAT"), changes, flexible="WHAT")
    if report.findings:
        yield title(plural(len(report.findings), "finding"))
        rest = "agilab notebook inspect --all; notebook_import.json has them too"
        yield _findings([finding.plain() for finding in report.findings], rest=rest)


def counting(won: str) -> str:
    """Whose words count, in words."""
    return {"undecided": "undecided", "file": "lab_stages.toml counts"}.get(won, f"{won} counts")


def folded(names: Sequence[str]) -> list[str]:
    """Names of values and files, with the files of one folder as that folder where they are many.

    >>> folded(["x", *(f"pkg/{one}/m.py" for one in "abcdefgh"), "data/a.csv"])
    ['x', 'pkg/ (8 files)', 'data/a.csv']
    """
    tops = [name.partition("/")[0] if "/" in name else "" for name in names]
    many = {top for top in tops if top and tops.count(top) > MOST_FILES}
    found = (
        f"{top}/ ({tops.count(top)} files)" if top in many else name
        for name, top in zip(names, tops, strict=True)
    )
    return list(dict.fromkeys(found))


def _passes(stage: Stage) -> Text:
    """What a stage takes and gives, and below it which statements it has from others."""
    from rich.text import Text

    from agilab.cli.words import symbol

    arrow = " → " if symbol("dot") == "·" else " -> "
    takes = ", ".join(folded([one if isinstance(one, str) else one.name for one in stage.inputs]))
    gives = ", ".join(stage.outputs)
    if stage.kind == "none":
        return Text("kept, not run" if stage.code else "text", "dim")
    text = Text(f"{takes}{arrow}{gives}".strip() if gives else takes)
    for name, taken in stage.uses.items():
        text.append(f"{', '.join(taken)} of {name}" if not text else f"\n{', '.join(taken)} of {name}", "dim")
    return text


def told(
    done: Imported, report: NotebookImport, *, runs: bool, unread: Sequence[str] = (), workdir: str = ""
) -> Iterable[RenderableType]:
    from rich.text import Text

    from agilab.cli.render import pairs, title
    from agilab.cli.verified_view import verification_view

    folder = done.path.parent
    why = "counts where the notebook differs" if done.differs else "says all of it already"
    wrote = ", ".join(done.files) or f"nothing: {done.path.name} {why}"
    rows: list[tuple[str, Text | str]] = [("wrote", wrote), ("in", str(folder))]
    if workdir:
        rows.append(("runs in", f"{workdir}/, where the notebook lies: it reads what is beside that folder"))
    if done.backup:
        rows.append(
            ("kept", f"{done.backup}  (undo: {shlex.join(['mv', str(done.backup), str(done.path)])})")
        )
    for name, kept in done.kept:
        rows.append(("kept", f"{kept}  (the {name} that was there)"))
    if done.unnamed:
        told = f"{done.unnamed}\nthe newest ones are locked, with which values may be others"
        rows.append(("versions", Text(told, "yellow")))
    if done.missing:
        rows.append(("missing", Text(f"{', '.join(done.missing)}: put them there", "yellow")))
    rows += [("not taken", Text(f"{one}: mend it and import again", "yellow")) for one in unread]
    yield pairs(rows)
    for one in report.verification:
        yield title(f"Verified {one.notebook}")
        yield verification_view(one)
    yield title("Next")
    if runs:
        yield f"agilab workflow validate {shlex.quote(str(folder))}"
        if not any(one.refused for one in report.verification):
            yield f"agilab workflow run {shlex.quote(str(folder))}"
    else:  # nothing of it is in Python
        yield f"agilab workflow show {shlex.quote(str(folder))}"
