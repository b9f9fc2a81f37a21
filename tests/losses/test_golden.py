"""Values and gradient norms obtained once by running the published code on the toy batch."""

import pytest
import torch
from torch import Tensor

from zoo.losses import RecallAtK, SmoothAP
from zoo.losses.rank_loss import RankLoss

GOLDEN = {
    "Smooth-AP, its authors' code": (SmoothAP(query="positive"), 0.139434, 0.274742),
    "RS@k, its authors' code": (RecallAtK(ks=(1, 2, 4, 8), query="rival"), 0.477114, 0.235269),
    "RS@k, query removed": (RecallAtK(ks=(1, 2, 4, 8)), 0.297251, 0.321296),
}


@pytest.mark.parametrize("name", GOLDEN)
def test_value_and_gradient_are_the_published_codes(name: str, toy: tuple[Tensor, Tensor]) -> None:
    loss, value, gradient_norm = GOLDEN[name]
    assert isinstance(loss, RankLoss)
    embeddings = toy[0].requires_grad_()
    got = loss(embeddings, toy[1][:, 1])
    got.backward()
    assert embeddings.grad is not None
    torch.testing.assert_close(got.item(), value, atol=6e-7, rtol=0)  # six printed decimals
    torch.testing.assert_close(embeddings.grad.norm().item(), gradient_norm, atol=6e-7, rtol=0)
