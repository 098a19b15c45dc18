# Every target does the set-up it needs: a machine with Python >= 3.11, git and make is enough.

.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

VENV := .venv
UV_VERSION := 0.13.8
UV_STAMP := $(VENV)/.uv-$(UV_VERSION)
STAMP := $(VENV)/.installed
DVC_CACHE := .cache/dvc

# Candidates, the first that is new enough is taken: `make PYTHON=/path/to/python run` names one.
PYTHON ?= python3 python3.14 python3.13 python3.12 python3.11 python
PIPELINE ?= train_cnn
ARGS ?=
PORT ?= 5000
# A journal, or the URL of a database; the newest journal by default.
STORAGE ?=
SLOW ?=

export VIRTUAL_ENV := $(CURDIR)/$(VENV)
export PATH := $(VIRTUAL_ENV)/bin:$(PATH)

LOCK := uv pip compile --quiet --universal --generate-hashes --python-version 3.11 \
	--extra dev --no-emit-index-url --custom-compile-command "make lock" pyproject.toml

.PHONY: help
help:  ## show this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: $(STAMP)  ## run the main pipeline on the embedded digits (ARGS="--env=test" for more options)
	@kedro run --pipeline=$(PIPELINE) $(ARGS)

# One process per core, of one thread each: threads of torch that wait for one another spin, which
# costs more than they win as soon as another process wants the core.
PYTEST := OMP_NUM_THREADS=1 pytest --numprocesses logical --maxprocesses 8 --dist loadfile

.PHONY: test
test: $(STAMP)  ## run the tests that take seconds (SLOW=1: all of them)
	@$(PYTEST) $(if $(SLOW),,-m "not slow") $(ARGS)

.PHONY: test-slow
test-slow: $(STAMP)  ## run the slow tests alone
	@$(PYTEST) -m slow $(ARGS)

.PHONY: check
check: lint types layers lock-check dvc-check  ## lint, types, layers, and that lock and dvc.yaml are current

.PHONY: lint
lint: $(STAMP)
	@ruff check
	@ruff format --check

.PHONY: types
types: $(STAMP)
	@mypy

.PHONY: layers
layers: $(STAMP)
	@lint-imports

# The present lock is the start of the new one, so versions are kept: only what pyproject.toml
# asks for can make a difference.
.PHONY: lock-check
lock-check: $(STAMP)
	@cp requirements.lock $(VENV)/requirements.lock
	@$(LOCK) --output-file $(VENV)/requirements.lock
	@diff requirements.lock $(VENV)/requirements.lock || \
		{ echo "requirements.lock is not what pyproject.toml asks for: run 'make lock' and commit it." >&2; exit 1; }

.PHONY: dvc-check
dvc-check: $(STAMP)
	@python -m foldwise.dvc_stages --check

.PHONY: format
format: $(STAMP)  ## mend what ruff can mend
	@ruff check --fix
	@ruff format

.PHONY: ui
ui: $(STAMP)  ## show the runs: MLflow UI on 127.0.0.1:5000 (PORT=5001 for another port)
	@case "$${MLFLOW_TRACKING_URI:=sqlite:///mlflow.db}" in \
		http*) echo "The runs are on $$MLFLOW_TRACKING_URI: open it in a browser." ;; \
		*) exec mlflow ui --host 127.0.0.1 --port $(PORT) --workers 1 --backend-store-uri "$$MLFLOW_TRACKING_URI" ;; \
	esac

.PHONY: dashboard
dashboard: $(STAMP)  ## show a search: optuna-dashboard on 127.0.0.1:8080 (PORT=8081, STORAGE=...)
	@storage="$(STORAGE)"; \
	if [ -z "$$storage" ]; then \
		storage=$$(ls -t data/06_models/*/*_search/journal.log 2>/dev/null | head -n 1); fi; \
	if [ -z "$$storage" ]; then \
		echo "There is no journal of a search: run 'kedro run --pipeline=search_cnn' first, or name" >&2; \
		echo "a storage: make dashboard STORAGE=postgresql+psycopg://user@host/name" >&2; \
		exit 1; \
	fi; \
	exec optuna-dashboard --host 127.0.0.1 --port $(if $(filter file,$(origin PORT)),8080,$(PORT)) "$$storage"

.PHONY: viz
viz: $(STAMP)  ## show the graph of the pipelines: Kedro-Viz on 127.0.0.1:4141
	@kedro viz run --host 127.0.0.1 --no-browser $(ARGS)

.PHONY: lock
lock: $(UV_STAMP)  ## resolve pyproject.toml into requirements.lock (ARGS=--upgrade for newer versions)
	@$(LOCK) $(ARGS) --output-file requirements.lock

.PHONY: dvc
dvc: $(STAMP)  ## generate dvc.yaml from the pipelines and the catalogue
	@python -m foldwise.dvc_stages

.PHONY: bench
bench: $(STAMP)  ## run the benchmarks
	@for file in benchmarks/*.py; do python "$$file" || exit 1; done

.PHONY: clean
clean:  ## remove caches and build output (data, runs and .venv stay)
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .viz build dvc_plots src/*.egg-info
	@find src tests -type d -name __pycache__ -exec rm -rf {} +

# `uv pip sync` removes what the lock does not name, the project itself included, but neither pip
# nor uv. DVC takes its own index folder as relative to where it is called: the absolute one, which
# nobody else may enter because DVC keeps pickles there, goes into the private part of its config.
$(STAMP): $(UV_STAMP) requirements.lock pyproject.toml
	@echo "Installing requirements.lock into $(VENV)" >&2
	@uv pip sync --quiet requirements.lock
	@uv pip install --quiet --no-deps --no-build-isolation --editable .
	@mkdir -p $(DVC_CACHE) && chmod 700 $(DVC_CACHE)
	@dvc config --quiet --local core.site_cache_dir "$(CURDIR)/$(DVC_CACHE)"
	@touch $@

$(UV_STAMP):
	@found=; \
	for python in $(PYTHON); do \
		if "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; \
			then found=$$python; break; fi; \
	done; \
	if [ -z "$$found" ]; then \
		echo "Foldwise needs Python 3.11 or newer; tried: $(PYTHON)." >&2; \
		echo "Install one, or name it: make PYTHON=/path/to/python $(MAKECMDGOALS)" >&2; \
		exit 1; \
	fi; \
	"$$found" -m venv $(VENV)
	@python -m pip install --quiet --disable-pip-version-check "uv==$(UV_VERSION)"
	@touch $@
