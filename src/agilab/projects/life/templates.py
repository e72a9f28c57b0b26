"""Templates: normal projects that say which words are their name. `templates/README.md` has the rule."""

from __future__ import annotations

import difflib
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.errors import AgiError
from agilab.projects.discover import AppProject, read_app
from agilab.projects.life.names import SUFFIX, Names, locked_packages

TEMPLATES = Path(__file__).parents[2] / "templates"
DEFAULT = "mycode"


@dataclass(frozen=True)
class Template:
    """A project to begin with.

    Attributes:
        name: By which people call it: the folder's name without `_project`.
        about: For whom it is, in one line.
        names: The words that stand for the new app's own.
    """

    name: str
    about: str
    app: AppProject
    names: Names


def list_templates(folder: Path = TEMPLATES) -> list[Template]:
    """The templates of this AGILab, the default first."""
    found = [
        template
        for place in sorted(folder.glob("*/pyproject.toml"))
        if (template := read_template(place.parent))
    ]
    return sorted(found, key=lambda template: (template.name != DEFAULT, template.name))


def usual_packages() -> frozenset[str]:
    """What the templates need from the package index: the libraries that an app here is likely to want one day."""
    found: set[str] = set()
    for template in list_templates():
        found |= locked_packages(template.app.folder, local=False)
    return frozenset(found)


def find_template(name: str) -> Template:
    """The template of this name. Raises AGI-APP-122 with the nearest one where there is none."""
    known = {template.name: template for template in list_templates()}
    found = known.get(name.removesuffix(SUFFIX))
    if found is not None:
        return found
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    raise AgiError(
        "AGI-APP-122",
        "there is no such template",
        found=name[:80],
        allowed=", ".join(known),
        try_=f"agilab app new NAME --template {close[0]}" if close else "agilab app new --list",
    )


def read_template(folder: Path) -> Template | None:
    """The template in a folder; None where that is no app, or one that names no words."""
    try:
        app = read_app(folder)
        project = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    except AgiError:
        return None
    table: Any = project.get("tool", {}).get("agilab", {}).get("template")
    if not isinstance(table, dict) or not {"folder", "project", "module"} <= table.keys():
        return None
    names = Names(str(table["folder"]), str(table["project"]), str(table["module"]))
    return Template(folder.name.removesuffix(SUFFIX), str(table.get("about", app.description)), app, names)
