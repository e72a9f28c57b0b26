"""What lies in an app's folder: its project, words for people, lock, saved arguments, the picture of its steps."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from agi_node.errors import AgiError
from agilab.contracts.app_settings import AppSettings
from agilab.contracts.base import read_document
from agilab.projects.check_case import Case, Nothing, Wrong
from agilab.projects.pipeline_view import read_view
from agilab.projects.tasks import app_graph

_LINK = re.compile(r"!?\[[^\]]*\]\(\s*<?([^)\s>]+)|<img\b[^>]*\bsrc=[\"']([^\"']+)")
_STEPS = ("plan", "work", "reduce", "publish")
_CARD = {
    "its source": re.compile(r"\bsource|\borigin", re.I),
    "its licence": re.compile(r"\blicen[cs]e", re.I),
    "units": re.compile(r"\bunits?\b", re.I),
}
"""What a data card must say, and the word by which one sees that it does."""


def project(case: Case) -> str:
    """It names its app, and says what it is and which Python it needs."""
    app = case.app
    if app.reference is None:
        raise Wrong("pyproject.toml has no [tool.agilab] app", 'add app = "module:object" to [tool.agilab]')
    table = tomllib.loads((app.folder / "pyproject.toml").read_text(encoding="utf-8")).get("project", {})
    missing = [name for name in ("name", "version", "description", "requires-python") if not table.get(name)]
    if missing:
        raise Wrong(
            f"[project] of pyproject.toml lacks {', '.join(missing)}",
            f"add {missing[0]} to {app.name}/pyproject.toml",
        )
    return f"{app.reference}, version {table['version']}, Python {table['requires-python']}"


def readme(case: Case) -> str:
    """A README with a command to copy, whose links lead somewhere."""
    path = case.app.folder / "README.md"
    text = _text(path, f"write {case.app.name}/README.md: what it does, how to run it, what comes out")
    if not re.search(r"\bagilab (run|app)\b", text):
        raise Wrong("README.md has no command to copy", f"add `agilab run {case.app.name}` to it")
    links = [a or b for a, b in _LINK.findall(text)]
    local = [link.partition("#")[0] for link in links if not re.match(r"[a-z][a-z0-9+.-]*:|#|//", link)]
    gone = sorted({link for link in local if not (case.app.folder / link).exists()})
    if gone:
        raise Wrong(
            f"README.md leads to {', '.join(gone)}, which is not there", "mend the link, or add the file"
        )
    pictures = sum(link.endswith((".png", ".svg", ".jpg")) for link in local)
    return f"{len(text.splitlines())} lines, {len(local)} local links, {pictures} of them pictures"


def data_card(case: Case) -> str:
    """Data without a word on where they come from are of no use to a stranger."""
    folder = case.app.folder / "data"
    files = [path for path in folder.rglob("*") if path.is_file()] if folder.is_dir() else []
    if not [path for path in files if path.name != "README.md"]:
        raise Nothing("it brings no data")
    text = _text(
        folder / "README.md", f"write {case.app.name}/data/README.md: source, licence, units, changes"
    )
    missing = [what for what, words in _CARD.items() if not words.search(text)]
    if missing:
        raise Wrong(f"data/README.md does not say {', '.join(missing)}", "say it there")
    return f"{len(files) - 1} files, with source, licence and units"


def lock(case: Case) -> str:
    """`uv.lock` answers `pyproject.toml` as it is now; nothing that is remembered counts."""
    from agilab.envs import Uv
    from agilab.envs.interpreter import choose
    from agilab.envs.locked import check_fresh, read_project, read_sources

    sources = read_sources(case.app.folder)
    name, requires_python = read_project(sources)
    interpreter = choose(requires_python, case.workspace.home, name)
    check_fresh(Uv.found(), sources, interpreter, name=name, offline=case.offline)
    packages = tomllib.loads((case.app.folder / "uv.lock").read_text(encoding="utf-8")).get("package", [])
    return f"uv.lock answers pyproject.toml; {len(packages) - 1} packages besides its own"


def settings(case: Case) -> str:
    """Every saved argument exists and may have its value, alone and beside the others; the sample's follow from it."""
    from agilab.projects.judged import judge
    from agilab.projects.prepare import arguments
    from agilab.store.store import Store

    there = case.app.settings.is_file()
    saved = read_document(case.app.settings, AppSettings).args if there else {}
    prepared = case.installed()
    with Store(case.workspace) as store:
        args = arguments(prepared, store, {}, case.faces.note)
    try:
        judge(prepared, args)
    except AgiError as error:
        mend = f"edit {case.app.name}/app_settings.toml, or the app's defaults"
        raise AgiError.from_plain(error.to_plain() | {"try": error.try_ or mend}) from None
    case.args = args
    if not there:
        raise Nothing("it has no app_settings.toml, so the defaults count")
    own = prepared.description["args_schema"].get("properties", {})
    return f"{len(saved)} of {len(own)} arguments are saved; all exist, and the app takes them"


def view(case: Case) -> str:
    """`pipeline_view.dot` shows the steps or nodes that the app has, and how they follow each other."""
    prepared = case.installed()
    path = case.app.folder / "pipeline_view.dot"
    way = ", ".join(prepared.nodes) if prepared.has_nodes else " -> ".join(prepared.nodes)
    text = _text(path, f"draw {way} in {case.app.name}/pipeline_view.dot")
    shown = read_view(text, f"{case.app.name}/pipeline_view.dot")
    graph = app_graph(str(case.app.reference), prepared.described, {}, prepared.environment.fingerprint)
    edges = {(need, node.name) for node in graph.nodes for need in node.needs}
    names = [node.name for node in graph.nodes]
    drawn = shown.among({*_STEPS, *names})
    problems = [f"{name} is not in the picture" for name in names if name not in shown.nodes]
    problems += [
        f"it shows {name}, which the app has not"
        for name in _STEPS
        if name in shown.nodes and name not in names
    ]
    problems += [f"{a} -> {b} is not in the picture" for a, b in sorted(edges - drawn)]
    problems += [f"it shows {a} -> {b}, which is not so" for a, b in sorted(drawn - edges)]
    if problems:
        raise Wrong("; ".join(problems[:4]), f"edit {case.app.name}/pipeline_view.dot")
    told = f"{len(names)} nodes and {len(edges)} edges" if prepared.has_nodes else " -> ".join(names)
    return f"{told}, as the app says of itself"


def _text(path: Path, mend: str) -> str:
    where = f"{path.parent.name}/{path.name}" if path.parent.name == "data" else path.name
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise Wrong(f"there is no {where}", mend) from None
    except (OSError, UnicodeDecodeError) as problem:
        raise Wrong(f"{where} cannot be read: {problem}", mend) from None
    if not text.strip():
        raise Wrong(f"{where} is empty", mend)
    return text
