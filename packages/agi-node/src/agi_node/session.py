"""What a worker has open: a source folder, the app in it, and the targets it was asked for."""

from __future__ import annotations

import contextlib
import importlib
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node.apart import fresh_below
from agi_node.errors import FAILED, AgiError
from agi_node.failure import place
from agi_node.figures import draw_into_files
from agi_node.protocol import Open
from agi_node.roots import set_roots

if TYPE_CHECKING:
    from agi_node.app import App

THREAD_POOLS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "NUMEXPR_MAX_THREADS",
    "POLARS_MAX_THREADS",
)
"""Environment variables that native thread pools read when their library is imported."""


class Session:
    """Finds the author's code in the source folder, and nowhere else.

    Responsible for: the import path, imports, looking targets up.
    Not responsible for: calling what it finds.
    """

    def __init__(self) -> None:
        self.source: Path | None = None
        self.app_name: str | None = None
        self.functions: str | None = None
        self._opened = False
        self._found: dict[str, Any] = {}

    @property
    def import_folder(self) -> Path | None:
        """The folder that modules are imported from: `source/src` if there is one, else `source`."""
        if self.source is None:
            return None
        nested = self.source / "src"
        return nested if nested.is_dir() else self.source

    def open(self, order: Open) -> None:
        """Take a source folder; AGI-NODE-006 if it is none, AGI-NODE-007 if another is open already."""
        source = Path(os.path.abspath(order.source)) if order.source is not None else None
        if source is not None and not source.is_dir():
            raise _fault("AGI-NODE-006", "the source to open is no folder", str(source), "a folder")
        if self._opened and (source, order.app, order.functions) != (
            self.source,
            self.app_name,
            self.functions,
        ):
            raise _fault(
                "AGI-NODE-007",
                "this worker has another source open, whose modules are loaded",
                f"{source} ({order.app})",
                f"{self.source} ({self.app_name})",
                "start another worker",
            )
        if order.threads > 0:
            os.environ.update(dict.fromkeys(THREAD_POOLS, str(order.threads)))
        os.environ.update(order.env)
        set_roots(order.roots)
        if not self._opened:
            self.source, self.app_name, self._opened = source, order.app, True
            self.functions = order.functions
            if self.import_folder is not None:
                sys.path.insert(0, str(self.import_folder))
                fresh_below(self.import_folder)
            draw_into_files()
            # Now, while the manager has other things to do, and no unit's timeout runs. What goes wrong here goes
            # wrong again, and is told, where a function is needed.
            with contextlib.suppress(BaseException):
                self._functions()

    def app(self, reference: str | None = None) -> App:
        """The app behind `module:object`, imported on first need; AGI-APP-001, 002 or 005."""
        from agi_node.app import App

        reference = reference or self.app_name
        if reference is None:
            raise _fault("AGI-APP-001", "no app is open", "app: null", 'an app such as "flight:app"')
        found = self._look_up(reference, "AGI-APP-001")
        if not isinstance(found, App):
            raise _fault(
                "AGI-APP-001",
                f"{reference} is no app",
                f"{type(found).__module__}.{type(found).__qualname__}",
                'an agi_node.App: app = App("name", args=…)',
                'correct [tool.agilab] app = "module:object" in pyproject.toml',
            )
        return found

    def function(self, target: str) -> tuple[Callable[..., Any], inspect.Signature]:
        """The function behind a target and its signature; AGI-RUN-107 if there is none.

        A target is `module:function`, or a name in the file of functions where one is open.
        """
        key = f"{target}()"
        if key not in self._found:
            function = self._given(target) if self.functions else self._look_up(target, "AGI-RUN-107")
            if not callable(function):
                raise _fault("AGI-RUN-107", f"{target} is no function", type(function).__name__, "a function")
            self._found[key] = (function, inspect.signature(function))
        found: tuple[Callable[..., Any], inspect.Signature] = self._found[key]
        return found

    def _given(self, target: str) -> Any:
        """A function of the file that is open."""
        given = self._functions()
        if target not in given:
            what = "the functions of this run have no such name"
            raise _fault("AGI-RUN-107", what, target, ", ".join(given)[:300])
        return given[target]

    def _functions(self) -> dict[str, Callable[..., Any]]:
        """The functions of the file that is open, read once; none where none is."""
        if self.functions is None:
            return {}
        if self.functions not in self._found:
            from agi_node.codec import read_functions

            self._found[self.functions] = read_functions(self.functions)
        found: dict[str, Callable[..., Any]] = self._found[self.functions]
        return found

    def _look_up(self, reference: str, code: str) -> Any:
        if reference in self._found:
            return self._found[reference]
        name, colon, path = reference.partition(":")
        if not (name and colon and path):
            raise _fault(code, f"{reference!r} names nothing", reference, "module:name")
        module = self._import(name, inside_only=code == "AGI-APP-001")
        found: Any = module
        for step in path.split("."):
            if not hasattr(found, step):
                held = ", ".join(n for n in vars(module) if not n.startswith("_"))
                raise _fault(
                    code, f"{name} has no {path!r}", path, held[:300] or "nothing: the module is empty"
                )
            found = getattr(found, step)
        self._found[reference] = found
        return found

    def _import(self, name: str, inside_only: bool) -> Any:
        try:
            module = importlib.import_module(name)
        except AgiError:
            raise
        except BaseException as error:  # the one boundary around the author's module level code
            raise _fault(
                "AGI-APP-002",
                f"importing {name} raised {type(error).__qualname__}: {str(error)[:500]}",
                place(error, self.source),
                None,
                _missing_module(error),
            ) from error
        folder = self.import_folder
        if inside_only and folder is not None:
            places = [getattr(module, "__file__", None) or "", *getattr(module, "__path__", ())]
            inside = os.path.realpath(folder) + os.sep
            if not any(os.path.realpath(path).startswith(inside) for path in places if path):
                raise _fault(
                    "AGI-APP-005",
                    f"the module {name} does not come from the app's source",
                    next((path for path in places if path), "a module built into Python"),
                    str(folder),
                    "rename the module: its name is taken",
                )
        return module


def _missing_module(error: BaseException) -> str | None:
    if isinstance(error, ModuleNotFoundError) and error.name:
        return f"uv add {error.name.partition('.')[0]}, if that is the package's name"
    return None


def _fault(code: str, what: str, found: str | None, allowed: str | None, try_: str | None = None) -> AgiError:
    return AgiError(code, what, found=found, allowed=allowed, try_=try_, whose="author", exit_code=FAILED)
