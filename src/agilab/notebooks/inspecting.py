"""`inspect`: everything that can be said of a notebook without running it.

inspection = inspect("study.ipynb")
inspection.as_document()        # plain data, ready for JSON
"""

from __future__ import annotations

import ast
import os
import posixpath
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from agilab.notebooks.code.named_files import Act, Artifact, each_once
from agilab.notebooks.code.values import Evaluator
from agilab.notebooks.code.walking import Nodes, Scope, scope_of_notebook, walk
from agilab.notebooks.document.cells import Notebook
from agilab.notebooks.document.execution import Execution, execution_findings, execution_of
from agilab.notebooks.document.shown_texts import with_texts
from agilab.notebooks.files import style_file
from agilab.notebooks.files.artifact_findings import artifact_findings, out_of_sight
from agilab.notebooks.files.artifacts import acts_of
from agilab.notebooks.files.fetched import with_lying
from agilab.notebooks.files.file_uses import FileUse, file_uses
from agilab.notebooks.files.library_reads import acts_of_reading, where_they_lie
from agilab.notebooks.files.lying_files import there
from agilab.notebooks.files.module_folders import Code, folders_of_code
from agilab.notebooks.files.module_logs import acts_of_logs, log_files
from agilab.notebooks.files.module_moves import with_moves
from agilab.notebooks.files.own_files import (
    acts_of_module,
    computed_by_modules,
    own_findings,
    without_hearsay,
)
from agilab.notebooks.files.own_modules import files_of_modules, optional_findings, texts_of_modules
from agilab.notebooks.files.program_texts import ProgramText, written_down
from agilab.notebooks.files.settings_files import acts_of_settings, without_secrets
from agilab.notebooks.files.told_programs import with_told
from agilab.notebooks.files.typed_programs import acts_of_typed, imports_of_typed, modules_of_typed
from agilab.notebooks.findings import SEVERITIES, Finding, in_order
from agilab.notebooks.keeping import attachment_findings
from agilab.notebooks.modules.imports import (
    Finder,
    Import,
    Requirement,
    added_folders,
    aliases_of,
    import_findings,
    program_findings,
    requirements_of,
)
from agilab.notebooks.modules.named_versions import named_distributions, normal
from agilab.notebooks.modules.notebook_modules import imports_notebooks
from agilab.notebooks.modules.own_names import OwnModule, OwnModules, project_folders, set_by_cells
from agilab.notebooks.modules.run_files import programs_that_exit, with_programs
from agilab.notebooks.modules.run_notebooks import Others, with_notebooks, with_their_code
from agilab.notebooks.modules.settled import Settled, settled
from agilab.notebooks.modules.star_imports import with_names
from agilab.notebooks.modules.written_modules import Modules, acts_of_imports, written_modules
from agilab.notebooks.python.parameters import given_again, parameters_of
from agilab.notebooks.python.parsing import ParsedNotebook, parse_notebook
from agilab.notebooks.python.tried import is_tried, with_tried
from agilab.notebooks.randomness import unseeded
from agilab.notebooks.reading import LIMIT, read
from agilab.notebooks.risks import Secret, code_risks, installs_of, secrets_of
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import HIDDEN
from agilab.notebooks.shell.command_words import words_of_commands
from agilab.notebooks.supervisor.plain import as_python
from agilab.notebooks.supervisor.read_back import is_supervisor

MODE = "not_executed_import"
"""The word for what this is: nothing of the notebook was executed."""


