"""Whatever cuts a batch short, the results are those of an undisturbed run."""

from __future__ import annotations

import signal

import pytest
from kafka_fixture import KafkaUnderTest
from transport_lab import Lab

pytestmark = pytest.mark.kafka

POINTS = ("folded", "sent", "cut", "stored", "unfinished")


@pytest.fixture
def lab(kafka: KafkaUnderTest) -> Lab:
    return Lab(kafka.bootstrap)


def crash(lab: Lab, point: str, batch: int, mutation: str = "") -> None:
    """Run a worker that kills itself at a point of a batch. In a group of its own: the next need not wait for its session."""
    with lab.worker(CRASH=f"{point}:{batch}", MUTATION=mutation, FACTORYSTREAM_GROUP=f"{lab.group}-{batch}") as worker:
        code, logged = worker.ended()
    assert code == -signal.SIGKILL, logged[-3000:]
    if not mutation:
        lab.assert_commits_behind_marks(f"{lab.group}-{batch}")


def test_without_a_crash_the_results_are_the_expected_ones(lab: Lab) -> None:
    lab.produce(3_000)
    logged = lab.finish()
    assert lab.results() == lab.expected()
    assert "CRITICAL" not in logged


@pytest.mark.parametrize("point", POINTS)
def test_a_killed_worker_leaves_nothing_behind_and_counts_nothing_twice(lab: Lab, point: str) -> None:
    lab.produce(2_000)
    crash(lab, point, 3)
    crash(lab, point, 2)
    lab.finish()
    assert lab.results() == lab.expected()


@pytest.mark.parametrize(("mutation", "point"), [("no-fence", "cut"), ("state-first", "stored"), ("mark-only", "stored")])
def test_the_check_sees_a_broken_runner(lab: Lab, mutation: str, point: str) -> None:
    lab.produce(2_000)
    crash(lab, point, 3, mutation)
    lab.finish(MUTATION=mutation)
    assert lab.results() != lab.expected()
