#!/usr/bin/env bash
# Runs the server in the foreground: kafka-server-start.sh SERVER.PROPERTIES [--override KEY=VALUE...]
set -euo pipefail
home=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
export KAFKA_HEAP_OPTS=${KAFKA_HEAP_OPTS:--Xmx1G -Xms1G}
export KAFKA_JVM_PERFORMANCE_OPTS=${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseG1GC -XX:MaxGCPauseMillis=20 -XX:+ExplicitGCInvokesConcurrent}
export KAFKA_LOG4J_OPTS=${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=$home/config/log4j2.yaml}
exec "$home/bin/kafka-run-class.sh" kafka.Kafka "$@"
