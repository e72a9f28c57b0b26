"""What an import of notebooks would write, before anything is. Nothing of a notebook is executed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from agi_node.errors import AgiError
from agilab.contracts.lab_stages import LabStages
from agilab.contracts.moments import dated
from agilab.contracts.notebook_import import NotebookImport
from agilab.notebooks.inspecting import Inspection, inspect
from agilab.notebooks.modules.named_versions import NamedVersions, named_distributions, named_versions
from agilab.notebooks.stages.above import common_root, levels_above, raised, root_of
from agilab.notebooks.stages.staging import Staged
from agilab.notebooks.stages.together import stage_together
from agilab.notebooks.supervisor.read_back import ReadBack, is_supervisor, read_back
from agilab.workflow.document.locate import FILE, parse_lab, read_text
from agilab.workflow.notebooks.bringing import home_of, read_by
from agilab.workflow.notebooks.given import given
from agilab.workflow.notebooks.joined import is_of, joined, replaced
from agilab.workflow.notebooks.own_project import requirements_of
from agilab.workflow.notebooks.three_ways import Side


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
        kinds: Which of the document's texts are dates and times in TOML (`contracts.moments`).
        found: A lab's own notebook as it was read, None for any other.
        beside: The text of the lab that lies where this one goes, once `beside_what_is_there` has looked at it.
        undecided: What that lab and the notebook both changed, each in another way, in words.
        joins: Whether it is the lab that the notebook was made of, and stays with what was changed.
        names: The key of each stage of such a lab (`joined`).
        workdirs: The folder that each notebook lies in, below that of their lab; empty where it is the lab's (`above`).
        named: The versions that the project of the first notebook names.
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
    found: ReadBack | None = None
    beside: str | None = None
    undecided: tuple[str, ...] = ()
    joins: bool = False
    names: Mapping[str, str] | None = None
    workdirs: tuple[str, ...] = ()
    named: NamedVersions = field(default_factory=NamedVersions)

    @property
    def workdir(self) -> str:
        """The one of the first notebook."""
        return self.workdirs[0] if self.workdirs else ""

    @property
    def folder(self) -> Path:
        """Where the lab lies, unless it is to lie elsewhere."""
        return root_of(self.notebooks[0], self.workdir)

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
    inspections = _raised(notebooks, inspections)
    staged = stage_together(inspections, per=per)
    notebooks, inspections = _in_order(notebooks, inspections, staged)
    named = named_versions(notebooks[0])
    listed = named_distributions(notebooks[0].parent)
    dependencies = named.of(requirements_of(inspections, staged.lab, listed))
    report = _report(inspections, staged, dependencies, named=named)
    reads = read_by(staged.lab)
    return Preview(
        tuple(notebooks),
        staged.lab,
        report,
        dependencies,
        reads,
        pictures=staged.files,
        workdirs=tuple(one.workdir for one in inspections),
        named=named,
    )


def _raised(notebooks: Sequence[Path], inspections: Sequence[Inspection]) -> list[Inspection]:
    """The inspections with the folder above theirs that any of them reaches into, where it may be the lab's of all."""
    folders = [path.resolve().parent for path in notebooks]
    levels = [
        levels_above(folder, one.uses, one.levels) for folder, one in zip(folders, inspections, strict=True)
    ]
    if not any(levels):
        return list(inspections)
    root = common_root(folders, levels)
    if root is None:
        return list(inspections)
    return [
        raised(inspect(path, name=name, beside=True), folder, len(folder.relative_to(root).parts))
        for path, folder, name in zip(notebooks, folders, names_of(notebooks), strict=True)
    ]


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
        (path,), found.document, report, (), reads, changes, unread, home, found.files, found.kinds, found
    )


def beside_what_is_there(preview: Preview, folder: Path, *, prefer: Side | None = None) -> Preview:
    """The preview with the lab that lies in the folder looked at, so that nothing of it goes without a word.

    A lab's own notebook is joined with that lab (`joined`), with `prefer` for what both changed; any other lab is
    replaced. Where there is none, or one that cannot be read, the preview is as it was.

    Raises AGI-DOC-001 and -002 as `read_document` does, AGI-LAB-103 for a lab of version 1 and its own notebook.
    """
    path = folder / FILE
    if not path.exists() or not preview.importable:
        return preview
    text = read_text(path)
    try:
        file = parse_lab(text, path)
    except AgiError:
        return replace(preview, beside=text)
    there = file.lab
    found = preview.found
    if found is not None:
        found = replace(found, base=found.base.later(given(preview.notebooks[0], path)))
    if found is None or not (is_of(found, there) or _is_at_home(preview, folder)):
        changes = (*preview.back, *(one.to_plain() for one in replaced(preview.lab, there)))
        return replace(preview, beside=text, back=changes)
    both = joined(found, file.writable().lab, prefer)
    changes = tuple(one.to_plain() for one in (*both.since, *both.changes))
    undecided = tuple(f"{one.stage}: {one.what}".removeprefix(": ") for one in both.undecided)
    toml = toml_of(both.document, text, kinds=preview.kinds, defaults=True)
    return replace(
        preview,
        lab=both.document,
        report=preview.report.with_changes(toml=toml),
        reads=read_by(both.document),
        back=changes,
        beside=text,
        undecided=undecided,
        joins=True,
        found=found,
        names=both.names,
    )


def _is_at_home(preview: Preview, folder: Path) -> bool:
    return preview.home is not None and preview.home.resolve() == folder.resolve()


_UNREADABLE = frozenset({"NB-103", "NB-104", "NB-106"})
"""Codes that say why a cell is not Python; NB-609 says only that it is not."""


def _report(
    inspections: Sequence[Inspection],
    staged: Staged,
    dependencies: Iterable[str],
    kinds: Mapping[str, Any] | None = None,
    named: NamedVersions | None = None,
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
    places = [one["location"] for one in findings if one["code"] in _UNREADABLE]
    told = {(place["notebook"], place["cell"]) for place in places}
    findings += [
        finding.to_plain(name)
        for name, finding in staged.findings
        if finding.code != "NB-609" or (name, finding.cell) not in told
    ]
    first = inspections[0].notebook.name or "notebook"
    said = named.findings(dependencies) if named else ()
    findings += [finding.to_plain(first) for finding in said]
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


def toml_of(
    document: LabStages,
    previous: str = "",
    *,
    kinds: Mapping[str, Any] | None = None,
    defaults: bool = False,
) -> str:
    """A lab as the text of its file; with `previous` its comments and layout are kept.

    `kinds` says which of its texts are dates and times there, as far as they still are; params are dates already. With
    `defaults` what somebody wrote although it goes without saying (`enabled = true`) stays.
    """
    from agilab.contracts.toml import merged

    plain = dated(document.in_toml(defaults=defaults), kinds or {})
    if not document.stages:
        plain.pop("stages", None)  # below `stages = []` nobody could write `[[stages]]`
    return merged(previous, plain, FILE)
