"""Objects between stages, as pickles: with the paths of the folder that reads them, and errors that name the value."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from agi_node import codec, encoding, lab_folder
from agi_node.errors import FAILED, AgiError

_LOST = re.compile(r"Can't get attribute '([^']+)' on <module '__main__'")
"""What pickle says of a class or a function that it knows by name only."""


def written(value: Any, subject: str, met: codec.Met | None = None) -> bytes:
    """The bytes of an object; `met` is told what pickle met in it.

    Raises AGI-STAGE-114 for what cannot leave the process.
    """
    try:
        if isinstance(value, io.IOBase):
            # cloudpickle would write down what is in the file, which is something else.
            raise AgiError(
                "AGI-RUN-112", subject, found=f"an open file, {getattr(value, 'name', '')}".rstrip(", ")
            )
        data = codec.dumps(value, subject, met=met)
        return codec.dumps(value, subject, lab_folder.parted) if lab_folder.is_named_in(data) else data
    except AgiError as problem:
        raise AgiError(
            "AGI-STAGE-114",
            f"{subject} cannot be handed to another stage",
            found=problem.found,
            allowed="data, tables, arrays, models: what can be written down",
            try_="use it up in this stage, or make it in each stage that needs it",
            whose="author",
            exit_code=FAILED,
        ) from problem


def read(form: Mapping[str, Any], subject: str, absent: Callable[[str, str], Any] | None = None) -> Any:
    """The object of a pickle. Raises AGI-STAGE-117 where its class or function is written in a stage, and not here.

    With `absent`, which `agi_node.codec.load` explains, it does not.
    """
    try:
        with lab_folder.looking_in(form.get("modules", ())):
            return codec.load(form["path"], subject, lab_folder.joined, absent)
    except AgiError as problem:
        lost = _LOST.match(str(problem.__cause__)) if isinstance(problem.__cause__, AttributeError) else None
        if lost is None:
            cause = problem.__cause__
            mend = (
                f"hand on what is needed of it, or use it up in {form['stage']}" if "stage" in form else None
            )
            if mend and isinstance(cause, ModuleNotFoundError) and cause.name:
                top = cause.name.partition(".")[0]
                mend += f"; if {top} lies in the lab's folder, add its files to the inputs of this stage"
            found, allowed = f"{type(cause).__name__}: {cause}", "a value whose pickle can be read again"
            raise encoding.unreadable(subject, found, allowed, mend) from cause
        maker, called, name = form.get("stage", "MAKER"), form.get("called", "a value"), lost[1].split(".")[0]
        # A function is pickled by its name, so its definition is all that there is to take.
        itself = form.get("type") == "function"
        holds = "is" if form.get("type") == f"__main__.{lost[1]}" else "holds"
        what = f"is the function {name}" if itself else f"{holds} an object of {name}"
        raise AgiError(
            "AGI-STAGE-117",
            f"{called} of stage {maker} {what}, whose definition stands in a stage and does not come with it",
            found=f"nothing called {name} in this stage",
            allowed="the definition here too, taken from the text where it stands",
            try_=f'uses = {{ {maker} = ["{name}"] }} (or the stage whose text has it)'
            + (f" in place of {called} among the inputs" if itself else ""),
            whose="author",
            exit_code=FAILED,
        ) from problem.__cause__
