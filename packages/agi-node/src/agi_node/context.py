"""The run context: what a unit's code may say about itself, and the folder it may use."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from agi_node.active import use_run
from agi_node.artifacts import Staging
from agi_node.lent import Lent
from agi_node.recording import Feed, Point, Recording

Saved = list[tuple[str, Path]]
"""Files of one artifact name: (key of the unit that saved it, path), in key order."""


class RunContext:
    """One attempt of one unit, as its own code sees it.

    Responsible for: taking metrics, parameters, validations, progress and artifacts, from any thread.
    Not responsible for: storing them. They count when the unit has succeeded.

    Attributes:
        run_id: The run's identifier; run ids sort by time.
        node: The declared step this unit belongs to: `plan`, `work`, …
        key: What tells this unit from the node's others; "" where there is only one.
        attempt: 1 for the first try.
    """

    def __init__(
        self,
        staging: Path | str,
        *,
        run_id: str,
        node: str,
        key: str = "",
        attempt: int = 1,
        feed: Feed | None = None,
        earlier: Mapping[str, Saved] | None = None,
    ) -> None:
        self.run_id = run_id
        self.node = node
        self.key = key
        self.attempt = attempt
        self._staging = Staging(Path(staging))
        self._recording = Recording(feed)
        self._lent = Lent()
        self._earlier = earlier or {}
        self._cancel_requested = False
        self._cancel_seen = False
        self._spent = False

    @staticmethod
    def local(
        folder: Path | str,
        *,
        run_id: str = "local",
        node: str = "work",
        key: str = "",
        attempt: int = 1,
        earlier: Mapping[str, Saved] | None = None,
    ) -> LocalRun:
        """A context for trying and testing a function: files go below `folder`, what was logged can be read back."""
        return LocalRun(folder, run_id=run_id, node=node, key=key, attempt=attempt, earlier=earlier)

    @property
    def folder(self) -> Path:
        """A private folder of this attempt, made on first use. Nothing in it is kept: `log_artifact` what matters."""
        return self._staging.scratch

    @property
    def cancelled(self) -> bool:
        """Whether somebody asked to stop. Code that looks and sees True should return soon; its result is dropped."""
        if self._cancel_requested:
            self._cancel_seen = True
        return self._cancel_requested

    def save_table(self, name: str, table: Any) -> None:
        """Keep a table (polars, pandas, pyarrow, list of dicts) as parquet, with a JSON preview beside it."""
        self._staging.table(name, table)

    def save_json(self, name: str, value: Any) -> None:
        """Keep plain data as readable JSON, with what JSON cannot hold tagged as in `agi_node.canonical`."""
        self._staging.json(name, value)

    def save_figure(self, name: str, figure: Any) -> None:
        """Keep a figure: Matplotlib, Plotly, Pillow, SVG text or PNG bytes."""
        self._staging.figure(name, figure)

    def log_artifact(self, path: Path | str, name: str | None = None) -> None:
        """Keep a copy of a file as it is now, under its own name or another."""
        self._staging.file(Path(path), name)

    def register_model(
        self,
        name: str,
        artifact: Path | str,
        *,
        description: str = "",
        tags: Mapping[str, str] | None = None,
    ) -> None:
        """Say that an artifact is a model under this name, for the model registry of the tracking store.

        `artifact` is the name of one that this unit saved, or a file, which is kept first. Where the run succeeds, the
        registry gets a version of the model with the file, its digest and the run's id; so ask for it where the model
        passed what it had to. Nothing is decided about the version: which one is in use is for people to say.
        """
        self._staging.model(name, artifact, description, tags or {})

    def log_metric(self, name: str, value: float, step: int | None = None) -> None:
        """Record one number. `step` orders the points of a curve; without it their time does."""
        self._recording.point(name, value, step)

    def log_metrics(self, values: Mapping[str, float], step: int | None = None) -> None:
        """Record several numbers of one step."""
        for name, value in values.items():
            self._recording.point(name, value, step)

    def log_param(self, name: str, value: Any) -> None:
        """Record a parameter: a scalar as it is, anything else as its text. One value for each name."""
        self._recording.param(name, value)

    def validate(
        self, name: str, passed: bool, *, value: Any = None, limit: Any = None, message: str = ""
    ) -> None:
        """Record a verdict with its evidence. A failed one raises nothing; the run's manifest and gates see it."""
        self._recording.validation(name, passed, value, limit, message)

    def progress(self, done: float, total: float | None = None, message: str = "") -> None:
        """Say how far this unit is, as often as you like: at most ten messages a second leave, the last one always."""
        self._recording.progress(done, total, message)

    def artifacts(self, name: str) -> Saved:
        """What earlier units saved under a name, in key order. Empty in `work`, which has no earlier units.

        The files are the results themselves: a unit that changes one fails with AGI-DATA-007.
        """
        saved = list(self._earlier.get(name, ()))
        self._lent.artifacts(name, saved)
        return saved

    def request_cancel(self) -> None:
        """Make `cancelled` true; for the worker and for tests."""
        self._cancel_requested = True


class LocalRun(RunContext):
    """A run context outside any run, whose record can be read: for tests and notebooks."""

    @contextmanager
    def active(self, roots: Mapping[str, Path | str] | None = None) -> Iterator[LocalRun]:
        """Make the tracker reach this run, and paths resolve below these roots, while the block runs."""
        from agi_node.roots import use_roots

        with use_run(self), use_roots(roots or {}):
            yield self

    @property
    def points(self) -> list[Point]:
        """All metric points: (name, value, step, milliseconds)."""
        return self._recording.points()

    @property
    def metrics(self) -> dict[str, list[float]]:
        """All values of each metric, in the order they were logged."""
        out: dict[str, list[float]] = {}
        for name, value, _, _ in self._recording.points():
            out.setdefault(name, []).append(value)
        return out

    @property
    def params(self) -> dict[str, Any]:
        """All parameters."""
        return dict(self._recording.params)

    @property
    def validations(self) -> list[dict[str, Any]]:
        """All verdicts, as they would be recorded."""
        return list(self._recording.validations)

    @property
    def saved(self) -> dict[str, Path]:
        """Where each artifact lies, previews included."""
        return {entry["name"]: self._staging.path(entry["name"]) for entry in self._staging.entries}

    @property
    def models(self) -> dict[str, Path]:
        """Where the file of each registered model lies, by the model's name."""
        return {
            entry["meta"]["model"]["name"]: self._staging.path(entry["name"])
            for entry in self._staging.entries
            if "model" in entry["meta"]
        }

    @property
    def staged(self) -> list[dict[str, Any]]:
        """The artifacts as they would be recorded."""
        return list(self._staging.entries)
