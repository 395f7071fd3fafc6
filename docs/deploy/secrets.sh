#!/bin/sh
# Make the secrets of compose.yaml in ./secrets, those that are not there yet.
set -eu
umask 077
mkdir -p secrets
make() { if [ -s "secrets/$1" ]; then cat >/dev/null; else cat >"secrets/$1"; fi; }
openssl rand -hex 24 | make database_password
printf 'postgres://roster:%s@database:5432/roster\n' "$(cat secrets/database_password)" | make database_url
openssl rand -base64 48 | make secret_key
openssl rand -base64 48 | make audit_key
openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null | make jwt_private_key
touch secrets/email_url
chmod 0644 secrets/* # inside a container another user reads them; outside, the folder is closed
if [ -s secrets/email_url ]; then echo "Made in ./secrets."; else
  echo "Made in ./secrets. Now write your mail server into secrets/email_url: smtps://user:password@host:465"
fi
