"""What the bridge uses: store a batch, ask where the ledger ends."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Path, Request, Response, Security

from services.api.access import State, authorised
from services.api.clients import INGEST_SCOPE, Client
from services.api.ingest import Batch, CustomerHead, EventIds, Receipt
from services.api.ingest import Request as IngestRequest

router = APIRouter(prefix="/ingest/v1", tags=["ingest"])

CustomerPath = Annotated[str, Path(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$", description="Customer id")]
Bridge = Annotated[Client, Security(authorised, scopes=[INGEST_SCOPE])]


async def raw_body(request: Request) -> bytes:
    """The body as it was sent: what the hashes and the idempotency key speak about."""
    return await request.body()


_BODY = {"required": True, "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{Batch.__name__}"}}}}


@router.post("/batches", summary="Store a batch", status_code=201, openapi_extra={"requestBody": _BODY})
def store(
    state: State,
    response: Response,
    client: Bridge,
    body: Annotated[bytes, Depends(raw_body)],
    idempotency_key: Annotated[str | None, Header(description="The same for each retry of the same batch; kept for good")] = None,
) -> Receipt:
    """Stores the batch whole or not at all. 409: it is not next; ask for the head. 422: it can never be stored."""
    receipt, replayed = state.ingest.store(IngestRequest(client.client_id, idempotency_key, body))
    state.metrics.batch(receipt.stored, replayed=replayed)
    if replayed:
        response.headers["Idempotency-Replayed"] = "true"
    return receipt


@router.get("/customers/{customer}/head", summary="Where a customer's ledger ends")
def head(state: State, client: Bridge, customer: CustomerPath) -> CustomerHead:
    """The chain's head and how far the outbound topic is in the ledger. A new customer has an empty chain."""
    del client
    return state.ingest.head(customer)


@router.post("/customers/{customer}/stored", summary="Which events are in the ledger")
def stored(state: State, client: Bridge, customer: CustomerPath, wanted: EventIds) -> EventIds:
    """Of the ids that are asked for, those that are in the customer's ledger. For a batch whose answer got lost."""
    del client
    return state.ingest.stored(customer, wanted.ids)


def body_schema() -> dict[str, Any]:
    """The JSON Schema of a batch, for the OpenAPI document."""
    return Batch.model_json_schema(ref_template="#/components/schemas/{model}")
