"""Embeddings to numbers: every query against the whole gallery, block by block."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from zoo.data.dataset import ImageDataset
from zoo.embedding.embed import refuse_non_finite
from zoo.errors import DataError
from zoo.evaluation.queries import Task
from zoo.evaluation.refinement import NOTHING, Refinement, refined_blocks
from zoo.metrics import per_query
from zoo.metrics.evaluation import Evaluation
from zoo.metrics.graded import (
    asi_per_query,
    at_level,
    h_ap_per_query,
    ndcg_per_query,
)
from zoo.metrics.ranks import positive_ranks
from zoo.metrics.summary import summarise
from zoo.ranking.levels import common_levels
from zoo.ranking.positives import Levels, PerQuery, Scores
from zoo.search.scan import PLAIN, Scan

LOG = logging.getLogger("rankzoo")
KS = (1, 5, 10)
COARSER = "AP of a coarser level leaves out of the ranking what shares a finer label with the query"
Blocks = Iterable[tuple[slice, Float[Tensor, "block gallery"]]]


@dataclass(frozen=True)
class How:
    """At which ranks, after which post-processing, and where vectors are measured."""

    ks: Sequence[int] = KS
    refinement: Refinement = NOTHING
    scan: Scan = PLAIN


USUAL = How()


def evaluate_vectors(
    queries: Float[Tensor, "query dim"],
    gallery: Float[Tensor, "gallery dim"],
    dataset: ImageDataset,
    task: Task,
    how: How = USUAL,
) -> Evaluation:
    """Evaluate embeddings of the queries and of the gallery of a task, in its order.

    Raises:
        DataError: not one vector per image, or one is not finite; no query has a relevant item.
    """
    _check(queries, dataset, task.queries)
    _check(gallery, dataset, task.gallery)
    depth = len(dataset.levels)
    # Graded metrics sort and count, which takes memory beside the scores.
    blocks = refined_blocks(
        queries,
        gallery,
        task,
        how.refinement,
        how.scan if depth == 1 else replace(how.scan, block=how.scan.block // (8 * depth)),
    )
    labels = dataset.label_ids
    if task.level is not None:  # graded metrics are then those of right and wrong
        labels = labels[:, [task.level]].expand(-1, depth)
    elif depth > 1:
        task = replace(task, definition=f"{task.definition}; {COARSER}")
    values = measure(blocks, labels, task, dataset.levels, how.ks)
    return evaluation_of(values, task, len(gallery), how.refinement.described)


def measure(
    blocks: Blocks,
    labels: Int64[Tensor, "item level"],
    task: Task,
    levels: Sequence[str] = ("label",),
    ks: Sequence[int] = KS,
) -> dict[str, PerQuery]:
    """Return every metric of every query from blocks of scores (see `score_blocks`).

    `labels` are those of the items that the task's positions speak of, finest level first.
    """
    parts: list[dict[str, Tensor]] = []
    for rows, scores in blocks:
        queries, gallery = task.queries[rows].to(scores.device), task.gallery.to(scores.device)
        here, there = labels[task.queries[rows]].to(gallery), labels[task.gallery].to(gallery)
        if task.itself:
            scores.masked_fill_(queries[:, None] == gallery, -torch.inf)
        relevant = (here[:, :1] == there[:, 0]) & (scores > -torch.inf)
        values = binary_values(scores, relevant, ks)
        if len(levels) > 1:
            shared = common_levels(here, there).masked_fill_(scores == -torch.inf, 0)
            values |= graded_values(scores, shared, levels)
        parts.append({name: value.cpu() for name, value in values.items()})
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def binary_values(
    scores: Scores, relevant: Bool[Tensor, "query gallery"], ks: Sequence[int] = KS
) -> dict[str, PerQuery]:
    """Return the per-query metrics of right and wrong answers."""
    ranks = positive_ranks(scores, relevant)
    return {f"recall_at_{k}": per_query.hit_at_k(ranks, k) for k in ks} | {
        "map_at_r": per_query.average_precision_at_r(ranks),
        "r_precision": per_query.r_precision(ranks),
        "mean_average_precision": per_query.average_precision(ranks),
        "mean_reciprocal_rank": per_query.reciprocal_rank(ranks),
        "median_rank": per_query.first_rank(ranks),
    }


def graded_values(scores: Scores, levels: Levels, names: Sequence[str]) -> dict[str, PerQuery]:
    """Return the per-query metrics of hierarchical labels (`names`: finest level first)."""
    depth = len(names)
    values = {
        "h_ap": h_ap_per_query(scores, levels, depth),
        "ndcg": ndcg_per_query(scores, levels),
        "asi": asi_per_query(scores, levels, depth),
    }
    for coarser, name in enumerate(names[1:], start=1):
        ranks = positive_ranks(*at_level(scores, levels, depth - coarser))
        values[f"mean_average_precision_{name}"] = per_query.average_precision(ranks)
    return values


def _check(vectors: Tensor, dataset: ImageDataset, positions: Int64[Tensor, " item"]) -> None:
    if len(vectors) != len(positions):
        raise DataError(
            f"{len(vectors)} embeddings for {len(positions)} images of {dataset.name}",
            "embed this data again with this model",
        )
    refuse_non_finite(vectors, [dataset.items[i].path for i in positions])


def evaluation_of(
    values: Mapping[str, Tensor], task: Task, gallery: int, options: Mapping[str, str]
) -> Evaluation:
    """Gather per-query values into a result.

    Raises:
        DataError: no query has a relevant item.
    """
    lonely = int(values["mean_average_precision"].isnan().sum())
    if lonely == len(task.queries):
        raise DataError(
            f"none of the {lonely} queries has a relevant item in the gallery",
            "check that query and gallery share labels",
        )
    if lonely:
        LOG.warning("%d of %d queries have no relevant item, left out", lonely, len(task.queries))
    return Evaluation(
        protocol=task.protocol,
        definition=task.definition,
        metrics=summarise(values),
        queries=len(task.queries),
        gallery=gallery,
        skipped=lonely,
        options=options,
        per_query=values,
        query_items=tuple(task.queries.tolist()),
    )
