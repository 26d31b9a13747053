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

# How a newsroom's file is to be read; the values have spaces.
reading = $(if $(call given,COLUMNS),--columns "$(COLUMNS)") $(if $(call given,IGNORE),--ignore "$(IGNORE)") \
	$(call option,DATES,dates)

.DEFAULT_GOAL := help
.PHONY: help install lock run archive data train search evaluate retrain publish rollback forget drift ship docs lint types audit check fuzz test test-clients test-e2e test-engines test-postgres test-ghost test-label-studio test-playground test-wordpress test-directus test-docker test-deploy bench bench-quick soak clean

help: ## List the targets
	@awk -F ':.*## ' '/^[a-z][a-z0-9-]*:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# A .venv without pip was left half-made, by a Python whose venv is a package of its own, as Debian's is: it is made anew.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' 2>/dev/null || { \
		found=$$(for minor in 14 13 12 11; do command -v python3.$$minor; done | head -n 1); \
		echo "Tagdesk needs Python 3.11 to 3.14, but $(PYTHON) is: $$($(PYTHON) --version 2>&1)." >&2; \
		echo "Name another one: make $(MAKECMDGOALS) PYTHON=$${found:-python3.12}" >&2; exit 1; }
	@for room in archive formats models service training; do \
		[ ! -d src/tagdesk ] || [ -d src/tagdesk/$$room ] || ln -sfn ../../$$room src/tagdesk/$$room; done  # lost by some archives and by Git for Windows
	@$(PYTHON) -m venv --clear $(VENV) || { rm -rf $(VENV); \
		echo "No $(VENV) could be made. On Debian and Ubuntu: apt install python3-venv; then again: make $(MAKECMDGOALS)" >&2; \
		exit 1; }

# What each needs, pinned and hash-checked; then Tagdesk itself, without looking anything up.
$(VENV)/serve: requirements/serve.txt pyproject.toml | $(BIN)/pip
	@echo "Installing what serving needs into $(VENV) (340 MB) ..."
	@$(PIP) install --require-hashes -r requirements/serve.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/archive: requirements/archive.txt pyproject.toml | $(BIN)/pip
	@echo "Installing what tagging archives needs into $(VENV) ..."
	@$(PIP) install --require-hashes -r requirements/archive.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/serve

$(VENV)/train: requirements/train.txt pyproject.toml | $(BIN)/pip
	@echo "Installing what serving and training need into $(VENV) (720 MB) ..."
	@$(PIP) install --require-hashes -r requirements/train.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@touch $@ $(VENV)/serve

$(VENV)/all: requirements/all.txt pyproject.toml | $(BIN)/pip
	@echo "Installing what serving, training and testing need into $(VENV) (1.1 GB) ..."
	@$(PIP) install --require-hashes -r requirements/all.txt
	@$(PIP) install --no-deps --no-build-isolation --editable .
	@$(BIN)/tagdesk compile
	@touch $@ $(VENV)/archive $(VENV)/serve $(VENV)/train

install: $(VENV)/all ## Make .venv with everything: serving, training, tests

lock: ## Resolve pyproject.toml into requirements/ again (needs the package index)
	@$(PYTHON) -m venv $(VENV)-lock
	@$(VENV)-lock/bin/python -m pip --quiet install uv
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		pyproject.toml --extra dev -o requirements/all.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		pyproject.toml --extra build --extra postgres --extra train -c requirements/all.txt -o requirements/train.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		pyproject.toml --extra build --extra dask -c requirements/all.txt -o requirements/archive.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		pyproject.toml --extra build --extra postgres -c requirements/all.txt -o requirements/serve.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--group pyproject.toml:deploy -c requirements/all.txt -o requirements/deploy.txt
	$(VENV)-lock/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
		--group pyproject.toml:docs -c requirements/all.txt -o requirements/docs.txt
	@rm -rf $(VENV)-lock

run: $(VENV)/serve ## Install what serving needs and start the service (MODEL= another than the default, MODELS= several)
	@$(BIN)/tagdesk serve --host $(HOST) --port $(PORT) $(call option,MODEL,model) $(call option,MODELS,models)

archive: $(VENV)/archive ## Tag an archive, IN= OUT= (TO=jsonl COLUMNS= MODEL= CLUSTER=tcp://… SAMPLE=1000); again: what is left
	@$(BIN)/tagdesk archive $(IN) $(OUT) $(call option,TO,to) $(if $(call given,COLUMNS),--columns "$(COLUMNS)") \
		$(call option,MODEL,model) $(call option,CLUSTER,cluster) $(call option,SAMPLE,sample)

