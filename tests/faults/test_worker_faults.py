"""Workers are killed at every point of every step and at random, frozen, joined by others, robbed of their states.

In the end every derived topic equals the batch oracle.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
from kafka_fixture import KafkaUnderTest
from pipeline_expected import ambiguous, differences
from pipeline_lab import GROUP, Kept, Lab, kill, moments, started, stop, waiting
from pipeline_plant import Plant
from pipeline_worker import POINTS

from schemas.registry import AGGREGATE, ALERT, KPI, MEASURE, STATEFUL_STEPS, changelog_topic
from services.topics.cluster import create

pytestmark = pytest.mark.kafka
#: what these topics say does not depend on how far a step has read one topic when it reads another
ONE_ORDER = (AGGREGATE, MEASURE, KPI, ALERT)


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


def assert_as_computed(lab: Lab) -> None:
    """The derived topics say what the oracle says, and no id has two contents."""
    assert differences(lab) == []
    assert ambiguous(lab) == []


@pytest.mark.slow
@pytest.mark.parametrize("step", STATEFUL_STEPS)
def test_killed_at_every_point_of_a_batch(lab: Lab, step: str) -> None:
    plant = Plant(seed=21, assets=2, hours=2.5, sensing_s=1800)
    facts = plant.records()
    lab.send([*plant.registrations(), *plant.orders()])
    for n, point in enumerate(POINTS):  # a share of the facts each, so that each step has something to do
        lab.send(facts[len(facts) * n // len(POINTS) : len(facts) * (n + 1) // len(POINTS)])
        worker = lab.start_worker("pipeline_worker", CRASH=f"{step}:{point}:1", FACTORYSTREAM_BATCH_RECORDS="25")
        assert worker.exit_code() == -signal.SIGKILL, worker.lines[-30:]
        lab.expel()
    lab.finish()
    assert_as_computed(lab)


@pytest.mark.slow
def test_killed_thirty_times_within_a_second_of_its_start(lab: Lab) -> None:
    plant = Plant(seed=22, assets=4, hours=4.0, sensing_s=2400)
    lab.send([*plant.registrations(), *plant.orders()])
    in_hand = 0
    with ThreadPoolExecutor(1) as aside:
        sending = aside.submit(lab.send, plant.records(), pace=250.0)
        for seconds in moments(seed=22, count=30, least=0.1, most=1.0):
            worker = lab.start_worker(FACTORYSTREAM_BATCH_RECORDS="25")
            lab.wait_until_reading(worker, seconds)
            kill(worker)
            in_hand += waiting(lab) > 0
            lab.expel()
        sending.result()
    assert in_hand >= 15, "too few kills hit anything"
    lab.finish()
    assert_as_computed(lab)


@pytest.mark.slow
def test_twenty_workers_join_and_leave_beside_one_that_stays(lab: Lab) -> None:
    plant = Plant(seed=23, assets=4, hours=4.0, sensing_s=2400)
    lab.send([*plant.registrations(), *plant.orders()])
    stays = Kept(lab)
    lab.wait_until_reading(stays.process, 0)
    committed = [sum(lab.committed().values())]
    with ThreadPoolExecutor(1) as aside:
        sending = aside.submit(lab.send, plant.records(), pace=250.0)
        for n, seconds in enumerate(moments(seed=23, count=10, least=0.0, most=1.5)):
            other = lab.start_worker()
            lab.wait_until_reading(other, seconds)
            if n % 3 == 2:
                kill(other)
            else:
                stop(other)
            if n % 4 == 3:
                committed.append(sum(lab.committed().values()))
        sending.result()
    assert committed == sorted(set(committed)), "the commits have to go on during the storm"
    lab.drain(stays)
    assert stays.stop() == 0
    assert_as_computed(lab)


def test_a_worker_that_was_frozen_past_its_session_does_no_harm(lab: Lab) -> None:
    plant = Plant(seed=24, assets=2, hours=1.6, sensing_s=900)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    frozen = lab.start_worker(FACTORYSTREAM_BATCH_RECORDS="10")
    lab.wait_until_reading(frozen, 0.5)
    frozen.freeze()
    assert waiting(lab) > 0
    other = lab.start_worker()
    lab.wait_until_reading(other, 0)  # when the session of the frozen one is over
    lab.drain(other)
    frozen.resume()
    deadline = time.monotonic() + 60
    while frozen.alive and sum("states restored" in line for line in frozen.lines) < 2:
        assert time.monotonic() < deadline, frozen.lines[-30:]
        time.sleep(0.1)
    lab.drain(other)
    assert_as_computed(lab)


def test_states_that_are_lost_are_made_anew_from_the_sources(lab: Lab, clean_kafka: KafkaUnderTest) -> None:
    plant = Plant(seed=25, assets=2, hours=1.6, sensing_s=600)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    lab.finish()
    before = {topic.name: {r.value for r in lab.read(topic)} for topic in ONE_ORDER}
    admin = clean_kafka.admin()
    admin.delete_topics([changelog_topic(step).name for step in STATEFUL_STEPS])
    admin.delete_groups([GROUP])
    admin.close()
    create(lab.bootstrap)
    lab.finish()
    assert_as_computed(lab)
    assert {topic.name: {r.value for r in lab.read(topic)} for topic in ONE_ORDER} == before
