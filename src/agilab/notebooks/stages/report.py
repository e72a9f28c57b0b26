"""How one notebook became stages, as plain data."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from agilab.notebooks.document.outputs import expected_of
from agilab.notebooks.stages.planned import Planned


def report_of(one: Planned) -> dict[str, Any]:
    index = [cell.index for cell in one.cells]
    grouping = one.plan.grouping
    links = one.plan.links
    stages = {
        flow.cells[0]: {
            "id": one.ids[number],
            "cells": [index[cell] for cell in flow.cells],
            "repeats": [{"cell": index[cell], "text": setting.text} for cell, setting in flow.repeated],
            "expects": [expected for cell in flow.cells for expected in expected_of(one.cells[cell])],
        }
        for number, flow in enumerate(one.plan.stages)
    }
    for cell, name in one.aside_ids.items():
        stages[cell] = {"id": name, "cells": [index[cell]], "expects": list(expected_of(one.cells[cell]))}
    return {
        "notebook": one.name,
        "stages": [stages[cell] for cell in sorted(stages)],
        "parameters": [index[cell] for cell in one.parameters],
        "borders": [
            {
                "after": index[border.after],
                "cut": border.cut,
                "crossing": list(border.crossing),
                "why": _with_indices(border.why, index),
            }
            for border in grouping.borders
        ],
        "edges": [
            {"name": edge.name, "from": index[edge.source], "to": index[edge.target], "how": edge.how}
            for edge in links.edges
        ],
        "undecided": [
            {"cell": index[doubt.cell], "line": doubt.line, "reason": doubt.reason}
            for flow in links.flows.cells
            for doubt in flow.undecided
        ],
        "finals": {name: one.ids[number] for name, number in one.plan.finals.items()},
        "others": {
            name: {
                "stages": [one.ids[number] for number in other.stages],
                "doubt": _with_indices(other.doubt, index),
            }
            for name, other in one.plan.others.items()
        },
    }


def _with_indices(why: str, index: Sequence[int]) -> str:
    return re.sub(r"\bcell (\d+)\b", lambda match: f"cell {index[int(match.group(1))]}", why)
