"""Where the proxies of every loss begin, and what it refuses."""

import pytest
import torch

from zoo.errors import UsageError
from zoo.losses import LOSSES

NAMES = ("arcface", "cluster_proxy", "cross_level", "proxy_anchor", "proxy_nca")


@pytest.mark.parametrize("name", NAMES)
def test_embeddings_of_another_dimension_and_labels_without_a_proxy_are_refused(name: str) -> None:
    loss = LOSSES[name](classes=3, dim=4)
    with pytest.raises(UsageError, match="embeddings of dimension 5"):
        loss(torch.eye(3, 5), torch.arange(3))
    with pytest.raises(UsageError, match="labels go from 1 to 3"):
        loss(torch.eye(3, 4), torch.arange(1, 4))


@pytest.mark.parametrize("name", NAMES)
def test_proxies_begin_all_around_zero_in_every_dimension(name: str) -> None:
    loss = LOSSES[name](classes=400, dim=16)
    (proxies,) = (p.detach() for p in loss.parameters())
    proxies = proxies if proxies.shape[1] == 16 else proxies.T
    shares = (proxies > 0).float().mean(dim=0)
    assert len(proxies) >= 400
    assert proxies.unique(dim=0).shape == proxies.shape
    assert ((shares > 0.4) & (shares < 0.6)).all()  # half: standard deviation .025


@pytest.mark.parametrize("name", ["cluster_proxy", "cross_level"])
def test_uniform_proxies_have_about_the_length_of_a_unit_vector(name: str) -> None:
    """U(-1, 1) / sqrt(dim) has variance 1 / (3 dim): a squared norm of 1/3."""
    for dim in (4, 64):
        proxies = next(LOSSES[name](classes=2000, dim=dim).parameters()).detach()
        assert float(proxies.square().sum(dim=1).mean()) == pytest.approx(1 / 3, rel=0.05)
        assert float(proxies.abs().max()) == pytest.approx(dim**-0.5, rel=0.01)