data: $(VENV)/train ## Fetch the open corpora into var/corpora, unless they are at hand (CORPUS_DIR=)
	@$(BIN)/tagdesk data

train: $(VENV)/train $(if $(call given,CLUSTER),$(VENV)/archive) ## Train the default model, or one of your own data (DATA= MAP= CLUSTER=tcp://…); it becomes current in the store
	@$(BIN)/tagdesk train $(call option,CONFIG,config) --publish $(call option,DATA,data) $(call option,MAP,map) \
		$(call option,TAXONOMY,taxonomy) $(call option,FORMAT,format) $(call option,NAME,name) \
		$(call option,LANGUAGE,language) $(call option,PRECISION_TARGET,precision-target) $(call option,TEST,test) \
		$(call option,CLUSTER,cluster) $(reading)

search: $(VENV)/train ## Search for better training settings until BUDGET= (30m) is over or Ctrl-C; the best so far is kept
	@$(BIN)/tagdesk search $(call option,CONFIG,config) $(call option,BUDGET,budget) \
		$(call option,DATA,data) $(call option,MAP,map) $(call option,TAXONOMY,taxonomy) \
		$(call option,FORMAT,format) $(call option,NAME,name) $(call option,LANGUAGE,language) $(reading)

evaluate: $(VENV)/train ## Print a model's figures on held-out and gold articles, or on your own (DATA= MODEL=)
	@$(BIN)/tagdesk evaluate $(call option,DATA,data) $(call option,MAP,map) \
		$(call option,FORMAT,format) $(call option,MODEL,model) $(reading)

# A candidate that is held or refused is a result, not an error: the command's exit code 3.
retrain: $(VENV)/train ## Learn from what editors corrected, and publish what is better (CORRECTIONS= DATA= MAP= COLUMNS= MODEL= WITHOUT=)
	@$(BIN)/tagdesk retrain $(call option,CONFIG,config) --publish $(call option,MODEL,model) \
		$(call option,CORRECTIONS,corrections) $(call option,DATA,data) $(call option,MAP,map) $(call option,FORMAT,format) \
		$(reading) $(if $(call given,WITHOUT),--without "$(WITHOUT)") $(if $(call given,FORCE),--force) || [ $$? -eq 3 ]

publish: $(VENV)/train ## Let the newest version in the store go live if the gate finds it better (VERSION= MODEL= FORCE=yes)
	@$(BIN)/tagdesk publish $(call option,CONFIG,config) $(call given,VERSION) $(if $(call given,FORCE),--force) \
		$(call option,MODEL,model) $(call option,CORRECTIONS,corrections) $(call option,DATA,data) \
		$(call option,FORMAT,format) $(reading) $(if $(call given,WITHOUT),--without "$(WITHOUT)") || [ $$? -eq 3 ]

rollback: $(VENV)/train ## Let the version that was served before go live again (MODEL=)
	@$(BIN)/tagdesk rollback $(call option,CONFIG,config) $(call option,MODEL,model)

forget: $(VENV)/train ## Take what was erased from the ledger out of the models' folders, too (CORRECTIONS= MODEL=)
	@$(BIN)/tagdesk forget $(call option,CONFIG,config) $(call option,MODEL,model) \
		$(call option,CORRECTIONS,corrections)

drift: $(VENV)/serve ## Print how the news and the editors' corrections move, week by week (MODEL=)
	@$(BIN)/tagdesk drift $(call option,MODEL,model)

ship: $(VENV)/train ## Copy the store's current model to models/store, the one that a clone serves
	@$(BIN)/tagdesk ship

lint: $(VENV)/all ## ruff: style and format
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .

types: $(VENV)/all ## mypy, strict
	@$(BIN)/mypy

audit: $(VENV)/all ## Look the pinned packages up among known vulnerabilities, where pypi.org can be reached
	@if $(PIP) install --retries 0 --timeout 5 pip-audit 2>/dev/null && $(BIN)/python -c "import requests as web; \
	web.get('https://pypi.org/pypi/pip/json', timeout=5).raise_for_status()" 2>/dev/null; \
	then for wait in 5 30 0; do \
		$(BIN)/pip-audit --requirement requirements/all.txt --disable-pip --timeout 60 && exit; sleep $$wait; done; exit 1; \
	else echo "audit: pypi.org cannot be reached, nothing was looked up"; fi

check: lint types audit ## ruff, mypy, known vulnerabilities and the tests
	@$(BIN)/pytest -n auto

