"""The published schemas: complete, current, and of one mind with the models."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from agilab.contracts.base import parse_document
from agilab.contracts.errors import AgiError
from agilab.contracts.registry import (
    ENTRIES,
    entry,
    export_schemas,
    schema_list,
    schema_show,
    schema_text,
)
from agilab.contracts.toml import merged

PUBLISHED = Path(__file__).parents[2] / "docs" / "schemas"
KEYWORDS = {
    *("$schema", "$id", "$ref", "$defs", "title", "description", "default", "type", "enum", "const", "anyOf"),
    *(
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
    ),
    *(
        "items",
        "minLength",
        "maxLength",
        "pattern",
        "minimum",
        "maximum",
        "exclusiveMinimum",
        "exclusiveMaximum",
    ),
}
"""What Draft 2020-12 knows and we use. A validator ignores any other word, and with it the check it meant."""

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-3, 3)
    | st.floats(-3, 3)
    | st.text(max_size=6)
    | st.sampled_from(
        ["", "a" * 64, "work[a]", "../x", "2026-11-23T03:44:12Z", "succeeded", "x\n", "$float:nan"]
    )
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[int | str, ...] = ()) -> Iterator[tuple[int | str, ...]]:
    """Every place inside a document."""
    inner: Iterator[tuple[Any, Any]] = iter(())
    if isinstance(value, dict):
        inner = iter(value.items())
    elif isinstance(value, list):
        inner = enumerate(value)
    for key, item in inner:
        yield (*path, key)
        yield from places(item, (*path, key))


def mutate(plain: dict[str, Any], data: st.DataObject) -> dict[str, Any]:
    """The document with one thing replaced, removed, doubled or added."""
    mutated = copy.deepcopy(plain)
    path = data.draw(st.sampled_from(list(places(plain))))
    here: Any = mutated
    for part in path[:-1]:
        here = here[part]
    change = data.draw(st.sampled_from(["replace", "replace", "remove", "add"]))
    if change == "replace":
        here[path[-1]] = data.draw(VALUES)
    elif change == "remove":
        del here[path[-1]]
    elif isinstance(here, dict):
        here[data.draw(st.text(max_size=6) | st.sampled_from([*here, "status", "verdict"]))] = data.draw(
            VALUES
        )
    else:
        here.append(data.draw(VALUES))
    return mutated


def subschemas(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield schema
    for word in ("properties", "patternProperties", "$defs"):
        for part in schema.get(word, {}).values():
            yield from subschemas(part)
    for word in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(word), dict):
            yield from subschemas(schema[word])
    for part in schema.get("anyOf", []):
        yield from subschemas(part)


def test_every_kind_has_one_name_one_identifier_and_a_model_that_agrees(kind: str) -> None:
    found = entry(kind)

    assert found.load().schema_name() == found.schema
    assert found.schema.startswith(f"agilab.{found.name}.v")
    assert found.model.partition(":")[0] == found.name
    assert found.load().__doc__


def test_the_list_names_every_kind_once() -> None:
    names = [row["name"] for row in schema_list()]

    assert names == [kind.name for kind in ENTRIES]
    assert len(set(names)) == len(names)
    assert {"name", "schema", "files", "description"} == set(schema_list()[0])


@pytest.mark.parametrize(
    "name", ["reduce", "agilab.reduce.v2", "reduce_summary.json", "reduce_summary_worker_<id>.json"]
)
def test_a_kind_is_found_by_its_name_its_identifier_and_its_files(name: str) -> None:
    assert entry(name).name == "reduce"


def test_a_name_that_is_none_is_answered_with_the_nearest() -> None:
    with pytest.raises(AgiError, match="there is no document of this name") as caught:
        schema_show("run_manifst")

    assert caught.value.code == "AGI-DOC-007"
    assert caught.value.try_ == "agilab schema show run_manifest"


def test_a_name_that_is_like_no_other_is_answered_with_the_list() -> None:
    with pytest.raises(AgiError, match="there is no document of this name") as caught:
        schema_show("zzz")

    assert caught.value.try_ == "agilab schema list"
    assert "run_manifest" in str(caught.value.allowed)


def test_a_schema_is_a_valid_one_and_says_what_it_is(kind: str) -> None:
    schema = schema_show(kind)

    Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:agilab:schema:{entry(kind).schema}"
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]
    assert schema["properties"]["schema"]["const"] == entry(kind).schema
    assert entry(kind).description.split(":")[0][1:] in schema["description"]


def test_a_schema_has_no_word_that_validators_would_ignore(kind: str) -> None:
    for part in subschemas(schema_show(kind)):
        assert set(part) <= KEYWORDS


def test_a_schema_takes_the_real_document(kind: str, plain_of: Callable[[str], dict[str, Any]]) -> None:
    Draft202012Validator(schema_show(kind)).validate(plain_of(kind))


@pytest.mark.parametrize("name", [kind.name for kind in ENTRIES])
@given(data=st.data())
@settings(deadline=None)
def test_schema_and_model_agree_on_every_document(
    plain_of: Callable[[str], dict[str, Any]], name: str, data: st.DataObject
) -> None:
    model, validator = entry(name).load(), VALIDATORS[name]
    mutated = mutate(plain_of(name), data)
    if data.draw(st.booleans()):
        mutated = mutate(mutated, data)
    try:
        text = json.dumps(mutated) if model.file_format == "json" else merged("", mutated, "s.toml")
    except (TypeError, ValueError):
        return  # null in TOML

    try:
        document = parse_document(text, model, "x")
        code = None
    except AgiError as error:
        document, code = None, error.code

    # AGI-DOC-005: every field is well formed, and a rule is broken that JSON Schema has no words for.
    assert validator.is_valid(mutated) == (code in (None, "AGI-DOC-005"))
    if document is not None and model.file_format == "json":
        assert repr(parse_document(document.text(), model, "x")) == repr(document)
        assert validator.is_valid(document.plain())


VALIDATORS = {kind.name: Draft202012Validator(schema_show(kind.name)) for kind in ENTRIES}


def test_the_published_schemas_are_current() -> None:
    published = {path.name: path.read_text(encoding="utf-8") for path in PUBLISHED.glob("*.json")}

    assert published == {f"{kind.schema}.json": schema_text(kind.name) for kind in ENTRIES}, (
        'python -c "from pathlib import Path; from agilab.contracts import export_schemas; '
        "export_schemas(Path('docs/schemas'))\""
    )


def test_an_export_replaces_old_versions_and_leaves_other_files_alone(tmp_path: Path) -> None:
    (tmp_path / "agilab.run_manifest.v1.json").touch()
    (tmp_path / "README.md").touch()

    written = export_schemas(tmp_path)

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [path.name for path in written] + ["README.md"]
    )
    assert json.loads((tmp_path / "agilab.plan.v1.json").read_text()) == schema_show("plan")


@pytest.mark.parametrize(
    "statement",
    [
        "import agilab.contracts",
        "from agilab.contracts import new_run_id; new_run_id('flight')",
        "from agilab.contracts import unit_id, AgiError; unit_id('work', 'a')",
        "from agilab.contracts import schema_list; schema_list()",
        "from agilab.contracts.uri import public_uri",
        "from agilab.contracts.atomic import write_atomically",
        "from agilab.contracts.canonical import digest",
    ],
)
def test_what_needs_no_model_does_not_load_pydantic(statement: str) -> None:
    check = (
        f"{statement}\nimport sys\nassert not {{'pydantic', 'pydantic_core', 'tomlkit'}} & set(sys.modules)"
    )

    subprocess.run([sys.executable, "-c", check], check=True, timeout=60)


def test_every_name_that_the_room_hands_out_is_there_and_no_other() -> None:
    import agilab.contracts as room

    for name in room._HOMES:
        assert getattr(room, name).__name__ == name
        assert name in dir(room)
    with pytest.raises(AttributeError, match="has no attribute 'Manifest'"):
        room.Manifest  # noqa: B018
