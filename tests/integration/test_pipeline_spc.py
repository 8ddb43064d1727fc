"""Control charts over a real log: limits, an alarm and capability arrive, the twin shows the alarm, other assets leave no state."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from kafka_fixture import KafkaUnderTest
from machine_facts import Source, machine
from pipeline_expected import ambiguous, derived
from pipeline_lab import Lab, assert_conserved, started

from schemas.codec import encode, encode_on
from schemas.events.asset import Channel, Control, Specification
from schemas.registry import ALERT, CAPABILITY, CONTROL_LIMITS, SENSOR, TWIN_STATE, changelog_name

pytestmark = pytest.mark.kafka


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


def test_limits_an_alarm_and_capability_of_a_charted_channel(lab: Lab) -> None:
    # 60 readings about 10, then 13 (beyond 10 +- 2.66) and on: nobody within 2 sigma, the alarm stays open
    charted = Channel(
        unit="Cel",
        control=Control(version=1, chart="individuals", rules=["N1"]),
        specification=Specification(lower=5.0, upper=15.0),
    )
    values: list[float | None] = [*[9.5, 10.5] * 30, *[13.0] * 60]
    one, other = Source("m1"), Source("m2")
    sensed = [
        *(encode_on(SENSOR, s.frame("10:00", {"temp": values[:60]})) for s in (one, other)),
        *(encode_on(SENSOR, s.frame("10:01", {"temp": values[60:]})) for s in (one, other)),
        *(encode_on(SENSOR, s.ending("10:30")) for s in (one, other)),
    ]
    described = [encode(machine("m1", "l1", temp=charted)), encode(machine("m2", "l1", temp=Channel(unit="Cel")))]
    lab.send([*described, *sensed])
    counts = lab.finish()
    assert_conserved(lab, counts)
    assert counts["spc", SENSOR.name].classes == {"applied": len(sensed)}
    (limits,) = derived(lab.read(CONTROL_LIMITS))
    assert (limits["asset"], limits["n"], limits["last"]) == ("m1", 25, "gw/m1/1")
    (alert,) = derived(lab.read(ALERT))
    assert (alert["rule"], alert["state"], alert["value"], alert["event_time"][11:19]) == (
        "spc:temp:N1",
        "raised",
        13.0,
        "10:01:00",
    )
    (capability,) = derived(lab.read(CAPABILITY))
    assert (capability["n"], capability["status"], capability["signals"]) == (120, "final", 1)
    shown = [b for b in derived(lab.read(TWIN_STATE)) if b["scope"]["id"] == "m1"]
    assert shown[-1]["asset"]["open_alerts"] == ["spc:temp:N1"]
    states = [r.key for r in lab.read(changelog_name("spc")) if not r.key.startswith(b"#")]
    assert set(states) == {b"m1"}
    assert ambiguous(lab) == []
