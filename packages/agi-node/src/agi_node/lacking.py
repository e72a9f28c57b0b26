"""What libraries look for because every notebook has it, and do not find where there is no Jupyter.

They go on without it, and fail where they would use it: with a name that is not defined, or with an attribute of None.
What is missing then, the error does not say.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Iterator
from types import ModuleType
from typing import Any

DISTRIBUTIONS = {
    "IPython": "ipython",
    "ipykernel": "ipykernel",
    "jupyter_client": "jupyter-client",
    "jupyter_core": "jupyter-core",
    "nbconvert": "nbconvert",
    "nbformat": "nbformat",
    "traitlets": "traitlets",
}
"""Packages that Jupyter brings along, and what each is installed by."""
_FINDS = ("importlib", "_frozen_importlib", "pkgutil", "agi_node")
_asked: dict[str, dict[str, None]] = {}
"""By package that asked, those of Jupyter's that it did not find. A library asks once, in whichever stage is first."""


class _Last:
    """Comes after all that find modules, and finds none."""

    def find_spec(self, fullname: str, path: Any = None, target: ModuleType | None = None) -> None:
        """Take it that nobody found a module."""
        if fullname in DISTRIBUTIONS:
            _asked.setdefault(_asker(), {})[fullname] = None


def notice() -> None:
    """From now on it is noticed, in this process, who looks for a package of Jupyter's that is not there."""
    if not any(isinstance(one, _Last) for one in sys.meta_path):
        sys.meta_path.append(_Last())


def lack_behind(error: BaseException) -> tuple[str, str] | None:
    """Who did not find what, that an error may come of: the package that asked, and Jupyter's; None where none is seen.

    Either the error went through code of that package, or is about it; and it names what is missing, or is of the kind
    that comes of using what is not there. An error that says itself that the module is not there needs no more words.
    """
    if isinstance(error, ModuleNotFoundError) and _top(error.name) in DISTRIBUTIONS:
        return None
    for asker in dict.fromkeys(_concerned(error)):
        for name in _asked.get(asker, ()):
            if name not in sys.modules and (_is_of_a_lack(error) or name.lower() in str(error).lower()):
                return asker, name
    return None


def _is_of_a_lack(error: BaseException) -> bool:
    """Whether an error is of the kind that comes of using what is not there, or of None in its place."""
    of_a_module = isinstance(error, AttributeError) and isinstance(error.obj, ModuleType)
    return of_a_module or isinstance(error, (ImportError, NameError)) or "'NoneType'" in str(error)


def _concerned(error: BaseException) -> Iterator[str]:
    """The packages that an error is about, then those whose code it went through, the innermost first."""
    if isinstance(error, ImportError):
        yield _top(error.name)
    if isinstance(error, AttributeError) and isinstance(error.obj, ModuleType):
        yield _top(error.obj.__name__)
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    yield from (_top(frame.f_globals.get("__name__")) for frame in reversed(frames))


def _asker() -> str:
    frame = sys._getframe(2)
    while frame.f_back is not None and _top(frame.f_globals.get("__name__")) in _FINDS:
        frame = frame.f_back
    return _top(frame.f_globals.get("__name__"))


def _top(module: object) -> str:
    return str(module or "").partition(".")[0]
