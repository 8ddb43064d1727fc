"""The broker is killed again and again under load. With one copy of the log this survives its process, not its machine."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka_fixture import KafkaUnderTest
from pipeline_expected import ambiguous, differences
from pipeline_lab import Kept, Lab, moments, started
from pipeline_plant import Plant

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
BACK_S = 60  # by then a worker has to have committed something new


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


def wait_for_progress(lab: Lab, since: int) -> None:
    """Return when more is committed than ``since``."""
    deadline = time.monotonic() + BACK_S
    while sum(lab.committed().values()) <= since:
        assert time.monotonic() < deadline, f"nothing was committed within {BACK_S} s of the restart"
        time.sleep(0.2)


def test_a_broker_that_is_killed_five_times_loses_nothing(lab: Lab, clean_kafka: KafkaUnderTest) -> None:
    plant = Plant(seed=31, assets=4, hours=4.0, sensing_s=2400)
    lab.send([*plant.registrations(), *plant.orders()])
    workers = [Kept(lab), Kept(lab)]
    for worker in workers:
        lab.wait_until_reading(worker.process, 0)
    with ThreadPoolExecutor(1) as aside:
        sending = aside.submit(lab.send, plant.records(), pace=150.0)
        for seconds in moments(seed=31, count=5, least=0.5, most=4.0):
            wait_for_progress(lab, sum(lab.committed().values()))
            before = sum(lab.committed().values())
            clean_kafka.kill()
            time.sleep(seconds)
            clean_kafka.start()
            wait_for_progress(lab, before)
            assert not sending.done(), "the load has to last longer than the faults"
        sending.result()
    lab.drain(*workers)
    assert [worker.stop() for worker in workers] == [0, 0]
    assert differences(lab) == []
    assert ambiguous(lab) == []
