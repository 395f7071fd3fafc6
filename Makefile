# `make help` lists the targets.
PYTHON ?= python3
PORT ?= 8000
VENV := .venv
BIN := $(VENV)/bin
# uv installs faster where it is there; pip does the same everywhere. A lock is complete: --no-deps.
INSTALL = $(if $(shell command -v uv),VIRTUAL_ENV=$(VENV) uv pip install -q,$(BIN)/python -m pip install -q --disable-pip-version-check) --no-deps --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run test check format fuzz timings page-times bench bench-savings bench-scale faults load screenshots audit image lock clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Roster needs Python 3.11 or newer: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { echo "This Python cannot make environments: apt-get install python3-venv"; exit 1; }
	@$(PYTHON) -m venv $(VENV)

$(VENV)/run: requirements.txt | $(BIN)/python
	@echo "Installing what Roster needs ..."
	@$(INSTALL) -r requirements.txt
	@touch $@

$(VENV)/test: requirements.txt tests/requirements.txt | $(BIN)/python
	@echo "Installing what the tests need ..."
	@$(INSTALL) -r requirements.txt -r tests/requirements.txt
	@touch $@ $(VENV)/run

STATIC := var/static/staticfiles.json
$(STATIC): $(VENV)/run config/settings.py $(wildcard config/static/roster/*)
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@touch $@

# The server and the worker that sends mails (or prints them) and runs imports, ended together.
run: $(VENV)/run $(STATIC) ## Set up, migrate, seed demo data, serve on 127.0.0.1:8000 (PORT=)
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python manage.py seed_users --if-empty
	@echo "Roster: http://127.0.0.1:$(PORT)/  (API docs: /docs, operators' site: /admin/)"
	@export LOG_FORMAT=$${LOG_FORMAT:-text}; \
	PUBLIC_URL=$${PUBLIC_URL:-http://127.0.0.1:$(PORT)} $(BIN)/python manage.py work & worker=$$!; \
	$(BIN)/python -m config.server --port $(PORT) & server=$$!; \
	trap 'kill $$server $$worker 2>/dev/null' EXIT INT TERM; \
	wait $$server

test: $(VENV)/test ## Run the tests on SQLite, and on PostgreSQL when TEST_DATABASE_URL is set
	@echo "Tests on SQLite"
	@TEST_DATABASE_URL= $(BIN)/pytest -n auto --dist loadgroup
ifneq ($(TEST_DATABASE_URL),)
	@echo "Tests on PostgreSQL"
	@$(BIN)/pytest -n auto --dist loadgroup
endif

check: $(VENV)/test ## Run every gate: format, lint, types, imports, migrations, deployment, schema, coverage
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py check --deploy --fail-level WARNING
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	rm -f .coverage .coverage.*
	$(BIN)/pytest -n auto --dist loadgroup --cov --cov-report=
	$(BIN)/coverage report --fail-under=95
	$(BIN)/coverage report --fail-under=100 --include='users/auth/*,*/policies.py'

format: $(VENV)/test ## Format the code and mend what can be mended
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: $(VENV)/test ## A longer property-based run over the OpenAPI document
	FUZZ_EXAMPLES=500 $(BIN)/pytest tests/config/test_fuzz.py

timings: $(VENV)/test ## Time 200 log-ins of each kind against a running server; fails where it shows what was wrong
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.live.timings

# On SQLite, or where TEST_DATABASE_URL says; USERS= for another number.
page-times: $(VENV)/test ## Time the pages of the operators' site with a million users; fails where one takes a second
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.live.page_times --users $(or $(USERS),1000000)

# On the server of TEST_DATABASE_URL, or on a PostgreSQL of its own.
bench: $(VENV)/test ## Compare speed and memory with stock DRF; fails below a floor (needs wrk and PostgreSQL)
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.bench.load

bench-savings: $(VENV)/test ## Print what each part of the read path saves, leaving out one at a time (needs PostgreSQL)
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.bench.savings

# On SQLite, or in a database of its own where TEST_DATABASE_URL says; USERS= for another number.
bench-scale: $(VENV)/test ## Time lists of ten million users (SQLite: one), and walk through all; fails where one takes too long
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.bench.scale $(if $(USERS),--users $(USERS))

# In an environment of their own: some of what these tools bring changes how Roster's libraries work.
$(VENV)/tools/audit: tests/deploy/requirements.txt | $(BIN)/python
	@$(PYTHON) -m venv $(VENV)/tools
	@$(VENV)/tools/bin/python -m pip install -q --disable-pip-version-check --no-deps --require-hashes -r tests/deploy/requirements.txt
	@touch $@

audit: $(VENV)/tools/audit ## Look for known holes in the libraries, and write what Roster is made of to var/sbom.json
	@$(VENV)/tools/bin/python -m tests.deploy.audit var/sbom.json

image: $(VENV)/test ## Do the steps of the Dockerfile in a chroot and try the result (as root, with debootstrap; MIRROR=)
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.deploy.image $$(mktemp -d) $(if $(MIRROR),--mirror $(MIRROR))

# FAULTS= for some by their names, QUICK=1 for short ones.
faults: $(VENV)/test ## Break what can break, under load, and count what is lost; fails where a claim does not hold (root; needs PostgreSQL, Redis, faketime)
	@DJANGO_SETTINGS_MODULE=tests.settings TEST_DATABASE_URL= $(BIN)/python -m tests.faults $(if $(QUICK),--quick) $(FAULTS)

# MINUTES= and USERS= for others than 30 and 100,000.
load: $(VENV)/test ## Hold 60 % of the peak for half an hour, then send 2.5 times the peak; fails where a claim does not hold (needs PostgreSQL)
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.bench.held $(if $(MINUTES),--minutes $(MINUTES)) $(if $(USERS),--users $(USERS))

screenshots: $(VENV)/test ## Take the pictures in docs/screenshots anew, of made-up data (needs chromium)
	@DJANGO_SETTINGS_MODULE=tests.settings $(BIN)/python -m tests.live.screenshots

lock: ## Write requirements.txt, docs/deploy/requirements-otel.txt and tests/requirements.txt anew from their .in files (needs uv)
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --upgrade requirements.in -o requirements.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --upgrade docs/deploy/requirements-otel.in -o docs/deploy/requirements-otel.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --upgrade tests/requirements.in -o tests/requirements.txt
	uv pip compile -q --universal --generate-hashes --python-version 3.11 --upgrade tests/deploy/requirements.in -o tests/deploy/requirements.txt

clean: ## Remove the environment and caches; the data in var/ stays
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage .coverage.* .import_linter_cache
