"""Values of one stage that hold the same objects: who takes several of them has each object once, as the stage had."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from agi_node.artifacts import Staging
from agi_node.errors import AgiError
from agi_node.handover import take_over
from agi_node.lab_folder import running_in
from agi_node.together import hand_over_all, take_over_all


class Account:
    """Somebody's object, with an equality of its own."""

    def __init__(self, owner: str, *friends: Any) -> None:
        self.owner, self.friends = owner, list(friends)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Account) and other.owner == self.owner

    __hash__ = None  # type: ignore[assignment]


class Measured:
    """A number with an error, which is the same as itself alone."""

    def __init__(self, value: float) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Measured) and other.value == self.value

    def __hash__(self) -> int:
        return id(self)


class Symbol:
    """What a library says is the same wherever the name is."""

    def __init__(self, name: str) -> None:
        self.name, self.known = name, {"real": True}

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Symbol) and other.name == self.name

    def __hash__(self) -> int:
        return hash(self.name)


@dataclasses.dataclass
class Row:
    items: list[int] = dataclasses.field(default_factory=list)


def handed(folder: Path, **values: Any) -> dict[str, dict[str, Any]]:
    """The forms of some values, with the places of their artifacts, as the next stage is given them."""
    staging = Staging(folder)
    forms: dict[str, dict[str, Any]] = json.loads(json.dumps(hand_over_all(values, staging, "make")))
    for name, form in forms.items():
        form |= {"stage": "make", "called": name}
        for one in (form, form.get("together", {})):
            if "artifact" in one:
                one["path"] = str(staging.path(one["artifact"]))
    return forms


