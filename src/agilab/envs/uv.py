"""uv, run so that nothing of the surrounding shell changes what it makes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agi_node.errors import ENVIRONMENT, AgiError

_DROPPED = frozenset({
    # Another environment's traces: uv would install into it, or import from it while it builds a package.
    "VIRTUAL_ENV", "CONDA_PREFIX", "CONDA_DEFAULT_ENV", "PYTHONPATH", "PYTHONHOME",
    # Set on some machines; the environment's imports would then be compiled again in every process.
    "PYTHONDONTWRITEBYTECODE",
})  # fmt: skip

_KEPT = (
    # Of uv's own variables, those that say how packages are reached and where they are cached …
    "UV_CACHE_DIR", "UV_CONFIG_FILE", "UV_CONCURRENT_", "UV_CREDENTIALS_DIR", "UV_DEFAULT_INDEX",
    "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS", "UV_GIT_LFS", "UV_HTTP_", "UV_INDEX", "UV_INSECURE_",
    "UV_KEYRING_PROVIDER", "UV_LINK_MODE", "UV_NATIVE_TLS", "UV_NETRC", "UV_NO_CACHE", "UV_OFFLINE",
    "UV_PYTHON_INSTALL_DIR", "UV_REQUEST_TIMEOUT", "UV_SYSTEM_CERTS",
    # … and those that `uv lock` writes down, so that a lock made under them still counts as fresh.
    "UV_EXCLUDE_NEWER", "UV_FORK_STRATEGY", "UV_PRERELEASE", "UV_RESOLUTION",
)  # fmt: skip

_CONTROLLED = {
    "UV_PYTHON_DOWNLOADS": "never",
    "UV_NO_PROGRESS": "1",
    "UV_NO_WRAP": "1",
    "UV_COMPILE_BYTECODE": "1",
    "NO_COLOR": "1",
}

_PASSWORD = re.compile(r"(?<=://)[^/@\s]+@")


def find_uv() -> Path:
    """The uv binary: the one of the installed `uv` package, else the first on PATH.

    Raises AGI-ENV-001, which says how to install it.
    """
    try:
        import uv

        return Path(uv.find_uv_bin())
    except (ImportError, FileNotFoundError):
        on_path = shutil.which("uv")
    if on_path:
        return Path(on_path)
    raise AgiError(
        "AGI-ENV-001",
        "uv is needed to make the environment of an app, and was not found",
        found="neither the Python package uv nor a program uv on PATH",
        try_="python -m pip install uv",
        whose="environment",
        exit_code=ENVIRONMENT,
    )


def controlled_environment(surrounding: Mapping[str, str]) -> dict[str, str]:
    """The environment variables for uv: the surrounding ones without those that would change the result."""
    kept = {
        name: value
        for name, value in surrounding.items()
        if name not in _DROPPED and (not name.startswith("UV_") or name.startswith(_KEPT))
    }
    return kept | _CONTROLLED


@dataclass(frozen=True)
class Outcome:
    """What one run of uv returned."""

    code: int
    out: str
    err: str

    def last_words(self) -> str:
        """At most three lines of what uv said in the end, starting with its error where it names one."""
        lines = [_PASSWORD.sub("****@", line.rstrip()) for line in self.err.splitlines() if line.strip()]
        # Hints come last, and speak to people who type uv commands themselves.
        spoken = [line for line in lines if not line.startswith("hint:")] or lines
        starts = [n for n, line in enumerate(spoken) if line.lstrip().startswith(("error:", "\u00d7"))]
        if starts and len(spoken) - starts[-1] > 3:
            return "\n".join([spoken[starts[-1]].strip(), *(line.strip() for line in spoken[-2:])])
        return "\n".join(line.strip() for line in spoken[-3:]) or f"exit code {self.code}, and not a word"


@dataclass(frozen=True)
class Uv:
    """One uv binary. It never asks, never downloads an interpreter, and never sees another environment."""

    binary: Path

    @classmethod
    def found(cls) -> Uv:
        """The uv of this machine; raises AGI-ENV-001."""
        return cls(find_uv())

    def call(
        self, *arguments: str | Path, cwd: Path | None = None, variables: Mapping[str, str] | None = None
    ) -> Outcome:
        """Run uv to its end and tell what came of it; only a uv that cannot be started raises."""
        command = [str(self.binary), *map(str, arguments)]
        try:
            done = subprocess.run(
                command,
                cwd=cwd,
                env=controlled_environment(os.environ) | dict(variables or {}),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                encoding="utf-8",
                errors="replace",
                check=False,
            )
        except OSError as problem:
            raise AgiError(
                "AGI-ENV-001",
                f"uv could not be started: {self.binary}",
                found=str(problem),
                try_="python -m pip install --force-reinstall uv",
                whose="environment",
                exit_code=ENVIRONMENT,
            ) from problem
        return Outcome(done.returncode, done.stdout, done.stderr)

    def run(
        self,
        *arguments: str | Path,
        doing: str,
        try_: str,
        cwd: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> str:
        """Run uv and return its stdout.

        Args:
            arguments: The command line after `uv`.
            doing: What fails if this fails, with the app's name, such as "install the packages of flight".
            try_: The command to try next.
            cwd: Where to run.
            variables: Environment variables beyond the controlled ones.

        Raises:
            AgiError: AGI-ENV-008 when offline and a package is not cached, else AGI-ENV-007, with uv's words.
        """
        outcome = self.call(*arguments, cwd=cwd, variables=variables)
        if outcome.code == 0:
            return outcome.out
        raise failure(outcome, doing=doing, try_=try_)

    def version(self) -> str:
        """uv's version, such as "0.13.9"."""
        said = self.run("--version", doing="ask uv for its version", try_="python -m pip install uv")
        return said.split()[1]


def failure(outcome: Outcome, *, doing: str, try_: str) -> AgiError:
    """The error that a failed run of uv becomes."""
    if "network was disabled" in outcome.err or "network connectivity is disabled" in outcome.err.lower():
        return AgiError(
            "AGI-ENV-008",
            f"offline, uv cannot {doing}: a package is not in its cache",
            found=outcome.last_words(),
            allowed="packages that were installed on this machine before",
            try_="the same command once without --offline, with a network",
            whose="environment",
            exit_code=ENVIRONMENT,
        )
    return AgiError(
        "AGI-ENV-007",
        f"uv could not {doing}",
        found=outcome.last_words(),
        try_=try_,
        whose="environment",
        exit_code=ENVIRONMENT,
    )
