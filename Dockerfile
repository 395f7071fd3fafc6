# Roster: the service, the worker and all commands. Nothing in it can be written but VAR_DIR and /tmp.
FROM debian:bookworm-slim AS build
# Debian keeps one version of a package, the one without known holes: none is pinned.
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends \
    python3 python3-venv ca-certificates postgresql-client \
 && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/roster
COPY requirements.txt ./
RUN python3 -m venv .venv \
 && .venv/bin/pip install --no-cache-dir --no-deps --require-hashes --requirement requirements.txt \
 && .venv/bin/pip uninstall --yes pip setuptools \
 && find .venv -name '*.po' -delete
COPY manage.py ./
COPY config ./config
COPY users ./users
COPY clients ./clients
COPY templates ./templates
# The settings make a key where none is given: not one that is in the image.
RUN VAR_DIR=/tmp/var .venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
 && rm -rf /tmp/var \
 && .venv/bin/python -m compileall -q config users clients

FROM debian:bookworm-slim
# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends python3 ca-certificates libpq5 \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --uid 10001 --user-group --no-create-home --shell /usr/sbin/nologin roster \
 && install --directory --owner=roster --group=roster --mode=0700 /var/lib/roster
COPY --from=build /opt/roster /opt/roster
# For backups; the package would bring Perl, 50 MB.
COPY --from=build /usr/lib/postgresql/15/bin/pg_dump /usr/local/bin/pg_dump
COPY --from=build /usr/lib/postgresql/15/bin/pg_restore /usr/local/bin/pg_restore
ENV PATH=/opt/roster/.venv/bin:/usr/local/bin:/usr/bin:/bin \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    VAR_DIR=/var/lib/roster
WORKDIR /opt/roster
USER 10001:10001
VOLUME /var/lib/roster
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://127.0.0.1:8000/livez', timeout=2)"]
CMD ["python", "-m", "config.server", "--host", "0.0.0.0"]
