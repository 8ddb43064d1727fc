"""The gateway asks a real broker what is known of an asset before it sends job reports of it."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from gateway_lab import ROOT, until
from job_lab import REPORTS, SAMPLE, WORDS, items
from kafka_fixture import KafkaUnderTest

from schemas.codec import encode
from schemas.envelope import Event
from schemas.events.kpi_value import Scope
from schemas.events.twin_state import AssetState, TwinState
from schemas.instant import to_micros
from schemas.registry import MACHINE
from services.gateway.draft import Draft
from services.gateway.job_backfill import known_until
from services.runtime.kafka import producer, send
from services.stack.log_reader import read_all
from services.topics.cluster import create

NOON = datetime(2025, 10, 25, 12, tzinfo=UTC)


@pytest.fixture
def broker(clean_kafka: KafkaUnderTest) -> KafkaUnderTest:
    """A broker with the topics of the registry, and the machine inspection known until noon of the first day of the sample."""
    create(clean_kafka.bootstrap)
    seen = AssetState(
        packml=None, execution=None, mode=None, program=None, order=None, produced=0, scrap=0, conditions=[], open_alerts=[]
    )
    client = producer(clean_kafka.bootstrap, "test")
    for revision, hour in ((2, 12), (1, 9)):  # an older state after a newer one does not set the time back
        state = TwinState(
            event_time=NOON.replace(hour=hour), id=f"t{revision}", scope=Scope(kind="asset", id="inspection"), revision=revision,
            asset=seen,
        )  # fmt: skip
        send(client, encode(state)).get(30)
    client.close()
    return clean_kafka


def command(broker: KafkaUnderTest, folder: Path, *words: str) -> list[str]:
    begin = [sys.executable, "-m", "services.gateway", "replay", "jobs", str(REPORTS), "--mapping", str(SAMPLE / "mapping.toml")]
    return [*begin, "--bootstrap", broker.bootstrap, "--data-dir", str(folder), *words]


def replay(broker: KafkaUnderTest, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command(broker, folder, *words), cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)


def facts(broker: KafkaUnderTest) -> list[Event]:
    """The events of machines, of each asset in the order sent, a record that came twice once."""
    found = {r.event.event_id: r.event for r in read_all(broker.bootstrap, MACHINE) if r.event is not None}
    return [e for _, e in sorted(found.items())]


def test_what_is_known_of_an_asset_is_its_newest_state(broker: KafkaUnderTest) -> None:
    assert known_until(broker.bootstrap, ["inspection", "lathe-1"], 30.0) == {"inspection": to_micros(NOON)}


def test_reports_of_a_live_asset_are_refused_and_with_behind_sent_and_a_second_run_sends_nothing(
    broker: KafkaUnderTest, tmp_path: Path
) -> None:
    refused = replay(broker, tmp_path)
    assert refused.returncode == 1
    assert "inspection is known until 2025-10-25T12:00:00Z" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert not list(read_all(broker.bootstrap, MACHINE))

    assert replay(broker, tmp_path, "--behind").returncode == 0
    sent = len(list(read_all(broker.bootstrap, MACHINE)))
    assert sent > 100
    again = replay(broker, tmp_path)
    assert (again.returncode, "taken in already" in again.stderr) == (0, True)
    assert len(list(read_all(broker.bootstrap, MACHINE))) == sent


def test_a_run_that_was_killed_goes_on_without_asking_again(broker: KafkaUnderTest, tmp_path: Path) -> None:
    process = subprocess.Popen(
        command(broker, tmp_path / "killed", "--behind", "--speed", "3600"),
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
    )
    until(lambda: len(facts(broker)) > 20)
    process.kill()
    process.wait(20)
    assert len(facts(broker)) < 130
    assert replay(broker, tmp_path / "killed").returncode == 0
    sent = facts(broker)
    assert len(sent) == sum(i.topic is MACHINE for i in items(REPORTS, WORDS) if isinstance(i, Draft))
