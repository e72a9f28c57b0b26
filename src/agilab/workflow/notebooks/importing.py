"""From notebooks to a lab on disk: the preview first, then the files. Nothing of a notebook is executed."""

from __future__ import annotations

import re
import shlex
import subprocess
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agi_node.errors import ENVIRONMENT, AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import parse_document, write_document
from agilab.contracts.lab_stages import LabStages, is_file
from agilab.contracts.notebook_import import NotebookImport
from agilab.notebooks.inspecting import Inspection, inspect
from agilab.notebooks.staging import Staged
from agilab.notebooks.supervisor.read_back import is_supervisor, read_back
from agilab.notebooks.together import stage_together
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import FILE
from agilab.workflow.document.migrate import backup_of
from agilab.workflow.notebooks.bringing import PROJECT, beside, bring, home_of, read_by, wanted

REPORT = "notebook_import.json"
Say = Callable[[str], None]
NEW_PROJECT = """[project]
name = "{name}"
version = "0.1.0"
description = "{description}"
requires-python = ">=3.11"
dependencies = [
{dependencies}
]
"""


@dataclass(frozen=True)
class Preview:
    """What an import would write.

    Attributes:
        lab: The document; what a person wrote into a lab's own notebook where it is one.
        report: The `agilab.notebook_import.v2` document.
        dependencies: Requirements of the environment.
        back: What a person changed in a notebook that this lab was exported to, in words.
        home: The folder of the lab that the notebook was exported from, for such a one.
    """

    notebooks: tuple[Path, ...]
    lab: LabStages
    report: NotebookImport
    dependencies: tuple[str, ...]
    reads: tuple[str, ...]
    back: tuple[dict[str, Any], ...] = ()
    home: Path | None = None

    @property
    def importable(self) -> bool:
        return self.report.importable


def preview_import(notebooks: Sequence[Path], *, per: Literal["flow", "cell"] = "flow") -> Preview:
    """Read notebooks and say which stages they would be. Executes nothing and raises nothing for what a file holds."""
    inspections = [
        inspect(path, name=name) for path, name in zip(notebooks, names_of(notebooks), strict=True)
    ]
    if len(inspections) == 1 and is_supervisor(inspections[0].notebook):
        return _of_a_lab(notebooks[0], inspections[0])
    staged = stage_together(inspections, per=per)
    notebooks, inspections = _in_order(notebooks, inspections, staged)
    dependencies = _dependencies(inspections, staged.lab)
    report = _report(inspections, staged, dependencies)
    return Preview(tuple(notebooks), staged.lab, report, dependencies, read_by(staged.lab))


def names_of(notebooks: Sequence[Path]) -> tuple[str, ...]:
    """What notebooks are called: by their files, and those of one name with as many folders as tell them apart.

    >>> names_of([Path("a/study.ipynb"), Path("b/study.ipynb"), Path("c/plot.ipynb")])
    ('a/study.ipynb', 'b/study.ipynb', 'plot.ipynb')
    """
    parts = [path.absolute().parts[1:] for path in notebooks]
    found = []
    for mine in parts:
        others = [other for other in parts if other != mine]
        length = next(
            (n for n in range(1, len(mine)) if all(other[-n:] != mine[-n:] for other in others)), len(mine)
        )
        found.append("/".join(mine[-length:]))
    return tuple(found)


def _in_order(
    notebooks: Sequence[Path], inspections: list[Inspection], staged: Staged
) -> tuple[list[Path], list[Inspection]]:
    """The notebooks as their stages stand, not as they were named on the command line."""
    order = [one["notebook"] for one in staged.report["notebooks"]]
    pairs = sorted(
        zip(notebooks, inspections, strict=True),
        key=lambda pair: order.index(pair[1].notebook.name or "notebook"),
    )
    return [path for path, _ in pairs], [inspection for _, inspection in pairs]


def _of_a_lab(path: Path, inspection: Inspection) -> Preview:
    """A notebook that a lab was exported to: its cells are the stages, and nothing has to be derived."""
    found = read_back(inspection.notebook)
    staged = Staged(found.document, {"notebooks": [{"notebook": path.name}]}, ())
    report = _report([inspection], staged, ())
    changes = tuple(change.to_plain() for change in found.changes)
    home = home_of(inspection.notebook, path)
    return Preview((path,), found.document, report, (), read_by(found.document), changes, home)


