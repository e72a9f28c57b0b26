"""What was recorded on its way over the earth: aircraft, ships, drones, animals.

`segments` makes of positions what lies between them, `leaps` finds values that nothing can reach, `agreement` holds
speeds against reported ones, `trips` sums up; `maps.trajectory_map` draws.
"""

from .segments import WINDOW, leaps, segments
from .speeds import agreement
from .totals import trips

__all__ = ["WINDOW", "agreement", "leaps", "segments", "trips"]
