"""A value asked for what it shows, once, by its hooks in the order in which Jupyter's kernel asks for them.

As there, a hook that fails is told on standard error, and the others are asked all the same. Objects may change while
they are asked (a report that adds up when it is shown): so the classes that people write themselves are asked in every
run of a stage, those of libraries only where it is compared with a notebook.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Callable, Collection
from itertools import islice
from pathlib import Path
from typing import Any

PLAIN, HTML = "text/plain", "text/html"
BUNDLE = "_repr_mimebundle_"
_Kinds = tuple[type, ...]
FORMS: dict[str, tuple[str, _Kinds]] = {
    HTML: ("_repr_html_", (str,)),
    "text/markdown": ("_repr_markdown_", (str,)),
    "image/svg+xml": ("_repr_svg_", (str,)),
    "image/png": ("_repr_png_", (bytes, str)),
    "application/pdf": ("_repr_pdf_", (bytes, str)),
    "image/jpeg": ("_repr_jpeg_", (bytes, str)),
    "text/latex": ("_repr_latex_", (str,)),
    "application/json": ("_repr_json_", (list, dict, str)),
    "application/javascript": ("_repr_javascript_", (str,)),
}
"""Hooks by media type, in Jupyter's order, and what each may say (`IPython.core.formatters`)."""
_LIBRARIES = (os.path.dirname(os.__file__), os.path.dirname(os.path.realpath(os.__file__)))
MOST = 500
"""Items of a container that are looked at."""
Data = dict[str, Any]
Media = Collection[str] | None


def asked(value: Any, include: Media = None, exclude: Media = None) -> Data:
    """What a value shows by media type, of those that are wanted; without `text/plain` where its `repr` fails."""
    bundle = bundle_of(value, include, exclude).items()
    found = {media: one for media, one in bundle if is_wanted(media, include, exclude)}
    rest = [media for media in (PLAIN, *FORMS) if media not in found and is_wanted(media, include, exclude)]
    for media in rest:
        form = _told(value, lambda: repr(value)) if media == PLAIN else form_of(value, media)
        if form is not None:
            found[media] = form
    return found


def bundle_of(value: Any, include: Media = None, exclude: Media = None) -> Data:
    """What `_repr_mimebundle_` says."""
    method = hook(value, BUNDLE)
    said = _told(value, lambda: method(include=include, exclude=exclude)) if method else None
    said = said[0] if isinstance(said, tuple) and said else said
    return {str(media): one for media, one in said.items()} if isinstance(said, dict) else {}


def form_of(value: Any, media: str) -> Any:
    """What the hook of one media type says; None for nothing, and for what it may not say."""
    name, kinds = FORMS[media]
    method = hook(value, name)
    said = _told(value, method) if method else None
    said = said[0] if isinstance(said, tuple) and len(said) == 2 else said
    return said if isinstance(said, kinds) else None


def hook(value: Any, name: str) -> Callable[..., Any] | None:
    """A method that Jupyter would call; None for that of a class itself, and of what claims to have everything."""
    try:
        if (
            isinstance(value, type)
            or getattr(value, "_ipython_canary_method_should_not_exist_", None) is not None
        ):
            return None
        found = getattr(value, name, None)
    except Exception:  # the author's code is the author's
        return None
    return found if callable(found) else None


def _told(value: Any, ask: Callable[[], Any]) -> Any:
    """What somebody's code says; None where it says that it has nothing, or fails."""
    try:
        return ask()
    except NotImplementedError:  # how a hook says that it has nothing
        return None
    except Exception:  # the author's code is the author's
        print(f"while a {type(value).__qualname__} is shown:", file=sys.stderr)
        traceback.print_exc()
        return None


def is_wanted(media: str, include: Media = None, exclude: Media = None) -> bool:
    """Whether `display(value, include=…, exclude=…)` asks for a media type."""
    return (not include or media in include) and not (exclude and media in exclude)


def is_own(value: Any) -> bool:
    """Whether a class of a value is the author's: of the code that runs, or of a module that nobody installed.

    Of Python's own containers also that of something in them, whose text is part of theirs.
    """
    kinds = {type(value)}
    if type(value) in (list, tuple, set, frozenset, dict):
        kinds.update(map(type, islice(value, MOST)))
    if type(value) is dict:
        kinds.update(map(type, islice(value.values(), MOST)))
    return any(is_own_module(one.__module__) for kind in kinds for one in kind.__mro__)


def is_own_module(module: object) -> bool:
    """Whether a module of this name is the author's: the code that runs, or one that nobody installed."""
    if module == "__main__":
        return True
    if str(module).partition(".")[0] in ("builtins", "agi_node"):
        return False
    file = getattr(sys.modules.get(str(module)), "__file__", None)
    if not isinstance(file, str) or file.startswith(_LIBRARIES):
        return False
    return not {"site-packages", "dist-packages"} & {*Path(file).parts}
