"""The sorters without weights, against golden values and brute force."""

import math

import pytest
import torch

from zoo.errors import UsageError
from zoo.sorters import SORTERS

SCORES = torch.tensor([[0.3, -0.8, 0.9, 0.1, -0.2]], dtype=torch.float64)
GOLDEN = {
    "sigmoid": [0.424688, 0.999477, 0.200565, 0.585602, 0.789667],
    "exa": [0.417358, 0.999835, 0.200175, 0.588500, 0.794132],
    "gaussian": [0.4, 1.0, 0.2, 0.6, 0.8],
    "straight_through": [0.4, 1.0, 0.2, 0.6, 0.8],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_the_published_example_comes_out(name: str) -> None:
    expected = torch.tensor([GOLDEN[name]], dtype=torch.float64)
    torch.testing.assert_close(SORTERS[name]()(SCORES), expected, atol=5e-7, rtol=0)


@pytest.mark.parametrize("name", ["exa", "scaled_sigmoid", "straight_through", "gaussian"])
def test_scale_and_offset_do_not_matter(name: str) -> None:
    sorter = SORTERS[name]()
    torch.testing.assert_close(sorter(SCORES * 1e3 + 77), sorter(SCORES))


def test_a_straight_through_gradient_is_that_of_the_scaled_sigmoid() -> None:
    weight = torch.randn(1, 5, dtype=torch.float64)
    gradients = []
    for name in ("straight_through", "scaled_sigmoid"):
        scores = SCORES.clone().requires_grad_()
        (SORTERS[name](slope=7.0)(scores) * weight).sum().backward()
        gradients.append(scores.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("slope", [0.0, -1.0, math.nan, math.inf])
@pytest.mark.parametrize("name", ["sigmoid", "scaled_sigmoid", "straight_through"])
def test_a_slope_that_ranks_nothing_is_refused(name: str, slope: float) -> None:
    with pytest.raises(UsageError, match="slope is"):
        SORTERS[name](slope=slope)
