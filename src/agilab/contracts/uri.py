"""Addresses as documents may carry them: no credentials, no folder of this machine.

An MLflow or database address is the usual way for a password to reach a file that is then shared.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote, unquote

_SCHEME = re.compile(r"^([A-Za-z][A-Za-z0-9+.-]+):")  # two letters at least: C: is a drive


def complaint(uri: str) -> str | None:
    """Why this address may not stand in a document, as a phrase that follows its name; None where it may.

    >>> complaint("postgresql://ana:hunter2@db/mlflow"), complaint("sqlite:///{workspace}/mlflow.db")
    ('carries credentials', None)
    """
    local = _local_path(uri)
    if local is not None and not re.match(r"\{[\w.-]+\}", local):
        return "names a folder of one machine"
    return secret_in(uri)


def secret_in(uri: str) -> str | None:
    """Whether an address carries a secret, or may: a user, a query or a fragment. A phrase, or None.

    Any user part counts, since tokens travel there without a password, and any query, since a driver's
    `password=` is one. An `@` anywhere counts, since an unescaped password hides where the user part ends.
    """
    if "@" in uri and _local_path(uri) is None:
        return "carries credentials"
    return "has a query or a fragment, where secrets hide" if re.search(r"[?#]", uri) else None


def public_uri(uri: str, roots: Mapping[str, Path]) -> str:
    """The address with credentials, query and fragment gone, and local folders named by their root.

    `roots` maps a root's name to its folder; the innermost that holds the path is used, and `{local}` with
    the last part alone where none does. What remains tells a person which place is meant; whoever knows the
    roots and has the credentials can open it. An address in which the credentials cannot be told from the
    rest keeps its scheme alone. `complaint` finds nothing in what this returns.

    >>> public_uri("https://ana:hunter2@mlflow.example:5000/x?token=1", {})
    'https://mlflow.example:5000/x'
    >>> public_uri("sqlite:////home/ana/.agilab/mlflow/m.db", {"workspace": Path("/home/ana/.agilab")})
    'sqlite:///{workspace}/mlflow/m.db'
    """
    found = _SCHEME.match(uri)
    scheme = found[1] if found else "file"
    if (local := _local_path(uri)) is not None:
        return f"{scheme}:///{_by_root(local, roots)}"
    head = re.split(r"[?#]", uri, maxsplit=1)[0]
    start, separator, rest = head.partition("://")
    authority, slash, path = rest.partition("/")
    if "@" in uri[len(head) :] or "@" in start or "@" in path:
        return f"{scheme}://{{hidden}}"
    return f"{start}{separator}{authority.rpartition('@')[2]}{slash}{path}"


def _local_path(uri: str) -> str | None:
    """The path of an address on this machine, decoded; None for one that is elsewhere or has no path."""
    found = _SCHEME.match(uri)
    if not found:
        # MLflow also takes a bare folder, and bare words of its own such as "databricks".
        return uri if re.search(r"[/\\]|^~|^\.|^[A-Za-z]:", uri) else None
    scheme = found[1].lower()
    path = re.split(r"[?#]", uri[found.end() :], maxsplit=1)[0]
    if scheme.split("+")[0] == "sqlite":
        # SQLAlchemy: three slashes before a relative path, four before an absolute one.
        return unquote(re.sub(r"^///?", "", path)) or None
    if scheme == "file":
        plain = unquote(re.sub(r"^//[^/]*", "", path))
        return plain[1:] if plain.startswith("/{") else plain or None
    return None


def _by_root(path: str, roots: Mapping[str, Path]) -> str:
    place = Path(path).expanduser()
    inside = [(len(folder.parts), name) for name, folder in roots.items() if place.is_relative_to(folder)]
    if not inside:
        return "{local}/" + quote(re.split(r"[/\\]", path.rstrip("/\\"))[-1], safe="@")
    name = max(inside)[1]
    relative = place.relative_to(roots[name]).as_posix()
    return f"{{{name}}}" if relative == "." else f"{{{name}}}/{quote(relative, safe='/@')}"
