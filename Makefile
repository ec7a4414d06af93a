# Two commands do everything: `make report` and `make test`. `make` alone lists the rest.
SHELL := bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
CORES ?= 1
STUDY ?= config.yaml
BIN := .venv/bin
# Compiled code is kept: torch alone takes a second to compile at each start.
unexport PYTHONDONTWRITEBYTECODE
export PYTHONPATH := $(CURDIR)/src$(if $(PYTHONPATH),:$(PYTHONPATH))
export PATH := $(CURDIR)/$(BIN):$(PATH)

.PHONY: help report coverage test test-long test-kill lint unit env env-dev browser bench-scale docs lock clean

help:  ## list these targets
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

report: env  ## run the study STUDY (config.yaml) and write its report, making the environment first
	@python -m bakeoff check $(STUDY)
	@status=0; BAKEOFF_NO_LAST_WORDS=1 snakemake --cores $(CORES) report --quiet rules host progress --configfile $(STUDY) || status=$$?; \
	python -m bakeoff verdict --if-any $(STUDY); exit $$status

coverage: env  ## see which models of studies/zoo.yaml work on which backends, and write docs/coverage.md
	@python -m bakeoff coverage studies/zoo.yaml --cores $(CORES)

test: env-dev browser  ## check and test everything (what CI runs)
	@$(MAKE) --no-print-directory --jobs 2 lint unit

lint: env-dev  ## ruff, snakefmt, snakemake --lint, mypy, import-linter, generated files
	@ruff check .
	@ruff format --check --quiet .
	@snakefmt --check --compact-diff Snakefile workflow/Snakefile workflow/rules
	@python tests/lint_workflow.py
	@mypy
	@lint-imports --no-cache --no-logo
	@python -m bakeoff docs --check

test-long: env-dev  ## the tests that take minutes: kills, damage, staleness and two runs at once, in whole runs
	@pytest -m long $(ARGS)

test-kill: env-dev  ## kill a run at twenty seeded random moments and see that it completes (some minutes)
	@BAKEOFF_KILL_MOMENTS=20 pytest -m long tests/workflow/test_interruption.py -s

unit: env-dev  ## the tests alone: all, or those that ARGS (pytest's) choose
ifdef ARGS
	@pytest $(ARGS)
else
	@pytest -n 2 --dist loadfile
endif

browser: env-dev  ## see that a Chromium is there for the browser tests, installing Debian's where that is possible
	@tests/browser/ensure_chromium.sh

env: .venv/.runtime  ## make the environment (.venv) from envs/requirements.txt

env-dev: .venv/.dev  ## the same with what tests and checks need

.venv/bin/uv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Bakeoff needs Python 3.11 or later; this is " + sys.version.split()[0] + ". Give another one: make PYTHON=python3.12 ...")'
	@command -v g++ clang++ > /dev/null || echo "note: no C++ compiler (g++) found; backends that compile code will be listed as not available" >&2
	@echo "making the environment in .venv (about a minute, 6 GB)" >&2
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet uv

# The project itself is installed, too, in place (what is in src/ counts, at once). Snakemake looks for its plugins among
# the installed packages when it starts, before it reads the Snakefile, so a path that the Snakefile adds comes too late;
# and PYTHONPATH, set above, would be missing in a plain `snakemake`. This is an ordinary editable installation rather
# than a hand-written .pth file, so that `pip list` shows it and pyproject.toml is proven to work; the locked setuptools
# builds it (--no-build-isolation), so that nothing is downloaded for it.
INSTALL_PROJECT := $(BIN)/uv pip install --quiet --no-deps --no-build-isolation --python $(BIN)/python --editable .

.venv/.runtime: envs/requirements.txt pyproject.toml | .venv/bin/uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r envs/requirements.txt
	@$(INSTALL_PROJECT)
	@touch $@

.venv/.dev: envs/requirements-dev.txt pyproject.toml | .venv/bin/uv
	@$(BIN)/uv pip install --quiet --compile-bytecode --python $(BIN)/python -r envs/requirements-dev.txt
	@$(INSTALL_PROJECT)
	@touch $@ .venv/.runtime

bench-scale: env-dev browser  ## measure planning, collecting and the report of a study of 2,000 targets (ten minutes; docs/scale.md)
	@python tests/scale/bench.py $(ARGS)

docs: env-dev  ## write the generated files: JSON Schemas, docs/config.md, docs/artifacts.md
	@python -m bakeoff docs

lock: | .venv/bin/uv  ## lock envs/*.in into envs/*.txt (names, versions, hashes)
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header envs/requirements-dev.in -o envs/requirements-dev.txt
	@$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-header -c envs/requirements-dev.txt envs/requirements.in -o envs/requirements.txt

clean:  ## remove results, reports and what Snakemake keeps
	@rm -rf results reports .snakemake
