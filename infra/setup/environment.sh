#!/usr/bin/env bash
# The Python environment of this checkout, in .venv: made once, then checked by one hash that needs no network.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."
readonly VENV=${FACTORYSTREAM_VENV:-.venv}
readonly LOG=.cache/setup.log
readonly OLDEST=3.11

usage() {
    cat <<'TEXT'
Usage: infra/setup/environment.sh runtime|dev

  runtime   what `factorystream` needs (requirements/runtime.txt)
  dev       that, and what the tests and checks need (requirements/dev.txt)

Everything is installed by exact version and hash into .venv; nothing outside this folder is touched.
Settings: FACTORYSTREAM_VENV (default .venv), PYTHON (default python3)
TEXT
}

# Messages go to stderr, so that `make demo JSON=1` prints JSON alone.
say() { printf 'setup: %s\n' "$*" >&2; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

check_python() {
    command -v "$PYTHON" >/dev/null || fail "$PYTHON is not installed. On Debian: apt-get install python3 python3-venv"
    "$PYTHON" -c "import sys; sys.exit(sys.version_info < (${OLDEST/./, }))" ||
        fail "Python $OLDEST or newer is needed, and $PYTHON is $("$PYTHON" -V 2>&1 | cut -d' ' -f2). Name a newer one: make PYTHON=python3.13 ..."
    "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null ||
        fail "Python's venv module is not installed. On Debian: apt-get install python3-venv"
}

# What the environment is made from: when none of it has changed, there is nothing to do.
fingerprint() {
    { "$PYTHON" -c 'import sys; print(sys.version, sys.prefix)' && pwd && cat pyproject.toml "$@"; } | sha256sum | cut -d' ' -f1
}

# Shows what pip is doing in one line (a line per ten packages where the output is no terminal).
progress() {
    local total=$1 count=0 line name
    while read -r line; do
        printf '%s\n' "$line" >>"$LOG"
        case $line in
            Collecting*)
                count=$((count + 1))
                name=${line#Collecting }
                if [ -t 2 ]; then
                    printf '\r\033[Ksetup: fetching %d of %d: %s' "$count" "$total" "${name%% *}" >&2
                elif [ $((count % 10)) = 0 ]; then
                    say "fetching $count of $total"
                fi
                ;;
            Installing\ collected*) if [ -t 2 ]; then printf '\r\033[Ksetup: installing %d packages' "$count" >&2; else say "installing $count packages"; fi ;;
        esac
    done
    if [ -t 2 ]; then printf '\r\033[K' >&2; fi
}

pip_install() {
    "$VENV/bin/python" -m pip install --disable-pip-version-check --no-input --progress-bar off --no-deps "$@"
}

explain() {
    grep -iE '^ *(error|.*no space left)' "$LOG" | tail -n 3 >&2 || true
    fail "$1 (log: $LOG). Is the package index reachable, and is there room on the disk?"
}

# pip's resolver has nothing to decide: the lists are complete, so --no-deps only saves its time.
install() {
    local kind=$1 began=$SECONDS total
    shift
    total=$(cat "$@" | grep -c '^[A-Za-z0-9]' || true)
    say "installing about $total Python packages into $VENV, by version and hash (requirements/$kind.txt)"
    mkdir -p .cache
    : >"$LOG"
    "$VENV/bin/python" -m pip --version >/dev/null 2>&1 || "$PYTHON" -m venv --clear "$VENV" >>"$LOG" 2>&1 || explain "$VENV can't be made"
    pip_install --require-hashes "${@/#/--requirement=}" 2>>"$LOG" | progress "$total" || explain "the Python packages can't be installed"
    pip_install --no-build-isolation --editable . >>"$LOG" 2>&1 || explain "factorystream itself can't be installed"
    say "ready after $((SECONDS - began)) s"
}

main() {
    local kind=$1 lists stamp
    lists=("requirements/$kind.txt")
    [ "$kind" = dev ] || lists+=(requirements/build.txt)
    check_python
    stamp=$(fingerprint "${lists[@]}")
    [ "$(cat "$VENV/.made-for-$kind" 2>/dev/null)" = "$stamp" ] && return 0
    rm -f "$VENV"/.made-for-*
    install "$kind" "${lists[@]}"
    echo "$stamp" >"$VENV/.made-for-$kind"
    if [ "$kind" = dev ]; then fingerprint requirements/runtime.txt requirements/build.txt >"$VENV/.made-for-runtime"; fi
}

PYTHON=${PYTHON:-python3}
case "${1:-}" in
    runtime | dev) main "$1" ;;
    -h | --help) usage ;;
    *)
        usage >&2
        exit 2
        ;;
esac
