"""Artifacts of one unit: named files below its staging folder, hashed when they are complete."""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from agi_node.canonical import canonical, sha256_bytes, sha256_file, tag
from agi_node.errors import FAILED, AgiError
from agi_node.values import plain, scrub

_NAME = re.compile(r"(?!\.)[A-Za-z0-9_.-]{1,120}")
_NOT_IN_FILES = re.compile(
    r'[\x00-\x1f\x7f-\x9f<>:"/\\|?*]+'  # of one file system or another
    r"|[\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]+"  # turns a line round, or is no letter at all
)
"""What the name of a file that is kept cannot hold; an author who names an artifact has the letters of `_NAME`."""
_LONGEST = 150
"""Bytes of such a name in UTF-8, which leaves room for an ending: file systems take 255."""
_MODEL = re.compile(r"(?=[^\W_])[\w .-]{1,120}")
_TAG = re.compile(r"[\w.-]{1,120}")
_MEDIA = {
    ".parquet": "application/vnd.apache.parquet",
    ".json": "application/json",
    ".jsonl": "application/jsonl",
    ".md": "text/markdown",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".toml": "application/toml",
    ".yaml": "application/yaml",
    ".npy": "application/x-npy",
}


class Staging:
    """The folder into which one attempt puts what it wants to keep.

    Responsible for: names (one artifact each), files, size and digest. Files are never changed after they were hashed.
    Not responsible for: what a table or a figure is, and where the files go afterwards.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.entries: list[dict[str, Any]] = []
        self._names: set[str] = set()
        self._files: set[str] = set()
        self._freed: set[str] = set()

    @property
    def scratch(self) -> Path:
        """A folder of the attempt's own, made on first use; nothing in it is kept."""
        scratch = self.folder / "scratch"
        scratch.mkdir(parents=True, exist_ok=True)
        return scratch

    def json(self, name: str, value: Any) -> None:
        """Keep plain data as readable JSON."""
        text = json.dumps(tag(plain(value, f"the artifact {name!r}")), ensure_ascii=False, indent=2) + "\n"
        self._add(name, "json", ".json", text.encode("utf-8"), {})

    def table(self, name: str, table: Any) -> None:
        """Keep a table as parquet, with its JSON preview as the artifact `<name>.preview`."""
        from agi_node.tables import Table

        whole = Table.of(table, name)
        preview = whole.preview()
        stem = name.removesuffix(".parquet") if isinstance(name, str) else name
        shown = f"{stem}.preview"
        for free in (name, shown):
            self._check(free, ".parquet" if free is name else ".json")
        meta = {**whole.size, "preview": shown}
        self._add(name, "table", ".parquet", whole.write, meta)
        self._add(shown, "json", ".json", canonical(preview), {"preview_of": name})

    def figure(self, name: str, figure: Any) -> None:
        """Keep a picture (PNG, SVG, or Plotly's JSON)."""
        from agi_node.figures import picture

        data, suffix, media = picture(figure, name)
        self._add(name, "figure", suffix, data, {}, media)

    def file(self, path: Path, name: str | None) -> None:
        """Keep a copy of a file as it is now."""
        if not path.is_file():
            raise AgiError(
                "AGI-NODE-005",
                f"there is no file {path} to keep",
                found="a folder" if path.is_dir() else "nothing",
                allowed="a regular file",
                try_="archive a folder first: shutil.make_archive(run.folder / 'all', 'zip', folder)",
                whose="author",
                exit_code=FAILED,
            )
        name = path.name if name is None else name
        suffix = path.suffix if isinstance(name, str) and not Path(name).suffix else ""
        self._add(name, "file", suffix, lambda target: shutil.copyfile(path, target), {})

    def moved(self, path: Path, name: str, meta: dict[str, Any]) -> str:
        """Keep a file that nobody needs where it is; under `name` or one like it, which is returned."""
        free = self.free(name, "")
        media = _media_type(path.name)
        kind = "figure" if media.startswith("image/") else "json" if media == "application/json" else "file"
        self._add(free, kind, "", lambda target: shutil.move(path, target), meta, media)
        return free

    def data(
        self,
        name: str,
        kind: str,
        suffix: str,
        content: bytes,
        meta: dict[str, Any],
        *,
        media: str | None = None,
        preview: Any = None,
    ) -> str:
        """Keep bytes under `name`, or under `name-2` and so on where that is taken; returns the name.

        `preview` is what a table's first rows are, as `table` would show them.
        """
        free = self.free(name, suffix)
        shown = self.free(f"{free}.preview", ".json")
        if preview is not None:
            meta = {**meta, "preview": shown}
        self._add(free, kind, suffix, content, meta, media)
        if preview is not None:
            self._add(shown, "json", ".json", canonical(preview), {"preview_of": free})
        return free

    def free(self, name: str, suffix: str) -> str:
        """A name like this one that an artifact can have, and that none of this attempt has."""
        base = _kept_name(name)
        stem, dot, ending = base.rpartition(".") if suffix == "" and "." in base else (base, "", "")
        for number in range(1, 10_000):
            tried = base if number == 1 else f"{stem}-{number}{dot}{ending}"
            file = tried if tried.lower().endswith(suffix) else tried + suffix
            if tried.casefold() not in self._names and file.casefold() not in self._files:
                self._freed.add(tried)
                return tried
        raise AssertionError("ten thousand artifacts of one name")

    def model(self, name: str, artifact: Path | str, description: str, tags: Mapping[str, str]) -> None:
        """Mark an artifact as a model of that name; a file that is none yet becomes one."""
        if not isinstance(name, str) or not _MODEL.fullmatch(name):
            raise _no_model(
                repr(name)[:160], "1 to 120 letters, digits, spaces and . _ -, a letter or digit first"
            )
        for key, text in tags.items():
            if not (isinstance(key, str) and _TAG.fullmatch(key) and isinstance(text, str)):
                raise _no_model(
                    f"the tag {key!r:.60}: {text!r:.60}",
                    "tags of text, by names of letters, digits and _ . -",
                )
        if any(entry["meta"].get("model", {}).get("name") == name for entry in self.entries):
            raise _no_model(f"a second {name}", "one artifact of a unit for each name")
        entry = next((one for one in self.entries if one["name"] == artifact), None)
        if entry is None:
            self.file(Path(artifact), None)
            entry = self.entries[-1]
        if "model" in entry["meta"]:
            raise _no_model(
                f"{name} and {entry['meta']['model']['name']}, which are one file", "one name for each file"
            )
        said = {"name": name, "description": scrub(description, 4_000), "tags": dict(tags)}
        entry["meta"] = {**entry["meta"], "model": said}

    def path(self, name: str) -> Path:
        """Where an artifact of this attempt lies; KeyError for a name that was not saved."""
        return self.folder / {entry["name"]: str(entry["file"]) for entry in self.entries}[name]

    def value(self, data: bytes) -> str:
        """Stage the bytes of a value that is too large for a frame; returns the path relative to the folder."""
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "value.json").write_bytes(data)
        return "value.json"

    def _check(self, name: object, suffix: str) -> str:
        if not isinstance(name, str) or not (_NAME.fullmatch(name) or name in self._freed):
            raise AgiError(
                "AGI-NODE-001",
                "an artifact cannot have this name",
                found=repr(name)[:160],
                allowed="1 to 120 of A-Z a-z 0-9 _ . - and not a dot first",
                whose="author",
                exit_code=FAILED,
            )
        file = name if name.lower().endswith(suffix) else name + suffix
        # Compared without case: two names that differ only there are one file on some machines.
        if name.casefold() in self._names or file.casefold() in self._files:
            raise AgiError(
                "AGI-NODE-002",
                f"the artifact {name!r} was already saved by this unit",
                found=", ".join(entry["name"] for entry in self.entries)[:200],
                allowed="a name of its own for each artifact (without regard to case)",
                whose="author",
                exit_code=FAILED,
            )
        return file

    def _add(
        self,
        name: str,
        kind: str,
        suffix: str,
        content: bytes | Callable[[Path], Any],
        meta: dict[str, Any],
        media: str | None = None,
    ) -> None:
        file = self._check(name, suffix)
        path = self.folder / "artifacts" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
            size, digest = len(content), sha256_bytes(content)
        else:
            content(path)
            size = path.stat().st_size
            digest = sha256_bytes(path.read_bytes()) if size <= 1 << 16 else sha256_file(path)
        self.entries.append(
            {
                "name": name,
                "kind": kind,
                "media_type": media or _media_type(file),
                "file": f"artifacts/{file}",
                "size": size,
                "digest": digest,
                "meta": meta,
            }
        )
        self._names.add(name.casefold())
        self._files.add(file.casefold())


