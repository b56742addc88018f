# `make serve` and `make test` do all of their own set-up. Variables: PYTHON (default: the first of python3.13 … python3 that is new enough).
SHELL := /bin/bash
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.PHONY: help setup serve test lint eval bench lock audit clean

help:  ## Show this list.
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

setup: $(READY) models  ## Virtual environment, pinned dependencies, models.

$(READY): pyproject.toml constraints.txt scripts/setup.sh
	@PYTHON="$(PYTHON)" bash scripts/setup.sh $(VENV)
	@touch $@

.PHONY: models
models: $(READY)
	@$(BIN)/dateline models fetch --quiet

serve: setup  ## Serve the page and the API; the sample archive is taken in if there is no other.
	@$(BIN)/dateline serve --sample-if-empty

test: setup  ## All tests; those that need something absent are skipped and say so.
	@$(BIN)/python -m pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

lint: $(READY)  ## ruff and mypy.
	@$(BIN)/ruff check .
	@$(BIN)/mypy

eval: setup  ## The evals of every change: the grounding check, what is found, every question without a model, sixty with it (BESIDE=none: alone).
	@$(BIN)/dateline eval check-sample sample-retrieval sample-extractive $(addprefix --beside ,$(BESIDE)); found=$$?; \
	$(BIN)/dateline eval sample-quick $(addprefix --beside ,$(BESIDE)) && exit $$found

bench: setup  ## The speed ratios of eval/benchmark.py, benchmark_ingest.py and benchmark_search.py: some half an hour.
	@found=0; for one in benchmark benchmark_ingest benchmark_search; do $(BIN)/python eval/$$one.py || found=1; done; exit $$found

lock: $(READY)  ## Write requirements.lock anew, with hashes, from pyproject.toml and constraints.txt (needs the network).
	@$(BIN)/python scripts/lock.py

audit: $(READY)  ## Known vulnerabilities of what requirements.lock installs, less audit-exceptions.toml (needs the network).
	@$(BIN)/python scripts/vulnerabilities.py

clean:  ## Remove the virtual environment and reports; archives and models stay.
	rm -rf $(VENV) eval-report
