"""A process for one stage after another: what one does to folder, environment variables, import path, seeds, figures,
loggers, settings and the lab's own modules the next one does not see.

A change violates this when a stage's result can depend on which worker it ran in, or on what ran there before.
"""

from __future__ import annotations

import contextlib
import logging
import os
import random
import sys
import types
import warnings
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

from agi_node.figures import draw_into_files
from agi_node.own_state import is_installed
from agi_node.settings import put_back

BACKEND = "module://agi_node.shown"
STYLE = "matplotlibrc"
"""How Matplotlib draws, where such a file lies in the folder."""
_own: list[str] = []

Settings = Mapping[str, tuple[list[logging.Handler], int, bool, bool]]
"""By logger: who writes its lines down, from which level, whether its parent does too, and whether it is silent."""


def fresh_below(folder: Path) -> None:
    """Modules that lie below this folder, the lab's own, are another one's in each stage from now on."""
    place = f"{folder}{os.sep}"
    if place not in _own:
        _own.append(place)


def own_places() -> list[Path]:
    """The folders below which the lab's own modules lie, whatever stage it is."""
    return [Path(place) for place in _own]


@contextlib.contextmanager
def apart(work: Path, place: Path | None = None) -> Iterator[types.ModuleType]:
    """A fresh `__main__` in a folder of its own, or at a `place` below it; afterwards the process is as it was."""
    place = place or work
    module = types.ModuleType("__main__")
    module.__dict__["__builtins__"] = __builtins__
    before = os.getcwd()
    environ, path, main = dict(os.environ), list(sys.path), sys.modules.get("__main__")
    words = list(sys.argv)
    drawn = "matplotlib" in sys.modules
    loggers = _loggers()
    _forget_modules(_own)
    draw_into_files(BACKEND)
    _same_backend()
    _own_style(place)
    _new_seeds()
    os.chdir(place)
    # A module that the code writes or is given lies beside it, as beside a script.
    sys.path[:0] = map(str, _places_of_modules(work, place))
    sys.modules["__main__"] = module
    try:
        with put_back(), warnings.catch_warnings():
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
        _forget_modules([*_own, f"{work}{os.sep}"])
        _forget_classes()
        _forget_finders(work)
        _forget_handlers(loggers)
        _forget_figures()
        _forget_style(read=not drawn and (place / STYLE).is_file())


def _places_of_modules(work: Path, place: Path) -> list[Path]:
    """Where a stage's own modules lie, before any others: beside its code, and where those of a project do."""
    project = [one for one in (work / "src", work) if one.is_dir()]
    return list(dict.fromkeys([place, *project]))


def _new_seeds() -> None:
    """Another stage's seed must not make this one's numbers look reproducible."""
    random.seed()
    numpy = sys.modules.get("numpy")
    if numpy is not None and "numpy.random" in sys.modules:
        numpy.random.seed(None)


def _forget_modules(folders: Collection[str]) -> None:
    """Another stage has other files, and what a module keeps is for the stage that filled it: each gets a fresh one."""
    inside = tuple(folders)
    if not inside:
        return
    # All places first: a package without a file asks its parent, which may be one of them, for its own.
    places = {name: _place_of(module) for name, module in list(sys.modules.items())}
    for name, place in places.items():
        if place.startswith(inside) and not is_installed(place):
            del sys.modules[name]


def _place_of(module: types.ModuleType) -> str:
    return str(getattr(module, "__file__", None) or next(iter(getattr(module, "__path__", ())), None))


def _forget_finders(work: Path) -> None:
    """What lies where modules are looked for is another thing in another folder, for relative paths too."""
    for place in list(sys.path_importer_cache):
        if place == str(work) or place.startswith(f"{work}{os.sep}") or not os.path.isabs(place):
            del sys.path_importer_cache[place]


def _forget_classes() -> None:
    """cloudpickle gives a class of `__main__` again that it has made before, with the bases and the values that it had.

    Within a stage that makes two values of one class; the next stage has its own.
    """
    cloudpickle = sys.modules.get("cloudpickle.cloudpickle")
    for name in ("_DYNAMIC_CLASS_TRACKER_BY_CLASS", "_DYNAMIC_CLASS_TRACKER_BY_ID"):
        getattr(cloudpickle, name, {}).clear()


def _loggers() -> Settings:
    """All but those of installed modules, which stay and are imported once."""
    every = [logging.root, *logging.root.manager.loggerDict.values()]
    return {
        one.name: (list(one.handlers), one.level, one.propagate, one.disabled)
        for one in every
        if isinstance(one, logging.Logger)
        and (one.name.startswith("__main__") or one.name.partition(".")[0] not in sys.modules)
    }


def _forget_handlers(before: Settings) -> None:
    """A module that is imported anew adds its handler anew, and each line would be written once more."""
    for name in _loggers():
        logger = logging.getLogger(None if name == "root" else name)
        handlers, level, propagate, disabled = before.get(name, ([], logging.NOTSET, True, False))
        for handler in [one for one in logger.handlers if one not in handlers]:
            logger.removeHandler(handler)
            if isinstance(handler, logging.FileHandler):
                handler.close()
        for handler in [one for one in handlers if one not in logger.handlers]:
            logger.addHandler(handler)
        if logger.level != level:
            logger.setLevel(level)
        logger.propagate, logger.disabled = propagate, disabled


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
