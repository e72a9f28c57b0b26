"""From the text of an answer to safe actions or code."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from agi_node.errors import FAILED, AgiError
from agilab.assist.prompt import Wants
from agilab.contracts.base import parse_document
from agilab.contracts.safe_actions import SafeActions

_BLOCK = re.compile(r"^(`{3,}|~{3,})[ \t]*([\w+-]*)[^\n]*\n(.*?)^\1[ \t]*$", re.MULTILINE | re.DOTALL)
_THOUGHTS = "think|thinking|thought|reasoning"
LONGEST = 1 << 20


@dataclass(frozen=True)
class Reading:
    """An answer, read: one of the two."""

    actions: SafeActions | None = None
    code: str | None = None


def read_answer(text: str, wants: Wants, who: str) -> Reading:
    """What an answer says. `who` is what errors call whoever answered.

    Takes one ``` block of JSON or Python, or the same without a block. Raises AGI-ASSIST-010 where there is neither,
    with the beginning of the text; AGI-ASSIST-011 where there are several; the errors of documents for actions that
    are none.
    """
    if len(text) > LONGEST:
        raise _unusable(who, f"{len(text):,} characters", f"up to {LONGEST:,}")
    text = _without_thoughts(text)
    blocks = [(found[2].lower(), found[3]) for found in _BLOCK.finditer(text.replace("\r\n", "\n") + "\n")]
    if not blocks:
        return _bare(text, wants, who)
    actions = [body for language, body in blocks if language == "json" or _is_object(body)]
    code = [
        body
        for language, body in blocks
        if language in ("python", "py", "python3", "") and body not in actions
    ]
    chosen = actions if wants == "actions" or (actions and wants == "either") else code
    if len(chosen) > 1:
        raise AgiError(
            "AGI-ASSIST-011",
            f"{who} gave several answers in one",
            found=f"{len(chosen)} blocks",
            allowed="one block of JSON or Python",
            try_="ask again, for one thing",
            exit_code=FAILED,
        )
    if not chosen:
        languages = ", ".join(language or "no language" for language, _ in blocks)
        raise _unusable(who, f"blocks of {languages}", _wanted(wants))
    return _actions(chosen[0], who) if chosen is actions else Reading(code=_tidy(chosen[0]))


def _without_thoughts(text: str) -> str:
    """What a model says after it has thought aloud. Some templates leave the first tag out; then only one that stands
    on a line of its own ends the thoughts.

    >>> _without_thoughts("<think>Or y = 2?</think>x = 1"), _without_thoughts("Hm.\\n</think>\\nx = 1")
    ('x = 1', '\\nx = 1')
    """
    if begun := re.match(rf"\s*<({_THOUGHTS})>", text):
        _, _, answer = text.partition(f"</{begun[1]}>")
        return answer
    if ended := re.search(rf"^[ \t]*</({_THOUGHTS})>[ \t]*$", text, re.MULTILINE):
        return text[ended.end() :]
    return text


def _bare(text: str, wants: Wants, who: str) -> Reading:
    if _is_object(text) and wants != "code":
        return _actions(text, who)
    if wants != "actions" and text.strip() and _is_python(text):
        return Reading(code=_tidy(text))
    said = " ".join(text.split())
    raise _unusable(
        who, f"“{said[:200]}{'…' if len(said) > 200 else ''}”" if said else "nothing", _wanted(wants)
    )


def _actions(text: str, who: str) -> Reading:
    return Reading(actions=parse_document(text.strip(), SafeActions, f"the answer of {who}"))


def _is_object(text: str) -> bool:
    return text.strip().startswith("{") and text.strip().endswith("}") and '"actions"' in text


def _is_python(text: str) -> bool:
    """Whether a text without a block is code. `Sorry` is a Python name too, so a statement must be there."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return False
    return any(not isinstance(node, ast.Expr) or isinstance(node.value, ast.Call) for node in tree.body)


def _tidy(code: str) -> str:
    lines = (
        [line.rstrip() for line in code.strip("\n").splitlines()]
        if "'''" not in code and '"""' not in code
        else None
    )
    return "\n".join(lines) + "\n" if lines is not None else code.strip("\n") + "\n"


def _wanted(wants: Wants) -> str:
    return {
        "actions": "one ```json block of safe actions",
        "code": "one ```python block",
        "either": "one ```json block of safe actions, or one ```python block",
    }[wants]


def _unusable(who: str, found: str, allowed: str) -> AgiError:
    return AgiError(
        "AGI-ASSIST-010",
        f"{who} gave no answer that can be used",
        found=found,
        allowed=allowed,
        try_="ask in other words, or another model",
        exit_code=FAILED,
    )
