"""What each magic means in Python, or why it means nothing there.

| outcome | examples |
| --- | --- |
| translated | `%cd` `%pushd` `%env X=1` `%dotenv` `%time f()` `%run x.py 3` `%%writefile` `!cmd` `%%bash` `/f x` |
| its body stays | `%%time` `%%capture` `%%prun` |
| dropped, with a note | `%matplotlib inline` `%load_ext` `%timeit` `x?` |
| a comment, with a warning | `%store` `%sql` `%R` whatever is not known |
| kept as text | cells of another language: `%%R` `%%sql` `%%html` |

A magic that is assigned and has no translation stays IPython's own call, so that it fails by name where IPython is not,
instead of giving a wrong value.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Sequence
from dataclasses import replace
from pathlib import PurePosixPath

from agilab.notebooks.code.distributions import distribution_of
from agilab.notebooks.python.meaning import (
    Meaning,
    literal,
    path_expression,
    split_words,
    text_expression,
)
from agilab.notebooks.python.shell_lines import captured, install_of, shell_command, shell_finding
from agilab.notebooks.secrets import redact

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

EXTENSIONS = {
    "autotime": "ipython-autotime", "cython": "Cython", "lab_black": "nb-black", "line_profiler": "line-profiler",
    "nb_black": "nb-black", "pyinstrument": "pyinstrument", "snakeviz": "snakeviz",
    "version_information": "version-information", "watermark": "watermark",
}  # fmt: skip
"""Distributions of extensions of IPython that hardly anybody imports."""
_OTHER_LANGUAGES = frozenset({"julia", "matlab", "oct2py", "pymatbridge", "rpy2"})
"""Extensions for languages that would have to be on the machine; their cells are text."""

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
    if not name:
        return _parted(arguments, target, names)
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


def _parted(arguments: str, target: str, names: Container[str]) -> Meaning:
    """`% name arguments`, as IPython took it up to its version 6; later ones know no magic without a name."""
    name, _, rest = arguments.partition(" ")
    if not re.fullmatch(r"[\w.\-]+", name):
        return Meaning("", "NB-121", "a % alone was dropped; IPython stops there")
    what = f"% {name} was taken for %{name}; for the blank IPython stops there since version 7"
    meant = line_meaning(name, rest, target, names)
    if meant.code in ("", "NB-110", "NB-116"):
        return replace(meant, code="NB-121", what=what)
    return replace(meant, what=f"{meant.what}; {what}")


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


POPPED = "..."
"""Stands where `%popd` goes back to, which the cells above it say (`pushed_folders`)."""


def _pushed(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    return _directory(arguments, target, names) if arguments else None


def _popped(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    return None if target or arguments else Meaning(f"import os; os.chdir({POPPED})")


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


def _extension(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    """Of an extension only what provides it is kept: the notebook itself does not run without it."""
    module = arguments.partition("#")[0].strip()
    if target or not re.fullmatch(r"[A-Za-z_][\w.]*", module) or module.partition(".")[0] in _OTHER_LANGUAGES:
        return None
    name, known_by = distribution_of(module)
    provides = EXTENSIONS.get(module) or (name if known_by == "table" else "")
    return Meaning("", "NB-110", "%load_ext was dropped", requirements=(provides,)) if provides else None


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
    rest = [literal(word) if "-G" in flags else _argument(word, arguments, names) for word in words[1:]]
    if "-m" in flags:
        call = f'globals().update(runpy.run_module({literal(name)}, run_name="__main__", alter_sys=True))'
        told = Meaning(
            "", "NB-115", f"%run -m {redact(name)} brings in names", runs=f"{name.replace('.', '/')}.py"
        )
        return _as_a_program(call, [literal(name), *rest], told)
    if name.endswith((".ipynb", ".ipy")):
        return Meaning("", "NB-115", f"{what} became a comment: it is another notebook", runs=name)
    path = name if name.endswith(".py") or "$" in name or "{" in name else f"{name}.py"
    place = path_expression(path, names)
    if "-i" in flags:
        call = f'exec(compile(open({place}, "rb").read(), {place}, "exec"), globals())'
        told = Meaning("", "NB-115", f"{what} shares the notebook's names", runs=path)
    else:
        module, own = (
            ("__main__", "") if "-n" not in flags else (PurePosixPath(path).stem, ", __name__=__name__")
        )
        call = f"globals().update(runpy.run_path({place}, run_name={literal(module)}){own})"
        told = Meaning("", "NB-115", f"{what} brings in names", runs=path)
    folder = path_expression(path.rpartition("/")[0], names) if "/" in path else ""
    return _as_a_program(call, [place, *rest], told, folder)


def _argument(word: str, arguments: str, names: Container[str]) -> str:
    """A word behind the program of `%run` as an item of `sys.argv`: unless it was quoted, a pattern gives its files."""
    text = path_expression(word, names)
    quoted = f"'{word}'" in arguments or f'"{word}"' in arguments
    return text if quoted or not re.search(r"[*?\[]", word) else f"*(glob.glob({text}) or [{text}])"


def _as_a_program(call: str, words: Sequence[str], told: Meaning, folder: str = "") -> Meaning:
    """A call as `%run` makes it: with an argv and an import path of its own; `__file__` IPython keeps to itself.

    A program that exits is over, and what stands below it goes on.
    """
    modules = [*(["os"] if "os." in f"{call} {folder}" else []), *(["runpy"] if "runpy" in call else [])]
    modules += ["sys"] if folder else []
    parts = [f"import {', '.join(modules)}"] if modules else []
    parts += [f"sys.path.insert(0, {folder})"] if folder else []
    parts += [call]
    parts += ["globals().pop('__file__', None)"] if "runpy" in call else []
    parts += [f"sys.path.remove({folder})"] if folder else []
    argv = ", ".join(words)
    for name in ("os.path.expanduser(", "glob.glob("):
        argv = argv.replace(name, re.sub(r"^(\w+)", r"__import__('\1')", name))
    apart = f"__import__('unittest.mock').mock.patch.object(__import__('sys'), 'argv', [{argv}])"
    head = f"with __import__('contextlib').suppress(SystemExit), {apart}: "
    return replace(told, python=head + "; ".join(parts))


def _dotenv(arguments: str, target: str, names: Container[str]) -> Meaning | None:
    words = split_words(arguments)
    flags = [word for word in words if word.startswith("-")]
    files = [word for word in words if word not in flags] or [".env"]
    if target or len(files) > 1 or not {*flags} <= {"-o", "--override", "-v", "--verbose", "-vo", "-ov"}:
        return None
    override = ", override=True" if any("o" in flag and flag != "--verbose" for flag in flags) else ""
    where = f"dotenv.find_dotenv({path_expression(files[0], names)}, usecwd=True)"
    return Meaning(f"import dotenv; dotenv.load_dotenv({where}{override})", "", "")


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
    "cd": _directory, "pushd": _pushed, "popd": _popped, "env": _environment, "set_env": _environment,
    "run": _run, "dotenv": _dotenv, "pylab": _pylab,
    "load_ext": _extension, "timeit": _timeit, "store": _stored, "pwd": _folder_shown, "xdel": _deleted,
    "sx": _captured, "system": _captured,
    **{name: _timed(name) for name in ("time", "prun", "memit", "lprun")},
    **{name: _install(name) for name in ("pip", "conda", "mamba", "micromamba", "uv")},
    **{name: _language(name) for name in ("R", "sql", "sparksql", "julia", "octave", "cypher", "kql", "bash")},
}  # fmt: skip
