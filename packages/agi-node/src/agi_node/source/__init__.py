"""What a target's code is: digests of syntax trees, the source part of a cache key.

    code_of("flight.tracks:read_positions", source)   of a source folder, nothing is imported
    code_of_function(function)                        of a live function of a notebook or script
    explain(before, after)                            why two of them differ, in one bounded sentence

A target's code is its definition and, over and over, every definition of the app that those name, one *part* each;
what runs whenever a module involved is imported, and its order; every file beside the code that is not Python; and
what a text names, a module or a file of Python's. Comments, formatting and lines do not count, and neither does a
file of Python's that is read as data without its name in a text. Docstrings do: they can be read at run time.
What cannot be followed in the text makes it the whole package, with the reason. What is installed counts by name
alone: its versions are the environment's fingerprint.

Responsible for: what counts as a target's code, and its digest. Wrong answers must err towards running again.
Not responsible for: arguments, inputs, the environment, and what a process did to its modules before.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from agi_node.source.code import Code, explain

__all__ = ["Code", "code_of", "code_of_function", "explain"]


def code_of(target: str, folder: Path | str) -> Code:
    """The code of `module:function` (or `module:Class.method`: the class) in a source folder, without importing it.

    `folder` is what a worker opens: modules come from `folder/src` if there is one, else from `folder`. A module
    that is not there belongs to the environment and counts by name. Raises AGI-RUN-107 where the target is no
    `module:name`, AGI-NODE-006 where the folder is none.
    """
    from agi_node.errors import FAILED, AgiError
    from agi_node.source.closure import code_at
    from agi_node.source.folder import Folder

    module, _, path = target.partition(":")
    if not module or not path or "#" in path:
        raise AgiError(
            "AGI-RUN-107",
            f"{target!r} names no function",
            found=target,
            allowed="module:function",
            whose="author",
            exit_code=FAILED,
        )
    if not Path(folder).is_dir():
        raise AgiError(
            "AGI-NODE-006",
            "the source to read is no folder",
            found=str(folder),
            allowed="a folder",
            exit_code=FAILED,
        )
    nested = Path(folder, "src")
    return code_at(Folder(nested if nested.is_dir() else Path(folder)), [(module, path.partition(".")[0])])


def code_of_function(function: Callable[..., Any]) -> Code:
    """The code of a live function: its bytecode, what it closes over, and what it reaches through its globals.

    Not its text: that can have been edited since, and what a digest stands for is what will be executed. The digest
    is None where something it reaches cannot be digested, and `reason` names that.
    """
    from agi_node.source.live import code_of_live

    return code_of_live(function)
