# Everything runs in .venv, made on first use and again whenever pyproject.toml changes. Needs Python 3.11 or newer and make.
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed
SCALE_VENV := .venv-scale
export UV_LINK_MODE := copy
# Many containers forbid bytecode files; then each of the hundreds of Pythons that the tests start
# would compile the frameworks anew.
export PYTHONDONTWRITEBYTECODE :=

.DEFAULT_GOAL := help
.PHONY: help demo test check bench coverage measure notebooks docs floors scale clean

help:  ## List the commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml
	@echo "Setting up $(VENV) (once; a minute or two) ..."
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed; make PYTHON=/path/to/python3.11 names another.")'
	@$(BIN)/python -m pip --version >/dev/null 2>&1 || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check uv
	@echo "... the frameworks and the tools of the tests"
	@$(BIN)/uv pip install --quiet --python $(BIN)/python --group dev --editable '.[all]'
	@touch $@

demo: $(STAMP)  ## Chains, an agent that draws, RAG, a budget; on the emulator when no key is set
	@echo "Loading LangChain and LlamaIndex ..."
	@$(BIN)/python demo.py

# Three workers on two cores: some of the time is spent waiting, for servers that are slow on purpose. They take files in
# the order of tests/conftest.py, the long ones first, and not by the number of tests.
test: $(STAMP)  ## Every test, over the emulator on 127.0.0.1
	@$(BIN)/python -m pytest -q -n 3 --dist loadfile --no-loadscope-reorder

check: $(STAMP)  ## Style, types, and what the repository promises about itself
	@$(BIN)/python -P -c 'import sys; from pollinations_client._distribution import installed_mixture; sys.exit(installed_mixture())'
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/basedpyright --pythonpath $(BIN)/python
	@$(BIN)/python -m pytest -q -n 2 tests/repo/test_architecture.py tests/repo/test_imports.py tests/repo/test_types.py
	@$(BIN)/python benchmarks/counts.py

bench: $(STAMP)  ## Speed beside floors and other packages: table, plots, and new counts for check
	@$(BIN)/uv venv --quiet --allow-existing --python $(BIN)/python .venv-bench
	@$(BIN)/uv pip install --quiet --python .venv-bench/bin/python --group bench --editable '.[all]'
	@.venv-bench/bin/python benchmarks/run.py
	@$(BIN)/python benchmarks/counts.py --write

coverage: $(STAMP)  ## The tests once more, with the branches they reach
	@$(BIN)/python -m pytest -q -n 2 --dist loadfile --cov --cov-report=term-missing:skip-covered

measure: $(STAMP)  ## The figures by which the repository judges its own shape
	@$(BIN)/python tools/measure.py

notebooks: $(STAMP)  ## Run the notebooks again and keep their outputs
	@$(BIN)/python notebooks/run.py

docs: $(STAMP)  ## The documentation as a site, in build/site
	@NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet --strict
	@echo "Open build/site/index.html"

# Of LangChain's standard suites there is no version for the floor of httpx.
floors: $(STAMP)  ## The tests on the oldest versions that pyproject.toml admits
	@$(BIN)/uv venv --quiet --clear --python $(BIN)/python .venv-floors
	@$(BIN)/uv pip install --quiet --python .venv-floors/bin/python --resolution lowest-direct --requirements pyproject.toml --extra all --group test
	@$(BIN)/uv pip install --quiet --python .venv-floors/bin/python --no-deps --editable .
	@.venv-floors/bin/python -m pytest -q -n 2 --dist loadfile --ignore-glob='*/test_standard_*' $(addprefix tests/,client emulator langchain llamaindex)

scale: $(SCALE_VENV)/.installed  ## Ray Data over the emulator: an actor killed, the gateway dead, a second run
	@$(SCALE_VENV)/bin/python tools/scale.py

$(SCALE_VENV)/.installed: pyproject.toml
	@echo "Setting up $(SCALE_VENV) with Ray (once; 700 MB) ..."
	@test -x $(SCALE_VENV)/bin/python || $(PYTHON) -m venv $(SCALE_VENV)
	@$(SCALE_VENV)/bin/python -m pip install --quiet --disable-pip-version-check uv
	@$(SCALE_VENV)/bin/uv pip install --quiet --python $(SCALE_VENV)/bin/python --group scale --editable '.[all]'
	@touch $@

clean:  ## Remove what was built
	@rm -rf $(VENV) .venv-bench .venv-floors $(SCALE_VENV) build dist .mypy_cache .ruff_cache .hypothesis
