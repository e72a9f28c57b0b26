"""What each stage takes and makes of files, stage by stage: what its cells do to them, and who has made them above."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from agilab.notebooks.code.patterns import goes_with, matches, meeting, meets
from agilab.notebooks.code.turns import Turn, certain
from agilab.notebooks.files.file_uses import FileUse
from agilab.notebooks.files.lying_files import LABS_OWN, Lying, lies_in
from agilab.notebooks.files.told_programs import covers, fails_without, is_word, leaves, may_write
from agilab.notebooks.findings import Finding
from agilab.notebooks.rules import found
from agilab.notebooks.secrets import redact
from agilab.notebooks.stages.empty_folders import EmptyFolders
from agilab.notebooks.stages.makers import Makers
from agilab.notebooks.stages.planned import Planned
from agilab.notebooks.stages.stage_files import StageFiles
from agilab.notebooks.stages.taken_of_others import modules_taken, opened, settings_taken


class FileWalk:
    """Goes through the stages in their order.

    Attributes:
        makers: The stages so far.
        said: What is to be said of files that stages are not given, with the notebook that it is about.
    """

    def __init__(self, uses: Sequence[FileUse]) -> None:
        """`uses` are those of all notebooks."""
        self.makers = Makers()
        self.said: list[tuple[Planned, Finding]] = []
        self._lying = Lying(uses)
        self._folders: frozenset[str] = frozenset()
        self._empty: list[tuple[StageFiles, EmptyFolders]] = []

    def stage(self, one: Planned, number: int) -> StageFiles:
        """The next stage, with what its cells do to files."""
        flow = one.plan.stages[number]
        stage = StageFiles(one, number, above=frozenset(self.makers.made()))
        indices = {one.cells[cell].index for cell in flow.cells}
        empty = EmptyFolders(one, indices, self._folders)
        for path in modules_taken(one, flow):
            self._read(stage, path)
        for use in settings_taken(one, flow):
            self._use(stage, use)
        for use in one.inspection.uses:
            if use.cell in indices and use.is_own:
                self._use(stage, use)
            elif use.cell in indices and use.does in ("write", "add") and use.is_unsaid:
                stage.unnamed.append(use.path)
        for path in one.inspection.opened.intersection(stage.reads):
            stage.made.setdefault(path, [opened(path, flow, one)])
        made = set(self.makers.made())
        self._folders = empty.left()
        self._empty.append((stage, empty))
        folders = tuple(path for path in stage.reads if path.endswith("/"))  # all that lies in these
        below = [path for path in stage.reads if path.startswith(folders) and path not in (*folders, *made)]
        for path in below:
            del stage.reads[path]
        self.makers.stages.append(stage)
        return stage

    def settle(self) -> None:
        """After the last stage: what each of them promises, and the empty folders that it needs besides."""
        self.makers.settle()
        for stage, empty in self._empty:
            for path in [*empty.needed(stage)]:
                stage.reads[path] = None
                stage.optional.add(path)

    def _use(self, stage: StageFiles, use: FileUse) -> None:
        if use.does == "read" and f"{use.path}/" in stage.there and use.path.endswith("/*"):
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
            if use.path not in stage.made and self.makers.maker(use.path) == use.path:
                stage.reads[use.path] = None
        else:
            if use.does == "add" and use.path not in stage.made and self._has_been(stage, use):
                stage.reads[self.makers.maker(use.path) or use.path] = None
            stage.made.setdefault(use.path, []).append(use)

    def _tell(self, stage: StageFiles, use: FileUse) -> None:
        """A program is told of a file: it is given what is there, and perhaps writes it."""
        self.makers.ask(stage, use.path)
        if use.path not in stage.made and f"{use.path}/" not in stage.there:
            if (maker := self.makers.maker(use.path)) is not None:
                stage.reads[maker] = None
            elif stage.lies(use.path):
                stage.reads[use.path] = None
        if may_write(use):
            stage.told.setdefault(use.path, []).append(use)
        if leaves(use) and use.path in stage.reads:
            stage.made.setdefault(use.path, []).append(use)

    def _is_told(self, stage: StageFiles, path: str) -> bool:
        """Whether what lies nowhere, and no stage above makes, may come of a command of the stage itself."""
        if path in stage.made or stage.lies(path):
            return False
        return any(covers(word, path) for word in stage.told) and self.makers.maker(path) is None

    def _has_been(self, stage: StageFiles, use: FileUse) -> bool:
        """Whether what is added to is made above, or lies there and was not removed before."""
        if self.makers.maker(use.path) is not None:
            return True
        if not stage.lies(use.path):
            return False
        return not any(goes_with(use.path, gone) for one in (*self.makers.stages, stage) for gone in one.gone)

    def _read(self, stage: StageFiles, path: str, use: FileUse | None = None) -> None:
        """What a stage has to be given so that it can read a path, or what a pattern finds."""
        if self._is_told(stage, path):
            if use is not None and fails_without(use):  # so it is there if the stage comes to its end
                told = next(uses for word, uses in stage.told.items() if covers(word, path))
                stage.made.setdefault(path, [replace(one, turns=(), elsewhere=False) for one in told])
            return
        self.makers.ask(stage, path)
        is_pattern = "*" in path or path in self._lying.patterns
        if self._finds(stage, path) if is_pattern else self._has(stage, path):
            return
        if self.makers.is_filled(stage, path):
            return
        lies = stage.lies(path)
        unnamed = any(matches(one, path) or lies_in(path, one) for one in stage.unnamed)
        if unnamed and lies is False:
            return  # it made it itself, under a name that the text does not say
        if lies is False and path in self._lying.patterns:
            self._allow(stage, path, use)
        elif use is not None and use.turns and lies is False:
            what = f"“{redact(path)}” is read only {use.only}; it is not there and no cell above makes it"
            self._say(stage, "NB-308", what, use)
        elif use is not None and use.artifact.missable and lies is False:
            what = f"a shell reads “{redact(path)}”, which is not there, and no cell above is seen to make it"
            self._say(stage, "NB-316", what, use)
        else:
            stage.reads[path] = None

    def _allow(self, stage: StageFiles, pattern: str, use: FileUse | None) -> None:
        """What a pattern finds need not be there: nothing is, and the notebook goes on with that."""
        if pattern not in stage.optional and use is not None:
            what = (
                f"nothing is there that “{redact(pattern)}” finds; what is there when a run begins will count"
            )
            self._say(stage, "NB-318", what, use)
        stage.reads[pattern] = None
        stage.optional.add(pattern)

    def _finds(self, stage: StageFiles, pattern: str) -> bool:
        """Give a stage what a pattern finds of what is made and lies there; whether that is all that can be known."""
        own = meeting(stage.made, pattern)
        own += [made for made in stage.made if made not in own and lies_in(pattern, made)]
        above = [
            one
            for one in self.makers.made()
            if one not in own and (meets(one, pattern) or lies_in(pattern, one))
        ]
        stage.reads |= dict.fromkeys(above)
        if above or own:
            lying = self._lying.files(stage.one.inspection.there, lambda other: matches(pattern, other))
            stage.reads |= dict.fromkeys(lying)
            return True
        if self.makers.is_filled(stage, pattern):
            return True
        if stage.lies(pattern):
            return False
        if any(meets(pattern, name) for name in LABS_OWN):
            return True
        asked = pattern in self._lying.patterns and not pattern.startswith("**")
        return pattern.startswith("*") and not asked  # in the notebook's folder: it finds nothing

    def _has(self, stage: StageFiles, path: str) -> bool:
        """Whether a stage has a file by what it made itself, or is given it by who made it."""
        own = meeting(stage.made, path)
        if any(made != path or stage.is_sure(made) for made in own) or self._holds(stage, path):
            return True
        if (maker := self.makers.maker(path)) is not None:
            stage.reads[maker] = None
            return True
        if below := [other for other in self.makers.made() if lies_in(other, path)]:
            stage.reads |= dict.fromkeys(below)  # a folder of files
            return True
        # Written under a condition, and nowhere else: it was, or else this fails in the notebook as well.
        return bool(own) and not stage.lies(path)

    def _holds(self, stage: StageFiles, path: str) -> bool:
        """Whether a stage has a file in a folder that it filled."""
        folders = [made for made in stage.made if "*" not in made and path.startswith(f"{made}/")]
        return any(stage.is_sure(made) or not stage.lies(path) for made in folders)

    def _look(self, stage: StageFiles, use: FileUse) -> None:
        """A stage sees whether a file is there, or what a folder has: what others made, and what lies there anyway."""
        path, only = use.path, use.artifact.kind == "seen"
        for told in [one for other in self.makers.stages for one in other.told if one in other.reads]:
            if meets(told, path) or lies_in(told, path):
                self.makers.ask(stage, told)

        def fits(other: str) -> bool:
            return meets(other, path) or lies_in(path, other) or (not only and lies_in(other, path))

        own = [made for made in stage.made if stage.is_sure(made)]
        stage.reads |= dict.fromkeys(
            other for other in self.makers.made() if fits(other) and other not in own
        )
        if path == ".":
            what = f"{redact(use.artifact.call)} looks at all that lies in the notebook's folder"
            self._say(stage, "NB-310", what, use)
            return
        lying = [one for one in self._lying.files(stage.there, fits) if f"{one}/" not in stage.there]
        if lying and f"{path}/" in stage.there and not self._lying.is_written(fits):
            lying = [f"{path}/"]  # the folder as it is
        named = (
            one for other in self.makers.stages for one, uses in other.made.items() if uses[0].does != "fill"
        )
        if not (only or lying or own or any(map(fits, named))):
            self.makers.is_filled(stage, path)
        stage.reads |= dict.fromkeys(lying)

    def _remove(self, stage: StageFiles, use: FileUse) -> None:
        """A file or a folder is removed, or moved away."""
        if use.path in self._lying.patterns and use.path in stage.reads:
            stage.optional.add(use.path)  # what is cleared away need not be there
        gone = [made for made in stage.made if goes_with(made, use.path)]
        if not certain([use.turns]) or use.elsewhere:
            for made in gone:
                stage.made[made] = [_perhaps(one, use) for one in stage.made[made]]
            return
        stage.gone.append(use.path)
        for made in gone:
            del stage.made[made]
        stage.reads |= dict.fromkeys(one for one in stage.above if one.startswith(f"{use.path}/"))
        if gone or "*" in use.path:
            return
        lying = self._lying.files(stage.one.inspection.there, lambda path: path == use.path)
        if lying or self.makers.maker(use.path) == use.path:
            stage.reads[use.path] = None

    def _say(self, stage: StageFiles, code: str, what: str, use: FileUse) -> None:
        artifact = use.artifact
        self.said.append((stage.one, found(code, what, cell=artifact.cell, line=artifact.line)))


def _perhaps(one: FileUse, removed: FileUse) -> FileUse:
    """The use of a file that was perhaps removed again."""
    artifact = removed.artifact
    turn = Turn(
        (artifact.cell, artifact.line), 0, 0, f"where it is not removed again in cell {artifact.cell}"
    )
    return FileUse(one.cell, one.does, one.path, (*one.turns, turn), one.artifact, one.elsewhere)
