"""Labels of a field: what it means, its unit, and how far it may travel.

Every field of every contract carries one :class:`Label`. A field without one is an error (tests/contract), and at the
gate it means deny. The vocabulary follows the data classes of GB/T 43697-2024 and the personal-information terms of PIPL.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, get_args

from pydantic import BaseModel, GetJsonSchemaHandler
from pydantic.fields import FieldInfo
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema


class DataClass(StrEnum):
    """How much harm disclosure does, from core (a state secret) down to general-4 (public)."""

    CORE = "core"
    IMPORTANT = "important"
    GENERAL_1 = "general-1"
    GENERAL_2 = "general-2"
    GENERAL_3 = "general-3"
    GENERAL_4 = "general-4"


class Export(StrEnum):
    """What a policy may at most permit for a field."""

    DENY = "deny"
    AGGREGATE = "aggregate"
    MASK = "mask"
    ALLOW = "allow"


class PersonalInformation(StrEnum):
    NONE = "none"
    PI = "pi"
    SENSITIVE = "sensitive"


@dataclass(frozen=True, slots=True)
class Label:
    """Annotates a field: ``speed: Annotated[float, Label("Spindle speed", unit="/min")]``. Export is denied unless stated."""

    text: str
    export: Export = Export.DENY
    classified: DataClass = DataClass.GENERAL_2
    category: str = "production"
    pi: PersonalInformation = PersonalInformation.NONE
    unit: str | None = None  # UCUM code

    def keywords(self) -> dict[str, str]:
        """The label as JSON Schema keywords."""
        words = {
            "description": self.text,
            "x-class": self.classified.value,
            "x-category": self.category,
            "x-pi": self.pi.value,
            "x-export": self.export.value,
        }
        if self.unit is not None:
            words["x-unit"] = self.unit
        return words

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), **self.keywords()}


def label_of(field: FieldInfo) -> Label | None:
    """The label of one field, or None when it has none."""
    return next((m for m in field.metadata if isinstance(m, Label)), None)


def labels(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Label | None]]:
    """Every field path of a model and of the models inside it, with its label. ``a.b`` is field b of the model in a."""
    for name, field in model.model_fields.items():
        path = f"{prefix}{name}"
        yield path, label_of(field)
        for inner in _models_in(field.annotation):
            yield from labels(inner, f"{path}.")


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
        return
    for part in get_args(annotation):
        yield from _models_in(part)
