# Two commands for newcomers: `make demo` and `make test`. Each line is one a person could type.

PYTHON ?= python3
BIN := .venv/bin
# PyTorch by its exact version: a CPU build of it is enough here.
TORCH ?= torch==2.13.0
# Tests in as many processes as there are cores, each file in one: fixtures are made once for a file.
SHARED_OUT := --numprocesses=auto --maxprocesses=8 --dist=loadfile --no-loadscope-reorder

# The baseline of the demo has penalties that were tuned on the data.
TUNED := examples/paper_tables/settings/pascal_sentences/semantic_matching.json

.PHONY: demo test packs presets tables benchmark clean

demo: .venv/demo-installed
	$(BIN)/keras-xmr train semantic_matching --data pascal_sentences --settings $(TUNED) --out runs/demo/semantic_matching
	$(BIN)/keras-xmr train chtn --data pascal_sentences --source caltech101 --out runs/demo/chtn
	$(BIN)/keras-xmr evaluate --preset runs/demo/chtn --preset runs/demo/semantic_matching --out runs/demo/report
	$(BIN)/keras-xmr search --preset runs/demo/chtn --text "two dogs on a beach" --out runs/demo/search.png
	@if [ -t 0 ]; then $(BIN)/keras-xmr search --preset runs/demo/chtn; fi

test: .venv/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/pytest $(SHARED_OUT) --only plain
	KERAS_BACKEND=torch $(BIN)/pytest $(SHARED_OUT) --only keras
	KERAS_BACKEND=jax $(BIN)/pytest $(SHARED_OUT) --only backend
	KERAS_BACKEND=tensorflow $(BIN)/pytest $(SHARED_OUT) --only backend

# What follows needs KERAS_XMR_DATA; its results are in the repository.

packs: .venv/test-installed
	KERAS_BACKEND=tensorflow $(BIN)/python examples/make_feature_packs.py

presets: .venv/test-installed
	KERAS_BACKEND=jax $(BIN)/python examples/make_presets.py

tables: .venv/test-installed
	KERAS_BACKEND=torch $(BIN)/python examples/paper_tables/compared.py
	KERAS_BACKEND=torch $(BIN)/python examples/paper_tables/encoders.py
	KERAS_BACKEND=jax $(BIN)/python examples/paper_tables/chtn.py
	KERAS_BACKEND=jax $(BIN)/python examples/paper_tables/mhtn.py
	KERAS_BACKEND=jax $(BIN)/python examples/paper_tables/acmr.py
	KERAS_BACKEND=jax $(BIN)/python examples/paper_tables/cm_gans.py
	KERAS_BACKEND=jax $(BIN)/python examples/paper_tables/ugach.py
	$(BIN)/python examples/paper_tables/baselines.py
	KERAS_BACKEND=jax $(BIN)/python examples/paper_tables/neural_baselines.py

benchmark: .venv/test-installed
	$(BIN)/python -m benchmarks.ranking
	$(BIN)/python -m benchmarks.hamming
	$(BIN)/python -m benchmarks.hamming_map
	$(BIN)/python -m benchmarks.baselines
	$(BIN)/python -m benchmarks.train_step
	KERAS_BACKEND=tensorflow $(BIN)/python -m benchmarks.pipeline
	$(BIN)/python -m benchmarks.startup
	$(BIN)/python -m benchmarks.encoders

.venv/bin/pip:
	$(PYTHON) -m venv .venv

.venv/demo-installed: .venv/bin/pip pyproject.toml
	$(BIN)/pip install --quiet --editable ".[jax,plot]"
	touch $@

.venv/test-installed: .venv/bin/pip pyproject.toml
	$(BIN)/pip install --quiet "$(TORCH)"
	$(BIN)/pip install --quiet --editable ".[jax,torch,tensorflow,cv,dev]"
# By itself: it requires `tensorflow`, which would fill the folder of `tensorflow-cpu`.
	$(BIN)/pip install --quiet --no-deps keras-hub kagglehub kagglesdk
	touch $@

clean:
	rm -rf .venv runs dist build
