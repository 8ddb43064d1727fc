"""The reason that is taken from Kafka's log."""

from pathlib import Path

from services.broker import kafka_log

OLD = "[2026-01-01 00:00:00,000] ERROR An old trouble (kafka.Old)\n"
FATAL = """[2026-01-01 00:00:01,000] INFO starting (kafka.server.KafkaRaftServer)
[2026-01-01 00:00:02,000] ERROR Exiting Kafka due to fatal exception. (kafka.Kafka$)
org.apache.kafka.common.KafkaException: Socket server failed to bind to 127.0.0.1:21000
\tat kafka.network.Acceptor.openServerSocket(SocketServer.scala:740)
Caused by: java.net.BindException: Address already in use
\tat java.base/sun.nio.ch.Net.bind0(Native Method)
\t... 12 more
[2026-01-01 00:00:03,000] INFO App info kafka.server for 1 unregistered (org.apache.kafka.common.utils.AppInfoParser)
"""


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_the_last_error_comes_with_its_root_cause(tmp_path: Path) -> None:
    log = write(tmp_path / "kafka.log", OLD + FATAL)
    reason = kafka_log.last_error(log, 0, tmp_path / "none")
    assert reason == "Exiting Kafka due to fatal exception: BindException: Address already in use"


def test_errors_of_earlier_runs_do_not_count(tmp_path: Path) -> None:
    log = write(tmp_path / "kafka.log", OLD)
    start = kafka_log.size(log)
    console = write(
        tmp_path / "java.log", "Error: Could not create the Java Virtual Machine.\nError: no memory\n\tat x\nWARNING: old call\n"
    )
    assert kafka_log.last_error(log, start, console) == "Error: no memory"


def test_a_log_that_was_rolled_is_read_from_its_beginning(tmp_path: Path) -> None:
    log = write(tmp_path / "kafka.log", FATAL)
    assert "Address already in use" in kafka_log.last_error(log, 10 * len(FATAL), tmp_path / "none")


def test_an_error_without_exception_stands_alone(tmp_path: Path) -> None:
    log = write(tmp_path / "kafka.log", FATAL + "[2026-01-01 00:00:04,000] ERROR Disk is gone (kafka.log.LogManager)\n")
    assert kafka_log.last_error(log, 0, tmp_path / "none") == "Disk is gone"


def test_silence_is_said_too(tmp_path: Path) -> None:
    assert kafka_log.size(tmp_path / "none") == 0
    assert kafka_log.last_error(tmp_path / "none", 0, tmp_path / "none") == "it wrote no reason"
