"""What to forecast, and how the past is replayed."""

import re

from pydantic import Field, field_validator

from agi_node import Args, Files

STATION = re.compile(r"[^,\s]([^,]*[^,\s])?")
TARGET = re.compile(r"[1-9]\d{0,2}[hd]")


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

    @field_validator("stations")
    @classmethod
    def _stations(cls, text: str) -> str:
        if text and not _named_once(text, STATION):
            raise ValueError("names with commas between, each once, such as JFK,LGA")
        return text

    @field_validator("targets")
    @classmethod
    def _targets(cls, text: str) -> str:
        if not _named_once(text, TARGET):
            raise ValueError("hours or days ahead with commas between, each once, such as 1h,24h,1d")
        return text


def _named_once(text: str, name: re.Pattern[str]) -> bool:
    names = text.split(",")
    return len(set(names)) == len(names) and all(map(name.fullmatch, names))
