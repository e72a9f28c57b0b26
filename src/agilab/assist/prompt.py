"""The prompt: everything that a provider is told, and nothing else.

It is a function of the question, the stage, what is known of its tables and the app's own words, so the same question
about the same stage is the same prompt, with the same digest.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from agilab.assist.data.known import Known
from agilab.assist.engines import Library
from agilab.assist.expressions.functions import FUNCTIONS
from agilab.contracts.assistance import Message
from agilab.contracts.canonical import digest

Wants = Literal["either", "actions", "code"]

_ACTIONS = """\
{"do": "select", "columns": ["a", "b"]}
{"do": "drop", "columns": ["a"]}
{"do": "rename", "names": {"old": "new"}}
{"do": "filter", "where": CONDITION}
{"do": "derive", "column": "new", "expression": "a / b"}
{"do": "fill", "columns": ["a"], "using": "value|mean|median|forward|backward|interpolate", "value": 0, "by": ["g"]}
{"do": "sort", "by": ["a", {"column": "b", "descending": true}]}
{"do": "aggregate", "by": ["g"], "measures": [{"called": "mean_a", "how": "mean", "column": "a"}]}
   how: rows (no column), count, sum, mean, median, min, max, std, first, last, distinct
{"do": "rolling", "column": "a", "how": "mean", "called": "a_24h", "time": "24h", "on": "moment", "by": ["g"]}
   or "rows": 3 instead of time and on; how: sum, mean, median, min, max, std
{"do": "clip", "columns": ["a"], "low": 0, "high": 1}
{"do": "join", "table": "other", "on": ["id", {"left": "l", "right": "r"}], "how": "left|inner|semi|anti"}
{"do": "limit", "rows": 10, "end": "first|last"}
{"do": "deduplicate", "columns": ["a"], "keep": "first|last"}
{"do": "cast", "columns": ["a"], "to": "number|date|datetime", "format": "%Y-%m-%d"}
CONDITION: {"column": "a", "test": "==|!=|<|<=|>|>=", "value": 1} (or "other": "b" for a column)
   {"column": "a", "test": "in|not in", "values": [1, 2]}   {"column": "a", "test": "between", "low": 1, "high": 2}
   {"column": "a", "test": "missing|known"}   {"column": "a", "test": "contains|starts with|ends with", "value": "x"}
   {"all": [CONDITION]}   {"any": [CONDITION]}   {"not": CONDITION}"""


@dataclass(frozen=True)
class Prompt:
    """What is asked, about which stage, with what known.

    Attributes:
        question: In the person's words.
        stage: The id of the stage.
        about: Its title and description.
        code: Its code as it stands.
        library: The library of tables that it works with.
        tables: What it is given; with `append`, what it leaves.
        values: Other inputs, by name.
        outputs: What it must leave.
        wants: Which form of answer.
        append: Whether the answer goes after the present code instead of replacing it.
        pre_prompt: The app's own words.
        send_rows: How many rows of each table may be sent, by consent.
    """

    question: str
    stage: str
    about: str = ""
    code: str = ""
    library: Library = "polars"
    tables: tuple[Known, ...] = ()
    values: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    wants: Wants = "either"
    append: bool = False
    pre_prompt: tuple[Message, ...] = ()
    send_rows: int = 0
    digest: str = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "digest", digest([message.plain() for message in self.messages]))

    @cached_property
    def messages(self) -> tuple[Message, ...]:
        """The conversation: our rules, the app's own words, the question."""
        return (
            Message(role="system", content=self._rules()),
            *self.pre_prompt,
            Message(role="user", content=self._request()),
        )

    def _rules(self) -> str:
        forms = []
        if self.wants != "code":
            functions = ", ".join(function.usage for function in FUNCTIONS.values())
            first = self.tables[0].name if self.tables else "df"
            forms.append(
                "Safe actions: one JSON object in a ```json block and nothing else,\n"
                f'{{"schema": "agilab.safe_actions.v1", "table": "{first}", "actions": [ACTION, …]}}, '
                f"with these actions:\n{_ACTIONS}\n"
                "An expression has columns by name (col('odd name') otherwise), numbers, 'texts', + - * / // %, "
                "comparisons, and, or, not, in, `a if condition else b`, None, and the functions\n"
                + functions
            )
        if self.wants != "actions":
            forms.append(
                "Code: one ```python block and nothing else. Its inputs are there under their names; files are read "
                "and written under the relative paths given. It must leave every output. No shell, no network, no "
                "installing, no paths outside the folder."
            )
        choice = (
            "Answer in one of two forms; prefer the first where it can say what is wanted.\n\n"
            if len(forms) == 2
            else "Answer in this form.\n\n"
        )
        return (
            f"You write one stage of a data pipeline, in Python with {self.library}.\n{choice}"
            + "\n\n".join(forms)
        )

    def _request(self) -> str:
        parts = [f"Stage {self.stage!r}{': ' + self.about if self.about else ''}"]
        if self.tables or self.values:
            parts.append("\n".join(["Inputs:", *(table.described(self.send_rows) for table in self.tables)]))
        if self.values:
            parts.append(f"Other inputs: {', '.join(self.values)}")
        if self.outputs:
            parts.append(f"Outputs: {', '.join(self.outputs)}")
        if self.code.strip():
            word = "Code that stays, and after which yours comes" if self.append else "Present code"
            parts.append(f"{word}:\n```python\n{self.code.rstrip()}\n```")
        parts.append(f"Request: {self.question}")
        return "\n\n".join(parts)
