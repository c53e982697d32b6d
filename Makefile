# The only commands anyone must know. CI runs the same ones.
PYTHON ?= python3
VENV := .venv
NEWEST := .venv-newest
BIN := $(VENV)/bin
READY := $(VENV)/.ready
DEMO ?= forecast-workflow

.DEFAULT_GOAL := help
.PHONY: help browser setup lock demo test test-newest check fmt fmt-check lint types accept examples bench bench-emulator profile matrix fuzz-emulator \
  interop readers chaos wheel docs pictures size clean

help: ## list these targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(READY) ## make .venv with peakctl, the emulator and the development tools

$(READY): pyproject.toml requirements.lock scripts/setup.sh
	@PYTHON="$(PYTHON)" bash scripts/setup.sh $(VENV)

lock: ## renew requirements.lock: the newest releases, with hashes (needs the network)
	@PYTHON="$(PYTHON)" bash scripts/lock.sh .venv-lock

demo: $(READY) ## plan, apply and plan again an example (DEMO=its folder) on the embedded emulator
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/demo.sh $(DEMO)

test: $(READY) ## run all tests, offline, with the coverage gates
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/test.sh $(ARGS)

test-newest: ## run all tests with the newest packages instead of the locked ones
	@PYTHON="$(PYTHON)" bash scripts/setup.sh $(NEWEST) newest
	@PATH="$(CURDIR)/$(NEWEST)/bin:$$PATH" bash scripts/test.sh $(ARGS)

check: fmt-check lint types test ## everything that must hold before a merge

fmt: $(READY) ## format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix --quiet --exit-zero .

fmt-check: $(READY)
	$(BIN)/ruff format --check .

lint: $(READY) ## look for mistakes and bad habits, in schemas too
	$(BIN)/ruff check .
	$(BIN)/python scripts/check_schemas.py

types: $(READY) ## check the types, strictly
	$(BIN)/mypy

accept: $(READY) ## rewrite the golden files with what peakctl says now, then read the diff
	UPDATE_GOLDEN=1 $(BIN)/pytest tests/acceptance $(ARGS)
	$(BIN)/python scripts/write_openapi.py
	$(BIN)/python scripts/write_output_schemas.py
	$(BIN)/python scripts/write_ci_files.py

examples: $(READY) ## write the generated example anew, and validate every example
	$(BIN)/python scripts/make_example.py
	@for each in manifests-examples/*/; do (cd $$each && "$(CURDIR)/$(BIN)/peakctl" validate) || exit 1; done

fuzz-emulator: $(READY) ## draw many requests and hold the emulator to its description (EXAMPLES=200)
	PEAKCTL_FUZZ=$(or $(EXAMPLES),200) $(BIN)/pytest --numprocesses auto tests/fuzz $(ARGS)

bench: $(READY) ## measure each figure beside its floor and goal (ARGS="--quick --against main")
	$(BIN)/python scripts/bench.py $(ARGS)

bench-emulator: $(READY) ## measure the emulator alone: reads a second, long listings
	$(BIN)/python scripts/bench_emulator.py $(ARGS)

profile: $(READY) ## show where the time of a plan goes (ARGS="--size 1000 validate" for others)
	$(BIN)/python scripts/profile_plan.py $(ARGS)

browser: $(READY) ## open the page of -o html in a real Chromium (needs chromium and chromedriver)
	$(BIN)/pytest tests/browser -rs $(ARGS)

readers: $(READY) ## read the output forms with tools of others (needs the network)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps --upgrade \
	  --target .readers --requirement tests/readers/requirements.lock
	PYTHONPATH="$(CURDIR)/.readers" $(BIN)/pytest tests/readers -rs $(ARGS)

interop: $(READY) ## tell the platform's real client our story, and write docs/interop.md (needs the network)
	$(BIN)/python scripts/interop.py
	INTEROP_FOLDER="$(CURDIR)/.interop" $(BIN)/pytest -n auto tests/interop

chaos: $(READY) ## strike every request, race two runs, change what was planned; compare (ARGS=folder, --quick)
	$(BIN)/python scripts/chaos.py $(ARGS)

matrix: $(READY) ## change every field from each value to each other one; write the table and docs/fields.md (ARGS=KIND)
	$(BIN)/python scripts/matrix.py $(ARGS)

wheel: $(READY) ## build the wheel, install it into an empty environment, try it there
	@PATH="$(CURDIR)/$(BIN):$$PATH" bash scripts/wheel.sh

docs: ## build the documentation site into build/site (the first time needs the network)
	@PYTHON="$(PYTHON)" bash scripts/docs.sh .venv-docs build/site

pictures: $(READY) ## draw docs/pictures anew: what peakctl prints in a terminal
	$(BIN)/python scripts/pictures.py

size: $(READY) ## compare the sizes of functions and modules with their budgets
	$(BIN)/python scripts/size.py

clean: ## remove everything that these targets make
	rm -rf $(VENV) .venv-docs $(NEWEST) .venv-lock .readers dist build bench-history.jsonl .coverage* .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -rf manifests-examples/*/.peakctl
