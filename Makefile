# A fresh machine needs python3.11 or python3.12 and one of these: `make demo`, `make test`.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help venv demo test unit check fmt clean

BIN := .venv/bin
STAMP := .venv/installed
WORKERS ?= 2

help:  ## say what there is
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-6s %s\n", $$1, $$2}' Makefile

venv: $(STAMP)  ## create .venv with the proven set of packages (3.2 GB)

$(STAMP): pyproject.toml constraints.txt
	@if [ ! -x $(BIN)/python ]; then \
	  for python in python3.11 python3.12; do \
	    if $$python -c 'import venv' 2>/dev/null; then found=$$python; break; fi; \
	  done; \
	  if [ -z "$${found:-}" ]; then echo "make: python3.11 or python3.12 is needed, with its venv module" >&2; exit 1; fi; \
	  $$found -m venv .venv; \
	fi
	$(BIN)/python -m pip install --disable-pip-version-check --quiet -c constraints.txt -e '.[all,dev]'
	@touch $@

demo: venv  ## the whole path, from simulated windows to verified bundles (resumes where it stopped)
	$(BIN)/edgeacc demo

test: venv  ## all tests; as root, Debian's packages for them first
	@tests/packages.sh
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS)

unit: venv  ## the tests of seconds: neither integration nor slow
	OMP_NUM_THREADS=1 $(BIN)/pytest -n $(WORKERS) -m 'not integration and not slow'

check: venv  ## lint, spelling, dependencies, types
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	$(BIN)/deptry .
	$(BIN)/mypy -p edgeacc

fmt: venv  ## format, and mend what can be mended
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

clean:  ## remove caches and builds (keeps .venv and the demo's results)
	rm -rf build dist *.egg-info .mypy_cache .pytest_cache .ruff_cache .hypothesis
	find . -name __pycache__ -not -path './.venv/*' -prune -exec rm -rf {} +
