# Tagdesk. `make help` lists every target.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
HOST ?= 127.0.0.1
PORT ?= 8080

# $(call option,DATA,data) is `--data …` where DATA= stands on make's command line; the environment is full of NAMEs.
option = $(if $(findstring command,$(origin $1)),--$2 $($1))

given = $(if $(findstring command,$(origin $1)),$($1))

.DEFAULT_GOAL := help
.PHONY: help install lock run data train search evaluate retrain publish rollback drift ship lint types audit check fuzz test test-e2e test-postgres test-wordpress test-docker bench bench-quick soak clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(BIN)/python:
	@$(PYTHON) -m venv $(VENV)

# What serving needs, pinned and hash-checked; then Tagdesk itself, without looking anything up.
$(VENV)/serve: requirements/serve.txt pyproject.toml | $(BIN)/python
	@echo "Installing what the service needs into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/serve.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/all: requirements/all.txt pyproject.toml | $(BIN)/python
	@echo "Installing what serving, training and testing need into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/all.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/serve

install: $(VENV)/all ## Make .venv with everything: serving, training, tests

lock: ## Resolve pyproject.toml into requirements/ again (needs the package index)
	@$(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip --quiet install uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		pyproject.toml --extra train --extra dev -o requirements/all.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		pyproject.toml --extra build -c requirements/all.txt -o requirements/serve.txt
	@rm -rf $(VENV)-lock

run: $(VENV)/serve ## Install what serving needs and start the service (MODEL= another than the default)
	@$(BIN)/python -m service --host $(HOST) --port $(PORT) $(call option,MODEL,model)

data: $(VENV)/all ## Fetch the open corpora into var/corpora, unless they are at hand (CORPUS_DIR=)
	@$(BIN)/python -m training data

train: $(VENV)/all ## Train the default model, or one of your own data (DATA= MAP=); it becomes current in the store
	@$(BIN)/python -m training $(call option,CONFIG,config) train --publish $(call option,DATA,data) $(call option,MAP,map) \
		$(call option,TAXONOMY,taxonomy) $(call option,FORMAT,format) $(call option,NAME,name) \
		$(call option,LANGUAGE,language) $(call option,PRECISION_TARGET,precision-target) $(call option,TEST,test)

search: $(VENV)/all ## Search for better training settings until BUDGET= (30m) is over or Ctrl-C; the best so far is kept
	@$(BIN)/python -m training $(call option,CONFIG,config) search $(call option,BUDGET,budget) \
		$(call option,DATA,data) $(call option,MAP,map) $(call option,TAXONOMY,taxonomy) \
		$(call option,FORMAT,format) $(call option,NAME,name) $(call option,LANGUAGE,language)

evaluate: $(VENV)/all ## Print a model's figures on held-out and gold articles, or on your own (DATA= MODEL=)
	@$(BIN)/python -m training evaluate $(call option,DATA,data) $(call option,MAP,map) \
		$(call option,FORMAT,format) $(call option,MODEL,model)

retrain: $(VENV)/all ## Learn from what editors corrected, then publish (CORRECTIONS= DATA= MAP= MODEL=)
	@$(BIN)/python -m training $(call option,CONFIG,config) retrain $(call option,MODEL,model) \
		$(call option,CORRECTIONS,corrections) $(call option,DATA,data) $(call option,MAP,map) $(call option,FORMAT,format)
	@$(MAKE) --no-print-directory publish

publish: $(VENV)/all ## Let the newest version in the store go live if the gate finds it better (VERSION= MODEL= FORCE=yes)
	@$(BIN)/python -m training $(call option,CONFIG,config) publish $(call given,VERSION) $(if $(call given,FORCE),--force) \
		$(call option,MODEL,model) $(call option,CORRECTIONS,corrections) $(call option,DATA,data)

rollback: $(VENV)/all ## Let the version that was served before go live again (MODEL=)
	@$(BIN)/python -m training $(call option,CONFIG,config) rollback $(call option,MODEL,model)

drift: $(VENV)/all ## Print how the news and the editors' corrections move, week by week
	@$(BIN)/python -m service drift

ship: $(VENV)/all ## Copy the store's current model to models/store, the one that a clone serves
	@$(BIN)/python -m training ship

lint: $(VENV)/all ## ruff: style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/all ## mypy, strict
	@$(BIN)/mypy

audit: $(VENV)/all ## Look the pinned packages up among known vulnerabilities, where pypi.org can be reached
	@if $(PIP) install --retries 0 --timeout 5 pip-audit 2>/dev/null && $(BIN)/python -c "import requests as web; \
	web.get('https://pypi.org/pypi/pip/json', timeout=5).raise_for_status()" 2>/dev/null; \
	then $(BIN)/pip-audit --requirement requirements/all.txt --disable-pip; \
	else echo "audit: pypi.org cannot be reached, nothing was looked up"; fi

check: lint types audit ## ruff, mypy, known vulnerabilities and the tests
	@$(BIN)/pytest -n auto

fuzz: $(VENV)/all ## Feed cleaner, tokenizer and bundle reader what atheris thinks of, for FUZZ_SECONDS= (60)
	@$(PIP) install atheris
	@$(BIN)/python -m tests.attacks.fuzz -max_total_time=$(or $(FUZZ_SECONDS),60)

test-docker: $(VENV)/all ## Lint the Dockerfile and replay its steps (needs the package index)
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/python .ci/replay-dockerfile

test: check ## Install and run everything that can run offline

test-e2e: $(VENV)/all ## Drive the desk in a real browser, and real CMSs (chromium, WordPress; .ci/run installs them)
	@$(BIN)/pytest tests/e2e

test-postgres: $(VENV)/all ## The ledger in a real PostgreSQL (Debian: postgresql)
	@REQUIRE_POSTGRES=1 $(BIN)/pytest -m postgres tests/service

test-wordpress: $(VENV)/all ## WordPress end to end; installs what it needs from Debian, as root
	@tests/e2e/wordpress-packages
	@$(BIN)/pytest tests/e2e/test_wordpress.py

bench: $(VENV)/all ## Measure Tagdesk beside its peers (installs them; needs a quiet machine; one to two hours)
	@for what in peers in-process http start vectorize profile; do $(BIN)/python -m benchmarks $$what || exit; done

bench-quick: $(VENV)/all ## The same with small sizes: do the benchmarks run?
	@for what in peers in-process http start vectorize profile; do $(BIN)/python -m benchmarks $$what --quick || exit; done

soak: $(VENV)/all ## Load two workers for 10 minutes amid swaps, killed workers and a full disk (needs a quiet machine)
	@$(BIN)/python -m benchmarks soak

clean: ## Remove .venv and what tools left behind; the store in var/ stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info
