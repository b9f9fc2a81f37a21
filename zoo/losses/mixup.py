"""Mixtures of items of a class: SiMix's virtual items (RS@k), and SupRank's virtual positives."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.errors import UsageError
from zoo.losses.embedding_loss import finest
from zoo.ranking.positives import Items, Scores


def simix(
    embeddings: Float[Tensor, "item dim"],
    labels: Int[Tensor, "item ..."],
    generator: torch.Generator | None = None,
) -> tuple[Float[Tensor, "mixed dim"], Int[Tensor, "mixed ..."]]:
    """Append `a v_i + (1 - a) v_j`, a ~ U(0, 1), for every unordered pair of a class.

    Patel et al., Recall@k Surrogate Loss, CVPR 2022, sec. 3.3 ("similarity mixup"). Virtual items
    are not normalised again, so that their similarity to anything is the same mixture of their
    parents' similarities: mixing vectors is mixing rows and columns of the score matrix. m items
    of a class become m + m (m - 1) / 2. With levels, the finest one says who is paired.

    >>> mixed, labels = simix(torch.eye(3), torch.tensor([0, 0, 1]))
    >>> labels.tolist(), float(mixed[3].sum())
    ([0, 0, 1, 0], 1.0)
    """
    if len(labels) != len(embeddings):
        raise UsageError(
            f"labels of length {len(labels)}", f"there are {len(embeddings)} embeddings"
        )
    classes = finest(labels)
    order = classes.argsort(stable=True)
    first, second = (order[place] for place in _pairs(classes[order]))
    drawn_on = generator.device if generator else "cpu"  # the same mixtures on every device
    share = torch.rand(
        len(first), 1, generator=generator, dtype=embeddings.dtype, device=drawn_on
    ).to(embeddings.device)
    virtual = share * embeddings[first] + (1 - share) * embeddings[second]
    return torch.cat([embeddings, virtual]), torch.cat([labels, labels[first]])


def with_mixed_positives(
    scores: Scores, items: Items
) -> tuple[Float[Tensor, "query mixed"], Items]:
    """Append `a s_i + (1 - a) s_j`, a ~ U(0, 1), for every two positives of each query.

    Ramzi et al., SupRank, TPAMI 2025 (`pos_mixup`). Unlike SiMix (`simix`) the mixtures
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


def _pairs(ordered: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pairs i < j of equal neighbours in a sorted list."""
    after = torch.searchsorted(ordered, ordered, right=True)
    place = torch.arange(len(ordered), device=ordered.device)
    partners = after - place - 1
    first = place.repeat_interleave(partners)
    start = (partners.cumsum(0) - partners).repeat_interleave(partners)
    offset = torch.arange(len(first), device=ordered.device) - start
    return first, first + 1 + offset
