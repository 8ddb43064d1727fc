"""Identity: the same fact has the same id at every replay."""

import hashlib
from typing import Annotated

from pydantic import StringConstraints

#: short, stable, safe in a URL, a file name and a Prometheus label
AssetId = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}$")]
LineId = AssetId
CustomerId = AssetId
SourceId = AssetId
ChannelName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
OrderId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$")]
PartId = OrderId
UnitId = OrderId
EventId = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


def derived_id(*parts: str | int) -> str:
    """The id of a derived event: 128 bits of the sha256 of its (type, scope, window, revision), as 32 hexadecimal digits."""
    text = "\x1f".join(str(p) for p in parts)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
