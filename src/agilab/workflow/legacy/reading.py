"""`lab_stages.toml` of version 1, read without loss: `D`, `Q`, `M`, `C`, `R` and the many spellings of the rest.

What v2 has a field for goes there; whatever is spelled otherwise than `spelling` would spell it is kept beside it
(`extra.v1`), and what nobody knows stays in `extra` as it was. So the way back gives the same data.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from agi_node.errors import AgiError
from agilab.contracts.lab_stages import Lab, LabStages, Stage
from agilab.contracts.syntax import parse_toml
from agilab.contracts.toml_layout import Layout, Path, layout
from agilab.workflow.legacy.notes import Converted, Note
from agilab.workflow.legacy.spelling import lab_to_v1
from agilab.workflow.legacy.stages import StageReader
from agilab.workflow.legacy.values import exactly, undated
from agilab.workflow.legacy.words import META, REST, SCHEMA, is_v1, modules_of, sequence


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
    """Goes through the modules in their order, and takes notes."""

    def __init__(self, plain: Mapping[str, Any], found: Layout, modules: Sequence[str]) -> None:
        self._plain = plain
        self._layout = found
        self._modules = modules
        self._notes: list[Note] = []
        self._reader = StageReader(plain, self._note)

    def converted(self) -> Converted:
        for module in self._modules:
            for number, raw in enumerate(self._plain[module]):
                self._reader.identify(raw, module, number)
        stages: list[Stage] = []
        places: list[tuple[str, int]] = []
        for module in self._modules:
            for number in self._sequence(module):
                places.append((module, number))
                stages.append(self._reader.read(self._plain[module][number], (module, number)))
        if len(self._modules) > 1:
            words = ", ".join(self._modules)
            self._note(
                (self._modules[0],), "attention", f"its modules stand one after the other now: {words}"
            )
        for name in _dotted(self._plain):
            what = f'[[{name}]] is not read as stages, since its header has a dot; write [["{name}"]]'
            self._note(tuple(name.split(".")), "attention", what)
        self._notes.sort(key=lambda note: note.line)
        return Converted(LabStages(lab=self._lab(), stages=tuple(stages)), tuple(self._notes), tuple(places))

    def _lab(self) -> Lab:
        meta = dict(self._plain.get(META, {}))
        fields = _lab_fields(meta.get(REST))
        if fields:
            del meta[REST]
        base = {"schema": SCHEMA, "version": 1}
        kept: dict[str, Any] = {
            "modules": {
                module: [self._reader.ids[module, number] for number in range(len(self._plain[module]))]
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
        key = f"{module}__sequence"
        meta = self._plain.get(META, {})
        place: Path = (key,) if key in self._plain else (META, key)
        given = self._plain.get(key, meta.get(key))
        if given is None:
            return list(range(number))
        order = sequence(given, [self._reader.ids[module, at] for at in range(number)])
        if order is None:
            self._note(
                place,
                "attention",
                f"{key} = {given!r:.60} is kept and not followed: it does not name each stage once",
            )
            return list(range(number))
        self._note(place, "changed", f"the stages of {module} stand in the order of {key}")
        return order

    def _note(self, place: Path, kind: Any, what: str, stage: str | None = None) -> None:
        self._notes.append(Note(self._layout.line(self._layout.offset(place)), kind, what, stage))


def _dotted(plain: Mapping[str, Any], above: str = "") -> Iterator[str]:
    """Headers of what would be modules if TOML did not read their dots as tables within tables."""
    for key, value in plain.items():
        name = f"{above}.{key}" if above else key
        if isinstance(value, dict) and key != META:
            yield from _dotted(value, name)
        elif above and isinstance(value, list) and is_v1({key: value}):
            yield name


def _lab_fields(given: Any) -> dict[str, Any]:
    """What a file that was written from v2 says of all stages together."""
    try:
        found = Lab.model_validate(given)
    except ValueError:
        return {}
    return dict(given) if exactly(lab_to_v1(found), given) else {}