def together(forms: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for name, form in forms.items():
        if "together" in form:
            found.setdefault(form["together"]["artifact"], []).append(name)
    return found


def test_an_object_in_two_values_is_one_for_who_takes_both(tmp_path: Path) -> None:
    ann = Account("Ann")
    forms = handed(tmp_path, bank=Account("Bank", ann), ann=ann, bob=Account("Bob"))
    assert together(forms) == {"bank+ann.together": ["bank", "ann"]}
    found = take_over_all(forms)
    assert found["bank"].friends[0] is found["ann"]
    alone = take_over_all({"ann": forms["ann"]})["ann"]
    assert alone == found["ann"]
    assert alone is not found["ann"]


def test_two_names_of_one_object_are_two_names_of_one_object(tmp_path: Path) -> None:
    ann = Account("Ann")
    found = take_over_all(handed(tmp_path, a=ann, b=ann))
    assert found["a"] is found["b"]


def test_what_is_the_same_as_itself_alone_stays_it(tmp_path: Path) -> None:
    error = Measured(0.1)
    found = take_over_all(handed(tmp_path, m=[error, Account("m")], b={"of": error, "by": Account("b")}))
    assert found["m"][0] in {found["b"]["of"]}


def test_values_are_together_that_others_join(tmp_path: Path) -> None:
    one, two = Account("1"), Account("2")
    forms = handed(tmp_path, a=[one], b=[two], c=Account("c"), d=[one, two])
    assert together(forms) == {"a+b+d.together": ["a", "b", "d"]}


def test_plain_data_arrays_and_tables_that_an_object_holds_are_what_it_holds(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    log, grid, table = ["begun"], np.zeros(3), pandas.DataFrame({"x": [1]})
    forms = handed(tmp_path, log=log, grid=grid, table=table, sim=Account("sim", log, grid, table))
    assert {name: form["kind"] for name, form in forms.items()} == {
        "log": "json",
        "grid": "npy",
        "table": "parquet",
        "sim": "pickle",
    }
    found = take_over_all(forms)
    assert all(found[name] is one for name, one in zip(forms, found["sim"].friends, strict=False))
    assert take_over(forms["log"]) == log


def test_records_that_are_looked_up_by_name_are_the_records_of_the_list(tmp_path: Path) -> None:
    people = [{"name": "Ann", "age": 4}, {"name": "Bob", "age": 5}]
    found = take_over_all(handed(tmp_path, people=people, by={one["name"]: one for one in people}))
    found["by"]["Ann"]["age"] += 1
    assert found["people"][0]["age"] == 5


def test_an_array_and_a_part_of_it_are_one_memory_and_two_parts_are_two(tmp_path: Path) -> None:
    grid = np.zeros((3, 4))
    forms = handed(tmp_path, grid=grid, row=grid[1])
    assert [form["kind"] for form in forms.values()] == ["npy", "npy"]
    found = take_over_all(forms)
    found["row"][:] = 7.0
    assert found["grid"].sum() == 28.0
    assert together(handed(tmp_path / "two", x=grid[:, :2], y=grid[:, 2])) == {}


def test_values_that_share_what_is_as_good_twice_stay_apart(tmp_path: Path) -> None:
    text, pair = "word" * 10, ("a", 1.5)
    shared = [text, pair, Path("x"), np.dtype([("a", "i8")]), np.float64(2), Account, len, Symbol("x")]
    forms = handed(tmp_path / "a", a=[*shared, Account("a")], b={"in": [*shared, Account("b")]})
    assert together(forms) == {}
    assert together(handed(tmp_path / "b", a=Row(), b=Row(), c=[1], d=[1], e=text, f=text)) == {}


def test_what_a_persons_own_class_calls_equal_may_change_and_is_one(tmp_path: Path) -> None:
    run = """
import json, sys
from pathlib import Path
from agi_node.artifacts import Staging
from agi_node.together import hand_over_all

class Node:
    def __init__(self, name): self.name, self.seen = name, 0
    def __eq__(self, other): return self.name == other.name
    def __hash__(self): return hash(self.name)

class Empty:
    known = []
    def method(self, x: int = 1, *, y=[1]) -> int: return super().method

node = Node("n")
values = {"graph": {node: {1}}, "node": node, "one": Empty(), "two": Empty()}
print(json.dumps(hand_over_all(values, Staging(Path(sys.argv[1])), "make")))
"""
    told = subprocess.run([sys.executable, "-c", run, tmp_path], check=True, capture_output=True, text=True)
    assert together(json.loads(told.stdout)) == {"graph+node.together": ["graph", "node"]}


def test_units_that_left_the_same_bytes_have_objects_of_their_own(tmp_path: Path) -> None:
    ann = Account("Ann")
    forms = handed(tmp_path, a=ann, b=[ann])

    def of_units(name: str) -> dict[str, Any]:
        place = forms[name]["together"]
        items = [[key, {**forms[name], "together": {**place, "unit": f"make[{key}]"}}] for key in "xy"]
        return {"kind": "many", "items": items}

    found = take_over_all({"a": of_units("a"), "b": of_units("b")})
    assert all(found["a"][key] is found["b"][key][0] for key in "xy")
    assert found["a"]["x"] is not found["a"]["y"]


def test_a_path_into_the_folder_leads_into_that_of_the_reader(tmp_path: Path) -> None:
    with running_in(tmp_path / "one"):
        ann = Account(str(tmp_path / "one" / "a.csv"))
        forms = handed(tmp_path, a=ann, b=[ann])
    with running_in(tmp_path / "two"):
        found = take_over_all(forms)
    assert found["a"].owner == str(tmp_path / "two" / "a.csv")
    assert found["b"][0] is found["a"]


def _module(folder: Path, name: str, text: str) -> Path:
    (folder / f"{name}.py").write_text(text)
    return folder


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A module that is there for whoever writes, and not for whoever reads."""
    monkeypatch.syspath_prepend(_module(tmp_path, "theirs", "class Held:\n    pass\n"))
    import theirs  # type: ignore[import-not-found]

    yield theirs.Held
    sys.modules.pop("theirs", None)


def test_a_value_that_cannot_be_read_is_named_and_harms_none_that_it_was_written_with(
    tmp_path: Path, theirs: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    ann, lost = Account("Ann"), theirs()
    lost.ann, lost.by = ann, {lost: [lost]}
    forms = handed(tmp_path / "out", lost=lost, ann=ann, bank=Account("Bank", ann))
    monkeypatch.setattr(sys, "path", [one for one in sys.path if one != str(tmp_path)])
    del sys.modules["theirs"]
    found = take_over_all({name: forms[name] for name in ("ann", "bank")})
    assert found["bank"].friends[0] is found["ann"]
    with pytest.raises(AgiError, match="lost of stage make cannot be read back here") as refused:
        take_over_all(forms)
    assert "theirs" in (refused.value.try_ or "")
