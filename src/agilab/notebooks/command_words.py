"""Words of commands that name files which the notebook makes: `subprocess.run([sys.executable, "prog.py"])`."""

from __future__ import annotations

import ast
import shlex
from collections.abc import Collection, Iterator

from agilab.notebooks.artifacts import SHELL, commands_of
from agilab.notebooks.named_files import Act, Artifact, end_of, where_of
from agilab.notebooks.shell_files import steps_of_command
from agilab.notebooks.values import Evaluator
from agilab.notebooks.walking import Nodes, Place

WORD = "word"
"""The kind of such an artifact; what the command does to it nobody can say."""


def words_of_commands(nodes: Nodes, evaluator: Evaluator, made: Collection[str]) -> Iterator[Act]:
    """Those of one cell that are among the files that are `made` somewhere."""
    for node, place in nodes if made else ():
        if not isinstance(node, ast.Call) or evaluator.dotted(node.func) not in SHELL or not node.args:
            continue
        words = (word.removeprefix("./") for word in _words(node, place, evaluator))
        for number, word in enumerate(dict.fromkeys(words)):
            if word in made:
                artifact = Artifact(
                    word, False, "unknown", WORD, where_of(word), "shell", place.cell, node.lineno
                )
                yield Act(artifact, end_of(node, number), place.turns, place.owner, gone=False)


def _words(node: ast.Call, place: Place, evaluator: Evaluator) -> Iterator[str]:
    if isinstance(node.args[0], ast.List | ast.Tuple):
        for item in node.args[0].elts:
            yield from (text.text for text in evaluator.texts(item, place) if text.known)
    for command in commands_of(node, place, evaluator):
        known = {step.path for step in steps_of_command(command)}  # what is done to these is known
        try:
            yield from (word for word in shlex.split(command, comments=True) if word not in known)
        except ValueError:
            continue
