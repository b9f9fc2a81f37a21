"""The one evaluation of a run that counts: every metric, query by query, from one embedding."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from zoo.data.dataset import ImageDataset
from zoo.embedding.embed import embed_dataset
from zoo.embedding.extract import Extractor
from zoo.embedding.options import EmbedOptions
from zoo.evaluation.captions import KS, caption_metrics, caption_ranks
from zoo.evaluation.images import evaluate_images
from zoo.evaluation.queries import task_of
from zoo.experiments.gap import decomposability_gap
from zoo.metrics.evaluation import Evaluation
from zoo.models.kinds import AnyEmbedder
from zoo.models.text_encoder import TextEncoder
from zoo.recipes.recipe import Batch
from zoo.training.captions import captioned_split, embed_captions

GAP = "decomposability_gap"


@dataclass(frozen=True, eq=False)
class Measurement:
    """What was found: numbers, what they mean, and the value of every query of every metric."""

    metrics: Mapping[str, float]
    per_query: Mapping[str, Tensor]
    protocol: Mapping[str, Any]


def measure_images(
    model: AnyEmbedder,
    dataset: ImageDataset,
    batch: Batch,
    *,
    device: str = "cpu",
    workers: int = 0,
) -> Measurement:
    """Evaluate images against images, with the decomposability gap of the training's batch."""
    extract = Extractor(model, options=EmbedOptions(workers=workers, device=device))
    found = evaluate_images(extract, dataset, [task_of(dataset)])
    task, evaluation = found.task, found.evaluations[0]
    vectors, places = found.queries, task.queries
    if not task.itself:
        vectors = torch.cat([found.queries, found.gallery])
        places = torch.cat([task.queries, task.gallery])
    labels = dataset.label_ids[places, 0]
    gap = decomposability_gap(vectors, labels, batch.size, batch.per_class)
    metrics = {**evaluation.metrics, GAP: float(gap.nanmean())}
    return _measurement(replace(evaluation, metrics=metrics), {**evaluation.per_query, GAP: gap})


def measure_captions(
    model: AnyEmbedder,
    encoder: TextEncoder,
    dataset: ImageDataset,
    *,
    device: str = "cpu",
    workers: int = 0,
) -> Measurement:
    """Evaluate both directions between images and captions: names search images first."""
    held = [i for i, item in enumerate(dataset.items) if item.split != "train"]
    asked = captioned_split(dataset.subset(held))
    table = embed_captions(encoder, asked)
    images = embed_dataset(model, asked, EmbedOptions(workers=workers, device=device))
    forth, back = caption_ranks(images, table.vectors, table.owner, table.texts)
    ways = {"t2i": back, "i2t": forth}
    values = {
        f"{way}_recall_at_{k}": 100 * (ranks <= k).double()
        for way, ranks in ways.items()
        for k in KS
    }
    found = Evaluation(
        protocol="captions",
        definition="every caption of the held-out images searches them, every one of them all "
        "captions; recalls in percent",
        metrics=caption_metrics(forth, back),
        queries=len(forth) + len(back),
        gallery=len(forth),
    )
    return _measurement(found, values)


def _measurement(found: Evaluation, values: Mapping[str, Tensor]) -> Measurement:
    return Measurement(found.metrics, values, found.as_json())
