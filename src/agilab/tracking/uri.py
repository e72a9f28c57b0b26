"""Where runs are recorded: which MLflow store, and how its address may be written down."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from agilab.contracts.errors import AgiError

_REMOTE = ("databricks", "databricks-uc", "uc")
"""Addresses without a scheme."""

_SECRET = re.compile(r"pass|pwd|token|secret|key|sig|credential", re.IGNORECASE)
_SCHEME = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]+:")  # two letters at least: `C:` is a drive


def resolve_uri(home: Path, environ: Mapping[str, str], setting: str | None = None) -> str | None:
    """The tracking URI of this run, absolute; None where it is `off`.

    `MLFLOW_TRACKING_URI` wins, as it is said for this very command; then `[tracking] uri` of `settings.toml`
    (an address without credentials, `off`, or `env:NAME`); then a SQLite database in the AGILab home.
    Relative SQLite and folder addresses are taken from the current folder, for the deliverer has another one.

    Raises AGI-TRACK-001 for an address that cannot keep anything, and for settings that hold credentials.

    >>> resolve_uri(Path("/data/lab"), {})
    'sqlite:////data/lab/mlflow/mlflow.db'
    >>> resolve_uri(Path("/data/lab"), {"MLFLOW_TRACKING_URI": "http://tracking:5000/"})
    'http://tracking:5000'
    >>> resolve_uri(Path("/data/lab"), {}, "off") is None
    True
    """
    uri = environ.get("MLFLOW_TRACKING_URI", "").strip()
    if not uri:
        uri = (setting or "").strip()
        if uri.startswith("env:"):
            named, uri = uri, environ.get(uri[4:], "").strip()
            if not uri:
                raise _bad("[tracking] uri in settings.toml names a variable that is not set", named)
        elif uri and safe_uri(uri) != uri:
            raise _bad(
                "[tracking] uri in settings.toml holds credentials",
                safe_uri(uri),
                'uri = "env:NAME", or the address alone with MLFLOW_TRACKING_USERNAME and …_PASSWORD set',
            )
    if not uri:
        return sqlite_uri(home / "mlflow" / "mlflow.db")
    return None if uri.lower() in ("off", "none") else _absolute(uri)


def safe_uri(uri: str, home: Path | None = None) -> str:
    """The address as it may stand in documents, logs and messages: no user, password or secret parameter.

    With `home`, a database is written relative to `$AGILAB_HOME`, or by its name alone if it is elsewhere:
    documents hold no absolute paths.

    >>> safe_uri("https://ann:s3cret@tracking.example:5000/team?token=abc&x=1")
    'https://tracking.example:5000/team?x=1'
    >>> safe_uri("sqlite:////data/lab/mlflow/mlflow.db", Path("/data/lab"))
    'sqlite:///$AGILAB_HOME/mlflow/mlflow.db'
    """
    database = sqlite_path(uri)
    if database is not None:
        if home is not None:
            try:
                return f"sqlite:///$AGILAB_HOME/{database.relative_to(home.absolute()).as_posix()}"
            except ValueError:
                return f"sqlite:///…/{database.name}"
        return uri
    if "://" not in uri:
        return uri
    parts = urlsplit(uri)
    query = urlencode([(k, v) for k, v in parse_qsl(parts.query) if not _SECRET.search(k)])
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, query, ""))


def scrub(text: str, uri: str, home: Path) -> str:
    """`text` without the credentials that `uri` may hold, and without the path of the home.

    Libraries like to repeat both in their messages, and messages end up in documents.
    """
    text = text.replace(str(home), "$AGILAB_HOME")
    if "://" in uri:
        parts = urlsplit(uri)
        text = text.replace(uri, safe_uri(uri))
        secrets = [parts.password, *(v for k, v in parse_qsl(parts.query) if _SECRET.search(k))]
        for secret in filter(None, secrets):
            for form in {secret, unquote(secret), quote(secret, safe="")}:
                text = text.replace(form, "***")
    return re.sub(r"(?<=://)[^/\s@]+@", "", text)


def patience(uri: str) -> float:
    """Seconds that a run may wait for its delivery after its own end.

    A remote server gets 5, whatever it does. A database on this machine is only ever slow because it works
    (its first use makes the schema), so it gets a minute.
    """
    return 5.0 if is_remote(uri) else 60.0


def is_remote(uri: str) -> bool:
    """Whether another machine, or a server process, stands between us and the store."""
    return uri in _REMOTE or urlsplit(uri).scheme.partition("+")[0] not in ("sqlite", "file", "")


def is_database(uri: str) -> bool:
    """Whether MLflow opens the database itself, so that nobody else says where artifacts go."""
    return urlsplit(uri).scheme.partition("+")[0] in ("sqlite", "postgresql", "mysql", "mssql")


def is_http(uri: str) -> bool:
    return urlsplit(uri).scheme in ("http", "https")


def sqlite_uri(path: Path) -> str:
    """The SQLAlchemy address of a database file."""
    return f"sqlite:///{path.absolute().as_posix()}"


def sqlite_path(uri: str) -> Path | None:
    """The file of a SQLite address; None for any other address."""
    if not re.match(r"sqlite(\+\w+)?:///", uri):
        return None
    return Path(uri.partition(":///")[2].partition("?")[0])


def ui_hint(uri: str, experiment_id: str, run_id: str, version: str) -> str:
    """What a person opens, or types, to see the run.

    >>> ui_hint("http://ann:pw@tracking:5000", "3", "ab12", "3.17.2")
    'http://tracking:5000/#/experiments/3/runs/ab12'
    """
    if is_http(uri):
        return f"{safe_uri(uri)}/#/experiments/{experiment_id}/runs/{run_id}"
    return f"uvx mlflow@{version} ui --backend-store-uri {safe_uri(uri)}"


def _absolute(uri: str) -> str:
    database = sqlite_path(uri)
    if database is not None:
        if str(database) in ("", ".", ":memory:"):
            raise _bad("an in-memory database forgets every run at once", uri)
        return uri if database.is_absolute() else uri.replace(":///", f":///{Path.cwd().as_posix()}/", 1)
    if uri.startswith("sqlite:"):
        raise _bad("the tracking address is no SQLite file", uri)
    if not _SCHEME.match(uri) and uri not in _REMOTE:
        return Path(uri).absolute().as_uri()
    return uri.rstrip("/") if is_http(uri) else uri


def _bad(what: str, found: str, allowed: str | None = None) -> AgiError:
    return AgiError(
        "AGI-TRACK-001",
        what,
        found=found,
        allowed=allowed or "sqlite:////folder/mlflow.db, http(s)://host:port, another MLflow address, or off",
        try_="MLFLOW_TRACKING_URI=… agilab …",
    )
