"""Answers by the grammar of `forms`, and says exactly which words it did not understand."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from agi_node.errors import FAILED, AgiError
from agilab.assist.data.known import Known
from agilab.assist.engines import Library
from agilab.assist.offline.forms import FORMS, Form
from agilab.assist.offline.recipes import RECIPES, recipe
from agilab.assist.offline.words import NotSaid, Reader, nearest
from agilab.assist.prompt import Prompt
from agilab.assist.providers import Answer
from agilab.assist.stage_text import appended
from agilab.assist.steps.checking import check
from agilab.assist.steps.compiling import code_of
from agilab.contracts.assistance import TableSchema
from agilab.contracts.base import parse_document
from agilab.contracts.lab_stages import is_file
from agilab.contracts.safe_actions import SafeActions

_THEN = re.compile(
    r"(?:\s*[;\n]\s*(?:and\s+)?(?:then\s+)?|,?\s+(?:and\s+)?then\s+(?!by\b)|\.\s+)(?=\S)", re.IGNORECASE
)
_POLITE = re.compile(r"^(?:(?:please|and|then|also|first,)\s+)+(?!\d)", re.IGNORECASE)
_QUOTES = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")


class OfflineProvider:
    """Understands a documented grammar; equal prompts have equal answers, and nothing leaves this machine."""

    name = "offline"

    def answer(self, prompt: Prompt, hear: Callable[[str], None]) -> Answer:
        """Safe actions, or the code of a recipe. Raises AGI-ASSIST-040 for what is not understood."""
        table = prompt.tables[0] if prompt.tables else Known(prompt.values[0] if prompt.values else "df")
        code = self._recipe(prompt, table)
        if code is None:
            actions = self._actions(prompt, table)
            text = (
                "```json\n"
                + _readable({"schema": "agilab.safe_actions.v1", "table": table.name, "actions": actions})
                + "\n```\n"
            )
        else:
            text = f"```python\n{code}```\n"
        hear(text)
        return Answer(text)

    @staticmethod
    def _recipe(prompt: Prompt, table: Known) -> str | None:
        reader = Reader(prompt.question.strip().rstrip("."), table.schema)
        try:
            code = recipe(reader, table.name, prompt.library)
            if code is not None:
                reader.end("the end of the request")
                code = appended(itself, code) if (itself := _itself(table, prompt.library)) else code
        except NotSaid as problem:
            raise _not_understood(reader.text, problem, RECIPES) from None
        if code is not None and prompt.wants == "actions":
            raise AgiError(
                "AGI-ASSIST-041",
                "the offline provider answers this request with code",
                found="--actions",
                allowed="a request for safe actions",
                try_="leave --actions out",
            )
        return code

    @staticmethod
    def _actions(prompt: Prompt, table: Known) -> list[dict[str, Any]]:
        tables = {known.name: known.schema for known in prompt.tables} | {table.name: table.schema}
        found: list[dict[str, Any]] = []
        for clause in clauses(prompt.question):
            after = _after(table.name, found, tables)
            found += _read(clause, after)
        _after(table.name, found, tables)  # a last step that does not fit is said now, in the same words
        return found


def clauses(question: str) -> list[str]:
    """A request, step by step: `then`, a semicolon, a full stop or a new line stands between two.

    >>> clauses("keep rows where a is 'x; y'; sort by b, then top 3 by c")
    ["keep rows where a is 'x; y'", 'sort by b', 'top 3 by c']
    """
    # What is in quotes is covered while the text is cut, without changing where anything stands.
    covered = _QUOTES.sub(lambda match: "\x00" * len(match[0]), question)
    parts, start = [], 0
    for match in _THEN.finditer(covered):
        parts.append(question[start : match.start()])
        start = match.end()
    parts.append(question[start:])
    begun = [_POLITE.sub("", part.strip()).rstrip(".;,").strip() for part in parts]
    return [part for part in begun if part]


def _itself(table: Known, library: Library) -> str:
    """The code that makes one table of a file, or of a dict of tables; none for a value that is a table."""
    if not (is_file(table.name) or table.key):
        return ""
    nothing = SafeActions(table=table.name, actions=())
    keys = {table.name: table.key} if table.key else {}
    return code_of(check(nothing, {table.name: table.schema}, "the request"), library, keys=keys)


def _after(table: str, found: list[dict[str, Any]], tables: dict[str, TableSchema]) -> TableSchema:
    document = {"schema": "agilab.safe_actions.v1", "table": table, "actions": found}
    where = "the request"
    return check(parse_document(json.dumps(document), SafeActions, where), tables, where).after


def _read(clause: str, table: TableSchema) -> list[dict[str, Any]]:
    problems: list[tuple[int, NotSaid, Form]] = []
    begun_by = [(form, Reader(clause, table)) for form in FORMS]
    begun_by = [(form, reader) for form, reader in begun_by if not form.begins or reader.take(*form.begins)]
    # The longest first words win: `remove duplicates` is no column that is removed.
    for form, reader in sorted(begun_by, key=lambda pair: -pair[1].at):
        try:
            actions = form.read(reader)
            reader.end()
            return actions
        except NotSaid as problem:
            problems.append((problem.at, problem, form))
    _, furthest, form = max(problems, key=lambda entry: entry[0])
    begun = [form.example] if form.begins else nearest(clause, [form.example for form in FORMS])
    raise _not_understood(clause, furthest, begun)


def _not_understood(clause: str, problem: NotSaid, near: Any) -> AgiError:
    rest = clause[problem.at :].strip()
    shown = rest if len(rest) <= 60 else rest[:59] + "…"
    understood = clause[: problem.at].strip()
    found = f"“{shown}”" if rest else "the end of the request"
    near = near or ([] if understood else [form.example for form in FORMS[:1] + FORMS[9:11]])
    forms = [f"“{form}”" for form in near]
    return AgiError(
        "AGI-ASSIST-040",
        f"the offline provider does not understand the request{f' after “{understood}”' if understood else ''}",
        found=found,
        allowed=problem.wanted if understood or not forms else "a request such as " + ", or ".join(forms),
        try_=f"say it as in “{near[0]}” (docs/assistance.md lists all forms)"
        if near
        else "docs/assistance.md lists all forms",
        exit_code=FAILED,
    )


def _readable(document: dict[str, Any]) -> str:
    """JSON with one action a line."""
    head = {key: value for key, value in document.items() if key != "actions"}
    lines = [f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}," for key, value in head.items()]
    actions = ",\n".join(f"    {json.dumps(action, ensure_ascii=False)}" for action in document["actions"])
    return "\n".join(["{", *lines, '  "actions": [', actions, "  ]", "}"])
