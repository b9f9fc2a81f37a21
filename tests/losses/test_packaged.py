"""pytorch-metric-learning's rank losses have our value and gradient under the same options."""

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from zoo.benchmarks.losses import Loss, packaged_pairs

PAIRS = packaged_pairs()


def value_and_gradient(loss: Loss, free: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
    leaf = free.clone().requires_grad_()
    value = loss(normalize(leaf, dim=1), labels)
    torch.autograd.backward(value)
    assert leaf.grad is not None
    return value.detach(), leaf.grad


@pytest.mark.parametrize("name", PAIRS)
def test_the_packaged_loss_is_ours(name: str) -> None:
    """4 classes of 4: its Smooth-AP is right only where there are as many classes as items."""
    theirs, ours = PAIRS[name]
    free = torch.randn(16, 6, dtype=torch.float64)
    labels = torch.arange(4).repeat_interleave(4)
    expected = value_and_gradient(theirs, free, labels)
    got = value_and_gradient(ours, free, labels)
    # Its Smooth-AP collects the queries' values in float32, whatever the input.
    torch.testing.assert_close(got, expected, rtol=2e-6, atol=1e-6, check_dtype=False)
