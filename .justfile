# One door for a person, the hooks and CI.

export PATH := justfile_directory() / ".venv/bin:" + env("PATH")

# make the environment
setup:
    python3 -m venv .venv && .venv/bin/pip install -e '.[cpu,all,dev]'

# repair what a tool can repair
fix:
    ruff check --fix . ; ruff format .

# format, lint and types
check:
    ruff format --check .
    ruff check .
    mypy

# the fast tests, then the slow ones
test:
    pytest
    pytest -m slow

# what only a GPU of CUDA can show: one table. Shapes are not checked: code that checks them is not compiled
gpu:
    pytest -o addopts= -q -p no:schemathesis --import-mode=importlib -n 0 -m gpu tests/gpu

# what a release passes besides: walks of the docs, notebooks, our folders in mmdetection
long:
    pytest -m long

# clusters of Ray on this machine, and processes of them that are killed
cluster:
    pytest -n 0 -m cluster

# would the tests notice a small wrong change of the files that differ from a revision? Eight are tried
mutation since="main":
    python -m tests.mutation --since {{ since }} --sample 8 --minutes 10

# how many lines of each room the fast tests run: one table
coverage:
    #!/usr/bin/env bash
    set -euo pipefail
    trap 'coverage erase' EXIT
    coverage run -m pytest
    coverage combine -q
    coverage json -q -o - | python -m tests.covered

# the docs site, in .site/; a warning is an error
docs:
    NO_MKDOCS_2_WARNING=1 mkdocs build --strict -f .github/mkdocs.yml -d ../.site

# everything CI does after the README's own test command
ci:
    #!/usr/bin/env bash
    set -euo pipefail
    ruff format --check .
    ruff check .
    # The slow tests wait a third of their time: types and one more process beside them. Only the
    # files that have some are collected, those of the repository as a whole first: the longest.
    mypy & types=$!
    slow=$(grep -rl --include='test_*.py' 'mark\.slow' tests/test_*.py tests/*/)
    pytest -m slow -n $(($(env -u OMP_NUM_THREADS nproc) + 1)) --dist worksteal --durations=15 $slow
    wait $types
