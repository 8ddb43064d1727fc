"""The state of the step measure: one asset, as bytes and back."""

import json
from dataclasses import dataclass, field
from typing import Any

from streams.domain.fact_series import Entry, Kind, entries_of_row, entry, row_of_entries
from streams.domain.hour_record import TOPICS, HourRecord, from_body
from streams.domain.line_basis import Version
from streams.domain.measure_layout_1 import from_layout_1
from streams.domain.sequences import Sequences
from streams.domain.state_bytes import unpack
from streams.domain.timeline import Timeline

NAME = "measure"
LAYOUT = 2


@dataclass(slots=True)
class MeasureState:
    """Hours before ``closed_until`` (the start of an hour) are final. ``ended`` is the newest end of a source, ``versions`` are the
    calendars and loss models of each line and ``orders`` the versions of orders behind what was told."""

    asset: str
    sequences: list[Sequences] = field(default_factory=lambda: [Sequences() for _ in range(TOPICS)])
    known_until: int = -1
    closed_until: int = -1
    ended: int = -1
    timeline: Timeline = field(default_factory=Timeline)
    versions: dict[str, list[Version]] = field(default_factory=dict)
    orders: dict[str, int] = field(default_factory=dict)


def dump(state: MeasureState) -> bytes:
    """The layout of ``state_bytes.pack``, put together from the text that each hour keeps."""
    t = state.timeline
    words = list(dict.fromkeys(w for one in t.carried for e in one for w in (e.source, e.value)))
    place = {w: i for i, w in enumerate(words)}
    head = [
        [s.last for s in state.sequences],
        [state.known_until, state.closed_until, state.ended, t.floor],
        [words, [row_of_entries(0, place, one) for one in t.carried]],
        state.versions,
        state.orders,
    ]
    hours = ",".join(f'"{start}":{record.text()}' for start, record in t.hours.items())
    return f"[{LAYOUT},[{json.dumps(head, separators=(',', ':'))},{{{hours}}}]]".encode()


def load(asset: str, data: bytes) -> MeasureState:
    """The state of :func:`dump`, or of the layout before. Raises UnknownStateVersion."""
    if data.startswith(b"[1,"):
        return _of_layout_1(asset, data)
    head, hours = unpack(data, LAYOUT, NAME, asset)
    sequences, (known, closed, ended, floor), (words, rows), versions, orders = head
    records = {int(start): from_body(int(start), body) for start, body in hours.items()}
    return MeasureState(
        asset,
        [Sequences(last) for last in sequences],
        known,
        closed,
        ended,
        Timeline(floor, [[*entries_of_row(0, words, row)] for row in rows], records),
        {line: [Version(*v) for v in found] for line, found in versions.items()},
        orders,
    )


def _of_layout_1(asset: str, data: bytes) -> MeasureState:
    head, hours = unpack(data, 1, NAME, asset)
    last, known, closed, floor, execution, order = head
    carried: list[list[Entry]] = [[] for _ in Kind]
    for kind, row in ((Kind.STATE, execution), (Kind.ORDER, order)):
        carried[kind] = [] if row is None else [_carried(row)]
    records: dict[int, HourRecord] = {int(start): from_layout_1(int(start), floor, body) for start, body in hours.items()}
    state = MeasureState(asset, known_until=known, closed_until=closed, timeline=Timeline(floor, carried, records))
    state.sequences[0] = Sequences(last)
    return state


def _carried(row: list[Any]) -> Entry:
    time, _, sequence, source, value, offset = row
    return entry(time, sequence, source, value, offset)
