"""The API's clients of an embedded stack: the bridge and, in the demo, customers. Their secrets lie in DATA/secrets."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from services.api.clients import CUSTOMER_SCOPES, INGEST_SCOPE, Clients
from services.api.database import migrate, open_database
from services.api.settings import SQLITE_FILE
from services.stack.credentials import secret, secret_file
from services.stack.folder import DataFolder
from services.stack.programs import BRIDGE_CLIENT


def register(folder: DataFolder, customers: Sequence[str]) -> Path:
    """Make sure that the bridge and the customers may ask for tokens; returns the file of the bridge's secret."""
    engine = open_database(f"sqlite:///{folder.api / SQLITE_FILE}")
    try:
        migrate(engine)
        clients = Clients(engine, lambda: datetime.now(UTC))
        _once(clients, folder, BRIDGE_CLIENT, None, (INGEST_SCOPE,))
        for customer in customers:
            _once(clients, folder, customer, customer, CUSTOMER_SCOPES)
    finally:
        engine.dispose()
    return secret_file(folder.secrets, BRIDGE_CLIENT)


def _once(clients: Clients, folder: DataFolder, client_id: str, customer: str | None, scopes: Sequence[str]) -> None:
    if clients.get(client_id) is None:
        clients.add(client_id, customer, scopes, secret(folder.secrets, client_id))
