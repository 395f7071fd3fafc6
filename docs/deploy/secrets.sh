#!/bin/sh
# Make the secrets of compose.yaml in ./secrets, those that are not there yet.
set -eu
umask 077
command -v openssl >/dev/null || { echo "Nothing is made: this needs openssl." >&2; exit 1; }
mkdir -p secrets
chmod 0700 secrets # also where it was there before
make() { # NAME COMMAND...: a whole secret or none, so that the next run makes what is missing
  name=$1
  shift
  [ ! -s "secrets/$name" ] || return 0
  if "$@" >secrets/.draft && [ -s secrets/.draft ]; then mv secrets/.draft "secrets/$name"; else
    rm -f secrets/.draft
    echo "secrets/$name could not be made." >&2
    exit 1
  fi
}
make database_password openssl rand -hex 24
password=$(cat secrets/database_password)
make database_url printf 'postgres://roster:%s@database:5432/roster\n' "$password"
make secret_key openssl rand -base64 48
make audit_key openssl rand -base64 48
make jwt_private_key openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048
touch secrets/email_url
chmod 0644 secrets/* # inside a container another user reads them; outside, the folder is closed
if [ -s secrets/email_url ]; then echo "Made in ./secrets."; else
  echo "Made in ./secrets. Now write your mail server into secrets/email_url: smtps://user:password@host:465"
fi
