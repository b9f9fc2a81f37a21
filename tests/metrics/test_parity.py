"""Every metric against an implementation that is not ours.

`pytest -n0 -vv tests/metrics` ends with the table of differences.
"""

from collections.abc import Callable

import pytest
import scipy.stats
import torch
from sklearn.metrics import average_precision_score, ndcg_score
from torch import Tensor
from torchmetrics.functional import retrieval as tm

from zoo.metrics import correlation, per_query, retrieval
from zoo.metrics.graded import ndcg_per_query
from zoo.metrics.ranks import positive_ranks

Ranking = tuple[Tensor, Tensor]
Parity = Callable[..., None]


def test_average_precision_against_scikit_learn(ranking: Ranking, parity: Parity) -> None:
    ours = per_query.average_precision(positive_ranks(*ranking))
    rows = zip(*(t.numpy() for t in ranking), strict=True)
    theirs = [average_precision_score(right, row) for row, right in rows]
    parity("average precision", "scikit-learn", ours, theirs)


@pytest.mark.parametrize("k", [None, 5])
def test_ndcg_against_scikit_learn(ranking: Ranking, parity: Parity, k: int | None) -> None:
    levels = torch.randint(0, 4, ranking[0].shape)
    gains, scores = 2.0 ** levels.numpy() - 1, ranking[0].numpy()
    theirs = [ndcg_score(gains[i : i + 1], scores[i : i + 1], k=k) for i in range(len(scores))]
    parity(f"NDCG (k={k})", "scikit-learn", ndcg_per_query(ranking[0], levels, k), theirs)


TORCHMETRICS: list[tuple[str, Callable[..., Tensor], Callable[..., Tensor]]] = [
    ("average precision", per_query.average_precision, tm.retrieval_average_precision),
    ("reciprocal rank", per_query.reciprocal_rank, tm.retrieval_reciprocal_rank),
    ("R-precision", per_query.r_precision, tm.retrieval_r_precision),
    ("Recall@1", lambda r: per_query.hit_at_k(r, 1), lambda p, t: tm.retrieval_hit_rate(p, t, 1)),
    (
        "Recall@10",
        lambda r: per_query.hit_at_k(r, 10),
        lambda p, t: tm.retrieval_hit_rate(p, t, 10),
    ),
    (
        "precision@5",
        lambda r: per_query.precision_at_k(r, 5),
        lambda p, t: tm.retrieval_precision(p, t, 5),
    ),
]


@pytest.mark.parametrize(("name", "metric", "oracle"), TORCHMETRICS)
def test_binary_metrics_against_torchmetrics(
    ranking: Ranking,
    parity: Parity,
    name: str,
    metric: Callable[..., Tensor],
    oracle: Callable[..., Tensor],
) -> None:
    ours = metric(positive_ranks(*ranking))
    theirs = [float(oracle(row, right)) for row, right in zip(*ranking, strict=True)]
    parity(name, "torchmetrics (float32)", ours, theirs, tolerance=1e-6)


@pytest.fixture
def classes() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    labels = torch.randint(0, 15, (200,), generator=generator)
    centres = torch.randn(15, 16, generator=generator)
    noise = torch.randn(200, 16, generator=generator)
    return torch.nn.functional.normalize(centres[labels] + 1.5 * noise, dim=1), labels


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("precision_at_1", retrieval.recall_at_k),
        ("r_precision", retrieval.r_precision),
        ("mean_average_precision_at_r", retrieval.map_at_r),
        ("mean_average_precision", retrieval.mean_average_precision),
        ("mean_reciprocal_rank", retrieval.mean_reciprocal_rank),
    ],
)
def test_self_retrieval_against_pytorch_metric_learning(
    classes: tuple[Tensor, Tensor],
    parity: Parity,
    theirs: str,
    ours: Callable[[Tensor, Tensor], Tensor],
) -> None:
    from pytorch_metric_learning.distances import LpDistance
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    vectors, labels = classes
    calculator = AccuracyCalculator(
        include=("precision_at_1", theirs),  # its reciprocal rank needs a neighbour metric
        k=199,
        device=torch.device("cpu"),
        knn_func=CustomKNN(LpDistance()),
    )
    expected = calculator.get_accuracy(vectors, labels)[theirs]
    itself = torch.arange(200)
    pair = retrieval.leave_out(vectors @ vectors.T, labels[:, None] == labels, itself, itself)
    parity(theirs, "pytorch-metric-learning", float(ours(*pair)), expected, tolerance=1e-6)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("precision_at_1", retrieval.recall_at_k),
        ("mean_average_precision_at_r", retrieval.map_at_r),
    ],
)
def test_one_side_searching_another_against_pytorch_metric_learning(
    classes: tuple[Tensor, Tensor],
    parity: Parity,
    theirs: str,
    ours: Callable[[Tensor, Tensor], Tensor],
) -> None:
    from pytorch_metric_learning.distances import CosineSimilarity
    from pytorch_metric_learning.utils.accuracy_calculator import AccuracyCalculator
    from pytorch_metric_learning.utils.inference import CustomKNN

    vectors, labels = classes
    asked, answers = torch.arange(0, 200, 4), torch.tensor([i for i in range(200) if i % 4])
    calculator = AccuracyCalculator(
        include=(theirs,),
        k=len(answers),
        device=torch.device("cpu"),
        knn_func=CustomKNN(CosineSimilarity()),
    )
    expected = calculator.get_accuracy(
        vectors[asked], labels[asked], vectors[answers], labels[answers]
    )
    relevant = labels[asked, None] == labels[answers]
    found = float(ours(vectors[asked] @ vectors[answers].T, relevant).nanmean())
    parity(f"{theirs}, query and gallery", "pytorch-metric-learning", found, expected[theirs])


@pytest.mark.parametrize("distinct", [1000, 6])
@pytest.mark.parametrize("name", ["spearman", "kendall"])
def test_rank_correlation_against_scipy(parity: Parity, name: str, distinct: int) -> None:
    x, y = (torch.randint(0, distinct, (80,)).double() for _ in range(2))
    theirs = {"spearman": scipy.stats.spearmanr, "kendall": scipy.stats.kendalltau}[name](x, y)
    ours = {"spearman": correlation.spearman, "kendall": correlation.kendall}[name](x, y)
    ties = "with ties" if distinct < 80 else "no ties"
    parity(f"{name}, {ties}", "scipy", float(ours), float(theirs.statistic))
