"""Recorded days of real machines, as the gateway sends them, through the steps: equal to the microsecond to what the log says."""

import json
from collections import Counter
from fractions import Fraction
from functools import cache
from pathlib import Path

import pytest
from gateway_lab import BUNDLED_LOG, replayed, shared
from inmemory_pipeline import InMemoryPipeline
from oracle.machine_records import accounts, availability
from oracle.mtconnect_log import log_accounts, log_records
from oracle.sensor_records import aggregates

from schemas.codec import decode
from schemas.events.asset import Asset
from schemas.events.kpi_value import Kpi, KpiValue
from schemas.events.late_event import LateEvent
from schemas.events.measure import Measure
from schemas.events.window_aggregate import WindowAggregate
from schemas.instant import to_micros
from schemas.registry import ASSET, MACHINE, SENSOR
from services.gateway.draft import Draft
from services.gateway.feeds import log_feeds
from services.gateway.source_spec import LogSpec

REFERENCE = "nist_sms/reference_durations_dev.json"
DAYS = [
    "raw/Mazak01/Mazak01-20190606-20190607.txt",
    "raw/Mazak01/Mazak01-20190612-20190613.txt",
    "raw/Mazak03/Mazak03-20160502-20160503.txt",
    "raw/Mazak03/Mazak03-20170906-20170907.txt",
]


@cache
def pipeline(path: Path) -> InMemoryPipeline:
    """The whole pipeline after a replay of a log by the gateway's own reader."""
    drafts = [i for i in replayed(*log_feeds(LogSpec(paths=[path]))) if isinstance(i, Draft)]
    sequences: Counter[str | None] = Counter()
    line = InMemoryPipeline()
    for draft in drafts:
        sequences[draft.asset] += 1
        identity = {} if draft.asset is None else {"source": draft.source, "asset": draft.asset, "sequence": sequences[draft.asset]}
        value = json.dumps({**draft.body, **identity}).encode()
        if draft.topic is ASSET:
            ((_, asset),) = decode(ASSET, [value]).events
            assert isinstance(asset, Asset)
            line.references[asset.asset] = asset
        else:
            line.send_raw(draft.topic, value)
    line.run()
    return line


def hourly(line: InMemoryPipeline) -> dict[tuple[int, str], int]:
    """(hour, execution state) -> microseconds in the newest measures."""
    newest = {m.window.start: m for m in line.events(Measure)}
    return {(to_micros(start), e.state.value): e.duration_us for start, m in newest.items() for e in m.account}


def raw(line: InMemoryPipeline, topic: str) -> list[bytes]:
    return [value for (name, _), values in line.log.items() if name == topic for value in values]


def test_the_bundled_day_is_accounted_to_the_microsecond() -> None:
    assert hourly(pipeline(BUNDLED_LOG)) == log_accounts(BUNDLED_LOG)


def test_the_availability_of_each_hour_of_the_bundled_day_is_that_of_the_log() -> None:
    line = pipeline(BUNDLED_LOG)
    ((asset, known),) = line.references.items()
    wanted = availability(raw(line, MACHINE.name), {asset: known.line})
    told = [v for v in line.events(KpiValue) if (v.kpi, v.scope.kind, v.window_kind) == (Kpi.AVAILABILITY, "line", "hour")]
    values = {to_micros(v.window.start): v for v in told}
    assert {h: Fraction(v.numerator, v.denominator) if v.denominator else None for h, v in values.items()} == {
        h: ratio for (kind, _, h), ratio in wanted.items() if kind == "line"
    }
    low = [v for v in values.values() if v.denominator and v.value is None]
    assert [v.flags for v in low] == [["low coverage"]]  # the hour in which the machine was switched on, at 17:50


def test_the_windows_of_the_bundled_day_are_those_of_the_oracle() -> None:
    line = pipeline(BUNDLED_LOG)
    wanted = aggregates(raw(line, SENSOR.name))
    found = {(w.asset, w.channel, to_micros(w.window.start)): (w.n, w.mean, w.min, w.max) for w in line.events(WindowAggregate)}
    assert found == {key: (s.n, float(s.mean), s.low, s.high) for key, s in wanted.closed.items()}
    assert sum(e.readings for e in line.events(LateEvent)) == sum(wanted.late.values())


@pytest.mark.parametrize("day", DAYS)
def test_a_recorded_day_is_accounted_to_the_microsecond(day: str) -> None:
    path = shared(f"nist_sms/{day}")
    assert hourly(pipeline(path)) == log_accounts(path)


@pytest.mark.parametrize("day", DAYS)
def test_a_recorded_day_has_the_seconds_of_the_reference(day: str) -> None:
    wanted = json.loads(shared(REFERENCE).read_text())[day]["seconds"]
    seconds: Counter[str] = Counter()
    for (_, state), time in hourly(pipeline(shared(f"nist_sms/{day}"))).items():
        seconds[state] += time
    assert {state: round(time / 1e6, 1) for state, time in seconds.items()} == wanted


@pytest.mark.parametrize("day", DAYS)
def test_every_line_of_a_log_in_the_order_of_the_file_gives_the_same_account(day: str) -> None:
    # without the gateway, which leaves repeats out: each execution line is a fact
    path = shared(f"nist_sms/{day}")
    records = [json.dumps(r).encode() for r in log_records(path, "m1")]
    line = InMemoryPipeline()
    line.references["m1"] = Asset.model_validate(
        {"event_time": "2016-01-01T00:00:00Z", "version": 1, "asset": "m1", "name": "m", "site": "s", "area": "a", "line": "l1"},
        strict=False,
    )
    line.send_raw(MACHINE, *records)
    line.run()
    assert hourly(line) == log_accounts(path)
    assert {(hour, state): time for (_, hour, state), time in accounts(records).items()} == log_accounts(path)
