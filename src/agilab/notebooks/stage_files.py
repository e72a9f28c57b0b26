"""Which files each stage takes, and which it leaves whatever turns out."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from agi_node.source.carried import Statements
from agilab.contracts.lab_stages import is_file
from agilab.notebooks.file_uses import FileUse
from agilab.notebooks.findings import Finding
from agilab.notebooks.flow.stage import StageFlow
from agilab.notebooks.lying_files import Lying, lies_in
from agilab.notebooks.named_by_parameters import bound_to_one_value, patterns_of
from agilab.notebooks.named_files import Artifact, where_of
from agilab.notebooks.own_values import may_hold
from agilab.notebooks.patterns import goes_with, matches, meeting, meets
from agilab.notebooks.planned import Planned
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact
from agilab.notebooks.told_programs import covers, fails_without, is_word, leaves, may_write
from agilab.notebooks.turns import Turn, certain
from agilab.notebooks.written_modules import files_imported


@dataclass
class StageFiles:
    """The files of one stage.

    Attributes:
        reads: Those that it takes.
        made: Those that it writes and does not remove, each with the uses that may have written it.
        kept: Those of them that it is asked for although it may not write them, with who asks.
        gone: What it removes, with what lies below, before it writes `made`.
        fills: What puts files into the notebook's folder whose names nobody says.
        unnamed: Patterns of what it writes there so far under names that begin with what is computed.
        above: What stages above leave when it begins.
        told: Words of its commands, which may write a file of that name.
        again: Those of `made` that a stage above leaves as well, with that stage: it is given what it writes again.
    """

    one: Planned
    number: int
    reads: dict[str, None] = field(default_factory=dict)
    made: dict[str, list[FileUse]] = field(default_factory=dict)
    kept: dict[str, StageFiles] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    fills: list[FileUse] = field(default_factory=list)
    unnamed: list[str] = field(default_factory=list)
    above: frozenset[str] = frozenset()
    told: dict[str, list[FileUse]] = field(default_factory=dict)
    again: dict[str, StageFiles] = field(default_factory=dict)

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
        self._found = _Files([use for one in ones for use in one.inspection.uses if use.is_own])
        stages = {
            (place, number): self._found.stage(one, number)
            for place, one in enumerate(ones)
            for number in range(len(one.plan.stages))
        }
        self._found.settle()
        self._patterns = patterns_of([use for one in ones for use in one.inspection.uses if use.is_own])
        self._found.hand_on(self._patterns)
        self.of: Mapping[tuple[int, int], Files] = {
            key: (self._spelled(stage.reads), self._spelled(stage.promised)) for key, stage in stages.items()
        }

    def _spelled(self, paths: Iterable[str]) -> list[str]:
        """Paths as stages say them."""
        found = (self._patterns.get(path, path) for path in paths)
        return [path if is_file(path) else f"./{path}" for path in dict.fromkeys(found)]

    def findings(self, one: Planned) -> Iterator[Finding]:
        """What is to be said of those of a notebook, whose stages have their ids by now."""
        yield from (finding for about, finding in self._found.findings() if about is one)
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


class _Files:
    """Goes through the stages in their order. Responsible for who makes a file; not for what cells do to it."""

    def __init__(self, uses: Sequence[FileUse]) -> None:
        """`uses` are those of all notebooks."""
        self._stages: list[StageFiles] = []
        self._not_there: list[tuple[Planned, FileUse]] = []
        self._lying = Lying(uses)
        self._missing: list[tuple[Planned, FileUse]] = []
        self._not_given: list[tuple[Planned, FileUse]] = []

    def stage(self, one: Planned, number: int) -> StageFiles:
        """The next stage, with what its cells do to files."""
        flow = one.plan.stages[number]
        stage = StageFiles(one, number, above=frozenset(self._made()))
        indices = {one.cells[cell].index for cell in flow.cells}
        for path in _modules_taken(one, flow):
            self._read(stage, path)
        for use in _settings_taken(one, flow):
            self._use(stage, use)
        for use in one.inspection.uses:
            if use.cell in indices and use.is_own:
                self._use(stage, use)
            elif use.cell in indices and use.does in ("write", "add") and use.is_unsaid:
                stage.unnamed.append(use.path)
        for path in one.inspection.opened.intersection(stage.reads):
            stage.made.setdefault(path, [_opened(path, flow, one)])
        made = set(self._made())
        folders = tuple(path for path in stage.reads if path.endswith("/"))  # all that lies in these
        for path in [
            path for path in stage.reads if path.startswith(folders) and path not in (*folders, *made)
        ]:
            del stage.reads[path]
        self._stages.append(stage)
        return stage

    def _use(self, stage: StageFiles, use: FileUse) -> None:
        there = stage.one.inspection.there or frozenset()
        if use.does == "read" and f"{use.path}/" in there and use.path.endswith("/*"):
            self._look(stage, replace(use, path=use.path.removesuffix("/*")))  # it finds folders
        elif use.does == "read":
            self._read(stage, use.path, use)
        elif use.does == "look":
            self._look(stage, use)
        elif use.does == "remove":
            self._remove(stage, use)
        elif use.does == "fill":
            stage.fills.append(use)
        elif is_word(use):
            self._tell(stage, use)
        elif use.does == "name":
            if use.path not in stage.made and self._maker(use.path) == use.path:
                stage.reads[use.path] = None
        else:
            if use.does == "add" and use.path not in stage.made and self._has_been(stage, use):
                stage.reads[use.path] = None
            stage.made.setdefault(use.path, []).append(use)

    def _tell(self, stage: StageFiles, use: FileUse) -> None:
        """A program is told of a file: it is given what is there, and perhaps writes it."""
        self._ask(stage, use.path)
        folder = f"{use.path}/" in (stage.one.inspection.there or ())
        if use.path not in stage.made and not folder:
            if (maker := self._maker(use.path)) is not None:
                stage.reads[maker] = None
            elif self._is_there(stage.one, use.path):
                stage.reads[use.path] = None
        if may_write(use):
            stage.told.setdefault(use.path, []).append(use)
        if leaves(use) and use.path in stage.reads:
            stage.made.setdefault(use.path, []).append(use)

    def _ask(self, stage: StageFiles, path: str) -> None:
        """What the nearest stage above was told of, and nobody makes after that, is from now on what that one makes."""
        if path in stage.made:
            return
        for place in range(len(self._stages) - 1, -1, -1):
            other = self._stages[place]
            if path in other.made or any(goes_with(path, gone) for gone in other.gone):
                return
            told = next((one for word, one in other.told.items() if covers(word, path)), None)
            if told is not None and other.one is stage.one:
                other.made[path] = [*told]
                for below in (*self._stages[place + 1 :], stage):
                    below.above |= {path}
                return

    def _is_told(self, stage: StageFiles, path: str) -> bool:
        """Whether what lies nowhere, and no stage above makes, may come of a command of the stage itself."""
        if path in stage.made or self._is_there(stage.one, path):
            return False
        return any(covers(word, path) for word in stage.told) and self._maker(path) is None

    def _has_been(self, stage: StageFiles, use: FileUse) -> bool:
        """Whether what is added to is made above, or lies there and was not removed before."""
        if self._maker(use.path) is not None:
            return True
        if not self._is_there(stage.one, use.path):
            return False
        return not any(goes_with(use.path, gone) for one in (*self._stages, stage) for gone in one.gone)

    def _read(self, stage: StageFiles, path: str, use: FileUse | None = None) -> None:
        """What a stage has to be given so that it can read a path, or what a pattern finds."""
        if self._is_told(stage, path):
            if use is not None and fails_without(use):  # so it is there if the stage comes to its end
                told = next(uses for word, uses in stage.told.items() if covers(word, path))
                stage.made.setdefault(path, [replace(one, turns=(), elsewhere=False) for one in told])
            return
        self._ask(stage, path)
        own = meeting(stage.made, path)
        if "*" in path:
            own += [made for made in stage.made if made not in own and lies_in(path, made)]
            above = [
                one for one in self._made() if one not in own and (meets(one, path) or lies_in(path, one))
            ]
            stage.reads |= dict.fromkeys(above)
            if above or own:
                lying = self._lying.files(stage.one.inspection.there, lambda other: matches(path, other))
                stage.reads |= dict.fromkeys(lying)
                return
            if self._is_filled(stage, path):
                return
            if path.startswith("*") and not self._is_there(stage.one, path):
                return  # of the folder that the notebook lies in: it finds nothing
        elif any(made != path or stage.is_sure(path) for made in own) or self._holds(stage, path):
            return
        elif (maker := self._maker(path)) is not None:
            stage.reads[maker] = None
            return
        elif below := [other for other in self._made() if lies_in(other, path)]:
            stage.reads |= dict.fromkeys(below)  # a folder of files
            return
        elif own and not self._is_there(stage.one, path):
            return  # written under a condition, and nowhere else: it was, or else this fails in the notebook as well
        if self._is_filled(stage, path):
            return
        unnamed = any(matches(one, path) or lies_in(path, one) for one in stage.unnamed)
        if unnamed and self._is_there(stage.one, path) is False:
            return  # it made it itself, under a name that the text does not say
        if use is not None and use.turns and self._is_there(stage.one, path) is False:
            self._not_there.append((stage.one, use))
            return
        if use is not None and use.artifact.missable and self._is_there(stage.one, path) is False:
            self._missing.append((stage.one, use))
            return
        stage.reads[path] = None

    def _holds(self, stage: StageFiles, path: str) -> bool:
        """Whether a stage has a file in a folder that it filled."""
        folders = [made for made in stage.made if "*" not in made and path.startswith(f"{made}/")]
        return any(stage.is_sure(made) or not self._is_there(stage.one, path) for made in folders)

    def _is_filled(self, stage: StageFiles, path: str) -> bool:
        """Whether what lies nowhere, and no cell names, can only come out of an archive, which a cell above unpacks."""
        if self._is_there(stage.one, path) is not False:
            return False
        maker = next(
            (one for one in (stage, *reversed(self._stages)) if one.fills and one.one is stage.one), None
        )
        if maker is not None and maker is not stage:
            maker.made.setdefault(path, list(maker.fills))
            stage.reads[path] = None
        return maker is not None

    def _look(self, stage: StageFiles, use: FileUse) -> None:
        """A stage sees whether a file is there, or what a folder has: what others made, and what lies there anyway."""
        path, only = use.path, use.artifact.kind == "seen"
        for told in [one for other in self._stages for one in other.told if one in other.reads]:
            if meets(told, path) or lies_in(told, path):
                self._ask(stage, told)

        def fits(other: str) -> bool:
            return meets(other, path) or lies_in(path, other) or (not only and lies_in(other, path))

        own = [made for made in stage.made if stage.is_sure(made)]
        stage.reads |= dict.fromkeys(other for other in self._made() if fits(other) and other not in own)
        if path == ".":
            self._not_given.append((stage.one, use))
            return
        there = stage.one.inspection.there or frozenset()
        lying = [one for one in self._lying.files(there, fits) if f"{one}/" not in there]
        if lying and f"{path}/" in there and not self._lying.is_written(fits):
            lying = [f"{path}/"]  # the folder as it is
        named = (one for other in self._stages for one, uses in other.made.items() if uses[0].does != "fill")
        if not (only or lying or own or any(map(fits, named))):
            self._is_filled(stage, path)
        stage.reads |= dict.fromkeys(lying)

    def _remove(self, stage: StageFiles, use: FileUse) -> None:
        """A file or a folder is removed, or moved away."""
        gone = [made for made in stage.made if goes_with(made, use.path)]
        sure = certain([use.turns]) and not use.elsewhere
        if sure:
            stage.gone.append(use.path)
        for made in gone:
            if sure:
                del stage.made[made]
            else:
                stage.made[made] = [_perhaps(one, use) for one in stage.made[made]]
        if not sure:
            return
        stage.reads |= dict.fromkeys(one for one in stage.above if one.startswith(f"{use.path}/"))
        if gone or "*" in use.path:
            return
        lying = self._lying.files(stage.one.inspection.there, lambda path: path == use.path)
        if lying or self._maker(use.path) == use.path:
            stage.reads[use.path] = None

    def _made(self) -> Iterator[str]:
        """What the stages above write and leave, each once, that of the nearest last."""
        found: dict[str, None] = {}
        for stage in self._stages:
            for gone in stage.gone:
                found = {path: None for path in found if not goes_with(path, gone)}
            found = {path: None for path in found if path not in stage.made} | dict.fromkeys(stage.made)
        yield from found

    def _maker(self, path: str) -> str | None:
        """What the nearest stage above that writes a file calls it: by its name, by a pattern, or by a folder."""
        made = list(self._made())[::-1]
        if path in made:
            return path
        return next(
            (one for one in made if matches(one, path)),
            next((one for one in made if "*" not in one and path.startswith(f"{one}/")), None),
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

    def hand_on(self, patterns: Mapping[str, str]) -> None:
        """Give each stage what it writes again: each path has one maker after another, and the last one's is left.

        Not where a stage between them removes it. `patterns` stand for paths that parameters name.
        """
        makers: dict[str, StageFiles] = {}
        for stage in self._stages:
            promised = {patterns.get(path, path): path for path in stage.promised}
            for name, path in promised.items():
                if name in makers and path in stage.above:
                    stage.again[path] = makers[name]
                    stage.reads[path] = None
            makers |= dict.fromkeys(promised, stage)

    def findings(self) -> Iterator[tuple[Planned, Finding]]:
        """What may not be written, what is read only if it is there, and what another notebook writes, too."""
        for stage in self._stages:
            for path, before in stage.again.items():
                if before.one is not stage.one:
                    other = before.one.name
                    what = f"“{redact(path)}” is written by {other}, too, and here once more after that"
                    yield stage.one, _said("NB-315", what, stage.made[path][0])
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
        for one, use in self._not_given:
            what = f"{redact(use.artifact.call)} looks at all that lies in the notebook's folder"
            yield one, _said("NB-310", what, use)
        for one, use in self._missing:
            what = f"a shell reads “{redact(use.path)}”, which is not there, and no cell above is seen to make it"
            yield one, _said("NB-316", what, use)
        for one, use in self._not_there:
            what = f"“{redact(use.path)}” is read only {use.only}; it is not there and no cell above makes it"
            yield one, _said("NB-308", what, use)


def _modules_taken(one: Planned, flow: StageFlow) -> Iterator[str]:
    """The files of such modules that a stage imports by statements of others, or needs to read its values back."""
    modules = one.inspection.modules
    begin = flow.cells[0]
    for name in flow.inputs if modules else ():
        if may_hold(one.plan.links.value(name, begin)):
            for top in sorted(one.held.get(name, ())):
                yield from modules[top]
    for text in _texts_of_others(one, flow) if modules else ():
        yield from files_imported(ast.parse(text), modules)


def _settings_taken(one: Planned, flow: StageFlow) -> list[FileUse]:
    """The uses of files of settings that a stage makes by statements of others."""
    uses = [use for use in one.inspection.uses if use.is_own and use.artifact.call.startswith("dotenv.")]
    return uses if uses and any("dotenv" in text for text in _texts_of_others(one, flow)) else []


def _texts_of_others(one: Planned, flow: StageFlow) -> Iterator[str]:
    """What a stage runs of others: statements that are repeated in it, and those that it uses."""
    yield from (setting.text for _, setting in flow.repeated)
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
        yield taken.text


def _opened(path: str, flow: StageFlow, one: Planned) -> FileUse:
    """What a stage does to a database that an own module opens when the stage imports it."""
    cell = one.cells[flow.cells[0]].index
    artifact = Artifact(path, False, "both", "database", where_of(path), "import", cell, 1)
    return FileUse(cell, "add", path, (), artifact)


def _perhaps(one: FileUse, removed: FileUse) -> FileUse:
    """The use of a file that was perhaps removed again."""
    artifact = removed.artifact
    turn = Turn(
        (artifact.cell, artifact.line), 0, 0, f"where it is not removed again in cell {artifact.cell}"
    )
    return FileUse(one.cell, one.does, one.path, (*one.turns, turn), one.artifact, one.elsewhere)


def _said(code: str, what: str, use: FileUse) -> Finding:
    return found(code, what, cell=use.artifact.cell, line=use.artifact.line)
