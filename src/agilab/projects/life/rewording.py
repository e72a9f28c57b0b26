"""An app's files under other names: pure functions from a path or a text to what it becomes.

There are two ways. A *template* says which words are its name (`[tool.agilab.template]`), and takes care that they
mean nothing else: they are replaced wherever they stand as whole words. Any *other app* has a name that may also be a
word of its domain (`flight`), so it is replaced where it is certainly the name: in imports, in references such as
`flight:app`, in `App("flight")`, in commands, in paths below `src/`, and as `flight_project` and `flight-project`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agilab.contracts.toml import merged
from agilab.projects.life.contents import LIBRARIES, is_data
from agilab.projects.life.imports import reimported
from agilab.projects.life.names import Names
from agilab.projects.life.relock import relocked

TEXTS = (
    *(".py", ".pyi", ".pyx", ".toml", ".md", ".rst", ".txt", ".dot", ".json", ".ipynb", ".svg", ".lock"),
    *(".cfg", ".csv", ".yaml", ".yml", ".sh"),
)
_DISTINCT = re.compile(r".+[-_].+")
"""A name of several words is no word of any domain."""


@dataclass(frozen=True)
class Rewording:
    """From one set of names to another.

    Attributes:
        everywhere: The old names are those of a template, and mean nothing else.
        modules: What the old module has inside, by which `flight.tracks` is told from a sentence.
        moved: Paths of local libraries, as they were spelled and as they must be now.
    """

    old: Names
    new: Names
    everywhere: bool = False
    modules: frozenset[str] = frozenset()
    moved: Mapping[str, str] = field(default_factory=dict)

    def path(self, path: str) -> str:
        """Where a file lies under the new names; a library that was carried along has a name of its own."""
        if path.startswith(f"{LIBRARIES}/"):
            return path
        old, new = self.old.module, self.new.module
        if old is None or new is None:
            return self._words(path) if self.everywhere else path
        if self.everywhere:
            return self._words(path)
        parts = path.split("/")
        at = 1 if parts[0] == "src" else 0
        if len(parts) > at and (parts[at] == old or (len(parts) == at + 1 and parts[at] == f"{old}.py")):
            parts[at] = new + parts[at].removeprefix(old)
        if parts[0] == "tests":
            parts[-1] = re.sub(rf"^test_{re.escape(old)}(?=[_.])", f"test_{new}", parts[-1])
        return "/".join(parts)

    def data(self, path: str, data: bytes) -> bytes:
        """The content of the file at `path` (its old one); what is no text of ours comes back as it is."""
        if not is_text(path) or path.startswith(f"{LIBRARIES}/") or (not self.everywhere and is_data(path)):
            return data
        try:
            text = data.decode("utf-8")
        except UnicodeDecodeError:
            return data
        return self._text(path, text).encode("utf-8")

    def _text(self, path: str, text: str) -> str:
        if path == "uv.lock":
            return relocked(text, self.old.project, self.new.project, self.moved)
        if path == "pyproject.toml":
            return self._pyproject(text)
        text = self._words(text)
        if self.everywhere or self.old.module is None or self.new.module is None:
            return text
        if path.endswith((".py", ".pyi", ".pyx")):
            names = dict.fromkeys((self.old.base, self.old.module), self.new.base)
            return reimported(text, self.old.module, self.new.module, modules=self.modules, names=names)
        if path.endswith(".dot"):
            graph = rf'(?m)^(\s*(?:strict\s+)?(?:di)?graph\s+"?){re.escape(self.old.module)}(?=["\s{{])'
            return re.sub(graph, rf"\g<1>{self.new.module}", text)
        return text

    def _words(self, text: str) -> str:
        """What stands as whole words, in one pass: a new name that contains an old one is not replaced again."""
        words: dict[str, str] = {}
        if self.everywhere or _DISTINCT.fullmatch(self.old.folder):
            words[self.old.folder] = self.new.folder
        if self.everywhere or _DISTINCT.fullmatch(self.old.project):
            words[self.old.project] = self.new.project
        patterns = [rf"(?<![\w-]){re.escape(word)}(?![\w-])" for word in words]
        old, new = self.old.module, self.new.module
        if old is not None and new is not None:
            if self.everywhere:
                patterns.append(rf"(?<![A-Za-z0-9_]){re.escape(old)}(?![A-Za-z0-9_])")
                patterns.append(rf"(?<![A-Za-z0-9_])test_{re.escape(old)}(?![A-Za-z0-9])")
                words |= {old: new, f"test_{old}": f"test_{new}"}
            else:
                patterns.append(rf"(?<![\w./-])src/{re.escape(old)}(?![\w-])")
                patterns.append(rf"(?<![\w/-])tests/test_{re.escape(old)}(?=[_.])")
                words |= {f"src/{old}": f"src/{new}", f"tests/test_{old}": f"tests/test_{new}"}
        if patterns:
            text = re.sub("|".join(patterns), lambda found: words[found[0]], text)
        return text if self.everywhere else self._commands(text)

    def _commands(self, text: str) -> str:
        """`agilab run flight`, as people write it in a README."""
        word = re.escape(self.old.base)
        command = rf"(\bagilab (?:[a-z-]+ ){{1,3}}){word}(?![\w-])"
        return re.sub(command, rf"\g<1>{self.new.base}", text)

    # -- pyproject.toml --------------------------------------------------------------------------------------

    def _pyproject(self, text: str) -> str:
        text = self._words(text)
        for spelled, now in self.moved.items():
            text = re.sub(
                rf"""(\bpath\s*=\s*(["'])){re.escape(spelled)}(?=\2)""",
                lambda found, now=now: found[1] + now,  # type: ignore[misc]
                text,
            )
        plain = tomllib.loads(text)
        changed = self._plain(plain, ())
        if self.everywhere:
            changed.get("tool", {}).get("agilab", {}).pop("template", None)
        return text if changed == plain else merged(text, changed, "pyproject.toml")

    def _plain(self, value: Any, place: tuple[str, ...]) -> Any:
        if isinstance(value, dict):
            return {key: self._plain(inside, (*place, key)) for key, inside in value.items()}
        if isinstance(value, list):
            return [self._plain(inside, place) for inside in value]
        return self._value(value, place) if isinstance(value, str) else value

    def _value(self, text: str, place: tuple[str, ...]) -> str:
        old, new = self.old.module, self.new.module
        if place == ("project", "name"):
            return self.new.project
        if old is None or new is None or place[:2] == ("project", "description"):
            return text
        refers = place[0] == "tool" or place[:2] in (
            ("project", "scripts"),
            ("project", "gui-scripts"),
            ("project", "entry-points"),
        )
        if refers and re.fullmatch(rf"{re.escape(old)}([.:][\w.:]*)?", text):
            return new + text.removeprefix(old)
        return text


def is_text(path: str) -> bool:
    """Whether a file may have the app's name in it; any other is not even read for that."""
    return path.endswith(TEXTS)
