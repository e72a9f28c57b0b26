"""An object of a class that a notebook wrote is one of the class that is written where it arrives."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("cloudpickle")

CLASS = """
import dataclasses, functools

class Base: pass

@dataclasses.dataclass
class Disc(Base):
    r: int
    kinds = ()
    @property
    def size(self):
        "of it"
        return self.r * SCALE
    @functools.cached_property
    def area(self): return SCALE * self.r ** 2
    @staticmethod
    def unit(): return Disc(1)
    def sizes(self): return [n * SCALE for n in range(self.r)]
    class Part:
        def f(self): return SCALE
"""
MAKE = """
from pathlib import Path
from agi_node import codec
Path("value").write_bytes(codec.dumps([Disc(2), Disc.Part(), {Disc: 1}], "discs"))
"""
TAKE = """
from agi_node import codec
disc, part, kinds = codec.load("value")
"""


def run(code: str, folder: Path) -> None:
    subprocess.run([sys.executable, "-c", code], check=True, cwd=folder)


def test_its_code_sees_the_names_of_where_it_arrives(tmp_path: Path) -> None:
    run(CLASS + MAKE, tmp_path)  # without SCALE, as a stage that only makes the object
    run(
        CLASS + TAKE + "SCALE = 3\n"
        "assert isinstance(disc, Disc) and isinstance(part, Disc.Part) and kinds == {Disc: 1}\n"
        "assert (disc.size, disc.area, disc.sizes(), part.f()) == (6, 12, [0, 3], 3) and disc == Disc(2)",
        tmp_path,
    )


def test_where_it_is_not_written_it_comes_with_its_own(tmp_path: Path) -> None:
    run("SCALE = 5" + CLASS + MAKE, tmp_path)
    run(TAKE + "assert (disc.size, disc.area, disc.unit().r) == (10, 20, 1)", tmp_path)
    run(
        TAKE + "assert type(disc).size.__doc__ == 'of it' and type(disc).__mro__[1].__name__ == 'Base'",
        tmp_path,
    )


@pytest.mark.parametrize(
    "other",
    [
        CLASS.replace("self.r * SCALE", "self.r + SCALE"),
        CLASS.replace("SCALE * self.r ** 2", "SCALE * self.r ** 3"),
        CLASS.replace("n * SCALE", "n - SCALE"),
        CLASS.replace("Disc(1)", "Disc(7)"),
        CLASS.replace("Disc(Base)", "Disc"),
        CLASS.replace("kinds = ()", "kinds = (1,)"),
        "def Disc(): pass",
    ],
)
def test_a_class_with_other_code_is_another(other: str, tmp_path: Path) -> None:
    run("SCALE = 5" + CLASS + MAKE, tmp_path)
    run(
        other + TAKE + "SCALE = 3\nassert type(disc) is not Disc\n"
        "assert (disc.size, disc.area, disc.sizes(), disc.unit().r) == (10, 20, [0, 5], 1)",
        tmp_path,
    )


ENUM = "from enum import Enum\nclass Way(Enum):\n    UP = 1\n    DOWN = 2\n"


def test_members_of_an_enum_are_those_that_are_written_here(tmp_path: Path) -> None:
    make = "from agi_node import codec\nopen('value', 'wb').write(codec.dumps({Way.UP: {Way.DOWN}}, 'ways'))"
    take = "from agi_node import codec\nfound = codec.load('value')\n"
    run(ENUM + make, tmp_path)
    run(ENUM + take + "assert found == {Way.UP: {Way.DOWN}} and next(iter(found)) is Way.UP", tmp_path)
    other = ENUM.replace("DOWN = 2", "DOWN = 3")
    run(other + take + "(one,) = found\nassert one is not Way.UP and one.name == 'UP'", tmp_path)
    run(take + "assert [one.value for one in found] == [1]", tmp_path)


def test_a_class_that_has_itself_is_handed_over(tmp_path: Path) -> None:
    tree = "class Tree:\n    pass\nTree.kind = Tree\n"
    run(tree + "from agi_node import codec\nopen('value', 'wb').write(codec.dumps(Tree(), 'tree'))", tmp_path)
    run(tree + "from agi_node import codec\nassert type(codec.load('value')) is Tree", tmp_path)
