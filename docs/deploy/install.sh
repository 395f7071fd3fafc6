#!/bin/sh
# Install or upgrade Roster from the folder this stands in, on Debian 12 with systemd. As root; run
# again with a newer release it upgrades. It leaves alone what is in /etc/roster and /var/lib/roster.
set -eu
release=$(cd "$(dirname "$0")/../.." && pwd)
[ "$(id -u)" = 0 ] || { echo "Run this as root." >&2; exit 1; }
[ -d /etc/roster ] || first=yes

apt-get install --yes --no-install-recommends python3-venv postgresql
id roster >/dev/null 2>&1 || useradd --system --home-dir /opt/roster --shell /usr/sbin/nologin roster
install --directory --mode=0750 --group=roster /etc/roster
install --directory --mode=0700 --owner=roster --group=roster /var/lib/roster /var/backups/roster

# The code is root's: the service can read it and not change it.
rm -rf /opt/roster.new
install --directory /opt/roster.new
cp -R "$release/manage.py" "$release/config" "$release/users" "$release/clients" "$release/templates" \
  "$release/docs" "$release/README.md" "$release/requirements.txt" /opt/roster.new
cd /opt/roster.new
python3 -m venv .venv
.venv/bin/pip install --quiet --no-deps --require-hashes --requirement requirements.txt
keys=$(mktemp -d)
VAR_DIR=$keys .venv/bin/python manage.py collectstatic --noinput --verbosity 0
rm -rf "$keys"
.venv/bin/python -m compileall -q config users clients
# An environment knows its path by what is in it; a folder with the code of before is kept.
sed -i 's#/opt/roster.new#/opt/roster#g' .venv/pyvenv.cfg $(grep -lIr '/opt/roster.new' .venv/bin)

if [ "${first:-}" = yes ]; then
  runuser -u postgres -- createuser roster
  runuser -u postgres -- createdb --owner=roster roster
  umask 027
  cat >/etc/roster/environment <<SETTINGS
# Settings of Roster; README.md has all of them. Read by systemd and by the command \`roster\`.
DATABASE_URL=postgres://%2Fvar%2Frun%2Fpostgresql/roster
SECRET_KEY="$(head -c 36 /dev/urandom | base64)"
AUDIT_KEY="$(head -c 36 /dev/urandom | base64)"
TRUSTED_PROXIES=127.0.0.1,::1
WEB_WORKERS=$(nproc)
# PUBLIC_URL=https://accounts.example.com
# EMAIL_URL=smtps://user:password@mail.example.com:465
SETTINGS
  chgrp roster /etc/roster/environment
fi

cd /
rm -rf /opt/roster.old
[ ! -d /opt/roster ] || mv /opt/roster /opt/roster.old
mv /opt/roster.new /opt/roster
install /opt/roster/docs/deploy/roster /usr/local/bin/roster
install --mode=0644 /opt/roster/docs/deploy/systemd/* /etc/systemd/system/
roster migrate --verbosity 0
systemctl daemon-reload
systemctl enable --quiet roster.service roster-worker.service roster-purge.timer roster-backup.timer
systemctl restart roster.service roster-worker.service roster-purge.timer roster-backup.timer
echo "Roster serves on 127.0.0.1:8000. Settings: /etc/roster/environment. Commands: roster help."
[ "${first:-}" != yes ] || echo "Now: set PUBLIC_URL and EMAIL_URL there, then: roster createsuperuser"
