# `make repro` runs the pipeline, `make test` the tests; each sets up what it needs first.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := PATH="$(CURDIR)/$(BIN):$$PATH"

.DEFAULT_GOAL := help
.PHONY: help repro test lint format ui bench lock setup setup-test

help:  ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

repro: setup  ## set up and run the pipeline: data to trained, evaluated, plotted model
	@$(RUN) dvc repro

test: setup-test  ## set up and run the tests
	@OMP_NUM_THREADS=1 $(RUN) pytest --numprocesses logical --dist loadfile --no-loadscope-reorder

lint: setup-test  ## check format, style and types
	@$(RUN) ruff format --check .
	@$(RUN) ruff check .
	@$(RUN) mypy

format: setup-test  ## reformat the code and sort its imports
	@$(RUN) ruff check --select I --fix .
	@$(RUN) ruff format .

PORT ?= 5000

ui: setup  ## browse the recorded runs; PORT=5001 serves them on another port
	@$(RUN) spampipe ui --port $(PORT)

BENCHMARKS := trunk_rate startup pipeline other_hardware store_opening tracking_cost against_the_book against_trainer prediction_speed seeds growth same_accuracy

bench: repro setup-test  ## measure beside other implementations and rewrite the tables; takes hours
	@for name in $(BENCHMARKS); do $(RUN) python -m benchmarks.$$name || exit 1; done
	@if $(BIN)/python -c "import sys, torch; sys.exit(not torch.cuda.is_available())"; then \
		$(RUN) python -m benchmarks.gpu || exit 1; fi
	@$(RUN) python -m benchmarks.render

setup: $(VENV)/.runtime  ## install the pinned packages
setup-test: $(VENV)/.test  ## install the pinned packages and those of the tests

# The stamps are newer than the lock files they were made from, so a second run installs nothing.
$(VENV)/.runtime: requirements.lock pyproject.toml
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing the pinned packages into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -e .
	@touch $@

$(VENV)/.test: $(VENV)/.runtime requirements-test.lock requirements-test-nodeps.lock
	@echo "installing the tests' packages into $(VENV)" >&2
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements-test.lock
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps -r requirements-test-nodeps.lock
	@touch $@

LOCK := pip-compile --quiet --strip-extras --allow-unsafe --upgrade --resolver backtracking \
	--no-header --no-annotate --no-emit-index-url --no-emit-find-links --no-emit-trusted-host --no-emit-options

lock:  ## resolve the ranges of pyproject.toml anew into the lock files
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check pip-tools
	echo "torch==2.13.0" > $(VENV)/constraints.txt
	$(BIN)/$(LOCK) --output-file requirements.lock -c $(VENV)/constraints.txt pyproject.toml
	$(BIN)/$(LOCK) --extra test --output-file requirements-test.lock -c requirements.lock pyproject.toml
	sed -i.bak "s/+cpu$$//" requirements.lock requirements-test.lock && rm requirements*.bak  # the CPU build's own suffix
