"""Workers come and go while events come in; the results are those of one worker that was left alone."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from kafka_fixture import KafkaUnderTest
from transport_lab import Lab

pytestmark = pytest.mark.kafka

SESSION_S = 6.0  # of the lab's workers


@pytest.fixture
def lab(kafka: KafkaUnderTest) -> Lab:
    return Lab(kafka.bootstrap)


@contextmanager
def load(lab: Lab, count: int, pace: float) -> Iterator[threading.Thread]:
    """Events in the background; waits for the last at the end."""
    thread = threading.Thread(target=lab.produce, args=(count,), kwargs={"pace": pace})
    thread.start()
    try:
        yield thread
    finally:
        thread.join()


def test_workers_that_join_and_leave_lose_nothing(lab: Lab) -> None:
    with lab.worker() as first, lab.worker() as second:
        with load(lab, 6_000, pace=800):
            time.sleep(1.5)
            second.stop()
            with lab.worker() as third:
                time.sleep(1.5)
                first.stop()
                with lab.worker() as fourth:
                    time.sleep(1.5)
                    third.stop()
                    lab.wait_until_committed(fourth)
        lab.finish()
    assert lab.results() == lab.expected()
    lab.assert_commits_behind_marks()


def test_a_killed_worker_is_replaced_by_the_other(lab: Lab) -> None:
    with lab.worker() as first, lab.worker() as second, load(lab, 4_000, pace=500):
        time.sleep(3)
        first.process.kill()
        time.sleep(SESSION_S + 1)
        lab.wait_until_committed(second)
        second.stop()
    lab.finish()
    assert lab.results() == lab.expected()


def test_a_worker_that_was_frozen_past_its_session_does_no_harm(lab: Lab) -> None:
    with lab.worker() as zombie:
        with load(lab, 3_000, pace=400):
            time.sleep(3)
            zombie.process.send_signal(signal.SIGSTOP)
            with lab.worker() as heir:
                time.sleep(SESSION_S + 3)
                zombie.process.send_signal(signal.SIGCONT)
                time.sleep(3)
                lab.wait_until_committed(heir)
        lab.finish()
    assert lab.results() == lab.expected()


def test_sigterm_under_load_drains_and_commits_what_is_done(lab: Lab) -> None:
    lab.produce(20_000)
    with lab.worker() as worker:
        while not sum(lab.committed().values()):
            assert worker.process.poll() is None
            time.sleep(0.05)
        logged = worker.stop()
    assert "CRITICAL" not in logged
    first, second, committed = lab.marks(0), lab.marks(1), lab.committed()
    done = {tp: min(mark, second.get(tp, 0)) for tp, mark in first.items()}
    assert {tp: committed.get(tp, 0) for tp in done} == done
    lab.finish()
    assert lab.results() == lab.expected()
