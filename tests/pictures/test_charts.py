"""The charts of the built-in apps and of benchmarks, in a real browser: those of the READMEs, and hard ones."""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path

import pytest

from tests.pictures.conftest import Look

SOURCE = Path(__file__).parents[2] / "src" / "agilab"
sys.path.insert(0, str(SOURCE / "libraries" / "plain_charts" / "src"))
charts = importlib.import_module("plain_charts")
Area, Chart, Dots, Line, sheet = (
    getattr(charts, name) for name in ("Area", "Chart", "Dots", "Line", "sheet")
)
READMES = sorted((SOURCE / "apps").glob("*/*.svg"))
WAVE = [(at / 10, 1e6 * math.sin(at / 7)) for at in range(100)]
LONG = "one of three charts in a row with a title of its own that is long " * 2
HARD = {
    "no marks": sheet("Nothing", [Chart("nothing", [])]),
    "many names": sheet(
        "A title that goes on and on, as titles do when nobody stops them " * 3,
        [Chart(LONG, [Line(WAVE, at, f"a series of name {at}") for at in range(6)])] * 3,
        [Chart("wide", [Line(WAVE, at, f"SERIES {at} IN CAPITALS WWW") for at in range(6, 18)])],
        colours=[("#0072b2", "#56b4e9")] * 18,
    ),
    "thirty words below": sheet(
        "Ticks",
        [
            Chart(
                "thirty",
                [Dots([(at, at) for at in range(30)])],
                ticks=[(at, f"category {at}") for at in range(30)],
            )
        ],
    ),
    "wide words below": sheet(
        "Ticks",
        [
            Chart(
                "CAPITALS",
                [Dots([(at, -at * 1e-9) for at in range(9)])],
                ticks=[(at, f"WWWWWWWWWWWWWW\n日本語日本語日本{at}") for at in range(9)],
            )
        ],
    ),
    "other scripts": sheet(
        "日本語の題名 🚀",
        [
            Chart(
                "気温 (°C)\nждём",
                [Area([(0, 1, 2), (1, 2, 3)], 0, "信頼区間"), Line([(0, 1.5), (1, 2.5)], 1, "жаль")],
            )
        ],
    ),
    "great and small": sheet(
        "Numbers",
        [
            Chart("small", [Line([(0, 1e-12), (1, 3e-12)])]),
            Chart("great", [Line([(0, 1e15), (1e9, 3e15)])]),
        ],
    ),
}


@pytest.mark.parametrize("path", READMES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_pictures_of_the_readmes_are_seen_whole(path: Path, looks_well: Look) -> None:
    looks_well("picture.svg", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", HARD)
def test_charts_stay_legible_whatever_is_on_them(name: str, looks_well: Look) -> None:
    looks_well("chart.svg", HARD[name])
