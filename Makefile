.DEFAULT_GOAL := help
PY ?= python3
BIN := .venv/bin
.PHONY: help setup setup-dev demo test lint fix docs eval eval-data bench bench-terraform bench-control terraform postgresql redis pgbouncer chromium

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/.runtime: requirements.lock pyproject.toml
	@$(PY) -c 'import sys; sys.exit(None if (3,11) <= sys.version_info[:2] <= (3,13) else "Python 3.11, 3.12 or 3.13 is needed; this is "+sys.version.split()[0]+". Run: make PY=python3.12 ...")'
	@echo "setting up .venv (a minute or two, once)"
	test -x $(BIN)/python || $(PY) -m venv .venv
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps -e .
	@touch $@

$(BIN)/.dev: requirements-dev.lock $(BIN)/.runtime
	$(BIN)/python -m pip install --quiet --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(BIN)/.runtime ## make .venv with a working kt

setup-dev: $(BIN)/.dev ## the same, with what the tests need

terraform:
	@terraform version >/dev/null 2>&1 || { echo "Terraform 1.5 or newer is needed on the PATH: https://developer.hashicorp.com/terraform/install" >&2; exit 1; }

# Debian keeps the server's programs out of the PATH, under /usr/lib/postgresql/<version>/bin.
postgresql:
	@command -v initdb >/dev/null 2>&1 || ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "installing PostgreSQL for the tests"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends postgresql >/dev/null; \
	else \
	  echo "the tests need PostgreSQL's server programs (initdb, postgres): https://www.postgresql.org/download/ or, on Debian and Ubuntu, sudo apt-get install postgresql" >&2; exit 1; \
	fi

# Without it, the tests that go through it are skipped, and say so.
pgbouncer:
	@command -v pgbouncer >/dev/null 2>&1 || [ -x /usr/sbin/pgbouncer ] || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends pgbouncer >/dev/null || true; \
	fi

redis:
	@command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "installing Redis for the tests"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends redis-server >/dev/null; \
	else \
	  echo "the tests need redis-server or valkey-server: https://valkey.io/download/ or, on Debian and Ubuntu, sudo apt-get install redis-server" >&2; exit 1; \
	fi

# The browser of the console's tests.
chromium:
	@command -v chromium >/dev/null 2>&1 || command -v google-chrome >/dev/null 2>&1 || \
	if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then \
	  echo "installing Chromium for the tests"; \
	  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null; \
	else \
	  echo "the tests need Chromium or Chrome: https://www.chromium.org/getting-involved/download-chromium/ or, on Debian, sudo apt-get install chromium" >&2; exit 1; \
	fi

demo: terraform setup ## the whole loop on this machine, step by step; KEEP=1 leaves it running
	@PYTHONPATH=examples $(BIN)/python -m demo $(if $(KEEP),--keep)

docs: setup ## rebuild docs/reference from the code
	$(BIN)/kt policy kinds --pages docs/reference/kinds
	$(BIN)/kt terraform docs docs/reference/terraform

# Other detectors, to compare with, have an environment of their own.
build/eval/.done: requirements-eval.txt
	$(PY) -m venv build/eval
	build/eval/bin/python -m pip install --quiet -r requirements-eval.txt
	@touch $@

eval-data:
	@test -n "$(EVAL_DATA)" || { echo "say where the labelled text is: make eval EVAL_DATA=<folder with injection*.jsonl and pii*.jsonl>" >&2; exit 2; }

eval: eval-data setup build/eval/.done ## measure the detectors on the labelled text in EVAL_DATA, write docs/reference/detection.md
	$(BIN)/python bench/detection/evaluate.py "$(EVAL_DATA)" --compare build/eval/bin/python --out docs/reference/detection.md

# Proxies to compare with have an environment of their own; nginx and HAProxy are the system's.
build/bench/.done: requirements-bench.txt
	$(PY) -m venv build/bench
	build/bench/bin/python -m pip install --quiet -r requirements-bench.txt
	npm install --silent --no-audit --no-fund --prefix build/bench @portkey-ai/gateway@1 || echo "Portkey is left out: npm is needed for it" >&2
	@touch $@

bench: setup build/bench/.done ## measure the gateway beside other proxies, write docs/reference/performance.md
	$(BIN)/python bench/proxies $(BENCH) --out docs/reference/performance.md --points build/bench/points.json
	build/bench/bin/python bench/proxies/plot.py build/bench/points.json docs/reference/performance.svg

bench-control: setup ## measure the control plane on PostgreSQL, write docs/reference/performance-control-plane.md: DATABASE=postgresql://..., BENCH="--rows 1000000"
	$(BIN)/python bench/control_plane "$(DATABASE)" --page docs/reference/performance-control-plane.md $(BENCH)

bench-terraform: terraform setup ## what the Terraform provider costs, beside a Go one where Go is; writes docs/reference/performance.md
	$(BIN)/python bench/terraform_plan.py 11 docs/reference/performance.md

fix: setup-dev ## format and repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup-dev ## format, ruff, mypy, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: terraform postgresql redis pgbouncer chromium lint ## everything: lint and every test; T="tests/unit -k name" narrows it
	$(BIN)/python -m pytest -n 2 --dist loadfile $(T)
