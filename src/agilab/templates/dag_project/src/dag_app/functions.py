"""Sun and daylight, as functions that need each other. A parameter's name is the function that gives it.

FAO Irrigation and Drainage Paper 56, R. G. Allen et al. (1998), chapter 3, eq. 21 to 25 and 34. Angles in radians.
"""

from math import acos, cos, pi, sin, tan

SOLAR_CONSTANT = 0.0820  # MJ m⁻² min⁻¹


def inverse_distance(day: int) -> float:
    """Inverse relative distance between Earth and Sun (eq. 23)."""
    return 1 + 0.033 * cos(2 * pi / 365 * day)


def declination(day: int) -> float:
    """Declination of the Sun (eq. 24)."""
    return 0.409 * sin(2 * pi / 365 * day - 1.39)


def sunset_angle(latitude: float, declination: float) -> float:
    """Hour angle of the sunset (eq. 25); 0 where the Sun does not rise, π where it does not set."""
    return acos(max(-1.0, min(1.0, -tan(latitude) * tan(declination))))


def daylight_hours(sunset_angle: float) -> float:
    """Hours between sunrise and sunset (eq. 34)."""
    return 24 / pi * sunset_angle


def radiation(latitude: float, inverse_distance: float, declination: float, sunset_angle: float) -> float:
    """Radiation above the atmosphere in MJ m⁻² day⁻¹ (eq. 21)."""
    height = sunset_angle * sin(latitude) * sin(declination)
    width = cos(latitude) * cos(declination) * sin(sunset_angle)
    return 24 * 60 / pi * SOLAR_CONSTANT * inverse_distance * (height + width)
