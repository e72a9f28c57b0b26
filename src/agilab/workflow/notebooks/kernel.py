"""A notebook run in a Jupyter kernel with the packages of a lab's environment, and what it said."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sysconfig
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agi_node.errors import ENVIRONMENT, AgiError
from agi_node.session import THREAD_POOLS
from agilab.envs import Environment, find_uv
from agilab.store.workspace import Workspace
from agilab.workflow.notebooks.cut_off import ending
from agilab.workflow.notebooks.room import Room

JUPYTER = ("nbclient>=0.10", "ipykernel>=6.29")
SCRIPT = Path(__file__).with_name("in_kernel.py")
"""For that interpreter alone: this one may have no Jupyter, so nothing here imports it."""
Say = Callable[[str], None]
Picture = Sequence[tuple[int, Mapping[str, Any]]]


@dataclass(frozen=True)
class Failed:
    """The cell that ended a notebook, and its error."""

    cell: int
    name: str
    text: str

    def __str__(self) -> str:
        return f"{self.name}: {self.text}" if self.text.strip() else self.name


@dataclass(frozen=True)
class Ran:
    """What came of a notebook.

    Attributes:
        values: For each name that was asked for its fingerprint, or `why` it has none (`agi_node.notebook_values`).
        others: Names of values that it leaves besides those that were asked for.
        displays: What each cell showed, in order (`agi_node.displayed`): its last expression, what it displayed.
        printed: What each cell printed, where it did.
        errors: Cells that wrote to standard error.
        place: The folder that it ran in.
        root: The one of which that is the lab's `workdir`.
        pictures: Of each figure that a cell showed a fingerprint, and those after later cells that drew in it.
        began: When each cell began, in seconds since 1970.
        failed: The cell at which it ended; None where it came to its end.
        died: How its kernel ended in that cell, with all its values; empty where it lived.
        broken: Why it could not be run at all.
        seconds: What its cells took.
    """

    values: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    others: tuple[str, ...] = ()
    displays: Sequence[Mapping[str, Any]] = ()
    printed: Mapping[int, str] = field(default_factory=dict)
    errors: tuple[int, ...] = ()
    place: str = ""
    root: str = ""
    pictures: Sequence[Picture] = ()
    began: Mapping[int, float] = field(default_factory=dict)
    failed: Failed | None = None
    died: str = ""
    broken: str = ""
    seconds: float = 0.0


def jupyter_for(workspace: Workspace, environment: Environment, say: Say) -> Path:
    """The interpreter of a small environment with Jupyter's kernel, made once for each Python.

    Raises AGI-STAGE-047 where it cannot be had.
    """
    folder = workspace.cache / f"jupyter-{environment.python_version}"
    python = folder / "bin" / "python"
    if (folder / "ready").exists():
        return python
    say("getting a Jupyter kernel (once)")
    uv = str(find_uv())
    commands = (
        [uv, "venv", "--quiet", "--clear", "--python", str(environment.python), str(folder)],
        [uv, "pip", "install", "--quiet", "--python", str(python), *JUPYTER],
    )
    for command in commands:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise AgiError(
                "AGI-STAGE-047",
                "a notebook cannot be run without Jupyter, and it cannot be had",
                found=done.stderr.strip()[:400],
                allowed=", ".join(JUPYTER),
                try_="agilab notebook import without --verify",
                whose="environment",
                exit_code=ENVIRONMENT,
            )
    (folder / "ready").touch()
    return python


def run_notebook(
    room: Room,
    name: str,
    names: Sequence[str],
    *,
    jupyter: Path,
    environment: Environment,
    scratch: Path,
    say: Say,
    shared: Mapping[str, str] | None = None,
    profile: Path | None = None,
    left_out: Sequence[int] = (),
) -> Ran:
    """Run a notebook of a room, where it lies, up to its first error. Its values go to `scratch`, a new folder.

    `shared` are variables that the workers of its stages have too, `profile` is IPython's folder for it, and the cells
    that are `left_out` are not run.
    """
    for folder in (scratch, scratch / "tmp"):
        folder.mkdir()
    script, out = str(SCRIPT), scratch / "out"
    # Without MPLBACKEND the kernel takes Jupyter's own, which ends figures with their cell as people see it happen.
    environ = {key: text for key, text in os.environ.items() if key != "MPLBACKEND"}
    packages = [_packages(environment)]
    if (room.folder / "src").is_dir():  # the project's own package, which stages import from there
        packages.append(str(room.place / "src"))
    environ |= {"PYTHONPATH": os.pathsep.join(packages), "JUPYTER_PLATFORM_DIRS": "1"}
    environ |= {"JUPYTER_RUNTIME_DIR": str(scratch / "jupyter"), "TMPDIR": str(scratch / "tmp")}
    environ |= shared or {}
    environ |= {"IPYTHONDIR": str(profile)} if profile else {}
    notebook = room.place / name
    words = [
        str(jupyter),
        script,
        str(notebook),
        json.dumps(list(names)),
        str(notebook.parent),
        str(out),
        str(room.place),
        json.dumps(list(left_out)),
    ]
    with (scratch / "stderr").open("w+", encoding="utf-8", errors="replace") as errors:
        process = subprocess.Popen(
            [*room.prefix, *words],
            stdin=subprocess.PIPE,  # it ends when that does: with this process, whatever ends it
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environ,
            start_new_session=True,  # Ctrl-C is for this process, which ends it
        )
        with ending(process):
            told, began, seconds = _heard(process, name, say)
        errors.seek(0)
        said = errors.read().strip()
    if "broken" in told:
        return Ran(broken=told["broken"])
    if "printed" not in told:
        return Ran(broken=said[-600:] or f"the kernel said nothing and ended with {process.returncode}")
    file = out / "values.json"
    values = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return Ran(
        others=tuple(values.pop("", {}).get("names", ())),
        values=values,
        displays=_displays(out / "displays.json", told["ran"]),
        printed={int(cell): text for cell, text in told["printed"].items()},
        errors=tuple(told["errors"]),
        place=str(notebook.parent),
        root=str(room.place),
        pictures=_pictures(out / "pictures.json", told["ran"]),
        began=began,
        failed=Failed(**told["failed"]) if told["failed"] else None,
        died=told["died"],
        seconds=seconds,
    )


def _pictures(file: Path, ran: Sequence[int]) -> list[Picture]:
    """What the kernel wrote of figures; `ran` are the cells that ran."""
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    known = ([(ran[number - 1], told) for number, told in one if 1 <= number <= len(ran)] for one in found)
    return [one for one in known if one]


def _displays(file: Path, ran: Sequence[int]) -> list[dict[str, Any]]:
    found = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
    return [one | {"cell": ran[one["cell"] - 1]} for one in found if 1 <= one["cell"] <= len(ran)]


def surroundings(folder: Path) -> dict[str, str]:
    """Variables for both runs, without which no two processes agree; what they name goes into `folder`.

    The order of sets of strings, the date that tools write into files (https://reproducible-builds.org/specs/), and the
    names within Matplotlib's SVG: `svg.hashsalt` stands in a file, with what a person's own `matplotlibrc` says. Native
    libraries add up in one thread, unless a person says in how many: with more they round otherwise.
    """
    seed, epoch = os.environ.get("PYTHONHASHSEED", ""), os.environ.get("SOURCE_DATE_EPOCH", "")
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config", "matplotlib")
    said = [os.environ.get("MATPLOTLIBRC"), os.environ.get("MPLCONFIGDIR"), home, Path.home() / ".matplotlib"]
    places = [Path(one) for one in said if one]
    own = next((one for at in places for one in (at, at / "matplotlibrc") if one.is_file()), None)
    text = own.read_text(encoding="utf-8", errors="replace") if own else ""
    if not re.search(r"^\s*svg\.hashsalt\s*:", text, re.MULTILINE):
        text = f"{text.rstrip()}\nsvg.hashsalt: notebook\n".lstrip()
    file = folder / "matplotlibrc"
    file.write_text(text, encoding="utf-8")
    return {
        "PYTHONHASHSEED": seed if seed.isdigit() else "0",
        "SOURCE_DATE_EPOCH": epoch if epoch.isdigit() else str(int(time.time())),
        "MATPLOTLIBRC": str(file),
        **{name: os.environ.get(name) or "1" for name in THREAD_POOLS},
    }


def _packages(environment: Environment) -> str:
    packages = sysconfig.get_path("purelib", vars={"base": str(environment.path)})
    if Path(packages).is_dir():
        return packages
    version = ".".join(environment.python_version.split(".")[:2])
    return str(environment.path / "lib" / f"python{version}" / "site-packages")


def _heard(
    process: subprocess.Popen[str], name: str, say: Say
) -> tuple[dict[str, Any], dict[int, float], float]:
    """What the kernel's last line says, when cells began, and what all took; each cell is told as it begins."""
    told: dict[str, Any] = {}
    began: dict[int, float] = {}
    seconds = 0.0
    with process:
        for line in process.stdout or ():
            try:
                heard = json.loads(line)
            except ValueError:
                continue  # what a library prints at its end
            if not isinstance(heard, dict):
                continue
            if "begins" in heard:
                say(f"{name}, cell {heard['begins']}")
                began[heard["begins"]] = heard["at"]
            seconds += heard.get("seconds", 0.0)
            told = heard
    return told, began, seconds
