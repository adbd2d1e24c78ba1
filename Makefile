# The commands of the house. `make run` needs Python 3.11 or newer and nothing else.

PYTHON ?= python3
PORT ?= 8000
HOST ?= 127.0.0.1
ARGS ?=

VENV := .venv
BIN := $(VENV)/bin

.PHONY: run test lint bench train messages coverage clean help

help:
	@echo "make run       serve on http://$(HOST):$(PORT), with everything it needs (PORT=…, HOST=…)"
	@echo "make test      every test, on SQLite and on PostgreSQL with Redis (ARGS=\"path -x\")"
	@echo "make lint      style, arrows between the apps, types, migrations"
	@echo "make bench     the benchmarks"
	@echo "make train     train the reader's model again"
	@echo "make messages  compile the translations"
	@echo "make coverage  the tests on SQLite, and what they do not reach"
	@echo "make clean     remove what can be made again; the data in var/ stays"

run: $(VENV)/run.stamp
	@exec $(BIN)/python manage.py serve --host $(HOST) --port $(PORT)

test: $(VENV)/dev.stamp
	@$(BIN)/python -m config.testrun $(ARGS)

lint: $(VENV)/dev.stamp
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(BIN)/djade --check $$(git ls-files 'templates/*.html')
	$(BIN)/mypy
	$(BIN)/python manage.py makemigrations --check --dry-run --settings config.testing

bench: $(VENV)/dev.stamp
	$(BIN)/python -m benchmarks $(ARGS)

train: $(VENV)/dev.stamp
	$(BIN)/python -m triage.training $(ARGS)

messages: $(VENV)/dev.stamp
	@$(BIN)/python -c 'import glob, polib; [polib.pofile(name).save_as_mofile(name[:-2] + "mo") for name in glob.glob("locale/*/LC_MESSAGES/*.po")]'

coverage: $(VENV)/dev.stamp
	$(BIN)/coverage run -m pytest -q $(ARGS)
	$(BIN)/coverage combine -q
	$(BIN)/coverage report

clean:
	rm -rf $(VENV) staticfiles .pytest_cache .ruff_cache .mypy_cache .import_linter_cache .hypothesis .coverage .coverage.*
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The stamps remember what was installed: a second run starts at once, a changed requirements file installs again.
$(VENV)/run.stamp: requirements.txt
	@$(call need-python)
	@$(call install,requirements.txt)
	@touch $@

$(VENV)/dev.stamp: requirements.txt requirements-train.txt requirements-dev.txt
	@$(call need-python)
	@$(call install,requirements-dev.txt)
	@touch $(VENV)/run.stamp $@

define need-python
command -v $(PYTHON) > /dev/null || { echo "$(PYTHON) was not found. Python 3.11 or newer is needed: make $(MAKECMDGOALS) PYTHON=/path/to/python3"; exit 1; }; \
$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; $(PYTHON) is $$($(PYTHON) -c 'import platform; print(platform.python_version())'). Another one: make $(MAKECMDGOALS) PYTHON=python3.12"; exit 1; }; \
$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "$(PYTHON) lacks the venv module. On Debian and Ubuntu: apt install python3-venv"; exit 1; }; \
test -w . || { echo "The folder $(CURDIR) cannot be written, and the virtual environment goes there."; exit 1; }
endef

define install
echo "Installing $(1) into $(VENV), once; this may take a minute …"; \
$(PYTHON) -m venv $(VENV) || { echo "The virtual environment $(VENV) could not be made."; exit 1; }; \
$(BIN)/python -m pip install -qq --disable-pip-version-check -r $(1) || { echo "$(1) could not be installed: see pip's words above."; exit 1; }
endef
