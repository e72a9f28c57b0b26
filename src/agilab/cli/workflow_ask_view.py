"""How a question and its answer look: the prompt, the change with what is to be said about it, a trial, the verdict."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agi_node.errors import DONE

if TYPE_CHECKING:
    from rich.text import Text

    from agilab.assist.asking import Asked
    from agilab.assist.proposal import Outcome, Proposal


def show_prompt(asked: Asked, *, as_json: bool) -> int:
    from agilab.assist.unseen import spelt
    from agilab.cli.render import out, print_json, title

    prompt = asked.prompt
    if as_json:
        messages = [message.plain() for message in prompt.messages]
        print_json(
            {
                "prompt_digest": prompt.digest,
                "messages": messages,
                "rows_sent": prompt.send_rows,
                "sent": False,
            }
        )
        return DONE
    for message in prompt.messages:
        out(title(message.role), spelt(message.content), "")
    out(f"nothing was sent; digest {prompt.digest}")
    return DONE


def shown(proposal: Proposal) -> list[Text]:
    from rich.text import Text

    from agilab.assist.unseen import spelt
    from agilab.cli.words import symbol

    lines = [_coloured(line) for line in proposal.diff]
    if not lines:
        lines = [Text("The stage says that already: nothing would change.", "dim")]
    for finding in proposal.findings:
        sign, style = (
            (symbol("bad"), "bold red") if finding.weight == "error" else (symbol("warn"), "bold yellow")
        )
        where = f"  {finding.code}, line {finding.line} of the proposal"
        lines += [Text(""), Text.assemble((sign, style), " ", (spelt(finding.what), "bold"), (where, "dim"))]
        lines.append(Text.assemble(("  try  ", "dim"), (spelt(finding.mend), "cyan")))
    return lines


def _coloured(line: str) -> Text:
    """A line of a diff; what is not seen in it is spelt out."""
    from rich.text import Text

    from agilab.assist.unseen import spelt

    text = spelt(line)
    if text.startswith(("+++", "---")):
        return Text(text, "bold")
    return Text(text, {"+": "green", "-": "red", "@": "cyan"}.get(text[:1], ""))


def trial(outcome: Outcome) -> Text:
    from rich.text import Text

    from agilab.assist.unseen import spelt
    from agilab.cli.words import symbol

    said = spelt(outcome.said)
    if outcome.succeeded is None:
        return Text.assemble("\n", (symbol("dot"), "dim"), (f" not tried: {said}", "dim"))
    sign, style = (symbol("ok"), "green") if outcome.succeeded else (symbol("bad"), "bold red")
    on = f" on {outcome.on}" if outcome.on else ""
    return Text.assemble("\n", (sign, style), f" tried{on}: {said}")


def verdict(proposal: Proposal, accepted: bool) -> Text:
    from rich.text import Text

    from agilab.assist.unseen import spelt

    who = spelt(proposal.answer.model or proposal.provider)
    if accepted:
        undo = f"agilab workflow ask {proposal.asked.stage.id} --undo"
        return Text.assemble((f"accepted, by {who}", "green"), "; undo: ", (undo, "cyan"))
    if not proposal.changes:
        return Text(f"nothing to accept, by {who}", "dim")
    untried = not proposal.findings and proposal.tried is not None and proposal.tried.succeeded is None
    unsure = ": nobody vouches for it; run the lab up to here first, or ask with --no-try"
    reason = "" if proposal.sound else unsure if untried else ": see above"
    return Text(f"not accepted{reason} (by {who})", "yellow")
