"""Job reports as feeds: one for what belongs to no asset (orders, loss models, rejects), and one for each resource."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from schemas.instant import HOUR_US
from schemas.registry import LOSS_MODEL, MACHINE, ORDER
from services.gateway.asset_card import AssetCard
from services.gateway.draft import Draft, text_of
from services.gateway.feed import Feed, Item, Moment, Reject
from services.gateway.job_facts import Told, facts_of, loss_models, order_bodies
from services.gateway.job_mapping import JobMapping, read_mapping
from services.gateway.job_table import JobTable, read_table
from services.gateway.log_feed import file_fingerprint
from services.gateway.source_spec import JobsSpec
from services.gateway.tally import Tally

#: reports are made by people, by the minute: an hour closes in time with a beat an hour
BEAT_US = HOUR_US


@dataclass(frozen=True, slots=True)
class Import:
    """What is imported as what: the same text when and only when the items would be the same."""

    source: str
    files: str

    @classmethod
    def of(cls, source: str, paths: list[Path], mapping: JobMapping) -> "Import":
        """Raises UserError when a file can't be read."""
        prints = [file_fingerprint(path) for path in paths]
        digest = hashlib.sha256("\n".join([*prints, mapping.model_dump_json()]).encode()).hexdigest()[:32]
        return cls(source, f"{'+'.join(path.name for path in paths)}:{digest}")

    def part(self, what: str) -> str:
        """The name under which a part of it is remembered as taken in."""
        return f"{self.source}/{what}/{self.files}"


class JobOrders:
    """What belongs to no asset. Its tally has the rows and the traps of the whole table."""

    beat_us: int | None = None

    def __init__(self, table: JobTable, made: Import) -> None:
        self.source = made.source
        self.tally = table.tally
        self._table = table
        self._made = made
        self._left_out = False
        self._orders = list(order_bodies(table)) if table.mapping.orders else []

    def fingerprint(self) -> str:
        return repr((self._made.source, self._made.files))

    def parts(self) -> list[str]:
        return [] if self._left_out else [self._made.part("orders")]

    def leave_out(self, parts: set[str]) -> None:
        self._left_out = bool(parts & set(self.parts()))

    def assets(self) -> list[str]:
        return []

    def opening(self) -> list[Draft]:
        mapping = self._table.mapping
        models = loss_models(mapping, self._table.reports) if mapping.loss_model else []
        return [Draft(LOSS_MODEL, self.source, None, m, barrier=True, origin=f"loss model of {m['line']}") for m in models]

    def moments(self) -> Iterator[Moment]:
        for reject in self._table.rejects:
            yield Moment(self._table.first_us, None, reject)
        for time_us, body, origin in self._orders:
            draft = Draft(ORDER, self.source, None, {**body, "event_time": text_of(time_us)}, barrier=True, origin=origin)
            yield Moment(time_us, None, draft)

    def items(self, moment: Moment) -> list[Item]:
        assert isinstance(moment.payload, Draft | Reject)
        return [moment.payload]

    def flush(self, asset: str) -> list[Draft]:
        del asset
        return []


class JobFeed:
    """The facts of one resource. Between reports a beat an hour says that nothing else is known to have happened."""

    beat_us: int | None = BEAT_US

    def __init__(self, table: JobTable, resource: str, made: Import) -> None:
        mapping = table.mapping
        self.source = made.source
        self.tally = Tally()
        self.asset = table.assets[resource]
        self.facts: list[Told] = facts_of(table, resource)
        self._card = AssetCard(self.asset, resource[:200], mapping.site, mapping.area, mapping.line_of(resource), mapping.simulated)
        self._made = made
        self._left_out = False

    @property
    def first_us(self) -> int | None:
        """When its first fact happened; None without facts."""
        return self.facts[0].time_us if self.facts else None

    def fingerprint(self) -> str:
        return repr((self.asset, self._made.source, self._made.files))

    def parts(self) -> list[str]:
        return [] if self._left_out else [self._made.part(self.asset)]

    def leave_out(self, parts: set[str]) -> None:
        self._left_out = bool(parts & set(self.parts()))

    def assets(self) -> list[str]:
        return [self.asset]

    def opening(self) -> list[Draft]:
        return [self._card.draft(self.source, self.first_us or 0)]

    def moments(self) -> Iterator[Moment]:
        before_us = None
        for told in self.facts:
            if before_us is not None:
                for mark_us in range(before_us + BEAT_US, told.time_us, BEAT_US):
                    yield Moment(mark_us, self.asset, None)
            before_us = told.time_us
            yield Moment(told.time_us, self.asset, told)

    def items(self, moment: Moment) -> list[Item]:
        told = moment.payload
        if told is None:
            return []
        assert isinstance(told, Told)
        body = {"type": "factory.machine-event.v1", "event_time": text_of(told.time_us), "fact": told.fact}
        return [Draft(MACHINE, self.source, self.asset, body, origin=told.origin)]

    def flush(self, asset: str) -> list[Draft]:
        del asset
        return []


def job_feeds(spec: JobsSpec) -> list[Feed]:
    """The feeds of tables of job reports. Raises UserError."""
    mapping = read_mapping(spec.mapping)
    table = read_table(spec.paths, mapping, spec.strict)
    made = Import.of(spec.source, spec.paths, mapping)
    return [JobOrders(table, made), *(JobFeed(table, resource, made) for resource in table.reports)]
