"""From notebooks to a lab on disk: the preview first, then the files. Nothing of a notebook is executed."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from agi_node.errors import AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import parse_document, write_document
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.notebook_import import NotebookImport
from agilab.notebooks.attachments import paths_of
from agilab.notebooks.inspecting import Inspection, inspect
from agilab.notebooks.staging import Staged
from agilab.notebooks.supervisor.read_back import is_supervisor, read_back
from agilab.notebooks.together import stage_together
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import FILE
from agilab.workflow.document.migrate import backup_of
from agilab.workflow.document.moments import dated
from agilab.workflow.notebooks.bringing import PROJECT, beside, bring, home_of, put, read_by, wanted
from agilab.workflow.notebooks.own_project import lock_project, project_text, requirements_of

REPORT = "notebook_import.json"
Say = Callable[[str], None]


@dataclass(frozen=True)
class Preview:
    """What an import would write.

    Attributes:
        lab: The document; what a person wrote into a lab's own notebook where it is one.
        report: The `agilab.notebook_import.v2` document.
        dependencies: Requirements of the environment.
        back: What a person changed in a notebook that this lab was exported to, in words.
        unread: What of that could not be read: it stays behind in the notebook.
        home: The folder of the lab that the notebook was exported from, for such a one.
        pictures: Those that are stored inside the notebooks, by the path that the document gives them.
        kinds: Which of the document's texts are dates and times in TOML (`workflow.document.moments`).
    """

    notebooks: tuple[Path, ...]
    lab: LabStages
    report: NotebookImport
    dependencies: tuple[str, ...]
    reads: tuple[str, ...]
    back: tuple[dict[str, Any], ...] = ()
    unread: tuple[str, ...] = ()
    home: Path | None = None
    pictures: Mapping[str, bytes] = field(default_factory=dict)
    kinds: Mapping[str, Any] = field(default_factory=dict)

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
    dependencies = requirements_of(inspections, staged.lab)
    report = _report(inspections, staged, dependencies)
    reads = read_by(staged.lab)
    return Preview(tuple(notebooks), staged.lab, report, dependencies, reads, pictures=staged.files)


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
    report = _report([inspection], staged, (), found.kinds)
    changes = tuple(change.to_plain() for change in found.changes)
    unread = tuple(f"cell {one.cell}: {one.what}" for one in found.changes if one.stayed_behind)
    home = home_of(inspection.notebook, path)
    reads = read_by(found.document)
    return Preview(
        (path,), found.document, report, (), reads, changes, unread, home, found.files, found.kinds
    )


def _report(
    inspections: Sequence[Inspection],
    staged: Staged,
    dependencies: Iterable[str],
    kinds: Mapping[str, Any] | None = None,
) -> NotebookImport:
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
                        *("undecided", "finals", "others"),
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
            "toml": toml_of(staged.lab, kinds=kinds),
        }
    )


def toml_of(document: LabStages, previous: str = "", *, kinds: Mapping[str, Any] | None = None) -> str:
    """A lab as the text of its file; with `previous` its comments and layout are kept.

    `kinds` says which of its texts are dates and times there, as far as they still are.
    """
    from agilab.contracts.toml import merged

    plain = document.model_dump(mode="json", by_alias=True, exclude_defaults=True, exclude_none=True)
    return merged(previous, {"schema": document.schema_name(), **dated(plain, kinds or {})}, FILE)


@dataclass(frozen=True)
class Imported:
    """What an import wrote.

    Attributes:
        files: Relative to the folder.
        backup: The lab that stood in the way is kept under this name.
        kept: Other files that did, as (name, the one that it is kept under).
        missing: What stages name and the folder has not: files that they read or are run from, folders of environments
            and apps, and the lab's own project.
    """

    path: Path
    files: tuple[str, ...]
    backup: str | None
    missing: tuple[str, ...]
    kept: tuple[tuple[str, str], ...] = ()

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "path": str(self.path),
            "files": list(self.files),
            "backup": self.backup,
            "kept": dict(self.kept),
            "missing": list(self.missing),
        }


def write_import(
    preview: Preview, folder: Path, *, say: Say = lambda text: None, lock: bool = True
) -> Imported:
    """Write the lab, its report, and a uv project where there is none; copy the data that it reads to another folder.

    A lab that is there already is kept beside the new one as `lab_stages.toml.bak`, and so is a report. With `lock` the
    project is locked, for which uv may ask the network; what it then cannot resolve is an error, after everything else
    is written.

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
        backup = _kept(path)
    keeps = previous if preview.back or not preview.dependencies else ""
    text = toml_of(preview.lab, keeps, kinds=preview.kinds)
    parse_document(text, LabStages, str(path))
    write_atomically(path, text.encode("utf-8"))
    kept = []
    if preview.dependencies:
        if (folder / REPORT).exists() and _is_other(folder / REPORT, preview.report):
            kept.append((REPORT, _kept(folder / REPORT)))
        write_document(folder / REPORT, preview.report)
        files.append(REPORT)
    files += put(preview.pictures, folder)
    files += _copied(preview, folder)
    if preview.dependencies and not (folder / "pyproject.toml").exists():
        names = ", ".join(notebook.name for notebook in preview.notebooks)
        title = preview.lab.lab.title or f"Stages of {names}"
        project = project_text(folder.resolve().name, title, preview.dependencies)
        write_atomically(folder / "pyproject.toml", project.encode("utf-8"))
        files.append("pyproject.toml")
    if lock and (folder / "pyproject.toml").exists() and not (folder / "uv.lock").exists():
        say("locking what the notebooks import")
        lock_project(folder, ours="pyproject.toml" in files)
        files.append("uv.lock")
    missing = tuple(wanted(preview.lab, folder, preview.reads))
    return Imported(path, tuple(files), backup, missing, tuple(kept))


def _kept(path: Path) -> str:
    """Keep what a file holds under another name beside it; the name."""
    backup = backup_of(path)
    write_atomically(backup, path.read_bytes())
    return backup.name


def _is_other(path: Path, report: NotebookImport) -> bool:
    """Whether a file holds anything but this report; a proof that was added to it counts."""
    return path.read_bytes() != report.text().encode("utf-8")


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
        names = [
            *preview.reads,
            *beside(preview.lab, preview.home),
            *paths_of(preview.lab),
            *_modules(preview, preview.home),
            *own,
        ]
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
