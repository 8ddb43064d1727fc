#!/usr/bin/env bash
# A Docker engine for the tests: uses the one that runs, else installs and starts one of its own.
set -euo pipefail

readonly NO_ENGINE=3
readonly DATA_DIR=${FACTORYSTREAM_ENGINE_DATA:-/var/lib/factorystream-engine}
readonly RUN_DIR=${FACTORYSTREAM_ENGINE_RUN:-/run/factorystream-engine}
readonly PIDFILE=$RUN_DIR/dockerd.pid
readonly LOG=$DATA_DIR/dockerd.log
readonly START_SECONDS=${FACTORYSTREAM_ENGINE_START_SECONDS:-60}
readonly PROBE_IMAGE=factorystream/engine-probe:local

usage() {
    cat <<'TEXT'
Usage: infra/docker/engine.sh ensure|start|stop|status

  ensure   use the engine that runs; else install what is missing (root on Debian or Ubuntu) and start one
  start    as ensure, but install nothing
  stop     end the engine that this script started, and no other
  status   say which engine answers

Settings:
  NO_DOCKER=1                          never install, start or use Docker
  DOCKER_HOST                          an engine elsewhere: it is used, and nothing is started here
  FACTORYSTREAM_ENGINE_DATA            images, volumes and log (default /var/lib/factorystream-engine)
  FACTORYSTREAM_ENGINE_RUN             pid file and runtime state (default /run/factorystream-engine)
  FACTORYSTREAM_ENGINE_START_SECONDS   how long an engine may take to answer (default 60)

Exit codes: 0 an engine answers (stop: none of ours is left); 1 an error; 2 wrong usage;
            3 there is no engine here and the last line says why, so that callers can fall back.
TEXT
}

say() { printf 'engine: %s\n' "$*"; }

no_engine() {
    printf 'engine: no Docker engine here: %s\n' "$*" >&2
    exit "$NO_ENGINE"
}

answers() { command -v docker >/dev/null && timeout 20 docker info >/dev/null 2>&1; }

describe() {
    timeout 20 docker info --format \
        'Docker {{.ServerVersion}}, storage {{.Driver}}, {{.NCPU}} CPUs, data in {{.DockerRootDir}}'
}

our_pid() {
    local pid
    [ -r "$PIDFILE" ] || return 1
    pid=$(cat "$PIDFILE")
    # A pid file outlives a reboot, and its number may belong to somebody else by then.
    tr '\0' ' ' <"/proc/$pid/cmdline" 2>/dev/null | grep -qF -- "--data-root $DATA_DIR " || return 1
    echo "$pid"
}

is_debian() { [ -r /etc/debian_version ] && command -v apt-get >/dev/null; }

has_compose() { command -v docker-compose >/dev/null || docker compose version >/dev/null 2>&1; }

