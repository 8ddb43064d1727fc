"""The second look at the labels: what must not leave is refused at the API too."""

from typing import Annotated, Any

import pytest

from schemas.customer_event import VIEWS
from schemas.envelope import Closed
from schemas.label import DataClass, Export, Label, PersonalInformation
from services.api.labels import forbidden


class Part(Closed):
    fine: Annotated[int, Label("Fine", Export.ALLOW)]
    inner_denied: Annotated[int, Label("Denied", Export.DENY)] = 0


class Leaky(Closed):
    fine: Annotated[int, Label("Fine", Export.ALLOW)] = 0
    aggregate: Annotated[int, Label("Let out by the policy", Export.AGGREGATE)] = 0
    core: Annotated[int, Label("Core", Export.ALLOW, DataClass.CORE)] = 0
    important: Annotated[int, Label("Important", Export.ALLOW, DataClass.IMPORTANT)] = 0
    denied: Annotated[int, Label("Denied", Export.DENY)] = 0
    personal: Annotated[str, Label("Operator", Export.ALLOW, pi=PersonalInformation.PI)] = ""
    unlabelled: int = 0
    part: Annotated[Part | None, Label("Part", Export.ALLOW)] = None
    parts: Annotated[list[Part], Label("Parts", Export.ALLOW)] = []


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        ({"fine": 1}, None),
        ({"fine": 1, "aggregate": 2}, None),
        ({"core": 1}, "payload.core is core data"),
        ({"important": 1}, "payload.important is important data"),
        ({"denied": 1}, "payload.denied is not for export"),
        ({"personal": "x"}, "payload.personal is not for export"),
        ({"unlabelled": 1}, "payload.unlabelled has no label"),
        ({"part": {"fine": 1}}, None),
        ({"part": {"fine": 1, "inner_denied": 1}}, "payload.part.inner_denied is not for export"),
        ({"parts": [{"fine": 1}, {"fine": 1, "inner_denied": 1}]}, "payload.parts.inner_denied is not for export"),
        ({"parts": []}, None),
        ({"part": None}, None),
    ],
)
def test_a_label_that_keeps_a_field_inside_refuses_the_payload(payload: dict[str, Any], reason: str | None) -> None:
    assert forbidden(Leaky, payload) == reason


@pytest.mark.parametrize("product", sorted(VIEWS))
def test_every_field_of_a_product_may_leave_in_principle(product: str) -> None:
    """The contract itself has nothing that the API would refuse: what is refused is a fault of the bridge."""
    everything: dict[str, Any] = {name: {"start": 0, "end": 0} if name == "window" else 0 for name in VIEWS[product].model_fields}
    assert forbidden(VIEWS[product], everything) is None
