"""A worker that can't start says why in one sentence and ends with 1; a broker that dies under it is survived."""

from __future__ import annotations

import signal
import socket
import threading
import time

import pytest
from kafka_fixture import KafkaUnderTest
from transport_lab import Lab

from schemas.registry import changelog_name

pytestmark = pytest.mark.kafka


@pytest.fixture
def lab(kafka: KafkaUnderTest) -> Lab:
    return Lab(kafka.bootstrap)


def refusal(lab: Lab, **environment: str) -> str:
    """What a worker says that does not start."""
    with lab.worker(**environment) as worker:
        code, said = worker.ended()
    assert code == 1, said
    assert said.count("error: ") == 1 and "Traceback" not in said
    return said


def test_a_missing_topic_is_named(lab: Lab, kafka: KafkaUnderTest) -> None:
    admin = kafka.admin()
    admin.delete_topics([lab.sources["a"].name])
    admin.close()
    assert f"the broker has no topic {lab.sources['a'].name}" in refusal(lab)


def test_a_wrong_number_of_partitions_is_named(lab: Lab, kafka: KafkaUnderTest) -> None:
    admin = kafka.admin()
    admin.create_partitions({changelog_name(lab.steps[0].name): 6})
    admin.close()
    assert "has 6 partitions and should have 4" in refusal(lab)


def test_a_changelog_that_forgets_is_refused(lab: Lab, kafka: KafkaUnderTest) -> None:
    name = changelog_name(lab.steps[0].name)
    admin = kafka.admin()
    admin.delete_topics([name])
    deadline = time.monotonic() + 30
    while name in admin.list_topics():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    admin.close()
    kafka.create_topics(name, config={"cleanup.policy": "compact,delete"})
    assert "would forget states" in refusal(lab)


def test_no_broker(lab: Lab) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        where = f"127.0.0.1:{unused.getsockname()[1]}"
    said = refusal(lab, FACTORYSTREAM_BOOTSTRAP=where, FACTORYSTREAM_BROKER_WAIT_S="1")
    assert f"no Kafka broker answers at {where}" in said


def test_a_worker_that_waits_for_a_broker_can_be_stopped(lab: Lab) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()  # takes connections and never answers
        where = f"127.0.0.1:{silent.getsockname()[1]}"
        with lab.worker(FACTORYSTREAM_BOOTSTRAP=where, FACTORYSTREAM_BROKER_WAIT_S="60") as worker:
            silent.settimeout(60)
            silent.accept()
            worker.process.send_signal(signal.SIGTERM)
            assert worker.ended(30)[0] == 0


def test_a_step_that_does_not_exist(lab: Lab) -> None:
    assert "FACTORYSTREAM_STEPS names nonsense; the steps are counts-" in refusal(lab, FACTORYSTREAM_STEPS="nonsense")


def test_a_busy_metrics_port(lab: Lab) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        said = refusal(lab, FACTORYSTREAM_METRICS_PORT=str(taken.getsockname()[1]))
    assert "Set FACTORYSTREAM_METRICS_PORT to a free port" in said


def test_a_part_of_the_steps_runs_in_a_group_of_its_own(lab: Lab) -> None:
    lab.produce(300)
    names = [step.name for step in lab.steps]
    for name in names:
        with lab.worker(FACTORYSTREAM_STEPS=name) as worker:
            group = f"{lab.group}.{name}"
            deadline = time.monotonic() + 60
            readable = {t.name for step in lab.steps if step.name == name for t in step.reads}
            ends = {tp: end for tp, end in lab.ends().items() if tp.topic in readable}
            while any(lab.committed(group).get(tp, 0) < end for tp, end in ends.items()):
                assert time.monotonic() < deadline and worker.process.poll() is None
                time.sleep(0.1)
            worker.stop()
    assert lab.results() == lab.expected()


def test_a_broker_that_is_killed_and_comes_back_costs_no_record(lab: Lab, kafka: KafkaUnderTest) -> None:
    lab.produce(2_000)
    sender = threading.Thread(target=lab.produce, args=(4_000,), kwargs={"pace": 600})
    with lab.worker() as worker:
        while not sum(lab.committed().values()):
            time.sleep(0.05)
        sender.start()
        time.sleep(1)
        kafka.kill()
        time.sleep(3)
        kafka.start()
        sender.join()
        lab.wait_until_committed(worker)
        worker.stop()
    lab.finish()
    assert lab.results() == lab.expected()
