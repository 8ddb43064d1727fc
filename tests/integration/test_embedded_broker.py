"""The embedded broker with the real Kafka: records survive, ports and folders are kept, nothing is left running."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Thread

import psutil
import pytest
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka.errors import KafkaError, MessageSizeTooLargeError

from services.broker.configuration import LOG_DIR
from services.broker.embedded import EmbeddedBroker
from services.broker.jar_list import kafka_jars
from services.broker.jars import jar_folder, provide_jars
from services.runtime.errors import UserError

pytestmark = pytest.mark.kafka

TOPIC = "broker-test"
CLEAN_MARK = f"{LOG_DIR}/.kafka_cleanshutdown"  # Kafka writes it at the end of a clean stop and removes it at start
YEARS_AGO_MS = 1_400_000_000_000
DEAD_PROXY = "http://127.0.0.1:9"


@pytest.fixture(scope="module", autouse=True)
def jars() -> None:
    try:
        provide_jars(kafka_jars(), jar_folder())
    except UserError as exc:
        if str(exc).startswith("no network"):
            pytest.skip(str(exc))
        raise


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as running:
        create_topic(running.bootstrap)
        yield running


def create_topic(bootstrap: str) -> None:
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics({TOPIC: {"num_partitions": 1, "replication_factor": 1}})
    admin.close()


def produce(bootstrap: str, value: bytes, timestamp_ms: int | None = None) -> int:
    """Send one record and wait for the acknowledgement; its offset."""
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all", max_request_size=16 * 2**20)
    try:
        return int(producer.send(TOPIC, value=value, timestamp_ms=timestamp_ms).get(timeout=30).offset)
    finally:
        producer.close()


def consume(bootstrap: str, offset: int):  # type: ignore[no-untyped-def]
    """The record at an offset."""
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    partition = TopicPartition(TOPIC, 0)
    consumer.assign([partition])
    consumer.seek(partition, offset)
    deadline = time.monotonic() + 30
    try:
        while time.monotonic() < deadline:
            for record in consumer.poll(timeout_ms=500).get(partition, []):
                return record
    finally:
        consumer.close()
    raise AssertionError(f"no record at offset {offset}")


def wait_gone(pid: int) -> None:
    """Wait until a process has ended (a zombie has)."""
    deadline = time.monotonic() + 60
    while psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
        assert time.monotonic() < deadline, f"process {pid} is still there"
        time.sleep(0.05)


def test_recordings_of_years_ago_get_the_time_of_the_broker(broker: EmbeddedBroker) -> None:
    """Else retention by time would delete a replay of them."""
    before = int(time.time() * 1000)
    record = consume(broker.bootstrap, produce(broker.bootstrap, b"old", timestamp_ms=YEARS_AGO_MS))
    assert record.value == b"old"
    assert record.timestamp >= before


def test_a_record_of_two_mebibytes_is_refused(broker: EmbeddedBroker) -> None:
    with pytest.raises(MessageSizeTooLargeError):
        produce(broker.bootstrap, os.urandom(2 * 2**20))
    offset = produce(broker.bootstrap, os.urandom(1_000_000))
    assert len(consume(broker.bootstrap, offset).value) == 1_000_000


def test_a_misspelt_topic_is_not_created(broker: EmbeddedBroker) -> None:
    producer = KafkaProducer(bootstrap_servers=broker.bootstrap, max_block_ms=1000)
    with pytest.raises(KafkaError):
        producer.send("misspelt", value=b"x").get(timeout=10)
    producer.close(timeout=1)
    admin = KafkaAdminClient(bootstrap_servers=broker.bootstrap)
    assert "misspelt" not in admin.list_topics()
    admin.close()


def test_every_socket_is_on_loopback(broker: EmbeddedBroker) -> None:
    listening = [c.laddr for c in psutil.Process(broker.pid).net_connections("inet") if c.status == psutil.CONN_LISTEN]
    assert broker.port in {address.port for address in listening}
    assert {address.ip.removeprefix("::ffff:") for address in listening} == {"127.0.0.1"}


def test_a_second_broker_on_the_same_folder_or_port_is_refused(broker: EmbeddedBroker, tmp_path: Path) -> None:
    folder = broker.log_path.parents[1]
    with pytest.raises(UserError, match=f"process {os.getpid()}.* uses the data folder {folder}"):
        EmbeddedBroker(folder).start()
    with pytest.raises(UserError, match=f"port {broker.port} on"):
        EmbeddedBroker(tmp_path, port=broker.port).start()
    with pytest.raises(RuntimeError, match="runs already"):
        broker.start()
    assert broker.alive


def test_records_survive_a_stop_and_the_next_start_needs_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    broker = EmbeddedBroker(tmp_path)
    starter = Thread(target=broker.start)  # Linux ends a child with the thread that started it; the broker must not care
    starter.start()
    starter.join()
    java, port, cluster = broker.pid, broker.port, broker.cluster_id
    create_topic(broker.bootstrap)
    offset = produce(broker.bootstrap, b"kept")
    broker.stop()
    assert (tmp_path / CLEAN_MARK).exists()
    assert not psutil.pid_exists(java)

    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, DEAD_PROXY)
    with broker:
        assert (broker.port, broker.cluster_id) == (port, cluster)
        assert not (tmp_path / CLEAN_MARK).exists()
        assert consume(broker.bootstrap, offset).value == b"kept"


def test_a_killed_kafka_comes_back_on_the_same_port_with_every_acknowledged_record(tmp_path: Path) -> None:
    with EmbeddedBroker(tmp_path) as broker:
        port, java = broker.port, broker.pid
        create_topic(broker.bootstrap)
        offset = produce(broker.bootstrap, b"acknowledged")
        broker.kill()
        assert not broker.alive
        assert not psutil.pid_exists(java)
        broker.start()
        assert broker.port == port
        assert broker.pid != java
        assert consume(broker.bootstrap, offset).value == b"acknowledged"


def test_a_broker_that_dies_at_start_says_why_and_where_its_log_is(tmp_path: Path) -> None:
    broker = EmbeddedBroker(tmp_path)
    broker.start()
    broker.stop()
    meta = tmp_path / LOG_DIR / "meta.properties"
    meta.write_text(meta.read_text(encoding="ascii").replace("node.id=1", "node.id=7"), encoding="ascii")
    with pytest.raises(UserError) as caught:
        broker.start()
    assert "Stored node id 7 doesn't match previous node id 1" in str(caught.value)
    assert str(caught.value).endswith(f"its log: {broker.log_path}")
    assert not broker.alive
    meta.write_text(meta.read_text(encoding="ascii").replace("node.id=7", "node.id=1"), encoding="ascii")
    broker.start()
    broker.stop()


@dataclass
class Command:
    """``python -m services.broker`` and what it said when it was ready."""

    process: "subprocess.Popen[str]"
    java: int
    bootstrap: str


@pytest.fixture
def start_command() -> Iterator[Callable[[Path], Command]]:
    """Starts the command on a folder; what still runs after the test is stopped."""
    started: list[subprocess.Popen[str]] = []

    def start(folder: Path) -> Command:
        arguments = [sys.executable, "-m", "services.broker", "--data-dir", str(folder), "--json"]
        process = subprocess.Popen(arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        return Command(process, ready["pid"], ready["bootstrap"])

    yield start
    for process in started:
        process.terminate()
        process.communicate(timeout=60)


def test_the_command_ends_cleanly_on_a_signal_and_leaves_nothing_when_killed(
    start_command: Callable[[Path], Command], tmp_path: Path
) -> None:
    folder = tmp_path / "数据, with a space"
    first = start_command(folder)
    create_topic(first.bootstrap)
    offset = produce(first.bootstrap, b"by command")
    first.process.send_signal(signal.SIGTERM)
    assert first.process.wait(60) == 0
    assert not psutil.pid_exists(first.java)
    assert (folder / CLEAN_MARK).exists()

    second = start_command(folder)
    second.process.kill()
    second.process.wait(60)
    third = start_command(folder)  # waits for the Java process that is still stopping
    wait_gone(second.java)
    assert consume(third.bootstrap, offset).value == b"by command"
    third.process.send_signal(signal.SIGINT)
    assert third.process.wait(60) == 0


def test_the_command_ends_with_a_sentence_when_kafka_is_lost(start_command: Callable[[Path], Command], tmp_path: Path) -> None:
    command = start_command(tmp_path)
    os.kill(command.java, signal.SIGKILL)
    _, said = command.process.communicate(timeout=60)
    assert command.process.returncode == 1
    assert said.startswith("error: Kafka has stopped (exit code -9)")
    assert said.count("\n") == 1