fuzz: $(VENV)/all ## Feed cleaner, tokenizer and bundle reader what atheris thinks of, for FUZZ_SECONDS= (60)
	@$(PIP) install atheris
	@$(BIN)/python -m tests.attacks.fuzz -max_total_time=$(or $(FUZZ_SECONDS),60)

$(VENV)/docs $(VENV)/deploy: $(VENV)/%: requirements/%.txt $(VENV)/all
	@$(PIP) install --require-hashes -r $<
	@touch $@

docs: $(VENV)/docs ## Build the documents as a site, var/site; a broken link is an error
	@$(BIN)/python .ci/build-docs

test-docker: $(VENV)/all ## Lint the Dockerfile and replay its steps (needs the package index)
	@$(BIN)/hadolint Dockerfile
	@$(BIN)/python .ci/replay-dockerfile

test-deploy: $(VENV)/deploy ## Check what deploy/ has: schemas, units, and real proxies in front of the service (Debian: nginx)
	@REQUIRE_DEPLOY=1 $(BIN)/pytest tests/deploy

test: check ## Install and run everything that can run offline

# Not into tests/: npm fills the folder of its package.json.
var/clients/node_modules: tests/clients/package.json tests/clients/package-lock.json
	@mkdir -p var/clients
	@cp $^ var/clients
	@npm ci --prefix var/clients --no-audit --no-fund --silent || { rm -rf $@; exit 1; }
	@touch $@

var/playground/node_modules: tests/e2e/playground/package.json tests/e2e/playground/package-lock.json
	@mkdir -p var/playground
	@cp $^ var/playground
	@npm ci --prefix var/playground --no-audit --no-fund --silent || { rm -rf $@; exit 1; }
	@touch $@

test-clients: $(VENV)/all var/clients/node_modules ## Generate clients in Python and TypeScript from /openapi.json and use them (npm)
	@$(BIN)/pytest tests/clients

test-e2e: $(VENV)/all ## Drive the desk in a real browser, and real CMSs (chromium, WordPress; .ci/run installs them)
	@$(BIN)/pytest tests/e2e

test-engines: $(VENV)/all ## The recipes for Spark and Ray Data; installs both, and needs Java (Debian: default-jre-headless)
	@$(PIP) install 'ray[data]' pyspark
	@$(BIN)/pytest -m engines tests/archive

test-postgres: $(VENV)/all ## The ledger in a real PostgreSQL (Debian: postgresql)
	@REQUIRE_POSTGRES=1 $(BIN)/pytest -m postgres tests/service

test-ghost: $(VENV)/all ## The bridge beside a real Ghost; installs that from npm (700 MB, minutes)
	@[ -d var/ghost/package/node_modules ] || tests/e2e/ghost-packages
	@$(BIN)/pytest tests/e2e/ghost

test-playground: $(VENV)/all var/playground/node_modules ## A newer WordPress end to end, in Playground, from npm (1 GB); needs no root
	@PLAYGROUND=yes $(BIN)/pytest tests/e2e/wordpress

test-directus: $(VENV)/all ## Our Flows in a real Directus; installs that from npm (1 GB, minutes)
	@[ -d var/directus/node_modules/directus ] || tests/e2e/directus-packages
	@$(BIN)/pytest tests/e2e/directus

test-label-studio: $(VENV)/all ## Tagdesk as the ML backend of a real Label Studio; installs that from PyPI (1 GB)
	@[ -x var/label-studio/bin/label-studio ] || tests/e2e/label-studio-packages
	@$(BIN)/pytest tests/e2e/label_studio

test-wordpress: $(VENV)/all ## WordPress end to end; installs what it needs from Debian, as root
	@tests/e2e/wordpress-packages
	@$(BIN)/pytest tests/e2e/wordpress

bench: $(VENV)/all ## Measure Tagdesk beside its peers (installs them; needs a quiet machine; one to two hours)
	@for what in peers in-process http start vectorize profile; do $(BIN)/python -m benchmarks $$what || exit; done

bench-quick: $(VENV)/all ## The same with small sizes: do the benchmarks run?
	@for what in peers in-process http start vectorize profile; do $(BIN)/python -m benchmarks $$what --quick || exit; done

soak: $(VENV)/all ## Soak two workers amid swaps, kills and a full disk, 5 minutes each on SQLite and PostgreSQL (quiet machine)
	@$(BIN)/python -m benchmarks soak

clean: ## Remove .venv and what tools left behind; the store in var/ stays
	@rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis build dist *.egg-info src/*.egg-info
