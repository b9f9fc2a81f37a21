"""Measuring a scorer: mean average precision of its classes, or rank correlation of its values."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.data.scored import ScoredSet, read_attribute, read_voc_scores
from zoo.errors import DataError
from zoo.evaluation.classes import evaluate_classes
from zoo.metrics.correlation import kendall, spearman
from zoo.metrics.evaluation import Evaluation
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


def definition(data: ScoredSet, task: str) -> str:
    """Say in a sentence what `score_metrics` measures on this data."""
    if task == "labels":
        return (
            f"VOC average precision, 11 points and area, over {len(data)} images and "
            f"{len(data.outputs)} classes; difficult ones left out, ties against the model."
        )
    return f"Rank correlation with {data.outputs[0]} over {len(data)} images."


def read_for(model: Scorer, path: Path, split: str = "test") -> tuple[ScoredSet, str]:
    """Read what a scorer is measured on, and its task: one output is an attribute's column.

    `path` is a VOC folder for classes; for an attribute a manifest, or a folder of scenes.

    Raises:
        DataError: the data is malformed, or has other classes than the model.
    """
    outputs = model.config.outputs
    if len(outputs) == 1:
        table = path / "attributes.csv" if path.is_dir() else path
        return read_attribute(table, outputs[0], split), "attribute"
    data = read_voc_scores(path, split)
    if data.outputs != outputs:
        raise DataError(
            f"{path}: classes {', '.join(data.outputs)}", f"the model knows {', '.join(outputs)}"
        )
    return data, "labels"


def evaluate_scorer(
    model: Scorer, data: ScoredSet, task: str, *, batch_size: int = 64, track: Track = silent
) -> dict[str, float]:
    """Score every image and measure."""
    scores = score_images(model, data, batch_size=batch_size, track=track)
    return score_metrics(scores, data, task)


def score_images(
    model: Scorer, data: ScoredSet, *, batch_size: int = 64, track: Track = silent
) -> Float[Tensor, "image output"]:
    """Return the scores of every image, in order."""
    features = model.file_features(data.paths, batch_size=batch_size, track=track)
    device = next(model.parameters()).device
    with torch.inference_mode():
        scores: Tensor = model.head(features.to(device)).cpu()
    return scores


def evaluate_scores(
    model: Scorer, path: Path, split: str = "test", *, batch_size: int = 64, track: Track = silent
) -> Evaluation:
    """Measure a scorer on the data at `path`: each of its outputs ranks the images of a split.

    Raises:
        DataError: the data is malformed, or has other classes than the model.
    """
    data, task = read_for(model, path, split)
    scores = score_images(model, data, batch_size=batch_size, track=track)
    if task == "labels":
        return evaluate_classes(scores, data)
    metrics = score_metrics(scores, data, task)
    return Evaluation(task, definition(data, task), metrics, len(data.outputs), len(data))
