"""Measuring a scorer: mean average precision of its classes, or rank correlation of its values."""

from pathlib import Path

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.data.attribute import read_attribute
from zoo.data.boxes.boxed import Policy
from zoo.data.datasets.videomem import FrameOptions
from zoo.data.scored import ScoredSet, read_labels
from zoo.evaluation.classes import evaluate_classes
from zoo.evaluation.options import EvalOptions
from zoo.metrics.correlation import kendall, spearman
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.voc import voc_map
from zoo.models.scorer import Scorer
from zoo.progress import Track, silent


def score_metrics(
    scores: Float[Tensor, "image output"], data: ScoredSet, task: str
) -> dict[str, float]:
    """Return VOC mAP (11 points and area) for labels; for an attribute Spearman, Kendall, and the
    error in its own unit.
    """  # noqa: D205
    if task == "labels":
        present = data.targets > 0
        return {
            "voc_map_11_point": float(voc_map(scores, present, data.ignored, "11-point")),
            "voc_map_area": float(voc_map(scores, present, data.ignored, "area")),
        }
    predicted, true = (values[:, 0] for values in data.of_videos(scores))
    return {
        "spearman": float(spearman(predicted, true)),
        "kendall": float(kendall(predicted, true)),
        "mean_absolute_error": float((predicted - true).abs().mean()),
    }


def definition(data: ScoredSet, task: str) -> str:
    """Say in a sentence what `score_metrics` measures on this data."""
    if task == "labels":
        return (
            f"VOC average precision, 11 points and area, over {len(data)} images and "
            f"{data.classes_there}; difficult ones left out, ties against the model."
        )
    mean = "" if data.videos is None else ", each with the mean of the scores of its frames"
    return f"Rank correlation with {data.outputs[0]} over {data.counted}{mean}."


def read_for(
    model: Scorer, path: Path, split: str = "test", on_bad_image: Policy = "fail"
) -> ScoredSet:
    """Read what a scorer is measured on: labels or the column of values, as it was trained on.

    Raises:
        DataError: the data is malformed, or has none of the model's classes.
    """
    if model.config.task == "attribute":
        (found,) = read_attribute(path, [split], model.outputs[0], FrameOptions(on_bad_image))
        return found
    (found,) = read_labels(path, [split], model.config.column, on_bad_image)
    return found.with_outputs(model.outputs)


def score_images(
    model: Scorer, data: ScoredSet, *, batch_size: int = 64, track: Track = silent
) -> Float[Tensor, "image output"]:
    """Return the scores of every image, in order."""
    return head_scores(model, model.file_features(data.paths, batch_size=batch_size, track=track))


def head_scores(
    model: Scorer, features: Float[Tensor, "image ..."]
) -> Float[Tensor, "image output"]:
    """Return what the head makes of features, on the CPU."""
    device = next(model.parameters()).device
    with torch.inference_mode():
        scores: Tensor = model.head(features.to(device)).cpu()
    return scores


def evaluate_scores(
    model: Scorer, path: Path, split: str = "test", *, how: EvalOptions | None = None
) -> Evaluation:
    """Measure a scorer on the data at `path`: each of its outputs ranks the images of a split.

    `how` tells the batch size and what happens to images that cannot be read.

    Raises:
        DataError: the data is malformed, or has none of the model's classes.
    """
    how = how or EvalOptions(path)
    data, task = read_for(model, path, split, how.on_bad_image), model.config.task
    embed = how.embed
    scores = score_images(model, data, batch_size=embed.batch_size, track=embed.track)
    if task == "labels":
        return evaluate_classes(scores, data, definition(data, task))
    metrics = score_metrics(scores, data, task)
    items = [values[:, 0] for values in data.of_videos(scores)]

    def again(rows: Tensor) -> dict[str, float]:
        predicted, true = (values[rows] for values in items)
        error = float((predicted - true).abs().mean())
        return {"spearman": float(spearman(predicted, true)), "mean_absolute_error": error}

    count = len(data.outputs)
    return Evaluation(task, definition(data, task), metrics, count, len(items[0]), resampled=again)
