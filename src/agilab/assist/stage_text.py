"""The stage that is asked about: found in its lab, with its code as it stands and the names that are there for it."""

from __future__ import annotations

import codecs
import shlex
from difflib import get_close_matches
from pathlib import Path

from agi_node.errors import AgiError
from agilab.contracts.canonical import sha256_bytes
from agilab.contracts.lab_stages import LabStages, Stage, is_file


def find_stage(lab: LabStages, stage_id: str, lab_file: Path) -> Stage:
    """The stage of this id. Raises AGI-ASSIST-060 where there is none, or it calls an app."""
    found = next((stage for stage in lab.stages if stage.id == stage_id), None)
    if found is None:
        ids = [stage.id for stage in lab.stages]
        close = get_close_matches(stage_id, ids, n=1, cutoff=0.5)
        raise AgiError(
            "AGI-ASSIST-060",
            f"{lab_file.name} has no stage {stage_id!r}",
            found=stage_id[:80],
            allowed=", ".join(ids) or "none: it has no stages yet",
            try_=f"agilab workflow ask {close[0]} …" if close else _adding(lab, stage_id),
        )
    if found.app is not None:
        raise AgiError(
            "AGI-ASSIST-060",
            f"stage {stage_id!r} has no code to write",
            found=f"a call of the app {found.app!r}",
            allowed="a stage with code",
        )
    return found


def _adding(lab: LabStages, stage_id: str) -> str:
    """The command that adds an empty stage, which goes on with the last value of the lab."""
    values = [output for stage in lab.stages for output in stage.outputs if not is_file(output)]
    goes_on = f" --input {values[-1]} --output {values[-1]}" if values else ""
    return f"agilab workflow add {shlex.quote(stage_id[:80])} --code ''{goes_on}"


def code_now(stage: Stage, folder: Path) -> str:
    """The code of a stage as it stands, inline or in its file; empty where there is none yet.

    Raises AGI-ASSIST-060 for a file that is outside the lab's folder or cannot be read.
    """
    if stage.file is None:
        return stage.code or ""
    path = folder / stage.file
    try:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise OSError("outside the folder of the lab")
        return path.read_text(encoding="utf-8-sig") if path.exists() else ""
    except (OSError, UnicodeDecodeError) as error:
        raise AgiError(
            "AGI-ASSIST-060",
            f"the file of stage {stage.id!r} cannot be read",
            found=f"{stage.file}: {getattr(error, 'strerror', None) or error!s:.80}",
            allowed="a Python file inside the folder of the lab",
        ) from None


def spelled_as(code: str, before: bytes) -> bytes:
    """Code as the bytes of its file: with the mark and the line ends that stand in the file before it changes."""
    ends = "\r\n" if b"\r\n" in before else "\n"
    mark = codecs.BOM_UTF8 if before.startswith(codecs.BOM_UTF8) else b""
    return mark + code.replace("\n", ends).encode("utf-8")


def given_names(lab: LabStages, stage: Stage) -> set[str]:
    """The names that are there when the code of a stage begins."""
    names = set(stage.foreach)
    for one in stage.inputs:
        name = one if isinstance(one, str) else one.called or one.name
        if not is_file(name):
            names.add(name)
    return names | {name for taken in stage.uses.values() for name in taken}


def appended(before: str, new: str) -> str:
    """Code after code: imports that are not there yet go on top, the rest to the end."""
    lines = new.splitlines()
    imports = [line for line in lines if line.startswith(("import ", "from "))]
    body = "\n".join(line for line in lines if line not in imports).strip("\n")
    there = set(before.splitlines())
    missing = [line for line in imports if line not in there]
    head = "\n".join(missing) + "\n" if missing else ""
    if head and not before.startswith(("import ", "from ")):
        head += "\n"
    return f"{head}{before.rstrip()}\n\n{body}\n"


def state_of(lab_file: Path, stage: Stage) -> str:
    """A digest of the lab's file and of the file of the stage, as they are now."""
    data = lab_file.read_bytes()
    path = lab_file.parent / stage.file if stage.file else None
    return sha256_bytes(data + (path.read_bytes() if path is not None and path.is_file() else b""))
