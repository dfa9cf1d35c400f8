# Everything here also works without make: python3 portal/bootstrap.py run|test|bench|words|lock
PYTHON ?= python3
PORTAL_DATA ?= .data
BOOTSTRAP = $(PYTHON) portal/bootstrap.py
ADMIN = $(if $(filter 0,$(shell id -u)),,sudo)
PASSWORD := $(shell od -An -N12 -tx1 /dev/urandom | tr -d ' \n')

.DEFAULT_GOAL := help
.PHONY: help run test test-pg15 bench words lock reset services

help: ## this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /  make \1	/p' Makefile | expand -t 18

run: ## the portal at http://127.0.0.1:8000/ with its own servers (PORT, PORTAL_DATA, V=1)
	@$(BOOTSTRAP) run

test: ## style, types and every test, against real servers (ARGS="…" goes to pytest)
	@$(BOOTSTRAP) test $(ARGS)

test-pg15: ## the same against Debian's PostgreSQL 15, the oldest one supported
	@PORTAL_PG_BIN=/usr/lib/postgresql/15/bin $(BOOTSTRAP) test $(ARGS)

bench: ## measure, print ratios, write bench.json (QUICK=1: the short form)
	@$(BOOTSTRAP) bench

words: ## bring both catalogues to the code and the templates; says how many lack Chinese
	@$(BOOTSTRAP) words

lock: ## write the lock files anew (ARGS=--upgrade moves versions)
	@$(BOOTSTRAP) lock $(ARGS)

reset: ## forget all data of this clone
	@test ! -e $(PORTAL_DATA)/lock || flock -n $(PORTAL_DATA)/lock rm -r $(PORTAL_DATA) \
	    || { echo "In use. $$(cat $(PORTAL_DATA)/lock)" >&2; exit 1; }

services: ## install and start Debian's PostgreSQL, Redis and RabbitMQ; print how to use them
	@$(ADMIN) env DEBIAN_FRONTEND=noninteractive apt-get install -y -q \
	    --no-install-recommends postgresql redis-server rabbitmq-server >&2
	@for name in postgresql redis-server rabbitmq-server; do \
	    $(ADMIN) service $$name start >&2; done
	@cd / && as="$(ADMIN) runuser -u postgres --"; \
	    $$as createuser --createdb --createrole pos_owner >/dev/null 2>&1 || true; \
	    $$as createdb --owner=pos_owner countinghouse >/dev/null 2>&1 || true; \
	    $$as psql -Xqc "ALTER ROLE pos_owner PASSWORD '$(PASSWORD)'" >&2
	@do="$(ADMIN) rabbitmqctl -q"; $$do await_startup >&2; \
	    $$do add_user portal $(PASSWORD) >/dev/null 2>&1 \
	    || $$do change_password portal $(PASSWORD) >&2; \
	    $$do set_permissions portal '.*' '.*' '.*' >&2
	@echo "export DATABASE_URL=postgres://pos_owner:$(PASSWORD)@127.0.0.1:5432/countinghouse"
	@echo "export BROKER_URL=amqp://portal:$(PASSWORD)@127.0.0.1:5672//"
