"""SiMix: virtual items between every two items of a class (RS@k)."""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from zoo.errors import UsageError
from zoo.losses.rank_loss import finest


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


class SiMix(nn.Module):
    """Any embedding loss on a batch enlarged by its virtual items; a gallery stays as it is.

    The generator starts from `seed` on every process, so that processes that gather the same
    batch draw the same mixtures.
    """

    decomposes = False

    def __init__(self, loss: nn.Module, seed: int = 0) -> None:
        super().__init__()
        self.loss = loss
        self.seed = seed
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    step: Tensor

    def forward(
        self,
        embeddings: Tensor,
        labels: Tensor,
        gallery_embeddings: Tensor | None = None,
        gallery_labels: Tensor | None = None,
    ) -> Tensor:
        """Return the loss of real and virtual items together."""
        generator = torch.Generator().manual_seed(self.seed + int(self.step))
        self.step += 1
        mixed, mixed_labels = simix(embeddings, labels, generator)
        loss: Tensor = self.loss(mixed, mixed_labels, gallery_embeddings, gallery_labels)
        return loss