def _kept_name(name: str) -> str:
    """A name as file systems take it: its letters composed (NFC), others replaced, no dot or space at an end.

    >>> _kept_name("out ö.txt"), _kept_name("日本.txt"), _kept_name("a/b:c.csv"), _kept_name("..")
    ('out ö.txt', '日本.txt', 'a_b_c.csv', 'file')
    >>> len(_kept_name("ö" * 200 + ".csv").encode()), _kept_name("x" * 200 + ".csv")[-6:]
    (150, 'xx.csv')
    """
    text = _NOT_IN_FILES.sub("_", unicodedata.normalize("NFC", name)).lstrip(". ").rstrip(". ")
    stem, ending = (text[: -len(end)], end) if (end := Path(text).suffix) and len(end) <= 16 else (text, "")
    room = _LONGEST - len(ending.encode())
    return (stem.encode()[:room].decode("utf-8", "ignore") + ending) or "file"


def _no_model(found: str, allowed: str) -> AgiError:
    return AgiError(
        "AGI-NODE-008",
        "a model cannot be registered like this",
        found=found,
        allowed=allowed,
        whose="author",
        exit_code=FAILED,
    )


def _media_type(file: str) -> str:
    suffix = Path(file).suffix.lower()
    if suffix in _MEDIA:
        return _MEDIA[suffix]
    import mimetypes

    # Only the table that ships with Python: the machine's own differs from host to host.
    return mimetypes.MimeTypes().guess_type(file)[0] or "application/octet-stream"
