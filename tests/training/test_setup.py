"""A recipe's numbers of pixels reach the network's input."""

import pytest

from zoo.data.preprocessing import Preprocessing
from zoo.errors import UsageError
from zoo.models import EmbedderConfig
from zoo.recipes.recipe import Network
from zoo.training.setup import configured

START = EmbedderConfig("test_resnet", preprocessing=Preprocessing(size=32, resize=36))


@pytest.mark.parametrize(
    ("asked", "size", "resize"),
    [
        ({}, 32, 36),
        ({"size": 24}, 24, 24),
        ({"size": 24, "resize": 30}, 24, 30),
        ({"resize": 40}, 32, 40),
    ],
)
def test_size_and_resize_are_those_that_are_asked_for(
    asked: dict[str, int], size: int, resize: int
) -> None:
    inputs = configured(Network("start", **asked), START).preprocessing  # type: ignore[arg-type]
    assert (inputs.size, inputs.resize) == (size, resize)


def test_a_cut_larger_than_what_it_is_cut_from_is_refused() -> None:
    with pytest.raises(UsageError, match=r"network.size=40, network.resize=20"):
        configured(Network("start", size=40, resize=20), START)
