"""What an app is called: one NAME, and the folder, the project and the module that follow from it."""

from __future__ import annotations

import keyword
import re
import sys
import tomllib
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.projects.arguments import plain_letters
from agilab.projects.discover import AppProject

SUFFIX = "_project"
LONGEST = 32
"""With its suffix a name still fits into a run id, which has room for forty letters of it."""
_NAME = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_OURS = frozenset({"agi_node", "agilab", "data", "src", "test", "tests"})


@dataclass(frozen=True)
class Names:
    """How an app is called in its three places.

    Attributes:
        module: What its `App` is imported from; None for an app without code of its own.

    >>> Names.new("tide_gauge")
    Names(folder='tide_gauge_project', project='tide-gauge-project', module='tide_gauge')
    """

    folder: str
    project: str
    module: str | None

    @classmethod
    def new(cls, base: str) -> Names:
        """The names of a new app."""
        return cls(f"{base}{SUFFIX}", f"{base.replace('_', '-')}-project", base)

    @property
    def base(self) -> str:
        """What people type: the folder's name without `_project`.

        >>> Names("tides_project", "tides-project", "tides").base
        'tides'
        """
        return self.folder.removesuffix(SUFFIX)

    def renamed(self, base: str) -> Names:
        """The same names for another base: with a suffix where these have one, so that renaming back gives these.

        >>> Names("tides", "tides", "tides").renamed("waves")
        Names(folder='waves', project='waves', module='waves')
        """
        new = Names.new(base)
        return Names(
            new.folder if self.folder.endswith(SUFFIX) else base,
            new.project if self.project.endswith("-project") else base.replace("_", "-"),
            base if self.module is not None else None,
        )


def names_of(app: AppProject) -> Names:
    """The names that an app has now, from its folder and its `pyproject.toml`."""
    project = _read(app.folder).get("project", {}).get("name") or app.name
    module = app.reference.partition(":")[0].partition(".")[0] if app.reference else ""
    return Names(app.name, str(project), module if module.isidentifier() else None)


def checked(
    text: str, *, packages: Collection[str] = (), usual: Collection[str] = (), command: str = "{}"
) -> str:
    """The base of a name that a person typed, with or without `_project`.

    `packages` are the distributions in the app's environment, whose modules a module of that name would hide; `usual`
    are those that many apps have. Raises AGI-APP-120, with `command` for a name that would do.

    >>> checked("tides_project"), checked("tides")
    ('tides', 'tides')
    """
    base = text.removesuffix(SUFFIX)
    why = _why_not(base, packages, usual)
    if why is None:
        return base
    better = suggestion(text, {*packages, *usual})
    raise AgiError(
        "AGI-APP-120",
        f"an app cannot have this name: {why}",
        found=f"{text!r:.80}",
        allowed=f"lower-case letters, digits and single _, a letter first, at most {LONGEST}",
        try_=command.format(better),
    )


def is_name(base: str) -> bool:
    """Whether an app may have this name, whatever packages it needs."""
    return _why_not(base, ()) is None


def suggestion(text: str, packages: Collection[str] = ()) -> str:
    """A name that would do, as near to `text` as can be.

    >>> suggestion("Île-de-France 2026"), suggestion("3D flow"), suggestion("json"), suggestion("☂")
    ('ile_de_france_2026', 'app_3d_flow', 'json_app', 'my_app')
    """
    plain = plain_letters(text).lower()
    base = re.sub(r"[^a-z0-9]+", "_", plain).strip("_").removesuffix(SUFFIX)
    if base and not base[0].isalpha():
        base = f"app_{base}"
    base = base[:LONGEST].strip("_") or "my_app"
    return base if _why_not(base, packages) is None else f"{base[: LONGEST - 4].strip('_')}_app"


def _why_not(base: str, packages: Collection[str], usual: Collection[str] = ()) -> str | None:
    if not _NAME.fullmatch(base):
        return "its module could not be imported by it, or not on every system"
    if len(base) > LONGEST:
        return f"it is longer than {LONGEST} letters"
    if keyword.iskeyword(base) or keyword.issoftkeyword(base):
        return "it is a word of Python"
    if base in sys.stdlib_module_names:
        return "its module would hide one of Python's own"
    if base in _OURS:
        return "it has a meaning of its own here"
    if base in _modules(packages):
        return f"its module would hide the package {base}, which the app needs"
    if base in _modules(usual):
        return f"its module would hide the package {base} as soon as the app needs that"
    return None


_IMPORTED_AS = {
    "pillow": "pil",
    "python_dateutil": "dateutil",
    "pyyaml": "yaml",
    "scikit_learn": "sklearn",
}
"""Modules that are not called as their distribution."""


def _modules(packages: Collection[str]) -> set[str]:
    plain = {re.sub(r"[-_.]+", "_", package).lower() for package in packages}
    return plain | {_IMPORTED_AS[name] for name in plain & _IMPORTED_AS.keys()}


def locked_packages(folder: Path, *, local: bool = True) -> frozenset[str]:
    """The distributions that an app's lock names, without the app itself; none where it has no lock.

    With `local` those of a folder count too.
    """
    try:
        lock = tomllib.loads((folder / "uv.lock").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return frozenset()
    own = _read(folder).get("project", {}).get("name")
    return frozenset(
        str(one.get("name"))
        for one in lock.get("package", ())
        if one.get("name") != own and (local or "registry" in one.get("source", {}))
    )


def _read(folder: Path) -> dict[str, Any]:
    # Only called for a folder that `read_app` took, so its text is TOML.
    return tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
