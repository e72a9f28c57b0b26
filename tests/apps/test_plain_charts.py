"""The pictures of the built-in apps, read back: what is drawn lies where its numbers say, in any colours."""

from __future__ import annotations

import doctest
import importlib
import math
import re
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

sys.path.insert(0, str(Path(__file__).parents[2] / "src/agilab/libraries/plain_charts/src"))
charts = importlib.import_module("plain_charts")
style = importlib.import_module("plain_charts.style")
Area, Chart, Dots, Line, sheet = (
    getattr(charts, name) for name in ("Area", "Chart", "Dots", "Line", "sheet")
)
SVG = "{http://www.w3.org/2000/svg}"
WIDTH = 1000


class Picture:
    """An SVG of charts taken apart."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.root = ElementTree.fromstring(text)
        self.texts = list(self.root.iter(f"{SVG}text"))
        self.words = [element.text or "" for element in self.texts]

    def of(self, name: str) -> list[dict[str, str]]:
        """The attributes of each element of this name."""
        return [element.attrib for element in self.root.iter(f"{SVG}{name}")]

    def points(self, shape: str) -> list[list[tuple[float, float]]]:
        pairs = [attributes["points"].split() for attributes in self.of(shape)]
        return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in shape)] for shape in pairs]

    def circles(self) -> list[tuple[float, float]]:
        return [(float(one["cx"]), float(one["cy"])) for one in self.of("circle")]

    def height_of(self, value: float) -> float:
        """The y of a value, by the first two numbers of the only vertical axis."""
        marked = [
            (told(one.text), float(one.get("y", 0)) - 4)
            for one in self.texts
            if one.get("text-anchor") == "end"
        ]
        (low, low_y), (high, high_y) = marked[:2]
        return low_y + (value - low) * (high_y - low_y) / (high - low)


def told(text: str | None) -> float:
    """A number of an axis, as a reader takes it."""
    return float((text or "").replace("\N{MINUS SIGN}", "-").replace(",", ""))


def drawn(*marks: Any, **more: Any) -> Picture:
    return Picture(sheet("Title", [Chart("values", marks, **more)]))


# where things lie


def test_a_dot_lies_at_its_numbers() -> None:
    picture = drawn(Dots([(0.0, 10.0), (5.0, 40.0), (10.0, 20.0)]), x=(0.0, 10.0))
    (left, first), (middle, second), (right, third) = picture.circles()
    assert middle == pytest.approx((left + right) / 2, abs=0.1)
    for at, value in ((first, 10.0), (second, 40.0), (third, 20.0)):
        assert at == pytest.approx(picture.height_of(value), abs=0.2)


def test_a_word_below_stands_where_its_number_is() -> None:
    picture = drawn(Line([(0.0, 0.0), (8.0, 1.0)], dots=True), ticks=[(0.0, "begin"), (8.0, "end")])
    places = {one.text: float(one.get("x", 0)) for one in picture.texts}
    assert [places["begin"], places["end"]] == pytest.approx([x for x, _ in picture.circles()], abs=0.1)


def test_an_interval_reaches_from_its_low_to_its_high_end_and_has_a_cap_on_each() -> None:
    picture = drawn(
        Dots([(1.0, 30.0), (2.0, 30.0)], ends=[(10.0, 35.0), None]), Dots([(2.0, 100.0), (3.0, 0.0)])
    )
    (bar,) = [path["d"] for path in picture.of("path") if "var(--0)" in path["stroke"]]
    cap = r"h(\S+)m-(\S+) 0"
    told = re.fullmatch(rf"M(\S+) (\S+){cap}V(\S+)m-(\S+) 0h(\S+)", bar)
    assert told is not None, bar
    left, low, wide, half, high, back, wide_too = map(float, told.groups())
    assert (low, high) == pytest.approx((picture.height_of(10.0), picture.height_of(35.0)), abs=0.2)
    assert left + half == pytest.approx(picture.circles()[0][0], abs=0.1)
    assert wide == wide_too == 2 * half == 2 * back > 0


def test_an_axis_reaches_as_far_as_intervals_do() -> None:
    picture = drawn(Dots([(1.0, 30.0)], ends=[(-500.0, 35.0)]))
    (bar,) = [path["d"] for path in picture.of("path") if "var(--0)" in path["stroke"]]
    assert 0 < float(bar.split()[1].partition("h")[0]) < float(picture.root.get("height", 0))
    with pytest.raises(ValueError, match=r"no place for \(1.0, 0.0, inf\)"):
        drawn(Dots([(1.0, 30.0)], ends=[(0.0, math.inf)]))


def test_an_area_lies_between_its_edges() -> None:
    picture = drawn(Area([(0.0, 1.0, 4.0), (1.0, 2.0, 3.0)]))
    ((one, two, three, four),) = picture.points("polygon")
    heights = [picture.height_of(value) for value in (4.0, 3.0, 2.0, 1.0)]
    assert [y for _, y in (one, two, three, four)] == pytest.approx(heights, abs=0.2)
    assert one[0] == four[0] < two[0] == three[0]


def test_a_step_holds_until_the_next_and_no_line_slopes() -> None:
    picture = drawn(Line([(0.0, 2.0), (1.0, 5.0), (3.0, 0.0)], steps=True))
    (line,) = picture.points("polyline")
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(line))
    reached = [picture.height_of(value) for value in (2.0, 2.0, 5.0, 5.0, 0.0)]
    assert [y for _, y in line] == pytest.approx(reached, abs=0.2)


def test_estimates_stand_side_by_side_in_the_colours_of_their_series() -> None:
    numbers = {"old": {"a": (1.0, (0.5, 1.5)), "b": (2.0, None)}, "new": {"a": (3.0, (2.5, 3.5))}}
    picture = Picture(sheet("", [charts.intervals("made", numbers)]))
    colours = [one["fill"] for one in picture.of("circle")]
    assert colours == ["var(--0)", "var(--0)", "var(--1)"]
    (old_a, _), (old_b, _), (new_a, _) = picture.circles()
    names = {one.text: float(one.get("x", 0)) for one in picture.texts}
    assert old_a < names["a"] < new_a < old_b < names["b"]
    assert {"old", "new"} <= set(names), "the legend"


def test_charts_that_are_alike_have_one_axis() -> None:
    few, many = ({"one": ([0.0, 1.0], values)} for values in ([0.0, 3.0], [0.0, 90.0]))
    pair = [charts.traces("", values, "s") for values in (few, many)]
    (_, low), (_, high) = (line[-1] for line in Picture(sheet("", pair)).points("polyline"))
    assert low == high, "each has the height to itself"
    (_, low), (_, high) = (line[-1] for line in Picture(sheet("", charts.alike(pair))).points("polyline"))
    assert low > high, "three is far below ninety"


def test_a_row_is_as_wide_as_the_picture_and_its_charts_share_it() -> None:
    line = Line([(0.0, 0.0), (1.0, 1.0)])
    picture = Picture(
        sheet("", [Chart("", [line], x=(0.0, 1.0), share=3.0), Chart("", [line], x=(0.0, 1.0))])
    )
    (a, b), (c, d) = picture.points("polyline")
    assert 0 < a[0] < b[0] < c[0] < d[0] < WIDTH
    assert WIDTH - d[0] < 40
    assert (b[0] - a[0]) / (d[0] - c[0]) > 2.9


numbers = st.floats(-1e150, 1e150) | st.floats(-1.0, 1.0)


@settings(max_examples=80)
@given(st.lists(st.tuples(numbers, numbers), max_size=6))
def test_whatever_the_numbers_are_what_is_drawn_lies_in_the_picture(
    places: list[tuple[float, float]],
) -> None:
    picture = drawn(Dots(places, name="dots"), Line(places, 1, steps=True))
    assert len(picture.circles()) == len(places)
    height = float(picture.root.get("height", 0))
    for x, y in [*picture.circles(), *(point for line in picture.points("polyline") for point in line)]:
        assert 0 < x < WIDTH
        assert 0 < y < height
    assert len(picture.texts) < 40, "an axis has room for some numbers only"


@pytest.mark.parametrize("odd", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("mark", [Line, Dots])
def test_what_has_no_place_on_an_axis_is_refused_with_the_chart_and_the_point(mark: Any, odd: float) -> None:
    with pytest.raises(ValueError, match=rf"the chart 'values' has no place for \(2.0, {odd}\)"):
        drawn(mark([(1.0, 1.0), (2.0, odd)]))


def test_words_are_words_and_no_markup() -> None:
    words = 'a < b & "c"</text><script/>'
    text = sheet(words, [Chart(words, [Dots([(0.0, 0.0)], name=words)], [(0.0, "<i>")], x_label=words)])
    picture = Picture(text)
    assert picture.words.count(words) == 4
    assert not picture.of("script")
    assert "<i>" not in text


def test_equal_numbers_give_equal_bytes_and_there_is_nothing_to_fetch_or_run() -> None:
    text = drawn(Line([(0.0, 0.1 + 0.2), (1.0, 1 / 3)], name="one")).text
    assert drawn(Line([(0.0, 0.1 + 0.2), (1.0, 1 / 3)], name="one")).text == text
    assert set(re.findall(r"https?://[^\"]+", text)) == {"http://www.w3.org/2000/svg"}
    assert not re.search(r"script|href|url\(|@import", text)


# colours


@pytest.mark.parametrize("theme", [0, 1])
def test_every_colour_stands_out_from_its_ground(theme: int) -> None:
    rules = re.findall(r"svg\{([^}]*)\}", drawn().text)[: theme + 1]
    colours = {name: code for rule in rules for name, code in re.findall(r"--(\w):(#\w+)", rule)}
    ground = colours.pop("g")
    assert contrast(colours.pop("l"), ground) < 2, "the grid stays behind"
    for name in ("i", "s"):
        assert contrast(colours.pop(name), ground) >= 4.5, "WCAG 2.2, text"
    assert len(colours) == 6
    for name, code in colours.items():
        assert contrast(code, ground) >= 3, (name, "WCAG 2.2, graphics")


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2.2."""

    def luminance(code: str) -> float:
        digits = code[1:] if len(code) == 7 else "".join(2 * digit for digit in code[1:])
        parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


