"""What a notebook imports, which distribution provides it, and which versions its own install lines pin."""

from __future__ import annotations

import ast
import posixpath
import shlex
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agilab.notebooks.code.distributions import PLATFORMS, PYTHON_2, KnownBy, distribution_of, standard
from agilab.notebooks.code.named_files import end_of
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Place
from agilab.notebooks.findings import Finding
from agilab.notebooks.modules.notebook_modules import WHOLE, is_named_by_package, magic_of, notebook_of
from agilab.notebooks.rules import found


@dataclass(frozen=True)
class Import:
    """One import.

    Attributes:
        module: As written, "sklearn.linear_model"; with dots in front where it is relative.
        names: What is taken from it, "*" for everything; empty for `import module`.
        alias: The name that `import … as` gives, "" if none.
        distribution: What to install for it; "" for the standard library, local modules and platforms.
        known_by: How that is known.
        optional: Whether it stands under a condition or in a `try`.
        in_function: Whether it stands in a function.
        dynamic: Whether `importlib` or `__import__` does it, with a name that is written out.
        cell: Index of the cell.
        line: In that cell, from 1.
        program: What imports it where that is no cell: a program that the cell runs.
    """

    module: str
    names: tuple[str, ...]
    alias: str
    distribution: str
    known_by: KnownBy
    optional: bool
    in_function: bool
    dynamic: bool
    cell: int
    line: int
    program: str = ""

    def to_plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            **({"program": self.program} if self.program else {}),
            "module": self.module,
            "names": list(self.names),
            "alias": self.alias,
            "distribution": self.distribution,
            "known_by": self.known_by,
            "optional": self.optional,
            "in_function": self.in_function,
            "dynamic": self.dynamic,
            "cell": self.cell,
            "line": self.line,
        }


@dataclass(frozen=True)
class Requirement:
    """What a notebook installs itself: a hint for the environment.

    Attributes:
        text: As written, "pandas==2.2"; "-r requirements.txt" for a file that lists them.
        distribution: Its name alone, lower case with hyphens; "" for a file.
        specifier: "==2.2", "" if any version.
        cell: Index of the cell.
        line: In that cell, from 1.
    """

    text: str
    distribution: str
    specifier: str
    cell: int
    line: int

    def to_plain(self) -> dict[str, Any]:
        """As JSON."""
        return {
            "text": self.text,
            "distribution": self.distribution,
            "specifier": self.specifier,
            "cell": self.cell,
            "line": self.line,
        }


@dataclass
class Finder:
    """Finds the imports of cells.

    Attributes:
        folders: Where local modules may lie, the notebook's own folder first.
        written: Modules that the notebook writes itself.
        notebooks: Whether notebooks in the first folder are modules, too (`notebook_modules`).
    """

    folders: list[Path]
    evaluator: Evaluator
    written: frozenset[str] = frozenset()
    notebooks: bool = False

    def imports_of(self, nodes: Nodes) -> tuple[list[Import], list[Finding]]:
        """The imports of one cell, and what could not be said of them, by line."""
        imports: list[Import] = []
        findings: list[Finding] = []
        for node, place in nodes:
            if isinstance(node, ast.Import):
                imports += [
                    self._import(name.name, (), name.asname or "", node.lineno, place) for name in node.names
                ]
            elif isinstance(node, ast.ImportFrom):
                module = "." * node.level + (node.module or "")
                imports += self._from(module, [name.name for name in node.names], node.lineno, place)
            elif isinstance(node, ast.Call):
                found_here, said = self._call(node, place)
                imports += found_here
                findings += said
        imports.sort(key=lambda one: (one.line, one.module, one.names))
        return imports, findings

    def _from(self, module: str, names: list[str], line: int, place: Place) -> list[Import]:
        """`from google.cloud import storage, bigquery` are two distributions."""
        spaces = [name for name in names if f"{module}.{name}" in _SUBMODULES]
        rest = tuple(name for name in names if name not in spaces)
        result = [self._import(f"{module}.{name}", (), name, line, place) for name in spaces]
        return [*result, self._import(module, rest, "", line, place)] if rest else result

    def _import(
        self, module: str, names: tuple[str, ...], alias: str, line: int, place: Place, dynamic: bool = False
    ) -> Import:
        distribution, known_by = self._distribution(module)
        optional = place.condition or place.attempt
        return Import(
            module, names, alias, distribution, known_by, optional, place.function, dynamic, place.cell, line
        )

    def of_program(self, program: str, modules: Iterable[str], cell: int, line: int) -> Iterator[Import]:
        """What a program that a cell runs imports of packages: not of the library, nor of what lies there."""
        for module in modules:
            distribution, known_by = self._distribution(module)
            if distribution:
                yield Import(module, (), "", distribution, known_by, False, False, False, cell, line, program)

    def _distribution(self, module: str) -> tuple[str, KnownBy]:
        if module.startswith("."):
            return "", "local"
        if standard(module):
            return "", "standard library"
        if _is_platform(module):
            return "", "table"
        if self._is_local(module.partition(".")[0]):
            return "", "local"
        name, known_by = distribution_of(module)
        if known_by == "assumed" and self.notebooks and self.folders and notebook_of(module, self.folders[0]):
            return "", "local"
        return name, known_by

    def _is_local(self, top: str) -> bool:
        if not top.isidentifier():
            return False
        if top in self.written:
            return True
        for folder in self.folders:
            try:
                if (folder / f"{top}.py").is_file() or (folder / top / "__init__.py").is_file():
                    return True
                if (folder / top).is_dir() and any((folder / top).glob("*.py")):
                    return True
            except OSError:
                continue
        return False

    def _call(self, node: ast.Call, place: Place) -> tuple[list[Import], list[Finding]]:
        name = self.evaluator.dotted(node.func)
        if name in ("__import__", "importlib.import_module", "importlib.__import__") and node.args:
            texts = self.evaluator.texts(node.args[0], place)
            if all(text.known and _is_module(text.text) for text in texts):
                return [
                    self._import(text.text, (), "", node.lineno, place, dynamic=True) for text in texts
                ], []
            what = f"{name}({texts[0].text}) imports by a computed name"
            return [], [found("NB-201", what, cell=place.cell, line=node.lineno)]
        if name in ADDS_FOLDER and node.args:
            texts = self.evaluator.texts(node.args[-1], place)
            shown = ", ".join(f"“{text.text}”" for text in texts)
            return [], [found("NB-204", f"{name} adds {shown}", cell=place.cell, line=node.lineno)]
        return [], []


