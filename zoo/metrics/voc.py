"""PASCAL VOC average precision of multi-label classification."""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from zoo.device import with_doubles
from zoo.ranking.numbers import check_numbers

Interpolation = Literal["11-point", "area"]


def voc_map(
    scores: Float[Tensor, "image class"],
    targets: Bool[Tensor, "image class"],
    difficult: Bool[Tensor, "image class"] | None = None,
    interpolation: Interpolation = "11-point",
) -> Float64[Tensor, ""]:
    """Return the mean over classes of `voc_ap`, without the classes that have no positive."""
    return voc_ap(scores, targets, difficult, interpolation).nanmean()


def voc_ap(
    scores: Float[Tensor, "image class"],
    targets: Bool[Tensor, "image class"],
    difficult: Bool[Tensor, "image class"] | None = None,
    interpolation: Interpolation = "11-point",
) -> Float64[Tensor, " class"]:
    """Return AP per class; NaN for a class without a positive.

    `11-point` (VOC 2007) averages, over the recalls 0, .1, … 1, the best precision at that recall
    or beyond; `area` (VOC 2010 on) is the area under that interpolated curve. An image in which a
    class is marked difficult leaves this class's ranking. A tie counts against the model.

    Raises:
        DataError: a score is NaN, a difficult image's too.

    >>> voc_map(torch.tensor([[0.9], [0.8]]), torch.tensor([[False], [True]]))
    tensor(0.5000, dtype=torch.float64)
    """
    check_numbers(scores=scores)
    kept = torch.ones_like(targets) if difficult is None else ~difficult
    average = _eleven_points if interpolation == "11-point" else _area
    return torch.stack(
        [
            average(*precision_recall(column[keep], target[keep]))
            for column, target, keep in zip(scores.T, targets.T, kept.T, strict=True)
        ]
    )


def precision_recall(
    scores: Float[Tensor, " item"], relevant: Bool[Tensor, " item"]
) -> tuple[Float64[Tensor, " item"], Float64[Tensor, " item"]]:
    """Return precision and recall after each item, best first, irrelevant first among equals."""
    check_numbers(scores=scores)
    scores, relevant = with_doubles(scores, relevant)
    by_relevance = relevant.long().argsort(stable=True)
    order = by_relevance[scores[by_relevance].argsort(descending=True, stable=True)]
    hits = relevant[order].double().cumsum(0)
    taken = torch.arange(1, len(hits) + 1, dtype=torch.float64, device=hits.device)
    return hits / taken, hits / relevant.sum()


def _eleven_points(precision: Tensor, recall: Tensor) -> Tensor:
    if not len(recall) or recall.isnan().any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    best = [torch.where(recall >= tenth / 10 - 1e-12, precision, 0.0).max() for tenth in range(11)]
    return torch.stack(best).mean()


def _area(precision: Tensor, recall: Tensor) -> Tensor:
    if not len(recall) or recall.isnan().any():
        return torch.tensor(torch.nan, dtype=torch.float64)
    envelope = precision.flip(0).cummax(0).values.flip(0)
    steps = recall.diff(prepend=recall.new_zeros(1))
    return (envelope * steps).sum()
