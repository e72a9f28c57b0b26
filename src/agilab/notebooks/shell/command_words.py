"""Words of commands that may name files, with what nobody can say of them: `!./tool in.txt out.txt`.

Which of them do, `told_programs` says.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from agilab.notebooks.code.named_files import Act, Artifact, end_of, where_of
from agilab.notebooks.code.turns import Turn
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place
from agilab.notebooks.shell.handed_commands import commands_at
from agilab.notebooks.shell.program_words import Role

WORD: Role = "word"
"""The kinds of such artifacts: what a program may write or read, the latter only, the former most likely, and what is
run itself."""
READ: Role = "word that is read"
WRITTEN: Role = "word that is written"
PROGRAM: Role = "program"
WORDS = frozenset({WORD, READ, WRITTEN, PROGRAM})
_LONGEST = 300
_COMPUTED = re.compile(r"\$\{[^{}]*\}|\$\w+|\{[^{}]*\}")
"""What stands in a word for something else."""


def words_of_commands(nodes: Nodes, evaluator: Evaluator) -> Iterator[Act]:
    """Those of one cell."""
    for node, place in nodes:
        if not isinstance(node, ast.Call):
            continue
        for number, (word, role, sure) in enumerate(dict.fromkeys(_words(node, place, evaluator, nodes))):
            path = _COMPUTED.sub("*", word)
            if path != word and not path.strip("*./-"):
                continue
            artifact = Artifact(
                path,
                path != word,
                "unknown",
                role,
                where_of(path),
                "shell",
                place.cell,
                node.lineno,
                not sure,
            )
            condition = () if sure else (Turn.at_node(node, 0, 0, "under a condition of the shell"),)
            turns = (*place.turns, *condition)
            yield Act(artifact, end_of(node, number), turns, place.owner, gone=False)


def _words(
    node: ast.Call, place: Place, evaluator: Evaluator, beside: Nodes
) -> Iterator[tuple[str, Role, bool]]:
    for command in commands_at(node, place, evaluator, beside):
        known = {step.path for step in command.steps}  # what is done to these is known
        for word, sure in command.words:
            if len(word.text) > _LONGEST or "\0" in word.text:
                continue
            if word.role == PROGRAM or word.text not in known:
                yield command.at(word.text), word.role, sure and not command.perhaps
