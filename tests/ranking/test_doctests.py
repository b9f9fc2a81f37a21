"""Every example in the docstrings of the mathematics and of the losses holds."""

import doctest
import importlib
from pathlib import Path

import pytest

import zoo

ROOT = Path(zoo.__file__).parent
MODULES = sorted(
    f"zoo.{path.relative_to(ROOT).with_suffix('').as_posix().replace('/', '.')}"
    for folder in ("ranking", "losses")
    for path in (ROOT / folder).glob("*.py")
    if ">>>" in path.read_text()
)


@pytest.mark.parametrize("name", MODULES)
def test_examples_hold(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
