"""Who makes a file: the stages of a lab so far, in their order, and what each of them leaves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from agilab.notebooks.code.patterns import goes_with, matches
from agilab.notebooks.files.told_programs import covers
from agilab.notebooks.stages.stage_files import StageFiles


class Makers:
    """The stages so far.

    Attributes:
        stages: In the order in which they run.
    """

    def __init__(self) -> None:
        self.stages: list[StageFiles] = []

    def made(self) -> Iterator[str]:
        """What they write and leave, each once, that of the nearest last."""
        found: dict[str, None] = {}
        for stage in self.stages:
            for gone in stage.gone:
                found = {path: None for path in found if not goes_with(path, gone)}
            found = {path: None for path in found if path not in stage.made} | dict.fromkeys(stage.made)
        yield from found

    def maker(self, path: str) -> str | None:
        """What the nearest stage that writes a file calls it: by its name, by a pattern, or by a folder."""
        made = list(self.made())[::-1]
        if path in made:
            return path
        return next(
            (one for one in made if matches(one, path)),
            next((one for one in made if "*" not in one and path.startswith(f"{one}/")), None),
        )

    def ask(self, stage: StageFiles, path: str) -> None:
        """What the nearest stage above was told of, and nobody makes after that, is from now on what that one makes."""
        if path in stage.made:
            return
        for place in range(len(self.stages) - 1, -1, -1):
            other = self.stages[place]
            if path in other.made or any(goes_with(path, gone) for gone in other.gone):
                return
            told = next((one for word, one in other.told.items() if covers(word, path)), None)
            if told is not None and other.one is stage.one:
                other.made[path] = [*told]
                for below in (*self.stages[place + 1 :], stage):
                    below.above |= {path}
                return

    def is_filled(self, stage: StageFiles, path: str) -> bool:
        """Whether what lies nowhere, and no cell names, can only come out of an archive, which a cell above unpacks."""
        if stage.lies(path) is not False:
            return False
        maker = next(
            (one for one in (stage, *reversed(self.stages)) if one.fills and one.one is stage.one), None
        )
        if maker is not None and maker is not stage:
            maker.made.setdefault(path, list(maker.fills))
            stage.reads[path] = None
        return maker is not None

    def settle(self) -> None:
        """Keep what stages below are to be given; where it may not be written, what was there before goes on."""
        for place in range(len(self.stages) - 1, -1, -1):
            reader = self.stages[place]
            for path in list(reader.reads):
                at = next((at for at in range(place - 1, -1, -1) if path in self.stages[at].made), None)
                if at is None or (maker := self.stages[at]).is_sure(path):
                    continue
                maker.kept.setdefault(path, reader)
                if any(path in one.made for one in self.stages[:at]) or maker.lies(path):
                    maker.reads[path] = None

    def hand_on(self, patterns: Mapping[str, str]) -> None:
        """Give each stage what it writes again: each path has one maker after another, and the last one's is left.

        Not where a stage between them removes it. `patterns` stand for paths that parameters name.
        """
        makers: dict[str, StageFiles] = {}
        for stage in self.stages:
            promised = {patterns.get(path, path): path for path in stage.promised}
            for name, path in promised.items():
                if name in makers and path in stage.above:
                    stage.again[path] = makers[name]
                    stage.reads[path] = None
            makers |= dict.fromkeys(promised, stage)
