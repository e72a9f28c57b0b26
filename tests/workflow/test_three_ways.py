"""A lab and its notebook, edited and imported again and again, against a plain three-way merge by entry.

The model below knows nothing of fingerprints, cells or TOML: three trees of plain data, and who changed each leaf.
"""

from __future__ import annotations

import copy
import json
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

from agi_node.errors import AgiError
from agilab.contracts.base import read_document
from agilab.contracts.lab_stages import LabStages
from agilab.workflow.notebooks.exporting import export_lab
from agilab.workflow.notebooks.importing import write_import
from agilab.workflow.notebooks.preview import Preview, beside_what_is_there, preview_import
from agilab.workflow.notebooks.three_ways import Side

Place = tuple[str, ...]
Lab = dict[str, dict[str, Any]]
"""What is said of the lab, under the empty name, and of each stage."""
BY_NAME = {"params", "args", "uses", "extra"}


# -- the model ------------------------------------------------------------------------------------------------------


def leaves(record: Mapping[str, Any]) -> dict[Place, Any]:
    """Every value of a record by its place: entries of tables by name, a list as one."""

    def walk(value: Any, place: Place) -> Iterator[tuple[Place, Any]]:
        if isinstance(value, dict) and value and place[0] in BY_NAME:
            for name, one in value.items():
                yield from walk(one, (*place, name))
        else:
            yield place, value

    return {place: value for name, one in record.items() for place, value in walk(one, (name,))}


