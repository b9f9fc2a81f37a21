"""The one evaluation of a run that counts: every metric, query by query, from one embedding."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from zoo.comparison.gap import decomposability_gap
from zoo.data.catalogue import Catalogue
from zoo.evaluation.captions import KS, caption_metrics, caption_ranks
from zoo.evaluation.embed import embed_catalogue
from zoo.evaluation.evaluation import Evaluation
from zoo.evaluation.extract import Extractor
from zoo.evaluation.images import evaluate_images
from zoo.evaluation.task import task_of
from zoo.models import Embedder
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


def measure_pictures(
    model: Embedder, catalogue: Catalogue, batch: Batch, *, device: str = "cpu", workers: int = 0
) -> Measurement:
    """Evaluate pictures against pictures, with the decomposability gap of the training's batch."""
    extract = Extractor(model, device=device, workers=workers)
    found = evaluate_images(extract, catalogue, [task_of(catalogue)])
    task, evaluation = found.task, found.evaluations[0]
    vectors, places = found.queries, task.queries
    if not task.itself:
        vectors = torch.cat([found.queries, found.gallery])
        places = torch.cat([task.queries, task.gallery])
    labels = catalogue.label_ids[places, 0]
    gap = decomposability_gap(vectors, labels, batch.size, batch.per_class)
    metrics = {**evaluation.metrics, GAP: float(gap.nanmean())}
    return _measurement(replace(evaluation, metrics=metrics), {**evaluation.per_query, GAP: gap})


def measure_captions(
    model: Embedder,
    encoder: TextEncoder,
    catalogue: Catalogue,
    *,
    device: str = "cpu",
    workers: int = 0,
) -> Measurement:
    """Evaluate both directions between pictures and captions: names search pictures first."""
    held = [i for i, item in enumerate(catalogue.items) if item.split != "train"]
    asked = captioned_split(catalogue.subset(held))
    table = embed_captions(encoder, asked)
    pictures = embed_catalogue(model, asked, device=device, workers=workers)
    forth, back = caption_ranks(pictures, table.vectors, table.owner)
    ways = {"t2i": back, "i2t": forth}
    values = {
        f"{way}_recall_at_{k}": 100 * (ranks <= k).double()
        for way, ranks in ways.items()
        for k in KS
    }
    found = Evaluation(
        protocol="captions",
        definition="every caption of the held-out pictures searches them, every one of them all "
        "captions; recalls in percent",
        metrics=caption_metrics(forth, back),
        queries=len(forth) + len(back),
        gallery=len(forth),
    )
    return _measurement(found, values)


def _measurement(found: Evaluation, values: Mapping[str, Tensor]) -> Measurement:
    return Measurement(found.metrics, values, found.as_json())
