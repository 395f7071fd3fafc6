#!/bin/sh
# Install or upgrade Roster from the folder this stands in, on Debian 12 with systemd. As root; run
# again with a newer release it upgrades, and after a fault it goes on. It leaves alone what is in
# /etc/roster and /var/lib/roster.
set -eu
umask 022 # the code is read by another user
release=$(cd "$(dirname "$0")/../.." && pwd)
[ "$(id -u)" = 0 ] || { echo "Run this as root." >&2; exit 1; }

apt-get install --yes --no-install-recommends python3-venv postgresql
id roster >/dev/null 2>&1 || useradd --system --home-dir /opt/roster --shell /usr/sbin/nologin roster
install --directory --mode=0750 --group=roster /etc/roster
install --directory --mode=0700 --owner=roster --group=roster /var/lib/roster /var/backups/roster

# The code is root's: the service can read it and not change it.
rm -rf /opt/roster.new
install --directory /opt/roster.new
cp -R "$release/manage.py" "$release/config" "$release/users" "$release/clients" "$release/templates" \
  "$release/docs" "$release/README.md" "$release/requirements.txt" /opt/roster.new
chmod -R u=rwX,go=rX /opt/roster.new # whatever the modes of the folder it came from
cd /opt/roster.new
python3 -m venv .venv
.venv/bin/pip install --quiet --no-deps --require-hashes --requirement requirements.txt
keys=$(mktemp -d)
VAR_DIR=$keys .venv/bin/python manage.py collectstatic --noinput --verbosity 0
rm -rf "$keys"
.venv/bin/python -m compileall -q config users clients
# An environment knows its path by what is in it; a folder with the code of before is kept.
# shellcheck disable=SC2046 # names without spaces
sed -i 's#/opt/roster.new#/opt/roster#g' .venv/pyvenv.cfg $(grep -lIr '/opt/roster.new' .venv/bin)

in_postgres() { runuser -u postgres -- "$@"; }
has() { [ "$(in_postgres psql --no-psqlrc --tuples-only --no-align --command "SELECT 1 FROM $1")" = 1 ]; }
if [ ! -s /etc/roster/environment ]; then
  has "pg_roles WHERE rolname = 'roster'" || in_postgres createuser roster
  has "pg_database WHERE datname = 'roster'" || in_postgres createdb --owner=roster roster
  draft=$(mktemp /etc/roster/.environment.XXXXXXXX) # appears whole or not at all
  cat >"$draft" <<SETTINGS
# Settings of Roster; README.md has all of them. Read by systemd and by the command \`roster\`.
DATABASE_URL=postgres://%2Fvar%2Frun%2Fpostgresql/roster
SECRET_KEY="$(head -c 36 /dev/urandom | base64)"
AUDIT_KEY="$(head -c 36 /dev/urandom | base64)"
TRUSTED_PROXIES=127.0.0.1,::1
WEB_WORKERS=$(nproc)
# PUBLIC_URL=https://accounts.example.com
# EMAIL_URL=smtps://user:password@mail.example.com:465
SETTINGS
  chgrp roster "$draft"
  chmod 0640 "$draft"
  mv "$draft" /etc/roster/environment
fi

cd /
: >/opt/roster.new/.unfinished
# While the old release serves, and from its own folder: Python finds an environment by where it is.
chmod +x /opt/roster.new/docs/deploy/roster
ROSTER_CODE=/opt/roster.new /opt/roster.new/docs/deploy/roster migrate --verbosity 0
# Moved away before it is removed: half a release is none, and may have lost its mark.
rm -rf /opt/roster.gone
if [ -e /opt/roster/.unfinished ]; then
  mv /opt/roster /opt/roster.gone
elif [ -d /opt/roster ]; then # it has served
  [ ! -d /opt/roster.old ] || mv /opt/roster.old /opt/roster.gone
  mv /opt/roster /opt/roster.old
fi
mv /opt/roster.new /opt/roster
install /opt/roster/docs/deploy/roster /usr/local/bin/roster
install --mode=0644 /opt/roster/docs/deploy/systemd/* /etc/systemd/system/
systemctl daemon-reload
systemctl enable --quiet roster.service roster-worker.service roster-purge.timer roster-backup.timer
systemctl restart roster.service roster-worker.service

# To systemd a service has started that ends a moment later: ask it, where its unit lets it serve.
unit=$(systemctl show --property=ExecStart --value roster.service)
option() { printf '%s\n' "$unit" | sed -n "s/.* --$1[ =]\([^ ]*\) .*/\1/p"; }
host=$(option host) port=$(option port)
: "${host:=127.0.0.1}" "${port:=8000}"
is_ready() {
  python3 -Ic 'import http.client, sys
service = http.client.HTTPConnection(sys.argv[1], int(sys.argv[2]), timeout=2)
service.request("GET", "/readyz")
sys.exit(service.getresponse().status != 200)' "$host" "$port" 2>/dev/null
}
end=$(($(date +%s) + 30))
until is_ready; do
  [ "$(date +%s)" -lt "$end" ] || {
    echo "Roster is not ready on $host:$port after 30 s; \`journalctl -u roster\` says why. Run this" \
      "again, or go back as docs/operations.md has it." >&2
    exit 1
  }
  sleep 1
done
rm /opt/roster/.unfinished
rm -rf /opt/roster.gone
systemctl restart roster-purge.timer roster-backup.timer
echo "Roster serves on $host:$port. Settings: /etc/roster/environment. Commands: roster help."
grep -q '^PUBLIC_URL=' /etc/roster/environment ||
  echo "Now: set PUBLIC_URL and EMAIL_URL there, then: roster createsuperuser"
