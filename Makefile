# make demo    what the plugin does: in a window where there is a display, else as pictures in demo/
# make test    linters, types and tests; pictures of the window on a measured section in build/stories
# make lint    linters and types alone
# make bench   how fast the trainer is, as ratios
# make compare SECTIONS=FOLDER   the model, simple methods and other people's on the test sections: docs/comparison.md
# make setup   only what the others need: system packages (Debian without a display) and .venv
# make clean   removes .venv
#
# Another interpreter: make test PYTHON=python3.12

PYTHON ?= python3
BIN := .venv/bin

# Of `make compare`: where environments and embeddings of other people's methods are kept, and the Python they run with.
# COMPARED=A,B names other sections than those of test, STEPS=evaluate,page leaves embeddings as they are.
PEERS ?= build/peers
PEER_PYTHON ?= python3.11

# Linux without a display gets a virtual one; macOS always has its window server.
ifeq ($(shell uname -s)$(DISPLAY)$(WAYLAND_DISPLAY),Linux)
IN_WINDOW := xvfb-run -a -s "-screen 0 1600x1000x24"
endif

STAMPS := .venv/.stamps
SYSTEM := $(STAMPS)/system$(if $(IN_WINDOW),-virtual-display)

.PHONY: demo test lint bench compare setup clean

demo: setup
ifdef IN_WINDOW
	$(IN_WINDOW) $(BIN)/python -m demo.pictures
else
	$(BIN)/stimg view
endif

test: lint
	STIMG_PICTURES=build/stories $(IN_WINDOW) $(BIN)/pytest -n auto --maxprocesses 4 --dist loadfile

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

bench: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks

compare: setup
	OMP_NUM_THREADS=1 $(BIN)/python -m benchmarks.compare $(SECTIONS) --peers $(PEERS) --python $(PEER_PYTHON) \
		$(addprefix --sections ,$(COMPARED)) $(addprefix --steps ,$(STEPS))

setup: $(STAMPS)/installed

$(SYSTEM): .ci/system-packages
	.ci/system-packages $(PYTHON)
	@mkdir -p $(@D) && touch $@

$(STAMPS)/venv: | $(SYSTEM)
	$(PYTHON) -m venv .venv
	@touch $@

$(STAMPS)/installed: $(STAMPS)/venv pyproject.toml constraints.txt requirements-qt.txt | $(SYSTEM)
	@echo "Installing into .venv; this takes a few minutes."
	$(BIN)/pip install --quiet --quiet --disable-pip-version-check --constraint constraints.txt \
		--editable ".[gui,train,dev]" --requirement requirements-qt.txt
	@touch $@

clean:
	rm -rf .venv
