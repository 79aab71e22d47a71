# Two commands for a learner: `make env`, `make lab`. `make test` runs everything there is.
SHELL := /bin/bash
unexport PYTHONDONTWRITEBYTECODE VIRTUAL_ENV
export UV_LINK_MODE := copy
PYTHON := .venv/bin/python
STAMP := .venv/.labkit-env

.PHONY: env lab test clean
env: $(STAMP)

$(STAMP): requirements.lock pyproject.toml
	bash binder/install .venv
	@touch $@