@dataclass(frozen=True)
class Inspection:
    """What is in a notebook.

    Attributes:
        notebook: As read.
        parsed: Its Python.
        execution: How it was run.
        imports: By cell and line.
        requirements: What its cells install.
        artifacts: What it reads and writes, by cell and line.
        findings: All of them, in the order of the notebook.
        uses: What its cells do to files, in the order in which it happens.
        modules: Those that its cells write, and those that lie in folders that it adds: the files of which they are.
        there: Of the files of `uses`, those that lie beside it, and what lies in folders that are looked into; None
            where nobody knows where it lies.
        module_texts: By full name the texts of its own modules: those, and others that lie where it looks for them.
        unseen: Files that are read, do not lie there and are made, if at all, by a call that is not seen to.
        workdir: Where it lies below the folder that paths are meant from; empty for its own (`above`).
        opened: Of the files of `modules` the databases that these open when they are imported.
        levels: How many folders above its own it finds by what lies there, or by a name (`settled`).
    """

    notebook: Notebook
    parsed: ParsedNotebook
    execution: Execution
    imports: tuple[Import, ...]
    requirements: tuple[Requirement, ...]
    artifacts: tuple[Artifact, ...]
    findings: tuple[Finding, ...]
    uses: tuple[FileUse, ...] = ()
    modules: Modules = field(default_factory=dict)
    there: frozenset[str] | None = None
    unseen: tuple[Artifact, ...] = ()
    module_texts: Mapping[str, str] = field(default_factory=dict)
    workdir: str = ""
    levels: int = 0
    opened: frozenset[str] = frozenset()

    @property
    def distributions(self) -> tuple[str, ...]:
        """What has to be installed for it, sorted; also what was only assumed."""
        names = {one.distribution for one in self.imports if one.distribution}
        return tuple(sorted(names, key=str.lower))

    @property
    def known_distributions(self) -> tuple[str, ...]:
        """Those of which it is known that they provide what is imported."""
        assumed = {one.distribution for one in self.imports if one.known_by == "assumed"}
        return tuple(name for name in self.distributions if name not in assumed)

    def as_document(self) -> dict[str, Any]:
        """Plain data in a stable order: strings that UTF-8 can write, whole numbers, lists, objects."""
        document: dict[str, Any] = _writable(_document(self))
        return document


def inspect(
    source: str | os.PathLike[str] | bytes, *, name: str = "", limit: int = LIMIT, beside: bool = False
) -> Inspection:
    """Read a notebook and say what is in it. Executes nothing, raises nothing for what a file may hold.

    Args:
        source: A path, or the bytes themselves (then no module is known to be local).
        name: What to call it; else the file's own name.
        limit: Bytes beyond which nothing is read.
        beside: Whether its lab lies elsewhere, so that modules beside it are files that stages take (`above`).

    >>> cell = b'{"cell_type": "code", "metadata": {}, "source": "import cv2"}'
    >>> inspect(b'{"nbformat": 4, "metadata": {}, "cells": [' + cell + b"]}").distributions
    ('opencv-python',)
    """
    notebook = read(source, name=name, limit=limit)
    folder = None if isinstance(source, bytes) else Path(source).parent
    return inspect_notebook(notebook, folder, beside=beside)


@dataclass
class _Code:
    """What cells do, with what they run of other files, and where their modules may lie."""

    trees: dict[int, ast.Module]
    programs: list[str]
    above: Settled
    scope: Scope
    nodes: dict[int, Nodes]
    aliases: dict[str, str]
    evaluator: Evaluator
    added: list[str]
    project: list[str]


def _read_code(parsed: ParsedNotebook, folder: Path | None, others: Others) -> _Code:
    trees = {one.cell.index: one.tree for one in parsed.cells if one.tree is not None}
    programs: list[str] = []
    above = Settled(trees)
    if folder is not None:
        trees, programs = with_programs(trees, parsed.cells, folder)
        trees, more = with_their_code(trees, others)
        trees, moves = with_moves(trees, folder)
        programs += more + moves
        above = settled(trees, [*(one.python for one in parsed.cells), *programs], folder)
        trees = above.trees
    scope = scope_of_notebook(trees)
    nodes: dict[int, Nodes] = {cell: list(walk(cell, tree, scope)) for cell, tree in trees.items()}
    aliases = aliases_of(nodes.values())
    evaluator = Evaluator(aliases, _given(parsed))
    added, project = added_folders(nodes.values(), evaluator), project_folders(folder)
    return _Code(trees, programs, above, scope, nodes, aliases, evaluator, added, project)


