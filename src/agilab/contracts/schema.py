"""JSON Schema from a model, without the noise: no title on every field that repeats its name."""

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaMode, JsonSchemaValue
from pydantic_core import CoreSchema, core_schema


class _Plain(GenerateJsonSchema):
    def field_title_should_be_set(self, schema: Any) -> bool:
        return False

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        body = super().dict_schema(schema)
        if "patternProperties" in body:
            # Without this, a name that fits no pattern may stand with any value; the model refuses it.
            body["additionalProperties"] = False
        return body

    def generate(self, schema: CoreSchema, mode: JsonSchemaMode = "validation") -> JsonSchemaValue:
        body = super().generate(schema, mode)
        for part in (body, *body.get("$defs", {}).values()):
            part.pop("title", None)
        return body


def json_schema(model: type[BaseModel]) -> dict[str, Any]:
    """What a file of this model must look like, field by field, as a reader judges it."""
    return model.model_json_schema(by_alias=True, mode="validation", schema_generator=_Plain)
