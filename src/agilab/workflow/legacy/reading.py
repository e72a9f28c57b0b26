"""`lab_stages.toml` of version 1, read without loss: `D`, `Q`, `M`, `C`, `R` and the many spellings of the rest.

What v2 has a field for goes there; whatever is spelled otherwise than `spelling` would spell it is kept beside it
(`extra.v1`), and what nobody knows stays in `extra` as it was. So the way back gives the same data.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from agi_node.errors import AgiError
from agilab.contracts.lab_stages import Input, Lab, LabStages, Stage
from agilab.contracts.syntax import parse_toml
from agilab.contracts.toml_layout import Layout, Path, layout
from agilab.workflow.legacy.spelling import lab_to_v1, stage_to_v1
from agilab.workflow.legacy.values import dated, exactly, undated
from agilab.workflow.legacy.words import (
    FIELDS,
    IDS,
    LISTS,
    META,
    ORIGIN,
    REST,
    RUNTIMES,
    SCHEMA,
    TEXTS,
    modules_of,
    origin_value,
    sequence,
)

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


@dataclass(frozen=True)
class Note:
    """What became of one line of a v1 file.

    Attributes:
        kind: `renamed` where only a key is called otherwise now; `changed` where a value is another one; `kept` where
            it was carried along as it was; `attention` where a person has to look.
        stage: The stage that it is about, if any.
    """

    line: int
    kind: Literal["renamed", "changed", "kept", "attention"]
    what: str
    stage: str | None = None


@dataclass(frozen=True)
class Converted:
    """A v1 file as v2.

    Attributes:
        places: For each stage its module, and its position there.
    """

    lab: LabStages
    notes: tuple[Note, ...]
    places: tuple[tuple[str, int], ...]


def read_v1(text: str, where: str, *, module: str | None = None) -> Converted:
    """A v1 file as v2; of several modules all, one after the other, or the one that is named.

    Raises AGI-DOC-002 where it is no TOML, AGI-DOC-003 where it is of another version, AGI-LAB-106 for a module that
    is not there.
    """
    plain = parse_toml(text, where)
    meta = plain.get(META, {})
    if not isinstance(meta, dict) or meta.get("schema", SCHEMA) != SCHEMA or meta.get("version", 1) != 1:
        raise AgiError(
            "AGI-DOC-003",
            f"{where}: is no lab_stages of version 1 or 2",
            found=f"{META} says {meta!r:.100}",
            allowed=f'schema = "{SCHEMA}" and version = 1 in [{META}], or schema = "agilab.lab_stages.v2" at the top',
            try_="agilab schema show lab_stages",
        )
    modules = modules_of(plain)
    if module is not None and module not in modules:
        raise AgiError(
            "AGI-LAB-106",
            f"{where} has no module of this name",
            found=module,
            allowed=", ".join(modules) or "no module at all",
        )
    return _Reader(plain, layout(text), modules if module is None else [module]).converted()


def from_v1(plain: Mapping[str, Any]) -> Converted:
    """A v1 document, as plain data, as v2; notes know no lines."""
    return _Reader(plain, layout(""), modules_of(plain)).converted()


class _Reader:
    """Goes through the modules, stage by stage, and takes notes."""

    def __init__(self, plain: Mapping[str, Any], found: Layout, modules: Sequence[str]) -> None:
        self._plain = plain
        self._layout = found
        self._modules = modules
        self._ids: dict[tuple[str, int], str] = {}
        self._notes: list[Note] = []

    def converted(self) -> Converted:
        for module in self._modules:
            for number, raw in enumerate(self._plain[module]):
                self._ids[module, number] = self._id(raw, module, number)
        stages: list[Stage] = []
        places: list[tuple[str, int]] = []
        for module in self._modules:
            for number in self._sequence(module):
                places.append((module, number))
                stages.append(self._stage(self._plain[module][number], (module, number)))
        if len(self._modules) > 1:
            words = ", ".join(self._modules)
            self._note(
                (self._modules[0],), "attention", f"its modules stand one after the other now: {words}"
            )
        self._notes.sort(key=lambda note: note.line)
        return Converted(LabStages(lab=self._lab(), stages=tuple(stages)), tuple(self._notes), tuple(places))

    # -- the whole ---------------------------------------------------------------------------------------------

    def _lab(self) -> Lab:
        meta = dict(self._plain.get(META, {}))
        fields = _lab_fields(meta.get(REST))
        if fields:
            del meta[REST]
        base = {"schema": SCHEMA, "version": 1}
        kept: dict[str, Any] = {
            "modules": {
                module: [self._ids[module, number] for number in range(len(self._plain[module]))]
                for module in self._modules
            },
            "meta": {
                key: value for key, value in meta.items() if key not in base or not exactly(value, base[key])
            },
            "without": [key for key in base if key not in meta],
            "top": {
                key: value
                for key, value in self._plain.items()
                if key != META and key not in modules_of(self._plain)
            },
        }
        if META not in self._plain:
            kept["without"] = [META]
        plain, odd = undated({key: value for key, value in kept.items() if value})
        extra = {**fields.pop("extra", {}), "v1": plain | ({"values": odd} if odd else {})}
        return Lab.model_validate({**fields, "extra": extra})

    def _sequence(self, module: str) -> list[int]:
        """The order in which the stages of a module are worked through."""
        number = len(self._plain[module])
        given = self._plain.get(f"{module}__sequence")
        if given is None:
            return list(range(number))
        order = sequence(given, [self._ids[module, at] for at in range(number)])
        place = (f"{module}__sequence",)
        if order is None:
            self._note(
                place, "attention", f"{place[0]} is kept and not followed: it does not name each stage once"
            )
            return list(range(number))
        self._note(place, "changed", f"the stages of {module} stand in the order of {place[0]}")
        return order

    # -- one stage ---------------------------------------------------------------------------------------------

    def _id(self, raw: Mapping[str, Any], module: str, number: int) -> str:
        taken = set(self._ids.values())
        place = (module, number)
        key = next((key for key in IDS if isinstance(raw.get(key), str) and raw[key]), None)
        given = (
            raw[key]
            if key
            else next((raw[word] for word in ("label", "D", "Q") if isinstance(raw.get(word), str)), "")
        )
        name = given if key and _ID.fullmatch(given) else slug(given) or f"stage_{number + 1}"
        name = unused(name, taken)
        if key is None:
            self._note(place, "changed", f"stage {number + 1} of {module} had no id and is {name} now", name)
        elif name != given:
            why = "an id that another stage has" if _ID.fullmatch(given) else "no id that can stand there"
            self._note((*place, key), "changed", f"{given!r} is {why}: the stage is {name} now", name)
        return name

    def _stage(self, raw: Mapping[str, Any], place: tuple[str, int]) -> Stage:
        name = self._ids[place]
        fields: dict[str, Any] = {"id": name}
        for key, field in TEXTS.items():
            if isinstance(raw.get(key), str):
                fields[field] = raw[key]
                self._renamed(place, key, field, name)
        self._runtime(raw, fields, place)
        for field, keys in LISTS.items():
            read = self._need if field == "needs" else self._thing
            found = [
                one
                for key in keys
                if key in raw
                for one in self._list(raw[key], read, (*place, key), name, field)
            ]
            if found:
                fields[field] = tuple(dict.fromkeys(found)) if field == "needs" else tuple(found)
        on = [raw[key] is (key == "enabled") for key in ("enabled", "skip") if isinstance(raw.get(key), bool)]
        if not all(on):
            fields["enabled"] = False
        origin = {
            field: value
            for key, field in ORIGIN.items()
            if (value := origin_value(field, raw.get(key))) is not None
        }
        fields |= {"origin": origin} if origin else {}
        extra = {key: value for key, value in raw.items() if key not in FIELDS and key not in (REST, "v1")}
        fields |= {"extra": extra} if extra else {}
        self._rest(raw.get(REST), fields)
        plain, odd = undated(fields.get("extra", {}))
        stage = Stage.model_validate({**fields, **({"extra": plain} if plain else {})})
        back = stage_to_v1(stage)
        keep = {key: raw[key] for key in raw if not exactly(dated(back, odd).get(key, _ABSENT), raw[key])}
        spelling, odd_too = undated({"keep": keep} if keep else {})
        without = [key for key in back if key not in raw]
        v1 = {**spelling, **({"without": without} if without else {})}
        v1 |= {"values": [*odd, *(["v1", *one] for one in odd_too)]} if odd or odd_too else {}
        for key in keep:
            if key not in FIELDS:
                self._note((*place, key), "kept", f"{key} is kept as it was", name)
        return stage.with_changes(extra={**plain, "v1": v1}) if v1 else stage

    def _runtime(self, raw: Mapping[str, Any], fields: dict[str, Any], place: Path) -> None:
        given = raw.get("R")
        if isinstance(given, str) and given in RUNTIMES:
            fields["runtime"] = RUNTIMES[given]
            self._note(
                (*place, "R"), "changed", f"R = {given!r} is runtime = {fields['runtime']!r}", fields["id"]
            )
            if given != "runpy" and fields.get("code"):
                what = f"{fields['id']} runs code against the old API: name its app instead (app = …)"
                self._note((*place, "R"), "attention", what, fields["id"])
        elif given:
            self._note(
                (*place, "R"), "attention", f"R = {given!r} is kept: no runtime of this name", fields["id"]
            )

    def _list(self, given: Any, read: Callable[[Any], Any], place: Path, name: str, field: str) -> list[Any]:
        each = given if isinstance(given, list) else [given]
        found = [read(one) for one in each]
        if any(one is None for one in found) and each != [""]:
            what = f"{place[-1]} holds what cannot stand in {field}; it is kept beside it"
            self._note(place, "attention", what, name)
        else:
            self._renamed(place[:-1], str(place[-1]), field, name)
        return [one for one in found if one is not None]

    def _need(self, given: Any) -> str | None:
        if not isinstance(given, str):
            return None
        for (module, number), name in self._ids.items():
            raw = self._plain[module][number]
            if given in [raw.get(key) for key in IDS]:
                return name
        return given if _ID.fullmatch(given) else None

    def _thing(self, given: Any) -> Any:
        """An input or output: its name or path."""
        if isinstance(given, str):
            return given or None
        if isinstance(given, dict):
            if set(given) <= {"name", "from", "as"} and len(given) > 1:
                try:
                    return Input.model_validate(given)
                except ValueError:
                    return None
            return next(
                (
                    given[key]
                    for key in ("path", "name", "id")
                    if isinstance(given.get(key), str) and given[key]
                ),
                None,
            )
        return None

    def _rest(self, given: Any, fields: dict[str, Any]) -> None:
        """What only v2 has, in a file that was written from v2."""
        if not isinstance(given, dict) or not set(given) <= set(Stage.model_fields):
            return
        merged = {**fields, **given}
        for key in ("origin", "extra"):
            if key in given:
                merged[key] = {**fields.get(key, {}), **given[key]}
        try:
            Stage.model_validate(merged)
        except ValueError:
            return
        fields |= merged

    def _renamed(self, place: Path, key: str, field: str, name: str) -> None:
        if key != field:
            self._note((*place, key), "renamed", f"{key} is {field}", name)

    def _note(self, place: Path, kind: Any, what: str, stage: str | None = None) -> None:
        self._notes.append(Note(self._layout.line(self._layout.offset(place)), kind, what, stage))


_ABSENT = object()


def _lab_fields(given: Any) -> dict[str, Any]:
    """What a file that was written from v2 says of all stages together."""
    try:
        found = Lab.model_validate(given)
    except ValueError:
        return {}
    return dict(given) if exactly(lab_to_v1(found), given) else {}


def slug(text: str) -> str:
    """The beginning of a text as an id.

    >>> slug("2. Clean the speeds, please: all of them"), slug("Été"), slug("…")
    ('Clean_the_speeds_please', 't', '')
    """
    words = re.findall(r"[A-Za-z0-9]+", text.partition("\n")[0])[:8]
    while words and not words[0][0].isalpha():
        words = words[1:]
    return "_".join(words[:4])[:60]


def unused(name: str, taken: set[str]) -> str:
    """The name, with a number behind it where it is taken."""
    number, free = 2, name
    while free in taken:
        free, number = f"{name[:58]}_{number}", number + 1
    return free
