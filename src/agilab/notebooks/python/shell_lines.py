"""Shell lines: what they install, what they mean in Python, and what is risky about them."""

from __future__ import annotations

import re
from collections.abc import Container
from itertools import pairwise

from agilab.notebooks.python.meaning import Meaning, text_expression
from agilab.notebooks.secrets import redact

_INSTALL = re.compile(
    r"(?:sudo\s+(?:-\w+\s+)*)?"
    r"(?:(?:\{?sys\.executable\}?|\"?\{sys\.executable\}\"?|[\w./]*python[\d.]*|py)\s+(?:-\w\s+)*?-m\s+)?"
    r"(?P<tool>uv\s+pip|pip[\d.]*|conda|mamba|micromamba|uv|poetry|apt-get|apt|brew|easy_install|npm|yarn|pipenv|"
    r"(?:[\w./]*/)pip[\d.]*)\s+"
    r"(?:-\w\s+)*(?P<verb>install|add|i|update|upgrade|create)\b"
)
_PART = re.compile(r"(?:\"[^\"\n]*\"|'[^'\n]*'|(?<!&)&(?!&)|[^;&\n\"']|[\"'])+")
"""A command between `&&`, `;` and line ends."""
_PYTHON_TOOLS = ("pip", "uv", "poetry", "pipenv", "conda", "mamba", "micromamba", "easy_install")
_VALUED = frozenset({
    "-r", "--requirement", "-c", "--channel", "-f", "--find-links", "-i", "--index-url", "--extra-index-url",
    "-n", "--name", "-p", "--prefix", "-t", "--target", "--constraint", "--root", "--python", "--trusted-host",
    "--progress-bar", "--timeout", "--cache-dir", "--src", "--platform",
})  # fmt: skip
"""Options whose value is the next word."""
_REQUIREMENT = re.compile(r"[A-Za-z0-9][\w.\-]*(?:\[[\w,.\- ]*\])?(?:\s*(?:[=<>!~]=?=?|@)\s*\S+)?(?:\s*;.*)?")


def install_of(command: str, in_shell: bool = True) -> Meaning | None:
    """What a command installs; None if it installs nothing. Outside a shell `>` begins no redirection.

    The meaning's text is what else the command does, as a command.

    >>> install_of("pip install -q 'pandas==2.2' rich").requirements
    ('pandas==2.2', 'rich')
    >>> install_of("conda install -c conda-forge numpy=1.26 -y").requirements
    ('numpy==1.26',)
    >>> install_of("pip install rich -r more.txt 2>&1 | tail -3").requirements
    ('rich', '-r more.txt')
    """
    requirements: list[str] = []
    rest: list[str] = []
    for part in _PART.findall(command) if in_shell else [command]:
        match = _INSTALL.match(part.strip())
        if not match:
            rest += [part.strip()] if part.strip() else []
            continue
        tool = match["tool"].split("/")[-1].split()[0].rstrip("0123456789.")
        if tool in _PYTHON_TOOLS:
            conda = tool in ("conda", "mamba", "micromamba")
            requirements += _requirements(part.strip()[match.end() :], conda, in_shell)
    if len(rest) == (len(_PART.findall(command)) if in_shell else 1):
        return None
    what = f"installs: {redact(' '.join(command.split()))}"
    return Meaning(" && ".join(rest), "NB-113", what, requirements=tuple(requirements))


def _requirements(rest: str, conda: bool, in_shell: bool) -> list[str]:
    """The packages among a command's words; files, URLs and options are not packages."""
    words = []
    for word in re.findall(r"\"[^\"]*\"|'[^']*'|\S+", rest.partition(" #")[0]):
        if in_shell and re.match(r"\d?[<>|]", word):
            break
        if word[0] in "\"'":
            words.append(word[1:-1] if word[-1] == word[0] else word[1:])
        else:
            words.append(re.split(r"[<>|]", word)[0] if in_shell else word)
    result: list[str] = []
    skip = False
    files = [f"-r {after}" for word, after in pairwise(words) if word in ("-r", "--requirement")]
    for word in words:
        if skip or word.startswith("-"):
            skip = not skip and word in _VALUED
            continue
        if (
            "/" in word
            or "{" in word
            or "$" in word
            or word in (".", "pip")
            or word.endswith((".whl", ".gz", ".txt"))
        ):
            continue
        if conda:
            word = re.sub(r"(?<![=<>!~])=(?!=)", "==", word.rpartition("::")[2])
        if _REQUIREMENT.fullmatch(word):
            result.append(word)
    return [*result, *files]


