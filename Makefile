# Each target sets up .venv by itself, from requirements.lock, and again only when the lock changed.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

.DEFAULT_GOAL := help
.PHONY: help demo test soak lint format bench lock clean

help:  ## This list
	@sed -n 's/^\([a-z]*\):.*##  *\(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 10

$(READY): requirements.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3.11" >&2; exit 2; }
	rm -rf $(VENV)
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --no-index -e .
	@touch $@

# Without a terminal, and with CI=true, it only starts, looks whether it works, and stops.
demo: $(READY)  ## Slack in the browser, with the bot in it; no account, no key
	@$(BIN)/suggest demo $$([ "$$CI" = true ] && [ ! -t 0 ] && echo --check) $(ARGS)

test: $(READY)  ## All tests, with coverage
	$(BIN)/python -m pytest --cov --cov-report=term $(ARGS)

soak: $(READY)  ## All fault tests, and a run of 20,000 suggestions (half an hour)
	$(BIN)/python -m pytest tests/faults -m "soak or not soak" -s $(ARGS)

lint: $(READY)  ## ruff, mypy, import-linter
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: $(READY)  ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(READY)  ## The benchmarks, beside the peer (several minutes)
	$(BIN)/python -m benchmarks

lock:  ## Make requirements.lock anew (needs uv)
	uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url --all-extras --custom-compile-command "make lock" pyproject.toml -o requirements.lock

clean:  ## Remove what the targets made
	rm -rf $(VENV) .coverage .mypy_cache .pytest_cache .ruff_cache .import_linter_cache suggest-demo.db*
