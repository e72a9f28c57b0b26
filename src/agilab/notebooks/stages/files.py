"""Which files each stage takes, and which it leaves whatever turns out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from agilab.contracts.lab_stages import Input, is_file
from agilab.notebooks.code.patterns import meets
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.files.named_by_parameters import bound_to_one_value, patterns_of
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact
from agilab.notebooks.stages.file_walk import FileWalk
from agilab.notebooks.stages.planned import Planned
from agilab.notebooks.stages.stage_files import StageFiles

Files = tuple[list[str | Input], list[str]]
"""What a stage takes and what it leaves."""


class LabFiles:
    """The files that the stages of notebooks take and leave, with who makes what among them.

    Attributes:
        of: By the notebook's place and the number of its stage.
    """

    def __init__(self, ones: Sequence[Planned]) -> None:
        uses = [use for one in ones for use in one.inspection.uses if use.is_own]
        walk = FileWalk(uses)
        stages = {
            (place, number): walk.stage(one, number)
            for place, one in enumerate(ones)
            for number in range(len(one.plan.stages))
        }
        self._patterns = patterns_of(uses)
        self._said = walk.said
        self._stages = walk.makers.stages
        walk.settle()
        walk.makers.hand_on(self._patterns)
        self.of: Mapping[tuple[int, int], Files] = {
            key: (self._taken(stage), self._spelled(stage.promised)) for key, stage in stages.items()
        }

    def _taken(self, stage: StageFiles) -> list[str | Input]:
        """What a stage takes, as it says it."""
        optional = set(self._spelled(stage.optional))
        return [
            Input(name=path, optional=True) if path in optional else path
            for path in self._spelled(stage.reads)
        ]

    def _spelled(self, paths: Iterable[str]) -> list[str]:
        """Paths as stages say them."""
        found = (self._patterns.get(path, path) for path in paths)
        return [path if is_file(path) else f"./{path}" for path in dict.fromkeys(found)]

    def findings(self, one: Planned) -> Iterator[Finding]:
        """What is to be said of those of a notebook, whose stages have their ids by now."""
        for stage in self._stages:
            if stage.one is one:
                yield from _written_again(stage)
                yield from _perhaps_written(stage)
        yield from (finding for about, finding in self._said if about is one)
        yield from bound_to_one_value(one.inspection.uses, self._patterns)


def by_files(uses: Sequence[Sequence[FileUse]]) -> list[int]:
    """The order of notebooks in which a file is written before another reads it; else as they were given."""
    written = [{use.path for use in some if use.is_own and use.does in ("write", "add")} for some in uses]
    read = [{use.path for use in some if use.is_own and use.does in ("read", "add", "look")} for some in uses]
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


def _written_again(stage: StageFiles) -> Iterator[Finding]:
    """Files that another notebook writes, too."""
    for path, before in stage.again.items():
        if before.one is not stage.one:
            what = f"“{redact(path)}” is written by {before.one.name}, too, and here once more after that"
            yield _said("NB-315", what, stage.made[path][0])


def _perhaps_written(stage: StageFiles) -> Iterator[Finding]:
    """Files that nobody promises, or that are promised because a stage below reads them."""
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
        yield _said("NB-307", what, use)


def _said(code: str, what: str, use: FileUse) -> Finding:
    return found(code, what, cell=use.artifact.cell, line=use.artifact.line)
