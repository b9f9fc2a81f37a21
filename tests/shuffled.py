"""`pytest --shuffle SEED`: files in a random order, and the tests of a file in a random order."""

import random

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--shuffle", type=int, metavar="SEED", help="run in the order of this seed")


@pytest.hookimpl(trylast=True)  # after pytest has sorted by fixtures
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if (seed := config.getoption("shuffle")) is None:
        return
    draw = random.Random(seed)
    draw.shuffle(items)
    files = list({item.path: None for item in items})
    items.sort(key=lambda item: files.index(item.path))


def pytest_report_header(config: pytest.Config) -> str:
    return f"shuffled by --shuffle {seed}" if (seed := config.getoption("shuffle")) else ""
