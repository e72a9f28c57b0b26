"""From the preview of an import to a lab on disk. Nothing of a notebook is executed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import FAILED, AgiError
from agilab.contracts.atomic import write_atomically
from agilab.contracts.base import parse_document, write_document
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.notebook_import import NotebookImport
from agilab.notebooks.document.attachments import paths_of
from agilab.notebooks.modules.named_versions import name_of
from agilab.notebooks.stages.above import root_of
from agilab.store.workspace import Workspace
from agilab.workflow.document.locate import FILE, REPORT, read_text
from agilab.workflow.document.migrate import backup_of
from agilab.workflow.notebooks.bringing import PROJECT, beside, bring, put, wanted
from agilab.workflow.notebooks.given import remember
from agilab.workflow.notebooks.last_runs import with_newer_runs
from agilab.workflow.notebooks.own_project import (
    contradiction,
    is_for_tools_alone,
    lock_project,
    project_text,
)
from agilab.workflow.notebooks.preview import Preview, beside_what_is_there, toml_of

Say = Callable[[str], None]


@dataclass(frozen=True)
class Imported:
    """What an import wrote.

    Attributes:
        files: Relative to the folder.
        backup: The lab that stood in the way is kept under this name.
        kept: Other files that did, as (name, the one that it is kept under).
        missing: What stages name and the folder has not: files that they read or are run from, folders of environments
            and apps, and the lab's own project.
        differs: Whether the lab says otherwise than its notebook where somebody edited or chose the lab's words.
        unnamed: Which versions that the project names could not be had, and why; the newest are locked.
    """

    path: Path
    files: tuple[str, ...]
    backup: str | None
    missing: tuple[str, ...]
    kept: tuple[tuple[str, str], ...] = ()
    differs: bool = False
    unnamed: str = ""

    def to_plain(self) -> dict[str, Any]:
        """The same as JSON."""
        return {
            "path": str(self.path),
            "files": list(self.files),
            "backup": self.backup,
            "kept": dict(self.kept),
            "missing": list(self.missing),
            "unnamed": self.unnamed,
        }


def write_import(
    preview: Preview, folder: Path, *, say: Say = lambda text: None, lock: bool = True
) -> Imported:
    """Write the lab, its report, and a uv project where there is none; copy the data that it reads to another folder.

    A lab that is there already is joined with its own notebook, and otherwise replaced (`beside_what_is_there`). As it
    was it is kept beside the new one as `lab_stages.toml.bak`, and so is a report; what runs wrote into it since the
    notebook was made (`last_run`) stays. A lab that says all of it already is not written. With `lock` the project is
    locked, for which uv may ask the network; what it then cannot resolve is an error, after everything else is written.

    A `pyproject.toml` that only has settings of tools gets the tables of a project; it is kept as it was, too.

    Raises AGI-STAGE-045 for notebooks that cannot be imported, AGI-STAGE-046 where uv cannot lock the project, and
    AGI-STAGE-067 where nobody decided between what the notebook and the lab both changed.
    """
    if not preview.importable:
        raise _not_importable(preview)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE
    previous = read_text(path) if path.exists() else ""
    if path.exists() and preview.beside != previous:  # nobody looked, or somebody wrote it meanwhile
        preview = beside_what_is_there(preview, folder)
    if preview.undecided:
        raise _undecided(preview)
    files: list[str] = []
    backup: str | None = None
    own = preview.found is not None or not preview.dependencies
    lab = with_newer_runs(preview.lab, previous, own=own) if previous else preview.lab
    text = toml_of(lab, previous if own else "", kinds=preview.kinds, defaults=preview.joins)
    if preview.joins and parse_document(previous, LabStages, str(path)) == lab:
        text = previous
    now = parse_document(text, LabStages, str(path))
    if text != previous or not path.exists():
        backup = _kept(path) if path.exists() else None
        write_atomically(path, text.encode("utf-8"))
        files.append(FILE)
    if preview.found is not None:
        remember(preview.notebooks[0], path, preview.found, previous, now, preview.names)
    kept = []
    if preview.dependencies:
        if (folder / REPORT).exists() and _is_other(folder / REPORT, preview.report):
            kept.append((REPORT, _kept(folder / REPORT)))
        write_document(folder / REPORT, preview.report)
        files.append(REPORT)
    files += put(preview.pictures, folder)
    files += _copied(preview, folder)
    there = folder / "pyproject.toml"
    lacks = not there.exists() or (is_for_tools_alone(there) and not (folder / "uv.lock").exists())
    if preview.dependencies and lacks:
        names = ", ".join(notebook.name for notebook in preview.notebooks)
        title = preview.lab.lab.title or f"Stages of {names}"
        project = project_text(folder.resolve().name, title, preview.dependencies, preview.named)
        if there.exists():
            kept.append((there.name, _kept(there)))
            project = f"{read_text(there).rstrip()}\n\n{project}"
        write_atomically(there, project.encode("utf-8"))
        files.append(there.name)
    unnamed = ""
    ours = there.name in files
    if lock and there.exists() and (ours or not (folder / "uv.lock").exists()):
        say("locking what the notebooks import")
        if ours and preview.named.versions:
            unnamed = _without_versions(preview, folder, say)
        lock_project(folder, ours=ours)
        files.append("uv.lock")
    missing = tuple(wanted(preview.lab, folder, preview.reads))
    differs = any(change["won"] == "file" for change in preview.back)
    return Imported(path, tuple(files), backup, missing, tuple(kept), differs, unnamed)


def _without_versions(preview: Preview, folder: Path, say: Say) -> str:
    """Lock at the versions that the project names; where they contradict, write them out. The words on that."""
    named, path = preview.named, folder / "pyproject.toml"
    counting = [one for one in preview.dependencies if named.is_of(one)]
    why = contradiction(folder, [name_of(one) for one in counting])
    if not why:
        return ""
    say(f"without the versions of {named.file}, which cannot be had for this Python")
    text = path.read_text(encoding="utf-8").partition("\n[tool.uv]")[0]
    for one in counting:
        text = text.replace(f'"{one}"', f'"{one.removesuffix(named.versions[name_of(one)])}"')
    write_atomically(path, text.encode("utf-8"))
    return f"{named.file} names {', '.join(counting) or 'versions'}: {why}"


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
    places = zip(preview.notebooks, preview.workdirs or [""] * len(preview.notebooks), strict=True)
    homes = dict.fromkeys(root_of(notebook.resolve(), workdir) for notebook, workdir in places)
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


def _undecided(preview: Preview) -> AgiError:
    return AgiError(
        "AGI-STAGE-067",
        "the notebook and the lab that it was made of were edited in the same places",
        found="; ".join(preview.undecided[:4]),
        allowed="--prefer notebook or --prefer file, which says whose words count there",
        try_=f"agilab notebook import {shlex.quote(str(preview.notebooks[0]))} --prefer notebook",
        exit_code=FAILED,
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
