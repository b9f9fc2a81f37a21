"""Every metric against an implementation that is not ours.

`pytest -n0 -vv tests/metrics` ends with the table of differences.
"""

import contextlib
import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from sklearn.metrics import average_precision_score, ndcg_score
from torch import Tensor
from torchmetrics.functional import retrieval as tm

from zoo.metrics import correlation, per_query, retrieval
from zoo.metrics.detection import coco_ap
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


def boxes(generator: np.random.Generator, count: int) -> list[list[float]]:
    corners, sizes = generator.uniform(0, 80, (count, 2)), generator.uniform(8, 60, (count, 2))
    return [[*map(float, (*c, *s))] for c, s in zip(corners, sizes, strict=True)]


@pytest.fixture
def scene() -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Twenty images with three classes of boxes, and noisy detections of them."""
    generator = np.random.default_rng(0)
    annotations: list[dict[str, Any]] = []
    detections: list[dict[str, Any]] = []
    for image in range(1, 21):
        for box in boxes(generator, 5):
            kind = int(generator.integers(1, 4))
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": kind,
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": 0,
                }
            )
            moved = [float(v) for v in np.array(box) + generator.normal(0, 4, 4)]
            score = float(generator.uniform())
            found = {"image_id": image, "category_id": kind, "bbox": moved, "score": score}
            detections.append(found)
        for box in boxes(generator, 3):
            stray = {"image_id": image, "category_id": 1, "bbox": box}
            detections.append({**stray, "score": float(generator.uniform(0, 0.7))})
    images = [{"id": n, "width": 160, "height": 160} for n in range(1, 21)]
    categories = [{"id": n, "name": str(n)} for n in range(1, 4)]
    truth = {"images": images, "annotations": annotations, "categories": categories}
    return truth, detections


def test_detection_ap_against_pycocotools(
    scene: tuple[dict[str, Any], list[dict[str, Any]]], parity: Parity
) -> None:
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    truth, detections = scene
    ours = coco_ap(truth, detections)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {"info": {}, **truth}
        coco.createIndex()
        evaluator = COCOeval(coco, coco.loadRes(detections), "bbox")
        evaluator.evaluate()
        evaluator.accumulate()
        evaluator.summarize()
    assert 0.1 < ours["ap"] < ours["ap_50"] < 1
    parity("COCO box AP and AR (9 numbers)", "pycocotools", [*ours.values()], evaluator.stats[:9])
