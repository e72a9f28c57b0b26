"""Modules of IPython where there is no kernel: what they show is shown as a stage does it, and magics may be made."""

from __future__ import annotations

import contextlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

from agi_node import lacking


class InPlaceOfIPython(importlib.abc.MetaPathFinder):
    """Puts ours into modules of IPython that are here, and into those that code imports meanwhile, when they come.

    IPython's own print what they are to display in words of their own, clear a terminal, and make no magics.
    """

    def __init__(self, display: Callable[..., object]) -> None:
        """`display` is how a stage shows a value."""

        def published(data: Any, *_args: Any, **_options: Any) -> None:
            display(data, raw=True)

        shows = {
            "display": display,
            "publish_display_data": published,
            "clear_output": lambda wait=False: None,
        }
        self._ours: Mapping[str, Mapping[str, Any]] = {
            "IPython.core.display_functions": shows,
            "IPython.display": shows,
            "IPython.core.magic": dict.fromkeys(_MAKE_MAGICS, _as_it_is),
        }
        self._before: list[tuple[Any, str, Any]] = []

    def __enter__(self) -> None:
        for name in self._ours:
            if name in sys.modules:
                self._put(sys.modules[name])
        sys.meta_path.insert(0, self)
        lacking.notice()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ValueError):
            sys.meta_path.remove(self)
        for module, name, own in reversed(self._before):
            setattr(module, name, own)

    def _put(self, module: types.ModuleType) -> None:
        for name, own in self._ours[module.__name__].items():
            before = getattr(module, name, own)
            if before is own:  # it has it from another of these modules
                before = next((theirs for _, one, theirs in self._before if one == name), own)
            self._before.append((module, name, before))
            setattr(module, name, own)

    def find_spec(
        self, fullname: str, path: Any = None, target: types.ModuleType | None = None
    ) -> importlib.machinery.ModuleSpec | None:
        """Where such a module is found otherwise; once it has been made, ours are put into it."""
        if fullname not in self._ours:
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path, target)
        if spec is not None and spec.loader is not None:
            makes = spec.loader.exec_module

            def made(module: types.ModuleType) -> None:
                makes(module)
                self._put(module)

            spec.loader.exec_module = made  # type: ignore[method-assign]  # of this one loader
        return spec


_MAKE_MAGICS = "register_line_magic", "register_cell_magic", "register_line_cell_magic"


def _as_it_is(name: Any) -> Any:
    """What a magic is made of is a function like any other where nobody can call it by `%`."""
    return name if callable(name) else lambda function: function
