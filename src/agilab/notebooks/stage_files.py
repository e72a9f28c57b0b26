"""Which files each stage takes, and which it leaves whatever turns out."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from agi_node.source.carried import Statements
from agilab.contracts.lab_stages import is_file
from agilab.notebooks.file_uses import FileUse
from agilab.notebooks.findings import Finding
from agilab.notebooks.flow.stage import StageFlow
from agilab.notebooks.patterns import matches, meets
from agilab.notebooks.planned import Planned
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact
from agilab.notebooks.turns import Turn, certain
from agilab.notebooks.written_modules import files_imported


@dataclass
class StageFiles:
    """The files of one stage.

    Attributes:
        reads: Those that it takes.
        made: Those that it writes and does not remove, each with the uses that may have written it.
        kept: Those of them that it is asked for although it may not write them, with who asks.
    """

    one: Planned
    number: int
    reads: dict[str, None] = field(default_factory=dict)
    made: dict[str, list[FileUse]] = field(default_factory=dict)
    kept: dict[str, StageFiles] = field(default_factory=dict)

    @property
    def id(self) -> str:
        return self.one.ids[self.number]

    @property
    def promised(self) -> list[str]:
        """Those that it leaves."""
        return [path for path in self.made if path in self.kept or self.is_sure(path)]

    def is_sure(self, path: str) -> bool:
        """Whether it leaves a file whatever turns out."""
        return certain([use.turns for use in self.made[path] if not use.elsewhere])


Files = tuple[list[str], list[str]]
"""What a stage takes and what it leaves."""


class LabFiles:
    """The files that the stages of notebooks take and leave, with who makes what among them.

    Attributes:
        of: By the notebook's place and the number of its stage.
    """

    def __init__(self, ones: Sequence[Planned]) -> None:
        self._found = _Files()
        stages = {
            (place, number): self._found.stage(one, number)
            for place, one in enumerate(ones)
            for number in range(len(one.plan.stages))
        }
        self._found.settle()
        self.of: Mapping[tuple[int, int], Files] = {
            key: ([_spelled(path) for path in stage.reads], [_spelled(path) for path in stage.promised])
            for key, stage in stages.items()
        }

    def findings(self, one: Planned) -> Iterator[Finding]:
        """What is to be said of those of a notebook, whose stages have their ids by now."""
        return (finding for about, finding in self._found.findings() if about is one)


def by_files(uses: Sequence[Sequence[FileUse]]) -> list[int]:
    """The order of notebooks in which a file is written before another reads it; else as they were given."""
    written = [{use.path for use in some if use.is_own and use.does in ("write", "add")} for some in uses]
    read = [{use.path for use in some if use.is_own and use.does in ("read", "add")} for some in uses]
    before = [
        {
            other
            for other in range(len(uses))
            if other != number
            and any(meets(one, each) for one in written[other] for each in read[number] - written[number])
        }
        for number in range(len(uses))
    ]
    order: list[int] = []
    while len(order) < len(uses):
        rest = [number for number in range(len(uses)) if number not in order]
        order.append(next((number for number in rest if before[number] <= set(order)), rest[0]))
    return order


def _spelled(path: str) -> str:
    return path if is_file(path) else f"./{path}"


class _Files:
    """Goes through the stages in their order. Responsible for who makes a file; not for what cells do to it."""

    def __init__(self) -> None:
        self._stages: list[StageFiles] = []
        self._not_there: list[tuple[Planned, FileUse]] = []

    def stage(self, one: Planned, number: int) -> StageFiles:
        """The next stage, with what its cells do to files."""
        flow = one.plan.stages[number]
        stage = StageFiles(one, number)
        indices = {one.cells[cell].index for cell in flow.cells}
        for path in _modules_taken(one, flow):
            self._read(stage, path)
        for use in one.inspection.uses:
            if use.cell in indices and use.is_own:
                self._use(stage, use)
        self._stages.append(stage)
        return stage

    def _use(self, stage: StageFiles, use: FileUse) -> None:
        if use.does == "read":
            self._read(stage, use.path, use)
        elif use.does == "remove":
            self._remove(stage, use)
        elif use.does == "name":
            if use.path not in stage.made and self._maker(use.path) == use.path:
                stage.reads[use.path] = None
        else:
            if use.does == "add" and use.path not in stage.made and self._maker(use.path) is not None:
                stage.reads[use.path] = None
            stage.made.setdefault(use.path, []).append(use)

    def _read(self, stage: StageFiles, path: str, use: FileUse | None = None) -> None:
        """What a stage has to be given so that it can read a path, or what a pattern finds."""
        own = [made for made in stage.made if meets(made, path)]
        if "*" in path:
            above = [other for other in self._made() if other not in own and meets(other, path)]
            stage.reads |= dict.fromkeys(above)
            if above or own:
                return
        elif any(made != path or stage.is_sure(path) for made in own):
            return
        elif (maker := self._maker(path)) is not None:
            stage.reads[maker] = None
            return
        elif own and not self._is_there(stage.one, path):
            return  # written under a condition, and nowhere else: it was, or else this fails in the notebook as well
        if use is not None and use.turns and self._is_there(stage.one, path) is False:
            self._not_there.append((stage.one, use))
            return
        stage.reads[path] = None

    def _remove(self, stage: StageFiles, use: FileUse) -> None:
        """A file or a folder is removed, or moved away."""
        gone = [
            made
            for made in stage.made
            if made == use.path or made.startswith(f"{use.path}/") or matches(use.path, made)
        ]
        sure = certain([use.turns]) and not use.elsewhere
        for made in gone:
            if sure:
                del stage.made[made]
            else:
                stage.made[made] = [_perhaps(one, use) for one in stage.made[made]]
        if not sure or gone or "*" in use.path:
            return
        if self._maker(use.path) == use.path or self._is_there(stage.one, use.path):
            stage.reads[use.path] = None

    def _made(self) -> Iterator[str]:
        """What the stages above write, each once."""
        yield from dict.fromkeys(path for stage in self._stages for path in stage.made)

    def _maker(self, path: str) -> str | None:
        """What the nearest stage above that writes a file calls it: by its name, else by a pattern."""
        for stage in reversed(self._stages):
            if path in stage.made:
                return path
        return next(
            (made for stage in reversed(self._stages) for made in stage.made if matches(made, path)), None
        )

    def _is_there(self, one: Planned, path: str) -> bool | None:
        """Whether a file lies beside the notebook; None where nobody knows."""
        return None if one.inspection.there is None else path in one.inspection.there

    def settle(self) -> None:
        """Keep what stages below are to be given; where it may not be written, what was there before goes on."""
        for place in range(len(self._stages) - 1, -1, -1):
            reader = self._stages[place]
            for path in list(reader.reads):
                maker = next((one for one in reversed(self._stages[:place]) if path in one.made), None)
                if maker is None or maker.is_sure(path):
                    continue
                maker.kept.setdefault(path, reader)
                at = self._stages.index(maker)
                if any(path in one.made for one in self._stages[:at]) or self._is_there(maker.one, path):
                    maker.reads[path] = None

    def findings(self) -> Iterator[tuple[Planned, Finding]]:
        """What may not be written, and what is read only if it is there."""
        for stage in self._stages:
            for path, uses in stage.made.items():
                if stage.is_sure(path) or (path in stage.kept and path in stage.reads):
                    continue
                use = uses[0]
                only = "in a folder that the text does not say" if use.elsewhere else f"only {use.only}"
                what = f"“{redact(path)}” is written {only}, so no stage promises it"
                if path in stage.kept:
                    what = (
                        f"“{redact(path)}” is written {only}; stage {stage.kept[path].id} reads it, so it is promised, "
                        "and a run that does not write it fails"
                    )
                yield stage.one, _said("NB-307", what, use)
        for one, use in self._not_there:
            what = f"“{redact(use.path)}” is read only {use.only}; it is not there and no cell above makes it"
            yield one, _said("NB-308", what, use)


def _modules_taken(one: Planned, flow: StageFlow) -> Iterator[str]:
    """The files of modules that the notebook writes and that a stage imports by statements of others."""
    modules = one.inspection.modules
    if not modules:
        return
    wanted = [(number, name) for number, names in flow.uses.items() for name in sorted(names)]
    seen: set[tuple[int, str]] = set()
    while wanted:
        number, name = wanted.pop()
        if (number, name) in seen:
            continue
        seen.add((number, name))
        there = one.plan.stages[number]
        taken = Statements(there.code).take([name])
        wanted += [(other, each) for other, names in there.uses.items() for each in names & taken.missing]
        yield from files_imported(ast.parse(taken.text), modules)


def _perhaps(one: FileUse, removed: FileUse) -> FileUse:
    """The use of a file that was perhaps removed again."""
    artifact = removed.artifact
    turn = Turn(
        (artifact.cell, artifact.line), 0, 0, f"where it is not removed again in cell {artifact.cell}"
    )
    return FileUse(one.cell, one.does, one.path, (*one.turns, turn), one.artifact, one.elsewhere)


def _said(code: str, what: str, use: FileUse) -> Finding:
    return found(code, what, cell=use.artifact.cell, line=use.artifact.line)
