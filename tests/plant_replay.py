"""A plant's raw records through the steps in memory, and what the steps tell of it at last, in the words of the oracle."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from random import Random
from typing import Any

from inmemory_pipeline import InMemoryPipeline
from oracle.element_spans import Key, Plant
from oracle.newest_values import (
    Hour,
    newest_kpis,
    newest_measures,
    told_begun,
    told_elements,
    told_quantities,
)
from oracle.observed_windows import Scope, Telling
from oracle.unit_quantities import Key as QuantityKey

from schemas.codec import decode
from schemas.registry import ASSET, CALENDAR, INSPECTION, KPI, LOSS_MODEL, MACHINE, MEASURE, ORDER
from schemas.topic import Topic
from streams.pipeline import STEPS
from streams.step import Step

ACCOUNTING = tuple(step for step in STEPS if step.name in ("measure", "kpi"))


@dataclass(frozen=True)
class Told:
    """Raw records of the topics of measures and KPIs."""

    measure: Sequence[dict[str, Any]]
    kpi: Sequence[dict[str, Any]]

    @cached_property
    def measures(self) -> dict[Hour, dict[str, Any]]:
        """The newest measure of each asset and hour."""
        return newest_measures(self.measure)

    @property
    def elements(self) -> dict[Hour, dict[Key, int]]:
        """Per hour (day, shift, order, part, element, reason) -> microseconds."""
        return told_elements(self.measures)

    @property
    def accounts(self) -> dict[Hour, dict[tuple[str | None, str], int]]:
        """Per hour (order, state) -> microseconds, where there are any."""
        accounts = {hour: {(e["order"], e["state"]): e["duration_us"] for e in m["account"]} for hour, m in self.measures.items()}
        return {hour: account for hour, account in accounts.items() if account}

    def begun(self, element: str) -> dict[Hour, int]:
        """Per hour how many spans of an element began."""
        return told_begun(self.measures, element)

    @property
    def quantities(self) -> dict[Hour, dict[QuantityKey, dict[str, int]]]:
        """Per hour (day, shift, order, part) -> counts."""
        return told_quantities(self.measures)

    @property
    def status(self) -> dict[Hour, str]:
        """Per hour the status of the newest measure."""
        return {hour: m["status"] for hour, m in self.measures.items()}

    @property
    def telling(self) -> Telling:
        """Of which hours there are measures, and which of them are settled."""
        return Telling(self.measures.keys(), {hour for hour, m in self.measures.items() if m["due"]})

    @cached_property
    def kpis(self) -> dict[tuple[str, Scope], dict[str, Any]]:
        """The newest value of each KPI, scope and window."""
        return newest_kpis(self.kpi)

    @property
    def ratios(self) -> dict[tuple[str, Scope], tuple[int, int]]:
        """Numerator and denominator of every KPI that has a denominator."""
        told = {key: (v["numerator"], v["denominator"]) for key, v in self.kpis.items()}
        return {key: ratio for key, ratio in told.items() if ratio[1]}

    @property
    def coverage(self) -> dict[Scope, float]:
        """Coverage by the newest availability of each scope and window."""
        return {scope: v["coverage"] for (kpi, scope), v in self.kpis.items() if kpi == "availability"}


def replay(plant: Plant, random: Random | None = None, steps: Sequence[Step] = ACCOUNTING) -> Told:
    """Send everything and fold until nothing is left; with ``random`` lanes are picked and states stored and loaded at will."""
    line = InMemoryPipeline(steps=steps)
    for event in _decoded(ASSET, plant.asset):
        line.references[event.asset] = event
    for topic, records in ((CALENDAR, plant.calendar), (LOSS_MODEL, plant.loss_model), (ORDER, plant.order)):
        line.references.put(*_decoded(topic, records))
    for topic, records in ((MACHINE, plant.machine), (INSPECTION, plant.inspection)):
        line.send_raw(topic, *_bytes(records))
    if random is None:
        line.run()
    else:
        line.run(choose=random.choice, restart=lambda: random.random() < 0.1)
    return told(line)


def told(line: InMemoryPipeline) -> Told:
    """What a pipeline has told so far."""
    return Told(raw(line, MEASURE), raw(line, KPI))


def raw(line: InMemoryPipeline, topic: Topic) -> list[dict[str, Any]]:
    """The records of a topic as JSON."""
    return [json.loads(value) for (name, _), values in line.log.items() if name == topic.name for value in values]


def _bytes(records: Iterable[Any]) -> list[bytes]:
    return [json.dumps(r).encode() for r in records]


def _decoded(topic: Topic, records: Iterable[Any]) -> list[Any]:
    found = decode(topic, _bytes(records))
    assert not found.rejections, found.rejections
    return [event for _, event in found.events]
