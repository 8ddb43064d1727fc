#!/usr/bin/env bash
# Runs a class of the distribution: kafka-run-class.sh CLASS [argument...]
set -euo pipefail
home=$(dirname "$(dirname "$(readlink -f "${BASH_SOURCE[0]}")")")
logging=$home/config/tools-log4j2.yaml
[ -r "$logging" ] || logging=/etc/kafka/docker/tools-log4j2.yaml
# KAFKA_OPTS and its kin hold several options each.
# shellcheck disable=SC2086
exec "${JAVA_HOME:?}/bin/java" ${KAFKA_HEAP_OPTS:--Xmx256M} \
    ${KAFKA_JVM_PERFORMANCE_OPTS:--XX:+UseSerialGC -XX:TieredStopAtLevel=1} \
    ${KAFKA_LOG4J_OPTS:--Dlog4j2.configurationFile=$logging} ${KAFKA_OPTS:-} \
    -cp "${CLASSPATH:+$CLASSPATH:}$home/libs/*" "$@"