def inspect_notebook(notebook: Notebook, folder: Path | None = None, *, beside: bool = False) -> Inspection:
    """The same for a notebook that was read already; `folder` is where it lies, for local modules."""
    execution = execution_of(notebook)
    notebook, texts = with_texts(notebook)
    parsed = parse_notebook(as_python(notebook) if is_supervisor(notebook) else notebook)
    others: Others = {}
    if folder is not None:
        parsed, others = with_notebooks(parsed, folder)
    parsed = with_tried(parsed)
    code = _read_code(parsed, folder, others)
    if folder is not None and not is_supervisor(notebook):
        there_too = [folder, *(folder / one for one in [*code.added, *code.project])]
        written_out = with_names(parsed, code.trees, there_too)
        if written_out is not parsed:
            parsed = written_out
            code = _read_code(parsed, folder, others)
    trees, programs, above, scope = code.trees, code.programs, code.above, code.scope
    nodes, aliases, evaluator = code.nodes, code.aliases, code.evaluator
    added, project = code.added, code.project
    goes = any("chdir" in one for one in (*(one.python for one in parsed.cells), *programs))
    books = imports_notebooks(aliases.values())
    changed, called = set_by_cells(nodes.values(), aliases), None if goes else _called_with(nodes.values())
    own = OwnModules(folder, [*added, *project], changed, called, notebooks=books)
    evaluator.knows(own, assumed=above.assumed)
    cells = Code.of(trees.values(), [one for cell in nodes.values() for one in cell], evaluator)
    while more := [
        one for one in folders_of_code(cells, own) if one not in added
    ]:  # of modules in these, too
        added += more
        own = OwnModules(folder, [*added, *project], changed, called, notebooks=books)
        evaluator.knows(own, assumed=above.assumed)
    acts = [act for cell in nodes.values() for act in acts_of(cell, evaluator)]
    acts += [act for cell in nodes.values() for act in acts_of_typed(cell, evaluator)]
    artifacts = list(each_once(acts))
    modules = written_modules(artifacts, added)
    folders = [] if folder is None else [folder, *(folder / one for one in dict.fromkeys([*added, *project]))]
    finder = Finder(folders, evaluator, frozenset(modules), books)
    imports: list[Import] = []
    installed = list(parsed.requirements)
    findings = [*notebook.findings, *texts, *parsed.findings, *above.findings]
    for one in parsed.cells:
        here = nodes.get(one.cell.index, [])
        found_here, said = finder.imports_of(here)
        imports += found_here
        findings += said
        translated = frozenset(magic.line for magic in one.magics)
        findings += code_risks(here, evaluator, translated, tried=is_tried(one))
        installed += installs_of(here, evaluator, translated)
    unseen: list[Artifact] = []
    imports = _named_by_project(imports, folder)
    if folder is not None:
        findings += programs_that_exit(parsed.cells, folder)
        unseen = out_of_sight(artifacts, folder)
        if unseen:  # a helper may be seen to write what it is given the name of
            by_helpers = {
                one.path for one in file_uses(trees, nodes, acts, evaluator) if one.does in ("write", "add")
            }
            unseen = [one for one in unseen if posixpath.normpath(one.path) not in by_helpers]
        artifacts = [replace(one, direction="unknown") if one in unseen else one for one in artifacts]
        findings += [
            found(
                "NB-306", f"“{one.path}” is shown; no cell is seen to make it", cell=one.cell, line=one.line
            )
            for one in unseen
        ]
    if folder is not None and style_file.lies_in(folder):
        drawn = [act for cell in nodes.values() for act in style_file.acts_of_drawing(cell, evaluator)]
        acts += drawn
        artifacts += [act.artifact for act in drawn[:1]]
    settings = [act for cell in nodes.values() for act in acts_of_settings(cell, evaluator, folder)]
    acts += settings
    artifacts += each_once(settings)
    texts_of = texts_of_modules(imports, trees, artifacts, added, own)
    logged = list(acts_of_logs(nodes, log_files(texts_of)))
    acts += logged
    artifacts += [act.artifact for act in logged]
    taken = {
        **files_of_modules(folder, added, texts_of, own, beside=beside, project=project),
        **modules,
    }
    reached = own.reached(texts_of)
    of_own = [act for one in reached for act in acts_of_module(one, folder) if act.owner]
    of_own += [act for one in reached for act in acts_of_reading(one.nodes, one.evaluator) if act.owner]
    of_own += [act for cell in nodes.values() for act in acts_of_reading(cell, evaluator)]
    uses = _uses(trees, nodes, acts, taken, artifacts, evaluator, reached, of_own, modules.keys())
    uses, lying = where_they_lie(uses, folder)
    artifacts += lying
    uses = with_lying(uses, nodes.values(), folder)
    uses, of_programs, run = with_told(uses, folder, written_down(one.cell.source for one in parsed.cells))
    findings += of_programs
    imports += _named_by_project(_of_programs(finder, nodes, evaluator, run), folder)
    findings += program_findings(imports)
    if folder is not None:
        uses, of_settings = without_secrets(uses, folder)
        findings += of_settings
    secrets = secrets_of(notebook, nodes.values())
    requirements = requirements_of(sorted(installed, key=lambda one: one[1:]))
    findings += import_findings(imports, requirements, modules, folder)
    of_files = artifact_findings(artifacts)
    online = {(one.cell, one.line) for one in of_files if one.code == "NB-501"}  # said once, with the address
    findings = [one for one in findings if one.code != "NB-501" or (one.cell, one.line) not in online]
    findings += of_files
    findings += own_findings(artifacts, imports, own, evaluator, scope)
    findings += computed_by_modules(uses, artifacts)
    findings += optional_findings(texts_of, imports)
    findings += execution_findings(notebook, execution)
    findings += attachment_findings(notebook)
    findings += unseeded(nodes.values(), evaluator, texts_of.values())
    findings += [secret.finding() for secret in secrets]
    hide = _hider(secrets)
    return Inspection(
        notebook,
        parsed,
        execution,
        tuple(imports),
        requirements,
        tuple(replace(one, path=hide(one.path)) for one in artifacts),
        in_order(replace(one, what=hide(one.what)) for one in findings),
        tuple(replace(one, path=hide(one.path)) for one in uses),
        taken,
        None if folder is None else there(folder, uses),
        tuple(replace(one, path=hide(one.path)) for one in unseen),
        texts_of,
        levels=above.levels,
        opened=frozenset(own.opened),
    )