ADDS_FOLDER = ("sys.path.append", "sys.path.insert", "site.addsitedir")
"""Calls that add a folder, their last argument, to those in which modules are looked for."""
_SUBMODULES = frozenset({
    "google.cloud.storage", "google.cloud.bigquery", "google.cloud.aiplatform", "google.protobuf", "google.auth",
    "google.generativeai", "google.genai", "google.colab", "azure.storage.blob", "azure.identity",
    "snowflake.connector", "mpl_toolkits.basemap", "ruamel.yaml",
})  # fmt: skip


def _is_platform(module: str) -> bool:
    return any(module == name or module.startswith(name + ".") for name in PLATFORMS)


def _is_module(text: str) -> bool:
    return bool(text) and all(part.isidentifier() for part in text.split("."))


def added_folders(cells: Iterable[Nodes], evaluator: Evaluator) -> list[str]:
    """The folders that `sys.path.append` adds by a written path, and those that `os.chdir` goes to.

    As paths from the notebook's own folder. A relative one is looked into from where the code is when it imports, so it
    is meant from each folder that the code goes to; one that was made whole, from where it was then.
    """
    found: list[str] = []
    relative: list[str] = []
    gone = [((-1, 0), ".")]
    calls = [
        (node, place, name)
        for nodes in cells
        for node, place in nodes
        if isinstance(node, ast.Call)
        and node.args
        and (name := evaluator.dotted(node.func)) in (*ADDS_FOLDER, "os.chdir")
    ]
    for node, place, name in sorted(calls, key=lambda one: (one[1].cell, one[1].statement, end_of(one[0]))):
        texts = [one for one in evaluator.texts(node.args[-1], place) if one.known and "\0" not in one.text]
        here = (place.cell, place.statement)
        for text in texts:
            start = here if text.start is None else text.start
            path = _from_first(text.text, next(to for at, to in reversed(gone) if at < start or at[0] < 0))
            found.append(path)
            if name != "os.chdir" and text.start is None:
                relative.append(text.text)
        if name == "os.chdir" and len(texts) == 1 and len(gone) < _MOST_FOLDERS:
            gone.append((here, found[-1]))
    found += [_from_first(path, to) for _, to in gone[1:] for path in relative]
    return list(dict.fromkeys(found))


_MOST_FOLDERS = 20
"""Folders that a notebook goes to, from which modules are looked for."""


def _from_first(path: str, folder: str) -> str:
    """A path that is meant from a folder, from the notebook's own.

    >>> _from_first("src", ".."), _from_first("../src", "."), _from_first("/lib", "..")
    ('../src', '../src', '/lib')
    """
    return path if folder == "." or path[:1] == "~" else posixpath.normpath(posixpath.join(folder, path))


