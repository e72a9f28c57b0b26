"""Partials: what the units of an app return, and how it merges.

    from agi_node.partial import Distinct, Moments, Partial, Sum

Responsible for: exact values, their merge, their two plain forms (state and payload), their description.
Not responsible for: which partials count, and in which order they arrive. Those are the reduce's.
"""

from __future__ import annotations

from agi_node.partial.declare import Concat, Distinct, Max, Merge, Min, Ratio, Root, Size, Sum
from agi_node.partial.histogram import Histogram
from agi_node.partial.moments import Moments
from agi_node.partial.own import merge_tree
from agi_node.partial.partial import Partial
from agi_node.partial.topk import TopK

__all__ = [
    "Concat",
    "Distinct",
    "Histogram",
    "Max",
    "Merge",
    "Min",
    "Moments",
    "Partial",
    "Ratio",
    "Root",
    "Size",
    "Sum",
    "TopK",
    "merge_tree",
]
