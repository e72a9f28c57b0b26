"""Graphs of plain functions, without an app: what a notebook runs, and what pipelines are built on.

    flow           Flow: nodes are declared, a run is started, planned or resumed
    declaration    a function as a node: its parameters and what it maps over
    binding        declared nodes and arguments as an engine's graph
    provenance     what a run of a flow was: sources, code, environment
    execution      one run from its first event to its manifest, by the one engine
    order          results of a mapped node in the order of the lists they came from
    again          earlier runs: which one is meant, can it be gone on with, what has changed since
    preview        what a run or a rerun would do and why, nothing executed
    progress       how far a run is, for whoever looks on
    outcome        Run, RunFailed: what a person gets back
    edge           errors that point at a person's own call

| code | what it means |
| --- | --- |
| AGI-FLOW-001 | this cannot be a node, or the name of a flow |
| AGI-FLOW-002 | two nodes of one name |
| AGI-FLOW-003 | nobody gives a parameter, or it maps over what is no node |
| AGI-FLOW-004 | an argument that nobody takes, or that hides a node |
| AGI-FLOW-005 | an argument or an item that is no plain data |
| AGI-FLOW-006 | a flow without nodes |
| AGI-FLOW-007 | no run yet, a run that is not this flow's, or one whose flow has changed since |
| AGI-FLOW-008 | a node that is not there, or left no value |
| AGI-FLOW-009 | a flow that is started by the import of its module in a worker |
| AGI-FLOW-010 | nobody to work, or an executor that no manifest knows |
| AGI-FLOW-011 | `agilab runs resume` of a run of a flow |

Responsible for: the way from decorated functions to a recorded run and its values.
Not responsible for: scheduling, the log, the manifest's content; apps (see `projects`).
"""

from __future__ import annotations

from agi_node.gathered import Results
from agi_node.items import Skip
from agilab.engine.foreach import Nested
from agilab.engine.graph import Policy
from agilab.flow.declaration import product, zipped
from agilab.flow.flow import Flow
from agilab.flow.outcome import Failure, Run, RunFailed

__all__ = [
    "Failure",
    "Flow",
    "Nested",
    "Policy",
    "Results",
    "Run",
    "RunFailed",
    "Skip",
    "product",
    "zipped",
]
