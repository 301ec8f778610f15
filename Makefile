# `make run` and `make test` do everything on a machine that has Python 3.11 or later and make.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
RUN_DIR ?= runs/lab-corpus-style
# Another release, or another build of this one, can be named: make run TORCH=torch
TORCH ?= torch==2.13.0

.PHONY: run test lint types unit clean

run: $(VENV)/.installed
	$(BIN)/speech-ifeval run --output-dir $(RUN_DIR)

test: lint types unit

lint: $(VENV)/.installed-test
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/lint-imports

types: $(VENV)/.installed-test
	$(BIN)/mypy

# One thread each: workers that all take all cores wait for one another.
unit: $(VENV)/.installed-test
	OMP_NUM_THREADS=1 $(BIN)/pytest -n auto

$(VENV)/bin/python:
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or later is needed, found " + sys.version.split()[0] + "; name another with make PYTHON=…")'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"

$(VENV)/.installed: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[hf]" "$(TORCH)"
	touch $@

$(VENV)/.installed-test: $(VENV)/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --editable ".[language]" --group test
	touch $@ $(VENV)/.installed

clean:
	rm -rf $(VENV) runs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
