# install: .venv with pinned dependencies; demo: the main job; test: what CI runs; test-faults: the matrix of faults; test-soak: a long run, watched; test-containers: each part apart; check: lint and types.
PYTHON ?= python3
BIN := .venv/bin
STAMP := .venv/.installed

.PHONY: install demo test test-faults test-soak test-containers check format audit clean
install: $(STAMP)

$(STAMP): pyproject.toml constraints.txt
	$(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet --constraint constraints.txt --editable ".[dev]"
	touch $(STAMP)

demo: install
	$(BIN)/grandrounds simulate deploy/examples/heart --out out/demo

check: install
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# one thread a worker: the workers already fill the cores
test: export OMP_NUM_THREADS = 1
test: check
	$(BIN)/pytest -n auto -m "not containers" --cov --cov-fail-under=90

# real processes, one fault after the other; SHARD=1/4 runs a quarter, and what passed is kept
SHARD ?= 1/1
test-faults: export OMP_NUM_THREADS = 1
test-faults: install
	$(BIN)/python -m tests.faults $(SHARD)

# each part of docker-compose.yml in a container of its own, on networks of its own; as root, on Linux
test-containers: export OMP_NUM_THREADS = 1
test-containers: install
	$(BIN)/pytest -s -m containers tests/deploy/containers

# real processes, one run of ROUNDS rounds; a look at all of them every two seconds
ROUNDS ?= 20
test-soak: export OMP_NUM_THREADS = 1
test-soak: install
	$(BIN)/python -m tests.soak $(ROUNDS)

format: install
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

audit: install
	$(BIN)/pip-audit --requirement constraints.txt --no-deps --disable-pip

clean:
	rm -rf .venv out .mypy_cache .ruff_cache .pytest_cache .hypothesis .coverage