def _report(inspections: Sequence[Inspection], staged: Staged, dependencies: Iterable[str]) -> NotebookImport:
    of_flow = {one["notebook"]: one for one in staged.report["notebooks"]}
    notebooks = []
    findings: list[dict[str, Any]] = []
    for inspection in inspections:
        document = inspection.as_document()
        about = document["notebook"]
        flow = of_flow.get(about["name"] or "notebook", {})
        notebooks.append(
            {
                **{name: about[name] for name in ("name", "digest", "format", "language", "kernel")},
                **{name: document[name] for name in ("counts", "execution")},
                **{name: document[name] for name in ("imports", "requirements", "artifacts")},
                **{
                    name: flow[name]
                    for name in (
                        *("stages", "parameters", "borders", "edges"),
                        *("undecided", "finals"),
                    )
                    if name in flow
                },
            }
        )
        findings += document["findings"]
    findings += [finding.to_plain(name) for name, finding in staged.findings]
    importable = bool(staged.lab.stages) and all(inspection.notebook.whole for inspection in inspections)
    return NotebookImport.model_validate(
        {
            "importable": importable,
            "notebooks": notebooks,
            "dependencies": tuple(dependencies),
            "findings": findings,
            "toml": toml_of(staged.lab),
        }
    )


def toml_of(document: LabStages, previous: str = "") -> str:
    """A lab as the text of its file; with `previous` its comments and layout are kept."""
    from agilab.contracts.toml import merged

    plain = document.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    return merged(previous, {"schema": document.schema_name(), **plain}, FILE)


def _dependencies(inspections: Sequence[Inspection], lab: LabStages) -> tuple[str, ...]:
    """Requirements: what the notebooks import, at the versions that they install themselves; pydantic always.

    Objects of libraries that go from stage to stage hold functions and classes that have no name to pickle them by more
    often than not: cloudpickle takes these along.
    """
    found: dict[str, str] = {"pydantic": "pydantic>=2.9"}
    for inspection in inspections:
        for name in inspection.distributions:
            found.setdefault(_normal(name), name)
        for requirement in inspection.requirements:
            if requirement.distribution:
                found[requirement.distribution] = requirement.text
    if any(not is_file(name) for stage in lab.stages for name in stage.outputs):
        found.setdefault("cloudpickle", "cloudpickle")
    # Tables of pandas are handed over as parquet, which pandas leaves to pyarrow.
    if "pandas" in found:
        found.setdefault("pyarrow", "pyarrow")
    return tuple(found[name] for name in sorted(found))


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@dataclass(frozen=True)
class Imported:
    """What an import wrote.

    Attributes:
        files: Relative to the folder.
        backup: What stood in the way is kept under this name.
        missing: What stages name and the folder has not: files that they read or are run from, folders of environments
            and apps, and the lab's own project.
    """

    path: Path
    files: tuple[str, ...]
    backup: str | None
    missing: tuple[str, ...]

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "path": str(self.path),
            "files": list(self.files),
            "backup": self.backup,
            "missing": list(self.missing),
        }


def write_import(
    preview: Preview, folder: Path, *, say: Say = lambda text: None, lock: bool = True
) -> Imported:
    """Write the lab, its report, and a uv project where there is none; copy the data that it reads to another folder.

    A lab that is there already is kept beside the new one as `lab_stages.toml.bak`. With `lock` the project is locked,
    for which uv may ask the network; what it then cannot resolve is an error, after everything else is written.

    Raises AGI-STAGE-045 for notebooks that cannot be imported, AGI-STAGE-046 where uv cannot lock the project.
    """
    if not preview.importable:
        raise _not_importable(preview)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    files = [FILE]
    backup: str | None = None
    previous = ""
    if path.exists():
        previous = path.read_text(encoding="utf-8")
        backup = backup_of(path).name
        write_atomically(folder / backup, previous.encode("utf-8"))
    keeps = previous if preview.back or not preview.dependencies else ""
    text = toml_of(preview.lab, keeps)
    parse_document(text, LabStages, str(path))
    write_atomically(path, text.encode("utf-8"))
    if preview.dependencies:
        write_document(folder / REPORT, preview.report)
        files.append(REPORT)
    files += _copied(preview, folder)
    if preview.dependencies and not (folder / "pyproject.toml").exists():
        write_atomically(folder / "pyproject.toml", _project(preview, folder).encode("utf-8"))
        files.append("pyproject.toml")
    if lock and (folder / "pyproject.toml").exists() and not (folder / "uv.lock").exists():
        say("locking what the notebooks import")
        _lock(folder)
        files.append("uv.lock")
    missing = tuple(wanted(preview.lab, folder, preview.reads))
    return Imported(path, tuple(files), backup, missing)


