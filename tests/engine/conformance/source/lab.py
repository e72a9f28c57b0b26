"""The functions of the conformance graphs. Trouble, where a test asks for it, meets one unit of one node."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

from agi_node import RunContext, Skip

Trouble = dict[str, str] | None
"""`unit` that it meets, `how`, and the `folder` in which a file says that it has; None for a quiet life."""


def meet(run: RunContext, trouble: Trouble) -> None:
    """Fail every time; or, the first time only, fail, end the process, or be busy for a minute."""
    name = f"{run.node}[{run.key}]" if run.key else run.node
    if trouble is None or name != trouble["unit"]:
        return
    if trouble["how"] == "fail":
        raise ValueError(f"no luck with {name}")
    mark = Path(trouble["folder"]) / "met"
    if mark.exists():
        return
    mark.write_text(name, encoding="utf-8")
    if trouble["how"] == "retry":
        raise OSError("the first time always fails")
    if trouble["how"] == "crash":
        os._exit(7)
    for _ in range(6_000):
        time.sleep(0.01)


# -- chain: values too large for the log on the way ------------------------------------------------------


def first(run: RunContext, trouble: Trouble) -> dict[str, Any]:
    meet(run, trouble)
    return {"steps": 1, "text": "ab" * 20_000}


def second(first: dict[str, Any], run: RunContext, trouble: Trouble) -> dict[str, Any]:
    meet(run, trouble)
    return {"steps": first["steps"] + 1, "text": first["text"][::-1] + "c"}


def third(second: dict[str, Any], run: RunContext, trouble: Trouble) -> list[Any]:
    meet(run, trouble)
    return [second["steps"], len(second["text"]), second["text"][-3:]]


# -- fan-out: artifacts, odd keys, a reduce that is content with some --------------------------------------


def items(run: RunContext, trouble: Trouble) -> list[Any]:
    meet(run, trouble)
    return ["a", "b", "c d", "é/ü", 7, None, {"x": 1}, 2**70]


def each(item: Any, run: RunContext, trouble: Trouble) -> dict[str, Any]:
    meet(run, trouble)
    run.save_json("seen", {"item": item})
    run.log_metric("length", len(str(item)))
    return {"of": item, "length": len(str(item))}


def total(each: list[dict[str, Any]], run: RunContext, trouble: Trouble) -> dict[str, Any]:
    meet(run, trouble)
    return {"seen": [one["of"] for one in each], "length": sum(one["length"] for one in each)}


# -- diamond ---------------------------------------------------------------------------------------------


def top(run: RunContext, trouble: Trouble) -> int:
    meet(run, trouble)
    return 5


def left(top: int, run: RunContext, trouble: Trouble) -> int:
    meet(run, trouble)
    return top * 2


def right(top: int, run: RunContext, trouble: Trouble) -> int:
    meet(run, trouble)
    return top + 100


def bottom(left: int, right: int, run: RunContext, trouble: Trouble) -> list[int]:
    meet(run, trouble)
    return [left, right]


# -- nested: years, of which one has no months, and a reduce for each year ---------------------------------


def years(run: RunContext, trouble: Trouble) -> list[str]:
    meet(run, trouble)
    return ["2023", "2024", "2025"]


def months(year: str, run: RunContext, trouble: Trouble) -> list[str]:
    meet(run, trouble)
    return [f"{year}-{number}" for number in range(int(year) - 2023)]


def rain(month: str, run: RunContext, trouble: Trouble) -> int:
    meet(run, trouble)
    return int(month[-1]) + int(month[:4])


def yearly(year: str, rain: list[int], run: RunContext, trouble: Trouble) -> list[Any]:
    meet(run, trouble)
    return [year, sum(rain)]


def climate(yearly: list[list[Any]], rain: list[int], run: RunContext, trouble: Trouble) -> dict[str, Any]:
    meet(run, trouble)
    return {"yearly": yearly, "months": len(rain)}


# -- conditions: units that skip themselves, by key and as a whole -----------------------------------------


def numbers(run: RunContext, trouble: Trouble) -> list[int]:
    meet(run, trouble)
    return [1, 2, 3, 4]


def half(number: int, run: RunContext, trouble: Trouble) -> int | Skip:
    meet(run, trouble)
    return Skip("odd") if number % 2 else number // 2


def after(half: int, run: RunContext, trouble: Trouble) -> int:
    meet(run, trouble)
    return half * 1_000


def lone(run: RunContext, trouble: Trouble) -> Skip:
    meet(run, trouble)
    return Skip("not today")


def never(lone: Any, run: RunContext, trouble: Trouble) -> Any:
    raise AssertionError("what needs a skipped unit is skipped")


def anyway(lone: Any, run: RunContext, trouble: Trouble) -> list[Any]:
    meet(run, trouble)
    return ["ran", lone]


def summary(after: list[int], anyway: list[Any], run: RunContext, trouble: Trouble) -> list[Any]:
    meet(run, trouble)
    return [sum(after), anyway]
