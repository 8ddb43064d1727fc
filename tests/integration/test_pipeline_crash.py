"""Whatever cuts a batch of any step short, the results equal the batch oracle; those of a worker broken on purpose do not."""

from __future__ import annotations

import signal
from collections.abc import Iterator

import pytest
from kafka_fixture import KafkaUnderTest
from pipeline_expected import ambiguous, differences
from pipeline_lab import Lab, kill, moments, started, waiting
from pipeline_plant import Plant

pytestmark = pytest.mark.kafka
TRAPPED = "pipeline_worker"


@pytest.fixture
def lab(clean_kafka: KafkaUnderTest) -> Iterator[Lab]:
    with started(clean_kafka.bootstrap) as lab:
        yield lab


def crash(lab: Lab, step: str, point: str, batch: int, mutation: str = "") -> None:
    """Run a worker until it kills itself at that point of that batch of a step, and take it out of the group."""
    worker = lab.start_worker(TRAPPED, CRASH=f"{step}:{point}:{batch}", MUTATION=mutation)
    assert worker.exit_code() == -signal.SIGKILL, worker.lines[-30:]
    assert waiting(lab) > 0  # the batch that was in hand, at least, is not committed
    lab.expel()


def test_a_worker_that_is_killed_in_each_step_leaves_nothing_behind_and_counts_nothing_twice(lab: Lab) -> None:
    plant = Plant(seed=11, assets=2, hours=1.8, sensing_s=3600)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    crash(lab, "aggregate", "sent", 3)
    crash(lab, "measure", "cut", 2)
    crash(lab, "kpi", "stored", 2)
    crash(lab, "alert", "folded", 2)
    crash(lab, "twin", "unfinished", 2)
    crash(lab, "publish", "cut", 2)
    lab.finish()
    assert differences(lab) == []
    assert ambiguous(lab) == []


def test_a_worker_that_is_killed_at_random_again_and_again_changes_nothing(lab: Lab) -> None:
    plant = Plant(seed=12, assets=3, hours=2.2, sensing_s=900)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    in_hand = 0
    for seconds in moments(seed=12, count=4, least=0.02, most=0.3):
        worker = lab.start_worker(FACTORYSTREAM_BATCH_RECORDS="5")  # slow enough for every kill to find work
        lab.wait_until_reading(worker, seconds)
        kill(worker)
        in_hand += waiting(lab) > 0
        lab.expel()
    assert in_hand >= 2, f"{in_hand} kills hit something: the others came too late"
    lab.finish()
    assert differences(lab) == []
    assert ambiguous(lab) == []


def test_a_killed_worker_is_replaced_when_its_session_is_over(lab: Lab) -> None:
    plant = Plant(seed=13, assets=1, hours=1.2, sensing_s=300)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    worker = lab.start_worker()
    lab.wait_until_reading(worker, 0.3)
    kill(worker)
    lab.finish()  # nobody takes the dead one out of the group: the broker does, after its session timeout
    assert differences(lab) == []


@pytest.mark.parametrize(
    ("mutation", "step", "point"),
    [("state-first", "aggregate", "stored"), ("mark-ahead", "measure", "stored"), ("no-fence", "measure", "cut")],
)
def test_the_comparison_sees_a_broken_worker(lab: Lab, mutation: str, step: str, point: str) -> None:
    plant = Plant(seed=14, assets=2, hours=1.2, sensing_s=900)
    lab.send([*plant.registrations(), *plant.orders(), *plant.records()])
    crash(lab, step, point, 2, mutation)
    lab.finish(TRAPPED, MUTATION=mutation)
    assert differences(lab) != []
