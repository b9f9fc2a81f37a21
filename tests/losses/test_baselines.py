"""The field's pair losses, written out pair by pair: among a batch, and against a gallery."""

import math
from collections.abc import Callable, Iterable

import pytest
import torch
from torch import Tensor
from torch.nn.functional import normalize

from zoo.errors import UsageError
from zoo.losses import CrossLevel
from zoo.losses.baselines import Contrastive, MultiSimilarity, PairBaseline, Triplet

pytest.importorskip("pytorch_metric_learning")

LABELS = torch.tensor([0, 0, 1, 1, 2])
GALLERY_LABELS = torch.tensor([2, 0, 1, 0, 1, 2, 2])
OWN = torch.tensor([3, -1, 2, -1, 0])  # the query's own column in the gallery
Scores = list[tuple[list[float], list[float]]]  # a query's positives, and its negatives


def batch() -> tuple[Tensor, Tensor]:
    """Return queries (5, 4) and a gallery (7, 4) that holds three of them."""
    queries = normalize(torch.randn(5, 4, dtype=torch.float64), dim=1)
    gallery = normalize(torch.randn(7, 4, dtype=torch.float64), dim=1)
    present = OWN >= 0
    gallery[OWN[present]] = queries[present]
    return queries, gallery


def scored(queries: Tensor, items: Tensor, labels: Tensor, own: Iterable[int]) -> Scores:
    found = []
    for query, label, column in zip(queries, LABELS, own, strict=True):
        others = [j for j in range(len(items)) if j != column]
        cosines = {j: float(query @ items[j]) for j in others}
        same = [cosines[j] for j in others if labels[j] == label]
        found.append((same, [cosines[j] for j in others if labels[j] != label]))
    return found


def mean(values: Iterable[float], over_zeros: bool = False) -> float:
    kept = [value for value in values if over_zeros or value > 0]
    return sum(kept) / len(kept) if kept else 0.0


def contrastive(scores: Scores) -> float:
    near = mean(1 - s for same, _ in scores for s in same)
    return near + mean(max(0.0, s - 0.5) for _, other in scores for s in other)


def triplet(scores: Scores) -> float:
    return mean(n - p + 0.1 for same, other in scores for p in same for n in other)


def multi_similarity(scores: Scores) -> float:
    def one(same: list[float], other: list[float]) -> float:
        pull = math.log1p(sum(math.exp(-2 * (s - 0.5)) for s in same)) / 2
        return pull + math.log1p(sum(math.exp(50 * (s - 0.5)) for s in other)) / 50

    return mean((one(*each) for each in scores), over_zeros=True)


Build = Callable[[], PairBaseline]
WRITTEN_OUT: dict[Build, Callable[[Scores], float]] = {
    Contrastive: contrastive,
    Triplet: triplet,
    MultiSimilarity: multi_similarity,
}
NAMES = [written_out.__name__ for written_out in (contrastive, triplet, multi_similarity)]


@pytest.mark.parametrize("loss", WRITTEN_OUT, ids=NAMES)
def test_a_batch_is_compared_with_itself(loss: Build) -> None:
    queries, _ = batch()
    expected = WRITTEN_OUT[loss](scored(queries, queries, LABELS, range(5)))
    assert loss()(queries, LABELS).item() == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("loss", WRITTEN_OUT, ids=NAMES)
def test_a_gallery_is_what_queries_are_compared_with(loss: Build) -> None:
    queries, gallery = batch()
    expected = WRITTEN_OUT[loss](scored(queries, gallery, GALLERY_LABELS, OWN.tolist()))
    found = loss()(queries, LABELS, gallery, GALLERY_LABELS, OWN)
    assert found.item() == pytest.approx(expected, rel=1e-6)


def test_cross_levels_scale_is_above_zero() -> None:
    for scale in (0, -1.0, math.inf):
        with pytest.raises(UsageError, match="scale"):
            CrossLevel(4, 6, scale=scale)