def _named_by_project(imports: list[Import], folder: Path | None) -> list[Import]:
    """Imports, with what the project names as known."""
    if folder is None or all(one.known_by != "assumed" for one in imports):
        return imports
    named = named_distributions(folder)
    return [
        replace(one, known_by="project")
        if one.known_by == "assumed" and normal(one.distribution) in named
        else one
        for one in imports
    ]


def _of_programs(
    finder: Finder, nodes: Mapping[int, Nodes], evaluator: Evaluator, run: Mapping[FileUse, ProgramText]
) -> list[Import]:
    """What programs import of packages: those that cells type in, and those that lie there or are written down."""
    found = [
        one
        for cell, here in nodes.items()
        for module, line in imports_of_typed(here, evaluator)
        for one in finder.of_program("a program of the cell", [module], cell, line)
    ]
    for use, text in run.items():
        found += finder.of_program(use.path, text.imports, use.cell, use.artifact.line)
    return list(dict.fromkeys(found))


def _given(parsed: ParsedNotebook) -> dict[str, int]:
    """The names that cells of parameters give plain values, which a lab's runs may set, each with its cell."""
    tagged = [one for one in parsed.cells if one.cell.gives_parameters]
    both = dict(given_again(parsed))
    return {
        name: one.cell.index
        for one in tagged
        for name in parameters_of(one.python, both=both.get(one.cell.index)).given
    }


def _called_with(cells: Iterable[Nodes]) -> frozenset[str]:
    """The last names of what cells call and give something."""
    calls = (node for nodes in cells for node, _ in nodes if isinstance(node, ast.Call))
    named = (one.func for one in calls if one.args or one.keywords)
    return frozenset(
        one.attr if isinstance(one, ast.Attribute) else one.id
        for one in named
        if isinstance(one, ast.Attribute | ast.Name)
    )


