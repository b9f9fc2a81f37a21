"""A hostile input is refused before it costs memory."""

import pytest

from tests import ceilings
from zoo.device import memory_held

CEILING = 64 * 2**20  # bytes; 9 MB were the most that any took, and all claim hundreds of MB


@pytest.mark.slow
@pytest.mark.skipif(memory_held() is None, reason="the system does not say what is resident")
def test_no_hostile_input_costs_what_it_claims() -> None:
    for name, (took, what) in ceilings.costs().items():
        assert what != "read", name
        assert took < CEILING, f"{name}: {took / 2**20:.0f} MB"
