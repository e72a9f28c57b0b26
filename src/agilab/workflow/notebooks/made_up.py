"""Words that code makes up in part: what a notebook's runs repeat of one, before and behind, is no chance.

`tmpk3x0a9qz_22` and `tmp81bv_c2w_22` begin with `tmp` and end with `_22`. Letters next to what is made up may be the
same by chance: few of them, of its own alphabet, are left out of what is held.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from tempfile import gettempdir

NUMBER = re.compile(r"[-+]?[\d.,]*\d(?:e[-+]?\d+)?")
IN_A_FOLDER = 8
"""Letters that `tempfile` makes up, of `a-z0-9_`."""
_WHOLE = frozenset({8, 12, 16, 24, 32, 40, 64})
"""How many letters people and libraries take of something made up; so many that differ are all of them."""
_BY_CHANCE = {2: 3}
"""Letters beside what differs that two runs may have in common; `_RARELY` of more runs than that."""
_RARELY = 2
_ALPHABETS = (
    re.compile(r"[0-9]*"),
    re.compile(r"[0-9a-f]*"),
    re.compile(r"[0-9A-F]*"),
    re.compile(r"[0-9a-zA-Z]*"),
)
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d.*|\d{1,2}:\d\d.*")
_DIGIT = re.compile(r"\d")
_BLOB = 60
"""Letters from which on a word is some file's bytes as text, which is held only where it is of hexadecimal digits."""
_DATED = re.compile(r"(?:(?:19|20)\d{6}[_T]?)?\d*$")
_OF_RUNS = re.compile(r".*/(?:notebook-\d+/tmp|room-\d+/[^/]+|scratch/work)/")
"""Folders that a verification itself makes for a notebook and for a stage."""
_TIME = re.compile(r"(\d[\d.,]*(?:e-?\d+)?)\s?([a-zµμ/]+)")
_SECONDS = {"ns": 1e-9, "us": 1e-6, "µs": 1e-6, "μs": 1e-6, "ms": 1e-3, "s": 1.0}
_LIKELY = 30.0
"""How many times longer one run may take than others of which the unit is another one."""


@dataclass(frozen=True)
class _Held:
    """What all runs repeat of a word.

    Attributes:
        shortest: Letters of the word that is the shortest.
    """

    begin: str
    end: str
    shortest: int

    @property
    def between(self) -> int:
        """Letters that differ, at least."""
        return self.shortest - len(self.begin) - len(self.end)

    def fits(self, word: str) -> bool:
        return (
            len(word) >= len(self.begin) + len(self.end)
            and word.startswith(self.begin)
            and word.endswith(self.end)
        )


def fits(runs: Sequence[str], mine: str, before: str = "") -> bool:
    """Whether a word that runs do not repeat is, in the pipeline, what they do repeat of it; `before` stands before it.

    >>> fits(["tmpab12cd34_22", "tmpq_7w9e1r_22"], "tmpzz0011aa_22", "/tmp/")
    True
    >>> fits(["tmpab12cd34_22", "tmpq_7w9e1r_22"], "tmpzz0011aa_23", "/tmp/")
    False
    """
    for kind in (NUMBER, _UUID, _MOMENT):
        if all(map(kind.fullmatch, runs)):
            return kind.fullmatch(mine) is not None or _are_digits((*runs, mine))
    if all(run.startswith("/") and run.endswith("/") for run in runs):
        return mine.startswith("/") and _folders_fit([_folders(run) for run in runs], _folders(mine))
    times = [_TIME.fullmatch(run) for run in (*runs, mine)]
    if all(times):
        return _times_fit([(one[1], one[2]) for one in times if one])
    return _word_fits(runs, mine, in_folder=before.endswith("/"))


def _are_digits(words: Sequence[str]) -> bool:
    """Whether words are as many hexadecimal digits each, of which some may look like a number (`37500e70`)."""
    return (
        len({*map(len, words)}) == 1 and len(words[0]) in _WHOLE and all(map(_ALPHABETS[1].fullmatch, words))
    )


def is_number(word: str) -> bool:
    """Whether a word is nothing but a number.

    >>> is_number("-3.5e-7"), is_number("3a")
    (True, False)
    """
    return NUMBER.fullmatch(word) is not None


def _word_fits(runs: Sequence[str], mine: str, *, in_folder: bool) -> bool:
    held = _held(runs)
    is_named_so = in_folder or held.begin.startswith("tmp")
    if is_named_so and {*map(len, runs)} == {held.shortest} and held.between <= IN_A_FOLDER <= held.shortest:
        return _window_fits(held, runs[0], mine)
    begin, end = _certain(held, runs)
    return _Held(begin, end, held.shortest).fits(mine)


