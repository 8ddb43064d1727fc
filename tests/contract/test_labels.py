"""Every field says what it means and how far it may travel; a field that does not is an error before it is ever deployed."""

import re
from typing import Annotated

import pytest

from schemas.customer_event import VIEWS, CustomerEvent
from schemas.document_json_schema import Schema, event_types, json_schema
from schemas.document_topics import field_rows
from schemas.envelope import Closed
from schemas.events.outbound_event import OrderKpi, OrderProgress
from schemas.label import DataClass, Export, Label, PersonalInformation, labels

MODELS = (*event_types(), CustomerEvent, *VIEWS.values())
#: the ending of a field's name and the unit it promises
UNIT_ENDINGS = {"_us": "us", "_s": "s", "_days": "d", "_hours": "h", "_bytes": "By", "_kwh": "kW.h", "_wh": "W.h"}
#: UCUM codes in use (The Unified Code for Units of Measure, 2.1)
UCUM = {"1", "us", "s", "h", "d", "By", "kW.h", "W.h", "{pixel}"}


def unlabelled(model: type[Closed]) -> list[str]:
    return [path for path, label in labels(model) if label is None]


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_every_field_has_a_label_with_a_text(model: type[Closed]) -> None:
    assert unlabelled(model) == []
    assert [path for path, label in labels(model) if not (label and label.text.strip())] == []


@pytest.mark.parametrize("event", event_types(), ids=lambda e: e.__name__)
def test_every_field_of_the_rendered_schema_carries_the_keywords(event: type[Closed]) -> None:
    wanted = {"description", "x-class", "x-category", "x-pi", "x-export"}
    rows = list(field_rows(json_schema(event)))  # type: ignore[arg-type]
    assert len(rows) >= len(event.model_fields)
    assert [row.path for row in rows if not wanted <= row.schema.keys()] == []


def test_a_missing_label_is_found_also_in_a_model_inside_another() -> None:
    class Inner(Closed):
        told: Annotated[int, Label("Told")]
        untold: int

    class Outer(Closed):
        inner: Annotated[list[Inner | None], Label("Inner")]

    assert unlabelled(Outer) == ["inner.untold"]


def test_a_label_denies_export_unless_it_says_otherwise() -> None:
    assert Label("Any").keywords()["x-export"] == "deny"


@pytest.mark.parametrize("event", event_types(), ids=lambda e: e.__name__)
def test_units_are_ucum_and_agree_with_the_name(event: type[Closed]) -> None:
    for path, label in labels(event):
        assert label is not None
        assert label.unit is None or label.unit in UCUM, path
        promised = next((unit for ending, unit in UNIT_ENDINGS.items() if re.search(f"{ending}$", path)), None)
        assert promised in (None, label.unit), path


@pytest.mark.parametrize("model", MODELS, ids=lambda m: m.__name__)
def test_what_must_never_leave_is_never_labelled_otherwise(model: type[Closed]) -> None:
    for path, label in labels(model):
        assert label is not None
        guarded = label.classified in (DataClass.CORE, DataClass.IMPORTANT) or label.pi is not PersonalInformation.NONE
        assert not guarded or label.export is Export.DENY, path


@pytest.mark.parametrize("product", [OrderProgress, OrderKpi], ids=lambda m: m.__name__)
def test_what_is_made_for_customers_holds_nothing_that_may_not_leave(product: type[Closed]) -> None:
    assert [path for path, label in labels(product) if label is None or label.export is Export.DENY] == []


def test_a_nested_field_keeps_its_own_label_beside_that_of_its_holder() -> None:
    schema: Schema = json_schema(next(e for e in event_types() if e.__name__ == "Measure"))
    exports = {row.path: row.schema["x-export"] for row in field_rows(schema)}
    assert (exports["account"], exports["account[].order"], exports["inputs[].topic"]) == ("aggregate", "allow", "deny")
