"""Is anybody there? Asked before a second is spent on importing MLflow."""

from __future__ import annotations

import socket
from urllib.parse import urlsplit

from agilab.tracking.uri import is_http

CONNECT_SECONDS = 2.0


def unreachable(uri: str, seconds: float = CONNECT_SECONDS) -> str | None:
    """Why nobody listens at an http(s) address; None if somebody does, or a proxy stands in between."""
    if not is_http(uri):
        return None
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as problem:
        return f"the address is malformed: {problem}"
    if not host:
        return "the address names no host"
    if _proxied(parts.scheme, host):
        return None
    try:
        socket.create_connection((host, port), timeout=seconds).close()
    except TimeoutError:
        return f"{host}:{port} did not answer within {seconds:g} s"
    except OSError as problem:
        return f"{host}:{port}: {problem.strerror or problem}".lower().replace("[errno -2] ", "")
    return None


def _proxied(scheme: str, host: str) -> bool:
    from urllib.request import getproxies, proxy_bypass

    proxies = getproxies()
    return bool(proxies.get(scheme) or proxies.get("all")) and not proxy_bypass(host)
