"""What each `%%magic` above a cell means for the cell below it."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from itertools import pairwise
from keyword import iskeyword

from agilab.notebooks.document.languages import plain_name
from agilab.notebooks.python.meaning import (
    Meaning,
    importing,
    literal,
    path_expression,
    quoted_lines,
    split_words,
    text_expression,
)
from agilab.notebooks.python.shell_lines import install_of, shell_finding
from agilab.notebooks.secrets import redact

BODY_IS_PYTHON = frozenset({
    "black", "chime", "debug", "exercise", "heat", "ipytest", "lprun", "memit", "mprof", "mprun", "notify", "prun",
    "pyinstrument", "run_pytest", "run_pytest[clean]", "scalene", "snakeviz", "solution", "tb", "time", "wandb",
})  # fmt: skip
BODY_IS_SHOWN = frozenset({
    "css", "ditaa", "dot", "html", "HTML", "javascript", "js", "latex", "markdown", "md", "mermaid", "SVG", "svg",
    "tikz",
})  # fmt: skip
PROGRAMS = {
    "bash": ["bash"], "sh": ["sh"], "shell": ["bash"], "!": ["bash"], "sx": ["bash"], "system": ["bash"],
    "zsh": ["zsh"], "perl": ["perl"], "ruby": ["ruby"], "python": ["python"], "python3": ["python3"],
    "python2": ["python2"], "pypy": ["pypy"], "cmd": ["cmd"], "powershell": ["powershell"], "pwsh": ["pwsh"],
}  # fmt: skip
LANGUAGES = frozenset({
    "bigquery", "bqsql", "clojure", "cpp", "cu", "cuda", "cypher", "cython", "duckdb", "fortran", "fs", "go", "gremlin",
    "java", "julia", "kql", "matlab", "nodejs", "ocaml", "octave", "oracle", "postgres", "pyspark", "r", "rust", "sas",
    "scala", "scheme", "spark", "sparkr", "sparksql", "sql", "sqlite", "stata", "tsql", "typescript",
})  # fmt: skip


def cell_meaning(name: str, arguments: str, body: list[str], names: Container[str]) -> Meaning:
    """`%%name arguments` above a body; `Meaning.body` says what becomes of that."""
    if name in ("writefile", "file"):
        return _written(arguments, body, names)
    if name in PROGRAMS:
        return _program(name, PROGRAMS[name], arguments, body, names)
    if name == "script":
        return _script(arguments, body, names)
    if name == "timeit":
        return Meaning(
            "", "NB-116", "%%timeit only measures its cell, which is kept as text", language="python"
        )
    if name == "capture":
        target = next((word for word in arguments.split() if not word.startswith("-")), "")
        if target.isidentifier():
            what = f"%%capture {target} was dropped; its cell stays, and {target} is None: it holds no output"
            return Meaning(f"{target} = None", "NB-111", what, body="python")
        return Meaning("", "NB-110", "%%capture was dropped; its cell stays", body="python")
    if name in BODY_IS_PYTHON:
        return Meaning("", "NB-110", f"%%{name} was dropped; its cell stays", body="python")
    if name in BODY_IS_SHOWN:
        what = f"%%{name} only shows something; its cell is kept as text"
        return Meaning("", "NB-110", what, language=plain_name(name))
    if name == "skip":
        return Meaning("", "NB-110", "%%skip: its cell is kept as text and not run", language="python")
    return _not_python(name, arguments, names)


def _not_python(name: str, arguments: str, names: Container[str]) -> Meaning:
    """A cell in another language: the names that go in and come out, where the magic says them."""
    read, defined = _names_in_and_out(name, arguments, names)
    said = [f"it takes {', '.join(read)}"] if read else []
    said += [f"it gives {', '.join(defined)}"] if defined else []
    code, why = ("NB-114", "not Python") if name.lower() in LANGUAGES else ("NB-111", "not known")
    what = f"%%{name} is {why}; its cell is kept as text" + (f"; {' and '.join(said)}" if said else "")
    return Meaning("", code, what, language=plain_name(name), reads=tuple(read), defines=tuple(defined))


def _names_in_and_out(name: str, arguments: str, names: Container[str]) -> tuple[list[str], list[str]]:
    """The names of the notebook that a magic's line says its cell takes, and those that it says it gives.

    `-i a,b` and `-o c` are what rpy2, oct2py and others have; `c <<` is SQL's; `$a` is IPython's for a name's value.
    """
    words = arguments.split()
    read = [one.rpartition("=")[2].partition(".")[0] for one in _option(words, "-i", "--input")]
    read += [one for one in re.findall(r"\$\{?(\w+)", arguments) if one in names]
    defined = _option(words, "-o", "--output")
    if "<<" in words[1:]:
        defined.append(words[words.index("<<") - 1])
    if name in ("bigquery", "bqsql") and words and not words[0].startswith("-"):
        defined.append(words[0])
    return _names(read), _names(defined)


def _option(words: list[str], short: str, long: str) -> list[str]:
    """The parts between commas of an option's values, each written as argparse takes it.

    >>> _option("-i a,b -ic --input=d --inputs e".split(), "-i", "--input")
    ['a', 'b', 'c', 'd']
    """
    found: list[str] = []
    for word, after in pairwise([*words, ""]):
        if word in (short, long):
            found += after.split(",")
        elif word.startswith(f"{long}="):
            found += word.partition("=")[2].split(",")
        elif word.startswith(short) and not word.startswith("--"):
            found += word.removeprefix(short).split(",")
    return found


def _names(words: Iterable[str]) -> list[str]:
    """Those that Python can bind, each once."""
    return [word for word in dict.fromkeys(words) if word.isidentifier() and not iskeyword(word)]


# ---- cells for other programs


def _program(
    name: str, command: list[str], arguments: str, body: list[str], names: Container[str] = ()
) -> Meaning:
    """`%%bash` and the like: the body is the program's input. The words of the line stand behind those of `command`."""
    rest, given = _options_of_a_script(arguments)
    if not command and (program := re.match(r"[^\s\"'\\{}$]+(?!\S)", rest)):
        command, rest = [program[0]], rest[program.end() :].strip()
    shown = f"%%{name}" if name != "script" else f"%%{name} {(command or split_words(rest))[0]}"
    if not any(line.strip() for line in body):
        return Meaning("", "NB-112", f"{shown} without a body", language=(command or ["script"])[0])
    targets = [(given[option], stream) for option, stream in _STREAMS.items() if option in given]
    waited = "bg" in given
    if "proc" in given or (waited and targets) or not all(_names([target]) for target, _ in targets):
        return _left_to_ipython(name, arguments, body, given)
    words, modules = _words(rest, names)
    options = [] if targets else ["text=True"]
    options.append(f"check={not waited and 'no-raise-error' not in given}")
    options += [f"{stream}=subprocess.PIPE" for _, stream in targets]
    options += ["stdout=subprocess.DEVNULL", "stderr=subprocess.DEVNULL"] if waited else []
    call = f"subprocess.run([{', '.join([*map(repr, command), *words])}], {', '.join(options)}, input="
    head, tail = _kept(targets)
    first, below = quoted_lines(
        f"import {modules}; {head}{call}", body, f"{'.encode()' if targets else ''}){tail}"
    )
    code, what = shell_finding("\n".join(body), shown)
    installs = [install for line in body if (install := install_of(line.strip()))]
    if installs:
        code, what = "NB-113", f"{shown} installs packages"
    requirements = tuple(one for install in installs for one in install.requirements)
    what += "; a notebook does not wait for it (--bg), its stage does" if waited else ""
    return Meaning(first, code, what, body=below, requirements=requirements)


