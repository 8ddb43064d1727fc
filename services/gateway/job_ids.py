"""Ids made of the names in a table of job reports: stable, valid for the contracts, and never one for two names."""

import re
import unicodedata
from collections.abc import Iterable

from services.runtime.errors import UserError

UNSAFE = re.compile(r"[^A-Za-z0-9._]+")
LONGEST = 63


def id_of(name: str) -> str:
    """``Machine 4 - Turning & Milling`` becomes ``Machine-4-Turning-Milling``; '' when nothing of the name can be used."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    return UNSAFE.sub("-", plain).strip("-._")[:LONGEST].rstrip("-._")


def distinct_ids(what: str, names: Iterable[str], own: dict[str, str], remedy: str, lower: bool = False) -> dict[str, str]:
    """name -> id; ``own`` has the ids that the mapping gives. Raises UserError for a name without an id, and for two with one."""
    found: dict[str, str] = {}
    owner: dict[str, str] = {}
    for name in sorted(set(names)):
        made = own.get(name) or (id_of(name).lower() if lower else id_of(name))
        if not made:
            raise UserError(f"no id can be made of the {what} {name!r}: {remedy}")
        if made in owner:
            raise UserError(f"the {what}s {owner[made]!r} and {name!r} would both be {made}: {remedy}")
        found[name], owner[made] = made, name
    return found


def apart(**kinds: Iterable[str]) -> None:
    """Ids of assets, lines and orders are one name space (their states share a topic). Raises UserError for one that two have."""
    owner: dict[str, str] = {}
    for kind, ids in kinds.items():
        for found in sorted(set(ids)):
            if found in owner:
                raise UserError(f"{found} would be the id of both {owner[found]} and {kind}: give one of them another name")
            owner[found] = kind
