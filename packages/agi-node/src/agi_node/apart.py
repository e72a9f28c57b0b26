"""A process for one stage after another: what one does to folder, environment variables, import path, seeds and
figures the next one does not see.

A change violates this when a stage's result can depend on which worker it ran in, or on what ran there before.
"""

from __future__ import annotations

import contextlib
import os
import random
import sys
import types
import warnings
from collections.abc import Iterator
from pathlib import Path

from agi_node.figures import draw_into_files

BACKEND = "module://agi_node.shown"
STYLE = "matplotlibrc"
"""How Matplotlib draws, where such a file lies in the folder."""


@contextlib.contextmanager
def apart(work: Path) -> Iterator[types.ModuleType]:
    """A fresh `__main__` in a folder of its own; afterwards the process is as it was."""
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    before = os.getcwd()
    environ, path, main = dict(os.environ), list(sys.path), sys.modules.get("__main__")
    words = list(sys.argv)
    drawn = "matplotlib" in sys.modules
    draw_into_files(BACKEND)
    _same_backend()
    _own_style(work)
    _new_seeds()
    os.chdir(work)
    # A module that the code writes or is given lies beside it, as beside a script.
    sys.path.insert(0, str(work))
    sys.modules["__main__"] = module
    try:
        with warnings.catch_warnings():
            yield module
    finally:
        os.chdir(before)
        if main is not None:
            sys.modules["__main__"] = main
        if dict(os.environ) != environ:
            os.environ.clear()
            os.environ.update(environ)
        sys.path[:] = path
        sys.argv = words
        _forget_modules(work)
        _forget_figures()
        _forget_style(read=not drawn and (work / STYLE).is_file())


def _new_seeds() -> None:
    """Another stage's seed must not make this one's numbers look reproducible."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None and "numpy.random" in sys.modules:
        numpy.random.seed(None)


def _forget_modules(work: Path) -> None:
    """Another stage has other files: a module of this one's folder must not be there for it."""
    inside = f"{work}{os.sep}"
    for name, module in list(sys.modules.items()):
        places = [getattr(module, "__file__", None), *getattr(module, "__path__", ())]
        if any(str(place).startswith(inside) for place in places if place):
            del sys.modules[name]
    for place in list(sys.path_importer_cache):
        if place == str(work) or place.startswith(inside):
            del sys.path_importer_cache[place]


def _same_backend() -> None:
    """Matplotlib looks at the variable only when it is first imported; a stage before may have asked for another."""
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None and "matplotlib.pyplot" in sys.modules:
        matplotlib.use(os.environ["MPLBACKEND"])


def _forget_figures() -> None:
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is not None:
        pyplot.close("all")


def _own_style(work: Path) -> None:
    """Matplotlib looks into its folder only when it is first imported; a stage may be given a file for it."""
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None and (work / STYLE).is_file():
        matplotlib.rc_file(work / STYLE)


def _forget_style(*, read: bool) -> None:
    """Back to what a person's own file says; `read`: Matplotlib was first imported where a stage's own lay."""
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        if read:
            matplotlib.rcParamsOrig.update(matplotlib.rc_params())
        matplotlib.rcdefaults()
        matplotlib.rc_file_defaults()
