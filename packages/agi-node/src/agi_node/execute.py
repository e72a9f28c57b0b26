"""One unit, from its order to what became of it: the one boundary around the author's code."""

from __future__ import annotations

import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node import codec, encoding
from agi_node.active import use_run
from agi_node.canonical import tag, untag
from agi_node.context import RunContext
from agi_node.errors import FAILED, AgiError
from agi_node.failure import failure
from agi_node.inputs import ReduceInputs, read_publish_inputs
from agi_node.items import Skip, plan_items
from agi_node.lent import DAMAGED
from agi_node.protocol import Execute, Message
from agi_node.recording import Feed
from agi_node.reference import FileRef, is_file_object
from agi_node.session import Session
from agi_node.values import NOT_PLAIN, as_plain, plain, scrub, staged_form

if TYPE_CHECKING:
    from agi_node.app import App, Step
    from agi_node.nodes import Node

_RSS_UNIT = 1 if sys.platform == "darwin" else 1024


class Unit:
    """One attempt at work: its context, its run, its `done` message.

    Responsible for: giving the target validated arguments, checking what it returns, catching whatever it raises.
    Not responsible for: output (`Console`), sending (`Channel`), the order of units (the worker).
    """

    def __init__(self, order: Execute, session: Session, feed: Feed) -> None:
        self.order = order
        self.session = session
        self.run = RunContext(
            order.staging,
            run_id=order.run_id,
            node=order.node,
            key=order.key,
            attempt=order.attempt,
            feed=feed,
        )
        self.subject = f"{order.node}[{order.key}]" if order.key else order.node
        self._interruptible = False
        self._interrupted = False

    def interrupt(self) -> None:
        """Raise `KeyboardInterrupt` in the author's code, at once or as soon as it is entered. For signal handlers."""
        self._interrupted = True
        if self._interruptible:
            raise KeyboardInterrupt

    def done(self) -> Message:
        """Run the unit and say what became of it; all but the log's span. Raises nothing."""
        status, reason, error = "succeeded", None, None
        kept: dict[str, Any] = {"value": None, "value_file": None}
        cpu, start = time.process_time_ns(), time.perf_counter_ns()
        try:
            with self.run._lent.to(self.subject):
                try:
                    self._interruptible = True
                    if self._interrupted:
                        raise KeyboardInterrupt
                    with use_run(self.run):
                        result = self._result()
                finally:
                    self._interruptible = False
            if isinstance(result, Skip):
                status, reason = "skipped", scrub(str(result.reason))
            else:
                kept = self._settle(result)
        except (
            BaseException
        ) as raised:  # SystemExit, KeyboardInterrupt and MemoryError are a unit's failures too
            self._interruptible = False
            status, error = "failed", _failure(raised, self.subject, self.session.source)
        if self.run._cancel_seen and not (error and error["code"] == DAMAGED):
            status, kept = "cancelled", {"value": None, "value_file": None}
        recording = self.run._recording
        return {
            "type": "done",
            "attempt_id": self.order.attempt_id,
            "status": status,
            "reason": reason,
            **kept,
            "artifacts": self.run._staging.entries,
            "metrics": recording.drain(),
            "params": {name: tag(param) for name, param in recording.params.items()},
            "validations": recording.validations,
            "error": error,
            "duration_us": (time.perf_counter_ns() - start) // 1000,
            "cpu_us": (time.process_time_ns() - cpu) // 1000,
            "max_rss": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * _RSS_UNIT,
        }

    def _result(self) -> Any:
        reference, mark, node = self.order.target.partition("#")
        if reference.startswith("stage:"):
            return self._stage(reference.removeprefix("stage:"))
        if not mark:
            return self._call_function(reference)
        app = self.session.app(reference)
        if (declared := app.declared(node)) is not None:
            return self._node(app, declared)
        if node not in app.nodes():
            from agi_node.app import NODES

            if node not in NODES:
                raise AgiError(
                    "AGI-RUN-107",
                    f"{self.order.target} names no step",
                    found=node,
                    allowed=", ".join(NODES),
                    whose="agilab",
                    exit_code=FAILED,
                )
            app.step(node)
        if node == "reduce":
            return self._reduce(app)
        from agi_node.args import read_args

        step = app.step(node)
        args = read_args(app.args, untag(self.order.args), f"arguments of {app.name}")
        if node == "plan":
            return plan_items(step.call(None, args, self.run), f"the plan of {app.name}")
        if node == "publish":
            return plain(self._publish(app, step, args), f"what publish of {app.name} returned")
        return self._checked(app, step.call(self._payload(step), args, self.run))

    def _node(self, app: App, node: Node) -> Any:
        """What a declared node returned, in the form in which it is handed to the next."""
        from agi_node.args import read_args
        from agi_node.inputs import read_needs
        from agi_node.payload import read_payload

        entries, self.run._earlier = read_needs(self.order.inputs)
        needs = {}
        for name in node.asks:
            if (entry := entries.get(name)) is not None:
                subject = f"what {name} gives {self.subject}"
                value = encoding.received(entry, subject)
                # A table is what it is; plain data become what the parameter's annotation says, as a payload does.
                if not entry.get("codec"):
                    value = read_payload(node.function, name, value, subject)
                needs[name] = value
        # Arguments are read where they are wanted: a node without them does not depend on them.
        args = None
        if "args" in node.takes:
            args = read_args(app.args, untag(self.order.args), f"arguments of {app.name}")
        result = node.call(needs, args, self.run)
        return (
            result if isinstance(result, Skip) else encoding.encode(result, f"what {self.subject} returned")
        )

    def _settle(self, result: Any) -> dict[str, Any]:
        """A result as `value` (tagged), or as `value_file` where it is too large for a frame, a table or an object."""
        if isinstance(result, encoding.Encoded):
            return encoding.staged(self.run._staging.folder, result)
        if isinstance(result, _Object):
            subject = f"what {self.subject} returned"
            return codec.staged(self.run._staging.folder, result.value, subject)
        staged = staged_form(result)
        if staged is None:
            return {"value": tag(result), "value_file": None}
        return {"value": None, "value_file": self.run._staging.value(staged)}

    def _payload(self, step: Step) -> Any:
        from agi_node.payload import read_payload

        return read_payload(
            step.function, step.first, untag(self.order.payload), f"payload of {self.subject}"
        )

    def _checked(self, app: App, result: Any) -> Any:
        """What work returned, as plain data; AGI-RUN-103 for another type than the app's partial."""
        from agi_node.partial import Partial

        if isinstance(result, Skip):
            return result
        if app.partial is None and not isinstance(result, Partial):
            return plain(result, f"what {self.subject} returned")
        if app.partial is None or not isinstance(result, app.partial):
            raise AgiError(
                "AGI-RUN-103",
                f"{self.subject} returned another type than the app's partial",
                found=f"{type(result).__module__}.{type(result).__qualname__}: {result!r:.100}",
                allowed=f"{app.partial.__name__} or Skip" if app.partial else "plain data or Skip",
                try_=None if app.partial else f"App({app.name!r}, partial={type(result).__name__})",
                whose="author",
                exit_code=FAILED,
            )
        return result.to_state()

    def _reduce(self, app: App) -> dict[str, Any]:
        from agi_node.reduce import reduce_document

        assert app.partial is not None
        inputs = ReduceInputs(self.order.inputs)
        return {
            "whole": reduce_document(app.name, app.partial, inputs.states(), {"app": app.name}),
            "workers": {
                worker: reduce_document(
                    app.name, app.partial, inputs.states(worker), {"app": app.name, "worker": worker}
                )
                for worker in inputs.workers
            },
        }

    def _publish(self, app: App, step: Step, args: Any) -> Any:
        state, saved = read_publish_inputs(self.order.inputs)
        self.run._earlier = saved
        summary = app.partial.from_state(state) if app.partial is not None and state is not None else None
        return step.call(summary, args, self.run)

    def _stage(self, name: str) -> Any:
        from agi_node.stage import run_stage

        return run_stage(name, untag(self.order.args), self.order.inputs, self.run)

    def _call_function(self, target: str) -> Any:
        function, signature = self.session.function(target)
        payload, named = codec.decode(self.order.payload), codec.decode_all(self.order.args)
        positional: tuple[Any, ...] = ()
        if payload is not None or self.order.mapped:
            positional = (FileRef.from_plain(payload) if is_file_object(payload) else payload,)
        if self.order.inputs is not None:
            from agi_node.gathered import arguments_of

            annotations = {name: p.annotation for name, p in signature.parameters.items()}
            named = {**named, **arguments_of(self.order.inputs, annotations)}
        if "run" in signature.parameters:
            named = {**named, "run": self.run}
        try:
            signature.bind(*positional, **named)
        except TypeError as error:
            raise AgiError(
                "AGI-ARGS-002",
                f"{target} cannot be called with these arguments: {error}",
                found=", ".join([*("payload" for _ in positional), *named]) or "nothing",
                allowed=str(signature),
            ) from None
        result = function(*positional, **named)
        if isinstance(result, Skip):
            return result
        if self.session.functions is None:
            return plain(result, f"what {self.subject} returned")
        # Functions that came pickled may leave an object behind; a source folder's exchange plain data.
        found = as_plain(result)
        return _Object(result) if found is NOT_PLAIN else found


@dataclass(frozen=True, slots=True)
class _Object:
    """A result that is no plain data."""

    value: Any


def _failure(error: BaseException, subject: str, source: Path | None) -> dict[str, Any]:
    try:
        return failure(error, subject, source)
    except BaseException as second:  # out of memory while describing it, say: less detail, the same verdict
        what = f"{subject} raised {type(error).__qualname__}, and describing it raised {type(second).__qualname__}"
        plain_error = AgiError("AGI-RUN-101", what, whose="author", exit_code=FAILED).to_plain()
        return {**plain_error, "type": type(error).__qualname__, "traceback": ""}
