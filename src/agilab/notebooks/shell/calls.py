"""What calls that start programs give to them: one text for a shell, or a list of words, and in which folder."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product, takewhile
from math import prod

from agilab.notebooks.code.known_texts import Text, under
from agilab.notebooks.code.named_files import argument_of, end_of
from agilab.notebooks.code.names import DEEPEST, Names
from agilab.notebooks.code.values import MOST
from agilab.notebooks.code.walking import Nodes, Place
from agilab.notebooks.shell.commands import Step
from agilab.notebooks.shell.files import (
    lists_of_command,
    steps_of_command,
    steps_of_list,
    words_of_command,
    words_of_list,
)
from agilab.notebooks.shell.program_words import Word, typed_program

SHELL = frozenset({
    "os.popen", "os.system", "subprocess.call", "subprocess.check_call", "subprocess.check_output",
    "subprocess.getoutput", "subprocess.getstatusoutput", "subprocess.Popen", "subprocess.run",
})  # fmt: skip
"""Calls that take a command."""
Argv = tuple[Text, ...]
Told = tuple[Word, bool]
"""A word, and whether its program is come to for certain."""
_UNKNOWN: tuple[Argv, ...] = ((Text("{…}", known=False),),)


@dataclass(frozen=True)
class Command:
    """What one call may start.

    Attributes:
        line: It in one line.
        words: Those of its words that may name files of which `steps` say nothing.
        steps: What is certainly done to files, by their paths from the folder that it is started in.
        folder: That folder; None where the call names none.
        said: The words of a list that say more than their letters.
        perhaps: Whether it is one of two of which a condition takes the other.
        typed: Programs in Python that it is given as texts: as its input (`%%python`), or behind `-c`.
    """

    line: str
    words: tuple[Told, ...]
    steps: tuple[Step, ...]
    folder: Text | None = None
    said: Mapping[str, Text] = field(default_factory=dict)
    perhaps: bool = False
    typed: tuple[str, ...] = ()

    def file_of(self, step: Step) -> Text:
        """The path of what a step is done to, from the folder of the call."""
        path = step.path.rstrip("/") or step.path
        known = "{" not in path and (bool(self.said) or "$" not in path)
        text = replace(self.said.get(step.path, Text(path, known)), text=path)
        return text if self.folder is None or "://" in path else under(self.folder, text)

    def at(self, word: str) -> str:
        """A word as a path, from the folder of the call as far as that is known."""
        folder = self.folder.text if self.folder is not None and self.folder.known else "."
        return posixpath.normpath(posixpath.join(folder, word))


def commands_of(node: ast.Call, place: Place, names: Names, beside: Nodes = ()) -> Iterator[Command]:
    """What a call of `SHELL` starts: its command, and a script for that one's input, as of `%%bash` and `%%python`.

    `beside` are the nodes of the cell, which may put more words into a list.
    """
    command = argument_of(node, 0, ("args", "cmd", "command"))
    if command is None:
        return
    given = {keyword.arg: keyword.value for keyword in node.keywords}
    for folder in _folders(given.get("cwd"), place, names):
        lists = _grown(command, node, place, names, beside)
        if lists is None:
            for text in names.texts(command, place):
                typed = _typed_in(text.text) if text.known else ()
                yield replace(_of_text(text.text), folder=folder, perhaps=text.perhaps, typed=typed)
            continue
        for argv in lists:
            command_of_list = _of_list(argv, _is_true(given.get("shell")))
            below = _given_to_shell([word.text for word in argv])
            program = typed_program([word.text for word in argv])
            script = _decoded(given.get("input")) if below is not None or program == "" else None
            if program is not None:
                texts = names.texts(script, place) if script is not None else ()
                programs = (program,) if program else tuple(text.text for text in texts if text.known)
                yield replace(command_of_list, folder=folder, typed=programs)
                continue
            if script is not None:  # which says what the words are to it
                command_of_list = replace(command_of_list, words=(), steps=())
            yield replace(command_of_list, folder=folder)
            for text in names.texts(script, place) if script is not None else ():
                typed = _typed_in(text.text) if text.known and below is not None else ()
                command_of_script = _of_text(_with_arguments(text.text, below or []))
                yield replace(command_of_script, folder=folder, typed=typed)


def _folders(cwd: ast.expr | None, place: Place, names: Names) -> tuple[Text | None, ...]:
    if cwd is None or (isinstance(cwd, ast.Constant) and cwd.value is None):
        return (None,)
    return names.texts(cwd, place)


def _decoded(node: ast.expr | None) -> ast.expr | None:
    """The text of which a call is given the bytes, as `"wc a.csv".encode()`."""
    function = node.func if isinstance(node, ast.Call) and not node.args else None
    return function.value if isinstance(function, ast.Attribute) and function.attr == "encode" else node


def _is_true(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _of_text(command: str) -> Command:
    command = command.replace("{sys.executable}", "python")
    return Command(command, tuple(words_of_command(command)), tuple(steps_of_command(command)))


def _of_list(argv: Argv, by_shell: bool) -> Command:
    """`by_shell` is whether the first of the words is a script, to which the others are given."""
    words = [word.text for word in argv]
    at = 0 if by_shell else words.index("-c") + 1 if words[:1] in _SHELLS and "-c" in words else None
    if at is not None and at < len(words):
        inner = _of_text(_with_arguments(words[at], words[at + 2 :]))
        given = ((word, True) for word in words_of_list(["sh", "-c", "", *words[at + 2 :]]))
        return replace(inner, words=(*given, *inner.words), perhaps=any(word.perhaps for word in argv))
    unknown = {word.text for word in argv if not word.known}
    return Command(
        " ".join(words),
        tuple((word, True) for word in words_of_list(words) if word.text not in unknown),
        tuple(steps_of_list(words)),
        said={word.text: word for word in argv},
        perhaps=any(word.perhaps for word in argv),
    )


def lists_of(node: ast.expr, place: Place, names: Names, depth: int = 0) -> tuple[Argv, ...] | None:
    """The words of a list as the code writes it down, or the lists that it may be; None where it writes none."""
    if depth > DEEPEST:
        return None
    if isinstance(node, ast.List | ast.Tuple):
        return _joined([_of_item(item, place, names, depth + 1) for item in node.elts])
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        both = [lists_of(side, place, names, depth + 1) for side in (node.left, node.right)]
        if both == [None, None]:
            return None
        return _joined([_UNKNOWN if found is None else found for found in both])
    if isinstance(node, ast.IfExp):
        either = [lists_of(side, place, names, depth + 1) for side in (node.body, node.orelse)]
        return (
            tuple(
                tuple(replace(word, perhaps=True) for word in argv)
                for found in either
                for argv in found or ()
            )
            or None
        )
    if isinstance(node, ast.Call):
        return _of_call(node, place, names, depth)
    if isinstance(node, ast.Name | ast.Attribute | ast.Subscript):
        found = names.found(node, place)
        if found is not None and isinstance(found.node, ast.expr) and found.node is not node:
            return lists_of(found.node, found.place, found.evaluator, depth + 1)
    return None


def _grown(
    command: ast.expr, call: ast.Call, place: Place, names: Names, beside: Nodes
) -> tuple[Argv, ...] | None:
    """The same of what a call is given, with the words that the cell puts into the list above it."""
    if not isinstance(command, ast.Name) or (owner := place.scope.owner(command.id)) is None:
        return lists_of(command, place, names)
    parts = []
    for node, there in beside:
        added = _added(node, command.id) if isinstance(node, ast.Call) else None
        if added is None or there.owner != place.owner or end_of(added) >= end_of(call):
            continue
        found = lists_of(added, there, names) or _UNKNOWN
        sure = there.turns == place.turns[: len(there.turns)]
        parts.append((end_of(added), found if sure else _perhaps(found)))
    bound = owner.bindings[command.id]
    begun = [one for one in bound if one.value is not None]
    first = begun[0] if len(begun) == 1 else None
    if first is None or first.value is None or first.each or (len(bound) == 1 and not parts):
        return lists_of(command, place, names)
    whole = lists_of(first.value, Place(first.cell, first.statement, owner), names)
    more = [part for _, part in sorted(parts, key=lambda part: part[0])]
    more += [_UNKNOWN] * (len(bound) > 1)  # `+=`, of which nobody says here what it adds
    return whole and _joined([whole, *more])


def _added(node: ast.Call, name: str) -> ast.expr | None:
    """What a call puts into a list, as a list."""
    function = node.func
    if not isinstance(function, ast.Attribute) or not node.args:
        return None
    if not isinstance(function.value, ast.Name) or function.value.id != name:
        return None
    if function.attr in ("append", "insert"):
        return ast.copy_location(ast.List(node.args[-1:], ast.Load()), node)
    return node.args[0] if function.attr == "extend" else None


def _perhaps(lists: tuple[Argv, ...]) -> tuple[Argv, ...]:
    return tuple(tuple(replace(word, perhaps=True) for word in argv) for argv in lists)


def _of_item(item: ast.expr, place: Place, names: Names, depth: int) -> tuple[Argv, ...]:
    if isinstance(item, ast.Starred):
        found = lists_of(item.value, place, names, depth)
        return _UNKNOWN if found is None else found
    if names.dotted(item) == "sys.executable":
        return ((Text("python"),),)
    return tuple((text,) for text in names.texts(item, place))


def _joined(parts: Sequence[tuple[Argv, ...]]) -> tuple[Argv, ...]:
    """Each part in turn, in every way; where these are too many, a part that may be several things is not known."""
    if prod(map(len, parts)) > MOST:
        parts = [part if len(part) == 1 else _UNKNOWN for part in parts]
    return tuple(tuple(word for run in way for word in run) for way in product(*parts))


def _of_call(node: ast.Call, place: Place, names: Names, depth: int) -> tuple[Argv, ...] | None:
    """`shlex.split("wc a.csv")`, `"wc a.csv".split()`, and a list made of another."""
    name, whole = names.dotted(node.func), node.args[0] if len(node.args) == 1 else None
    if whole is not None and name in ("list", "tuple"):
        return lists_of(whole, place, names, depth + 1)
    if whole is not None and name == "shlex.split":
        return tuple(_split(text, shlex.split) for text in names.texts(whole, place))
    function = node.func
    if not isinstance(function, ast.Attribute) or node.args or node.keywords:
        return None
    if function.attr == "copy":
        return lists_of(function.value, place, names, depth + 1)
    if function.attr == "split":
        return tuple(_split(text, str.split) for text in names.texts(function.value, place))
    return None


def _split(text: Text, split: Callable[[str], list[str]]) -> Argv:
    try:
        words = split(text.text)
    except ValueError:
        return ()
    return tuple(Text(word, text.known or "{" not in word, perhaps=text.perhaps) for word in words)


_SHELLS = (["bash"], ["sh"], ["zsh"], ["/bin/bash"], ["/bin/sh"])


def _given_to_shell(words: list[str]) -> list[str] | None:
    """What a shell that reads its script as input gives to that as `$1` and so on; None where it does no such thing."""
    if words[:1] not in _SHELLS:
        return None
    options = list(takewhile(lambda word: re.fullmatch(r"-[abefhkmnpstuvx]+|--", word), words[1:]))
    rest = words[1 + len(options) :]
    return rest if not rest or any("s" in option for option in options) else None


def _typed_in(command: str) -> tuple[str, ...]:
    """The programs that Python is given as words in a command, or as a text below it; none where it goes elsewhere.

    >>> _typed_in("python -c 'x = 1'"), _typed_in("ls\\npython3 - <<'END'\\nimport os\\nEND\\n")
    (('x = 1',), ('import os\\n',))
    """
    if re.search(r"(?m)(?:^|[;&|(])\s*(?:cd|pushd)\s", command):
        return ()
    below = (
        one["text"]
        for one in _BELOW.finditer(command)
        if (one["as_it_is"] or not re.search(r"[$`\\]", one["text"]))
        and typed_program(one["call"].split()) == ""
    )
    return (*(text for words in lists_of_command(command) if (text := typed_program(words))), *below)


_BELOW = re.compile(
    r"^(?:[^\n#]*[;&|])?\s*(?P<call>[^\n#;&|<>]+?)\s*<<(?P<as_it_is>\s*[\"'\\])?\s*(?P<end>\w+)[\"']?[^\n]*\n"
    r"(?P<text>.*?)^(?P=end)[^\S\n]*$",
    re.MULTILINE | re.DOTALL,
)
"""A command with the text that stands below it: `python - <<'END'`."""


_PLACE = r"\$(?:(?P<one>[1-9])|\{(?P<other>[1-9])\}|(?P<every>[@*]))"
_ARGUMENT = re.compile(rf"'[^']*'|(?P<quoted>\"(?:\\.|[^\"\\])*\")|\\.|{_PLACE}", re.DOTALL)


def _with_arguments(script: str, given: list[str]) -> str:
    """A script with what it is given in the place of `$1` and so on; not where it counts them anew.

    >>> _with_arguments("wc -l < $1/a.csv > ${1}/n.txt; awk '{print $1}' $2", ["out"])
    "wc -l < out/a.csv > out/n.txt; awk '{print $1}' $2"
    """
    if not given or re.search(r"\bshift\b|\bset\s+--|\bfunction\b|\(\)", script):
        return script

    def put(match: re.Match[str]) -> str:
        named = match.groupdict()
        if named.get("quoted"):
            return re.sub(_PLACE, put, match[0])
        if named["every"]:
            return " ".join(given)
        number = int(named["one"] or named["other"] or 0)
        return given[number - 1] if 0 < number <= len(given) else match[0]

    return _ARGUMENT.sub(put, script)
