"""What each magic means in Python, or why it means nothing there.

| outcome | examples |
| --- | --- |
| translated | `%cd` `%env X=1` `%time f()` `%run x.py` `%%writefile` `!cmd` `%%bash` `/f x` |
| its body stays | `%%time` `%%capture` `%%prun` |
| dropped, with a note | `%matplotlib inline` `%load_ext` `%timeit` `x?` |
| a comment, with a warning | `%store` `%sql` `%R` whatever is not known |
| kept as text | cells of another language: `%%R` `%%sql` `%%html` |

A magic that is assigned and has no translation stays IPython's own call, so that it fails by name where IPython is not,
instead of giving a wrong value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container
from dataclasses import replace

from agilab.notebooks.meaning import (
    Meaning,
    importing,
    literal,
    path_expression,
    split_words,
    text_expression,
)
from agilab.notebooks.secrets import redact
from agilab.notebooks.shell import captured, install_of, shell_command, shell_finding

SETTINGS = frozenset({
    "aimport", "alias_magic", "autocall", "automagic", "autoreload", "autosave", "bookmark", "cat", "clear", "cls",
    "colors", "config", "connect_info", "debug", "dhist", "dirs", "doctest_mode", "gui", "hist", "history", "html",
    "javascript", "latex", "ldir", "less", "ll", "load_ext", "logoff", "logon", "logstart", "logstate", "logstop",
    "ls", "lsmagic", "magic", "man", "markdown", "matplotlib", "md", "more", "nbdev_default_export", "nbdev_export",
    "notebook", "page", "pastebin", "pdb", "pdef", "pdoc", "pfile", "pinfo", "pinfo2", "pprint", "precision",
    "profile", "psearch", "psource", "pwd", "pycat", "qtconsole", "quickref", "rehashx", "reload_ext", "svg", "tb",
    "tensorboard", "tensorflow_version", "unload_ext", "version_information", "watermark", "who", "who_ls", "whos",
    "xmode",
})  # fmt: skip
"""Line magics that change how things are shown or reloaded, or show something themselves."""

SHELL_ALIASES = frozenset(["mkdir", "cp", "mv", "rm", "rmdir", "touch", "unzip", "wget", "curl", "tar"])
_VALUED = {"prun": "DlsT", "memit": "rti", "lprun": "fmDTu", "timeit": "nr", "time": ""}
"""Options that take a value, by magic."""


def help_meaning() -> Meaning:
    """`x?`, `?x`, `%magic?`: shows documentation."""
    return Meaning("", "NB-117", "asks for help")


def shell_meaning(command: str, target: str, names: Container[str]) -> Meaning:
    """`!command`, or `target = !command`."""
    install = install_of(command)
    if install and not target:
        return replace(install, python=shell_command(install.python, names) if install.python else "")
    python = captured(command, target, names) if target else shell_command(command, names)
    return Meaning(python, *shell_finding(command))


def line_meaning(name: str, arguments: str, target: str, names: Container[str]) -> Meaning:
    """`%name arguments`, or `target = %name arguments`."""
    arguments = arguments.strip()
    special = _LINE.get(name)
    meaning = special(arguments, target, names) if special else None
    if meaning:
        return meaning
    if target:
        return _left_to_ipython(name, arguments, target)
    if name in SETTINGS:
        return Meaning("", "NB-110", f"%{name} was dropped")
    if name in SHELL_ALIASES:
        return shell_meaning(f"{name} {arguments}", target, names)
    return Meaning("", "NB-111", f"%{name} became a comment{_why(name)}")


def _why(name: str) -> str:
    return {
        "reset": ": it forgets every name",
        "load": ": it puts a file's text into the cell",
        "macro": ": it repeats earlier cells",
        "recall": ": it repeats earlier cells",
        "rerun": ": it repeats earlier cells",
    }.get(name, "")


def _left_to_ipython(name: str, arguments: str, target: str) -> Meaning:
    call = f"get_ipython().run_line_magic({literal(name)}, {literal(arguments)})"
    return Meaning(f"{target} = {call}", "NB-111", f"{target} = %{name} has no meaning outside IPython")


# ---- line magics with a meaning of their own; None: not in this use


def _directory(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    words = [word for word in split_words(arguments) if word not in ("-q", "-b")]
    if target or not words or words[0].startswith("-"):
        return None if target or words else Meaning("", "NB-110", "%cd alone was dropped")
    return Meaning(f"import os; os.chdir({path_expression(words[0], names)})")


def _environment(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    if target:
        value = f"os.environ[{literal(arguments)}]" if arguments else "dict(os.environ)"
        return Meaning(f"import os; {target} = {value}")
    name, equals, value = arguments.partition("=")
    if not equals:
        name, _, value = arguments.partition(" ")
    name, value = name.strip(), value.strip()
    if not name or (not value and not equals):
        return Meaning("", "NB-110", "%env that only shows was dropped")
    return Meaning(f"import os; os.environ[{literal(name)}] = {text_expression(value, names)}")


def _timed(name: str) -> Callable[[str, str, Container[str]], Meaning | None]:
    def meaning(arguments: str, target: str, names: Container[str]) -> Meaning | None:
        if target:
            return None
        return Meaning(
            _without_options(arguments, _VALUED[name]), "NB-110", f"%{name} was dropped; what it runs stays"
        )

    return meaning


def _without_options(arguments: str, valued: str) -> str:
    rest = arguments
    while match := re.match(r"-(\w)(\S*)\s+", rest):
        rest = rest[match.end() :]
        if match[1] in valued and not match[2]:
            rest = rest.partition(" ")[2].lstrip()
    return rest


def _timeit(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    return None if target else Meaning("", "NB-116", "%timeit was left out: it only measures")


def _run(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    words = split_words(arguments)
    flags: list[str] = []
    while words and words[0].startswith("-"):
        flags.append(words.pop(0))
        if flags[-1] in ("-N", "-l", "-s", "-T", "-D") and words:
            words.pop(0)
    if target or not words:
        return None
    name, what = words[0], f"%run {redact(words[0])}"
    if "-m" in flags:
        return Meaning(f"import runpy; globals().update(runpy.run_module({literal(name)}))", "NB-115", what)
    if name.endswith(".ipynb") or "-i" in flags:
        why = "is another notebook" if name.endswith(".ipynb") else "shares the notebook's names"
        return Meaning("", "NB-115", f"{what} became a comment: it {why}", runs=name)
    path = name if name.endswith((".py", ".ipy")) or "$" in name or "{" in name else f"{name}.py"
    expression = path_expression(path, names)
    call = f"globals().update(runpy.run_path({expression}, run_name='__main__'))"
    arguments_ = f"import sys; sys.argv = {words!r}; " if len(words) > 1 else ""
    return Meaning(
        f"{importing('runpy', expression)}; {arguments_}{call}",
        "NB-115",
        f"{what} brings in names",
        runs=path,
    )


def _pylab(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    python = (
        "import numpy; import numpy as np; import matplotlib; from matplotlib import pylab, mlab, pyplot; "
        "plt = pyplot; from pylab import *; from numpy import *"
    )
    if "--no-import-all" in arguments:
        python = python.partition("; from pylab")[0]
    return Meaning(python, "NB-110", "%pylab became the imports that it makes")


def _install(tool: str) -> Callable[[str, str, Container[str]], Meaning | None]:
    def meaning(arguments: str, target: str, names: Container[str]) -> Meaning | None:
        known = install_of(f"{tool} {arguments}", in_shell=False)
        return known or Meaning("", "NB-110", f"%{tool} {arguments.split(' ', maxsplit=1)[0]} was dropped")

    return meaning


def _stored(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    return Meaning("", "NB-120", f"%store {arguments}".strip() + " became a comment")


def _captured(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    return shell_meaning(arguments, target, names)


def _folder_shown(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    return Meaning(f"import os; {target} = os.getcwd()") if target else None


def _deleted(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    name = arguments.rsplit(" ", maxsplit=1)[-1]
    return Meaning(f"del {name}") if name.isidentifier() else None


def _language(name: str) -> Callable[[str, str, Container[str]], Meaning | None]:
    def meaning(arguments: str, target: str, names: Container[str]) -> Meaning | None:
        return None if target else Meaning("", "NB-114", f"%{name} is not Python; it became a comment")

    return meaning


_LINE: dict[str, Callable[[str, str, Container[str]], Meaning | None]] = {
    "cd": _directory, "env": _environment, "set_env": _environment, "run": _run, "pylab": _pylab,
    "timeit": _timeit, "store": _stored, "pwd": _folder_shown, "xdel": _deleted,
    "sx": _captured, "system": _captured,
    **{name: _timed(name) for name in ("time", "prun", "memit", "lprun")},
    **{name: _install(name) for name in ("pip", "conda", "mamba", "micromamba", "uv")},
    **{name: _language(name) for name in ("R", "sql", "sparksql", "julia", "octave", "cypher", "kql", "bash")},
}  # fmt: skip
