"""The sigmoid loss of pairs against one question at a time."""

import math

import pytest
import torch

from zoo.errors import UsageError
from zoo.losses.pairs import SigLIP


def test_it_is_the_mean_over_items_of_every_pair_asked_alone() -> None:
    scores = torch.tensor([[0.9, 0.1], [-0.3, 0.4]], dtype=torch.float64)
    loss = SigLIP(tau=0.5, bias=-1.0)
    asked = [
        math.log1p(math.exp(-(1 if row == column else -1) * (2 * float(scores[row, column]) - 1)))
        for row in range(2)
        for column in range(2)
    ]
    assert float(loss(scores).detach()) == pytest.approx(sum(asked) / 2)


def test_it_starts_as_published_and_learns_its_scale_and_bias() -> None:
    loss = SigLIP()
    assert float(loss.log_scale.exp().detach()) == pytest.approx(10)
    assert float(loss.bias.detach()) == -10
    loss(torch.eye(3)).backward()
    assert all(p.grad is not None and p.grad != 0 for p in loss.parameters())


def test_gradients_are_the_derivative() -> None:
    scores = torch.randn(4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(SigLIP().double(), scores)


def test_a_temperature_must_be_positive() -> None:
    with pytest.raises(UsageError, match="tau"):
        SigLIP(tau=0.0)
