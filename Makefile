# Every verb of the project. `make` alone lists them.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
FLINK  := 1.20 2.3
TWO    := --numprocesses 2 --dist loadscope --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help install check format test test-unit test-full demo demo-jar crds docs bench clean

help: ## list the targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 14

install: $(STAMP) ## make .venv with gitsync and the tools of the project

$(STAMP): pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("gitsync needs Python 3.11 or newer; set PYTHON=python3.x" if sys.version_info < (3, 11) else 0)'
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python cannot make virtual environments here: install the Debian package python3-venv"; exit 1; }
	@command -v git >/dev/null || { echo "git is missing: install the Debian package git"; exit 1; }
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing gitsync and its tools into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable '.[dev]'
	@touch $(STAMP)

check: install ## format, lint, types, layers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: install ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

test-unit: install ## the pure core only, in seconds
	$(BIN)/pytest tests/unit tests/golden

test: install ## unit, golden, contract and the core of the end-to-end tests
	$(BIN)/gitsync sandbox fetch $(FLINK)
	$(BIN)/pytest $(TWO)

test-full: install ## everything: every mode and version, kills, long property runs
	$(BIN)/gitsync sandbox fetch $(FLINK)
	GITSYNC_HYPOTHESIS=full $(BIN)/pytest $(TWO) -m "full or not full"

demo: install ## a commit becomes a running Flink job, the next one upgrades it with its state
	$(BIN)/gitsync demo

demo-jar: install ## rebuild the jar of the demo's job (needs javac)
	$(BIN)/python -m gitsync.sandbox.demojob.build

crds: install ## write deploy/crds and deploy/schemas from the models
	$(BIN)/python -m operator_core.model.crds deploy/crds
	$(BIN)/python -m gitsync.model.syncapps deploy/crds
	$(BIN)/python -m operator_core.model.jsonschemas deploy/crds deploy/schemas
	$(BIN)/python -m gitsync.validate.definitions

docs: install ## write what the documentation has from the code
	$(BIN)/python -m operator_core.conf.catalog docs/configuration.md
	$(BIN)/python -m gitsync.telemetry docs/metrics.md

bench: install ## print measurements; nothing is asserted
	$(BIN)/python -m tests.bench

clean: ## remove what the other targets made in this folder
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
