"""SupRank's mixup of positives: virtual positives as mixtures of a query's own scores."""

import torch
from jaxtyping import Float
from torch import Tensor

from zoo.ranking.positives import Items


def with_mixed_positives(
    scores: Float[Tensor, "query gallery"], items: Items
) -> tuple[Float[Tensor, "query mixed"], Items]:
    """Append `a s_i + (1 - a) s_j`, a ~ U(0, 1), for every two positives of each query.

    Ramzi et al., SupRank, TPAMI 2025 (`pos_mixup`). Unlike SiMix (`zoo.losses.simix`) the mixtures
    are positives only, never queries, and each query draws its own shares (global generator). A
    query with fewer positives than others has fewer mixtures; columns of none are scored `-inf`.

    >>> items = Items(torch.tensor([[0, 2]]), torch.tensor([[True, True]]))
    >>> mixed, more = with_mixed_positives(torch.tensor([[0.5, 0.9, 0.5]]), items)
    >>> mixed, more.columns
    (tensor([[0.5000, 0.9000, 0.5000, 0.5000]]), tensor([[0, 2, 3]]))
    """
    count = items.columns.shape[1]
    first, second = torch.triu_indices(count, count, 1, device=scores.device)
    both = items.listed[:, first] & items.listed[:, second]
    own = scores.gather(1, items.columns)
    share = torch.rand(both.shape, dtype=scores.dtype, device=scores.device)
    mixed = share * own[:, first] + (1 - share) * own[:, second]
    places = scores.shape[1] + torch.arange(len(first), device=scores.device)
    columns = torch.cat([items.columns, places.expand(len(scores), -1)], dim=1)
    listed = torch.cat([items.listed, both], dim=1)
    # Padding repeats a row's first column, so that hiding a row's columns hides nothing else.
    columns = columns.where(listed, items.columns[:, :1])
    return torch.cat([scores, mixed.masked_fill(~both, -torch.inf)], dim=1), Items(columns, listed)
