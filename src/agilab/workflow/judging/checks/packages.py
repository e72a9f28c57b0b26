"""The packages that stages run with: a lock, pydantic in it, and what the code imports; by reading alone."""

from __future__ import annotations

import ast
import platform
import re
import shlex
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from agilab.contracts.lab_stages import Stage
from agilab.workflow.judging.checks.case import Case
from agilab.workflow.judging.findings import Finding, Location
from agilab.workflow.judging.names import lines_of, parse, place_of


def locks(case: Case) -> Iterator[Finding]:
    """Projects whose environment cannot be made: not locked, or without what every environment needs."""
    told: set[Path] = set()
    for name, one in case.resolved.stages.items():
        for env in {"", one.stage.env if one.stage.app is None else ""}:
            project = (case.folder / env).resolve()
            if project in told or not (project / "pyproject.toml").is_file():
                continue
            told.add(project)
            at = case.place(name, "env") if env else case.place(name)
            what = f"{name} has no environment to run in" if env else "the lab has no environment to run in"
            where = f" --project {env}" if env else ""
            if not (project / "uv.lock").is_file():
                yield case.finding(
                    "034", at, name, what, f"no uv.lock in {env or 'the folder'}", f"uv lock{where}"
                )
            elif (held := _held_by(project)) is not None and "pydantic" not in held:
                found = f"no pydantic among the dependencies of {env or 'the project'}"
                yield case.finding("034", at, name, what, found, f"uv add{where} pydantic")


def imports(case: Case) -> Iterator[Finding]:
    """Imports of packages that the locked environment of a stage does not have."""
    for name, one in case.resolved.stages.items():
        stage = one.stage
        project = case.folder / stage.env
        if stage.app is not None or stage.kind != "python" or not (project / "pyproject.toml").is_file():
            continue
        held = _held_by(project.resolve())
        if held is None:
            continue
        told: set[str] = set()
        for module, at in _imported(case, stage):
            package = _lacking(module, held, case.folder, project)
            if package is not None and package not in told:
                told.add(package)
                env = f" --project {stage.env}" if stage.env else ""
                what = f"{name} imports {module.partition('.')[0]}, which its environment does not have"
                yield case.finding("059", at, name, what, module, f"uv add{env} {package}")


def other_python(case: Case, stage: Stage) -> str:
    """What the project of a stage asks of its Python, where that cannot be the one that this runs on; else empty."""
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        text = (case.folder / stage.env / "pyproject.toml").read_text(encoding="utf-8")
        asked = str(tomllib.loads(text)["project"]["requires-python"])
        here = SpecifierSet(asked).contains(platform.python_version(), prereleases=True)
    except (OSError, ValueError, KeyError, TypeError, InvalidSpecifier):
        return ""
    return "" if here else asked


def _imported(case: Case, stage: Stage) -> Iterator[tuple[str, Location]]:
    """What a stage imports whenever it runs, and where it says so."""
    text = case.text_of(stage)
    lines = lines_of(text or "")
    for node in _top(text):
        for module in _modules(node):
            place = place_of(node, lines)
            yield module, case.code_place(stage, place.line, place.column)
    for other, words in stage.uses.items():
        taken = case.taken(other, words)
        for node in _top(taken.text if taken else None):
            yield from ((module, case.place(stage.id, "uses", other)) for module in _modules(node))


def _top(text: str | None) -> list[ast.stmt]:
    """Statements that run in any case: within `try` or `if` an import may be meant to fail."""
    try:
        return parse(text).body if text is not None else []
    except SyntaxError:
        return []


def _modules(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    if isinstance(node, ast.ImportFrom) and node.module and not node.level:
        return [node.module]
    return []


def _lacking(module: str, held: frozenset[str], folder: Path, project: Path) -> str | None:
    """The package that a module is of, as a word of a command, if it is known and the environment does not have it."""
    from agilab.notebooks.code.distributions import asked_for, distribution_of, standard

    top = module.partition(".")[0]
    if standard(module) or top == "agi_node" or _is_own(top, folder) or _is_own(top, project):
        return None
    package, known = distribution_of(module)
    if known == "assumed" or held & {_normal(package), _normal(top)}:
        return None
    # `opencv-python-headless` has cv2, too: a package that goes by a longer name may be meant.
    if any(name.startswith((f"{_normal(package)}-", f"{_normal(top)}-")) for name in held):
        return None
    return shlex.quote(asked_for(module))


def _is_own(top: str, folder: Path) -> bool:
    """Whether a module lies in the folder of the lab or of the project."""
    return any((root / top).is_dir() or (root / f"{top}.py").is_file() for root in (folder, folder / "src"))


def _held_by(project: Path) -> frozenset[str] | None:
    """The packages in the lock of a project that an installation of it may have; None where that cannot be told."""
    try:
        stat = (project / "uv.lock").stat()
    except OSError:
        return None
    return _held(project / "uv.lock", stat.st_mtime_ns, stat.st_size)


@cache
def _held(lock: Path, mtime: int, size: int) -> frozenset[str] | None:
    """By name; whatever a condition or an extra decides counts as there."""
    try:
        packages = tomllib.loads(lock.read_text(encoding="utf-8")).get("package", [])
        needs: dict[str, set[str]] = {}
        waiting: list[str] = []
        for package in packages:
            name = _normal(package["name"])
            if any((package.get("source") or {}).get(key) == "." for key in ("editable", "virtual")):
                waiting.append(name)
            optional = package.get("optional-dependencies", {}).values()
            listed = [*package.get("dependencies", ()), *(need for group in optional for need in group)]
            needs.setdefault(name, set()).update(_normal(need["name"]) for need in listed)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    if not waiting:
        return None
    found = set(waiting)
    while waiting:
        new = needs.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return frozenset(found)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()