_STREAMS = {"out": "stdout", "err": "stderr"}
"""The options of such a magic that name what the program writes, and which of the two it is."""


def _kept(targets: list[tuple[str, str]]) -> tuple[str, str]:
    """What stands before and behind the call of a program so that what it writes, as text, gets names.

    >>> _kept([("x", "stdout")])
    ('x = ', ".stdout.decode(errors='replace')")
    """
    if len(targets) < 2:
        both = ((f"{name} = ", f".{stream}.decode(errors='replace')") for name, stream in targets)
        return next(both, ("", ""))
    values = ", ".join(f"done.{stream}.decode(errors='replace')" for _, stream in targets)
    return f"{', '.join(name for name, _ in targets)} = (lambda done: ({values}))(", ")"


def _left_to_ipython(name: str, arguments: str, body: list[str], given: Mapping[str, str]) -> Meaning:
    """IPython's own call, which binds the names itself, and fails by name where IPython is not."""
    names = _names(given[option] for option in ("out", "err", "proc") if option in given)
    first, below = quoted_lines(
        f"get_ipython().run_cell_magic({literal(name)}, {literal(arguments)}, ",
        body,
        "".join([")", *(f"; {one} = get_ipython().user_ns['{one}']" for one in names)]),
    )
    what = f"%%{name} {redact(arguments)} has no meaning outside IPython"
    return Meaning(first, "NB-111", what, body=below)


