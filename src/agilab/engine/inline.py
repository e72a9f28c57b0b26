"""Executor `inline`: plain functions in the engine's own process, for notebooks, tests and small graphs."""

from __future__ import annotations

import inspect
import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from agi_node import codec
from agi_node.active import use_run
from agi_node.canonical import tag
from agi_node.context import RunContext
from agi_node.errors import AgiError
from agi_node.failure import failure
from agi_node.items import Skip
from agi_node.values import NOT_PLAIN, as_plain, scrub, staged_form
from agilab.engine.executor import Capabilities, Holder, Report, Target, Task, Wanted

BATCH = 64


class InlineExecutor:
    """Calls functions by the name of their target, one after another, in `poll`.

    A unit that ends the process ends the run with it; the log then says which unit that was, because a
    group is flushed at the latest 20 ms after the unit began.

    >>> executor = InlineExecutor({"double": lambda x: 2 * x})
    >>> executor.submit([(Task("r", "double", "double", "", "a1", 1, "double", "", payload=21), "inline")])
    >>> executor.poll(0)[0].data["value"]
    42
    """

    name = "inline"
    in_user_code = False
    capabilities = Capabilities(timeout=False, kill=False, crash_isolation=False, own_environment=False)

    def __init__(self, functions: Mapping[str, Target], *, objects: bool = False) -> None:
        """`objects` lets functions return what is no plain data: it is pickled, as a worker would do it."""
        self._functions = functions
        self._objects = objects
        self._queue: deque[Task] = deque()
        self._holder = Holder("inline", os.getpid(), 0.0)
        self._cancelled = False

    def offers(self, wanted: Sequence[Wanted]) -> Sequence[Holder | None]:
        return [self._holder] * min(len(wanted), BATCH - len(self._queue))

    def submit(self, tasks: Sequence[tuple[Task, str]]) -> None:
        self._queue.extend(task for task, _ in tasks)

    def poll(self, timeout_s: float) -> list[Report]:
        reports = []
        # Reports go back after 20 ms at the latest, so that the log keeps its promise of being no older than that.
        until = time.monotonic() + 0.020
        while self._queue:
            reports.append(self._call(self._queue.popleft()))
            if time.monotonic() >= until:
                break
        return reports

    def cancel(self, *, grace_s: float) -> None:
        self._cancelled = True

    def dismiss(self) -> None:
        pass

    def close(self) -> None:
        self._queue.clear()

    def _call(self, task: Task) -> Report:
        if self._cancelled:
            return Report("cancelled", task.unit_id, task.attempt_id)
        run = RunContext.local(
            task.staging, run_id=task.run_id, node=task.node, key=task.key, attempt=task.attempt
        )
        started = time.perf_counter_ns()
        data: dict[str, Any]
        try:
            with run._lent.to(self._subject(task)), use_run(run):
                self.in_user_code = True
                value = self._value(task, run)
                self.in_user_code = False
            if isinstance(value, Skip):
                kind, data = "skipped", {"reason": scrub(str(value.reason))}
            else:
                kind, data = "succeeded", self._kept(task, value)
        except KeyboardInterrupt:
            self._cancelled = True
            kind, data = "cancelled", {}
        except BaseException as problem:  # whatever else it raises ends the unit, and never the run
            _without_our_frames(problem)
            kind, data = "failed", {"error": failure(problem, self._subject(task), None)}
        finally:
            self.in_user_code = False
        data["duration_us"] = (time.perf_counter_ns() - started) // 1000
        if points := run.points:
            data["metrics"] = dict(
                zip(("name", "value", "step", "at_ms"), map(list, zip(*points, strict=True)), strict=True)
            )
        if run.params:
            data["params"] = {name: tag(param) for name, param in run.params.items()}
        if run.validations:
            data["validations"] = run.validations
        if run.staged and kind == "succeeded":
            data |= {"artifacts": run.staged, "staging": task.staging}
        return Report(kind, task.unit_id, task.attempt_id, data)

    def _kept(self, task: Task, value: Any) -> dict[str, Any]:
        if not self._objects:
            return {"value": tag(value)}
        plain = as_plain(value)
        if plain is not NOT_PLAIN:
            large = staged_form(plain)
            if large is None:
                return {"value": tag(plain)}
            # As a worker writes it, so that it has the same digest wherever it was made.
            Path(task.staging).mkdir(parents=True, exist_ok=True)
            Path(task.staging, "value.json").write_bytes(large)
            return {"value": None, "value_file": "value.json", "staging": task.staging}
        subject = f"what {self._subject(task)} returned"
        return {**codec.staged(Path(task.staging), value, subject), "staging": task.staging}

    def _subject(self, task: Task) -> str:
        """Who did something, in an error: the unit, as a worker says it, where the names of targets mean nothing."""
        if not self._objects:
            return task.target
        return f"{task.node}[{task.key}]" if task.key else task.node

    def _value(self, task: Task, run: RunContext) -> Any:
        function = self._functions.get(task.target)
        if function is None:
            raise AgiError(
                "AGI-GRAPH-012",
                f"node {task.node} names a function that was not given",
                found=task.target,
                allowed=", ".join(sorted(self._functions)) or "no functions at all",
                whose="author",
                exit_code=1,
            )
        arguments = codec.decode_all(task.args) if task.args else {}
        annotations = _annotations(function)
        if task.inputs is not None:
            from agi_node.gathered import arguments_of

            arguments |= arguments_of(task.inputs, annotations)
        if "run" in annotations:
            arguments["run"] = run
        if task.payload is None and not task.mapped:
            return function(**arguments)
        return function(codec.decode(task.payload), **arguments)


@lru_cache(maxsize=1024)
def _annotations(function: Target) -> dict[str, Any]:
    """What each parameter of a function is annotated with; none where it has no signature that Python knows."""
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        return {}
    return {name: parameter.annotation for name, parameter in parameters.items()}


def _without_our_frames(problem: BaseException) -> None:
    """Let the traceback begin where the author's code does."""
    frame = problem.__traceback__
    while frame is not None and frame.tb_frame.f_code.co_filename == __file__:
        frame = frame.tb_next
    problem.__traceback__ = frame
