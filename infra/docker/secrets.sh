#!/usr/bin/env bash
# Makes the secrets of docker-compose.yml: random, once, in files that only this user can reach.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
DIR=${FACTORYSTREAM_SECRETS:-$ROOT/.data/compose/secrets}

usage() {
    cat <<TEXT
Usage: infra/docker/secrets.sh

Makes what is missing in $DIR and changes nothing that is there:
  postgres_password   password of the database
  api_database        how the API reaches the database (a service file of libpq, with that password)
  bridge_client       secret of the bridge's client of the API

Settings: FACTORYSTREAM_SECRETS, the folder (the same variable as in docker-compose.yml)
TEXT
}

random() { head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n'; }

# secret NAME VALUE. A container's user is not the user of this machine, so the file itself is readable; the folder keeps
# everybody else out, and Docker hands each container only the files it is meant to have.
secret() {
    local path=$DIR/$1
    if [ -e "$path" ]; then return 0; fi
    printf '%s\n' "$2" >"$path.part"
    chmod 0444 "$path.part"
    mv "$path.part" "$path"
    echo "secrets: $path made"
}

case "${1:-}" in
    "") ;;
    -h | --help) usage && exit 0 ;;
    *) usage >&2 && exit 2 ;;
esac

umask 077
mkdir -p "$DIR"
chmod 0700 "$DIR"
secret postgres_password "$(random)"
secret bridge_client "$(random)"
secret api_database "[factorystream]
host=postgres
port=5432
dbname=factorystream
user=factorystream
password=$(cat "$DIR/postgres_password")"