def make_an_app(folder: Path, workspace: Workspace) -> tuple[str, ...]:
    """Make a lab's folder an app: known by name, with settings, a view of its stages and a word to its reader.

    Returns the names of the files that it wrote; what is there already stays. Its `App` object comes when somebody
    writes one; until then the stages are what it runs.
    """
    from agilab.projects.discover import read_app, remember
    from agilab.workflow.document.view import dot
    from agilab.workflow.running.prepare import read_lab

    project = folder / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    if "[tool.agilab]" not in text:
        write_atomically(
            project, f"{text}\n[tool.agilab]  # an app of stages: agilab workflow run\n".encode()
        )
    lab = read_lab(folder / FILE)
    title = lab.document.lab.title or folder.name
    stages = "\n".join(f"- **{stage.title or stage.id}** (`{stage.id}`)" for stage in lab.document.stages)
    made = {
        "app_settings.toml": 'schema = "agilab.app_settings.v2"\n',
        "pipeline_view.dot": dot(lab.resolved, title),
        "README.md": f"# {title}\n\nIts stages:\n\n{stages}\n\n    agilab workflow run {shlex.quote(folder.name)}\n",
    }
    written = tuple(name for name in made if not (folder / name).exists())
    for name in written:
        write_atomically(folder / name, made[name].encode("utf-8"))
    remember(read_app(folder.resolve()), workspace)
    return written


def _copied(preview: Preview, folder: Path) -> list[str]:
    """Bring along what the stages read, where the lab is made in another folder than the notebook's."""
    if preview.home is not None:
        own = PROJECT if not (folder / PROJECT[0]).exists() else ()
        names = [*preview.reads, *beside(preview.lab), *_modules(preview, preview.home), *own]
        return bring(preview.home, folder, names)
    homes = [notebook.resolve().parent for notebook in preview.notebooks]
    return [
        name for home in homes for name in bring(home, folder, [*preview.reads, *_modules(preview, home)])
    ]


def _modules(preview: Preview, home: Path) -> list[str]:
    """Python files beside the notebook that its cells import."""
    names = []
    for notebook in preview.report.notebooks:
        for one in notebook.imports:
            if one.get("known_by") == "local":
                stem = str(one["module"]).partition(".")[0]
                names += [f"{stem}.py"] if (home / f"{stem}.py").is_file() else []
                package = home / stem
                if package.is_dir():
                    names += [file.relative_to(home).as_posix() for file in sorted(package.rglob("*.py"))]
    return list(dict.fromkeys(names))


def _project(preview: Preview, folder: Path) -> str:
    name = re.sub(r"[^a-z0-9]+", "-", folder.resolve().name.lower()).strip("-") or "lab"
    names = ", ".join(path.name for path in preview.notebooks)
    title = " ".join((preview.lab.lab.title or f"Stages of {names}").split())
    lines = "\n".join(f'    "{requirement}",' for requirement in preview.dependencies)
    description = title.replace("\\", "").replace('"', "'")[:100]
    return NEW_PROJECT.format(name=name, description=description, dependencies=lines)


def _lock(folder: Path) -> None:
    from agilab.envs import find_uv

    command = [str(find_uv()), "lock", "--quiet", "--no-progress", "--directory", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise AgiError(
            "AGI-STAGE-046",
            "uv cannot lock what the notebooks import; the stages are written",
            found=done.stderr.strip()[:600],
            allowed="distributions that exist and agree with each other",
            try_=f"edit {folder.name}/pyproject.toml, then: uv lock --directory {shlex.quote(str(folder))}",
            whose="environment",
            exit_code=ENVIRONMENT,
        )


def _not_importable(preview: Preview) -> AgiError:
    grave = [finding for finding in preview.report.findings if finding.severity == "error"]
    found = "; ".join(f"{finding.location.notebook}: {finding.what}" for finding in grave[:3])
    return AgiError(
        "AGI-STAGE-045",
        "there is nothing that could become stages",
        found=found or "no cells with code or text",
        allowed="notebooks with cells",
        try_=f"agilab notebook inspect {shlex.quote(str(preview.notebooks[0]))}",
    )
