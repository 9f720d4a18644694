# Every target sets up what it needs first (.venv, locked packages); set-up runs again only when its inputs change.

PYTHON ?=
SUITE ?=
ARGS ?=
BIN := .venv/bin
READY := .venv/.ready
# Tests that start no process and hold no segment run on all cores at once; the others have the host to themselves.
PURE := tests/trader tests/style
SUPPORTED := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

.DEFAULT_GOAL := help
.PHONY: help run test test-slow lint install bench bench-smoke bench-rivals doctor clean

help:  ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{printf "%-22s %s\n", $$1, $$2}'

run: $(READY)  ## set up and trade for 30 seconds on the simulated exchange (ARGS="--duration 2m ...")
	@$(BIN)/trader run $(ARGS)

test: $(READY)  ## set up and run the tests (ARGS="tests/shm -k ring")
ifeq ($(strip $(ARGS)),)
	@code=0; \
	$(BIN)/python -m pytest --numprocesses auto --dist loadfile $(PURE) || code=$$?; \
	$(BIN)/python -m pytest $(addprefix --ignore ,$(PURE)) || code=$$?; \
	exit $$code
else
	@$(BIN)/python -m pytest $(ARGS)
endif

test-slow: $(READY)  ## run the tests that take minutes (SUITE=system for one folder of tests/)
	@$(BIN)/python -m pytest -m slow --timeout 900 $(if $(SUITE),tests/$(SUITE)) $(ARGS)

lint: $(READY)  ## style, formatting and types
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy

install: $(READY)  ## set up alone: .venv, locked packages, the `trader` command

bench: $(READY)  ## measure (SUITE=transport for one suite, ARGS="--json FILE")
	@$(BIN)/trader bench $(SUITE) $(ARGS)

bench-smoke: $(READY)  ## every benchmark at a small size: checks its answers, not its speed
	@$(BIN)/trader bench --smoke $(SUITE) $(ARGS)

bench-rivals: $(READY)  ## build the rivals' own environments in .rivals, pinned
	@$(BIN)/python scripts/build_rivals.py $(ARGS)

doctor: $(READY)  ## what this host offers: cores, shared memory, clock, Python
	@$(BIN)/python scripts/doctor.py

clean:  ## remove everything that was built, rivals and compiled kernels included
	rm -rf .venv .rivals build runs *.egg-info .pytest_cache .ruff_cache .mypy_cache .hypothesis
	rm -rf "$${TRADER_CACHE_DIR:-$${XDG_CACHE_HOME:-$$HOME/.cache}/trader-kernels}"
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The first interpreter that works and is supported, unless PYTHON=... names one.
$(READY): pyproject.toml scripts/install.py $(wildcard scripts/lock/*.txt)
	@for python in $(or $(PYTHON),python3 python3.13 python3.12 python3.11); do \
		if $$python -c '$(SUPPORTED)' 2>/dev/null; then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "install: Python 3.11, 3.12 or 3.13 is needed; looked for: $(or $(PYTHON),python3 python3.13 python3.12 python3.11)" >&2; \
		echo "install: 'python3' is $$(python3 --version 2>&1 || true); name another with: make install PYTHON=/path/to/python" >&2; \
		exit 2; \
	fi; \
	$$found scripts/install.py
	@touch $@
