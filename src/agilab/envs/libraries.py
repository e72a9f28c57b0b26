"""Local libraries: projects on this disk that an app depends on, by path or as members of its workspace.

Such a library is source like the app's own: what it needs of an index stands in the app's lock and is in the
environment, the library itself is not, so that environments stay shareable and an edit is seen by the next run. That
works for pure Python whose modules can be told from its `pyproject.toml` and its folders; anything else is refused
with AGI-ENV-012, by name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agi_node.canonical import digest, sha256_bytes
from agi_node.errors import ENVIRONMENT, AgiError
from agilab.envs.installed import normalised

_DECIDE = ("pyproject.toml", "setup.py", "setup.cfg")
"""Files that say what a project needs, and how it is built."""

_PURE = frozenset({
    "uv_build", "hatchling.build", "setuptools.build_meta", "setuptools.build_meta:__legacy__",
    "flit_core.buildapi", "poetry.core.masonry.api", "pdm.backend",
})  # fmt: skip
"""Build backends that make pure wheels unless something of `_COMPILES` joins them."""

_COMPILES = frozenset({
    "cffi", "cmake", "cython", "hatch-cython", "hatch-mypyc", "mypy", "nanobind", "ninja", "numpy", "pybind11",
    "scikit-build", "setuptools-rust", "ziglang",
})  # fmt: skip
_COMPILED = (".pyx", ".c", ".cc", ".cpp", ".rs", ".f90", ".so", ".pyd", ".dll", ".dylib")


@dataclass(frozen=True)
class LockedLibrary:
    """A local library as the lock has it.

    Attributes:
        name: Normalised name of the project.
        path: Its folder as the lock says it: absolute, or relative to the app's.
        needs: Names of what it depends on.
        version: The locked one, "" where the project leaves it to its backend.
        requires: Its dependencies when the lock was made, (name, specifier).
    """

    name: str
    path: str
    needs: tuple[str, ...] = ()
    version: str = ""
    requires: frozenset[tuple[str, str]] = frozenset()


@dataclass(frozen=True)
class Library:
    """A library whose source is taken in.

    Attributes:
        name: Of its project, as its `pyproject.toml` writes it.
        folder: Where it lies.
        root: The folder that its modules are imported from.
        modules: Names of the files and folders in `root` that are its modules; empty where all are.
    """

    name: str
    folder: Path
    root: Path
    modules: tuple[str, ...] = ()


def locked_libraries(lock: str, own: str) -> tuple[LockedLibrary, ...]:
    """The local libraries in the text of a `uv.lock`, without the app itself, which is called `own`.

    There are none in a text that is no lock: that is for uv to say.
    """
    import tomllib

    try:
        packages = tomllib.loads(lock).get("package", [])
        found = [
            LockedLibrary(
                normalised(package["name"]),
                str(source.get("directory") or source.get("editable")),
                tuple(normalised(need["name"]) for need in package.get("dependencies", ())),
                str(package.get("version", "")),
                frozenset(
                    (normalised(need["name"]), str(need.get("specifier", "")))
                    for need in package.get("metadata", {}).get("requires-dist", ())
                    if "extra ==" not in need.get("marker", "")
                ),
            )
            for package in packages
            if (source := package.get("source", {})).keys() & {"directory", "editable"}
        ]
    except (ValueError, AttributeError, KeyError, TypeError):
        return ()
    return tuple(one for one in found if one.name != normalised(own))


def project_digest(folder: Path) -> str:
    """Digest of the files that decide what a project needs; "" where there is no `pyproject.toml`."""
    found = {}
    for name in _DECIDE:
        try:
            found[name] = sha256_bytes((folder / name).read_bytes())
        except OSError:
            continue
    return digest(found) if "pyproject.toml" in found else ""


def refuse_unfit(app: str, folder: Path, libraries: tuple[LockedLibrary, ...]) -> None:
    """Raise AGI-ENV-012 where a library is gone, or depends on another local one (or on the app)."""
    local = {normalised(app), *(one.name for one in libraries)}
    for one in libraries:
        place = folder / one.path
        if not (place / "pyproject.toml").is_file():
            problem = "a folder without pyproject.toml" if place.is_dir() else "no such folder"
            raise _refusal(
                app,
                one.name,
                "is not where the lock has it",
                found=f"{one.path}: {problem}",
                allowed="the folder of a Python project",
                try_=f"edit [tool.uv.sources] in {folder.name}/pyproject.toml, then uv lock --project {folder}",
            )
        if inner := sorted(local.intersection(one.needs)):
            raise _refusal(
                app,
                one.name,
                "depends on a local library itself",
                found=f"{one.name} needs {', '.join(inner)}",
                allowed="libraries that need packages of an index only",
                try_=f"put what {one.name} and {inner[0]} share into one library",
            )


def stale(folder: Path, libraries: tuple[LockedLibrary, ...]) -> str:
    """Which library says something else than the lock, and what; "" where each agrees."""
    for one in libraries:
        try:
            project = _project(folder / one.path)["project"]
            now = frozenset(_requirement(text) for text in project.get("dependencies", ()))
            version = str(project.get("version", ""))
        except (ValueError, KeyError, AttributeError, TypeError, OSError):
            continue  # uv has read it, or has said why not
        before = frozenset((name, _specifier(specifier)) for name, specifier in one.requires)
        added, dropped = (_told(each) for each in (now - before, before - now))
        said = [f"needs {added} now"] if added else []
        said += [f"was locked with {dropped}"] if dropped else []
        if said:
            return f"{one.name} at {one.path} {' and '.join(said)}"
        if version and one.version and version != one.version:
            return f"{one.name} at {one.path} is {version} now, {one.version} is locked"
    return ""


def _told(needs: frozenset[tuple[str, str]]) -> str:
    return ", ".join(sorted(" ".join(filter(None, need)) for need in needs))


def read_library(app: str, folder: Path) -> Library:
    """What of a library's folder are its modules. Raises AGI-ENV-012 where it must be built, or that cannot be told."""
    try:
        project = _project(folder)
        name = str(project.get("project", {}).get("name") or folder.name)
        uv = project.get("tool", {}).get("uv", {}).get("build-backend", {})
        named = uv.get("module-name", name.replace("-", "_"))
        below = uv.get("module-root", "src")
        modules = tuple(one.partition(".")[0] for one in ([named] if isinstance(named, str) else named))
        built_by = _built_by(project, folder)
    except (OSError, ValueError, AttributeError, TypeError) as problem:
        raise _refusal(app, folder.name, "has a pyproject.toml that cannot be read", str(problem)) from None
    root = folder / below
    if root == folder or not root.is_dir():
        entries = [
            entry for module in modules for entry in (module, f"{module}.py") if (folder / entry).exists()
        ]
        library = Library(name, folder, folder, tuple(entries))
        if not entries:
            raise _refusal(
                app,
                name,
                "has no modules that could be told",
                found=f"neither src nor {' nor '.join(modules)} in {folder}",
                allowed="modules below src, or a package that is called like the project",
                try_=f"mkdir {folder / 'src'}, and move the package there",
            )
    else:
        library = Library(name, folder, root)
    if why := built_by or next(_compiled(library), ""):
        raise _refusal(
            app,
            name,
            "must be built, and a local library is imported as it is",
            found=why,
            allowed="pure Python",
            try_=f"publish {name} as a package, or make its kernel part of the app (compiled = true)",
        )
    return library


