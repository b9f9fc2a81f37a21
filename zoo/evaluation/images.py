"""Evaluate images against images with labels: the runner of most protocols."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import fmean

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.data.dataset import ImageDataset
from zoo.embedding.extract import Extractor
from zoo.evaluation.queries import Task, places_of
from zoo.evaluation.refinement import NOTHING, Refinement, scan_of
from zoo.evaluation.vectors import KS, How, evaluate_vectors
from zoo.metrics.evaluation import Evaluation


@dataclass(frozen=True, eq=False)
class Measured:
    """Evaluations, one a refinement, and what they were measured on, for a report."""

    evaluations: list[Evaluation]
    dataset: ImageDataset
    task: Task
    queries: Float[Tensor, "query dim"]
    gallery: Float[Tensor, "gallery dim"]


def evaluate_images(
    extract: Extractor,
    dataset: ImageDataset,
    tasks: Sequence[Task],
    ks: Sequence[int] = KS,
    refinements: Sequence[Refinement] = (NOTHING,),
) -> Measured:
    """Embed what the tasks need once, and evaluate it after each of the refinements.

    The metrics of several tasks are averaged, each task counting alike; the report shows the first.

    Raises:
        DataError: no query has a relevant item, an image cannot be read, a vector is not finite.
    """
    places = places_of(tasks)
    vectors, needed = extract(dataset.subset(places).paths, dataset.name), torch.tensor(places)
    scan = scan_of(extract)

    def sides(task: Task) -> tuple[Tensor, Tensor]:
        return _rows(vectors, needed, task.queries), _rows(vectors, needed, task.gallery)

    evaluations = []
    for refinement in refinements:
        how = How(ks, refinement, scan)
        evaluations.append(_mean([evaluate_vectors(*sides(t), dataset, t, how) for t in tasks]))
    queries, gallery = sides(tasks[0])
    return Measured(evaluations, dataset, tasks[0], queries, gallery)


def _rows(vectors: Tensor, needed: Tensor, positions: Tensor) -> Tensor:
    """Return the rows of some positions, without a copy when they are all of them in order."""
    if torch.equal(needed, positions):
        return vectors
    return vectors[torch.searchsorted(needed, positions)]


def _mean(evaluations: list[Evaluation]) -> Evaluation:
    """Average evaluations of the same protocol: every task counts alike, however many its queries.

    A query's value is scaled by the share its task should have, so that means over queries (the
    intervals, the paired test) are means over tasks.
    """
    first = evaluations[0]
    if len(evaluations) == 1:
        return first
    values = {
        name: torch.cat(_alike([e.per_query[name] for e in evaluations]))
        for name in first.per_query
    }
    items = tuple(item for e in evaluations for item in e.query_items)
    apart = len(set(items)) == len(items)  # lists have queries of their own; draws and levels not
    found = ~values["mean_average_precision"].isnan()
    answered = {item for item, has_any in zip(items, found.tolist(), strict=True) if has_any}
    return replace(
        first,
        metrics={name: fmean(e.metrics[name] for e in evaluations) for name in first.metrics},
        per_query=values,
        queries=len(items) if apart else first.queries,
        skipped=len(set(items) - answered),
        query_items=items,
    )


def _alike(parts: list[Tensor]) -> list[Tensor]:
    counts = [max(1, int((~part.isnan()).sum())) for part in parts]
    return [part * (sum(counts) / len(parts) / n) for part, n in zip(parts, counts, strict=True)]
