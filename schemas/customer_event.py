"""What a customer reads: the outbound products as they may look after the gate has cut fields out of them.

The bridge writes it, the API checks and serves it, and its members are what the hash of an entry covers (:mod:`schemas.chain`).
A field that the gate cut is absent; a field that is null has no value. The fields that tell which value it is can't be cut.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter, create_model

from schemas.chain import canonical
from schemas.envelope import Closed
from schemas.events.outbound_event import OrderKpi, OrderProgress
from schemas.identity import EventId, OrderId, Sha256
from schemas.instant import Instant
from schemas.label import DataClass, Export, Label

#: per product, the fields without which nobody could say what the rest is about
IDENTIFYING: dict[str, frozenset[str]] = {
    "order": frozenset({"product", "order", "revision"}),
    "kpi": frozenset({"product", "order", "kpi", "kpi_id", "window", "revision"}),
}


def _view(name: str, model: type[BaseModel]) -> type[Closed]:
    """The same fields with the same checks and labels. The default of one that may be cut only says that it is not there."""
    keep = IDENTIFYING[str(model.model_fields["product"].default)]
    fields: dict[str, Any] = {
        field: (Annotated[(info.annotation, *info.metadata)], ... if field in keep else None)
        for field, info in model.model_fields.items()
    }
    return create_model(name, __base__=Closed, __doc__=model.__doc__, **fields)


OrderView = _view("OrderView", OrderProgress)
KpiView = _view("KpiView", OrderKpi)

#: the payload of each product as it leaves
VIEWS: dict[str, type[Closed]] = {"order": OrderView, "kpi": KpiView}


class CustomerEvent(Closed):
    """One entry of a customer's ledger. ``payload`` is one of :data:`VIEWS`, by ``type``."""

    sequence: Annotated[int, Field(ge=1), Label("Gapless number, from 1", Export.ALLOW, DataClass.GENERAL_4, unit="1")]
    id: Annotated[EventId, Label("Stable id of the event", Export.ALLOW, DataClass.GENERAL_4)]
    type: Annotated[Literal["order", "kpi"], Label("Product", Export.ALLOW, DataClass.GENERAL_4)]
    subject: Annotated[OrderId, Label("Order it is about", Export.ALLOW)]
    event_time: Annotated[Instant, Label("Up to when it speaks", Export.ALLOW)]
    payload: Annotated[dict[str, Any], Label("What it says", Export.ALLOW)]
    previous_hash: Annotated[Sha256, Label("Hash of the entry before; zeros for the first", Export.ALLOW, DataClass.GENERAL_4)]
    hash: Annotated[Sha256, Label("Hash of this entry (schemas/chain.py)", Export.ALLOW, DataClass.GENERAL_4)]


def check_payload(product: str, payload: dict[str, Any]) -> Closed:
    """The payload as a view. Raises ValueError (pydantic's ValidationError is one) when it is none."""
    if product not in VIEWS:
        raise ValueError(f"no product is named {product!r}")
    # as JSON, where an instant is text even though the models are strict
    return _ADAPTERS[product].validate_json(canonical(payload))


_ADAPTERS: dict[str, TypeAdapter[Closed]] = {name: TypeAdapter(view) for name, view in VIEWS.items()}
