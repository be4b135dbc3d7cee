.DEFAULT_GOAL := help
PY ?= python3
BIN := .venv/bin
.PHONY: help setup setup-dev demo test check fix docs

help: ## list the tasks
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-12s %s\n", $$1, $$2}'

$(BIN)/.runtime: requirements.lock pyproject.toml
	@$(PY) -c 'import sys; sys.exit(None if (3,11) <= sys.version_info[:2] <= (3,13) else "Python 3.11, 3.12 or 3.13 is needed; this is "+sys.version.split()[0]+". Run: make PY=python3.12 ...")'
	test -x $(BIN)/python || $(PY) -m venv .venv
	$(BIN)/pip install --quiet --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --no-deps -e .
	@touch $@

$(BIN)/.dev: requirements-dev.lock $(BIN)/.runtime
	$(BIN)/pip install --quiet --require-hashes -r requirements-dev.lock
	@touch $@

setup: $(BIN)/.runtime ## make .venv with a working kt

setup-dev: $(BIN)/.dev ## the same, with what the tests need

fix: setup-dev ## format and repair
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: setup-dev ## format, ruff, mypy, import contracts
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

test: lint ## everything: lint, types, imports and every test
	$(BIN)/python -m pytest $(T)
