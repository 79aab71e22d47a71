# Two commands for a learner: `make env`, `make lab`. `make test` runs everything there is.
SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV PYTHONPATH PYTHONHOME
BIN := .venv/bin
STAMP := .venv/.labkit-env
SHARED := -n 3 # on two cores: two would leave them idle while they wait for services

.PHONY: env lab site test test-all bench bench-grading lint format lock newest clean
.DEFAULT_GOAL := env

env: $(STAMP) ## the environment in .venv, from the lock

$(STAMP): requirements.lock pyproject.toml binder/install
	@bash binder/install .venv
	@touch $@

lab: env ## JupyterLab at the map of the course; LAB_ARGS="--port 9000" passes options on
	@exec $(BIN)/python -m labkit.jupyterlab $(LAB_ARGS)

site: env ## lessons with their outputs and labs as they are given, as pages in build/site; SITE_REPOSITORY=https://… adds buttons to Binder
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m labkit.authoring.site

test: env ## every test that this machine can run, and a list of what it cannot; TESTS=tests/setup for some
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(SHARED) --room=20 $(TESTS)

test-all: lint ## what a release must pass: also the long series of attacks and faults
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m pytest $(SHARED) --room=20 --full $(TESTS)

bench: env ## the numbers behind the documents
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks

bench-grading: env ## grading an exam beside stock nbgrader and otter; SIZES=100,1000,10000 for more
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m benchmarks exam

lint: env ## format, lint and types
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/python -m pytest -q -p no:cacheprovider -o addopts= --import-mode=importlib tests/house/test_style.py

format: env ## put everything into the house's format
	@$(BIN)/ruff format .
	@$(BIN)/ruff check --fix .

lock: env ## resolve every dependency anew, for every supported Python
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --all-extras \
	  --no-header --no-emit-index-url --no-emit-find-links pyproject.toml -o requirements.lock
	@$(BIN)/uv pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes \
	  --no-header --no-emit-index-url labkit/authoring/site_files/requirements.in -o labkit/authoring/site_files/requirements.lock

newest: env ## do the newest versions of everything resolve, and do the labs pass with them; LABS="91-databases/right-index" for some
	@PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python -m labkit.authoring.newest $(LABS)

clean: ## stop what the course started, and remove what can be made again
	@if [ -x $(BIN)/labkit ]; then $(BIN)/labkit clean; fi
	rm -rf .venv labkit.egg-info build .pytest_cache .ruff_cache
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
