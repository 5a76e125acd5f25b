# Needs Python 3.11 and a network to the package registries; everything else is installed into .venv.
PYTHON ?= $(shell command -v python3.11 || command -v python3)
BIN := .venv/bin
UV_VERSION := 0.13.9
# Many short processes start here, and each would compile every module again where the environment forbids keeping them.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: demo test check bench bench-large faults races fmt lock docs clean

demo: .venv/.ready ## three cameras are docked, their footage ends verified in the vault; ≤ 3 min, again ≤ 40 s
	$(BIN)/bwv demo

test: .venv/.ready ## the whole suite on real Kafka, object store and PostgreSQL; ≤ 25 min on two cores
	$(BIN)/pytest -n 2

check: .venv/.ready ## lint, types, import contracts, generated documents
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python -m console.reference --check

bench: .venv/.ready ## wall time and CPU per GB against the peers, the log, the board at 1.6 million clips, in one run
	$(BIN)/python -m benchmarks

bench-large: .venv/.ready ## 30 million custody entries loaded, then 100,000 appended; 30 GB of disk, half an hour
	$(BIN)/python -m benchmarks.custody --appended 100000 --loaded 30000000

faults: .venv/.ready ## every failpoint 20 times, and every kill of a server; about an hour
	BWV_TEST_KILLS=20 $(BIN)/pytest tests/faults -s

races: .venv/.ready ## 10,000 clips raced for by people and disposal, in processes that are killed and stopped; 20 minutes
	BWV_TEST_RACES=10000 $(BIN)/pytest tests/races -s

fmt: .venv/.ready
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .

docs: .venv/.ready ## write the generated documents again
	$(BIN)/python -m console.reference --write

lock: .venv/.ready ## choose versions again
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--all-extras pyproject.toml --output-file requirements.lock

.venv/.ready: requirements.lock pyproject.toml
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, this is " + sys.version)'
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --disable-pip-version-check uv==$(UV_VERSION)
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes requirements.lock
	$(BIN)/uv pip install --quiet --python $(BIN)/python --no-deps --editable .
	touch $@

clean:
	rm -rf .venv .bwv .mypy_cache .pytest_cache .ruff_cache
