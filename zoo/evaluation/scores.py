"""Measuring a scorer: mean average precision of its classes, or rank correlation of its values."""

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.data.scored import ScoredSet
from zoo.metrics.correlation import kendall, spearman
from zoo.metrics.voc import voc_map
from zoo.models.scorer import Scorer
from zoo.progress import Track, silent


def score_metrics(
    scores: Float[Tensor, "image output"], data: ScoredSet, task: str
) -> dict[str, float]:
    """Return VOC mAP (11 points and area) for labels, Spearman and Kendall for an attribute."""
    if task == "labels":
        present = data.targets > 0
        return {
            "voc_map_11_point": float(voc_map(scores, present, data.ignored, "11-point")),
            "voc_map_area": float(voc_map(scores, present, data.ignored, "area")),
        }
    predicted, true = scores[:, 0], data.targets[:, 0]
    return {
        "spearman": float(spearman(predicted, true)),
        "kendall": float(kendall(predicted, true)),
    }


def evaluate_scorer(
    model: Scorer, data: ScoredSet, task: str, *, batch_size: int = 64, track: Track = silent
) -> dict[str, float]:
    """Score every picture and measure."""
    features = model.file_features(data.paths, batch_size=batch_size, track=track)
    device = next(model.parameters()).device
    with torch.inference_mode():
        scores = model.head(features.to(device)).cpu()
    return score_metrics(scores, data, task)
