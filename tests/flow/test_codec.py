"""What a worker is sent of a notebook, and what it says when something of it is missing there."""

from __future__ import annotations

import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from agi_node import codec
from agi_node.errors import AgiError
from agi_node.values import NOT_PLAIN, as_plain
from agilab.flow import Flow
from agilab.store.store import Store
from tests.flow.conftest import MakeFlow


def test_a_reference_is_read_afresh_each_time_and_no_text_is_mistaken_for_one(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(codec.dumps([1, {2}], "it"))
    first, second = codec.decode(codec.reference(path)), codec.decode(codec.reference(path))
    assert first == second == [1, {2}]
    assert first is not second
    assert codec.decode(f"$str:$pickle:{path}") == f"$pickle:{path}"


def test_a_pickle_that_cannot_be_read_here_says_why(tmp_path: Path) -> None:
    path = tmp_path / "value"
    path.write_bytes(b"cno_such_module\nthing\n.")
    with pytest.raises(AgiError, match=r"AGI-RUN-113.*ModuleNotFoundError\n.*no_such_module") as caught:
        codec.load(path)
    assert caught.value.whose == "author"


def test_a_cyclic_list_is_an_object_and_no_endless_loop() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    assert as_plain(cyclic) is NOT_PLAIN


@pytest.mark.slow
def test_functions_of_a_module_find_it_over_the_import_path_that_travels(
    make: MakeFlow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "near_by.py").write_text("def double(n):\n    return 2 * n\n")
    monkeypatch.syspath_prepend(tmp_path)
    import near_by  # type: ignore[import-not-found]

    flow = make()
    flow.node(foreach=[1, 2])(near_by.double)
    assert flow.run(workers=1)["double"] == [2, 4]
    monkeypatch.delitem(sys.modules, "near_by")


@pytest.mark.slow
@pytest.mark.parametrize("verb", ["run", "rerun", "resume"])
def test_a_module_that_starts_a_flow_when_it_is_imported_is_told_about_the_guard(
    make: MakeFlow, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, verb: str
) -> None:
    home = tmp_path / "other-home"
    (tmp_path / "unguarded.py").write_text(
        textwrap.dedent(
            f"""
            from agilab import Flow
            flow = Flow("unguarded", workspace={str(home)!r})
            @flow.node
            def one():
                return 1
            import os
            getattr(flow, "{verb}" if os.path.exists({str(home)!r}) else "run")()
            """
        )
    )
    monkeypatch.syspath_prepend(tmp_path)
    import unguarded  # type: ignore[import-not-found]

    run = unguarded.flow.run(workers=1, check=False)
    (failure,) = run.failures
    assert failure.error["code"] == "AGI-FLOW-009"
    assert 'if __name__ == "__main__"' in failure.error["allowed"]
    monkeypatch.delitem(sys.modules, "unguarded")


@pytest.mark.slow
def test_the_lines_of_a_cell_are_in_a_worker_s_traceback(make: MakeFlow) -> None:
    import linecache

    text = "def cell():\n    return undefined_name  # the line at fault\n"
    linecache.cache["<cell 7>"] = (len(text), None, text.splitlines(keepends=True), "<cell 7>")
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<cell 7>", "exec"), space)
    flow = make()
    flow.node(space["cell"])
    (failure,) = flow.run(workers=1, check=False).failures
    assert "the line at fault" in failure.traceback


def test_the_source_of_every_function_is_kept(make: MakeFlow, home: Any) -> None:
    import json
    import linecache

    text = "def cell():\n    return 1\n"
    linecache.cache["<cell 8>"] = (len(text), None, text.splitlines(keepends=True), "<cell 8>")
    space: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "<cell 8>", "exec"), space)
    flow: Flow = make()
    flow.node(space["cell"])
    flow.node(test_a_cyclic_list_is_an_object_and_no_endless_loop, name="other")
    run = flow.run()
    with Store(home) as store:
        tree = json.loads(store.objects.read(store.run(run.run_id).source_digest or ""))
        assert store.objects.read(tree["cell.py"]).decode() == text
        assert store.objects.read(tree["test_codec.py"]) == Path(__file__).read_bytes()
