"""Where AGILab keeps things: one folder, `$AGILAB_HOME` or `~/.agilab`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from agi_node.errors import ENVIRONMENT, AgiError


@dataclass(frozen=True)
class Workspace:
    """The layout of one workspace. Folders come into being when something is first put there.

    >>> Workspace(Path("/data/lab")).run_folder("20261123-101500-flight-k3x9").name
    '20261123-101500-flight-k3x9'
    """

    home: Path

    @classmethod
    def default(cls) -> Workspace:
        """The workspace that the environment names."""
        named = os.environ.get("AGILAB_HOME")
        return cls(Path(named).expanduser().absolute() if named else Path.home() / ".agilab")

    @property
    def db(self) -> Path:
        return self.home / "agilab.db"

    @property
    def objects(self) -> Path:
        return self.home / "objects"

    @property
    def snapshots(self) -> Path:
        return self.home / "snapshots"

    @property
    def runs(self) -> Path:
        return self.home / "runs"

    @property
    def plans(self) -> Path:
        return self.home / "plans"

    @property
    def envs(self) -> Path:
        return self.home / "envs"

    @property
    def builds(self) -> Path:
        return self.home / "builds"

    @property
    def mlflow(self) -> Path:
        return self.home / "mlflow"

    @property
    def cache(self) -> Path:
        return self.home / "cache"

    @property
    def settings(self) -> Path:
        return self.home / "settings.toml"

    def run_folder(self, run_id: str) -> Path:
        """`runs/<run_id>/`: manifest, logs and a readable view of the run's artifacts."""
        return self.runs / run_id

    def ensure(self) -> Workspace:
        """Make the home folder. Raises AGI-STORE-001 where that is not allowed."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
        except OSError as problem:
            raise AgiError(
                "AGI-STORE-001",
                f"the AGILab home cannot be made: {problem.strerror}",
                found=str(self.home),
                allowed="a folder that you may write to",
                try_="AGILAB_HOME=/some/folder agilab …",
                whose="environment",
                exit_code=ENVIRONMENT,
            ) from problem
        return self