def _uses(
    trees: Mapping[int, ast.Module],
    nodes: Mapping[int, Nodes],
    acts: Sequence[Act],
    modules: Modules,
    artifacts: Sequence[Artifact],
    evaluator: Evaluator,
    own: Sequence[OwnModule],
    of_own: Sequence[Act],
    written: Collection[str],
) -> tuple[FileUse, ...]:
    """The uses of files; `artifacts` say of each what is known of it by now; `of_own` are acts of own modules."""
    known = {replace(one, direction="read"): one for one in artifacts if one.direction == "unknown"}
    now = [replace(act, artifact=known.get(act.artifact, act.artifact)) for act in acts]
    lying = modules.keys() - written
    now += [act for cell in nodes.values() for act in acts_of_imports(cell, modules, lying)]
    now += [act for cell in nodes.values() for act in words_of_commands(cell, evaluator)]
    now += [act for cell in nodes.values() for act in modules_of_typed(cell, evaluator)]
    return without_hearsay(file_uses(trees, nodes, [*now, *of_own], evaluator, own), own)


def _hider(secrets: list[Secret]) -> Callable[[str], str]:
    """What takes every secret of the notebook out of a text, wherever constants have carried it."""
    texts = sorted({secret.text for secret in secrets}, key=lambda text: (-len(text), text))

    def hide(text: str) -> str:
        for secret in texts:
            text = text.replace(secret, HIDDEN)
        return text

    return hide


def _document(one: Inspection) -> dict[str, Any]:
    notebook = one.notebook
    return {
        "mode": MODE,
        "notebook": {
            "name": notebook.name,
            "format": notebook.format,
            "digest": notebook.digest,
            "size": notebook.size,
            "whole": notebook.whole,
            "language": notebook.language,
            "language_version": notebook.language_version,
            "kernel": notebook.kernel,
            "kernel_title": notebook.kernel_title,
        },
        "counts": _counts(one),
        "execution": one.execution.to_plain(),
        "distributions": list(one.distributions),
        "imports": [each.to_plain() for each in one.imports],
        "requirements": [each.to_plain() for each in one.requirements],
        "artifacts": [each.to_plain() for each in one.artifacts],
        "cells": [_cell(one, index) for index in range(len(notebook.cells))],
        "findings": [each.to_plain(notebook.name) for each in one.findings],
    }


def _counts(one: Inspection) -> dict[str, Any]:
    kinds = Counter(cell.kind for cell in one.notebook.cells)
    severities = Counter(finding.severity for finding in one.findings)
    written = [each for each in one.parsed.cells if each.cell.source.strip()]
    return {
        "cells": len(one.notebook.cells),
        "code": kinds["code"],
        "markdown": kinds["markdown"],
        "raw": kinds["raw"],
        "python": len(written),
        "parsed": sum(each.tree is not None for each in written),
        "outputs": sum(len(cell.outputs) for cell in one.notebook.cells),
        "output_bytes": sum(output.size for cell in one.notebook.cells for output in cell.outputs),
        "findings": {severity: severities[severity] for severity in SEVERITIES},
    }


def _cell(one: Inspection, position: int) -> dict[str, Any]:
    """One cell without its text: what a list of cells shows."""
    cell = one.notebook.cells[position]
    return {
        "index": cell.index,
        "id": cell.id,
        "kind": cell.kind,
        "language": cell.language,
        "lines": cell.source.count("\n") + 1 if cell.source else 0,
        "execution_count": cell.execution_count,
        "tags": list(cell.tags),
        "outputs": [
            {
                "kind": output.kind,
                "name": output.name,
                "parts": [
                    {"mime": part.mime, "size": part.size, "digest": part.digest} for part in output.parts
                ],
            }
            for output in cell.outputs
        ],
    }


def _writable(value: Any) -> Any:
    """The same with every text writable as UTF-8: half a character is escaped."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode("utf-8")
    if isinstance(value, list):
        return [_writable(item) for item in value]
    if isinstance(value, dict):
        return {_writable(key): _writable(item) for key, item in value.items()}
    return value
