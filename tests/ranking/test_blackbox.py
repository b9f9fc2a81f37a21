"""The blackbox ranker, against its published example and against ranking everything."""

import torch

from zoo.ranking import blackbox_rank
from zoo.ranking.blackbox import blackbox_item_ranks
from zoo.ranking.positives import Items


def test_the_published_example() -> None:
    """There ranks are divided by n = 5 and lambda is 2: the same as ranks and lambda 10."""
    scores = torch.tensor([0.9, 0.1, 0.5, 0.7, -0.2], requires_grad=True)
    ranks = blackbox_rank(scores, 10)
    assert ranks.tolist() == [1, 4, 3, 2, 5]
    torch.autograd.backward(ranks, torch.tensor([0.0, 0.5, 0.0, -0.5, 0.1]) / 5)
    torch.testing.assert_close(scores.grad, torch.tensor([0.1, -0.3, 0.0, 0.3, -0.1]))


def test_ties_share_the_best_rank() -> None:
    assert blackbox_rank(torch.tensor([[0.5, 0.9, 0.5]]), 1).tolist() == [[2, 1, 2]]


def test_item_ranks_are_those_of_ranking_everything() -> None:
    scores = torch.rand(6, 40, dtype=torch.float64)
    columns = torch.stack([torch.randperm(40)[:4] for _ in range(6)])
    items = Items(columns, torch.ones_like(columns, dtype=torch.bool))
    upstream = torch.randn(6, 4, dtype=torch.float64)
    everything, some = (scores.clone().requires_grad_() for _ in range(2))
    torch.autograd.backward(blackbox_rank(everything, 0.3).gather(1, columns), upstream)
    lam = torch.full((6,), 0.3, dtype=torch.float64)
    ranks = blackbox_item_ranks(some, items, lam)
    torch.autograd.backward(ranks, upstream)
    torch.testing.assert_close(ranks, blackbox_rank(scores, 1).gather(1, columns))
    torch.testing.assert_close(some.grad, everything.grad)
