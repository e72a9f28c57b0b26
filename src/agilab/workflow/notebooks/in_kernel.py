"""Runs a notebook in a Jupyter kernel and tells of it line by line, as JSON.

    python in_kernel.py NOTEBOOK NAMES FOLDER OUT ROOT LEFT_OUT

A script for an interpreter that has Jupyter and nothing of AGILab; the kernel that it starts has the lab's packages.
The lines are `{"begins": 3, "at": 1.7e9}` and `{"ended": 3, "seconds": 0.2}` for each cell, then one with what the
cells printed and the error that ended it. Before that, also after an error, the kernel writes into OUT what
NAMES (JSON) stand for; one that died writes nothing. The cells of LEFT_OUT (JSON) are not run. Where no kernel comes up
the one line is `{"broken": "why"}`. When standard input ends, so does all this at once: nobody is there to be told.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from contextlib import suppress
from typing import Any

import nbformat.v4
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError

FIRST = """import importlib.util as _u, sys as _s, weakref as _w
get_ipython().display_formatter.formatters["text/plain"].pprint = False
if _u.find_spec("pandas"):
    __import__("pandas").set_option("display.max_columns", 0)
if not _u.find_spec("matplotlib"):
    get_ipython().register_magic_function(lambda line: None, magic_name="matplotlib")
def _shows(change, shell=get_ipython()):
    if change["new"] == "last_expr_or_assign":
        shell.ast_node_interactivity = "last_expr"
get_ipython().observe(_shows, "ast_node_interactivity")
def _seen(shell=get_ipython(), modules=_s.modules):
    helpers = modules.get("matplotlib._pylab_helpers")
    for one in helpers.Gcf.get_all_fig_managers() if helpers else ():
        shell.figure_settings[one.canvas.figure] = dict(modules["matplotlib"].rcParams)
get_ipython().figure_settings = _w.WeakKeyDictionary()
get_ipython().events.register("post_execute", _seen)
__doc__ = None
del _u, _s, _w, _seen, _shows"""
"""Has texts made as a stage's process makes them: by `repr`, and tables of pandas as in a terminal.

`__doc__` is that of a script without one, in place of IPython's own sentence.

Of each figure the settings are kept under which Jupyter shows it, before it closes it.

A notebook that draws nothing may say `%matplotlib inline` all the same: where there is none, it says nothing.

What cells assign is not shown, as in a stage, even where the notebook asks for it (`last_expr_or_assign`).
"""
PICTURES = """
from agi_node.pictures import InJupyter as _i
get_ipython().pictures = _i(get_ipython(), {out!r})
from agi_node.lab_folder import stays_in as _i
_i({root!r})
del _i"""
"""Has each figure, and each other value, looked at that a cell shows; ROOT is the lab's folder there."""
WIDGET = "application/vnd.jupyter.widget-view+json"
"""What a page draws that talks with the kernel: its text says how far it had come."""
BY = "shown by"
"""In the metadata of an output: the library that showed it (`agi_node.pictures`), whose text no cell printed."""
PRINTED = 100_000
"""Characters of what a cell prints that are told."""
STARTS_S = 240
"""Seconds in which a kernel has to come up: on a busy machine Jupyter's own 60 are not enough."""
APART = 0.006
"""Seconds between two cells: more than the clock of a file system is late, so that a file's time says its cell."""
LAST = """get_ipython().pictures.write()
from agi_node.drawings import SETTINGS as _s
from agi_node.notebook_values import write as _w
_s.update(get_ipython().figure_settings)
_w(globals(), {names}, {out!r})"""


class _Client(NotebookClient):
    """Leaves what cells print where it is: widgets would take it into themselves, which a stage does not."""

    def register_output_hook(self, msg_id: str, hook: Any) -> None:
        pass

    def remove_output_hook(self, msg_id: str, hook: Any) -> None:
        pass

    def output(self, outs: Any, msg: Any, display_id: str | None, cell_index: int) -> Any:
        """Keep an output; what a notebook's file cannot hold, data of a type that is not JSON's, is kept as text."""
        content = msg["content"]
        if isinstance(content.get("data"), dict):
            content["data"] = {
                media: one if isinstance(one, str) or media.endswith("json") else json.dumps(one)
                for media, one in content["data"].items()
            }
        return super().output(outs, msg, display_id, cell_index)


def tell(**what: Any) -> None:
    """One line to whoever started this."""
    print(json.dumps(what), flush=True)


