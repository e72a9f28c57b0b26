"""What to forecast, what a forecast looks at, and how the past is replayed."""

import re
from datetime import timedelta

from backtest import Look, Plan
from pydantic import Field, ValidationInfo, field_validator

from agi_node import Args, Files

HOUR, DAY, YEAR = timedelta(hours=1), timedelta(days=1), (timedelta(days=365.2425), 1)
WAVES = {"day": (DAY, 3), "year": YEAR}
HOURS = Look(
    step=HOUR, cycle=24, season=24, fill=6, lags=(1, 2, 3, 6, 12, 23), windows=(24, 168), waves=WAVES
)
# a week as season is what is customary: days have none that is shorter than a year
DAYS = Look(step=DAY, season=7, fill=1, windows=(7, 28), waves={"year": YEAR})
NAMES = {
    "stations": (r"[^,\s]([^,]*[^,\s])?|", "names with commas between, each once, such as JFK,LGA"),
    "targets": (r"[1-9]\d{0,2}[hd]", "hours or days ahead with commas between, each once, such as 1h,24h,1d"),
}


class MeteoArgs(Args):
    """Where the readings are, what is forecast, and how the past is replayed."""

    observations: Files = Field(
        "data/*.parquet", validate_default=True, description="CSV or parquet files, or a folder of them."
    )
    stations: str = Field("", description="Names with commas between; empty: all.")
    targets: str = Field(
        "1h,3h,6h,12h,24h,1d,2d,3d",
        description="Temperatures so many hours (h) ahead, means of days (UTC) so many days (d) ahead.",
    )
    train_days: int = Field(120, ge=30, description="The first fit sees so many days, a later one more.")
    refit_days: int = Field(28, ge=1, description="Days from one fit to the next.")
    calibration_days: int = Field(56, ge=14, description="Intervals rest on the errors of so many days.")
    origin_every_h: int = Field(6, ge=1, le=24, description="Forecast at hours of the day (UTC) it divides.")
    level: float = Field(0.9, ge=0.5, le=0.99, description="The share of truths that intervals should hold.")
    penalty: float = Field(30.0, gt=0, description="How hard the regression is drawn towards persistence.")
    max_rate_c_per_h: float = Field(12.0, gt=0, description="A reading that changed faster is wrong (°C/h).")
    mape_least_c: float = Field(1.0, gt=0, description="MAPE leaves out truths nearer to zero (°C).")

    @field_validator("stations", "targets")
    @classmethod
    def _named_once(cls, text: str, info: ValidationInfo) -> str:
        pattern, allowed = NAMES[str(info.field_name)]
        names = text.split(",")
        if len(set(names)) < len(names) or not all(re.fullmatch(pattern, name) for name in names):
            raise ValueError(allowed)
        return text

    def plan(self, per_day: int) -> Plan:
        """The back-test, with so many steps a day."""
        days = (self.train_days, self.refit_days, self.calibration_days)
        train, refit, calibration = (each * per_day for each in days)
        return Plan(train=train, refit=refit, calibration=calibration, level=self.level)


def parsed(target: str) -> tuple[Look, int, int]:
    """What a target looks at, its steps a day and its steps ahead: `24h` is 24 steps, each the 24th of a day."""
    return (HOURS, 24, int(target[:-1])) if target[-1] == "h" else (DAYS, 1, int(target[:-1]))
