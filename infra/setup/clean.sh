#!/usr/bin/env bash
# Removes what this checkout has made: .venv, caches and the data of the demo. Data in other folders is left alone.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/../.."

# The lock is held by a supervisor for as long as it lives, and by nobody after that.
for lock in .data/stack.lock .data/*/stack.lock; do
    if [ -e "$lock" ] && ! flock --nonblock "$lock" true; then
        printf 'error: a stack runs in %s (process %s): stop it first\n' "$(dirname "$lock")" "$(cat "$lock")" >&2
        exit 1
    fi
done
if [ -d .data ] && find .data -mindepth 1 -maxdepth 1 ! -name demo | grep -q .; then
    printf 'kept: .data holds more than the demo; remove it by hand when you no longer need it\n'
    rm -rf .data/demo
else
    rm -rf .data
fi
rm -rf .venv .cache build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
find . -name __pycache__ -type d -prune -exec rm -rf {} +
printf 'removed: .venv, caches, the data of the demo\n'
