"""What every loss against proxies refuses."""

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