# round numbers


@given(st.floats(1e-200, 1e200))
def test_a_round_number_is_one_two_or_five_and_not_much_below(value: float) -> None:
    found = style.round_below(value)
    digit = found / 10.0 ** math.floor(math.log10(found) + 1e-6)
    assert min(abs(digit - one) for one in (1, 2, 5, 10)) < 1e-6
    assert found <= value * (1 + 1e-8) < 2.5 * found * (1 + 1e-6)


def test_the_examples_of_its_docstrings_hold() -> None:
    found = doctest.testmod(style)
    assert found.attempted >= 3
    assert found.failed == 0


# maps


def test_a_map_is_the_same_of_every_kind_of_column() -> None:
    latitude, longitude = [48.0, 48.5, 49.0], [1.0, 2.0, 3.5]
    frames = [charts.Frame(kind(latitude), kind(longitude)) for kind in (np.array, pl.Series, pd.Series)]
    places = [(frame.x(2.0), frame.y(48.5), frame.unit_m) for frame in frames]
    assert places[1:] == places[:-1]
    # 2.5 degrees of longitude are wider than one of latitude is tall: they and their margin of 6 % take the width
    across = 2.5 * math.cos(math.radians(48.5)) * 2 * math.pi * 6_371_008.8 / 360
    assert places[0][2] * 2000 == pytest.approx(1.06 * across, rel=1e-12)


def test_lines_are_drawn_in_the_colour_of_where_they_lead_to() -> None:
    rows = [(0, 0, 10, 10), (0, 0, 15, 10), (0, 1, 15, 5), (1, 0, 50, 50), (1, 0, 49, 51)]
    assert charts.polylines(rows, 3) == ["M10 10l5 0M50 50l-1 1", "M15 10l0-5", ""]
    assert charts.polylines([], 1) == [""]
