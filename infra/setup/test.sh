#!/usr/bin/env bash
# Runs the checks and the tests in stages, the fast ones first, and ends what it started.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly REPORTS=.cache/test-report
readonly ENGINE=infra/docker/engine.sh
readonly INSTALLED=.venv/bin/python  # not PYTHON: that names the one to make .venv with
failed=()
started_engine=0

usage() {
    cat <<'TEXT'
Usage: infra/setup/test.sh all|faults

  all      lint, then unit, properties, contract and architecture, then integration and faults, then e2e
  faults   the long fault matrix only

The Kafka tests run on Testcontainers where a Docker engine is there or can be installed (root on Debian: docker.io, about
300 MB on disk), else on the embedded broker. NO_DOCKER=1 forbids Docker. A stage that fails does not hide the later ones.
PYTEST_ARGS adds options to each pytest run.
TEXT
}

say() { printf 'test: %s\n' "$*"; }

# Only the engine that this run started is ended, and only when nothing answered before.
finish() {
    if [ "$started_engine" = 1 ]; then "$ENGINE" stop || true; fi
}

engine() {
    local before=0 code=0
    if [ "${NO_DOCKER:-}" = 1 ]; then
        say "NO_DOCKER=1: no Docker; Kafka tests run on the embedded broker, container tests are skipped"
        return 0
    fi
    "$ENGINE" status >/dev/null 2>&1 && before=1
    if [ "$before" = 0 ]; then
        say "no Docker engine answers: where this is root on Debian, docker.io is installed (if missing) and started for this run; NO_DOCKER=1 forbids it"
    fi
    "$ENGINE" ensure || code=$?
    if [ "$code" != 0 ]; then
        say "going on without Docker: Kafka tests run on the embedded broker, container tests are skipped"
        export NO_DOCKER=1
        return 0
    fi
    if [ "$before" = 0 ]; then started_engine=1; fi
    if ! infra/images/build.sh --only kafka; then
        say "the Kafka image can't be built: Kafka tests run on the embedded broker"
        failed+=("images")
    fi
}

# stage NAME PATH... [-- pytest option...]: one pytest run with a report of its own.
stage() {
    local name=$1 folders=() code=0
    shift
    while [ $# -gt 0 ] && [ "$1" != -- ]; do
        [ ! -d "$1" ] || folders+=("$1") # git keeps no empty folder
        shift
    done
    [ $# = 0 ] || shift
    say "stage $name: ${folders[*]}"
    # shellcheck disable=SC2086 # PYTEST_ARGS holds several words
    "$INSTALLED" -m pytest -q --junitxml="$REPORTS/$name.xml" "$@" ${PYTEST_ARGS:-} "${folders[@]}" || code=$?
    if [ "$code" != 0 ]; then failed+=("$name"); fi
}

lint() {
    say "stage lint"
    make --no-print-directory lint || failed+=("lint")
}

all() {
    lint
    stage fast tests/unit tests/properties tests/contract tests/architecture
    engine
    stage integration tests/integration tests/faults -- -m "not slow"
    stage e2e tests/e2e
}

faults() {
    engine
    stage faults tests/faults -- -m slow --timeout 1800
}

main() {
    local code=0
    infra/setup/environment.sh dev
    rm -rf "$REPORTS"
    mkdir -p "$REPORTS"
    trap finish EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    "$1"
    "$INSTALLED" infra/setup/report.py "$REPORTS" ${CI:+--allowed infra/setup/allowed-skips.txt} || code=$?
    if [ ${#failed[@]} -gt 0 ]; then
        printf 'error: failed: %s\n' "${failed[*]}" >&2
        code=1
    fi
    return "$code"
}

case "${1:-}" in
    all | faults) main "$1" ;;
    -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
