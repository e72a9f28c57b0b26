"""`%pushd` and `%popd` over the cells of a notebook: the way back from each folder, where the text says it.

Below `%pushd data/raw` the way back is `../..`, unless something else has changed the folder meanwhile. A value that
remembers the folder would be one that the notebook does not have.
"""

from __future__ import annotations

from dataclasses import replace

from agilab.notebooks.python.magics import Magic, Translated
from agilab.notebooks.python.meaning import Meaning
from agilab.notebooks.python.meanings import POPPED

Ways = tuple[str, ...]
"""The ways back, the nearest last; "" for one that nobody can say."""
_CHANGES = "os.chdir("


def with_ways_back(translated: Translated, ways: Ways) -> tuple[Translated, Ways]:
    """A cell with the ways back in it, and those there are below it, of `ways` above it.

    >>> from agilab.notebooks.python.magics import translate
    >>> cell, ways = with_ways_back(translate("%pushd a\\n%pushd b/c\\n%popd"), ())
    >>> print(cell.python)
    import os; os.chdir("a")
    import os; os.chdir("b/c")
    import os; os.chdir("../..")
    >>> ways, with_ways_back(translate("%popd\\n%popd"), ways)[0].python.splitlines()
    (('..',), ['import os; os.chdir("..")', '# %popd'])
    """
    moving = {magic.line: magic for magic in translated.magics if magic.name in ("pushd", "popd")}
    lines = translated.python.split("\n")
    magics: dict[int, Magic] = {}
    for number, line in enumerate(lines, 1) if moving or (ways and "chdir" in translated.python) else ():
        magic = moving.get(number)
        if magic is None:
            ways = ("",) * len(ways) if "chdir" in line else ways
        elif magic.name == "pushd":
            ways = (*ways, _back(line))
        elif POPPED in line:
            way, ways = ways[-1] if ways and line.startswith("import") else "", ways[:-1]
            lines[number - 1] = line.replace(POPPED, f'"{way}"') if way else _remark(line)
            if not way:
                what = "%popd became a comment: the text does not say which folder it goes back to"
                magics[number] = replace(magic, meaning=Meaning("", "NB-111", what))
    after = tuple(magics.get(one.line, one) if one.name == "popd" else one for one in translated.magics)
    return replace(translated, python="\n".join(lines), magics=after), ways


def _back(line: str) -> str:
    """The way back from where a line goes, if that is below, and it goes there whenever its cell is run."""
    begin, _, rest = line.partition(_CHANGES)
    parts = rest.removesuffix(")").strip('"').split("/")
    plain = begin.startswith("import") and rest.startswith('"') and rest.count('"') == 2
    known = plain and parts[0] != "" and not any(part in ("..", "~") for part in parts)
    return "/".join(".." for part in parts if part not in ("", ".")) if known else ""


def _remark(line: str) -> str:
    begin = line[: len(line) - len(line.lstrip())]
    return f"{begin}pass  # %popd" if begin else "# %popd"