def _beginnings(*options: str) -> str:
    return "|".join(option[:length] for option in options for length in range(len(option), 0, -1))


_SCRIPT_OPTION = re.compile(
    rf"(?<!\S)--(?:({_beginnings('out', 'err', 'proc')})(?:=|\s+)(\S+)|({_beginnings('bg', 'no-raise-error')}))"
    r"(?!\S)\s*"
)


def _options_of_a_script(arguments: str) -> tuple[str, dict[str, str]]:
    """A line without the options that are IPython's, and these: wherever they stand, and cut short as argparse allows.

    >>> _options_of_a_script("bash --out x --no-raise --err=y -s a --more 3")
    ('bash -s a --more 3', {'out': 'x', 'no-raise-error': '', 'err': 'y'})
    """
    given: dict[str, str] = {}
    for valued, value, flag in _SCRIPT_OPTION.findall(arguments):
        begun = valued or flag
        options = ("out", "err", "proc") if valued else ("bg", "no-raise-error")
        given[next(option for option in options if option.startswith(begun))] = value
    return _SCRIPT_OPTION.sub("", arguments).strip(), given


_ASIDE = re.compile(r"(?:\"[^\"\\]*\"|[^\s\"'\\{}$]+)(?:\s+|$)")
"""A word of which spaces in a value make no more: between quotes, or without a value."""


def _words(arguments: str, names: Container[str]) -> tuple[list[str], str]:
    """The words of a magic's line as expressions, with the modules that they need.

    IPython puts values into the line and splits it then, as a shell does.

    >>> _words('-s "$out" a', {"out"}), _words("-s {more}", {"more"})[0]
    ((["'-s'", 'str(out)', "'a'"], 'subprocess'), ['*shlex.split("-s " + str(more))'])
    """
    if text_expression(arguments, names) == literal(arguments):
        return [repr(word) for word in split_words(arguments)], "subprocess"
    if _ASIDE.sub("", arguments):
        return [f"*shlex.split({text_expression(arguments, names)})"], "shlex, subprocess"
    words = ((word, text_expression(word, names)) for word in split_words(arguments))
    return [repr(word) if text == literal(word) else text for word, text in words], "subprocess"


def _script(arguments: str, body: list[str], names: Container[str]) -> Meaning:
    rest, given = _options_of_a_script(arguments)
    program = next(iter(split_words(rest)), "")
    if not program or (program in ("false", "echo") and not {*given} & {*_STREAMS}):
        what = "%%script that runs nothing: its cell is kept as text and not run"
        return Meaning("", "NB-110", what, language="script")
    return _program("script", [], arguments, body, names)


def _written(arguments: str, body: list[str], names: Container[str]) -> Meaning:
    """`%%writefile name`: the body becomes a file's content."""
    words = split_words(arguments)
    append = any(word in ("-a", "--append") for word in words)
    name = next((word for word in words if not word.startswith("-")), "")
    if not name:
        what = "%%writefile without a name: its cell is kept as text"
        return Meaning("", "NB-111", what, language="text")
    path = path_expression(name, names)
    if append:
        head, tail = (
            f"{importing('pathlib', path)}; pathlib.Path({path}).open('a', encoding='utf-8').write(",
            ")",
        )
    else:
        head, tail = f"{importing('pathlib', path)}; pathlib.Path({path}).write_text(", ", encoding='utf-8')"
    first, rest = quoted_lines(head, body, tail)
    return Meaning(first, body=rest)
