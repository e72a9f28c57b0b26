"""How `agilab store` shows what it found, and what went."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agilab.cli.render import mark, out, pairs, state, table
from agilab.cli.words import moment, plural, short, size

if TYPE_CHECKING:
    from agilab.evidence.export import Exported
    from agilab.evidence.intake import Imported
    from agilab.store.checkup import Look
    from agilab.store.retention import Pruning

_SHOWN = 20


def print_looks(looks: list[Look], broken: list[Look]) -> None:
    """What differs, what was left lying about, and the verdict."""
    from rich.text import Text

    notes = [note for look in looks for note in look.notes]
    runs = len({look.subject for look in looks if look.name == "log"})
    for look in broken[:_SHOWN]:
        told = Text(look.looked_at, "dim")
        for problem in look.problems:
            told.append(f"\n{problem}", "red not dim")
        rows: list[Any] = [(Text.assemble(mark(False), f" {look.name}"), told)]
        out(Text(look.subject, "bold"), pairs(rows))
    if len(broken) > _SHOWN:
        out(Text(f"and {plural(len(broken) - _SHOWN, 'more finding')}", "red"))
    if notes:
        out(Text("left by processes that died:", "dim"), pairs([("", note) for note in notes[:_SHOWN]]))
        out(Text.assemble("  ", ("agilab store prune", "cyan"), ("  takes them away", "dim")))
    if not broken:
        out(Text.assemble(mark(True), f" {plural(runs, 'run')} and all that is around them are whole"))
        return
    verb = "differs" if len(broken) == 1 else "differ"
    damaged = sorted(
        {look.subject for look in broken if look.name in ("log", "projection", "manifest", "objects")}
    )
    out(Text.assemble(mark(False), (f" {plural(len(broken), 'part')} of the store {verb}", "bold")))
    for run_id in damaged[:3]:
        out(Text.assemble("  ", (f"agilab runs verify {run_id}", "cyan"), ("  looks at its evidence", "dim")))
    if damaged:
        out(
            Text.assemble(
                "  ", ("agilab store import EXPORT", "cyan"), ("  puts back what is missing", "dim")
            )
        )


def print_pruning(done: Pruning) -> None:
    """Which runs went or would go, and what that frees."""
    from rich.text import Text

    if done.runs:
        rows = [
            (
                seal.run_id,
                state(seal.state),
                moment(seal.finished_us),
                f"{seal.event_count:,}",
                seal.head[:12],
            )
            for seal in done.runs[:_SHOWN]
        ]
        out(table(("run", "state", "ended", ">events", "sealed at"), rows))
        if len(done.runs) > _SHOWN:
            out(Text(f"and {plural(len(done.runs) - _SHOWN, 'more run')}", "dim"))
    for run_id, why in done.left[:_SHOWN]:
        out(Text.assemble((f"{run_id} stays: ", "yellow"), why))
    also = [
        plural(number, word)
        for number, word in (
            (len(done.finished), "half-pruned run"),
            (done.collected.objects, "object"),
            (done.collected.snapshots, "source folder"),
            (len(done.leftovers), "leftover"),
        )
        if number
    ]
    stay = f"{plural(done.kept, 'run')} {'stays' if done.kept == 1 else 'stay'}"
    if not done.runs and not also and not done.room.given_back:
        out(Text(f"Nothing may go: {stay}, marked, unfinished, or kept by --keep-runs or --keep-days."))
    else:
        went = ", ".join([plural(len(done.runs), "run"), *also])
        freed = (size(done.bytes + done.room.given_back), "bold")
        out(
            Text.assemble(
                f"{went} {'would go' if done.dry_run else 'went'}, which frees ",
                freed,
                " and what their rows take in the database" if done.dry_run and done.runs else "",
                f"; {stay}",
            )
        )
    _print_what_stays_on_disk(done)


def _print_what_stays_on_disk(done: Pruning) -> None:
    """What a prune cannot give back to the disk, why, and what to do."""
    from rich.text import Text

    collected, room = done.collected, done.room
    stays = []
    if collected.waiting:
        unneeded = (
            f"{plural(collected.waiting, 'object')} that nobody needs ({size(collected.waiting_bytes)})"
        )
        stays.append(f"{unneeded}: {collected.why}")
    elif collected.why:
        stays.append(f"every object: {collected.why}")
    if room.why:
        stays.append(f"{size(room.kept)} in the database file, for new runs to use: {room.why}")
    if done.dry_run and done.holders:
        stays.append("objects that nobody needs, for as long as the workspace is open elsewhere")
    if not stays:
        return
    out(Text("stays on the disk", "yellow"), pairs([("", text) for text in stays]))
    if done.holders:
        out(Text("open in", "yellow"), pairs([("", holder) for holder in done.holders[:_SHOWN]]))
    if collected.waiting or done.holders:
        out(Text.assemble("  end that first, then: ", ("agilab store prune", "cyan")))
    elif collected.why:
        out(Text.assemble("  ", ("agilab store check", "cyan"), ("  says what is missing", "dim")))


def print_exported(done: Exported) -> None:
    """Where the export lies and how to verify it."""
    from rich.text import Text

    rows: list[tuple[str, Any]] = [
        ("export", short(done.path)),
        ("holds", f"{done.files:,} files, {size(done.bytes)} unpacked"),
        ("log head", done.head),
        ("verify", Text(f"agilab store import {shlex.quote(str(done.path))} --dry-run", "cyan")),
    ]
    if done.manifest is None:
        rows.insert(
            2, ("manifest", "none: the run left no manifest, its log and objects are all its evidence")
        )
    words = " was exported before, byte for byte" if done.already else ""
    out(Text.assemble(mark(True), " ", (done.run_id, "bold"), words), pairs(rows))


def print_imported(done: Imported, path: Path) -> None:
    """What was verified, and whether the run is here now."""
    from rich.text import Text

    words = {"verified": "holds together, byte for byte", "imported": "is here now"}.get(
        done.outcome, "was here already, with this log"
    )
    rows: list[tuple[str, Any]] = [
        ("holds", f"{plural(done.events, 'event')}, {plural(done.files, 'file')}"),
        ("log head", done.head),
    ]
    if done.put_back:
        rows.append(("put back", plural(done.put_back, "lost object or file")))
    rows += [("note", note) for note in done.notes]
    dry_run = done.outcome == "verified"
    look = "import it" if dry_run else "look"
    rows.append(
        (
            look,
            Text(
                f"agilab store import {shlex.quote(str(path))}"
                if dry_run
                else f"agilab runs show {done.run_id}",
                "cyan",
            ),
        )
    )
    out(Text.assemble(mark(True), " ", (done.run_id, "bold"), f" {words}"), pairs(rows))
