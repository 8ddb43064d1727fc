# What a person types. Each target sets up what it needs in .venv first; the second time that takes no time and no network.
SHELL := /bin/bash
PYTHON ?= python3
export PYTHON
VENV := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help demo test test-faults lint bench clean setup setup-dev

help: ## this list
	@printf 'factorystream: from machine logs to the customer, over a real Kafka on this machine\n\n'
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 22
	@printf '\nOptions: ONCE=1 JSON=1 DATA=folder ARGS="..." (demo), NO_DOCKER=1 (test), PYTHON=python3.13 (all)\n'

demo: export FACTORYSTREAM_BEGAN := $(shell date +%s.%N)
demo: setup ## a real machine-day from gateway to customer; ONCE=1 ends with a summary, JSON=1 prints it as JSON
	@exec $(VENV)/factorystream demo $(if $(filter 1,$(ONCE)),--once) $(if $(filter 1,$(JSON)),--json) $(if $(DATA),--data-dir $(DATA)) $(ARGS)

test: ## checks and all tests but the long fault matrix; installs what they need and says so first
	@infra/setup/test.sh all

test-faults: ## the long fault matrix
	@infra/setup/test.sh faults

lint: setup-dev ## style, types, layers, and whether generated files are fresh
	$(VENV)/ruff check .
	$(VENV)/ruff format --check .
	$(VENV)/mypy
	$(VENV)/lint-imports
	$(VENV)/python -m schemas.generate --check
	$(VENV)/python -m schemas.compatibility check

bench: setup-dev ## how many events a second each step takes
	$(VENV)/python -m pytest -q tests/benchmarks $(PYTEST_ARGS)

clean: ## removes .venv, caches and the data of the demo
	@infra/setup/clean.sh

setup:
	@infra/setup/environment.sh runtime

setup-dev:
	@infra/setup/environment.sh dev
