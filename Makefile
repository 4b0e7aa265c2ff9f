# make install   a virtual environment in .venv with the package and its tools
# make demo      two scenes simulated, and processed from raw strips: look at demo/index.html
# make test      the tests
# make check     ruff, mypy, import-linter
# make bench     the benchmarks, one after the other
# make bench-accuracy   simulated strips against their truth, a quarter of an hour; writes docs/accuracy-simulated.md
# make clean     remove what the others made, .venv included
#
# uv is used where it is installed, else PYTHON's own venv and pip. PYTHON names the interpreter, e.g. PYTHON=python3.12.

PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
CODE := $(wildcard src tests benchmarks builders)

.DEFAULT_GOAL := install
.PHONY: install demo test check bench bench-accuracy clean

install: $(STAMP)

$(STAMP): pyproject.toml
	@if command -v uv >/dev/null 2>&1; then \
	    if [ ! -x $(BIN)/python ]; then uv venv --quiet --python "$(PYTHON)" $(VENV); fi \
	    && uv pip install --quiet --python $(BIN)/python -e '.[dev]'; \
	else \
	    command -v "$(PYTHON)" >/dev/null 2>&1 \
	    || { echo "$(PYTHON) is not installed: apt-get install python3.11 python3.11-venv, or name yours: make PYTHON=python3" >&2; exit 1; }; \
	    "$(PYTHON)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "$(PYTHON) is older than Python 3.11: name a newer one, e.g. make PYTHON=python3.12" >&2; exit 1; }; \
	    "$(PYTHON)" -c 'import ensurepip, venv' 2>/dev/null \
	    || { echo "$(PYTHON) cannot make virtual environments: apt-get install python3.11-venv (or that of your Python)" >&2; exit 1; }; \
	    if [ ! -x $(BIN)/pip ]; then "$(PYTHON)" -m venv $(VENV); fi \
	    && $(BIN)/python -m pip install --quiet --disable-pip-version-check -e '.[dev]'; \
	fi
	@touch $@

demo: install
	$(BIN)/perijove demo demo
	@echo "the pictures are $(CURDIR)/demo/ganymede.png and $(CURDIR)/demo/backlit-jupiter.png"

test: install
	$(BIN)/pytest --numprocesses auto --maxprocesses 4 --dist loadfile --no-loadscope-reorder

check: install
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: install
	@set -e; for script in benchmarks/bench_*.py; do echo "== $$script"; $(BIN)/python "$$script"; done

bench-accuracy: install
	$(BIN)/python -m benchmarks.accuracy

clean:
	rm -rf $(VENV) demo dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks .import_linter_cache
	find $(CODE) -name __pycache__ -type d -prune -exec rm -rf {} +
