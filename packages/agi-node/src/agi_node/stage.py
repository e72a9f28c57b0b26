"""A stage: a piece of a person's code, run apart from the others as if it were a script of its own.

It gets an empty folder with its input files, a module `__main__` of its own with its input values, and leaves the
values and files that it promised.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agi_node import displayed, numbers_drawn, own_state, pictures, sought
from agi_node.apart import apart, own_places
from agi_node.displayed import display
from agi_node.errors import FAILED, AgiError
from agi_node.exact_json import exact_value
from agi_node.items import Skip
from agi_node.keeping import filled, instead, keep_figures, kept_files
from agi_node.lab_folder import come, running_in
from agi_node.placing import Inputs
from agi_node.ready_folders import ready
from agi_node.script import as_script, compiled, execute, write_out
from agi_node.spent import spends
from agi_node.together import hand_over_all, made_of, take_over_all
from agi_node.values import scrub
from agi_node.watched import Watched

if TYPE_CHECKING:
    from agi_node.context import RunContext

TARGET = "stage:"
"""How the target of a stage begins; its name follows."""
SHOWN = 4_000
"""Characters of the last expression's text that are kept."""
LEFT = 200
"""Files that nobody keeps, of which the manager is told."""


def run_stage(name: str, order: Mapping[str, Any], inputs: str | None, run: RunContext) -> Any:
    """Run a stage; returns `{"values", "files", "shown", "item"}`, or `Skip`; `changed` too, where it is any.

    `values` are forms by name, `files` the artifacts of each output by path, `shown` what the last expression is worth,
    `changed` those of `order["watch"]`, values that others take too, that the code changed in place, `modules` those of
    the lab that were imported, each with what it holds that is another value by now, `sought` what the code looked for
    in its folder: files that are not there, patterns; `begun` files that it added to and that were not there, `left`
    those that it wrote and no output says, `gone` those that it took and removed or moved away, `LEFT` of them at most;
    `drew` from whose random numbers it drew; `made_of` by value those that it took and with which that has objects in
    common.

    `order` is `{"code", "file", "folder", "workdir", "folders", "carried": [[stage, text]], "outputs": [name]}`; files
    are named from the folder above `workdir`, in which the code runs, and which is called `folder`; `folders` are there
    although nothing may lie in them. `inputs` names a JSON file of
    `{"values": {name: form}, "files": [{"path", "source", "size", "digest", "stored", "copy"}], "item": {name: exact
    JSON}}`. Raises what the code raises; AGI-STAGE-101 for an output that is not there, -102 for an input file that is
    gone, -103 for an item that cannot be part of a path, -116 for an input that the code changed.
    """
    given = json.loads(Path(inputs).read_bytes()) if inputs else {"values": {}, "files": [], "item": {}}
    work = Path(run._staging.scratch, "work", order.get("folder", ""))
    place = work / order.get("workdir", "")
    place.mkdir(parents=True, exist_ok=True)
    values = _names_of(order["outputs"], is_file=False)
    item = {called: exact_value(text) for called, text in given["item"].items()}
    with running_in(work):
        item = come(item)
    files = {path: filled(path, item) for path in _names_of(order["outputs"], is_file=True)}
    placed = Inputs(name, work, files.values())
    for file in given["files"]:
        placed.place(file)
    for path in order.get("folders", ()):
        (work / path).mkdir(parents=True, exist_ok=True)
    folders = [work / path if path.endswith("/") else (work / path).parent for path in files.values()]
    drawn = pictures.watch(run._staging.scratch / "pictures" if "also" in order else None)
    showing = displayed.watch(place, wanted="also" in order)
    with (
        running_in(work),
        ready(folders, work),
        placed,
        apart(work, place) as module,
        _listening(order, run),
        showing as shows,
        own_state.watched(work, *own_places()) as modules,
        sought.watched(work) as looked_for,
    ):
        generators = numbers_drawn.states()
        space = module.__dict__
        space.update(run=run, display=display, Skip=Skip)
        for stage, text in order["carried"]:
            exec(compiled(text, f"<stage {stage}>", shown=False)[0], space)
        taken = take_over_all(given["values"])
        space.update(taken)
        begins = _heard_until_now(order, run)
        watched = Watched(order.get("watch", []), order.get("kin", []), given["values"], space)
        space.update(item)
        if order.get("file"):
            as_script(order["file"], order["code"], work, space)
            placed.paths.add(order["file"])
        try:
            file = order.get("file") or f"<stage {name}>"
            shown = execute(order["code"], file, space, displayed.inner_result)
        finally:
            write_out(space)
            texts = (order["code"], *(text for _, text in order["carried"]), *modules.texts())
            run._spent = spends(texts, modules.names())
        if isinstance(shown, Skip):
            return shown
        numbers = numbers_drawn.drew(generators)
        gone = placed.gone()
        said = displayed.result(shown)  # before values are taken: it may change what it shows
        told: dict[str, Any] = {
            "values": hand_over_all(
                {value: _value(name, value, space) for value in values}, run._staging, name
            ),
            "shown": None if said is None else scrub(said, SHOWN),
        }
        if changed := watched.changed(space, run._staging.scratch / "watched"):
            told["changed"] = changed
        if own := modules.changed():
            told["modules"] = own
        if paths := looked_for.paths():
            told["sought"] = paths
        if begun := looked_for.begun():
            told["begun"] = begun
        if gone:
            told["gone"] = gone[:LEFT]
        if numbers:
            told["drew"] = numbers
        if made := made_of({name: space[name] for name in values}, told["values"], taken, given["values"]):
            told["made_of"] = made
        if "also" in order:
            told["also"] = _also(order["also"], space, run)
        keep_figures(run)
    if drawn is not None and shows is not None:
        pictures.watch(None)
        told["displays"] = shows.found
        told["pictures"] = [versions[-1][1] for versions in drawn.found]
        told["closed"] = drawn.closed
        with running_in(work):
            told["printed"] = _printed(place, run, begins)
    told["files"], left = kept_files(name, files, placed.paths, work, run)
    if left:
        told["left"] = left[:LEFT]
    return {**told, "item": given["item"]}


