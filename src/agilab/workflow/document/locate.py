"""Which lab a person means, and what its document says: the file at a path, of an app, or the nearest one above."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from agi_node.errors import ENVIRONMENT, AgiError

if TYPE_CHECKING:
    from agilab.contracts.lab_stages import LabStages
    from agilab.store.workspace import Workspace
    from agilab.workflow.legacy.notes import Converted

FILE = "lab_stages.toml"
REPORT = "notebook_import.json"
"""What an import said of its notebooks, beside the document."""
LARGEST = 64 * 2**20
"""Bytes that a document may have; a larger one is data under a wrong name."""


@dataclass(frozen=True)
class LabFile:
    """A document of stages as it was read.

    Attributes:
        text: The file's text, whose lines findings and notes speak of.
        converted: For a file of version 1, what became of it.
    """

    path: Path
    text: str
    lab: LabStages
    converted: Converted | None = None

    @property
    def folder(self) -> Path:
        return self.path.parent

    @property
    def name(self) -> str:
        """What people call the lab: its folder."""
        return self.folder.resolve().name

    @property
    def dialect(self) -> Literal["v1", "v2"]:
        return "v2" if self.converted is None else "v1"

    def writable(self) -> LabFile:
        """The same. Raises AGI-LAB-103 for a file of version 1, which is read and never edited."""
        if self.converted is not None:
            raise AgiError(
                "AGI-LAB-103",
                f"{self.path} is of version 1, which can be read and not edited",
                found="D, Q, M, C and R",
                allowed="a file of version 2",
                try_=f"agilab workflow migrate {shlex.quote(str(self.path))}",
            )
        return self


def find_lab(text: str | None, workspace: Workspace, *, here: Path | None = None) -> Path:
    """The document that a person means: a file, a folder, an app; without a word the nearest above `here`.

    Raises AGI-LAB-101 where there is none, and AGI-LAB-114 for a name that several have.
    """
    start = (here or Path.cwd()).resolve()
    if text is None:
        for folder in (start, *start.parents):
            if (folder / FILE).is_file():
                return _near(folder / FILE, here)
        raise _none(f"no {FILE} in {start.name or start} or above it", "agilab workflow new .")
    path = (here or Path()) / _expanded(text)
    if path.is_file():
        return path
    if path.is_dir():
        if (path / FILE).is_file():
            return path / FILE
        raise _none(f"{text} without {FILE}", f"agilab workflow new {shlex.quote(text)}")
    if "/" not in text and not text.endswith(".toml"):
        from agilab.projects.discover import find_app
        from agilab.workflow.document.known import labs_called

        known = [one for one in labs_called(text, workspace) if one.is_file()]
        if len(known) > 1:
            raise _several(text, known)
        if known:
            return known[0]

        try:
            app = find_app(text, workspace)
        except AgiError as problem:
            raise _none(text, problem.try_ or "agilab app list") from None
        if (app.folder / FILE).is_file():
            return app.folder / FILE
        raise _none(
            f"the app {app.name} without {FILE}", f"agilab workflow new {shlex.quote(str(app.folder))}"
        )
    raise _none(
        text, "agilab workflow new ." if text.endswith(FILE) else f"ls {shlex.quote(str(path.parent))}"
    )


def read_lab_file(path: Path, *, module: str | None = None) -> LabFile:
    """The document at `path`, of version 1 or 2, whole and checked.

    Raises what `contracts.read_document` raises, and AGI-LAB-106 for a module that a v1 file does not have.
    """
    try:
        return parse_lab(read_text(path), path, module=module)
    except AgiError as problem:
        if problem.code == "AGI-DOC-002":  # which knows nothing of labs
            problem.try_ = f"agilab workflow validate {shlex.quote(str(path))}"
        raise


def parse_lab(text: str, path: Path, *, where: str | None = None, module: str | None = None) -> LabFile:
    """The document that `text` spells, as if it lay at `path`; `where` is what errors call it."""
    from agilab.contracts.base import parse_document
    from agilab.contracts.lab_stages import LabStages
    from agilab.contracts.syntax import BOM, parse_toml
    from agilab.workflow.legacy.reading import read_v1
    from agilab.workflow.legacy.words import is_v1

    where, text = where or str(path), text.removeprefix(BOM)
    if is_v1(parse_toml(text, where)):
        converted = read_v1(text, where, module=module)
        return LabFile(path, text, converted.lab, converted)
    return LabFile(path, text, parse_document(text, LabStages, where))


def read_text(path: Path) -> str:
    """The text of a document. Raises AGI-DOC-001 and -002 as `read_document` does, AGI-LAB-102 for a giant."""
    from agilab.contracts.syntax import BOM, decoded

    try:
        if not path.is_file():
            raise FileNotFoundError(2, "there is no such file")
        if (size := path.stat().st_size) > LARGEST:
            raise AgiError(
                "AGI-LAB-102",
                f"{path} is too large for a document of stages",
                found=f"{size:,} bytes",
                allowed=f"up to {LARGEST:,}",
            )
        return decoded(path.read_bytes(), str(path)).removeprefix(BOM)
    except OSError as problem:
        raise AgiError(
            "AGI-DOC-001",
            f"{path}: cannot be read",
            found=problem.strerror or str(problem),
            allowed="a file of schema agilab.lab_stages.v2",
            try_=f"ls -ld {shlex.quote(str(path))}",
            whose="environment",
            exit_code=ENVIRONMENT,
        ) from problem


def _expanded(text: str) -> Path:
    try:
        return Path(text).expanduser()
    except RuntimeError:  # `~nobody`
        return Path(text)


def _near(path: Path, here: Path | None) -> Path:
    """The path as it is typed from here, where it lies below."""
    try:
        return path.relative_to(Path.cwd().resolve()) if here is None else path
    except ValueError:
        return path


def _several(name: str, known: Sequence[Path]) -> AgiError:
    return AgiError(
        "AGI-LAB-114",
        f"several labs that ran here are called {name}",
        found=", ".join(str(path.parent) for path in known),
        allowed="the folder of the one that you mean",
        try_=f"agilab workflow show {shlex.quote(str(known[-1].parent))}",
    )


def _none(found: str, try_: str) -> AgiError:
    return AgiError(
        "AGI-LAB-101",
        "there is no such lab",
        found=found,
        allowed=f"a folder with {FILE}, the file itself, a lab that ran here, or an app that has one",
        try_=try_,
    )
