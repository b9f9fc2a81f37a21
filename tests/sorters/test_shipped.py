"""The sorters that come with the package: small, loadable, as good as their cards say."""

import pytest
import torch

from zoo.sorters import SORTERS
from zoo.sorters.exact import exact_ranks
from zoo.sorters.sequences import mixture
from zoo.sorters.sorter import standardise
from zoo.sorters.store import WEIGHTS, load_sorter, ready_sorter, shipped_sorters
from zoo.training.sorters import validation_error

# What each was measured at when it was shipped, rounded up.
ERRORS = {"cnn": 0.0243, "gaussian": 0.0, "grus": 0.0199}


def test_every_shipped_sorter_has_a_measured_error_and_an_architecture() -> None:
    assert set(shipped_sorters()) == set(ERRORS) <= set(SORTERS)


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_a_shipped_sorter_is_small_and_as_exact_as_its_card_says(name: str) -> None:
    assert (WEIGHTS / name / "model.safetensors").stat().st_size < 5e6
    assert validation_error(load_sorter(name), 100) <= ERRORS[name]


@pytest.mark.parametrize("length", [10, 300])
def test_the_recurrent_sorter_still_orders_vectors_of_other_lengths(length: int) -> None:
    scores = standardise(mixture(50, length, torch.Generator().manual_seed(1))).float()
    error = (ready_sorter("grus")(scores) - exact_ranks(scores)).abs().mean()
    assert error < 0.1