def _names_of(outputs: list[str], *, is_file: bool) -> list[str]:
    return [name for name in outputs if ("/" in name or "." in name) == is_file]


def _value(stage: str, name: str, space: Mapping[str, Any]) -> Any:
    if name not in space:
        own = [
            found for found in space if not found.startswith("_") and found not in ("run", "display", "Skip")
        ]
        raise AgiError(
            "AGI-STAGE-101",
            f"stage {stage} promises the value {name} and does not make it",
            found=", ".join(own)[:300] or "no values at all",
            allowed=f"code that sets {name}, or outputs without it",
            try_=instead(name, own) or f"{name} = … in the code",
            whose="author",
            exit_code=FAILED,
        )
    return space[name]


def _also(names: list[str], space: Mapping[str, Any], run: RunContext) -> dict[str, Any]:
    """Fingerprints of values that nobody takes, for whoever compares this with a notebook."""
    from agi_node.artifacts import Staging
    from agi_node.notebook_values import judged

    aside = Staging(run._staging.scratch / "also")
    missing = {"why": "the stage does not leave it"}
    return {name: judged(name, space[name], aside) if name in space else missing for name in names}


def _listening(order: Mapping[str, Any], run: RunContext) -> contextlib.AbstractContextManager[None]:
    """For whoever compares this with a notebook: what it prints is kept apart from what it says of errors."""
    if "also" not in order:
        return contextlib.nullcontext()
    from agi_node.notebook_values import listening

    return listening(run._staging.scratch / "printed")


def _heard_until_now(order: Mapping[str, Any], run: RunContext) -> int:
    """Bytes that came before the code of the stage: modules that print when they are imported do so in each of them."""
    if "also" not in order:
        return 0
    sys.stdout.flush()
    return (run._staging.scratch / "printed").stat().st_size


def _printed(work: Path, run: RunContext, begins: int) -> str:
    from agi_node.notebook_values import heard

    return heard(run._staging.scratch / "printed", work, begins)