_ANY_SHELL = re.compile(
    r"(?:[\w\s./,:+=@%'\"|>?-]|(?<!\*)\*(?!\*)|\{\w+\}|\$(?!BASH|E?UID\b|HOSTNAME|RANDOM|SECONDS)[A-Za-z_]\w*)*"
)
"""A line that each shell reads alike: words, paths, patterns, pipes; no `{a,b}`, no `[[`, no `&>`."""
_ITS_OWN = re.compile(r"(?:^|\|)\s*(?:declare|echo|let|popd|printf|pushd|shopt|source|time|type|which)\b|~")


def shell_command(command: str, names: Container[str]) -> str:
    """`!command`: its output goes where the cell's goes, its exit code nowhere, as in IPython."""
    modules, how = _shell(command)
    return f"import {modules}; subprocess.run({text_expression(command, names)}, {how})"


def captured(command: str, target: str, names: Container[str]) -> str:
    """`target = !command`: the lines that it prints, errors among them."""
    modules, how = _shell(command)
    call = f"subprocess.run({text_expression(command, names)}, {how}"
    both = "stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True"
    return f"import {modules}; {target} = {call}, {both}).stdout.splitlines()"


_OF_LINES = r"(?:n|s|l|p|list|nlstr|spstr|paths|grep|fields|sort|get_(?:list|spstr|nlstr|paths))"
_SURELY_OF_LINES = re.compile(r"\.(?:nlstr|spstr|grep\(|fields\(|get_(?:spstr|nlstr)\()")
_CAPTURED = re.compile(r"^[^\S\n]*([A-Za-z_]\w*)\s*=\s*(?:!|%(?:sx|system|sc)\b)", re.MULTILINE)


def asked_as_lines(text: str) -> frozenset[str]:
    r"""The names of a notebook's captured lines that it asks for more than a list has, as `lines.n` or `lines.grep`.

    >>> sorted(asked_as_lines("a = !ls\nb = !ls\nc = !ls\nprint(a.n, len(b), [line.strip() for line in c])"))
    ['a']
    """
    targets = frozenset(_CAPTURED.findall(text))
    if not targets or _SURELY_OF_LINES.search(text):
        return targets
    return frozenset(name for name in targets if re.search(rf"\b{name}\s*\.\s*{_OF_LINES}\b", text))


def as_lines(python: str, target: str) -> str:
    """What captures lines, with the list that IPython makes of them: one with `n`, `grep` and `fields`."""
    head, assigned, call = python.partition(f"; {target} = ")
    if not assigned or not call.endswith(".splitlines()"):
        return python
    return f"{head}; from IPython.utils.text import SList{assigned}SList({call})"


def _shell(command: str) -> tuple[str, str]:
    """The modules and arguments of a call that has a line read by a shell: the user's own, where it matters which.

    >>> _shell("ls -l"), _shell("mkdir -p data/{raw,clean}")
    (('subprocess', 'shell=True'), ('os, subprocess', "shell=True, executable=os.environ.get('SHELL')"))
    """
    if _ANY_SHELL.fullmatch(command) and not _ITS_OWN.search(command):
        return "subprocess", "shell=True"
    return "os, subprocess", "shell=True, executable=os.environ.get('SHELL')"


_NETWORK = re.compile(
    r"\b(wget|curl|git\s+(clone|pull|fetch)|gdown|aws\s+s3|gsutil|kaggle|scp|rsync|ssh)\b|https?://"
)
_REPOSITORY = re.compile(
    r"(?:^|[;&|(\n]\s*)git\s+(?:--?[\w-]+\s+)*"
    r"(?:add|blame|branch|checkout|commit|describe|diff|log|ls-files|merge|rev-parse|show|stash|status|switch|tag)\b"
)
_MAKES_REPOSITORY = re.compile(r"\bgit\s+(?:init|clone)\b")
_DELETES = re.compile(r"(^|[;&|\n]\s*)(sudo\s+)?(rm|rmdir|del|shred)\s")


def shell_finding(command: str, shown: str = "") -> tuple[str, str]:
    """(code, sentence) of a shell command: that it deletes or fetches weighs more than that it is one."""
    text = shown or f"!{redact(' '.join(command.split()))}"
    if _DELETES.search(command):
        return "NB-510", f"{text} deletes files"
    if _NETWORK.search(command):
        return "NB-501", f"{text} fetches from the network"
    if _REPOSITORY.search(command) and not _MAKES_REPOSITORY.search(command):
        return "NB-513", f"{text} asks a git repository, and the folder of a stage is none"
    return "NB-112", f"{text} runs in a shell"
