"""How far the average precision that a batch shows is from that of the whole set."""

from itertools import islice
from math import ceil

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from zoo.data.samplers import ClassIndex, PerClassSampler
from zoo.metrics.per_query import average_precision
from zoo.metrics.ranks import positive_ranks
from zoo.search.scan import score_blocks

ROUNDS = 3  # times every item is drawn, on average


def decomposability_gap(
    vectors: Float[Tensor, "item dim"],
    labels: Int64[Tensor, " item"],
    batch_size: int,
    per_class: int,
    seed: int = 0,
) -> Float64[Tensor, " item"]:
    """Return, for each item as a query, its AP within batches minus its AP in the whole set.

    Batches are drawn as in training; an item's AP is averaged over the batches it is in, and is
    NaN when it is in none. The mean is DG_AP of Ramzi et al., ROADMAP, NeurIPS 2021, eq. 5.
    """
    classes = max(2, min(batch_size // per_class, len(ClassIndex(labels))))
    sampler = PerClassSampler(labels, classes, per_class, seed)
    total, times = torch.zeros(2, len(labels), dtype=torch.float64)
    draws = ROUNDS * ceil(len(labels) / (classes * per_class))
    batches = (batch for epoch in range(draws) for batch in sampler.batches(epoch))
    for batch in islice(batches, draws):
        items = torch.unique(batch)  # a class with fewer items than asked for repeats them
        found = _own_average_precision(vectors[items], labels[items])
        present = ~found.isnan()
        total[items[present]] += found[present]
        times[items[present]] += 1
    whole = _own_average_precision(vectors, labels)
    gap: Tensor = total / times.masked_fill(times == 0, torch.nan) - whole
    return gap


def _own_average_precision(
    vectors: Float[Tensor, "item dim"], labels: Int64[Tensor, " item"]
) -> Float64[Tensor, " item"]:
    """Return the AP of every item searching the others."""
    parts = []
    places = torch.arange(len(labels))
    for rows, scores in score_blocks(vectors, vectors):
        itself = places[rows, None] == places
        relevant = (labels[rows, None] == labels) & ~itself
        parts.append(
            average_precision(positive_ranks(scores.masked_fill(itself, -torch.inf), relevant))
        )
    return torch.cat(parts)
