# `make help` lists the commands. They need Python (3.11 to 3.14), git and make; all else goes into .venv.
# With another Python beside it: make test PYTHON=python3.13 VENV=.venv-3.13
# NOTEBOOKS names those that `make verify` and `make notebooks` shall run, where it is not all.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
CONSTRAINTS ?= constraints.txt
CHAPTERS := $(sort $(wildcard notebooks/*.ipynb))
NOTEBOOKS ?= $(CHAPTERS)

BIN := $(VENV)/bin
PYTEST := $(BIN)/python -m pytest
READY := $(VENV)/.stamp-ready
VERIFIED := $(VENV)/.verified
STAMPS := $(CHAPTERS:notebooks/%.ipynb=$(VERIFIED)/%)
BUILT := _build/.stamp-built
EPUB := _build/epub/neural-turing-machines.epub

CODE := implementation.py $(shell find course -type f -not -path '*/__pycache__/*')
PAGES := _config.yml _toc.yml $(shell find book -type f -not -path '*/__pycache__/*')

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.NOTPARALLEL:
.PHONY: help book test lab lint unit verify site epub browser notebooks oldest links clean distclean

help:  ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "make %-10s %s\n", $$1, $$2 }' Makefile

book: $(BUILT)  ## verify the notebooks that something changed for, and build the site if anything did
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

verify: $(READY)  ## run the notebooks again and compare the stored text (some: make verify NOTEBOOKS=notebooks/04-shift.ipynb)
	$(call run-notebooks,$(NOTEBOOKS))

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

oldest:  ## run the unit tests with the oldest versions that pyproject.toml allows, installed into .venv-oldest
	$(MAKE) unit VENV=.venv-oldest CONSTRAINTS="constraints-oldest.txt constraints.txt" PYTEST_ADDOPTS="$(OLD)"

links: $(READY)  ## ask every address that the book links whether it still answers; this needs a network
	$(check-links)

clean:  ## remove the built site
	rm -rf _build

distclean: clean  ## remove the installed packages too
	rm -rf $(VENV) .venv-oldest *.egg-info

# One thread, both when outputs are stored and when they are compared: in which order numbers are added up, and so their
# last digit, must not depend on how many cores a machine has. It also keeps the workers out of each other's way.
verify notebooks $(BUILT): export OMP_NUM_THREADS := 1

# Old versions warn of each other; and those of constraints.txt, which one test looks at, are not there.
OLD := -W default --deselect=tests/test_book.py::test_pinned_versions_run_on_every_python_that_is_supported

# A stamp gets the time at which its work began, so that what changes during the work counts as newer.
define run-notebooks
@mkdir -p $(VERIFIED) && touch $(VERIFIED)/.began
$(PYTEST) --nbval --nbval-current-env --nbval-cell-timeout=600 -n $(WORKERS) --dist=loadfile $(1)
@cd $(VERIFIED) && touch -r .began $(basename $(notdir $(1)))
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

define check-links
@rm -rf _build/linkcheck _build/.doctrees && mkdir -p _build
$(BIN)/jupyter-book build . --all --keep-going -q --builder custom --custom-builder linkcheck >_build/links.log
endef

# A notebook that something changed for loses its stamp here, and is noted. The next rule runs all that were noted at
# once, so that the workers share them.
STALE :=
$(STAMPS): $(VERIFIED)/%: notebooks/%.ipynb $(READY) $(CODE)
	$(eval STALE += $<)@rm -f $@

$(BUILT): $(STAMPS) $(PAGES)
	$(if $(STALE),$(call run-notebooks,$(STALE)))
	$(build-site)

$(READY): pyproject.toml $(CONSTRAINTS)
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null || { \
		echo "Python 3.11, 3.12, 3.13 or 3.14 is needed, but '$(PYTHON)' is: $$($(PYTHON) --version 2>&1)"; \
		echo "(NumPy 2.4 and Matplotlib 3.11 run on 3.11 and newer; the pinned versions have no wheels beyond 3.14.)"; \
		echo "If you have another one, name it: make PYTHON=python3.12 ..."; exit 1; } >&2
	@echo "Installing the versions of $(CONSTRAINTS) into $(VENV): about two minutes and 1.6 GB with PyTorch's CPU build."
	@test -x $(BIN)/pip || $(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); \
		echo "Python could not make a virtual environment. On Debian and Ubuntu: apt install python3-venv"; exit 1; } >&2
	@awk -F = '!known[$$1]++' $(CONSTRAINTS) >$(VENV)/constraints.txt # where two name a package, the first one counts
	@$(BIN)/python -m pip install -qq --disable-pip-version-check -c $(VENV)/constraints.txt -e '.[dev]'
	@touch $@
