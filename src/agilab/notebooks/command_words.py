"""Words of commands that name files which the notebook makes: `subprocess.run([sys.executable, "prog.py"])`."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

from agilab.notebooks.handed_commands import commands_at
from agilab.notebooks.named_files import Act, Artifact, end_of, where_of
from agilab.notebooks.values import Evaluator
from agilab.notebooks.walking import Nodes, Place

WORD = "word"
"""The kind of such an artifact; what the command does to it nobody can say."""


def words_of_commands(nodes: Nodes, evaluator: Evaluator, made: Collection[str]) -> Iterator[Act]:
    """Those of one cell that are among the files that are `made` somewhere."""
    for node, place in nodes if made else ():
        if not isinstance(node, ast.Call):
            continue
        for number, word in enumerate(dict.fromkeys(_words(node, place, evaluator, nodes))):
            if word in made:
                artifact = Artifact(
                    word, False, "unknown", WORD, where_of(word), "shell", place.cell, node.lineno
                )
                yield Act(artifact, end_of(node, number), place.turns, place.owner, gone=False)


def _words(node: ast.Call, place: Place, evaluator: Evaluator, beside: Nodes) -> Iterator[str]:
    for command in commands_at(node, place, evaluator, beside):
        known = {step.path for step in command.steps}  # what is done to these is known
        yield from (command.at(word) for word in command.words if word not in known)
