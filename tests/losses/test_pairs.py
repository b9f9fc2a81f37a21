"""Losses of matching pairs, against the formulas written out."""

import pytest
import torch

from zoo.errors import UsageError
from zoo.losses import RecallAtK
from zoo.losses.pairs import PAIR_LOSSES, HardTriplet, InfoNCE, PairRecallAtK

each_loss = pytest.mark.parametrize("name", PAIR_LOSSES)


def scores(size: int = 20) -> torch.Tensor:
    return torch.rand(size, size, dtype=torch.float64) * 2 - 1


@each_loss
def test_better_matches_cost_less_and_directions_count_alike(name: str) -> None:
    loss, matrix = PAIR_LOSSES[name](), scores().float()
    better = matrix + 0.5 * torch.eye(20)
    assert loss(better) < loss(matrix)
    torch.testing.assert_close(loss(matrix.T.contiguous()), loss(matrix))


@each_loss
def test_the_gradient_pulls_matches_up(name: str) -> None:
    matrix = scores().float().requires_grad_()
    PAIR_LOSSES[name]()(matrix).backward()
    assert matrix.grad is not None
    assert matrix.grad.isfinite().all()
    assert matrix.grad.diagonal().sum() < 0


def test_info_nce_is_the_cross_entropy_of_the_match() -> None:
    matrix, tau = scores(5), 0.1
    terms = []
    for m in (matrix, matrix.T):
        for i in range(5):
            weights = (m[i] / tau).exp()
            terms.append(-(weights[i] / weights.sum()).log())
    torch.testing.assert_close(InfoNCE(tau)(matrix), torch.stack(terms).mean())


def test_hard_triplet_looks_at_the_best_mismatch() -> None:
    matrix = torch.tensor([[0.5, 0.4, -1.0], [0.1, 0.9, 0.8], [0.0, 0.0, 0.3]])
    rows = [0.2 + 0.4 - 0.5, 0.2 + 0.8 - 0.9, 0.0]
    columns = [0.0, 0.0, 0.2 + 0.8 - 0.3]
    expected = sum(rows) / 3 + sum(columns) / 3
    torch.testing.assert_close(HardTriplet(0.2)(matrix), torch.tensor(expected))


def test_pair_recall_is_rs_at_k_with_one_positive_each() -> None:
    """As RS@k over images as queries and captions as gallery, and the other way."""
    images = torch.nn.functional.normalize(torch.randn(20, 6, dtype=torch.float64), dim=1)
    texts = torch.nn.functional.normalize(torch.randn(20, 6, dtype=torch.float64), dim=1)
    labels, loss = torch.arange(20), RecallAtK()
    expected = (loss(images, labels, texts, labels) + loss(texts, labels, images, labels)) / 2
    torch.testing.assert_close(PairRecallAtK()(images @ texts.T), expected)


def test_impossible_settings_are_refused() -> None:
    for build in (lambda: InfoNCE(0.0), lambda: HardTriplet(-1.0), lambda: PairRecallAtK([])):
        with pytest.raises(UsageError):
            build()