def tree(found: Mapping[Place, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for place, value in found.items():
        at = record
        for name in place[:-1]:
            at = at.setdefault(name, {})
        at[place[-1]] = value
    return record


@dataclass
class Agreement:
    """An import: the document that it found and left, by which base, and what the notebook said then."""

    before: Lab
    after: Lab
    base: Lab
    ours: Lab


def agreed(story: list[Agreement], now: Lab, base: Lab) -> tuple[Lab, set[str]]:
    """The base of a merge, and the records that are as an import found them, all that it changed, but not alone."""
    for one in reversed(story):
        if list(one.after.items()) == list(now.items()):
            return one.ours, set()
        if list(one.before.items()) == list(now.items()):
            return one.base, set()
    undone: set[str] = set()
    for one in story:
        changed = {
            name for name in {**one.before, **one.after} if one.before.get(name) != one.after.get(name)
        }
        back = [
            name for name in changed if now.get(name) == one.before.get(name) != story[-1].after.get(name)
        ]
        undone |= changed if len(back) == len(changed) else set()
    return base, undone


def merged(
    base: Lab, ours: Lab, theirs: Lab, prefer: Side | None, undone: set[str]
) -> tuple[Lab, set[tuple[str, Place]]]:
    """What a merge leaves, and the places that both sides changed, each in another way; () is a whole stage.

    Of a record that somebody may have put back to what it was, the notebook's words are as good as an edit.
    """
    result: Lab = {}
    clashes: set[tuple[str, Place]] = set()
    for name in {**theirs, **ours}:
        then, mine, now = base.get(name), ours.get(name), theirs.get(name)
        if mine is None or now is None:
            left = mine if now is None else now
            if then is not None and left == then and not (now is None and name in undone):
                continue  # one side deleted what the other left alone
            if then is not None or (mine is None and name in undone):
                clashes.add((name, ()))
                left = mine if prefer != "file" else now
            if left is not None:
                result[name] = left
            continue
        a, b, c = (leaves(side or {}) for side in (then, mine, now))
        found = {}
        for place in {**c, **b}:
            was, here, there = a.get(place), b.get(place), c.get(place)
            kept = here == was and name not in undone
            if there not in (here, was) and not kept:
                clashes.add((name, place))
            one = there if kept or (prefer == "file" and was != there) else here
            if one is not None:
                found[place] = one
        result[name] = tree(found)
    return result, clashes


# -- a lab, and edits of it -----------------------------------------------------------------------------------------


class Story:
    """A lab in a folder, its notebook, and people who edit both. Every text has a token that nothing else has."""

    def __init__(self, seed: int, folder: Path) -> None:
        self.random = Random(seed)
        self.tokens = 0
        self.file = folder / "lab_stages.toml"
        self.file.write_text(self.lab(), encoding="utf-8")
        self.book = folder / "lab.ipynb"
        self.exported()

    def exported(self) -> None:
        export_lab(read_document(self.file, LabStages), self.file, self.book)
        self.ours = self.theirs()
        self.base = copy.deepcopy(self.ours)
        now = plain(self.base)
        self.story = [Agreement(now, now, self.base, self.base)]
        self.texts = [self.file.read_text(encoding="utf-8")]

    def theirs(self) -> Lab:
        plain = tomllib.loads(self.file.read_text(encoding="utf-8"))
        return {"": plain["lab"], **{stage["id"]: dict(stage) for stage in plain.get("stages", [])}}

    def token(self) -> str:
        self.tokens += 1
        return f"tok{self.tokens:04}x"

    def lab(self) -> str:
        head = f'[lab]\ntitle = "{self.token()}"  # by hand\n'
        head += f'params = {{ p = "{self.token()}", q = 1, r = ["{self.token()}"] }}\n'
        return head + "".join(self.stage(f"s{number}") for number in range(self.random.randint(1, 4)))

    def stage(self, name: str) -> str:
        words = [f'id = "{name}"', f'title = "{self.token()}"   # a title', f'description = "{self.token()}"']
        some = {
            "question": f'"{self.token()}"',
            "enabled": "true  # it goes without saying",
            "timeout": "60",
            "retries": "0",
            "inputs": f'[{{ name = "{self.token()}" }}]',
            "outputs": f'["{self.token()}", "{self.token()}"]',
            "tags": f"['{self.token()}']",
            "uses": f'{{ s0 = ["{self.token()}"], s1 = ["{self.token()}"] }}',
            "extra": f'{{ a = "{self.token()}", b = {{ c = "{self.token()}", d = "{self.token()}" }} }}',
        }
        words += [f"{key} = {value}" for key, value in some.items() if self.random.random() < 0.5]
        if self.random.random() < 0.3:
            words += [
                'app = "an_app"',
                f'args = {{ m = "{self.token()}", n = {{ k = "{self.token()}", l = 2 }} }}',
            ]
        else:
            words.append(f"code = '''\n{self.token()} = 1\n'''")
        return "\n# one of them\n[[stages]]\n" + "\n".join(words) + "\n"

    # -- edits: each changes one place ------------------------------------------------------------------------------

    def in_file(self) -> None:
        said = self.file.read_text(encoding="utf-8")
        kind = self.random.choice(["leaf"] * 6 + ["entry", "entry", "delete", "add", "back"])
        if kind == "back":
            said = self.random.choice(self.texts)
        elif kind == "leaf":
            said = said.replace(self.some_token(said), self.token())
        elif kind == "entry":
            some = [word for word in ("params = { ", "args = { ", "extra = { ") if word in said]
            if some:
                word = self.random.choice(some)
                said = said.replace(word, f'{word}{self.token()} = "{self.token()}", ', 1)
        elif kind == "add":
            said += self.stage(f"f{self.token()}")
        else:
            blocks = said.split("\n# one of them\n")
            if len(blocks) > 2:
                blocks.pop(self.random.randrange(1, len(blocks)))
            said = "\n# one of them\n".join(blocks)
        self.file.write_text(said, encoding="utf-8")

    def some_token(self, said: str) -> str:
        tokens = [word for word in self.known() if said.count(word) == 1]
        names = {*self.ours, *self.theirs()}  # by its name a stage of the file is one of the notebook
        tokens = [word for word in tokens if not any(word in name for name in names)]
        shared = [word for word in tokens if word in json.dumps(self.ours)]
        return self.random.choice(shared if shared and self.random.random() < 0.7 else tokens)

    def known(self) -> list[str]:
        return [f"tok{number:04}x" for number in range(1, self.tokens + 1)]

    def in_notebook(self) -> None:
        book = json.loads(self.book.read_text(encoding="utf-8"))
        cells = book["cells"]
        kind = self.random.choice(["leaf"] * 6 + ["param", "delete", "add"])
        if kind == "leaf":
            self.leaf_in_notebook(cells)
        elif kind == "param":
            name, value = self.token(), self.token()
            (cell,) = [one for one in cells if one["id"] == "lab-params"]
            cell["source"] = [*cell["source"], f"\n{name} = '{value}'"]
            self.ours[""]["params"][name] = value
        elif kind == "add":
            name, gives, code = f"n{self.token()}", self.token(), self.token()
            cells.insert(len(cells) - 1, cell_of(name, f"%%stage {name} -> {gives}\n{code} = 1"))
            self.ours[name] = {"id": name, "outputs": [gives], "code": f"{code} = 1"}
        elif len(self.ours) > 2:  # a notebook without any stage is none of a lab
            name = self.random.choice([one for one in self.ours if one])
            cells[:] = [one for one in cells if one["id"] not in (name, f"{name}-text")]
            del self.ours[name]
        self.book.write_text(json.dumps(book), encoding="utf-8")

    def leaf_in_notebook(self, cells: list[dict[str, Any]]) -> None:
        texts = ["".join(cell["source"]) for cell in cells]
        shown = [word for word in self.known() if sum(text.count(word) for text in texts) == 1]
        shown = [word for word in shown if not any(word in name for name in self.ours)]
        if not shown:
            return
        old, new = self.random.choice(shown), self.token()
        for cell, text in zip(cells, texts, strict=True):
            cell["source"] = text.replace(old, new)
        self.ours = replaced(self.ours, old, new)

    # -- imports ----------------------------------------------------------------------------------------------------

    def imported(self, prefer: Side | None) -> None:
        said, before = self.file.read_text(encoding="utf-8"), self.theirs()
        base, undone = agreed(self.story, plain(before), self.base)
        wanted, clashes = merged(plain(base), plain(self.ours), plain(before), prefer, undone)
        preview = beside_what_is_there(preview_import([self.book]), self.file.parent, prefer=prefer)
        assert told(preview) == asked_of(clashes)
        if clashes and prefer is None:
            with pytest.raises(AgiError, match="were edited in the same places"):
                write_import(preview, self.file.parent, lock=False)
            assert self.file.read_text(encoding="utf-8") == said
            return
        write_import(preview, self.file.parent, lock=False)
        after = self.theirs()
        assert plain(after) == wanted
        self.nothing_is_gone_without_a_row(preview, plain(before), plain(after))
        self.nothing_else_is_rewritten(said, plain(before), plain(after))
        self.base = copy.deepcopy(self.ours)
        self.texts += [said, self.file.read_text(encoding="utf-8")]
        self.story.append(Agreement(plain(before), plain(after), base, self.base))

    def nothing_is_gone_without_a_row(self, preview: Preview, before: Lab, after: Lab) -> None:
        for name, record in before.items():
            lost = {
                place
                for place, value in leaves(record).items()
                if leaves(after.get(name, {})).get(place) != value
            }
            assert not lost or name in {one["stage"] for one in preview.back}, (name, lost, preview.back)

    def nothing_else_is_rewritten(self, said: str, before: Lab, after: Lab) -> None:
        now = blocks(self.file.read_text(encoding="utf-8"))
        for name, block in blocks(said).items():
            if before[name] == after.get(name):
                assert now[name] == block


def cell_of(name: str, source: str) -> dict[str, Any]:
    return {
        "cell_type": "code", "id": name, "metadata": {}, "source": source, "outputs": [], "execution_count": None,
    }  # fmt: skip


def replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {name.replace(old, new): replaced(one, old, new) for name, one in value.items()}
    if isinstance(value, list):
        return [replaced(one, old, new) for one in value]
    return value.replace(old, new) if isinstance(value, str) else value


def plain(lab: Lab) -> Lab:
    """A lab with one spelling for what means the same, and without what goes without saying."""
    found = copy.deepcopy(lab)
    for record in found.values():
        if "inputs" in record:
            record["inputs"] = [one["name"] if isinstance(one, dict) else one for one in record["inputs"]]
        for name, default in (("enabled", True), ("retries", 0)):
            if record.get(name) == default:
                del record[name]
    return found


def told(preview: Preview) -> set[tuple[str, str]]:
    """Stages, and what of each both changed, by the rows; nothing of a stage is all of it."""
    found = set()
    for row in preview.back:
        if row["kind"] == "both":
            names = row["what"].partition(": edited in ")[0] if ": edited in " in row["what"] else ""
            names = names.removeprefix("its ").removeprefix("the lab's ")
            found |= {(row["stage"], name) for name in names.split(", ")}
    return found


def asked_of(clashes: set[tuple[str, Place]]) -> set[tuple[str, str]]:
    return {
        (name, " ".join([*place[:1], *([".".join(place[1:])] if place[1:] else [])]))
        for name, place in clashes
    }


def blocks(said: str) -> dict[str, str]:
    """What stands of each stage in a document, by its name."""
    _, *parts = said.split("[[stages]]")
    return {tomllib.loads(part)["id"]: part.partition("\n# one of them")[0].strip() for part in parts}


def tale(seed: int, folder: Path) -> None:
    story = Story(seed, folder)
    for _ in range(story.random.randint(2, 5)):
        for _ in range(story.random.randint(0, 4)):
            story.in_file()
        for _ in range(story.random.randint(0, 4)):
            story.in_notebook()
        if story.random.random() < 0.1 and len(story.theirs()) > 1:
            story.exported()
        story.imported(story.random.choice([None, None, "notebook", "file"]))


@pytest.mark.slow
def test_who_edits_on_both_sides_gets_what_a_plain_merge_leaves(tmp_path: Path) -> None:
    for seed in range(40):
        (folder := tmp_path / str(seed)).mkdir()
        tale(seed, folder)


@pytest.mark.slow
def test_a_hundred_of_such_stories(tmp_path: Path) -> None:
    for seed in range(1_000, 1_100):
        (folder := tmp_path / str(seed)).mkdir()
        tale(seed, folder)
