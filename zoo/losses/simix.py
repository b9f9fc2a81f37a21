"""SiMix: virtual items between every two items of a class (RS@k)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor

from zoo.errors import UsageError
from zoo.losses.embedding_loss import finest


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


def _pairs(ordered: Tensor) -> tuple[Tensor, Tensor]:
    """Return the pairs i < j of equal neighbours in a sorted list."""
    after = torch.searchsorted(ordered, ordered, right=True)
    place = torch.arange(len(ordered), device=ordered.device)
    partners = after - place - 1
    first = place.repeat_interleave(partners)
    start = (partners.cumsum(0) - partners).repeat_interleave(partners)
    offset = torch.arange(len(first), device=ordered.device) - start
    return first, first + 1 + offset
