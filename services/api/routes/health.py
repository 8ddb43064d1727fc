"""GET /healthz: whether the API does its work, not whether its process runs."""

from typing import Literal

from fastapi import APIRouter

from schemas.envelope import Closed
from services.api.access import State
from services.api.database import answers
from services.api.problem import database_down

router = APIRouter(tags=["operation"])


class Health(Closed):
    """The database answered."""

    status: Literal["ok"]


@router.get("/healthz", summary="Whether the API works")
def health(state: State) -> Health:
    """Asks the database for something; 503 when it does not answer."""
    if not answers(state.engine):
        raise database_down()
    return Health(status="ok")