def _project(folder: Path) -> dict[str, Any]:
    import tomllib

    return tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))


def _built_by(project: Mapping[str, Any], folder: Path) -> str:
    """What of a project's own files says that more than copying makes its wheel; "" where nothing does."""
    system = project.get("build-system", {})
    backend = system.get("build-backend", "setuptools.build_meta")
    if backend not in _PURE or "backend-path" in system:
        return f"build-backend {backend}"
    for text in system.get("requires", ()):
        if (need := _requirement(text)[0]) in _COMPILES:
            return f"{need}, which its build requires"
    if project.get("tool", {}).get("setuptools", {}).get("ext-modules"):
        return "tool.setuptools.ext-modules"
    script = folder / "setup.py"
    if script.is_file() and "ext_modules" in script.read_text("utf-8", errors="replace"):
        return "ext_modules in its setup.py"
    return ""


def _compiled(library: Library) -> Iterator[str]:
    for top in library.modules or ("",):
        for at, folders, names in os.walk(library.root / top):
            folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
            for name in names:
                if name.endswith(_COMPILED):
                    yield Path(at, name).relative_to(library.folder).as_posix()


def _requirement(text: str) -> tuple[str, str]:
    """(name, specifier) of a requirement."""
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        found = Requirement(text)
    except InvalidRequirement:
        return normalised(re.split(r"[ =<>!~;\[@]", text, maxsplit=1)[0]), ""
    return normalised(found.name), str(found.specifier)


def _specifier(text: str) -> str:
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    try:
        return str(SpecifierSet(text))
    except InvalidSpecifier:
        return text


def _refusal(
    app: str, library: str, problem: str, found: str, allowed: str | None = None, try_: str | None = None
) -> AgiError:
    return AgiError(
        "AGI-ENV-012",
        f"the library {library} of {app} {problem}",
        found=found,
        allowed=allowed,
        try_=try_,
        whose="author",
        exit_code=ENVIRONMENT,
    )
