"""Where a model fails: the worst queries and classes, and how far off they are."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from zoo.evaluation.images import Measured
from zoo.metrics.ranks import positive_ranks
from zoo.ranking.levels import common_levels
from zoo.search.scan import BLOCK, score_blocks

SAMPLE = 1000  # queries behind curves and confusions
SHOWN = 12
HITS = 6  # of a failure
CLASSES = 15
RECALLS = tuple(n / 20 for n in range(21))
BINS = ((1, 1), (2, 2), (3, 5), (6, 10), (11, 100), (101, 1000))


@dataclass(frozen=True)
class Answer:
    """A gallery image found for a query."""

    path: Path
    label: str
    score: float
    right: bool


@dataclass(frozen=True)
class Failure:
    """A query with its first answers."""

    path: Path
    label: str
    hits: tuple[Answer, ...]


@dataclass(frozen=True)
class ClassResult:
    """A class of queries and its mean AP."""

    label: str
    queries: int
    average_precision: float


@dataclass(frozen=True)
class Confusion:
    """How often a class's first answer is of another class of that level."""

    label: str
    taken_for: str
    times: int


@dataclass(frozen=True)
class Insight:
    """What a report shows beside the numbers."""

    looked_at: int
    precision_recall: list[tuple[float, float]]
    first_ranks: Mapping[str, int]
    closeness: Mapping[str, int]
    worst_classes: list[ClassResult]
    confusions: Mapping[str, list[Confusion]]
    failures: list[Failure]


def look_into(measured: Measured) -> Insight:
    """Look at the worst queries, and at a sample of all of them, without refinement."""
    values = measured.evaluations[0].per_query
    count = len(measured.queries)
    precisions = values["mean_average_precision"][:count]
    size = max(1, min(SAMPLE, BLOCK // len(measured.gallery)))
    shuffled = torch.randperm(count, generator=torch.Generator().manual_seed(0))
    sample = shuffled[:size].sort().values
    scores, relevant = _scores(measured, sample)
    best = scores.argmax(dim=1)
    return Insight(
        looked_at=len(sample),
        precision_recall=precision_recall(positive_ranks(scores, relevant)),
        first_ranks=rank_histogram(values["median_rank"][:count]),
        closeness=_closeness(measured, sample, best),
        worst_classes=_worst_classes(measured, precisions),
        confusions=_confusions(measured, sample, best),
        failures=_failures(measured, precisions),
    )


def precision_recall(ranks: Tensor) -> list[tuple[float, float]]:
    """Return (recall, mean interpolated precision): the best precision at that recall or beyond."""
    order = torch.arange(1, ranks.shape[1] + 1, dtype=torch.float64)
    count = ranks.isfinite().sum(dim=1)
    kept = count > 0
    envelope = (order / ranks[kept]).flip(1).cummax(dim=1).values.flip(1)
    points = []
    for recall in RECALLS:
        needed = (recall * count[kept] - 1e-9).ceil().clamp(min=1).long() - 1
        points.append((recall, float(envelope.gather(1, needed[:, None]).mean())))
    return points


def rank_histogram(first: Tensor) -> dict[str, int]:
    """Count first ranks in bins that widen."""
    present = first[~first.isnan()]
    counts = {
        str(low) if low == high else f"{low}-{high}": int(
            ((present >= low) & (present <= high)).sum()
        )
        for low, high in BINS
    }
    return {**counts, f">{BINS[-1][1]}": int((present > BINS[-1][1]).sum())}


def _scores(measured: Measured, rows: Tensor) -> tuple[Tensor, Tensor]:
    """Return the plain scores and the relevant items of some queries."""
    task, labels = measured.task, measured.dataset.label_ids[:, 0]
    blocks = [part.clone() for _, part in score_blocks(measured.queries[rows], measured.gallery)]
    scores = torch.cat(blocks)
    positions = task.queries[rows, None]
    relevant = labels[positions] == labels[task.gallery]
    if task.itself:
        itself = positions == task.gallery
        scores, relevant = scores.masked_fill(itself, -torch.inf), relevant & ~itself
    return scores, relevant


def _closeness(measured: Measured, rows: Tensor, best: Tensor) -> dict[str, int]:
    """Count the finest level at which the first answer agrees with the query."""
    ids, task, names = measured.dataset.label_ids, measured.task, measured.dataset.levels
    pairs = zip(ids[task.queries[rows]], ids[task.gallery[best]], strict=True)
    shared = Counter(int(common_levels(q[None], g[None])[0, 0]) for q, g in pairs)
    depth = len(names)
    counts = {name: shared.get(depth - n, 0) for n, name in enumerate(names)}
    return {**counts, "none": shared.get(0, 0)}


def _worst_classes(measured: Measured, precisions: Tensor) -> list[ClassResult]:
    labels = measured.dataset.label_ids[measured.task.queries, 0]
    kept = ~precisions.isnan()
    found, place = torch.unique(labels[kept], return_inverse=True)
    sizes = torch.bincount(place)
    means = torch.bincount(place, weights=precisions[kept]) / sizes
    names = measured.dataset.label_names[0]
    return [
        ClassResult(names[int(found[i])], int(sizes[i]), float(means[i]))
        for i in means.argsort()[:CLASSES].tolist()
    ]


def _confusions(measured: Measured, rows: Tensor, best: Tensor) -> dict[str, list[Confusion]]:
    """Count, level by level, which label a query's first answer has instead of its own."""
    dataset, task = measured.dataset, measured.task
    asked, taken = (dataset.label_ids[p].T for p in (task.queries[rows], task.gallery[best]))
    found = {}
    for place, (level, names) in enumerate(zip(dataset.levels, dataset.label_names, strict=True)):
        pairs = zip(asked[place].tolist(), taken[place].tolist(), strict=True)
        wrong = Counter(pair for pair in pairs if pair[0] != pair[1]).most_common(CLASSES)
        found[level] = [Confusion(names[a], names[b], times) for (a, b), times in wrong]
    return found


def _failures(measured: Measured, precisions: Tensor) -> list[Failure]:
    worst = precisions.nan_to_num(nan=2.0).argsort()[:SHOWN]
    worst = worst[~precisions[worst].isnan()]
    scores, relevant = _scores(measured, worst)
    items, task = measured.dataset.items, measured.task
    found = []
    for row, place in enumerate(worst.tolist()):
        best = scores[row].topk(min(HITS, scores.shape[1] - task.itself))
        answers = [
            Answer(
                items[int(task.gallery[g])].path,
                items[int(task.gallery[g])].labels[0],
                float(score),
                bool(relevant[row, g]),
            )
            for score, g in zip(best.values.tolist(), best.indices.tolist(), strict=True)
        ]
        query = items[int(task.queries[place])]
        found.append(Failure(query.path, query.labels[0], tuple(answers)))
    return found
