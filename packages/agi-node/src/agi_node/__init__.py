"""What runs inside an app's environment: the app, its work items, the reduce contract, the worker.

Names are handed out on first use (PEP 562), so that `import agi_node` costs next to nothing and a worker
loads only what its app touches.
"""

from __future__ import annotations

TYPE_CHECKING = False  # type checkers take it for true by its name; importing `typing` for it costs 8 ms

if TYPE_CHECKING:
    from agi_node import tracker
    from agi_node.app import App
    from agi_node.args import Args
    from agi_node.context import LocalRun, RunContext
    from agi_node.errors import AgiError
    from agi_node.files import Files
    from agi_node.gathered import Result, Results
    from agi_node.items import Skip, WorkItem
    from agi_node.partial import (
        Concat,
        Distinct,
        Histogram,
        Max,
        Merge,
        Min,
        Moments,
        Partial,
        Sum,
        TopK,
    )
    from agi_node.reference import FileRef

__version__ = "0.1.0"

__all__ = [
    "AgiError",
    "App",
    "Args",
    "Concat",
    "Distinct",
    "FileRef",
    "Files",
    "Histogram",
    "LocalRun",
    "Max",
    "Merge",
    "Min",
    "Moments",
    "Partial",
    "Result",
    "Results",
    "RunContext",
    "Skip",
    "Sum",
    "TopK",
    "WorkItem",
    "__version__",
    "tracker",
]

_HOMES = {
    "App": "app",
    "Args": "args",
    "LocalRun": "context",
    "RunContext": "context",
    "AgiError": "errors",
    "FileRef": "reference",
    "Files": "files",
    "Result": "gathered",
    "Results": "gathered",
    "Skip": "items",
    "WorkItem": "items",
    **dict.fromkeys(
        ("Concat", "Distinct", "Histogram", "Max", "Merge", "Min", "Moments", "Partial", "Sum", "TopK"),
        "partial",
    ),
}


def __getattr__(name: str) -> object:
    # importlib is already loaded by the interpreter's own start; the import here is a dictionary look-up.
    from importlib import import_module

    if name == "tracker":
        return import_module("agi_node.tracker")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module 'agi_node' has no attribute {name!r}")
    value: object = getattr(import_module(f"agi_node.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
