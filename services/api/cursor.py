"""Opaque cursors: a place in a list, good only for the same customer, list and filter."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Sequence

from schemas.chain import canonical
from services.api.problem import Problem

MAC_BYTES = 16
Place = Sequence[str | int]


class Cursors:
    """Writes and reads the cursors of one customer. ``key`` is secret and the same in every process."""

    def __init__(self, key: bytes, customer: str) -> None:
        self._key = key
        self._customer = customer

    def write(self, listing: str, place: Place) -> str:
        """The cursor for ``place`` in ``listing``, which names the list with its filter."""
        body = canonical(place)
        return _text(self._mac(listing, body) + body)

    def read(self, listing: str, cursor: str) -> Place:
        """The place. Raises a 400 Problem for a cursor that is not ours, or not for this customer and list."""
        try:
            raw = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            raise _invalid() from None
        mac, body = raw[:MAC_BYTES], raw[MAC_BYTES:]
        # one cursor has one spelling: the unused bits of its last character are not free
        if not hmac.compare_digest(mac, self._mac(listing, body)) or _text(raw) != cursor:
            raise _invalid()
        place: Place = json.loads(body)  # authenticated above: it is what write() wrote
        return place

    def _mac(self, listing: str, body: bytes) -> bytes:
        message = canonical([self._customer, listing]) + body
        return hmac.new(self._key, message, hashlib.sha256).digest()[:MAC_BYTES]


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _invalid() -> Problem:
    return Problem(400, "invalid-cursor", "The cursor is not one that this list gave you; start again without it.")
