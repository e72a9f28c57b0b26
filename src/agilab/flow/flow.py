"""Flow: functions declared as nodes, and what can be done with them."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from agi_node import codec
from agi_node.canonical import untag
from agi_node.errors import AgiError
from agilab.contracts.identifiers import new_run_id
from agilab.engine.graph import Policy
from agilab.engine.rerun import Preview as RerunPreview
from agilab.engine.rerun import preview as preview_rerun
from agilab.engine.selection import Selection
from agilab.flow.again import interrupted, refuse_another_flow, run_of
from agilab.flow.binding import bind
from agilab.flow.declaration import Declared, declared, names_of, resolved
from agilab.flow.edge import at_the_edge
from agilab.flow.execution import ExecutorMaker, Purpose, Way, carry_out, digests_of
from agilab.flow.outcome import Run, ended
from agilab.flow.progress import watch
from agilab.flow.provenance import codes_of, environment_record
from agilab.store.store import Store
from agilab.store.workspace import Workspace

if TYPE_CHECKING:
    from agilab.engine.executor import Executor
    from agilab.flow.preview import Preview

F = TypeVar("F", bound=Callable[..., Any])
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,59}")


class Flow:
    """A graph of plain functions, recorded like every run of this workspace.

    A parameter that is called like another node is given that node's result; the first parameter of a mapped node is
    given an item; every other parameter is an argument of `run`. The functions stay what they are.

    >>> from agilab import Flow
    >>> flow = Flow("darts")
    >>> @flow.node(foreach=range(4))
    ... def throw(seed: int, darts: int = 1000) -> float:
    ...     import random
    ...     dice = random.Random(seed)
    ...     return 4 * sum(dice.random() ** 2 + dice.random() ** 2 < 1 for _ in range(darts)) / darts
    >>> @flow.node
    ... def pi(throw: list[float]) -> float:
    ...     return sum(throw) / len(throw)
    >>> run = flow.run()
    >>> run["pi"] == pi([throw(seed) for seed in range(4)])
    True
    >>> run.state, list(run.values("throw"))
    ('succeeded', ['0', '1', '2', '3'])

    Attributes:
        name: Names its runs: `agilab runs list` shows them under `flow:<name>`.
        pools: Slots of named pools; a node's `pool` takes one for each of its units that run.
        max_parallel: Units of all nodes that may run at one instant.
        max_units: Units that one run may have in all.
        workspace: Where runs are recorded; `$AGILAB_HOME` unless it is given.
    """

    def __init__(
        self,
        name: str,
        *,
        pools: Mapping[str, int] | None = None,
        max_parallel: int | None = None,
        max_units: int = 100_000,
        workspace: Workspace | Path | str | None = None,
    ) -> None:
        if not _NAME.fullmatch(name):
            raise AgiError(
                "AGI-FLOW-001",
                "this is not the name of a flow",
                found=repr(name)[:80],
                allowed="1 to 60 of A-Z a-z 0-9 _ . - and a letter or digit first",
                whose="author",
            )
        self.name = name
        self.pools = dict(pools or {})
        self.max_parallel = max_parallel
        self.max_units = max_units
        self._workspace = workspace
        self._nodes: dict[str, Declared] = {}

    @property
    def workspace(self) -> Workspace:
        """Where runs are recorded."""
        given = self._workspace
        if given is None:
            return Workspace.default()
        return given if isinstance(given, Workspace) else Workspace(Path(given).expanduser().absolute())

    @property
    def nodes(self) -> dict[str, Callable[..., Any]]:
        """The functions by the names of their nodes, in the order in which they were declared."""
        return {name: node.function for name, node in self._nodes.items()}

    @overload
    def node(self, function: F, /) -> F: ...

    @overload
    def node(
        self,
        function: None = None,
        /,
        *,
        foreach: Any = ...,
        name: str | None = ...,
        retries: int | None = ...,
        timeout: float | None = ...,
        max_parallel: int | None = ...,
        pool: str | None = ...,
        cache: bool | None = ...,
        max_units: int | None = ...,
        require: str | int | float = ...,
        on_empty: bool = ...,
        policy: Policy = ...,
    ) -> Callable[[F], F]: ...

    def node(
        self,
        function: Any = None,
        /,
        *,
        foreach: Any = None,
        name: str | None = None,
        retries: int | None = None,
        timeout: float | None = None,
        max_parallel: int | None = None,
        pool: str | None = None,
        cache: bool | None = None,
        max_units: int | None = None,
        require: str | int | float = "all",
        on_empty: bool = False,
        policy: Policy = Policy(),
    ) -> Any:
        """Declare a function as a node; it is returned as it is.

        A second node of one name is an error (AGI-FLOW-002), except where a person works interactively and runs a
        cell again: then it takes the place of the first.

        Args:
            foreach: One unit for each item: a list, range or dict of plain data; a node (its function or name) that
                returns one, or is mapped itself; `product(…)`, `zipped(…)`, `Nested(node)`.
            name: Instead of the function's own, for lambdas and for nodes that are made in a loop.
            retries: Further attempts after the function raised.
            timeout: Seconds after which an attempt is ended; needs worker processes.
            max_parallel: Units of this node that may run at one instant.
            pool: Pool of the flow from which each running unit takes a slot.
            cache: Whether the result of an earlier run is used again where code, arguments, inputs and environment
                are equal.
            max_units: Units that this node may have.
            require: How much of each need must be good: "all", "any", a count, or a ratio such as 0.9. A need with
                failures arrives as the list of its good values, or whole where the parameter is annotated `Results`.
            on_empty: Whether it runs although what it needs has no units or was skipped.
            policy: What the above does not say: delays between retries, losses of a process.
        """
        said: dict[str, Any] = {
            "max_retries": retries,
            "timeout_s": timeout,
            "max_parallel": max_parallel,
            "pool": pool,
            "cache": cache,
            "max_units": max_units,
        }
        chosen = replace(policy, **{field: value for field, value in said.items() if value is not None})

        @at_the_edge
        def declare(function: F) -> F:
            node = declared(
                function, name=name, foreach=foreach, policy=chosen, require=require, on_empty=on_empty
            )
            # By name as soon as it has one: a cell that is run again makes another function of that node.
            node = replace(node, foreach=resolved(node.foreach, names_of(self._nodes)))
            if node.name in self._nodes and not _interactive():
                raise AgiError(
                    "AGI-FLOW-002",
                    f"two nodes of flow {self.name} are called {node.name}",
                    allowed="one name for each node; name=… gives a function another one",
                    whose="author",
                )
            self._nodes[node.name] = node
            return function

        return declare if function is None else declare(function)

    # -- runs ----------------------------------------------------------------------------------------------

    @at_the_edge
    def run(
        self,
        *,
        workers: int | None = None,
        executor: Executor | ExecutorMaker | None = None,
        keep_going: bool | None = None,
        check: bool = True,
        progress: bool | None = None,
        args: Mapping[str, Any] | None = None,
        **arguments: Any,
    ) -> Run:
        """Run the flow to its end, and record it.

        Ctrl-C cancels: units that run get a moment, the run is recorded as cancelled, and `KeyboardInterrupt` follows.

        Args:
            workers: Warm worker processes of this very environment; None calls the functions here, one by one.
            executor: Another executor, or a function that makes one from specs, workers and a folder for logs.
            keep_going: Whether other units go on after one has failed for good; by default where some node is
                content with a part of what it needs.
            check: Raise `RunFailed` (it has the `run`) for a run that did not succeed, instead of returning it.
            progress: Show it; by default where a person looks on.
            args: Arguments whose names are those of parameters of this method.
            arguments: Parameters of nodes that are no nodes. Plain data.
        """
        _refuse_while_loading(self.name)
        way = Way(workers, executor)
        purpose = self._purpose({**(args or {}), **arguments}, keep_going)
        run_id = new_run_id(self.name)
        with Store(self.workspace.ensure()) as store, watch(progress) as shown:
            carry_out(store, run_id, purpose, way, observer=shown.observe, is_new=True)
        return ended(Run(self.workspace, run_id), check)

    @at_the_edge
    def plan(self, *, args: Mapping[str, Any] | None = None, **arguments: Any) -> Preview:
        """What `run` with these arguments would run or reuse, and why. Executes nothing."""
        from agilab.flow.preview import preview

        purpose = self._purpose({**(args or {}), **arguments}, None)
        with Store(self.workspace.ensure()) as store:
            return preview(store, purpose)

    @at_the_edge
    def resume(
        self,
        run_id: str = "last",
        *,
        workers: int | None = None,
        executor: Executor | ExecutorMaker | None = None,
        check: bool = True,
        progress: bool | None = None,
    ) -> Run:
        """Go on with a run of this flow that was interrupted: nothing that it recorded as done is done again.

        `last` is the newest run of this flow. Without `workers` it is executed as it began.

        Raises AGI-RUN-013 for a run that has ended, AGI-RUN-010 where somebody owns it, AGI-FLOW-007 where the
        flow is not what it was when the run began, saying what differs.
        """
        _refuse_while_loading(self.name)
        with Store(self.workspace.ensure()) as store:
            row = interrupted(store, self.name, run_id)
            began = store.created(row.run_id)
            purpose = self._purpose(untag(began["given"]), began["keep_going"])
            refuse_another_flow(store, row, purpose)
            if workers is None and executor is None and began["executor"] != "inline":
                workers = int(began["workers"])
            way = Way(workers, executor)
            with watch(progress) as shown:
                carry_out(
                    store,
                    row.run_id,
                    purpose,
                    way,
                    observer=shown.observe,
                    is_new=False,
                    written_by="resume",
                )
        return ended(Run(self.workspace, row.run_id), check)

    @at_the_edge
    def rerun(
        self,
        run_id: str = "last",
        *,
        failed: bool = False,
        from_node: str | None = None,
        units: Sequence[str] = (),
        where: Mapping[str, str] | None = None,
        downstream: bool = True,
        workers: int | None = None,
        executor: Executor | ExecutorMaker | None = None,
        check: bool = True,
        progress: bool | None = None,
    ) -> Run:
        """Run again what is asked for, as a new run of the functions as they are now; the parent's results do the rest.

        The arguments are the parent's. Without a selection whatever would not come out the same runs.

        Args:
            run_id: The parent; `last` is the newest run of this flow.
            failed: What did not end well: planned minus succeeded, units that never started included.
            from_node: This node and everything after it.
            units: These units, such as `train[lr=0.1,seed=2]`.
            where: Units by `state`, `node` or `key` (a pattern).
            downstream: Whether what needs them runs again as well.
            workers, executor, check, progress: As for `run`.
        """
        _refuse_while_loading(self.name)
        way = Way(workers, executor)
        selection = Selection(failed, from_node, tuple(units), where or {}, downstream)
        child = new_run_id(self.name)
        with Store(self.workspace.ensure()) as store:
            purpose, shown = self._again(store, run_id, selection)
            with watch(progress) as face:
                carry_out(store, child, purpose, way, observer=face.observe, is_new=True, shown=shown)
        return ended(Run(self.workspace, child), check)

    @at_the_edge
    def preview_rerun(
        self,
        run_id: str = "last",
        *,
        failed: bool = False,
        from_node: str | None = None,
        units: Sequence[str] = (),
        where: Mapping[str, str] | None = None,
        downstream: bool = True,
    ) -> Preview:
        """What `rerun` would run, reuse and leave as it is, and why. Executes nothing."""
        from agilab.flow.preview import of_rerun

        with Store(self.workspace.ensure()) as store:
            selection = Selection(failed, from_node, tuple(units), where or {}, downstream)
            return of_rerun(self.name, self._again(store, run_id, selection)[1])

    @at_the_edge
    def recall(self, run_id: str = "last") -> Run:
        """An earlier run of this flow, to look at: after a restart of the notebook, say. `last` is the newest."""
        with Store(self.workspace.ensure()) as store:
            return Run(self.workspace, run_of(store, self.name, run_id).run_id)

    def _again(self, store: Store, name: str, selection: Selection) -> tuple[Purpose, RerunPreview]:
        parent = run_of(store, self.name, name).run_id
        began = store.created(parent)
        purpose = self._purpose(untag(began["given"]), began["keep_going"])
        codes = digests_of(codes_of(self._nodes))
        environment = environment_record()["fingerprint"]
        return purpose, preview_rerun(store, parent, purpose.bound.graph, selection, codes, environment)

    def _purpose(self, arguments: Mapping[str, Any], keep_going: bool | None) -> Purpose:
        bound = bind(
            self.name,
            self._nodes,
            arguments,
            keep_going=keep_going,
            pools=self.pools,
            max_parallel=self.max_parallel,
            max_units=self.max_units,
        )
        return Purpose(self.name, dict(self._nodes), bound)

    # -- one glance ----------------------------------------------------------------------------------------

    def __repr__(self) -> str:
        return f"<Flow {self.name}: {', '.join(self._nodes) or 'no nodes'}>"


def _interactive() -> bool:
    """Whether a person types here: a notebook or a prompt, where cells are run again."""
    if hasattr(sys, "ps1"):
        return True
    ipython = sys.modules.get("IPython")
    return ipython is not None and getattr(ipython, "get_ipython", lambda: None)() is not None


def _refuse_while_loading(flow: str) -> None:
    if codec.is_loading():
        raise AgiError(
            "AGI-FLOW-009",
            f"flow {flow} is started by the import of its own module in a worker",
            found="flow.run() at the top level of a module",
            allowed='if __name__ == "__main__": flow.run()',
            whose="author",
        )
