"""Where the relevant items land: all that a metric of binary relevance needs to know."""

import torch
from jaxtyping import Bool, Float, Float64
from torch import Tensor

from zoo.device import with_doubles
from zoo.ranking.numbers import check_numbers
from zoo.ranking.positives import Scores


def positive_ranks(
    scores: Scores, relevant: Bool[Tensor, "query gallery"]
) -> Float64[Tensor, "query positive"]:
    """Return the ranks (1 = best) of each query's relevant items, ascending, padded with infinity.

    A tie is broken against the model: an irrelevant item of the same score goes first, so that
    the result depends neither on the order of the gallery nor on luck, and equal embeddings
    everywhere score nothing. An item with score -inf and no relevance is out of the ranking.

    Only the irrelevant items above the worst relevant one are looked at one by one: on a million
    items this costs a third of what the similarities cost, where a sort costs eight times as much.

    Raises:
        DataError: a score is NaN.

    >>> positive_ranks(torch.tensor([[0.9, 0.8, 0.7]]), torch.tensor([[True, False, True]]))
    tensor([[1., 3.]], dtype=torch.float64)
    """
    check_numbers(scores=scores)
    scores, relevant = with_doubles(scores, relevant)
    found = relevant.sum(dim=1)
    widest = int(found.max()) if len(found) else 0
    ranks = torch.full((len(scores), widest), torch.inf, dtype=torch.float64, device=scores.device)
    worst = scores.masked_fill(~relevant, torch.inf).amin(dim=1, keepdim=True)
    rivals = (scores >= worst) & ~relevant
    rival_scores = torch.split(scores[rivals], rivals.sum(dim=1).tolist())
    positive_scores = torch.split(scores[relevant], found.tolist())
    for query, (positives, above) in enumerate(zip(positive_scores, rival_scores, strict=True)):
        ranks[query, : len(positives)] = _ranks(positives, above)
    return ranks


def _ranks(
    positives: Float[Tensor, " positive"], rivals: Float[Tensor, " rival"]
) -> Float64[Tensor, " positive"]:
    ordered = positives.sort().values
    beaten = torch.bucketize(rivals, ordered, right=True)  # positives at or below each rival
    ahead = beaten.bincount(minlength=len(ordered) + 1).flip(0).cumsum(0)[:-1]  # best first
    return ahead.double() + torch.arange(1, len(ordered) + 1, device=ahead.device)
