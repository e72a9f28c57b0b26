"""Notebooks that are imported as modules: `import import_ipynb`, and then `datapoint` is `datapoint.ipynb`.

Such a package puts something behind all else that looks for modules: what is installed, or lies there as a `.py`, comes
first. It looks into the folder that the code is in, where a stage has the notebook only as one of its inputs.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from agilab.notebooks.python.parsing import parse_notebook
from agilab.notebooks.reading import read

WHOLE = "import_ipynb"
"""The one of them that runs whole notebooks, with what IPython makes of magics."""
HOOKS = (WHOLE, "nbimporter")
"""Packages after whose import notebooks are modules."""
_SPACES = ("ipynb.fs.full.", "ipynb.fs.defs.")
"""What the full names of notebooks begin with as modules of the package ipynb."""


def imports_notebooks(names: Iterable[str]) -> bool:
    """Whether one of these full names of what is imported is of a package after which notebooks are modules."""
    return any(name.partition(".")[0] in HOOKS for name in names)


def is_named_by_package(module: str) -> bool:
    """Whether a full name says by itself that the module is a notebook.

    >>> is_named_by_package("ipynb.fs.full.tools"), is_named_by_package("tools")
    (True, False)
    """
    return module.startswith(_SPACES)


def notebook_of(module: str, folder: Path) -> str:
    """The notebook that a module is, from the folder in which it lies; empty where there is none."""
    space = next((one for one in _SPACES if module.startswith(one)), "")
    path = module.removeprefix(space).replace(".", "/")
    if not space and "/" in path:
        return ""
    for name in (f"{path}.ipynb", f"{path.replace('_', ' ')}.ipynb"):
        try:
            if (folder / name).is_file():
                return name
        except (OSError, ValueError):
            return ""
    return ""


def magic_of(file: Path) -> str:
    """What a notebook asks of IPython first, as it stands there (`%matplotlib`, `!`); empty where it asks nothing."""
    magics = (magic for one in parse_notebook(read(file)).cells for magic in one.magics)
    first = next((one for one in magics if one.name != ">>>"), None)
    if first is None:
        return ""
    return first.name if not first.name[:1].isalpha() else f"{'%%' if first.whole_cell else '%'}{first.name}"


def text_of_notebook(file: Path) -> str:
    """The cells of a notebook as the text of one module; those that are no Python are not in it."""
    return "\n".join(one.python for one in parse_notebook(read(file)).cells if one.tree is not None)
