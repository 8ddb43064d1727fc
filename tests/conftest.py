"""Fixtures and rules that hold for every kind of test."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from kafka_fixture import KafkaUnderTest

KAFKA = pytest.StashKey["KafkaUnderTest"]()


def pytest_configure() -> None:
    """A shell has what it starts in the background ignore Ctrl-C, and children would inherit that; tests send it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Iterator[KafkaUnderTest]:
    """The one Kafka of this run, with whatever earlier tests have left in it; ``clean_kafka`` is empty."""
    from kafka_fixture import KafkaUnderTest, choose  # a third of a second that runs without Kafka need not pay

    broker = KafkaUnderTest(choose(tmp_path_factory.mktemp("kafka") / "data"))
    pytestconfig.stash[KAFKA] = broker
    try:
        broker.start()
        yield broker
    finally:
        broker.remove()


@pytest.fixture
def clean_kafka(kafka: KafkaUnderTest) -> KafkaUnderTest:
    """The Kafka of this run, running and without a topic or a group."""
    kafka.clean()
    return kafka


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whoever uses the Kafka fixture has the marker ``kafka``, so that ``-m "not kafka"`` leaves none behind."""
    for item in items:
        if "kafka" in getattr(item, "fixturenames", ()):
            item.add_marker("kafka")


@cache
def missing_engine() -> str | None:
    """Why there is no Docker engine for the tests marked ``docker``; None when there is one."""
    from kafka_container import NoEngine, engine

    try:
        engine().close()
    except NoEngine as exc:
        return str(exc)
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Tests marked ``docker`` are skipped where no engine answers, and say why."""
    if item.get_closest_marker("docker") is not None and (reason := missing_engine()) is not None:
        pytest.skip(reason)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say on which Kafka the tests ran and why."""
    broker = config.stash.get(KAFKA, None)
    if broker is not None:
        terminalreporter.write_line(f"kafka: {broker.summary()}")
