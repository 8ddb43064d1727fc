"""The files and the command line that Kafka is started with, as pure functions of the port, the heap and the jars.

Every path in them is relative to the data folder, Java's working folder: so no path needs escaping, whatever its characters.
"""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from services.runtime.errors import UserError

HOST = "127.0.0.1"
NODE_ID = 1
LOG_DIR = "kafka"
KAFKA_LOG = "logs/kafka.log"
CONSOLE_LOG = "logs/java.log"
PROPERTIES_FILE = "server.properties"
LOG4J_FILE = "log4j2.xml"

MIB = 1024 * 1024
DAY_MINUTES = 24 * 60


def server_settings(port: int, controller_port: int) -> dict[str, str]:
    """Settings of one KRaft node, broker and controller, on loopback only (names: Kafka documentation, Broker Configs)."""
    return {
        "process.roles": "broker,controller",
        "node.id": str(NODE_ID),
        "controller.quorum.voters": f"{NODE_ID}@{HOST}:{controller_port}",
        "listeners": f"CLIENT://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "advertised.listeners": f"CLIENT://{HOST}:{port}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        "log.dirs": LOG_DIR,
        # One node keeps one copy, also of Kafka's own topics.
        "default.replication.factor": "1",
        "min.insync.replicas": "1",
        "offsets.topic.replication.factor": "1",
        "offsets.topic.num.partitions": "4",
        "transaction.state.log.replication.factor": "1",
        "transaction.state.log.min.isr": "1",
        "transaction.state.log.num.partitions": "4",
        "share.coordinator.state.topic.replication.factor": "1",
        "share.coordinator.state.topic.min.isr": "1",
        "share.coordinator.state.topic.num.partitions": "4",
        # A topic exists because the registry declares it, never because of a misspelt name.
        "auto.create.topics.enable": "false",
        "group.initial.rebalance.delay.ms": "0",
        # Kafka's default, written down because contracts rely on it: 1 MiB and the 12 bytes in front of a batch.
        "message.max.bytes": str(MIB + 12),
        # With CreateTime, retention would delete a replay of old recordings as soon as it is written.
        "log.message.timestamp.type": "LogAppendTime",
        "log.retention.check.interval.ms": "60000",
        # Retention deletes whole segments; an index entry is 12 bytes at most for each 4096 bytes of a segment.
        "log.segment.bytes": str(128 * MIB),
        "log.index.size.max.bytes": str(MIB),
        # Taken from the heap at start; the default of 128 MiB is a quarter of it.
        "log.cleaner.dedupe.buffer.size": str(8 * MIB),
        # A stack that was off over the holidays goes on where it stood; Kafka's 7 days would forget its offsets.
        "offsets.retention.minutes": str(90 * DAY_MINUTES),
        # After a crash the controller waits for the old session of the broker to end before it lets it in again.
        "broker.session.timeout.ms": "3000",
        "broker.heartbeat.interval.ms": "500",
        "auto.leader.rebalance.enable": "false",
    }


def properties_text(settings: dict[str, str]) -> str:
    """The settings as a Java properties file. Values are plain ASCII without backslashes, so nothing needs escaping."""
    return "".join(f"{name}={value}\n" for name, value in settings.items())


def log4j_text() -> str:
    """Log4j configuration: INFO and above into ``KAFKA_LOG``, at most 4 files of 10 MB, nothing on the screen."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR" shutdownHook="disable">
  <Appenders>
    <RollingFile name="file" fileName="{KAFKA_LOG}" filePattern="{KAFKA_LOG}.%i">
      <PatternLayout charset="UTF-8" pattern="[%d] %p %m (%c)%n"/>
      <SizeBasedTriggeringPolicy size="10MB"/>
      <DefaultRolloverStrategy max="3"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="INFO">
      <AppenderRef ref="file"/>
    </Root>
  </Loggers>
</Configuration>
"""


def java_command(java: Path, heap: str, jars: Sequence[Path], main_class: str, *arguments: str) -> list[str]:
    """Command line of one of Kafka's main classes. Raises UserError for a heap that is no size.

    The serial collector and only the first compiler: half the start time of the defaults, and less processor time for the same
    records (measured, infra/decisions/0002).
    """
    if not re.fullmatch(r"[1-9]\d*[kKmMgG]", heap):
        raise UserError(f"heap {heap!r} is not a size; write it as 512m or 2g")
    return [
        str(java),
        f"-Xmx{heap}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        "-XX:ErrorFile=logs/java-crash.log",
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={LOG4J_FILE}",
        "-cp",
        os.pathsep.join(map(str, jars)),
        main_class,
        *arguments,
    ]


def java_environment(environment: dict[str, str]) -> dict[str, str]:
    """The environment for Java: without the variables that would slip options in, and with UTF-8 for the names of files."""
    hidden = {"JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", "CLASSPATH"}
    return {**{name: value for name, value in environment.items() if name not in hidden}, "LC_ALL": "C.UTF-8"}
