"""`report reducer-benchmark`: its result is that of other tools, and a difference fails it."""

from __future__ import annotations

import random
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy
import pytest

from agi_node.canonical import digest
from agi_node.errors import AgiError
from agilab.contracts.report import Report
from agilab.evidence.report import Scope, report_kind
from agilab.evidence.reports.reducer_benchmark import _checks
from agilab.store.workspace import Workspace


def made(tmp_path: Path, **options: int) -> Report:
    return report_kind("reducer-benchmark").make(Scope(Workspace(tmp_path)), **options)


def by_other_tools(items: int, seed: int) -> dict[str, Any]:
    """The payload by numpy where that is exact, by fractions where it rounds."""
    chance = random.Random(seed)
    values = numpy.array([chance.getrandbits(53) for _ in range(items)]) / 2**53
    exact = [Fraction(value) for value in values.tolist()]
    mean = sum(exact) / items
    counts, edges = numpy.histogram(values, bins=32, range=(0, 1))
    labels = sorted({f"{at % 97:02}" for at in range(items)})
    order = numpy.lexsort((numpy.arange(items), -values))[:5]
    return {
        "count": items,
        "total": float((numpy.floor(values * 2**20) / 2**20).sum()),
        "least": float(values.min()),
        "greatest": float(values.max()),
        "value": {
            "count": items,
            "mean": float(mean),
            "variance": float(sum((value - mean) ** 2 for value in exact) / items),
            "min": float(values.min()),
            "max": float(values.max()),
        },
        "spread": {"edges": edges.tolist(), "counts": counts.tolist(), "under": 0, "over": 0},
        "labels": labels,
        "label_count": len(labels),
        "top": [{"value": float(values[at]), "label": f"{at:08}"} for at in order],
    }


@pytest.mark.parametrize(("partials", "items"), [(8, 4000), (1, 500), (7, 3), (64, 1000)])
def test_it_reduces_to_what_numpy_and_fractions_say(tmp_path: Path, partials: int, items: int) -> None:
    report = made(tmp_path, partials=partials, items=items, rounds=1, seed=7)
    assert report.verdict == "passed"
    assert [check.name for check in report.checks] == ["equal", "order", "workers"]
    assert {check.how for check in report.checks} == {"executed"}
    evidence = report.checks[0].evidence
    assert evidence["reduced"] == evidence["single_pass"] == digest(by_other_tools(items, 7))
    assert report.checks[1].evidence == {"partials": partials}


def test_the_ratio_is_that_of_the_medians(tmp_path: Path) -> None:
    details = made(tmp_path, partials=4, items=2000, rounds=3).details
    seconds = {name: side["median"] for name, side in details["seconds"].items()}
    assert details["contract_seconds"] == pytest.approx(seconds["partials"] + seconds["reduce"])
    assert details["ratio"] == pytest.approx(details["contract_seconds"] / seconds["single pass"])
    assert details["ratio"] > 0
    assert all(side["min"] <= side["median"] <= side["max"] for side in details["seconds"].values())
    assert {field["rule"] for field in details["fields"]} == {
        *("sum", "min", "max", "moments", "histogram", "distinct", "size", "topk")
    }


def test_a_reduce_that_differs_from_the_single_pass_fails(tmp_path: Path) -> None:
    from agi_node.reduce import reduce_document
    from agilab.evidence.reports.reducer_benchmark import Items

    states = [("a", Items(count=2, total=1.5).to_state()), ("b", Items(count=1).to_state())]
    document = reduce_document("items", Items, states)
    kept = {"states": states, "document": document, "expected": document["payload"] | {"count": 4}}
    equal, order, workers = _checks(kept, random.Random(1))
    assert (equal.state, equal.message) == ("failed", "these fields differ: count")
    assert (order.state, workers.state) == ("passed", "passed")
    other = reduce_document("items", Items, states[:1])
    assert [check.state for check in _checks(kept | {"document": other}, random.Random(1))] == ["failed"] * 3


@pytest.mark.parametrize("name", ["partials", "items", "rounds"])
def test_nothing_to_do_is_refused_by_name(tmp_path: Path, name: str) -> None:
    with pytest.raises(AgiError, match=rf"AGI-REPORT-002\]: {name} is too small"):
        made(tmp_path, **{name: 0})


def test_a_report_of_another_name_is_told_with_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(AgiError, match=r"(?s)no report of this name.*reducer-benchmark.*report reducers"):
        report_kind("reducer")