install_missing() {
    local packages=()
    command -v docker >/dev/null && command -v dockerd >/dev/null || packages+=(docker.io)
    command -v iptables >/dev/null || packages+=(iptables)
    has_compose || packages+=(docker-compose)
    [ ${#packages[@]} -gt 0 ] || return 0
    [ "$(id -u)" = 0 ] || no_engine "${packages[*]} must be installed, and that needs root."
    is_debian || no_engine "${packages[*]} must be installed, and this script knows apt-get only. Install Docker by hand."
    say "going to install with apt-get: ${packages[*]} (about 300 MB on disk; NO_DOCKER=1 forbids it)"
    local log
    log=$(mktemp)
    if ! { apt-get update && DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends "${packages[@]}"; } >"$log" 2>&1; then
        tail -n 5 "$log" >&2
        no_engine "apt-get could not install ${packages[*]} (its last lines are above; is a Debian mirror reachable?)."
    fi
    rm -f "$log"
}

# Runs one container with a published port: an engine can answer and still be unable to do that. Prints what is wrong.
probe() {
    local init root
    init=$(command -v tini-static || command -v docker-init) || return 0
    if ! docker image inspect "$PROBE_IMAGE" >/dev/null 2>&1; then
        root=$(mktemp -d)
        cp -L "$init" "$root/init"
        tar -C "$root" -c init | docker import - "$PROBE_IMAGE" >/dev/null
        rm -r "$root"
    fi
    # shellcheck disable=SC2069  # only the complaints are wanted
    timeout 60 docker run --rm -p 127.0.0.1::80 "$PROBE_IMAGE" /init --version 2>&1 >/dev/null
}

# start_once NAME [dockerd options]: true when this dockerd answers and runs a container.
start_once() {
    local name=$1 pid deadline=$((SECONDS + START_SECONDS))
    shift
    printf '\n== %s: %s\n' "$(date -u +%FT%TZ)" "$name" >>"$LOG"
    # Closing 9 keeps the lock of this script from living on in the daemon.
    setsid dockerd --data-root "$DATA_DIR" --exec-root "$RUN_DIR/exec" --pidfile "$PIDFILE" \
        "$@" </dev/null >>"$LOG" 2>&1 9>&- &
    pid=$!
    while [ $SECONDS -lt $deadline ] && kill -0 "$pid" 2>/dev/null; do
        if answers; then
            probe >>"$LOG" && return 0
            break
        fi
        sleep 0.2
    done
    end "$pid"
    return 1
}

end() {
    local pid=$1 _
    kill "$pid" 2>/dev/null || return 0
    for _ in $(seq 150); do
        kill -0 "$pid" 2>/dev/null || return 0
        sleep 0.2
    done
    say "dockerd (pid $pid) did not end within 30 s; killing it"
    kill -9 "$pid" 2>/dev/null || true
}

# The kernel may lack the nf_tables or the overlay parts that dockerd asks for by default.
start_any() {
    local legacy=$RUN_DIR/iptables-legacy tool
    start_once "default" && return 0
    if command -v iptables-legacy >/dev/null; then
        mkdir -p "$legacy"
        for tool in iptables ip6tables; do ln -sf "$(command -v $tool-legacy)" "$legacy/$tool"; done
        PATH=$legacy:$PATH start_once "iptables-legacy" && return 0
        PATH=$legacy:$PATH start_once "iptables-legacy and vfs" --storage-driver vfs && return 0
    fi
    start_once "vfs" --storage-driver vfs
}

start() {
    local began=$SECONDS
    [ "$(id -u)" = 0 ] || no_engine "starting dockerd needs root."
    command -v dockerd >/dev/null || no_engine "dockerd is not installed (\"$0 ensure\" installs it)."
    mkdir -p "$DATA_DIR" "$RUN_DIR"
    exec 9>"$RUN_DIR/lock"
    flock 9
    # Somebody else may have started one while this one waited for the lock.
    answers && return 0
    say "starting dockerd, data in $DATA_DIR"
    if ! start_any; then
        grep -E 'level=(error|fatal)|failed|denied' "$LOG" | tail -n 3 >&2 || true
        no_engine "dockerd does not run on this kernel (its last errors are above, the log is $LOG)."
    fi
    say "started in $((SECONDS - began)) s (pid $(our_pid))"
}

ensure() {
    local wrong
    [ "${NO_DOCKER:-}" != 1 ] || no_engine "NO_DOCKER=1 is set."
    if ! answers; then
        [ -z "${DOCKER_HOST:-}" ] || no_engine "DOCKER_HOST=$DOCKER_HOST does not answer."
        [ "$1" = install ] && install_missing
        answers || start
    elif [ "$1" = install ] && ! has_compose; then
        install_missing
    fi
    wrong=$(probe) || no_engine "one answers but cannot run a container: $wrong"
    say "$(describe)"
}

stop() {
    local pid
    if ! pid=$(our_pid); then
        say "no engine of ours runs"
        return 0
    fi
    end "$pid"
    say "stopped (pid $pid)"
}

status() {
    answers || no_engine "nothing answers."
    local pid
    if pid=$(our_pid); then say "ours (pid $pid): $(describe)"; else say "not ours: $(describe)"; fi
}

case "${1:-}" in
    ensure) ensure install ;;
    start) ensure start ;;
    stop) stop ;;
    status) status ;;
    -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
