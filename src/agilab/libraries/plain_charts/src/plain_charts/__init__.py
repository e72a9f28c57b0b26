"""Charts and maps as one SVG text each: small, the same every time, and legible on a light and on a dark ground.

A chart is data: what is drawn (`Line`, `Dots`, `Area`) on which axes (`Chart`), or what `intervals` and `traces` make
of numbers by name; `sheet` places charts in rows. A map is a `Frame` of the earth and lines on it.
"""

from .charts import Area, Chart, Dots, Line, alike, intervals, traces
from .maps import EARTH_RADIUS_M, Frame, polylines
from .sheet import sheet

__all__ = [
    "EARTH_RADIUS_M",
    "Area",
    "Chart",
    "Dots",
    "Frame",
    "Line",
    "alike",
    "intervals",
    "polylines",
    "sheet",
    "traces",
]
