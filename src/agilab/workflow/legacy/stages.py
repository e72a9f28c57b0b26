"""One stage of version 1 as one of version 2: its id, its fields, and what is spelled otherwise kept beside them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from agilab.contracts.lab_stages import Input, Stage
from agilab.contracts.toml_layout import Path
from agilab.workflow.legacy.spelling import stage_to_v1
from agilab.workflow.legacy.values import dated, exactly, undated
from agilab.workflow.legacy.words import (
    FIELDS,
    IDS,
    LISTS,
    ORIGIN,
    REST,
    RUNTIMES,
    TEXTS,
    origin_value,
    switched,
)

_ID = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}")


class Tell(Protocol):
    """Takes a note of what became of a place."""

    def __call__(self, place: Path, kind: Any, what: str, stage: str | None = None) -> None: ...


class StageReader:
    """Reads one stage after the other, once all of them have their ids.

    Responsible for: what a stage says. Not responsible for: the order of stages, and what is said of them together.
    """

    def __init__(self, plain: Mapping[str, Any], tell: Tell) -> None:
        self._plain = plain
        self._note = tell
        self.ids: dict[tuple[str, int], str] = {}

    def identify(self, raw: Mapping[str, Any], module: str, number: int) -> None:
        """Give a stage its id: the one that it has, where it can stand; else one made of its words."""
        taken = set(self.ids.values())
        place = (module, number)
        key = next((key for key in IDS if isinstance(raw.get(key), str) and raw[key]), None)
        given = (
            raw[key]
            if key
            else next((raw[word] for word in ("label", "D", "Q") if isinstance(raw.get(word), str)), "")
        )
        name = given if key and _ID.fullmatch(given) else slug(given) or f"stage_{number + 1}"
        name = unused(name, taken)
        odd = next((key for key in IDS if key in raw and not isinstance(raw[key], str)), None)
        if key is None and odd is not None:
            what = f"{odd} = {raw[odd]!r:.60} is no id that can stand there: the stage is {name} now"
            self._note((*place, odd), "changed", what, name)
        elif key is None:
            self._note(place, "changed", f"stage {number + 1} of {module} had no id and is {name} now", name)
        elif name != given:
            why = "an id that another stage has" if _ID.fullmatch(given) else "no id that can stand there"
            self._note((*place, key), "changed", f"{given!r} is {why}: the stage is {name} now", name)
        self.ids[place] = name

    def read(self, raw: Mapping[str, Any], place: tuple[str, int]) -> Stage:
        """The stage at a place, with what only version 1 has, and its spellings, in `extra`."""
        name = self.ids[place]
        fields: dict[str, Any] = {"id": name}
        for key, field in TEXTS.items():
            if isinstance(raw.get(key), str):
                fields[field] = raw[key]
                self._renamed(place, key, field, name)
            elif key in raw:
                self._unread(place, key, raw, "no text", name)
        self._runtime(raw, fields, place)
        self._environment(fields, place)
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
        self._switch(raw, fields, place)
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
        v1 |= {"order": " ".join(raw)} if _order(back, keep, without) != _plain_keys(raw) else {}
        v1 |= {"values": [*odd, *(["v1", *one] for one in odd_too)]} if odd or odd_too else {}
        for key in keep:
            if key not in FIELDS:
                self._note((*place, key), "kept", f"{key} is kept as it was", name)
        return stage.with_changes(extra={**plain, "v1": v1}) if v1 else stage

    def _switch(self, raw: Mapping[str, Any], fields: dict[str, Any], place: Path) -> None:
        for key in ("enabled", "skip"):
            on = switched(raw.get(key))
            if on is not None and on is not (key == "enabled"):
                fields["enabled"] = False
            if key in raw and on is None:
                self._unread(place, key, raw, "neither yes nor no", fields["id"])
            elif key in raw and not isinstance(raw[key], bool):
                what = f"{key} = {raw[key]!r} is enabled = {str(on is (key == 'enabled')).lower()}"
                self._note((*place, key), "changed", what, fields["id"])

    def _unread(self, place: Path, key: str, raw: Mapping[str, Any], why: str, name: str) -> None:
        self._note(
            (*place, key),
            "attention",
            f"{key} = {raw[key]!r:.60} is {why}: it is kept beside the stage",
            name,
        )

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

    def _environment(self, fields: Mapping[str, Any], place: Path) -> None:
        given = str(fields.get("env", ""))
        if given.startswith(("/", "~", "\\")) or re.match("[A-Za-z]:", given):
            what = (
                f"E = {given!r} is a place on one machine, and `validate` refuses it: name a folder with "
                "pyproject.toml, relative to this file, or take env away where it is the lab's own project"
            )
            self._note((*place, "E"), "attention", what, fields["id"])

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
        if not isinstance(given, str | int):
            return None
        for (module, number), name in self.ids.items():
            raw = self._plain[module][number]
            if str(given) in [str(raw.get(key)) for key in IDS if key in raw]:
                return name
        return given if isinstance(given, str) and _ID.fullmatch(given) else None

    def _thing(self, given: Any) -> Any:
        """An input or output: its name or path."""
        if isinstance(given, str):
            return given or None
        if isinstance(given, dict):
            if set(given) <= {"name", "from", "as", "optional"} and len(given) > 1:
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


_ABSENT = object()


def _order(back: Mapping[str, Any], keep: Mapping[str, Any], without: list[str]) -> list[str]:
    """The keys as the way back would write them, without tables, which TOML has last wherever they stood."""
    return _plain_keys({**{key: value for key, value in back.items() if key not in without}, **keep})


def _plain_keys(values: Mapping[str, Any]) -> list[str]:
    return [key for key, value in values.items() if not isinstance(value, Mapping)]


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
