# make demo      a lab of real hosts with one route missing, and the dashboard on it
# make test      everything: check, unit, dashboard and lab tests (root or sudo)
# make test-fast the developer's loop: no root, no lab
# make check     format, lint, types, layer contracts
# make bench     figures, as a table and bench-results.json
# make soak      the lab tests' long versions
# make screenshots  pictures of the screens, from the lab
# NO_INSTALL=1 only names what is missing.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
SUDO := $(if $(filter 0,$(shell id -u)),,sudo -E)
LAB ?= demo

.PHONY: demo test test-fast check bench soak screenshots install tools clean

tools:
	@sh scripts/install-tools.sh

$(VENV)/.installed: pyproject.toml constraints.txt
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing into $(VENV) ..."
	$(BIN)/pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev,iptables]'
	@$(BIN)/python -m compileall -q backend tui
	@touch $@

install: tools
	@$(MAKE) --no-print-directory --silent $(VENV)/.installed

demo: install
	@$(SUDO) sh scripts/demo.sh $(CURDIR)/$(BIN)/hostgw-tui $(LAB)

check: $(VENV)/.installed
	$(BIN)/ruff format --check backend tui tests scripts
	$(BIN)/ruff check backend tui tests scripts
	$(BIN)/mypy
	$(BIN)/lint-imports

test-fast: $(VENV)/.installed
	$(BIN)/pytest -q -n 2 -m "not lab" tests

test: install
	@sh scripts/install-tools.sh sudo sudo dockerd docker.io docker docker.io busybox busybox-static zsh zsh fish fish ipset ipset
	@$(MAKE) --no-print-directory check
	$(BIN)/pytest -q -n 2 -m "not lab" tests
	$(SUDO) $(BIN)/pytest -q -n 3 --dist loadgroup -m lab tests

bench: install
	$(SUDO) $(BIN)/python -m tests.bench

soak: install
	$(SUDO) HOSTGW_SOAK=1 $(BIN)/pytest -q -m lab tests

screenshots: install
	$(SUDO) $(BIN)/python scripts/screenshots.py

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis
