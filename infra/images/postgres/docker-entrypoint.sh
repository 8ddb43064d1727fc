#!/usr/bin/env bash
# Initialises an empty PGDATA from POSTGRES_USER, POSTGRES_DB, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE and
# POSTGRES_INITDB_ARGS, runs /docker-entrypoint-initdb.d/*.sql and *.sh once, then becomes the server.
set -euo pipefail

fail() {
    echo "postgres: $*" >&2
    exit 1
}

password() {
    if [ -n "${POSTGRES_PASSWORD_FILE:-}" ]; then
        [ -z "${POSTGRES_PASSWORD:-}" ] || fail "POSTGRES_PASSWORD and POSTGRES_PASSWORD_FILE are both set."
        [ -r "$POSTGRES_PASSWORD_FILE" ] || fail "POSTGRES_PASSWORD_FILE=$POSTGRES_PASSWORD_FILE cannot be read."
        cat "$POSTGRES_PASSWORD_FILE"
    else
        echo "${POSTGRES_PASSWORD:-}"
    fi
}

initialise() {
    local user=${POSTGRES_USER:-postgres} secret file
    local database=${POSTGRES_DB:-$user}
    secret=$(password)
    [ -n "$secret" ] || fail "the database is empty and no password is given: set POSTGRES_PASSWORD_FILE."
    # shellcheck disable=SC2086  # POSTGRES_INITDB_ARGS is a list of options
    initdb --username="$user" --pwfile=<(printf '%s\n' "$secret") --auth-local=trust --auth-host=scram-sha-256 \
        ${POSTGRES_INITDB_ARGS:-}
    echo "host all all all scram-sha-256" >>"$PGDATA/pg_hba.conf"
    # On the socket only: nobody may connect before the start-up scripts are through.
    pg_ctl --pgdata="$PGDATA" --options="-c listen_addresses=''" --wait start
    if [ "$database" != postgres ]; then
        createdb --username="$user" --maintenance-db=postgres "$database"
    fi
    for file in /docker-entrypoint-initdb.d/*; do
        case "$file" in
            *.sh) POSTGRES_USER=$user POSTGRES_DB=$database bash "$file" ;;
            *.sql) psql --set=ON_ERROR_STOP=1 --no-psqlrc --username="$user" --dbname="$database" --file="$file" ;;
        esac
    done
    pg_ctl --pgdata="$PGDATA" --mode=fast --wait stop
}

if [ "${1:-}" = "" ] || [ "${1#-}" != "$1" ]; then
    set -- postgres "$@"
fi

if [ "$1" = postgres ]; then
    if [ "$(id -u)" = 0 ]; then
        mkdir -p "$PGDATA"
        chown -R postgres:postgres "$PGDATA" /var/run/postgresql
        exec setpriv --reuid=postgres --regid=postgres --init-groups "$0" "$@"
    fi
    mkdir -p "$PGDATA"
    chmod 0700 "$PGDATA"
    [ -s "$PGDATA/PG_VERSION" ] || initialise
    # The packaged default listens on loopback only, which no other container reaches.
    set -- postgres -c "listen_addresses=*" "${@:2}"
fi
exec "$@"
