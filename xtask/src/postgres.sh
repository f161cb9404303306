# One throw-away PostgreSQL cluster: says READY when it answers, and stops and removes itself when
# its standard input closes. So it ends with the program that started it, however that one ends.
# Arguments: the folder of PostgreSQL's programs, a free port, further settings (lines of its file).
set -eu
programs=$1
port=$2
settings=${3-}
directory=$(mktemp -d -t warifu-postgres.XXXXXX)
clean() {
    "$programs/pg_ctl" --pgdata="$directory/data" --mode=immediate stop >"$directory/stop.log" 2>&1 || true
    rm -rf "$directory"
}
trap clean EXIT

"$programs/initdb" --pgdata="$directory/data" --username=postgres --auth=trust \
    --encoding=UTF8 --no-locale >"$directory/initdb.log" 2>&1 || { cat "$directory/initdb.log" >&2; exit 1; }

# Durability stays as PostgreSQL ships it: the tests are about what survives.
cat >>"$directory/data/postgresql.conf" <<CONF
listen_addresses = '127.0.0.1'
port = $port
unix_socket_directories = '$directory'
max_connections = 200
$settings
CONF

"$programs/pg_ctl" --pgdata="$directory/data" --log="$directory/server.log" --wait --timeout=60 start \
    >"$directory/start.log" 2>&1 || { cat "$directory/server.log" >&2; exit 1; }
echo READY
cat >/dev/null