def _held(runs: Sequence[str]) -> _Held:
    begin = _alike(runs)
    end = _alike([run[len(begin) :][::-1] for run in runs])[::-1]
    return _Held(begin, end, min(map(len, runs)))


def _alike(words: Sequence[str]) -> str:
    """What all words begin with."""
    least, most = min(words), max(words)
    return least[: next((at for at, letter in enumerate(least) if letter != most[at]), len(least))]


def _window_fits(held: _Held, run: str, mine: str) -> bool:
    """Whether a name is another one in as many letters as `tempfile` makes up, around those that differ."""
    if len(mine) != len(run):
        return False
    first, last = len(held.begin), len(run) - len(held.end)
    begins = range(max(0, last - IN_A_FOLDER), min(first, len(run) - IN_A_FOLDER) + 1)
    if run.startswith("tmp") and 3 in begins:
        begins = range(3, 4)
    return any(mine[:at] == run[:at] and mine[at + IN_A_FOLDER :] == run[at + IN_A_FOLDER :] for at in begins)


def _certain(held: _Held, runs: Sequence[str]) -> tuple[str, str]:
    """The beginning and the end that no chance gives runs in common."""
    begin, end = held.begin, held.end
    if begin.lower().startswith("0x") or "_0x" in begin.lower():
        return begin[: begin.lower().rindex("0x") + 2], end.lstrip("0123456789abcdefABCDEF")
    made_up = [run[len(begin) : len(run) - len(end)] for run in runs]
    if not any(map(_DIGIT.search, made_up)):
        return "", ""  # rather words that are chosen, by chance or by who comes first
    alphabet = next((one for one in _ALPHABETS if all(map(one.fullmatch, made_up))), None)
    if alphabet in (None, _ALPHABETS[3]) and held.shortest >= _BLOB:
        return "", ""
    alphabet = alphabet or _ALPHABETS[3]
    if (
        alphabet is _ALPHABETS[0]
    ):  # clocks, addresses, counts: they share what they begin with, and zeros at the end
        return _DATED.sub("", begin), end.lstrip("0123456789")
    if {*map(len, made_up)} <= _WHOLE and len({*map(len, made_up)}) == 1:
        return begin, end
    most = _BY_CHANCE.get(len(runs), _RARELY)
    before = begin[::-1]
    left = min(most, len(alphabet.match(before)[0]))  # type: ignore[index]  # it matches nothing at least
    right = min(most, len(alphabet.match(end)[0]))  # type: ignore[index]
    return begin[: len(begin) - left], end[right:]


# -- folders --------------------------------------------------------------------------------------------------------


def _folders(path: str) -> list[str]:
    """Folders of a path below those for temporary files: a stage has this machine's, a notebook one of its own."""
    inside = _OF_RUNS.sub("/tmp/", path)
    for folder in {gettempdir(), os.path.realpath(gettempdir())}:
        if inside.startswith(f"{folder}/"):
            inside = f"/tmp/{inside.removeprefix(f'{folder}/')}"
    return inside.strip("/").split("/")[1:]


def _folders_fit(runs: Sequence[Sequence[str]], mine: Sequence[str]) -> bool:
    """Whether folders are those of all runs, from the last one up: above, a machine may have others of its own."""
    for at in range(1, min(map(len, runs)) + 1):
        names = [run[-at] for run in runs]
        if at > len(mine):
            return len({*names}) > 1
        alike = names[0] == mine[-at] if len({*names}) == 1 else _word_fits(names, mine[-at], in_folder=True)
        if not alike:
            return False
    return True


# -- times ----------------------------------------------------------------------------------------------------------


def _times_fit(times: Sequence[tuple[str, str]]) -> bool:
    """Whether a time has the unit of the others, or one in which it is about as long."""
    *runs, (number, unit) = times
    if (
        unit in {theirs for _, theirs in runs}
        or not {unit, *(theirs for _, theirs in runs)} <= _SECONDS.keys()
    ):
        return True
    took = [_float(one) * _SECONDS[of] for one, of in runs]
    return min(took) / _LIKELY <= _float(number) * _SECONDS[unit] <= max(took) * _LIKELY


def _float(number: str) -> float:
    try:
        return float(number.replace(",", ""))
    except ValueError:
        return 0.0
