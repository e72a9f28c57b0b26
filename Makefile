# The house around the code: set up, prove, test, lint, measure.
#
# Needs Python 3.11+ with pip, make and git; everything else comes from PyPI into this checkout. Written for GNU
# make 3.81 (what macOS ships) and for paths with spaces: every path below is relative.
#
# Variables:  PYTHON=…  the interpreter to use        VENV=…  another environment (.venv-3.12)
#             ARGS=…    passed on to the command      JOBS=…  test processes (2; 0 runs in one)
#             ONLY=…    one benchmark case

VENV ?= .venv
JOBS ?= 2
PYTHON ?=
ARGS ?=
ONLY ?=
export VENV PYTHON

# A shell that suits other work must not leak into this one: another active environment, a module path, a habit of
# not keeping bytecode (start-up doubles without it).
unexport VIRTUAL_ENV PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE MAKEFLAGS

BIN := $(VENV)/bin
INPUTS := uv.lock pyproject.toml packages/agi-node/pyproject.toml scripts/setup.sh
RUNTIME := $(VENV)/.setup-runtime
DEV := $(VENV)/.setup-dev

# An environment is also stale when its interpreter went away, when the checkout was moved (its scripts carry
# absolute paths), or when PYTHON asks for another one.
ifneq ($(shell test -x '$(BIN)/python' && test "$$(cat '$(VENV)/.setup-place' 2>/dev/null)" = "$$(pwd -P)" && \
	{ test -z '$(PYTHON)' || test "$$(cat '$(VENV)/.setup-python' 2>/dev/null)" = '$(PYTHON)'; } && echo fresh),fresh)
STALE := FORCE
endif

SLOW := slow or journey or faults

.DEFAULT_GOAL := help
.PHONY: help setup setup-dev proof test fast faults lint lint-style lint-format lint-types lint-floors lint-lock \
	format bench clean FORCE

help: ## list the targets (this)
	@awk 'BEGIN { FS = ":.*## " } /^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' Makefile
	@awk 'NR > 1 && /^#( Variables:|   ).*=…/ { sub(/^# ?/, ""); print "  " $$0 }' Makefile

setup: $(RUNTIME) ## install what running needs into .venv (no-op when nothing changed)

setup-dev: $(DEV) ## install what developing needs as well

proof: $(RUNTIME) ## set up, then run the main job: agilab first-proof
	@'$(BIN)/agilab' first-proof $(ARGS)

test: $(DEV) ## set up, then run the whole test suite
	'$(BIN)/python' -m pytest -n $(JOBS) --dist loadgroup $(ARGS)

fast: $(DEV) ## the tests that take milliseconds: no journeys, faults or slow ones
	'$(BIN)/python' -m pytest -n $(JOBS) --dist loadgroup -m 'not ($(SLOW))' $(ARGS)

faults: $(DEV) ## kill -9 two hundred times at random moments (ARGS="--seed 7" again), then every test of faults
	'$(BIN)/python' -m tests.faults.kills --kills 200 $(ARGS)
	'$(BIN)/python' -m pytest -n $(JOBS) --dist loadgroup -m faults

lint: lint-style lint-format lint-types lint-floors lint-lock ## all checks that run no code (-k: all of them)

lint-style: $(DEV) ## … ruff's rules
	'$(BIN)/ruff' check .

lint-format: $(DEV) ## … layout
	'$(BIN)/ruff' format --check .

lint-types: $(DEV) ## … mypy --strict over both packages, then over the built-in apps, their libraries and the templates
	'$(BIN)/python' -m mypy
	@set -e; places=$$(printf '%s:' src/agilab/apps/*/src src/agilab/libraries/*/src src/agilab/templates/*/src); \
	files=$$(find src/agilab/apps/*/src src/agilab/libraries/*/src src/agilab/templates/*/src -name '*.py' | sort); \
	echo "mypy over $$(echo $$files | wc -w) files of apps, libraries and templates"; \
	MYPYPATH="$$places" '$(BIN)/python' -m mypy --explicit-package-bases $$files

lint-floors: $(DEV) ## … the floors: who may import whom
	'$(BIN)/lint-imports' --no-logo

lint-lock: $(DEV) ## … uv.lock still answers pyproject.toml
	'$(BIN)/uv' lock --check --offline --python '$(BIN)/python'

format: $(DEV) ## put the layout right, and what ruff can repair by itself
	'$(BIN)/ruff' check --fix .
	'$(BIN)/ruff' format .

bench: $(DEV) ## measure against the limits: a table and benchmarks/results.json (ONLY=case for one)
	'$(BIN)/python' -m benchmarks $(if $(ONLY),--only '$(ONLY)') $(ARGS)

clean: ## back to a fresh clone, environments included; ~/.agilab stays
	rm -rf .venv .venv-* .uv dist build .coverage .coverage.* htmlcov .pytest_cache .hypothesis .mypy_cache \
		.ruff_cache .import_linter_cache
	find src packages tests benchmarks -name __pycache__ -type d -prune -exec rm -rf {} +

$(RUNTIME): $(INPUTS) $(STALE)
	@sh scripts/setup.sh runtime

$(DEV): $(INPUTS) $(STALE)
	@sh scripts/setup.sh dev
