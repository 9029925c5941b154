# `make help` lists the commands. They need Python (3.11 to 3.14), git and make; all else goes into .venv.
# With another Python beside it: make test PYTHON=python3.13 VENV=.venv-3.13

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
NOTEBOOKS ?= $(sort $(wildcard notebooks/*.ipynb))

BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
READY := $(VENV)/.stamp-ready
VERIFIED := $(VENV)/.stamp-verified
BUILT := _build/.stamp-built
EPUB := _build/epub/neural-turing-machines.epub

CODE := implementation.py $(shell find course -type f -not -path '*/__pycache__/*')
PAGES := _config.yml _toc.yml $(shell find book -type f -not -path '*/__pycache__/*')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help book test lab lint unit verify site epub browser notebooks clean distclean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

book: $(VERIFIED) $(BUILT)  ## verify the notebooks and build the site; both only if something changed
	@echo "The book is ready. Open it in a browser:"
	@echo "  file://$(CURDIR)/_build/html/index.html"

test: lint unit site epub verify browser  ## run every check, whatever was run before
	@echo "All checks passed."

lab: $(READY)  ## open the notebooks in JupyterLab
	$(BIN)/jupyter lab notebooks/01-memory.ipynb

lint: $(READY)  ## check style and spelling of code, notebooks and pages
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/codespell
	@if command -v npm >/dev/null && \
		{ test node_modules/.package-lock.json -nt package-lock.json || npm ci --no-audit --loglevel=error; }; then \
		echo "npx eslint ."; npx --no-install eslint .; \
	else \
		echo "THE PAGES' SCRIPTS WERE NOT CHECKED: this needs Node.js 18.18 or newer, npm, and packages that npm fetches" >&2; \
		test -z "$$CI"; \
	fi

unit: $(READY)  ## test implementation.py, course/, the docstrings, and that no notebook lost its outputs
	$(PYTEST) --doctest-modules implementation.py course tests --ignore=tests/site

verify: $(READY)  ## run all notebooks again and compare the stored text
	$(run-notebooks)

site: $(READY)  ## build _build/html, with warnings as errors
	$(build-site)

epub: $(READY)  ## build the course as an ePub, with warnings as errors
	$(build-epub)
	@echo "The ePub is ready: $(EPUB)"

browser: $(READY)  ## visit every built page with Chromium (light, dark, phone, keyboard), and check the ePub
	$(PYTEST) -rs -n $(WORKERS) --dist=loadfile tests/site

notebooks: $(READY)  ## run the notebooks again and store their outputs (some: make notebooks NOTEBOOKS=notebooks/04-shift.ipynb)
	$(BIN)/jupyter nbconvert --config=book/refresh.py --to=notebook --execute --inplace $(NOTEBOOKS)
	$(BIN)/python book/picture.py

clean:  ## remove the built site
	rm -rf _build

distclean: clean  ## remove the installed packages too
	rm -rf $(VENV) *.egg-info

# One thread, both when outputs are stored and when they are compared: in which order numbers are added up, and so their
# last digit, must not depend on how many cores a machine has. It also keeps the workers out of each other's way.
verify notebooks $(VERIFIED): export OMP_NUM_THREADS := 1

# A stamp gets the time at which its work began, so that what changes during the work counts as newer.
define run-notebooks
@touch $(VERIFIED).began
$(PYTEST) --nbval --nbval-current-env --nbval-cell-timeout=600 -n $(WORKERS) --dist=loadfile notebooks
@mv $(VERIFIED).began $(VERIFIED)
endef

define build-site
@rm -rf _build/html _build/.doctrees && mkdir -p _build && touch $(BUILT).began
$(BIN)/jupyter-book build . --all -W -n --keep-going -q >_build/site.log
@mv $(BUILT).began $(BUILT)
endef

define build-epub
@rm -rf _build/epub _build/.doctrees && mkdir -p _build
$(BIN)/jupyter-book build . --all -W -n --keep-going -q --builder custom --custom-builder epub >_build/epub.log
endef

$(VERIFIED): $(READY) $(CODE) $(wildcard notebooks/*.ipynb)
	$(run-notebooks)

$(BUILT): $(VERIFIED) $(PAGES)
	$(build-site)

$(READY): pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null || { \
		echo "Python 3.11, 3.12, 3.13 or 3.14 is needed, but '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)"; \
		echo "(NumPy 2.4 and Matplotlib 3.11 run on 3.11 and newer; the pinned versions have no wheels beyond 3.14.)"; \
		echo "If you have another one, name it: make PYTHON=python3.12 ..."; exit 1; } >&2
	@echo "Installing the versions of constraints.txt into $(VENV): about two minutes and 1.6 GB with PyTorch's CPU build."
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; } >&2
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@
