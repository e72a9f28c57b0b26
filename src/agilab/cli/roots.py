"""Where the roots in an error lie: documents name files by a root, people by a path."""

from __future__ import annotations

import re
from collections.abc import Iterable


def where_roots_lie(texts: Iterable[str]) -> list[str]:
    """A line for each data root of the settings that one of the texts names, such as `mb:nan.csv`.

    Only for a terminal: no document holds an absolute path.
    """
    from agilab.cli.words import short
    from agilab.projects.roots import settings_of
    from agilab.store.workspace import Workspace

    named = {name for text in texts for name in re.findall(r"([A-Za-z][\w-]*):(?=[^\s:])", text)}
    if not named:
        return []
    roots = settings_of(Workspace.default()).roots
    return [f"{name} is {short(folder)}" for name, folder in roots.items() if name in named]