def run(
    path: str, names: list[str], folder: str, out: str, root: str, left_out: list[int], timeout_s: int = 1800
) -> None:
    """Run the cells from top to bottom, up to the first that fails."""
    jupyter: Any = nbformat  # says nothing of its types
    book = jupyter.read(path, as_version=4)
    cells = list(book.cells)
    # Cells of ours stand behind those of the notebook, whose numbers stay as they are.
    book.cells += [
        jupyter.v4.new_code_cell(FIRST + PICTURES.format(out=out, root=root)),
        jupyter.v4.new_code_cell(LAST.format(names=names, out=out)),
    ]
    resources = {"metadata": {"path": folder}}
    client = _Client(
        book, timeout=timeout_s, startup_timeout=STARTS_S, kernel_name="python3", resources=resources
    )
    threading.Thread(target=_end_with_whoever_asked, args=(client,), daemon=True).start()
    failed: dict[str, Any] = {}
    died, stands = "", "did not start"
    ran: list[int] = []
    try:
        with client.setup_kernel():
            client.execute_cell(book.cells[-2], len(cells), store_history=False)
            stands = "died after the last cell"
            for index, cell in enumerate(cells):
                if cell.cell_type != "code" or not cell.source.strip() or index in left_out:
                    continue
                time.sleep(APART)
                tell(begins=index, at=time.time())
                ran.append(index)
                began = time.monotonic()
                try:
                    client.execute_cell(cell, index)
                except CellExecutionError as problem:
                    failed = {"cell": index, **_error_of(cell, problem)}
                    break
                except CellTimeoutError:
                    tell(broken=f"cell {index} of the notebook did not end within {timeout_s // 60} minutes")
                    return
                except DeadKernelError:
                    died = _death_of(client)
                    failed = {"cell": index, "name": "DeadKernelError", "text": died}
                    break
                tell(ended=index, seconds=time.monotonic() - began)
            if not died:
                client.execute_cell(book.cells[-1], len(cells) + 1, store_history=False)
    except RuntimeError as problem:  # of Jupyter's client: no answer, or the process is gone
        tell(broken=f"the notebook's kernel {stands}: {problem}")
        return
    printed = {
        index: text
        for index, cell in enumerate(cells)
        if cell.cell_type == "code" and (text := _printed(cell))
    }
    errors = [index for index, cell in enumerate(cells) if cell.cell_type == "code" and _says_errors(cell)]
    tell(printed=printed, errors=errors, failed=failed, died=died, ran=ran)


def _end_with_whoever_asked(client: _Client) -> None:
    """Wait for the end of standard input, then end the kernel, all that its cells started, and this process."""
    while os.read(0, 1 << 10):
        pass
    process = getattr(getattr(client.km, "provisioner", None), "process", None)
    if process is not None and process.returncode is None:
        with suppress(OSError):
            os.killpg(process.pid, signal.SIGKILL)  # Jupyter gives each kernel a group of its own
    os._exit(1)


def _death_of(client: _Client) -> str:
    """How the kernel ended: by a signal, or by itself."""
    process = getattr(getattr(client.km, "provisioner", None), "process", None)
    code = None if process is None else process.poll()
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in {*signal.Signals} else f"signal {-code}"
        return f"{name}, as for want of memory" if -code == signal.SIGKILL else name
    return "it ended" if code is None else f"it ended with status {code}"


def _printed(cell: Any) -> str:
    """What a cell printed, and the text of what it displayed, in their order."""
    parts = []
    for output in cell.outputs:
        if output.output_type == "stream" and output.name == "stdout":
            parts.append(output.text)
        elif (
            output.output_type == "display_data"
            and "text/plain" in output.data
            and WIDGET not in output.data
            and BY not in output.metadata
        ):
            parts.append(f"{output.data['text/plain']}\n")
    return "".join(parts)[:PRINTED]


def _error_of(cell: Any, problem: CellExecutionError) -> dict[str, Any]:
    """The error that ended a cell; of one that was raised while a value was shown only the cell's output tells."""
    shown = [one for one in cell.outputs if one.output_type == "error"]
    if problem.ename == "NoneType" and shown:
        return {"name": shown[-1].ename, "text": shown[-1].evalue}
    return {"name": problem.ename, "text": problem.evalue}


def _says_errors(cell: Any) -> bool:
    return any(
        one.output_type == "stream" and one.name == "stderr" and one.text.strip() for one in cell.outputs
    )


if __name__ == "__main__":
    book, names, folder, out, root, left_out = sys.argv[1:]
    run(book, json.loads(names), folder, out, root, json.loads(left_out))
