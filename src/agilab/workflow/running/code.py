"""What a stage's code is: its text, what it takes from other stages' texts, and the digests by which a change shows."""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from agi_node.canonical import digest
from agi_node.errors import FAILED, AgiError
from agi_node.source.carried import carried
from agilab.contracts.lab_stages import LabStages, Stage

_WHERE = re.compile(r"cwd|resolve|absolute|abspath|realpath|\bpwd\b|__file__")


@dataclass(frozen=True)
class StageCode:
    """The code of one stage.

    Attributes:
        text: What is run.
        carried: For each stage that something is taken from, its id and the statements, in the order of the document.
        parts: A digest for each part, by which a change is told: syntax trees, so comments and layout do not count.
    """

    text: str
    carried: tuple[tuple[str, str], ...]
    parts: Mapping[str, str]

    @property
    def asks_where(self) -> bool:
        """Whether it may ask for the folder that it runs in, and so learn what that is called."""
        return any(_WHERE.search(text) for text in (self.text, *(text for _, text in self.carried)))

    @property
    def digest(self) -> str:
        """The digest of all parts: the code's part of a cache key."""
        return digest(dict(self.parts))


def text_of(stage: Stage, folder: Path) -> str:
    """The text of a stage's code. Raises AGI-STAGE-031 for a file that cannot be read."""
    if stage.file is None:
        return stage.code or ""
    path = folder / stage.file
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as problem:
        raise AgiError(
            "AGI-STAGE-031",
            f"the code of stage {stage.id} cannot be read",
            found=f"{stage.file}: {getattr(problem, 'strerror', None) or problem}",
            allowed="a Python file in UTF-8, relative to the folder of lab_stages.toml",
            whose="author",
            exit_code=FAILED,
        ) from problem


def code_of(stage: Stage, lab: LabStages, folder: Path, modules: Mapping[str, Path]) -> StageCode:
    """The code of a stage with what it uses; `modules` are the lab's own modules by the name that is imported.

    Raises AGI-STAGE-032 where another stage's text does not have what is taken from it.
    """
    text = text_of(stage, folder)
    taken = _taken(stage, lab, folder)
    parts = {f"stage {stage.id}": _tree_digest(text)}
    for other, statements in taken:
        parts[f"taken from {other}"] = _tree_digest(statements)
    for name, path in modules_of([text, *(statements for _, statements in taken)], modules).items():
        parts[f"module {name}"] = _tree_digest(path.read_text(encoding="utf-8-sig", errors="replace"))
    return StageCode(text, taken, parts)


def _taken(stage: Stage, lab: LabStages, folder: Path) -> tuple[tuple[str, str], ...]:
    """The statements that a stage takes from others, and those that these take in turn, in the document's order."""
    wanted: dict[str, set[str]] = {}
    by_id = {one.id: one for one in lab.stages}
    todo = [(other, set(names)) for other, names in stage.uses.items()]
    while todo:
        other, names = todo.pop()
        names -= wanted.setdefault(other, set())
        if not names or other not in by_id:
            continue
        wanted[other] |= names
        # What those statements need themselves may come from elsewhere, by the uses of the stage that they stand in.
        need = carried(text_of(by_id[other], folder), names).missing
        for further, given in by_id[other].uses.items():
            if passed_on := set(given) & need:
                todo.append((further, passed_on))
    found = []
    for one in lab.stages:
        if taken := wanted.get(one.id):
            result = carried(text_of(one, folder), taken)
            if lost := taken - result.found:
                raise _not_there(stage, one.id, sorted(lost))
            found.append((one.id, result.text))
    if unknown := wanted.keys() - by_id.keys():
        raise _not_there(stage, sorted(unknown)[0], sorted(wanted[sorted(unknown)[0]]))
    return tuple(found)


def _not_there(stage: Stage, other: str, names: list[str]) -> AgiError:
    return AgiError(
        "AGI-STAGE-032",
        f"stage {stage.id} uses {', '.join(names[:5])} of stage {other}, whose text does not have it",
        found=f"no import, function, class or constant of that name in {other}",
        allowed="names of imports, functions, classes and constants; what is computed is an input",
        try_="agilab workflow validate",
        whose="author",
        exit_code=FAILED,
    )


def _tree_digest(text: str) -> str:
    try:
        spelled = ast.dump(ast.parse(text))
    except (SyntaxError, ValueError, RecursionError):
        spelled = text  # it will not run; until then every change counts
    return hashlib.sha256(spelled.encode("utf-8", "surrogatepass")).hexdigest()


def own_modules(source: Path) -> dict[str, Path]:
    """The modules below a source folder by the name under which they are imported."""
    root = source / "src" if (source / "src").is_dir() else source
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return {name: path for name, path in found.items() if name}


def modules_of(texts: list[str], modules: Mapping[str, Path]) -> dict[str, Path]:
    """The lab's own modules that these texts import, and those that they import."""
    reached: dict[str, Path] = {}
    todo = list(texts)
    while todo:
        for name in _imported(todo.pop()):
            parents = [".".join(name.split(".")[:end]) for end in range(1, name.count(".") + 2)]
            for each in parents:
                if each in modules and each not in reached:
                    reached[each] = modules[each]
                    todo.append(modules[each].read_text(encoding="utf-8-sig", errors="replace"))
    return dict(sorted(reached.items()))


def _imported(text: str) -> set[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return set()
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.update(f"{node.module}.{alias.name}" for alias in node.names)
    return names