def aliases_of(cells: Iterable[Nodes]) -> dict[str, str]:
    """Name → what it stands for, by the imports of all cells: {"pd": "pandas", "read_csv": "pandas.read_csv"}.

    A plain `import pandas` is there too, as {"pandas": "pandas"}.
    """
    aliases: dict[str, str] = {}
    for nodes in cells:
        for node, _ in nodes:
            if isinstance(node, ast.Import):
                for name in node.names:
                    top = name.name.partition(".")[0]
                    aliases.update({name.asname: name.name} if name.asname else {top: top})
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                aliases.update(
                    {name.asname or name.name: f"{node.module}.{name.name}" for name in node.names}
                )
    return aliases


def import_findings(
    imports: list[Import],
    requirements: Sequence[Requirement] = (),
    written: Collection[str] = (),
    folder: Path | None = None,
) -> list[Finding]:
    """What is to be said of imports: everything imported, platforms, local modules and assumed ones (each once).

    `requirements` are what the notebook installs itself, `written` the modules that its cells write; `folder` is where
    it lies.
    """
    findings: list[Finding] = []
    asked_for = {one.distribution for one in requirements}
    said: set[str] = set()
    runs_whole = any(one.module == WHOLE for one in imports)
    for one in imports:
        top = one.module.partition(".")[0]
        if one.names == ("*",):
            findings.append(found("NB-203", f"everything from {one.module}", cell=one.cell, line=one.line))
        if _is_platform(one.module):
            findings.append(
                found("NB-509", f"{one.module} exists on its platform only", cell=one.cell, line=one.line)
            )
        elif top in said:
            continue
        elif top in PYTHON_2:
            mend = f"use {PYTHON_2[top]}"
            what = f"{top} is a module of Python 2"
            findings.append(found("NB-104", what, cell=one.cell, line=one.line, mend=mend))
        elif one.known_by == "local":
            where = "is written by a cell" if top in written else "lies beside the notebook"
            if folder is not None and top not in written and not _is_python(one.module, folder):
                book = notebook_of(one.module, folder)
                where = f"is the notebook {book}, which lies beside this one" if book else where
                if book and runs_whole and (magic := magic_of(folder / book)):
                    what = f"{book}, which is imported here, has {magic} in it: a stage has no get_ipython()"
                    findings.append(found("NB-506", what, cell=one.cell, line=one.line))
            findings.append(found("NB-205", f"{one.module} {where}", cell=one.cell, line=one.line))
        elif one.known_by == "assumed":
            if one.distribution.lower() in asked_for:
                continue
            by = f" of {one.program}" if one.program else ""
            what = f"nothing says what provides {one.module}{by}; it is not among the dependencies"
            mend = f"if it is the “{one.distribution}” on PyPI: uv add {one.distribution}"
            book = (
                "" if folder is None or is_named_by_package(one.module) else notebook_of(one.module, folder)
            )
            if book:
                what = f"{book} lies beside this notebook, and nothing is seen to make a module of it"
                mend = f"jupyter nbconvert --to script {shlex.quote(book)}, or {mend}"
            findings.append(found("NB-202", what, cell=one.cell, line=one.line, mend=mend))
        said.add(top)
    return findings


def program_findings(imports: Iterable[Import]) -> Iterator[Finding]:
    """What programs import of packages, by the line that runs them; what is only assumed is said by itself."""
    told: dict[tuple[str, int, int], dict[str, None]] = {}
    for one in imports:
        if one.program and one.known_by != "assumed":
            told.setdefault((one.program, one.cell, one.line), {})[one.module.partition(".")[0]] = None
    for (program, cell, line), names in told.items():
        what = f"{program}, which is run here, imports {', '.join(names)}"
        yield found("NB-209", what, cell=cell, line=line)


def _is_python(module: str, folder: Path) -> bool:
    """Whether a module lies in a folder as a file or a folder of Python."""
    top = module.partition(".")[0]
    return (folder / f"{top}.py").is_file() or (folder / top).is_dir()


def requirements_of(raw: Sequence[tuple[str, int, int]]) -> tuple[Requirement, ...]:
    """What install lines ask for; words that are no requirement are left out."""
    if not raw:
        return ()
    from packaging.requirements import InvalidRequirement
    from packaging.requirements import Requirement as Parsed

    result = []
    for text, cell, line in raw:
        if text.startswith("-r "):
            result.append(Requirement(text, "", "", cell, line))
            continue
        try:
            parsed = Parsed(text)
        except InvalidRequirement:
            continue
        name = parsed.name.lower().replace("_", "-").replace(".", "-")
        result.append(Requirement(text, name, str(parsed.specifier), cell, line))
    return tuple(result)
