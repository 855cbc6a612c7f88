# `make` alone lists what there is.
PYTHON ?= python3
JOB ?= configs/quickstart.yaml

VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip -qq --disable-pip-version-check
PINS := pyproject.toml requirements.txt constraints.txt $(wildcard extensions/*/pyproject.toml docs/examples/*/pyproject.toml)

.DEFAULT_GOAL := help
.NOTPARALLEL:
.PHONY: help install run test torture format clean

help: ## list these targets
	@sed -n 's/^\([a-z]*\):.*## /  make \1\t/p' Makefile

install: $(VENV)/ready ## set up .venv with librarian and its extensions
	@echo "next: source $(VENV)/bin/activate, then: librarian --help" >&2

run: $(VENV)/ready ## set up .venv, run the quick start (another job: JOB=path), and show its results in view/
	@$(BIN)/librarian run $(JOB)
	@$(BIN)/librarian view view

test: $(VENV)/ready-to-test ## set up .venv and run the linter, the type checker and the tests
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/pytest --numprocesses auto --dist worksteal

torture: $(VENV)/ready-to-test ## set up .venv; kill or hinder a run wherever it changes a file, and feed it hostile files (hours)
	$(BIN)/pytest -m "" --points 200 --crashes 200 tests/test_torture.py tests/test_crash.py tests/test_run_hostile_*.py \
		tests/test_run_wild*.py tests/test_forget.py

format: $(VENV)/ready-to-test ## format the code and mend what the linter can
	$(BIN)/ruff check --fix
	$(BIN)/ruff format

clean: ## remove .venv, caches and builds; library, manifests and keys stay
	rm -rf $(VENV) dist .hypothesis .mypy_cache .pytest_cache .ruff_cache
	find configs docs extensions librarian tests \( -name __pycache__ -o -name .ruff_cache \) -prune -exec rm -rf {} +

$(VENV)/made:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
		echo "librarian needs Python 3.11 or newer, and $(PYTHON) is not: install one and name it, as in" \
			"'make $(MAKECMDGOALS) PYTHON=python3.12'" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
		echo "$(PYTHON) cannot make virtual environments: install its venv package" \
			"(Debian and Ubuntu: sudo apt install python3-venv)" >&2; exit 1; }
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/ready: $(PINS) | $(VENV)/made
	@echo "Setting up $(VENV) (some minutes the first time, and 6 GB: torch is among them)" >&2
	@$(PIP) install -r requirements.txt
	@touch $@

$(VENV)/ready-to-test: requirements-test.txt $(PINS) | $(VENV)/made
	@echo "Setting up $(VENV) for the tests (some minutes the first time, and 6 GB: torch is among them)" >&2
	@$(PIP) install -r requirements-test.txt
	@touch $(VENV)/ready $@
