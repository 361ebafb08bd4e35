# Each target sets up .venv by itself: `demo` what requirements.lock names, the others requirements-dev.lock too.
# Nothing is set up anew until a lock changes. The locks are whole, so pip resolves nothing (`--no-deps`): what was
# released since cannot change what is installed, and `pip check` holds that nothing is missing.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
RUN := $(VENV)/.ready-to-run
DEV := $(VENV)/.ready-to-develop
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
	--custom-compile-command "make lock" pyproject.toml

.DEFAULT_GOAL := help
.PHONY: help demo test soak lint format docs bench lock clean

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

$(RUN): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(INSTALL) --require-hashes -r requirements.lock
	@$(BIN)/python -m pip check
	@touch $@

$(DEV): requirements-dev.lock | $(RUN)
	$(INSTALL) --require-hashes -r requirements-dev.lock
	$(INSTALL) --no-build-isolation --no-index -e .
	@$(BIN)/python -m pip check
	@touch $@

# Without a terminal, and with CI=true, it only starts, looks whether it works, and stops.
demo: $(RUN)  ## Slack in the browser, with the bot in it; no account, no key
	@$(BIN)/python -m cli demo $$([ "$$CI" = true ] && [ ! -t 0 ] && echo --check) $(ARGS)

# Two processes more than processors, for tests also wait; one alone where ARGS names a file or a test, for starting them
# takes ten seconds.
WORKERS = $$($(BIN)/python -c 'import os; print(os.cpu_count() + 2)')
test: $(DEV)  ## All tests; ARGS="tests/bot -k line" some of them, ARGS=--cov with coverage
	$(BIN)/python -m pytest $(if $(filter-out -%,$(ARGS)),,--numprocesses=$(WORKERS) --dist=worksteal) $(ARGS)

soak: $(DEV)  ## All fault tests, 20,000 suggestions, and properties of other examples each time (half an hour)
	$(BIN)/python -m pytest tests/faults -m "soak or not soak" -s $(ARGS)
	$(BIN)/python -m pytest -m hypothesis --hypothesis-profile=random $(ARGS)

lint: $(DEV)  ## ruff, mypy, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(DEV)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

docs: $(DEV)  ## Make anew the documents that follow from the code
	$(BIN)/python -m docs.generate

bench: $(DEV)  ## The benchmarks, beside the peer (several minutes)
	$(BIN)/python -m benchmarks

# The first lock constrains the second. UPGRADE=--upgrade takes what is newest.
lock: $(DEV)  ## Make both locks anew from pyproject.toml
	$(COMPILE) $(UPGRADE) --extra parquet --extra postgresql --group build -o requirements.lock
	$(COMPILE) $(UPGRADE) --all-extras --group build --group bench --group dev -c requirements.lock -o requirements-dev.lock

clean:  ## Remove what the targets made
	rm -rf $(VENV) .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache suggest-demo.db*
